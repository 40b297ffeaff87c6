"""The control's answer, over made-up scores of which it is known what they follow."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.datasets import annotators, load
from analysis.parameters import StudyParameters
from analysis.pipeline import images_table
from analysis.study import control
from analysis.study.results import NetworkResults, StudyResults
from report import figures, styles, wording
from report.text import number

N, CLASSES = 300, 6


def pictures(seed: int = 0) -> pd.DataFrame:
    """Causes drawn as the rendered pictures' are, and answers by people whom the tests do not ask again."""
    random = np.random.default_rng(seed)
    label = np.arange(N) % CLASSES
    images = pd.DataFrame({"id": [f"image-{i}" for i in range(N)], "label": label, "shown": annotators.SHOWN})
    images["ambiguity"], images["degradation"] = 0.49 * random.random(N) ** 2, random.random(N) ** 3
    images["confusable"] = (label + 1) % CLASSES
    pool = annotators.People.draw(random)
    rows = images[["label", "confusable", "ambiguity", "degradation"]].itertuples(index=False)
    chosen = [annotators.draw_answers(random, annotators.probabilities(pool, CLASSES, *r))[r.label] for r in rows]
    return images.assign(selected=chosen)


def study(images: pd.DataFrame, **networks: dict[str, np.ndarray]) -> StudyResults:
    """Networks by name with some of their scores; the others are noise."""
    random = np.random.default_rng(1)
    runs = {}
    for arch, given in networks.items():
        noise = {name: random.normal(size=len(images)) for name in ("avh", "confidence", "norm_in_class")}
        scores = pd.DataFrame(noise | {"correct": random.random(len(images)) < 0.7} | given)
        runs[arch] = NetworkResults(arch, Path(), {}, scores)
    return StudyResults("made up", {"classes": [str(i) for i in range(CLASSES)], "simulated": True}, images, runs)


@pytest.fixture(scope="module")
def made() -> StudyResults:
    """AVH of the four: ambiguity; degradation; both; right or wrong, where the ambiguous are more often wrong."""
    images, noise = pictures(), np.random.default_rng(2).normal(size=(4, N))
    ambiguity, degradation = (stats.zscore(stats.rankdata(images[name])) for name in ("ambiguity", "degradation"))
    right = ambiguity + noise[3] < 0.5
    scores = {
        "alexnet": {"avh": ambiguity + noise[0] / 2},
        "vgg19": {"avh": degradation + noise[1] / 2},
        "densenet121": {"avh": ambiguity + degradation + noise[2] / 2},
        "resnet50": {"avh": ~right + 0.01 * noise[0], "correct": right},
    }
    return study(images, **scores)


@pytest.fixture(scope="module")
def table(made) -> pd.DataFrame:
    return control.causes(made)


def row(table: pd.DataFrame, arch: str, of: str, given: str = "", score: str = "avh") -> pd.Series:
    (found,) = table[
        (table["arch"] == arch) & (table["score"] == score) & (table["of"] == of) & (table["given"] == given)
    ].to_dict("records")
    return found


def test_every_question_is_asked_of_every_score(table):
    assert not table.duplicated(["arch", "score", "of", "given"]).any()
    each = table.groupby(["score", "arch"]).size()
    assert set(each["avh"]) == set(each["confidence"]) == set(each["norm_in_class"]) == {11}
    assert each["hsf"].to_dict() == {"": 5}  # people have no correctness, and are not correlated with themselves
    assert (table["n"] == N).all()
    assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()


@pytest.mark.parametrize(("arch", "cause", "other"), [("alexnet", "ambiguity", "degradation"),
                                                      ("vgg19", "degradation", "ambiguity")])  # fmt: skip
def test_a_score_that_follows_one_cause_is_found_out(table, arch, cause, other):
    assert row(table, arch, cause, other)["low"] > 0.8
    left = row(table, arch, other, cause)
    assert left["low"] < 0 < left["high"]


