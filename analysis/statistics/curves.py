"""Curves over epochs or steps: means over all images, over groups of images, and over resamples of them."""

from typing import NamedTuple

import numpy as np

from analysis.statistics.estimates import BATCH, RESAMPLES, Array, bootstrap

CURVES_BATCH = 8 * BATCH  # each batch reads the scores of all epochs anew, which takes longer than to sum them


class Curves(NamedTuple):
    """Curves of groups of images: for the sample, [0], and for B resamples of it, [1:]."""

    n: Array  # (1 + B, K, E): number of defined values
    mean: Array  # (1 + B, K, E); NaN if n is 0
    variance: Array  # (1 + B, K, E): within the group


def curves(values: Array, groups: Array | None = None, *, resamples: int = RESAMPLES, seed: int = 0) -> Curves:
    """Means over images at each epoch or step, also for bootstrap resamples of the images: values (N, E).

    An image is drawn with its values at all times. The same seed and N draw the same images, so that statistics of two
    scores, or of two networks, are paired. groups (N,): the number of each image's group, from 0; -1 for none.
    """
    values = np.asarray(values, dtype=float)
    groups = np.zeros(len(values), dtype=int) if groups is None else np.asarray(groups)
    members = [np.flatnonzero(groups == k) for k in range(groups.max(initial=0) + 1)]
    defined = ~np.isnan(values)
    filled = np.where(defined, values, 0.0)
    # Subtracted before squaring: squares of large norms would cancel. It is an integer, so that equal shares of zeros
    # and ones stay equal to the last bit, and equal accuracies are tied on every machine.
    middle = np.round(filled.sum() / max(defined.sum(), 1))
    filled = np.where(defined, values - middle, 0.0)

    columns = np.concatenate([defined, filled, filled**2], axis=1)  # (N, 3 E)
    parts = [columns[i] for i in members]

    def sums(counts: Array) -> Array:
        weights = counts.astype(float)
        return np.stack([weights[:, i] @ part for i, part in zip(members, parts, strict=True)], axis=1)

    n, first, second = np.split(bootstrap(sums, len(values), resamples, seed, CURVES_BATCH), 3, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = first / n
        return Curves(n, mean + middle, np.maximum(second / n - mean**2, 0))


def curve_correlation(a: Array, b: Array) -> Array:
    """Spearman's correlation of two curves over time: (..., E), (..., E) -> (...); NaN if one is constant."""
    from scipy import stats  # noqa: PLC0415

    a, b = (stats.rankdata(x, axis=-1, nan_policy="propagate") for x in (a, b))
    a, b = (x - x.mean(-1, keepdims=True) for x in (a, b))
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = (a * b).sum(-1) / np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    return found


def time_to_plateau(curve: Array, share: float = 0.95) -> Array:
    """The first time at which a curve has completed this share of its total fall: (..., E) -> (...).

    The total fall is that from its start to its minimum. Times count from 0. NaN if the curve never falls below its
    start. For a rise, pass the negative of the curve.
    """
    start, lowest = curve[..., :1], curve.min(-1, keepdims=True)
    when = (curve <= start - share * (start - lowest)).argmax(-1).astype(float)
    return np.where((lowest < start)[..., 0], when, np.nan)


def slope(curve: Array) -> Array:
    """Least-squares slope of a curve, per time step: (..., E) -> (...)."""
    time = np.arange(curve.shape[-1]) - (curve.shape[-1] - 1) / 2
    steepness: Array = (curve * time).sum(-1) / (time * time).sum()
    return steepness


def slope_ratio(before: Array, after: Array) -> Array:
    """Slope of a curve after an event, divided by its slope before: (..., E), (..., E') -> (...).

    If the slope before is not positive: infinite if the slope after is positive, otherwise NaN.
    """
    before, after = slope(before), slope(after)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(before > 0, after / before, np.where(after > 0, np.inf, np.nan))


def order_share(means: Array) -> Array:
    """Share of times at which the mean falls from each group to the next: (..., K, E) -> (...)."""
    share: Array = (np.diff(means, axis=-2) < 0).all(-2).mean(-1)
    return share


def cohens_f(groups: Curves) -> Array:
    """Cohen's f at each time: how far apart groups are, in standard deviations within groups, (1 + B, E).

    The square root of the variance between the group means divided by the pooled variance within groups, both weighted
    by the number of images (Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, ch. 8). It has no unit,
    so different scores can be compared.
    """
    total = groups.n.sum(-2)
    mean = np.where(groups.n > 0, groups.mean, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        grand = (groups.n * mean).sum(-2) / total
        between = (groups.n * (mean - grand[..., None, :]) ** 2).sum(-2) / total
        within = (groups.n * np.where(groups.n > 0, groups.variance, 0.0)).sum(-2) / total
        return np.where(within > 0, np.sqrt(between / within), np.nan)


def kendall_tau(x: Array, y: Array) -> Array:
    """Kendall's tau-b over the last axis: (..., A), (..., A) -> (...); NaN if one of them is constant."""
    a, b = (np.sign(v[..., :, None] - v[..., None, :]) for v in (x, y))  # (..., A, A)
    with np.errstate(divide="ignore", invalid="ignore"):
        tau: Array = (a * b).sum((-2, -1)) / np.sqrt((a * a).sum((-2, -1)) * (b * b).sum((-2, -1)))
    return tau
