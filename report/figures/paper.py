"""The figures of the paper, under its numbers. See ``figures`` for what they share."""

from itertools import product
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from report import styles, wording
from report.figures.panels import (
    HSF,
    LAYOUT,
    PHONE,
    colour_bar,
    draw_cells,
    draw_curves,
    figure,
    for_phone,
    grid,
    panels,
    side_by_side,
)

SHORT_HSF, BREAK = "human selection\nfrequency", "\n"


@figure(
    "Two-dimensional histograms",
    wording.histograms.describe_histograms,
    raster=True,
    caption=wording.histograms.histograms_caption,
)
def figure_1(table: pd.DataFrame) -> Figure:
    """Number of images by HSF and score for one network: one two-dimensional histogram per score (Fig. 1).

    table: arch, score, x_low, x_high, y_low, y_high, n; bin, bin_mean, bin_low, bin_high.
    """
    scores = list(table["score"].unique())
    fig, axes = side_by_side(len(scores), 2.9)
    for ax, score in zip(axes, scores, strict=True):
        mesh = draw_cells(ax, table[table["score"] == score], table["n"].max())
        ax.set(xlabel=for_phone(HSF, SHORT_HSF), ylabel=styles.SHOWN_AS[score].axis, title=styles.score_label(score))
    colour_bar(fig, mesh, axes)
    return fig


@figure(
    "Two-dimensional histograms by score and network",
    wording.histograms.describe_histograms,
    raster=True,
    caption=wording.histograms.histograms_caption,
)
def figure_6(table: pd.DataFrame) -> Figure:
    """Number of images by HSF and score for several networks: one row per score, one column per network (Fig. 6).

    table: as for Fig. 1.
    """
    archs, scores = list(table["arch"].unique()), list(table["score"].unique())
    fig, axes = grid(archs, len(scores), height=2.2, sharex=True)
    for (arch, score), ax in panels(axes, archs, scores):
        mesh = draw_cells(ax, table[(table["arch"] == arch) & (table["score"] == score)], table["n"].max())
        ax.set_ylabel(styles.SHOWN_AS[score].axis if arch in archs[:: LAYOUT.get().columns] else "")
        ax.tick_params(labelleft=arch in archs[:: LAYOUT.get().columns])  # a score has the same scale for all networks
        ax.set_title(styles.label(arch) if score == scores[0] else "")
        ax.set_xticks(np.arange(3) / 2)
    fig.supxlabel(HSF, fontsize=9)
    colour_bar(fig, mesh, axes)
    return fig


CURVES = "Curves by measure and network"


def one_line(panel: pd.DataFrame) -> list[tuple[pd.DataFrame, str, str, None]]:
    """The curve of a panel, in the colour of its network."""
    return [(panel, styles.architecture(panel["arch"].iloc[0]).colour, "", None)]


@figure(CURVES, wording.curves.describe_curves)
def figure_2(table: pd.DataFrame) -> Figure:
    """Means over all test images against the epoch: one row per measure, one column per network (Fig. 2).

    table: arch, measure, epoch, mean, low, high, drop.
    """
    return draw_curves(table, one_line)


@figure("Curves by bin of human selection frequency", wording.curves.describe_curves, raster=True)
def figure_3(table: pd.DataFrame) -> Figure:
    """The same within bins of HSF, one curve per bin (Fig. 3). table: as for Fig. 2, with bin and n."""
    bins = list(table["bin"].cat.categories)
    colours = {name: styles.BIN_LOOKS[i % len(styles.BIN_LOOKS)] for i, name in enumerate(bins)}

    def lines(panel: pd.DataFrame) -> list[tuple[pd.DataFrame, str, str, str]]:
        return [
            (part, *colours[name], f"HSF {name} (n = {part['n'].max():,})")
            for name in bins
            if len(part := panel[panel["bin"] == name])
        ]

    fig = draw_curves(table, lines)
    handles, labels = fig.axes[0].get_legend_handles_labels()
    fig.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=for_phone(3, 1),
        title="bins of human selection frequency (HSF)",
    )
    return fig


