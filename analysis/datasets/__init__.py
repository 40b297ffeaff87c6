"""The datasets, one file each, behind one interface: ``load(parameters) -> Dataset``."""

import numpy as np

from analysis.datasets import cifar10h, imagefolder, imagenet, synthetic
from analysis.datasets.base import Dataset, HumanLabels, Images, Split
from analysis.errors import InputError, one_of
from analysis.parameters import StudyParameters

__all__ = ["Dataset", "HumanLabels", "Images", "Split", "answers", "load", "present"]

LOADERS = {
    "synthetic": synthetic.load,
    "cifar10h": cifar10h.load,
    "imagenet": imagenet.load,
    "imagefolder": imagefolder.load,
}
# Datasets whose answers may not be recorded with a study's results, and are joined when those are read.
ANSWERS = {"cifar10h": cifar10h.answers, "imagenet": imagenet.answers}

# Datasets that are the user's own copy or a download, and may not be here.
PRESENT = {"cifar10h": cifar10h.present, "imagenet": imagenet.present}


def load(parameters: StudyParameters) -> Dataset:
    """The dataset that ``parameters`` name.

    Raises InputError where data is missing, damaged or does not fit.
    """
    if parameters.dataset not in LOADERS:
        raise one_of("dataset", parameters.dataset, LOADERS)
    return LOADERS[parameters.dataset](parameters)


def answers(parameters: StudyParameters, ids: np.ndarray, labels: np.ndarray) -> HumanLabels:
    """People's answers alone for test images by their ids and labels, both (N,).

    Raises InputError where they are missing, damaged or do not fit, or cannot be had without the pictures.
    """
    if parameters.dataset not in ANSWERS:
        raise InputError(f"people's answers of dataset {parameters.dataset} come with its pictures only")
    return ANSWERS[parameters.dataset](parameters, ids, labels)


def present(parameters: StudyParameters) -> tuple[bool, bool]:
    """Whether a dataset's pictures, and whether its people's answers, can be had without a download.

    Of answers it says whether there are any: nobody need have been asked.
    """
    check = PRESENT.get(parameters.dataset)
    return check(parameters) if check else (True, True)
