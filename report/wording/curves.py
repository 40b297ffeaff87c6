"""Alternative texts and tables of curves, histograms and distributions."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics import Estimate
from analysis.study.results import StudyResults, unless_empty
from analysis.study.tables import CORRELATED, accuracy
from report import styles
from report.text import (
    captioned,
    count,
    escape,
    listing,
    number,
    percent,
    percent_with_interval,
    short,
    with_interval,
)
from report.wording.forms import across, annotators, each, network_of, sizes, value_of

SCALED = {  # scores in captions
    "avh_scaled": "AVH (scaled to between 0 and 1)",
    "norm_in_class": "the norm (scaled to between 0 and 1 within each class)",
    "norm_in_superclass": "the norm (scaled to between 0 and 1 within the group)",
}


def describe_curves(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Where each curve in a figure starts and ends, by network.

    table: arch, measure, epoch or step, mean, and ``bin`` or ``example`` if a panel has several curves; one row per
    point.
    """
    time = "step" if "step" in table else "epoch"
    several = next((name for name in ("bin", "example") if name in table), None)
    groups = ["arch", several] if several else ["arch"]
    table = table.dropna(subset="mean")
    parts = [(f"{time.capitalize()}s", f"{table[time].min()} to {table[time].max()}")]
    for arch in table["arch"].unique():
        for key, curve in each(table[table["arch"] == arch], groups):
            ends = []
            for measure, points in each(curve, "measure"):
                first, last = points["mean"].iloc[0], points["mean"].iloc[-1]
                ends.append(f"{styles.score_label(measure)} {short(first)} to {short(last)}")
            where = {None: "", "bin": f", HSF {key[-1]}", "example": f", {key[-1]} image"}[several]
            parts.append((f"{styles.label(arch)}{where}", ", ".join(ends)))
    return parts


def histograms_caption(table: pd.DataFrame) -> str:
    """The caption of two-dimensional histograms, from ``tables.histograms`` or ``tables.granularity_cells``."""
    scores = listing(SCALED.get(score, styles.score_label(score)) for score in table["score"].unique())
    archs = listing(map(styles.label, table["arch"].unique()))
    of = f" of the group, in {count(table['superclass'].nunique())} groups of classes" if "superclass" in table else ""
    return (
        f"{scores[0].upper()}{scores[1:]} against human selection frequency{of}, for {archs}. Colours show the number "
        "of images on a logarithmic scale; the line joins the means of five bins, with 95 % intervals."
    )


def describe_histograms(table: pd.DataFrame) -> list[tuple[str, str]]:
    """The number of images in each two-dimensional histogram, and the mean in each bin of HSF.

    table: from ``tables.histograms`` or ``tables.granularity_cells``.
    """
    panels = ["arch", "score", "superclass"] if "superclass" in table else ["arch", "score"]
    parts = []
    for (arch, score, *superclass), cells in each(table, panels):
        bins = cells.drop_duplicates("bin")
        bins = bins[bins["bin_n"] > 0]
        means = listing(f"{short(row.bin_mean)} in {row.bin}" for row in bins.itertuples()) if len(bins) else "none"
        where = f" of {superclass[0]}" if superclass else ""
        images = f"{styles.label(arch)}, {count(cells['n'].sum())} images{where}"
        parts.append((f"{images}, mean {styles.score_label(score)} by human selection frequency", means))
    return parts


def with_answers(study: StudyResults, examples: pd.DataFrame) -> pd.DataFrame:
    """``tables.examples`` with the kind of annotators and their labels."""
    if examples.empty:
        return examples
    return examples.assign(
        people=annotators(study), answers=[people_answers(study, image) for image in examples["image"]]
    )


def people_answers(study: StudyResults, image: int, number: int = 3) -> str:
    """The human labels of an image, the most frequent first: "star 31, arrow 12, others 7, of 50"."""
    row, classes = study.images.iloc[image], study.dataset["classes"]
    if study.counts is None:
        return f"{classes[row['label']]} {row['selected']}, of {row['shown']}"
    counts = study.counts[image].astype(int)
    order = [k for k in np.argsort(-counts, kind="stable") if counts[k]]
    said = [f"{classes[k]} {counts[k]}" for k in order[:number]]
    said += [f"others {counts[order[number:]].sum()}"] if order[number:] else []
    return f"{', '.join(said)}, of {row['shown']}"


def examples_sentences(table: pd.DataFrame) -> list[str]:
    """A sentence for each image in Figure 5: its human labels, and the causes of difficulty if known."""
    sentences = []
    for row in table.to_dict("records"):
        said = (
            f"The {row['example']} image, {escape(row['id'])}, has the label {escape(row['label'])} and a human "
            f"selection frequency of {number(row['HSF'])}. Labels by {row['people']}: {escape(row['answers'])}."
        )
        causes = [f"{name} {number(row[name])}" for name in ("ambiguity", "degradation") if name in row]
        sentences.append(f"{said} Known causes of difficulty: {listing(causes)}." if causes else said)
    return sentences


