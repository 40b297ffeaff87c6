"""Tables and descriptions that cannot be results are refused by file and fault, whatever their SHA-256 says."""

import json
from collections.abc import Callable
from pathlib import Path

import madeup
import numpy as np
import pandas as pd
import pytest

from analysis import runs, schemas
from analysis.errors import InputError
from analysis.study.results import read_results

RECORDED = Path(__file__).parent.parent / "recorded"
TABLES = {  # of each a number that has a range, its largest, and a whole number
    "images": ("", None, "label"),
    "vgg19/scores": ("avh", 1, "label"),
    "vgg19/epochs": ("avh", 1, "image"),
    "vgg19/iterations": ("angle", 4, "step"),
    "vgg19/training": ("accuracy", 1, "epoch"),
    "vgg19/seed-1/scores": ("confidence", 1, "predicted"),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> madeup.Study:
    """A study of the older kind, whose descriptions hold no SHA-256: what its tables hold is all there is to go by."""
    return madeup.study(tmp_path_factory.mktemp("sound"), ["resnet50", "vgg19"], starts=2)


def read_everything(parameters: madeup.Study) -> None:
    for run in read_results(parameters, parameters.archs).runs.values():
        assert len(run.training) and len(run.epochs) and len(run.iterations) and len(run.other_seeds[0].training)


def changed(table: pd.DataFrame, column: str, value: object) -> pd.DataFrame:
    """With another value in its last row."""
    values = table[column].astype(object if isinstance(value, str | None) else table[column].dtype).to_list()
    return table.assign(**{column: pd.Series([*values[:-1], value])})


def damages(real: str, high: float | None, whole: str) -> dict[str, Callable[[pd.DataFrame], pd.DataFrame]]:
    """What a table may become."""
    of_any = {
        "half of it": lambda table: table.head(len(table) // 2),
        "no rows": lambda table: table.head(0),
        "a row twice": lambda table: pd.concat([table, table.tail(1)], ignore_index=True),
        "in reverse": lambda table: table.iloc[::-1].reset_index(drop=True),
        "a column gone": lambda table: table.drop(columns=whole),
        "text for numbers": lambda table: table.assign(**{whole: "much"}),
        "below its range": lambda table: changed(table, whole, -1),
        "real for whole": lambda table: table.assign(**{whole: table[whole] + 0.5}),
    }
    of_numbers = {
        "above its range": lambda table: changed(table, real, high + 1),
        "infinite": lambda table: changed(table, real, np.inf),
        "truth for numbers": lambda table: table.assign(**{real: True}),
        "missing numbers": lambda table: table.assign(**{real: None}),
    }
    return of_any | (of_numbers if real else {})


UNNOTICED = {("vgg19/epochs", "in reverse"), ("vgg19/iterations", "in reverse")}  # which are put in order when read
CASES = [(table, damage) for table, columns in TABLES.items() for damage in damages(*columns)]
CASES = [case for case in CASES if case not in UNNOTICED]


@pytest.mark.parametrize(("table", "damage"), CASES)
def test_a_table_that_can_be_no_result_is_refused_by_name(sound, table, damage):
    read_everything(sound)
    path = sound.study_dir / f"{table}.parquet"
    before = path.read_bytes()
    try:
        runs.write_table(path, damages(*TABLES[table])[damage](runs.read_table(path)))
        with pytest.raises(InputError, match=r"is damaged|is missing") as caught:
            read_everything(sound)
    finally:
        path.write_bytes(before)
    named = str(caught.value)
    assert f"{table}.parquet" in named or (table == "images" and "scores.parquet" in named)
    assert "\n" not in named


def test_nothing_but_undefined_scores_is_no_table(sound):
    path = sound.study_dir / "vgg19/scores.parquet"
    before = path.read_bytes()
    table = runs.read_table(path)
    runs.write_table(path, table.assign(avh=np.float32(np.nan)))
    with pytest.raises(InputError, match="all of its AVH are undefined"):
        read_everything(sound)
    path.write_bytes(before)
    stamp = runs.read_stamp(path.with_name(runs.RUN))
    runs.write_stamp(path.with_name(runs.RUN), stamp | {"undefined": 7})
    with pytest.raises(InputError, match="1 of its AVH are undefined, where 7 were"):
        read_everything(sound)
    runs.write_json(path.with_name(runs.RUN), stamp)


ANSWERS = {
    "more than were shown": lambda t: t.assign(selected=t["shown"] + 1),
    "nobody was shown it": lambda t: t.assign(shown=0, selected=0),
    "no count of those asked": lambda t: t.drop(columns="shown"),
    "a name twice": lambda t: changed(t, "id", t["id"].iloc[0]),
    "a class that is none": lambda t: changed(t, "label", 99),
    "answers that do not add up": lambda t: t.assign(count_0=1, count_1=0, count_2=0),
}


@pytest.mark.parametrize("damage", ANSWERS)
def test_answers_that_do_not_add_up_are_refused(sound, damage):
    table = runs.read_table(sound.study_dir / "images.parquet")
    schemas.check_images("images.parquet", table, 3, 60)
    with pytest.raises(InputError, match=r"images.parquet is damaged"):
        schemas.check_images("images.parquet", ANSWERS[damage](table), 3, 60)


# --- descriptions


DESCRIPTIONS = {
    "no entry": lambda value, name: {k: v for k, v in value.items() if k != name},
    "a number for it": lambda value, name: value | {name: 7},
    "nothing for it": lambda value, name: value | {name: None},
}


@pytest.mark.parametrize("damage", DESCRIPTIONS)
@pytest.mark.parametrize(
    ("file", "name"),
    [
        *(("dataset.json", name) for name in ("parameters", "hash", "classes", "superclasses", "notes", "images")),
        *(("vgg19/run.json", name) for name in ("parameters", "data", "source", "network", "versions", "images")),
    ],
)
def test_a_description_that_lacks_something_is_refused_by_name(sound, file, name, damage):
    path = sound.study_dir / file
    before = path.read_bytes()
    try:
        runs.write_json(path, DESCRIPTIONS[damage](json.loads(before), name))
        with pytest.raises(InputError, match=rf"{file} is damaged: {name}|other parameters|is damaged: its super"):
            read_everything(sound)
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize("file", ["dataset.json", "vgg19/run.json"])
def test_a_description_that_was_changed_is_not_believed(tmp_path, file):
    """Letter by letter: what is still JSON, and still whole, is another SHA-256."""
    parameters = madeup.study(tmp_path, ["vgg19"], starts=2)
    path = parameters.study_dir / file
    runs.write_stamp(path, runs.read_json(path))
    before = path.read_bytes()
    noticed = 0
    for place in range(0, len(before), 17):
        content = bytearray(before)
        content[place] ^= 1
        path.write_bytes(content)
        try:
            said = runs.read_stamp(path)
        except InputError as error:
            noticed += str(error).startswith(str(path))
        else:  # white space, or the seal's own name: nothing of it is another
            assert said | {"se": 0} and {k: v for k, v in said.items() if len(str(v)) != 64} == {
                k: v for k, v in json.loads(before).items() if len(str(v)) != 64
            }
    assert noticed > len(before) / 17 * 0.5


def test_superclasses_hold_each_class_once(tmp_path):
    parameters = madeup.study(tmp_path, ["vgg19"])
    path = parameters.study_dir / "dataset.json"
    content = runs.read_json(path)
    for members in ({"all": [0, 1]}, {"all": [0, 1, 2], "again": [2]}):
        with pytest.raises(InputError, match=r"dataset.json .*superclasses: they do not hold each class once"):
            schemas.check_description(path, content | {"superclasses": members}, schemas.Description)
    schemas.check_description(path, content | {"superclasses": {"two": [0, 2], "one": [1]}}, schemas.Description)


def test_the_record_can_be_read_without_complaint():
    for folder in sorted(path.parent for path in RECORDED.glob("*/dataset.json")):
        dataset = runs.read_stamp(folder / "dataset.json")
        schemas.check_description(folder, dataset, schemas.Description)
        images = runs.read_table(folder / "images.parquet")
        schemas.check_images(folder, images, len(dataset["classes"]), dataset["images"]["test"])
        for path in folder.rglob(runs.RUN):
            stamp = runs.read_stamp(path)
            schemas.check_description(path, stamp, schemas.Stamp)
            scores = runs.read_table(path.with_name("scores.parquet"))
            outputs = len(stamp.get("classes", dataset["classes"]))
            schemas.check_scores(path, scores, images, outputs, stamp.get("undefined"))
            if (path.with_name("training.parquet")).exists():
                training = runs.read_table(path.with_name("training.parquet"))
                schemas.check_training(path, training, stamp["parameters"].get("epochs"))
