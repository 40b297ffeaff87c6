"""Which score finds what people dispute: events by hand, measures by brute force, figures and tables of them."""

import dataclasses

import madeup
import numpy as np
import pandas as pd
import pytest

from analysis.study import disputed, heads, starts
from analysis.study.results import StudyResults, read_results
from report import figures, styles, wording
from report.wording.forms import span_of

ARCHS = ["vgg19", "resnet50"]


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> StudyResults:
    """People's full answers: who did not choose the label chose the class after it."""
    parameters = madeup.study(tmp_path_factory.mktemp("results"), ARCHS, starts=2)
    found = read_results(parameters, ARCHS)
    n, label = np.arange(madeup.N), found.images["label"].to_numpy()
    counts = np.zeros((madeup.N, 3), dtype=int)
    counts[n, label] = found.images["selected"]
    counts[n, (label + 1) % 3] = 10 - found.images["selected"]
    return dataclasses.replace(found, images=found.images.assign(**{f"count_{k}": counts[:, k] for k in range(3)}))


@pytest.fixture(scope="module")
def found(study) -> pd.DataFrame:
    return disputed.detect(study)


def value(table: pd.DataFrame, **keys: str) -> float:
    return table.loc[np.all([table[name] == key for name, key in keys.items()], axis=0), "value"].item()


def auroc(score: np.ndarray, event: np.ndarray) -> float:
    pairs = score[event][:, None] - score[~event][None]
    return ((pairs > 0) + 0.5 * (pairs == 0)).mean()


def test_events_are_as_people_answered(study):
    events, selected = disputed.events(study), study.images["selected"].to_numpy()
    np.testing.assert_array_equal(events["disputed"], selected < 8)
    np.testing.assert_array_equal(events["renamed"], selected < 5)  # 5 of 10 is a tie, and no other class is ahead


def test_answers_in_one_block_of_memory_are_only_read(study):
    """As pandas hands out a frame's own memory, which may not be written, where it need not convert it."""
    answers = study.images.filter(like="count_").astype(float)
    alone = dataclasses.replace(study, images=answers.assign(**study.images[["label", "selected", "shown"]]))
    np.testing.assert_array_equal(disputed.events(alone)["renamed"], disputed.events(study)["renamed"])
    pd.testing.assert_frame_equal(alone.images.filter(like="count_"), answers)


def test_without_full_answers_there_is_one_event_and_without_people_none(study):
    bare = study.images.drop(columns=[f"count_{k}" for k in range(3)])
    assert set(disputed.events(dataclasses.replace(study, images=bare))) == {"disputed"}
    silent = dataclasses.replace(study, images=study.images[["id", "label"]])
    table = disputed.detect(silent)
    assert table.empty and wording.disputed.best_finders(table) == [] and wording.disputed.detected(table).empty
    assert figures.figure_starts(wording.disputed.detected(table), ["AUROC"]) is None


@pytest.mark.parametrize(("score", "sign"), [("avh", 1), ("confidence", -1), ("norm", -1), ("angular_margin", 1)])
def test_scores_are_searched_from_their_hard_end(study, found, score, sign):
    column = study.runs["vgg19"].other_seeds[0].scores[score].to_numpy(dtype=float)
    there, event = ~np.isnan(column), study.hsf < 0.8
    keys = {"event": "disputed", "images": starts.ALL_IMAGES, "arch": "vgg19", "score": score, "start": "1"}
    assert value(found, **keys, measure="auroc") == pytest.approx(auroc(sign * column[there], event[there]))
    if score == "avh":
        hardest = np.argsort(-np.where(there, column, -np.inf))[:50]
        assert value(found, **keys, measure="first 50") == pytest.approx(event[hardest].mean())


def test_correct_images_are_those_of_all_starts(study, found):
    right = np.all([start.scores["correct"] for start in study.runs["vgg19"].starts], axis=0)
    rows = found[(found["arch"] == "vgg19") & (found["images"] == starts.CORRECT) & (found["score"] == "entropy")]
    assert set(rows["n"]) == {right.sum()}
    of = rows[rows["event"] == "renamed"]
    positives = (study.images["selected"] < 5)[right].sum()
    assert set(of["positives"]) == {positives}
    assert of.loc[of["measure"] == "average precision", "chance"].unique() == pytest.approx(positives / right.sum())


def test_readers_see_every_score_and_the_best_one(study, found):
    asked = found[(found["event"] == "disputed") & (found["images"] == starts.CORRECT)]
    assert len(wording.disputed.detections_table(asked)) == len(disputed.SEARCHED) * len(ARCHS)
    caption = wording.disputed.detections_table.caption(asked)
    assert "disputed images (HSF below 0.8) among images classified correctly with every seed" in caption
    assert "the share of such images among the 50 hardest; this share and the average precision by chance" in caption
    few = asked.assign(n=49)  # no first 50
    assert "first 50" in wording.disputed.detections_table(asked)
    assert not [head for head in wording.disputed.detections_table(few) if head.startswith("first")]
    assert "seeds; the share of such images and the average" in wording.disputed.detections_table.caption(few)
    first = wording.disputed.best_finders(found)[0]
    assert first.startswith("HSF below 0.8, all images: the best score is ")
    means = found.query("event == 'disputed' and measure == 'auroc' and start == 'mean' and arch == 'vgg19'")
    means = means[means["images"] == starts.ALL_IMAGES]
    best = means.loc[means["value"].idxmax(), "score"]
    assert f"{styles.score_label(best)} for VGG19" in first


