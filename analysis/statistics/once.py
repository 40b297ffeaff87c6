"""A cache of results: claims and tables on the same page need the same bootstrap draws.

Results are kept under a digest of all their inputs, until the process ends.
"""

from collections.abc import Callable
from functools import wraps
from hashlib import blake2b
from typing import Any, TypeVar

import numpy as np

MOST = 4096  # results: 32 MB if each has 1,000 resamples
KEPT: dict[bytes, Any] = {}
Result = TypeVar("Result")


def once(function: Callable[..., Result]) -> Callable[..., Result]:
    """Cache a function of arrays and plain values whose result, a number or an Estimate, is immutable."""

    @wraps(function)
    def first(*args: Any, **named: Any) -> Result:
        found = digest(function.__qualname__, *args, *(part for pair in sorted(named.items()) for part in pair))
        if found not in KEPT:
            remember(found, function(*args, **named))
        result: Result = KEPT[found]
        return result

    return first


def digest(*parts: Any) -> bytes:
    """A digest of arrays, by their contents, and of plain values."""
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
