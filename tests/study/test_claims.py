"""Each claim's rule, fed tables in which it must come out each of the three ways."""

import re
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import statistics
from analysis.statistics import Estimate
from analysis.study import claims
from analysis.study.claims import CLAIMS
from analysis.study.results import NetworkResults, StudyResults
from analysis.study.verdicts import INCONCLUSIVE, NOT_SUPPORTED, SUPPORTED, VERDICTS, Finding, Part, conclude

RULES = {claim.id: claim for claim in CLAIMS}
EPOCHS = 12  # the rate falls after 4 and 8
TIME = np.arange(EPOCHS) / (EPOCHS - 1)
CLIMB = np.r_[0, 0.1, 0.2, 0.3, 2, 2.5, 3, 3.5, 4, 4.1, 4.2, 4.3]  # steeper after the first drop
SOON = np.minimum(0.9, 0.1 + 20 * TIME)
STEPS = 40
ROOT = Path(__file__).parent.parent.parent
NUMBER = re.compile(r"\d+(?:\.\d+)?")


def mixed(y: np.ndarray, r: float, seed: int) -> np.ndarray:
    """A score whose correlation with y is about r."""
    noise = np.random.default_rng(seed).normal(size=len(y))
    return r * (y - y.mean()) / y.std() + np.sqrt(1 - r * r) * noise


def network(arch: str, hsf: np.ndarray, seed: int = 0, **given) -> NetworkResults:
    """A network's results. Curves (E,) or (N, E) are means; ``noise`` is of single images around them."""
    n = len(hsf)
    values = {
        "confidence": mixed(hsf, 0.2, 1),
        "norm_in_class": mixed(hsf, 0.0, 2),
        "avh": mixed(hsf, -0.8, 3),
        "accuracy": 0.2 + 0.7 * TIME,
        "norms": 10 + CLIMB,
        "avhs": 0.1 - 0.02 * np.minimum(1, 20 * TIME) - 0.02 * hsf[:, None],
        "step_norms": 5 + np.minimum(np.arange(STEPS + 1), 10) + 0.01 * np.arange(STEPS + 1),
        "step_angles": 2 - 0.1 * np.minimum(np.arange(STEPS + 1), 10) - 0.1 * hsf[:, None],
        "losses": None,  # as accuracy
        "drops": (4, 8),
        "noise": 0.001,
        "right": 0.5,
    } | given
    random = np.random.default_rng(seed)

    def table(time: str, first: int, **curves: np.ndarray) -> pd.DataFrame:
        length = next(iter(curves.values())).shape[-1]
        columns = {k: np.broadcast_to(v, (n, length)) + values["noise"] * random.normal(size=(n, length))
                   for k, v in curves.items()}  # fmt: skip
        index = {time: np.repeat(np.arange(first, first + length), n), "image": np.tile(np.arange(n), length)}
        return pd.DataFrame(index | {name: column.T.ravel() for name, column in columns.items()})

    length = len(values["accuracy"])
    initial = [np.concatenate([np.broadcast_to(v, (n, length))[:, :1], np.broadcast_to(v, (n, length))], 1)
               for v in (values["norms"], values["avhs"])]  # fmt: skip
    epochs = table("epoch", 0, norm=initial[0], avh=initial[1])
    shares = np.r_[0, values["accuracy"]]
    epochs["correct"] = (np.arange(n)[:, None] < shares * n).T.ravel()
    rate = 0.1 ** np.sum([np.arange(length) >= drop for drop in values["drops"]], axis=0)
    losses = 1 - values["accuracy"] if values["losses"] is None else values["losses"]
    training = pd.DataFrame({"epoch": np.arange(length) + 1, "learning_rate": rate, "loss": losses})
    scores = pd.DataFrame({name: values[name] for name in ("confidence", "norm_in_class", "avh")})
    scores["correct"] = np.random.default_rng(9).random(n) < values["right"]
    run = NetworkResults(arch, Path(), {"images": {"train": 100}}, scores)
    run.__dict__["training"] = training
    run.__dict__["epochs"] = epochs
    run.__dict__["iterations"] = table("step", 0, norm=values["step_norms"], angle=values["step_angles"])
    return run


