"""The interface of all datasets: images, labels and, if they exist, human labels.

N images, C classes, H x W pixels. No other module knows which dataset it is given.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import pandas as pd

from analysis.datasets.decoding import Files
from analysis.errors import InputError


class Images(Protocol):
    """Images fetched by index: an array in memory or on disk, or files decoded on demand."""

    def __len__(self) -> int: ...

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        """Integer indices (B,) -> uint8 RGB images (B, 3, H, W)."""


@dataclass(frozen=True)
class Split:
    """The images of one split, with labels and ids."""

    images: Images  # (N, 3, H, W) uint8
    labels: np.ndarray  # (N,) int64
    ids: np.ndarray  # (N,) str, unique within the split
    files: Files | None = None  # where the images are from; None if they are not from files

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: np.ndarray) -> "Split":
        """The images at ``indices``, in that order, as an array."""
        return Split(self.images[indices], self.labels[indices], self.ids[indices])


@dataclass(frozen=True)
class HumanLabels:
    """How often annotators selected the true class of each test image. HSF = selected / shown."""

    selected: np.ndarray  # (N,) int64: number who chose the label
    shown: np.ndarray  # (N,) int64: number who were asked
    counts: np.ndarray | None  # (N, C) int64: the full label counts, if they exist
    people: str  # who they are, for readers, such as "simulated annotators"
    simulated: bool

    @classmethod
    def from_counts(cls, counts: np.ndarray, labels: np.ndarray, people: str, *, simulated: bool) -> Self:
        """Human labels from full label counts (N, C), of images with these labels (N,)."""
        return cls(counts[np.arange(len(labels)), labels], counts.sum(1), counts, people, simulated)


class Declaration(NamedTuple):
    """The declaration of a dataset in its module, as DECLARED: how to load it, and what it offers."""

    load: Callable[[Any], "Dataset"]  # from DataParameters
    offers: frozenset[str] = frozenset()  # beside images: "people", "real people", "causes"
    # For datasets whose human labels may not be recorded with results, and are joined when these are read.
    answers: Callable[[Any, np.ndarray, np.ndarray], HumanLabels] | None = None
    # For datasets that the user provides or that are downloaded: whether images and human labels are available.
    present: Callable[[Any], tuple[bool, bool]] = lambda _: (True, True)
    reads: frozenset[str] = frozenset()  # of the parameters that only some datasets read
    lacks: Callable[[Any], str] = lambda _: ""  # what is missing among the parameters, for an error sentence
    to_see: str = "put your copy there"  # what a user can do to have the images
    label: str = ""  # what readers call its images; empty: the dataset's name
    not_passed_on: str = ""  # the name of images that may not be redistributed
    # How it differs from the paper's data, in sentences for readers, from the description that is recorded with it.
    differs: Callable[[Mapping[str, Any]], tuple[str, ...]] = lambda _: ()


@dataclass(frozen=True)
class Dataset:
    """All information about a dataset."""

    name: str
    train: Split | None
    test: Split
    classes: tuple[str, ...]
    superclasses: Mapping[str, tuple[int, ...]]  # name -> class indices; every class exactly once
    human: HumanLabels | None
    hash: str  # SHA-256 of images and labels, in hexadecimal
    causes: pd.DataFrame | None = None  # known causes of difficulty, a row per test image (synthetic only)
    notes: tuple[str, ...] = field(default=())  # information for readers, shown on the pages
    left_out: tuple[str, ...] = field(default=())  # which of the notes are about files that were not read
    to_train: str = "choose a dataset that has"  # what a user can do if ``train`` is None

    def __post_init__(self) -> None:
        check(self)


def check(dataset: Dataset) -> None:
    """Raise InputError if labels, human labels and images do not fit each other."""
    name, classes = dataset.name, len(dataset.classes)
    if classes < 2:
        raise InputError(f"dataset {name}: {classes} class found; at least 2 are needed")
    for part, split in (("train", dataset.train), ("test", dataset.test)):
        if split is None:
            continue
        if not len(split.images) == len(split.labels) == len(split.ids) > 0:
            raise InputError(
                f"dataset {name}, {part}: {len(split.images)} images, {len(split.labels)} labels and "
                f"{len(split.ids)} ids; the three must be equal and above 0"
            )
        if split.labels.min() < 0 or split.labels.max() >= classes:
            raise InputError(
                f"dataset {name}, {part}: labels run from {split.labels.min()} to {split.labels.max()}; "
                f"allowed: 0 to {classes - 1}"
            )
    if sorted(i for members in dataset.superclasses.values() for i in members) != list(range(classes)):
        raise InputError(f"dataset {name}: the superclasses must hold each of the {classes} classes exactly once")
    if dataset.human is not None:
        check_human(name, dataset.human, dataset.test.labels)


def check_human(name: str, human: HumanLabels, labels: np.ndarray) -> None:
    """Check human labels: one row per test image, selected <= shown, consistent counts."""
    images, where = len(labels), f"dataset {name}, human labels"
    if not len(human.selected) == len(human.shown) == images:
        raise InputError(f"{where}: {len(human.selected)} rows for {images} test images; they must be equal")
    if (human.selected < 0).any() or (human.selected > human.shown).any() or (human.shown <= 0).any():
        raise InputError(f"{where}: selected must lie between 0 and shown, and shown above 0")
    if human.counts is not None:
        own = human.counts[np.arange(images), labels]
        if (own != human.selected).any() or (human.counts.sum(1) != human.shown).any():
            raise InputError(f"{where}: the full counts do not add up to selected and shown")
