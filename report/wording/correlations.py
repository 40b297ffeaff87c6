"""The tables of ``correlations`` in words: tables for readers, and sentences with their numbers."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.study.correlations import FAR, MEDIUM, WHOLE
from analysis.study.results import unless_empty
from report import styles
from report.text import (
    SPACE,
    captioned,
    count,
    listing,
    number,
    percent,
    percent_with_interval,
    sentence,
    with_interval,
)
from report.wording.forms import (
    across,
    by_network,
    by_side,
    each,
    joined_sentences,
    network_of,
    of_images,
    span,
    span_of,
    undefined_for,
    value_of,
)

TABLE_HEADS = {kind: name.replace("-", "\u2011") for kind, name in styles.COEFFICIENTS.items()}  # which do not break
IN_SENTENCES = {"norm": "the raw norm", "norm_in_class": "the norm within its class"}
CASES = {
    "far": f"confidence and HSF differ by more than {FAR}",
    "low": f"HSF between {MEDIUM[0]} and {MEDIUM[1]}, confidence at most {MEDIUM[0]}",
    "high": f"HSF between {MEDIUM[0]} and {MEDIUM[1]}, confidence above {MEDIUM[1]}",
}


def coefficients_caption(table: pd.DataFrame, _: pd.DataFrame) -> str:
    """The caption of the table below."""
    scores = listing(styles.score_label(score) for score in table["score"].unique())
    return (
        f"Correlation of {scores} with human selection frequency, with 95 % bootstrap intervals over images. In round "
        "brackets, the share of the noise ceiling (split halves), for coefficients that have one."
    )


@captioned(coefficients_caption)
def coefficients_table(table: pd.DataFrame, ceilings: pd.DataFrame) -> pd.DataFrame:
    """A row per network (and score, where there are several), a column per kind of coefficient.

    In round brackets the share of the noise ceiling, for the kinds that have one.
    """

    def cell(row: Any) -> str:
        share = _share(row, ceilings)
        return value_of(row) + (f" ({share})" if share else "")

    told = across(table, _of_score, cell, lambda row: TABLE_HEADS[row.kind])
    told["n"] = [count(cells["n"].iloc[0]) for _, cells in each(table, ["score", "arch"])]
    return told.drop(columns="score") if told["score"].nunique() == 1 else told


def _of_score(row: Any) -> dict[str, str]:
    return {"score": styles.score_label(row.score), "network": network_of(row)}


@unless_empty(["There are no human labels for these images, so there is no correlation with HSF."])
def strength_sentences(table: pd.DataFrame, ceilings: pd.DataFrame) -> list[str]:
    """A sentence per score: its correlation with HSF for each network, also as a share of the noise ceiling."""
    sentences = []
    for score, rows in each(table[table["kind"] == "spearman"], "score"):
        shares = span(_share(row, ceilings) for row in rows.sort_values("value", key=abs).itertuples())
        of = f", {shares} of the noise ceiling" if shares else ""
        sentences.append(
            f"{_name(score)} has a rank correlation with human selection frequency of {by_network(rows)}{of}; "
            f"{of_images(rows['n'])}."
        )
    if len(ceilings):
        rows = ceilings[ceilings["kind"] == "spearman"].itertuples()
        sentences.append(
            f"The noise ceiling is {listing(f'{value_of(row)} ({row.method})' for row in rows)}. Because annotators "
            "disagree, no score can be expected to reach a higher rank correlation."
        )
    return [sentence(said) for said in sentences]


def raw_norm_sentence(table: pd.DataFrame) -> str:
    """What the raw norm says where classes are too small for scaling, so that Prediction 1 cannot be judged.

    table: ``correlations.with_people`` of the norms that are defined.
    """
    rows = table[(table["kind"] == "spearman") & (table["score"] == "norm")] if len(table) else table
    if rows.empty or (table["score"] == "norm_in_class").any():
        return ""
    sides = (
        "the raw norm rises with HSF, against the paper: {}",
        "the raw norm falls with HSF, against the paper: {}",
        "neither is clear: {}",
    )
    found = by_side(rows, sides, by_network)
    return (
        f"Prediction 1 concerns the norm within classes. Without this scaling, {found}; {of_images(rows['n'])}."
        if found
        else ""
    )


@captioned(
    "The noise ceiling: the largest correlation that any score can be expected to have with human selection frequency, "
    "with 95 % intervals."
)
def ceilings_table(table: pd.DataFrame) -> pd.DataFrame:
    """A row per method, a column per kind of coefficient."""
    return across(table, lambda row: {"noise ceiling by": row.method}, with_interval, lambda row: TABLE_HEADS[row.kind])


@captioned("The numbers in the figure, and the number of images in each bin.")
def bins_table(table: pd.DataFrame) -> pd.DataFrame:
    """A row per bin with its size, a column per network, and the spread of HSF in the bin."""
    of_bin = {name: of_images(cells["n"]) for name, cells in each(table, "bin")}
    told = across(table, lambda row: {"HSF": f"{row.bin.replace(' ', SPACE)} {of_bin[row.bin]}"})
    return told.assign(spread=[number(cells["spread"].iloc[0]) for _, cells in each(table, "bin")])


def describe_bins(table: pd.DataFrame) -> list[tuple[str, str]]:
    """The range over all images and within bins, and the numbers in the figure of the bins, by network."""
    parts = [(f"Correlation of {_name(table['score'].iloc[0])} with HSF", _in_all_and_in_bins(table))]
    for arch, cells in each(table, "arch"):
        values = listing(f"{number(cell.value)} in {cell.bin} (n {count(cell.n)})" for cell in cells.itertuples())
        parts.append((styles.label(arch), values))
    return parts


def bins_caption(table: pd.DataFrame) -> str:
    """The caption of the figure."""
    return (
        f"On the left, Spearman's correlation of {_name(table['score'].iloc[0])} with human selection frequency (HSF), "
        "over all images and within each of the five bins, with 95 % intervals over images. On the right, the standard "
        f"deviation of HSF in the bin, as a share of that over all images. {bins_sentence(table)}"
    )


@unless_empty("")
def bins_sentence(table: pd.DataFrame) -> str:
    """The coefficients within bins and over all images, and the spread of HSF in the bins."""
    within = table[table["bin"] != WHOLE].dropna(subset="value")
    if within.empty:
        return "No bin has enough images for a coefficient."
    return (
        f"The coefficient is {_in_all_and_in_bins(table)}. The standard deviation of HSF in a bin is "
        f"{span_of(within['spread'], percent)} of that over all images. Of {count(len(within))} "
        f"intervals within bins, {count(((within['low'] > 0) | (within['high'] < 0)).sum())} exclude{SPACE}0."
    )


def _in_all_and_in_bins(table: pd.DataFrame) -> str:
    whole = table["bin"] == WHOLE
    return f"{span_of(table.loc[whole, 'value'])} over all images and {span_of(table.loc[~whole, 'value'])} within bins"


@captioned(
    "The lead of AVH over confidence: the difference between the absolute values of their Spearman correlations with "
    "HSF, with its 95 % interval, paired over images; and Steiger's z, positive where AVH correlates more strongly."
)
def lead_table(table: pd.DataFrame) -> pd.DataFrame:
    """A row per network: the lead of AVH over confidence, and Steiger's test."""
    return pd.DataFrame(
        {
            "network": network_of(row),
            "|AVH| − |confidence|": value_of(row),
            "Steiger's z": number(row.statistic),
            "p": _p(row.p),
            "n": count(row.n),
        }
        for row in table.itertuples()
    )


