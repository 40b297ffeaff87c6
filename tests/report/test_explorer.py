"""The explorer: all images, exactly the recorded scores, small files; in a real browser what the table says."""

import base64
import dataclasses
import io
import json
from collections.abc import Iterator
from pathlib import Path

import madeup
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from analysis import datasets, runs
from analysis.datasets import cifar10h, synthetic
from analysis.parameters import RunParameters, StudyParameters
from analysis.studies import RECORDED_STUDIES
from analysis.study.results import NetworkResults, StudyResults, read_results
from report import explorer
from report import page as pages
from report import shown as in_three_forms

STATIC = Path(__file__).parent.parent.parent / "report/explorer"
HOSTILE = '</script><img src=x onerror="window.harmed=1"><!--'
LARGEST = 3_000_000  # bytes of a page and its files


def made_up(n: int = 300, *, people: bool = True, classes: tuple[str, ...] = ("a|b", HOSTILE, "Ünï &amp;")):
    """A study of one network with ties, an undefined score and hostile names, as ``read_results`` gives it."""
    random = np.random.default_rng(0)
    label, shown = np.arange(n) % len(classes), 10 + np.arange(n) % 3
    probabilities = [np.roll([0.8, 0.15, 0.05], k) for k in label]
    counts = np.stack([random.multinomial(m, p) for m, p in zip(shown, probabilities, strict=True)])
    images = pd.DataFrame({"id": [f"{HOSTILE}-{i}" for i in range(n)], "label": label})
    if people:
        images = images.assign(selected=counts[np.arange(n), label], shown=shown)
        images = images.assign(**{f"count_{k}": counts[:, k] for k in range(len(classes))})
    predicted = random.integers(0, len(classes), n)
    avh = random.random(n, dtype=np.float32).round(2)  # with ties
    avh[7:8] = np.nan
    scores = pd.DataFrame({"id": images["id"], "label": label, "predicted": predicted, "correct": predicted == label})
    scores = scores.assign(avh=avh, confidence=random.random(n, dtype=np.float32), loss=np.exp(4 * random.random(n)))
    run = NetworkResults("resnet50", Path(), {"data": "abc"}, scores)
    return StudyResults(
        "made-up", {"classes": list(classes), "name": "made up", "simulated": True}, images, {"resnet50": run}
    )


def noise(n: int, size: int = 32) -> np.ndarray:
    """Pictures (N, 3, size, size) of one colour each, with some noise."""
    random = np.random.default_rng(1)
    colour = random.integers(20, 235, (n, 3, 1, 1))
    return (colour + random.integers(-20, 21, (n, 3, size, size))).astype(np.uint8)


def read(script: bytes) -> dict:
    """The data in the script."""
    return json.loads(script.decode("ascii").removeprefix("window.explorerData = ").removesuffix(";\n"))


def tiles(files: dict[str, bytes], data: dict) -> np.ndarray:
    """Every place of the mosaics (n, tile, tile, 3), in order."""
    size, parts = data["tile"], []
    for m in range(len(files) - 1):
        mosaic = np.asarray(Image.open(io.BytesIO(files[f"explorer-{m}.webp"])).convert("RGB"))
        rows = mosaic.reshape(-1, size, data["across"], size, 3).swapaxes(1, 2)
        parts.append(rows.reshape(-1, size, size, 3))
        assert m == len(files) - 2 or len(parts[-1]) == data["perMosaic"]
    return np.concatenate(parts)


def assert_shows(files: dict[str, bytes], images: np.ndarray, some: np.ndarray, difference: float) -> None:
    """Tile i is picture i, up to compression."""
    shown = tiles(files, read(files["explorer-data.js"]))[some].astype(int)
    errors = np.abs(shown - images[some].transpose(0, 2, 3, 1)).mean((1, 2, 3))
    assert np.mean(errors) < difference
    assert np.max(errors) < 4 * difference


# --- data and mosaics


