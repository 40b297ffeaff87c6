"""Histograms of scores, also in groups of classes, in words."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.study.claims import FEWEST_IMAGES, NO_CORRELATION
from analysis.study.results import StudyResults, unless_empty
from analysis.study.verdicts import INCONCLUSIVE, NOT_SUPPORTED, SUPPORTED
from report import styles
from report.text import MINUS, captioned, count, listing, short
from report.wording.forms import across, direction, each, network_of

SCALED = {  # scores in captions
    "avh_scaled": "AVH (scaled to between 0 and 1)",
    "norm_in_class": "the norm (scaled to between 0 and 1 within each class)",
    "norm_in_superclass": "the norm (scaled to between 0 and 1 within the group)",
}
FEWEST_AVERAGED = 5  # images of a bin in Figure 7, below which no mean is drawn


def histograms_caption(table: pd.DataFrame, means: str = "five bins") -> str:
    """The caption of two-dimensional histograms, from ``tables.histograms`` or ``tables.granularity_cells``."""
    scores = listing(SCALED.get(score, styles.score_label(score)) for score in table["score"].unique())
    archs = listing(map(styles.label, table["arch"].unique()))
    of = f" of the group, in {count(table['superclass'].nunique())} groups of classes" if "superclass" in table else ""
    return (
        f"{scores[0].upper()}{scores[1:]} against human selection frequency{of}, for {archs}. Colours show the number "
        f"of images on a logarithmic scale; the line joins the means of {means}, with 95 % intervals."
    )


def in_figure_1(study: StudyResults) -> str:
    """The network that Figure 6 leaves out, because Figure 1 shows it."""
    if len(study.runs) == 1:
        return ""
    return f"[Figure 1](#fig-1) shows {styles.label(study.representative())}, and Figure 6 the other networks."


def groups_caption(table: pd.DataFrame) -> str:
    """The caption of Figure 7, from ``tables.granularity_cells``, with the groups that are not drawn."""
    caption = histograms_caption(large_groups(table), f"bins of at least {FEWEST_AVERAGED} images")
    small = _small_groups(table)
    return caption + (f" Not drawn, because there are fewer than {FEWEST_IMAGES} images: {small}." if small else "")


def large_groups(table: pd.DataFrame) -> pd.DataFrame:
    """The panels of ``tables.granularity_cells`` with enough images to be drawn."""
    return table[table.groupby(["arch", "superclass"], sort=False)["n"].transform("sum") >= FEWEST_IMAGES]


@unless_empty("needs human labels, which this dataset does not have, and is not drawn.")
def groups_absent(table: pd.DataFrame) -> str:
    """The end of the sentence "Figure 7 ..." if no group is drawn."""
    return f"is not drawn: each group has fewer than {FEWEST_IMAGES} test images ({_small_groups(table)})."


def _small_groups(table: pd.DataFrame) -> str:
    small = table.drop(large_groups(table).index).groupby(["arch", "superclass"], sort=False)["n"].sum()
    names = small.groupby("superclass", sort=False).max()
    return ", ".join(f"{name} {count(n)}" for name, n in names.items())


def largest_in_class(scores: Sequence[str]) -> str:
    """What a single large norm does to a histogram of norms scaled within each class; empty for other scores."""
    if "norm_in_class" not in scores:
        return ""
    return "If one image of a class has by far the largest norm, the others are scaled to small values."


def describe_histograms(table: pd.DataFrame) -> list[tuple[str, str]]:
    """How means change with HSF, the number of images in each two-dimensional histogram, and the mean in each bin.

    table: from ``tables.histograms`` or ``tables.granularity_cells``.
    """
    panels = ["arch", "score", "superclass"] if "superclass" in table else ["arch", "score"]
    parts, ends = [], []
    for (arch, score, *superclass), cells in each(table, panels):
        bins = cells.drop_duplicates("bin")
        bins = bins[bins["bin_n"] > 0]
        means = bins["bin_mean"].dropna()
        if len(means):
            ends.append((styles.score_label(score), means.iloc[0], means.iloc[-1], styles.label(arch)))
        means = listing(f"{short(row.bin_mean)} in {row.bin}" for row in bins.itertuples()) if len(bins) else "none"
        where = f" of {superclass[0]}" if superclass else ""
        images = f"{styles.label(arch)}, {count(cells['n'].sum())} images{where}"
        parts.append((f"{images}, mean {styles.score_label(score)} by human selection frequency", means))
    changes = []
    for score, rows in each(pd.DataFrame(ends, columns=["score", "first", "last", "network"]), "score"):
        _, first, last, network = rows.iloc[0]
        of = f" for {network}" if len(rows) > 1 else ""
        ways = direction(rows["first"], rows["last"])
        changes.append(f"mean {score} {ways}, {short(first)} to {short(last)}{of}")
    return [("Of these, from low to high HSF", "; ".join(changes)), *parts] if len(parts) > 1 and changes else parts


def describe_distribution(table: pd.DataFrame) -> list[tuple[str, str]]:
    """The number of images in each histogram of ``tables.distribution``, and their mean."""
    parts = []
    for outcome, cells in table.groupby("outcome"):
        n = cells["n"].sum()
        middle = np.average((cells["low"] + cells["high"]) / 2, weights=cells["n"]) if n else np.nan
        of = f"mean {styles.score_label(table['score'].iloc[0])} {short(middle)}"
        parts.append((f"{count(n)} {styles.OUTCOMES_IN_WORDS[outcome]} images", of))
    return parts


@unless_empty("")
def groups_sentence(table: pd.DataFrame) -> str:
    """Whether the norm correlates with HSF in the panels of Figure 7, by ``tables.granularity_verdicts``."""
    large = table[table["verdict"] != ""]
    small = len(table) - len(large)
    if large.empty:
        return f"Every group has fewer than {FEWEST_IMAGES} images, too few to answer the question."
    none, beyond, open_ = (large[large["verdict"] == word] for word in (SUPPORTED, NOT_SUPPORTED, INCONCLUSIVE))
    where = [f"{name} for {listing(map(styles.label, rows['arch']))}" for name, rows in each(beyond, "superclass")]
    said = (
        f"By the range of Prediction 1, {MINUS}{NO_CORRELATION} to {NO_CORRELATION}, there is no correlation in "
        f"{count(len(none))} of {count(len(large))} panels; {count(len(open_))} "
        f"{'is' if len(open_) == 1 else 'are'} undecided, and {count(len(beyond))} "
        f"contradict{'s' if len(beyond) == 1 else ''} the paper{': ' if where else ''}{'; '.join(where)}."
    )
    if not small:
        return said
    return f"{said} Not counted: {count(small)} panel{'s' if small > 1 else ''} of fewer than {FEWEST_IMAGES} images."


@captioned("Spearman's correlation between norm and human selection frequency in each panel, with 95 % intervals.")
def granularity_table(table: pd.DataFrame) -> pd.DataFrame:
    """``tables.granularity_correlations`` for readers: a row per network, a column per superclass."""

    def column(row: Any) -> str:
        return f"{row.superclass} ({row.n_classes} class{'es' if row.n_classes > 1 else ''}, n = {count(row.n)})"

    return across(table, lambda row: {"network": network_of(row)}, column=column)
