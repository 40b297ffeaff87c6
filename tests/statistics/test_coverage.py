"""95 % intervals hold a known truth in 93 to 97 % of 1,000 samples of 300 from it; 400 resamples each."""

import numpy as np
import pytest

from analysis.statistics import correlation, correlation_difference, partial

TIMES, N, RESAMPLES = 1000, 300, 400
AB, AY, BY = 0.6, 0.6, 0.4  # correlations of normal a, b, y


def rank(r: float) -> float:
    """Spearman's correlation of normal variables whose Pearson's is r."""
    return 6 / np.pi * np.arcsin(r / 2)


def given(xy: float, xz: float, yz: float) -> float:
    return (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))


CASES = {
    "spearman": (lambda a, b, y, **o: correlation(a, y, "spearman", **o), rank(AY)),
    "pearson": (lambda a, b, y, **o: correlation(a, y, "pearson", **o), AY),
    "kendall": (lambda a, b, y, **o: correlation(a, y, "kendall", **o), 2 / np.pi * np.arcsin(AY)),
    "difference": (correlation_difference, rank(AY) - rank(BY)),
    "difference of Pearson's": (lambda a, b, y, **o: correlation_difference(a, b, y, "pearson", **o), AY - BY),
    "partial": (lambda a, b, y, **o: partial(a, y, b, **o), given(rank(AY), rank(AB), rank(BY))),
}


@pytest.mark.parametrize("what", CASES)
def test_intervals_cover_the_truth(what):
    statistic, truth = CASES[what]
    random, root = np.random.default_rng(0), np.linalg.cholesky([[1, AB, AY], [AB, 1, BY], [AY, BY, 1]])
    held = 0
    for i in range(TIMES):
        found = statistic(*(root @ random.normal(size=(3, N))), resamples=RESAMPLES, seed=i)
        held += found.low <= truth <= found.high
    assert 0.93 <= held / TIMES <= 0.97
