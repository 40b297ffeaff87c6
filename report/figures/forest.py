"""Forest plots: one row per score or reading, one marker with its interval per network."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.statistics import Estimate
from report import styles, wording
from report.figures.panels import NARROW, dodge, draw_marks, figure, for_phone, name_rows, side_by_side

ROW = 0.22  # inches of a row without its markers
MARKER = 0.075  # inches of a marker with its interval
MARGIN = 0.05  # of a correlation, shown beyond the required range


def with_ceiling(table: pd.DataFrame, ceiling: Estimate) -> pd.DataFrame:
    """The data of Figure B1: the scores with the noise ceiling."""
    return table.assign(ceiling=ceiling.value, ceiling_low=ceiling.low, ceiling_high=ceiling.high)


@figure("A forest plot, one row per score", wording.baselines.describe_baselines, data=with_ceiling)
def figure_b1(table: pd.DataFrame, ceiling: Estimate) -> Figure:
    """Correlation of scores with HSF, networks side by side, with the noise ceiling.

    table: arch, label, mean, low, high, a row per (label, arch), labels in order.
    """
    labels, archs = list(table["label"].unique()), list(table["arch"].unique())
    fig = Figure(figsize=(NARROW, 1.1 + len(labels) * (ROW + MARKER * len(archs))), layout="constrained")
    ax = fig.subplots()
    ax.axvspan(ceiling.low, ceiling.high, color="#999999", alpha=0.3, linewidth=0)
    ax.axvline(ceiling.value, color="#555555", linewidth=1.2, linestyle="--", label="noise ceiling")
    forest(ax, table, labels)
    ax.set_xlabel("Spearman's correlation with\nhuman selection frequency (HSF)")
    (ceilings, *handles), (band, *names) = ax.get_legend_handles_labels()
    fig.legend([*handles, ceilings], [*names, band], loc="outside lower center", ncols=2)
    return fig


@figure("A forest plot, one row per reading, one column per number", wording.readings.describe_readings)
def figure_b2(table: pd.DataFrame) -> Figure:
    """One column per number, one row per reading, networks side by side; the reading of this book comes first.

    table: label, claim, quantity, arch, mean, low, high, above, below; readings in order, that of this book first.
    """
    labels, archs, quantities = (list(table[name].unique()) for name in ("label", "arch", "quantity"))
    height = 1.3 + len(labels) * (ROW + MARKER * len(archs))
    fig, axes = side_by_side(len(quantities), height, stacked=True, sharey=True)
    for ax, quantity in zip(axes, quantities, strict=True):
        panel = table[table["quantity"] == quantity]
        forest(ax, panel, labels)
        asked, limits = panel.iloc[0], ax.get_xlim()
        ends = panel[["above", "below"]].iloc[0].dropna()
        left, right = min([limits[0], *(ends - MARGIN)]), max([limits[1], *(ends + MARGIN)])
        wanted = ends.get("above", left), ends.get("below", right)
        ax.axvspan(*wanted, color="#56B4E9", alpha=0.15, linewidth=0, zorder=0, label="required range")
        ax.set_xlim(left, right)
        ax.set_title(f"{asked['claim']}\n{quantity}", fontsize=8.5)
        ax.axhline(0.5, color="#555555", linewidth=1)
    for label in (label for ax in axes for label in ax.get_yticklabels()[:1]):
        label.set_fontweight("bold")
    (wanted, *handles), (range_, *names) = axes[0].get_legend_handles_labels()
    fig.legend([*handles, wanted], [*names, range_], loc="outside lower center", ncols=for_phone(3, 2))
    return fig


def forest(ax: Axes, table: pd.DataFrame, labels: list[str]) -> None:
    """One row per label from top to bottom, with a marker and an interval per network, and a line at 0."""
    archs = list(table["arch"].unique())
    share = MARKER * len(archs) / (ROW + MARKER * len(archs))  # of the row
    ax.axvline(0, color="#555555", linewidth=0.8)
    for arch, offset in zip(archs, dodge(len(archs), share), strict=True):
        style, points = styles.architecture(arch), table[table["arch"] == arch]
        draw_marks(ax, points, np.array([labels.index(label) for label in points["label"]]) + offset, style)
    name_rows(ax, labels)
