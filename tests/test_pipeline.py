"""A study's steps: what is there is kept, and data is never exchanged beneath finished runs."""

import dataclasses

import pandas as pd
import pytest

from analysis import pipeline, runs
from analysis.errors import InputError
from analysis.parameters import PageParameters, RunParameters, StudyParameters
from analysis.study.results import open_study


@pytest.fixture
def parameters(tmp_path) -> StudyParameters:
    return StudyParameters(
        results_dir=str(tmp_path / "results"), data_dir=str(tmp_path / "data"), train_images=24, test_images=24
    )


def test_the_table_of_images_holds_peoples_answers(parameters):
    dataset = pipeline.prepare(parameters)
    table = runs.read_table(parameters.study_dir / runs.IMAGES)
    counts = table.filter(regex=r"^count_\d+$").to_numpy()
    assert list(table["id"]) == list(dataset.test.ids)
    assert (counts.sum(1) == table["shown"]).all()
    assert (counts[range(len(table)), table["label"]] == table["selected"]).all()


def test_what_is_there_is_left_alone(parameters):
    pipeline.prepare(parameters)
    before = {path: path.stat().st_mtime_ns for path in parameters.study_dir.iterdir()}
    pipeline.prepare(parameters)
    assert {path: path.stat().st_mtime_ns for path in parameters.study_dir.iterdir()} == before


@pytest.mark.parametrize("gone", [0, 1])
def test_only_a_finer_grouping_of_classes_is_taken_over(parameters, monkeypatch, gone):
    """Beside finished runs, and nothing else of the description or the table is touched."""
    dataset = pipeline.prepare(parameters)
    runs.write_json(parameters.study_dir / "resnet18" / runs.RUN, {})
    path, classes = parameters.study_dir / runs.DATASET, len(dataset.classes)
    before, images = runs.read_stamp(path), (parameters.study_dir / runs.IMAGES).stat().st_mtime_ns
    groups = {f"group {k}": (k,) for k in range(classes)} if not gone else {"all": tuple(range(classes))}
    other = dataclasses.replace(dataset, superclasses=groups, notes=("Another grouping.",))
    monkeypatch.setattr(pipeline, "load", lambda parameters: other)
    pipeline.prepare(parameters)
    finer = {"superclasses": {name: list(members) for name, members in groups.items()}, "notes": ["Another grouping."]}
    assert runs.read_stamp(path) == (before if gone else before | finer)
    assert (parameters.study_dir / runs.IMAGES).stat().st_mtime_ns == images


@pytest.mark.parametrize("change", [{"hash": "other"}, {"human": None}, {"classes": tuple("abcdefghijkl")}])
def test_what_identifies_a_study_may_not_change(parameters, monkeypatch, change):
    dataset = pipeline.prepare(parameters)
    runs.write_json(parameters.study_dir / "resnet18" / runs.RUN, {})
    monkeypatch.setattr(pipeline, "load", lambda parameters: dataclasses.replace(dataset, **change))
    with pytest.raises(InputError, match=r"finished runs \(resnet18\) on other data"):
        pipeline.prepare(parameters)


@pytest.mark.parametrize("damage", ["gone", "empty", "another's"])
def test_a_table_that_is_not_as_it_was_written_is_written_again(parameters, damage):
    """Also beside finished runs: it is theirs."""
    pipeline.prepare(parameters)
    runs.write_json(parameters.study_dir / "resnet18" / runs.RUN, {})
    files = {path: path.read_bytes() for path in parameters.study_dir.iterdir() if path.is_file()}
    table = parameters.study_dir / runs.IMAGES
    table.unlink() if damage == "gone" else table.write_bytes(b"" if damage == "empty" else files[table] + b"x")
    pipeline.prepare(parameters)
    assert {path: path.read_bytes() for path in files} == files


def test_a_folder_in_place_of_the_table_is_one_sentence(parameters):
    pipeline.prepare(parameters)
    (parameters.study_dir / runs.IMAGES).unlink()
    (parameters.study_dir / runs.IMAGES).mkdir()
    with pytest.raises(InputError, match=r"cannot write .*images.parquet: Is a directory; nothing there was changed"):
        pipeline.prepare(parameters)


@pytest.mark.parametrize("change", [{"parameters": []}, {"superclasses": 5}, {"people": 3}, {"images": None}])
def test_a_description_that_is_none_is_one_sentence(parameters, change):
    pipeline.prepare(parameters)
    path = parameters.study_dir / runs.DATASET
    stamp = {name: value for name, value in runs.read_json(path).items() if name != "seal"} | change
    runs.write_json(path, stamp)
    page = PageParameters(results_dir=parameters.results_dir)
    for read in (lambda: pipeline.prepare(parameters), lambda: open_study(page)):
        with pytest.raises(InputError, match=rf"dataset.json is damaged.*{next(iter(change))}.*put it back"):
            read()


def test_other_data_replaces_data_that_no_run_needs(parameters):
    pipeline.prepare(parameters)
    other = parameters.model_copy(update={"seed": 1})
    pipeline.prepare(other)
    assert runs.read_json(other.study_dir / runs.DATASET)["parameters"]["seed"] == 1


def test_other_data_is_refused_beside_finished_runs(parameters):
    pipeline.prepare(parameters)
    runs.write_json(parameters.study_dir / "resnet18" / runs.RUN, {})
    before = pd.read_parquet(parameters.study_dir / runs.IMAGES)
    with pytest.raises(InputError, match=r"finished runs \(resnet18\) on other data"):
        pipeline.prepare(parameters.model_copy(update={"seed": 1}))
    pd.testing.assert_frame_equal(pd.read_parquet(parameters.study_dir / runs.IMAGES), before)


def test_another_file_in_an_installed_package_is_refused_and_one_that_is_gone_is_not_needed(tmp_path, monkeypatch):
    package = tmp_path / "own_weights"
    package.mkdir()
    (package / "__init__.py").touch()
    path = package / "net.pth"
    path.write_bytes(b"weights")
    monkeypatch.syspath_prepend(tmp_path)
    stamp = {"measured": {"sha256": runs.sha256(path)}}
    monkeypatch.setattr(runs, "finished", lambda _: stamp)
    p = RunParameters(results_dir=str(tmp_path / "results"), weights="package:own_weights")
    assert pipeline.complete(p) == stamp
    path.write_bytes(b"others")
    with pytest.raises(InputError, match=r"own_weights/net.pth is not the file that it was then\): choose another"):
        pipeline.complete(p)
    path.unlink()
    assert pipeline.complete(p) == stamp
