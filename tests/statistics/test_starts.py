"""Statistics over starts: against each start alone, drawn-out algebra, and simulations with a known truth."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics import (
    MEASURES,
    correlation,
    correlation_difference_over_starts,
    correlation_over_starts,
    detection_over_starts,
    of_starts,
)
from analysis.statistics.associations import drawn_coefficients

SCIPY = {"spearman": stats.spearmanr, "pearson": stats.pearsonr, "kendall": stats.kendalltau}


def starts(n: int = 90, count: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A score of several starts, (S, N), and an HSF, mostly 1, that it falls with."""
    random = np.random.default_rng(seed)
    hsf = np.minimum(1, random.binomial(10, random.beta(4, 1, n)) / 9)
    return np.round(random.normal(size=n) - 2 * hsf + random.normal(size=(count, n)), 1), hsf


@pytest.mark.parametrize("kind", SCIPY)
def test_each_start_is_as_alone(kind):
    x, hsf = starts()
    found = correlation_over_starts({"x": x}, hsf, kind, resamples=100, seed=2)["x"]
    alone = [correlation(row, hsf, kind, resamples=100, seed=2) for row in x]
    assert np.array(found.each) == pytest.approx(np.array(alone), abs=1e-12)
    values = [SCIPY[kind](row, hsf)[0] for row in x]
    assert (found.lowest, found.highest) == pytest.approx((min(values), max(values)))
    assert found.deviation == pytest.approx(np.std(values, ddof=1))
    assert found.images.value == found.both.value == pytest.approx(np.mean(values))
    assert found.both.low < found.images.value < found.both.high
    assert found.images.n == found.both.n == 90


def test_the_interval_over_images_is_of_the_mean_in_joint_resamples():
    draws = np.random.default_rng(0).normal([0.1, 0.2, 0.3], size=(201, 3))
    found = of_starts(draws, 50)
    assert found.images[1:3] == pytest.approx(tuple(np.quantile(draws[1:].mean(1), [0.025, 0.975])))


def test_the_interval_over_both_adds_what_starts_share_to_how_they_differ():
    draws = np.random.default_rng(1).multivariate_normal(np.zeros(3), 0.01 * (np.eye(3) + 2), 5000)
    draws[0] = [0.1, 0.2, 0.6]
    found = of_starts(draws, 50)
    half = np.sqrt(stats.t.ppf(0.975, 2) ** 2 * np.var(draws[0], ddof=1) / 3 + stats.norm.ppf(0.975) ** 2 * 0.02)
    assert found.both.high - found.both.value == pytest.approx(half, rel=0.01)
    assert found.both.value - found.both.low == pytest.approx(half, rel=0.01)
    assert of_starts(draws, 50, (-0.2, 0.5)).both[1:3] == (-0.2, 0.5)


def test_one_start_has_no_interval_over_starts():
    x, hsf = starts(count=1)
    found = correlation_over_starts({"x": x}, hsf, resamples=50)["x"]
    alone = correlation(x[0], hsf, resamples=50)
    assert found.images == pytest.approx(alone)
    assert found.lowest == found.highest == pytest.approx(alone.value)
    assert np.isnan([found.deviation, found.both.low, found.both.high]).all()
    assert found.both.value == pytest.approx(alone.value)


def test_starts_that_are_copies_vary_with_images_alone():
    x, hsf = starts(count=1)
    found = correlation_over_starts({"x": np.tile(x, (3, 1))}, hsf, resamples=1000)["x"]
    assert found.deviation == pytest.approx(0)
    assert found.both.high - found.both.low == pytest.approx(found.images.high - found.images.low, rel=0.1)


