"""The tables of ``correlations`` in words: tables for readers, and sentences with their numbers."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics import Estimate
from analysis.study.correlations import FAR, MEDIUM, WHOLE
from report import styles
from report.text import SPACE, captioned, count, listing, number, percent, sentence, with_interval

KINDS = {"spearman": "Spearman's ρ", "kendall": "Kendall's τ\u2011b", "pearson": "Pearson's r"}
NAMES = {"norm": "the raw norm", "norm_in_class": "the norm within its class"}  # in a sentence
CASES = {
    "far": f"confidence and HSF differ by more than {FAR}",
    "low": f"HSF between {MEDIUM[0]} and {MEDIUM[1]}, confidence at most {MEDIUM[0]}",
    "high": f"HSF between {MEDIUM[0]} and {MEDIUM[1]}, confidence above {MEDIUM[1]}",
}


def coefficients_caption(table: pd.DataFrame) -> str:
    """The caption of the table below."""
    scores = listing(styles.SCORES[score].label for score in table["score"].unique()) if len(table) else "each score"
    return (
        f"Correlation of {scores} with human selection frequency, with 95 % bootstrap intervals over images. In round "
        "brackets, the share of the noise ceiling (split halves), for coefficients that have one."
    )


@captioned(coefficients_caption)
def coefficients_table(table: pd.DataFrame, ceilings: pd.DataFrame) -> pd.DataFrame:
    """A row per network (and score, where there are several), a column per kind of coefficient.

    In round brackets the share of the noise ceiling, for the kinds that have one.
    """
    if table.empty:
        return table
    rows = []
    for (score, arch), cells in table.groupby(["score", "arch"], sort=False):
        row = {"score": styles.SCORES[score].label, "network": styles.architecture(arch).label}
        for cell in cells.itertuples():
            share = _share(cell, ceilings)
            row[KINDS[cell.kind]] = _text(cell) + (f" ({share})" if share else "")
        rows.append(row | {"n": count(cells["n"].iloc[0])})
    told = pd.DataFrame(rows)
    return told.drop(columns="score") if told["score"].nunique() == 1 else told


def strengths(table: pd.DataFrame, ceilings: pd.DataFrame) -> list[str]:
    """A sentence per score: its correlation with HSF for each network, also as a share of the noise ceiling."""
    if table.empty:
        return ["There are no human labels for these images, so there is no correlation with HSF."]
    sentences = []
    for score, rows in table[table["kind"] == "spearman"].groupby("score", sort=False):
        values = listing(f"{_text(row)} for {styles.architecture(row.arch).label}" for row in rows.itertuples())
        shares = _range(_share(row, ceilings) for row in rows.sort_values("value", key=abs).itertuples())
        of = f", {shares} of the noise ceiling" if shares else ""
        sentences.append(
            f"{_name(score)} has a rank correlation with human selection frequency of {values}{of}; "
            f"n{SPACE}={SPACE}{_span(rows['n'])}."
        )
    if len(ceilings):
        rows = ceilings[ceilings["kind"] == "spearman"].itertuples()
        sentences.append(
            f"The noise ceiling is {listing(f'{_text(row)} ({row.method})' for row in rows)}. Because annotators "
            "disagree, no score can be expected to reach a higher rank correlation."
        )
    return [sentence(said) for said in sentences]


@captioned(
    "The noise ceiling: the largest correlation that any score can be expected to have with human selection frequency, "
    "with 95 % intervals."
)
def ceilings_table(table: pd.DataFrame) -> pd.DataFrame:
    """A row per method, a column per kind of coefficient."""
    rows: dict[str, dict[str, str]] = {}
    for row in table.itertuples():
        cells = rows.setdefault(row.method, {"noise ceiling by": row.method})
        cells[KINDS[row.kind]] = f"{_text(row)}, n{SPACE}={SPACE}{count(row.n)}"
    return pd.DataFrame(rows.values())


@captioned("The numbers in the figure, and the number of images in each bin.")
def bins_table(table: pd.DataFrame) -> pd.DataFrame:
    """A row per bin with its size, a column per network, and the spread of HSF in the bin."""
    if table.empty:
        return table
    rows = []
    for name, cells in table.groupby("bin", sort=False):
        row = {"HSF": f"{name.replace(' ', SPACE)} n{SPACE}={SPACE}{_span(cells['n'])}"}
        row |= {styles.architecture(cell.arch).label: _text(cell) for cell in cells.itertuples()}
        rows.append(row | {"spread": number(cells["spread"].iloc[0])})
    return pd.DataFrame(rows)


def describe_bins(table: pd.DataFrame) -> str:
    """Alternative text of the figure of the bins."""
    if table.empty:
        return "No image."
    parts = []
    for arch, cells in table.groupby("arch", sort=False):
        values = listing(f"{number(cell.value)} in {cell.bin} (n {count(cell.n)})" for cell in cells.itertuples())
        parts.append(f"{styles.architecture(arch).label}: {values}")
    return f"{'. '.join(parts)}."


def bins_caption(table: pd.DataFrame) -> str:
    """The caption of the figure."""
    return (
        f"On the left, Spearman's correlation of {_name(table['score'].iloc[0])} with human selection frequency (HSF), "
        "over all images and within each of the five bins, with 95 % intervals over images. On the right, the standard "
        f"deviation of HSF in the bin, as a share of that over all images. {shrinking(table)}"
    )


def shrinking(table: pd.DataFrame) -> str:
    """The coefficients within bins and over all images, and the spread of HSF in the bins."""
    if table.empty:
        return ""
    whole, within = table[table["bin"] == WHOLE], table[table["bin"] != WHOLE].dropna(subset="value")
    if within.empty:
        return "No bin has enough images for a coefficient."
    return (
        f"The coefficient is {_range(whole['value'].sort_values().map(number))} over all images and "
        f"{_range(within['value'].sort_values().map(number))} within bins. The standard deviation of HSF in a bin is "
        f"{_range(within['spread'].sort_values().map(percent))} of that over all images. Of {count(len(within))} "
        f"intervals within bins, {count(((within['low'] > 0) | (within['high'] < 0)).sum())} exclude{SPACE}0."
    )


@captioned(
    "The lead of AVH over confidence: the difference between the absolute values of their Spearman correlations with "
    "HSF, with its 95 % interval, paired over images; and Steiger's z, positive where AVH correlates more strongly."
)
def lead_table(table: pd.DataFrame) -> pd.DataFrame:
    """A row per network: the lead of AVH over confidence, and Steiger's test."""
    return pd.DataFrame(
        {
            "network": styles.architecture(row.arch).label,
            "|AVH| − |confidence|": _text(row),
            "Steiger's z": number(row.statistic),
            "p": _p(row.p),
            "n": count(row.n),
        }
        for row in table.itertuples()
    )


