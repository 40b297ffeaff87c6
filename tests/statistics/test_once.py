"""What is kept is what would be computed, and is found only by what decides it."""

import numpy as np
import pytest

from analysis import statistics
from analysis.statistics import once


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    monkeypatch.setattr(once, "KEPT", {})
    from analysis.statistics import associations  # noqa: PLC0415

    monkeypatch.setattr(associations, "KEPT", once.KEPT)


def columns(n: int = 50) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(4, n))


@pytest.mark.parametrize("kind", ["spearman", "kendall"])
def test_a_column_is_the_same_alone_together_and_again(kind):
    a, b, c, y = columns()
    a[3] = np.nan
    alone = statistics.correlation(b, y, kind, resamples=20)
    together = statistics.correlations({"a": a, "b": b, "c": c}, y, kind, resamples=20)
    once.KEPT.clear()
    anew = statistics.correlations({"a": a, "b": b, "c": c}, y, kind, resamples=20)
    assert together.equals(anew)
    assert tuple(anew.iloc[1, 1:]) == alone


def test_whatever_decides_a_result_decides_whether_it_is_found():
    a, b, _, y = columns()
    asked = [(a, y), (b, y), (y, a), (a, y[::-1])]
    found = [statistics.correlation(*pair, resamples=20) for pair in asked]
    found += [statistics.correlation(a, y, resamples=20, seed=1), statistics.correlation(a, y, resamples=21)]
    found += [statistics.correlation(a, y, kind, resamples=20) for kind in ("pearson", "kendall")]
    assert len(once.KEPT) == len(found)
    assert len(set(found)) == len(found) - 1  # ranks of a with y are those of y with a


def test_a_result_is_computed_once_by_its_numbers():
    calls = []

    @once.once
    def total(values, *, power=1):
        calls.append(power)
        return float((values**power).sum())

    assert total(np.arange(4)) == total(np.arange(4)) == 6
    assert total(np.arange(4), power=2) == 14
    assert total(np.arange(4.0)) == 6
    assert calls == [1, 2, 1]


def test_no_more_is_kept_than_is_said(monkeypatch):
    monkeypatch.setattr(once, "MOST", 5)
    *_, y = columns()
    many = {str(i): x for i, x in enumerate(np.random.default_rng(2).normal(size=(8, 50)))}
    first = statistics.correlations(many, y, resamples=5)
    assert len(once.KEPT) <= 5
    assert statistics.correlations(many, y, resamples=5).equals(first)
