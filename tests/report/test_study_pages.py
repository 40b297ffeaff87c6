"""Pages of studies in a book: what a cell shows as a heading is a section, as a chapter's own headings are."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup

ROOT = Path(__file__).parent.parent.parent
FOLDED = ":::{dropdown} Numbers\nthree\n:::"
TOC = "{format: jb-book, root: index, parts: [{caption: A study, chapters: [{file: book/runs/a/verdicts}]}]}"


def cell(*shown: str) -> nbformat.NotebookNode:
    outputs = [nbformat.v4.new_output("display_data", {"text/markdown": text}) for text in shown]
    return nbformat.v4.new_code_cell("1", outputs=outputs)


def test_a_heading_that_a_cell_shows_opens_a_section(tmp_path):
    title, first, last = map(nbformat.v4.new_markdown_cell, ("# Verdicts", "## First", "## Last\n\nEnd."))
    cells = [title, first, cell("**H1**: one"), cell("## Further", "**P1**: two"), cell(FOLDED), last]
    language = {"language_info": {"name": "python", "pygments_lexer": "python"}}
    (tmp_path / "book/runs/a").mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=language), tmp_path / "book/runs/a/verdicts.ipynb")
    (tmp_path / "index.md").write_text("# Book\n")
    (tmp_path / "_toc.yml").write_text(TOC)
    settings = {
        "extensions": ["myst_nb", "sphinx_design", "sphinx_external_toc", "study_pages"],
        "nb_execution_mode": "off",
        "nb_render_markdown_format": "myst",
        "myst_enable_extensions": ["colon_fence"],
        "external_toc_path": str(tmp_path / "_toc.yml"),
    }
    (tmp_path / "conf.py").write_text("".join(f"{name} = {value!r}\n" for name, value in settings.items()))
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'book/_ext'}:{ROOT}"}
    build = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "json", tmp_path, tmp_path / "out"]
    done = subprocess.run(build, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = json.loads((tmp_path / "out/book/runs/a/verdicts.fjson").read_text())
    body, contents = (BeautifulSoup(page[part], "html.parser") for part in ("body", "toc"))
    sections = body.select("section section")
    headings = [section.find("h2").find(string=True) for section in sections]
    assert headings == ["First", "Further", "Last"]
    assert len({id(section.parent) for section in sections}) == 1
    texts = [" ".join(found.get_text() for found in section.select("p:not(.sd-summary-text)")) for section in sections]
    assert texts == ["H1: one", "P1: two three", "End."]
    assert [link.get_text() for link in contents.select("a")] == ["Verdicts, A study", *headings]
