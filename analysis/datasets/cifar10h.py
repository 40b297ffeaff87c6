"""CIFAR-10 with CIFAR-10H's human labels: about 51 real annotators per test image, with full label counts.

Images: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009; the binary version, in
``<data>/cifar-10-batches-bin/``. A record has one byte for the label and 3,072 for the 32x32 image: the red, green and
blue planes, row by row. Labels: J. Peterson et al., "Human uncertainty makes classification more robust", ICCV 2019, in
``<data>/cifar-10h/cifar10h-counts.npy``.

Downloads are verified by their checksums. Existing files are verified by sizes, ranges and the fit of labels to human
labels, because a legitimately unpacked copy need not have the checksum of the official archive.
"""

import hashlib
import shutil
import sys
import tarfile
import zlib
from pathlib import Path

import numpy as np

from analysis.datasets import files, subsets
from analysis.datasets.base import Dataset, Declaration, HumanLabels, Split
from analysis.datasets.parameters import DataParameters
from analysis.errors import InputError

CIFAR_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
# The branch may move; the checksum identifies the contents.
COUNTS_URL = "https://raw.githubusercontent.com/jcpeterson/cifar-10h/master/data/cifar10h-counts.npy"
COUNTS_MD5 = "f1284b6fba48a67d3db69bbafb5685ad"

FOLDER = "cifar-10-batches-bin"
AGAIN = f"replace it, or remove {FOLDER}/ to download it again"
COUNTS = "cifar-10h/cifar10h-counts.npy"
NAMES_FILE = "batches.meta.txt"
BATCHES = {"train": tuple(f"data_batch_{n}.bin" for n in range(1, 6)), "test": ("test_batch.bin",)}
PER_BATCH = 10_000
RECORD = np.dtype([("label", np.uint8), ("picture", np.uint8, (3, 32, 32))])  # 3,073 bytes

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
# Many, some and one class, as in the paper's Fig. 7 (58, 7 and 1).
SUPERCLASSES = {"animals": (2, 3, 4, 5, 6, 7), "vehicles on land or water": (1, 8, 9), "airplanes": (0,)}

PIXEL_MEAN, PIXEL_SPREAD = (
    (100, 140),
    (50, 80),
)  # plausible, over the pixels of a batch; published: 120 to 122 and 63 to 65
CLASS_SHARE = 0.05, 0.2  # plausible share of a class in a batch; published: .094 to .105
PACKED = "cifar-10-binary.tar.gz"  # an archive that may be in the data folder already, and is unpacked
PYTHON = ("cifar-10-batches-py", "cifar-10-python.tar.gz")  # archives that cannot be used, because they are pickled
ANSWERS_PER_IMAGE = (40, 70)  # plausible; published: 47 to 63
AGREEMENT = 0.95  # least agreement of the most frequent human labels with CIFAR-10's; published: 0.992


def load(parameters: DataParameters) -> Dataset:
    """CIFAR-10H; downloaded (170 MB) if it is not in the data folder.

    Ids contain the original index of an image, such as "test-00042". Raises InputError if a file is missing or damaged,
    cannot be downloaded or stored, or if labels and human labels do not fit.
    """
    folder, answers = parameters.data_path / FOLDER, parameters.data_path / COUNTS
    files.build_once(folder, unpack_official)
    files.build_once(answers, download_counts)
    check_names(folder / NAMES_FILE)
    batches = {part: [open_batch(folder / name) for name in names] for part, names in BATCHES.items()}
    labels = {part: np.concatenate([batch["label"] for batch in batches[part]]).astype(int) for part in BATCHES}
    counts = read_counts(answers, labels["test"])  # (10000, 10), all of them: the fit is checked on the whole

    wanted = {"train": parameters.train_images, "test": parameters.test_images}
    chosen = {part: subsets.balanced(labels[part], wanted[part], parameters.seed, part) for part in BATCHES}
    train, test = (take(part, batches[part], labels[part], chosen[part]) for part in BATCHES)
    answered = counts[chosen["test"]]
    human = human_labels(answered, test.labels)
    parts = [subsets.describe_subset(labels[part], wanted[part], parameters.seed, part) for part in BATCHES]
    return Dataset(
        name="cifar10h",
        train=train,
        test=test,
        classes=CLASSES,
        superclasses=SUPERCLASSES,
        human=human,
        hash=files.hash_arrays(np.asarray(train.images), train.labels, np.asarray(test.images), test.labels, answered),
        notes=(*describe(human), *parts[0], *parts[1]),
    )


def present(parameters: DataParameters) -> tuple[bool, bool]:
    """Whether images, and whether human labels, are in the data folder; otherwise they would be downloaded."""
    return (parameters.data_path / FOLDER).is_dir(), (parameters.data_path / COUNTS).is_file()


