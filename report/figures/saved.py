"""Figures as files and as part of a notebook. Equal figures give equal bytes."""

import base64
import io
import re

from matplotlib.figure import Figure
from PIL import Image

from report.figures.panels import own_style

EMBEDDED = 150  # dots per inch of a figure embedded in a notebook
PRINTED = 200  # dots per inch of a figure on a page
PATH, DIGITS = re.compile(r' d="[^"]*"'), re.compile(r"(\.\d\d)\d+")  # of an SVG


def embedded(fig: Figure) -> str:
    """A figure as a data URI for a notebook."""
    return f"data:image/png;base64,{base64.b64encode(png(fig, EMBEDDED)).decode()}"


def png(fig: Figure, dots: int) -> bytes:
    """PNG with 256 colours, a third of the size in full colour."""
    full, small = io.BytesIO(), io.BytesIO()
    with own_style():
        fig.savefig(full, format="png", dpi=dots, facecolor="white")
    Image.open(full).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


def svg(fig: Figure) -> bytes:
    """SVG with path coordinates rounded to hundredths of a point."""
    drawn = io.StringIO()
    with own_style({"svg.hashsalt": "avh"}):
        fig.savefig(drawn, format="svg", metadata={"Date": None}, facecolor="white")
    return PATH.sub(lambda path: DIGITS.sub(r"\1", path[0]), drawn.getvalue()).encode()
