"""Characters that the figures' own font lacks: another installed font's where one has them, else named to the reader.

Names of classes may be in any script. Matplotlib would draw a box for each such character, and warn where nobody looks.
"""

import unicodedata
import warnings
from contextlib import suppress

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

OWN = "DejaVu Sans"  # which matplotlib brings
warnings.filterwarnings("ignore", r"Glyph \d+ .*missing from")  # pages say it


def fall_back(fig: Figure) -> str:
    """Let a figure's texts use other installed fonts for what its own lacks; the characters that none of them has."""
    texts = fig.findobj(Text)
    lacking = {character for drawn in texts for character in drawn.get_text() if is_seen(character)}
    lacking -= characters(FT2Font(font_manager.findfont(OWN)))
    families = []
    for path in sorted(font_manager.findSystemFonts()) if lacking else ():
        with suppress(RuntimeError):  # what matplotlib cannot draw, such as pictures of emoji
            font = FT2Font(path)
            if found := lacking & characters(font):
                font_manager.fontManager.addfont(path)
                families.append(font.family_name)
                lacking -= found
    for drawn in texts if families else ():
        drawn.set_fontfamily([*drawn.get_fontfamily(), *families])
    return "".join(sorted(lacking))


def is_seen(character: str) -> bool:
    """Whether it is drawn: neither a space nor a control character."""
    return unicodedata.category(character)[0] not in "CZ"


def characters(font: FT2Font) -> set[str]:
    return set(map(chr, font.get_charmap()))
