"""The datasets, one file each, behind one interface: ``load(parameters) -> Dataset``."""

from analysis.datasets import cifar10h, imagefolder, synthetic
from analysis.datasets.base import Dataset, HumanLabels, Images, Split
from analysis.errors import one_of
from analysis.parameters import StudyParameters

__all__ = ["Dataset", "HumanLabels", "Images", "Split", "load"]

LOADERS = {
    "synthetic": synthetic.load,
    "cifar10h": cifar10h.load,
    "imagefolder": imagefolder.load,
}


def load(parameters: StudyParameters) -> Dataset:
    """The dataset that ``parameters`` name.

    Raises InputError where data is missing, damaged or does not fit.
    """
    if parameters.dataset not in LOADERS:
        raise one_of("dataset", parameters.dataset, LOADERS)
    return LOADERS[parameters.dataset](parameters)
