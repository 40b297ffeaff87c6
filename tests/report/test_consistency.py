"""The recorded study says what its recorded tables and people's answers say: every page, number by number.

Each page's code runs again, here and now, on the recorded tables; what it shows, and the tables that it offers, are
compared with what is recorded. Its figures are drawn but not rendered, as pictures are not compared. And a network is
trained again for its first epochs and compared with the record.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import pipeline, runs, statistics
from analysis.__main__ import moved
from analysis.recording import RECORDED
from analysis.statistics.once import digest
from analysis.studies import read_studies
from analysis.study.results import read_results
from report import colab
from report import page as pages
from report import shown as in_three_forms
from report.figures import saved

ROOT = Path(__file__).parent.parent.parent
STUDY = "cifar10h"
PAGES = sorted(
    str(path.relative_to(ROOT / "book/runs" / STUDY).with_suffix(""))
    for path in (ROOT / "book/runs" / STUDY).rglob("*.ipynb")
    if path.stem != "explorer"  # not recorded: it holds the pictures
)
NUMBER = re.compile(r"(?<![\w.])[-−]?\d[\d,]*(?:\.\d+)?(?:e[-−]?\d+)?")


def shown(notebook: Path) -> list[str]:
    """The Markdown that a recorded page shows, in order."""
    cells = json.loads(notebook.read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return ["".join(output["data"]["text/markdown"]) for output in outputs if "text/markdown" in output.get("data", {})]


def run_again(notebook: Path, folder: Path, monkeypatch) -> list[str]:
    """Run a recorded page's own code in ``folder``; the Markdown that it shows now."""
    said = []
    monkeypatch.chdir(folder)
    monkeypatch.setattr(in_three_forms, "display", lambda what: said.append(what.myst))
    monkeypatch.setenv(pages.PLACE, str(folder / notebook.parent.relative_to(ROOT)))
    namespace = {}
    for cell in json.loads(notebook.read_text())["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), notebook.name, "exec"), namespace)
    return said


def numbers(text: str) -> list[float]:
    return [float(found.replace(",", "").replace("−", "-")) for found in NUMBER.findall(text)]


def words(text: str) -> str:
    return NUMBER.sub("#", text)


def kept(function: Callable) -> Callable:
    """What several pages compute from the same numbers is computed for the first of them alone."""
    found = {}

    def first(*args, **named):
        key = digest(*args, named)
        if key not in found:
            found[key] = function(*args, **named)
        return found[key]

    return first


@pytest.fixture(scope="module")
def again(tmp_path_factory) -> Iterator[Path]:
    """A folder in which chapters find the recorded tables and leave their files; hardness quotes some of disputed's."""
    folder = tmp_path_factory.mktemp("again")
    (folder / RECORDED).symlink_to(ROOT / RECORDED)
    (folder / pages.MARK).touch()
    for table in (ROOT / "book/runs").glob("*/files/tab-*-all.csv"):
        copy = folder / table.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(table, copy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saved, "svg", lambda fig: b"")
        patch.setattr(saved, "png", lambda fig, dots: b"")
        patch.setattr(statistics, "curves", kept(statistics.curves))
        yield folder


@pytest.mark.parametrize("base", [RECORDED, "book/runs"])
def test_what_is_recorded_is_small(base):
    assert PAGES, "no page is recorded"
    studies = [ROOT / base / study.name for study in (ROOT / RECORDED).iterdir()]
    committed = [path for study in studies for path in study.rglob("*") if path.is_file()]
    kept = [path for path in committed if not path.name.startswith("explorer")]
    assert sum(path.stat().st_size for path in kept) < 25e6


def test_nothing_recorded_is_others_work():
    for path in (ROOT / RECORDED).rglob("*.parquet"):
        table = runs.read_table(path)
        assert not table.filter(regex=r"^(selected|shown|hsf|count_\d+)$").columns.tolist(), path
    folders = [ROOT / "book/runs" / study.name for study in (ROOT / RECORDED).iterdir()]
    for path in (path for folder in folders for path in folder.rglob("*.csv")):
        table = pd.read_csv(path)
        whole = len(table) >= 10_000 and {"id", "image"} & set(table)
        assert not (whole and {"HSF", "hsf", "selected", "shown"} & set(table)), path


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_the_recorded_tables_say(page, again, real_data, monkeypatch):
    notebook = ROOT / "book/runs" / STUDY / f"{page}.ipynb"
    before, now = shown(notebook), run_again(notebook, again, monkeypatch)
    assert len(before) == len(now) > 0
    for old, new in zip(before, now, strict=True):
        assert words(new) == words(old), f"{page}: execute it again and record what it says"
        np.testing.assert_allclose(numbers(new), numbers(old), rtol=1e-3, atol=0.011)  # one of the last digit shown
    for old in (notebook.parent / "files").glob("*.csv"):
        new = again / "book/runs" / STUDY / old.relative_to(ROOT / "book/runs" / STUDY)
        if new.exists():  # made by this page
            pd.testing.assert_frame_equal(pd.read_csv(new), pd.read_csv(old), rtol=1e-6, atol=1e-9)


def test_the_code_of_the_recorded_pages_is_that_of_the_chapters():
    import jupytext  # noqa: PLC0415

    for page in PAGES:
        cells = json.loads((ROOT / "book/runs" / STUDY / f"{page}.ipynb").read_text())["cells"]
        own = [c for c in cells if not {"injected-parameters", colab.TAG} & set(c["metadata"].get("tags", []))]
        mine = ["".join(c["source"]) for c in own]
        source, output = ROOT / "book/chapters" / f"{Path(page).name}.md", ROOT / "book/runs" / STUDY / f"{page}.ipynb"
        chapter = [moved(cell["source"], source, output) for cell in jupytext.read(source)["cells"]]
        assert mine == chapter, f"{page}: record it again"


def test_a_network_trained_again_goes_the_recorded_way(real_data, tmp_path):
    from analysis import training  # noqa: PLC0415

    arch, images = "alexnet", 500
    recorded = read_studies({"studies": STUDY})[STUDY].runs[arch]
    parameters = recorded.model_copy(update={"results_dir": str(tmp_path), "test_images": images})
    run = training.Training(parameters, pipeline.prepare(pipeline.study_of(parameters)))
    row = next(run.epochs())
    kept = read_results(recorded.model_copy(update={"results_dir": str(ROOT / RECORDED)}), [arch]).runs[arch]
    assert row["loss"] == pytest.approx(kept.training["loss"].iloc[0], rel=0.05)
    position = kept.scores.set_index("id").index.get_indexer(run.dataset.test.ids)
    first = kept.iterations.query("step <= 20").pivot(index="step", columns="image", values="norm").to_numpy()
    mine = np.stack([probe["norm"].numpy() for probe in run.progress.iterations[:21]])
    np.testing.assert_allclose(mine.mean(1), first[:, position].mean(1), rtol=0.05)
    accuracy = kept.epochs.query("epoch == 1").set_index("image")["correct"].loc[position].mean()
    assert run.progress.epochs[-1]["correct"].float().mean().item() == pytest.approx(accuracy, abs=0.08)
