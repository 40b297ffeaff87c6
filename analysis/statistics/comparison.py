"""Comparing correlations that share y: a test for two of them, and many scores against one on the same resamples."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from analysis.statistics.associations import EXPLAINED, correlation, drawn_coefficients
from analysis.statistics.coefficients import Kind
from analysis.statistics.estimates import RESAMPLES, Array, defined, interval


class Test(NamedTuple):
    """The statistic of a test, its two-sided p value, and the number of images."""

    statistic: float
    p: float
    n: int


def steiger(a: ArrayLike, b: ArrayLike, y: ArrayLike, kind: Kind = "spearman") -> Test:
    """Steiger's Z for dependent correlations: whether a and b correlate equally strongly with y, all (N,).

    The difference of the Fisher transforms of |r(a, y)| and |r(b, y)|, divided by its standard error, in which the
    covariance of the two is evaluated at their mean (Steiger 1980, Psychological Bulletin 87, eq. 10 and 14). It is
    positive if a correlates more strongly with y, and normally distributed if both correlate equally. The sign of a
    score that correlates negatively with y is reversed first, so the test means little if the sign of a correlation is
    in doubt. It was derived for Pearson's correlation of normal variables. For ranks it is an approximation: at a
    nominal level of 5 %, it finds a difference where there is none in about 6 % of samples. NaN if a correlation is
    undefined or 1, or if fewer than 4 images are defined; scores that order the images identically do not differ,
    p = 1. Raises ValueError for a kind other than "spearman" and "pearson".
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
    return Test(float(z), float(2 * special.ndtr(-abs(z))), len(y))


def compare_scores(
    columns: Mapping[str, ArrayLike],
    y: ArrayLike,
    given: ArrayLike,
    reference: str,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Spearman's ``correlation``, ``partial`` and ``correlation_difference`` of many columns at once: a row per column.

    Each column is compared with the reference on the images for which it, the reference, y and the control are defined.
    Args: columns, name -> (N,); y (N,); given (N,), the control; reference, the column with which the others are
        compared.
    Returns: score; value, low, high (correlation with y); partial, partial_low, partial_high (given the control); lead,
        lead_low, lead_high (|value| minus that of the reference, paired); n. NaN as in those three functions.
    """
    values = {name: np.asarray(x, dtype=float) for name, x in columns.items()}
    masks = {name: (~np.isnan([x, values[reference]])).all(0).tobytes() for name, x in values.items()}
    parts = []
    for mask in dict.fromkeys([masks[reference], *masks.values()]):  # usually one
        alike = {name: values[name] for name in values if masks[name] == mask} | {reference: values[reference]}
        parts.append(_compared(alike, y, given, reference, resamples, seed))
    rows = pd.concat(parts).drop_duplicates("score").set_index("score")  # the reference on all of its images
    return rows.loc[list(columns)].reset_index()


def _compared(
    columns: Mapping[str, Array], y: ArrayLike, given: ArrayLike, reference: str, resamples: int, seed: int
) -> pd.DataFrame:
    """``compare_scores`` of columns that are defined for the same images."""
    names = list(columns)
    *values, y, given = defined(*columns.values(), y, given)
    with_y = drawn_coefficients([*values, given], y, "spearman", resamples, seed)
    crossed = drawn_coefficients(values, given, "spearman", resamples, seed)  # (1 + B, M)
    plain, control = np.split(with_y, [len(names)], axis=1)
    left = (1 - control**2) * (1 - crossed**2)  # share of both variances that the control does not explain
    left[left < EXPLAINED] = np.nan
    partial = np.clip((plain - control * crossed) / np.sqrt(left), -1, 1)
    lead = np.abs(plain) - np.abs(plain[:, [names.index(reference)]])
    rows = {"score": names}
    for name, part in (("", plain), ("partial", partial), ("lead", lead)):
        low, high = np.transpose([interval(drawn[1:]) for drawn in part.T])
        before = f"{name}_" if name else ""
        rows |= {name or "value": part[0], f"{before}low": low, f"{before}high": high}
    return pd.DataFrame(rows).assign(n=len(y))
