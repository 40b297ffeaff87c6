"""Any folder of class folders: images without human labels, for which AVH serves as a proxy.

``root`` contains either one folder per class (then there are no training images: ``train`` is None), or test/ or else
val/, and possibly train/, with one folder per class in each. The id of an image is "class/file".
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.datasets import files, subsets
from analysis.datasets.base import Dataset, Declaration, Split
from analysis.datasets.decoding import Decoded, Files, Geometry, decode_all, is_picture, listed, printable
from analysis.datasets.parameters import OF_PICTURES, DataParameters
from analysis.errors import InputError, first_of

PICTURE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".ppm", ".pgm", ".pbm", ".pnm", ".tif", ".tiff",
)  # fmt: skip


@dataclass(frozen=True)
class Listing:
    """The image files in a folder of class folders."""

    folder: Path
    classes: tuple[str, ...]  # in order
    names: list[str]  # "class/file", sorted within each class
    labels: np.ndarray  # (N,) int64
    others: Mapping[str, int]  # files that are not images, by kind


def load(parameters: DataParameters) -> Dataset:
    """The images in ``parameters.root``, resized to ``image_size`` and kept decoded in the data folder.

    They are first rotated according to their EXIF data, also when weights are given.

    Raises InputError if the folders do not fit, images are corrupt (unless ``corrupt`` is "skip"), or there are fewer
    images than requested.
    """
    folders = find_splits(Path(parameters.root))
    listings = {part: list_pictures(folder) for part, folder in folders.items()}
    check_classes(listings)
    wanted = {"train": parameters.train_images, "test": parameters.test_images}
    if wanted["train"] and "train" not in listings:
        raise InputError(f"train_images is {wanted['train']}, but {parameters.root} has no train/")

    splits, hashed, notes, left_out = {}, [], [], []
    root = Path(parameters.root)
    if folders["test"] == root / "test" and visible(root / "val", folders=True):
        left_out.append("val/ is left out because there is test/.")
    geometry = Geometry(parameters.image_size)
    for part, listing in listings.items():
        check_subset(listing, wanted[part], part)
        chosen = subsets.balanced(listing.labels, wanted[part], parameters.seed, part)
        result = decode_all(
            listing.folder,
            [listing.names[index] for index in chosen],
            geometry,
            parameters.data_path / "imagefolder",
            skip_corrupt=parameters.corrupt == "skip",
        )
        labels = listing.labels[chosen]
        check_left(listing, labels, result)
        names = [listing.names[index] for index in chosen[result.kept]]
        ids = np.array([printable(name) for name in names])
        splits[part] = Split(result.images, labels[result.kept], ids, Files(listing.folder, names, geometry))
        hashed += [result.digests, splits[part].labels]
        notes += describe(part, result)
        left_out += describe_left_out(part, listing.others, result)
        notes += subsets.describe_subset(listing.labels, wanted[part], parameters.seed, part)

    classes = tuple(printable(name) for name in listings["test"].classes)
    return Dataset(
        name="imagefolder",
        train=splits.get("train"),
        test=splits["test"],
        classes=classes,
        superclasses={"all": tuple(range(len(classes)))},
        human=None,
        hash=files.hash_arrays(*hashed),
        notes=("There are no human labels for these images, so AVH is not compared with people.", *left_out, *notes),
        left_out=tuple(left_out),
        to_train="give root a train/ and a test/ folder, each with one folder per class",
    )


def describe(part: str, result: Decoded) -> list[str]:
    """Notes on what was found."""
    count, size = len(result.kept), result.images.shape[-1]
    return [f"{part.capitalize()}: the central squares of {count:,} pictures, resized to {size}x{size} pixels."]


def describe_left_out(part: str, others: Mapping[str, int], result: Decoded) -> list[str]:
    """Notes on files that were left out, by kind, and on corrupt images; empty if there are none."""
    notes = []
    if others:
        notes.append(f"files left out because they are not images of a class: {counted(others)}.")
    if result.corrupt:
        notes.append(f"{len(result.corrupt):,} left out as corrupt: {listed(result.corrupt, 20)}.")
    return [f"{part.capitalize()}: {note}" for note in notes]


def counted(kinds: Mapping[str, int]) -> str:
    """Kinds with their numbers, the most frequent first."""
    return ", ".join(f"{kind} ({n:,})" for kind, n in sorted(kinds.items(), key=lambda item: (-item[1], item[0])))


def find_splits(root: Path) -> dict[str, Path]:
    """The folders of class folders by split, train first. Raises InputError if there are none."""
    if not root.is_dir():
        raise InputError(f"root is {root}, which is not a folder; allowed: a folder of class folders")
    # A class may be called "train", but only the folder of a split contains folders.
    split = {name: root / name for name in ("train", "test", "val") if visible(root / name, folders=True)}
    if not split:
        return {"test": root}
    if set(split) == {"train"}:
        raise InputError(f"{root} has train/, but neither test/ nor val/, each with a folder per class")
    beside = [name for name in visible(root, folders=True) if name not in split and any(with_pictures(root / name))]
    if beside:
        parts = " and ".join(f"{name}/" for name in split)
        raise InputError(
            f"{root} has folders of pictures ({', '.join(beside[:3])}) beside {parts}, "
            "which would be left out: move one of the two away"
        )
    test = split.get("test") or split["val"]
    return {"train": split["train"], "test": test} if "train" in split else {"test": test}


def visible(folder: Path, folders: bool) -> list[str]:
    """Sorted names of the visible folders in ``folder``, or of everything else; empty if it is no folder.

    Raises InputError for a link to nothing, which may be that of a class, unless it is called as a picture is.
    """
    if not folder.is_dir():
        return []
    with files.opening(folder, "allow this user to read it"), os.scandir(folder) as entries:
        shown = sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
        for e in shown:
            if e.is_symlink() and not os.path.exists(e.path) and not e.name.lower().endswith(PICTURE_SUFFIXES):
                raise InputError(f"{folder / printable(e.name)} is a link to nothing; mend it, or remove it")
        return [e.name for e in shown if e.is_dir() == folders]


def list_pictures(folder: Path, classes: Sequence[str] | None = None) -> Listing:
    """The images of every class; classes: names of their folders, None: all existing ones.

    Raises InputError if a class, or everything, is empty.
    """
    classes = by_number(visible(folder, folders=True)) if classes is None else classes
    if not classes:
        raise InputError(f"{folder} holds no class folders")
    names, labels, others = [], [], Counter(kind_of(name) for name in visible(folder, folders=False))
    for label, name in enumerate(classes):
        shown, left = picture_names(folder / name)
        if left["folders"]:
            check_deeper(folder / name)
        if not shown:
            found = f" ({counted(left)})" if left else ""
            raise InputError(
                f"class folder {folder / name} contains no images{found}; allowed: {', '.join(PICTURE_SUFFIXES)}"
            )
        names += [f"{name}/{file}" for file in shown]
        labels += [label] * len(shown)
        others += left
    return Listing(folder, tuple(classes), names, np.array(labels, np.int64), others)


def picture_names(folder: Path) -> tuple[list[str], Counter[str]]:
    """Sorted names of the images in ``folder``, and what else it contains, by kind.

    A file with an image suffix counts as an image, possibly corrupt; other files do if they begin like an image.
    """
    shown: list[str] = []
    left: Counter[str] = Counter()
    for name in visible(folder, folders=False):
        if name.lower().endswith(PICTURE_SUFFIXES) or is_picture(folder / name):
            shown.append(name)
        else:
            left[kind_of(name)] += 1
    if folders := len(visible(folder, folders=True)):
        left["folders"] = folders
    return shown, left


def kind_of(name: str) -> str:
    """The kind of a file that is left out: its suffix."""
    return Path(printable(name)).suffix.lower() or "without a suffix"


def check_deeper(folder: Path) -> None:
    """Raise InputError if a class folder contains folders with images, which would be missing."""
    for place, number in with_pictures(folder):
        if place != folder:
            deeper = f"{place.relative_to(folder)}/ ({number:,})"
            raise InputError(
                f"class folder {folder} holds a folder of pictures, {deeper}, which would be left out: move them up, "
                "or away"
            )


def with_pictures(folder: Path) -> Iterator[tuple[Path, int]]:
    """This folder and all below it that contain images, with their number; links are followed, and no folder twice."""
    waiting, met = [folder], set[Path]()
    while waiting:
        place = waiting.pop()
        if place.resolve() in met:
            continue
        met.add(place.resolve())
        if found := picture_names(place)[0]:
            yield place, len(found)
        waiting += [place / name for name in reversed(visible(place, folders=True))]


def check_subset(listing: Listing, wanted: int | None, part: str) -> None:
    """Raise InputError if a subset would leave a class without images."""
    if wanted is not None and wanted < len(listing.classes):
        raise InputError(
            f"{part}_images is {wanted}, but there are {len(listing.classes)} classes: each needs a picture, at least"
        )


def by_number(classes: Sequence[str]) -> list[str]:
    """Class folders in numerical order if all are numbered; otherwise by name."""
    return sorted(classes, key=int) if all(name.isascii() and name.isdigit() for name in classes) else list(classes)


def check_classes(listings: dict[str, Listing]) -> None:
    """Raise InputError unless all splits have the same two or more classes."""
    classes = {part: set(listing.classes) for part, listing in listings.items()}
    first, *others = classes.values()
    differing = sorted(first.union(*others) - first.intersection(*others))
    if differing:
        where = " and ".join(str(listing.folder) for listing in listings.values())
        raise InputError(f"{where} must have the same classes; in one only: {first_of(differing, 5)}")
    if len(classes["test"]) < 2:
        raise InputError(f"{listings['test'].folder} has 1 class folder; at least 2 are needed")


def check_left(listing: Listing, labels: np.ndarray, result: Decoded) -> None:
    """Raise InputError if every image of a class is corrupt."""
    for label in sorted(set(labels) - set(labels[result.kept])):
        raise InputError(f"every picture of class {listing.classes[label]} in {listing.folder} is corrupt")


DECLARED = Declaration(
    load,
    label="a folder of images",
    reads=OF_PICTURES,
    lacks=lambda parameters: "" if parameters.root else "root, a folder of class folders",
)
