"""What a dataset is, whatever its name: pictures, labels and, where they exist, people's answers.

N images, C classes, H x W pixels. Nothing downstream knows which dataset it is given.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd

from analysis.datasets.decoding import Files
from analysis.errors import InputError


class Images(Protocol):
    """Pictures that are fetched by index: an array in memory or on disk, or files decoded when asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        """Integer indices (B,) -> uint8 RGB pictures (B, 3, H, W)."""


@dataclass(frozen=True)
class Split:
    """The pictures of one split and what each shows."""

    images: Images  # (N, 3, H, W) uint8
    labels: np.ndarray  # (N,) int64
    ids: np.ndarray  # (N,) str, unique within the split
    files: Files | None = None  # where the pictures are from; None where they did not come from files

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: np.ndarray) -> "Split":
        """The pictures at ``indices``, in that order, as an array."""
        return Split(self.images[indices], self.labels[indices], self.ids[indices])


@dataclass(frozen=True)
class HumanLabels:
    """How often people selected each test image's own class. HSF = selected / shown."""

    selected: np.ndarray  # (N,) int64: how many chose the image's label
    shown: np.ndarray  # (N,) int64: how many were asked
    counts: np.ndarray | None  # (N, C) int64: the full answers, where they exist
    people: str  # who they are, in the reader's words, such as "simulated annotators"
    simulated: bool


class Declaration(NamedTuple):
    """What a dataset's module declares of it, as DECLARED: how it is had, and what it offers."""

    load: Callable[[Any], "Dataset"]  # from StudyParameters
    made_by: tuple[str, ...]  # modules of this package that decide its pictures, labels and answers
    offers: frozenset[str] = frozenset()  # beside pictures: "people", "real people", "causes"
    # Of datasets whose answers may not be recorded with a study's results, and are joined when those are read.
    answers: Callable[[Any, np.ndarray, np.ndarray], HumanLabels] | None = None
    # Of datasets that are the user's own copy or a download, and may not be here: whether pictures and answers are.
    present: Callable[[Any], tuple[bool, bool]] = lambda _: (True, True)


@dataclass(frozen=True)
class Dataset:
    """Everything the study needs to know about a dataset."""

    name: str
    train: Split | None
    test: Split
    classes: tuple[str, ...]
    superclasses: Mapping[str, tuple[int, ...]]  # name -> class indices; every class exactly once
    human: HumanLabels | None
    hash: str  # SHA-256 of pictures and labels, in hexadecimal
    causes: pd.DataFrame | None = None  # known causes of difficulty, a row per test image (synthetic only)
    notes: tuple[str, ...] = field(default=())  # what a reader must know, shown on the page
    left_out: tuple[str, ...] = field(default=())  # which of the notes are about files that were not read
    to_train: str = "choose a dataset that has"  # what a user can do where ``train`` is None

    def __post_init__(self) -> None:
        check(self)


def check(dataset: Dataset) -> None:
    """Stop with one sentence where labels, people's answers and pictures do not fit each other."""
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
    """People's answers: one row per test image, selected <= shown, counts that add up."""
    images, where = len(labels), f"dataset {name}, human labels"
    if not len(human.selected) == len(human.shown) == images:
        raise InputError(f"{where}: {len(human.selected)} rows for {images} test images; they must be equal")
    if (human.selected < 0).any() or (human.selected > human.shown).any() or (human.shown <= 0).any():
        raise InputError(f"{where}: selected must lie between 0 and shown, and shown above 0")
    if human.counts is not None:
        own = human.counts[np.arange(images), labels]
        if (own != human.selected).any() or (human.counts.sum(1) != human.shown).any():
            raise InputError(f"{where}: the full counts do not add up to selected and shown")