def test_a_point_for_each_start_is_drawn(found):
    points = wording.disputed.detected(found)
    drawn = figures.figure_starts(points, ["AUROC"])
    first = points[points["panel"] == points["panel"].iloc[0]]
    best = first.groupby("label", sort=False)["value"].mean().idxmax()
    values = span_of(first.loc[first["label"] == best, "value"])
    assert f": highest {best} {values}, lowest " in drawn.sentences[1]
    fig = drawn.figure
    assert len(fig.axes) == 4
    for ax, panel in zip(fig.axes, points["panel"].unique(), strict=True):
        drawn = sum(len(container.lines[0].get_xdata()) for container in ax.containers)
        assert drawn == (points["panel"] == panel).sum() == len(disputed.SEARCHED) * len(ARCHS) * 2


def test_signs_are_turned_with_their_intervals(study):
    before = starts.with_people_over_starts(study, ["avh", "confidence"])
    points = wording.starts.turned_points(wording.starts.plotted_starts(before, "score"))
    raw = before[before["start"] != starts.MEAN].reset_index(drop=True)
    low = (raw["score"] == "avh").to_numpy()
    np.testing.assert_allclose(points["value"][low], -raw["value"][low])
    np.testing.assert_allclose(points["low"][low], -raw["high"][low])
    np.testing.assert_allclose(points["value"][~low], raw["value"][~low])
    assert set(points["label"]) == {"−AVH", "confidence"}


def test_heads_are_told_by_their_numbers(study):
    table = heads.by_head(study)
    run = study.runs["vgg19"]
    rows = table[table["arch"] == "vgg19"]
    assert rows["accuracy"].unique() == pytest.approx(np.mean([s.scores["correct"].mean() for s in run.starts]))
    assert set(rows["images"]) == {starts.ALL_IMAGES, starts.CORRECT}
    said = wording.heads.heads_said(table)
    mean = rows[(rows["start"] == starts.MEAN) & (rows["images"] == starts.ALL_IMAGES)]["value"].item()
    assert f"{mean:.2f}".replace("-", "−") in said and "for VGG19" in said
    assert (
        figures.figure_starts(wording.starts.plotted_starts(table, "arch"), ["x"])
        .figure.axes[0]
        .get_yticklabels()[0]
        .get_text()
        == "VGG19"
    )


def test_the_best_finder_is_counted_over_networks_and_avh_is_compared_with_chance(study):
    found = disputed.detect(study)
    assert wording.disputed.numbers_of_events(found) == "Of 60 images, 26 are disputed and 13 are outvoted."
    for images, arch, score, value, width in (
        (starts.ALL_IMAGES, "vgg19", "margin", 0.99, 0.005),
        (starts.ALL_IMAGES, "resnet50", "entropy", 0.99, 0.005),
        (starts.CORRECT, "vgg19", "avh", 0.7, 0.1),
        (starts.CORRECT, "resnet50", "avh", 0.55, 0.1),
    ):
        rows = (found["images"] == images) & (found["arch"] == arch) & (found["score"] == score)
        ends = [value, value - width, value + width, value - width, value + width]
        found.loc[rows, ["value", "low", "high", "both_low", "both_high"]] = ends
    others = (found["images"] == starts.ALL_IMAGES) & ~found["score"].isin(["margin", "entropy"])
    found.loc[others, "value"] = 0.6
    said, outvoted = wording.disputed.recommendations(found)
    assert said.startswith("Disputed images are found best by") and outvoted.startswith("Outvoted images")
    assert "margin in 1 of 2" in said and "entropy in 1 of 2" in said
    assert "AVH finds them better than chance for VGG19; neither clearly better nor worse than chance for" in said
    assert wording.disputed.recommendations(pd.DataFrame()) == [] == wording.heads.strongest_heads(pd.DataFrame())


