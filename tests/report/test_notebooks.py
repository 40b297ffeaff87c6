"""Executed chapters as a notebook viewer shows them, and chapters opened where a person opens them.

The viewer is nbconvert, which ranks what a cell displays as JupyterLab and VS Code do: HTML before Markdown.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import jupytext
import madeup
import nbformat
import pandas as pd
import pytest

from analysis.__main__ import moved
from analysis.errors import InputError
from analysis.studies import RECORDED_STUDIES
from report import page as pages
from report import shown

ROOT = Path(__file__).parent.parent.parent
CHAPTERS = ROOT / "book/chapters"
NOTEBOOKS = sorted(
    path
    for study in RECORDED_STUDIES.iterdir()
    for path in (ROOT / "book/runs" / study.name).rglob("*.ipynb")
    if path.stem != "explorer" and not path.name.startswith(".")  # a page of the book alone, and not recorded
)
MARKUP = re.compile(r":::|\{(?:fig|ref|cite|doc)[^}]*\}`")


class Reader(HTMLParser):
    """What a page shows outside of code, and its pictures."""

    def __init__(self):
        super().__init__()
        self.text, self.pictures, self.links, self.code = [], [], [], 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.code += tag in ("pre", "code", "style", "script")
        if tag == "img":
            self.pictures.append(dict(attrs))
        if tag == "a":
            self.links.append(dict(attrs).get("href"))

    def handle_endtag(self, tag: str) -> None:
        self.code -= tag in ("pre", "code", "style", "script")

    def handle_data(self, data: str) -> None:
        if not self.code:
            self.text.append(data)


@cache
def bundles(path: Path) -> list[dict[str, str]]:
    """What each output of a notebook holds, by its type."""
    outputs = [output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", [])]
    return [output.data for output in outputs if output.output_type == "display_data"]


@cache
def viewed(path: Path) -> Reader:
    nbconvert = pytest.importorskip("nbconvert", reason="needs nbconvert, which make lab installs")
    html, _ = nbconvert.HTMLExporter().from_filename(str(path))
    reader = Reader()
    reader.feed(html)
    return reader


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(ROOT / "book/runs")))
def test_a_recorded_notebook_shows_its_figures_in_any_viewer(path):
    view = viewed(path)
    assert not MARKUP.search("".join(view.text))
    drawn = sum(bundle.get("text/markdown", "").startswith(":::{figure-md}") for bundle in bundles(path))
    assert len(view.pictures) == drawn
    assert all(picture["src"].startswith("data:image/png;base64,") for picture in view.pictures)
    assert all(len(picture["alt"]) > 20 for picture in view.pictures)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(ROOT / "book/runs")))
def test_what_a_recorded_notebook_links_to_is_there(path):
    """Files beside it, and other pages of its study and of the book."""
    files = [link.partition("#")[0] for link in viewed(path).links if link and not link.startswith(("#", "http"))]
    assert files
    for name in files:
        assert (path.parent / name).exists() or Path(name).stem == "explorer", name  # which is not recorded


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(ROOT / "book/runs")))
def test_the_book_and_notebooks_are_given_the_same(path):
    """Every output in both forms, and in a third for terminals."""
    assert bundles(path)
    for bundle in bundles(path):
        assert set(bundle) == {"text/html", "text/markdown", "text/plain"}
        assert numbers(bundle["text/markdown"].replace("\\", "")) == numbers(bundle["text/html"])


def numbers(text: str) -> list[str]:
    """Those that a reader sees, in order."""
    return re.findall(r"\d+\.\d+", re.sub(r'(?:src|style|href)="[^"]*"|\]\([^)]*\)', "", text))


# --- one object, three forms


def test_users_text_does_nothing_in_any_form():
    table = pd.DataFrame({"<script>x</script>": ["<b>*x*</b>", "[a](javascript:b)"]})
    html = shown.table(table, "A *caption* with <i>markup</i>.", "tab-x-s", "tab-x").html
    reader = Reader()
    reader.feed(html)
    assert "<script" not in html and "<b>" not in html and "<i>" not in html
    assert reader.links == []
    assert '<table id="tab-x">\n<caption>A <em>caption</em>' in html


def test_nothing_is_false_and_is_not_displayed(monkeypatch):
    monkeypatch.setattr(shown, "display", lambda what: pytest.fail("displayed"))
    for nothing in (
        shown.Shown(),
        shown.prose(""),
        shown.bulleted(["", ""]),
        shown.table(pd.DataFrame(), "None."),
        shown.folded("More", shown.Shown()),
        shown.boxed("Note", shown.joined()),
    ):
        assert not nothing
        shown.show(nothing)


# --- links


@pytest.mark.parametrize(
    ("source", "output", "text", "expected"),
    [
        ("avh", "avh", "[a](../method.md)", "[a](../../method.md)"),
        ("avh", "avh", "[a](../references.md#steiger1980)", "[a](../../references.md#steiger1980)"),
        ("avh", "avh", "[a](norm.md) and [b](verdicts.md#x)", "[a](norm.ipynb) and [b](verdicts.ipynb#x)"),
        ("avh", "avh", "[Figure 1](#fig-1), [c](https://x.org/a.md)", "[Figure 1](#fig-1), [c](https://x.org/a.md)"),
        ("hardness", "resnet50/hardness", "[a](explorer.md)", "[a](explorer.ipynb)"),
        ("hardness", "resnet50/hardness", "[a](verdicts.md)", "[a](../verdicts.ipynb)"),
        ("hardness", "resnet50/hardness", "[a](../method.md)", "[a](../../../method.md)"),
    ],
)
def test_links_of_a_chapter_lead_from_its_page(source, output, text, expected):
    page = ROOT / f"book/runs/synthetic/{output}.ipynb"
    assert moved(text, CHAPTERS / f"{source}.md", page) == expected


# --- from any folder


def copied(folder: Path) -> Path:
    """A project with made-up results, in which a chapter can be opened."""
    shutil.copytree(CHAPTERS, folder / "book/chapters")
    (folder / pages.MARK).touch()
    madeup.study(folder / "results", ["resnet50", "vgg19"])
    return folder


def execute(chapter: Path) -> dict:
    """Runs a chapter's cells, and one of them once more, as a person does; the names that they leave."""
    space: dict = {}
    for cell in jupytext.read(chapter).cells:
        if cell.cell_type == "code":
            exec(cell.source, space)
    exec("page = Page.open(globals())", space)
    return space


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("place", ["", "book", "book/chapters", "results/synthetic"])
def test_a_chapter_runs_in_any_folder_and_writes_nothing_into_the_book(tmp_path, monkeypatch, place):
    project, seen = copied(tmp_path), []
    before = files(project)
    monkeypatch.chdir(project / place)
    monkeypatch.delenv(pages.PLACE, raising=False)
    monkeypatch.setattr(shown, "display", seen.append)
    page = execute(project / "book/chapters/norm.md")["page"]
    assert (Path.cwd(), page.names) == (project, "VGG19 and ResNet50")
    assert sum("<figure" in what.html for what in seen) == 2
    after = files(project)
    assert {name: after.get(name) for name in before} == before
    made = {str(Path(name).relative_to(project)) for name in after.keys() - before.keys()}
    assert made
    assert all(name.startswith("build/notebooks/synthetic/files/") for name in made)


