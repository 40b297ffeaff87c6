"""What a chapter shows: figures, tables and facts as MyST Markdown, with files beside the executed notebook.

A page is ``book/runs/<study>/<arch>/`` (a network's chapters) or ``book/runs/<study>/`` (comparisons), relative to the
repository's root, in which chapters are run. Pictures and data go to ``files/`` there, and the Markdown names them
relative to the page, so the book can be built anywhere and opened from disk. Labels end in the study and the network:
they are unique in the whole book.
"""

import html
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from IPython.display import HTML, Markdown, display
from matplotlib.figure import Figure
from pyarrow.parquet import ParquetFile

from analysis import runs
from analysis.parameters import RunParameters, StudyParameters
from analysis.study.results import NetworkResults, StudyResults
from report import explorer, styles, text

BOOK = Path("book/runs")
RECORDED = "recorded"  # the folder of studies that are in the repository
LARGEST_CSV = 5_000_000  # bytes; longer tables are offered as parquet
CHARACTERS = 10  # of a number in a CSV, about
AT_SIGHT = 3  # sentences of a box; the others open with a click
DOWNLOADS = {
    "scores": "Scores, a row per test image",
    "epochs": "Scores of every test image before and after every epoch",
    "iterations": "Scores of every test image at each of the first steps",
    "training": "Training curves, a row per epoch",
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
        absent: str = NO_PEOPLE,
    ) -> None:
        """Save a figure and exactly what it draws, and show it with its number, caption and alternative text.

        Args: name, "fig-3" is Figure 3; pixels, whether it is saved as PNG, for pictures that are heavy as SVG.
            absent, what is said where there is no figure: how a sentence that begins with its number goes on; empty:
            nothing.
        """
        title = f"Figure {name.removeprefix('fig-').upper()}"
        if fig is None:
            self.say(f"{title} {absent}" if absent else "")
            return
        picture = self.save(fig, f"{name}.{'png' if pixels else 'svg'}")
        csv = self.write(data, name)
        wide = fig.get_figwidth() > 6  # inches: on a phone such a figure is scrolled sideways
        show(
            f":::{{figure-md}} {self.label(name)}\n"
            + (":class: wide\n" if wide else "")
            + f'\n<img src="{picture}" alt="{html.escape(alt)}" width="{round(96 * fig.get_figwidth())}px">\n\n'
            f"**{title}.** {text.flow(caption)} [Data of this figure]({csv}).\n:::\n"
        )

    def show_table(
        self,
        table: pd.DataFrame,
        *,
        caption: str,
        name: str = "",
        data: pd.DataFrame | None = None,
        behind: str = "",
    ) -> None:
        """Show a table of text and numbers, made safe, with its caption; with a name, ``data`` is offered as CSV.

        behind, a title that opens a long table with a click. An empty table, as of people's answers where nobody was
        asked, is not shown.
        """
        link = f" [Data of this table]({self.write(data, name)})." if data is not None and len(table) else ""
        shown = captioned(table, caption + link, self.label(name) if name else "")
        show(folded(behind, shown) if behind and shown else shown)

    def show_tables(self, tables: Iterable[dict[str, Any]]) -> None:
        """Several tables, each with the arguments of ``show_table``."""
        for table in tables:
            self.show_table(**table)

    def show_parameters(self, parameters: StudyParameters) -> None:
        """Every parameter that plays a part, with its value and meaning."""
        fields = type(parameters).model_fields
        values = parameters.model_dump(exclude=parameters.unused)
        rows = [(name, _plain(value), fields[name].description) for name, value in values.items()]
        show(folded("Parameters of this page", markdown(pd.DataFrame(rows, columns=["parameter", "value", "meaning"]))))

    def show_stamp(self, *results: NetworkResults) -> None:
        """What made the results of one or several runs: code, versions, device, time, data. A column per run."""
        columns = {styles.architecture(run.arch).label: _stamp(run) for run in results}
        show(folded("What made these results", markdown(pd.DataFrame(columns).reset_index(names=""))))

    def show_downloads(self, run: NetworkResults, tables: Iterable[str] = runs.TABLES) -> None:
        """Links to the run's tables: CSV where that is small, parquet as recorded where it is not."""
        paths = {name: self.copy(run.folder / f"{name}.parquet") for name in tables}
        show("\n".join(f"- {DOWNLOADS[name]}: [{Path(path).name}]({path})" for name, path in paths.items()))

    def show_csv(self, table: pd.DataFrame, name: str, title: str) -> None:
        """A link to a table as CSV, however long."""
        show(f"- {title}: [{name}.csv]({self.write(table, name, largest=None)})")

    def show_explorer(self, study: StudyResults, parameters: RunParameters) -> None:
        """Every test image of a network's study, to look at one by one; a note where the pictures are not there."""
        images, reason = explorer.available_images(parameters, study)
        for leftover in (self.folder / "files").glob("explorer-*"):
            leftover.unlink()
        if images is None:
            self.note("There is nothing to look at here", [text.escape(reason)])
            return
        for name, content in explorer.files(study, parameters.run_name, images).items():
            runs.write_bytes(self.folder / "files" / name, content)
        display(HTML(f'{explorer.PAGE}<script src="files/explorer-data.js"></script>'))

    def say(self, paragraph: str) -> None:
        """A paragraph with inserted numbers."""
        show(text.flow(paragraph))

    def show_list(self, items: Iterable[str]) -> None:
        """A bulleted list with inserted numbers."""
        show(bulleted(items))

    def show_details(self, title: str, items: Iterable[str], table: pd.DataFrame, caption: str) -> None:
        """A list and a table behind a title that opens them; in print they are open."""
        show(folded(title, f"{bulleted(items)}\n\n{captioned(table, caption)}"))

    def note(self, title: str, sentences: Iterable[str]) -> None:
        """A box of things that a reader must know, the first ones at sight; none where there are none."""
        sentences = list(sentences)
        body = bulleted(sentences[:AT_SIGHT])
        if len(sentences) > AT_SIGHT:
            body += "\n\n" + folded("More about them", bulleted(sentences[AT_SIGHT:]))
        show(f":::::{{admonition}} {title}\n:class: note\n\n{body}\n:::::\n" if body else "")

    def save(self, fig: Figure, name: str) -> str:
        """Save a picture; its path as the page names it. The same figure gives the same bytes."""
        kind = name.rpartition(".")[2]
        with runs.replacing(self.folder / "files" / name) as temporary, mpl.rc_context({"svg.hashsalt": "avh"}):
            metadata = {"Date": None} if kind == "svg" else {}
            fig.savefig(temporary, format=kind, dpi=200, metadata=metadata, facecolor="white")
        return f"files/{name}"

    def write(self, table: pd.DataFrame, name: str, largest: int | None = LARGEST_CSV) -> str:
        """Write a table as CSV, or as parquet where that would be long; its path as the page names it."""
        csv = table.to_csv(index=False, lineterminator="\n", float_format="%.9g")  # 9 digits are all of a float32
        if largest is not None and len(csv) > largest:
            runs.write_table(self.folder / "files" / f"{name}.parquet", table)
            return f"files/{name}.parquet"
        with runs.replacing(self.folder / "files" / f"{name}.csv") as temporary:
            temporary.write_text(csv)
        return f"files/{name}.csv"

    def copy(self, path: Path) -> str:
        """A run's table as CSV where that is small, else the file as it is; its path as the page names it.

        Of a study that is recorded in the repository, the recorded file, where it is.
        """
        if path.parts[0] == RECORDED:
            return os.path.relpath(path, self.folder)
        recorded = ParquetFile(path).metadata
        if recorded.num_rows * recorded.num_columns * CHARACTERS < LARGEST_CSV:
            return self.write(runs.read_table(path), path.stem)
        with runs.replacing(self.folder / "files" / path.name) as temporary:
            shutil.copyfile(path, temporary)
        return f"files/{path.name}"


