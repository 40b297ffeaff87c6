"""Readings varied one at a time: each number against its own formula, each verdict against the book's rules."""

import dataclasses

import madeup
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.study import claims, readings
from analysis.study.choices import BOOK, STRONG
from analysis.study.readings import READINGS
from analysis.study.results import StudyResults, read_results
from report import figures, wording
from report.text import number as in_words
from report.wording.readings import OURS

FOUR = ["resnet50", "alexnet", "vgg19", "densenet121"]


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> StudyResults:
    """Four networks over images with people's full answers."""
    parameters = madeup.study(tmp_path_factory.mktemp("results"), FOUR, epochs=10)
    return answered(read_results(parameters, parameters.archs))


def answered(study: StudyResults) -> StudyResults:
    """The study with full answers: who did not choose the label chose the class after it."""
    images = study.images.copy()
    n, label = np.arange(len(images)), images["label"].to_numpy()
    counts = np.zeros((len(images), 3), dtype=int)
    counts[n, label] = images["selected"]
    counts[n, (label + 1) % 3] = images["shown"] - images["selected"]
    return dataclasses.replace(study, images=images.assign(**{f"count_{k}": counts[:, k] for k in range(3)}))


@pytest.fixture(scope="module")
def table(study):
    return readings.judge_readings(study)


def number(table, claim: str, reading: str, quantity: str, arch: str = "vgg19") -> float:
    keys = {"claim": claim, "reading": reading, "quantity": quantity, "arch": arch}
    return table.loc[np.all([table[name] == value for name, value in keys.items()], axis=0), "value"].item()


def test_each_reading_changes_one_choice_and_a_judged_claim():
    for reading in READINGS:
        assert sum(a != b for a, b in zip(reading.choices, BOOK, strict=True)) == 1, reading
        assert set(reading.touches) <= {claim.id for claim in readings.JUDGED}
    assert len({reading.name for reading in READINGS}) == len(READINGS)


def test_the_first_rows_are_the_books_verdicts(study, table):
    ours = table[table["reading"] == ""].drop_duplicates(["claim", "arch"]).set_index(["claim", "arch"])["verdict"]
    judged = claims.judge(study).drop_duplicates(["claim", "arch"]).set_index(["claim", "arch"])["verdict"]
    for claim in ("H1", "P1", "P2a", "P2b", "P2c", "Obs. 3", "Obs. 4"):
        assert ours[claim].to_dict() == judged[claim].to_dict()
    assert not table.loc[table["reading"] == "", "changed"].any()


def test_definition_3_in_four_ways(study, table):
    """The sum over all classes is angle / AVH; here the angle is AVH, so the product is AVH too."""
    scores = study.runs["vgg19"].scores
    scores = scores.assign(angle=np.linspace(1, 2, madeup.N))
    run = dataclasses.replace(study.runs["vgg19"], scores=scores)
    found = readings.judge_readings(dataclasses.replace(study, runs={"vgg19": run}))
    kept = scores["avh"].notna()
    total = scores["angle"] / scores["avh"]
    for name, values in {
        "sum over the other classes": scores["angle"] / (total - scores["angle"]),
        "product, as typeset": scores["angle"] * total,
        "angle alone": scores["angle"],
    }.items():
        used = kept if name != "angle alone" else np.ones(madeup.N, dtype=bool)
        expected = stats.spearmanr(values[used], study.hsf[used]).statistic
        claim = "P2a"
        assert number(found, claim, name, "AVH with HSF") == pytest.approx(expected, abs=1e-3), name  # float32 ties


@pytest.mark.parametrize(("name", "function"), [("Kendall's tau-b", stats.kendalltau), ("Pearson's r", stats.pearsonr)])
def test_other_coefficients_are_scipys(study, table, name, function):
    avh, confidence = (study.runs["vgg19"].scores[score].to_numpy(dtype=float)[1:] for score in ("avh", "confidence"))
    of_avh, of_confidence = (function(values, study.hsf[1:])[0] for values in (avh, confidence))
    for claim in ("P2a", "P2b"):
        assert number(table, claim, name, "AVH with HSF") == pytest.approx(of_avh)
    assert number(table, "H1", name, "confidence with HSF") == pytest.approx(of_confidence)
    lead = number(table, "P2c", name, "|AVH| − |confidence|")
    assert lead == pytest.approx(abs(of_avh) - abs(of_confidence))


