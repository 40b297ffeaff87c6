"""Means and shares within groups of images, with their intervals; medians in bootstrap samples."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from analysis.statistics.estimates import ENDS, Array, Estimate


def means(table: pd.DataFrame, by: list[str], value: str) -> pd.DataFrame:
    """Mean of a column within groups, with its interval: a row per group with ``mean``, ``low``, ``high``, ``n``.

    The interval is Student's for numbers and Wilson's for booleans; the latter stays within 0..1 even if all are true.
    It shows how precisely the mean over such images is known for this one trained network, not how another seed would
    turn out. Empty bins of a categorical column are kept, with n = 0.
    """
    column = table[value]
    groups = table[by].assign(**{value: column.astype(float)}).groupby(by, observed=False)[value]
    result = groups.agg(mean="mean", deviation="std", n="count").reset_index()
    if column.dtype == bool:
        result["low"], result["high"] = wilson(result["mean"].to_numpy(), result["n"].to_numpy())
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            half = special.stdtrit(result["n"] - 1, ENDS[1]) * result["deviation"] / np.sqrt(result["n"])
        result["low"], result["high"] = result["mean"] - half, result["mean"] + half
    return result[[*by, "mean", "low", "high", "n"]]


def proportion(holds: ArrayLike) -> Estimate:
    """The share of images for which something holds (N,), with Wilson's interval; NaN without images."""
    holds = np.asarray(holds, dtype=bool)
    value = np.array([holds.mean() if len(holds) else np.nan])
    low, high = wilson(value, np.array([len(holds)]))
    return Estimate(float(value[0]), float(low[0]), float(high[0]), len(holds))


def wilson(share: Array, n: Array) -> tuple[Array, Array]:
    """Wilson's interval of a share of n images; NaN if n is 0."""
    z = special.ndtri(ENDS[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def medians(values: Array, counts: Array) -> Array:
    """Median of each column (N, A) in bootstrap samples, given how often each has each image (B, N): (B, A)."""
    result = np.full((len(counts), values.shape[1]), np.nan)
    for column, x in enumerate(values.T):
        order = np.argsort(x)[: np.count_nonzero(~np.isnan(x))]  # NaN are last
        upto = counts[:, order].cumsum(1)  # (B, N)
        some = upto[:, -1] > 0 if len(order) else np.zeros(len(counts), dtype=bool)
        n = upto[some, -1:]
        middle = [(upto[some] <= rank).sum(1) for rank in ((n - 1) // 2, n // 2)]  # the two middle ones, or one twice
        result[some, column] = (x[order[middle[0]]] + x[order[middle[1]]]) / 2
    return result
