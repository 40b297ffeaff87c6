"""A score, a claim and a chapter are one entry or file each: added to a copy of the project, its pages show them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
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
CHAPTER = """---
chapter:
  about: people
  place: 15
---

# A page of one's own

```{code-cell} ipython3
:tags: [parameters, hide-input]

study: str = "synthetic"  # folder under results/
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
# Run in the copy: scores of random pictures by the copy's own extraction, and what three chapters show.
PAGES = """
import json, sys
import jupytext, madeup, torch
from pathlib import Path
from analysis import runs
from analysis.extraction import COLUMNS, Batch, score
from report import explorer, page, shown

madeup.study(Path("results"), ["vgg19"])
random = torch.Generator().manual_seed(0)
head = torch.nn.Linear(8, 3).requires_grad_(False)
embeddings = torch.randn(madeup.N, 8, generator=random)
batch = Batch(head(embeddings), embeddings, head, torch.arange(madeup.N) % 3)
path = Path("results/synthetic/vgg19/scores.parquet")
runs.write_table(path, runs.read_table(path).assign(second=score(batch, ["second"])["second"].numpy()))

found = {"offered": explorer.OFFERED, "columns": COLUMNS, "angles": batch.angles.tolist()}
for name in ("verdicts", "baselines", "own"):
    said = found[name] = []
    shown.display = lambda what: said.append(what.myst)
    space = {}
    for cell in jupytext.read(f"book/chapters/{name}.md").cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, name, "exec"), space)
Path("found.json").write_text(json.dumps(found))
"""


def run(folder: Path, *words: str) -> str:
    environment = os.environ | {"PYTHONPATH": f"{folder}:{ROOT / 'tests'}"}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("extended")
    for name in ("analysis", "report", "studies", "book/chapters"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "Snakefile").touch()
    catalogue, claims = folder / "analysis/catalogue.py", folder / "analysis/study/claims.py"
    catalogue.write_text(catalogue.read_text().replace("SCORES = {\n", SCORE, 1))
    claims.write_text(claims.read_text() + CLAIM)
    (folder / "book/chapters/own.md").write_text(CHAPTER)
    run(folder, "-c", PAGES)
    return folder


@pytest.fixture(scope="module")
def found(extended) -> dict:
    return json.loads((extended / "found.json").read_text())


def test_a_score_is_extracted_offered_and_compared(extended, found):
    assert "second" in found["columns"] and "second" in found["offered"]
    scores = pd.read_parquet(extended / "results/synthetic/vgg19/scores.parquet")
    others = [min(a for k, a in enumerate(row) if k != i % 3) for i, row in enumerate(found["angles"])]
    assert scores["second"].tolist() == pytest.approx(others)
    images, kept = pd.read_parquet(extended / "results/synthetic/images.parquet"), scores["avh"].notna()
    expected = stats.spearmanr(scores["second"][kept], (images["selected"] / images["shown"])[kept]).statistic
    (table,) = [text for text in found["baselines"] if "tab-baselines" in text]
    (row,) = [line for line in table.splitlines() if "second angle" in line]
    assert f"{round(expected, 2) + 0:.2f}".replace("-", "−") in row.replace("\\", "")  # 0.00 has no sign


def test_a_claim_is_judged_and_told(found):
    (matrix,) = [text for text in found["verdicts"] if "tab-verdicts" in text]
    (row,) = [line for line in matrix.splitlines() if "Every image has a label" in line]
    assert "✓\u00a0supported" in row
    assert "**Own**: Every image has a label: supported for VGG19." in found["verdicts"]
    assert "The paper (Sec. 4): “images of a class”" in found["verdicts"]
    assert any("**Statistic.** The share of images with a label." in text for text in found["verdicts"])


def test_a_chapter_is_in_its_place_and_runs(extended, found):
    lines = run(extended, "-m", "report.contents", "synthetic").splitlines()
    places = [line.split("/")[-1] for line in lines if "book/runs/synthetic/" in line]
    assert places[places.index("own") - 1 : places.index("own") + 2] == ["verdicts", "own", "confidence-gap"]
    assert any("A page of one's own" in line.replace("''", "'") for line in lines)
    assert found["own"] == ["- **Own**: Every image has a label: supported for VGG19."]
