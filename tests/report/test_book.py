"""The pipeline's test is the pipeline on a small configuration: two networks, a few epochs, a book, a real browser."""

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import axe_playwright_python
import numpy as np
import pandas as pd
import pytest

from analysis import runs
from analysis.studies import read_studies, with_recorded
from analysis.study.claims import CLAIMS
from report import contents

ROOT = Path(__file__).parent.parent.parent
ARCHS = ("alexnet", "resnet50")
COMPARISONS = tuple(contents.of_study(read_studies({})["synthetic"]))
RECORDED = with_recorded({})
PICTURED = {name: study for name, study in RECORDED.items() if "explorer" in contents.of_network(study)}
IMAGES = sum(len(study.runs) for study in PICTURED.values())  # pages of pictures, which are not recorded
ALL_PAGES = {"chapter": 4, "explorer": 2, "comparison": len(COMPARISONS), "pages": 1}  # of the study below
HEAVIEST = {"explorer": 3_000_000}  # bytes of a page with all that it loads; of others less
SMALL = "archs=alexnet,resnet50 epochs=3 width=0.125 train_images=240 test_images=200 calibration_images=48"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of the project's files, as they are now, without anything generated."""
    folder = tmp_path_factory.mktemp("check out")  # a name with a space
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def snakemake(checkout: Path, *words: str, config: str = SMALL, succeeds: bool = True, first: str = "") -> str:
    """What Snakemake printed in the copy, whose own modules it imports. first: a folder of commands that come first."""
    places = [*filter(None, [first]), str(Path(sys.executable).parent), os.environ["PATH"]]
    environment = os.environ | {"PYTHONPATH": str(checkout), "PATH": os.pathsep.join(places)}
    environment.pop("AVH_DATA", None)
    command = ["snakemake", "--cores", "2", *words, "--config", *config.split()]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert (done.returncode == 0) == succeeds, output[-3000:]
    return output


@cache
def whole_plan(checkout: Path, config: str) -> str:
    """What Snakemake says of all jobs of a book, whatever is made already."""
    return snakemake(checkout, "-n", "--forceall", config=config)


def planned(checkout: Path, **more) -> dict[str, int]:
    """How many jobs of each rule Snakemake would run now."""
    output = snakemake(checkout, "-n", **more)
    if "Nothing to be done" in output:
        return {}
    table = output.split("Job stats:")[1].split("\n\n")[0]
    return {
        rule: int(n) for rule, n in re.findall(r"^(\w+)\s+(\d+)$", table, re.MULTILINE) if rule not in ("total", "book")
    }


@pytest.mark.parametrize(
    ("rule", "config", "measured"),
    [("train", SMALL, False), ("measure", "studies=own", True)],
    ids=["train", "measure"],
)
def test_a_run_is_made_of_the_modules_that_its_stamp_holds(checkout, rule, config, measured):
    output = whole_plan(checkout, config)
    inputs = re.findall(rf"^rule {rule}:\n +input: (.*)$", output, re.MULTILINE)
    assert inputs
    for files in inputs:
        made_by = {str(path.relative_to(ROOT)) for path in runs.source_files(measured=measured)}
        assert set(re.findall(r"(?<=/)analysis/\S+\.py", files)) == made_by


def test_pages_are_made_after_those_that_they_quote(checkout):
    output = snakemake(checkout, "-n", "--forceall", config="studies=cifar10h results_dir=recorded")
    inputs = re.findall(r"^rule chapter:\n +input: (.*)$", output, re.MULTILINE)
    quoting = [files for files in inputs if "book/chapters/hardness.md" in files]
    assert len(quoting) == len(RECORDED["cifar10h"].runs)
    assert all("book/runs/cifar10h/disputed.ipynb" in files for files in quoting)


