"""Human labels of ImageNet images, from the files in which they are published or exported.

Four kinds are recognised; each becomes a row per (file, class) with ``selected`` and ``shown`` annotators:

- a table (.csv, .parquet, .json): ``file, selected, shown``, and ``wnid`` or ``label`` (the index of the class in wnid
  order) if annotators were also asked about classes other than the label;
- a table with a row per answer: ``file, wnid, selected``, where ``selected`` is 0 or 1 (Recht et al. 2019 and
  Engstrom et al. 2020, as exported from their dataframes);
- ``raters.npz`` of ReaL (Beyer et al. 2020): ``tensor`` (raters, questions, [no, maybe, yes]), ``info`` (file, label);
- ImageNetMultiLabel's table of its CONTAINS task (Tsipras et al. 2020), exported: ``image, query, selected, total``,
  with lists of the classes that annotators were asked about.

``image``, ``id`` and ``filename`` are accepted for ``file``. Pickled dataframes (.pkl, .pt) are refused, because
reading one executes whatever its author put into it, and no list of allowed classes makes reading pandas objects safe.
If you trust the author, export the table in a separate environment:

    pandas.read_pickle("annotations_contains_task.pkl").reset_index().to_json("multilabel.json", orient="records")
    torch.load("df.pt", weights_only=False)[["id", "wnid", "selected"]].to_csv("answers.csv", index=False)
"""

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis.datasets import files
from analysis.datasets.base import HumanLabels
from analysis.errors import InputError

LARGEST_NUMBER = 10**9  # in a column of numbers
MANY = 100  # a file with this many answers and no selection is invalid
ANSWER_FILES = ("raters.npz", "human_labels.csv", "human_labels.parquet", "human_labels.json", "multilabel.json")
FILE = ("file", "image", "id", "filename")
PICKLED = (".pkl", ".pickle", ".pt", ".pth", ".p", ".h5", ".hdf5", ".hdf")  # HDF5 contains pickled pandas objects
READERS: dict[str, Callable[[Path], Any]] = {
    ".csv": partial(pd.read_csv, dtype=dict.fromkeys(FILE, str)),  # a name may look like a number
    ".parquet": pd.read_parquet,
    ".json": partial(pd.read_json, orient="records", dtype=False),
}
TASK = (
    "How its pictures were chosen is for its maker to say. Recht et al.'s workers, about ten for a picture, saw 48 "
    "pictures and one class, and selected those that show it: nobody chose among classes. Two fifths of the "
    "validation pictures were never shown."
)


@dataclass(frozen=True)
class Answers:
    """Human labels: a row per image and class that annotators were asked about."""

    table: pd.DataFrame  # file (without folder and suffix), label (-1: the label of the image), selected, shown
    people: str  # who they are, for readers
    bias: str  # which images were shown and how, in a sentence or more


def find_answers(folder: Path) -> Path | None:
    """The file of human labels in a folder, by its name; None if there is none."""
    return next((folder / name for name in ANSWER_FILES if (folder / name).is_file()), None)


def read_selections(path: Path, wnids: tuple[str, ...], maybe: bool) -> Answers:
    """The human labels in a file; ``maybe``: whether ReaL's "maybe" counts as selected, as "yes" does.

    Nothing is ever unpickled. Raises InputError if the file is missing, pickled, damaged or of no known kind.
    """
    if path.suffix.lower() in PICKLED:
        raise InputError(
            f"{path} may hold pickled objects, and reading those can run any code: export it where you trust it, such "
            'as pandas.read_pickle(path).reset_index().to_json("multilabel.json", orient="records")'
        )
    if path.suffix.lower() == ".npz":
        return read_raters(path, maybe)
    if path.suffix.lower() not in READERS:
        raise InputError(f"human_labels is {path}; allowed: {', '.join(READERS)}, or ReaL's raters.npz")
    with files.opening(path, "human_labels names no such file"):
        try:
            table = READERS[path.suffix.lower()](path)
        except OSError:
            raise
        except (ValueError, pa.ArrowException) as error:
            raise InputError(f"{path} is damaged or no table: {str(error).splitlines()[0][:100]}") from error
    return read_rows(path, table, wnids)


