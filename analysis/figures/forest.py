"""Forest plots: a row per score or reading, a marker with its interval per network."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis import styles
from analysis.figures.panels import NARROW, error_bars, figure

ROW = 0.22  # inches of a row beside those of its markers
MARKER = 0.075  # inches of each network's marker and interval


@figure
def figure_b1(table: pd.DataFrame, ceiling: pd.DataFrame) -> Figure:
    """Scores by how closely they follow people, networks side by side, against the noise ceiling.

    table: arch, label, mean, low, high, a row per (label, arch), labels in order. ceiling: mean, low, high; one row.
    """
    labels, archs = list(table["label"].unique()), list(table["arch"].unique())
    fig = Figure(figsize=(NARROW, 1.1 + len(labels) * (ROW + MARKER * len(archs))), layout="constrained")
    ax = fig.subplots()
    band = ceiling.iloc[0]
    ax.axvspan(band["low"], band["high"], color="#999999", alpha=0.3, linewidth=0)
    ax.axvline(band["mean"], color="#555555", linewidth=1.2, linestyle="--", label="noise ceiling")
    forest(ax, table, labels)
    ax.set_xlabel("Spearman's correlation with\nhuman selection frequency (HSF)")
    fig.legend(loc="outside lower center", ncols=2)
    return fig


def forest(ax: Axes, table: pd.DataFrame, labels: list[str]) -> None:
    """A row per label from the top down, in it a marker and an interval per network; 0 is marked."""
    archs = list(table["arch"].unique())
    ax.axvline(0, color="#555555", linewidth=0.8)
    for arch, offset in zip(archs, offsets(len(archs)), strict=True):
        style, points = styles.architecture(arch), table[table["arch"] == arch]
        places = np.array([labels.index(label) for label in points["label"]]) + offset
        ax.errorbar(
            points["mean"],
            places,
            xerr=error_bars(points),
            fmt=style.marker,
            color=style.colour,
            markersize=4,
            elinewidth=1.1,
            label=style.label,
        )
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    for place in range(1, len(labels)):
        ax.axhline(place - 0.5, color="#e4e4e4", linewidth=0.6, zorder=0)


def offsets(networks: int) -> np.ndarray:
    """Where in its row, one high, each network's marker is: (networks,)."""
    share = MARKER * networks / (ROW + MARKER * networks)  # of the row
    return (np.arange(networks) - (networks - 1) / 2) * share / networks
