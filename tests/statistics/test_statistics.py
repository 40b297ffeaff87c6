"""Statistics against closed forms, scipy and simulations with known truth."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis import statistics
from analysis.statistics import Estimate, correlation, correlation_difference, estimates, noise_ceiling
from analysis.statistics.coefficients import by_value, coefficients, ranks, sort

SCIPY = {"spearman": stats.spearmanr, "pearson": stats.pearsonr, "kendall": stats.kendalltau}


def tied(n: int = 80, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A score and an HSF that go together, both with ties."""
    random = np.random.default_rng(seed)
    hsf = random.binomial(10, random.beta(4, 1, n)) / 10
    return np.round(random.normal(size=n) - 2 * hsf, 1), hsf


@pytest.mark.parametrize("kind", SCIPY)
def test_correlations_are_scipys(kind):
    x, y = tied()
    found = correlation(x, y, kind, resamples=50)
    assert found.value == pytest.approx(SCIPY[kind](x, y)[0])
    assert found.low < found.value < found.high
    assert found.n == 80


@pytest.mark.parametrize("kind", SCIPY)
def test_a_monotone_score_correlates_perfectly(kind):
    x = np.arange(20.0)
    assert correlation(x, 3 * x + 1, kind, resamples=20) == pytest.approx(Estimate(1, 1, 1, 20))
    assert correlation(x, -x, kind, resamples=20) == pytest.approx(Estimate(-1, -1, -1, 20))


@pytest.mark.parametrize("kind", SCIPY)
def test_undefined_scores_are_left_out_and_counted(kind):
    x, y = tied()
    x[:7] = np.nan
    assert correlation(x, y, kind, resamples=20) == correlation(x[7:], y[7:], kind, resamples=20)
    assert correlation(x, y, kind, resamples=20).n == 73


@pytest.mark.parametrize("kind", SCIPY)
@pytest.mark.parametrize("constant", [0.1, 0.0, 1e6])
def test_a_constant_score_has_no_correlation(kind, constant):
    x, y = np.full(30, constant), np.arange(30.0)
    assert np.isnan(correlation(x, y, kind, resamples=10).value)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_images_have_no_correlation(n):
    found = correlation(np.arange(float(n)), np.arange(float(n)))
    assert np.isnan([found.value, found.low, found.high]).all()
    assert found.n == n


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"one shape.*\(3,\), \(4,\)"):
        correlation(np.zeros(3), np.zeros(4))


def resampled(n: int, resamples: int) -> tuple[np.ndarray, np.ndarray]:
    """Resamples of n images written out, (B, N) numbers of images, and as counts."""
    drawn = np.random.default_rng(1).integers(0, n, (resamples, n))
    return drawn, np.stack([np.bincount(row, minlength=n) for row in drawn]).astype(np.int32)


@pytest.mark.parametrize("kind", ["spearman", "pearson"])
@pytest.mark.parametrize("untied", [False, True])
def test_resamples_are_correlated_as_scipy_would(kind, untied):
    """Each resample, written out image by image: ranks are made anew within it."""
    x, y = tied(40)
    x = x + np.arange(40) * 1e-4 if untied else x
    drawn, counts = resampled(40, 30)
    expected = [SCIPY[kind](x[row], y[row])[0] for row in drawn]
    np.testing.assert_allclose(coefficients([x], y, kind)(counts)[:, 0], expected, atol=1e-12)


def test_kendalls_resamples_spread_as_scipys_would():
    """Tau-b of a resample is replaced by its projection: close to it, resample by resample, and as widely spread."""
    x, y = tied(300)
    drawn, counts = resampled(300, 300)
    expected = np.array([stats.kendalltau(x[row], y[row])[0] for row in drawn])
    found = coefficients([x], y, "kendall")(counts)[:, 0]
    assert np.corrcoef(found, expected)[0, 1] > 0.99
    assert found.std() == pytest.approx(expected.std(), rel=0.05)
    assert found.mean() == pytest.approx(expected.mean(), abs=expected.std() / 5)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1, max_size=20))
def test_ranks_are_those_of_the_images_written_out(pairs):
    values, counts = np.array(pairs).T
    written_out = np.repeat(values, counts)
    expected = dict(zip(written_out, stats.rankdata(written_out), strict=True))
    column = sort(values)
    found = (ranks(by_value(counts[None].astype(np.int32), column))[0] + 1) / 2
    for value, group, count in zip(values, column.group, counts, strict=True):
        assert count == 0 or found[group] == expected[value]


