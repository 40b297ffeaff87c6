"""Correlations of several scores, partial ones, those within bins, and the test of two: against closed forms."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import statistics
from analysis.statistics import correlation, correlations, partial, steiger, within_bins

SCIPY = {"spearman": stats.spearmanr, "pearson": stats.pearsonr, "kendall": stats.kendalltau}


def normal(n: int, *correlations: float, seed: int = 0, exact: bool = False) -> np.ndarray:
    """Normal variables (3, n) with correlations r01, r02, r12; exact: of this very sample, else of the population."""
    r01, r02, r12 = correlations
    root = np.linalg.cholesky([[1, r01, r02], [r01, 1, r12], [r02, r12, 1]])
    values = np.random.default_rng(seed).normal(size=(3, n))
    if exact:
        values = np.linalg.qr((values - values.mean(1, keepdims=True)).T)[0].T
    return root @ values


def scores(n: int = 90) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Scores with and without ties, and an HSF that they go with."""
    random = np.random.default_rng(0)
    hsf = random.binomial(10, random.beta(4, 1, n)) / 10
    plain = random.normal(size=n) - 2 * hsf
    return {"plain": plain, "tied": np.round(plain, 0), "other": random.normal(size=n)}, hsf


@pytest.mark.parametrize("kind", SCIPY)
def test_columns_together_are_as_each_alone(kind):
    columns, hsf = scores()
    found = correlations(columns, hsf, kind, resamples=200, seed=3)
    assert list(found) == ["score", "value", "low", "high", "n"]
    assert found["score"].tolist() == list(columns)
    for name, *row in found.itertuples(index=False):
        assert row == pytest.approx(list(correlation(columns[name], hsf, kind, resamples=200, seed=3)), abs=1e-12)
        assert row[0] == pytest.approx(SCIPY[kind](columns[name], hsf)[0])
    pd.testing.assert_frame_equal(correlations(pd.DataFrame(columns), hsf, kind, resamples=200, seed=3), found)


@pytest.mark.parametrize("kind", ["spearman", "kendall"])
def test_columns_see_the_same_resamples(kind):
    """A score, an increasing function of it, and its negative: the same interval, and the mirrored one."""
    columns, hsf = scores()
    x = columns["plain"]
    same, grown, mirrored = correlations({"x": x, "exp": np.exp(x), "-x": -x}, hsf, kind, resamples=100).to_numpy()
    assert same[1:].tolist() == grown[1:].tolist()
    np.testing.assert_allclose(mirrored[1:4].astype(float), -same[[1, 3, 2]].astype(float))


@pytest.mark.parametrize("kind", SCIPY)
def test_an_undefined_score_is_left_out_of_its_own_column_only(kind):
    columns, hsf = scores()
    whole = correlations(columns, hsf, kind, resamples=100).set_index("score")
    holes = columns["other"].copy()
    holes[:30] = np.nan
    found = correlations(columns | {"other": holes}, hsf, kind, resamples=100).set_index("score")
    pd.testing.assert_frame_equal(found.drop("other"), whole.drop("other"))
    row = found.loc["other"]
    assert row["n"] == 60
    assert row["value"] == pytest.approx(SCIPY[kind](holes[30:], hsf[30:])[0])
    alone = correlation(holes[30:], hsf[30:], kind, resamples=100)
    assert row["high"] - row["low"] == pytest.approx(alone.high - alone.low, rel=0.3)


def test_images_that_nobody_saw_are_left_out_of_every_column():
    columns, hsf = scores()
    found = correlations(columns, np.r_[np.full(5, np.nan), hsf[5:]], resamples=50)
    rest = correlations({name: x[5:] for name, x in columns.items()}, hsf[5:], resamples=50)
    pd.testing.assert_frame_equal(found, rest)


def test_columns_without_a_correlation_are_kept():
    found = correlations({"flat": np.ones(9), "none": np.full(9, np.nan), "x": np.arange(9.0)}, np.arange(9.0))
    assert found["n"].tolist() == [9, 0, 9]
    assert found["value"].isna().tolist() == [True, True, False]


def test_columns_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"one shape.*\(4,\), \(3,\)"):
        correlations({"x": np.zeros(3)}, np.zeros(4))


@pytest.mark.parametrize("call", [correlation, lambda *a: correlations({"x": a[0]}, *a[1:])])
def test_a_kind_that_is_none_is_refused(call):
    with pytest.raises(ValueError, match="unknown kind 'cosine'; allowed: spearman, pearson, kendall"):
        call(np.arange(5.0), np.arange(5.0), "cosine")