def test_links_of_a_notebook_start_where_it_is(tmp_path, monkeypatch):
    project = copied(tmp_path)
    monkeypatch.chdir(project / "book/chapters")
    monkeypatch.delenv(pages.PLACE, raising=False)
    page = pages.Page.open({"study": "synthetic", "archs": ["vgg19"]})
    link = page.write(pd.DataFrame({"a": [1]}), "some")
    assert (project / "book/chapters" / link).resolve() == project / "build/notebooks/synthetic/files/some.csv"


def test_later_names_are_not_taken_for_parameters(tmp_path, monkeypatch):
    monkeypatch.chdir(copied(tmp_path))
    space = {"study": "synthetic", "archs": ["vgg19"]}
    first = pages.Page.open(space)
    again = pages.Page.open(space | {"others": ["x"], "cells": 3, "archs": ["resnet50"]})
    assert list(first.results.runs) == ["vgg19"]
    assert list(again.results.runs) == ["resnet50"]


def test_a_network_page_shows_the_run_that_is_there(tmp_path, monkeypatch):
    """With its chapter's parameters as they stand; with one of them changed, it must be that run."""
    monkeypatch.chdir(copied(tmp_path))
    cells = jupytext.read(CHAPTERS / "hardness.md").cells
    (source,) = (cell.source for cell in cells if "parameters" in cell.metadata.get("tags", []))
    space: dict = {}
    exec(source, space)
    page = pages.Page.open({name: value for name, value in space.items() if not name.startswith("__")})
    assert (page.arch, page.names) == ("resnet50", "ResNet50")
    plain = {name: value for name, value in space.items() if not name.startswith("_")}
    ranked = pages.Page.open(plain | {"rank_by": "confidence"})
    assert (ranked.results.runs.keys(), ranked.parameters.rank_by) == (page.results.runs.keys(), "confidence")
    other = plain | {"epochs": 7}
    with pytest.raises(InputError, match="holds a finished run with other parameters"):
        pages.Page.open(other)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"study": "nowhere", "archs": []},
            r"nowhere is missing: run `make book CONFIG=\"studies=nowhere\"` in .* first",
        ),
        ({"archs": [], "results_dir": "elsewhere"}, "elsewhere/synthetic is missing: run `make book` in .* first"),
        ({"archs": ["alexnet"]}, "alexnet.* is missing"),
        ({"arch": "alexnet"}, "has no network alexnet; finished there: vgg19, resnet50"),
        ({"archs": [], "dataset": "cifar10h"}, "unknown parameter 'dataset'; allowed: study, results_dir"),
        ({"archs": [], "study": "../x"}, "parameter study is '../x': allowed: lower-case letters"),
    ],
)
def test_what_is_missing_or_wrong_is_one_sentence_with_the_command(tmp_path, monkeypatch, given, sentence):
    monkeypatch.chdir(copied(tmp_path))
    with pytest.raises(InputError, match=sentence):
        pages.Page.open(given)


