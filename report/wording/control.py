"""The results of the positive control, in words."""

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from analysis.statistics import Estimate
from analysis.studies import in_order
from analysis.study.control import EXPECTED, LEAD, PEOPLE, has_causes
from analysis.study.results import StudyResults
from report import styles, text

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
    n = text.listing(text.count(n) for n in sorted({table["n"].min(), table["n"].max()})) if len(table) else ""
    return (
        "Spearman's correlation of each score with each cause of difficulty and with the simulated HSF; with "
        "an entry under “controlling for”, the partial correlation. |ambiguity| − |degradation| is the difference "
        "between the absolute values of the two correlations, paired over images. All with 95 % bootstrap intervals "
        f"over images. Number of images: {n.replace(' and ', ' to ')}."
    )


@text.captioned(causes_caption)
def causes_table(table: pd.DataFrame) -> pd.DataFrame:
    """``control.causes`` for readers: a row per score and question, a column per network and one for annotators."""
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for row in table.itertuples():
        head = {"score": styles.SCORES[row.score].label, "correlation with": OF[row.of], "controlling for": row.given}
        column = styles.architecture(row.arch).label if row.arch else "simulated annotators"
        estimate = text.with_interval(_estimate(row), n=False)
        rows.setdefault((row.score, row.of, row.given), head)[column] = estimate
    readable = pd.DataFrame(rows.values()).fillna("")
    if not readable.empty:
        readable["score"] = readable["score"].where(~readable["score"].duplicated(), "")
    return readable


def causes_sentences(table: pd.DataFrame) -> list[str]:
    """A sentence per score: which cause it correlates with more strongly, by network."""
    sentences = []
    for score, rows in _by_score(table, LEAD, ""):
        sides = {
            "more strongly with ambiguity than with degradation": rows["low"] > 0,
            "more strongly with degradation than with ambiguity": rows["high"] < 0,
            "not clearly more strongly with either cause": ~((rows["low"] > 0) | (rows["high"] < 0)),
        }
        parts = [
            side + _with((row.arch, text.with_interval(_estimate(row), n=False)) for row in part)
            for side, chosen in sides.items()
            if (part := list(rows[chosen].itertuples()))
        ]
        who = OF[PEOPLE] if score == "hsf" else styles.SCORES[score].label
        sentences.append(text.sentence(f"{who} correlates {'; '.join(parts)}"))
    return sentences


def remainder_sentences(table: pd.DataFrame) -> list[str]:
    """A sentence per score: its correlation with HSF, with and without controlling for the expected HSF."""
    sentences = []
    for score, rows in _by_score(table, PEOPLE, EXPECTED):
        before = dict(_by_score(table, PEOPLE, ""))[score].set_index("arch")["value"]
        values = text.listing(
            f"{text.with_interval(_estimate(row), n=False)} for {styles.architecture(row.arch).label} (without: "
            f"{text.number(before[row.arch])})"
            for row in rows.itertuples()
        )
        what = f"{styles.SCORES[score].label} has a partial rank correlation with the simulated HSF of {values}"
        sentences.append(text.sentence(f"controlling for the expected HSF, {what}"))
    return sentences


def describe_causes(table: pd.DataFrame) -> str:
    """Alternative text of Figure C1."""
    if table.empty:
        return "No dot."
    parts = []
    for (of, given), part in table.groupby(["of", "given"], sort=False):
        scores = [
            f"{styles.SCORES[score].label} {text.listing(map(text.number, rows['value']))}"
            for score, rows in part.groupby("score", sort=False)
        ]
        parts.append(f"With {OF[of]}, controlling for {given}: {'; '.join(scores)}")
    names = text.listing(styles.architecture(arch).label for arch in in_order(set(table["arch"]) - {""}))
    return f"Partial rank correlations for {names}, in this order. {'. '.join(parts)}."


def smallest_group(table: pd.DataFrame) -> str:
    """The size of the smallest group of images in Figure C2."""
    return f"The smallest group has {text.count(table['n'].min())} images." if len(table) else ""


def describe_grid(table: pd.DataFrame) -> str:
    """Alternative text of Figure C2: where each line starts and ends."""
    if table.empty:
        return "No line."
    parts = []
    for (measure, of), part in table.groupby(["measure", "ambiguity"], sort=False, observed=True):
        means = part["mean"].dropna()
        ends = f"{text.short(means.iloc[0])} to {text.short(means.iloc[-1])}" if len(means) else "no image"
        parts.append(f"{styles.SCORES[measure].label}, ambiguity {of}: {ends}")
    return f"From the least to the most degraded images. {'. '.join(parts)}."


def _by_score(table: pd.DataFrame, of: str, given: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of one question, score by score; none of an empty table."""
    if not table.empty:
        yield from table[(table["of"] == of) & (table["given"] == given)].groupby("score", sort=False)


def _with(numbers: Iterable[tuple[str, str]]) -> str:
    """ " for AlexNet (0.01) and VGG19 (0.02)"; the number for the annotators has no name."""
    texts = [(f"{styles.architecture(arch).label} ({found})" if arch else f"({found})") for arch, found in numbers]
    return f" {'for ' if not texts[0].startswith('(') else ''}{text.listing(texts)}"


def _estimate(row: Any) -> Estimate:
    return Estimate(row.value, row.low, row.high, row.n)