def test_many_columns_need_little_memory(printed_by):
    """Twelve scores of 10,000 images: 1 MB a column, and batches of resamples that stay as small."""
    code = """
import numpy as np
from analysis import statistics
columns, y = np.random.default_rng(0).normal(size=(12, 10_000)), np.arange(10_000) % 200
for kind in ("spearman", "pearson", "kendall"):
    statistics.correlations(dict(enumerate(columns[:, :100])), y[:100], kind, resamples=3)
before = peak()
for kind in ("spearman", "pearson", "kendall"):
    statistics.correlations(dict(enumerate(columns)), y, kind, resamples=100)
print(peak() - before)
"""
    assert printed_by(code) < 60


# --- partial correlations


def of_residuals(x: np.ndarray, y: np.ndarray, given: np.ndarray) -> float:
    """Pearson's correlation of what a linear regression on the controls leaves."""
    design = np.column_stack([np.ones(len(x)), given])
    left = [v - design @ np.linalg.lstsq(design, v)[0] for v in (x, y)]
    return stats.pearsonr(*left)[0]


@pytest.mark.parametrize("kind", SCIPY)
def test_a_partial_correlation_of_one_control_is_the_closed_form(kind):
    columns, hsf = scores()
    x, z = columns["tied"], columns["plain"] + columns["other"]
    xy, xz, yz = (SCIPY[kind](u, v)[0] for u, v in ((x, hsf), (x, z), (hsf, z)))
    found = partial(x, hsf, z, kind, resamples=50)
    assert found.value == pytest.approx((xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2)))
    assert found.low < found.value < found.high
    assert found.n == 90


def test_a_partial_correlation_is_of_residuals():
    columns, hsf = scores()
    given = np.column_stack([columns["other"], columns["tied"], np.random.default_rng(1).normal(size=90)])
    x = columns["plain"]
    assert partial(x, hsf, given, "pearson", resamples=2).value == pytest.approx(of_residuals(x, hsf, given))
    ranks = [stats.rankdata(v, axis=0) for v in (x, hsf, given)]
    assert partial(x, hsf, given, resamples=2).value == pytest.approx(of_residuals(*ranks))


def test_a_cause_that_two_scores_share_leaves_nothing():
    cause, a, b = np.random.default_rng(2).normal(size=(3, 2000))
    a, b = cause + a, cause + b
    found = partial(a, b, cause, resamples=200)
    assert correlation(a, b, resamples=2).value > 0.4
    assert found.low < 0 < found.high


def test_the_same_control_twice_is_that_control():
    columns, hsf = scores()
    x, z = columns["plain"], columns["other"]
    once, twice = (partial(x, hsf, given, resamples=30) for given in (z, np.column_stack([z, z, -z])))
    assert once == pytest.approx(twice)


@pytest.mark.parametrize("kind", ["spearman", "pearson"])
def test_a_control_that_explains_everything_leaves_no_correlation(kind):
    columns, hsf = scores()
    x = columns["plain"]
    for given in (x, -2 * x + 1, np.column_stack([columns["other"], x])):
        found = partial(x, hsf, given, kind, resamples=10)
        assert np.isnan([found.value, found.low, found.high]).all()
    assert np.isnan(partial(x, hsf, np.ones(90), kind, resamples=10).value)  # it has no correlation to take off


def test_partial_correlations_use_images_that_all_columns_have():
    columns, hsf = scores()
    x, given = columns["plain"].copy(), np.column_stack([columns["other"], columns["tied"]])
    x[0], given[1, 0], given[2, 1] = np.nan, np.nan, np.nan
    found = partial(x, hsf, given, resamples=20)
    assert found == partial(x[3:], hsf[3:], given[3:], resamples=20)
    assert found.n == 87


# --- within bins


def test_each_bin_has_its_own_correlation():
    columns, hsf = scores(300)
    x = columns["plain"].copy()
    x[0] = np.nan
    found = within_bins(x, hsf, resamples=30)
    assert list(found) == ["bin", "value", "low", "high", "n", "spread"]
    assert found["bin"].tolist() == statistics.bin_names()
    assert found["bin"].cat.ordered
    assert found["n"].sum() == 299
    inside = (hsf > 0.6) & (hsf <= 0.8) & ~np.isnan(x)
    row = found.iloc[3]
    assert row["value"] == pytest.approx(stats.spearmanr(x[inside], hsf[inside])[0])
    assert row["spread"] == pytest.approx(hsf[inside].std(ddof=1) / hsf[1:].std(ddof=1))


