"""A study's results, as they are read: in order, and of this study."""

import dataclasses
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import madeup
import numpy as np
import pandas as pd
import pytest

from analysis import runs
from analysis.errors import InputError
from analysis.studies import RECORDED_STUDIES
from analysis.study.results import StudyResults, read_results


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> StudyResults:
    parameters = madeup.study(tmp_path_factory.mktemp("results"), ["resnet50", "alexnet", "vgg19", "densenet121"])
    return read_results(parameters, parameters.archs)


def test_networks_are_in_the_papers_order(study):
    assert list(study.runs) == ["alexnet", "vgg19", "densenet121", "resnet50"]


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
    stamp = runs.read_stamp(path)
    runs.write_json(path, stamp | {"weights": stamp.pop("parameter_count")})
    (before,) = read_results(parameters, ["resnet50"]).runs.values()
    assert "parameter_count" not in before.stamp
    assert before.parameter_count == now.parameter_count == 1234567


# --- a run is where it was made


@pytest.mark.parametrize("copied", ["seed-3", "seed-1 (copy)", "seed-x"])
def test_a_copy_of_a_start_is_no_other_start(tmp_path, copied):
    parameters = madeup.study(tmp_path, ["vgg19"], starts=3)
    folder = parameters.study_dir / "vgg19"
    shutil.copytree(folder / "seed-1", folder / copied)
    sentence = f"{folder / copied} holds the run that was made as {folder}/seed-1: move it back, or remove it"
    with pytest.raises(InputError, match=f"^{re.escape(sentence)}$"):
        read_results(parameters, ["vgg19"])


@pytest.mark.parametrize("name", ["name", "older"])
def test_networks_in_each_others_folders_are_refused(tmp_path, name):
    parameters = madeup.study(tmp_path, ["resnet50", "alexnet", "mine"])
    folder = parameters.study_dir
    for arch in parameters.archs if name == "name" else ():
        path = folder / arch / runs.RUN
        runs.write_json(path, runs.read_stamp(path) | {"name": arch})
    assert len(read_results(parameters, parameters.archs).runs) == 3
    (folder / "resnet50").rename(tmp_path / "other")
    (folder / "alexnet").rename(folder / "resnet50")
    (tmp_path / "other").rename(folder / "alexnet")
    shutil.copytree(folder / "mine", folder / "mine (copy)")
    for arch, made in (("resnet50", "alexnet"), ("alexnet", "resnet50"), ("mine (copy)", "mine")):
        with pytest.raises(InputError, match=f"{re.escape(arch)} holds the run that was made as {folder / made}: "):
            read_results(parameters, [arch])


def test_a_copied_label_is_known_by_its_name(tmp_path):
    parameters = madeup.study(tmp_path, ["linear"])
    path = parameters.study_dir / "linear" / runs.RUN
    runs.write_json(path, runs.read_stamp(path) | {"name": "linear"})
    shutil.copytree(path.parent, parameters.study_dir / "hidden")
    with pytest.raises(InputError, match=r"hidden holds the run that was made as \S+/linear"):
        read_results(parameters, ["linear", "hidden"])


# --- tables are the ones that were written


def damages() -> dict[str, Callable[[pd.DataFrame], pd.DataFrame]]:
    """What a table may become behind its stamp's back."""
    return {
        "half of it": lambda table: table.head(len(table) // 2),
        "a row twice": lambda table: pd.concat([table, table.tail(1)]),
        "in reverse": lambda table: table.iloc[::-1],
        "no column": lambda table: table.drop(columns=table.columns[-1]),
        "text": lambda table: table.assign(**{table.columns[-1]: "much"}),
        "nothing but NaN": lambda table: table.assign(**{table.columns[-1]: np.nan}),
        "one number": lambda table: table.assign(
            **{table.columns[-1]: [*table.iloc[:-1, -1], other(table.iloc[-1, -1])]}
        ),
    }


def other(number: np.generic) -> np.generic:
    """Another number or truth value of the same type."""
    return type(number)(number == 0)


def stamped(folder: Path) -> madeup.Study:
    """A study whose stamps say what its tables are."""
    parameters = madeup.study(folder, ["resnet50", "vgg19"], starts=2)
    for path in [*parameters.study_dir.rglob(runs.RUN), parameters.study_dir / "dataset.json"]:
        runs.write_stamp(path, runs.read_stamp(path))
    return parameters


def read_everything(parameters: madeup.Study) -> None:
    for run in read_results(parameters, parameters.archs).runs.values():
        assert len(run.training) and len(run.epochs) and len(run.iterations) and len(run.other_seeds[0].training)


@pytest.mark.parametrize("damage", damages())
@pytest.mark.parametrize(
    "table",
    ["images", "vgg19/scores", "vgg19/epochs", "vgg19/iterations", "vgg19/training", "vgg19/seed-1/scores"],
)
def test_a_table_that_is_not_what_was_written_is_refused_by_name(tmp_path, table, damage):
    parameters = stamped(tmp_path)
    read_everything(parameters)
    path = parameters.study_dir / f"{table}.parquet"
    before = runs.read_table(path)
    runs.write_table(path, damages()[damage](before))
    with pytest.raises(InputError, match=f"{table}.parquet is not the file that .* was written with"):
        read_everything(parameters)


def test_another_networks_table_is_refused(tmp_path):
    parameters = stamped(tmp_path)
    shutil.copy(parameters.study_dir / "resnet50/scores.parquet", parameters.study_dir / "vgg19/scores.parquet")
    with pytest.raises(InputError, match=r"vgg19/scores.parquet is not the file"):
        read_everything(parameters)


@pytest.mark.parametrize("place", [0, 0.3, 0.7, 1])
def test_a_byte_that_turned_is_found(tmp_path, place):
    parameters = stamped(tmp_path)
    path = parameters.study_dir / "vgg19/epochs.parquet"
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"vgg19/epochs.parquet is not the file"):
        read_everything(parameters)


def test_the_record_says_what_its_tables_are():
    for path in [*RECORDED_STUDIES.rglob(runs.RUN), *RECORDED_STUDIES.glob("*/dataset.json")]:
        stamp, tables = runs.read_stamp(path), sorted(path.parent.glob("*.parquet"))
        assert list(stamp["tables"]) == [table.name for table in tables]
        for table in tables:
            runs.check_file(table, stamp)


def test_a_score_counts_where_every_network_has_it(study):
    arch = next(iter(study.runs))
    run = study.runs[arch]
    without = dataclasses.replace(run, scores=run.scores.assign(norm_in_class=np.nan))
    one = dataclasses.replace(study, runs=study.runs | {arch: without})
    assert study.defined("avh", "norm_in_class") == ["avh", "norm_in_class"]
    assert one.defined("norm_in_class", "norm") == ["norm"]
