"""How well scores find disputed images in the recorded studies of real people: the tables of their pages."""

from pathlib import Path

import pandas as pd

from analysis.studies import with_recorded
from analysis.study import disputed
from report import contents
from report.contents import PAGES

CHAPTER = "disputed"


def studies_with_disputes(pages: Path = PAGES) -> list[tuple[str, Path, pd.DataFrame]]:
    """For each study with that chapter: its title, the page, and the results over all images."""
    found = []
    for name, plan in with_recorded({}).items():
        folder = pages / name
        tables = [folder / "files" / f"tab-{event}-all.csv" for event in disputed.EVENTS]
        there = [pd.read_csv(path, dtype={"start": str}) for path in tables if path.is_file()]
        if there and not contents.simulated(contents.title(plan)):
            found.append((contents.title(plan), folder / f"{CHAPTER}.ipynb", pd.concat(there, ignore_index=True)))
    return found
