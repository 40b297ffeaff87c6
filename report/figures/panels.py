"""Shared parts of figures: style, grids of panels, curves with bands, two-dimensional histograms."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from functools import wraps
from typing import Any, NamedTuple

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, PercentFormatter
from numpy.typing import ArrayLike

from report import styles
from report.figures import glyphs

NARROW = 4.6  # inches: stacked panels, fits on a phone
MEAN_COLOUR = "#D55E00"  # line through the bins of a histogram
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


class Layout(NamedTuple):
    """How panels are arranged."""

    width: float  # inches of a figure with panels side by side
    columns: int  # networks side by side; further ones below


PAGE, PHONE = Layout(7.6, 4), Layout(3.7, 2)
LAYOUT = ContextVar("layout", default=PAGE)  # of the figure that is being drawn


def own_style(changed: dict[str, Any] | None = None) -> AbstractContextManager:
    """Matplotlib's defaults with these changes, ignoring the settings of the user."""
    return matplotlib.style.context(["default", changed or {}])


class Drawn(NamedTuple):
    """A figure, its data, and words for readers who cannot see it."""

    figure: Figure
    data: pd.DataFrame
    kind: str  # of figure
    numbers: list[tuple[str, str]]  # what is shown, and its numbers in words
    raster: bool = False  # whether it is saved as PNG, because it is large as SVG
    caption: str = ""  # if it follows from the data
    boxes: str = ""  # characters that no installed font has
    narrow: Callable[[], Figure] | None = None  # draws it again for a phone, if its panels are side by side

    @property
    def sentences(self) -> list[str]:
        """The sentences of the alternative text."""
        return [f"{self.kind}.", *(f"{what}: {numbers}." for what, numbers in self.numbers)]

    @property
    def alt(self) -> str:
        """The whole alternative text."""
        return " ".join(self.sentences)


def figure(
    kind: str,
    describe: Callable[[pd.DataFrame], list[tuple[str, str]]],
    *,
    raster: bool = False,
    data: Callable[..., pd.DataFrame] = lambda table, *_: table,
    caption: Callable[[pd.DataFrame], str] = lambda _: "",
) -> Callable[[Callable[..., Figure | None]], Callable[..., Drawn | None]]:
    """Makes a plotting function use the style of this book and return a ``Drawn``.

    Nothing is drawn for an empty first table. kind: of figure, which begins the alternative text. describe: the numbers
    in the first table, (what, numbers in words). data: the data of the figure, from all arguments; default is the first
    table. caption: from the first table.
    """

    def decorate(draw: Callable[..., Figure | None]) -> Callable[..., Drawn | None]:
        @wraps(draw)
        def drawn(table: pd.DataFrame, *more: Any) -> Drawn | None:
            if table.empty:
                return None

            def draw_for(layout: Layout) -> tuple[Figure | None, str]:
                before = LAYOUT.set(layout)
                try:
                    with own_style(RC):
                        fig = draw(table, *more)
                        return fig, glyphs.fall_back(fig) if fig else ""
                finally:  # a drawing that fails leaves the next one its layout
                    LAYOUT.reset(before)

            fig, boxes = draw_for(PAGE)
            if fig is None:
                return None
            narrow = (lambda: draw_for(PHONE)[0]) if fig.get_figwidth() > NARROW else None
            return Drawn(fig, data(table, *more), kind, describe(table), raster, caption(table), boxes, narrow)

        return drawn

    return decorate


