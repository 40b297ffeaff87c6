"""The paper's claims in words: what each says, what this book's rule for it asks, and what came out."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.statistics import Estimate
from analysis.studies import in_order
from analysis.study import claims
from analysis.study.choices import STRONG
from analysis.study.claims import (
    ALIKE,
    EARLY,
    FEWEST_BINS,
    FEWEST_EPOCHS,
    FEWEST_IMAGES,
    FEWEST_IN_BIN,
    FEWEST_NETWORKS,
    FEWEST_STEPS,
    FLAT,
    LEARNED,
    NONE,
    THROUGHOUT,
    WINDOW,
)
from analysis.study.results import StudyResults
from report import styles
from report.text import MINUS, SPACE, count, listing, percent, short, with_interval

WITHOUT_PEOPLE = ("2", "4")  # figures that need nobody's answers
OF_TRAINING = ("2", "3", "4", "5")  # figures that need a network's training


class ClaimWords(NamedTuple):
    """A claim and its rule in words."""

    title: str  # in this book's words
    quote: str  # the paper's words
    section: str
    figures: tuple[str, ...]  # that show it, the paper's by their numbers
    statistic: str
    rule: str  # supported when
    inconclusive: str  # beside an interval that straddles a threshold

    @property
    def where(self) -> str:
        """The paper's section: "Sec. 2.1" or "App. A"."""
        return f"{'Sec.' if self.section[0].isdigit() else 'App.'} {self.section}"


CLAIM_WORDS = {
    "H1": ClaimWords(
        title="A network's confidence does not follow people strongly",
        quote="Model Confidence and Human Selection Frequency are not in direct proportion and thereby not strongly "
        "correlated.",
        section="2.1",
        figures=("1",),
        statistic="Spearman's correlation of confidence with HSF over test images, and its share of the noise ceiling.",
        rule=f"the interval lies between −{STRONG} and {STRONG}.",
        inconclusive=f"nobody was asked, or fewer than {FEWEST_IMAGES} images.",
    ),
    "P1": ClaimWords(
        title="The norm does not follow people (Prediction 1, which the paper rejects)",
        quote="there is no obvious correlation between ‖x‖₂ and Human Selection Frequency.",
        section="2.2",
        figures=("1", "N1", "6", "7"),
        statistic="Spearman's correlation of the norm, scaled to 0 to 1 within its class, with HSF over test images.",
        rule=f"the interval lies between −{NONE} and {NONE}.",
        inconclusive=f"nobody was asked, or fewer than {FEWEST_IMAGES} images.",
    ),
    "P2a": ClaimWords(
        title="AVH falls as HSF rises",
        quote="AVH(x) has a strong correlation with Human Selection Frequency",
        section="2.2",
        figures=("1", "6", "A1"),
        statistic="Spearman's correlation of AVH with HSF over test images, and its share of the noise ceiling.",
        rule="the interval lies below 0.",
        inconclusive=f"nobody was asked, or fewer than {FEWEST_IMAGES} images.",
    ),
    "P2b": ClaimWords(
        title="It does so strongly",
        quote="AVH is strongly correlated with human selection frequency across a wide range of CNN models.",
        section="2.2",
        figures=("1", "6", "A1"),
        statistic="That of P2a.",
        rule=f"the interval lies below −{STRONG}: from there on a correlation is strong for H1 too.",
        inconclusive=f"nobody was asked, or fewer than {FEWEST_IMAGES} images.",
    ),
    "P2c": ClaimWords(
        title="AVH follows people more closely than confidence does",
        quote="To the best of our knowledge, this is the first model score that correlates strongly with human visual "
        "hardness.",
        section="1",
        figures=("1", "6"),
        statistic="How much larger the absolute value of AVH's correlation with HSF is than that of confidence's, "
        "paired over images.",
        rule="the interval lies above 0.",
        inconclusive=f"nobody was asked, or fewer than {FEWEST_IMAGES} images.",
    ),
    "Obs. 1": ClaimWords(
        title="Norm and accuracy rise together, and the norm climbs at the first drop of the learning rate",
        quote="it suddenly climbs after 30 epochs when the first learning rate decay happens. The accuracy curve is "
        "very similar to that of the average ‖x‖₂.",
        section="3",
        figures=("2",),
        statistic="Spearman's correlation, over epochs, of the mean norm with accuracy; and the least-squares slope of "
        f"the mean norm over the {WINDOW} epochs after the first drop, the drop's own step included, over that of the "
        f"{WINDOW} before (fewer where fewer are there; infinite where it climbs after and did not before, 0 where it "
        "does neither).",
        rule=f"the first interval lies above {ALIKE} and the second above 1.",
        inconclusive=f"fewer than {FEWEST_EPOCHS} epochs, or a learning rate that never falls.",
    ),
    "Obs. 2": ClaimWords(
        title="AVH reaches its plateau before accuracy and the loss reach theirs",
        quote="AVH(x) hits a plateau very early even when the accuracy or loss is still improving.",
        section="3",
        figures=("2",),
        statistic=f"The epoch at which mean AVH has made {LEARNED:.0%} of its fall from epoch 1 to its lowest point; "
        "the same for the rise of accuracy and the fall of the training loss.",
        rule="AVH's epoch is earlier than both: the interval of the smaller lead lies above 0.",
        inconclusive=f"fewer than {FEWEST_EPOCHS} epochs, or a curve that does not improve after the first.",
    ),
    "Obs. 3": ClaimWords(
        title="Throughout training AVH tells the bins of HSF apart, and better than the norm does",
        quote="for AVH(x), such gaps are significant and consistent across every single model during the whole "
        "training process.",
        section="3",
        figures=("3",),
        statistic="The share of epochs at which mean AVH falls from each bin of HSF to the next; and Cohen's f (spread "
        "of the bins' means over the pooled spread within them), averaged over epochs, of AVH less that of the norm. "
        "A resample is noisier than the images themselves, so the interval of the share leans low.",
        rule=f"the first interval lies above {THROUGHOUT} and the second above 0.",
        inconclusive=f"nobody was asked, fewer than {FEWEST_EPOCHS} epochs, or fewer than {FEWEST_BINS} bins with "
        f"{FEWEST_IN_BIN} images or more; smaller bins are left out.",
    ),
    "Obs. 4": ClaimWords(
        title="Better networks have lower AVH, in every bin of HSF",
        quote="better models have better AVH(x) throughout the training process and also across samples under "
        "different human selection frequency.",
        section="3",
        figures=("2", "3"),
        statistic="Kendall's tau, over the trained networks, of accuracy on all test images with how low mean AVH is, "
        "in each bin of HSF; the same resampled images for all networks.",
        rule="the interval of the lowest tau of any bin lies above 0.",
        inconclusive=f"nobody was asked, fewer than {FEWEST_NETWORKS} networks, or no bin with {FEWEST_IN_BIN} images "
        "or more; smaller bins are left out.",
    ),
    "App. A": ClaimWords(
        title="In the first steps the norm climbs, the angle falls, both flatten, and easy images end lower",
        quote="The average norm increases with a large initial slope but it flattens slightly after 10 iterations. […] "
        "the average angle decreases sharply at the beginning and then becomes almost flat after 10 iterations. […] "
        "the angle for the easy one converges to a much lower value.",
        section="A",
        figures=("4", "5"),
        statistic="The change of the mean norm and of the mean angle over the first optimiser steps; each one's slope "
        f"after step {EARLY} over that before; Spearman's correlation of the last step's angle with HSF over test "
        "images (the paper looks at two).",
        rule="the norm's change lies above 0 and the angle's fall too; the norm's slopes have a ratio below 1 "
        f"(“flattens slightly”), the angle's below {FLAT} (“almost flat”); and the correlation lies below 0.",
        inconclusive=f"fewer than {FEWEST_STEPS} steps were recorded, or nobody was asked.",
    ),
}


