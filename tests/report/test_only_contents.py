"""Pages that are made beside a build do not come into it."""

import io
import sys
from pathlib import Path

import pytest
from sphinx.application import Sphinx

ROOT = Path(__file__).parent.parent.parent
SETTINGS = {
    "extensions": ["myst_parser", "sphinx_external_toc", "only_contents"],
    "external_toc_path": "_toc.yml",
    "exclude_patterns": ["_build"],
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "book/_ext"))
    yield tmp_path
    sys.modules.pop("only_contents", None)


@pytest.mark.parametrize("late", [".explorer.md.partial.md", "pages/explorer.md"])
def test_a_page_that_comes_while_others_are_read_is_left_alone(folder, late):
    (folder / "pages").mkdir()
    (folder / "_toc.yml").write_text("format: jb-book\nroot: index\nchapters: [{file: 'pages/a[b]'}]\n")
    for name in ("index.md", "pages/a[b].md", "pages/unlisted.md"):
        (folder / name).write_text(f"# {name}\n")
    out = folder / "_build"
    warned = io.StringIO()
    app = Sphinx(folder, None, out, out / "doctrees", "html", SETTINGS, status=None, warning=warned)
    (folder / late).write_text("# Late\n")
    app.build()
    assert "toctree" not in warned.getvalue().replace("node class 'toctree' is already registered", "")
    assert app.env.found_docs == {"index", "pages/a[b]"}
