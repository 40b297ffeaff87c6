"""A test of two correlations that share y, beside the bootstrap of their difference."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from analysis.statistics.associations import correlation
from analysis.statistics.coefficients import Kind
from analysis.statistics.estimates import Array, defined


class Test(NamedTuple):
    """A test's statistic, its two-sided p, and the images behind it."""

    statistic: float
    p: float
    n: int


def steiger(a: Array, b: Array, y: Array, kind: Kind = "spearman") -> Test:
    """Whether a and b go equally strongly with y, all (N,): Steiger's Z for dependent correlations.

    The difference of the Fisher transforms of |r(a, y)| and |r(b, y)| over its standard error, in which the covariance
    of the two is taken at their mean (Steiger 1980, Psychological Bulletin 87, eq. 10 and 14); positive where a goes
    more strongly with y, normal where they go equally. A score that goes against y is turned round first, so the test
    means little where a correlation's sign is in doubt. It was derived for Pearson's correlation of normal variables;
    of ranks it is an approximation, and finds a difference where there is none in about 6 % of samples where 5 % is
    meant. NaN where a correlation is undefined, is 1, or fewer than 4 images are left; scores in the same order do not
    differ, p = 1. Raises ValueError for a kind other than "spearman" and "pearson".
    """
    if kind not in ("spearman", "pearson"):
        raise ValueError(f"unknown kind {kind!r}; allowed: spearman, pearson")
    a, b, y = defined(a, b, y)
    with_a, with_b, between = (correlation(u, v, kind, resamples=0).value for u, v in ((a, y), (b, y), (a, b)))
    between *= np.sign(with_a) * np.sign(with_b)
    first, second = abs(with_a), abs(with_b)
    if between > 1 - 1e-12:
        return Test(0.0, 1.0, len(y))
    if not (len(y) > 3 and max(first, second) < 1 - 1e-12 and np.isfinite(between)):
        return Test(np.nan, np.nan, len(y))
    mean = ((first + second) / 2) ** 2
    shared = between * (1 - 2 * mean) - mean * (1 - 2 * mean - between**2) / 2
    shared /= (1 - mean) ** 2
    z = (np.arctanh(first) - np.arctanh(second)) * np.sqrt((len(y) - 3) / (2 - 2 * shared))
    return Test(float(z), float(2 * stats.norm.sf(abs(z))), len(y))
