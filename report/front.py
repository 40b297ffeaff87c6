"""The answer, figure and claims on the front page, made from the tables of the studies' pages. No number is typed.

    python -m report.front     # writes the answer into README.md

The results of ``claims.judge`` for a study are on its verdicts page and, as tab-verdicts.csv, beside it; the front page
and README use this table. Coefficients are from tab-baselines.csv and tab-ceilings.csv.
"""

import re
import textwrap
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pandas as pd

from analysis import runs
from analysis.catalogue import SCORES
from analysis.studies import with_recorded
from report import contents, styles, wording
from report.contents import PAGES

README = Path("README.md")
ANSWER_PLACE = re.compile(r"(<!-- answer[^>]*-->\n).*?(<!-- /answer -->)", re.DOTALL)
FIGURE_ROWS = {"P2a": "avh", "H1": "confidence", "P1": "norm_in_class"}  # claims with the number of a score
LEFT_ASIDE = {"norm"}  # one variant of the norm is enough


class FrontStudy(NamedTuple):
    """The data of a study for the front page: its title and the tables of its pages."""

    name: str
    title: str
    verdicts: pd.DataFrame
    scores: pd.DataFrame  # empty without human labels
    ceiling: float

    @classmethod
    def read(cls, pages: Path, title: str) -> Self | None:
        """From the folder with the pages of a study; None if no claim was judged there."""
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
        """Whether the annotators are real."""
        return len(self.scores) > 0 and not contents.simulated(self.title)


def real_first(studies: list[FrontStudy]) -> list[FrontStudy]:
    """Studies in the order of the front page: real annotators first."""
    return sorted(studies, key=lambda study: (not study.real, contents.simulated(study.title)))


def answer(studies: list[FrontStudy]) -> str:
    """The answer to the book's question, from studies with real annotators only; empty if there are none."""
    verdicts = [study.verdicts for study in studies if study.real]
    return wording.front.answer_in_words(pd.concat(verdicts)) if verdicts else ""


def points(studies: list[FrontStudy]) -> pd.DataFrame:
    """Points for studies with real annotators: study, label, arch, mean, low, high (absolute values), n, ceiling.

    Studies of the same people and images are shown as one; they have the same noise ceiling, which depends on nothing
    else.
    """
    parts = []
    same_people: dict[float, list[FrontStudy]] = {}
    for study in (study for study in studies if study.real):
        same_people.setdefault(study.ceiling, []).append(study)
    for together in same_people.values():
        verdicts = pd.concat([study.verdicts for study in together])
        scores = pd.concat([study.scores for study in together])
        rows = {styles.score_label(s): verdicts[verdicts["claim"] == id_] for id_, s in FIGURE_ROWS.items()}
        others = scores[
            [s not in LEFT_ASIDE | set(FIGURE_ROWS.values()) and not SCORES[s].twin for s in scores["score"]]
        ]
        best = others.assign(size=others["value"].abs()).groupby("score", sort=False)["size"].mean().idxmax()
        rows[f"best other:\n{styles.score_label(best)}"] = others[others["score"] == best]
        same = {"study": together[0].title, "ceiling": together[0].ceiling}
        found = {label: without_signs(table.dropna(subset="value")) for label, table in rows.items()}
        parts += [table.assign(**same, label=label) for label, table in found.items()]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def without_signs(table: pd.DataFrame) -> pd.DataFrame:
    """Correlations without their signs: arch, mean, low, high, n. An interval that contains 0 starts there."""
    ends, across = table[["low", "high"]].abs(), table["low"] * table["high"] < 0
    columns = {"mean": table["value"].abs(), "low": ends.min(axis=1).where(~across, 0), "high": ends.max(axis=1)}
    return table[["arch", "n"]].assign(**columns)


def claims_table(studies: list[FrontStudy]) -> pd.DataFrame:
    """Every claim with its verdict in each study, real annotators first."""
    return wording.front.claims_in_studies({study.title: study.verdicts for study in real_first(studies)})


def studies_told(studies: list[FrontStudy], pages: Collection[str]) -> str:
    """The studies with links to their pages. pages: all pages of the book."""

    def links(chapter: str, those: Iterable[FrontStudy]) -> list[str]:
        names = {study.title: f"{study.name}/{chapter}" for study in those}
        there = {title: name for title, name in names.items() if f"{PAGES.as_posix()}/{name}" in pages}
        return [f"[{title}]({PAGES.name}/{name}.ipynb)" for title, name in there.items()]

    real = [study for study in studies if study.real]
    simulated = [study for study in studies if contents.simulated(study.title)]
    return wording.front.studies_in_words(
        links("verdicts", real), links("verdicts", simulated), links("disputed", real)
    )


def recorded(pages: Path = PAGES) -> list[FrontStudy]:
    """The studies that are recorded in the repository, from their recorded pages."""
    found = (FrontStudy.read(pages / name, contents.title(plan)) for name, plan in with_recorded({}).items())
    return [study for study in found if study]


def with_answer(readme: str, studies: list[FrontStudy]) -> str:
    """The text of README with the answer inserted."""
    return ANSWER_PLACE.sub(lambda found: f"{found[1]}{textwrap.fill(answer(studies), 120)}\n{found[2]}", readme)


def main() -> None:
    with runs.replacing(README) as temporary:
        temporary.write_text(with_answer(README.read_text("utf-8"), recorded()), "utf-8")


if __name__ == "__main__":
    main()
