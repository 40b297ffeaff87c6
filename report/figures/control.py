"""Figures of the positive control: scores and the known causes of difficulty."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from report import styles, wording
from report.figures.panels import (
    NARROW,
    dodge,
    draw_marks,
    error_bars,
    figure,
    for_phone,
    name_rows,
    shares,
    side_by_side,
)

ANNOTATOR_STYLE = styles.Style("simulated annotators", "#000000", "*")
PANEL_TITLES = {"HSF": "simulated HSF"}


@figure("Dots with intervals, one panel per cause, one row per score", wording.control.describe_causes)
def figure_c1(table: pd.DataFrame) -> Figure:
    """Partial correlations of scores, a panel per cause, a row per score, a dot with its interval per network.

    table: arch ("" for the annotators), score, of, given, value, low, high.
    """
    panels = list(table[["of", "given"]].drop_duplicates().itertuples(index=False))
    scores, archs = list(table["score"].unique()), list(table["arch"].unique())
    height = 1.2 + 0.8 * len(scores)
    fig, axes = side_by_side(len(panels), height, stacked=True, sharex=True, sharey=True)
    networks = [arch for arch in archs if arch]
    offsets = dict(zip(networks, dodge(len(networks), 0.8), strict=True))
    for ax, panel in zip(axes, panels, strict=True):
        asked = table[(table["of"] == panel.of) & (table["given"] == panel.given)]
        for arch in archs:
            dots = asked[asked["arch"] == arch]
            style = styles.architecture(arch) if arch else ANNOTATOR_STYLE
            places = [scores.index(score) + offsets.get(arch, 0.0) for score in dots["score"]]
            draw_marks(ax, dots, places, style, 8 if style is ANNOTATOR_STYLE else 5, 1.3)
        ax.axvline(0, color="#777777", linewidth=0.9, zorder=1)
        ax.set_title(f"{PANEL_TITLES.get(panel.of, panel.of)},\ncontrolling for {panel.given}", fontsize=9.5)
        ax.set_xlabel("partial rank correlation")
        names = [PANEL_TITLES["HSF"] if score == "hsf" else styles.score_label(score) for score in scores]
        name_rows(ax, [name.replace(" ", "\n", 1) for name in names])
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=for_phone(3, 2))
    return fig


@figure("Lines in three stacked panels, from the least to the most degraded images", wording.control.describe_grid)
def figure_c2(table: pd.DataFrame) -> Figure:
    """Means against degradation, a line per range of ambiguity, a panel per measure.

    table: measure, ambiguity, degradation (ordered ranges), mean, low, high.
    """
    measures, ranges = list(table["measure"].unique()), list(table["ambiguity"].cat.categories)
    ticks = list(table["degradation"].cat.categories)
    fig = Figure(figsize=(NARROW, 0.9 + 2.1 * len(measures)), layout="constrained")
    axes = fig.subplots(len(measures), 1, sharex=True, squeeze=False)[:, 0]
    looks = [styles.BIN_LOOKS[i] for i in np.linspace(len(styles.BIN_LOOKS) - 1, 0, len(ranges)).round().astype(int)]
    for ax, measure in zip(axes, measures, strict=True):
        for i, (name, (colour, marker)) in enumerate(zip(ranges, looks, strict=True)):
            line = table[(table["measure"] == measure) & (table["ambiguity"] == name)]
            places = line["degradation"].cat.codes + 0.08 * (i - (len(ranges) - 1) / 2)
            ax.errorbar(
                places, line["mean"], error_bars(line), color=colour, marker=marker, markersize=4.5,
                elinewidth=0.9, label=name,
            )  # fmt: skip
        ax.set_ylabel("simulated HSF" if measure == "hsf" else f"mean {styles.SHOWN_AS[measure].axis}")
        if measure != "avh":
            shares(ax)
    axes[-1].set_xticks(range(len(ticks)), ticks)
    axes[-1].set_xlabel("degradation")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, title="ambiguity")
    return fig