def test_a_page_begins_with_what_to_do_first(study):
    found = disputed.detect(study)
    assert wording.disputed.first_step(found) == ""  # of fewer than 100 images
    assert wording.disputed.first_step(found[:0]) == ""
    found = found[(found["measure"] != "first 100") | found["score"].isin(["margin", "entropy", "avh"])].assign(n=200)
    for score, arch, value in (
        ("margin", "vgg19", 0.5), ("margin", "resnet50", 0.4), ("entropy", "vgg19", 0.3), ("entropy", "resnet50", 0.5),
        ("avh", "vgg19", 0.1), ("avh", "resnet50", 0.2),
    ):  # fmt: skip
        rows = (found["score"] == score) & (found["arch"] == arch) & (found["measure"] == "first 100")
        found.loc[rows, ["value", "both_low", "both_high", "chance"]] = [value, value - 0.1, value + 0.1, 0.35]
    several = (
        "on average the best of 3 scores: of the first 100 of 200 images, 40 [30,\u00a050] (ResNet50) to 50 "
        "[40,\u00a060] (VGG19) are disputed (next best, entropy: 30 to 50; AVH: 10 to 20; chance: 35)."
    )
    assert wording.disputed.first_step(found) == (
        f"**To find disputed labels, look first at the images that margin ranks as hardest**, {several}"
    )
    no_guide = wording.disputed.first_step(found.assign(chance=0.45))
    assert no_guide.startswith("**No score is a clear guide to disputed labels**, not even margin, on average the best")
    one = wording.disputed.first_step(found[(found["arch"] == "vgg19") & (found["score"] != "entropy")])
    assert "hardest**, the best of 2 scores: of the first 100 of 200 images, 50 [40,\u00a060] are disputed" in one
    assert one.endswith("(next best, AVH: 10; chance: 35).")


def test_the_heads_of_the_strongest_and_the_weakest_correlation_are_named(study):
    table = heads.by_head(study)
    for arch, low, high in (("vgg19", -0.5, -0.3), ("resnet50", -0.2, 0.0)):
        rows = table["arch"] == arch
        table.loc[rows, ["value", "low", "high", "both_low", "both_high"]] = [(low + high) / 2, low, high, low, high]
    sentences = wording.heads.strongest_heads(table)
    assert len(sentences) == 2
    assert "most strongly for VGG19 (−0.40" in sentences[0]
    assert "least strongly for ResNet50 (−0.10" in sentences[0]
    assert sentences[0].endswith("the two intervals do not overlap.")
    table.loc[table["arch"] == "vgg19", ["high", "both_high"]] = -0.1
    assert wording.heads.strongest_heads(table)[0].endswith("the two intervals overlap.")


def test_the_angular_margin_is_told_where_it_leads_and_where_it_is_missing(study):
    leads = starts.on_both(starts.leads_over_starts, study, "angular_margin", ["avh", "confidence"])
    lead = leads["other"] == "confidence"
    for column in ("low", "both_low"):
        leads.loc[lead, column] = 0.1
    for column in ("high", "both_high"):
        leads.loc[lead, column] = 0.2
    sentences = wording.starts.margin_leads(leads)
    assert len(sentences) == 4
    assert "more strongly than confidence for VGG19 (" in sentences[1] and "less strongly" not in sentences[1]
    assert wording.starts.lacks_margin(study) == ""
    run = study.runs["vgg19"]
    old = dataclasses.replace(run, scores=run.scores.drop(columns="angular_margin"))
    lacking = wording.starts.lacks_margin(dataclasses.replace(study, runs={"vgg19": old}))
    assert "The tables of VGG19 have no angular margin" in lacking


def test_a_page_says_which_seeds_it_shows(study, tmp_path):
    assert wording.starts.first_seed_shown(study).endswith("are for the first seed.")
    assert "Figures show every seed" in wording.starts.every_seed_shown(study)
    assert "first seed" not in wording.starts.every_seed_shown(study)
    single = read_results(madeup.study(tmp_path, ["vgg19"]), ["vgg19"])
    alone = wording.starts.seeds_said(single)
    assert wording.starts.first_seed_shown(single) == wording.starts.every_seed_shown(single) == alone


def test_given_weights_were_not_trained_with_a_seed(tmp_path):
    single = read_results(madeup.study(tmp_path, ["vgg19"]), ["vgg19"])
    stamp = single.runs["vgg19"].stamp | {"measured": {}}
    given = dataclasses.replace(single, runs={"vgg19": dataclasses.replace(single.runs["vgg19"], stamp=stamp)})
    assert wording.starts.seeds_said(given) == (
        "There is one given set of weights per network, so intervals are over test images only."
    )


def test_one_start_is_said_and_shows_no_spread(study, tmp_path):
    parameters = madeup.study(tmp_path, ["vgg19"])
    single = read_results(parameters, ["vgg19"])
    assert list(wording.starts.numbers_table(starts.with_people_over_starts(single, ["avh"]))) == [
        "network", "each seed", "over images", "n",
    ]  # fmt: skip
    assert "one seed, so intervals are over test images only" in wording.starts.seeds_said(single)
    assert wording.starts.seeds_said(study).startswith("Each network was trained with 2 random seeds")
    shown = wording.starts.numbers_table(starts.with_people_over_starts(study, ["avh"]))
    assert shown["network"].tolist() == ["VGG19", "ResNet50"]
    assert shown["each seed"].str.count(",").tolist() == [1, 1]


@pytest.mark.parametrize(("k", "n", "said"), [(1, 1, ""), (3, 3, " in all 3 networks"), (1, 3, " in 1 of 3 networks")])
def test_one_network_is_not_counted(k, n, said):
    assert wording.disputed._in_networks(k, n) == said
