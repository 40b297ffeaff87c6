"""The datasets, one file each, behind one interface: ``load(parameters) -> Dataset``.

A dataset is a module of this package with a ``DECLARED``.
"""

from importlib import import_module
from pathlib import Path

import numpy as np

from analysis.datasets import files
from analysis.datasets.base import Dataset, Declaration, HumanLabels, Images, Split
from analysis.datasets.parameters import DataParameters
from analysis.errors import InputError

MODULES = sorted(Path(__file__).parent.glob("*.py"))
DATASETS = [path.stem for path in MODULES if "\nDECLARED = " in path.read_text("utf-8")]
DECLARATIONS: dict[str, Declaration] = {name: import_module(f"analysis.datasets.{name}").DECLARED for name in DATASETS}


def load(parameters: DataParameters) -> Dataset:
    """The dataset named by ``parameters``.

    Raises InputError if data is missing, damaged or does not fit.
    """
    for folder in (parameters.data_path, *parameters.data_path.glob("*/")):
        files.remove_abandoned(folder)
    return DECLARATIONS[parameters.dataset].load(parameters)


def answers(parameters: DataParameters, ids: np.ndarray, labels: np.ndarray) -> HumanLabels:
    """Only the human labels for test images, by their ids and labels, both (N,).

    Raises InputError if they are missing, damaged or do not fit, or are not available without the images.
    """
    declared = DECLARATIONS[parameters.dataset]
    if declared.answers is None:
        raise InputError(f"the human labels of dataset {parameters.dataset} are only available with its images")
    return declared.answers(parameters, ids, labels)


def present(parameters: DataParameters) -> tuple[bool, bool]:
    """Whether the images of a dataset, and whether its human labels, are available without a download.

    For labels it reports whether there are any: a dataset need not have them.
    """
    return DECLARATIONS[parameters.dataset].present(parameters)