def test_the_network_listed_last_is_trained_first(checkout, tmp_path):
    python = tmp_path / "python"  # which trains nothing
    python.write_text(f'#!/bin/sh\n[ "$3" != train ] || exit 1\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    config = f"{SMALL} archs=alexnet,resnet50,vgg19 results_dir={tmp_path}/results"
    output = snakemake(checkout, "--cores", "1", "--until", "train", config=config, succeeds=False, first=str(tmp_path))
    assert re.findall(r"^ +wildcards: .*arch=(\w+)$", output, re.MULTILINE)[0] == "vgg19"


def test_snakemake_needs_no_home_that_can_be_written(checkout, monkeypatch):
    monkeypatch.setenv("HOME", "/proc/no-home")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert snakemake(checkout, "-n", "build/_toc.yml")


@pytest.fixture(scope="module")
def book(checkout) -> Path:
    """The book, built once."""
    snakemake(checkout)
    return checkout


def pages(book: Path) -> list[Path]:
    folder = book / "_build/html/book"
    names = ["index", "method", "data", "reading", "numbers", "api", "cite"]
    names += [f"runs/synthetic/{name}" for name in COMPARISONS]
    names += [f"runs/synthetic/{arch}/{chapter}" for arch in ARCHS for chapter in ("training", "hardness", "explorer")]
    for study in RECORDED.values():
        names += [f"runs/{study.name}/{name}" for name in contents.of_study(study)]
        names += [f"runs/{study.name}/{arch}/{name}" for arch in study.runs for name in contents.of_network(study)]
    return [folder / f"{name}.html" for name in names]


def test_every_page_is_built(book):
    assert all(page.is_file() for page in pages(book))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (SMALL, {"1"}),
        (f"{SMALL} input_size=224 study=large", {"4"}),
        ("studies=own", {"1"}),
        ("studies=own weights=IMAGENET1K_V1", {"4"}),
        ("studies=own weights=resnet50-0676ba61.pth", {"4"}),  # may be what torchvision publishes, for 224 px
    ],
)
def test_networks_of_small_pictures_share_a_gpu(checkout, config, expected):
    """By quarters of it."""
    assert set(re.findall(r"gpu_quarters=(\d)", whole_plan(checkout, config))) == expected


def test_after_a_build_nothing_is_to_be_done(book):
    assert planned(book) == {}


def test_an_edited_chapter_reruns_its_pages_and_nothing_else(book):
    chapter = book / "book/chapters/hardness.md"
    with restored(chapter):
        chapter.write_text(chapter.read_text() + "\nOne more sentence.\n")
        assert planned(book) == {"chapter": 2, "pages": 1}


def test_an_edited_figure_reruns_the_chapters_but_no_training(book):
    module = book / "report/figures/paper.py"
    with restored(module):
        module.write_text(module.read_text() + "\n# edited\n")
        assert planned(book) == ALL_PAGES | {"explorer": 2 + IMAGES}


def test_another_grouping_of_the_classes_reruns_the_pages_alone(book):
    """As where WordNet was installed after the networks had been trained."""
    description = book / "results/synthetic/dataset.json"
    with restored(description):
        description.write_text(description.read_text().replace('"superclasses"', ' "superclasses"'))
        assert planned(book) == ALL_PAGES


def test_an_edited_dataset_reruns_only_studies_of_it(book):
    module = book / "analysis/datasets/cifar10h.py"
    with restored(module):
        module.write_text(module.read_text() + "\n# edited\n")
        assert planned(book) == {}


def test_an_edited_score_reruns_everything_but_the_data(book):
    module = book / "analysis/scores.py"
    with restored(module):
        module.write_text(module.read_text() + "\n# edited\n")
        assert planned(book) == ALL_PAGES | {"train": 2}


def test_a_changed_parameter_of_one_network_reruns_that_network(book):
    study = book / "studies/synthetic.yaml"
    with restored(study):
        study.write_text(study.read_text().replace("alexnet: {stem: small", "alexnet: {stem: half"))
        assert planned(book) == ALL_PAGES | {"train": 1, "chapter": 2, "explorer": 1}


def test_an_unknown_parameter_stops_before_anything_runs(book):
    output = snakemake(book, config=f"{SMALL} epoch=3", succeeds=False)
    assert "unknown parameter 'epoch'; allowed: " in output


