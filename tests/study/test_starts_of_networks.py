"""Several starts of a network: read and checked, and their numbers against scipy's."""

import dataclasses

import madeup
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import runs
from analysis.errors import InputError
from analysis.study import claims, starts
from analysis.study.results import StudyResults, read_results

ARCHS = ["vgg19", "resnet50"]


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> StudyResults:
    parameters = madeup.study(tmp_path_factory.mktemp("results"), ARCHS, starts=3)
    return read_results(parameters, ARCHS)


def changed(folder, change) -> None:
    """The second start's stamp, changed."""
    path = folder / "synthetic" / "vgg19" / "seed-1" / runs.RUN
    stamp = runs.read_stamp(path)
    change(stamp)
    runs.write_json(path, stamp)


def test_the_starts_of_a_network_are_itself_and_the_others_by_their_seeds(study):
    run = study.runs["vgg19"]
    assert [start.seed for start in run.starts] == [0, 1, 2]
    assert run.starts[0] is run
    assert {start.arch for start in run.starts} == {"vgg19"}
    assert not run.scores["avh"].equals(run.starts[1].scores["avh"])
    assert run.starts[2].training["epoch"].tolist() == [1, 2, 3]


def test_a_tenth_seed_comes_after_the_ninth(tmp_path):
    parameters = madeup.study(tmp_path, ["vgg19"], starts=11)
    assert [start.seed for start in read_results(parameters, ["vgg19"]).runs["vgg19"].starts] == list(range(11))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda stamp: stamp.update(source="e" * 64), r"seed-1 and .*vgg19 were made by different code \(ffff.*, eeee"),
        (
            lambda stamp: stamp["parameters"].update(width=0.5),
            r"seed-1 and .* start_seed alone \(width is 1.0 there and 0.5 here\)",
        ),
        (
            lambda stamp: stamp["parameters"].update(start_seed=0),
            r"vgg19/seed-1 holds the run that was made as \S+/vgg19: move it",
        ),
        (lambda stamp: stamp.update(data="other"), "seed-1 holds results on other data"),
    ],
)
def test_starts_that_are_not_alike_are_refused(tmp_path, change, said):
    parameters = madeup.study(tmp_path, ["vgg19"], starts=2)
    changed(tmp_path, change)
    with pytest.raises(InputError, match=said.replace(", eeee", " and eeee")):
        read_results(parameters, ["vgg19"])


def test_a_parameter_that_an_older_stamp_lacks_was_at_its_default(tmp_path):
    parameters = madeup.study(tmp_path, ["vgg19"], starts=2)
    changed(tmp_path, lambda stamp: stamp["parameters"].update(width=1.0, head="own"))
    assert len(read_results(parameters, ["vgg19"]).runs["vgg19"].starts) == 2


def test_correlations_of_each_start_are_scipys(study):
    table = starts.with_people_over_starts(study, ["avh", "confidence"])
    assert len(table) == 2 * 2 * 4
    run = study.runs["vgg19"]
    rows = table[(table["arch"] == "vgg19") & (table["score"] == "avh")].set_index("start")
    each = [stats.spearmanr(s.scores["avh"][1:], study.hsf[1:]).statistic for s in run.starts]
    np.testing.assert_allclose(rows.loc[["0", "1", "2"], "value"], each)
    mean = rows.loc[starts.MEAN]
    assert mean["value"] == pytest.approx(np.mean(each))
    assert mean["deviation"] == pytest.approx(np.std(each, ddof=1))
    assert (mean["lowest"], mean["highest"]) == pytest.approx((min(each), max(each)))
    half = mean["both_high"] - mean["value"]
    assert half >= stats.t.ppf(0.975, 2) * mean["deviation"] / np.sqrt(3) - 1e-12
    assert mean["low"] < mean["value"] < mean["high"]
    assert (mean["n"], mean["starts"]) == (madeup.N - 1, 3)


def test_correct_images_are_those_that_every_start_gets_right(study):
    run = study.runs["resnet50"]
    right = np.all([start.scores["correct"] for start in run.starts], axis=0)
    table = starts.with_people_over_starts(study, ["confidence"], correct=True)
    row = table[(table["arch"] == "resnet50") & (table["start"] == "1")].iloc[0]
    right[0] = False  # its confidence is undefined here
    assert row["n"] == right.sum()
    assert row["value"] == pytest.approx(
        stats.spearmanr(run.starts[1].scores["confidence"][right], study.hsf[right]).statistic
    )
    assert set(table["images"]) == {starts.CORRECT}


def test_a_lead_is_the_difference_of_correlations_of_the_expected_sign(study):
    run = study.runs["vgg19"].starts[2]
    avh, norm = (stats.spearmanr(run.scores[name][1:], study.hsf[1:]).statistic for name in ("avh", "norm"))
    for turned, lead in ((False, -avh - norm), (True, avh - norm)):  # turned: AVH has the wrong sign
        other = dataclasses.replace(run, scores=run.scores.assign(avh=run.scores["avh"] * (-1 if turned else 1)))
        one = dataclasses.replace(study, runs={"vgg19": other})
        assert starts.leads_over_starts(one, "avh", ["norm"]).iloc[0]["value"] == pytest.approx(lead)


def test_a_score_that_a_start_lacks_is_left_out_of_its_network(study):
    run = study.runs["vgg19"]
    old = dataclasses.replace(run.other_seeds[0], scores=run.other_seeds[0].scores.drop(columns="angular_margin"))
    without = dataclasses.replace(study, runs=study.runs | {"vgg19": dataclasses.replace(run, other_seeds=(old,))})
    table = starts.with_people_over_starts(without, ["avh", "angular_margin"])
    assert set(table.loc[table["score"] == "angular_margin", "arch"]) == {"resnet50"}
    assert set(starts.leads_over_starts(without, "angular_margin", ["avh"])["arch"]) == {"resnet50"}


def test_one_start_has_no_interval_over_both(tmp_path):
    parameters = madeup.study(tmp_path, ["vgg19"])
    study = read_results(parameters, ["vgg19"])
    assert not starts.repeated(study)
    mean = starts.with_people_over_starts(study, ["avh"]).set_index("start").loc[starts.MEAN]
    assert np.isnan(mean["both_low"]) and mean["starts"] == 1 and mean["low"] < mean["high"]


def test_claims_on_scores_are_judged_for_every_start(study):
    """The second start's AVH is turned round: there P2a does not hold."""
    run = study.runs["vgg19"]
    second, third = run.other_seeds
    other = dataclasses.replace(second, scores=second.scores.assign(avh=-second.scores["avh"]))
    turned = dataclasses.replace(run, other_seeds=(other, third))
    table = claims.judge(dataclasses.replace(study, runs={"vgg19": turned}), claims.named("P2a", "Obs. 1"))
    rows = table.drop_duplicates("claim").set_index("claim")
    assert rows.loc["P2a", ["verdict", "starts", "alike"]].tolist() == ["supported", 3, 2]
    assert rows.loc["Obs. 1", ["starts", "alike"]].tolist() == [1, 1]


def test_without_people_there_is_nothing(tmp_path):
    parameters = madeup.study(tmp_path, ["vgg19"], people=False, starts=2)
    study = read_results(parameters, ["vgg19"])
    assert starts.with_people_over_starts(study, ["avh"]).empty
    assert isinstance(starts.leads_over_starts(study, "avh", ["norm"]), pd.DataFrame)