def test_columns_together_are_as_each_alone():
    x, hsf = starts()
    holed = x.copy()
    holed[1, :8] = np.nan
    found = correlation_over_starts({"x": x, "pair": -x[:2], "holed": holed}, hsf, resamples=60)
    assert found["x"] == correlation_over_starts({"x": x}, hsf, resamples=60)["x"]
    assert found["pair"].each[1].value == pytest.approx(-found["x"].each[1].value)
    rest = correlation_over_starts({"x": x[:, 8:]}, hsf[8:], resamples=0)["x"]
    assert [e.value for e in found["holed"].each] == pytest.approx([e.value for e in rest.each])
    assert {e.n for e in found["holed"].each} == {82}


def test_images_that_nobody_saw_are_left_out():
    x, hsf = starts()
    found = correlation_over_starts({"x": x}, np.r_[np.full(5, np.nan), hsf[5:]], resamples=30)
    assert found == correlation_over_starts({"x": x[:, 5:]}, hsf[5:], resamples=30)


@pytest.mark.parametrize("kind", SCIPY)
def test_a_start_whose_scores_are_all_equal_is_not_passed_over(kind):
    x, hsf = starts()
    x[1] = 0.3
    found = correlation_over_starts({"x": x}, hsf, kind, resamples=30)["x"]
    assert np.isfinite(found.each[0].value)
    assert np.isnan(found.each[1][:3]).all()
    assert np.isnan([*found.images[:3], *found.both[:3], found.deviation]).all()


@pytest.mark.parametrize("n", [0, 1, 2, 5, 9])
def test_few_images_raise_nothing(n):
    x, hsf = starts(n)
    found = correlation_over_starts({"x": x}, hsf, resamples=30)["x"]
    assert [e.n for e in found.each] == [n] * 3
    assert n >= 3 or np.isnan(found.both[:3]).all()
    assert detection_over_starts({"x": x}, hsf < 0.8, 2, resamples=30)["x"]["auroc"].both.n == n


@pytest.mark.parametrize("kind", SCIPY)
def test_differences_are_paired_over_images_and_starts(kind):
    (a, hsf), (b, _) = starts(), starts(seed=1)
    found = correlation_difference_over_starts(a, b, hsf, kind, resamples=80)
    for u, v, one in zip(a, b, found.each, strict=True):
        with_u, with_v = drawn_coefficients([u, v], hsf, kind, 80, 0).T  # of the sample, and on the same resamples
        assert one.value == pytest.approx(with_u[0] - with_v[0])
        assert one[1:3] == pytest.approx(tuple(np.quantile((with_u - with_v)[1:], [0.025, 0.975])))
    same = correlation_difference_over_starts(a, a, hsf, kind, resamples=80)
    assert same.both[:3] == pytest.approx((0, 0, 0), abs=1e-12)
    turned = correlation_difference_over_starts(a, -a, hsf, kind, resamples=80)  # a wrong sign counts against a score
    assert [e.value for e in turned.each] == pytest.approx([2 * correlation(u, hsf, kind).value for u in a])


def test_detection_over_starts_is_that_of_each():
    x, hsf = starts()
    event = hsf < 0.8
    found = detection_over_starts({"x": x}, event, 9, resamples=60)["x"]
    alone = [detection_over_starts({"x": row[None]}, event, 9, resamples=60)["x"] for row in x]
    assert list(found) == list(MEASURES)
    for measure in MEASURES:
        assert found[measure].each == [one[measure].images for one in alone]
        assert 0 <= found[measure].both.low <= found[measure].both.high <= 1


def test_without_the_event_nothing_is_found():
    found = detection_over_starts({"x": starts()[0]}, np.zeros(90), resamples=20)["x"]["auroc"]
    assert np.isnan([*found.images[:3], *found.both[:3]]).all()
    assert found.both.n == 90


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        (np.zeros(90), r"'x' must have a row per start.*90 images; got \(90,\)"),
        (np.zeros((3, 80)), r"'x' must have a row per start.*got \(3, 80\)"),
        (np.zeros((0, 90)), r"at least one.*got \(0, 90\)"),
    ],
)
def test_columns_of_another_shape_are_refused(column, sentence):
    with pytest.raises(ValueError, match=sentence):
        correlation_over_starts({"x": column}, starts()[1])