def test_a_cause_given_the_other_has_the_closed_form(made, table):
    x, images = made.runs["densenet121"].scores["avh"], made.images
    a, d, ad = (stats.spearmanr(u, v)[0] for u, v in ((x, images["ambiguity"]), (x, images["degradation"]),
                                                      (images["ambiguity"], images["degradation"])))  # fmt: skip
    assert row(table, "densenet121", "ambiguity")["value"] == pytest.approx(a)
    expected = (a - d * ad) / np.sqrt((1 - d**2) * (1 - ad**2))
    assert row(table, "densenet121", "ambiguity", "degradation")["value"] == pytest.approx(expected)


def test_the_lead_is_the_difference_of_strengths(made, table):
    for arch, run in made.runs.items():
        a, d = (abs(stats.spearmanr(run.scores["avh"], made.images[c])[0]) for c in ("ambiguity", "degradation"))
        assert row(table, arch, "lead")["value"] == pytest.approx(a - d)


def test_a_score_that_tells_right_from_wrong_only_is_found_out(table):
    assert row(table, "resnet50", "ambiguity", "degradation")["low"] > 0.2
    left = row(table, "resnet50", "ambiguity", "degradation and correctness")
    assert left["low"] < 0.1 and left["high"] < 0.25


def test_expected_hsf_is_the_share_of_many_people(made):
    """Against answers drawn from another pool, ten times as many as each picture had."""
    random, images = np.random.default_rng(5), made.images[:40]
    pool, chosen = annotators.People.draw(random), np.zeros(len(images))
    for i, r in enumerate(images[["label", "confusable", "ambiguity", "degradation"]].itertuples(index=False)):
        chances = annotators.probabilities(pool, CLASSES, *r)
        chosen[i] = sum(annotators.draw_answers(random, chances)[r.label] for _ in range(10))
    found = control.expected_hsf(made)
    np.testing.assert_allclose(found[:40], chosen / (10 * annotators.SHOWN), atol=0.09)
    assert stats.pearsonr(found, made.hsf)[0] > 0.95


def test_what_is_left_of_people_is_their_luck_alone():
    """A score made of the two causes has nothing left; one that knows what people said has."""
    images, noise = pictures(seed=3), np.random.default_rng(4).normal(size=(2, N))
    plain = study(images, alexnet={})
    expected = control.expected_hsf(plain)
    scores = {"avh": -expected + noise[0] / 10, "confidence": plain.hsf + noise[1] / 100}
    found = control.causes(study(images, alexnet=scores))
    left = row(found, "alexnet", "HSF", "expected HSF")
    assert row(found, "alexnet", "HSF")["high"] < -0.5
    assert left["low"] < 0 < left["high"]
    assert row(found, "alexnet", "HSF", "expected HSF", "confidence")["low"] > 0.3


def test_a_grid_has_the_mean_of_every_pair_of_ranges(made):
    found = control.causes_grid(made, "vgg19")
    assert len(found) == 3 * 4 * 5
    images = made.images
    inside = (images["ambiguity"] > 0.125) & (images["ambiguity"] <= 0.25) & (images["degradation"] <= 0.2)
    cell = found[(found["measure"] == "avh") & (found["ambiguity"] == "(0.125, 0.25]")
                 & (found["degradation"] == "[0, 0.2]")].iloc[0]  # fmt: skip
    assert cell["mean"] == pytest.approx(made.runs["vgg19"].scores["avh"][inside].mean())
    assert cell["n"] == inside.sum()
    assert found.groupby("measure")["n"].sum().tolist() == [N, N, N]


def test_rendered_pictures_have_what_the_control_needs(tmp_path):
    data = load(StudyParameters(data_dir=str(tmp_path), train_images=12, test_images=24))
    assert control.has_causes(StudyResults("", {}, images_table(data), {}))


# --- figures


