"""Readings of the paper changed one at a time, in words."""

import pandas as pd

from analysis.study.claims import ALL
from analysis.study.readings import GROUPS
from analysis.study.results import unless_empty
from report import styles, text
from report.wording.forms import by_network, each, sizes, span_of, value_of

OURS = "as in this book"


@unless_empty()
def named_readings(table: pd.DataFrame) -> pd.DataFrame:
    """``readings.plotted_readings`` with a ``label`` for each reading."""
    return table.assign(reading=table["reading"].replace("", OURS)).rename(columns={"reading": "label"})


def describe_readings(table: pd.DataFrame) -> list[tuple[str, str]]:
    """The numbers in the figure of ``named_readings``: the range of each quantity, then all by reading."""
    ranges = [
        (
            quantity,
            f"{span_of(rows.loc[rows['label'] == OURS, 'mean'])} {OURS}, {span_of(rows['mean'])} in all readings",
        )
        for quantity, rows in each(table, "quantity")
    ]
    return ranges + [
        (f"{label}, {quantity}", by_network(rows, lambda row: text.number(row.mean), "{} {}"))
        for (label, quantity), rows in each(table, ["label", "quantity"])
    ]


def readings_caption(table: pd.DataFrame) -> str:
    """The caption of the table below, with the numbers that the rule of each claim requires."""
    required = table[table["quantity"].fillna("") != ""].drop_duplicates(["claim", "quantity"])
    numbers = " ".join(f"{claim}: {text.listing(rows['quantity'])}." for claim, rows in each(required, "claim"))
    return (
        "Each claim under this book's reading and under others: the verdict (✓ supported, ✗ not supported, "
        "? inconclusive; * differs from this book's reading) and its numbers, with 95 % bootstrap intervals over "
        f"images. {numbers}"
    )


@text.captioned(readings_caption)
def readings_table(table: pd.DataFrame) -> pd.DataFrame:
    """``readings.judge_readings`` for readers: a row per (claim, reading), a column per network.

    A * marks a verdict that differs from this book's reading.
    """
    networks = [arch for arch in table["arch"].unique() if arch != ALL]
    rows = []
    for (claim, place, name), part in each(table, ["claim", "place", "reading"]):
        row = {"claim": claim if name == "" else "", "reading": f"{place}: {name}" if name else OURS}
        cells = {arch: _cell(numbers) for arch, numbers in each(part, "arch")}
        if ALL in cells:  # one verdict for all is put in the column of the first network
            cells[networks[0]] = f"{cells[ALL]} (all networks together)"
        row |= {styles.label(arch): cells.get(arch, "") for arch in networks}
        rows.append(row | {"n": sizes(part["n"])})
    return pd.DataFrame(rows)


def _cell(numbers: pd.DataFrame) -> str:
    """The symbol of a verdict and its numbers."""
    first = numbers.iloc[0]
    sign = f"{styles.VERDICT_SIGNS[first['verdict']]}{'*' if first['changed'] else ''}"
    if not first["quantity"]:
        return f"{sign} {first['why']}"
    return f"{sign} {'; '.join(map(value_of, numbers.itertuples()))}"


@text.captioned("Number of images in each bin of HSF.")
def bin_sizes_table(table: pd.DataFrame) -> pd.DataFrame:
    """``readings.bin_sizes`` for readers: a row per reading of the bins."""
    rows = []
    for name, part in each(table, "bins"):
        bins = "; ".join(f"{row.bin}: {text.count(row.n)}" for row in part.itertuples())
        rows.append({"bins": name, "images per bin": bins})
    return pd.DataFrame(rows)


@unless_empty([])
def readings_sentences(table: pd.DataFrame) -> list[str]:
    """How many verdicts depend on a reading, and which."""
    verdicts = table.drop_duplicates(["claim", "reading", "arch"])
    others = verdicts[verdicts["reading"] != ""]
    changed = others[others["changed"]]
    differ = f"{text.count(len(changed))} {'differs' if len(changed) == 1 else 'differ'} from this book's"
    sentences = [f"Of {text.count(len(others))} verdicts under other readings, {differ}."]
    base = verdicts[verdicts["reading"] == ""].set_index(["claim", "arch"])["verdict"]
    for (claim, name), rows in each(changed, ["claim", "reading"]):
        moves = text.listing(
            f"{'all networks' if row.arch == ALL else styles.label(row.arch)} "
            f"(from {base[claim, row.arch]} to {row.verdict})"
            for row in rows.itertuples()
        )
        where = "P1 within the largest group of classes (Figure 7), with" if claim == GROUPS else f"{claim},"
        sentences.append(f"{where} {name}: different verdict for {moves}.")
    return sentences
