"""The images of ILSVRC2012 and of ImageNetV2 on disk, and the class of each.

Four layouts are recognised:

    val/<wnid>/*                        torchvision's ImageNet, or any folder of such class folders
    <0 to 999>/*                        ImageNetV2: the number of the class, which as text sorts 0, 1, 10, 100, ...
    val/ILSVRC2012_val_<n>.JPEG         a flat folder, with the development kit's labels in ILSVRC2012_devkit_t12/data/
    train/<wnid>/*                      training images, beside any of these

Class folders may also be in root itself, without val/. Any other folder among them is an error and is never ignored.

Classes are in the order of their wnids, as in torchvision and its weights. The kit numbers them differently, as stated
in its ``meta.mat``.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy import io

from analysis.datasets import files, imagefolder
from analysis.datasets.decoding import printable
from analysis.errors import InputError, first_of

WNID = re.compile(r"n\d{8}")
NUMBERED = re.compile(r"\d{1,4}")
VALIDATION = re.compile(r"ILSVRC2012_val_(\d{8})\.jpe?g", re.IGNORECASE)
VALIDATION_IMAGES = 50_000  # in the validation set
DEVKIT = "ILSVRC2012_devkit_t12"
TRUTH = "ILSVRC2012_validation_ground_truth.txt"
ARCHIVES = ("ILSVRC2012_img_val.tar", "ILSVRC2012_img_train.tar", f"{DEVKIT}.tar.gz")
TRAIN_FOLDER = "train"
FOLDERS_BESIDE = (TRAIN_FOLDER, DEVKIT)  # folders that may be beside class folders in root
FOLDERS = {WNID: "folders named by wnid (n01440764, ...)", NUMBERED: "ImageNetV2's folders 0 to 999"}
LAYOUTS = (
    "val/ with a folder per class named by its wnid (n01440764, ...), ImageNetV2's folders 0 to 999, or a flat folder "
    f"of ILSVRC2012_val_*.JPEG with {DEVKIT}/data/ beside it"
)


@dataclass(frozen=True)
class ImagenetPictures:
    """Image files and their classes."""

    folder: Path
    names: list[str]  # relative to the folder
    labels: np.ndarray  # (N,) int64, the index of the class among all wnids
    others: Mapping[str, int]  # files that are not images, by kind
    kind: str  # the layout, for readers

    @property
    def ids(self) -> np.ndarray:
        """(N,) str: "wnid/file", whatever the layout."""
        wnids, _ = classes()
        names = (name.rpartition("/")[2] for name in self.names)
        return np.array([f"{wnids[k]}/{printable(name)}" for k, name in zip(self.labels, names, strict=True)])


@cache
def classes() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The 1,000 wnids, ascending, and torchvision's names of the classes, in the same order."""
    # The import takes seconds, which other datasets do not need.
    from timm.data.imagenet_info import ImageNetInfo  # noqa: PLC0415
    from torchvision.models import ResNet50_Weights  # noqa: PLC0415

    wnids = tuple(ImageNetInfo("imagenet-1k").label_names())
    return wnids, tuple(ResNet50_Weights.IMAGENET1K_V1.meta["categories"])


def find_validation(root: Path) -> ImagenetPictures:
    """The validation images in ``root``. Raises InputError if no layout is recognised, or it does not fit."""
    folder, names = recognise(root)
    return in_folders(folder, names) if names else in_one_folder(folder, find_devkit(root, folder))


def recognise(root: Path) -> tuple[Path, list[str]]:
    """The folder of the validation images and its class folders, none if it is flat; images are not read.

    Raises InputError if no layout is recognised, or a flat one has no labels.
    """
    if not root.is_dir():
        raise InputError(f"root is {root}, which is not a folder; allowed: {LAYOUTS}")
    for folder in (root / "val", root / "validation", root / "ILSVRC2012_img_val", root):
        names = class_folders(folder, (WNID, NUMBERED), FOLDERS_BESIDE if folder == root else ())
        if names:
            return folder, names
        if any(map(VALIDATION.fullmatch, imagefolder.visible(folder, folders=False))):
            find_devkit(root, folder)
            return folder, []
    raise InputError(f"no ImageNet validation pictures in {root}: {seen(root)}; allowed: {LAYOUTS}")


def find_training(root: Path) -> ImagenetPictures | None:
    """The training images in train/<wnid>/, if there are any. Raises InputError if it contains other folders."""
    folder = root / TRAIN_FOLDER
    names = class_folders(folder, (WNID,))
    if not names and (strays := imagefolder.visible(folder, folders=True)):
        raise stray(folder, strays, WNID)
    return in_folders(folder, names) if names else None


def class_folders(folder: Path, kinds: Sequence[re.Pattern[str]], beside: Sequence[str] = ()) -> list[str]:
    """Names of the class folders in a folder, all of one kind; empty if it has none. Folders ``beside`` are allowed.

    Raises InputError for any other folder: a misnamed class would be missing without anyone noticing.
    """
    names = [name for name in imagefolder.visible(folder, folders=True) if name not in beside]
    for kind in kinds:
        strays = [name for name in names if not kind.fullmatch(name)]
        if len(strays) == len(names):
            continue
        if strays:
            raise stray(folder, strays, kind, beside)
        return names
    return []


