"""What a chapter shows: figures, tables and facts as MyST Markdown, with files beside the executed notebook.

A page is ``book/runs/<study>/<arch>/`` (a network's chapters) or ``book/runs/<study>/`` (comparisons), relative to the
repository's root, in which chapters are run. Pictures and data go to ``files/`` there, and the Markdown names them
relative to the page, so the book can be built anywhere and opened from disk. Labels end in the study and the network:
they are unique in the whole book.
"""

import html
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from IPython.display import HTML, Markdown, display
from matplotlib.figure import Figure
from pyarrow.parquet import ParquetFile

from analysis import explorer, runs, styles, words
from analysis.parameters import RunParameters, StudyParameters
from analysis.tables import Run, Study

BOOK = Path("book/runs")
LARGEST_CSV = 5_000_000  # bytes; longer tables are offered as parquet
CHARACTERS = 10  # of a number in a CSV, about
DOWNLOADS = {
    "scores": "Scores, a row per test image",
    "epochs": "Scores of every test image before and after every epoch",
    "iterations": "Scores of every test image at each of the first steps",
    "training": "Course of training, a row per epoch",
}
NO_PEOPLE = "needs people's answers, which this dataset does not have: it is not drawn."


class Page:
    """One chapter's place in the book."""

    def __init__(self, parameters: StudyParameters, arch: str = ""):
        self.key = f"{parameters.study_name}-{arch}".rstrip("-")
        self.folder = BOOK / parameters.study_name / arch

    def label(self, name: str) -> str:
        """A name made unique in the book: "fig-3" -> "fig-3-synthetic"."""
        return f"{name}-{self.key}"

    def show_figure(
        self,
        fig: Figure | None,
        *,
        name: str,
        caption: str,
        alt: str,
        data: pd.DataFrame,
        pixels: bool = False,
        without: str = NO_PEOPLE,
    ) -> None:
        """Save a figure and exactly what it draws, and show it with its number, caption and alternative text.

        Args: name, "fig-3" is Figure 3; pixels, whether it is saved as PNG, for pictures that are heavy as SVG.
            without, what the sentence says of a figure that there is not; empty: no sentence.
        """
        title = f"Figure {name.removeprefix('fig-').upper()}"
        if fig is None:
            self.say(f"{title} {without}" if without else "")
            return
        picture = self.save(fig, f"{name}.{'png' if pixels else 'svg'}")
        csv = self.write(data, name)
        wide = fig.get_figwidth() > 6  # inches: on a phone such a figure is scrolled sideways
        show(
            f":::{{figure-md}} {self.label(name)}\n"
            + (":class: wide\n" if wide else "")
            + f'\n<img src="{picture}" alt="{html.escape(alt)}" width="{round(96 * fig.get_figwidth())}px">\n\n'
            f"**{title}.** {words.flow(caption)} [Data of this figure]({csv}).\n:::\n"
        )

    def show_table(
        self, table: pd.DataFrame, *, caption: str, name: str = "", data: pd.DataFrame | None = None
    ) -> None:
        """Show a table of text and numbers, made safe, with its caption; with a name, ``data`` is offered as CSV.

        An empty table, as of people's answers where nobody was asked, is not shown.
        """
        if table.empty:
            return
        link = f" [Data of this table]({self.write(data, name)})." if data is not None else ""
        label = f":name: {self.label(name)}\n" if name else ""
        show(f":::{{table}} {words.flow(caption)}{link}\n{label}\n{markdown(table)}\n:::\n")

    def show_parameters(self, parameters: StudyParameters) -> None:
        """Every parameter with its value and meaning."""
        fields = type(parameters).model_fields
        rows = [(name, _plain(value), fields[name].description) for name, value in parameters.model_dump().items()]
        table = pd.DataFrame(rows, columns=["parameter", "value", "meaning"])
        self.show_table(table, caption="Parameters of this page.")

    def show_stamp(self, *results: Run) -> None:
        """What made the results of one or several runs: code, versions, device, time, data. A column per run."""
        columns = {styles.architecture(run.arch).label: _stamp(run.stamp) for run in results}
        table = pd.DataFrame(columns).reset_index(names="")
        self.show_table(table, caption="What made these results.")

    def show_downloads(self, run: Run, tables: Iterable[str] = runs.TABLES) -> None:
        """Links to the run's tables: CSV where that is small, parquet as recorded where it is not."""
        paths = {name: self.copy(run.folder / f"{name}.parquet") for name in tables}
        show("\n".join(f"- {DOWNLOADS[name]}: [{Path(path).name}]({path})" for name, path in paths.items()))

    def show_explorer(self, study: Study, parameters: RunParameters) -> None:
        """Every test image of a network's study, to look at one by one; a note where the pictures are not there."""
        images, reason = explorer.pictures(parameters, study.runs[parameters.arch])
        for leftover in (self.folder / "files").glob("explorer-*"):
            leftover.unlink()
        if images is None:
            self.note("There is nothing to look at here", [words.escape(reason)])
            return
        for name, content in explorer.files(study, parameters.arch, images).items():
            runs.write_bytes(self.folder / "files" / name, content)
        display(HTML(f'{explorer.PAGE}<script src="files/explorer-data.js"></script>'))

    def say(self, text: str) -> None:
        """A paragraph with inserted numbers."""
        show(words.flow(text))

    def show_list(self, items: Iterable[str]) -> None:
        """A bulleted list with inserted numbers."""
        show("\n".join(f"- {words.flow(item)}" for item in items))

    def note(self, title: str, sentences: Iterable[str]) -> None:
        """A box of things that a reader must know; none where there are none."""
        body = "\n".join(f"- {words.flow(item)}" for item in sentences)
        show(f":::{{admonition}} {title}\n:class: note\n\n{body}\n:::\n" if body else "")

    def save(self, fig: Figure, name: str) -> str:
        """Save a picture; its path as the page names it. The same figure gives the same bytes."""
        kind = name.rpartition(".")[2]
        with runs.replacing(self.folder / "files" / name) as temporary, mpl.rc_context({"svg.hashsalt": "avh"}):
            metadata = {"Date": None} if kind == "svg" else {}
            fig.savefig(temporary, format=kind, dpi=200, metadata=metadata, facecolor="white")
        return f"files/{name}"

    def write(self, table: pd.DataFrame, name: str) -> str:
        """Write a table as CSV, or as parquet where that would be long; its path as the page names it."""
        text = table.to_csv(index=False, lineterminator="\n", float_format="%.9g")  # 9 digits are all of a float32
        if len(text) > LARGEST_CSV:
            runs.write_table(self.folder / "files" / f"{name}.parquet", table)
            return f"files/{name}.parquet"
        with runs.replacing(self.folder / "files" / f"{name}.csv") as temporary:
            temporary.write_text(text)
        return f"files/{name}.csv"

    def copy(self, path: Path) -> str:
        """A recorded table as CSV where that is small, else the file as it is; its path as the page names it."""
        recorded = ParquetFile(path).metadata
        if recorded.num_rows * recorded.num_columns * CHARACTERS < LARGEST_CSV:
            return self.write(runs.read_table(path), path.stem)
        with runs.replacing(self.folder / "files" / path.name) as temporary:
            shutil.copyfile(path, temporary)
        return f"files/{path.name}"


