"""A score, a dataset, a claim and a chapter are one entry or file each: added to a copy, a book is built with them."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import madeup
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from scipy import stats

ROOT = Path(__file__).parent.parent

SCORE = """SCORES = {
    "second": Score(
        label="second angle",
        meaning="smallest angle to the weights of another class",
        formula=lambda batch: batch.others(batch.angles, inf).amin(1),
        sign=1,
    ),
"""
CLAIM = """

@declare(
    "Own",
    title="Every image has a label",
    quote="images of a class",
    section="4",
    statistic="The share of images with a label.",
    rule="it is above 0.",
    inconclusive="never.",
)
def labelled(study: StudyResults, arch: str, _: Choices = BOOK) -> Finding:
    share = float(study.images["label"].notna().mean())
    return conclude(Part("share with a label", Estimate(share, share, share, len(study.images)), (0, np.inf)))
"""
CHAPTER = (
    """---
chapter:
  about: people
  place: 15
"""
    + madeup.NOTEBOOK
    + """
# A page of one's own

```{code-cell} ipython3
:tags: [parameters, hide-input]

study: str = "bars"  # folder under results/
results_dir: str = "results"  # folder with the tables of all studies
data_dir: str = ""  # folder for data and downloads; empty: $AVH_DATA, else data/
archs: list = []  # networks of the study, as a list or separated by commas; empty: all
```

```{code-cell} ipython3
:tags: [hide-input]

from report.page import Page

page = Page.open(globals())
page.verdicts("Own")
```
"""
)
DATASET = """
import numpy as np

from analysis.datasets.base import Dataset, Declaration, HumanLabels, Split

NOTES = ("Nobody has seen these bars.",)


def load(parameters):
    random = np.random.default_rng(parameters.seed)

    def split(name, n):
        labels = np.arange(n) % 3
        pictures = random.integers(0, 60, (n, 3, 32, 32)).astype(np.uint8)
        for k in range(3):
            pictures[labels == k, k] += 120
        return Split(pictures, labels, np.array([f"{name}-{i}" for i in range(n)]))

    train, test = split("train", 96), split("test", 60)
    counts = np.eye(3, dtype=np.int64)[test.labels] * random.integers(5, 10, (60, 1)) + 1
    human = HumanLabels.from_counts(counts, test.labels, "simulated annotators", simulated=True)
    return Dataset("bars", train, test, ("red", "green", "blue"), {"all": (0, 1, 2)}, human, "0", notes=NOTES)


DECLARED = Declaration(load, offers=frozenset({"people"}))
"""
STUDY = """dataset: bars
chapters: [verdicts, own, baselines]
epochs: 1
batch_size: 16
calibration_images: 0
probed_steps: 1
architectures:
  resnet18: {width: 0.125}
"""


def run(folder: Path, *words: str) -> str:
    places = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PYTHONPATH": str(folder), "PATH": places}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Path:
    """A copy without recorded studies, extended, and the book of a study of its own."""
    folder = tmp_path_factory.mktemp("extended")
    for name in ("analysis", "report", "studies", "book", "profiles"):
        ignored = shutil.ignore_patterns("__pycache__", "runs")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("Snakefile", "_config.yml", "_toc.yml", "README.md", "CITATION.cff"):
        shutil.copy(ROOT / name, folder)
    catalogue, claims = folder / "analysis/catalogue.py", folder / "analysis/study/claims.py"
    catalogue.write_text(catalogue.read_text().replace("SCORES = {\n", SCORE, 1))
    claims.write_text(claims.read_text() + CLAIM)
    (folder / "analysis/datasets/bars.py").write_text(DATASET)
    (folder / "studies/bars.yaml").write_text(STUDY)
    (folder / "book/chapters/own.md").write_text(CHAPTER)
    run(folder, "snakemake", "--cores", "2", "--config", "studies=bars")
    return folder


@pytest.fixture(scope="module")
def shown(extended) -> Callable[[str], str]:
    """The text of a page of the book as a reader sees it, with single spaces."""

    def text(name: str) -> str:
        page = BeautifulSoup((extended / f"_build/html/book/runs/bars/{name}.html").read_text("utf-8"), "html.parser")
        return re.sub(r"\s+", " ", page.find("article").get_text(" "))

    return text


def test_a_score_is_extracted_and_compared(extended, shown):
    scores = pd.read_parquet(extended / "results/bars/resnet18/scores.parquet")
    nearest = scores["angle"] - scores["angular_margin"]
    assert scores["second"].tolist() == pytest.approx(nearest.tolist(), abs=1e-5)
    images = pd.read_parquet(extended / "results/bars/images.parquet")
    expected = stats.spearmanr(scores["second"], images["selected"] / images["shown"]).statistic
    value = f"{abs(round(expected, 2)):.2f}".lstrip("0")
    assert re.search(rf"second angle \S? ?[−+]?0?{re.escape(value)}", shown("baselines"))


def test_a_dataset_is_trained_on_and_described(extended, shown):
    assert len(pd.read_parquet(extended / "results/bars/images.parquet")) == 60
    assert "Nobody has seen these bars." in shown("verdicts")
    assert (
        "Simulated"
        in (extended / "_build/html/book/runs/bars/verdicts.html").read_text().partition("</title>")[0].title()
    )


def test_a_claim_is_judged_and_told(shown):
    page = shown("verdicts")
    assert "Every image has a label" in page and "✓ supported" in page.replace("\u00a0", " ")
    assert "The paper (Sec. 4): “images of a class”" in page
    assert "The share of images with a label." in page


def test_a_chapter_is_in_its_place(extended, shown):
    page = BeautifulSoup((extended / "_build/html/book/runs/bars/verdicts.html").read_text("utf-8"), "html.parser")
    linked = [link["href"] for link in page.select("nav.bd-links a") if "#" not in link["href"]]
    names = [Path(href).stem for href in linked]
    assert names.index("own") < names.index("baselines")
    assert "Every image has a label" in shown("own") and "supported for resnet18" in shown("own")
