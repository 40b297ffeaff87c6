"""The front page, README and the page of verdicts say what one table says; a small book of it, in a real browser."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import madeup
import nbformat
import pandas as pd
import pytest
import yaml
from PIL import Image

from analysis.parameters import RunParameters
from analysis.studies import read_study
from analysis.study import claims
from analysis.study.results import read_results
from report import contents, figures, front, styles, wording
from report import page as pages
from report import shown as in_three_forms

ROOT = Path(__file__).parent.parent.parent
SIMULATED = "Simulated annotators"  # the title of the default study
SCREENS = [(1280, 800), (390, 844)]
VERDICTS = {
    "P2a": ["supported"] * 3,
    "P2b": ["not supported"] * 3,
    "P2c": ["not supported", "inconclusive", "supported"],
}


def judged(**changed: list[str]) -> pd.DataFrame:
    """A table of verdicts on three networks."""
    rows = [
        {"claim": id_, "arch": arch, "verdict": verdict, "why": ""}
        for id_, verdicts in (VERDICTS | changed).items()
        for arch, verdict in zip(("alexnet", "vgg19", "resnet50"), verdicts, strict=True)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("changed", "head"),
    [
        ({}, "Only weakly"),
        ({"P2b": ["supported"] * 3}, "Yes"),
        ({"P2b": ["supported", "not supported", "inconclusive"]}, "In part"),
        ({"P2b": ["inconclusive"] * 3}, "At least weakly"),
        ({"P2a": ["supported", "not supported", "inconclusive"]}, "In part"),
        ({"P2a": ["not supported"] * 3}, "No"),
        ({"P2a": ["inconclusive"] * 3}, "Undecided"),
        ({"P2a": ["not supported", "inconclusive", "not supported"]}, "Undecided"),
    ],
)
def test_the_answer_begins_with_what_the_verdicts_come_to(changed, head):
    said = wording.front.answer_in_words(judged(**changed))
    assert said.startswith(f"**{head}.** ")
    assert "does in 1 of the networks, and less strongly in 1 (undecided in 1)." in said


@pytest.mark.parametrize(("verdict", "how"), [("supported", "more"), ("not supported", "less")])
def test_what_holds_in_all_networks_is_said_of_all(verdict, how):
    said = wording.front.answer_in_words(judged(P2c=[verdict] * 3))
    assert f"In all 3 networks AVH correlates with human judgement {how} strongly than the network's confidence" in said
    assert "none of the networks" not in said


def test_the_answer_counts_what_is_undecided_and_names_a_wrong_sign():
    said = wording.front.answer_in_words(judged(P2a=["inconclusive"] * 3, P2b=["inconclusive"] * 3))
    assert "AVH falls in none of the 3 networks (undecided in all 3) as" in said
    assert "strong in none (undecided in all 3)" in said
    assert "sign" not in said
    said = wording.front.answer_in_words(judged(P2a=["supported", "inconclusive", "not supported"]))
    assert "AVH falls in 1 of 3 networks (undecided in 1) as" in said
    assert said.endswith("The correlation has the wrong sign in 1 of the networks in which it is stronger.")


@pytest.mark.parametrize(
    ("arch", "changed", "said"),
    [
        (
            "alexnet",
            {},
            "**Only weakly.** In the one network studied, AVH falls as more people agree with the label of an image; "
            "the correlation is not strong. AVH correlates with human judgement less strongly than the network's "
            "confidence does.",
        ),
        (
            "vgg19",
            {"P2a": ["inconclusive"] * 3},
            "**Undecided.** In the one network studied, it is undecided whether AVH falls as more people agree with "
            "the label of an image. AVH correlates with human judgement neither clearly more nor clearly less strongly "
            "than the network's confidence does.",
        ),
        (
            "resnet50",
            {"P2a": ["not supported"] * 3},
            "**No.** In the one network studied, AVH does not fall as more people agree with the label of an image. "
            "AVH correlates with human judgement more strongly than the network's confidence does. The correlation "
            "has the wrong sign.",
        ),
    ],
)
def test_the_answer_for_one_network_counts_nothing(arch, changed, said):
    table = judged(**changed)
    assert wording.front.answer_in_words(table[table["arch"] == arch]) == said


def test_a_claim_in_a_study_is_one_verdict_or_whose_is_which():
    assert wording.front.over_networks(judged(), "P2a") == "✓\u00a0supported, all 3 networks"
    assert wording.front.over_networks(judged(), "P2c") == (
        "✓\u00a0supported: ResNet50; ✗\u00a0not supported: AlexNet; ?\u00a0inconclusive: VGG19"
    )
    open_ = judged(P2a=["inconclusive"] * 3)
    assert wording.front.over_networks(open_.assign(why="nobody was asked"), "P2a").endswith(": nobody was asked")
    assert wording.front.over_networks(open_.assign(why="undecided: x"), "P2a").endswith("inconclusive, all 3 networks")


def test_one_table_gives_the_verdicts_the_front_page_and_readme(tmp_path, monkeypatch):
    """All three change when it does."""
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    monkeypatch.setattr(in_three_forms, "display", lambda what: said.append(what.myst))
    parameters = madeup.study(tmp_path / "results", ["resnet50", "vgg19"])
    study = read_results(parameters, parameters.archs)
    table = claims.judge(study)
    monkeypatch.setattr(claims, "judge", lambda _: table)
    folder, readme = tmp_path / "book/runs/real", (ROOT / "README.md").read_text()
    shown = []
    for verdict in ("supported", "not supported"):
        table.loc[table["claim"] == "P2a", "verdict"] = verdict
        said.clear()
        pages.Page(RunParameters(), study, folder=folder).verdict_matrix()
        for name in ("baselines", "ceilings"):
            shutil.copy(ROOT / f"book/runs/cifar10h/files/tab-{name}.csv", folder / "files")
        told = [front.FrontStudy.read(folder, "Real people")]
        row = front.claims_table(told).set_index("claim").filter(like="P2a", axis=0)["Real people"].iloc[0]
        matrix = re.search(r"^\| P2a.*$", said[0], re.MULTILINE)[0]
        shown.append((matrix, row, front.answer(told), front.with_answer(readme, told)))
    assert all(before != after for before, after in zip(*shown, strict=True))
    assert [("not supported" in matrix, "not supported" in row) for matrix, row, *_ in shown] == [
        (False, False),
        (True, True),
    ]


def test_no_title_hides_that_people_are_simulated():
    assert contents.title(read_study("synthetic", {"title": "The control"}, [])) == "The control, simulated annotators"


def test_simulated_people_do_not_answer():
    """Their studies are shown last, and are no part of the answer or the figure."""
    real = front.recorded(ROOT / front.PAGES)
    control = real[0]._replace(title=SIMULATED, verdicts=judged())
    assert front.answer([control, *real]) == front.answer(real)
    assert front.points([control, *real]).equals(front.points(real))
    assert front.real_first([control, *real])[-1] is control
    assert list(front.claims_table([control, *real]))[-1] == "Simulated annotators"


def test_the_front_page_names_the_studies_and_pages_that_are_in_the_book():
    real = front.recorded(ROOT / front.PAGES)
    control = real[0]._replace(name="control", title="Simulated annotators")
    pages = {f"book/runs/{study.name}/verdicts" for study in (*real, control)} | {f"book/runs/{real[0].name}/disputed"}
    answer, simulated, disputed = front.studies_told([control, *real], pages).split("\n\n")
    assert all(f"[{study.title}](runs/{study.name}/verdicts.ipynb)" in answer for study in real if study.real)
    assert "Simulated" not in answer and "([Simulated annotators](runs/control/verdicts.ipynb))" in simulated
    assert disputed.endswith(f": [{real[0].title}](runs/{real[0].name}/disputed.ipynb).")
    assert front.studies_told([control], pages) == simulated
    index = (ROOT / "book/index.md").read_text()
    assert not any(study.title in index or study.name in index for study in real)


def test_readme_says_what_the_recorded_verdicts_say():
    readme = (ROOT / "README.md").read_text()
    told = front.recorded(ROOT / front.PAGES)
    assert " ".join(front.answer(told).split()) in " ".join(readme.split())
    assert front.with_answer(readme, told) == readme, "run python -m report.front"


def test_the_figure_draws_what_the_tables_say():
    told = front.recorded(ROOT / front.PAGES)
    drawn = figures.figure_front(front.points(told))
    same_people = ("cifar10h", "cifar10h-finetuned")  # one panel
    scores = pd.concat([pd.read_csv(ROOT / f"book/runs/{name}/files/tab-baselines.csv") for name in same_people])
    for score, label in (("avh", "AVH"), ("confidence", "confidence"), ("norm_in_class", "norm within class")):
        rows = drawn.data[(drawn.data["study"] == "CIFAR-10H") & (drawn.data["label"] == label)]
        assert rows["mean"].tolist() == pytest.approx(scores.loc[scores["score"] == score, "value"].abs().tolist())
    judged_here = pd.read_csv(ROOT / "book/runs/imagenet-sample/files/tab-verdicts.csv").query("claim == 'P2a'")
    sample = drawn.data[(drawn.data["study"] == "ImageNet (sample)") & (drawn.data["label"] == "AVH")]
    assert sample["n"].tolist() == judged_here["n"].tolist()
    for study, rows in drawn.data.groupby("study"):  # scores are compared on the same images, or not at all
        assert rows["n"].nunique() == 1, study
    assert (drawn.data["low"] <= drawn.data["mean"]).all()
    assert (drawn.data["mean"] <= drawn.data["high"]).all()
    (best,) = {label for label in drawn.data.loc[drawn.data["study"] == "CIFAR-10H", "label"] if "best" in label}
    others = scores[
        ~scores["score"].isin(["avh", "confidence", "norm", "norm_in_class", "loss", "cosine", "avh_others"])
    ]
    means = others.assign(size=others["value"].abs()).groupby("score")["size"].mean()
    assert best.endswith(styles.score_label(means.idxmax()))
    assert [line.get_xdata()[0] for ax in drawn.figure.axes for line in ax.lines if line.get_linestyle() == "--"] == (
        drawn.data["ceiling"].unique().tolist()
    )
    assert len(drawn.alt) <= 250


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Path:
    """The HTML of a book of the front page, two recorded pages and one of simulated annotators."""
    folder = tmp_path_factory.mktemp("front")
    for name in ("_config.yml", "analysis", "report"):
        (folder / name).symlink_to(ROOT / name)
    for name in ("_ext", "_static", "references.bib", "references.md", "index.md", "numbers.md"):
        target = folder / "book" / name
        target.parent.mkdir(exist_ok=True)
        target.symlink_to(ROOT / "book" / name)
    runs = folder / "book/runs"
    shutil.copytree(ROOT / "book/runs/cifar10h/files", runs / "cifar10h/files")
    Image.new("RGB", (370, 700), "white").save(runs / "cifar10h/files/fig-6-phone.png")
    for name in ("verdicts", "avh"):
        shutil.copy(ROOT / f"book/runs/cifar10h/{name}.ipynb", runs / "cifar10h")
    cell = nbformat.v4.new_code_cell("1 + 1", metadata={"tags": ["hide-input"]})
    cells = [nbformat.v4.new_markdown_cell("# AVH and people\n\nDoes it?"), cell]
    (runs / "synthetic").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), runs / "synthetic/avh.ipynb")
    parts = {
        "The paper": ["book/references", "book/numbers"],
        SIMULATED: ["book/runs/synthetic/avh"],
        "CIFAR-10H": [f"book/runs/cifar10h/{name}" for name in ("verdicts", "avh")],
    }
    listed = [{"caption": name, "chapters": [{"file": file} for file in files]} for name, files in parts.items()]
    toc = {"format": "jb-book", "root": "book/index", "parts": listed}
    (folder / "_toc.yml").write_text(yaml.safe_dump(toc, sort_keys=False))
    build = [Path(sys.executable).with_name("jupyter-book"), "build", ".", "--quiet"]
    done = subprocess.run(build, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "_build/html/book"


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_question_answer_and_figure_are_on_the_first_screen(book, browser, width, height):
    page = browser.new_page(viewport={"width": width, "height": height})
    page.goto((book / "index.html").as_uri())
    for what in ("article h1", "article p:has(em)", "article .answer p", "article figure.front img"):
        box = page.locator(what).first.bounding_box()
        assert box["height"] > 0
        assert box["y"] >= 0, what
        assert box["y"] + box["height"] <= height, what
        assert box["x"] + box["width"] <= width, what
    told = front.FrontStudy.read(ROOT / front.PAGES / "cifar10h", "CIFAR-10H")
    assert page.text_content(".answer").strip().replace("’", "'") == front.answer([told]).replace("**", "")
    link = page.locator(".verdicts a", has_text="supported").first
    link.click()
    page.wait_for_url("**/runs/cifar10h/verdicts.html#claim-h1")
    assert "H1" in page.text_content("#claim-h1")
    assert page.locator("#claim-h1 ~ details").count() > 0  # the rule and its numbers
    page.close()


def test_a_page_says_which_study_it_is_of(book, browser):
    page = browser.new_page()
    for study, title in (("cifar10h", "CIFAR-10H"), ("synthetic", "Simulated annotators")):
        page.goto((book / f"runs/{study}/avh.html").as_uri())
        assert page.title().startswith(f"AVH and people, {title}")
        assert page.text_content("h1").startswith(f"AVH and people, {title}")
        line = page.locator("h1 + p.simulated")
        for media in ("screen", "print"):
            page.emulate_media(media=media)
            assert line.is_visible() == (study == "synthetic")
    page.close()
    index = (book.parent / "searchindex.js").read_text()
    assert {"AVH and people, CIFAR-10H", "AVH and people, Simulated annotators"} <= set(re.findall(r'"([^"]+)"', index))


def test_a_figure_of_panels_side_by_side_is_another_on_a_phone(book, browser):
    """Neither of them is scrolled; a click opens the wide one, which is printed, too."""
    page = browser.new_page()
    shown = "document.querySelector('#fig-6-cifar10h img').currentSrc.split('/').pop()"
    for width, media, name in (
        (1280, "screen", "fig-6.png"),
        (390, "screen", "fig-6-phone.png"),
        (390, "print", "fig-6.png"),
    ):
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(media=media)
        page.goto((book / "runs/cifar10h/avh.html").as_uri())
        page.wait_for_function(f"{shown} === '{name}'")
        figure, image = (page.locator(f"#fig-6-cifar10h{part}") for part in ("", " img"))
        assert image.bounding_box()["width"] > 150
        assert figure.evaluate("figure => figure.scrollWidth - figure.clientWidth") <= 1
    assert page.locator("#fig-6-cifar10h a:has(picture)").get_attribute("href").endswith("/fig-6.png")
    page.close()


def test_one_switch_shows_all_code_and_is_remembered(book, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto((book / "runs/cifar10h/avh.html").as_uri())
    cells = ".cell:not(.tag_injected-parameters) .cell_input"
    code = f"[...document.querySelectorAll('{cells}')].map(c => c.checkVisibility())"
    assert page.locator("summary:visible", has_text="code").count() == 0
    assert not any(page.evaluate(code))
    page.get_by_role("button", name="Show the code").click()
    assert all(page.evaluate(code))
    page.goto((book / "runs/synthetic/avh.html").as_uri())
    assert page.evaluate(code) == [True]
    page.get_by_role("button", name="Hide the code").click()
    page.reload()
    assert page.evaluate(code) == [False]
    context.close()


def test_without_a_script_each_cells_code_can_be_opened(book, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((book / "runs/synthetic/avh.html").as_uri())
    page.locator("summary", has_text="Show the code").click()
    assert page.locator(".cell_input").is_visible()
    context.close()


def test_what_scrolls_is_reached_by_keyboard_also_in_details_that_open(book, browser):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto((book / "runs/cifar10h/verdicts.html").as_uri())
    reached = """() => {
        const all = [...document.querySelectorAll(".pst-scrollable-table-container")];
        const boxes = all.filter(b => b.checkVisibility());
        return boxes.every(b => (b.scrollWidth > b.clientWidth) === (b.tabIndex === 0)) && boxes.length;
    }"""
    few = page.wait_for_function(reached).json_value()
    page.eval_on_selector_all("details", "all => all.forEach(one => (one.open = true))")
    assert page.wait_for_function(reached).json_value() >= few > 0
    page.wait_for_function("document.querySelector('details .pst-scrollable-table-container').tabIndex === 0")
    page.close()


def test_wide_tables_fit_on_a_laptop(book, browser):
    """All numbers before their rows are laid out, and the numbers of several seeds."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    beyond = "table => table.getBoundingClientRect().right - table.parentElement.getBoundingClientRect().right"
    for name, table in (("numbers", "table.numbers"), ("runs/cifar10h/avh", "table[id^=tab-avh-starts]")):
        page.goto((book / f"{name}.html").as_uri())
        assert page.eval_on_selector(table, beyond) < 1
    assert page.text_content("h1 .whole") == "CIFAR-10H"
    page.close()


