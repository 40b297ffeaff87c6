"""Image files, decoded once into one array on disk.

Training passes over the images many times, so each is decoded once, into a memory-mapped array: memory does not grow
with their number, and corrupt files are found before anything else is computed. The name of the folder depends on the
files, the size and this recipe, so any change leads to another array.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageOps
from PIL.features import check
from tqdm import tqdm

from analysis.cores import CORES
from analysis.datasets import files
from analysis.errors import InputError, first_of

RECIPE = 2  # increase it when ``decode`` changes
# By contents, whatever the suffix; other decoders, such as that of PostScript, are never run. Of animations, the first
# frame is used.
FORMATS = ("JPEG", "PNG", "BMP", "DIB", "GIF", "WEBP", "PPM", "TIFF", "JPEG2000", *(["AVIF"] if check("avif") else []))
MOST_PIXELS = 89_478_485  # Pillow's own limit, above which it suspects a decompression bomb
# Shared with the other workers started by torchrun. More threads would mostly wait for the interpreter's lock.
THREADS = min(16, max(1, CORES // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))
AT_ONCE = 32 * THREADS  # decoded images in memory, at most
PIECE = 4  # images that a thread takes at a time
Make = Callable[[Path, int], np.ndarray]  # the image (3, S, S) of a file with this number

INTERPOLATIONS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@dataclass(frozen=True)
class Geometry:
    """How an image becomes a square of ``size`` pixels; always with antialiasing.

    Without ``resized``, its central square is resized. With it, as torchvision evaluates its networks: the shorter side
    is resized to ``resized``, then the central ``size`` pixels are cropped.
    """

    size: int
    resized: int | None = None
    interpolation: str = "bilinear"  # or "bicubic"
    upright: bool = True  # rotated according to EXIF data; torchvision does not rotate


@dataclass(frozen=True)
class Decoded:
    """The images of a list of files that could be decoded, in its order."""

    images: np.ndarray  # (N, 3, S, S) uint8, mapped from disk, read-only
    kept: np.ndarray  # (N,) int64: which of the files
    digests: np.ndarray  # (N, 32) uint8: SHA-256 of each image
    corrupt: dict[str, str]  # name -> reason for files that could not be decoded


class Files:
    """Images decoded from their files on demand (see ``Images``): too many to keep decoded."""

    def __init__(self, folder: Path, names: Sequence[str], geometry: Geometry):
        self.folder, self.names, self.geometry = folder, names, geometry
        # For all batches: while the last images of one are decoded, the next one keeps the other threads busy.
        # Threads, as Pillow decodes and resizes without the interpreter's lock. They end with this object.
        self.threads = ThreadPoolExecutor(THREADS, "files")

    @property
    def size(self) -> int:
        return self.geometry.size

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        """Indices (B,) -> (B, 3, S, S) uint8. Raises InputError if an image is corrupt."""
        return self.fetch(indices, self.threads, lambda path, _: decode(path, self.geometry))

    def fetch(self, indices: np.ndarray, threads: Executor, make: Make) -> np.ndarray:
        """The same, for images that ``make`` makes from paths and indices."""
        batch = np.empty((len(indices), 3, self.size, self.size), np.uint8)
        numbers = indices.tolist()
        names = [self.names[number] for number in numbers]
        corrupt = fill(batch, self.folder, names, threads, lambda path, row: make(path, numbers[row]))
        if corrupt:
            raise corrupted(self.folder, {printable(names[row]): why for row, why in corrupt.items()})
        return batch

    def evaluated(self, size: int, resized: int, interpolation: str) -> "Files":
        """The same images, resized as the weights were evaluated (see ``Geometry``); the EXIF rotation is kept."""
        geometry = replace(self.geometry, size=size, resized=resized, interpolation=interpolation)
        return Files(self.folder, self.names, geometry)


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The image in a file, not yet decoded. Raises the same errors as ``decode``."""
    with Image.open(path, formats=FORMATS) as image:
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(f"{image.width}x{image.height} pixels, more than {MOST_PIXELS:,}")
        if image.mode.startswith(("I", "F")):
            raise ValueError(f"mode {image.mode}, not 8 bits per channel")
        yield image


def is_picture(path: Path) -> bool:
    """Whether a file begins like an image, whatever its name."""
    try:
        with Image.open(path, formats=FORMATS):
            return True
    except Image.DecompressionBombError:
        return True  # which decoding will report
    except Exception:  # Pillow's decoders may raise nearly any error
        return False


