"""How well scores find disputed images in the recorded studies of real people: the tables of their pages."""

from pathlib import Path

import pandas as pd

from analysis.study import disputed
from report import contents


def studies_with_disputes() -> list[tuple[str, Path, pd.DataFrame]]:
    """For each study with that chapter: its title, the page, and the results over all images."""
    found = []
    for title, page in contents.of_real_people("disputed").items():
        tables = [page.parent / "files" / f"tab-{event}-all.csv" for event in disputed.EVENTS]
        there = [pd.read_csv(path, dtype={"start": str}) for path in tables if path.is_file()]
        if there:
            found.append((title, page, pd.concat(there, ignore_index=True)))
    return found
