"""ImageNet (ILSVRC2012) from the user's own copy, and human labels of its validation images.

The dataset of the paper: J. Deng et al., CVPR 2009; O. Russakovsky et al., IJCV 2015. The test split is the validation
set, or ImageNetV2 (Recht et al. 2019). If there are human labels, it contains only the images that have some.

Images are transformed as torchvision evaluates its networks. The test images are kept decoded on disk: 7.5 GB for all
50,000 at 224 px, read by every network. The training images would take 190 GB, so they are decoded on demand: as for
evaluation, or as random crops if training augments (see crops.py). A corrupt image stops training. If ``corrupt`` is
"skip", all chosen images are tried once before training, which takes as long as decoding for an epoch, and corrupt ones
are left out, as corrupt test images are.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np

from analysis.datasets import files, selections, subsets
from analysis.datasets.base import Dataset, Declaration, HumanLabels, Split
from analysis.datasets.decoding import Decoded, Files, Geometry, decode_all, find_corrupt, listed, printable
from analysis.datasets.imagefolder import describe_left_out
from analysis.datasets.imagenet_files import ImagenetPictures, classes, find_training, find_validation, recognise
from analysis.datasets.parameters import OF_LABELS, OF_PICTURES, DataParameters
from analysis.errors import InputError

PAPER_IMAGES = 50_000  # ILSVRC2012's validation images
SMALLEST_SIZE = 64  # pixels of an image
FOLDER = "imagenet"  # in the data folder, if root is empty


def load(parameters: DataParameters) -> Dataset:
    """ImageNet at ``parameters.root``, or ``<data>/imagenet``; ids are "wnid/file".

    Raises InputError if images or human labels are missing, in an unknown layout, damaged, or do not fit.
    """
    root = folder_of(parameters)
    pictures, training = find_validation(root), find_training(root)
    if parameters.train_images and training is None:
        raise InputError(f"train_images is {parameters.train_images}, but {root} has no train/<wnid>/")
    asked, human, said = people(parameters, pictures)
    drawn = subsets.balanced(pictures.labels[asked], parameters.test_images, parameters.seed, "test")
    result = decode_all(
        pictures.folder,
        [pictures.names[index] for index in asked[drawn]],
        geometry(parameters.image_size),
        parameters.data_path / "decoded",
        skip_corrupt=parameters.corrupt == "skip",
    )
    kept = drawn[result.kept]  # among those with human labels
    source = Files(pictures.folder, [pictures.names[i] for i in asked[kept]], geometry(parameters.image_size))
    test = Split(result.images, pictures.labels[asked[kept]], pictures.ids[asked[kept]], source)
    hashed = [result.digests, test.labels]
    missing_pictures = describe_left_out("test", pictures.others, result)
    notes = describe(pictures, asked, result) + missing_pictures
    notes += [said, *subsets.describe_subset(pictures.labels[asked], parameters.test_images, parameters.seed, "test")]
    if human is not None:
        human = replace(human, selected=human.selected[kept], shown=human.shown[kept])
        hashed += [human.selected, human.shown]
    train = None
    if training is not None:
        train, left_out = take_training(training, parameters)
        hashed += [np.frombuffer("\n".join(train.ids).encode(), np.uint8), train.labels]  # instead of a million files
        notes += [
            *subsets.describe_subset(training.labels, parameters.train_images, parameters.seed, "train"),
            *left_out,
        ]
        missing_pictures += left_out
    wnids, names = classes()
    superclasses, missing = find_superclasses(wnids)
    return Dataset(
        name="imagenet",
        train=train,
        test=test,
        classes=names,
        superclasses=superclasses,
        human=human,
        hash=files.hash_arrays(*hashed),
        notes=(*notes, *missing),
        left_out=tuple(missing_pictures),
        to_train=f"put train/ with a folder per class, named by its wnid, into {root}",
    )


def present(parameters: DataParameters) -> tuple[bool, bool]:
    """Whether the user's images, and whether human labels, exist: by names alone, nothing is read."""
    pictures = told = False
    with suppress(InputError, OSError):  # OSError: a folder without read permission
        recognise(folder_of(parameters))
        pictures = True
    with suppress(OSError):
        path = answers_file(parameters)
        told = path is not None and path.is_file()
    return pictures, told


def answers(parameters: DataParameters, ids: np.ndarray, labels: np.ndarray) -> HumanLabels:
    """Only the human labels, for test images by their ids and labels, both (N,).

    Raises InputError if they are missing, damaged, or do not cover every image.
    """
    found = read_answers(parameters)
    if found is None:
        raise InputError(f"no file of human labels in {folder_of(parameters)}; name one with human_labels")
    asked, human = selections.join(found, ids, labels)
    if len(asked) < len(ids):
        raise InputError(f"{found.people}: no labels for {len(ids) - len(asked):,} of {len(ids):,} images")
    return human