def decode(path: Path, geometry: Geometry) -> np.ndarray:
    """The image in a file: RGB; (3, S, S) uint8.

    Raises Pillow's errors for a file that is truncated, damaged, too large or not an image, and ValueError if a channel
    has more than 8 bits, which would be clipped to white.
    """
    with opened(path) as image:
        picture = (ImageOps.exif_transpose(image) if geometry.upright else image).convert("RGB")
        square = squared(picture, geometry)
    return np.ascontiguousarray(np.asarray(square).transpose(2, 0, 1))  # (3, S, S)


def squared(image: Image.Image, geometry: Geometry) -> Image.Image:
    """The square; with ``resized``, the same pixels as torchvision's Resize(resized) and CenterCrop(size)."""
    size, resized, method = geometry.size, geometry.resized, INTERPOLATIONS[geometry.interpolation]
    if resized is None:
        return ImageOps.fit(image, (size, size), method)
    shorter = min(image.size)
    width, height = (int(resized * side / shorter) for side in image.size)
    if width * height > MOST_PIXELS:
        raise ValueError(f"{width}x{height} pixels when resized, more than {MOST_PIXELS:,}")
    left, top = round((width - size) / 2), round((height - size) / 2)
    return image.resize((width, height), method).crop((left, top, left + size, top + size))


def decode_all(folder: Path, names: list[str], geometry: Geometry, cache: Path, skip_corrupt: bool) -> Decoded:
    """The images ``folder / name``, as made by ``decode``; from ``cache`` if they were decoded before.

    Raises InputError if images are corrupt, unless ``skip_corrupt``, or the disk is full or damaged.
    """
    target = cache / fingerprint_files(folder, names, geometry)

    def make(path: Path) -> None:
        path.mkdir()
        write_decoded(path, folder, names, geometry, skip_corrupt)

    files.build_once(target, make)
    images, digests = files.load_array(target / "pictures.npy"), files.load_array(target / "digests.npy")
    corrupt = read_corrupt(target / "corrupt.json", f"remove {target}")
    kept = np.array([index for index, name in enumerate(names) if printable(name) not in corrupt], np.int64)
    if images.shape != (len(kept), 3, geometry.size, geometry.size) or digests.shape != (len(kept), 32):
        raise InputError(f"{target} is damaged; remove it so that it is made again")
    check_pictures(target, images, digests)
    if corrupt and not skip_corrupt:
        raise stop(folder, corrupt, len(names))
    return Decoded(images, kept, digests, corrupt)


def check_pictures(target: Path, images: np.ndarray, digests: np.ndarray) -> None:
    """Raise InputError unless the images (N, 3, S, S) are unchanged, by their digests (N, 32)."""

    def differs(piece: range) -> bool:  # hashing, too, does not need the interpreter's lock
        return any(hashlib.sha256(images[i]).digest() != digests[i].tobytes() for i in piece)

    pieces = [range(len(images))[start : start + AT_ONCE] for start in range(0, len(images), AT_ONCE)]
    with ThreadPoolExecutor(THREADS) as threads:
        if any(threads.map(differs, pieces)):
            raise InputError(
                f"{target} is damaged (a picture is not the one that was decoded); remove it so that it is made again"
            )


def write_decoded(path: Path, folder: Path, names: list[str], geometry: Geometry, skip_corrupt: bool) -> None:
    """Decode into ``path``: pictures.npy, digests.npy, corrupt.json. Raises InputError like ``decode_all``."""
    size = geometry.size
    needed, free = len(names) * 3 * size * size, shutil.disk_usage(path).free
    if needed > free:
        raise InputError(
            f"{len(names):,} pictures need {needed / 1e6:,.0f} MB and {path.parent.parent} has {free / 1e6:,.0f} MB "
            "left; make room or set AVH_DATA to a folder elsewhere"
        )
    corrupt, digests = {}, []

    def header(count: int) -> None:  # the same length for any count: NumPy leaves room for the first axis to grow
        file.seek(0)
        shape = (count, 3, size, size)
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})

    # Written, not assigned to a map: a map on a full disk kills the process.
    with (path / "pictures.npy").open("wb") as file, closing(decoded(folder, names, geometry)) as pictures:
        header(0)
        for name, picture in pictures:
            if isinstance(picture, str):
                corrupt[printable(name)] = picture
            else:
                file.write(picture.data)
                digests.append(hashlib.sha256(picture.data).digest())
        header(len(digests))
    if corrupt and not (skip_corrupt and digests):
        raise stop(folder, corrupt, len(names))
    np.save(path / "digests.npy", np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 32))
    (path / "corrupt.json").write_text(json.dumps(corrupt, indent=1), "utf-8")