def stray(folder: Path, names: Sequence[str], kind: re.Pattern[str], beside: Sequence[str] = ()) -> InputError:
    """The error for other folders among class folders."""
    allowed = " and ".join([FOLDERS[kind], *(f"{name}/" for name in beside)])
    return InputError(
        f"{folder} holds {first_of([*map(printable, names)], 5)} among its class folders; allowed: {allowed}"
    )


def seen(root: Path) -> str:
    """A description of a folder that was not recognised."""
    archives = [name for name in ARCHIVES if (root / name).exists()]
    if archives:
        return f"{', '.join(archives)} must be unpacked first"
    names = [*imagefolder.visible(root, folders=True), *imagefolder.visible(root, folders=False)]
    return f"it holds {first_of([*map(printable, names)], 5)}" if names else "it is empty"


def in_folders(folder: Path, names: Sequence[str]) -> ImagenetPictures:
    """Images in class folders, assigned by the name of each folder, never by the order of folders."""
    listing = imagefolder.list_pictures(folder, names)
    kind = "class folders named by wnid" if WNID.fullmatch(names[0]) else "ImageNetV2's numbered class folders"
    places = np.array([place(folder, name) for name in listing.classes])
    return ImagenetPictures(folder, listing.names, places[listing.labels], listing.others, kind)


def place(folder: Path, name: str) -> int:
    """The class with the name of a folder, a wnid or a number. Raises InputError if it is none of the 1,000."""
    wnids, _ = classes()
    if NUMBERED.fullmatch(name):
        if str(int(name)) != name or int(name) >= len(wnids):
            raise InputError(f"{folder} has a class folder {name}; allowed: 0 to {len(wnids) - 1}, as in ImageNetV2")
        return int(name)
    if name not in wnids:
        raise InputError(f"{folder} has a class folder {name}, which is none of ILSVRC2012's {len(wnids):,} classes")
    return wnids.index(name)


def in_one_folder(folder: Path, devkit: Path) -> ImagenetPictures:
    """Images in one folder, each labelled by the number in its name."""
    found = imagefolder.visible(folder, folders=False)
    matches = [match for match in map(VALIDATION.fullmatch, found) if match]
    others = Counter(imagefolder.kind_of(name) for name in found if not VALIDATION.fullmatch(name))
    numbers = np.array([int(match[1]) for match in matches])
    if numbers.min() < 1 or numbers.max() > VALIDATION_IMAGES:
        raise InputError(
            f"{folder} has pictures numbered {numbers.min()} to {numbers.max()}; allowed: 1 to {VALIDATION_IMAGES}"
        )
    labels = validation_labels(devkit)[numbers - 1]
    return ImagenetPictures(folder, [m[0] for m in matches], labels, others, "a flat folder, labelled by the devkit")


def find_devkit(*folders: Path) -> Path:
    """The data of the development kit. Raises InputError if none of the folders contains it."""
    places = [place for folder in folders for place in (folder / DEVKIT / "data", folder / "data", folder)]
    for place in places:
        if (place / TRUTH).is_file():
            return place
    packed = next((folder / ARCHIVES[2] for folder in folders if (folder / ARCHIVES[2]).is_file()), None)
    advice = f"unpack {packed}" if packed else f"put {DEVKIT}/data/{TRUTH} and meta.mat of the development kit there"
    raise InputError(f"{folders[-1]} is a flat folder of pictures and {folders[0]} has no labels for them: {advice}")


def validation_labels(devkit: Path) -> np.ndarray:
    """The classes (50000,) of the validation images, in wnid order. Raises InputError if a file is damaged."""
    wnids, _ = classes()
    advice = "replace it with the development kit's"
    path = devkit / TRUTH
    with files.opening(path, advice):
        words = path.read_text(encoding="utf-8", errors="replace").split()
    if len(words) != VALIDATION_IMAGES or not all(word.isdecimal() and 1 <= int(word) <= len(wnids) for word in words):
        raise InputError(
            f"{path} has {len(words):,} entries; needed: {VALIDATION_IMAGES:,} numbers from 1 to {len(wnids)}"
        )
    if len(set(words)) < len(wnids):
        raise InputError(f"{path} names {len(set(words))} classes, not {len(wnids):,}; {advice}")
    order = kit_order(devkit / "meta.mat", wnids)
    places: np.ndarray = order[np.array(words, int) - 1]
    return places


def kit_order(path: Path, wnids: Sequence[str]) -> np.ndarray:
    """(1000,): the index by wnid of each class as the kit numbers them. Raises InputError if a file is damaged."""
    with files.opening(path, "it belongs to the development kit, beside the labels"):
        try:  # reads numbers and text; such a file cannot execute code
            synsets = io.loadmat(path, squeeze_me=True)["synsets"]
            numbered = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in np.atleast_1d(synsets)}
        except OSError:
            raise
        except Exception as error:  # SciPy may raise nearly any error for a damaged file
            raise InputError(f"{path} is damaged; replace it with the development kit's") from error
    leaves = [numbered.get(number) for number in range(1, len(wnids) + 1)]
    if sorted(map(str, leaves)) != list(wnids):
        raise InputError(f"{path} does not number ILSVRC2012's {len(wnids):,} classes from 1 to {len(wnids)}")
    return np.array([wnids.index(wnid) for wnid in leaves])
