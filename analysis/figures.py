"""Each figure as a function of a tidy table: it draws, and neither computes nor saves.

Every function returns a matplotlib Figure, or None for an empty table: where nobody was asked, figures about people's
answers are not drawn. The tables come from ``tables``; names and colours from ``styles``.
"""

from collections.abc import Callable
from functools import wraps
from textwrap import fill

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, PercentFormatter

from analysis import styles

WIDE = 7.6  # inches: a page's column of text; phones scroll sideways
NARROW = 4.6  # panels one above the other: whole on a phone
COLUMNS = 4  # networks side by side; more go below
MEAN = "#D55E00"  # of the line through a histogram's bins
HSF = "human selection frequency"

RC = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.5,
    "legend.frameon": False,
    "image.cmap": "viridis",
}

Draw = Callable[..., Figure]


def figure(draw: Draw) -> Callable[..., Figure | None]:
    """A drawing function in this book's style, that draws nothing from an empty first table."""

    @wraps(draw)
    def drawn(table: pd.DataFrame, *more: pd.DataFrame | np.ndarray) -> Figure | None:
        if table.empty:
            return None
        with mpl.rc_context(RC):
            return draw(table, *more)

    return drawn


@figure
def figure_1(table: pd.DataFrame) -> Figure:
    """Images by HSF and by each score of one network: a two-dimensional histogram per score (Fig. 1).

    table: arch, score, x_low, x_high, y_low, y_high, n; bin, bin_mean, bin_low, bin_high.
    """
    scores = list(table["score"].unique())
    fig = Figure(figsize=(WIDE, 2.9), layout="constrained")
    axes = fig.subplots(1, len(scores), squeeze=False)
    for ax, score in zip(axes[0], scores, strict=True):
        mesh = _cells(ax, table[table["score"] == score], table["n"].max())
        ax.set(xlabel=HSF, ylabel=styles.SCORES[score].axis, title=styles.SCORES[score].label)
    _counts(fig, mesh, axes)
    return fig


@figure
def figure_6(table: pd.DataFrame) -> Figure:
    """Images by HSF and score for several networks: a row of panels per score, a column per network (Fig. 6).

    table: as for Fig. 1.
    """
    archs, scores = list(table["arch"].unique()), list(table["score"].unique())
    fig, axes = _grid(archs, len(scores), height=2.2, sharex=True)
    for (arch, score), ax in _panels(axes, archs, scores):
        mesh = _cells(ax, table[(table["arch"] == arch) & (table["score"] == score)], table["n"].max())
        ax.set_ylabel(styles.SCORES[score].axis if arch in archs[::COLUMNS] else "")
        ax.set_title(styles.architecture(arch).label if score == scores[0] else "")
        ax.set_xlabel(HSF if score == scores[-1] else "")
    _counts(fig, mesh, axes)
    return fig


@figure
def figure_2(table: pd.DataFrame) -> Figure:
    """Means over all test images against the epoch: a row per measure, a column per network (Fig. 2).

    table: arch, measure, epoch, mean, low, high, drop.
    """
    return _curves(table, lambda panel: [(panel, styles.architecture(panel["arch"].iloc[0]).colour, "", None)])


@figure
def figure_3(table: pd.DataFrame) -> Figure:
    """The same within the bins of HSF, a curve per bin (Fig. 3). table: as for Fig. 2, with bin and n."""
    bins = list(table["bin"].cat.categories)
    colours = {name: styles.BINS[i % len(styles.BINS)] for i, name in enumerate(bins)}

    def lines(panel: pd.DataFrame) -> list[tuple[pd.DataFrame, str, str, str]]:
        return [
            (part, *colours[name], f"HSF {name} (n = {part['n'].max():,})")
            for name in bins
            if len(part := panel[panel["bin"] == name])
        ]

    fig = _curves(table, lines)
    handles, labels = fig.axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=3, title="bins of human selection frequency (HSF)")
    return fig


