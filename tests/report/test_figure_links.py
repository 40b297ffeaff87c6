"""Links to a page that a book lacks become words that say so."""

import io
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parent.parent.parent


def test_a_link_to_the_explorer_says_where_there_is_none(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "book/_ext"))
    (tmp_path / "index.md").write_text("# Page\n\nThe [image explorer](explorer.md) shows every image.\n")
    (tmp_path / "some.bib").write_text("")
    settings = {"extensions": ["myst_parser", "sphinxcontrib.bibtex", "figure_links"], "bibtex_bibfiles": ["some.bib"]}
    Sphinx(tmp_path, None, tmp_path / "out", tmp_path / "tree", "text", settings, None, io.StringIO()).build()
    said = (tmp_path / "out/index.txt").read_text()
    assert "The image explorer (not in this copy; make book adds it) shows every" in said
