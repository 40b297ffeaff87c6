"""A recorded page's first cell, run as Colab runs it, with a git and a pip that only tell; elsewhere it is silent."""

import json
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from report import colab

REPOSITORY = "https://github.com/somebody/book"
NOTEBOOK = {"cells": [{"cell_type": "code", "metadata": {}, "source": ["1 + 1"]}], "metadata": {}, "nbformat": 4}


def first_cell(repository: str) -> str:
    return "".join(colab.with_first_cell(NOTEBOOK, repository)["cells"][0]["source"])


@pytest.fixture
def told(tmp_path, monkeypatch) -> list[list[str]]:
    """The commands that the cell runs, in a folder where a clone is an empty checkout."""
    commands: list[list[str]] = []

    def run(words, check):
        assert check
        commands.append(words)
        if words[0] == "git":
            Path(words[-1]).mkdir()
            Path(words[-1], "Snakefile").touch()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("subprocess.run", run)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    return commands


def test_in_colab_it_fetches_the_project_once_and_installs_what_it_needs(told, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    exec(first_cell(REPOSITORY), {})
    clone, install = told
    assert clone == ["git", "clone", "--quiet", "--depth", "1", REPOSITORY, "project"]
    assert install == [sys.executable, "-m", "pip", "install", "--quiet", "--editable", "."]
    assert (os.getcwd(), sys.path[0]) == (str(tmp_path / "project"),) * 2
    exec(first_cell(REPOSITORY), {})  # the cell again, in the project
    os.chdir(tmp_path)
    exec(first_cell(REPOSITORY), {})  # a restarted kernel
    assert [words[0] for words in told] == ["git", sys.executable, sys.executable]


def test_elsewhere_it_does_nothing(told, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    exec(first_cell(REPOSITORY), {})
    assert (told, os.getcwd()) == ([], str(tmp_path))


def test_the_command_writes_the_cell_and_takes_it_away(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = Path("book/runs/cifar10h/alexnet/training.ipynb")
    page.parent.mkdir(parents=True)
    page.write_text(json.dumps(NOTEBOOK, indent=1, ensure_ascii=False))
    before = page.read_text()
    for repository in (REPOSITORY, "https://github.com/other/fork", ""):
        Path("_config.yml").write_text(f"sphinx: {{config: {{book_repository: '{repository}'}}}}")
        colab.run_colab()
        cells = json.loads(page.read_text())["cells"]
        assert [cell["source"] for cell in cells[1:]] == ([["1 + 1"]] if repository else [])
        assert colab.opens_in_colab(page, repository) == bool(repository)
        assert set(cells[0]["metadata"].get("tags", [])) == ({"colab", "remove-cell"} if repository else set())
    assert page.read_text() == before


def test_recorded_pages_have_the_cell_only_for_the_books_own_repository():
    """Where the address is set, `python -m report.colab` has been run with it; else no page has a cell for Colab."""
    root = Path(__file__).parent.parent.parent
    tagged = [page for page in (root / "book/runs").rglob("*.ipynb") if '"colab"' in page.read_text()]
    repository = colab.yaml.safe_load((root / "_config.yml").read_text())["sphinx"]["config"]["book_repository"]
    assert all(colab.opens_in_colab(page, repository) for page in tagged)
