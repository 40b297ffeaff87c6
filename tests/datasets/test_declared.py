"""A dataset is one file: what parameters allow are the modules that declare one. CONTRIBUTING.md's test adds one."""

from analysis.datasets import DECLARATIONS
from analysis.parameters import DATASETS


def test_every_declaration_is_a_module_that_parameters_know():
    assert tuple(DECLARATIONS) == DATASETS == ("cifar10h", "imagefolder", "imagenet", "synthetic")