def read_rows(path: Path, table: pd.DataFrame, wnids: tuple[str, ...]) -> Answers:
    """The human labels in a table of one of three kinds."""
    file = next((name for name in FILE if name in table), None)
    known = {"shown", "wnid", "label", "total"} & set(table)
    if file is None or "selected" not in table or not known:
        raise InputError(f"{path} has columns {', '.join(map(str, table.columns[:8]))}; needed: file, selected, shown")
    table = table.rename(columns={file: "file"})
    if {"query", "total"} <= set(table):
        return multilabel(path, table)
    check_plain(path, table[[name for name in ("file", "wnid", "label", "selected", "shown") if name in table]])
    table = table.assign(label=labels(path, table, wnids))
    if "shown" in table:
        people = f"the people of {path.name}"
        bias = f"{path.name} gives how many people selected each picture and how many were asked. {TASK}"
    else:
        check_rows(path, table["selected"].isin([0, 1]), "an answer in selected that is neither 0 nor 1")
        answers = table.astype({"selected": int}).groupby(["file", "label"], sort=False)["selected"]
        table = answers.agg(selected="sum", shown="size").reset_index()
        people = f"the people of {path.name}, one row for each answer"
        bias = f"{path.name} has a row for each answer. {TASK}"
    return Answers(tidy(path, table), people, bias)


def labels(path: Path, table: pd.DataFrame, wnids: tuple[str, ...]) -> np.ndarray:
    """(N,) the class that annotators were asked about, -1 for the label of the image."""
    if "wnid" in table:
        found = table["wnid"].map({wnid: place for place, wnid in enumerate(wnids)})
        check_rows(path, found.notna(), f"a wnid that is none of ILSVRC2012's {len(wnids):,} classes")
        return found.to_numpy(np.int64)
    if "label" in table:
        found = pd.to_numeric(table["label"], errors="coerce")
        check_rows(path, found.isin(range(len(wnids))), f"a label that is none of 0 to {len(wnids) - 1}")
        return found.to_numpy(np.int64)
    return np.full(len(table), -1)


def multilabel(path: Path, table: pd.DataFrame) -> Answers:
    """ImageNetMultiLabel's CONTAINS task: a row per image with lists of classes, of selections and of answers."""
    columns = ["query", "selected", "total"]
    try:
        lists = [[json.loads(x) if isinstance(x, str) else list(x) for x in table[name]] for name in columns]
        lengths = [[len(x) for x in part] for part in lists]
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{path} needs lists in query, selected and total, as ImageNetMultiLabel has them") from error
    if lengths[0] != lengths[1] or lengths[0] != lengths[2]:
        raise InputError(f"{path} has lists of unequal length in query, selected and total")
    flat = {name: [x for part in values for x in part] for name, values in zip(columns, lists, strict=True)}
    asked = pd.DataFrame({"file": np.repeat(table["file"].to_numpy(), lengths[0]), **flat})
    check_plain(path, asked)
    asked = tidy(path, asked.rename(columns={"query": "label", "total": "shown"}))
    return Answers(
        asked,
        f"ImageNetMultiLabel's annotators ({asked['shown'].median():.0f} for most questions, Amazon Mechanical Turk)",
        f"Answers for {len(table):,} validation pictures, a sample (Tsipras et al. 2020). Workers were asked of one "
        "class at a time which pictures contain it: several classes may be selected for one picture, and other objects "
        "beside the labelled one cost nothing.",
    )


