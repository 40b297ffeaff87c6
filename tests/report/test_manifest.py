"""A finished book, made up, and what of it is made again, or refused, after it was damaged."""

import os
import subprocess
from pathlib import Path

import pytest

from analysis import runs
from analysis.errors import InputError
from report.manifest import Manifest

INDEX = "_build/html/index.html"
PAGE = "book/runs/explorer-some/net/hardness.ipynb"
EXPLORER = "book/runs/explorer-some/net/explorer.ipynb"
TABLE, STAMP = "results/some/net/scores.parquet", "results/some/net/run.json"
MADE = [PAGE, EXPLORER, TABLE, STAMP]
RECORDED = "book/runs/old/page.ipynb"
OTHERS = [
    "_build/html/_static/book.css",
    *(f"{Path(PAGE).parent}/files/{name}" for name in ("a.csv", "explorer-0.webp")),
]
FOLDERS = ["_build/html", "book/runs/explorer-some", "results/some", "book/runs/old"]


@pytest.fixture
def book(tmp_path, monkeypatch) -> Manifest:
    monkeypatch.chdir(tmp_path)
    others = [
        "_build/html/_static/book.css",
        "book/runs/explorer-some/net/files/a.csv",
        "book/runs/explorer-some/net/files/explorer-0.webp",
    ]
    for name in (INDEX, PAGE, EXPLORER, RECORDED, TABLE, *others):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text('{"text": "some"}')
    runs.write_stamp(Path(STAMP), {"parameters": {}})
    Manifest(INDEX).note(FOLDERS)
    return Manifest(INDEX)


def cut(path: str) -> None:
    """In half, with its time kept."""
    times, content = os.stat(path), Path(path).read_bytes()
    Path(path).write_bytes(content[: len(content) // 2])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_of_a_whole_book_nothing_is_made_again(book):
    assert book.made_again(MADE) == set()
    book.check_recorded(["book/runs/old"], MADE)


@pytest.mark.parametrize("damage", [cut, os.unlink])
@pytest.mark.parametrize(
    ("path", "again"),
    [
        (INDEX, {INDEX}),
        ("_build/html/_static/book.css", {INDEX}),
        (PAGE, {PAGE}),
        (TABLE, {TABLE}),
        (STAMP, {STAMP}),
        ("book/runs/explorer-some/net/files/a.csv", {PAGE, EXPLORER}),
        ("book/runs/explorer-some/net/files/explorer-0.webp", {EXPLORER}),
    ],
)
def test_what_is_missing_or_other_than_written_is_made_again(book, path, again, damage):
    damage(path)
    wanted = book.made_again(MADE)
    assert again <= wanted <= again | {STAMP}  # which describes the table


@pytest.mark.parametrize("damage", [cut, os.unlink])
def test_without_its_manifest_a_book_is_not_finished(book, damage):
    damage(book.path)
    assert Manifest(INDEX).made_again(MADE) == {INDEX}


def test_a_run_made_by_hand_since_is_kept_and_noted(book):
    Path(TABLE).write_text("another")
    runs.write_stamp(Path(STAMP), {"parameters": {"epochs": 2}})
    later = book.path.stat().st_mtime_ns + 10**9
    os.utime(STAMP, ns=(later, later))
    assert book.made_again(MADE) == set()
    book.note(["results/some"])
    assert Manifest(INDEX).differing == []


@pytest.mark.parametrize("damage", [cut, os.unlink])
@pytest.mark.parametrize("git", [True, False])
def test_what_came_with_the_project_is_refused_with_how_to_have_it_back(book, damage, git):
    if git:
        for words in (["init", "-q"], ["add", RECORDED]):
            subprocess.run(["git", *words], check=True)
    damage(RECORDED)
    how = f"git restore {RECORDED} puts it back" if git else "unpack the project again"
    with pytest.raises(InputError, match=f"^{RECORDED} is (missing|not what was recorded): {how}"):
        book.check_recorded(["book/runs/old"], MADE)
    book.check_recorded(["book/runs/old"], [*MADE, RECORDED])  # a page that is made here
    if git:
        subprocess.run(["git", "restore", RECORDED], check=True)
        book.check_recorded(["book/runs/old"], MADE)
