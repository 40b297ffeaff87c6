"""Figures of test images: the ends of a ranking, and candidates for label errors."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from report import wording
from report.figures.panels import NARROW, figure

LONGEST = 16  # characters of a class name
PICTURES_ACROSS = 4  # candidates for label errors side by side


@figure("Small images, each with its score", wording.hardness.describe_class_ends, raster=True)
def figure_h3(table: pd.DataFrame, pictures: np.ndarray | None) -> Figure | None:
    """The hardest and the easiest images of each class, one row per class, each with its score above it.

    table: class, end ("hardest" or "easiest"), place from 1, value. pictures: (rows of the table, H, W, 3) uint8.
    """
    if pictures is None:
        return None
    classes, each = list(table["class"].unique()), int(table["place"].max())
    fig = Figure(figsize=(NARROW, 0.35 + 0.78 * len(classes)), layout="constrained")
    ratios = [1] * each + [0.25] + [1] * each  # a gap between the two ends
    axes = fig.subplots(len(classes), len(ratios), squeeze=False, width_ratios=ratios)
    for ax in axes.flat:
        ax.set_axis_off()
    rows = zip(table["class"], table["end"], table["place"], table["value"], pictures, strict=True)
    for name, end, place, value, picture in rows:
        column = place - 1 + (each + 1) * (end == "easiest")
        draw_picture(axes[classes.index(name), column], picture, f"{value:#.3g}")
    for ax, name in zip(axes[:, 0], classes, strict=True):
        beside = {"ha": "right", "va": "center", "transform": ax.transAxes}
        ax.text(-0.15, 0.5, shortened(name), fontsize=8, parse_math=False, **beside)
    for column, end in ((each // 2, "hardest"), (each + 1 + each // 2, "easiest")):
        axes[0, column].annotate(end, (0.5, 1.42), xycoords="axes fraction", ha="center", fontsize=9.5, weight="bold")
    return fig


@figure("Small images", wording.hardness.describe_suspects, raster=True)
def figure_h4(table: pd.DataFrame, pictures: np.ndarray | None) -> Figure | None:
    """Candidates for label errors: each image with its label and, after the arrow, the class with the smallest angle.

    table: class, nearest, avh. pictures: (rows of the table, H, W, 3) uint8.
    """
    if pictures is None:
        return None
    lines = -(-len(table) // PICTURES_ACROSS)
    fig = Figure(figsize=(NARROW, 0.1 + 1.55 * lines), layout="constrained")
    fig.get_layout_engine().set(h_pad=0.08)
    axes = fig.subplots(lines, PICTURES_ACROSS, squeeze=False).ravel()
    for ax in axes:
        ax.set_axis_off()
    rows = zip(table["class"], table["nearest"], table["avh"], pictures, strict=True)
    for ax, (label, nearest, avh, picture) in zip(axes, rows, strict=False):
        draw_picture(ax, picture, f"{shortened(label)}\n→ {shortened(nearest)}\nAVH {avh:#.3g}")
    return fig


def draw_picture(ax: Axes, picture: np.ndarray, title: str) -> None:
    """One image (H, W, 3) uint8; its title is shown literally, whatever characters class names contain."""
    ax.imshow(picture)
    ax.set_title(title, fontsize=7.5, pad=2, parse_math=False)


def shortened(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
