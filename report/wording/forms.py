"""Forms that many answers have: a table across networks, sentences group by group, intervals on either side of 0."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pandas as pd

from analysis.study.results import StudyResults
from report import styles
from report.text import SPACE, count, listing, number, with_interval


def each(table: pd.DataFrame, by: str | list[str]) -> Iterator[tuple[Any, pd.DataFrame]]:
    """A table's rows group by group, in the order in which they come; none of an empty table, which lacks columns."""
    if len(table):
        yield from table.groupby(by, sort=False, observed=True)


def network_of(row: Any) -> str:
    """The network that a row is about, as readers know it."""
    return styles.label(row.arch)


def annotators(study: StudyResults) -> str:
    """The annotators of a study as readers know them: real people, or simulated."""
    return "simulated annotators" if study.dataset["simulated"] else "annotators"


def value_of(row: Any) -> str:
    """A row's value with its interval."""
    return with_interval(row, n=False)


def across(
    table: pd.DataFrame,
    head: Callable[[Any], dict[str, str]],
    cell: Callable[[Any], str] = value_of,
    column: Callable[[Any], str] = network_of,
) -> pd.DataFrame:
    """A row for each head, in the order in which they come, and in it a cell for each network, or other column."""
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for row in table.itertuples():
        begins = head(row)
        rows.setdefault(tuple(begins.values()), begins)[column(row)] = cell(row)
    return pd.DataFrame(rows.values())


def by_network(rows: pd.DataFrame, value: Callable[[Any], str] = value_of, form: str = "{} for {}") -> str:
    """Each row's value with its network's name: "0.53 [0.49, 0.57] for AlexNet and ..."."""
    return listing(form.format(value(row), network_of(row)) for row in rows.itertuples())


def by_side(
    rows: pd.DataFrame,
    sides: tuple[str, str, str],
    say: Callable[[pd.DataFrame], str],
    low: str = "low",
    high: str = "high",
) -> str:
    """Rows in words by where their intervals lie: above 0, below, or on both sides; nothing of a side without rows.

    Rows without an interval are left out: ``undefined_for`` names them.
    """
    rows = rows.dropna(subset=[low, high])
    above, below = rows[low] > 0, rows[high] < 0
    parts = zip(sides, (above, below, ~(above | below)), strict=True)
    return "; ".join(side.format(say(rows[which])) for side, which in parts if which.any())


def undefined_for(rows: pd.DataFrame, what: str, column: str = "low") -> str:
    """The sentence that something is undefined for networks whose rows have no interval; empty if all have one."""
    names = [network_of(row) for row in rows[rows[column].isna()].itertuples()]
    return f"{what} is undefined for {listing(names)}." if names else ""


def joined_sentences(*sentences: str) -> str:
    """Those of the sentences that are not empty."""
    return " ".join(filter(None, sentences))


def span(ordered: Iterable[str]) -> str:
    """The first and the last of numbers in words, or the one that they are."""
    ends = list(ordered)
    return ends[0] if ends[0] == ends[-1] else f"{ends[0]} to {ends[-1]}"


def span_of(values: pd.Series, said: Callable[[Any], str] = number) -> str:
    """The smallest and the largest of values, without undefined ones."""
    known = values.dropna().sort_values()
    return span(map(said, known)) if len(known) else "undefined"


def direction(first: pd.Series, last: pd.Series) -> str:
    """In how many of these pairs the value rises or falls, whichever is more: "falls in 3 of 4"."""
    rises, falls = (last > first).sum(), (last < first).sum()
    if not rises and not falls:
        return "does not change"
    where = f" in {max(rises, falls)} of {len(first)}" if len(first) > 1 else ""
    return f"{'falls' if falls > rises else 'rises'}{where}"


def extremes(points: pd.DataFrame, value: str, also: str = "") -> str:
    """The labels with the highest and the lowest mean value, and another one, each with the range of its values."""
    means = points.groupby("label", sort=False)[value].mean().dropna()
    if means.empty:
        return "undefined"
    named = {"highest": means.idxmax(), "lowest": means.idxmin()}
    if also in means.index and also not in named.values():
        named[""] = also
    ranges = ((rank, label, span_of(points.loc[points["label"] == label, value])) for rank, label in named.items())
    return ", ".join(f"{rank} {label} {values}".strip() for rank, label, values in ranges)


def sizes(n: pd.Series) -> str:
    """How many images numbers rest on: "9,000 to 10,000"."""
    return span(map(count, sorted(n)))


def of_images(n: pd.Series) -> str:
    """The same as sentences end: "n = 9,000 to 10,000"."""
    return f"n{SPACE}={SPACE}{sizes(n)}"
