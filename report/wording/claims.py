"""The verdicts on the paper's claims, in words."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics import Estimate
from analysis.studies import in_order
from analysis.study import claims, verdicts
from analysis.study.results import StudyResults
from report import styles
from report.text import MINUS, SPACE, count, listing, percent, short, with_interval

WITHOUT_PEOPLE = ("2", "4")  # figures that need no human labels
OF_TRAINING = ("2", "3", "4", "5")  # figures that need the training of a network


def verdict(word: str) -> str:
    """A verdict with its symbol: "✗ not supported"."""
    return f"{styles.VERDICT_SIGNS[word]}{SPACE}{word}"


def matrix(table: pd.DataFrame, study: StudyResults) -> pd.DataFrame:
    """``claims.judge`` at a glance: a row per claim, a column per network. The header marks simulated annotators."""
    head = "claim, with simulated annotators" if study.dataset["simulated"] else "claim"
    archs = in_order(set(table["arch"]) - {claims.ALL})
    rows = []
    for claim in claims.CLAIMS:
        found = table[table["claim"] == claim.id].drop_duplicates("arch").set_index("arch")
        together = f"{verdict(found.loc[claims.ALL, 'verdict'])} (all together)" if claim.together else ""
        cells = {styles.label(arch): together or _with_starts(found.loc[arch]) for arch in archs}
        rows.append({head: f"{claim.id}: {claim.title}"} | cells)
    return pd.DataFrame(rows)


def _with_starts(row: pd.Series) -> str:
    """A verdict and, with several seeds, the number of seeds that have it: "✓ supported, 3 of 3 seeds"."""
    return verdict(row["verdict"]) + (f", {row['alike']} of {row['starts']} seeds" if row["starts"] > 1 else "")


def tally(table: pd.DataFrame) -> str:
    """The number of verdicts of each kind."""
    each = table.drop_duplicates(["claim", "arch"])["verdict"].value_counts()
    counts = listing(f"{count(each.get(word, 0))} {word}" for word in verdicts.VERDICTS)
    return f"{count(each.sum())} verdicts: {counts}."


def outcomes_of_claims(table: pd.DataFrame) -> list[str]:
    """A sentence per claim: for which networks it is supported, not supported, or inconclusive and why."""
    sentences = []
    for claim in claims.named(*table["claim"].unique()):
        found = table[table["claim"] == claim.id].drop_duplicates("arch")
        parts = []
        for word, rows in ((word, found[found["verdict"] == word]) for word in verdicts.VERDICTS):
            if not len(rows):
                continue
            judged = [table[(table["claim"] == claim.id) & (table["arch"] == arch)] for arch in rows["arch"]]
            names, reasons = map(_judged_network, judged), [_reason(one) for one in judged]
            if len(set(reasons)) == 1:  # said once
                parts.append(f"{word} for {listing(names)}{reasons[0]}")
            else:
                parts.append(f"{word} for {listing(map(''.join, zip(names, reasons, strict=True)))}")
        sentences.append(f"**{claim.id}**: {claim.title}: {'; '.join(parts)}.")
    return sentences


def _judged_network(rows: pd.DataFrame) -> str:
    arch = rows["arch"].iloc[0]
    return "the networks taken together" if arch == claims.ALL else styles.label(arch)


def _reason(rows: pd.DataFrame) -> str:
    """In brackets, the numbers that a network's verdict rests on if it is not supported, or what is missing.

    Numbers that leave a verdict undecided are given with their intervals.
    """
    why, (starts, alike) = _missing(rows), rows[["starts", "alike"]].iloc[0]
    said = [f"{alike} of {starts} seeds"] if starts > 1 else []
    open_ = not why and rows["verdict"].iloc[0] == verdicts.INCONCLUSIVE
    deciding = rows[rows["part"] == (verdicts.INCONCLUSIVE if open_ else verdicts.NOT_SUPPORTED)]
    said += [why] if why else []
    said += [
        f"{row.quantity}: {_with_interval(row) if open_ else _signed(row.value)}, "
        f"required: {_range(row.above, row.below)}"
        for row in deciding.itertuples()
    ]
    return f" ({'; '.join(said)})" if said else ""


def _missing(rows: pd.DataFrame) -> str:
    """The evidence that is missing for a network's verdict; empty if an interval leaves it undecided."""
    why: str = rows["why"].iloc[0]
    return "" if why.startswith(verdicts.UNDECIDED) else why


