"""Possible reasons for the results of a study, in words: accuracy, ties, empty bins."""

import numpy as np
import pandas as pd

from analysis.datasets import DECLARATIONS
from analysis.study import correlations, readings
from analysis.study.choices import BOOK
from analysis.study.claims import FEWEST_IMAGES
from analysis.study.results import StudyResults
from report import styles, text
from report.wording.forms import each, span, value_of


def overtakes(table: pd.DataFrame) -> list[str]:
    """Whether AVH overtakes confidence as a network becomes more accurate, a sentence per network."""
    return [f"{label}: {changes}." for label, changes in describe_overtaking(table)]


def describe_overtaking(table: pd.DataFrame) -> list[tuple[str, str]]:
    """How the lead of AVH changes as a network becomes more accurate, by network."""
    parts = []
    for arch, rows in each(table[table["score"] == "lead"] if len(table) else table, "arch"):
        first, last, label = rows.iloc[0], rows.iloc[-1], styles.label(arch)
        if np.isnan(first["epoch"]):
            parts.append((label, f"the lead of AVH over confidence is {_lead(first)}"))
            continue
        ahead = f"{text.count((rows['low'] > 0).sum())} of {text.count(len(rows))}"
        changes = (
            f"the lead of AVH over confidence changes from {_lead(first)} (epoch {first['epoch']}) to {_lead(last)} "
            f"(epoch {last['epoch']}); its interval lies above 0 at {ahead} epochs"
        )
        parts.append((label, changes))
    return parts


def _lead(row: pd.Series) -> str:
    return f"{value_of(row)} at {text.percent(row['accuracy'])} accuracy"


def moments_caption(study: StudyResults) -> str:
    """The part of the caption that names the epochs."""
    if study.measured:
        return "one point per network"
    return "at several epochs of training; the points of each network are joined in the order of the epochs"


def accuracy_changes(study: StudyResults) -> str:
    """The source of differences in accuracy, and what they cannot show."""
    if study.measured:
        return (
            "Accuracy varies here between networks, which also differ in everything else. A network that was trained "
            "longer may behave differently."
        )
    return (
        "Accuracy varies here over the training of each network, not over architectures. Another architecture with the "
        "same accuracy may behave differently."
    )


def norm_sentences(table: pd.DataFrame) -> list[str]:
    """``correlations.confidence_and_norm`` in a sentence per network."""
    sentences = []
    for arch, rows in each(table, "arch"):
        found = {row.of: row for row in rows.itertuples()}
        sentences.append(
            f"{styles.label(arch)}: the rank correlation of confidence with the norm is {value_of(found['norm'])}, "
            f"with HSF {value_of(found['HSF'])}, and with HSF controlling for the norm "
            f"{text.with_interval(found['HSF, given norm'])}."
        )
    return sentences


def reasons(study: StudyResults) -> list[str]:
    """The limits of the numbers: ceilings, ties and bins, a sentence each."""
    if not study.has_people:
        return ["There are no human labels for these images, so there are no correlations to discuss."]
    ceilings = {row.kind: row for row in correlations.ceilings(study, ["split halves"]).itertuples()}
    unanimous = float((study.hsf == 1).mean())
    sizes = readings.bin_sizes(study)
    small = sizes[(sizes["bins"] == BOOK.bins) & (sizes["n"] < FEWEST_IMAGES)]
    few = [f"{row.bin} ({text.count(row.n)})" for row in small.itertuples()]
    ties = correlations.ties_ceiling(study.hsf)
    sentences = [
        f"**Noise ceiling.** Annotators disagree, so no score can be expected to exceed a correlation of "
        f"{text.with_interval(ceilings['spearman'])} (Spearman) or "
        f"{value_of(ceilings['pearson'])} (Pearson), by split halves.",
        f"**Ties.** For {text.percent(unanimous)} of the images all annotators chose the label, so their HSF is 1 and "
        f"they cannot be ranked. Ties alone limit any correlation to {text.number(ties, 3)} (Spearman).",
    ]
    if few:
        sentences.append(
            f"**Nearly empty bins.** Of the paper's five bins, {text.listing(few)} "
            f"{'has' if len(few) == 1 else 'have'} fewer than {FEWEST_IMAGES} images, so a few atypical images may "
            "determine the mean."
        )
    return sentences


def differences(study: StudyResults) -> list[str]:
    """How the data of a study differ from the paper's, a sentence or two for each difference."""
    said = list(DECLARATIONS[study.dataset["name"]].differs(study.dataset))
    scratch = [run for run in study.runs.values() if not run.measured and "started" not in run.stamp]
    if said and scratch:
        fitted = span(map(text.count, sorted({run.stamp["images"]["train"] for run in scratch})))
        said.append(
            f"Networks trained from scratch here saw {fitted} images; those of torchvision, which the paper uses in "
            "Section 2, 1.28 million."
        )
    return said
