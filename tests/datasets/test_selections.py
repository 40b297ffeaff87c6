"""People's answers from every kind of file, against counts made by hand; nothing is unpickled."""

import json
import pickle
import re
import time
from functools import partial

import numpy as np
import pandas as pd
import pytest

from analysis.datasets import imagenet_files, selections
from analysis.errors import InputError

WNIDS = ("n01440764", "n01443537", "n01484850")
IDS = np.array(["n01440764/val_1.JPEG", "n01443537/val_2.JPEG", "n01484850/val_3.JPEG"])
OWN = np.array([0, 1, 2])


def read(path, maybe=False):
    return selections.read_selections(path, WNIDS, maybe)


def joined(path, maybe=False):
    """(image, selected, shown) of the pictures that people were asked about."""
    asked, human = selections.join(read(path, maybe), IDS, OWN)
    return list(zip(asked.tolist(), human.selected.tolist(), human.shown.tolist(), strict=True))


# --- tables


@pytest.mark.parametrize("column", ["file", "image", "id", "filename"])
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json"])
def test_a_plain_table_is_joined_by_file_name_in_the_pictures_order(tmp_path, suffix, column):
    path = tmp_path / f"answers{suffix}"
    names = ["val_3.JPEG", "folder/val_1.JPEG", "val_9.JPEG"]
    table = pd.DataFrame({column: names, "selected": [4, 9, 1], "shown": [10, 9, 3]})
    write = {".csv": table.to_csv, ".parquet": table.to_parquet, ".json": partial(table.to_json, orient="records")}
    write[suffix](path, **({} if suffix == ".json" else {"index": False}))
    assert joined(path) == [(0, 9, 9), (2, 4, 10)]


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_names_that_look_like_numbers_stay_names(tmp_path, suffix):
    path = tmp_path / f"answers{suffix}"
    rows = [{"file": "0017", "selected": 1, "shown": 2}]
    path.write_text("file,selected,shown\n0017,1,2\n" if suffix == ".csv" else str(rows).replace("'", '"'))
    assert read(path).table["file"].tolist() == ["0017"]