def test_every_image_is_there_once_with_the_recorded_values():
    study = made_up()
    table, data = study.runs["resnet50"].scores, explorer.data(study, "resnet50")
    assert data["id"] == list(study.images["id"])
    for name in ("label", "predicted", "correct"):
        assert data[name] == table[name].astype(int).tolist()
    assert [score["name"] for score in data["scores"]] == ["avh", "confidence", "loss"]
    for score in data["scores"]:
        values = np.frombuffer(base64.b64decode(score["values"]), "<f4")
        np.testing.assert_array_equal(values, table[score["name"]].astype(np.float32))


def test_answers_are_the_counts_most_frequent_first():
    study = made_up()
    counts = study.images[["count_0", "count_1", "count_2"]].to_numpy()
    rebuilt = np.zeros_like(counts)
    for i, pairs in enumerate(explorer.data(study, "resnet50")["answers"]):
        for k, n in pairs:
            rebuilt[i, k] = n
        assert [n for _, n in pairs] == sorted((n for _, n in pairs), reverse=True)
    np.testing.assert_array_equal(rebuilt, counts)


def test_without_people_there_is_nothing_of_them():
    data = explorer.data(made_up(people=False), "resnet50")
    assert not {"selected", "shown", "answers"} & set(data)


def test_a_score_that_no_image_has_is_left_out():
    study = made_up()
    study.runs["resnet50"].scores["temperature_confidence"] = np.float32("nan")
    names = [score["name"] for score in explorer.data(study, "resnet50")["scores"]]
    assert names == ["avh", "confidence", "loss"]


def test_classes_that_only_the_network_knows_have_their_names():
    study = made_up(people=False)
    study.runs["resnet50"].stamp["classes"] = [*study.dataset["classes"], "dog"]
    assert explorer.data(study, "resnet50")["classes"] == [*study.dataset["classes"], "dog"]


def test_no_text_can_end_the_script():
    script = explorer.data_script(explorer.data(made_up(), "resnet50"))
    assert b"<" not in script
    assert read(script)["classes"][1] == HOSTILE


