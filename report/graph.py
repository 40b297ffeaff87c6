"""What the rules of the Snakefile read, make and are told. It needs no Snakemake.

``wildcards`` is what a rule is given: a ``study``, and an ``arch`` if it is about one network, and a ``seed`` if it is
another start of one. Whatever is recorded is never made here; it is read from ``recorded/``.
"""

import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from analysis import runs, sources
from analysis.parameters import OF_PAGES, RunParameters
from analysis.recording import RECORDED
from analysis.sources import deciding
from analysis.studies import StudyPlan, as_options, check_networks, options, read_studies, with_recorded
from report import contents
from report.manifest import Manifest

# They decide nothing that a page shows: what is read, where it is, and whether it is valid.
BESIDE_PAGES = runs.BESIDE | {
    f"analysis.{name}"
    for name in ("datasets.base", "datasets.decoding", "normalisation", "pipeline", "recording", "schemas")
}


@dataclass(frozen=True)
class Graph:
    """The studies of a book, by the folder of their results, and the files of its rules."""

    asked: dict[str, StudyPlan]  # for; their results and pages are made
    shown: dict[str, StudyPlan]  # these, and then those that are recorded, as they were recorded

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """The graph of what ``--config`` asks for. Raises InputError for anything that is not allowed."""
        asked = {study.name: study for study in read_studies(config).values()}
        return cls(asked, with_recorded(asked))

    def check(self, index: str) -> None:
        """Raises InputError for an unknown network, or a recorded file that is missing or not what was recorded."""
        check_networks(self.asked.values())
        recorded = [f"book/runs/{name}" for name in self.shown if name not in self.asked]
        Manifest(index).check_recorded([RECORDED, *recorded], self.made())

    @property
    def results_dir(self) -> str:
        (folder,) = {str(Path(study.parameters.results_dir)) for study in self.asked.values()}
        return folder

    @property
    def makes_results(self) -> bool:
        """False if recorded results are read again."""
        return self.results_dir != RECORDED

    def names(self, *, measured: bool) -> list[str]:
        """The studies asked for in which weights are given, or those in which networks are trained."""
        return [name for name, study in self.asked.items() if study.measured == measured]

    def made(self) -> list[str]:
        """What jobs make, but for the book itself: pages and, unless they are recorded, results."""
        pages = notebooks(self.asked) + [page for page in notebooks(self.shown) if Path(page).stem == contents.EXPLORER]
        return pages + [
            str(study.folder / file)
            for study in (self.asked.values() if self.makes_results else ())
            for file in (runs.DATASET, runs.IMAGES, *(file for arch in study.runs for file in study.files(arch)))
        ]

    def folders(self) -> list[str]:
        """What the book is made of is in these folders."""
        results = [str(study.folder) for study in self.asked.values()] if self.makes_results else []
        return [RECORDED, *(f"book/runs/{name}" for name in self.shown), *results]

    # --- data and runs

    def data_modules(self, wildcards: Any) -> list[str]:
        """The modules that make the data of a study."""
        dataset = self.asked[wildcards.study].parameters.dataset
        return files_of(deciding({f"analysis.datasets.{dataset}"}, runs.BESIDE - {"analysis.datasets.files"}))

    def run(self, wildcards: Any) -> RunParameters:
        """The run of a network."""
        run = self.shown[wildcards.study].runs[wildcards.arch]
        seed = getattr(wildcards, "seed", None)
        return run if seed is None else run.model_copy(update={"start_seed": int(seed)})

    def tables(self, names: Iterable[str], *below: str) -> list[str]:
        """The patterns of the files of a run, in folders below that of its network."""
        folder = "/".join((as_pattern(self.results_dir), "{study}/{arch}", *below))
        return [f"{folder}/{file}" for file in runs.file_names(names)]

    def own_files(self, wildcards: Any) -> list[str]:
        """The user's files of weights and of the network; the job says in a sentence that one is missing."""
        run = self.run(wildcards)
        files = (run.weights, run.start_from, runs.module_file(run.arch) or "")
        return [str(file) for file in files if Path(file).is_file()]

    def gpu_quarters(self, wildcards: Any) -> int:
        """How much of a GPU a network takes: with small pictures, four of them side by side keep it busy."""
        run = self.run(wildcards)
        small = (run.input_size or run.image_size) <= 64
        own = not run.weights or run.weights.endswith(".safetensors")
        return 1 if small and own else 4  # what torchvision publishes, by name or .pth, is given pictures of its size

    def place(self, wildcards: Any) -> int:
        """The place of a network in its study, from 1."""
        return 1 + list(self.asked[wildcards.study].runs).index(wildcards.arch)

    # --- pages

    def results(self, wildcards: Any) -> list[Path]:
        """What a page reads: the description of the data, and the tables of a network, or of all of a study's."""
        study = self.shown[wildcards.study]
        archs = [wildcards.arch] if hasattr(wildcards, "arch") else study.runs
        folder = study.folder if wildcards.study in self.asked else Path(RECORDED, wildcards.study)
        files = [folder / file for arch in archs for file in study.files(arch)]
        if folder.parent == Path(RECORDED):  # where some starts may not be yet; a chapter says what it lacks
            files = [file for file in files if file.exists()]
        return [folder / runs.DATASET, *files]

    def quoted(self, wildcards: Any) -> list[str]:
        """The pages of the book whose numbers a chapter repeats."""
        pages = contents.quoted_by(wildcards.chapter)
        return [page for page in notebooks(self.shown) if Path(page) in pages]

    # --- parameters of commands

    def data_options(self, wildcards: Any) -> str:
        return options(self.asked[wildcards.study].parameters)

    def run_options(self, wildcards: Any) -> str:
        """Without what decides no result, so that nothing is trained for it."""
        return options(self.run(wildcards), OF_PAGES)

    def chapter_options(self, wildcards: Any) -> str:
        return options(self.run(wildcards))

    def finished_options(self, wildcards: Any) -> str:
        """For a page that reads finished results: where they are, and of which networks."""
        study = self.shown[wildcards.study]
        folder = self.results_dir if wildcards.study in self.asked else RECORDED
        place = {"study": wildcards.study, "results_dir": folder, "data_dir": study.parameters.data_dir}
        one = hasattr(wildcards, "arch")
        return as_options(place | ({"arch": wildcards.arch} if one else {"archs": ",".join(study.runs)}))