def leads(table: pd.DataFrame) -> str:
    """For which networks AVH correlates with HSF more strongly than confidence does, and for which less."""
    if table.empty:
        return ""
    more, less = table["low"] > 0, table["high"] < 0
    cases = (
        ("more strongly than confidence", table[more]),
        ("less strongly than confidence", table[less]),
        ("neither clearly more nor clearly less strongly than confidence", table[~more & ~less]),
    )
    parts = [
        f"{how} for {listing(f'{styles.architecture(row.arch).label} ({_text(row)})' for row in rows.itertuples())}"
        for how, rows in cases
        if len(rows)
    ]
    return f"AVH correlates with HSF {'; '.join(parts)}; n{SPACE}={SPACE}{_span(table['n'])}."


@captioned(
    "Partial rank correlation with human selection frequency, controlling for whether the network is correct, with "
    "95 % bootstrap intervals over images."
)
def given_correctness_table(table: pd.DataFrame) -> pd.DataFrame:
    """A row per network, a column per score."""
    rows: dict[str, dict[str, str]] = {}
    for row in table.itertuples():
        cells = rows.setdefault(row.arch, {"network": styles.architecture(row.arch).label})
        cells[styles.SCORES[row.score].label] = f"{_text(row)}, n{SPACE}={SPACE}{count(row.n)}"
    return pd.DataFrame(rows.values())


def remaining(table: pd.DataFrame) -> str:
    """The partial correlations of scores with HSF, controlling for correctness."""
    if table.empty:
        return ""
    parts = []
    for score, rows in table.groupby("score", sort=False):
        values = listing(f"{_text(row)} for {styles.architecture(row.arch).label}" for row in rows.itertuples())
        parts.append(f"{_name(score)} has a partial rank correlation with HSF of {values}")
    return f"Controlling for correctness, {'; '.join(parts)}; n{SPACE}={SPACE}{_span(table['n'])}."


@captioned(
    "Images on which confidence and human selection frequency (HSF) disagree: their number, their share of the n "
    "images considered, and its 95 % interval. The last two rows consider images with medium HSF only."
)
def apart_table(table: pd.DataFrame) -> pd.DataFrame:
    """A row per kind of disagreement between network and annotators, a column per network."""
    rows: dict[str, dict[str, str]] = {}
    for row in table.itertuples():
        said = f"{count(row.count)} ({percent(row.value)} [{percent(row.low)},{SPACE}{percent(row.high)}])"
        cells = rows.setdefault(row.case, {"images on which": f"{CASES[row.case]}; n{SPACE}={SPACE}{count(row.n)}"})
        cells[styles.architecture(row.arch).label] = said if row.n else "none"
    return pd.DataFrame(rows.values())


def parting(table: pd.DataFrame) -> str:
    """The number of images on which network and annotators disagree."""
    if table.empty:
        return ""
    values = listing(
        f"{count(row.count)} of {count(row.n)} images ({percent(row.value)} [{percent(row.low)},{SPACE}"
        f"{percent(row.high)}]) for {styles.architecture(row.arch).label}"
        for row in table[table["case"] == "far"].itertuples()
    )
    return f"Confidence and human selection frequency differ by more than {FAR} on {values}."


def _name(score: str) -> str:
    return NAMES.get(score, styles.SCORES[score].label)


def _text(row: Any) -> str:
    return with_interval(Estimate(row.value, row.low, row.high, row.n), n=False)


def _share(row: Any, ceilings: pd.DataFrame) -> str:
    """A coefficient as a share of the noise ceiling of its kind (split halves); empty where there is none."""
    if ceilings.empty:
        return ""
    found = ceilings.loc[(ceilings["kind"] == row.kind) & (ceilings["method"] == "split halves"), "value"]
    return (
        percent(abs(row.value) / found.iloc[0]) if len(found) and found.iloc[0] > 0 and not np.isnan(row.value) else ""
    )


def _span(sizes: pd.Series) -> str:
    return _range(count(n) for n in sorted(sizes))


def _range(ordered: Iterable[str]) -> str:
    """The first and the last number, or the only one."""
    ends = list(ordered)
    return ends[0] if ends[0] == ends[-1] else f"{ends[0]} to {ends[-1]}"


def _p(p: float) -> str:
    return "below 0.001" if p < 0.001 else number(p, 3)