def test_no_columns_have_no_values():
    assert correlation_over_starts({}, np.arange(5.0)) == detection_over_starts({}, np.arange(5) < 2) == {}


def test_scores_of_other_starts_are_not_compared():
    x, hsf = starts()
    with pytest.raises(ValueError, match="have the same starts; got 3 and 2"):
        correlation_difference_over_starts(x, x[:2], hsf)


@given(st.integers(0, 10_000), st.integers(2, 4))
def test_order_is_all_that_matters_to_ranks_and_starts_have_none(seed, count):
    x, hsf = starts(20, count, seed)
    columns = {"x": x, "grown": np.exp(x), "turned": x[::-1]}
    plain, grown, turned = correlation_over_starts(columns, hsf, resamples=20).values()
    np.testing.assert_equal(grown, plain)
    np.testing.assert_allclose([turned.images, turned.both], [plain.images, plain.both])
    mixed = np.random.default_rng(0).permutation(20)
    again = correlation_over_starts({"x": x[:, mixed]}, hsf[mixed], resamples=0)["x"]
    np.testing.assert_allclose([e.value for e in again.each], [e.value for e in plain.each])


# --- coverage


def naive(draws: np.ndarray, random: np.random.Generator) -> tuple[float, float]:
    """Starts drawn with the images, from as many as there are: the percentile interval that is not used."""
    size, count = draws.shape
    drawn = np.take_along_axis(draws, random.integers(0, count, (size, count)), 1)
    return tuple(np.quantile(drawn.mean(1), [0.025, 0.975]))


@pytest.mark.parametrize("own", [0.0, 0.5, 1.5])
@pytest.mark.parametrize("between", [0.0, 0.3, 1.0, 2.0, 5.0])
def test_the_interval_over_both_covers_the_truth_whatever_the_shares(between, own):
    """Values 0 + what images do to all starts, of sd 1, + to each, own, + what starts are, between; 3 starts."""
    random, times, held, held_naive = np.random.default_rng(0), 1500, 0, 0
    for _ in range(times):
        values = random.normal() + random.normal(size=3) * own + random.normal(size=3) * between
        noise = random.normal(size=(400, 1)) + own * random.normal(size=(400, 3))
        draws = np.vstack([values, values + noise])
        both = of_starts(draws, 100).both
        held += both.low <= 0 <= both.high
        low, high = naive(draws[1:], random)
        held_naive += low <= 0 <= high
    assert 0.935 <= held / times <= 0.99
    assert between < 5 or held_naive / times < 0.9


@pytest.mark.parametrize("spread", [0.0, 0.1, 0.2])
def test_the_interval_over_both_covers_the_mean_of_spearmans_over_all_starts(spread):
    """Starts whose correlation with y is drawn, noise that is half theirs and half shared: 150 images, 3 starts."""
    random, times, held = np.random.default_rng(1), 300, 0
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    truth = np.average(6 / np.pi * np.arcsin((0.3 + spread * nodes) / 2), weights=weights)
    for i in range(times):
        r = np.clip(0.3 + spread * random.normal(size=(3, 1)), -1, 1)
        y, noise = random.normal(size=150), np.sqrt(0.5) * (random.normal(size=150) + random.normal(size=(3, 150)))
        both = correlation_over_starts({"x": r * y + np.sqrt(1 - r**2) * noise}, y, resamples=200, seed=i)["x"].both
        held += both.low <= truth <= both.high
    assert 0.92 <= held / times <= 0.995


def test_a_network_takes_seconds():
    """14 scores of 3 starts, 10,000 images: 1.4 s on one thread, so four networks take 6."""
    random = np.random.default_rng(0)
    hsf = random.binomial(50, random.beta(9, 0.6, 10_000)) / 50
    columns = {str(i): random.normal(size=(3, 10_000)) for i in range(14)}
    start = time.process_time()
    correlation_over_starts(columns, hsf)
    assert time.process_time() - start < 15