def test_images_are_left_out_by_their_answers(study, table):
    rows = table[(table["claim"] == "P1") & (table["arch"] == "vgg19")].set_index("reading")["n"]
    selected = study.images["selected"]
    assert rows["only HSF below 1"] == (selected < 10).sum()
    assert rows["label is the most frequent answer"] == (selected >= 5).sum()  # of 10, all others chose one class


def test_the_norm_in_three_ways(study, table):
    scores = study.runs["vgg19"].scores
    z = np.concatenate([stats.zscore(scores.loc[scores["label"] == k, "norm"], ddof=1) for k in range(3)])
    order = np.concatenate([np.flatnonzero(scores["label"] == k) for k in range(3)])
    expected = stats.spearmanr(z, study.hsf[order]).statistic
    assert number(table, "P1", "norm in SDs within class", "norm with HSF") == pytest.approx(expected, abs=1e-6)
    raw = stats.spearmanr(scores["norm"], study.hsf).statistic
    assert number(table, "P1", "raw norm", "norm with HSF") == pytest.approx(raw)


def test_a_threshold_moves_a_verdict_and_no_number(table):
    rows = table[(table["claim"] == "H1") & (table["arch"] == "vgg19")].set_index("reading")
    assert rows.loc["strong from 0.3", "value"] == rows.loc["strong from 0.7", "value"] == rows.loc["", "value"]
    assert (rows.loc["strong from 0.3", "above"], rows.loc["strong from 0.7", "below"]) == (-0.3, 0.7)
    rows = table[(table["claim"] == "P2b") & (table["arch"] == "vgg19")].set_index("reading")
    assert rows.loc["strong from 0.3", "value"] == rows.loc["", "value"]
    assert (rows.loc["strong from 0.3", "below"], rows.loc["strong from 0.7", "below"]) == (-0.3, -0.7)


def test_bins_of_equal_size_count_every_image_once(study):
    sizes = readings.bin_sizes(study)
    assert (sizes.groupby("bins")["n"].sum() == madeup.N).all()
    left = sizes[sizes["bins"] == "left-closed"]["n"].tolist()
    expected, _ = np.histogram(study.hsf, [0, 0.2, 0.4, 0.6, 0.8, 1.0])  # numpy's bins are left-closed
    assert left == expected.tolist()


def test_the_median_of_a_bin_by_brute_force(study):
    chosen = claims.better_networks(study, claims.ALL, BOOK._replace(average="median"))
    groups, n = claims.bins(study, list(study.runs), BOOK.fewest_in_bin)
    taus = []
    for k in range(len(n)):
        medians = [np.nanmedian(run.scores["avh"][groups == k]) for run in study.runs.values()]
        taus.append(stats.kendalltau([run.scores["correct"].mean() for run in study.runs.values()],
                                     -np.array(medians)).statistic)  # fmt: skip
    assert chosen.parts[-1].estimate.value == pytest.approx(min(taus))


def test_the_fall_from_the_initial_network_by_hand(study):
    run = study.runs["vgg19"]
    parts = {first: claims.plateau(study, "vgg19", BOOK._replace(first_epoch=first)).parts for first in (0, 1)}
    for name, column, sign in (("epoch of AVH", "avh", 1), ("epoch of accuracy", "correct", -1)):
        means = sign * run.epochs.groupby("epoch")[column].mean().to_numpy()
        for first, told in parts.items():
            fall = means[first] - means[first:].min()
            when = first + int(np.argmax(means[first:] <= means[first] - 0.95 * fall))
            (found,) = [part.estimate.value for part in told if part.quantity == name]
            assert found == when, (name, first)


def test_bins_of_fewer_images_are_left_out(study):
    defined = study.runs["vgg19"].scores["avh"].notna().to_numpy()
    every = np.histogram(-study.hsf[defined], [-1, -0.8, -0.6, -0.4, -0.2, 0])[0]  # reversed: right-closed bins
    fewest = sorted(every)[2]  # two bins are smaller
    groups, n = claims.bins(study, ["vgg19"], fewest)
    assert sorted(n.values()) == sorted(size for size in every if size >= fewest)
    assert 0 < len(n) < len(every)
    assert np.bincount(groups[(groups >= 0) & defined]).tolist() == list(n.values())


