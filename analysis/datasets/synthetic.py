"""The positive control: rendered shapes with known causes of difficulty, and simulated annotators.

Every image has two independent causes of difficulty: its *ambiguity*, the share of the way (below one half) that its
shape is morphed towards a confusable class, and its *degradation* in [0, 1], by which it is blurred, covered with noise
and reduced in contrast. ``shapes`` renders the images, ``annotators`` labels them; this file combines and stores both.

Everything follows from the seed. Each image, and its labels, has its own random generator, so image i is the same
however many are requested. N images, C classes.
"""

import hashlib
import json
import shutil
from functools import partial
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd
from tqdm import tqdm

from analysis.datasets import annotators, files, shapes
from analysis.datasets.base import Dataset, Declaration, HumanLabels, Split
from analysis.datasets.parameters import DataParameters
from analysis.errors import InputError

TRAIN_IMAGES, TEST_IMAGES = 2000, 1000  # if the parameters give no number

# Both causes are a power of a uniform number: most images are easy, some very hard.
MOST_AMBIGUITY = 0.49  # below one half, so that the label is always the nearer class
AMBIGUITY_POWER = 2.0
DEGRADATION_POWER = 3.0

TRAIN, TEST, TRAIN_ORDER, TEST_ORDER, DRAWN_PEOPLE, ANSWERS = range(6)  # streams of random numbers

NOTES = (
    "The people are simulated: a formula with individual sensitivity, thresholds and lapses draws their answers.",
    "They react to two known causes, ambiguity and degradation, and to nothing else in a picture; a network also "
    "meets colours, poses and clutter.",
    "This control can show whether a score follows difficulty where difficulty is known, and which cause it "
    "follows. It cannot show that a score follows real people's difficulty: that needs real answers.",
)

ARRAYS = (
    "train_images", "train_labels", "test_images", "test_labels", "test_confusable", "test_ambiguity",
    "test_degradation", "test_counts",
)  # fmt: skip
SUMS = "sha256.json"  # beside the arrays: the SHA-256 of the file of each

Arrays = dict[str, np.ndarray]


def load(parameters: DataParameters) -> Dataset:
    """The images, causes and labels; made at the first call, then mapped from ``<data>/synthetic``.

    If that folder is not writable, they are made in memory each time; if the disk is full, raises InputError.
    """
    train = parameters.train_images or TRAIN_IMAGES
    test = parameters.test_images or TEST_IMAGES
    folder = parameters.data_path / "synthetic" / f"seed{parameters.seed}-{train}-{test}-{_version()}"
    arrays = _read(folder)
    if arrays is None:
        arrays = generate(parameters.seed, train, test)
        if _read(folder) is None:  # otherwise another process was first
            shutil.rmtree(folder, ignore_errors=True)  # what is damaged
        try:
            files.build_once(folder, partial(_write, arrays))
        except InputError as error:
            if getattr(error.__cause__, "errno", None) in files.DISK_FULL:
                raise
        arrays = _read(folder) or arrays
    return _dataset(arrays)


def generate(seed: int, train: int, test: int) -> Arrays:
    """Render ``train`` and ``test`` images and simulate labels for the latter."""
    with tqdm(total=train + test, desc="synthetic", unit=" pictures", disable=None) as bar:
        training = _pictures(seed, TRAIN, TRAIN_ORDER, train, bar)
        testing = _pictures(seed, TEST, TEST_ORDER, test, bar)
    people = annotators.People.draw(_rng(seed, DRAWN_PEOPLE))
    causes = (testing[name] for name in ("labels", "confusable", "ambiguity", "degradation"))
    counts = [
        annotators.draw_answers(_rng(seed, ANSWERS, i), annotators.probabilities(people, len(shapes.CLASSES), *cause))
        for i, cause in enumerate(zip(*causes, strict=True))
    ]
    return {
        "train_images": training["images"],
        "train_labels": training["labels"],
        **{f"test_{name}": values for name, values in testing.items()},
        "test_counts": np.stack(counts),
    }