def test_all_numbers_are_laid_out_after_the_first_screen_and_printed(book, browser):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto((book / "numbers.html").as_uri())
    told = len(pd.read_csv(book / "numbers.csv"))
    laid_out = "all => all.filter(row => row.checkVisibility()).length"
    page.wait_for_function(f"({laid_out})([...document.querySelectorAll('table.numbers tbody tr')]) === {told}")
    page.eval_on_selector_all("tr.laid-out", "all => all.forEach(row => row.classList.remove('laid-out'))")
    assert page.eval_on_selector_all("table.numbers tbody tr", laid_out) == 40  # what the first screens show
    page.emulate_media(media="print")
    assert page.eval_on_selector_all("table.numbers tbody tr", laid_out) == told
    page.close()


def test_search_shows_excerpts_from_disk(book, browser):
    context, troubles = browser.new_context(offline=True), []
    page = context.new_page()
    page.on("console", lambda message: message.type in ("error", "warning") and troubles.append(message.text))
    page.goto((book.parent / "search.html").as_uri() + "?q=confidence")
    page.wait_for_function("/found [1-9]/.test(document.querySelector('.search-summary')?.innerText)")
    found = "[...document.querySelectorAll('ul.search > li')]"
    page.wait_for_function(f"{found}.length > 1 && {found}.every(one => one.querySelector('.context'))")
    assert page.locator("ul.search .context", has_text=re.compile("confidence", re.I)).count() > 1
    assert not troubles
    context.close()


