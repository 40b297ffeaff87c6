"""`make pdf`: the built book as one PDF with a bookmark for each page, printed by Debian's Chromium; no TeX.

What opens with a click is printed open. Explorers are left out: they are nothing without their script. Links between
pages lead to sheets; those to files that lie beside pages would name this machine's folders, and are left out.
"""

import re
import tempfile
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import yaml
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NullObject

from analysis import runs
from analysis.errors import InputError, as_one_sentence
from report import chromium

BOOKS = {  # the first that is built is printed: `make book`'s, else `make read`'s; of each its contents, where they are
    Path("_build/html"): (Path("build/_toc.yml"), Path("_toc.yml")),
    Path("_build/read"): (Path("build/_toc_read.yml"),),
}
OUTPUT = Path("_build/book.pdf")


def run_pdf() -> None:
    with as_one_sentence():
        book = write_pdf()
        print(f"The book as a PDF is {book}, {book.stat().st_size / 1e6:.1f} MB")


def write_pdf(output: Path = OUTPUT) -> Path:
    """Print the built book. Raises InputError if there is no book or no Chromium."""
    program = chromium.program("make pdf")
    built = next((book for book in BOOKS if (book / "index.html").is_file()), None)
    if built is None:
        raise InputError(f"{' and '.join(map(str, BOOKS))} hold no book: run make read or make book first")
    writer = PdfWriter()
    part, pages, places = None, [], {}
    with tempfile.TemporaryDirectory() as folder:
        for caption, page in pages_in_order(built):
            pdf = Path(folder) / "page.pdf"
            chromium.make(program, page, pdf, "--no-pdf-header-footer", f"--print-to-pdf={pdf}")
            first, printed, address = len(writer.pages), PdfReader(pdf), page.resolve().as_uri()
            writer.append(printed, import_outline=False)
            pages += [address] * len(printed.pages)
            places[address] = first
            for name, anchor in printed.named_destinations.items():
                places[f"{address}#{name.removeprefix('/')}"] = first + printed.get_destination_page_number(anchor)
            if caption:  # the first page of a part
                part = writer.add_outline_item(title=caption, page_number=first, is_open=False)
            writer.add_outline_item(title=title_of_page(page), page_number=first, parent=part)
        for sheet, address in zip(writer.pages, pages, strict=True):
            kept = [link for link in sheet.get("/Annots", ()) if led(link.get_object(), address, places, writer)]
            sheet[NameObject("/Annots")] = ArrayObject(kept)
        writer.compress_identical_objects()
        with runs.replacing(output) as temporary:
            writer.write(temporary)
    return output


def led(link: DictionaryObject, page: str, places: dict[str, int], writer: PdfWriter) -> bool:
    """Whether a page's link leads somewhere; within the book, now to a sheet. places: sheets by address."""
    address = link["/A"].get("/URI", "") if "/A" in link else f"{page}#{str(link['/Dest']).removeprefix('/')}"
    if not address.startswith("file:"):
        return True
    sheet = places.get(address, places.get(address.partition("#")[0]))
    if sheet is None:
        return False
    link.pop("/A", None)
    top = [writer.pages[sheet].indirect_reference, NameObject("/XYZ"), *3 * [NullObject()]]
    link[NameObject("/Dest")] = ArrayObject(top)
    return True


def pages_in_order(built: Path) -> Iterator[tuple[str, Path]]:
    """The pages of a book in order, each with the caption of its part if it is the first page of it."""
    contents = yaml.safe_load(next(path for path in BOOKS[built] if path.is_file()).read_text("utf-8"))
    parts = [("", [{"file": contents["root"]}])]
    parts += [(part.get("caption", ""), part["chapters"]) for part in contents.get("parts", [])]
    for caption, chapters in parts:
        there = [built / f"{chapter['file']}.html" for chapter in chapters if not chapter["file"].endswith("/explorer")]
        for place, page in enumerate(page for page in there if page.is_file()):
            yield (caption if place == 0 else ""), page


def title_of_page(page: Path) -> str:
    """The title of a page, without that of the book."""
    found = re.search(r"<title>(.*?)(?: &#8212; .*?)?</title>", page.read_text("utf-8"), re.DOTALL)
    return unescape(found[1]).strip() if found else page.stem


if __name__ == "__main__":
    run_pdf()
