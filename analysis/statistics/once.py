"""What a process has computed is not computed again: claims and tables of one page ask for the same draws.

Kept under a digest of all that decides it, for as long as the process lives.
"""

from collections.abc import Callable
from functools import wraps
from hashlib import blake2b
from typing import Any, TypeVar

import numpy as np

MOST = 4096  # results; of 1,000 resamples, 32 MB
KEPT: dict[bytes, Any] = {}
Result = TypeVar("Result")


def once(function: Callable[..., Result]) -> Callable[..., Result]:
    """For functions of arrays and plain values whose result, a number or an Estimate, nobody can change."""

    @wraps(function)
    def first(*args: Any, **named: Any) -> Result:
        found = digest(function.__qualname__, *args, *(part for pair in sorted(named.items()) for part in pair))
        if found not in KEPT:
            remember(found, function(*args, **named))
        result: Result = KEPT[found]
        return result

    return first


def digest(*parts: Any) -> bytes:
    """Of arrays, by their numbers, and of plain values."""
    made = blake2b(digest_size=20)
    for part in parts:
        if hasattr(part, "__array__"):
            array = np.ascontiguousarray(part)
            made.update(f"{array.dtype.str}{array.shape}".encode())
            made.update(array.data)
        else:
            made.update(repr(part).encode())
        made.update(b"\n")
    return made.digest()


def remember(found: bytes, result: Any) -> None:
    if len(KEPT) >= MOST:
        KEPT.clear()
    KEPT[found] = result