def test_the_committed_contents_are_the_default_studys():
    done = subprocess.run(
        [sys.executable, "-m", "report.contents"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == (ROOT / "_toc.yml").read_text()


def test_a_figures_data_is_what_the_tables_say(book):
    """Figure 2's CSV against means recomputed here from the raw probes."""
    drawn = pd.read_csv(book / "book/runs/synthetic/files/fig-2.csv")
    for arch in ARCHS:
        raw = pd.read_parquet(book / f"results/synthetic/{arch}/epochs.parquet")
        mean = raw[raw.epoch > 0].groupby("epoch").avh.mean()
        mine = drawn[(drawn.arch == arch) & (drawn.measure == "avh")].set_index("epoch")["mean"]
        np.testing.assert_allclose(mine.loc[mean.index], mean, rtol=1e-5)


def test_an_edited_rule_reruns_no_training(book):
    module = book / "analysis/study/claims.py"
    with restored(module):
        module.write_text(module.read_text() + "\n# edited\n")
        assert planned(book) == ALL_PAGES | {"explorer": 2 + IMAGES}


def test_the_recorded_study_is_in_every_book(book):
    """Without a network or data: its pages as they are committed, and in place of its pictures why there are none."""
    assert {"cifar10h", "heads", "imagenet-sample"} <= set(RECORDED)
    front = (book / "_build/html/book/index.html").read_text()
    for name, study in RECORDED.items():
        assert (f'href="runs/{name}/verdicts.html"' in front) == ("verdicts" in contents.of_study(study))
        done = [path.relative_to(ROOT) for path in (ROOT / "book/runs" / name).rglob("*.ipynb")]
        assert all(
            (book / path).read_bytes() == (ROOT / path).read_bytes() for path in done if "explorer" not in str(path)
        )
        for arch in study.runs if name in PICTURED else ():
            page = (book / f"_build/html/book/runs/{name}/{arch}/explorer.html").read_text()
            assert "images are not available here" in page


def test_the_front_page_shows_every_verdict(book):
    """Of the study that was just run, too, with a link to each claim's place on its page of verdicts."""
    judged = pd.read_csv(book / "book/runs/synthetic/files/tab-verdicts.csv")
    front = (book / "_build/html/book/index.html").read_text()
    assert all(f"<p>{claim.id}: {claim.title}</p>" in front.replace("’", "'") for claim in CLAIMS)
    page = (book / "_build/html/book/runs/synthetic/verdicts.html").read_text()
    cells = dict(re.findall(r'<a href="runs/synthetic/verdicts.html#(claim-[\w-]+)">(.*?)</a>', front))
    assert len(cells) == len(CLAIMS)
    for claim, rows in judged.groupby("claim"):
        anchor = f"claim-{re.sub('[^a-z0-9]+', '-', claim.lower())}"
        assert f'id="{anchor}"' in page
        assert all(f"\u00a0{verdict}" in cells[anchor] for verdict in set(rows["verdict"]))


def test_every_claim_leads_to_its_figures(book):
    page = (book / "_build/html/book/runs/synthetic/verdicts.html").read_text()
    for number, where in {
        1: "confidence-gap",
        2: "dynamics",
        4: "first-iterations",
        6: "avh",
        7: "granularity",
    }.items():
        assert f'href="{where}.html#fig-{number}-synthetic"' in page


def test_prose_leads_to_figures_on_other_pages_and_to_verdicts(book):
    page = (book / "_build/html/book/runs/synthetic/avh.html").read_text()
    verdicts = (book / "_build/html/book/runs/synthetic/verdicts.html").read_text()
    assert 'href="confidence-gap.html#fig-1-synthetic"' in page  # drawn there
    assert 'href="#fig-6-synthetic"' in page  # drawn here
    anchors = re.findall(r'href="verdicts.html#([^"]+)"', page)
    assert anchors
    assert all(f'id="{anchor}"' in verdicts for anchor in anchors)


def test_rules_are_closed_on_screen_and_open_in_print(book, browser):
    page = browser.new_page()
    page.goto((book / "_build/html/book/runs/synthetic/verdicts.html").as_uri())
    shown = "[...document.querySelectorAll('details.sd-dropdown table')].map(t => t.checkVisibility())"
    on_screen = page.evaluate(shown)
    assert len(on_screen) == len(CLAIMS) + 2  # the claims', parameters and stamp: the note has no table
    assert not any(on_screen)
    page.emulate_media(media="print")
    assert all(page.evaluate(shown))
    page.close()


WORDS_FIRST = ("method", "data", "reading", "api")  # pages that ask nothing
SCREENS = (1280, 390)  # pixels: a laptop's, and a phone's
SHOWN = """() => [...document.querySelectorAll('article img, main img')].map(i => ({
    alt: i.alt, loaded: i.complete && i.naturalWidth > 0, shown: i.getBoundingClientRect().width > 100,
    name: i.currentSrc}))"""
CHOSEN = """() => [...document.querySelectorAll('picture')].every(picture => {
    const [source, image] = ['source', 'img'].map(name => picture.querySelector(name));
    const file = matchMedia(source.media).matches ? source.srcset : image.src;
    return image.complete && image.currentSrc === new URL(file, location.href).href;
})"""  # each figure is the one for this width


def test_pages_open_from_disk_without_a_network(book, browser):
    """No console error, no failed request, none beyond the disk; every figure is visible and has alternative text.

    Opened on a screen that then becomes a phone's. And a page is light, with all that it loads for either.
    """
    troubles = []
    context = browser.new_context(offline=True)
    figures = 0
    for path in pages(book):
        page = context.new_page()
        page.on("console", lambda m, p=path: m.type == "error" and troubles.append(f"{p.name}: {m.text}"))
        page.on("pageerror", lambda e, p=path: troubles.append(f"{p.name}: {e}"))
        page.on("requestfailed", lambda r, p=path: troubles.append(f"{p.name}: {r.url} failed"))
        page.on("request", lambda r, p=path: r.url.startswith("http") and troubles.append(f"{p.name}: {r.url} asked"))
        loaded, drawn = set(), set()
        page.on("request", lambda r, loaded=loaded: r.url.startswith("file:") and loaded.add(urlsplit(r.url).path))
        page.set_viewport_size({"width": SCREENS[0], "height": 900})
        page.goto(path.as_uri())
        for width in SCREENS:
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_function(CHOSEN)
            images, before = page.evaluate(SHOWN), drawn
            drawn = {urlsplit(image["name"]).path for image in images}
            weight = sum(Path(unquote(name)).stat().st_size for name in loaded - (before - drawn))
            if weight > HEAVIEST.get(path.stem, 800_000):
                troubles.append(f"{path.relative_to(book)}: {weight:,} bytes with all that it loads")
            figures += len(images)
            for image in images:
                if not (image["loaded"] and image["shown"] and len(image["alt"]) > 20):
                    troubles.append(f"{path.name}, {width} px: {json.dumps(image)}")
            first = page.evaluate("document.querySelector('article figure img')?.getBoundingClientRect().top")
            if width == SCREENS[0] and first and first > 900 and path.stem not in WORDS_FIRST:
                troubles.append(f"{path.relative_to(book)}: the first figure begins at {first:.0f} px")
            overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            if overflow > 1:
                troubles.append(f"{path.name}: {overflow} px wider than the window of {width} px")
        page.close()
    context.close()
    assert not troubles
    # The paper's seven figures, and at least two of each network's own.
    assert figures >= len(SCREENS) * (7 + 2 * len(ARCHS))


KINDS = (
    "index", "method", "references", "runs/synthetic/verdicts", "runs/synthetic/avh",
    "runs/synthetic/resnet50/training", "runs/synthetic/resnet50/hardness", "runs/synthetic/resnet50/explorer",
    "runs/synthetic/control", "runs/cifar10h/resnet50/explorer", "runs/cifar10h/dynamics", "runs/cifar10h/disputed",
    "runs/heads/heads", "numbers",
)  # fmt: skip
ALL_RULES = {"rules": {"label-content-name-mismatch": {"enabled": True}}}
CONTRAST = {"runOnly": ["color-contrast"]}  # all that changes with the theme
BARRIERS = """async (options) =>
    (await axe.run({resultTypes: ["violations"], ...options})).violations
    .filter(v => ["serious", "critical"].includes(v.impact) || v.id === "empty-table-header")
    .map(v => `${v.id}: ${v.nodes.map(n => n.html.slice(0, 200)).slice(0, 3)}`)"""


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)])
def test_nothing_keeps_readers_out(book, browser, theme, width):
    """By axe-core, on each kind of page: in this theme, then what the other changes, its contrasts."""
    other = {"light": "dark", "dark": "light"}[theme]
    axe = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text()
    options = {"color_scheme": theme, "reduced_motion": "reduce", "viewport": {"width": width, "height": 900}}
    context, found = browser.new_context(offline=True, **options), {}
    for kind in KINDS:
        page = context.new_page()
        page.goto((book / f"_build/html/book/{kind}.html").as_uri())
        page.evaluate(axe)
        barriers = page.evaluate(BARRIERS, ALL_RULES)
        page.emulate_media(color_scheme=other)
        page.wait_for_function(f"document.documentElement.dataset.theme === '{other}'")
        barriers += page.evaluate(BARRIERS, CONTRAST)
        found |= {kind: barriers} if barriers else {}
        page.close()
    context.close()
    assert not found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_explorer_shows_the_recorded_order(book, browser, theme):
    """In the book, with its theme: the hardest images first, on a background of the page's own, under 3 MB."""
    path = book / "_build/html/book/runs/synthetic/resnet50/explorer.html"
    avh = pd.read_parquet(book / "results/synthetic/resnet50/scores.parquet")["avh"]
    page = browser.new_page(color_scheme=theme)
    page.goto(path.as_uri())
    shown = page.eval_on_selector_all("#explorer .images button", "all => all.map(b => Number(b.dataset.image))")
    assert shown == list(avh.sort_values(ascending=False, kind="stable").index[: len(shown)])
    assert len(shown) == 48
    assert page.text_content("#explorer .status") == "200 of 200 images"
    behind = "getComputedStyle(document.querySelector('#explorer').parentElement).backgroundColor"
    assert page.evaluate(behind) == "rgba(0, 0, 0, 0)"
    page.close()
    files = [path, *(path.parent / "files").iterdir()]
    assert {"explorer-data.js", "explorer-0.webp"} == {file.name for file in files[1:]}
    assert sum(file.stat().st_size for file in files) < 3_000_000