def answers(parameters: DataParameters, ids: np.ndarray, labels: np.ndarray) -> HumanLabels:
    """Only the human labels, for test images by their ids and labels, both (N,).

    Downloaded (0.8 MB) if they are not in the data folder. Raises InputError like ``load``.
    """
    path = parameters.data_path / COUNTS
    files.build_once(path, download_counts)
    rows = np.array([int(name.removeprefix("test-")) for name in ids])
    return human_labels(read_counts(path, labels, rows), labels)


def human_labels(counts: np.ndarray, labels: np.ndarray) -> HumanLabels:
    """Label counts (N, 10) as human labels of images with these labels (N,)."""
    people = "CIFAR-10H's annotators (about 51 per image, Amazon Mechanical Turk)"
    return HumanLabels.from_counts(counts, labels, people, simulated=False)


def describe(human: HumanLabels) -> tuple[str, ...]:
    """Notes on the annotators, their number, and nearly empty bins."""
    low = int((5 * human.selected <= 2 * human.shown).sum())  # HSF <= .4, without rounding
    unanimous = (human.selected == human.shown).mean()
    return (
        "Pictures: CIFAR-10 (Krizhevsky 2009). Answers: CIFAR-10H (Peterson et al. 2019), under the licence "
        "CC BY-NC-SA 4.0.",
        f"{human.shown.sum():,} answers, {human.shown.mean():.1f} per test image ({human.shown.min()} to "
        f"{human.shown.max()}), each a choice among the 10 classes.",
        f"On {unanimous:.1%} of the test images everybody chose CIFAR-10's label. The paper's two lowest "
        f"bins, HSF up to 0.4, hold only {low:,} of {len(human.shown):,} images: mind their intervals.",
    )


def open_batch(path: Path) -> np.ndarray:
    """The records of a batch (10000,), mapped from disk. Raises InputError unless size and labels are right."""
    expected = PER_BATCH * RECORD.itemsize
    with files.opening(path, AGAIN):
        size = path.stat().st_size
        if size != expected:
            raise InputError(f"{path} has {size:,} bytes, not {expected:,}; {AGAIN}")
        batch = np.memmap(path, RECORD, mode="r")
    if batch["label"].max() >= len(CLASSES):
        raise InputError(f"{path} has a label {batch['label'].max()}; allowed: 0 to {len(CLASSES) - 1}")
    check_plausible(path, batch)
    return batch