def test_a_persons_own_settings_change_no_page(tmp_path):
    """Those of matplotlib, of IPython, of Jupyter and of the language."""
    project, home = copied(tmp_path / "project"), tmp_path / "home"
    settings = {
        ".config/matplotlib/matplotlibrc": "text.usetex: True\nfont.size: 30\n",
        ".ipython/profile_default/startup/first.py": "study = 3\nraise SystemExit\n",
        ".local/share/jupyter/kernels/python3/kernel.json": json.dumps({"argv": ["false"], "display_name": "x"}),
    }
    for name, text in settings.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    pages_made = []
    for name, environment in (("plain", {}), ("odd", {"HOME": str(home), "LC_ALL": "C", "XDG_CONFIG_HOME": ""})):
        words = ["chapter", str(CHAPTERS / "norm.md"), f"{name}/norm.ipynb", "-p", "archs", "vgg19"]
        done = subprocess.run(
            [sys.executable, "-m", "analysis", *words],
            cwd=project,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        pages_made.append({path.name: path.read_bytes() for path in (project / name / "files").iterdir()})
    assert pages_made[0] == pages_made[1]
    assert {"fig-n1.png", "fig-n2.svg"} <= set(pages_made[0])


def test_without_its_project_a_notebook_says_what_to_do(tmp_path):
    """In a Python in which the package is not installed."""
    source = jupytext.read(CHAPTERS / "norm.md").cells[1].source
    code = f"import sys; sys.path = [p for p in sys.path if 'lib/python' in p and 'site-packages' not in p]\n{source}"
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("This notebook needs its project: run `make lab`")
    assert len(done.stderr.splitlines()) == 1