@figure(CURVES, wording.curves.describe_curves)
def figure_4(table: pd.DataFrame) -> Figure:
    """Mean norm and mean angle in the first optimiser steps: one row per measure, one column per network (Fig. 4).

    table: arch, measure, step, mean, low, high.
    """
    return draw_curves(table, one_line, "step")


@figure("Two images, and curves of the norm and angle of each", wording.curves.describe_curves)
def figure_5(table: pd.DataFrame, examples: pd.DataFrame, pictures: np.ndarray | None) -> Figure:
    """An easy and a hard image in the first optimiser steps, with the two images above (Fig. 5).

    table: arch, measure, example, step, mean. examples: example, label, HSF, people, answers; one row per image.
    pictures: (2, H, W, 3) uint8, or None if not available.
    """

    def lines(panel: pd.DataFrame) -> list[tuple[pd.DataFrame, str, str, str]]:
        return [
            (panel[panel["example"] == example], style.colour, style.marker, style.label)
            for example, style in styles.EXAMPLES.items()
        ]

    fig = draw_curves(table, lines, "step", above=2.1)
    upper = fig.subfigs[0].subplots(1, len(examples), squeeze=False)[0]
    for i, (ax, example) in enumerate(zip(upper, examples.itertuples(), strict=True)):
        if pictures is None:
            ax.text(0.5, 0.5, "image not\navailable", ha="center", va="center", fontsize=9)
        else:
            ax.imshow(pictures[i], interpolation="nearest")
        ax.set_title(f"{example.example}: {example.label},{for_phone(' ', BREAK)}HSF {example.HSF:.2f}", fontsize=10)
        ax.set_xlabel(fill(f"{example.people}: {example.answers}", for_phone(32, 22)), fontsize=8.5)
        ax.set(xticks=[], yticks=[])
        for spine in ax.spines.values():
            spine.set(visible=True, color=styles.EXAMPLES[example.example].colour, linewidth=2.5)
    handles, labels = fig.subfigs[1].axes[0].get_legend_handles_labels()
    fig.subfigs[1].legend(handles, labels, loc="outside lower center", ncols=2)
    return fig


@figure(
    "Two-dimensional histograms by network and group",
    wording.histograms.describe_histograms,
    raster=True,
    caption=wording.histograms.groups_caption,
)
def figure_7(table: pd.DataFrame) -> Figure | None:
    """Number of images by HSF and norm in three groups of classes: one row per network, one column each (Fig. 7).

    table: as for Fig. 1, for one score, with superclass and n_classes. None if no group has enough images.
    """
    table = wording.histograms.large_groups(table)
    if table.empty:
        return None
    archs, names = list(table["arch"].unique()), list(table["superclass"].unique())
    shape = {"across": len(names), "extra": 0.5, "sharex": True, "sharey": True}
    fig, axes = side_by_side(len(archs) * len(names), 2.2, **shape)
    fewest, axis = wording.histograms.FEWEST_AVERAGED, styles.SHOWN_AS["norm_in_superclass"].axis
    for ax, (arch, name) in zip(axes, product(archs, names), strict=True):
        cells = table[(table["arch"] == arch) & (table["superclass"] == name)]
        mesh = draw_cells(ax, cells, table["n"].max(), fewest)
        n, label = cells["n_classes"].iloc[0], styles.label(arch)
        group = f"{name}: {n} class{'es' if n > 1 else ''}"
        ax.set_title(for_phone(fill(group, 22) if arch == archs[0] else "", f"{label}\n{fill(group, 18)}"))
        ax.set_xlabel(for_phone(HSF if arch == archs[-1] else "", ""))
        ax.set_ylabel(for_phone(f"{label}\n{axis}" if name == names[0] else "", ""))
    if LAYOUT.get() is PHONE:
        fig.supxlabel(HSF, fontsize=9)
        fig.supylabel(axis, fontsize=9)
    colour_bar(fig, mesh, axes)
    return fig
