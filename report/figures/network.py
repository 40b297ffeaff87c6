"""Figures of one network: training, AVH against HSF, classification errors."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from report import styles, wording
from report.figures.panels import HSF, NARROW, colour_bar, draw_band, draw_cells, error_bars, figure, shares, times


@figure("Curves of loss, accuracy and learning rate", wording.curves.describe_training)
def figure_t1(table: pd.DataFrame) -> Figure:
    """Loss, accuracy and learning rate of one network against the epoch.

    table: measure, series ("training" or "test"), epoch, mean, low, high.
    """
    measures = [name for name in ("loss", "accuracy", "learning_rate") if name in set(table["measure"])]
    fig = Figure(figsize=(NARROW, 2.1 * len(measures)), layout="constrained")
    axes = fig.subplots(len(measures), 1, sharex=True, squeeze=False)[:, 0]
    looks = {"training": ("#D55E00", "--"), "test": ("#0072B2", "-")}
    for ax, measure in zip(axes, measures, strict=True):
        panel = table[table["measure"] == measure]
        for series, (colour, dash) in looks.items():
            points = panel[panel["series"] == series]
            if points.empty:
                continue
            step = {"drawstyle": "steps-mid"} if measure == "learning_rate" else {}
            ax.plot(points["epoch"], points["mean"], dash, color=colour, label=f"{series} images", **step)
            draw_band(ax, points, colour)
        ax.set_ylabel(styles.SHOWN_AS[measure].axis)
        if measure == "learning_rate":
            ax.set_yscale("log")
        if measure == "accuracy":
            shares(ax)
            ax.legend()
    times(axes[-1], table["epoch"])
    return fig


def bin_means(cells: pd.DataFrame) -> pd.DataFrame:
    """The means of the bins of HSF that the cells of a histogram lie in: arch, score, bin, mean, low, high, n."""
    named = {f"bin_{name}": name for name in ("mean", "low", "high", "n")}
    return cells.drop_duplicates("bin", ignore_index=True)[["arch", "score", "bin", *named]].rename(columns=named)


@figure(
    "Two-dimensional histogram and means by bin",
    wording.histograms.describe_histograms,
    raster=True,
    data=bin_means,
)
def figure_h1(cells: pd.DataFrame) -> Figure:
    """AVH against HSF for one network: all images at the top, the means of the bins of HSF at the bottom.

    cells: as for Fig. 1, of one score.
    """
    bins = bin_means(cells)
    fig = Figure(figsize=(NARROW, 5.8), layout="constrained")
    upper, lower = fig.subplots(2, 1, height_ratios=(3, 2))
    score = cells["score"].iloc[0]
    colour_bar(fig, draw_cells(upper, cells, cells["n"].max()), upper)
    upper.set(xlabel=HSF, ylabel=styles.SHOWN_AS[score].axis)
    places = np.arange(len(bins))
    lower.errorbar(places, bins["mean"], error_bars(bins), fmt="o", color="#0072B2", capsize=3)
    ticks = [f"{name}\nn = {n:,}" for name, n in zip(bins["bin"], bins["n"], strict=True)]
    lower.set_xticks(places, ticks, fontsize=8)
    lower.set(xlabel=HSF, ylabel=f"mean {styles.score_label(score)}", xlim=(-0.5, len(bins) - 0.5))
    lower.grid(axis="x", visible=False)
    return fig


@figure("Two histograms", wording.histograms.describe_distribution)
def figure_h2(table: pd.DataFrame) -> Figure:
    """The distribution of a score among correctly classified and misclassified images.

    table: outcome, low, high, n, score.
    """
    fig = Figure(figsize=(NARROW, 3.2), layout="constrained")
    ax = fig.subplots()
    looks = {"right": ("#0072B2", "-"), "wrong": ("#D55E00", "--")}
    for outcome, cells in table.groupby("outcome"):
        colour, dash = looks[outcome]
        edges = [*cells["low"], cells["high"].iloc[-1]]
        label = f"{styles.OUTCOMES_IN_WORDS[outcome]} (n = {cells['n'].sum():,})"
        ax.stairs(cells["n"], edges, color=colour, linestyle=dash, linewidth=1.6, label=label)
    ax.set(xlabel=styles.SHOWN_AS[table["score"].iloc[0]].axis, ylabel="images", ylim=(0, None))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend()
    return fig