def test_an_interval_does_not_depend_on_the_size_of_batches(monkeypatch):
    x, y = tied()
    whole = correlation(x, y, resamples=100)
    monkeypatch.setattr(estimates, "BATCH", 300)
    assert correlation(x, y, resamples=100) == whole
    assert correlation(x, y, resamples=100, seed=1) != whole


def test_an_interval_is_of_percentiles():
    assert statistics.interval(np.arange(1001.0)) == pytest.approx((25, 975))
    assert statistics.interval(np.append(np.arange(101.0), np.nan)) == pytest.approx((2.5, 97.5))
    assert np.isnan(statistics.interval(np.array([np.nan, 1]))).all()


def test_a_score_has_no_lead_over_itself_reversed():
    x, y = tied()
    assert correlation_difference(x, -x, y, resamples=50) == Estimate(0, 0, 0, 80)


def test_a_difference_is_paired():
    """Two almost equal scores: paired, the interval is far narrower than that of either correlation."""
    x, y = tied(300)
    nudged = x + np.random.default_rng(2).normal(size=300) * 0.05
    lead = correlation_difference(x, nudged, y, resamples=200)
    alone = correlation(x, y, resamples=200)
    assert lead.high - lead.low < (alone.high - alone.low) / 5


def test_a_difference_uses_images_that_both_scores_have():
    x, y = tied()
    a, b = x.copy(), x.copy()
    a[0], b[1] = np.nan, np.nan
    assert correlation_difference(a, b, y, resamples=10).n == 78


def test_the_noise_ceiling_is_what_the_truth_itself_reaches():
    """People of a known law: the probabilities behind their answers are the best score there can be."""
    random = np.random.default_rng(3)
    truth = random.beta(4, 1, 4000)
    selected = random.binomial(20, truth)
    ceiling = noise_ceiling(selected, np.full(4000, 20), "pearson", resamples=50)
    assert ceiling.value == pytest.approx(stats.pearsonr(truth, selected / 20)[0], abs=0.01)
    assert ceiling.low < ceiling.value < ceiling.high
    assert ceiling.n == 4000


def test_more_people_raise_the_noise_ceiling():
    random = np.random.default_rng(4)
    truth = random.beta(4, 1, 1000)
    few, many = (
        noise_ceiling(random.binomial(shown, truth), np.full(1000, shown), resamples=20).value for shown in (4, 40)
    )
    assert 0.3 < few < many < 1


def test_people_who_answer_blindly_leave_no_ceiling():
    random = np.random.default_rng(5)
    assert noise_ceiling(random.binomial(10, 0.5, 2000), np.full(2000, 10), resamples=20).value < 0.3


def test_images_that_one_person_saw_are_left_out():
    assert noise_ceiling(np.array([1, 3, 2, 0, 4]), np.array([1, 4, 4, 4, 4]), resamples=5).n == 4


def test_people_who_all_agree_leave_the_ceiling_undefined():
    assert np.isnan(noise_ceiling(np.full(10, 7), np.full(10, 7), resamples=5).value)


def test_bins_hold_their_upper_edge():
    """Answers of 10 people fall on the edges; each k / 10 is where the interval notation says."""
    assert statistics.bin_names() == ["[0, 0.2]", "(0.2, 0.4]", "(0.4, 0.6]", "(0.6, 0.8]", "(0.8, 1]"]
    assert statistics.bin_index(np.arange(11) / 10).tolist() == [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_bins_may_hold_their_lower_edge():
    assert statistics.bin_names(closed="left") == ["[0, 0.2)", "[0.2, 0.4)", "[0.4, 0.6)", "[0.6, 0.8)", "[0.8, 1]"]
    assert statistics.bin_index(np.arange(11) / 10, closed="left").tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 4]


