"""The state of a run on disk between epochs, with its SHA-256, and the previous state in case it is damaged.

The last 32 bytes of a file are the SHA-256 of what torch wrote, so any change is detected, and torch never reads a file
that was not written here.
"""

import hashlib
import io
import os
import sys
from pathlib import Path
from typing import Any

import torch

from analysis import distributed, runs
from analysis.errors import InputError

DIGEST_BYTES = hashlib.sha256().digest_size


def earlier(path: Path) -> Path:
    """The path of the previous checkpoint."""
    return path.with_suffix(f".earlier{path.suffix}")


def write(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint, atomically, and keep the previous one. Raises InputError if the disk is full."""
    buffer = io.BytesIO()  # not to the file: torch.save does not report a full disk
    torch.save(state, buffer)
    digest = hashlib.sha256(buffer.getbuffer()).digest()
    buffer.seek(0, io.SEEK_END)
    buffer.write(digest)
    with runs.replacing(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())
        if path.exists():
            os.replace(path, earlier(path))


def newest(path: Path, device: torch.device) -> dict[str, Any] | None:
    """The newest intact checkpoint; None if there is none.

    A damaged one is removed with a warning: the run continues from the previous one, or starts again.
    """
    for candidate in (path, earlier(path)):
        content = _content(candidate)
        if content is None:
            continue
        if hashlib.sha256(content[:-DIGEST_BYTES]).digest() == bytes(content[-DIGEST_BYTES:]):
            return _state(candidate, content[:-DIGEST_BYTES], device)
        if distributed.rank() == 0:
            goes_on = candidate == path and earlier(path).exists()
            then = "continues from the previous one" if goes_on else "begins again"
            print(f"{candidate} is damaged (its SHA-256 differs) and removed: the run {then}", file=sys.stderr)
            candidate.unlink(missing_ok=True)  # so that workers that read it later do not use it either
    return None


def _state(path: Path, content: memoryview, device: torch.device) -> dict[str, Any]:
    try:
        state: dict[str, Any] = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    except Exception as error:  # torch raises many kinds of errors for files it cannot read
        raise InputError(f"{path} is damaged ({runs.first_line(error)}): remove it to start the run again") from None
    return state


def _content(path: Path) -> memoryview | None:
    try:
        return memoryview(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}): remove it to start the run again"
        ) from None
