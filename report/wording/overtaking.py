"""What a study's numbers say of why they came out so: accuracy, ties, empty bins."""

import numpy as np
import pandas as pd

from analysis.statistics import Estimate
from analysis.study import correlations, readings
from analysis.study.choices import BOOK
from analysis.study.results import StudyResults
from report import styles, text

FEW = 30  # images: a bin's numbers say little below


def overtakes(table: pd.DataFrame) -> list[str]:
    """Whether AVH overtakes confidence as each network gets better, a sentence per network."""
    if table.empty:
        return []
    sentences = []
    for arch, rows in table[table["score"] == "lead"].groupby("arch", sort=False):
        first, last, label = rows.iloc[0], rows.iloc[-1], styles.architecture(arch).label
        if np.isnan(first["epoch"]):
            sentences.append(f"{label}: AVH's lead over confidence is {_lead(first)}.")
            continue
        ahead = (rows["low"] > 0).sum()
        sentences.append(
            f"{label}: AVH's lead over confidence goes from {_lead(first)} (epoch {first['epoch']}) to {_lead(last)} "
            f"(epoch {last['epoch']}); its interval lies above 0 at {text.count(ahead)} of {text.count(len(rows))} "
            "moments."
        )
    return sentences


def describe_overtaking(table: pd.DataFrame) -> str:
    """The same for who cannot see the figure."""
    return " ".join(overtakes(table))


def _lead(row: pd.Series) -> str:
    lead = text.with_interval(Estimate(row["value"], row["low"], row["high"], row["n"]), n=False)
    return f"{lead} at {text.percent(row['accuracy'])} accuracy"


def moments_caption(study: StudyResults) -> str:
    """At which moments ``overtaking`` looks at a network, for its caption."""
    if study.measured:
        return "as it is given, a point for each"
    return "at some epochs of its training; the points of one network are joined in the order of the epochs"


def accuracy_changes(study: StudyResults) -> str:
    """By what accuracy changes in ``overtaking``, and so what it cannot show."""
    if study.measured:
        return (
            "Accuracy changes here from one network to another, and with it everything else about them: one that was "
            "trained further may behave differently."
        )
    return (
        "A network's accuracy changes here with its training, not with its design: another architecture of the same "
        "accuracy may behave differently."
    )


def norm_sentences(table: pd.DataFrame) -> list[str]:
    """``correlations.confidence_and_norm`` in a sentence per network."""
    if table.empty:
        return []
    sentences = []
    for arch, rows in table.groupby("arch", sort=False):
        found = {row.of: Estimate(row.value, row.low, row.high, row.n) for row in rows.itertuples()}
        sentences.append(
            f"{styles.architecture(arch).label}: confidence and norm have a rank correlation of "
            f"{text.with_interval(found['norm'], n=False)}; confidence's with HSF is "
            f"{text.with_interval(found['HSF'], n=False)} and, given the norm, "
            f"{text.with_interval(found['HSF, given norm'])}."
        )
    return sentences


def reasons(study: StudyResults) -> list[str]:
    """Why the numbers should be believed, or not: ceilings, ties and bins, a sentence each."""
    if not study.has_people:
        return ["Nobody was asked about these images, so there is no number about people to discuss."]
    ceilings = {
        row.kind: Estimate(row.value, row.low, row.high, row.n)
        for row in correlations.ceilings(study, ["split halves"]).itertuples()
    }
    unanimous = float((study.hsf == 1).mean())
    sizes = readings.bin_sizes(study)
    small = sizes[(sizes["bins"] == BOOK.bins) & (sizes["n"] < FEW)]
    few = [f"{row.bin} ({text.count(row.n)})" for row in small.itertuples()]
    ties = correlations.ties_ceiling(study.hsf)
    sentences = [
        f"**Noise ceiling.** People disagree, so no score can be expected to reach more than "
        f"{text.with_interval(ceilings['spearman'])} (Spearman) or "
        f"{text.with_interval(ceilings['pearson'], n=False)} (Pearson), by split halves.",
        f"**Ties.** On {text.percent(unanimous)} of the images everybody chose the label, so their HSF is 1 and their "
        f"order is open. Ties alone keep any score below {text.number(ties, 3)} (Spearman).",
    ]
    if few:
        sentences.append(
            f"**Nearly empty bins.** Of the paper's five bins, {text.listing(few)} hold fewer than {FEW} images: a "
            "mean there may be that of a few odd pictures."
        )
    return sentences


# What separates each dataset from the paper's, in a reader's words.
DIFFERENCES = {
    "cifar10h": (
        "CIFAR-10 has 10 classes that look little alike; ImageNet has 1,000, many of which only an expert tells apart. "
        "AVH divides by the angles to all classes, so with 10 of them one confusing class weighs more.",
        "A picture here has 32 × 32 pixels: most of what makes it hard is that there is little to see. An ImageNet "
        "picture is hard for many reasons, such as several objects in it.",
        "CIFAR-10H's people had to name one of 10 classes. Recht et al.'s were shown many pictures and one class, and "
        "picked those that show it: an HSF there does not say what else people saw in a picture.",
        "About 51 people answered for each picture here, about 10 there: answers here are less noisy, but far more of "
        "them are unanimous, and ties leave little to rank.",
        "The networks here learned from 50,000 pictures at most; torchvision's, which the paper uses in its Section 2, "
        "from 1.28 million.",
    ),
    "imagenet": (
        "The pictures are the paper's, but for those that nobody was asked about here.",
        "The paper's people are Recht et al.'s workers. Whose answers are used here, and how they are biased, is said "
        "at the top of this page.",
        "The paper's Section 2 takes torchvision's pretrained networks of 2019, IMAGENET1K_V1. Weights that were "
        "published later were trained otherwise; a training of one's own has its own seed.",
    ),
}