def test_the_angle_of_an_image_within_its_class(study):
    run, random = study.runs["vgg19"], np.random.default_rng(0)
    first = run.iterations[run.iterations["step"] == 0]
    steps = [first.assign(step=step, angle=random.random(len(first))) for step in range(31)]
    trained = dataclasses.replace(run)
    vars(trained)["iterations"] = pd.concat(steps, ignore_index=True)  # in place of the file
    last = steps[-1].set_index("image")["angle"].sort_index()
    within = last - last.groupby(study.images["label"].to_numpy()).transform("mean")
    for inside, angle in ((False, last), (True, within)):
        finding = claims.first_steps(
            dataclasses.replace(study, runs={"vgg19": trained}), "vgg19", BOOK._replace(angle_in_class=inside)
        )
        assert finding.parts[-1].estimate.value == pytest.approx(stats.spearmanr(angle, study.hsf).statistic)


def test_hsf_of_the_group_is_one_where_all_classes_are_in_it(study, table):
    """The made-up study has one group of all classes: everybody names a class of it."""
    assert np.isnan(number(table, "P1, groups", "", "norm with HSF, largest group"))
    own = stats.spearmanr(study.runs["vgg19"].scores["norm"], study.hsf).statistic
    assert number(table, "P1, groups", "HSF of the true class", "norm with HSF, largest group") == pytest.approx(own)


def test_what_needs_full_answers_says_so_without_them(study):
    bare = study.images.drop(columns=[f"count_{k}" for k in range(3)])
    table = readings.judge_readings(dataclasses.replace(study, images=bare))
    rows = table[table["reading"] == "label is the most frequent answer"]
    assert set(rows["why"]) == {"people's full answers are not known"}
    assert set(rows["n"]) == {0}
    assert "label is the most frequent answer" not in set(readings.plotted_readings(table)["reading"])


def test_the_findings_count_what_changed(table):
    verdicts = table[table["reading"] != ""].drop_duplicates(["claim", "reading", "arch"])
    first, *others = wording.readings.readings_sentences(table)
    assert first.startswith(f"Of {len(verdicts)} verdicts under other readings, {verdicts['changed'].sum()} ")
    assert len(others) == len(verdicts[verdicts["changed"]].drop_duplicates(["claim", "reading"]))


def test_the_readers_table_stars_what_changed(table):
    shown = wording.readings.readings_table(table)
    starred = shown.astype(str).apply(lambda column: column.str[:2].str.endswith("*")).sum().sum()
    assert starred == table[table["changed"]].drop_duplicates(["claim", "reading", "arch"]).shape[0]
    assert (shown["reading"] == OURS).sum() == len(readings.JUDGED)


def test_the_readers_table_says_which_numbers_each_claim_has(table):
    caption = wording.readings.readings_table.caption(table)
    for claim, rows in table[table["quantity"] != ""].groupby("claim"):
        said = caption.split(f" {claim}: ")[1].split(". ")[0]
        assert all(quantity in said for quantity in rows["quantity"].unique())


def test_figure_b2_draws_the_numbers_with_the_book_first(table):
    numbers = wording.readings.named_readings(readings.plotted_readings(table))
    (quantity, range_), *_ = wording.readings.describe_readings(numbers)
    means = numbers.loc[numbers["quantity"] == quantity, "mean"]
    assert range_.endswith(f"{in_words(means.min())} to {in_words(means.max())} in all readings")
    fig = figures.figure_b2(numbers).figure
    quantities = list(numbers["quantity"].unique())
    assert [ax.get_title().split("\n")[1] for ax in fig.axes] == quantities
    assert fig.axes[0].get_yticklabels()[0].get_text() == OURS
    for ax, quantity in zip(fig.axes, quantities, strict=True):
        drawn = sum(len(container.lines[0].get_xdata()) for container in ax.containers)
        assert drawn == (numbers["quantity"] == quantity).sum()
        wanted = ax.patches[-1]
        assert wanted.get_label() == "required range"
    h1 = fig.axes[0].patches[-1]
    assert (h1.get_x(), h1.get_x() + h1.get_width()) == pytest.approx((-STRONG, STRONG))


def test_without_people_there_is_nothing(tmp_path):
    parameters = madeup.study(tmp_path, ["vgg19"], people=False)
    silent = read_results(parameters, parameters.archs)
    table = readings.judge_readings(silent)
    assert table.empty and wording.readings.readings_sentences(table) == []
    assert figures.figure_b2(wording.readings.named_readings(readings.plotted_readings(table))) is None
    assert wording.readings.bin_sizes_table(readings.bin_sizes(silent)).empty
    assert wording.readings.describe_readings(wording.readings.named_readings(readings.plotted_readings(table))) == []
