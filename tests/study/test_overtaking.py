"""What is said about why results came out as they did, against counts, brute force and closed forms."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from madeup import study
from scipy import stats

from analysis.probes import moments
from analysis.statistics import Estimate
from analysis.study import claims, correlations, overtaking
from analysis.study.results import read_results
from analysis.training import WARM_STEPS
from report import figures, wording
from report.wording.forms import span_of

ARCHS = ["alexnet", "vgg19"]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return read_results(study(tmp_path_factory.mktemp("study"), ARCHS, epochs=9), ARCHS)


@pytest.fixture(scope="module")
def nobody(tmp_path_factory):
    return read_results(study(tmp_path_factory.mktemp("nobody"), ARCHS, people=False), ARCHS)


def test_ties_alone_keep_a_perfect_score_below_one():
    random = np.random.default_rng(0)
    hsf = np.append(random.integers(0, 8, 300) / 8, [np.nan, np.nan])
    perfect = np.lexsort((random.random(302), hsf)).argsort()[:300]  # in order, without ties
    assert correlations.ties_ceiling(hsf) == pytest.approx(stats.spearmanr(perfect, hsf[:300]).statistic, abs=1e-12)
    assert correlations.ties_ceiling(np.arange(10.0)) == 1


def test_cifar10h_ties_are_as_published(real_data):
    counts = np.load(real_data / "cifar-10h" / "cifar10h-counts.npy", allow_pickle=False)
    labels = np.fromfile(real_data / "cifar-10-batches-bin" / "test_batch.bin", np.uint8).reshape(-1, 3073)[:, 0]
    hsf = counts[np.arange(10_000), labels] / counts.sum(1)
    assert correlations.ties_ceiling(hsf) == pytest.approx(0.956, abs=5e-4)


def test_correlations_over_epochs_are_those_of_each_epoch(results):
    table = overtaking.overtaking(results)
    assert set(table["arch"]) == set(ARCHS)
    sign = {"avh": -1, "confidence": 1}
    for row in table[table["score"] != "lead"].itertuples():
        probe = results.runs[row.arch].epochs.query(f"epoch == {row.epoch}")
        probe = probe.assign(hsf=results.hsf[probe["image"]]).dropna()
        rho = stats.spearmanr(probe[row.score], probe["hsf"]).statistic
        assert row.value == pytest.approx(sign[row.score] * rho, abs=1e-12)
        assert row.low <= row.value <= row.high
        assert row.n == len(probe) == 59
    both = table.pivot(index=["arch", "epoch"], columns="score", values="value")
    lead = both["lead"].to_numpy()
    # The one undefined AVH is left out of the pair, and of AVH alone, but confidence is defined where it is not.
    np.testing.assert_allclose(lead, both["avh"].abs() - both["confidence"].abs(), atol=0.05)


@pytest.mark.parametrize("last", [1, 2, 9, 90])
def test_moments_reach_from_the_first_epoch_to_the_last(last):
    found = moments(last)
    assert (found[0], found[-1]) == (1, last)
    assert sorted(set(found)) == found


def test_what_confidence_says_by_the_norm_is_told_for_every_network(results, nobody):
    sentences = wording.overtaking.norm_sentences(correlations.confidence_and_norm(results))
    assert [sentence.partition(":")[0] for sentence in sentences] == ["AlexNet", "VGG19"]
    run = results.runs["alexnet"]
    seen = run.scores["confidence"].notna()
    shared = stats.spearmanr(run.scores["confidence"][seen], run.scores["norm"][seen]).statistic
    assert f"with the norm is {shared:.2f} [".replace("-", "−") in sentences[0]
    assert wording.overtaking.norm_sentences(correlations.confidence_and_norm(nobody)) == []


def test_only_avh_is_turned():
    estimate = Estimate(-0.2, -0.3, 0.1, 50)
    assert overtaking.turned("avh", estimate) == {"value": 0.2, "low": -0.1, "high": 0.3, "n": 50}
    assert overtaking.turned("confidence", estimate) == estimate._asdict()


def test_sentences_name_every_network_and_the_small_bins(results):
    assert len(wording.overtaking.overtakes(overtaking.overtaking(results))) == 2
    text = " ".join(wording.overtaking.reasons(results))
    sizes = pd.Series(np.ceil(results.hsf * 5 - 1e-9).clip(1)).value_counts()
    small = sizes[sizes < claims.FEWEST_IMAGES]
    assert len(small)
    assert all(f"({n})" in text for n in small)


def test_figure_d1_is_told_by_the_range_of_leads(results):
    table = overtaking.overtaking(results)
    lead = table[table["score"] == "lead"]
    said = figures.figure_d1(table).sentences[1]
    assert f": {span_of(lead['value'])}, interval above 0 at {(lead['low'] > 0).sum()} and " in said
    assert said.endswith(f"below 0 at {(lead['high'] < 0).sum()} of {len(lead)} points.")


def test_nothing_is_said_of_people_where_nobody_was_asked(nobody):
    assert overtaking.overtaking(nobody).empty
    assert figures.figure_d1(overtaking.overtaking(nobody)) is None
    assert "no human labels" in wording.overtaking.reasons(nobody)[0]


def of_dataset(results, name, note):
    """The study as one of a dataset, with a note on its images."""
    return replace(results, dataset=results.dataset | {"name": name, "notes": [note]})


def test_imagenets_images_are_counted_and_other_ones_are_not_the_papers(results):
    sample = of_dataset(results, "imagenet", "60 of them in class folders named by wnid")
    assert "The images are 60 of the paper's 50,000 validation images." in wording.overtaking.differences(sample)
    other = of_dataset(results, "imagenet", "60 of them in ImageNetV2's numbered class folders")
    assert not any("the paper's 50,000" in said for said in wording.overtaking.differences(other))
    assert wording.overtaking.differences(results) == []  # rendered images are compared with nothing


def test_only_networks_trained_from_scratch_saw_few_images(results):
    own = of_dataset(results, "cifar10h", "")
    assert wording.overtaking.differences(own)[-1].startswith("Networks trained from scratch here saw 80 images;")
    tuned = {a: replace(run, stamp=run.stamp | {"started": {"from": "x"}}) for a, run in own.runs.items()}
    assert not any("scratch" in said for said in wording.overtaking.differences(replace(own, runs=tuned)))
    assert wording.study.schedule(own.runs["vgg19"]).startswith("Training follows the paper's schedule")
    assert wording.study.schedule(tuned["vgg19"]).startswith("Fine-tuning takes 9 epochs of")
    assert "divided by ten after epoch 3 and 6. The paper" in wording.study.schedule(tuned["vgg19"])


def test_batch_norms_steps_are_those_of_training():
    assert f"first {WARM_STEPS:,} steps" in wording.study.BATCH_NORM
