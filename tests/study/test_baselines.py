"""Other scores beside AVH: their table against scipy and residuals, their figure against the table."""

import dataclasses

import madeup
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import statistics
from analysis.catalogue import COMPARED, SCORES
from analysis.statistics import Estimate
from analysis.study import baselines, tables
from analysis.study.results import StudyResults, read_results
from report import figures, styles, wording
from report.wording.forms import span_of

FOUR = ["resnet50", "alexnet", "vgg19", "densenet121"]
TWINS = [name for name, score in SCORES.items() if score.twin]
CEILING = Estimate(0.8, 0.7, 0.9, 60)


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> StudyResults:
    parameters = madeup.study(tmp_path_factory.mktemp("results"), FOUR)
    return read_results(parameters, parameters.archs)


@pytest.fixture(scope="module")
def silent(tmp_path_factory) -> StudyResults:
    parameters = madeup.study(tmp_path_factory.mktemp("silent"), ["vgg19"], people=False)
    return read_results(parameters, parameters.archs)


@pytest.fixture(scope="module")
def table(study) -> pd.DataFrame:
    return baselines.compare_baselines(study, CEILING)


def test_every_score_of_every_network_is_there(study, table):
    assert list(table["score"].unique()) == COMPARED
    assert table.groupby("score")["arch"].apply(list).map(tuple).unique().tolist() == [tuple(study.runs)]


def test_a_row_is_what_scipy_says_of_the_images(study, table):
    row = table.set_index(["score", "arch"]).loc[("entropy", "vgg19")]
    scores, kept = study.runs["vgg19"].scores, np.arange(1, madeup.N)  # the first AVH is undefined
    rank = {name: stats.rankdata(column[kept]) for name, column in
            {**scores[["entropy", "avh", "correct"]].astype(float), "hsf": study.hsf}.items()}  # fmt: skip
    expected = stats.pearsonr(rank["entropy"], rank["hsf"]).statistic
    assert row["value"] == pytest.approx(expected)
    assert row["share"] == pytest.approx(abs(expected) / 0.8)
    avh = stats.pearsonr(rank["avh"], rank["hsf"]).statistic
    assert row["lead"] == pytest.approx(abs(expected) - abs(avh))
    left = [rank[name] - np.polyval(np.polyfit(rank["correct"], rank[name], 1), rank["correct"])
            for name in ("entropy", "hsf")]  # fmt: skip
    assert row["partial"] == pytest.approx(stats.pearsonr(*left).statistic)
    assert row["n"] == madeup.N - 1
    assert row["low"] < row["value"] < row["high"]


def test_the_contest_is_the_three_statistics_one_by_one():
    random = np.random.default_rng(0)
    y, given = random.binomial(10, 0.7, 90) / 10, random.random(90) < 0.5
    columns = {name: np.round(random.normal(size=90) + y * k, 1) for k, name in enumerate("abc")}
    found = statistics.compare_scores(columns, y, given, "b", resamples=200).set_index("score")
    for name, x in columns.items():
        row = found.loc[name]
        alone = statistics.correlation(x, y, resamples=200)
        partial = statistics.partial(x, y, given, resamples=200)
        lead = statistics.correlation_difference(x, columns["b"], y, resamples=200)
        assert tuple(row[["value", "low", "high"]]) == pytest.approx(alone[:3])
        assert tuple(row[["partial", "partial_low", "partial_high"]]) == pytest.approx(partial[:3])
        assert tuple(row[["lead", "lead_low", "lead_high"]]) == pytest.approx(lead[:3])


def test_a_score_that_few_images_have_leaves_the_others_alone():
    random = np.random.default_rng(2)
    y, given = random.random(80), random.random(80) < 0.5
    whole = {name: y + random.normal(size=80) for name in "ab"}
    rare = np.where(np.arange(80) < 20, y + random.normal(size=80), np.nan)
    alone = statistics.compare_scores(whole, y, given, "b", resamples=50)
    found = statistics.compare_scores({"rare": rare} | whole, y, given, "b", resamples=50)
    pd.testing.assert_frame_equal(found.iloc[1:].reset_index(drop=True), alone)
    lead = statistics.correlation_difference(rare[:20], whole["b"][:20], y[:20], resamples=50)
    assert tuple(found.loc[0, ["lead", "lead_low", "lead_high"]]) == pytest.approx(lead[:3])
    assert found["n"].tolist() == [20, 80, 80]


def test_a_score_that_only_tells_right_from_wrong_has_nothing_left():
    random = np.random.default_rng(1)
    right = random.random(500) < 0.6
    y = 0.3 * right + random.random(500)
    found = statistics.compare_scores({"right": right.astype(float), "y": y}, y, right, "y", resamples=20).set_index(
        "score"
    )
    assert found.loc["right", "value"] > 0.2
    assert np.isnan(found.loc["right", "partial"])  # the control explains it entirely
    assert found.loc["y", "partial"] == pytest.approx(1)


@pytest.mark.parametrize("n", [0, 2])
def test_a_contest_of_too_few_images_is_undefined(n):
    found = statistics.compare_scores({"a": np.arange(float(n))}, np.arange(float(n)), np.ones(n), "a")
    assert found[["value", "low", "partial", "lead"]].isna().all(axis=None)
    assert found["n"].tolist() == [n]


