"""Estimates with their intervals, and the bootstrap."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

BATCH = 2**16  # numbers in an array of a bootstrap batch: 512 KB, which fits into a processor's cache
RESAMPLES = 1000
LEVEL = 0.95  # of all intervals
ENDS = (1 - LEVEL) / 2, (1 + LEVEL) / 2  # the quantiles at their ends

Array = np.ndarray


class Estimate(NamedTuple):
    """A value, its interval, and the number of images."""

    value: float
    low: float
    high: float
    n: int


def of_one_length(*columns: ArrayLike) -> list[Array]:
    """The columns as float64. Raises ValueError unless all have the same shape (N,)."""
    arrays: list[Any] = [np.asarray(column, dtype=float) for column in columns]
    if len({array.shape for array in arrays}) != 1 or arrays[0].ndim != 1:
        raise ValueError(f"columns must have one shape (N,); got {', '.join(str(array.shape) for array in arrays)}")
    return arrays


def defined(*columns: ArrayLike) -> list[Array]:
    """The columns without the images for which any of them is NaN. Raises as ``of_one_length``."""
    arrays = of_one_length(*columns)
    keep = ~np.any([np.isnan(array) for array in arrays], axis=0)
    return [array[keep] for array in arrays]


def bootstrap(
    statistic: Callable[[Array], Array], n: int, resamples: int, seed: int, batch: int | None = None
) -> Array:
    """A statistic of a sample of n images, [0], and of resamples of it, [1:]: (1 + B, ...).

    statistic: takes how often each image was drawn, (B, N) integers, and returns (B, ...). The same seed and n draw the
    same images. With fewer than 3 images, there are no resamples. batch: numbers in one array, BATCH if not given.
    """
    values = [statistic(np.ones((1, n), dtype=np.int32))]
    random = np.random.default_rng(seed)
    together = max(1, (batch or BATCH) // max(n, 1))
    for start in range(0, resamples if n >= 3 else 0, together):
        size = min(together, resamples - start)
        drawn = random.integers(0, n, (size, n)) + n * np.arange(size)[:, None]  # (B, N)
        counts = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)
        values.append(statistic(counts.astype(np.int32)))
    return np.concatenate(values)


def interval(draws: Array) -> tuple[float, float]:
    """The percentile interval of bootstrap draws; NaN if too few of them are defined."""
    draws = draws[np.isfinite(draws)]
    if len(draws) < 2:
        return np.nan, np.nan
    low, high = np.quantile(draws, ENDS)
    return float(low), float(high)


def estimate(draws: Array, n: int) -> Estimate:
    """From a statistic of the sample, draws[0], and of its resamples, draws[1:]: (1 + B,).

    Draws may be infinite, as a ratio to 0 is, so the ends are draws rather than interpolated between them. The ends are
    NaN if the value, or more than half of the draws, are undefined.
    """
    rest = draws[1:][~np.isnan(draws[1:])]
    if np.isnan(draws[0]) or len(rest) < max(2, len(draws) // 2):
        return Estimate(float(draws[0]), np.nan, np.nan, n)
    low, high = np.quantile(rest, ENDS, method="closest_observation")
    return Estimate(float(draws[0]), float(low), float(high), n)