def test_bins_without_a_correlation_are_kept():
    y = np.array([0.1, 0.15, 0.5, 0.5, 0.5, 0.5, 0.9, 0.95, 0.85, 1.0])
    found = within_bins(np.arange(10.0), y, resamples=5)
    assert found["n"].tolist() == [2, 0, 4, 0, 4]
    assert found["value"].isna().tolist() == [True, True, True, True, False]  # two images; none; one HSF; none
    assert found["spread"].isna().tolist() == [False, True, False, True, False]
    assert found.loc[2, "spread"] == 0


def test_bins_may_have_other_edges():
    x, y = np.random.default_rng(0).normal(size=(2, 50))
    found = within_bins(x, y, [-9, 0, 9], "pearson", resamples=5)
    assert found["bin"].tolist() == ["[-9, 0]", "(0, 9]"]
    assert found.loc[0, "value"] == pytest.approx(stats.pearsonr(x[y < 0], y[y < 0])[0])


def test_a_restricted_range_lowers_the_correlation_as_the_spread_says():
    """Bivariate normal: within a bin of y, r' = r u / sqrt(1 - r^2 + r^2 u^2), u the spread (Thorndike)."""
    x, y, _ = normal(40_000, 0.7, 0, 0)
    found = within_bins(x, y, [-1.5, -0.5, 0.5, 1.5], "pearson", resamples=2)
    u = found["spread"]
    np.testing.assert_allclose(found["value"], 0.7 * u / np.sqrt(1 - 0.49 + 0.49 * u**2), atol=0.03)
    assert (found["value"] < 0.4).all()


# --- Steiger's test

# Results that the R package cocor (Diedenhofen and Musch 2015) prints as steiger1980, of published analyses:
# r(a, y), r(b, y), r(a, b), n, Z.
COCOR = [(0.0228, 0.3522, 0.3718, 553, -7.1345), (0.2493, 0.3395, 0.4082, 553, -2.0660)]


@pytest.mark.parametrize(("ay", "by", "ab", "n", "z"), COCOR)
def test_steigers_z_is_cocors(ay, by, ab, n, z):
    a, b, y = normal(n, ab, ay, by, exact=True)
    found = steiger(a, b, y, "pearson")
    assert found.statistic == pytest.approx(z, abs=0.003)  # of correlations that were printed to four digits
    assert found.p == pytest.approx(2 * stats.norm.cdf(z), rel=0.02)
    assert found.n == n


def test_steigers_z_is_of_strengths_whatever_the_direction():
    a, b, y = normal(200, 0.5, 0.6, 0.4, seed=1)
    found = steiger(a, b, y)
    assert found.statistic > 0
    for turned in (
        steiger(-a, b, y),
        steiger(a, -b, y),
        steiger(-a, -b, y),
        steiger(a, b, -y),
        steiger(np.exp(a), b, y),
    ):
        assert turned == pytest.approx(found)
    swapped = steiger(b, a, y)
    assert (swapped.statistic, swapped.p) == pytest.approx((-found.statistic, found.p))


def test_scores_in_the_same_order_do_not_differ():
    a, _, y = normal(50, 0.5, 0.6, 0.4)
    assert steiger(a, -np.exp(a), y) == (0, 1, 50)


@pytest.mark.parametrize("a", [np.ones(20), np.full(20, np.nan), np.arange(20.0)])
def test_a_correlation_of_none_or_one_cannot_be_tested(a):
    found = steiger(a, np.sin(np.arange(20)), np.arange(20.0))
    assert np.isnan([found.statistic, found.p]).all()


def test_steigers_test_is_of_spearmans_and_pearsons():
    with pytest.raises(ValueError, match="unknown kind 'kendall'; allowed: spearman, pearson"):
        steiger(*np.random.default_rng(0).normal(size=(3, 20)), "kendall")


@pytest.mark.parametrize(("kind", "most"), [("pearson", 0.06), ("spearman", 0.07)])
def test_steigers_test_errs_as_often_as_it_says(kind, most):
    """Equal correlations are told apart in about 5 % of samples; with ranks it is a little too ready to."""
    p = [steiger(*normal(200, 0.7, 0.6, 0.6, seed=i), kind).p for i in range(2000)]
    assert 0.04 < np.mean(np.array(p) < 0.05) < most


def test_steigers_test_finds_a_difference():
    p = [steiger(*normal(200, 0.7, 0.6, 0.45, seed=i)).p for i in range(200)]
    assert np.mean(np.array(p) < 0.05) > 0.8