@figure
def figure_4(table: pd.DataFrame) -> Figure:
    """Mean norm and mean angle in the first optimiser steps: a row per measure, a column per network (Fig. 4).

    table: arch, measure, step, mean, low, high.
    """
    return _curves(table, lambda panel: [(panel, styles.architecture(panel["arch"].iloc[0]).colour, "", None)], "step")


@figure
def figure_5(table: pd.DataFrame, examples: pd.DataFrame, pictures: np.ndarray) -> Figure:
    """An easy and a hard image in the first optimiser steps, the two pictures above (Fig. 5).

    table: arch, measure, example, step, mean. examples: example, label, HSF, people, answers, a row per picture;
    pictures: (2, H, W, 3) uint8.
    """

    def lines(panel: pd.DataFrame) -> list[tuple[pd.DataFrame, str, str, str]]:
        return [
            (panel[panel["example"] == example], style.colour, style.marker, style.label)
            for example, style in styles.EXAMPLES.items()
        ]

    fig = _curves(table, lines, "step", above=2.1)
    upper = fig.subfigs[0].subplots(1, len(pictures), squeeze=False)[0]
    for ax, picture, example in zip(upper, pictures, examples.itertuples(), strict=True):
        ax.imshow(picture, interpolation="nearest")
        ax.set_title(f"{example.example}: {example.label}, HSF {example.HSF:.2f}", fontsize=10)
        ax.set_xlabel(fill(f"{example.people} said: {example.answers}", 32), fontsize=8.5)
        ax.set(xticks=[], yticks=[])
        for spine in ax.spines.values():
            spine.set(visible=True, color=styles.EXAMPLES[example.example].colour, linewidth=2.5)
    handles, labels = fig.subfigs[1].axes[0].get_legend_handles_labels()
    fig.subfigs[1].legend(handles, labels, loc="outside lower center", ncols=2)
    return fig


@figure
def figure_7(table: pd.DataFrame) -> Figure:
    """Images by HSF and norm within three superclasses: a row per network, a column per superclass (Fig. 7).

    table: as for Fig. 1, with superclass and n_classes, of one score.
    """
    archs, names = list(table["arch"].unique()), list(table["superclass"].unique())
    fig = Figure(figsize=(WIDE, 0.5 + 2.2 * len(archs)), layout="constrained")
    axes = fig.subplots(len(archs), len(names), squeeze=False, sharex=True, sharey=True)
    for row, arch in zip(axes, archs, strict=True):
        for ax, name in zip(row, names, strict=True):
            cells = table[(table["arch"] == arch) & (table["superclass"] == name)]
            mesh = _cells(ax, cells, table["n"].max())
            n = cells["n_classes"].iloc[0]
            ax.set_title(f"{name}: {n} class{'es' if n > 1 else ''}" if arch == archs[0] else "")
            ax.set_xlabel(HSF if arch == archs[-1] else "")
        row[0].set_ylabel(f"{styles.architecture(arch).label}\nnorm in superclass")
    _counts(fig, mesh, axes)
    return fig


@figure
def training_curves(table: pd.DataFrame) -> Figure:
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
            _band(ax, points, colour)
        ax.set_ylabel(styles.SCORES[measure].axis)
        if measure == "learning_rate":
            ax.set_yscale("log")
        if measure == "accuracy":
            _shares(ax)
            ax.legend()
    _times(axes[-1], table["epoch"])
    return fig


@figure
def hardness_overview(cells: pd.DataFrame, bins: pd.DataFrame) -> Figure:
    """One network's AVH against HSF: every image above, the means of the bins of HSF below.

    cells: as for Fig. 1, of one score. bins: bin, mean, low, high, n.
    """
    fig = Figure(figsize=(NARROW, 5.8), layout="constrained")
    upper, lower = fig.subplots(2, 1, height_ratios=(3, 2))
    score = cells["score"].iloc[0]
    _counts(fig, _cells(upper, cells, cells["n"].max()), upper)
    upper.set(xlabel=HSF, ylabel=styles.SCORES[score].axis)
    style, places = styles.SCORES[score], np.arange(len(bins))
    lower.errorbar(places, bins["mean"], _errors(bins), fmt=style.marker, color=style.colour, capsize=3)
    ticks = [f"{name}\nn = {n:,}" for name, n in zip(bins["bin"], bins["n"], strict=True)]
    lower.set_xticks(places, ticks, fontsize=8)
    lower.set(xlabel=HSF, ylabel=f"mean {style.label}", xlim=(-0.5, len(bins) - 0.5))
    lower.grid(axis="x", visible=False)
    return fig


