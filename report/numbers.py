"""All numbers: every coefficient and verdict of every study in one table, from the tables that studies' pages offer.

A table is included if it has a value, its interval and its n; except for counts and other events, which are not
coefficients, and other readings, which have their own page. Of a table over several seeds the mean is given. A number
that several tables have is given once.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.catalogue import SCORES
from analysis.study.claims import ALL
from analysis.study.starts import MEAN
from report import styles

NUMBER = ["value", "low", "high", "n"]
LEFT_OUT = {"case", "event", "reading"}  # columns of tables without coefficients under the book's reading
TOLD = {  # the columns that describe a value, and how
    "claim": "{}",
    "quantity": "{}",
    "method": "noise ceiling by {}",
    "score": "{}",
    "other": "lead over {}",
    "kind": "{} with HSF",
    "of": "correlation with {}",
    "given": "controlling for {}",
    "images": "{}",
    "of_seeds": "{}",
    "superclass": "norm within a group of classes, {}",
    "bin": "HSF in {}",
}
SPEARMAN = "Spearman's ρ with HSF"  # for tables without a column for the kind of coefficient
VALUES_BESIDE = {"partial": "partial correlation with HSF, controlling for correctness", "lead": "lead over AVH"}
SAID_OF_TABLES = {
    "lead": "lead of AVH over confidence",
    "given": VALUES_BESIDE["partial"],
}  # for tables without such a column
NUMBER_COLUMNS = ["study", "network", "number", *NUMBER, "verdict", "page"]


def numbers_of_study(pages: Path, title: str) -> pd.DataFrame:
    """The numbers of a study from the folder of its pages; ``page`` is relative to it. Empty without pages."""
    offering = {path.stem: _offered(path) for path in sorted(pages.glob("*.ipynb"))}
    parts = []
    for path in sorted((pages / "files").glob("tab-*.csv")):
        table = pd.read_csv(path)
        page = next((name for name, files in offering.items() if path.name in files), "")
        if page and set(NUMBER) <= set(table) and not LEFT_OUT & set(table):
            parts += [_rows(each).assign(page=page) for each in _melted(table, path.stem.removeprefix("tab-"))]
    if not parts:
        return pd.DataFrame(columns=NUMBER_COLUMNS)
    numbers = pd.concat(parts, ignore_index=True).assign(study=title)[NUMBER_COLUMNS]
    return numbers.drop_duplicates(["network", "number", *NUMBER], ignore_index=True)


def _offered(notebook: Path) -> str:
    """The text of a page, which contains the names of its downloads."""
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    return json.dumps([cell.get("outputs", []) for cell in cells])


def _melted(table: pd.DataFrame, name: str) -> list[pd.DataFrame]:
    """A table for each of its values, such as a correlation and, beside it, the partial one."""
    if "start" in table:
        table = table[table["start"] == MEAN]
        table = table.assign(of_seeds=[f"mean of {n} seeds" if n > 1 else "" for n in table["starts"]])
    says = {"claim", "kind", "of", "other"} & set(table)
    found = [table.assign(meaning="" if says else SAID_OF_TABLES.get(name, SPEARMAN))]
    for column, meaning in VALUES_BESIDE.items():
        if column in table:
            ends = {"low": table[f"{column}_low"], "high": table[f"{column}_high"]}
            found.append(table.assign(value=table[column], **ends, meaning=meaning).dropna(subset="value"))
    return found


def _rows(table: pd.DataFrame) -> pd.DataFrame:
    """The numbers of one table, each in words."""
    words = [_words(row) for row in table.astype(object).fillna("").to_dict("records")]
    archs = table["arch"].fillna("") if "arch" in table else [""] * len(table)
    networks = ["" if arch in ("", ALL) else styles.label(arch) for arch in archs]
    verdicts = table.get("verdict", "")
    return table[NUMBER].assign(number=words, network=networks, verdict=verdicts)


def _words(row: dict[str, Any]) -> str:
    """What a number is."""
    parts = []
    for column, how in TOLD.items():
        value = row.get(column, "")
        if value != "":
            parts.append(how.format(SCORES[value].label if value in SCORES else styles.COEFFICIENTS.get(value, value)))
    return ", ".join([*parts, row["meaning"]] if row["meaning"] else parts)
