"""The results of the positive control, in words."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.studies import in_order
from analysis.study.control import EXPECTED, LEAD, PEOPLE, has_causes
from analysis.study.results import StudyResults
from report import styles, text
from report.wording.forms import (
    across,
    by_network,
    by_side,
    each,
    joined_sentences,
    network_of,
    sizes,
    span_of,
    undefined_for,
    value_of,
)

OF = {
    "ambiguity": "ambiguity",
    "degradation": "degradation",
    PEOPLE: "simulated HSF",
    LEAD: "|ambiguity| − |degradation|",
}


def causes_missing(study: StudyResults) -> list[str]:
    """The note on a page of a study whose causes of difficulty are unknown."""
    if has_causes(study):
        return []
    return [
        "The causes of difficulty of these images are unknown: they are recorded for rendered images only.",
        "This page therefore has no figure and no table for this dataset.",
    ]


def causes_caption(table: pd.DataFrame) -> str:
    """The caption of the table below."""
    return (
        "Spearman's correlation of each score with each cause of difficulty and with the simulated HSF; with "
        "an entry under “controlling for”, the partial correlation. |ambiguity| − |degradation| is the difference "
        "between the absolute values of the two correlations, paired over images. All with 95 % bootstrap intervals "
        f"over images. Number of images: {sizes(table['n'])}."
    )


@text.captioned(causes_caption)
def causes_table(table: pd.DataFrame) -> pd.DataFrame:
    """``control.causes`` for readers: a row per score and question, a column per network and one for annotators."""

    def head(row: Any) -> dict[str, str]:
        return {"score": styles.score_label(row.score), "correlation with": OF[row.of], "controlling for": row.given}

    def column(row: Any) -> str:
        return network_of(row) if row.arch else "simulated annotators"

    readable = across(table, head, value_of, column).fillna("")
    return readable.assign(score=readable["score"].where(~readable["score"].duplicated(), ""))


def causes_sentences(table: pd.DataFrame) -> list[str]:
    """A sentence per score: which cause it correlates with more strongly, by network."""
    sides = (
        "more strongly with ambiguity than with degradation",
        "more strongly with degradation than with ambiguity",
        "not clearly more strongly with either cause",
    )
    sentences = []
    for score, rows in _by_score(table, LEAD, ""):
        who, how, form = styles.score_label(score), "for {}", "{1} ({0})"
        if score == "hsf":  # the annotators' own, of no network
            who, how, form = OF[PEOPLE], "{}", "({0})"
        ways = tuple(f"{side} {how}" for side in sides)
        said = by_side(rows, ways, lambda part, form=form: by_network(part, form=form))
        known = text.sentence(f"{who} correlates {said}") if said else ""
        sentences.append(joined_sentences(known, undefined_for(rows, f"For {who}, the difference between the causes")))
    return sentences


def remainder_sentences(table: pd.DataFrame) -> list[str]:
    """A sentence per score: its correlation with HSF, with and without controlling for the expected HSF."""
    sentences = []
    for score, rows in _by_score(table, PEOPLE, EXPECTED):
        before = dict(_by_score(table, PEOPLE, ""))[score].set_index("arch")["value"].map(text.number)
        values = text.listing(
            f"{value_of(row)} for {network_of(row)} (without: {before[row.arch]})" for row in rows.itertuples()
        )
        what = f"{styles.score_label(score)} has a partial rank correlation with the simulated HSF of {values}"
        sentences.append(text.sentence(f"controlling for the expected HSF, {what}"))
    return sentences


def describe_causes(table: pd.DataFrame) -> list[tuple[str, str]]:
    """The range of the correlations of AVH in Figure C1, then all numbers by question."""
    asked = each(table[table["score"] == "avh"], ["of", "given"])
    ranges = [f"with {OF[of]}, controlling for {given}, {span_of(rows['value'])}" for (of, given), rows in asked]
    names = text.listing(styles.label(arch) for arch in in_order(set(table["arch"]) - {""}))
    parts = [("AVH, partial rank correlations", "; ".join(ranges))] if ranges else []
    parts.append(("Partial rank correlations, in this order", names))
    for (of, given), part in each(table, ["of", "given"]):
        scores = [
            f"{styles.score_label(score)} {text.listing(map(text.number, rows['value']))}"
            for score, rows in each(part, "score")
        ]
        parts.append((f"With {OF[of]}, controlling for {given}", "; ".join(scores)))
    return parts


def smallest_group(table: pd.DataFrame) -> str:
    """The size of the smallest group of images in Figure C2."""
    return f"The smallest group has {text.count(table['n'].min())} images." if len(table) else ""


def describe_grid(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Where each line in Figure C2 starts and ends."""
    parts = []
    for (measure, of), part in each(table, ["measure", "ambiguity"]):
        means = part["mean"].dropna()
        ends = f"{text.short(means.iloc[0])} to {text.short(means.iloc[-1])}" if len(means) else "no image"
        parts.append((f"{styles.score_label(measure)}, ambiguity {of}", ends))
    return parts


def _by_score(table: pd.DataFrame, of: str, given: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of one question, score by score."""
    return each(table[(table["of"] == of) & (table["given"] == given)] if len(table) else table, "score")
