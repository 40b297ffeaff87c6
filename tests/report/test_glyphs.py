"""Characters that the figures' font lacks: drawn by another font that is installed, else named on the page."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg

from report import figures, wording
from report.figures import panels

NAME = "日本 א é\u200f"  # DejaVu Sans, which matplotlib brings, has the last two letters


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Installs a font that has the given characters, and no other font."""

    def install(characters: str) -> None:
        builder = FontBuilder(1000)
        names = [f"u{ord(character):04X}" for character in characters]
        builder.setupGlyphOrder([".notdef", *names])
        builder.setupCharacterMap(dict(zip(map(ord, characters), names, strict=True)))
        pen = TTGlyphPen(None)
        pen.moveTo((0, 0))
        for corner in ((0, 700), (700, 700), (700, 0)):
            pen.lineTo(corner)
        pen.closePath()
        builder.setupGlyf({name: pen.glyph() for name in builder.font.getGlyphOrder()})
        builder.setupHorizontalMetrics({name: (800, 0) for name in builder.font.getGlyphOrder()})
        builder.setupHorizontalHeader(ascent=800, descent=-200)
        builder.setupNameTable({"familyName": "Tiny", "styleName": "Regular"})
        builder.setupOS2()
        builder.setupPost()
        builder.save(tmp_path / "tiny.ttf")
        monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(tmp_path / "tiny.ttf")])

    before = list(font_manager.fontManager.ttflist)
    monkeypatch.setattr(font_manager, "findSystemFonts", list)
    yield install
    font_manager.fontManager.ttflist[:] = before


def drawn(name: str) -> figures.Drawn:
    table = pd.DataFrame({"class": name, "end": ["hardest", "easiest"], "place": 1, "score": "avh", "value": 0.5})
    return figures.figure_h3(table, np.zeros((2, 8, 8, 3), np.uint8))


def boxes(of: figures.Drawn) -> set[str]:
    """The characters that matplotlib itself says it has no glyph of."""
    with panels.own_style(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        FigureCanvasAgg(of.figure).draw()
    found = [re.match(r"Glyph (\d+) .*missing from", str(warning.message)) for warning in caught]
    return {chr(int(match[1])) for match in found if match}


def test_what_no_font_has_is_what_matplotlib_draws_as_boxes(installed):
    figure = drawn(NAME)
    assert figure.boxes == "日本"
    assert boxes(figure) == {"日", "本"}


def test_a_font_that_is_installed_is_used_for_what_it_has(installed):
    installed("日")
    figure = drawn(NAME)
    assert figure.boxes == "本"
    assert boxes(figure) == {"本"}


def test_no_font_is_looked_for_where_none_is_needed(monkeypatch):
    monkeypatch.setattr(font_manager, "findSystemFonts", None)
    assert drawn("cat #2, naïve, кот").boxes == ""


def test_a_page_names_the_characters_and_says_what_to_do():
    (sentence,) = wording.hardness.boxes("本日")
    assert "本日" in sentence
    assert "fonts-noto-cjk" in sentence
    assert len(wording.hardness.boxes("".join(map(chr, range(0x4E00, 0x5000))))[0]) < 200
    assert wording.hardness.boxes("") == []