@pytest.mark.parametrize(("n", "size"), [(1, 32), (1024, 8), (1025, 8), (40, 32)])
def test_tile_i_is_picture_i(n, size):
    images = noise(n, size)
    files = explorer.files(made_up(n), "resnet50", images)
    assert len(files) == 1 + -(-n // explorer.PER_MOSAIC)
    assert_shows(files, images, np.arange(n), 15)


def test_larger_pictures_are_made_smaller_and_keep_their_colour():
    images = np.full((3, 3, 100, 70), 40, np.uint8)
    images[1] = 200
    tiles = explorer.thumbnails(images)
    assert tiles.shape == (3, explorer.TILE, explorer.TILE, 3)
    assert (tiles[1] == 200).all() and (tiles[::2] == 40).all()


def test_quality_falls_until_the_budget_holds():
    study, images = made_up(), noise(300)
    whole = sum(map(len, explorer.files(study, "resnet50", images).values()))
    small = sum(map(len, explorer.files(study, "resnet50", images, budget=whole * 2 // 3).values()))
    assert small <= whole * 2 // 3


def test_the_synthetic_pictures_are_recognisable_and_small(tmp_path):
    drawn = synthetic.load(StudyParameters(train_images=12, test_images=125, data_dir=str(tmp_path))).test.images
    turned = [np.rot90(part, k, axes=(2, 3)) for part in (drawn, drawn[..., ::-1]) for k in range(4)]
    images = np.concatenate(turned)
    files = explorer.files(made_up(1000), "resnet50", images)
    assert_shows(files, images, np.arange(1000), 10)
    assert sum(map(len, files.values())) < 2_000_000


def test_ten_thousand_real_pictures_are_under_three_megabytes(real_data):
    """With as many scores as a run has."""
    if not (real_data / cifar10h.FOLDER).is_dir():
        pytest.skip("needs CIFAR-10 in AVH_DATA")
    images = cifar10h.open_batch(real_data / cifar10h.FOLDER / "test_batch.bin")["picture"]
    study = made_up(len(images), classes=("cat", "dog", "ship"))
    images_table = study.images.assign(id=[f"test-{i:05d}" for i in range(len(images))])
    random = np.random.default_rng(0)
    more = {name: random.random(len(images), dtype=np.float32) for name in list(explorer.OFFERED)[:12]}
    run = study.runs["resnet50"]
    run = NetworkResults(run.arch, run.folder, run.stamp, run.scores.assign(id=images_table["id"], **more))
    files = explorer.files(StudyResults(study.name, study.dataset, images_table, {"resnet50": run}), "resnet50", images)
    assert sum(map(len, files.values())) <= explorer.MOST_BYTES
    assert_shows(files, images, np.arange(0, 10_000, 97), 10)


# --- the page


SAID = {
    "missing": "The images are not available here",
    "imagenet": "The images are not available here",
    "answers": "The images cannot be verified without the human labels",
    "other": "their hash differs",
}


@pytest.mark.parametrize("trouble", SAID)
def test_without_the_pictures_the_page_says_so(trouble, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen = []
    monkeypatch.setattr(in_three_forms, "display", lambda what: seen.append(what.myst))
    parameters = madeup.study(tmp_path / "results", ["resnet50"])
    study = read_results(parameters, ["resnet50"])
    run = {"train_images": 12, "test_images": 12, "data_dir": str(tmp_path)}
    if trouble == "missing":
        run = {"dataset": "imagefolder", "root": str(tmp_path / "*gone*"), "test_images": 12}
    if trouble == "imagenet":
        run = {"dataset": "imagenet", "root": str(tmp_path / "*gone*"), "image_size": 64}
    if trouble == "answers":  # as where they were recorded without them
        declared = datasets.DECLARATIONS["synthetic"]._replace(present=lambda parameters: (True, False))
        monkeypatch.setitem(datasets.DECLARATIONS, "synthetic", declared)
    old = tmp_path / "book/runs/synthetic/resnet50/files/explorer-3.webp"
    old.parent.mkdir(parents=True)
    old.touch()
    parameters = RunParameters.parse(run | {"study": "synthetic"})
    pages.Page(parameters, study, "resnet50", folder=Path("book/runs/synthetic/resnet50")).explorer()
    assert SAID[trouble] in seen[0]
    assert not old.exists()


# --- images in figures


@pytest.fixture
def compared(tmp_path, monkeypatch, squares) -> tuple[pages.Page, np.ndarray]:
    """The page of a comparison, and the test images that its results were made of (N, 3, H, W)."""
    made = squares()
    monkeypatch.setattr(datasets, "load", lambda parameters: made)
    parameters = madeup.study(tmp_path, ["resnet50", "vgg19"])
    study = read_results(parameters, parameters.archs)
    study = dataclasses.replace(study, dataset=study.dataset | {"hash": made.hash})
    return pages.Page(StudyParameters(results_dir=str(tmp_path)), study), made.test.images


ROWS = pd.DataFrame({"image": [3, 1]})


def test_images_in_figures_are_those_of_the_rows(compared):
    page, images = compared
    np.testing.assert_array_equal(page.pixels(ROWS), images[[3, 1]].transpose(0, 2, 3, 1))
    assert page.pixels(ROWS.head(0)) is None


def test_other_images_than_the_results_were_made_of_are_not_in_figures(compared):
    page, _ = compared
    page.results.dataset["hash"] = "abc"
    assert page.pixels(ROWS) is None


@pytest.mark.parametrize(("there", "shown"), [((True, True), True), ((True, False), False), ((False, True), False)])
def test_images_are_in_figures_only_where_they_and_the_human_labels_are_here(compared, monkeypatch, there, shown):
    page, _ = compared
    declared = datasets.DECLARATIONS["synthetic"]._replace(present=lambda parameters: there)
    monkeypatch.setitem(datasets.DECLARATIONS, "synthetic", declared)
    assert (page.pixels(ROWS) is not None) == shown


def test_images_without_human_labels_need_none(compared, monkeypatch):
    page, _ = compared
    page.results.dataset["people"] = None
    declared = datasets.DECLARATIONS["synthetic"]._replace(present=lambda parameters: (True, False))
    monkeypatch.setitem(datasets.DECLARATIONS, "synthetic", declared)
    assert page.pixels(ROWS) is not None


@pytest.mark.parametrize(("place", "shown"), [("recorded", False), (str(RECORDED_STUDIES), False), ("results", True)])
def test_recorded_figures_show_no_images_that_may_not_be_redistributed(compared, monkeypatch, place, shown):
    page, _ = compared
    page.parameters = StudyParameters(dataset="imagenet", root="somewhere", image_size=224, results_dir=place)
    declared = datasets.DECLARATIONS["imagenet"]._replace(present=lambda parameters: (True, True))
    monkeypatch.setitem(datasets.DECLARATIONS, "imagenet", declared)
    assert (page.pixels(ROWS) is not None) == shown


# --- in a browser


def write_page(folder: Path, study: StudyResults, pictured: bool = True) -> Path:
    """The page without the book around it."""
    images = noise(len(study.images)) if pictured else None
    for name, content in explorer.files(study, "resnet50", images).items():
        runs.write_bytes(folder / "files" / name, content)
    page = folder / "page.html"
    page.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Explorer</title>'
        f'<link rel="stylesheet" href="{(STATIC / "explorer.css").as_uri()}"><main>{explorer.PAGE_HTML}</main>'
        f'<script src="files/explorer-data.js"></script><script src="{(STATIC / "selection.js").as_uri()}"></script>'
        f'<script src="{(STATIC / "explorer.js").as_uri()}"></script>'
    )
    return page


@pytest.fixture
def opened(browser, tmp_path) -> Iterator:
    """Opens a study's explorer; afterwards, nothing may have failed on it."""
    troubles, contexts = [], []

    def open_page(study: StudyResults, width: int = 1280, *, pictured: bool = True, at: str = "", before: str = ""):
        context = browser.new_context(offline=True, viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.add_init_script(before)
        page.on("console", lambda m: m.type in ("error", "warning") and troubles.append(m.text))
        page.on("pageerror", lambda e: troubles.append(str(e)))
        page.on("requestfailed", lambda r: troubles.append(f"{r.url} failed"))
        page.goto(write_page(tmp_path, study, pictured).as_uri() + at)
        page.wait_for_selector(".images button")
        page.wait_for_function("document.querySelector('canvas').ariaLabel")  # drawn when the browser is idle
        return page

    yield open_page
    harmed = [page for context in contexts for page in context.pages if page.evaluate("'harmed' in window")]
    for context in contexts:
        context.close()
    assert not harmed
    assert not troubles


def listed(page) -> list[int]:
    return page.eval_on_selector_all(".images button", "all => all.map(b => Number(b.dataset.image))")


def all_listed(page) -> list[int]:
    """The images on all pages, by clicking through them."""
    page.click("[name=first]", force=True) if page.is_enabled("[name=first]") else None
    images = listed(page)
    while page.is_enabled("[name=next]"):
        page.click("[name=next]")
        images += listed(page)
    return images


def expected(study: StudyResults, score: str = "avh", ascending: bool = False, keep=True) -> list[int]:
    """The table's images in order; ties by place, undefined last."""
    table = study.runs["resnet50"].scores.assign(hsf=study.hsf)
    table = table[np.broadcast_to(keep, len(table))]
    return list(table.sort_values(score, ascending=ascending, kind="stable", na_position="last").index)


def details(page) -> dict[str, str]:
    """The chosen image's summary, and its tables by their rows' names."""
    script = "rows => Object.fromEntries(rows.map(r => [...r.children].map(c => c.textContent)))"
    return {
        "summary": page.text_content(".summary"),
        "answers": page.eval_on_selector_all("table.answers tbody tr", script),
        "scores": page.eval_on_selector_all("table.scores tbody tr", script),
    }


def assert_details(page, study: StudyResults, i: int) -> None:
    """What the page says of image i is its row."""
    row, people, classes = study.runs["resnet50"].scores.loc[i], study.images.loc[i], study.dataset["classes"]
    shown = details(page)
    outcome = "correctly" if row["correct"] else "wrongly"
    assert f"{row['id']}, true class {classes[row['label']]}. ResNet50 predicts " in shown["summary"]
    assert f"predicts {classes[row['predicted']]}, {outcome}." in shown["summary"]
    assert (
        f"{people['selected']} of {people['shown']} simulated annotators chose {classes[row['label']]}"
        in shown["summary"]
    )
    counts = {name: str(people[f"count_{k}"]) for k, name in enumerate(classes) if people[f"count_{k}"]}
    assert shown["answers"] == counts
    for label, value in (("AVH", row["avh"]), ("confidence", row["confidence"]), ("loss", row["loss"])):
        text = shown["scores"][label].replace("\u2212", "-")
        assert text == "undefined" if np.isnan(value) else float(text) == pytest.approx(value, rel=1e-3)
    picture, _, position = page.eval_on_selector(
        ".picture", "p => [p.style.backgroundImage, p.style.backgroundSize, p.style.backgroundPosition]"
    )
    place, (down, right) = i % explorer.PER_MOSAIC, divmod(i % explorer.PER_MOSAIC, explorer.TILES_ACROSS)
    assert f"explorer-{i // explorer.PER_MOSAIC}.webp" in picture, place
    assert [float(px.removesuffix("px")) for px in position.split()] == [-192 * right, -192 * down]


@pytest.mark.parametrize(("score", "label"), [("avh", "AVH"), ("confidence", "confidence"), ("hsf", "HSF")])
@pytest.mark.parametrize("direction", ["highest first", "lowest first"])
def test_the_order_is_the_tables_and_every_image_is_reached(opened, score, label, direction):
    study = made_up()
    page = opened(study)
    page.get_by_label("Order by").select_option(label=label)
    page.get_by_label("Direction").select_option(direction)
    order = all_listed(page)
    assert order == expected(study, score, ascending=direction == "lowest first")
    assert sorted(order) == list(range(300))


def test_the_last_page_is_a_click_away_and_pages_have_numbers(opened):
    study = made_up()
    page = opened(study)
    page.click("[name=last]")
    assert listed(page) == expected(study)[288:]
    assert page.text_content(".pages") == "of 7"
    page.get_by_label("Page", exact=True).fill("3")
    page.keyboard.press("Enter")
    assert listed(page) == expected(study)[96:144]


def test_filters_leave_what_the_table_leaves(opened):
    study = made_up()
    page, table = opened(study), study.runs["resnet50"].scores
    keep = np.ones(300, bool)
    low, high = np.quantile(study.hsf[(table["label"] == 1) & ~table["correct"]], [0.2, 0.8], method="nearest")
    for choose, kept in (
        (lambda: page.locator("form.controls").get_by_label("Class").select_option(HOSTILE), table["label"] == 1),
        (lambda: page.get_by_label("Prediction").select_option("wrong"), ~table["correct"]),
        (lambda: page.get_by_label("from").fill(str(low)), study.hsf >= low),  # bounds are within
        (lambda: page.get_by_label("to", exact=True).fill(str(high)), study.hsf <= high),
    ):
        choose()
        keep &= kept
        assert page.text_content(".status") == f"{keep.sum()} of 300 images"
        assert all_listed(page) == expected(study, keep=keep)
    assert 0 < keep.sum() < 100
    page.get_by_label("from").fill(str(high + 0.01))
    assert page.text_content(".status") == "0 of 300 images"
    assert listed(page) == []
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function("document.querySelector('.status').textContent.startsWith('300 ')")
    assert all_listed(page) == expected(study)


def test_a_click_shows_the_row_and_steps_go_on_from_it(opened):
    study = made_up()
    page, order = opened(study), expected(study)
    assert_details(page, study, order[0])
    page.click(f".images button[data-image='{order[46]}']")
    assert_details(page, study, order[46])
    for place in (47, 48):  # onto the next page
        page.get_by_role("button", name="Next image").click()
        assert_details(page, study, order[place])
    assert listed(page) == order[48:96]
    page.click("[name=last]")
    page.click(".images li:last-child button")
    assert order[-1] == 7  # the undefined one
    assert_details(page, study, 7)


def test_the_keyboard_alone_is_enough(opened):
    study = made_up()
    page, order = opened(study), expected(study, ascending=True)
    focused = "document.activeElement.dataset.image ?? document.activeElement.name"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "direction"
    page.keyboard.press("ArrowDown")  # lowest first
    for _ in range(10):
        page.keyboard.press("Tab")
    assert page.evaluate(focused) == str(order[0])
    across = page.evaluate("getComputedStyle(document.querySelector('.images')).gridTemplateColumns.split(' ').length")
    place = 0
    for key, by in (("ArrowRight", 1), ("ArrowDown", across), ("ArrowLeft", -1), ("End", 0), ("ArrowRight", 0)):
        page.keyboard.press(key)
        place = {"End": 47}.get(key, place + by) if place != 47 else 48
        assert page.evaluate(focused) == str(order[place])
    page.keyboard.press("Enter")
    assert_details(page, study, order[48])
    page.focus("canvas")
    page.keyboard.press("ArrowRight")
    assert_details(page, study, order[49])
    assert page.evaluate(f"document.querySelector('.images [aria-current=true]').dataset.image === '{order[49]}'")


def test_a_click_on_a_point_shows_its_image(opened):
    """Where the point is: recomputed here from the axes, 58 to width - 10 and 26 to height - 38."""
    study = made_up()
    page = opened(study)
    box = page.locator("canvas").evaluate("c => [c.clientWidth, c.clientHeight]")
    avh, hsf = study.runs["resnet50"].scores["avh"].to_numpy(), study.hsf
    x = 58 + hsf * (box[0] - 68)
    y = box[1] - 38 - (avh - np.nanmin(avh)) / (np.nanmax(avh) - np.nanmin(avh)) * (box[1] - 64)
    distance = np.hypot(x[:, None] - x, y[:, None] - y)
    np.fill_diagonal(distance, np.inf)
    alone = np.nanmin(np.where(np.isnan(distance), np.inf, distance), 1) > 5
    alone[7] = False
    page.eval_on_selector("canvas", "c => c.scrollIntoView({block: 'center'})")
    for i in np.flatnonzero(alone)[:5]:
        page.locator("canvas").click(position={"x": round(x[i]), "y": round(y[i])})
        assert_details(page, study, i)
        assert int(i) in listed(page)
        seen = "e => {const b = e.getBoundingClientRect(); return b.top >= 0 && b.bottom <= innerHeight}"
        assert page.eval_on_selector(".tip", seen)  # the image, beside its point
        same = "document.querySelector('.tip').style.backgroundImage === document.querySelector('.picture').style"
        assert page.evaluate(f"{same}.backgroundImage")
        assert page.eval_on_selector("canvas", seen)


def test_a_browser_without_what_only_new_ones_have_shows_the_same(opened):
    study = made_up()
    page = opened(study, before="delete Uint8Array.fromBase64; delete window.requestIdleCallback")
    assert page.evaluate("[Uint8Array.fromBase64, window.requestIdleCallback].every((missing) => !missing)")
    assert_details(page, study, expected(study)[0])
    page.wait_for_function("document.querySelector('canvas').ariaLabel.includes('299 images')")  # one is undefined


def test_no_label_of_the_plot_is_clipped(opened):
    """Wherever text is drawn, it lies within the canvas, also that of tiny numbers."""
    study = made_up()
    study.runs["resnet50"].scores["confidence"] *= 1e-5
    record = """window.drawn = []; const draw = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
        const width = this.measureText(text).width;
        const left = x - width * { left: 0, center: 0.5, right: 1 }[this.textAlign];
        drawn.push([text, left, left + width, this.canvas.clientWidth]);
        draw.call(this, text, x, y);
    };"""
    page = opened(study, 390, before=record)
    page.get_by_label("Order by").select_option("confidence")
    page.wait_for_function("drawn.some(([text]) => text.includes('e\u2212'))")
    assert [said for said in page.evaluate("drawn") if said[1] < 0 or said[2] > said[3]] == []


def spearman(study: StudyResults, score: str, other: str, keep=True) -> tuple[float, int]:
    """By pandas."""
    table = study.runs["resnet50"].scores.assign(hsf=study.hsf)
    both = table.loc[np.broadcast_to(keep, len(table)), [score, other]].dropna()
    return both.corr("spearman").iloc[0, 1], len(both)


def coefficient(page) -> tuple[float, int]:
    rho, n = page.text_content(".rho").replace("\u2212", "-").split(" = ", 1)[1].split(", n = ")
    return float(rho), int(n)


@pytest.mark.parametrize("pictured", [True, False])
def test_the_selections_coefficient_is_that_of_its_rows(opened, pictured):
    study = made_up()
    page, wrong = opened(study, pictured=pictured), ~study.runs["resnet50"].scores["correct"]
    for score, other, keep in (("avh", "hsf", True), ("avh", "hsf", wrong), ("loss", "confidence", wrong)):
        page.get_by_label("Order by").select_option(score)
        page.get_by_label("Compare with").select_option(other)
        page.get_by_label("Prediction").select_option("wrong" if keep is wrong else "correct or wrong")
        assert coefficient(page) == pytest.approx(spearman(study, score, other, keep), abs=5.1e-4)


def test_filters_that_leave_nothing_say_so_and_clear_the_picture(opened):
    page = opened(made_up())
    assert page.is_hidden(".empty")
    page.get_by_label("from").fill("2")
    assert page.is_visible(".empty")
    assert not page.is_visible(".picture") and not page.is_visible("table.scores")
    assert page.text_content(".summary") == "No image selected."
    assert page.text_content(".rho") == ""
    page.get_by_role("button", name="Reset").click()
    page.wait_for_selector(".picture")
    assert page.is_hidden(".empty")


def test_an_image_is_found_by_its_id_or_its_number(opened):
    study = made_up()
    page = opened(study)
    for wanted, i in ((f"{HOSTILE}-17", 17), ("203", 203), ("7", 7)):
        page.get_by_label("Image by id or number").fill(wanted)
        page.keyboard.press("Enter")
        assert_details(page, study, i)
        assert i in listed(page)
    page.get_by_label("Image by id or number").fill("4711")
    page.get_by_role("button", name="Find").click()
    assert page.text_content(".found") == "No image has the id or number 4711."
    assert_details(page, study, 7)
    page.locator("form.controls").get_by_label("Class").select_option("a|b")  # the images 0, 3, 6, ...
    page.get_by_label("Image by id or number").fill("8")
    page.keyboard.press("Enter")
    assert_details(page, study, 8)
    assert page.text_content(".found") == f"{HOSTILE}-8 does not match the filters."


def test_what_is_chosen_is_in_the_address_and_the_browser_leads_back(opened):
    study, first = made_up(), expected(made_up())[0]
    page, start = opened(study), ["avh", ""]
    chosen = "[document.forms[0].score.value, document.forms[0].correct.value]"
    assert "#" not in page.url
    page.get_by_label("Order by").select_option("confidence")
    page.get_by_label("Prediction").select_option("wrong")
    page.get_by_label("to", exact=True).fill("0.9")
    keep = ~study.runs["resnet50"].scores["correct"] & (study.hsf <= 0.9)
    order = expected(study, "confidence", keep=keep)
    page.click(f".images button[data-image='{order[5]}']")
    assert_details(page, study, order[5])
    address = page.url.partition("#")[2]
    other = opened(study, at=f"#{address}")
    assert listed(other) == order[:48]
    assert_details(other, study, order[5])
    page.go_back()
    assert page.evaluate(chosen) == ["confidence", "0"]
    page.go_back()
    page.go_back()
    assert page.evaluate(chosen) == start
    assert_details(page, study, first)


@pytest.mark.parametrize("address", ["#score=<img src=x>&label=99&image=nobody", "#what-this-page-shows", "#%E0%A4%A"])
def test_an_address_that_means_nothing_is_the_start(opened, address):
    study = made_up()
    assert listed(opened(study, at=address)) == expected(study)[:48]


@pytest.mark.parametrize("pictured", [True, False])
def test_the_selection_is_a_csv_file(opened, tmp_path, pictured):
    study = made_up()
    page = opened(study, pictured=pictured)
    page.get_by_label("Prediction").select_option("wrong")
    with page.expect_download() as download:
        page.get_by_role("button", name="Selection as CSV").click()
    download.value.save_as(tmp_path / "selection.csv")
    saved = pd.read_csv(tmp_path / "selection.csv")
    scores = study.runs["resnet50"].scores
    rows = expected(study, keep=~scores["correct"])
    assert list(saved["id"]) == list(study.images["id"][rows])
    assert list(saved["class"]) == [study.dataset["classes"][k] for k in scores["label"][rows]]
    assert list(saved["predicted by ResNet50"]) == [study.dataset["classes"][k] for k in scores["predicted"][rows]]
    for label, name in (("AVH", "avh"), ("confidence", "confidence"), ("loss", "loss")):
        np.testing.assert_array_equal(saved[label].astype(np.float32), scores[name][rows].astype(np.float32))
    np.testing.assert_array_equal(saved[["selected", "shown"]], study.images.loc[rows, ["selected", "shown"]])
    np.testing.assert_allclose(saved["HSF"], study.hsf[rows])


@pytest.mark.parametrize("width", [390, 1280])
def test_without_pictures_it_is_a_table_and_a_scatter(opened, width):
    study = made_up()
    page = opened(study, width, pictured=False)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".picture").count() == 0
    assert page.is_visible("canvas")
    assert all_listed(page) == expected(study)
    page.click("[name=first]")
    cells = page.eval_on_selector_all(
        "table.images tbody tr", "rows => rows.map(r => [...r.cells].map(c => c.textContent))"
    )
    table, classes = study.runs["resnet50"].scores, study.dataset["classes"]
    for i, shown in zip(expected(study)[:24], cells, strict=True):
        row = table.loc[i]
        assert shown[:3] == [row["id"], classes[row["label"]], classes[row["predicted"]]]
        assert [float(value) for value in shown[3:]] == pytest.approx([row["avh"], study.hsf[i]], rel=1e-3)
    page.click(f".images button[data-image='{expected(study)[2]}']")
    assert f"{study.images['id'][expected(study)[2]]}, true class" in details(page)["summary"]
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.image") == str(expected(study)[3])


@pytest.mark.parametrize("width", [390, 1280])
def test_without_people_the_rest_works(opened, width):
    study = made_up(people=False)
    page = opened(study, width)
    assert page.locator(".people").count() == 0
    assert page.locator("canvas").is_visible()
    assert coefficient(page) == pytest.approx(spearman(study, "avh", "confidence"), abs=5.1e-4)
    page.get_by_label("Prediction").select_option("correct")
    assert all_listed(page) == expected(study, keep=study.runs["resnet50"].scores["correct"])
    assert "people" not in details(page)["summary"]


@pytest.mark.parametrize("width", [390, 1280])
def test_everything_has_a_name_and_fits(opened, width):
    page = opened(made_up(), width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('#explorer :is(button, select, input, canvas, [role=img])')].filter(e =>
            !(e.ariaLabel || e.labels?.length && e.labels[0].textContent.trim() || e.textContent.trim())).length"""
    )
    assert unnamed == 0
    assert HOSTILE in page.get_attribute(".images button >> nth=0", "aria-label") + "".join(
        page.eval_on_selector_all(".images button", "all => all.map(b => b.ariaLabel)")
    )
