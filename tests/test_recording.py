"""Recording a study: everything but people's answers, small, and the same numbers when it is read again."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from madeup import study
from scipy import stats

from analysis import datasets, probes, runs
from analysis.datasets import HumanLabels, cifar10h
from analysis.errors import InputError
from analysis.parameters import StudyParameters
from analysis.pipeline import prepare
from analysis.recording import record
from analysis.study.results import read_results

ARCHS = ["alexnet", "vgg19"]


@pytest.fixture
def finished(tmp_path):
    return study(tmp_path / "results", ARCHS)


@pytest.fixture
def people(finished, monkeypatch):
    """A user's own copy of the answers, by image."""
    images = runs.read_table(finished.study_dir / "images.parquet").set_index("id")

    def answers(parameters, ids, labels):
        found = images.loc[ids]
        return HumanLabels(found["selected"].to_numpy(), found["shown"].to_numpy(), None, "somebody", False)

    declared = datasets.DECLARATIONS["synthetic"]._replace(answers=answers)
    monkeypatch.setitem(datasets.DECLARATIONS, "synthetic", declared)
    return images


def recorded_parameters(finished, folder):
    return finished.model_copy(update={"results_dir": str(folder)})


def test_a_record_holds_no_answer_of_anybody(finished, tmp_path):
    folder = record(finished, ARCHS, tmp_path / "recorded")
    assert list(runs.read_table(folder / "images.parquet").columns) == ["id", "label"]
    for path in folder.rglob("*.parquet"):
        assert not runs.read_table(path).filter(regex="selected|shown|count").columns.tolist(), path
    assert not list(folder.rglob("*.safetensors"))


def test_a_record_is_read_as_the_results_are(finished, people, tmp_path):
    record(finished, ARCHS, tmp_path / "recorded")
    before = read_results(finished, ARCHS)
    after = read_results(recorded_parameters(finished, tmp_path / "recorded"), ARCHS)
    pd.testing.assert_frame_equal(after.images, before.images)
    for arch in ARCHS:
        one, other = before.runs[arch], after.runs[arch]
        pd.testing.assert_frame_equal(other.scores, one.scores)
        pd.testing.assert_frame_equal(other.training, one.training)
        assert {**other.stamp, "tables": None} == {**one.stamp, "tables": None}  # which are written smaller
        for name in ("epochs", "iterations"):
            mine, theirs = getattr(one, name), getattr(other, name)
            assert list(mine.dtypes) == list(theirs.dtypes)
            if name == "epochs":
                mine["confidence"] = mine["confidence"].where(mine["epoch"].isin([1, 2, 3]))
            pd.testing.assert_frame_equal(theirs, mine, rtol=2**-8)


def test_of_a_study_with_some_of_its_pages_scores_and_curves_are_kept(tmp_path):
    parameters = study(tmp_path / "results", ARCHS, starts=2)
    folder = record(parameters, ARCHS, tmp_path / "recorded", whole=False)
    kept = {str(path.relative_to(folder / "vgg19")) for path in (folder / "vgg19").rglob("*") if path.is_file()}
    names = {"run.json", "scores.parquet", "training.parquet"}
    assert kept == names | {f"seed-1/{name}" for name in names}


def test_other_answers_than_the_recorded_are_refused(finished, people, tmp_path):
    record(finished, ARCHS, tmp_path / "recorded")
    people.iloc[7, people.columns.get_loc("selected")] -= 1
    with pytest.raises(InputError, match="are not those of"):
        read_results(recorded_parameters(finished, tmp_path / "recorded"), ARCHS)


def test_answers_that_cannot_be_had_are_told(finished, tmp_path):
    record(finished, ARCHS, tmp_path / "recorded")
    with pytest.raises(InputError, match="are only available with its images"):
        read_results(recorded_parameters(finished, tmp_path / "recorded"), ARCHS)


