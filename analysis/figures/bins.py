"""Correlations within the bins of people's agreement."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis import styles
from analysis.figures.panels import HSF, NARROW, figure

DODGE = 0.7  # of a bin's width, that its networks are spread over


@figure
def within_bins(table: pd.DataFrame) -> Figure:
    """One score's correlation with HSF over all images and within each bin, and how far HSF varies there.

    table: arch, bin, value, low, high, n, spread; the same bins for every arch.
    """
    archs, bins = list(table["arch"].unique()), list(table["bin"].unique())
    fig = Figure(figsize=(NARROW, 4.6), layout="constrained")
    upper, lower = fig.subplots(2, 1, height_ratios=(3, 1), sharex=True)
    shifts = DODGE * ((np.arange(len(archs)) + 0.5) / len(archs) - 0.5)
    for arch, shift in zip(archs, shifts, strict=True):
        style, rows = styles.architecture(arch), table[table["arch"] == arch].set_index("bin").loc[bins]
        places = np.arange(len(bins)) + shift
        ends = np.nan_to_num(np.stack([rows["value"] - rows["low"], rows["high"] - rows["value"]]).astype(float))
        look = {"fmt": style.marker, "color": style.colour, "markersize": 4.5}
        upper.errorbar(places, rows["value"], ends, label=style.label, elinewidth=1.2, **look)
        lower.plot(places, rows["spread"], style.marker, color=style.colour, markersize=4.5)
    for ax in (upper, lower):
        ax.grid(axis="x", visible=False)
        for edge in np.arange(len(bins) - 1) + 0.5:
            ax.axvline(edge, color="#bbbbbb", linewidth=1.0 if edge == 0.5 else 0.4)
    upper.axhline(0, color="#555555", linewidth=0.9)
    upper.set_ylabel("Spearman's ρ with HSF")
    lower.set(ylabel="spread of HSF", ylim=(0, 1.12), xlim=(-0.5, len(bins) - 0.5))
    sizes = table.groupby("bin", sort=False)["n"].max()
    names = [str(name).replace(" ", "\n") if name == bins[0] else name for name in bins]
    lower.set_xticks(
        np.arange(len(bins)), [f"{sign}\nn = {sizes[name]:,}" for sign, name in zip(names, bins, strict=True)]
    )
    lower.tick_params(axis="x", labelsize=7.5)
    lower.set_xlabel(f"{HSF} (HSF)")
    fig.legend(
        *upper.get_legend_handles_labels(), loc="outside upper center", ncols=min(4, len(archs)), columnspacing=1
    )
    return fig