@unless_empty("")
def last_angles(table: pd.DataFrame) -> str:
    """Whether the angle of the easy image ends lower than that of the hard image, for each network (Fig. 5)."""
    last = table[(table["measure"] == "angle") & (table["step"] == table["step"].max())]
    ends = last.pivot(index="arch", columns="example", values="mean").reindex(table["arch"].unique())
    texts = (
        f"{'lower' if row.easy < row.hard else 'not lower'} for {styles.label(row.Index)} "
        f"({number(row.easy)} against {number(row.hard)})"
        for row in ends.itertuples()
    )
    return f"At the last step the angle of the easy image, compared with the hard image, is {listing(texts)}."


@unless_empty("")
def last_norms(table: pd.DataFrame) -> str:
    """The change in norm of the easy and the hard image over the second half of the steps, by network (Fig. 5)."""
    half = table["step"].max() // 2
    norms = table[(table["measure"] == "norm") & table["step"].isin([half, table["step"].max()])]
    ends = norms.pivot(index=["arch", "example"], columns="step", values="mean")
    change = (ends.iloc[:, -1] - ends.iloc[:, 0]).unstack("example").reindex(table["arch"].unique())
    texts = (
        f"{short(row.hard)} for {styles.label(row.Index)} (easy image: {short(row.easy)})"
        for row in change.itertuples()
    )
    still = list(change.index[change["hard"] <= 0].map(styles.label))
    answer = "It rises in all networks."
    if still:
        answer = f"It does not rise for {listing(still)}, which contradicts the paper."
    return f"From step {half} on, the norm of the hard image changes by {listing(texts)}. {answer}"


@unless_empty("")
def rising_groups(table: pd.DataFrame) -> str:
    """The number of panels of Figure 7 in which the norm correlates with HSF, by sign."""
    rising, falling = (table["low"] > 0).sum(), (table["high"] < 0).sum()
    return (
        f"The norm rises with HSF in {count(rising)} of {count(len(table))} panels and falls in {count(falling)}; the "
        "intervals of these correlations exclude 0. Each panel in which it rises contradicts the paper."
    )


@captioned("Spearman's correlation between norm and human selection frequency in each panel, with 95 % intervals.")
def granularity_table(table: pd.DataFrame) -> pd.DataFrame:
    """``tables.granularity_correlations`` for readers: a row per network, a column per superclass."""

    def column(row: Any) -> str:
        return f"{row.superclass} ({row.n_classes} class{'es' if row.n_classes > 1 else ''}, n = {count(row.n)})"

    return across(table, lambda row: {"network": network_of(row)}, column=column)


QUANTITIES = {
    "accuracy": "test accuracy",
    "avh": "AVH",
    "confidence": "confidence",
    "norm_in_class": "norm within class",
    "lead": "|AVH| − |confidence|",
}


def summary_caption(_: pd.DataFrame, ceiling: Estimate) -> str:
    """The caption of the table below."""
    if np.isnan(ceiling.value):
        return "Test accuracy, with its 95 % interval over images. There are no human labels for these images."
    return (
        "Test accuracy, and Spearman's correlation of AVH, of confidence and of the norm within each class with human "
        "selection frequency. |AVH| − |confidence| is the lead of AVH over confidence, paired over images. All with "
        f"95 % intervals over images. In round brackets, the share of the noise ceiling, {with_interval(ceiling)}."
    )


@captioned(summary_caption)
def summary_table(table: pd.DataFrame, ceiling: Estimate) -> pd.DataFrame:
    """``tables.summary`` for readers: a row per quantity, a column per network, and the number of images."""

    def cell(row: Any) -> str:
        said = percent_with_interval(row) if row.quantity == "accuracy" else value_of(row)
        of_ceiling = row.quantity in CORRELATED and ceiling.value > 0
        return f"{said} ({percent(abs(row.value) / ceiling.value)})" if of_ceiling else said

    readable = across(table, lambda row: {"": QUANTITIES[row.quantity]}, cell)
    return readable.assign(n=[sizes(rows["n"]) for _, rows in each(table, "quantity")])


def accuracy_sentence(study: StudyResults, arch: str) -> str:
    """The share of test images that a network classifies correctly, and chance."""
    found = accuracy(study.runs[arch])
    return (
        f"After the last epoch, {styles.label(arch)} classifies {percent(found.value)} of the test images correctly "
        f"(95 % interval {percent(found.low)} to {percent(found.high)}, n = {count(found.n)}). Chance would be "
        f"{percent(1 / len(study.dataset['classes']))}."
    )


def describe_training(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Where each curve in the figure of ``tables.training_curves`` starts and ends."""
    parts = [("Epochs", count(table["epoch"].max()))]
    for (measure, series), points in each(table, ["measure", "series"]):
        first, last = points["mean"].iloc[0], points["mean"].iloc[-1]
        of = "" if measure == "learning_rate" else f" on {series} images"
        parts.append((f"{styles.score_label(measure)}{of}", f"{short(first)} to {short(last)}"))
    return parts


def describe_distribution(table: pd.DataFrame) -> list[tuple[str, str]]:
    """The number of images in each histogram of ``tables.distribution``, and their mean."""
    parts = []
    for outcome, cells in table.groupby("outcome"):
        n = cells["n"].sum()
        middle = np.average((cells["low"] + cells["high"]) / 2, weights=cells["n"]) if n else np.nan
        parts.append((f"{count(n)} {styles.OUTCOMES[outcome]} images", f"mean {short(middle)}"))
    return parts
