"""A dataset is one file that declares it. CONTRIBUTING.md's test adds one."""

from typing import get_args

from analysis.datasets import DECLARATIONS
from analysis.parameters import StudyParameters


def test_every_declared_dataset_is_allowed():
    allowed = get_args(StudyParameters.model_fields["dataset"].annotation)
    assert tuple(DECLARATIONS) == allowed == ("cifar10h", "imagefolder", "imagenet", "synthetic")
