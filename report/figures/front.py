"""The figure on the front page: correlation of a few scores with HSF from real annotators, by study."""

import pandas as pd
from matplotlib.figure import Figure

from report import text, wording
from report.figures.forest import MARKER, ROW, forest
from report.figures.panels import LAYOUT, PHONE, figure

AROUND = 0.95  # inches of a panel without its rows: title, axis and legend
HEIGHT = 0.62  # of a row, relative to other forest plots, so that the figure fits on the screen


@figure("A dot plot", wording.front.describe_front)
def figure_front(table: pd.DataFrame) -> Figure:
    """One panel per study, one row per score, one marker with its interval per network; the ceiling is dashed.

    table: study, label, arch, mean, low, high, n, ceiling. Panels are stacked on a phone.
    """
    panels = list(table.groupby("study", sort=False))
    heights = [
        AROUND + rows["label"].nunique() * (ROW + MARKER * rows["arch"].nunique()) * HEIGHT for _, rows in panels
    ]
    narrow, width = LAYOUT.get() is PHONE, LAYOUT.get().width
    fig = Figure(figsize=(width, sum(heights) if narrow else max(heights)), layout="constrained")
    shape = (len(panels), 1) if narrow else (1, len(panels))
    axes = fig.subplots(*shape, squeeze=False).ravel()
    for ax, (study, rows) in zip(axes, panels, strict=True):
        ceiling = rows["ceiling"].iloc[0]
        ax.axvline(ceiling, color="#555555", linewidth=1.2, linestyle="--")
        ax.text(ceiling - 0.01, 1.5, "noise ceiling", rotation=90, ha="right", va="center", fontsize=8, color="#555555")
        forest(ax, rows, list(rows["label"].unique()))
        ax.set_xlim(0, 1)
        up_to = "up to " if rows["n"].nunique() > 1 else ""
        ax.set_title(f"{study}: {up_to}{text.count(rows['n'].max())} images", fontsize=9)
        ax.legend(loc="upper center", bbox_to_anchor=(0.35, -0.13), ncols=2, fontsize=8, labelspacing=0.2)
    fig.supxlabel("|Spearman's ρ| with HSF", fontsize=8.5)
    return fig
