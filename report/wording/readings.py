"""Readings of the paper changed one at a time, in words."""

import pandas as pd

from analysis.statistics import Estimate
from analysis.study.claims import ALL
from report import styles, text

OURS = "as in this book"


def named_readings(table: pd.DataFrame) -> pd.DataFrame:
    """``readings.plotted_readings`` with a ``label`` for each reading."""
    if table.empty:
        return table
    return table.assign(reading=table["reading"].replace("", OURS)).rename(columns={"reading": "label"})


def describe_readings(table: pd.DataFrame) -> str:
    """Alternative text of the figure of ``named_readings``."""
    if table.empty:
        return "No number."
    parts = []
    for (label, quantity), rows in table.groupby(["label", "quantity"], sort=False):
        values = (f"{text.number(row.mean)} {styles.architecture(row.arch).label}" for row in rows.itertuples())
        parts.append(f"{label}, {quantity}: {text.listing(values)}")
    return f"{'. '.join(parts)}."


@text.captioned(
    "Each claim under this book's reading and under others: the verdict (✓ supported, ✗ not supported, "
    "? inconclusive; * differs from this book's reading) and its numbers, with 95 % bootstrap intervals over images. "
    "H1: confidence with HSF. P1: norm with HSF, and the same in the largest group of classes. P2a, P2b: AVH with HSF. "
    "P2c: |AVH| − |confidence|. Obs. 3: share of epochs in order; Cohen's f of AVH minus that of the norm. Obs. 4: "
    "lowest tau of any bin."
)
def readings_table(table: pd.DataFrame) -> pd.DataFrame:
    """``readings.judge_readings`` for readers: a row per (claim, reading), a column per network.

    A * marks a verdict that differs from this book's reading.
    """
    if table.empty:
        return table
    networks = [arch for arch in table["arch"].unique() if arch != ALL]
    rows = []
    for (claim, place, name), part in table.groupby(["claim", "place", "reading"], sort=False):
        row = {"claim": claim if name == "" else "", "reading": f"{place}: {name}" if name else OURS}
        cells = {arch: _cell(numbers) for arch, numbers in part.groupby("arch", sort=False)}
        if ALL in cells:  # one verdict for all is put in the column of the first network
            cells[networks[0]] = f"{cells[ALL]} (all networks together)"
        row |= {styles.architecture(arch).label: cells.get(arch, "") for arch in networks}
        rows.append(row | {"n": " to ".join(text.count(n) for n in sorted({part["n"].min(), part["n"].max()}))})
    return pd.DataFrame(rows)


def _cell(numbers: pd.DataFrame) -> str:
    """The symbol of a verdict and its numbers."""
    first = numbers.iloc[0]
    sign = f"{styles.VERDICTS[first['verdict']]}{'*' if first['changed'] else ''}"
    if not first["quantity"]:
        return f"{sign} {first['why']}"
    found = (Estimate(row.value, row.low, row.high, row.n) for row in numbers.itertuples())
    return f"{sign} {'; '.join(text.with_interval(value, n=False) for value in found)}"


@text.captioned("Number of images in each bin of HSF.")
def bin_sizes_table(table: pd.DataFrame) -> pd.DataFrame:
    """``readings.bin_sizes`` for readers: a row per reading of the bins."""
    if table.empty:
        return table
    rows = []
    for name, part in table.groupby("bins", sort=False):
        bins = "; ".join(f"{row.bin}: {text.count(row.n)}" for row in part.itertuples())
        rows.append({"bins": name, "images per bin": bins})
    return pd.DataFrame(rows)


def readings_sentences(table: pd.DataFrame) -> list[str]:
    """How many verdicts depend on a reading, and which."""
    if table.empty:
        return []
    verdicts = table.drop_duplicates(["claim", "reading", "arch"])
    others = verdicts[verdicts["reading"] != ""]
    changed = others[others["changed"]]
    differ = f"{text.count(len(changed))} {'differs' if len(changed) == 1 else 'differ'} from this book's"
    sentences = [f"Of {text.count(len(others))} verdicts under other readings, {differ}."]
    base = verdicts[verdicts["reading"] == ""].set_index(["claim", "arch"])["verdict"]
    for (claim, name), rows in changed.groupby(["claim", "reading"], sort=False):
        moves = text.listing(
            f"{'all networks' if row.arch == ALL else styles.architecture(row.arch).label} "
            f"(from {base[claim, row.arch]} to {row.verdict})"
            for row in rows.itertuples()
        )
        sentences.append(f"{claim}, {name}: different verdict for {moves}.")
    return sentences