def files_of(modules: Iterable[str]) -> list[str]:
    """The files of modules of this checkout."""
    return [str(sources.file_of(name)) for name in modules]


def shown_by() -> list[str]:
    """What decides a page besides its chapter and the tables that it reads: page, answers and what these import."""
    answers = {f"analysis.study.{path.stem}" for path in sources.CHECKOUT.glob("analysis/study/[a-z]*.py")}
    modules = deciding({"report.page", *answers}, BESIDE_PAGES, at_once=True)
    return [
        *files_of(modules),
        *map(str, sources.CHECKOUT.glob("report/*/*.html")),
    ]


def notebooks(studies: Mapping[str, StudyPlan], without: Collection[str] = ()) -> list[str]:
    """The executed chapters of studies, in the book's order. without: chapters on one network to leave out."""
    pages = []
    for name, study in studies.items():
        pages += [f"book/runs/{name}/{chapter}.ipynb" for chapter in contents.of_study(study)]
        chapters = [chapter for chapter in contents.of_network(study) if chapter not in without]
        pages += [f"book/runs/{name}/{arch}/{chapter}.ipynb" for arch in study.runs for chapter in chapters]
    return pages


def page_sources(toc: str) -> list[str]:
    """What the pages around the chapters are made of, with what the book's extensions import."""
    patterns = "book/*.md", "book/_ext/*.py", "book/_static/*", "report/explorer/*.css", "report/explorer/*.js"
    files = sorted(str(file) for pattern in patterns for file in Path().glob(pattern))
    around = {name for path in sources.CHECKOUT.glob("book/_ext/*.py") for name in sources.imported(path, at_once=True)}
    return ["_config.yml", toc, *files, *files_of(deciding(around, BESIDE_PAGES, at_once=True)), *shown_by()]


def written(files: Iterable[str]) -> dict[Path, tuple[str, int]]:
    """The content and the time of those of these files that exist."""
    return {path: (runs.sha256(path), path.stat().st_mtime_ns) for path in map(Path, files) if path.exists()}


def give_times_back(before: Mapping[Path, tuple[str, int]]) -> None:
    """Files whose content is as it was then get the time that they had then."""
    for path, (content, time) in before.items():
        if path.exists() and runs.sha256(path) == content:
            os.utime(path, ns=(time, time))


def alternatives(names: Iterable[str]) -> str:
    """The regular expression for any of these names."""
    return "|".join(map(re.escape, sorted(names))) or "(?!)"  # nothing matches the latter


def as_pattern(path: str) -> str:
    """A path as part of a pattern, in which a brace is written twice."""
    return re.sub("[{}]", r"\g<0>\g<0>", path)
