"""The numbers behind the chapters on confidence, norm and AVH, against scipy, brute force and made-up studies."""

import dataclasses

import madeup
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import statistics
from analysis.study import correlations
from analysis.study.results import StudyResults, read_results
from report import figures, styles, wording
from report.text import number
from report.wording.correlations import TABLE_HEADS
from report.wording.forms import span_of

ARCHS = ["resnet50", "alexnet"]
REFERENCE = {"spearman": stats.spearmanr, "kendall": stats.kendalltau, "pearson": stats.pearsonr}


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> StudyResults:
    parameters = madeup.study(tmp_path_factory.mktemp("results"), ARCHS)
    return read_results(parameters, parameters.archs)


@pytest.fixture(scope="module")
def silent(tmp_path_factory) -> StudyResults:
    parameters = madeup.study(tmp_path_factory.mktemp("silent"), ["vgg19"], people=False)
    return read_results(parameters, parameters.archs)


@pytest.fixture(scope="module")
def strength(study) -> pd.DataFrame:
    return correlations.with_people(study, ["avh", "norm"])


@pytest.fixture(scope="module")
def ceilings(study) -> pd.DataFrame:
    return correlations.ceilings(study)


def made(study: StudyResults, hsf: list[float], **scores: list) -> StudyResults:
    """A study of AlexNet alone with these HSF, of 100 people each, and these columns of scores."""
    images = pd.DataFrame({"selected": np.rint(100 * np.array(hsf)).astype(int), "shown": 100})
    run = dataclasses.replace(study.runs["alexnet"], scores=pd.DataFrame(scores))
    return dataclasses.replace(study, images=images, runs={"alexnet": run})


def test_coefficients_are_scipys(study, strength):
    assert list(strength["score"].unique()) == ["avh", "norm"]
    assert list(strength["arch"].unique()) == ["alexnet", "resnet50"]
    assert len(strength) == 2 * 2 * 3
    for row in strength.itertuples():
        score = study.runs[row.arch].scores[row.score]
        there = score.notna().to_numpy()
        assert row.value == pytest.approx(REFERENCE[row.kind](score[there], study.hsf[there])[0], abs=1e-6)
        assert row.low <= row.value <= row.high
        assert row.n == there.sum()


@pytest.mark.filterwarnings("ignore:An input array is constant")
def test_bins_come_after_all_images_and_are_scipys(study, strength):
    table = correlations.by_bin(study, "norm", strength)
    assert list(table["bin"].unique()) == ["all images", *statistics.bin_names()]
    for (arch, name), row in table.set_index(["arch", "bin"]).iterrows():
        norm, hsf = study.runs[arch].scores["norm"].to_numpy(), study.hsf
        if name == "all images":
            inside = np.ones(len(hsf), dtype=bool)
            assert row["spread"] == 1
        else:
            low, high = (float(end) for end in name.strip("[](").split(", "))
            inside = (hsf <= high) & ((hsf > low) | (low == 0))
            assert row["spread"] == pytest.approx(np.std(hsf[inside], ddof=1) / np.std(hsf, ddof=1))
        assert row["n"] == inside.sum()
        assert row["value"] == pytest.approx(stats.spearmanr(norm[inside], hsf[inside])[0], nan_ok=True)


def test_restriction_of_range_alone_shrinks_a_coefficient(study):
    """A score that follows HSF alike everywhere follows it less within bins: what the figure warns of."""
    random = np.random.default_rng(0)
    hsf = random.random(3000).round(2)
    even = made(study, hsf, avh=-hsf + 0.3 * random.normal(size=3000))
    table = correlations.by_bin(even, "avh", correlations.with_people(even, ["avh"]))
    whole, within = table["value"].iloc[0], table["value"].iloc[1:]
    assert whole < -0.6
    assert (within > -0.35).all()
    assert table["spread"].iloc[1:].to_numpy() == pytest.approx(0.2, abs=0.02)  # a fifth of the range


def test_the_lead_is_the_difference_of_scipys_coefficients(study):
    table = correlations.lead(study).set_index("arch")
    for arch, run in study.runs.items():
        there = run.scores["avh"].notna().to_numpy()
        rho = [abs(stats.spearmanr(run.scores.loc[there, name], study.hsf[there])[0]) for name in ("avh", "confidence")]
        assert table.loc[arch, "value"] == pytest.approx(rho[0] - rho[1], abs=1e-6)