def test_figure_c1_draws_each_dot_with_its_networks_look(table):
    drawn = control.plotted_causes(table)
    (_, together), *_ = wording.control.describe_causes(drawn)
    avh = drawn.loc[(drawn["score"] == "avh") & (drawn["of"] == "ambiguity"), "value"]
    ends = f"{number(avh.min())} to {number(avh.max())}"
    assert together.startswith(f"with ambiguity, controlling for degradation, {ends}; ")
    fig = figures.figure_c1(drawn).figure
    assert [ax.get_title() for ax in fig.axes] == [
        "ambiguity,\ncontrolling for degradation",
        "degradation,\ncontrolling for ambiguity",
        "simulated HSF,\ncontrolling for expected HSF",
    ]  # fmt: skip
    lines = [line for line in fig.axes[0].lines if line.get_marker() not in ("None", "|", None)]
    dots = drawn[drawn["of"] == "ambiguity"]
    for arch, line in zip(["alexnet", "vgg19", "densenet121", "resnet50"], lines, strict=False):
        assert line.get_xdata().tolist() == dots.loc[dots["arch"] == arch, "value"].tolist()
        assert (line.get_color(), line.get_marker()) == styles.PAPER_NETWORKS[arch][1:3]
    assert [t.get_text() for t in fig.legends[0].get_texts()][-1] == "simulated annotators"
    assert len({ax.get_xlim() for ax in fig.axes}) == 1


def test_figure_c2_draws_a_line_for_each_range_of_ambiguity(made):
    grid = control.causes_grid(made, "vgg19")
    fig = figures.figure_c2(grid).figure
    assert [ax.get_ylabel() for ax in fig.axes] == ["mean AVH", "mean confidence", "simulated HSF"]
    names = [text.get_text() for text in fig.legends[0].get_texts()]
    assert names == list(grid["ambiguity"].cat.categories)
    assert len(names) == len({line.get_color() for line in fig.axes[0].lines}) == 4
    first = grid[(grid["measure"] == "avh") & (grid["ambiguity"] == names[0])]
    np.testing.assert_allclose(fig.axes[0].lines[0].get_ydata().astype(float), first["mean"])


# --- words


def test_the_answer_names_the_cause_that_a_score_follows_more(table):
    avh, *others = wording.control.causes_sentences(table)
    assert avh.startswith("AVH correlates more strongly with ambiguity than with degradation for AlexNet (")
    assert "; more strongly with degradation than with ambiguity for VGG19 (" in avh
    assert "not clearly more strongly with either cause for DenseNet121 (" in avh
    assert len(others) == 3
    assert others[-1].startswith("Simulated HSF correlates ")


def test_the_remainder_is_told_for_every_network(table):
    sentences = wording.control.remainder_sentences(table)
    assert len(sentences) == 3
    assert all(sentence.count("(without: ") == 4 for sentence in sentences)


def test_the_table_for_readers_has_a_column_per_network_and_one_for_people(table):
    readable = wording.control.causes_table(table)
    assert list(readable) == [
        "score", "correlation with", "controlling for", "AlexNet", "VGG19", "DenseNet121", "ResNet50",
        "simulated annotators",
    ]  # fmt: skip
    assert len(readable) == 3 * 11 + 5
    assert readable["score"][readable["score"] != ""].tolist() == ["AVH", "confidence", "norm within class", "HSF"]
    assert wording.control.causes_caption(table).endswith("Number of images: 300.")


# --- without causes


@pytest.mark.parametrize("lacking", ["ambiguity", "confusable", "selected"])
def test_without_causes_or_people_nothing_is_shown(made, lacking):
    other = StudyResults("other", made.dataset, made.images.drop(columns=lacking), made.runs)
    causes, grid = control.causes(other), control.causes_grid(other, "vgg19")
    assert causes.empty and grid.empty
    assert figures.figure_c1(control.plotted_causes(causes)) is figures.figure_c2(grid) is None
    assert wording.control.causes_sentences(causes) == wording.control.remainder_sentences(causes) == []
    assert wording.control.smallest_group(grid) == ""
    assert "no figure and no table" in wording.control.causes_missing(other)[1]


def test_with_causes_nothing_is_missing(made):
    assert wording.control.causes_missing(made) == []
