"""How strongly scores correlate with y: coefficients with percentile bootstrap intervals over images."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.statistics.bins import EDGES, bin_index, binned
from analysis.statistics.coefficients import Coefficients, Kind, coefficients
from analysis.statistics.estimates import RESAMPLES, Array, Estimate, bootstrap, defined, interval, of_one_length
from analysis.statistics.once import KEPT, digest, remember

FEWEST = 3  # images, below which a correlation is undefined
FEWEST_RESAMPLED = 8  # images, below which it has no interval: that of 3 unrelated ones excludes 0 half of the time
EXPLAINED = 1e-9  # share of the variance, below which what the controls leave is rounding error


def correlation(
    x: ArrayLike, y: ArrayLike, kind: Kind = "spearman", *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Correlation of x and y, both (N,), with a percentile bootstrap interval over images.

    kind: "spearman", "pearson" or "kendall" (tau-b). NaN if x or y is constant, or if fewer than 3 pairs are defined;
    the interval is NaN if fewer than 8 are.
    """
    x, y = defined(x, y)
    draws = drawn_coefficients([x], y, kind, resamples, seed)
    return _estimate(draws[:, 0], len(y))


def correlations(
    columns: Mapping[str, ArrayLike] | pd.DataFrame,
    y: ArrayLike,
    kind: Kind = "spearman",
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Correlations of several columns with y, all on the same resamples: score, value, low, high, n.

    columns: name -> (N,). Each column is correlated over the images for which both it and y are defined; in a resample,
    over those of them that were drawn.
    """
    y, *values = of_one_length(y, *(column for _, column in columns.items()))
    labelled = ~np.isnan(y)
    values = [x[labelled] for x in values]
    draws = drawn_coefficients(values, y[labelled], kind, resamples, seed)
    rows = [
        {"score": name} | _estimate(draws[:, m], int((~np.isnan(x)).sum()))._asdict()
        for m, (name, x) in enumerate(zip(columns, values, strict=True))
    ]
    return pd.DataFrame(rows, columns=["score", *Estimate._fields])


def correlation_difference(
    a: ArrayLike, b: ArrayLike, y: ArrayLike, kind: Kind = "spearman", *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """How much more strongly a correlates with y than b does: |r(a, y)| - |r(b, y)|, paired over images; all (N,).

    Paired, because both correlations share the images and y; a test that treats them as independent would be wrong.
    """
    a, b, y = defined(a, b, y)
    draws = np.abs(drawn_coefficients([a, b], y, kind, resamples, seed))
    return _estimate(draws[:, 0] - draws[:, 1], len(y))


def partial(
    x: ArrayLike, y: ArrayLike, given: ArrayLike, kind: Kind = "spearman", *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Partial correlation of x and y, both (N,), controlling for one column (N,) or several (N, G).

    Pearson's is the correlation of the residuals of x and y after linear regression on the controls; Spearman's is the
    same for ranks, computed within each resample; Kendall's is his partial tau. All are computed from the correlation
    matrix. NaN if the controls explain x or y entirely.
    """
    controls = np.asarray(given, dtype=float)
    controls = controls[None] if controls.ndim == 1 else controls.T
    columns = defined(x, y, *controls)
    others = [_where_defined(columns[:m], columns[m], kind) for m in range(1, len(columns))]

    def drawn(counts: Array) -> Array:
        matrix = np.tile(np.eye(len(columns)), (len(counts), 1, 1))  # (B, 2 + G, 2 + G)
        for m, statistic in enumerate(others, start=1):
            matrix[:, m, :m] = matrix[:, :m, m] = statistic(counts)
        return _partial(matrix)

    draws = bootstrap(drawn, len(columns[0]), resamples, seed)
    return _estimate(draws, len(columns[0]))


def within_bins(
    x: ArrayLike,
    y: ArrayLike,
    edges: Sequence[float] = EDGES,
    kind: Kind = "spearman",
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Correlation of x and y within each bin of y: ``bin``, ``value``, ``low``, ``high``, ``n``, ``spread``.

    ``spread`` is the standard deviation of y within the bin, divided by that over all images. If it is small, the range
    of y is restricted, which alone weakens the correlation: bins must then not be compared with all images or with each
    other. Empty bins are kept, with n = 0.
    """
    x, y = defined(x, y)
    index = bin_index(y, edges)
    names = binned(y, edges).categories
    rows = []
    for k in range(len(names)):
        inside = index == k
        found = correlation(x[inside], y[inside], kind, resamples=resamples, seed=seed)
        spread = y[inside].std(ddof=1) / y.std(ddof=1) if inside.sum() >= 2 and np.ptp(y) > 0 else np.nan
        rows.append(found._asdict() | {"spread": spread})
    bins = pd.Categorical(names, categories=names, ordered=True)
    return pd.DataFrame({"bin": bins, **pd.DataFrame(rows)})


def drawn_coefficients(columns: Sequence[Array], y: Array, kind: Kind, resamples: int, seed: int) -> Array:
    """Each column's coefficient over the images for which it is defined: the sample's, then resamples', (1 + B, M).

    Columns, each (N,) like y, see the same resamples, whether they are requested together or one at a time.
    """
    names = [digest(x, y, kind, resamples, seed) for x in columns]
    found = {name: KEPT[name] for name in names if name in KEPT}
    missing = {name: x for name, x in zip(names, columns, strict=True) if name not in found}
    if missing:
        draws = bootstrap(_where_defined(list(missing.values()), y, kind), len(y), resamples, seed)
        for name, drawn in zip(missing, draws.T, strict=True):
            found[name] = drawn.copy()
            remember(name, found[name])
    return np.stack([found[name] for name in names], axis=1) if names else np.empty((1 + resamples, 0))


def _where_defined(columns: Sequence[Array], y: Array, kind: Kind) -> Coefficients:
    """Each column's coefficient over the images for which it is defined, as a statistic for ``bootstrap``."""
    masks = [~np.isnan(x) for x in columns]
    parts = []
    for keep in {mask.tobytes(): mask for mask in masks if mask.sum() >= FEWEST}.values():
        alike = [m for m, mask in enumerate(masks) if (mask == keep).all()]  # they share the ranks of y
        parts.append((alike, keep, coefficients([columns[m][keep] for m in alike], y[keep], kind)))

    def drawn(counts: Array) -> Array:
        result = np.full((len(counts), len(columns)), np.nan)
        for alike, keep, statistic in parts:
            result[:, alike] = statistic(counts if keep.all() else counts[:, keep])
        return result

    return drawn


def _estimate(draws: Array, n: int) -> Estimate:
    """From the value for the sample, draws[0], and those for its resamples, draws[1:]: (1 + B,)."""
    low, high = interval(draws[1:]) if n >= FEWEST_RESAMPLED else (np.nan, np.nan)
    return Estimate(float(draws[0]), low, high, n)


def _partial(matrix: Array) -> Array:
    """Correlation of the first two columns given the others, from the correlation matrix: (B, C, C) -> (B,)."""
    result = np.full(len(matrix), np.nan)
    known = ~np.isnan(matrix).any((1, 2))
    own, cross, given = matrix[known, :2, :2], matrix[known, :2, 2:], matrix[known, 2:, 2:]
    left = own - cross @ np.linalg.pinv(given, rtol=EXPLAINED, hermitian=True) @ cross.transpose(0, 2, 1)
    x, y = left[:, 0, 0], left[:, 1, 1]
    left[(x < EXPLAINED) | (y < EXPLAINED)] = np.nan
    result[known] = np.clip(left[:, 0, 1] / np.sqrt(x * y), -1, 1)
    return result
