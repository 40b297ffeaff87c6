"""Other readings of ambiguous passages, one at a time: which verdicts depend on a reading?

Each of READINGS changes one choice of this book and names the affected claims. These are judged again by their rules in
``claims``, from the recorded tables alone.

Not varied, because the tables lack what is needed: the layer whose output is the embedding, the statistics of batch
norm and the other settings of training. Scaling AVH to 0..1 (Sec. 2.2) is not varied either, because it changes no
rank.
"""

from typing import Any, NamedTuple

import pandas as pd

from analysis import statistics
from analysis.study import tables
from analysis.study.choices import BINS, BOOK, Choices
from analysis.study.claims import ALL, CLAIMS, UNCORRELATED, Claim, enough
from analysis.study.results import StudyResults, of_people, unless_empty
from analysis.study.verdicts import Finding, Part, lacking


class Reading(NamedTuple):
    """Another reading of a passage: what it changes, and which claims it affects."""

    place: str  # in the paper
    name: str  # for readers
    choices: Choices
    touches: tuple[str, ...]  # ids of claims
    counts: bool = False  # whether it needs full label counts
    threshold: bool = False  # whether it changes only the range in the rule, and no number


GROUPS = "P1, groups"  # Prediction 1 again, in a group of classes
OF_AVH = ("P2a", "P2b", "P2c")
CORRELATION_CLAIMS = ("H1", "P1", *OF_AVH)
READINGS = (
    Reading("Def. 3", "sum over the other classes", BOOK._replace(hardness="others"), OF_AVH),
    Reading("Def. 3", "product, as typeset", BOOK._replace(hardness="product"), OF_AVH),
    Reading("Def. 3", "angle alone", BOOK._replace(hardness="angle"), OF_AVH),
    Reading("Sec. 2", "Kendall's tau-b", BOOK._replace(coefficient="kendall"), CORRELATION_CLAIMS),
    Reading("Sec. 2", "Pearson's r", BOOK._replace(coefficient="pearson"), CORRELATION_CLAIMS),
    Reading(
        "Sec. 2", "label is the most frequent answer", BOOK._replace(images="agreed"), CORRELATION_CLAIMS, counts=True
    ),
    Reading("Sec. 2", "only HSF below 1", BOOK._replace(images="disputed"), CORRELATION_CLAIMS),
    Reading("Sec. 2.1", "strong from 0.3", BOOK._replace(strong=0.3), ("H1", "P2b"), threshold=True),
    Reading("Sec. 2.1", "strong from 0.7", BOOK._replace(strong=0.7), ("H1", "P2b"), threshold=True),
    Reading("Sec. 2.2", "raw norm", BOOK._replace(norm="raw"), ("P1",)),
    Reading("Sec. 2.2", "norm in SDs within class", BOOK._replace(norm="standardised"), ("P1",)),
    Reading("Fig. 7", "HSF of the true class", BOOK._replace(recounted=False), (GROUPS,), counts=True),
    Reading("Sec. 3", "bins left-closed", BOOK._replace(bins="left-closed"), ("Obs. 3",)),
    Reading("Sec. 3", "bins of equal size", BOOK._replace(bins="equal size"), ("Obs. 3",)),
    Reading("Sec. 3", "bins of 100 images or more", BOOK._replace(fewest_in_bin=100), ("Obs. 3",)),
    Reading("Sec. 3", "median AVH of a bin", BOOK._replace(average="median"), ("Obs. 4",)),
    Reading("Sec. 3", "fall from the initial network", BOOK._replace(first_epoch=0), ("Obs. 2",)),
    Reading("App. A", "angle minus its class's mean", BOOK._replace(angle_in_class=True), ("App. A",)),
)


def norm_in_group(study: StudyResults, arch: str, choices: Choices) -> Finding:
    """Prediction 1 in the largest of the groups of classes in Fig. 7."""
    members = next(iter(tables.chosen_superclasses(study).values()))
    hsf = tables.superclass_hsf(study, members) if choices.recounted else study.hsf
    inside = study.images["label"].isin(members).to_numpy()
    found = statistics.correlation(study.runs[arch].scores["norm"][inside], hsf[inside], choices.coefficient)
    return enough(Part("norm with HSF, largest group", found, UNCORRELATED))


TOUCHED = {id_ for reading in READINGS for id_ in reading.touches}
JUDGED = [claim for claim in CLAIMS if claim.id in TOUCHED]
JUDGED.insert([claim.id for claim in JUDGED].index("P1") + 1, Claim(GROUPS, norm_in_group))  # after the one it repeats


@of_people
def judge_readings(study: StudyResults) -> pd.DataFrame:
    """Every claim under this book's reading and under each other reading that affects it; empty without human labels.

    A row per (claim, reading, arch, quantity in the rule), or one without a quantity if there is none. Columns: claim,
    place, reading ("" is this book's), threshold, arch, verdict, why, changed (whether the verdict differs from that
    under this book's reading), quantity, value, low, high, n, above, below (the required range).
    """
    rows = []
    for claim in JUDGED:
        touching = [reading for reading in READINGS if claim.id in reading.touches]
        touching.insert(0, Reading("", "", BOOK, (claim.id,)))
        for arch in [ALL] if claim.together else study.runs:
            findings = [_judged(study, arch, reading, claim) for reading in touching]
            for reading, finding in zip(touching, findings, strict=True):
                row: dict[str, Any] = {"claim": claim.id, "place": reading.place, "reading": reading.name}
                row |= {"threshold": reading.threshold, "arch": arch, "verdict": finding.verdict, "why": finding.why}
                row |= {"changed": finding.verdict != findings[0].verdict}
                rows += [row | part.row for part in finding.parts if part.range] or [row | {"quantity": "", "n": 0}]
    table = pd.DataFrame(rows)
    table["quantity"] = table["quantity"].str.replace("norm within class", "norm")  # it may be read otherwise
    return table


@of_people
def bin_sizes(study: StudyResults) -> pd.DataFrame:
    """Number of images in each bin of HSF under each reading of the bins: bins, bin, n."""
    parts = []
    for name, bins in BINS.items():
        counts = pd.Series(statistics.binned(study.hsf, **bins(study))).value_counts(sort=False)
        parts.append(pd.DataFrame({"bins": name, "bin": counts.index.astype(str), "n": counts.to_numpy()}))
    return pd.concat(parts, ignore_index=True)


def _judged(study: StudyResults, arch: str, reading: Reading, claim: Claim) -> Finding:
    if reading.counts and study.counts is None:
        return lacking("people's full answers are not known")
    return claim.judge(study, arch, reading.choices)


@unless_empty()
def plotted_readings(table: pd.DataFrame) -> pd.DataFrame:
    """The correlations of Sec. 2 under each reading that changes a number, for the figure: sorted by reading.

    A row per (reading, quantity, arch) with mean, low, high, n, above, below.
    """
    shown = [claim for claim in CORRELATION_CLAIMS if claim != "P2a"]  # its number is that of P2b
    rows = table[table["claim"].isin(shown) & ~table["threshold"] & (table["quantity"] != "")]
    order = {name: i for i, name in enumerate(["", *(reading.name for reading in READINGS)])}
    rows = rows.sort_values("reading", key=lambda names: names.map(order), kind="stable")
    return rows.rename(columns={"value": "mean"})[
        ["reading", "claim", "quantity", "arch", "mean", "low", "high", "n", "above", "below"]
    ]
