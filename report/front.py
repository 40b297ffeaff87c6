"""The front page's answer, figure and claims, made of the tables that studies' pages offer. No number of it is typed.

    python -m report.front     # writes the answer into README.md

What ``claims.judge`` found of a study is in its page of verdicts and, as tab-verdicts.csv, beside it: the front page
and README say what that table says. Coefficients are those of its tab-baselines.csv and tab-ceilings.csv.
"""

import re
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pandas as pd

from analysis import runs
from analysis.catalogue import SCORES
from analysis.studies import with_recorded
from report import contents, wording

PAGES = Path("book/runs")
README = Path("README.md")
PLACE = re.compile(r"(<!-- answer[^>]*-->\n).*?(<!-- /answer -->)", re.DOTALL)
ROWS = {"P2a": "avh", "H1": "confidence", "P1": "norm_in_class"}  # of the figure: claims whose number is a score's
OTHERS = {"norm"}  # of the norm, one is enough


class FrontStudy(NamedTuple):
    """What the front page needs of a study: its title and the tables of its pages."""

    name: str
    title: str
    verdicts: pd.DataFrame
    scores: pd.DataFrame  # empty where nobody was asked
    ceiling: float

    @classmethod
    def read(cls, pages: Path, title: str) -> Self | None:
        """From the folder of a study's pages; None where no claim was judged there."""
        tables = {name: pages / "files" / f"tab-{name}.csv" for name in ("verdicts", "baselines", "ceilings")}
        if not tables["verdicts"].is_file():
            return None
        if not (tables["baselines"].is_file() and tables["ceilings"].is_file()):
            return cls(pages.name, title, pd.read_csv(tables["verdicts"]), pd.DataFrame(), np.nan)
        ceilings = pd.read_csv(tables["ceilings"])
        ceiling = ceilings.loc[ceilings["kind"] == "spearman", "value"].iloc[0]
        return cls(pages.name, title, pd.read_csv(tables["verdicts"]), pd.read_csv(tables["baselines"]), ceiling)

    @property
    def real(self) -> bool:
        """Whether real people were asked."""
        return len(self.scores) > 0 and not contents.simulated(self.title)


def real_first(studies: list[FrontStudy]) -> list[FrontStudy]:
    """Studies in the order in which they answer the book's question."""
    return sorted(studies, key=lambda study: (not study.real, contents.simulated(study.title)))


def answer(studies: list[FrontStudy]) -> str:
    """The answer to the book's question, from real people's studies alone; empty where there is none."""
    verdicts = [study.verdicts for study in studies if study.real]
    return wording.answer_in_words(pd.concat(verdicts)) if verdicts else ""


def points(studies: list[FrontStudy]) -> pd.DataFrame:
    """The marks of real people's studies: study, label, arch, mean, low, high (absolute values), n, ceiling."""
    parts = []
    for study in (study for study in studies if study.real):
        rows = {wording.score_label(s): study.verdicts[study.verdicts["claim"] == id_] for id_, s in ROWS.items()}
        names = study.scores["score"]
        others = study.scores[[s not in OTHERS | set(ROWS.values()) and not SCORES[s].twin for s in names]]
        best = others.assign(size=others["value"].abs()).groupby("score", sort=False)["size"].mean().idxmax()
        rows[f"best other:\n{wording.score_label(best)}"] = others[others["score"] == best]
        same = {"study": study.title, "ceiling": study.ceiling}
        parts += [sizes(table).assign(**same, label=label) for label, table in rows.items()]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def sizes(table: pd.DataFrame) -> pd.DataFrame:
    """Correlations without their signs: arch, mean, low, high, n. An interval that holds 0 begins there."""
    ends, across = table[["low", "high"]].abs(), table["low"] * table["high"] < 0
    columns = {"mean": table["value"].abs(), "low": ends.min(axis=1).where(~across, 0), "high": ends.max(axis=1)}
    return table[["arch", "n"]].assign(**columns)


def claims_table(studies: list[FrontStudy]) -> pd.DataFrame:
    """Every claim with its outcome in each study, real people's first."""
    return wording.claims_in_studies({study.title: study.verdicts for study in real_first(studies)})


def recorded(pages: Path = PAGES) -> list[FrontStudy]:
    """The studies that are recorded in the repository, from their recorded pages."""
    found = (FrontStudy.read(pages / name, contents.title(plan)) for name, plan in with_recorded({}).items())
    return [study for study in found if study]


def with_answer(readme: str, studies: list[FrontStudy]) -> str:
    """README's text with the answer in its place."""
    return PLACE.sub(lambda found: f"{found[1]}{textwrap.fill(answer(studies), 120)}\n{found[2]}", readme)


def main() -> int:
    with runs.replacing(README) as temporary:
        temporary.write_text(with_answer(README.read_text("utf-8"), recorded()), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
