"""Correlations within bins of HSF."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from report import styles, wording
from report.figures.panels import HSF, NARROW, dodge, draw_marks, figure

DODGE = 0.66  # share of the height of a bin over which its networks are spread


@figure(
    "Points with intervals, one per bin and network",
    wording.correlations.describe_bins,
    caption=wording.correlations.bins_caption,
)
def figure_bins(table: pd.DataFrame) -> Figure:
    """Correlation of a score with HSF over all images and within each bin; beside it, the spread of HSF in the bin.

    table: arch, bin, value, low, high, n, spread; the same bins for every arch, in plotting order.
    """
    archs, bins = list(table["arch"].unique()), list(table["bin"].unique())
    fig = Figure(figsize=(NARROW, 1.3 + 0.72 * len(bins)), layout="constrained")
    left, right = fig.subplots(1, 2, width_ratios=(5, 2), sharey=True)
    for arch, shift in zip(archs, dodge(len(archs), DODGE), strict=True):
        style, rows = styles.architecture(arch), table[table["arch"] == arch].set_index("bin").loc[bins]
        places = np.arange(len(bins)) + shift
        draw_marks(left, rows, places, style, 5, 1.3)
        right.plot(rows["spread"], places, style.marker, color=style.colour, markersize=5)
    for ax in (left, right):
        ax.grid(axis="y", visible=False)
        for edge in np.arange(len(bins) - 1) + 0.5:
            ax.axhline(edge, color="#aaaaaa", linewidth=1.2 if edge == 0.5 else 0.4)
    left.axvline(0, color="#555555", linewidth=0.9)
    sizes = table.groupby("bin", sort=False)["n"].max()
    left.set_yticks(np.arange(len(bins)), [f"{name}\nn = {sizes[name]:,}" for name in bins], fontsize=9)
    left.set(xlabel="Spearman's ρ with HSF", ylabel=f"{HSF} (HSF)", ylim=(len(bins) - 0.5, -0.5))
    right.set(xlabel="spread of HSF", xlim=(0, 1.12), xticks=(0, 0.5, 1))
    right.tick_params(labelleft=False, left=False)
    look = {"loc": "outside upper center", "columnspacing": 1, "handletextpad": 0.2}
    fig.legend(*left.get_legend_handles_labels(), ncols=min(4, len(archs)), **look)
    return fig
