"""Correlation of scores with HSF as networks become more accurate."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from report import styles, wording
from report.figures.panels import NARROW, error_bars, figure


def describe(table: pd.DataFrame) -> list[tuple[str, str]]:
    """All leads together, then by network."""
    together = wording.correlations.describe_leads(table[table["score"] == "lead"])
    return [together, *wording.overtaking.describe_overtaking(table)]


@figure("Two panels of curves against accuracy", describe)
def figure_d1(table: pd.DataFrame) -> Figure:
    """Spearman's correlation of -AVH and of confidence with HSF, and the lead of AVH, against accuracy.

    table: arch, epoch, accuracy, score ("avh", "confidence", "lead"), value, low, high.
    """
    fig = Figure(figsize=(NARROW, 6.4), layout="constrained")
    upper, lower = fig.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    looks = {"avh": "-", "confidence": "--"}
    for arch, rows in table.groupby("arch", sort=False):
        style = styles.architecture(arch)
        look = {"color": style.colour, "marker": style.marker, "markersize": 4.5}
        for score, dash in looks.items():
            points = rows[rows["score"] == score].sort_values("epoch")
            filled = style.colour if score == "avh" else "white"
            upper.plot(points["accuracy"], points["value"], dash, markerfacecolor=filled, **look)
        lead = rows[rows["score"] == "lead"].sort_values("epoch")
        lower.errorbar(lead["accuracy"], lead["value"], error_bars(lead), elinewidth=1, **look)
    for ax in (lower, upper):
        ax.axhline(0, color="#555555", linewidth=1)
    upper.set_ylabel("Spearman's correlation with HSF")
    lower.set(ylabel="|AVH| − |confidence|", xlabel="accuracy on the test images")
    lower.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    lower.xaxis.set_major_formatter(FuncFormatter(lambda accuracy, _: f"{100 * accuracy:.4g}%"))
    networks = [
        Line2D([], [], color=(s := styles.architecture(arch)).colour, marker=s.marker, label=s.label)
        for arch in table["arch"].unique()
    ]
    keys = {"avh": ("−AVH", "#333333"), "confidence": ("confidence", "white")}
    scores = [
        Line2D([], [], color="#333333", linestyle=dash, marker="o", label=keys[score][0], mfc=keys[score][1])
        for score, dash in looks.items()
    ]
    fig.legend(handles=networks + scores, loc="outside lower center", ncols=3)
    return fig
