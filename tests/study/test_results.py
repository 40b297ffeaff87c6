"""A study's results, as they are read: in order, of this study, with the pictures that they were made of."""

import dataclasses

import madeup
import numpy as np
import pytest

from analysis import datasets, runs
from analysis.errors import InputError
from analysis.study import results
from analysis.study.results import StudyResults, pictures, read_results


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> StudyResults:
    parameters = madeup.study(tmp_path_factory.mktemp("results"), ["resnet50", "alexnet", "vgg19", "densenet121"])
    return read_results(parameters, parameters.archs)


def test_networks_are_in_the_papers_order(study):
    assert list(study.runs) == ["alexnet", "vgg19", "densenet121", "resnet50"]


def test_pictures_are_the_datasets(tmp_path, monkeypatch, squares, study):
    made = squares()
    monkeypatch.setattr(results, "load", lambda parameters: made)
    same = dataclasses.replace(study, dataset=study.dataset | {"hash": made.hash})
    found = pictures(same, madeup.study(tmp_path, ["vgg19"]), [3, 1])
    np.testing.assert_array_equal(found, made.test.images[[3, 1]].transpose(0, 2, 3, 1))
    with pytest.raises(InputError, match="not what its results were made of"):
        pictures(study, madeup.study(tmp_path, ["vgg19"]), [3, 1])


@pytest.mark.parametrize(("there", "shown"), [((True, True), True), ((True, False), False), ((False, True), False)])
def test_pictures_are_shown_only_where_they_and_peoples_answers_are_here(
    tmp_path, monkeypatch, squares, study, there, shown
):
    made = squares()
    monkeypatch.setattr(results, "load", lambda parameters: made)
    declared = datasets.DECLARATIONS["synthetic"]._replace(present=lambda parameters: there)
    monkeypatch.setitem(datasets.DECLARATIONS, "synthetic", declared)
    parameters = madeup.study(tmp_path, ["vgg19"])
    same = study.dataset | {"hash": made.hash}
    assert (pictures(dataclasses.replace(study, dataset=same), parameters, [1]) is not None) == shown
    nobody = dataclasses.replace(study, dataset=same | {"people": None})
    assert (pictures(nobody, parameters, [1]) is not None) == there[0]


def test_results_of_another_study_are_refused(tmp_path):
    parameters = madeup.study(tmp_path, ["resnet50"])
    with pytest.raises(InputError, match=r"other parameters.*seed is 0 there and 1 here"):
        read_results(parameters.model_copy(update={"seed": 1}), ["resnet50"])
    with pytest.raises(InputError, match=r"vgg19/run.json is missing"):
        read_results(parameters, ["resnet50", "vgg19"])


def test_a_stamp_from_before_its_count_was_renamed_is_read_as_the_same(tmp_path):
    parameters = madeup.study(tmp_path, ["resnet50"])
    path = parameters.study_dir / "resnet50" / runs.RUN
    (now,) = read_results(parameters, ["resnet50"]).runs.values()
    stamp = runs.read_json(path)
    runs.write_json(path, stamp | {"weights": stamp.pop("parameter_count")})
    (before,) = read_results(parameters, ["resnet50"]).runs.values()
    assert "parameter_count" not in before.stamp
    assert before.parameter_count == now.parameter_count == 1234567
