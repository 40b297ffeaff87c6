"""The ranking and candidates for label errors: by definition, and against labels that are known to be wrong."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import evaluation, runs, training
from analysis.catalogue import SCORES
from analysis.errors import InputError
from analysis.parameters import RunParameters
from analysis.study import hardness
from analysis.study.results import NetworkResults, StudyResults
from report import figures, wording


def made_up(n=40, classes=("a", "$x^$", "c_{"), seed=0, **more) -> StudyResults:
    """A study of one network with random scores, without people."""
    random = np.random.default_rng(seed)
    scores = {
        "id": [f"{i}.png" for i in range(n)],
        "label": random.integers(0, len(classes), n),
        "predicted": random.integers(0, len(classes), n),
        "nearest": random.integers(0, len(classes), n),
    }
    for name in ("avh", "angle", "confidence", "max_confidence", "margin"):
        scores[name] = random.random(n).astype(np.float32)
    scores = pd.DataFrame(scores | more)
    run = NetworkResults("resnet50", Path(), {}, scores)
    return StudyResults("s", {"classes": list(classes)}, scores[["id", "label"]], {"resnet50": run})


def pixels(images: np.ndarray, table: pd.DataFrame) -> np.ndarray:
    """The images in the rows of a table, (B, H, W, 3)."""
    return images[table["image"]].transpose(0, 2, 3, 1)


def ranked(study: StudyResults) -> pd.DataFrame:
    return hardness.ranking(study, "resnet50")


# --- the order


def test_every_image_is_ranked_once_the_hardest_first():
    study = made_up(avh=np.r_[[0.5, np.nan, 0.7, 0.5], np.zeros(36)])
    table = ranked(study)
    assert list(table["id"][:3]) == ["2.png", "0.png", "3.png"]  # ties in the test set's order
    assert table["id"].iloc[-1] == "1.png"  # undefined
    assert list(table["rank"]) == list(range(1, 41))
    assert sorted(table["image"]) == list(range(40))
    scores = study.runs["resnet50"].scores
    for row in table.to_dict("records"):
        of = scores.iloc[row["image"]]
        assert row["id"] == of["id"]
        for name, column in (("class", "label"), ("predicted", "predicted"), ("nearest", "nearest")):
            assert row[name] == study.dataset["classes"][of[column]]
        for name in ("angle", "confidence", "max_confidence", "margin"):
            assert row[name] == of[name]


@pytest.mark.parametrize("by", ["confidence", "angle", "entropy"])
def test_another_score_ranks_them_from_its_hard_end(by):
    entropy = np.random.default_rng(1).random(40)
    study = made_up(label=np.arange(40) % 3, entropy=entropy)
    scores = study.runs["resnet50"].scores
    table = hardness.ranking(study, "resnet50", by)
    hard_first = (-scores[by] if by != "confidence" else scores[by]).argsort()
    assert list(table["image"]) == list(hard_first)
    assert list(table[by]) == list(scores[by][hard_first])
    ends = hardness.class_ends(table, by)
    for name, rows in ends.groupby("class"):
        of = table.loc[table["class"] == name, by].tolist()
        assert rows.loc[rows["end"] == "hardest", "value"].tolist() == of[:3]
        assert rows.loc[rows["end"] == "easiest", "value"].tolist() == of[-1:-4:-1]
    means = scores.groupby("label")[by].mean().sort_values(ascending=by == "confidence")
    assert list(ends["class"].unique()) == [study.dataset["classes"][k] for k in means.index]
    label = SCORES[by].label
    caption = wording.hardness.class_ends_caption(table, ends, "x", by)
    assert f"mean {label}, the {'lowest' if by == 'confidence' else 'highest'} first" in " ".join(caption.split())
    assert list(wording.hardness.suspects_table(hardness.suspects(table), study, by))[-1] == f"rank by {label}"


def test_a_score_that_a_run_lacks_ranks_nothing():
    study = made_up(temperature_confidence=np.full(40, np.nan))
    for by in ("temperature_confidence", "entropy"):  # nothing was held out; an older run
        with pytest.raises(InputError, match=rf"^unknown score .*rank_by '{by}'; allowed: avh, angle, confidence"):
            hardness.ranking(study, "resnet50", by)


# --- candidates for label errors


def by_definition(scores: pd.DataFrame) -> list[bool]:
    """The rule as its docstring says it, image by image."""
    found = []
    for row in scores.to_dict("records"):
        same = [r["confidence"] for r in scores.to_dict("records") if r["label"] == row["predicted"]]
        threshold = np.mean(same) if same else scores["confidence"].mean()
        elsewhere = row["nearest"] != row["label"] and row["predicted"] != row["label"]
        found.append(elsewhere and row["avh"] == row["avh"] and row["max_confidence"] >= threshold)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_likely_errors_are_those_of_the_rule(seed):
    scores = made_up(seed=seed).runs["resnet50"].scores
    scores.loc[3, "avh"] = np.nan
    scores.loc[scores["label"] == 2, "label"] = 0  # a class that no image bears
    found = hardness.likely_errors(scores)
    assert list(found) == by_definition(scores)
    assert 0 < found.sum() < len(found)


def test_suspects_come_with_the_most_negative_margin_first():
    table = ranked(made_up())
    found = hardness.suspects(table)
    assert len(found) == table["likely_error"].sum()
    assert found["margin"].is_monotonic_increasing


@pytest.fixture(scope="module")
def exchanged(squares, tmp_path_factory) -> tuple[StudyResults, np.ndarray]:
    """A small network measured on pictures of which one in twenty has a wrong label; and which these are."""
    folder = tmp_path_factory.mktemp("exchanged")
    network = {"results_dir": str(folder), "arch": "resnet18", "width": 1 / 8}  # narrower ones do not learn everywhere
    schedule = {"epochs": 12, "batch_size": 16, "calibration_images": 0, "learning_rate": 0.05}
    p = RunParameters(study="trained", **schedule, **network)
    dataset = squares(192, 240, classes=6)
    training.train(p, dataset, progress=False)
    random = np.random.default_rng(0)
    wrong = random.choice(240, 12, replace=False)
    labels = dataset.test.labels.copy()
    labels[wrong] = (labels[wrong] + random.integers(1, 6, 12)) % 6
    test = dataclasses.replace(dataset.test, labels=labels)
    mine = RunParameters(study="mine", weights=str(p.run_dir / "model.safetensors"), **network)
    stamp = evaluation.measure(mine, dataclasses.replace(dataset, test=test), progress=False)
    run = NetworkResults("resnet50", mine.run_dir, stamp, runs.read_table(mine.run_dir / "scores.parquet"))
    images = run.scores[["id", "label"]]
    return StudyResults("mine", {"classes": stamp["classes"]}, images, {"resnet50": run}), np.isin(
        np.arange(240), wrong
    )


def test_wrong_labels_are_found_and_right_ones_are_not(exchanged):
    """Precision and recall of the rule where the truth is known: one label in twenty is wrong.

    The threshold is a mean, so where confidences spread evenly it may miss up to half of them.
    """
    study, wrong = exchanged
    scores = study.runs["resnet50"].scores
    assert (scores["correct"] | wrong).mean() > 0.9  # the network has learned
    found = hardness.likely_errors(scores).to_numpy()
    assert wrong[found].mean() > 0.8
    assert found[wrong].mean() > 0.5
    first = hardness.suspects(ranked(study)).head(8)
    assert wrong[first["image"]].all()
    assert (first["class"] != first["nearest"]).all()


def test_labels_that_people_doubt_are_counted_among_the_listed_images():
    study = made_up(4, classes=("a", "b"), label=[0, 0, 1, 1])
    counts = np.array([[6, 4], [4, 6], [5, 5], [9, 1]])
    images = study.images.assign(selected=counts[range(4), [0, 0, 1, 1]], shown=10, count_0=counts[:, 0])
    asked = dataclasses.replace(study, images=images.assign(count_1=counts[:, 1]))
    assert hardness.doubted(asked, [0, 1, 2, 3])[::3] == (0.5, 4)  # images 1 and 3; a tie is no doubt
    assert hardness.doubted(asked, [1, 2])[::3] == (0.5, 2)
    for silent in (study, dataclasses.replace(study, images=images)):  # nobody asked; only the own class known
        assert np.isnan(hardness.doubted(silent, [0, 1]).value)
    assert np.isnan(hardness.doubted(asked, []).value)


# --- both ends of each class


@pytest.mark.parametrize("n", [1, 2, 5, 6, 40])
def test_the_ends_of_a_class_are_its_first_and_last_and_none_twice(n):
    study = made_up(n, classes=("a", "b"), label=np.zeros(n, int), predicted=0, nearest=0)
    ends = hardness.class_ends(ranked(study))
    avh = np.sort(study.runs["resnet50"].scores["avh"])
    hardest, easiest = (ends.loc[ends["end"] == end, "value"].to_numpy() for end in ("hardest", "easiest"))
    np.testing.assert_array_equal(hardest, avh[::-1][: min(3, -(-n // 2))])
    np.testing.assert_array_equal(easiest, avh[: min(3, n // 2)])
    assert not ends["image"].duplicated().any()


def test_of_many_classes_those_of_the_highest_mean_are_shown():
    names = tuple(f"class {k:04d}" for k in range(1000))
    study = made_up(4000, classes=names)
    ends = hardness.class_ends(ranked(study))
    scores = study.runs["resnet50"].scores
    means = scores.groupby("label")["avh"].mean().sort_values(ascending=False)
    assert list(ends["class"].unique()) == [names[k] for k in means.index[:12]]
    assert "the 12 of " in wording.hardness.class_ends_caption(ranked(study), ends, "x")


def test_images_without_a_score_are_at_no_end():
    study = made_up(avh=np.full(40, np.nan))
    ends = hardness.class_ends(ranked(study))
    assert ends.empty
    assert figures.figure_h3(ends, np.zeros((0, 8, 8, 3), np.uint8)) is None


# --- figures


def drawn(fig) -> list:
    return [ax for ax in fig.axes if ax.images]


@pytest.mark.parametrize("size", [8, 300])
@pytest.mark.parametrize(
    "classes", [("a", "b"), tuple("abcdefghijklmn"), ("$x^$", "c_{", "a name of too many characters")]
)
def test_every_picture_is_drawn_with_its_avh(size, classes, tmp_path):
    study = made_up(classes=classes)
    images = np.random.default_rng(0).integers(0, 256, (40, 3, size, size)).astype(np.uint8)
    ends = hardness.class_ends(ranked(study))
    pictures = pixels(images, ends)
    fig = figures.figure_h3(ends, pictures).figure
    fig.savefig(tmp_path / "x.png")  # names are text, never formulas
    axes = drawn(fig)
    assert len(axes) == len(ends)
    shown = {ax.images[0].get_array().data.tobytes(): ax.get_title() for ax in axes}
    for image, avh in zip(ends["image"], ends["value"], strict=True):
        assert float(shown[images[image].transpose(1, 2, 0).tobytes()]) == pytest.approx(avh, rel=0.01)


def test_likely_errors_are_drawn_with_their_label_and_the_nearest_class(tmp_path):
    study = made_up(200)
    shown = hardness.suspects(ranked(study)).head(hardness.SUSPECTS)
    images = np.zeros((200, 3, 8, 8), np.uint8)
    fig = figures.figure_h4(shown, pixels(images, shown)).figure
    fig.savefig(tmp_path / "x.png")
    titles = [ax.get_title().split("\n") for ax in drawn(fig)]
    assert [title[0] for title in titles] == list(shown["class"])
    assert [title[1] for title in titles] == [f"→ {name}" for name in shown["nearest"]]


@pytest.mark.parametrize("number", [1, 3, 5])
def test_few_likely_errors_are_drawn_too(number):
    shown = hardness.suspects(ranked(made_up(200))).head(number)
    assert len(drawn(figures.figure_h4(shown, np.zeros((number, 8, 8, 3), np.uint8)).figure)) == number


def test_the_style_knows_figures_of_images_by_their_alternative_texts():
    """In dark mode they are dimmed, all others inverted."""
    table = ranked(made_up(200))
    images = np.zeros((200, 3, 8, 8), np.uint8)
    ends, shown = hardness.class_ends(table), hardness.suspects(table).head(3)
    style = (Path(__file__).parent.parent.parent / "book/_static/book.css").read_text()
    begin = tuple(re.findall(r'alt\^="([^"]+)"', style))
    assert figures.figure_h3(ends, pixels(images, ends)).alt.startswith(begin)
    assert figures.figure_h4(shown, pixels(images, shown)).alt.startswith(begin)


def test_without_pictures_nothing_is_drawn_and_a_sentence_says_why():
    table = ranked(made_up())
    ends, found = hardness.class_ends(table), hardness.suspects(table)
    assert figures.figure_h3(ends, None) is None
    assert figures.figure_h4(found, None) is None
    assert wording.hardness.not_drawn(ends, "They are not here") == "is not drawn. They are not here"
    assert wording.hardness.not_drawn(found.head(0), "They are not here") == "is not drawn: there is no such image."


def test_the_alternative_texts_say_what_is_shown():
    table = ranked(made_up(200))
    ends, found = hardness.class_ends(table), hardness.suspects(table).head(2)
    described = dict(wording.hardness.describe_class_ends(ends))
    low, high = (f"{number:.3g}" for number in ends.loc[ends["end"] == "hardest", "value"].agg(["min", "max"]))
    assert described["All classes"].startswith(f"hardest {low} to {high} and easiest ")
    assert all(described[name].startswith("hardest") for name in ends["class"].unique())
    for row in found.to_dict("records"):
        words = f"labelled {row['class']}, nearest to {row['nearest']}"
        assert (row["id"], words) in wording.hardness.describe_suspects(found)