def _stamp(stamp: dict[str, Any]) -> dict[str, str]:
    """run.json in a reader's words."""
    return {
        "network": stamp["network"],
        "weights": words.count(stamp["weights"]),
        "dimensions of the embedding": words.count(stamp["embedding"]),
        "initial learning rate": f"{stamp['learning_rate']:g}",
        "optimiser steps": words.count(stamp["steps"]),
        "images": ", ".join(f"{words.count(n)} {part}" for part, n in stamp["images"].items()),
        "precision": stamp["precision"],
        "device": stamp["device"],
        "threads": stamp["threads"],
        "training took": words.duration(stamp["seconds"]),
        "commit": stamp["commit"],
        "code (SHA-256)": stamp["source"][:16],
        "data (SHA-256)": stamp["data"][:16],
        "versions": ", ".join(f"{name} {version}" for name, version in stamp["versions"].items()),
    }


def show(markdown: str) -> None:
    """Put MyST Markdown on the page; nothing where there is none."""
    if markdown:
        display(Markdown(markdown))


def markdown(table: pd.DataFrame) -> str:
    """A table in Markdown: text made safe, numbers to three digits, numbers to the right."""
    numeric = [pd.api.types.is_numeric_dtype(table[name]) for name in table]
    lines = [
        [words.escape(name) for name in table],
        ["---:" if right else ":---" for right in numeric],
        *([_cell(value) for value in row] for row in table.itertuples(index=False)),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return words.escape(value)
    return words.count(value) if pd.api.types.is_integer(value) else words.short(value)


def _plain(value: Any) -> str:
    """A parameter's value as text."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "(empty)" if value == "" else str(value)