def draw_curves(
    table: pd.DataFrame, lines: Callable[[pd.DataFrame], list[tuple]], time: str = "epoch", above: float = 0
) -> Figure:
    """Rows of measures by columns of networks; ``lines`` splits a panel's rows into (rows, colour, marker, label).

    time: the column on the x axis, "epoch" or "step"; above: inches kept free in a subfigure above the panels.
    """
    archs, measures = list(table["arch"].unique()), list(table["measure"].unique())
    fig, axes = grid(archs, len(measures), height=1.7, above=above, sharex=True)
    limits = {"accuracy": (0, 1)} | {name: _limits(table[table["measure"] == name]) for name in ("avh", "angle")}
    for (arch, measure), ax in panels(axes, archs, measures):
        panel = table[(table["arch"] == arch) & (table["measure"] == measure)]
        every = max(1, panel[time].nunique() // 6)
        for part, colour, marker, label in lines(panel):
            ax.plot(part[time], part["mean"], color=colour, marker=marker, markersize=3.5, markevery=every, label=label)
            draw_band(ax, part, colour, time)
        for epoch in sorted(panel.loc[panel["drop"], time].unique()) if "drop" in panel else ():
            ax.axvline(epoch - 0.5, color="#777777", linewidth=0.9, linestyle=":", zorder=1)
        ax.set_title(styles.label(arch) if measure == measures[0] else "")
        if arch in archs[:: LAYOUT.get().columns]:
            of = "" if measure == "accuracy" or "example" in panel else "mean "
            ax.set_ylabel(f"{of}{styles.SHOWN_AS[measure].axis}")
        if measure in limits and limits[measure] is not None:
            ax.set_ylim(limits[measure])
            ax.tick_params(labelleft=arch in archs[:: LAYOUT.get().columns])
        if measure == "accuracy":
            shares(ax)
        if measure == measures[-1]:
            times(ax, table[time])
    return fig


def _limits(table: pd.DataFrame) -> tuple[float, float] | None:
    """Axis limits that contain all intervals of a table, the same for all networks."""
    values = table["mean"].to_numpy(dtype=float)
    if not np.isfinite(values).any():
        return None
    # An interval of very few images may be wider than everything else, so the means decide and bands are clipped.
    low, high = np.nanmin(values), np.nanmax(values)
    margin = 0.12 * (high - low) or 0.1 * abs(high) or 0.1
    return float(low - margin), float(high + margin)


def grid(archs: list[str], rows: int, height: float, above: float = 0, **options) -> tuple[Figure, np.ndarray]:
    """A figure with ``rows`` panels per network, as many side by side as the layout has columns, further ones below.

    above: inches of an empty subfigure above the panels, which are then in one of their own.
    """
    layout = LAYOUT.get()
    columns = min(len(archs), layout.columns)
    blocks = -(-len(archs) // layout.columns)
    width = layout.width if columns > 1 else NARROW
    below = 0.5 + height * rows * blocks
    fig = Figure(figsize=(width, above + below), layout="constrained")
    panels = fig.subfigures(2, 1, height_ratios=(above, below))[1] if above else fig
    return fig, panels.subplots(rows * blocks, columns, squeeze=False, **options)


def panels(axes: np.ndarray, archs: list[str], rows: list[str]):
    """((network, name of the row), panel) for each panel; unused panels are removed."""
    columns = LAYOUT.get().columns
    for i, arch in enumerate(archs):
        for j, row in enumerate(rows):
            yield (arch, row), axes[len(rows) * (i // columns) + j, i % columns]
    for i in range(len(archs), -(-len(archs) // columns) * min(len(archs), columns)):
        for j in range(len(rows)):
            axes[len(rows) * (i // columns) + j, i % columns].remove()


def side_by_side(
    n: int, height: float, *, across: int = 0, stacked: bool = False, extra: float = 0, **options
) -> tuple[Figure, np.ndarray]:
    """A figure with n panels in rows of ``across``; on a phone in two columns, or in one where ``stacked``.

    across: all of them by default. height: inches of a row; extra: inches beside the rows.
    """
    layout = LAYOUT.get()
    if layout is PHONE:
        across = 1 if stacked else layout.columns
    across = across or n
    rows = -(-n // across)
    fig = Figure(figsize=(layout.width, extra + height * rows), layout="constrained")
    axes = fig.subplots(rows, across, squeeze=False, **options).ravel()
    for ax in axes[n:]:
        ax.remove()
    for ax in axes[:n][-across:]:
        ax.tick_params(labelbottom=True)
    return fig, axes[:n]


def for_phone(page: Any, phone: Any) -> Any:
    """One of two values, by the layout."""
    return phone if LAYOUT.get() is PHONE else page


def draw_cells(ax: Axes, cells: pd.DataFrame, most: int, fewest: int = 1) -> QuadMesh:
    """A two-dimensional histogram with logarithmic colours and white empty cells, and the means of the bins of HSF.

    most: images in a cell, for the colours; fewest: images of a bin with a mean.
    """
    x = [*sorted(cells["x_low"].unique()), cells["x_high"].max()]
    y = [*sorted(cells["y_low"].unique()), cells["y_high"].max()]
    n = cells.pivot(index="y_low", columns="x_low", values="n").to_numpy(dtype=float)
    mesh = ax.pcolormesh(x, y, np.where(n > 0, n, np.nan), norm=LogNorm(1, max(2, most)))
    edges = cells.groupby("bin", observed=True).agg(low=("x_low", "min"), high=("x_high", "max"))
    bins = cells.drop_duplicates("bin").set_index("bin").join(edges).dropna(subset="bin_mean")
    bins = bins[bins["bin_n"] >= fewest]
    middle = (bins["low"] + bins["high"]) / 2
    for colour, width in (("white", 3.6), (MEAN_COLOUR, 1.5)):  # the white outline separates the line from the cells
        ax.errorbar(middle, bins["bin_mean"], error_bars(bins, "bin_"), color=colour, linewidth=width, elinewidth=width)
    ax.plot(middle, bins["bin_mean"], "o", color=MEAN_COLOUR, markeredgecolor="white", markersize=5)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(y[0], y[-1])
    ax.set_xticks(for_phone(np.arange(6) / 5, np.arange(3) / 2))
    return mesh


def colour_bar(fig: Figure, mesh: QuadMesh, axes: Axes | np.ndarray) -> None:
    """The colour bar of a histogram, in plain numbers."""
    there = [ax for ax in np.ravel(axes) if ax.get_figure()]  # without those that no panel needed
    place = for_phone("right", "bottom")
    bar = fig.colorbar(mesh, ax=there, label="images", pad=0.02, aspect=30, location=place)
    if mesh.norm.vmax < 10:  # without a power of ten, ticks would lie between whole numbers
        bar.set_ticks(np.arange(1, int(mesh.norm.vmax) + 1))
    bar.long_axis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:,.0f}"))
    bar.long_axis.set_minor_formatter(NullFormatter())


def error_bars(table: pd.DataFrame, prefix: str = "") -> np.ndarray:
    """Distances of the interval ends from the mean or value (2, rows); 0 if undefined, as for a single image."""
    names = (middle(table) if not prefix else "mean", "low", "high")
    mean, low, high = (table[f"{prefix}{name}"].to_numpy(dtype=float) for name in names)
    return np.nan_to_num(np.stack([mean - low, high - mean]))


def middle(table: pd.DataFrame) -> str:
    """The column that a table's intervals are around."""
    return "mean" if "mean" in table else "value"


def draw_marks(
    ax: Axes, points: pd.DataFrame, places: ArrayLike, style: styles.Style, size: float = 4, width: float = 1.1
) -> None:
    """A marker with its horizontal interval for each point, at these heights."""
    look = {"fmt": style.marker, "color": style.colour, "markersize": size, "elinewidth": width, "label": style.label}
    ax.errorbar(points[middle(points)], places, xerr=error_bars(points), **look)


def dodge(n: int, share: float) -> np.ndarray:
    """Offsets that spread n markers evenly over this share of a row of height 1, around its middle: (n,)."""
    return share * ((np.arange(n) + 0.5) / n - 0.5)


def name_rows(ax: Axes, labels: list[str]) -> None:
    """An axis of rows, one for each label, from top to bottom, with lines between them."""
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    for place in range(1, len(labels)):
        ax.axhline(place - 0.5, color="#e4e4e4", linewidth=0.6, zorder=0)


def draw_band(ax: Axes, points: pd.DataFrame, colour: str, time: str = "epoch") -> None:
    """The band around a curve, if the table has intervals; single images have none."""
    if "low" not in points:
        return
    low, high = points["low"].astype(float), points["high"].astype(float)
    ax.fill_between(points[time], low, high, color=colour, alpha=0.18, linewidth=0)


def shares(ax: Axes) -> None:
    ax.set_ylim(0, 1)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def times(ax: Axes, times: pd.Series) -> None:
    """The axis of epochs or steps, from the first to the last."""
    ax.set_xlabel("optimiser step" if times.name == "step" else times.name)
    ax.set_xlim(times.min() - 0.5, max(times.max(), 2) + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