@pytest.mark.parametrize(("noise_avh", "noise_confidence", "sign"), [(0.1, 1.0, 1), (1.0, 0.1, -1)])
def test_interval_and_test_find_the_score_that_is_closer(study, noise_avh, noise_confidence, sign):
    random = np.random.default_rng(1)
    hsf = random.random(400).round(2)
    avh = -hsf + noise_avh * random.normal(size=400)
    table = correlations.lead(made(study, hsf, avh=avh, confidence=hsf + noise_confidence * random.normal(size=400)))
    (row,) = table.to_dict("records")
    assert sign * row["low"] > 0 and sign * row["high"] > 0
    assert sign * row["statistic"] > 3
    assert row["p"] < 0.001
    told = wording.correlations.leads(table)
    how = "more" if sign > 0 else "less"
    assert told.startswith(f"AVH correlates with HSF {how} strongly than confidence for AlexNet")


def test_given_correctness_is_the_correlation_of_residuals(study):
    table = correlations.given_correctness(study, ["norm"]).set_index("arch")
    for arch, run in study.runs.items():
        columns = [stats.rankdata(run.scores["norm"]), stats.rankdata(study.hsf)]
        given = np.column_stack([np.ones(madeup.N), run.scores["correct"]])
        left = [c - given @ np.linalg.lstsq(given, c, rcond=None)[0] for c in columns]
        assert table.loc[arch, "value"] == pytest.approx(stats.pearsonr(*left)[0])


def test_a_score_that_only_knows_right_from_wrong_keeps_nothing_else(study):
    random = np.random.default_rng(2)
    hsf = random.random(1000).round(2)
    correct = random.random(1000) < hsf
    table = correlations.given_correctness(
        made(study, hsf, avh=random.random(1000) - correct, correct=correct), ["avh"]
    )
    assert correlations.with_people(made(study, hsf, avh=-1.0 * correct), ["avh"])["value"].max() < -0.2
    assert table["low"].item() < 0 < table["high"].item()


def test_ceilings_by_two_ways_agree_where_the_model_holds(study):
    random = np.random.default_rng(3)
    p = random.beta(2, 1, 1500)
    images = pd.DataFrame({"selected": random.binomial(20, p), "shown": 20})
    table = correlations.ceilings(dataclasses.replace(study, images=images, runs={}))
    values = table.pivot(index="method", columns="kind", values="value")
    assert list(values.index) == ["beta-binomial model", "split halves"]
    hsf = images["selected"] / 20
    truth = {"spearman": stats.spearmanr(p, hsf)[0], "pearson": stats.pearsonr(p, hsf)[0]}  # p is the best score
    for kind, best in truth.items():
        assert values[kind].to_numpy() == pytest.approx(best, abs=0.02)
    assert list(correlations.ceilings(study, ["split halves"])["method"].unique()) == ["split halves"]


def test_where_network_and_people_part_ways_is_counted(study):
    hsf = [1.0, 1.0, 0.2, 0.21, 0.5, 0.8, 0.8, 0.81, 0.0]
    confidence = [1.0, 0.5, 0.8, 0.2, 0.9, 0.2, 0.81, 0.0, 0.4]
    table = correlations.apart(made(study, hsf, confidence=confidence)).set_index("case")
    # Apart by more than a half: images 2, 5, 7; by exactly a half, 1, is not. Divided people: 3, 4, 5, 6.
    assert table["count"].to_dict() == {"far": 3, "low": 2, "high": 2}
    assert table["n"].to_dict() == {"far": 9, "low": 4, "high": 4}
    assert ((table["low"] < table["value"]) & (table["value"] < table["high"])).all()


def test_without_divided_people_there_is_no_share_of_them(study):
    table = correlations.apart(made(study, [1.0, 1.0], confidence=[0.9, 0.1])).set_index("case")
    assert table["n"].to_dict() == {"far": 2, "low": 0, "high": 0}
    assert np.isnan(table.loc["low", "value"])
    assert wording.correlations.apart_table(table.reset_index())["AlexNet"].tolist()[1:] == ["none", "none"]


# --- for readers


def test_a_share_is_of_the_ceiling_of_its_kind(strength, ceilings):
    told = wording.correlations.coefficients_table(strength, ceilings)
    assert list(told) == ["score", "network", *TABLE_HEADS.values(), "n"]
    row = strength[(strength["score"] == "norm") & (strength["arch"] == "alexnet")].set_index("kind")["value"]
    split = ceilings[ceilings["method"] == "split halves"].set_index("kind")["value"]
    cell = told[(told["score"] == "norm") & (told["network"] == "AlexNet")].iloc[0]
    for kind in ("spearman", "pearson"):
        assert cell[TABLE_HEADS[kind]].endswith(f"({100 * abs(row[kind]) / split[kind]:.0f}\u202f%)")
    assert "%" not in cell[TABLE_HEADS["kendall"]]
    assert "score" not in wording.correlations.coefficients_table(strength[strength["score"] == "avh"], ceilings)


