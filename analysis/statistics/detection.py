"""How well a score finds the images at which an event holds, such as an HSF below .8: images are searched from the
largest score down, so a score that falls where the event is likely is given with its sign reversed.

Letters as in the package, and M columns, P images with the event, G distinct scores of those, S runs of scores.
Images of one score are found together. Percentile intervals over images; scores compared see the same resamples.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike

from analysis.statistics.coefficients import sort
from analysis.statistics.estimates import LEVEL, RESAMPLES, Array, Estimate, bootstrap, defined, interval, of_one_length

FIRST = 100  # images that a person would look at
Measure = Literal["auroc", "average_precision", "precision"]
MEASURES: tuple[Measure, ...] = get_args(Measure)


class Detection(NamedTuple):
    """How well a score finds an event, or by how much one score does so better than another.

    auroc: the chance that an image with the event has the larger score than one without, ties counting half.
    average_precision: precision at each distinct score, weighted by the recall that it adds; of a score without any
        information it is about the share of images with the event.
    precision: the share of images with the event among the first k; where the k-th score is tied, the mean over all
        orders of the tied images. NaN where there are fewer than k images.
    positives: images with the event; each estimate's n counts all that were used.
    """

    auroc: Estimate
    average_precision: Estimate
    precision: Estimate
    positives: int


def detection(
    score: ArrayLike,
    event: ArrayLike,
    first: int = FIRST,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> Detection:
    """How well a score finds an event, both (N,). As ``detections`` of one column."""
    return detections({"": score}, event, first, resamples=resamples, seed=seed, level=level)[""]


def detections(
    columns: Mapping[str, ArrayLike],
    event: ArrayLike,
    first: int = FIRST,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> dict[str, Detection]:
    """How well each of several scores finds an event, all in the same resamples.

    Args: columns, name -> (N,); event (N,), boolean, or 0, 1 and NaN where nobody knows; first, the k of precision.
        A column is used where it and the event are defined. NaN, without an exception, where no image has the event.
    Intervals of average precision lie somewhat high where few images have the event, because an image drawn twice is
    found twice (with 79 of 10,000 they hold the truth in about 92 % of samples).
    Raises ValueError for another event, a first below 1, and columns of another length.
    """
    holds, *values = of_one_length(event, *columns.values())
    asked = ~np.isnan(holds)
    holds, values = holds[asked], [x[asked] for x in values]
    draws = bootstrap(detectors(values, holds, first), len(holds), resamples, seed)
    found = {}
    for m, (name, x) in enumerate(zip(columns, values, strict=True)):
        there = ~np.isnan(x)
        found[name] = _detection(draws[:, m], int(there.sum()), int(holds[there].sum()), level)
    return found


def detection_difference(
    a: ArrayLike,
    b: ArrayLike,
    event: ArrayLike,
    first: int = FIRST,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> Detection:
    """How much better a finds an event than b does, paired over the images at which all are defined; all (N,)."""
    a, b, event = defined(a, b, event)
    draws = bootstrap(detectors([a, b], event, first), len(event), resamples, seed)
    return _detection(draws[:, 0] - draws[:, 1], len(event), int(event.sum()), level)


def detectors(columns: Sequence[Array], event: Array, first: int = FIRST) -> Callable[[Array], Array]:
    """The measures of many columns, each where it is defined, as a statistic for ``bootstrap``.

    Args: columns, each (N,); event (N,), of 0 and 1.
    Returns: counts (B, N) -> (B, M, 3), in the order of MEASURES.
    """
    if first < 1:
        raise ValueError(f"precision is among the first 1 or more images; got {first}")
    if len(event) and not np.isin(event, (0, 1)).all():
        raise ValueError(f"an event is 0 or 1 at each image; got {event[~np.isin(event, (0, 1))][0]:g}")
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
    """One column's measures: counts (B, N) -> (B, 3).

    All three change only at scores of images with the event. Between those, images are one run of which the number
    drawn is all that counts: no rank is needed, and no resample is sorted.
    """
    if not event.any():
        return lambda counts: np.full((len(counts), len(MEASURES)), np.nan)
    column = sort(-score)
    holds = event[column.order]
    found = np.add.reduceat(holds, column.first, dtype=int) > 0  # (K,): is the event among images of this score?
    begins = found | np.r_[True, found[:-1]]
    runs, which = column.first[begins], np.flatnonzero(found[begins])  # (S,), (G,)
    positives = column.order[holds]  # (P,)
    groups = np.flatnonzero(np.diff(column.group[positives], prepend=-1))  # (G,)
    work: list[Array] = []

    def drawn(counts: Array) -> Array:
        if not work or work[0].shape != counts.shape:
            work[:] = [np.empty_like(counts)]
        ordered = counts.take(column.order, axis=1, out=work[0], mode="clip")
        sizes = np.add.reduceat(ordered, runs, axis=1).astype(float)
        upto = sizes.cumsum(1)
        n, sizes, upto = upto[:, -1], sizes[:, which], upto[:, which]  # (B,), (B, G), (B, G)
        hits = np.add.reduceat(counts.take(positives, axis=1), groups, axis=1).astype(float)
        recalled = hits.cumsum(1)
        p = recalled[:, -1]
        below = (n - p)[:, None] - (upto - recalled) + (sizes - hits) / 2  # images without it, ties counting half
        reached = np.clip(first - (upto - sizes), 0, sizes) / np.maximum(sizes, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            auroc = np.vecdot(hits, below) / (p * (n - p))
            average = np.vecdot(hits, recalled / np.maximum(upto, 1)) / p
            precision = np.where(n >= first, np.vecdot(hits, reached) / first, np.nan)
        return np.stack([auroc, average, precision], axis=1)

    return drawn


def _detection(draws: Array, n: int, positives: int, level: float) -> Detection:
    """From the measures of the images as they are, draws[0], and of resamples of them, draws[1:]: (1 + B, 3)."""

    def estimated(drawn: Array) -> Estimate:
        ends = (np.nan, np.nan) if np.isnan(drawn[0]) else interval(drawn[1:], level)
        return Estimate(float(drawn[0]), *ends, n)

    auroc, average_precision, precision = map(estimated, draws.T)
    return Detection(auroc, average_precision, precision, positives)
