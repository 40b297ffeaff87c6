"""Several starts of a network: a statistic of each, how far they spread, and intervals over images and over both.

Letters as in the package, and S starts, networks trained alike but for their seed, M columns. Starts share the images,
and see the same resamples of them. An image at which a column is undefined for one start is left out of that column for
all its starts, so that they stay comparable; NaN where a statistic is undefined for one start, as where its scores are
all equal: a mean without that start would be of others than were asked for.

Two sources of chance. Other images would move all starts together, and each a little by itself. Another start would
differ from these. The interval over images alone is the percentile bootstrap's, of the mean over these starts; it says
nothing of other starts. To draw the starts as well would be the obvious interval over both, but the variance over S
starts drawn from S is too small by (S - 1) / S, a third of it where S = 3, and its uncertainty is ignored: where
starts differ more than images make them, such an interval of three starts holds the truth in 74 to 85 % of samples.

Instead, the mean of S starts has the variance  d / S + c:
  d, the variance between the values of these starts, S - 1 degrees of freedom: of all in which starts differ, whether
     as networks or in how they take to these very images;
  c, what images do to all starts alike: the covariance of two starts' values over resamples, the mean over pairs.
Nothing is counted twice. The interval is  mean +- sqrt(t^2 d / S + z^2 c)  with Student's t of S - 1 degrees of freedom
and the normal z: exact where one source is all there is, wider than needed between. In simulations that follow this
model it holds the truth in 95 to 98 % of samples of 3 starts, whatever the shares of the sources; Satterthwaite's
degrees of freedom for the same variance, in 92 to 98 %.

What it can claim with three starts: where the mean over all starts of this recipe lies, if starts are about normal.
What it cannot: where the next single start will lie, which varies more; whether starts are normal, or a rare one fails;
nor much, where starts differ: t is 4.3, and an effect is told from none only where it is 2.5 of the starts' standard
deviations. With two starts t is 12.7; with one, there is no interval over both.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy import special

from analysis.statistics.associations import drawn_coefficients
from analysis.statistics.coefficients import Kind
from analysis.statistics.detection import FIRST, MEASURES, Measure, detectors
from analysis.statistics.estimates import ENDS, RESAMPLES, Array, Estimate, bootstrap, interval


class OverStarts(NamedTuple):
    """A statistic of several starts of one network.

    each: of each start, with its interval over images; whether a verdict holds for every start is asked of these.
    lowest, highest, deviation: over starts; the standard deviation is that of a sample, NaN of one start.
    images: the mean over starts, with its interval over images, these starts fixed.
    both: the same mean, with its interval over images and starts; no ends where there is one start.
    """

    each: list[Estimate]
    lowest: float
    highest: float
    deviation: float
    images: Estimate
    both: Estimate


def correlation_over_starts(
    columns: Mapping[str, Array], y: Array, kind: Kind = "spearman", *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, OverStarts]:
    """Correlations of several scores with y over starts, all in the same resamples.

    Args: columns, name -> (S, N); y (N,), NaN where nobody was asked. Columns may differ in S.
    Raises ValueError for columns of another shape and an unknown kind.
    """
    y, values = _columns(y, columns)
    draws = drawn_coefficients([row for x in values for row in x], y, kind, resamples, seed)
    return _over_starts(columns, values, draws, (-1, 1))


def correlation_difference_over_starts(
    a: Array, b: Array, y: Array, kind: Kind = "spearman", *, resamples: int = RESAMPLES, seed: int = 0
) -> OverStarts:
    """How much more strongly a goes with y than b does, |r(a, y)| - |r(b, y)|: paired over images and starts.

    a, b: (S, N), row s of both from start s; y: (N,). Images are those at which both are defined for all starts.
    """
    y, (a, b) = _columns(y, {"a": a, "b": b})
    if len(a) != len(b):
        raise ValueError(f"scores that are compared must be of the same starts; got {len(a)} and {len(b)}")
    keep = ~(np.isnan(a[0]) | np.isnan(b[0]))
    y = y[keep]
    draws = np.abs(drawn_coefficients([*a[:, keep], *b[:, keep]], y, kind, resamples, seed))
    with_a, with_b = np.split(draws, 2, axis=1)
    return of_starts(with_a - with_b, len(y), (-1, 1))


def detection_over_starts(
    columns: Mapping[str, Array], event: Array, first: int = FIRST, *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, dict[Measure, OverStarts]]:
    """How well several scores find an event over starts, all in the same resamples; see ``detection``.

    Args: columns, name -> (S, N); event (N,), boolean, or 0, 1 and NaN where nobody knows.
    Raises ValueError for columns of another shape and what ``detectors`` refuses.
    """
    event, values = _columns(event, columns)
    draws = bootstrap(detectors([row for x in values for row in x], event, first), len(event), resamples, seed)
    of = [_over_starts(columns, values, draws[..., k], (0, 1)) for k in range(len(MEASURES))]
    return {name: {measure: of[k][name] for k, measure in enumerate(MEASURES)} for name in columns}


def of_starts(draws: Array, n: int, bounds: tuple[float, float] | None = None) -> OverStarts:
    """From a statistic of each start for the images as they are, draws[0], and for resamples, draws[1:]: (1 + B, S).

    n: the images. bounds: of the statistic, at which the interval over both ends, which is symmetric otherwise.
    """
    values, rest = draws[0], draws[1:]
    rest = rest[np.isfinite(rest).all(1)]  # a mean over other starts would be another statistic
    each = [Estimate(float(v), *_ends(v, drawn), n) for v, drawn in zip(values, draws[1:].T, strict=True)]
    count, mean = len(values), float(values.mean())
    deviation = float(values.std(ddof=1)) if count > 1 else np.nan
    images = Estimate(mean, *_ends(mean, rest.mean(1)), n)
    both = Estimate(mean, np.nan, np.nan, n)
    if count > 1 and len(rest) > 1 and np.isfinite(deviation):
        over = np.cov(rest.T)  # (S, S)
        shared = max(0.0, (over.sum() - over.trace()) / (count * (count - 1)))
        t, z = special.stdtrit(count - 1, ENDS[1]), special.ndtri(ENDS[1])
        half = np.sqrt(t**2 * deviation**2 / count + z**2 * shared)
        low, high = np.clip([mean - half, mean + half], *(bounds or (None, None)))
        both = Estimate(mean, float(low), float(high), n)
    return OverStarts(each, float(values.min()), float(values.max()), deviation, images, both)


def _ends(value: float, draws: Array) -> tuple[float, float]:
    return (np.nan, np.nan) if np.isnan(value) else interval(draws)


def _columns(y: Array, columns: Mapping[str, Array]) -> tuple[Array, list[Array]]:
    """y (N,) and the columns (S, N), at the images at which y is defined; NaN for all starts where one start has it."""
    y, values = np.asarray(y, dtype=float), []
    if y.ndim != 1:
        raise ValueError(f"y or the event must have a shape (N,); got {y.shape}")
    asked = ~np.isnan(y)
    for name, column in columns.items():
        x = np.asarray(column, dtype=float)
        if x.ndim != 2 or len(x) == 0 or x.shape[1] != len(y):
            raise ValueError(f"{name!r} must have a row per start, at least one, of {len(y)} images; got {x.shape}")
        values.append(np.where(np.isnan(x).any(0), np.nan, x)[:, asked])
    return y[asked], values


def _over_starts(
    columns: Mapping[str, Array], values: list[Array], draws: Array, bounds: tuple[float, float]
) -> dict[str, OverStarts]:
    """Each column's, from the draws of all, one start after the other: (1 + B, M S)."""
    parts = np.split(draws, np.cumsum([len(x) for x in values]), axis=1)[: len(values)]
    return {
        name: of_starts(part, int((~np.isnan(x[0])).sum()), bounds)
        for name, x, part in zip(columns, values, parts, strict=True)
    }