def describe_leads(table: pd.DataFrame) -> tuple[str, str]:
    """The range of leads of AVH over confidence, and how many are clear: for a figure."""
    above, below = (table["low"] > 0).sum(), (table["high"] < 0).sum()
    clear = f"interval above 0 at {count(above)} and below 0 at {count(below)} of {count(len(table))} points"
    return "Lead of AVH over confidence", f"{span_of(table['value'])}, {clear}"


@unless_empty("")
def leads(table: pd.DataFrame) -> str:
    """For which networks AVH correlates with HSF more strongly than confidence does, and for which less."""
    ways = "more strongly", "less strongly", "neither clearly more nor clearly less strongly"
    sides = tuple(f"{way} than confidence for {{}}" for way in ways)
    said = by_side(table, sides, lambda rows: by_network(rows, form="{1} ({0})"))
    return joined_sentences(
        f"AVH correlates with HSF {said}; {of_images(table['n'])}." if said else "",
        undefined_for(table, "The lead of AVH over confidence"),
    )


@captioned(
    "Partial rank correlation with human selection frequency, controlling for whether the network is correct, with "
    "95 % bootstrap intervals over images."
)
def given_correctness_table(table: pd.DataFrame) -> pd.DataFrame:
    """A row per network, a column per score."""
    return across(
        table, lambda row: {"network": network_of(row)}, with_interval, lambda row: styles.score_label(row.score)
    )


@unless_empty("")
def given_correctness_sentence(table: pd.DataFrame) -> str:
    """The partial correlations of scores with HSF, controlling for correctness."""
    parts = [
        f"{_name(score)} has a partial rank correlation with HSF of {by_network(rows)}"
        for score, rows in each(table, "score")
    ]
    return f"Controlling for correctness, {'; '.join(parts)}; {of_images(table['n'])}."


@captioned(
    "Images on which confidence and human selection frequency (HSF) disagree: their number, their share of the n "
    "images considered, and its 95 % interval. The last two rows consider images with medium HSF only."
)
def apart_table(table: pd.DataFrame) -> pd.DataFrame:
    """A row per kind of disagreement between network and annotators, a column per network."""
    return across(
        table,
        lambda row: {"images on which": f"{CASES[row.case]}; n{SPACE}={SPACE}{count(row.n)}"},
        lambda row: f"{count(row.count)} ({percent_with_interval(row)})" if row.n else "none",
    )


@unless_empty("")
def disagreement_sentence(table: pd.DataFrame) -> str:
    """The number of images on which network and annotators disagree."""
    values = by_network(
        table[table["case"] == "far"],
        lambda row: f"{count(row.count)} of {count(row.n)} images ({percent_with_interval(row)})",
    )
    return f"Confidence and human selection frequency differ by more than {FAR} on {values}."


def _name(score: str) -> str:
    return IN_SENTENCES.get(score, styles.score_label(score))


def _share(row: Any, ceilings: pd.DataFrame) -> str:
    """A coefficient as a share of the noise ceiling of its kind (split halves); empty where there is none."""
    if ceilings.empty:
        return ""
    found = ceilings.loc[(ceilings["kind"] == row.kind) & (ceilings["method"] == "split halves"), "value"]
    return (
        percent(abs(row.value) / found.iloc[0]) if len(found) and found.iloc[0] > 0 and not np.isnan(row.value) else ""
    )


def _p(p: float) -> str:
    return "below 0.001" if p < 0.001 else number(p, 3)
