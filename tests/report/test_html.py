"""A book's HTML stands whole or as it was before, with a program in jupyter-book's place."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from report import html

ROOT = Path(__file__).parent.parent.parent
OLD, NEW = {"index.html": b"old", "_static/book.css": b"old"}, {"index.html": b"new", "_images/a.png": bytes(40_000)}
JUPYTER_BOOK = 'for to; do :; done; mkdir -p "$to/_build" && cp -r new "$to/_build/html"'  # its last word is where to


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write(folder: Path, content: dict[str, bytes]) -> Path:
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def make(tmp_path):
    """Makes the HTML, as the graph does, with a jupyter-book that says something and makes NEW, or fails."""

    def make(there: Path, said: str = "", code: int = 0) -> subprocess.CompletedProcess:
        write(tmp_path / "new", NEW)
        book = write(tmp_path / "bin", {"jupyter-book": b""}) / "jupyter-book"
        book.write_text(f"#!/bin/sh\n{JUPYTER_BOOK}\necho '{said}'\nexit {code}\n")
        book.chmod(0o755)
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": f"{book.parent}:{os.environ['PATH']}"}
        command = [sys.executable, "-m", "report.html", "toc.yml", "build/pages", str(there)]
        return subprocess.run(command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True)

    return make


def test_it_takes_the_place_of_the_one_before(make, tmp_path):
    there = write(tmp_path / "_build/html", OLD)
    assert make(there).returncode == 0
    assert files(tmp_path / "_build") == {f"html/{name}": data for name, data in NEW.items()}


@pytest.mark.parametrize("before", [OLD, {}], ids=["a book", "none"])
def test_a_disk_that_fills_while_it_is_moved_leaves_the_one_before(make, small_disk, before):
    there = write(small_disk / "html", before | {"filler": bytes(25_000)})
    was = files(small_disk)
    made = make(there)
    assert made.returncode == 1
    assert made.stderr == "error: no HTML was made, and what was there is as it was: the disk is full\n"
    assert files(small_disk) == was
    (there / "filler").unlink()
    assert make(there).returncode == 0
    assert files(small_disk) == {f"html/{name}": data for name, data in NEW.items()}


def test_a_book_that_fails_says_why_and_leaves_the_one_before(make, tmp_path):
    there = write(tmp_path / "_build/html", OLD)
    made = make(there, said="reading\nindex.md:1: WARNING: no such page\nfinished", code=1)
    assert made.returncode == 1
    assert made.stderr.endswith("as it was: index.md:1: WARNING: no such page\n")
    assert files(there) == OLD


@pytest.mark.parametrize("moment", ["moved", "swapped"])
def test_a_run_that_was_killed_in_between_loses_neither(tmp_path, moment):
    """moved: before the two renames; swapped: between them."""
    there = write(tmp_path / "html", OLD)
    write(tmp_path / "html.new", {"index.html": b"half"})
    if moment == "swapped":
        there.rename(tmp_path / "html.old")
    with pytest.raises(FileNotFoundError):
        html.put_in_place(tmp_path / "nothing", there)
    assert files(tmp_path) == {f"html/{name}": data for name, data in OLD.items()}
    html.put_in_place(write(tmp_path / "made", NEW), there)
    assert files(tmp_path) == {f"html/{name}": data for name, data in NEW.items()}


def test_a_place_that_cannot_be_renamed_into_keeps_the_one_before(tmp_path, monkeypatch):
    there = write(tmp_path / "html", OLD)
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path.name == "html.new":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="No space left"):
        html.put_in_place(write(tmp_path / "made", NEW), there)
    assert files(tmp_path) == {f"html/{name}": data for name, data in OLD.items()}