def test_where_the_network_is_right_everywhere_nothing_is_given(study):
    run = study.runs["vgg19"]
    always = dataclasses.replace(run, scores=run.scores.assign(correct=True))
    found = baselines.compare_baselines(dataclasses.replace(study, runs={"vgg19": always}), CEILING)
    assert found["partial"].isna().all()
    assert found["value"].notna().all()
    assert "undefined" in wording.baselines.baselines_table(found)["controlling for correctness"].iloc[0]


def test_twins_rank_images_alike_and_are_not_named(table):
    values = table.set_index(["score", "arch"])["value"]
    for twin in TWINS:
        np.testing.assert_allclose(values[twin].abs(), values[SCORES[twin].twin].abs(), atol=1e-6)
    for sentence in wording.baselines.baselines_sentences(table):
        assert "loss" not in sentence and "cosine" not in sentence


def test_signs_are_turned_together_with_their_intervals(table):
    turned = wording.baselines.with_labels(baselines.turned_baselines(table)).set_index(["score", "arch"])
    raw = table.set_index(["score", "arch"])
    avh, before = turned.loc[("avh", "vgg19")], raw.loc[("avh", "vgg19")]
    assert avh["label"] == "−AVH"
    assert (avh["mean"], avh["low"], avh["high"]) == (-before["value"], -before["high"], -before["low"])
    assert turned.loc[("confidence", "vgg19"), "mean"] == raw.loc[("confidence", "vgg19"), "value"]
    assert (turned["low"] <= turned["high"]).all()


def test_the_findings_follow_the_intervals(table):
    rows = table[table["arch"] == "alexnet"].copy()
    others = ~rows["score"].isin(["avh", *TWINS])
    rows.loc[others, ["lead_low", "lead_high"]] = (-0.2, -0.1)
    rows.loc[rows["score"] == "margin", ["lead_low", "lead_high"]] = (0.1, 0.2)
    rows.loc[rows["score"] == "entropy", ["lead_low", "lead_high"]] = (-0.1, 0.1)
    (sentence,) = wording.baselines.baselines_sentences(rows)
    assert "more strongly: margin;" in sentence
    assert "neither clearly more nor less strongly: entropy." in sentence
    assert "less strongly: angle, angular margin, confidence" in sentence


def test_the_numerator_alone_is_correlated_with_avh(study):
    found = baselines.numerator(study)
    assert found["arch"].tolist() == list(study.runs)
    np.testing.assert_allclose(found["value"], 1)  # in the made-up results they are the same
    assert "n = 59 for AlexNet" in wording.baselines.numerator_sentence(found).replace("\u00a0", " ")


def test_figure_b1_draws_every_marker_and_the_ceiling(table):
    turned = wording.baselines.with_labels(baselines.turned_baselines(table))
    fig = figures.figure_b1(turned, statistics.Estimate(0.8, 0.7, 0.9, 59)).figure
    (ax,) = fig.axes
    assert [label.get_text() for label in ax.get_yticklabels()] == list(turned["label"].unique())
    for container in ax.containers:
        points = container.lines[0]
        style = next(style for style in styles.PAPER_NETWORKS.values() if style.label == container.get_label())
        assert (points.get_color(), points.get_marker()) == (style.colour, style.marker)
        arch = next(name for name, found in styles.PAPER_NETWORKS.items() if found is style)
        np.testing.assert_array_equal(points.get_xdata(), turned.loc[turned["arch"] == arch, "mean"])
    places = np.concatenate([container.lines[0].get_ydata() for container in ax.containers])
    assert len(np.unique(np.round(places, 6))) == len(turned)  # no marker lies on another one
    band = ax.patches[0]
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((0.7, 0.9))
    assert [text.get_text() for text in fig.legends[0].get_texts()][-1] == "noise ceiling"


def test_figure_b1_is_told_by_its_ends(table):
    turned = wording.baselines.with_labels(baselines.turned_baselines(table))
    means = turned.groupby("label", sort=False)["mean"].mean()
    (_, together), *_ = wording.baselines.describe_baselines(turned)
    for rank, label in (("highest", means.idxmax()), ("lowest", means.idxmin())):
        assert f"{rank} {label} {span_of(turned.loc[turned['label'] == label, 'mean'])}" in together


def test_the_readers_table_names_each_score_once(table):
    shown = wording.baselines.baselines_table(table)
    assert (shown["score"] != "").sum() == len(COMPARED)
    assert (shown.loc[:3, "lead over AVH"] == "").all()


def test_without_people_there_is_nothing_but_the_numerator(silent):
    found = baselines.compare_baselines(silent, tables.ceiling(silent))
    assert found.empty
    assert figures.figure_b1(baselines.turned_baselines(found), tables.ceiling(silent)) is None
    assert wording.baselines.baselines_table(found).empty and wording.baselines.baselines_sentences(found) == []
    assert len(baselines.numerator(silent)) == 1
    assert wording.baselines.describe_baselines(found) == []
