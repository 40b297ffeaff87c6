"""The page of a chapter: figures, tables, verdicts and text, rendered by ``shown`` for notebooks and for the book.

Pages of the book are in ``book/runs/<study>/<arch>/`` (chapters on a network) or ``book/runs/<study>/`` (comparisons).
Figures and data are written to ``files/`` there, and links are relative to the page, so the book can be built anywhere
and opened from disk. A notebook run interactively shows the same but writes nothing into the book: its files are in
``build/notebooks/``. Labels end in the study and the network, so they are unique in the whole book.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from IPython.display import HTML, display
from matplotlib.figure import Figure
from pyarrow.parquet import ParquetFile

import analysis
from analysis import pipeline, runs
from analysis.datasets import Images
from analysis.parameters import (
    OF_PAGES,
    PLACE,
    ComparisonParameters,
    NetworkPageParameters,
    RunParameters,
    StudyParameters,
)
from analysis.recording import RECORDED
from analysis.study import claims, starts, tables
from analysis.study.results import NetworkResults, StudyResults, finished_networks, open_run, open_study, read_results
from report import explorer, finders, shown, styles, text, wording
from report.figures import Drawn, saved
from report.shown import show

INTERACTIVE = Path("build/notebooks")  # files of notebooks that are run interactively
MARK = "Snakefile"  # marks the root of the project
LARGEST_CSV = 5_000_000  # bytes; larger tables are offered as parquet
CHARACTERS = 10  # approximate length of a number in a CSV
LONGEST_ALT = 250  # characters of an alternative text; longer texts become a table
AT_SIGHT = 3  # visible sentences of a box; the others are folded
DOWNLOADS = {
    "scores": "Scores, a row per test image",
    "epochs": "Scores of every test image before and after every epoch",
    "iterations": "Scores of every test image at each of the first steps",
    "training": "Training curves, a row per epoch",
}
NO_PEOPLE = "needs human labels, which this dataset does not have, and is not drawn."


class Page:
    """The page of one chapter.

    results: the results shown. arch: the network of the page; empty for comparisons. folder: the folder for its files.
    here: the folder of the notebook, which its links are relative to.
    """

    def __init__(
        self,
        parameters: StudyParameters,
        results: StudyResults | None = None,
        arch: str = "",
        *,
        folder: Path | None = None,
        here: Path | None = None,
    ):
        self.parameters, self.results, self.arch = parameters, results, arch
        self.key = f"{parameters.study_name}-{arch}".rstrip("-")
        self.folder = folder or INTERACTIVE / parameters.study_name / arch
        self.here = here or self.folder
        self._claimed: set[str] = set()

    @classmethod
    def open(cls, namespace: dict[str, Any], *, download: bool = True) -> Self:
        """The page of a notebook, from its parameters: call with ``globals()`` in the cell after them.

        The notebook may be in any folder; the working directory becomes the root of the project. It may be run again:
        names defined by later cells are not taken as parameters.
        download: whether human labels missing from a record may be downloaded.
        Raises InputError if a parameter is unknown, or if results are missing, damaged or have other parameters.
        """
        here, names = namespace.setdefault("_opened", (Path.cwd(), set(namespace)))
        os.chdir(root_above(here))
        given = {name: namespace[name] for name in names if name in namespace}
        parameters, archs = _network_page(given) if "arch" in given else _comparison_page(given)
        results = read_results(parameters, archs, download=download)
        place = os.environ.get(PLACE)
        arch = archs[0] if "arch" in given else ""
        return cls(parameters, results, arch, folder=Path(place) if place else None, here=None if place else here)

    @property
    def network(self) -> NetworkResults:
        """The results of the network of this page."""
        return self.results.runs[self.arch]

    @cached_property
    def names(self) -> str:
        """The networks of the page as a list in words: "AlexNet, VGG19 and ResNet50"."""
        return self.named(self.results.runs)

    def named(self, archs: Iterable[str]) -> str:
        """Networks in a sentence."""
        return text.listing(map(styles.label, archs))

    @property
    def undefined(self) -> str:
        """The sentence on undefined AVH in a caption, for all networks of the page."""
        return wording.study.undefined_scores(tables.undefined_images(self.results, list(self.results.runs), ["avh"]))

    def label(self, name: str) -> str:
        """A name made unique in the book: "fig-3" -> "fig-3-synthetic"."""
        return f"{name}-{self.key}"

    # --- contents of a chapter

    def about(self) -> None:
        """A box with what a reader must know about the study: images, annotators, networks."""
        self.note(f"About this study: {self.names}", wording.study.about(self.results), more="More about this study")

    def which_score(self) -> None:
        """A box with how well scores find disputed images in the recorded studies of real people."""
        found = {f"[{title}]({self.to(path)})": table for title, path, table in finders.studies_with_disputes()}
        score = styles.score_label(self.parameters.rank_by)
        self.note(
            f"Ranked by {score}: how well scores find disputed images",
            wording.disputed.finders_compared(found),
            more="More on these scores, and the other studies",
            at_sight=1,
        )

    def figure(self, number: str, drawn: Drawn | None, *, caption: str = "", absent: str = NO_PEOPLE) -> None:
        """Show a figure with its number, caption and alternative text; save it together with its data.

        caption: follows the caption that the figure function gives, if any.
        absent: the rest of the sentence "Figure 3 ..." if there is no figure; empty for no sentence.
        """
        if drawn is None:
            self.say(f"Figure {number} {absent}" if absent else "")
            return
        name = f"fig-{number.lower()}"
        kind = "png" if drawn.raster else "svg"
        picture = self.save(drawn.figure, f"{name}.{kind}")
        if drawn.narrow:
            self.save(drawn.narrow(), f"{name}{shown.FOR_PHONE}.{kind}")
        caption = text.flow(f"{drawn.caption} {caption}")
        said = f"**Figure {number}.** {caption} [Data of this figure]({self.write(drawn.data, name)})."
        drawn.figure.set_layout_engine("none")  # it is laid out: once is enough for all forms
        inches = drawn.figure.get_figwidth()
        alt = text.cut_at_sentence(drawn.sentences, LONGEST_ALT, "All numbers are in the table below.")
        pictured = shown.pictured(saved.embedded(drawn.figure), picture, inches, alt, said, self.label(name), name)
        rows = pd.DataFrame(drawn.numbers if alt != drawn.alt else [], columns=["what", "numbers"])
        show(shown.joined(pictured, shown.folded(f"Figure {number} in numbers", shown.table(rows))))
        self.note(f"Figure {number} shows boxes instead of some characters", wording.hardness.boxes(drawn.boxes))

    def histograms(
        self, number: str, draw: Callable, archs: Sequence[str], scores: Sequence[str], *, caption: str = ""
    ) -> None:
        """A figure of ``tables.histograms`` of those scores that are defined; the caption says which are not."""
        undefined = wording.study.undefined_scores(tables.undefined_images(self.results, archs, scores))
        drawn = draw(tables.histograms(self.results, archs, self.results.defined(*scores)))
        self.figure(number, drawn, caption=f"{caption} {undefined}")

    def table(
        self, name: str, table: pd.DataFrame, *, caption: str, data: pd.DataFrame | None = None, behind: str = ""
    ) -> None:
        """Show an escaped table of text and numbers with its caption; ``data`` is offered as CSV.

        behind: a title that folds a long table. An empty table, such as one on human labels that do not exist, is not
        shown.
        """
        if table.empty:
            return
        name = f"tab-{name}"
        link = "" if data is None else f" [Data of this table]({self.write(data, name)})."
        whole = shown.table(table, caption + link, self.label(name), name)
        show(shown.folded(behind, whole) if behind else whole)

    def told(self, name: str, tell: Callable, data: pd.DataFrame, *more: Any, behind: str = "") -> None:
        """Show a table as formatted by a function of ``wording``, with its caption, and offer the data.

        The caption is the one that ``text.captioned`` attached to the function. Empty data is not shown.
        """
        if data.empty:
            return
        self.table(name, tell(data, *more), caption=tell.caption(data, *more), data=data, behind=behind)

    def detections(self, found: pd.DataFrame) -> None:
        """``disputed.detect``: a folded table for each event and set of images."""
        for (event, images), part in wording.forms.each(found, ["event", "images"]):
            title = wording.disputed.detections_title(event, images)
            self.told(f"{event}-{images.split()[0]}", wording.disputed.detections_table, part, behind=title)

    def say(self, paragraph: str) -> None:
        """A paragraph with inserted numbers."""
        show(shown.prose(text.flow(paragraph)))

    def points(self, *parts: str | Iterable[str]) -> None:
        """A bulleted list with inserted numbers."""
        show(shown.bulleted(item for part in parts for item in ([part] if isinstance(part, str) else part)))

    def note(
        self, title: str, sentences: Iterable[str], more: str = "The rest of this note", at_sight: int = AT_SIGHT
    ) -> None:
        """A box of sentences, the first ones visible; no box without sentences. more: what folds the others."""
        sentences = list(sentences)
        rest = shown.folded(more, shown.bulleted(sentences[at_sight:]))
        show(shown.boxed(title, shown.joined(shown.bulleted(sentences[:at_sight]), rest)))

    def verdicts(self, *ids: str) -> None:
        """The verdicts on these claims, or on all claims, in a sentence each."""
        self.points(wording.claims.outcomes_of_claims(claims.judge(self.results, claims.named(*ids))))

    def verdict_matrix(self) -> None:
        """All claims at a glance; the front page and README are generated from the data of this table."""
        matrix = wording.claims.matrix(self._judged, self.results)
        caption = "The verdict on each of the paper's claims, for each network."
        self.table("verdicts", matrix, caption=caption, data=self._judged)
        self.say(wording.claims.tally(self._judged))
        self.say(wording.starts.starts_judged(self.results))

    def claims(self, *ids: str) -> None:
        """For each of these claims the verdicts, the paper's words and, folded, the rule with its numbers."""
        ceiling = tables.ceiling(self.results)
        for id_ in ids:
            self._claimed.add(id_)
            self.say(wording.claims.outcome(self._judged, id_))
            self.say(wording.claims.said(self.results, id_))
            numbers = shown.table(
                wording.claims.judged(self._judged, id_, ceiling), wording.claims.judged_caption(id_, ceiling)
            )
            rule = shown.bulleted(wording.claims.rule(id_))
            show(shown.folded(f"The rule of {id_} and its numbers", shown.joined(rule, numbers)))

    def further_claims(self) -> None:
        """The claims that the page has not shown before, if any, under a heading of their own."""
        if further := [claim.id for claim in claims.CLAIMS if claim.id not in self._claimed]:
            show(shown.prose("## Further claims"))
            self.claims(*further)

    @cached_property
    def _judged(self) -> pd.DataFrame:
        return claims.judge(self.results)

    def starts(self, name: str, *scores: str) -> None:
        """Correlation of scores with HSF for each seed of the networks, if any network has several."""
        self.say(wording.starts.first_seed_shown(self.results))
        if starts.repeated(self.results):
            over = starts.with_people_over_starts(self.results, scores)
            self.told(f"{name}-starts", wording.starts.numbers_table, over)

    def provenance(self) -> None:
        """Every parameter in use, and the provenance of the results: code, versions, device, time, data."""
        self._parameters()
        columns = {styles.label(run.arch): wording.provenance.stamp_in_words(run) for run in self.results.runs.values()}
        made = pd.DataFrame(columns).reset_index(names="")
        show(shown.folded("How these results were made", shown.table(made)))

    def _parameters(self) -> None:
        fields = type(self.parameters).model_fields
        values = self.parameters.model_dump(exclude=self.parameters.unused)
        rows = [
            (name, wording.provenance.plain_value(value), fields[name].description) for name, value in values.items()
        ]
        listed = pd.DataFrame(rows, columns=["parameter", "value", "meaning"])
        show(shown.folded("Parameters of this page", shown.table(listed)))

    def downloads(self, *names: str) -> None:
        """Links to the existing tables of the network: as CSV if small, otherwise as parquet."""
        paths = {name: self.network.folder / f"{name}.parquet" for name in names}
        links = {name: self.copy(path) for name, path in paths.items() if path.exists()}
        self.points(f"{DOWNLOADS[name]}: [{Path(link).name}]({link})" for name, link in links.items())

    @cached_property
    def _images(self) -> tuple[Images | None, str]:
        return explorer.images_to_print(self.parameters, self.results)

    def pictures(self, number: str, draw: Callable, table: pd.DataFrame, caption: str) -> None:
        """A figure of the images in the rows of a table; a sentence if they are not available."""
        absent = wording.hardness.not_drawn(table, self._images[1])
        self.figure(number, draw(table, self.pixels(table)), caption=caption, absent=absent)

    def pixels(self, table: pd.DataFrame) -> np.ndarray | None:
        """The images in the rows of a table, (B, H, W, 3) uint8; None if they may not be shown or are not available."""
        images, _ = self._images
        return None if images is None or table.empty else images[table["image"].to_numpy()].transpose(0, 2, 3, 1)

    def csv(self, table: pd.DataFrame, name: str, title: str) -> None:
        """A link to a table as CSV, whatever its size."""
        self.points(f"{title}: [{name}.csv]({self.write(table, name, largest=None)})")

    def explorer(self) -> None:
        """The image explorer; without the images a note and a table of their scores."""
        if self.here != self.folder:  # notebooks do not run its script
            self.note("The explorer is available in the book only", ["`make book` prints where the book is."])
            return
        images, reason = explorer.available_images(self.parameters, self.results)
        for leftover in (self.folder / "files").glob("explorer-*"):
            leftover.unlink()
        if images is None:
            self.note("The images themselves are not shown", [text.escape(reason)])
        for name, content in explorer.files(self.results, self.arch, images).items():
            runs.write_bytes(self.folder / "files" / name, content)
        display(HTML(f'{explorer.PAGE_HTML}<script src="files/explorer-data.js"></script>'))

    # --- files beside a page

    def save(self, fig: Figure, name: str) -> str:
        """Save a figure and return its path relative to the page. Equal figures give equal bytes."""
        with runs.replacing(self.folder / "files" / name) as temporary:
            temporary.write_bytes(saved.png(fig, saved.PRINTED) if name.endswith(".png") else saved.svg(fig))
        return self.link(name)

    def write(self, table: pd.DataFrame, name: str, largest: int | None = LARGEST_CSV) -> str:
        """Write a table as CSV, or as parquet if large, and return its path relative to the page."""
        csv = table.to_csv(index=False, lineterminator="\n", float_format="%.9g")  # 9 digits suffice for a float32
        if largest is not None and len(csv) > largest:
            runs.write_table(self.folder / "files" / f"{name}.parquet", table)
            return self.link(f"{name}.parquet")
        with runs.replacing(self.folder / "files" / f"{name}.csv") as temporary:
            temporary.write_text(csv, "utf-8")
        return self.link(f"{name}.csv")

    def copy(self, path: Path) -> str:
        """Copy the table of a run, as CSV if small, and return its path relative to the page.

        For a study recorded in the repository, the link leads to the recorded file.
        """
        if path.parts[0] == RECORDED:
            return os.path.relpath(path, self.here)
        recorded = ParquetFile(path).metadata
        if recorded.num_rows * recorded.num_columns * CHARACTERS < LARGEST_CSV:
            return self.write(runs.read_table(path), path.stem)
        with runs.replacing(self.folder / "files" / path.name) as temporary:
            shutil.copyfile(path, temporary)
        return self.link(path.name)

    def link(self, name: str) -> str:
        """The path of a file of the page relative to the notebook."""
        return self.to(self.folder / "files" / name)

    def to(self, path: Path) -> str:
        """A path relative to the notebook."""
        return Path(os.path.relpath(path, self.here)).as_posix()


