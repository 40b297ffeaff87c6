"""The definition to try, in a real browser: its numbers are those of ``scores.py``, however it is moved."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from analysis import scores

STATIC = Path(__file__).parent.parent.parent / "book/_static"
MARKUP = (STATIC / "definition.html").read_text()
CLASSES = {
    name: (float(turn), float(length))
    for name, turn, length in re.findall(r'data-name="(\w+)" data-turn="(\d+)" data-length="(\d+)"', MARKUP)
}
PRESETS = dict(re.findall(r'data-state="turn=(\d+)&amp;length=([\d.]+)"', MARKUP))


def vector(turn: float, length: float) -> list[float]:
    return [length * np.cos(np.radians(turn)), length * np.sin(np.radians(turn))]


def expected(turn: float, length: float) -> dict[str, list[float]]:
    """What scores.py says of the image vector, whose true class is the first."""
    weights = torch.tensor([vector(*way) for way in CLASSES.values()], dtype=torch.float64)
    image, own = torch.tensor([vector(turn, length)], dtype=torch.float64), torch.tensor([0])
    logits = image @ weights.T
    return {
        "angle": scores.angles(image, weights)[0].tolist(),
        "logit": logits[0].tolist(),
        "avh": scores.avh(image, weights, own).tolist(),
        "confidence": scores.confidence(logits, own).tolist(),
        "norm": scores.norm(image).tolist(),
    }


def shown(page) -> dict[str, list[float]]:
    read = "all => all.map(e => Number(e.textContent.replace('\\u2212', '-')))"
    columns = {"angle": 2, "logit": 3}
    found = {name: page.eval_on_selector_all(f"tbody td:nth-child({k})", read) for name, k in columns.items()}
    return found | {
        name: page.eval_on_selector_all(f"output[name={name}]", read) for name in ("avh", "confidence", "norm")
    }


def assert_shows(page, turn: float, length: float) -> None:
    now, wanted = shown(page), expected(turn, length)
    for name, values in wanted.items():
        assert now[name] == pytest.approx(values, abs=5.1e-4), name


@pytest.fixture
def opened(browser, tmp_path):
    """Opens the definition by itself."""
    contexts = []

    def open_page(at: str = "", width: int = 1280, **options):
        contexts.append(browser.new_context(offline=True, viewport={"width": width, "height": 900}, **options))
        path = tmp_path / "book" / "method.html"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'<!doctype html><html lang="en"><title>Method</title><main>{MARKUP}</main>')
        if not (tmp_path / "_static").exists():
            (tmp_path / "_static").symlink_to(STATIC)
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: pytest.fail(str(error)))
        page.goto(path.as_uri() + at)
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_it_is_small_and_needs_nothing():
    assert (STATIC / "definition.js").stat().st_size + len(MARKUP) <= 12_000
    assert set(re.findall(r'(?:src|href)="([^"]+)"', MARKUP)) == {
        "../_static/definition.css",
        "../_static/definition.js",
    }


def test_without_a_script_it_is_a_figure_with_its_numbers(opened):
    page = opened(java_script_enabled=False)
    assert page.is_visible("svg") and page.is_hidden("input[name=turn]") and page.is_hidden("button >> nth=0")
    values = re.findall(r'<td>([^<]*)</td>|<output name="(?:avh|confidence|norm)">([^<]*)<', MARKUP)
    static = [float((cell or output).replace("−", "-")) for cell, output in values]
    wanted = expected(100, 4)
    assert static[0:9:3] == pytest.approx(wanted["angle"], abs=5.1e-4)
    assert static[1:9:3] == pytest.approx(wanted["logit"], abs=5.1e-4)
    assert static[9:] == pytest.approx([*wanted["avh"], *wanted["confidence"], *wanted["norm"]], abs=5.1e-4)


def test_in_print_it_is_a_figure(opened):
    page = opened("#turn=65&length=3")
    page.emulate_media(media="print")
    assert page.is_visible("svg") and page.is_visible("output[name=avh]")
    assert page.is_hidden("input[name=turn]") and page.is_hidden("button >> nth=0")


@pytest.mark.parametrize("turn", [0, 40, 65, 90, 115, 220, 270, 359])
def test_its_numbers_are_the_scores(opened, turn):
    page = opened(f"#turn={turn}&length=1.7")
    assert_shows(page, turn, 1.7)


def test_presets_say_what_they_are_called(opened):
    page = opened()
    page.emulate_media(reduced_motion="reduce")
    found = {}
    for name, (turn, length) in zip(
        ("easy", "torn between two", "confident and wrong", "dim"), PRESETS.items(), strict=True
    ):
        page.get_by_role("button", name=name, exact=True).click()
        assert_shows(page, float(turn), float(length))
        assert page.url.endswith(f"#turn={turn}&length={length}")
        found[name] = shown(page) | {"says": page.text_content(".said").rpartition("Prediction: ")[2]}
    assert found["easy"]["confidence"][0] > 0.9 and found["easy"]["says"] == "cat."
    assert found["torn between two"]["confidence"][0] == pytest.approx(0.5, abs=0.01)
    assert found["confident and wrong"]["confidence"][0] < 0.1 and found["confident and wrong"]["says"] == "dog."
    assert found["dim"]["avh"][0] < found["easy"]["avh"][0] and found["dim"]["confidence"][0] < 0.6
    page.go_back()
    assert_shows(page, *[list(map(float, state)) for state in PRESETS.items()][2])


def test_the_two_facts_can_be_found(opened):
    page = opened("#turn=65&length=0.5")
    short = shown(page)
    page.get_by_label("Length", exact=True).fill("5")
    assert_shows(page, 65, 5)
    assert shown(page)["avh"] == short["avh"] and shown(page)["confidence"] != short["confidence"]
    page.get_by_label("Direction", exact=True).fill("115")  # as far from the cat, on the other side
    assert_shows(page, 115, 5)
    assert shown(page)["angle"][0] == short["angle"][0] and shown(page)["avh"] != short["avh"]


def test_the_handle_follows_the_mouse_and_the_arrow_keys(opened):
    page = opened()
    box = page.locator("svg").bounding_box()
    centre = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    unit = box["width"] / 360 * 32
    page.mouse.move(centre[0], centre[1] - 4 * unit)
    page.mouse.down()
    page.mouse.move(centre[0] + 2 * unit, centre[1])
    page.mouse.up()
    page.mouse.move(centre[0], centre[1])
    assert_shows(page, 0, 2)
    handle = page.get_by_role("slider", name="Image vector")
    handle.focus()
    for key in ("ArrowLeft", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
    assert_shows(page, 10, 2.2)
    said = handle.get_attribute("aria-valuetext")
    assert said.startswith("80° from cat (true class), 30° from dog and 70° from ship; length 2.2. Prediction: dog.")
    assert page.get_by_label("Direction", exact=True).get_attribute("aria-valuetext") == said


def test_a_touch_moves_it_on_a_phone(opened):
    page = opened(width=390, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator("svg").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2 + 2 * box["width"] / 360 * 32, box["y"] + box["height"] / 2)
    assert_shows(page, 0, 2)


def test_who_wants_no_motion_sees_none(opened):
    page, moving = opened(), "getComputedStyle(document.querySelector('.image')).transitionDuration"
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(moving) == "0s"
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(moving) == "0.25s"


def test_links_in_prose_lead_to_states(opened):
    prose = (STATIC.parent / "method.md").read_text()
    states = re.findall(r'href="(#turn=\d+&amp;length=[\d.]+)"', prose)
    assert len(states) == 4
    for state in states:
        turn, length = map(float, re.findall(r"[\d.]+", state))
        assert_shows(opened(state.replace("&amp;", "&")), turn, length)