def folder_of(parameters: DataParameters) -> Path:
    return Path(parameters.root) if parameters.root else parameters.data_path / FOLDER


def geometry(image_size: int) -> Geometry:
    """The transforms of images: as torchvision evaluates its networks, resized to 256 px for 224, without rotation."""
    return Geometry(image_size, round(image_size * 256 / 224), upright=False)


def read_answers(parameters: DataParameters) -> selections.Answers | None:
    """Human labels from the file that ``human_labels`` names or one beside the images; None: none."""
    path = answers_file(parameters)
    if path is None:
        return None
    return selections.read_selections(path, classes()[0], maybe=parameters.raters_selected == "maybe")


def answers_file(parameters: DataParameters) -> Path | None:
    if parameters.human_labels == "none":
        return None
    return Path(parameters.human_labels) if parameters.human_labels else selections.find_answers(folder_of(parameters))


def people(parameters: DataParameters, pictures: ImagenetPictures) -> tuple[np.ndarray, HumanLabels | None, str]:
    """Which images (n,) have human labels, these labels, and a note; all images if there are no labels at all.

    Raises InputError if there are labels, but for none of the images.
    """
    found = read_answers(parameters)
    if found is None:
        note = "No human labels are used, so AVH is not compared with people."
        return np.arange(len(pictures.names)), None, note
    asked, human = selections.join(found, pictures.ids, pictures.labels)
    if not len(asked):
        raise InputError(
            f"{found.people} labelled none of the {len(pictures.names):,} pictures in {pictures.folder}: "
            "their file names, such as ILSVRC2012_val_00000001.JPEG, must be those in human_labels"
        )
    return asked, human, found.bias


def take_training(training: ImagenetPictures, parameters: DataParameters) -> tuple[Split, list[str]]:
    """The training images, decoded on demand; and a note on those left out as corrupt."""
    made, notes = geometry(parameters.image_size), []
    chosen = subsets.balanced(training.labels, parameters.train_images, parameters.seed, "train")
    names = [training.names[index] for index in chosen]
    if parameters.corrupt == "skip":
        corrupt = find_corrupt(training.folder, names, made, parameters.data_path / "decoded")
        whole = [printable(name) not in corrupt for name in names]
        chosen, names = chosen[whole], list(compress(names, whole))
        if corrupt:
            notes = [f"Training pictures left out as corrupt, {len(corrupt):,}: {listed(corrupt, 20)}."]
    images = Files(training.folder, names, made)
    return Split(images, training.labels[chosen], training.ids[chosen], images), notes


def find_superclasses(wnids: tuple[str, ...]) -> tuple[dict[str, tuple[int, ...]], list[str]]:
    """WordNet's 45 superclasses; all classes in one, with a note on the reason, without WordNet."""
    from analysis.datasets import wordnet  # noqa: PLC0415  imports nltk, which takes seconds

    try:
        return wordnet.superclasses(wnids), []
    except InputError as error:
        return {"all": tuple(range(len(wnids)))}, [f"All classes are one superclass: {error}."]


def describe(pictures: ImagenetPictures, asked: np.ndarray, result: Decoded) -> list[str]:
    """Notes on what was found, what was left out, and the transforms."""
    found, size = len(pictures.names), result.images.shape[-1]
    notes = [
        f"Pictures: ImageNet (Deng et al. 2009), {found:,} of them in {pictures.kind}, of "
        f"{len(np.unique(pictures.labels)):,} of its 1,000 classes; resized to {geometry(size).resized} px on the "
        f"shorter side, then the central {size}x{size} px."
    ]
    if len(asked) < found:
        notes.append(f"{found - len(asked):,} images without human labels are left out.")
    return notes


def lacks(parameters: DataParameters) -> str:
    """The default of image_size suits another dataset and would go unnoticed."""
    small = parameters.image_size < SMALLEST_SIZE
    return f"image_size, such as 224 (not {parameters.image_size})" if small else ""


# From the paper's data.
DIFFERENCES = (
    "The paper uses the annotators of Recht et al. The top of this page states the source of the labels used here, "
    "and their bias.",
    "Section 2 of the paper uses torchvision's pretrained networks of 2019, IMAGENET1K_V1. Weights published later "
    "were trained differently, and networks that you train have other seeds.",
)


def differs(described: Mapping[str, Any]) -> tuple[str, ...]:
    """Also how many of the paper's images there are, unless they are others."""
    if any("ImageNetV2" in note for note in described["notes"]):
        return DIFFERENCES
    images = described["images"]["test"]
    return (f"The images are {images:,} of the paper's {PAPER_IMAGES:,} validation images.", *DIFFERENCES)


DECLARED = Declaration(
    load,
    offers=frozenset({"people", "real people"}),
    answers=answers,
    present=present,
    reads=OF_PICTURES | OF_LABELS,
    lacks=lacks,
    label="ImageNet",
    not_passed_on="ImageNet images",
    differs=differs,
)
