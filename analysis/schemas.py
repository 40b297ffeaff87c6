"""Valid content of tables and their descriptions: columns, types and ranges, checked at every reading.

The SHA-256 of a file shows whether it has changed (runs.py); this shows whether it can be a result at all.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api import types
from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from analysis import catalogue
from analysis.errors import InputError

ADVICE = "put it back as it was written, or remove the folder and run the study again"
ROUNDED = 1e-3  # tolerance of ranges for half precision


class Column(NamedTuple):
    """Valid content of a column: type, range, and whether it may be missing or undefined."""

    kind: str  # "text", "whole", "real" or "truth"
    low: float = -np.inf
    high: float = np.inf
    needed: bool = True
    undefined: bool = False  # NaN: image whose embedding has no direction, or without human labels


COLUMN_KINDS: dict[str, tuple[Callable[[pd.Series], bool], str]] = {
    "text": (lambda column: types.is_string_dtype(column.dtype), "text"),
    "whole": (lambda column: types.is_integer_dtype(column.dtype), "whole numbers"),
    "real": (lambda column: types.is_float_dtype(column.dtype), "real numbers"),
    "truth": (lambda column: types.is_bool_dtype(column.dtype), "true or false"),
}
OF_SCORES = {name: Column("real", *score.range, undefined=True) for name, score in catalogue.SCORES.items()}
OF_A_NETWORK = {
    "confidence": OF_SCORES["confidence"],
    "norm": OF_SCORES["norm"]._replace(undefined=False),
    "angle": OF_SCORES["angle"],
    "avh": OF_SCORES["avh"],
    "correct": Column("truth"),
}
OPTIONAL = {"nearest": Column("whole", 0)} | {n: c for n, c in OF_SCORES.items() if n not in OF_A_NETWORK}
IMAGES_TABLE = {
    "id": Column("text"),
    "label": Column("whole", 0),
    "selected": Column("whole", 0, needed=False),
    "shown": Column("whole", 1, needed=False),
    "ambiguity": Column("real", 0, 1, needed=False),
    "degradation": Column("real", 0, 1, needed=False),
}
SCORES_TABLE = {
    "id": Column("text"),
    "label": Column("whole", 0),
    "predicted": Column("whole", 0),
    **OF_A_NETWORK,
    **{name: column._replace(needed=False) for name, column in OPTIONAL.items()},
}
TRAINING_TABLE = {
    "epoch": Column("whole", 1),
    "learning_rate": Column("real", 0),
    "loss": Column("real", 0),
    "accuracy": Column("real", 0, 1),
    "seconds": Column("real", 0, needed=False),
}
PROBES_TABLE = {
    "image": Column("whole", 0),
    **{name: column._replace(needed=False) for name, column in OF_A_NETWORK.items()},
}


def _check_columns(path: Any, table: pd.DataFrame, columns: dict[str, Column]) -> None:
    """Raise InputError for the first column that is missing, of another type, or out of range."""
    for name, column in columns.items():
        if name not in table:
            if column.needed:
                raise _damaged(path, f"it has no column {name}")
            continue
        values = table[name]
        is_kind, words = COLUMN_KINDS[column.kind]
        if not is_kind(values):
            raise _damaged(path, f"column {name} holds {values.dtype}, not {words}")
        if column.kind == "text":
            _check_names(path, name, values)
        elif column.kind != "truth":
            _check_range(path, name, values.to_numpy(), column)


def _check_names(path: Any, name: str, values: pd.Series) -> None:
    if values.isna().any() or values.duplicated().any():
        raise _damaged(path, f"column {name} has an entry that is missing or there twice")


def _check_range(path: Any, name: str, values: np.ndarray, column: Column) -> None:
    slack = ROUNDED if column.kind == "real" else 0
    with np.errstate(invalid="ignore"):
        right = (values >= column.low - slack) & (values <= column.high + slack) & np.isfinite(values)
    if column.undefined:
        right |= np.isnan(values)
    if not right.all():
        row = int(np.argmin(right))
        high = f" to {column.high:.4g}" if np.isfinite(column.high) else " and above" if column.low > -np.inf else ""
        allowed = f"{column.low:.4g}{high}" if column.low > -np.inf else "finite numbers"
        raise _damaged(path, f"column {name} holds {values[row]:g} in row {row + 1}; allowed: {allowed}")


def check_images(path: Any, table: pd.DataFrame, classes: int, images: int) -> None:
    """images.parquet: a row per test image, with a label among the classes, and consistent human labels."""
    _check_columns(path, table, IMAGES_TABLE)
    _check_rows(path, table, images)
    _check_classes(path, table["label"], classes)
    if ("selected" in table) != ("shown" in table):
        raise _damaged(path, "of its columns selected and shown one is missing")
    if "selected" not in table:
        return
    if (table["selected"] > table["shown"]).any():
        raise _damaged(path, "more annotators selected an image than were shown it")
    counts = table.filter(regex=r"^count_\d+$")
    if len(counts.columns):
        own = counts.to_numpy()[np.arange(len(table)), table["label"]] if len(counts.columns) == classes else None
        if own is None or (counts.sum(axis=1) != table["shown"]).any() or (own != table["selected"]).any():
            raise _damaged(path, "the full label counts do not add up to selected and shown")


def check_scores(path: Any, table: pd.DataFrame, images: pd.DataFrame, outputs: int, undefined: int | None) -> None:
    """scores.parquet: a row for each test image, in their order and with their labels.

    undefined: the number without AVH, if the stamp states it.
    """
    _check_columns(path, table, SCORES_TABLE)
    _check_rows(path, table, len(images))
    for name in ("id", "label"):
        if not (table[name].to_numpy() == images[name].to_numpy()).all():
            raise _damaged(path, f"its rows are not the study's test images in their order ({name})")
    for name in ("predicted", "nearest"):
        if name in table:
            _check_classes(path, table[name], outputs, name)
    if (found := int(table["avh"].isna().sum())) != (found if undefined is None else undefined):
        raise _damaged(path, f"{found} of its AVH are undefined, where {undefined} were")
    if undefined is None and found == len(table):
        raise _damaged(path, "all of its AVH are undefined")


def check_training(path: Any, table: pd.DataFrame, epochs: int | None) -> None:
    """training.parquet: a row per epoch, from 1."""
    _check_columns(path, table, TRAINING_TABLE)
    _check_rows(path, table, epochs or len(table))
    if table["epoch"].tolist() != list(range(1, len(table) + 1)):
        raise _damaged(path, "its epochs are not 1, 2, 3 and so on")


def check_probes(path: Any, table: pd.DataFrame, columns: list[str], images: int, last: int | None) -> None:
    """epochs.parquet or iterations.parquet: a row for each probe and test image.

    columns: the columns to read, of which the first numbers the probes; last: the number of the last probe, if known.
    """
    key, *others = columns
    _check_columns(
        path, table, {key: Column("whole", 0), **{name: PROBES_TABLE[name]._replace(needed=True) for name in others}}
    )
    probes = len(table) // images if last is None else last + 1
    _check_rows(path, table, probes * images)
    numbers = np.repeat(np.arange(probes), images), np.tile(np.arange(images), probes)
    if any((table[name].to_numpy() != number).any() for name, number in zip((key, "image"), numbers, strict=True)):
        raise _damaged(path, f"it does not hold each image once for each {key} from 0")


def _check_rows(path: Any, table: pd.DataFrame, rows: int) -> None:
    if len(table) != rows or not rows:
        raise _damaged(path, f"it has {len(table):,} rows, not {rows:,}")


def _check_classes(path: Any, values: pd.Series, classes: int, name: str = "label") -> None:
    if (values >= classes).any():
        raise _damaged(path, f"column {name} holds {values.max()}; there are {classes} classes, from 0")


def _damaged(path: Any, reason: str) -> InputError:
    return InputError(f"{path} is damaged: {reason}; {ADVICE}")


class Plain(BaseModel):
    """An object in a description; other entries are ignored."""

    model_config = ConfigDict(strict=True)


class Sizes(Plain):
    test: int


class Description(Plain):
    """dataset.json: the entries that pages require."""

    name: str
    parameters: dict[str, Any]
    hash: str
    classes: list[str]
    superclasses: dict[str, list[int]]
    people: str | None
    simulated: bool
    notes: list[str]
    images: Sizes

    @field_validator("superclasses")
    @classmethod
    def _check_superclasses(cls, superclasses: dict[str, list[int]], given: ValidationInfo) -> dict[str, list[int]]:
        members = sorted(place for places in superclasses.values() for place in places)
        if members != list(range(len(given.data.get("classes", ())))):
            raise PydanticCustomError("superclasses", "they do not hold each class once")
        return superclasses


class Stamp(Plain):
    """run.json: the entries that pages require."""

    parameters: dict[str, Any]
    data: str
    commit: str
    source: str
    versions: dict[str, str]
    network: str
    embedding: int
    precision: str
    device: str
    threads: int
    seconds: float
    images: Sizes
    measured: dict[str, Any] | None = None
    classes: list[str] | None = None
    undefined: int | None = None
    name: str | None = None


def check_description(path: Any, value: dict[str, Any], kind: type[Plain]) -> None:
    """Raise InputError if a description lacks an entry, or has one of another type."""
    try:
        kind.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise _damaged(path, f"{place}: {first['msg'][0].lower()}{first['msg'][1:]}") from None
