"""Numbers for several seeds: one row per score or head, one panel per set of images, one point per seed."""

import textwrap

import pandas as pd
from matplotlib.figure import Figure

from report import styles, wording
from report.figures.panels import dodge, draw_marks, figure, for_phone, name_rows, side_by_side

ROW, POINT = 0.16, 0.07  # inches of a row without its points, and of each point


@figure("Points with intervals, one panel per set of images", wording.starts.describe_starts)
def figure_starts(table: pd.DataFrame, axis: list[str]) -> Figure:
    """One point with its interval over images per seed; networks side by side in each row.

    table: label (the row), arch, panel, start, value, low, high, chance (a dashed line; NaN: none); labels and panels
    in order. axis: the label of x, one for each panel or one for all.
    """
    labels, archs, shown = (list(table[name].unique()) for name in ("label", "arch", "panel"))
    sizes = table.groupby(["label", "panel"]).size()
    lanes = int(sizes.max())
    height = 1.2 + len(labels) * (ROW + POINT * lanes)
    fig, axes = side_by_side(len(shown), height, sharex=True, sharey=True)
    for k, (ax, panel) in enumerate(zip(axes, shown, strict=True)):
        rows = table[table["panel"] == panel]
        chance = rows["chance"].dropna()
        ax.axvline(chance.iloc[0] if len(chance) else 0, color="#555555", linewidth=0.9, linestyle="--")
        for place, label in enumerate(labels):
            points = rows[rows["label"] == label]
            spots = place + dodge(len(points), POINT * len(points) / (ROW + POINT * lanes))
            for arch in points["arch"].unique():
                mine = (points["arch"] == arch).to_numpy()
                draw_marks(ax, points[mine], spots[mine], styles.architecture(arch), 3.5, 1)
        ax.set(xlabel=axis[k % len(axis)])
        ax.set_title("\n".join(textwrap.wrap(panel, for_phone(20, 16))), fontsize=8.5)
        name_rows(ax, labels)
    if not {styles.label(arch) for arch in archs} <= set(labels):  # else the rows name them
        named = dict(zip(*reversed(axes[0].get_legend_handles_labels()), strict=True))
        fig.legend(named.values(), named.keys(), loc="outside lower center", ncols=for_phone(4, 2))
    return fig
