"""The first cell of a recorded page in Colab, which has neither this project nor all that it needs.

    python -m report.colab     # writes the cell into all recorded pages, with book_repository of _config.yml

Whoever publishes the book runs this once; without a repository it removes the cell. Everywhere but in Colab the cell
does nothing, and the book does not show it.
"""

import json
from pathlib import Path
from typing import Any

import yaml

from analysis import runs
from analysis.studies import with_recorded
from report.contents import PAGES

CONFIG = Path("_config.yml")
TAG = "colab"
CELL = """# In Colab: the project with its recorded results, and what it needs. Elsewhere this does nothing.
import os
import subprocess
import sys

if "google.colab" in sys.modules and not os.path.exists("Snakefile"):
    if not os.path.exists("project"):
        subprocess.run(["git", "clone", "--quiet", "--depth", "1", {repository!r}, "project"], check=True)
    os.chdir("project")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--editable", "."], check=True)
    sys.path.insert(0, os.getcwd())"""


def run_colab() -> None:
    repository = yaml.safe_load(CONFIG.read_text("utf-8"))["sphinx"]["config"].get("book_repository", "")
    pages = [page for study in with_recorded({}) for page in sorted((PAGES / study).rglob("*.ipynb"))]
    for page in pages:
        notebook = with_first_cell(json.loads(page.read_text("utf-8")), repository)
        with runs.replacing(page) as temporary:
            temporary.write_text(json.dumps(notebook, indent=1, ensure_ascii=False), "utf-8")  # as papermill does
    print(f"{len(pages)} pages {f'open {repository} in Colab' if repository else 'have no cell for Colab'}")


def with_first_cell(notebook: dict[str, Any], repository: str) -> dict[str, Any]:
    """A notebook with the cell for this repository, in place of one for another; empty: without."""
    cells = [cell for cell in notebook["cells"] if TAG not in cell["metadata"].get("tags", [])]
    if repository:
        source = CELL.format(repository=repository).splitlines(keepends=True)
        cell = {"cell_type": "code", "execution_count": None, "metadata": {"tags": [TAG, "remove-cell"]}}
        cells.insert(0, cell | {"id": TAG, "outputs": [], "source": source})
    return notebook | {"cells": cells}


def opens_in_colab(page: Path, repository: str) -> bool:
    """Whether a page is a notebook with the cell for this repository."""
    if page.suffix != ".ipynb" or not repository:
        return False
    notebook = json.loads(page.read_text("utf-8"))
    return with_first_cell(notebook, repository)["cells"][0]["source"] == notebook["cells"][0]["source"]


if __name__ == "__main__":
    run_colab()
