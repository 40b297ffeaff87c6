"""A study's steps: what is there is kept, and data is never exchanged beneath finished runs."""

import pandas as pd
import pytest

from analysis import runs, study
from analysis.errors import InputError
from analysis.parameters import StudyParameters


@pytest.fixture
def parameters(tmp_path) -> StudyParameters:
    return StudyParameters(
        results_dir=str(tmp_path / "results"), data_dir=str(tmp_path / "data"), train_images=24, test_images=24
    )


def test_the_table_of_images_holds_peoples_answers(parameters):
    dataset = study.prepare(parameters)
    table = runs.read_table(parameters.study_dir / study.IMAGES)
    counts = table.filter(regex=r"^count_\d+$").to_numpy()
    assert list(table["id"]) == list(dataset.test.ids)
    assert (counts.sum(1) == table["shown"]).all()
    assert (counts[range(len(table)), table["label"]] == table["selected"]).all()


def test_what_is_there_is_left_alone(parameters):
    study.prepare(parameters)
    before = {path: path.stat().st_mtime_ns for path in parameters.study_dir.iterdir()}
    study.prepare(parameters)
    assert {path: path.stat().st_mtime_ns for path in parameters.study_dir.iterdir()} == before


def test_other_data_replaces_data_that_no_run_needs(parameters):
    study.prepare(parameters)
    other = parameters.model_copy(update={"seed": 1})
    study.prepare(other)
    assert runs.read_json(other.study_dir / study.DATASET)["parameters"]["seed"] == 1


def test_other_data_is_refused_beside_finished_runs(parameters):
    study.prepare(parameters)
    runs.write_json(parameters.study_dir / "resnet18" / runs.RUN, {})
    before = pd.read_parquet(parameters.study_dir / study.IMAGES)
    with pytest.raises(InputError, match=r"finished runs \(resnet18\) on other data"):
        study.prepare(parameters.model_copy(update={"seed": 1}))
    pd.testing.assert_frame_equal(pd.read_parquet(parameters.study_dir / study.IMAGES), before)