def test_nothing_is_added_to_a_record(tmp_path):
    given = StudyParameters(results_dir=str(tmp_path / "results"), train_images=12, test_images=12)
    prepare(given)
    recorded = given.model_copy(update={"results_dir": str(tmp_path / "recorded")})
    folder = record(given, [], tmp_path / "recorded")
    runs.write_json(folder / "resnet18" / runs.RUN, {})
    before = runs.read_stamp(folder / "dataset.json")
    with pytest.raises(InputError, match=r"holds finished runs \(resnet18\)"):
        prepare(recorded)
    assert runs.read_stamp(folder / "dataset.json") == before


def test_an_unfinished_study_is_not_recorded_in_part(finished, tmp_path):
    (finished.study_dir / "vgg19" / "run.json").unlink()
    with pytest.raises(InputError, match=r"run.json is missing"):
        record(finished, ARCHS, tmp_path / "recorded")
    assert not (tmp_path / "recorded").exists()


def test_a_value_beyond_half_precision_is_refused(finished, tmp_path):
    path = finished.study_dir / "alexnet" / "epochs.parquet"
    table = runs.read_table(path)
    table.loc[5, "norm"] = 1e5
    runs.write_table(path, table)
    with pytest.raises(InputError, match="norm reaches 100000"):
        record(finished, ARCHS, tmp_path / "recorded")


def test_real_answers_are_joined_without_pictures(real_data, tmp_path):
    folder = tmp_path / "data" / "cifar-10h"
    folder.mkdir(parents=True)
    (folder / "cifar10h-counts.npy").symlink_to(real_data / cifar10h.COUNTS)
    whole = cifar10h.load(StudyParameters(dataset="cifar10h", data_dir=str(real_data)))
    some = np.array([9_999, 0, 123])
    alone = cifar10h.answers(
        StudyParameters(dataset="cifar10h", data_dir=str(tmp_path / "data")),
        whole.test.ids[some],
        whole.test.labels[some],
    )
    np.testing.assert_array_equal(alone.counts, whole.human.counts[some])
    np.testing.assert_array_equal(alone.selected, whole.human.selected[some])
    np.testing.assert_array_equal(alone.shown, whole.human.shown[some])


def test_of_other_starts_only_scores_and_training_are_kept(finished, tmp_path):
    source = finished.study_dir / "vgg19"
    shutil.copytree(source, source / "seed-1")
    (source / "seed-2").mkdir()  # not finished
    folder = record(finished, ARCHS, tmp_path / "recorded")
    assert not list((folder / "alexnet").glob("seed-*"))
    assert [path.name for path in (folder / "vgg19").glob("seed-*")] == ["seed-1"]
    kept = {path.name for path in (folder / "vgg19/seed-1").iterdir()}
    assert kept == {"scores.parquet", "training.parquet", "run.json"}
    for name in ("scores", "training"):
        one, other = (runs.read_table(base / "seed-1" / f"{name}.parquet") for base in (source, folder / "vgg19"))
        pd.testing.assert_frame_equal(one, other)


def test_the_command_names_what_is_missing(tmp_path):
    command = [sys.executable, "-m", "analysis", "record", "cifar10h"]
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: results/cifar10h/alexnet is not finished: run study cifar10h first\n"


def test_confidences_near_one_keep_their_order(tmp_path):
    confidence = 1 - np.logspace(-6.5, -0.3, 200, dtype=np.float64).astype(np.float32)
    table = pd.DataFrame({"epoch": np.int16(0), "image": np.arange(200, dtype=np.int32), "confidence": confidence})
    probes.write_probes(tmp_path / "table.parquet", table)
    again = probes.read_probes(tmp_path / "table.parquet", list(table))["confidence"]
    assert stats.spearmanr(again, confidence).statistic > 0.999
    np.testing.assert_allclose(1 - again.astype(float), 1 - confidence.astype(float), rtol=0.08, atol=1e-7)
    assert 1 - np.float16(confidence[2]) == 0  # which is why they are not kept as they are


def test_a_damaged_compact_table_is_told(tmp_path):
    (tmp_path / "table.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match="is damaged"):
        probes.read_probes(tmp_path / "table.parquet", ["epoch"])