@given(st.integers(1, 60), st.data())
def test_bins_are_exact_for_any_number_of_people(shown, data):
    selected = data.draw(st.integers(0, shown))
    expected = max(0, -(-5 * selected // shown) - 1)  # ceil(5 HSF) - 1, in integers
    assert statistics.bin_index(np.array([selected]) / np.array([shown])) == [expected]


def test_values_beyond_the_edges_are_in_no_bin():
    assert statistics.bin_index([-0.1, 1.1, np.nan]).tolist() == [-1, -1, -1]
    assert statistics.binned([np.nan, 0.9]).tolist() == [np.nan, "(0.8, 1]"]


def test_means_have_students_interval():
    table = pd.DataFrame({"group": ["a"] * 5 + ["b"], "value": [1.0, 2, 3, 4, np.nan, 7]})
    found = statistics.means(table, ["group"], "value").set_index("group")
    low, high = stats.t.interval(0.95, 3, loc=2.5, scale=stats.sem([1, 2, 3, 4]))
    assert found.loc["a"].tolist() == pytest.approx([2.5, low, high, 4])
    assert found.loc["b", "mean"] == 7
    assert np.isnan(found.loc["b", ["low", "high"]].astype(float)).all()  # one image says nothing of the spread


@pytest.mark.parametrize("right", [0, 3, 20])
def test_shares_have_wilsons_interval(right):
    table = pd.DataFrame({"group": 0, "value": np.arange(20) < right})
    found = statistics.means(table, ["group"], "value").iloc[0]
    expected = stats.binomtest(right, 20).proportion_ci(method="wilson")
    assert found[["mean", "low", "high"]].tolist() == pytest.approx([right / 20, expected.low, expected.high])
    assert statistics.proportion(table["value"]) == pytest.approx((right / 20, expected.low, expected.high, 20))


def test_the_share_of_no_images_is_undefined():
    assert statistics.proportion([])[:3] == pytest.approx((np.nan,) * 3, nan_ok=True)


def test_medians_of_samples_are_those_of_the_repeated_images():
    random = np.random.default_rng(0)
    values, counts = random.normal(size=(9, 2)), random.integers(0, 3, (30, 9))
    values[3, 1] = np.nan  # left out
    counts[0] = 0
    found = statistics.medians(values, counts)
    assert np.isnan(found[0]).all()
    expected = [np.nanmedian(np.repeat(values, sample, axis=0), axis=0) for sample in counts[1:]]
    np.testing.assert_allclose(found[1:], expected)


def test_empty_bins_are_kept():
    table = pd.DataFrame({"bin": statistics.binned([0.1, 0.9, 0.95]), "value": [1.0, 2, 4]})
    found = statistics.means(table, ["bin"], "value")
    assert found["n"].tolist() == [1, 0, 0, 0, 2]
    assert found["mean"].isna().tolist() == [False, True, True, True, False]


def test_a_histogram_counts_every_image_once():
    random = np.random.default_rng(6)
    x, y, edges = random.random(500), random.random(500), np.arange(11) / 10
    cells = statistics.histogram(np.append(x, np.nan), np.append(y, 0.5), edges, edges)
    assert cells["n"].sum() == 500
    expected = np.histogram2d(x, y, bins=(edges, edges))[0]
    assert (cells.pivot(index="x_low", columns="y_low", values="n").to_numpy() == expected).all()


def test_a_histograms_cells_hold_their_upper_edge():
    edges = np.arange(3) / 2
    cells = statistics.histogram(np.array([0.0, 0.5, 1.0]), np.array([0.5, 0.5, 0.5]), edges, edges)
    assert cells["n"].tolist() == [2, 0, 1, 0]


def test_scaling_is_to_0_and_1():
    assert statistics.scaled([3, 5, np.nan, 4]).tolist()[:2] == [0, 1]
    assert np.isnan(statistics.scaled([2, 2])).all()
    assert np.isnan(statistics.scaled([np.nan])).all()


def test_scaling_within_classes_knows_no_other_class():
    values = np.array([1.0, 10, 3, 20, 2, 7, 1.5, 50, 2.5, 40, 30, np.nan, 9, 8, 7])
    found = statistics.scaled_within(values, np.array([0, 1, 0, 1, 0, 2, 0, 1, 0, 1, 1, 2, 2, 2, 2]))
    scaled = [0, 0, 1, 0.25, 0.5, np.nan, 0.25, 1, 0.75, 0.75, 0.5]
    np.testing.assert_array_equal(found, [*scaled, *[np.nan] * 4])  # with four defined images, a class has no scale


def test_a_handful_of_images_has_a_coefficient_and_no_interval():
    x = np.arange(8.0)
    for n, found in ((7, statistics.correlation(x[:7], x[:7] ** 2)), (8, statistics.correlation(x, x**2))):
        assert found.value == pytest.approx(1)
        assert np.isnan([found.low, found.high]).all() == (n < 8)