def people(n: int) -> np.ndarray:
    """HSF of n images with equally many in each of the paper's bins."""
    return np.tile([5, 15, 25, 35, 45], -(-n // 5))[:n] / 50


def study(
    n: int = 200, networks: tuple[dict, ...] = ({},), *, hsf: np.ndarray | None = None, asked: bool = True
) -> StudyResults:
    hsf = people(n) if hsf is None else hsf
    images = pd.DataFrame({"id": np.arange(len(hsf)), "label": 0})
    if asked:
        images = images.assign(selected=np.round(hsf * 50).astype(int), shown=50)
    runs = {f"net{i}": network(f"net{i}", hsf, seed=i, **given) for i, given in enumerate(networks)}
    return StudyResults("made up", {}, images, runs)


def flat(value: float) -> np.ndarray:
    return np.full(EPOCHS, value)


def better(*avh_shifts: float | np.ndarray) -> tuple[dict, ...]:
    """Networks of rising accuracy whose AVH is shifted."""
    return tuple({"avh": mixed(people(200), -0.8, 3) + s, "right": 0.3 + 0.2 * i} for i, s in enumerate(avh_shifts))


def net(**given) -> dict:
    return {"networks": (given,)}


H = people(200)
NOISY = mixed(H, -0.5, 5)
CASES = [
    ("H1", net(), SUPPORTED),
    ("H1", net(confidence=mixed(H, 0.9, 1)), NOT_SUPPORTED),
    ("H1", net(confidence=mixed(H, -0.9, 1)), NOT_SUPPORTED),  # strong the other way round is strong too
    ("H1", net(confidence=mixed(H, 0.5, 1)), INCONCLUSIVE),
    ("H1", {"asked": False}, INCONCLUSIVE),
    ("H1", {"n": 20}, INCONCLUSIVE),
    ("P1", {"n": 4000}, SUPPORTED),
    ("P1", net(norm_in_class=mixed(H, 0.6, 1)), NOT_SUPPORTED),
    ("P1", net(norm_in_class=mixed(H, -0.6, 1)), NOT_SUPPORTED),
    ("P1", {}, INCONCLUSIVE),  # 200 images cannot tell 0 from 0.1
    ("P1", net(norm_in_class=np.full(200, np.nan)), INCONCLUSIVE),  # no class is large enough
    ("P2a", net(avh=mixed(H, -0.4, 3)), SUPPORTED),
    ("P2a", net(avh=mixed(H, 0.8, 3)), NOT_SUPPORTED),  # the wrong sign
    ("P2a", net(avh=mixed(H, -0.4, 3), confidence=mixed(H, 0.9, 1)), SUPPORTED),  # confidence is P2c's
    ("P2a", net(avh=mixed(H, 0.0, 2)), INCONCLUSIVE),
    ("P2a", {"asked": False}, INCONCLUSIVE),
    ("P2b", net(), SUPPORTED),
    ("P2b", net(avh=mixed(H, -0.2, 3)), NOT_SUPPORTED),  # it falls, but not strongly
    ("P2b", net(avh=mixed(H, 0.8, 3)), NOT_SUPPORTED),  # strong the other way round is no support
    ("P2b", net(avh=mixed(H, -0.5, 3)), INCONCLUSIVE),
    ("P2b", {"n": 20}, INCONCLUSIVE),
    ("P2c", net(), SUPPORTED),
    ("P2c", net(avh=mixed(H, -0.4, 3), confidence=mixed(H, 0.9, 1)), NOT_SUPPORTED),
    ("P2c", net(avh=NOISY, confidence=-NOISY + 0.1 * mixed(H, 0, 6)), INCONCLUSIVE),
    ("P2c", net(avh=np.full(200, np.nan)), INCONCLUSIVE),
    ("P2c", {"asked": False}, INCONCLUSIVE),
    ("Obs. 1", net(), SUPPORTED),
    ("Obs. 1", net(norms=10 - CLIMB), NOT_SUPPORTED),
    ("Obs. 1", net(norms=np.sqrt(TIME)), NOT_SUPPORTED),  # they rise together, but the drop adds nothing
    ("Obs. 1", net(norms=10 + CLIMB, noise=30.0), INCONCLUSIVE),
    ("Obs. 1", net(drops=()), INCONCLUSIVE),
    ("Obs. 1", net(accuracy=TIME[:8], norms=CLIMB[:8], avhs=TIME[:8]), INCONCLUSIVE),
    ("Obs. 2", net(), SUPPORTED),
    ("Obs. 2", net(accuracy=SOON, avhs=1 - TIME), NOT_SUPPORTED),
    (
        "Obs. 2",
        net(accuracy=SOON, losses=1 - TIME, avhs=1 - np.minimum(TIME, 0.4)),
        NOT_SUPPORTED,
    ),  # before the loss only
    ("Obs. 2", net(avhs=1 - TIME), NOT_SUPPORTED),  # together is not earlier
    ("Obs. 2", net(avhs=1 - np.minimum(TIME, 0.85), noise=1.0), INCONCLUSIVE),
    ("Obs. 2", net(avhs=TIME), INCONCLUSIVE),  # it never falls
    ("Obs. 2", net(accuracy=flat(0.5)), INCONCLUSIVE),
    ("Obs. 3", net(), SUPPORTED),
    ("Obs. 3", net(avhs=0.1 + 0.02 * H[:, None] - 0.01 * TIME), NOT_SUPPORTED),
    ("Obs. 3", net(norms=10 + CLIMB + 100 * H[:, None]), NOT_SUPPORTED),  # the norm tells them apart better
    ("Obs. 3", net(noise=0.006), INCONCLUSIVE),
    ("Obs. 3", {"hsf": np.full(100, 0.9)}, INCONCLUSIVE),  # one bin
    ("Obs. 3", {"asked": False}, INCONCLUSIVE),
    ("Obs. 4", {"networks": better(0.9, 0.6, 0.3, 0.0)}, SUPPORTED),
    ("Obs. 4", {"networks": better(0.0, 0.3, 0.6, 0.9)}, NOT_SUPPORTED),
    ("Obs. 4", {"networks": better(0.9, 0.0, 0.3, 0.6)}, NOT_SUPPORTED),  # tau is 0
    ("Obs. 4", {"networks": better(*(np.where(H < 0.2, -s, s) for s in (0.9, 0.6, 0.3)))}, NOT_SUPPORTED),  # in one bin
    ("Obs. 4", {"networks": better(0.9, 0.0)}, INCONCLUSIVE),
    ("Obs. 4", {"networks": better(0.9, 0.6, 0.3), "asked": False}, INCONCLUSIVE),
    ("App. A", net(), SUPPORTED),
    ("App. A", net(step_norms=5 - 0.1 * np.arange(STEPS + 1)), NOT_SUPPORTED),
    ("App. A", net(step_angles=2 - 0.01 * np.arange(STEPS + 1) - H[:, None]), NOT_SUPPORTED),  # it does not flatten
    ("App. A", net(step_angles=2 - 0.1 * np.minimum(np.arange(STEPS + 1), 10) + H[:, None]), NOT_SUPPORTED),
    ("App. A", {"asked": False}, INCONCLUSIVE),
    ("App. A", net(step_norms=np.arange(6.0), step_angles=-np.arange(6.0)), INCONCLUSIVE),
    ("App. A", net(noise=20.0), INCONCLUSIVE),
]


@pytest.mark.parametrize(("claim", "made", "verdict"), CASES)
def test_a_rule_comes_out_as_its_tables_say(claim, made, verdict):
    found = RULES[claim].judge(study(**made), claims.ALL if RULES[claim].together else "net0")
    assert found.verdict == verdict, found
    assert bool(found.why) == (verdict == INCONCLUSIVE)


def test_every_rule_is_fed_all_three():
    assert {(claim, verdict) for claim, _, verdict in CASES} == {(c, v) for c in RULES for v in VERDICTS}


@pytest.mark.parametrize(
    ("ends", "range_", "verdict"),
    [
        ((0.3, 0.2, 0.4), (-0.5, 0.5), SUPPORTED),
        ((0.6, 0.5, 0.7), (-0.5, 0.5), NOT_SUPPORTED),
        ((0.4, 0.3, 0.5), (-0.5, 0.5), INCONCLUSIVE),  # the end itself lies outside
        ((0.4, 0.1, 0.3), (0.35, np.inf), INCONCLUSIVE),  # the number is in, its interval is not
        ((np.inf, 2, np.inf), (1, np.inf), SUPPORTED),
        ((np.inf, 2, np.inf), (-np.inf, 1), NOT_SUPPORTED),
        ((0, 0, 0), (0, np.inf), NOT_SUPPORTED),
        ((np.nan, np.nan, np.nan), (0, 1), INCONCLUSIVE),
        ((0.5, 0.4, 0.6), None, None),
    ],
)
def test_a_part_looks_at_the_number_and_its_interval(ends, range_, verdict):
    assert Part("a number", Estimate(*ends, 9), range_).verdict == verdict


def test_one_failing_part_fails_the_claim_and_an_open_one_leaves_it_open():
    yes, no, open_ = (Part(q, Estimate(*e, 9), (0, np.inf)) for q, e in
                      (("yes", (1, 1, 1)), ("no", (-1, -1, -1)), ("open", (0, -1, 1))))  # fmt: skip
    assert conclude(yes, no, open_).verdict == NOT_SUPPORTED
    assert conclude(yes, open_) == Finding(INCONCLUSIVE, (yes, open_), "undecided: open")
    assert conclude(yes, yes).verdict == SUPPORTED


def test_the_table_has_every_claim_for_every_network():
    table = claims.judge(study(networks=({}, {})))
    each = table.drop_duplicates(["claim", "arch"])
    assert (
        list(each["claim"].unique())
        == list(RULES)
        == ["H1", "P1", "P2a", "P2b", "P2c", *(f"Obs. {i}" for i in range(1, 5)), "App. A"]
    )
    assert set(each.loc[each["claim"] != "Obs. 4", "arch"]) == {"net0", "net1"}
    assert each.loc[each["claim"] == "Obs. 4", "arch"].tolist() == [claims.ALL]
    assert set(table["verdict"]) <= set(VERDICTS)
    row = table[(table["claim"] == "H1") & (table["arch"] == "net1")].iloc[0]
    assert (row["above"], row["below"], row["n"]) == (-0.5, 0.5, 200)
    assert row["low"] < row["value"] < row["high"]


def test_a_small_bin_is_left_out_and_not_put_in_order():
    """Nine images of the lowest bin with an AVH that would break the order."""
    hsf = np.r_[people(200)[people(200) > 0.2], np.full(9, 0.1)]
    avhs = np.where(hsf < 0.2, -1, 0.1 - 0.02 * hsf)[:, None] - 0.01 * np.minimum(1, 20 * TIME)
    made = {"hsf": hsf, "networks": ({"avhs": avhs, "norms": flat(1.0)},)}
    found = claims.bins_apart(study(**made), "net0")
    assert found.verdict == SUPPORTED
    assert found.parts[0].estimate.n == 160


# --- the statistics behind the rules, against closed forms


def test_curves_are_the_means_of_images_and_of_resamples():
    random = np.random.default_rng(0)
    values, groups = random.normal(100, 1, (50, 4)), np.repeat([0, 1, -1], [20, 25, 5])
    values[3, 2] = np.nan
    found = statistics.curves(values, groups, resamples=300)
    assert found.mean.shape == (301, 2, 4)
    np.testing.assert_allclose(found.mean[0, 0], np.nanmean(values[:20], axis=0))
    np.testing.assert_allclose(found.variance[0, 1], values[20:45].var(0))
    assert found.n[0].tolist() == [[20, 20, 19, 20], [25] * 4]
    standard_error = values[20:45].std(0) / 5
    np.testing.assert_allclose(found.mean[1:, 1].std(0), standard_error, rtol=0.25)


def test_accuracies_that_tie_are_equal_to_the_last_bit():
    """The same number of right answers at other images, epoch by epoch: one accuracy, not several by rounding."""
    random = np.random.default_rng(0)
    right = np.stack([random.permutation(np.repeat([0.0, 1.0], [270, 730])) for _ in range(20)], axis=1)
    found = statistics.curves(right, resamples=50).mean[:, 0]
    assert len(np.unique(found[0])) == 1
    for resample in found:
        assert len(np.unique(resample)) == len(np.unique(np.round(resample * 1000)))


def test_curves_with_one_seed_draw_the_same_images():
    values = np.random.default_rng(0).normal(size=(30, 3))
    a, b = statistics.curves(values, resamples=20), statistics.curves(2 * values, resamples=20)
    np.testing.assert_allclose(2 * a.mean, b.mean)


def test_curves_correlate_by_rank():
    rising = np.arange(6.0)
    found = statistics.curve_correlation(np.stack([np.exp(rising), -rising, np.ones(6)]), np.stack(3 * [rising]))
    np.testing.assert_allclose(found, [1, -1, np.nan])


@pytest.mark.parametrize(
    ("curve", "when"),
    [([10, 0, 0, 0], 1), ([10, 5, 0.5, 0], 2), ([10, 5, 0.6, 0], 3), ([1, 0, 0.5, 0.4], 1), ([1, 2, 3, 4], np.nan)],
)
def test_when_a_curve_has_fallen(curve, when):
    np.testing.assert_equal(float(statistics.time_to_plateau(np.array(curve, dtype=float))), when)


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


@cache
def source_of(commit: str) -> str:
    """All Python of a commit; its numbers are kept."""
    return git("grep", "-h", "", commit, "--", "*.py")


@pytest.mark.parametrize("claim", CLAIMS, ids=RULES)
def test_the_commit_that_a_claim_names_holds_its_rule(claim):
    """Its words, and the thresholds in them, which are inserted there by name."""
    if git("rev-parse", "--is-shallow-repository") != "false":
        pytest.skip("needs the project's history")
    assert git("merge-base", claim.since, "HEAD").startswith(claim.since), f"{claim.since} is not in the history"
    source = source_of(claim.since)
    numbers, between = NUMBER.findall(claim.rule), map(re.escape, NUMBER.split(claim.rule))
    told = re.finditer(r"(\{[\w.]+\}|[\d.]*\d)".join(between), re.sub(r'"\s*f?"', "", source))

    def was(word: str) -> str:
        """A number as it is, or what had this name."""
        name = word.strip("{}").split(".")[-1]
        found = re.search(rf"^{name} = ({NUMBER.pattern})", source, re.MULTILINE)
        return found[1] if found else word

    assert numbers in [[was(word) for word in one.groups()] for one in told]


def test_slopes_of_lines():
    line = np.arange(5.0)
    assert statistics.slope(3 * line - 7) == pytest.approx(3)
    assert statistics.slope_ratio(line, 2 * line) == pytest.approx(2)
    assert statistics.slope_ratio(-line, line) == np.inf
    assert np.isnan(statistics.slope_ratio(-line, -line))


def test_the_share_of_times_in_order():
    means = np.array([[3, 3, 3, 1.0], [2, 2, 3, 2.0], [1, 1, 1, 3.0]])  # a tie is no order
    assert statistics.order_share(means) == 0.5


def test_separation_is_cohens_f():
    """Two equal groups d standard deviations apart have f = d / 2."""
    random = np.random.default_rng(0)
    group = random.normal(size=100)
    values = np.r_[group, group + 3 * group.std()][:, None]
    found = statistics.cohens_f(statistics.curves(values, np.repeat([0, 1], 100), resamples=2))
    assert found[0, 0] == pytest.approx(1.5)


def test_kendall_is_scipys():
    random = np.random.default_rng(0)
    x, y = random.integers(0, 5, (2, 8, 6)).astype(float)
    expected = [stats.kendalltau(a, b).statistic for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(statistics.kendall_tau(x, y), expected)


def test_an_interval_may_end_in_infinity_and_is_missing_where_too_little_is_defined():
    draws = np.r_[2.0, np.linspace(1, 3, 900), np.full(100, np.inf)]
    found = statistics.estimate(draws, 7)
    assert (found.value, found.high, found.n) == (2, np.inf, 7)
    assert np.isnan(statistics.estimate(np.r_[2.0, np.full(10, np.nan)], 7).low)