def check_plausible(path: Path, batch: np.ndarray) -> None:
    """Raise InputError if a batch (n,) of the right size cannot be CIFAR-10's, or has blank images."""
    shares = np.bincount(batch["label"], minlength=len(CLASSES)) / len(batch)
    if shares.min() < CLASS_SHARE[0] or shares.max() > CLASS_SHARE[1]:
        raise InputError(
            f"{path} shows classes {shares.min():.1%} to {shares.max():.1%} of the time; plausible: "
            f"{CLASS_SHARE[0]:.0%} to {CLASS_SHARE[1]:.0%}; {AGAIN}"
        )
    planes = batch["picture"].reshape(len(batch), 3, -1)  # a view, mapped from disk
    if (blank := np.flatnonzero((planes.min(2) == planes.max(2)).any(1))).size:
        raise InputError(f"{path} has {len(blank):,} blank pictures, such as number {blank[0]}; {AGAIN}")
    some = planes[:: max(1, len(batch) // 1000)]
    for name, value, (low, high) in (("mean", some.mean(), PIXEL_MEAN), ("spread", some.std(), PIXEL_SPREAD)):
        if not low <= value <= high:
            raise InputError(f"{path} has pixels of {name} {value:.0f}; plausible: {low} to {high}; {AGAIN}")


def check_names(path: Path) -> None:
    """Raise InputError unless the file lists CIFAR-10's classes in their order."""
    with files.opening(path, AGAIN):
        found = path.read_text(encoding="utf-8", errors="replace").split()
    if found != list(CLASSES):
        raise InputError(f"{path} lists {', '.join(found[:12]) or 'nothing'}; expected: {', '.join(CLASSES)}")


def read_counts(path: Path, labels: np.ndarray, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Human label counts (N, 10), int64, of the test images at ``rows``, or of all.

    Raises InputError unless they are counts that fit ``labels`` (N,).
    """
    counts = files.load_array(path)
    least, most = ANSWERS_PER_IMAGE
    shape = (PER_BATCH, len(CLASSES))
    if counts.shape != shape or counts.dtype.kind not in "iuf":
        raise InputError(f"{path} holds {counts.dtype}{list(counts.shape)}; expected: numbers{list(shape)}")
    if not ((counts >= 0) & (counts <= most) & (counts == np.rint(counts))).all():  # nor NaN
        raise InputError(f"{path} holds values that are no counts; allowed: whole numbers from 0 to {most}")
    counts = np.array(counts[rows], np.int64)
    shown = counts.sum(1)
    if shown.min() < least or shown.max() > most:
        raise InputError(f"{path} has images with {shown.min()} to {shown.max()} answers; allowed: {least} to {most}")
    agreement = (counts.argmax(1) == labels).mean()
    if agreement <= AGREEMENT:
        raise InputError(
            f"{path} does not fit the labels in {FOLDER}: the most frequent answer is the label on "
            f"{agreement:.1%} of the images; needed: more than {AGREEMENT:.0%}, in the original order"
        )
    return counts


def take(part: str, batches: list[np.ndarray], labels: np.ndarray, chosen: np.ndarray) -> Split:
    """The split of the images at ``chosen`` (n,): only those are read, (n, 3, 32, 32)."""
    images = np.empty((len(chosen), 3, 32, 32), np.uint8)
    source, row = np.divmod(chosen, PER_BATCH)
    for number, batch in enumerate(batches):
        images[source == number] = batch["picture"][row[source == number]]
    return Split(images, labels[chosen], np.array([f"{part}-{index:05d}" for index in chosen]))


def unpack_official(folder: Path) -> None:
    """Unpack the needed members of the official archive into ``folder``, from an existing archive or a download.

    A downloaded archive is stored beside ``folder`` and not kept, because it can be downloaded again. Only the contents
    of each expected member are read, so no name, link or mode in an archive can do harm.
    """
    expected, data = [*BATCHES["train"], *BATCHES["test"], NAMES_FILE], folder.parent.parent
    instead = f"put {FOLDER}/ or {PACKED} into {data} by hand, or set AVH_DATA to a folder that has it"
    if useless := [name for name in PYTHON if (data / name).exists()]:
        said = f"{' and '.join(useless)} in {data} cannot be used: what is in there would run code when it is read"
        print(f"{said}; needed is the binary version of CIFAR-10", file=sys.stderr)
        instead = f"{instead} ({said})"
    archive = data / PACKED
    if archive.is_file():
        with archive.open("rb") as file:
            if hashlib.file_digest(file, "md5").hexdigest() != CIFAR_MD5:
                raise InputError(f"{archive} is not the published file (MD5 {CIFAR_MD5}); replace it, or remove it")
        print(f"unpacking {archive}", file=sys.stderr)
    else:
        archive = folder.with_name("archive.tar.gz")
        files.download(CIFAR_URL, CIFAR_MD5, archive, instead)
    folder.mkdir()
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                name = member.name.removeprefix(f"{FOLDER}/")
                if name not in expected or not member.isreg() or member.size > PER_BATCH * RECORD.itemsize:
                    continue
                if content := tar.extractfile(member):
                    with (folder / name).open("wb") as file:
                        shutil.copyfileobj(content, file)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise InputError(f"{CIFAR_URL} sent a damaged archive ({error}); {instead}") from error
    missing = [name for name in expected if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{CIFAR_URL} sent an archive without {', '.join(missing)}; {instead}")


def download_counts(path: Path) -> None:
    """Download CIFAR-10H's counts to ``path``."""
    instead = f"put {path.name} into {path.parent.parent} by hand, or set AVH_DATA to a folder that has {COUNTS}"
    files.download(COUNTS_URL, COUNTS_MD5, path, instead)


# From the paper's data.
DIFFERENCES = (
    "CIFAR-10 has 10 dissimilar classes; ImageNet has 1,000, many of which only an expert can distinguish. AVH "
    "divides by the angles to all classes, so with 10 classes a single similar class has more weight.",
    "CIFAR-10 images have 32 × 32 pixels, and most hard images are hard because little can be seen. ImageNet "
    "images are hard for many reasons, such as several objects in one image.",
    "CIFAR-10H's annotators chose one of 10 classes. Those of Recht et al. were shown many images and one class, "
    "and selected the images that show it, so their HSF does not say what else they saw in an image.",
    "CIFAR-10H has about 51 annotators per image, the paper's data about 10. CIFAR-10H labels are less noisy, but "
    "far more images are unanimous and therefore tied.",
)


DECLARED = Declaration(
    load,
    offers=frozenset({"people", "real people"}),
    answers=answers,
    present=present,
    to_see="run python -m analysis pictures build/cifar10 -p dataset cifar10h, which downloads them once",
    label="CIFAR-10",
    differs=lambda _: DIFFERENCES,
)