def test_formulas_are_mathml(book):
    assert "<math" in (book / "_build/html/book/method.html").read_text()


def test_downloads_exist(book):
    """Every link to a file of the book leads to one."""
    html = book / "_build/html"
    for page in pages(book):
        for link in re.findall(r'href="([^"#:?]+\.(?:csv|parquet|json))"', page.read_text()):
            assert (page.parent / link).resolve().is_file(), f"{page.relative_to(html)}: {link}"


def test_a_page_that_fails_takes_nothing_away(book):
    """Not the page that was there, not the book; and it is made again next time."""
    chapter, page = book / "book/chapters/norm.md", book / "book/runs/synthetic/norm.ipynb"
    index = book / "_build/html/index.html"
    before = page.read_bytes(), index.read_bytes()
    with restored(chapter):
        chapter.write_text(chapter.read_text().replace("page.verdicts(", "page.no_such_thing("))
        assert "AttributeError" in snakemake(book, succeeds=False)
        assert (page.read_bytes(), index.read_bytes()) == before
        assert planned(book) == {"comparison": 1, "pages": 1}
    assert planned(book) == {}


class restored:
    """A file that is edited inside and put back, times and all."""

    def __init__(self, path: Path):
        self.path, self.text, self.times = path, path.read_text(), path.stat()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.path.write_text(self.text)
        os.utime(self.path, ns=(self.times.st_atime_ns, self.times.st_mtime_ns))
