"""Other scores beside AVH: which of them follows people, how closely, and what is left of it given correctness.

Critics of the paper missed the loss, the margin, the entropy and a calibrated confidence. Each is compared with AVH on
the same images: Spearman's correlation with human selection frequency (HSF), its share of the noise ceiling, the
partial correlation given whether the network is right, and the paired difference from AVH.

Three of the scores rank images exactly as another does, whatever the network: the loss is -log of confidence, the
cosine falls as the angle rises, and AVH over the other classes is AVH / (1 - AVH).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis import statistics, styles, words
from analysis.statistics import Estimate
from analysis.tables import Run, Study


class Expected(NamedTuple):
    """What is expected of a score: the sign of its correlation with HSF, and whether it looks at the true label."""

    sign: int
    label: bool


# In the order of the tables and the figure: angles, probabilities, norms.
SCORES = {
    "avh": Expected(-1, True),
    "angle": Expected(-1, True),
    "cosine": Expected(1, True),
    "avh_others": Expected(-1, True),
    "confidence": Expected(1, True),
    "temperature_confidence": Expected(1, True),
    "margin": Expected(1, True),
    "loss": Expected(-1, True),
    "max_confidence": Expected(1, False),
    "entropy": Expected(-1, False),
    "norm": Expected(1, False),
    "norm_in_class": Expected(1, True),
}
# There only where images were held out from training, and where a class has several test images.
CONDITIONAL = ("temperature_confidence", "norm_in_class")
TWINS = {"loss": "confidence", "cosine": "angle", "avh_others": "avh"}  # of the same ranks, by their formulas


def table(study: Study, ceiling: Estimate) -> pd.DataFrame:
    """Every score of every network against HSF: a row per (score, arch), empty where nobody was asked.

    A network's scores are compared over the images at which all of them are defined. One that no image has is left out.

    Columns: score, arch, n; value, low, high (Spearman's correlation with HSF); expected (its expected sign);
    label (whether the score uses the true label); share (|value| over the ceiling); partial, partial_low, partial_high
    (the correlation given correctness; NaN where the network is right everywhere or nowhere); lead, lead_low,
    lead_high (|value| less that of AVH, paired over images; above 0 where the score follows people more closely).
    """
    if not study.has_people:
        return pd.DataFrame()
    parts = []
    for arch, run in study.runs.items():
        columns = {score: run.scores[score] for score in SCORES if score not in absent(run)}
        parts.append(statistics.contest(columns, study.hsf, run.scores["correct"], "avh").assign(arch=arch))
    rows = pd.concat(parts, ignore_index=True)
    rows["expected"] = [SCORES[score].sign for score in rows["score"]]
    rows["label"] = [SCORES[score].label for score in rows["score"]]
    rows["share"] = rows["value"].abs() / (ceiling.value if ceiling.value > 0 else np.nan)
    return pd.concat([rows[rows["score"] == score] for score in SCORES], ignore_index=True)


def absent(run: Run) -> list[str]:
    """The scores that a network has of no image."""
    return [score for score in CONDITIONAL if run.scores[score].isna().all()]


def turned(table: pd.DataFrame) -> pd.DataFrame:
    """The correlations with their signs turned so that the expected one is positive: score, arch, mean, low, high, n.

    ``label`` names the score for readers, with a minus before it where its sign was turned.
    """
    if table.empty:
        return table
    down = table["expected"] < 0
    ends = table["low"].where(~down, -table["high"]), table["high"].where(~down, -table["low"])
    names = table["score"].map(label).where(~down, words.MINUS + table["score"].map(label))
    columns = {"mean": table["value"] * table["expected"], "low": ends[0], "high": ends[1], "n": table["n"]}
    return table[["score", "arch"]].assign(label=names, **columns)


def label(score: str) -> str:
    return styles.SCORES[score].label


def numerator(study: Study) -> pd.DataFrame:
    """How nearly AVH ranks images as its numerator alone does: a row per arch with value, low, high, n (Spearman)."""
    return pd.DataFrame(
        {"arch": arch, **statistics.correlation(run.scores["avh"], run.scores["angle"])._asdict()}
        for arch, run in study.runs.items()
    )


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """``table`` for readers: a row per (score, network), the score named in its first."""
    rows, before = [], None
    for row in table.to_dict("records"):
        uses = " (uses the label)" if row["label"] else ""
        lead = _interval(row, "lead", 3) if row["score"] != "avh" else ""
        share = f" ({words.percent(row['share'])})" if not np.isnan(row["share"]) else ""
        rows.append(
            {
                "score": f"{label(row['score'])}{uses}" if row["score"] != before else "",
                "network": styles.architecture(row["arch"]).label,
                "with HSF": f"{words.number(row['value'])} {words.interval(row['low'], row['high'])}{share}",
                "given correctness": _interval(row, "partial"),
                "lead over AVH": lead,
                "n": words.count(row["n"]),
            }
        )
        before = row["score"]
    return pd.DataFrame(rows)


def _interval(row: Mapping, name: str, digits: int = 2) -> str:
    if np.isnan(row[name]):
        return "undefined"
    return f"{words.number(row[name], digits)} {words.interval(row[f'{name}_low'], row[f'{name}_high'], digits)}"


def caption(ceiling: Estimate) -> str:
    """The caption of that table."""
    return (
        "Spearman's correlation of each score with human selection frequency (HSF), and in round brackets the share of "
        f"the noise ceiling, {words.estimate(ceiling)}, that its size reaches; the same correlation given whether the "
        "network is right; and how much larger its size is than that of AVH's correlation, paired over images (above "
        "0: the score follows people more closely than AVH). All with 95 % bootstrap intervals over images."
    )


def findings(table: pd.DataFrame) -> list[str]:
    """What came out, a sentence or two per network: which scores beat AVH, and what is left given correctness.

    Scores that rank images as another does are not told apart from it and not named.
    """
    if table.empty:
        return []
    return [_finding(table[table["arch"] == arch].set_index("score")) for arch in table["arch"].unique()]


def _finding(rows: pd.DataFrame) -> str:
    network, avh = styles.architecture(rows["arch"].iloc[0]).label, rows.loc["avh"]
    others = rows.drop(index=["avh", *TWINS])
    more, less = others["lead_low"] > 0, others["lead_high"] < 0
    ways = {
        "more closely by": more,
        "less closely by": less,
        "about as closely, by the intervals, by": ~(more | less),
    }
    parts = [f"{how} {words.listing(map(label, others.index[which]))}" for how, which in ways.items() if which.any()]
    given = words.listing(
        f"{label(score)} {_interval(rows.loc[score], 'partial')}" for score in ("avh", "angle", "confidence", "entropy")
    )
    return (
        f"{network}: against AVH ({words.number(avh['value'])} {words.interval(avh['low'], avh['high'])}) people are "
        f"followed {'; '.join(parts)}. Given correctness: {given}."
    )


def left_out(study: Study) -> list[str]:
    """Which scores are not there for which networks, a sentence per score: there only where some are missing."""
    sentences = []
    for score in CONDITIONAL:
        networks = [styles.architecture(arch).label for arch, run in study.runs.items() if score in absent(run)]
        if networks:
            sentences.append(f"No image has a {label(score)} under {words.listing(networks)}: it is left out there.")
    return sentences


def findings_numerator(table: pd.DataFrame) -> str:
    """How nearly AVH ranks images as its numerator alone, in a sentence."""
    values = words.listing(
        f"{words.estimate(Estimate(row.value, row.low, row.high, row.n), 3)} for {styles.architecture(row.arch).label}"
        for row in table.itertuples()
    )
    return f"Spearman's correlation of AVH with the angle alone is {values}."


def described(table: pd.DataFrame) -> str:
    """``turned`` for who cannot see its figure."""
    if table.empty:
        return "No score."
    parts = []
    for arch, rows in table.groupby("arch", sort=False):
        values = words.listing(f"{row.label} {words.number(row.mean)}" for row in rows.itertuples())
        parts.append(f"{styles.architecture(arch).label}: {values}")
    return f"{'. '.join(parts)}."
