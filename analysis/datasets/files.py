"""Files that are complete if they exist: downloads and anything else that takes long to make.

Files are made in a hidden folder beside their destination and renamed when complete, so a run may be killed at any
moment. A lock, which the system frees when its holder ends, lets parallel runs share the work.
"""

import errno
import hashlib
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pooch
import requests
from filelock import FileLock, Timeout
from tqdm import tqdm

from analysis.errors import InputError

DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


def build_once(target: Path, make: Callable[[Path], None]) -> None:
    """Create the file or folder ``target`` with ``make(path)``, unless it exists.

    ``make`` creates ``path``, in a hidden folder beside ``target``; other files there are removed. Raises InputError if
    the disk is full or not writable, and any error of ``make``: then nothing of ``target`` is left.
    """
    if target.exists():
        return
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f".{target.name}.lock")):
            if target.exists():  # made by a parallel run in the meantime
                return
            partial = target.with_name(f".{target.name}.partial")
            remove(partial)  # from a killed run: nobody else holds the lock
            try:
                partial.mkdir()
                make(partial / target.name)
                (partial / target.name).rename(target)
            finally:
                shutil.rmtree(partial, ignore_errors=True)


def remove_abandoned(folder: Path) -> None:
    """Remove unfinished files of killed processes in a folder: those whose lock is there, and nobody holds it."""
    for lock in folder.glob(".*.lock"):
        with suppress(OSError, Timeout), FileLock(lock, timeout=0):
            remove(lock.with_suffix(".partial"))


def remove(partial: Path) -> None:
    """Remove the unfinished files of an earlier run, and say so."""
    if partial.exists():
        size = sum(path.stat().st_size for path in partial.rglob("*") if path.is_file())
        shutil.rmtree(partial)
        print(f"removed {partial}, {size / 1e6:,.0f} MB that an earlier run had left unfinished", file=sys.stderr)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turn errors of the system when writing ``target`` into InputError."""
    try:
        yield
    except OSError as error:
        reason = "the disk is full" if error.errno in DISK_FULL else error.strerror or str(error)
        raise InputError(
            f"{target} cannot be written: {reason}; make room or set AVH_DATA to a folder elsewhere"
        ) from error


@contextmanager
def opening(path: Path, advice: str) -> Iterator[None]:
    """Turn errors of the system when reading ``path`` into InputError; ``advice`` ends its sentence."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}); {advice}") from error


def download(url: str, md5: str, path: Path, instead: str) -> None:
    """Download ``url`` to ``path``, with a progress bar, and verify its MD5 checksum.

    ``instead``: the end of the error sentence, what to do without a connection. Raises InputError if there is no
    connection, the server refuses, or the file is not the published one.
    """
    # pooch replaces the total by the size of the file once it is known, and needs a number until then.
    with tqdm(total=1, desc=path.name, unit="B", unit_scale=True, disable=None) as bar:
        downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=2**16)
        try:
            pooch.retrieve(url, f"md5:{md5}", fname=path.name, path=path.parent, downloader=downloader)
        except requests.RequestException as error:
            status = getattr(error.response, "status_code", None)
            reason = f"HTTP status {status}" if status else type(error).__name__
            raise InputError(f"{url} cannot be downloaded ({reason}); {instead}") from error
        except ValueError as error:  # pooch's error for a wrong checksum
            raise InputError(f"{url} sent another file than the published one (MD5 {md5}); {instead}") from error


def load_array(path: Path) -> np.ndarray:
    """The array in an .npy file, mapped read-only and never unpickled. Raises InputError if it is damaged."""
    advice = "replace it, or remove it so that it is made again"
    with opening(path, advice):
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError) as error:  # truncated, objects, another format
            raise InputError(f"{path} is damaged or no NumPy array of numbers; {advice}") from error
    if not isinstance(array, np.ndarray):  # a zip file of arrays
        raise InputError(f"{path} is not one NumPy array; {advice}")
    return array


def hash_arrays(*arrays: np.ndarray) -> str:
    """The SHA-256 of arrays in hexadecimal, over types, shapes and values, a few rows at a time."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        for start in range(0, len(array), 1024):
            digest.update(array[start : start + 1024].tobytes())
    return digest.hexdigest()