def test_a_phone_shows_each_number_with_its_value_interval_network_and_study(book, browser):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto((book / "numbers.html").as_uri())
    told, row = pd.read_csv(book / "numbers.csv").iloc[0], page.locator("table.numbers tbody tr").first
    number, value, interval = row.locator("th, td").locator("visible=true").all()[:3]
    assert number.inner_text().split("\n") == [told["number"], f"{told['network']}, {told['study']}"]
    assert float(value.inner_text().replace("\u2212", "-")) == pytest.approx(told["value"], abs=5e-4)
    for cell in (number, value, interval):
        assert cell.bounding_box()["x"] + cell.bounding_box()["width"] <= 390
    page.eval_on_selector(".pst-scrollable-table-container", "box => (box.scrollLeft = box.scrollWidth)")
    assert number.bounding_box()["x"] >= 0  # stays in view
    assert value.bounding_box()["x"] < number.bounding_box()["x"] + number.bounding_box()["width"]
    page.close()


def test_all_numbers_are_in_one_table_that_sorts_and_leads_to_pages(book, browser):
    page = browser.new_page()
    page.goto((book / "numbers.html").as_uri())
    told = pd.read_csv(book / "numbers.csv")
    rows = page.locator("table.numbers tbody tr")
    assert rows.count() == len(told) > 80
    judged_here = pd.read_csv(ROOT / "book/runs/cifar10h/files/tab-verdicts.csv")
    mine = told[told["page"].str.endswith("verdicts.html")]
    assert mine["value"].tolist() == pytest.approx(judged_here["value"].tolist(), nan_ok=True)
    assert mine["verdict"].tolist() == judged_here["verdict"].tolist()
    head = page.get_by_role("button", name="value", exact=True)
    for sign in (1, -1):
        head.click()
        cells = page.eval_on_selector_all("tbody td:nth-child(4)", "all => all.map(c => Number(c.dataset.sort) || 0)")
        told_down = [value * sign for value in cells if value]
        assert told_down == sorted(told_down)
    page.get_by_role("searchbox", name="Rows with").fill("avh resnet50 kendall")
    shown = [row.lower() for row in page.locator("tbody tr:visible").all_text_contents()]
    assert shown
    assert all("avh" in row and "resnet50" in row and "kendall" in row for row in shown)
    page.locator("tbody tr:visible a").first.click()
    page.wait_for_function("document.title.startsWith('AVH and people, CIFAR-10H')")
    page.close()
