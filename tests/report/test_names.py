"""Names of classes and files, whatever characters they have, appear in the book as they are, without a warning."""

import io
import re
from html import unescape

import pandas as pd
import pytest
from sphinx.application import Sphinx

from drills.books import HOSTILE
from report import shown, text

NAMES = [*HOSTILE, "a #b", "#", "# x", "a: b", "'q'", '"q"', "[x](y)", "![x](y)", "<!-- x", "&amp;", "\\", "100%"]
NAMES += ["---", "...", "- x", "1. x", "> x", "x^2", "~x~", "(c)", "https://x.org", "a  b"]
EXTENSIONS = ["myst_parser", "sphinx_design"]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page with the names in all that a chapter shows, and what Sphinx warned of."""
    folder, names = tmp_path_factory.mktemp("pages"), [text.escape(name) for name in NAMES]
    alt = " ".join(["Pictures.", *(f"Class {name}: {i}." for i, name in enumerate(NAMES))])
    both = pd.DataFrame({"class": NAMES, "other": NAMES})
    things = [
        shown.pictured("data:", "a.png", 4, alt, "A caption.", "fig-1-x", "fig-1"),
        shown.table(both, "A table.", "tab-1-x", "tab-1"),
        *(shown.folded(f"About {name}", shown.bulleted([f"Of {name}."])) for name in names),
        *(shown.boxed(f"On {name}", shown.prose(f"In {name}")) for name in names),
    ]
    (folder / "a.png").write_bytes(b"")
    (folder / "index.md").write_text("# Page\n\n" + "\n\n".join(thing.myst for thing in things), "utf-8")
    settings = {"extensions": EXTENSIONS, "myst_enable_extensions": ["colon_fence", "dollarmath"]}
    settings["smartquotes"] = False  # the book has typographic quotes and dashes, also in names
    warned = io.StringIO()
    Sphinx(folder, None, folder / "out", folder / "tree", "html", settings, status=None, warning=warned).build()
    html = (folder / "out/index.html").read_text("utf-8")
    others = [line for line in warned.getvalue().splitlines() if "is already registered" not in line]  # by other tests
    return html, "\n".join(others), alt


def seen(html: str) -> str:
    """What a reader sees, in words with one space between."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", "", html)))


def test_nothing_is_warned_of(page):
    _, warned, _ = page
    assert "WARNING" not in warned
    assert "ERROR" not in warned


def test_who_cannot_see_a_picture_reads_the_names(page):
    html, _, alt = page
    (said,) = re.findall(r'<img alt="([^"]*)"', html)
    assert unescape(said).replace("\u00a0", " ") == alt


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_what_a_reader_sees(page, name):
    words = seen(page[0])
    for sentence in (f"About {name}", f"Of {name}.", f"On {name}", f"In {name}"):
        assert re.sub(" +", " ", sentence) in words