SPLIT = (
    "Prediction 2 was one rule, that AVH falls as HSF rises and follows it more closely than confidence. It was split "
    "into P2a and P2c after results were seen, because one verdict hid which of the two held, and P2b was added, with "
    "the threshold that H1 has for “strong”. No threshold moved."
)


def verdict(word: str) -> str:
    """A verdict with its sign: "✗ not supported"."""
    return f"{styles.VERDICTS[word]}{SPACE}{word}"


def matrix(table: pd.DataFrame, study: StudyResults) -> pd.DataFrame:
    """``claims.judge`` at a glance: a row per claim, a column per network. Its head says if people are simulated."""
    head = "claim, with simulated people" if study.dataset["simulated"] else "claim"
    archs = in_order(set(table["arch"]) - {claims.ALL})
    rows = []
    for claim in claims.CLAIMS:
        found = table[table["claim"] == claim.id].drop_duplicates("arch").set_index("arch")
        together = f"{verdict(found.loc[claims.ALL, 'verdict'])} (all together)" if claim.together else ""
        cells = {styles.architecture(arch).label: together or _over_starts(found.loc[arch]) for arch in archs}
        rows.append({head: f"{claim.id}: {CLAIM_WORDS[claim.id].title}"} | cells)
    return pd.DataFrame(rows)


def _over_starts(row: pd.Series) -> str:
    """A verdict and, where it was reached for several starts, for how many of them: "✓ supported, 3 of 3 starts"."""
    return verdict(row["verdict"]) + (f", {row['alike']} of {row['starts']} starts" if row["starts"] > 1 else "")