def test_answers_about_other_classes_are_left_out(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("file,wnid,selected,shown\nval_1,n01443537,1,9\nval_1,n01440764,8,9\nval_2,n01440764,3,9\n")
    assert joined(path) == [(0, 8, 9)]
    path.write_text("file,label,selected,shown\nval_1,1,1,9\nval_1,0,8,9\nval_2,0,3,9\n")
    assert joined(path) == [(0, 8, 9)]


def test_a_row_for_each_answer_is_counted(tmp_path):
    path = tmp_path / "answers.csv"
    rows = [("val_1.JPEG", WNIDS[0], 1)] * 7 + [("val_1.JPEG", WNIDS[0], 0)] * 3 + [("val_1.JPEG", WNIDS[1], 1)]
    pd.DataFrame(rows, columns=["id", "wnid", "selected"]).sample(frac=1, random_state=0).to_csv(path, index=False)
    assert joined(path) == [(0, 7, 10)]


def test_pictures_that_were_shown_to_nobody_are_left_out(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("file,selected,shown\nval_1,0,0\nval_2,0,5\n")
    assert joined(path) == [(1, 0, 5)]


@pytest.mark.parametrize("suffix", [".json", ".csv"])
def test_multilabel_annotations_give_the_own_class(tmp_path, suffix):
    """In the layout that ImageNetMultiLabel's notebook shows, exported as its documentation here says."""
    table = pd.DataFrame(
        {
            "query": [[2, 0], [1], [0, 1]],
            "selected": [[1, 8], [3], [4, 5]],
            "total": [[9, 9], [8], [9, 7]],
            "imagenet_label": [0, 1, 2],
        },
        index=pd.Index(["val_1.JPEG", "val_2.JPEG", "val_3.JPEG"], name="image"),
    ).reset_index()
    path = tmp_path / f"multilabel{suffix}"
    table.to_json(path, orient="records") if suffix == ".json" else table.to_csv(path, index=False)
    assert joined(path) == [(0, 8, 9), (1, 3, 8)]  # nobody was asked about picture 3's own class
    assert "ImageNetMultiLabel" in read(path).people
    assert "one class at a time" in read(path).bias


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,b\n1,2\n", "has columns a, b; needed: file, selected, shown"),
        ("file,selected\nx,1\n", "has columns file, selected; needed: file, selected, shown"),
        ("file,selected,shown\nx,5,4\n", "row 1: selected outside of 0 to shown"),
        ("file,selected,shown\nx,-1,4\n", "row 1: selected outside of 0 to shown"),
        ("file,selected,shown\nx,1,4\ny,0.5,4\n", "row 2: a value that is no whole number"),
        ("file,selected,shown\nx,1,1e30\n", "row 1: a number above 1,000,000,000"),
        ("file,selected,shown\ny,1,2\nx,1,10000000000000000000\n", "row 2: a number above 1,000,000,000"),
        (f"file,selected,shown\nx,1,{2**64 - 1}\n", "row 1: a number above 1,000,000,000"),
        (f"file,selected,shown\nx,1,{2**70}\n", "row 1: a number above 1,000,000,000"),
        ('file,query,selected,total\nx,"[1, [2]]","[3, 1]","[4, 4]"\n', "row 2: a list where a single value is needed"),
        ("file,selected,shown\nx,many,4\n", "row 1: a value that is no whole number"),
        ("file,selected,shown\nx,,4\n", "row 1: a value that is no whole number"),
        ("file,selected,shown\nx.JPEG,1,4\na/x.JPEG,1,4\n", "x: two rows for one file and class"),
        ("file,wnid,selected,shown\nx,n99999999,1,4\n", "row 1: a wnid that is none of"),
        ("file,label,selected,shown\nx,3,1,4\n", "row 1: a label that is none of 0 to 2"),
        ("file,wnid,selected\nx,n01440764,2\n", "row 1: an answer in selected that is neither 0 nor 1"),
        ("file,query,selected,total\nx,1,2,3\n", "needs lists in query, selected and total"),
        ('file,query,selected,total\nx,"[1, 2]",[3],[4]\n', "lists of unequal length"),
        ("", "is damaged or no table"),
    ],
)
def test_what_does_not_fit_is_one_sentence(tmp_path, text, sentence):
    path = tmp_path / "answers.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=re.escape(sentence)) as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["file", "wnid", "selected", "shown"])
@pytest.mark.parametrize("value", [["n01440764"], {"a": 1}])
def test_a_list_in_place_of_a_value_is_one_sentence(tmp_path, name, value):
    row = {"file": "x", "wnid": "n01440764", "selected": 1, "shown": 2}
    (tmp_path / "answers.json").write_text(json.dumps([row, row | {name: value}]))
    with pytest.raises(InputError, match=r"row 2: a list where a single value is needed$"):
        read(tmp_path / "answers.json")


@pytest.mark.parametrize("name", ["answers.parquet", "answers.json", "answers.npz"])
def test_a_damaged_file_is_one_sentence(tmp_path, name):
    (tmp_path / name).write_bytes(b"no table")
    with pytest.raises(InputError, match="is damaged"):
        read(tmp_path / name)
    with pytest.raises(InputError, match="human_labels names no such file"):
        read(tmp_path / f"other-{name}")


def test_an_unknown_suffix_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(InputError, match=r"allowed: \.csv, \.parquet, \.json, or ReaL's raters.npz"):
        read(tmp_path / "answers.txt")


class Trap:
    """What a pickle may do to whoever reads it."""

    def __reduce__(self):
        return time.sleep, (3600,)


