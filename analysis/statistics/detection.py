"""How well a score detects images with an event, such as an HSF below .8. Images are searched in descending order of
the score; if a low score indicates the event, pass the score with its sign reversed. Three measures:

auroc: the probability that an image with the event has a higher score than one without it; ties count half.
average_precision: precision at each distinct score, weighted by the recall that it adds. For a score that carries no
    information, it is about the share of images with the event. If few images have the event, its intervals are
    slightly too high, because an image drawn twice is found twice (with 79 of 10,000, they contain the true value in
    about 92 % of samples).
precision: the share of images with the event among the first k; if the k-th score is tied, the mean over all orders of
    the tied images. NaN if there are fewer than k images.

All are NaN, without an exception, if no image has the event. Images with the same score are found together.
Letters as in the package, and M columns, P images with the event, G distinct scores of those, S blocks of scores.
"""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np

from analysis.statistics.coefficients import sort
from analysis.statistics.estimates import Array

FIRST = 100  # images that a person would look at
Measure = Literal["auroc", "average_precision", "precision"]
MEASURES: tuple[Measure, ...] = get_args(Measure)


def detectors(columns: Sequence[Array], event: Array, first: int = FIRST) -> Callable[[Array], Array]:
    """The measures of several columns, each over the images for which it is defined, as a statistic for ``bootstrap``.

    Args: columns, each (N,); event (N,), zeros and ones.
    Returns: counts (B, N) -> (B, M, 3), in the order of MEASURES.
    Raises ValueError for other values of event, and if first is less than 1.
    """
    if first < 1:
        raise ValueError(f"first must be at least 1 image; got {first}")
    if len(event) and not np.isin(event, (0, 1)).all():
        raise ValueError(f"an event must be 0 or 1 for each image; got {event[~np.isin(event, (0, 1))][0]:g}")
    parts = []
    for x in columns:
        keep = ~np.isnan(x)
        parts.append((keep, keep.all(), _measures(x[keep], event[keep] == 1, first)))

    def drawn(counts: Array) -> Array:
        result = np.empty((len(counts), len(parts), len(MEASURES)))
        for m, (keep, whole, measures) in enumerate(parts):
            result[:, m] = measures(counts if whole else counts[:, keep])
        return result

    return drawn


def _measures(score: Array, event: Array, first: int) -> Callable[[Array], Array]:
    """The measures of one column: counts (B, N) -> (B, 3).

    All three change only at scores of images with the event. Between two such scores, only the number of images drawn
    matters, so they form one block: no ranks are needed, and no resample is sorted.
    """
    if not event.any():
        return lambda counts: np.full((len(counts), len(MEASURES)), np.nan)
    column = sort(-score)
    holds = event[column.order]
    found = np.add.reduceat(holds, column.first, dtype=int) > 0  # (K,): does an image with this score have the event?
    begins = found | np.r_[True, found[:-1]]
    blocks, which = column.first[begins], np.flatnonzero(found[begins])  # (S,), (G,)
    positives = column.order[holds]  # (P,)
    groups = np.flatnonzero(np.diff(column.group[positives], prepend=-1))  # (G,)
    work: list[Array] = []

    def drawn(counts: Array) -> Array:
        if not work or work[0].shape != counts.shape:
            work[:] = [np.empty_like(counts)]
        ordered = counts.take(column.order, axis=1, out=work[0], mode="clip")
        sizes = np.add.reduceat(ordered, blocks, axis=1).astype(float)
        upto = sizes.cumsum(1)
        n, sizes, upto = upto[:, -1], sizes[:, which], upto[:, which]  # (B,), (B, G), (B, G)
        hits = np.add.reduceat(counts.take(positives, axis=1), groups, axis=1).astype(float)
        recalled = hits.cumsum(1)
        p = recalled[:, -1]
        below = (n - p)[:, None] - (upto - recalled) + (sizes - hits) / 2  # images without the event; ties count half
        reached = np.clip(first - (upto - sizes), 0, sizes) / np.maximum(sizes, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            auroc = np.vecdot(hits, below) / (p * (n - p))
            average = np.vecdot(hits, recalled / np.maximum(upto, 1)) / p
            precision = np.where(n >= first, np.vecdot(hits, reached) / first, np.nan)
        return np.stack([auroc, average, precision], axis=1)

    return drawn