def with_figures(matrix: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The matrix with a last column of the figures that show each claim: "1, 6, 7"."""
    shown = [", ".join(CLAIM_WORDS[claim.id].figures) for claim in claims.named(*table["claim"].unique())]
    return matrix.assign(**{"shown in": shown})


def tally(table: pd.DataFrame) -> str:
    """How many of the verdicts came out which way."""
    each = table.drop_duplicates(["claim", "arch"])["verdict"].value_counts()
    counts = listing(f"{count(each.get(word, 0))} {word}" for word in claims.VERDICTS)
    return f"Of {count(each.sum())} verdicts, {counts}."


def outcomes_of_claims(table: pd.DataFrame) -> list[str]:
    """A sentence per claim judged: for which networks it is supported, for which not, where that is open and why."""
    sentences = []
    for claim in claims.named(*table["claim"].unique()):
        found = table[table["claim"] == claim.id].drop_duplicates("arch")
        parts = []
        for word, rows in ((word, found[found["verdict"] == word]) for word in claims.VERDICTS):
            names = (
                _with_reason(table[(table["claim"] == claim.id) & (table["arch"] == arch)]) for arch in rows["arch"]
            )
            if len(rows):
                parts.append(f"{word} for {listing(names)}")
        sentences.append(f"**{claim.id}**: {CLAIM_WORDS[claim.id].title}: {'; '.join(parts)}.")
    return sentences


def _with_reason(rows: pd.DataFrame) -> str:
    """Whom a verdict is on and, in brackets, why it is open, or which of the rule's numbers lie outside their range."""
    arch, why = rows["arch"].iloc[0], rows["why"].iloc[0]
    outside = [
        f"{row.quantity} is {_signed(row.value)}, not {_range(row.above, row.below)}"
        for row in rows[rows["part"] == claims.NOT_SUPPORTED].itertuples()
    ]
    name = "all networks together" if arch == claims.ALL else styles.architecture(arch).label
    starts, alike = rows[["starts", "alike"]].iloc[0]
    said = [f"{alike} of {starts} starts"] if starts > 1 else []
    said += [why or listing(outside)] if why or outside else []
    return name + (f" ({'; '.join(said)})" if said else "")


def outcome(table: pd.DataFrame, id_: str) -> str:
    """One claim's sentence."""
    return outcomes_of_claims(table[table["claim"] == id_])[0]


def said(study: StudyResults, id_: str) -> str:
    """A claim in the paper's words, with links to the figures that show it."""
    claim = CLAIM_WORDS[id_]
    links = [
        f"[Figure {name}](#fig-{name.lower()})"
        if (study.has_people or name in WITHOUT_PEOPLE) and not (study.measured and name in OF_TRAINING)
        else f"Figure {name} (not drawn)"
        for name in claim.figures
    ]
    return f"The paper ({claim.where}): “{claim.quote}” Shown in {listing(links)}."


def rule(id_: str) -> list[str]:
    """A claim's rule in this book's words."""
    claim = CLAIM_WORDS[id_]
    return [
        f"**Statistic.** {claim.statistic}",
        f"**Supported when** {claim.rule}",
        "**Inconclusive when** an interval straddles the end of its range; and for want of evidence: "
        f"{claim.inconclusive}",
    ]


def judged(table: pd.DataFrame, id_: str, ceiling: Estimate) -> pd.DataFrame:
    """A claim's verdicts with the numbers that they rest on: a row per number, the network named in its first."""
    rows = []
    for arch, parts in table[table["claim"] == id_].groupby("arch", sort=False):
        name = "all networks" if arch == claims.ALL else styles.architecture(arch).label
        why = parts["why"].iloc[0]
        head = {"network": name, "verdict": _over_starts(parts.iloc[0]) + (f": {why}" if why else "")}
        for part in parts.to_dict("records"):
            text = _signed(part["value"]) if part["quantity"] else ""
            if pd.notna(part["low"]):
                text += f" [{_signed(part['low'])},{SPACE}{_signed(part['high'])}]"
            if part["quantity"].endswith("with HSF") and ceiling.value > 0 and id_ != "App. A":
                text += f" ({percent(abs(part['value']) / ceiling.value)})"
            asked = f"{_range(part['above'], part['below'])}: {verdict(part['part'])}" if part["part"] else ""
            rows.append(head | {"number": part["quantity"], "value": text, "asked for": asked, "n": count(part["n"])})
            head = {"network": "", "verdict": ""}
    return pd.DataFrame(rows)


def judged_caption(id_: str, ceiling: Estimate) -> str:
    """The caption of that table."""
    share = ""
    if id_ in ("H1", "P1", "P2a", "P2b") and ceiling.value > 0:
        share = f" In round brackets, the share of the noise ceiling, {with_interval(ceiling)}."
    return f"{id_}: numbers with 95 % bootstrap intervals over test images, what the rule asks of each, and n.{share}"


def _signed(value: Any) -> str:
    return "∞" if value == np.inf else f"{MINUS}∞" if value == -np.inf else short(value)


def _range(above: float, below: float) -> str:
    if np.isnan(above):
        return f"below {_signed(below)}"
    return f"above {_signed(above)}" if np.isnan(below) else f"between {_signed(above)} and {_signed(below)}"
