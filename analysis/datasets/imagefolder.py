"""A folder of class folders as a dataset without human labels."""

from analysis.datasets.base import Dataset
from analysis.parameters import StudyParameters


def load(parameters: StudyParameters) -> Dataset:
    raise NotImplementedError
