"""Pages of studies in a book: what a cell shows as a heading is a section, as a chapter's own headings are."""

import io
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.application import Sphinx

ROOT = Path(__file__).parent.parent.parent
FOLDED = ":::{dropdown} Numbers\nthree\n:::"
TOC = "{format: jb-book, root: index, parts: [{caption: A study, chapters: [{file: book/runs/a/verdicts}]}]}"


def cell(*shown: str) -> nbformat.NotebookNode:
    outputs = [nbformat.v4.new_output("display_data", {"text/markdown": text}) for text in shown]
    return nbformat.v4.new_code_cell("1", outputs=outputs)


def test_a_heading_that_a_cell_shows_opens_a_section(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "book/_ext"))
    title, first, last = map(nbformat.v4.new_markdown_cell, ("# Verdicts", "## First", "## Last\n\nEnd."))
    cells = [title, first, cell("**H1**: one"), cell("## Further", "**P1**: two"), cell(FOLDED), last]
    language = {"language_info": {"name": "python", "pygments_lexer": "python"}}
    (tmp_path / "book/runs/a").mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=language), tmp_path / "book/runs/a/verdicts.ipynb")
    (tmp_path / "index.md").write_text("# Book\n")
    (tmp_path / "_toc.yml").write_text(TOC)
    settings = {"extensions": ["myst_nb", "sphinx_design", "sphinx_external_toc", "study_pages"]}
    settings |= {"nb_execution_mode": "off", "myst_enable_extensions": ["colon_fence"]}
    settings |= {"external_toc_path": str(tmp_path / "_toc.yml"), "nb_render_markdown_format": "myst"}
    warned = io.StringIO()
    app = Sphinx(tmp_path, None, tmp_path / "out", tmp_path / "tree", "html", settings, None, warned)
    app.build()
    assert not [line for line in warned.getvalue().splitlines() if "is already registered" not in line]
    sections = list(app.env.get_doctree("book/runs/a/verdicts").findall(nodes.section))
    assert [section.next_node(nodes.title).astext() for section in sections] == [
        "Verdicts, A study", "First", "Further", "Last",
    ]  # fmt: skip
    assert len({section.parent for section in sections[1:]}) == 1
    texts = [" ".join(found.astext() for found in section.findall(nodes.paragraph)) for section in sections[1:]]
    assert texts == ["H1: one", "P1: two three", "End."]
    listed = app.env.tocs["book/runs/a/verdicts"].astext().split("\n\n")
    assert listed == ["Verdicts, A study", "First", "Further", "Last"]