def root_above(folder: Path) -> Path:
    """The root of the project: the nearest folder above with a Snakefile, else of the package, else the folder."""
    package = Path(analysis.__file__).parents[1]
    return next((place for place in (folder, *folder.parents, package) if (place / MARK).is_file()), folder)


def _comparison_page(given: dict[str, Any]) -> tuple[StudyParameters, list[str]]:
    """The parameters of a finished study, and its networks to be compared."""
    page = ComparisonParameters.from_notebook(given)
    parameters = open_study(page)
    return parameters, page.archs or finished_networks(parameters)


def _network_page(given: dict[str, Any]) -> tuple[RunParameters, list[str]]:
    """The parameters of the run of a network, and its name.

    With more parameters than the name, it is the run with these parameters, which is made now if it is not finished;
    otherwise the run with that name, whatever its parameters.
    """
    if not set(given) >= RunParameters.model_fields.keys():
        parameters = open_run(NetworkPageParameters.from_notebook(given))
    else:
        parameters = RunParameters.from_notebook(given)
        named = parameters.model_dump(include=NetworkPageParameters.model_fields.keys())
        shown = parameters.model_dump(include=OF_PAGES)
        if parameters == RunParameters(**named, **shown):
            run = open_run(NetworkPageParameters(**named | {"study": parameters.study_name}))
            parameters = run.model_copy(update=shown)
        else:
            pipeline.complete(parameters, progress=False)
    return parameters, [parameters.run_name]
