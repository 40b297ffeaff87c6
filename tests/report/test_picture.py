"""README's picture: of the front page as it is today, by its words, which the file holds."""

import re
from html import escape
from pathlib import Path

import pytest
from PIL import Image, ImageColor

from analysis.errors import InputError
from report import picture, styles

ROOT = Path(__file__).parent.parent.parent


def words_in(path: Path) -> list[str]:
    """The words that a picture's file holds."""
    with Image.open(path) as image:
        return image.text.get(picture.SEEN_WORDS, "").splitlines()


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_the_picture_shows_todays_words():
    advice = "run make read && python -m report.picture"
    assert words_in(picture.README_PICTURE) == picture.front_words(), advice
    with Image.open(picture.README_PICTURE) as taken:
        assert taken.size == (1280, 800)
    assert picture.README_PICTURE.stat().st_size < 150_000
    assert f"]({picture.README_PICTURE})" in (ROOT / "README.md").read_text()


def test_its_marks_have_the_colours_of_the_networks():
    with Image.open(picture.README_PICTURE) as taken:
        seen = {colour for _, colour in taken.convert("RGB").getcolors(1280 * 800)}
    for network in ("alexnet", "vgg19", "densenet121", "resnet50"):
        wanted = ImageColor.getrgb(styles.PAPER_NETWORKS[network].colour)
        assert min(sum(abs(a - b) for a, b in zip(colour, wanted, strict=True)) for colour in seen) < 10, network


def test_its_words_are_the_answer_and_what_the_contents_list():
    answer, *listed = picture.front_words()
    assert answer.split(". ")[0] in (ROOT / "README.md").read_text().replace("*", "")
    assert {"The paper", "CIFAR-10H", "Verdicts", "ResNet50: hardness"} <= set(listed)
    method = re.search("^# (.+)$", (ROOT / "book/method.md").read_text(), re.MULTILINE)
    assert listed[1] == method[1]


def page_of(folder: Path, lines: list[str]) -> Path:
    page = folder / "index.html"
    page.write_text(f"<script>no words</script><body style='background:#f00'>{'<p>'.join(map(escape, lines))}")
    return page


def test_a_page_is_taken_with_its_words(tmp_path, chromium):
    picture.take_picture(page_of(tmp_path, picture.front_words()), tmp_path / "page.png")
    assert words_in(tmp_path / "page.png") == picture.front_words()
    with Image.open(tmp_path / "page.png") as taken:
        assert taken.size == picture.SCREEN_SIZE
        assert taken.convert("RGB").getpixel((1270, 790)) == (255, 0, 0)


def test_a_stale_page_is_not_taken(tmp_path):
    _, *others = picture.front_words()
    with pytest.raises(InputError, match=r"does not show .*: run make read first"):
        picture.take_picture(page_of(tmp_path, ["Yes. It was another answer.", *others]), tmp_path / "page.png")
    with pytest.raises(InputError, match="is missing: run make read first"):
        picture.take_picture(tmp_path / "none.html", tmp_path / "page.png")
    assert not (tmp_path / "page.png").exists()
