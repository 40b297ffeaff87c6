"""AVH compared with other scores, in words."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.catalogue import COMPARED, SCORES
from analysis.statistics import Estimate
from analysis.study.baselines import absent
from analysis.study.results import StudyResults, unless_empty
from report import styles, text
from report.styles import score_label
from report.wording.forms import by_network, by_side, each, extremes


@unless_empty()
def with_labels(table: pd.DataFrame) -> pd.DataFrame:
    """``baselines.turned_baselines`` with a ``label`` per score, with a minus if the sign was reversed."""
    names = [f"{text.MINUS if SCORES[score].sign < 0 else ''}{score_label(score)}" for score in table["score"]]
    return table[["score", "arch"]].assign(label=names, **table.drop(columns=["score", "arch"]))


def baselines_caption(_: pd.DataFrame, ceiling: Estimate) -> str:
    """The caption of the table below."""
    return (
        "Spearman's correlation of each score with human selection frequency (HSF), and in round brackets its "
        f"absolute value as a share of the noise ceiling, {text.with_interval(ceiling)}; the partial correlation "
        "controlling for correctness; and the lead over AVH, which is the difference between the absolute values of "
        "the correlations, paired over images (above 0: the score correlates with HSF more strongly than AVH). All "
        "with 95 % bootstrap intervals over images."
    )


@text.captioned(baselines_caption)
def baselines_table(table: pd.DataFrame, *_: Estimate) -> pd.DataFrame:
    """``baselines.compare_baselines`` for readers: a row per (score, network), the score named in the first row."""
    rows, before = [], None
    for row in table.to_dict("records"):
        uses = " (uses the label)" if row["label"] else ""
        lead = _interval(row, "lead", 3) if row["score"] != "avh" else ""
        share = f" ({text.percent(row['share'])})" if not np.isnan(row["share"]) else ""
        rows.append(
            {
                "score": f"{score_label(row['score'])}{uses}" if row["score"] != before else "",
                "network": styles.label(row["arch"]),
                "with HSF": f"{text.number(row['value'])} {text.bracketed(row['low'], row['high'])}{share}",
                "controlling for correctness": _interval(row, "partial"),
                "lead over AVH": lead,
                "n": text.count(row["n"]),
            }
        )
        before = row["score"]
    return pd.DataFrame(rows)


def _interval(row: Mapping, name: str, digits: int = 2) -> str:
    if np.isnan(row[name]):
        return "undefined"
    return f"{text.number(row[name], digits)} {text.bracketed(row[f'{name}_low'], row[f'{name}_high'], digits)}"


def baselines_sentences(table: pd.DataFrame) -> list[str]:
    """Which scores correlate with HSF more strongly than AVH, and the partial correlations: two sentences per network.

    Scores that rank images exactly as another score does are not named.
    """
    return [_against_avh(arch, rows.set_index("score")) for arch, rows in each(table, "arch")]


def _against_avh(arch: str, rows: pd.DataFrame) -> str:
    avh, others = rows.loc["avh"], rows[[score != "avh" and not SCORES[score].twin for score in rows.index]]
    ways = "more strongly: {}", "less strongly: {}", "neither clearly more nor less strongly: {}"
    said = by_side(others, ways, lambda part: text.listing(map(score_label, part.index)), "lead_low", "lead_high")
    missing = list(map(score_label, others.index[others["lead_low"].isna()]))
    without = f" Undefined: {text.listing(missing)}." if missing else ""
    given = text.listing(
        f"{score_label(score)} {_interval(rows.loc[score], 'partial')}"
        for score in ("avh", "angle", "confidence", "entropy")
    )
    return (
        f"{styles.label(arch)}: AVH has a correlation of {text.number(avh['value'])} "
        f"{text.bracketed(avh['low'], avh['high'])}. Scores that correlate with HSF {said}.{without} Partial "
        f"correlations controlling for correctness: {given}."
    )


def absent_scores(study: StudyResults) -> list[str]:
    """A sentence for each score that is missing for some networks."""
    sentences = []
    for score in COMPARED:
        networks = [styles.label(arch) for arch, run in study.runs.items() if score in absent(run)]
        if networks:
            sentences.append(f"Not available for {text.listing(networks)}: {score_label(score)}.")
    return sentences


def numerator_sentence(table: pd.DataFrame) -> str:
    """A sentence on how similarly AVH and its numerator alone rank images."""
    values = by_network(table, lambda row: text.with_interval(row, 3))
    return f"Spearman's correlation of AVH with the angle alone is {values}."


def describe_baselines(table: pd.DataFrame) -> list[tuple[str, str]]:
    """The numbers in the figure of ``baselines.turned_baselines``: the ends and AVH over networks, all by network."""
    if table.empty:
        return []
    return [
        ("Correlation with HSF", extremes(table, "mean", also=f"{text.MINUS}{score_label('avh')}")),
        *(
            (styles.label(arch), text.listing(f"{row.label} {text.number(row.mean)}" for row in rows.itertuples()))
            for arch, rows in each(table, "arch")
        ),
    ]