def _stamp(run: NetworkResults) -> dict[str, str]:
    """run.json in a reader's words."""
    stamp = run.stamp
    if "measured" in stamp:
        made = {
            "weights from": stamp["measured"]["weights"],
            "weights' file (SHA-256)": stamp["measured"]["sha256"][:16],
            "pictures for it": _transforms(stamp["measured"].get("transforms", {})),
        }
    else:
        made = {
            "initial learning rate": f"{stamp['learning_rate']:g}",
            "optimiser steps": text.count(stamp["steps"]),
        }
    return {
        "network": stamp["network"],
        "weights": text.count(run.parameter_count),
        "dimensions of the embedding": text.count(stamp["embedding"]),
        **made,
        "images": ", ".join(f"{text.count(n)} {part}" for part, n in stamp["images"].items()),
        "precision": stamp["precision"],
        "device": stamp["device"],
        "threads": stamp["threads"],
        "measuring took" if "measured" in stamp else "training took": text.duration(stamp["seconds"]),
        "commit": stamp["commit"],
        "code (SHA-256)": stamp["source"][:16],
        "data (SHA-256)": stamp["data"][:16],
        "versions": ", ".join(f"{name} {version}" for name, version in stamp["versions"].items()),
    }


def _transforms(made: dict[str, Any]) -> str:
    """How a measured network's pictures were made, in a few text."""
    if "size" not in made:
        return "as the dataset makes them"
    turned = "turned upright, " if made.get("upright") else ""
    return f"{turned}{made['resized']} px ({made['interpolation']}), then the central {made['size']} px"


def show(markdown: str) -> None:
    """Put MyST Markdown on the page; nothing where there is none."""
    if markdown:
        display(Markdown(markdown))


def bulleted(items: Iterable[str]) -> str:
    """A list in Markdown; an empty item is nothing."""
    return "\n".join(f"- {text.flow(item)}" for item in items if item)


def folded(title: str, body: str) -> str:
    """Markdown behind a title that opens it with a click."""
    return f"::::{{dropdown}} {title}\n\n{body}\n::::\n"


def captioned(table: pd.DataFrame, caption: str, label: str = "") -> str:
    """A table in Markdown with its caption and label; nothing of an empty one."""
    if table.empty:
        return ""
    name = f":name: {label}\n" if label else ""
    return f":::{{table}} {text.flow(caption)}\n{name}\n{markdown(table)}\n:::\n"


def markdown(table: pd.DataFrame) -> str:
    """A table in Markdown: text made safe, numbers to three digits, numbers to the right."""
    numeric = [pd.api.types.is_numeric_dtype(table[name]) for name in table]
    lines = [
        [text.escape(name) for name in table],
        ["---:" if right else ":---" for right in numeric],
        *([_cell(value) for value in row] for row in table.itertuples(index=False)),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return text.escape(value)
    return text.count(value) if pd.api.types.is_integer(value) else text.short(value)


def _plain(value: Any) -> str:
    """A parameter's value as text."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "(empty)" if value == "" else str(value)