@pytest.mark.parametrize("name", ["df.pkl", "df.pt", "df.pth", "df.PICKLE", "df.h5"])
def test_pickled_tables_are_refused_unread_with_what_to_do(tmp_path, name):
    (tmp_path / name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(InputError, match=r"reading those can run any code: export it .*to_json"):
        read(tmp_path / name)


@pytest.mark.parametrize("member", ["tensor", "info"])
def test_a_pickle_within_raters_is_not_read(tmp_path, member):
    arrays = {"tensor": np.ones((2, 1, 3)), "info": np.array([["a", "0"]])}
    np.savez(tmp_path / "raters.npz", **(arrays | {member: np.array([Trap()], dtype=object)}))
    with pytest.raises(InputError, match=r"damaged or not ReaL's raters.npz"):
        read(tmp_path / "raters.npz")


def test_two_pictures_of_one_name_cannot_be_joined(tmp_path):
    (tmp_path / "answers.csv").write_text("file,selected,shown\nx,1,4\n")
    with pytest.raises(InputError, match="two pictures are named x"):
        selections.join(read(tmp_path / "answers.csv"), np.array(["a/x.png", "b/x.png"]), np.array([0, 1]))


def test_the_file_beside_the_pictures_is_found_by_its_name(tmp_path):
    assert selections.find_answers(tmp_path) is None
    (tmp_path / "human_labels.csv").touch()
    assert selections.find_answers(tmp_path) == tmp_path / "human_labels.csv"
    (tmp_path / "raters.npz").touch()
    assert selections.find_answers(tmp_path) == tmp_path / "raters.npz"


# --- ReaL's raters


def raters(path, answers):
    """``answers``: {(file, label): [answer of each rater: 0 no, 1 maybe, 2 yes, None: not asked]}."""
    tensor = np.zeros((5, len(answers), 3))
    for question, given_answers in enumerate(answers.values()):
        for rater, answer in enumerate(given_answers):
            if answer is not None:
                tensor[rater, question, answer] = 1
    info = np.array([[file, str(label)] for file, label in answers])
    np.savez(path, tensor=tensor, info=info, ids=np.arange(5))


def test_raters_yes_counts_and_maybe_if_asked(tmp_path):
    path = tmp_path / "raters.npz"
    answers = {
        ("val_1.JPEG", 0): [2, 2, 1, 0, None],
        ("val_1.JPEG", 1): [2, 2, 2, 2, 2],
        ("val_3.JPEG", 2): [0, 1, 1, 1, 0],
    }
    raters(path, answers)
    assert joined(path) == [(0, 2, 4), (2, 0, 5)]
    assert joined(path, maybe=True) == [(0, 3, 4), (2, 3, 5)]
    assert "Here yes counts" in read(path).bias
    assert "Here maybe or yes counts" in read(path, maybe=True).bias
    assert "networks disagreed" in read(path).bias


def test_raters_of_another_shape_are_one_sentence(tmp_path):
    np.savez(tmp_path / "raters.npz", tensor=np.ones((2, 3, 2)), info=np.array([["a", "0"]]))
    with pytest.raises(InputError, match=r"holds \[2, 3, 2\] answers to \[1, 2\] questions, not ReaL's"):
        read(tmp_path / "raters.npz")


def test_the_real_raters(real_data):
    path = real_data / "imagenet" / "raters.npz"
    if not path.is_file():
        pytest.skip("needs imagenet/raters.npz in AVH_DATA")
    wnids, _ = imagenet_files.classes()
    found = selections.read_selections(path, wnids, maybe=False)
    assert len(found.table) == 184_962
    assert set(found.table["shown"]) == {5}
    assert "5 for each question, of 85 people" in found.people
    lenient = selections.read_selections(path, wnids, maybe=True)
    assert (lenient.table["selected"] >= found.table["selected"]).all()
    with np.load(path, allow_pickle=False) as archive:  # one question by hand
        info, tensor = archive["info"], archive["tensor"][:, 1000]
    row = found.table.loc[
        (found.table["file"] + ".JPEG" == info[1000, 0]) & (found.table["label"] == int(info[1000, 1]))
    ]
    assert row["selected"].item() == int(tensor[:, 2].sum())
