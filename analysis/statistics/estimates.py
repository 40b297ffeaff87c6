"""A number with its interval, and the bootstrap that makes it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

BATCH = 2**16  # numbers in one array of a bootstrap batch: 512 KB, which stays in a processor's cache
RESAMPLES = 1000
LEVEL = 0.95  # of all intervals
ENDS = (1 - LEVEL) / 2, (1 + LEVEL) / 2  # the quantiles that they end at

Array = np.ndarray


class Estimate(NamedTuple):
    """A number, its interval, and the images behind it."""

    value: float
    low: float
    high: float
    n: int


def of_one_length(*columns: ArrayLike) -> list[Array]:
    """The columns as float64. Raises ValueError where their shapes are not one (N,)."""
    arrays: list[Any] = [np.asarray(column, dtype=float) for column in columns]
    if len({array.shape for array in arrays}) != 1 or arrays[0].ndim != 1:
        raise ValueError(f"columns must have one shape (N,); got {', '.join(str(array.shape) for array in arrays)}")
    return arrays


def defined(*columns: ArrayLike) -> list[Array]:
    """The columns without the images at which any of them is NaN. Raises as ``of_one_length``."""
    arrays = of_one_length(*columns)
    keep = ~np.any([np.isnan(array) for array in arrays], axis=0)
    return [array[keep] for array in arrays]


def bootstrap(statistic: Callable[[Array], Array], n: int, resamples: int, seed: int) -> Array:
    """A statistic of n images as they are, [0], and of resamples of them, [1:]: (1 + B, ...).

    statistic: takes how often each image was drawn (B, N), integers, and gives (B, ...). The same seed and n draw the
    same images. Of fewer than 3 images nothing is drawn.
    """
    values = [statistic(np.ones((1, n), dtype=np.int32))]
    random = np.random.default_rng(seed)
    batch = max(1, BATCH // max(n, 1))
    for start in range(0, resamples if n >= 3 else 0, batch):
        size = min(batch, resamples - start)
        drawn = random.integers(0, n, (size, n)) + n * np.arange(size)[:, None]  # (B, N)
        counts = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)
        values.append(statistic(counts.astype(np.int32)))
    return np.concatenate(values)


def interval(draws: Array) -> tuple[float, float]:
    """The percentile interval of bootstrap draws; NaN where too few of them are defined to say."""
    draws = draws[np.isfinite(draws)]
    if len(draws) < 2:
        return np.nan, np.nan
    low, high = np.quantile(draws, ENDS)
    return float(low), float(high)


def estimate(draws: Array, n: int) -> Estimate:
    """From a statistic of the images as they are, draws[0], and of resamples of them, draws[1:]: (1 + B,).

    Draws may be infinite, as a ratio to nothing is; ends are draws, not means between them. Without ends where the
    value, or over half of the draws, are undefined.
    """
    rest = draws[1:][~np.isnan(draws[1:])]
    if np.isnan(draws[0]) or len(rest) < max(2, len(draws) // 2):
        return Estimate(float(draws[0]), np.nan, np.nan, n)
    low, high = np.quantile(rest, ENDS, method="closest_observation")
    return Estimate(float(draws[0]), float(low), float(high), n)