def outcome(table: pd.DataFrame, id_: str) -> str:
    """The sentence for one claim."""
    return outcomes_of_claims(table[table["claim"] == id_])[0]


def said(study: StudyResults, id_: str) -> str:
    """A claim quoted from the paper, with links to the figures that show it."""
    (claim,) = claims.named(id_)
    links = [
        f"[Figure {name}](#fig-{name.lower()})"
        if (study.has_people or name in WITHOUT_PEOPLE) and not (study.measured and name in OF_TRAINING)
        else f"Figure {name} (not drawn)"
        for name in claim.figures
    ]
    stop = "" if claim.quote.endswith(".") else "."
    where = f"{stop} Shown in {listing(links)}." if links else ""
    return f"The paper ({claim.where}): “{claim.quote}”{where}"


def rule(id_: str) -> list[str]:
    """The rule for a claim in words."""
    (claim,) = claims.named(id_)
    return [
        f"**Statistic.** {claim.statistic}",
        f"**Supported when** {claim.rule}",
        f"**Inconclusive when** an interval lies partly inside and partly outside its range, or evidence is missing: "
        f"{claim.inconclusive}",
        f"**Fixed** in its present form in commit `{claim.since}`." if claim.since else "",
    ]


def judged(table: pd.DataFrame, id_: str, ceiling: Estimate) -> pd.DataFrame:
    """The verdicts on a claim with their numbers: a row per number, the network named in its first row."""
    (claim,), rows = claims.named(id_), []
    for arch, parts in table[table["claim"] == id_].groupby("arch", sort=False):
        name = "all networks" if arch == claims.ALL else styles.label(arch)
        why = _missing(parts)
        head = {"network": name, "verdict": _with_starts(parts.iloc[0]) + (f": {why}" if why else "")}
        for part in parts.to_dict("records"):
            text = _with_interval(pd.Series(part)) if part["quantity"] else ""
            if claim.ceiled and part["quantity"] and ceiling.value > 0:
                text += f" ({percent(abs(part['value']) / ceiling.value)})"
            asked = f"{_range(part['above'], part['below'])}: {verdict(part['part'])}" if part["part"] else ""
            rows.append(head | {"number": part["quantity"], "value": text, "required": asked, "n": count(part["n"])})
            head = {"network": "", "verdict": ""}
    return pd.DataFrame(rows)


def judged_caption(id_: str, ceiling: Estimate) -> str:
    """The caption of that table."""
    (claim,), share = claims.named(id_), ""
    if claim.ceiled and ceiling.value > 0:
        share = f" In round brackets, the share of the noise ceiling, {with_interval(ceiling)}."
    return (
        f"{id_}: numbers with 95 % bootstrap intervals over test images, the required range, and the number of images, "
        f"n.{share}"
    )


def _with_interval(part: Any) -> str:
    """The number of a part: "−0.4 [−0.5, −0.3]"."""
    interval = f" [{_signed(part.low)},{SPACE}{_signed(part.high)}]" if pd.notna(part.low) else ""
    return f"{_signed(part.value)}{interval}"


def _signed(value: Any) -> str:
    return "∞" if value == np.inf else f"{MINUS}∞" if value == -np.inf else short(value)


def _range(above: float, below: float) -> str:
    if np.isnan(above):
        return f"below {_signed(below)}"
    return f"above {_signed(above)}" if np.isnan(below) else f"between {_signed(above)} and {_signed(below)}"
