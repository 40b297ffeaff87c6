"""The book as a PDF: all pages in order, bookmarked, with what a click would open."""

import shutil
from pathlib import Path

import pytest
from pypdf import PdfReader

from report import pdf

STYLE = Path(__file__).parent.parent.parent / "book/_static/book.css"
CONTENTS = """
root: book/index
parts:
- caption: One
  chapters: [{file: book/first}, {file: book/runs/a/explorer}, {file: book/second}]
- caption: Gone
  chapters: [{file: book/not-built}]
"""


@pytest.fixture
def built(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("_toc.yml").write_text(CONTENTS)
    for name in ("index", "first", "second", "runs/a/explorer"):
        page = Path("_build/html/book", f"{name}.html")
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(
            f'<title>Page {name} &amp; more &#8212; A book</title><link rel="stylesheet" href="{STYLE.as_uri()}">'
            f'<div class="bd-content"><p>text of {name}<details class="sd-dropdown"><summary>More</summary>'
            f"<p>hidden in {name}</details>"
            '<p><a href="../book/first.html#there">one</a> <a href="#there">here</a> <a href="data.csv">data</a> '
            '<a href="https://example.org/">elsewhere</a><p id="there" style="break-before: page">there</div>'
        )
    Path("_build/html/index.html").touch()
    return tmp_path


def test_all_pages_are_printed_in_order_with_what_is_folded(built, capsys, chromium):
    pdf.run_pdf()
    assert "_build/book.pdf" in capsys.readouterr().out
    book = PdfReader("_build/book.pdf")
    texts = [page.extract_text() for page in book.pages]
    assert len(texts) == 6
    for name, text in zip(("index", "first", "second"), texts[::2], strict=True):
        assert f"text of {name}" in text and f"hidden in {name}" in text
    index, part, pages = book.outline
    assert [index.title, part.title] == ["Page index & more", "One"]
    assert [(page.title, book.get_destination_page_number(page)) for page in pages] == [
        ("Page first & more", 2),
        ("Page second & more", 4),
    ]
    for number in (0, 2, 4):
        links = [link.get_object() for link in book.pages[number]["/Annots"]]
        led = [book.get_page_number(link["/Dest"][0].get_object()) for link in links if "/Dest" in link]
        assert led == [3, number + 1]
        assert [link["/A"]["/URI"] for link in links if "/A" in link] == ["https://example.org/"]
    assert str(built).encode() not in Path("_build/book.pdf").read_bytes()


def test_without_a_book_it_says_what_to_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/chromium")
    with pytest.raises(SystemExit, match="2"):
        pdf.run_pdf()
    assert capsys.readouterr().err == (
        "error: _build/html and _build/read hold no book: run make read or make book first\n"
    )
    assert not Path("_build").exists()