def test_sentences_carry_value_interval_and_n(study, strength, ceilings):
    avh, norm, ceiling = wording.correlations.strength_sentences(strength, ceilings)
    row = strength.iloc[0]
    assert avh.startswith(f"AVH has a rank correlation with human selection frequency of −{abs(row['value']):.2f} [−")
    assert avh.endswith("n\u00a0=\u00a059.")  # one AVH is undefined
    assert norm.startswith("The raw norm has ")
    assert "split halves" in ceiling and "beta-binomial model" in ceiling
    bins = correlations.by_bin(study, "avh", strength)  # all HSF of the last bin are alike
    assert "Of 8 intervals within bins, " in wording.correlations.bins_sentence(bins)
    (_, together), *_ = described = wording.correlations.describe_bins(bins)
    assert "all images (n 59)" in dict(described)["AlexNet"]
    whole = bins["bin"] == correlations.WHOLE
    values = [span_of(bins.loc[which, "value"]) for which in (whole, ~whole)]
    assert together == "{} over all images and {} within bins".format(*values)
    table = wording.correlations.bins_table(bins)
    assert list(table) == ["HSF", "AlexNet", "ResNet50", "spread"]
    assert table["HSF"].iloc[0] == "all images n\u00a0=\u00a059".replace(" ", "\u00a0", 1)
    given = wording.correlations.given_correctness_sentence(correlations.given_correctness(study, ["avh"]))
    assert given.startswith("Controlling for correctness, AVH has a partial rank correlation with HSF of ")
    assert "of 60 images (" in wording.correlations.disagreement_sentence(correlations.apart(study))
    assert list(wording.correlations.lead_table(correlations.lead(study))) == [
        "network", "|AVH| − |confidence|", "Steiger's z", "p", "n"]  # fmt: skip
    assert wording.correlations.ceilings_table(ceilings)["noise ceiling by"].tolist() == [
        "split halves",
        "beta-binomial model",
    ]


def test_one_network_is_not_a_range(study):
    alone = dataclasses.replace(study, runs={"alexnet": study.runs["alexnet"]})
    strength = correlations.with_people(alone, ["norm"])
    (sentence, _) = wording.correlations.strength_sentences(strength, correlations.ceilings(alone))
    assert " to " not in sentence
    told = wording.correlations.bins_sentence(correlations.by_bin(alone, "norm", strength))
    assert told.startswith(f"The coefficient is {number(strength['value'].iloc[0])} over all images and ")


def test_the_figure_draws_its_table(study, strength):
    table = correlations.by_bin(study, "avh", strength)
    left, right = figures.figure_bins(table).figure.axes
    lowest = ((study.hsf <= 0.2) & study.runs["alexnet"].scores["avh"].notna()).sum()
    labels = [label.get_text() for label in left.get_yticklabels()]
    assert labels[:2] == ["all images\nn = 59", f"[0, 0.2]\nn = {lowest}"]
    assert left.get_ylim()[0] > left.get_ylim()[1]  # all images above
    assert [text.get_text() for text in left.figure.legends[0].get_texts()] == ["AlexNet", "ResNet50"]
    points = [line for line in left.lines if line.get_marker() in ("o", "D")]
    for line, spread, (arch, rows) in zip(
        points, [s for s in right.lines if s.get_marker() in ("o", "D")], table.groupby("arch"), strict=True
    ):
        assert line.get_color() == styles.PAPER_NETWORKS[arch].colour
        np.testing.assert_allclose(line.get_xdata().astype(float), rows["value"])
        np.testing.assert_array_equal(np.rint(line.get_ydata().astype(float)), range(6))
        np.testing.assert_allclose(spread.get_xdata(), rows["spread"])
    rows = table[table["arch"] == "alexnet"]
    ends = [rows[end].fillna(rows["value"]) for end in ("low", "high")]  # too few images have no interval
    expected = np.stack(ends, axis=1).astype(float)
    drawn = np.array([segment[:, 0] for segment in left.collections[0].get_segments() if len(segment)])
    np.testing.assert_allclose(drawn, expected[~np.isnan(expected).any(1)])


def test_without_people_nothing_is_told(silent):
    strength = correlations.with_people(silent, ["avh"])
    ceilings, bins = correlations.ceilings(silent), correlations.by_bin(silent, "avh", strength)
    lead, apart = correlations.lead(silent), correlations.apart(silent)
    given = correlations.given_correctness(silent, ["avh"])
    for table in (strength, ceilings, bins, lead, apart, given):
        assert table.empty
    assert wording.correlations.strength_sentences(strength, ceilings) == [
        "There are no human labels for these images, so there is no correlation with HSF."
    ]
    assert not any(
        (
            wording.correlations.leads(lead),
            wording.correlations.given_correctness_sentence(given),
            wording.correlations.disagreement_sentence(apart),
            wording.correlations.bins_sentence(bins),
        )
    )
    assert figures.figure_bins(bins) is None