def read_raters(path: Path, maybe: bool) -> Answers:
    """ReaL's labels, as published. Raises InputError for any other file."""
    with files.opening(path, "human_labels names no such file"):
        try:
            with np.load(path, allow_pickle=False) as archive:
                tensor, info = archive["tensor"], archive["info"]
        except (ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise InputError(f"{path} is damaged or not ReaL's raters.npz; replace it") from error
    if tensor.ndim != 3 or tensor.shape[2] != 3 or info.shape != (tensor.shape[1], 2):
        raise InputError(f"{path} holds {list(tensor.shape)} answers to {list(info.shape)} questions, not ReaL's")
    answers = tensor.sum(0)  # (questions, 3): no, maybe, yes
    chosen = answers[:, 1:].sum(1) if maybe else answers[:, 2]
    table = pd.DataFrame({"file": info[:, 0], "label": info[:, 1], "selected": chosen, "shown": answers.sum(1)})
    return Answers(
        tidy(path, table),
        f"ReaL's raters ({np.median(table['shown']):.0f} for each question, of {len(tensor)} people)",
        f"A rater said whether a class is in a picture: no, maybe or yes. Here {'maybe or yes' if maybe else 'yes'} "
        "counts as selected. Raters were asked only where networks disagreed with each other or with ImageNet's label "
        "(Beyer et al. 2020): pictures on which they agreed, most of them easy, have no answers.",
    )


def tidy(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """A row per (file, class) that anybody was asked about. Raises InputError if numbers or rows do not fit."""
    names = ["label", "selected", "shown"]
    numbers = table[names].apply(pd.to_numeric, errors="coerce")
    check_rows(path, numbers.notna().all(axis=1) & (numbers % 1 == 0).all(axis=1), "a value that is no whole number")
    check_rows(path, (numbers.abs() <= LARGEST_NUMBER).all(axis=1), f"a number above {LARGEST_NUMBER:,}")
    check_rows(path, numbers["selected"].between(0, numbers["shown"]), "selected outside of 0 to shown")
    file = [PurePosixPath(str(name).replace("\\", "/")).stem for name in table["file"]]
    found: pd.DataFrame = numbers.astype(np.int64).assign(file=file)[["file", *names]]
    found = found[found["shown"] > 0].reset_index(drop=True)
    if found["shown"].sum() >= MANY and not found["selected"].any():
        raise InputError(f"{path}: of {found['shown'].sum():,} answers none selects anything: it is damaged or another")
    check_rows(path, ~found.duplicated(["file", "label"]), "two rows for one file and class", found["file"])
    return found


def check_rows(path: Path, right: pd.Series, wrong: str, rows: pd.Series | None = None) -> None:
    """Raise InputError naming the first row that is not right."""
    if not right.all():
        first = int(np.argmin(right.to_numpy()))
        raise InputError(f"{path}, {f'row {first + 1}' if rows is None else rows.iloc[first]}: {wrong}")


def check_plain(path: Path, table: pd.DataFrame) -> None:
    """Raise InputError naming the first row that has a list or another collection in a column."""
    mixed = [name for name, kind in table.dtypes.items() if pd.api.types.is_object_dtype(kind)]
    check_rows(path, table[mixed].map(pd.api.types.is_scalar).all(axis=1), "a list where a single value is needed")


def join(answers: Answers, ids: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, HumanLabels]:
    """The human labels for the true class of each image.

    Args: ids (N,), paths or names of files; own (N,), their classes. Returns: (n,) which images have human labels,
    ascending; these labels, in that order. Raises InputError if two images have the same name.
    """
    stems = pd.Series([PurePosixPath(name).stem for name in ids])
    if stems.duplicated().any():
        raise InputError(f"two pictures are named {stems[stems.duplicated()].iloc[0]}: answers are joined by file name")
    pictures = pd.DataFrame({"file": stems, "own": own, "index": np.arange(len(own))})
    both = pictures.merge(answers.table, on="file")
    both = both[(both["label"] == both["own"]) | (both["label"] == -1)].sort_values("index")
    human = HumanLabels(both["selected"].to_numpy(), both["shown"].to_numpy(), None, answers.people, simulated=False)
    return both["index"].to_numpy(), human
