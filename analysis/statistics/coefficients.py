"""Correlation coefficients of many columns with y, in many resamples at once.

Letters as in the package, and M columns. Each function takes columns, each (N,), and y (N,), sorts them once, and
returns a statistic for ``bootstrap``: counts (B, N) -> coefficients (B, M). NaN if a column or y is constant.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from analysis.statistics.estimates import Array

Kind = Literal["spearman", "pearson", "kendall"]
Coefficients = Callable[[Array], Array]


def coefficients(columns: Sequence[Array], y: Array, kind: Kind) -> Coefficients:
    """The statistic of this kind. Raises ValueError for a kind that is not in KINDS."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; allowed: {', '.join(KINDS)}")
    return KINDS[kind](columns, y)


class Sorted(NamedTuple):
    """The sorted order of a column and its ties, which all resamples share."""

    order: Array  # (N,)
    first: Array  # (K,): where each distinct value begins in that order
    group: Array  # (N,): the number of each image's distinct value

    @property
    def tied(self) -> bool:
        return len(self.first) < len(self.order)


def sort(values: Array) -> Sorted:
    """The sorted order of a column (N,)."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    return Sorted(np.argsort(group, kind="stable"), np.cumsum(sizes) - sizes, group)


def by_value(weights: Array, column: Sorted, work: Array | None = None) -> Array:
    """Sums of weights over the images of each distinct value, in ascending order: (B, N) -> (B, K).

    work: an array like weights that may be overwritten, so that none needs to be allocated.
    """
    weights = weights.take(column.order, axis=1, out=work, mode="clip")  # "raise" would copy first
    return np.add.reduceat(weights, column.first, axis=1) if column.tied else weights


def ranks(sizes: Array, work: Array | None = None) -> Array:
    """Twice the mean rank of each distinct value, minus 1, from numbers of images: (B, K) -> (B, K). work: as above."""
    upto = sizes.cumsum(1, dtype=sizes.dtype, out=work)
    upto *= 2
    upto -= sizes
    return upto


def squares(sizes: Array) -> Array:
    """Sum of squares of the centred ``ranks`` over images: (n^3 - sum of sizes^3) / 3; (B, K) -> (B,)."""
    sizes = sizes.astype(float)
    sums: Array = (sizes.sum(1) ** 3 - np.vecdot(sizes * sizes, sizes)) / 3
    return sums


def spearman(columns: Sequence[Array], y: Array) -> Coefficients:
    """Spearman's rank correlation; ties have their mean rank, and ranks are computed within each resample.

    An image drawn twice is tied with itself. The products of ranks are summed in the sorted order of the column, in
    which ranks are running totals of the counts. All sums are of integers, which float64 represents exactly.
    """
    sorted_y, sortings = sort(y), [sort(x) for x in columns]

    def drawn(counts: Array) -> Array:
        sizes = by_value(counts, sorted_y)
        middle = ranks(sizes) - counts.sum(1, keepdims=True)  # of mean 0 over the images drawn
        of_y = counts * middle.astype(float).take(sorted_y.group, axis=1)  # (B, N)
        squares_y, squares_untied = squares(sizes), squares(counts)
        result = np.empty((len(counts), len(columns)))
        # New arrays for every column would take longer than the sums: the system zeroes each new page of memory.
        work = np.empty_like(counts), np.empty_like(counts), np.empty_like(of_y)
        for m, x in enumerate(sortings):
            sizes = by_value(counts, x, work[0])
            squares_x = squares(sizes) if x.tied else squares_untied
            of_x = ranks(sizes, work[1][:, : len(x.first)])
            result[:, m] = _ratio(np.vecdot(by_value(of_y, x, work[2]), of_x), squares_x * squares_y)
        return result

    return drawn


def pearson(columns: Sequence[Array], y: Array) -> Coefficients:
    """Pearson's correlation, from weighted sums of the columns, of their squares, and of their products with y."""
    standard = np.stack([_standardised(x) for x in (y, *columns)], axis=1)  # (N, 1 + M)
    terms = np.concatenate([standard, standard**2, standard[:, :1] * standard[:, 1:]], axis=1)
    ends = [1 + len(columns), 2 + 2 * len(columns)]

    def drawn(counts: Array) -> Array:
        n = counts.sum(1, keepdims=True)
        mean, square, product = np.split((counts.astype(float) @ terms) / n, ends, axis=1)
        variance = square - mean**2
        variance[variance < 1e-12 * square] = np.nan  # rounding error: constant in this resample
        return _ratio(product - mean[:, :1] * mean[:, 1:], variance[:, :1] * variance[:, 1:])

    return drawn


def kendall(columns: Sequence[Array], y: Array) -> Coefficients:
    """Kendall's tau-b: exact for the sample; in resamples, its first-order (Hajek) projection.

    Tau-b consists of three sums over pairs of images: concordant minus discordant pairs, pairs not tied in x, and pairs
    not tied in y. In resamples, each is replaced by its best approximation that is a sum over single images. The pairs
    of each image are counted once. The error is smaller by a factor of the order of 1 / sqrt(N) (Hoeffding 1948; van
    der Vaart 1998, Asymptotic Statistics, ch. 12).
    """
    untied_y = _untied(y)
    parts = np.stack([(_concordance(x, y), _untied(x), untied_y) for x in columns])  # (M, 3, N)

    def drawn(counts: Array) -> Array:
        weights = counts / counts.mean(1, keepdims=True)
        sums = 2 * np.einsum("bn,mkn->bmk", weights, parts, optimize=True) - parts.sum(-1)  # (B, M, 3)
        pairs, x, y = np.moveaxis(sums, -1, 0)
        return _ratio(pairs, np.where((x > 0) & (y > 0), x * y, np.nan))

    return drawn


def _untied(values: Array) -> Array:
    """For each image, how many images are not tied with it: (N,) -> (N,)."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    return (len(values) - sizes)[group].astype(float)


def _concordance(x: Array, y: Array) -> Array:
    """For each image, its concordant minus its discordant pairs: (N,), (N,) -> (N,)."""
    y_sorted, x_sorted = sorted(map(sort, (x, y)), key=lambda column: len(column.first))  # x and y are interchangeable
    groups, values = x_sorted.group, len(x_sorted.first)

    def ahead(images: Array) -> Array:
        """For each value of x, how many of these images have a lower one, minus how many have a higher one: (K,)."""
        sizes = np.bincount(groups[images], minlength=values)
        difference: Array = 2 * sizes.cumsum() - sizes - len(images)
        return difference

    result, of_all, of_lower = np.empty(len(x)), ahead(y_sorted.order), np.zeros(values, dtype=int)
    for images in np.split(y_sorted.order, y_sorted.first[1:]):  # by value of y, ascending
        of_equal = ahead(images)
        result[images] = (2 * of_lower + of_equal - of_all)[groups[images]]
        of_lower += of_equal
    return result


def _standardised(x: Array) -> Array:
    """Mean 0 and standard deviation 1; NaN if constant."""
    deviation = x.std() if np.ptp(x) > 0 else np.nan
    standard: Array = (x - x.mean()) / deviation
    return standard


def _ratio(products: Array, squares: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Array = np.clip(products / np.sqrt(squares), -1, 1)
    return ratio


KINDS: dict[Kind, Callable[[Sequence[Array], Array], Coefficients]] = {
    "spearman": spearman,
    "pearson": pearson,
    "kendall": kendall,
}