def _pictures(seed: int, stream: int, order: int, number: int, bar: "tqdm[NoReturn]") -> Arrays:
    """``number`` images of one split, their labels and their causes."""
    classes = len(shapes.CLASSES)
    images = np.empty((number, 3, shapes.SIZE, shapes.SIZE), dtype=np.uint8)
    labels = np.empty(number, dtype=np.int64)
    confusable = np.empty(number, dtype=np.int64)
    ambiguity, degradation = np.empty(number), np.empty(number)
    for i in range(number):
        rng = _rng(seed, stream, i)
        # Each run of C images has every class once, in its own order: balanced for any number.
        labels[i] = _rng(seed, order, i // classes).permutation(classes)[i % classes]
        ambiguity[i] = MOST_AMBIGUITY * rng.random() ** AMBIGUITY_POWER
        degradation[i] = rng.random() ** DEGRADATION_POWER
        confusable[i] = rng.choice(shapes.neighbours(labels[i]))
        images[i] = shapes.render(rng, labels[i], confusable[i], ambiguity[i], degradation[i])
        bar.update()
    return {
        "images": images,
        "labels": labels,
        "confusable": confusable,
        "ambiguity": ambiguity,
        "degradation": degradation,
    }


def _rng(seed: int, stream: int, index: int = 0) -> np.random.Generator:
    """A separate generator for each use. Always three words: numpy takes [1] and [1, 0] as the same."""
    return np.random.default_rng([seed, stream, index])


def _dataset(arrays: Arrays) -> Dataset:
    """The arrays in the form of the interface. Images stay mapped; the rest is small and copied."""
    labels, counts = np.array(arrays["test_labels"]), np.array(arrays["test_counts"])
    train_labels = np.array(arrays["train_labels"])
    causes = ("ambiguity", "degradation", "confusable")
    return Dataset(
        name="synthetic",
        train=Split(np.asarray(arrays["train_images"]), train_labels, _ids("train", len(train_labels))),
        test=Split(np.asarray(arrays["test_images"]), labels, _ids("test", len(labels))),
        classes=shapes.CLASSES,
        superclasses=shapes.SUPERCLASSES,
        human=HumanLabels.from_counts(counts, labels, "simulated annotators", simulated=True),
        hash=files.hash_arrays(*(arrays[name] for name in ARRAYS)),
        causes=pd.DataFrame({name: np.array(arrays[f"test_{name}"]) for name in causes}),
        notes=NOTES,
    )


def _ids(part: str, number: int) -> np.ndarray:
    return np.array([f"{part}-{i:05d}" for i in range(number)])


def _version() -> str:
    """The hash of the code that makes the images, so that a changed constant never uses old ones."""
    sources = (__file__, shapes.__file__, annotators.__file__)
    return hashlib.sha256(b"".join(Path(source).read_bytes() for source in sources)).hexdigest()[:12]


def _read(folder: Path) -> Arrays | None:
    """The arrays stored in ``folder``, mapped read-only; None if any is missing or damaged."""
    try:
        sums = json.loads((folder / SUMS).read_text("utf-8"))
        if any(_sum(folder / f"{name}.npy") != sums[name] for name in ARRAYS):
            return None
        return {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ARRAYS}
    except (OSError, ValueError, KeyError, TypeError):  # no file; no JSON; JSON of something else
        return None


def _write(arrays: Arrays, folder: Path) -> None:
    """Store the arrays in a new folder, with their sums."""
    folder.mkdir()
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values, allow_pickle=False)
    sums = {name: _sum(folder / f"{name}.npy") for name in arrays}
    (folder / SUMS).write_text(json.dumps(sums, indent=1), "utf-8")


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


DECLARED = Declaration(load, offers=frozenset({"people", "causes"}))
