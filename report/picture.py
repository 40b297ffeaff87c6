"""README's picture: the recorded book's front page, and in the file the words that it shows.

    make read && python -m report.picture

The words are those of today's tables and table of contents. A page without them is not taken, and a test compares those
in the picture with today's, so neither a stale page nor a stale picture passes.
"""

import re
import tempfile
from html import unescape
from pathlib import Path

import yaml
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from analysis import runs
from analysis.errors import InputError, as_one_sentence
from analysis.studies import with_recorded
from report import chromium, contents, front

FIRST_PAGE = Path("_build/read/book/index.html")
README_PICTURE = Path("book/_static/page.png")
SCREEN_SIZE = (1280, 800)
SEEN_WORDS = "Words"  # the name of the text in the file


def run_picture() -> None:
    with as_one_sentence():
        take_picture()
        print(f"{README_PICTURE}: {README_PICTURE.stat().st_size / 1000:.0f} KB")


def take_picture(page: Path = FIRST_PAGE, picture: Path = README_PICTURE) -> None:
    """Take the picture. Raises InputError where there is no page, or one that does not show today's words."""
    if not page.is_file():
        raise InputError(f"{page} is missing: run make read first")
    shown, wanted = text_of(page.read_text("utf-8")), front_words()
    if lacking := [line for line in wanted if line not in shown]:
        raise InputError(f"{page} does not show {lacking[0]!r}: run make read first")
    program = chromium.program("the picture")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "page.png"
        size = f"--window-size={SCREEN_SIZE[0]},{SCREEN_SIZE[1]}"
        chromium.make(program, page, made, f"--screenshot={made}", size, "--hide-scrollbars")
        whole = Image.open(made).convert("RGB")
        few = whole.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)  # marks keep their colours
        about = PngInfo()
        about.add_itxt(SEEN_WORDS, "\n".join(wanted))
        with runs.replacing(picture) as temporary:
            few.save(temporary, "png", optimize=True, pnginfo=about)


def front_words() -> list[str]:
    """What the page shows today, line by line: the answer, then parts and pages as the contents call them."""
    listed = yaml.safe_load(contents.table_of_contents(with_recorded({}), without=contents.NOT_RECORDED))
    lines = [front.answer(front.recorded()).replace("*", "")]
    for part in listed["parts"]:
        lines += [part["caption"], *(page.get("title") or heading(page["file"]) for page in part["chapters"])]
    return lines


def heading(page: str) -> str:
    """A page's own title, where the contents give it none."""
    return re.search(r"^# (.+)$", Path(f"{page}.md").read_text("utf-8"), re.MULTILINE)[1]


def text_of(html: str) -> str:
    """What a page shows, in one line."""
    without = re.sub(r"<(script|style)\b.*?</\1>", " ", html, flags=re.DOTALL)
    text = unescape(re.sub(r"<[^>]*>", "", without)).translate(str.maketrans("’“”", '\'""'))  # as they were typed
    return " ".join(text.split())


if __name__ == "__main__":
    run_picture()