def find_corrupt(folder: Path, names: list[str], geometry: Geometry, cache: Path) -> dict[str, str]:
    """Which of the images cannot be decoded, by printable names, and why.

    All are tried once; the result is kept in ``cache``. Raises InputError if all are corrupt.
    """
    target = cache / f"{fingerprint_files(folder, names, geometry)}.json"

    def make(path: Path) -> None:
        with closing(decoded(folder, names, geometry)) as pictures:
            corrupt = {printable(name): found for name, found in pictures if isinstance(found, str)}
        if len(corrupt) == len(names):
            raise stop(folder, corrupt, len(names))
        path.write_text(json.dumps(corrupt, indent=1), "utf-8")

    files.build_once(target, make)
    return read_corrupt(target, "remove it")


def read_corrupt(path: Path, advice: str) -> dict[str, str]:
    """Names of corrupt images and reasons, as stored. Raises InputError if the file is damaged."""
    with files.opening(path, advice):
        try:
            found: dict[str, str] = json.loads(path.read_bytes())
        except ValueError as error:
            raise InputError(f"{path} is damaged; {advice}") from error
    return found


def decoded(folder: Path, names: list[str], geometry: Geometry) -> Generator[tuple[str, np.ndarray | str], None, None]:
    """Each name with its image (3, S, S), or the reason why there is none; in order, several at a time.

    Use an image before requesting the next one: they share their memory.
    """
    batch = np.empty((min(AT_ONCE, len(names)), 3, geometry.size, geometry.size), np.uint8)
    with (
        tqdm(total=len(names), desc=f"decoding {folder.name}", unit=" pictures", disable=None) as bar,
        ThreadPoolExecutor(THREADS) as threads,
    ):
        for start in range(0, len(names), AT_ONCE):
            some = names[start : start + AT_ONCE]
            corrupt = fill(batch[: len(some)], folder, some, threads, lambda path, _: decode(path, geometry))
            yield from ((name, corrupt.get(row, batch[row])) for row, name in enumerate(some))
            bar.update(len(some))


def fill(batch: np.ndarray, folder: Path, names: Sequence[str], threads: Executor, make: Make) -> dict[int, str]:
    """Put the image of each file into its row of ``batch`` (N, 3, S, S) uint8, several at a time.

    make: called with a path and its row. Returns: reasons for missing images, by row.
    """

    def attempt(rows: range) -> dict[int, str]:
        corrupt = {}
        for row in rows:
            try:
                batch[row] = make(folder / names[row], row)
            except Exception as error:  # Pillow's decoders may raise nearly any error for damaged input
                corrupt[row] = reason(error, folder)
        return corrupt

    pieces = [range(len(names))[start : start + PIECE] for start in range(0, len(names), PIECE)]
    return {row: why for corrupt in threads.map(attempt, pieces) for row, why in corrupt.items()}


def reason(error: Exception, folder: Path) -> str:
    """Why an image of a folder could not be decoded, in one line."""
    sentence = f"{type(error).__name__}: {error}".replace(f"{folder}{os.sep}", "")
    return printable(" ".join(sentence.split()))


def corrupted(folder: Path, corrupt: dict[str, str]) -> InputError:
    """The error for images that turn out to be corrupt during training."""
    advice = "repair or remove them, or prepare the data again with corrupt set to skip"
    return InputError(f"pictures in {folder} are corrupt: {listed(corrupt)}; {advice}")


def stop(folder: Path, corrupt: dict[str, str], total: int) -> InputError:
    """The error that counts the corrupt images and names some."""
    advice = "repair or remove them" + (", or set corrupt to skip" if len(corrupt) < total else "")
    return InputError(f"{len(corrupt)} of {total} pictures in {folder} are corrupt: {listed(corrupt)}; {advice}")


def listed(corrupt: dict[str, str], most: int = 5) -> str:
    """Names and reasons, up to ``most``, and the number of others."""
    return first_of([f"{name} ({reason})" for name, reason in corrupt.items()], most)


def printable(name: str) -> str:
    """The name of a file as text that can be written anywhere: bytes that are not UTF-8 become \\x escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def fingerprint_files(folder: Path, names: list[str], geometry: Geometry) -> str:
    """What the decoded array depends on, as 32 hexadecimal digits: files, sizes, times, and the recipe."""
    digest = hashlib.sha256(f"{RECIPE} {PIL.__version__} {geometry} {os.fsencode(folder.resolve())!r}".encode())
    for name in names:
        try:
            stat = (folder / name).stat()
            changed = (stat.st_size, stat.st_mtime_ns)
        except OSError:  # a broken link: decoding will report it
            changed = None
        digest.update(f"{os.fsencode(name)!r} {changed}\n".encode())
    return digest.hexdigest()[:32]
