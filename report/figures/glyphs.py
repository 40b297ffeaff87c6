"""Characters missing from the font of the figures: taken from another installed font, or listed for the reader.

Names of classes may be in any script. Matplotlib would draw a box for each such character, and warn where nobody looks.
"""

import unicodedata
import warnings
from contextlib import suppress

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

OWN = "DejaVu Sans"  # shipped with matplotlib
warnings.filterwarnings("ignore", r"Glyph \d+ .*missing from")  # pages report it


def fall_back(fig: Figure) -> str:
    """Let the texts of a figure use other installed fonts for missing characters; return those that no font has."""
    texts = fig.findobj(Text)
    lacking = {character for drawn in texts for character in drawn.get_text() if is_seen(character)}
    lacking -= characters(FT2Font(font_manager.findfont(OWN)))
    families = []
    for path in sorted(font_manager.findSystemFonts()) if lacking else ():
        with suppress(RuntimeError):  # characters that matplotlib cannot draw, such as colour emoji
            font = FT2Font(path)
            if found := lacking & characters(font):
                font_manager.fontManager.addfont(path)
                families.append(font.family_name)
                lacking -= found
    for drawn in texts if families else ():
        drawn.set_fontfamily([*drawn.get_fontfamily(), *families])
    return "".join(sorted(lacking))


def is_seen(character: str) -> bool:
    """Whether a character is drawn: neither a space nor a control character."""
    return unicodedata.category(character)[0] not in "CZ"


def characters(font: FT2Font) -> set[str]:
    return set(map(chr, font.get_charmap()))
