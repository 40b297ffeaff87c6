"""Binned values, histograms on a grid, and values scaled to 0..1."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.statistics.estimates import Array, defined

# The paper's bins of HSF (Sec. 3). Written out, because linspace's 0.6 is not the float 3 / 5.
EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
FEWEST_SCALED = 5  # images of a group, below which scaling within it says little

Closed = Literal["right", "left"]


def bin_index(values: ArrayLike, edges: Sequence[float] | Array = EDGES, closed: Closed = "right") -> Array:
    """The bin into which each value falls: (N,) integers from 0; -1 for NaN and for values beyond the edges.

    The paper's bins share their edges, and many values of HSF lie on an edge. Right-closed bins, (.2, .4], fit its
    reported counts best; the outermost edges always belong to their bins.
    """
    values, edges = np.asarray(values, dtype=float), np.asarray(edges)
    side: Literal["left", "right"] = "left" if closed == "right" else "right"
    index = np.searchsorted(edges, values, side=side) - 1
    index = np.clip(index, 0, len(edges) - 2)
    return np.where((values >= edges[0]) & (values <= edges[-1]), index, -1)


def bin_names(edges: Sequence[float] = EDGES, closed: Closed = "right") -> list[str]:
    """The bins in interval notation: "[0, 0.2]", "(0.2, 0.4]", ..."""
    last = len(edges) - 2
    names = []
    for i in range(last + 1):
        opening = "[" if closed == "left" or i == 0 else "("
        names.append(f"{opening}{edges[i]:g}, {edges[i + 1]:g}{']' if closed == 'right' or i == last else ')'}")
    return names


def binned(values: ArrayLike, edges: Sequence[float] = EDGES, closed: Closed = "right") -> "pd.Categorical[str]":
    """The name of each value's bin, (N,), as an ordered categorical of all bins, including empty ones."""
    index = bin_index(values, edges, closed)
    return pd.Categorical.from_codes(index, categories=pd.Index(bin_names(edges, closed)), ordered=True)


def histogram(x: ArrayLike, y: ArrayLike, x_edges: Array, y_edges: Array) -> pd.DataFrame:
    """Number of images in each cell of a grid: a row per cell with its edges and ``n``. Right-closed, as HSF's bins.

    x, y: (N,); pairs with a NaN are not counted.
    """
    x, y = defined(x, y)
    i, j = bin_index(x, x_edges), bin_index(y, y_edges)
    inside = (i >= 0) & (j >= 0)
    columns, rows = len(x_edges) - 1, len(y_edges) - 1
    return pd.DataFrame(
        {
            "x_low": np.repeat(x_edges[:-1], rows),
            "x_high": np.repeat(x_edges[1:], rows),
            "y_low": np.tile(y_edges[:-1], columns),
            "y_high": np.tile(y_edges[1:], columns),
            "n": np.bincount(i[inside] * rows + j[inside], minlength=columns * rows),
        }
    )


def scaled(values: ArrayLike) -> Array:
    """Values scaled linearly to 0..1 (Sec. 2.2, "we linear scale the range of AVH(x)"); NaN if all are equal."""
    values = np.asarray(values, dtype=float)
    defined = values[~np.isnan(values)]
    if len(defined) == 0 or defined.min() == defined.max():
        return np.full_like(values, np.nan)
    share: Array = (values - defined.min()) / (defined.max() - defined.min())
    return share


def scaled_within(values: ArrayLike, groups: ArrayLike) -> Array:
    """Values scaled to 0..1 within each group (Sec. 2.2, the norm "within each class"); (N,), (N,) -> (N,).

    NaN within a group whose values are all equal, and within one of fewer than 5 images, of which two or more would be
    0 and 1 whatever their values.
    """
    grouped = pd.Series(np.asarray(values, dtype=float)).groupby(np.asarray(groups))
    enough = grouped.transform("count") >= FEWEST_SCALED
    return grouped.transform(scaled).where(enough).to_numpy()
