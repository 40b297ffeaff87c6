"""Several scores against one of them: how each goes with y, with and without a control, in the same resamples."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.statistics.associations import EXPLAINED, FEWEST
from analysis.statistics.coefficients import Kind, coefficients
from analysis.statistics.estimates import LEVEL, RESAMPLES, Array, bootstrap, defined, interval


def contest(
    columns: Mapping[str, Array],
    y: Array,
    given: Array,
    reference: str,
    kind: Kind = "spearman",
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> pd.DataFrame:
    """``correlation``, ``partial`` and ``difference`` of many columns at once: a row per column.

    Every column sees the same images: those at which all of them, y and the control are defined.
    Args: columns, name -> (N,); y (N,); given (N,), the control; reference, the column that the others are compared to.
    Returns: score; value, low, high (correlation with y); partial, partial_low, partial_high (given the control); lead,
        lead_low, lead_high (|value| less that of the reference, paired); n. NaN as in those three.
    """
    names = list(columns)
    *values, y, given = defined(*columns.values(), y, given)
    draws = np.full((1, 2 * len(names) + 1), np.nan)
    if len(y) >= FEWEST:
        with_y, with_given = coefficients([*values, given], y, kind), coefficients(values, given, kind)
        draws = bootstrap(lambda counts: np.hstack([with_y(counts), with_given(counts)]), len(y), resamples, seed)
    plain, control, crossed = np.split(draws, [len(names), len(names) + 1], axis=1)  # (1 + B, ...)
    left = (1 - control**2) * (1 - crossed**2)  # share of both variances that the control does not explain
    left[left < EXPLAINED] = np.nan
    partial = np.clip((plain - control * crossed) / np.sqrt(left), -1, 1)
    lead = np.abs(plain) - np.abs(plain[:, [names.index(reference)]])
    rows = {"score": names}
    for name, part in (("", plain), ("partial", partial), ("lead", lead)):
        low, high = np.transpose([interval(drawn[1:], level) for drawn in part.T])
        before = f"{name}_" if name else ""
        rows |= {name or "value": part[0], f"{before}low": low, f"{before}high": high}
    return pd.DataFrame(rows).assign(n=len(y))
