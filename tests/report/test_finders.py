"""The head of a hardness report says what the tables of real people's studies say, and leads to their pages."""

import re
from pathlib import Path

import pandas as pd
import pytest

from analysis.parameters import RunParameters
from report import contents, finders, wording
from report import page as pages
from report import shown as in_three_forms

ROOT = Path(__file__).parent.parent.parent
FILES = ROOT / "book/runs/cifar10h/files"


def table(**aurocs: tuple[float, float]) -> pd.DataFrame:
    """What two networks' scores have as AUROC; the rows of single starts and of other measures say something else."""
    rows = [
        ("disputed", arch, score, measure, start, value if (measure, start) == ("auroc", "mean") else 0.01)
        for score, values in aurocs.items()
        for arch, value in zip(("alexnet", "vgg19"), values, strict=True)
        for measure in ("auroc", "average precision")
        for start in ("0", "mean")
    ]
    return pd.DataFrame(rows, columns=["event", "arch", "score", "measure", "start", "value"])


@pytest.mark.parametrize(
    ("aurocs", "words"),
    [
        (
            {"avh": (0.6, 0.7), "margin": (0.65, 0.8), "norm": (0.5, 0.75)},
            "the AUROC of AVH is 0.60 to 0.70; that of margin, on average the highest, is 0.65 to 0.80.",
        ),
        (
            {"avh": (0.6, 0.6), "margin": (0.61, 0.3)},
            "the AUROC of AVH is 0.60; no score has a higher one on average.",
        ),
    ],
)
def test_a_sentence_says_who_finds_disputed_images_best(aurocs, words):
    assert wording.disputed.finders_compared({"A study": table(**aurocs)}) == [f"A study, HSF below 0.8: {words}"]


def test_nothing_is_said_of_studies_that_did_not_ask():
    assert (
        wording.disputed.finders_compared({})
        == wording.disputed.finders_compared({"A study": table(norm=(0.5, 0.6))})
        == []
    )


def test_it_is_made_of_the_recorded_tables_and_leads_to_their_pages(tmp_path, monkeypatch):
    said: list[str] = []
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(in_three_forms, "display", lambda what: said.append(what.myst))
    here = Path("book/runs/some/net")
    pages.Page(RunParameters(rank_by="loss"), None, "net", folder=here).which_score()
    (box,) = said
    assert "Ranked by loss" in box.splitlines()[0]
    links = dict(re.findall(r"\[([^\]]+)\]\((\S+)\)", box))
    assert {"CIFAR-10H", "ImageNet (sample)"} <= links.keys()
    assert all((ROOT / here / link).resolve().is_file() for link in links.values())
    recorded = pd.read_csv(FILES / "tab-renamed-all.csv", dtype={"start": str})
    avh = recorded.query("score == 'avh' and measure == 'auroc' and start == 'mean'")["value"]
    (line,) = (line for line in box.splitlines() if "[CIFAR-10H]" in line and "outvoted" in line)
    assert f"the AUROC of AVH is {avh.min():.2f} to {avh.max():.2f}; " in line


def test_the_pages_that_it_is_made_of_are_declared():
    """In the chapter's header, from which Snakemake knows what is made first."""
    assert contents.quoted_by("hardness") == [page for _, page, _ in finders.studies_with_disputes()]
    saying = {path.stem for path in contents.CHAPTERS.glob("*.md") if "page.which_score(" in path.read_text()}
    assert saying == {chapter.name for chapter in contents.chapters() if chapter.quotes == "disputed"} == {"hardness"}


def test_simulated_people_are_not_asked(monkeypatch):
    monkeypatch.setattr(contents, "title", lambda plan: "some, simulated annotators")
    assert finders.studies_with_disputes() == []
