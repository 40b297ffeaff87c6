"""The datasets, one file each, behind one interface: ``load(parameters) -> Dataset``.

A dataset is a module of this package with a ``DECLARED``.
"""

from importlib import import_module

import numpy as np

from analysis.datasets import files
from analysis.datasets.base import Dataset, Declaration, HumanLabels, Images, Split
from analysis.errors import InputError
from analysis.parameters import DATASETS, StudyParameters

MADE_FOLDERS = ("cifar-10h", "decoded", "imagefolder", "synthetic")  # folders that datasets create in the data folder
DECLARATIONS: dict[str, Declaration] = {name: import_module(f"analysis.datasets.{name}").DECLARED for name in DATASETS}


def load(parameters: StudyParameters) -> Dataset:
    """The dataset named by ``parameters``.

    Raises InputError if data is missing, damaged or does not fit.
    """
    for folder in (parameters.data_path, *map(parameters.data_path.joinpath, MADE_FOLDERS)):
        files.remove_abandoned(folder)
    return DECLARATIONS[parameters.dataset].load(parameters)


def answers(parameters: StudyParameters, ids: np.ndarray, labels: np.ndarray) -> HumanLabels:
    """Only the human labels for test images, by their ids and labels, both (N,).

    Raises InputError if they are missing, damaged or do not fit, or are not available without the images.
    """
    declared = DECLARATIONS[parameters.dataset]
    if declared.answers is None:
        raise InputError(f"the human labels of dataset {parameters.dataset} are only available with its images")
    return declared.answers(parameters, ids, labels)


def present(parameters: StudyParameters) -> tuple[bool, bool]:
    """Whether the images of a dataset, and whether its human labels, are available without a download.

    For labels it reports whether there are any: a dataset need not have them.
    """
    return DECLARATIONS[parameters.dataset].present(parameters)
