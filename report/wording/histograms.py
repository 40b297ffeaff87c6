"""Histograms of scores, also in groups of classes, in words."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.study.results import unless_empty
from report import styles
from report.text import captioned, count, listing, short
from report.wording.forms import across, each, network_of

SCALED = {  # scores in captions
    "avh_scaled": "AVH (scaled to between 0 and 1)",
    "norm_in_class": "the norm (scaled to between 0 and 1 within each class)",
    "norm_in_superclass": "the norm (scaled to between 0 and 1 within the group)",
}


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


def describe_distribution(table: pd.DataFrame) -> list[tuple[str, str]]:
    """The number of images in each histogram of ``tables.distribution``, and their mean."""
    parts = []
    for outcome, cells in table.groupby("outcome"):
        n = cells["n"].sum()
        middle = np.average((cells["low"] + cells["high"]) / 2, weights=cells["n"]) if n else np.nan
        parts.append((f"{count(n)} {styles.OUTCOMES_IN_WORDS[outcome]} images", f"mean {short(middle)}"))
    return parts


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