@figure
def distribution(table: pd.DataFrame) -> Figure:
    """A score's distribution among the images that a network gets right and wrong.

    table: outcome, low, high, n, score.
    """
    fig = Figure(figsize=(NARROW, 3.2), layout="constrained")
    ax = fig.subplots()
    looks = {"right": ("#0072B2", "-"), "wrong": ("#D55E00", "--")}
    for outcome, cells in table.groupby("outcome"):
        colour, dash = looks[outcome]
        edges = [*cells["low"], cells["high"].iloc[-1]]
        label = f"network {outcome} (n = {cells['n'].sum():,})"
        ax.stairs(cells["n"], edges, color=colour, linestyle=dash, linewidth=1.6, label=label)
    ax.set(xlabel=styles.SCORES[table["score"].iloc[0]].axis, ylabel="images", ylim=(0, None))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend()
    return fig


def _curves(
    table: pd.DataFrame, lines: Callable[[pd.DataFrame], list[tuple]], time: str = "epoch", above: float = 0
) -> Figure:
    """Rows of measures by columns of networks; ``lines`` splits a panel's rows into (rows, colour, marker, label).

    time: the column that runs along x, "epoch" or "step"; above: inches kept free in a subfigure above the panels.
    """
    archs, measures = list(table["arch"].unique()), list(table["measure"].unique())
    fig, axes = _grid(archs, len(measures), height=1.7, above=above, sharex=True)
    limits = {"accuracy": (0, 1)} | {name: _limits(table[table["measure"] == name]) for name in ("avh", "angle")}
    for (arch, measure), ax in _panels(axes, archs, measures):
        panel = table[(table["arch"] == arch) & (table["measure"] == measure)]
        every = max(1, panel[time].nunique() // 6)
        for part, colour, marker, label in lines(panel):
            ax.plot(part[time], part["mean"], color=colour, marker=marker, markersize=3.5, markevery=every, label=label)
            _band(ax, part, colour, time)
        for epoch in sorted(panel.loc[panel["drop"], time].unique()) if "drop" in panel else ():
            ax.axvline(epoch - 0.5, color="#777777", linewidth=0.9, linestyle=":", zorder=1)
        ax.set_title(styles.architecture(arch).label if measure == measures[0] else "")
        if arch in archs[::COLUMNS]:
            of = "" if measure == "accuracy" or "example" in panel else "mean "
            ax.set_ylabel(f"{of}{styles.SCORES[measure].axis}")
        if measure in limits and limits[measure] is not None:
            ax.set_ylim(limits[measure])
            ax.tick_params(labelleft=arch in archs[::COLUMNS])
        if measure == "accuracy":
            _shares(ax)
        if measure == measures[-1]:
            _times(ax, table[time])
    return fig


def _limits(table: pd.DataFrame) -> tuple[float, float] | None:
    """Limits that hold all intervals of a table, the same for all networks so that they can be compared."""
    values = table["mean"].to_numpy(dtype=float)
    if not np.isfinite(values).any():
        return None
    # An interval of very few images may be wider than everything else together: the means decide, the bands are cut.
    low, high = np.nanmin(values), np.nanmax(values)
    margin = 0.12 * (high - low) or 0.1 * abs(high) or 0.1
    return float(low - margin), float(high + margin)


def _grid(archs: list[str], rows: int, height: float, above: float = 0, **options) -> tuple[Figure, np.ndarray]:
    """A figure with ``rows`` panels per network, COLUMNS networks side by side, further ones in a block below.

    above: inches of an empty subfigure above the panels, which are then in one of their own.
    """
    columns = min(len(archs), COLUMNS)
    blocks = -(-len(archs) // COLUMNS)
    width = WIDE if columns > 1 else NARROW
    below = 0.5 + height * rows * blocks
    fig = Figure(figsize=(width, above + below), layout="constrained")
    panels = fig.subfigures(2, 1, height_ratios=(above, below))[1] if above else fig
    return fig, panels.subplots(rows * blocks, columns, squeeze=False, **options)


def _panels(axes: np.ndarray, archs: list[str], rows: list[str]):
    """((network, row's name), panel) for each; panels that no network needs are removed."""
    for i, arch in enumerate(archs):
        for j, row in enumerate(rows):
            yield (arch, row), axes[len(rows) * (i // COLUMNS) + j, i % COLUMNS]
    for i in range(len(archs), -(-len(archs) // COLUMNS) * min(len(archs), COLUMNS)):
        for j in range(len(rows)):
            axes[len(rows) * (i // COLUMNS) + j, i % COLUMNS].remove()


def _cells(ax: Axes, cells: pd.DataFrame, most: int) -> QuadMesh:
    """One two-dimensional histogram, empty cells white, colours on a logarithmic scale, and the means of HSF's bins."""
    x = [*sorted(cells["x_low"].unique()), cells["x_high"].max()]
    y = [*sorted(cells["y_low"].unique()), cells["y_high"].max()]
    n = cells.pivot(index="y_low", columns="x_low", values="n").to_numpy(dtype=float)
    mesh = ax.pcolormesh(x, y, np.where(n > 0, n, np.nan), norm=LogNorm(1, max(2, most)))
    edges = cells.groupby("bin", observed=True).agg(low=("x_low", "min"), high=("x_high", "max"))
    bins = cells.drop_duplicates("bin").set_index("bin").join(edges).dropna(subset="bin_mean")
    middle = (bins["low"] + bins["high"]) / 2
    for colour, width in (("white", 3.6), (MEAN, 1.5)):  # the white rim keeps the line apart from the cells
        ax.errorbar(middle, bins["bin_mean"], _errors(bins, "bin_"), color=colour, linewidth=width, elinewidth=width)
    ax.plot(middle, bins["bin_mean"], "o", color=MEAN, markeredgecolor="white", markersize=5)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    ax.set_xticks(np.arange(6) / 5)
    return mesh


def _counts(fig: Figure, mesh: QuadMesh, axes: Axes | np.ndarray) -> None:
    """The scale of a histogram's colours, in plain numbers."""
    bar = fig.colorbar(mesh, ax=axes, label="images", pad=0.02, aspect=30)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:,.0f}"))
    bar.ax.yaxis.set_minor_formatter(NullFormatter())


def _errors(table: pd.DataFrame, prefix: str = "") -> np.ndarray:
    """An interval's distances from its mean (2, rows), 0 where it is undefined, as with a single image."""
    mean, low, high = (table[f"{prefix}{name}"].to_numpy(dtype=float) for name in ("mean", "low", "high"))
    return np.nan_to_num(np.stack([mean - low, high - mean]))


def _band(ax: Axes, points: pd.DataFrame, colour: str, time: str = "epoch") -> None:
    """The interval around a curve; none where the table has none, as of a single image."""
    if "low" not in points:
        return
    low, high = points["low"].astype(float), points["high"].astype(float)
    ax.fill_between(points[time], low, high, color=colour, alpha=0.18, linewidth=0)


def _shares(ax: Axes) -> None:
    ax.set_ylim(0, 1)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _times(ax: Axes, times: pd.Series) -> None:
    """The axis of epochs or steps, from the first to the last."""
    ax.set_xlabel("optimiser step" if times.name == "step" else times.name)
    ax.set_xlim(times.min() - 0.5, max(times.max(), 2) + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
