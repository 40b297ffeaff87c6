"""The finished results of a study, read and checked: images, human labels, and the tables of each network."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import probes, runs, schemas, statistics
from analysis.errors import InputError
from analysis.parameters import (
    FOLDER_NAME,
    NetworkPageParameters,
    PageParameters,
    RunParameters,
    StudyParameters,
    folder_name,
)
from analysis.pipeline import answered, read_description, study_of
from analysis.probes import EPOCHS, ITERATIONS
from analysis.runs import DATASET, IMAGES
from analysis.studies import ARCHITECTURES, in_order


def of_people(ask: Callable[..., pd.DataFrame]) -> Callable[..., pd.DataFrame]:
    """Makes a table about people's answers empty where nobody was asked."""

    @wraps(ask)
    def asked(study: "StudyResults", *more: Any, **named: Any) -> pd.DataFrame:
        return ask(study, *more, **named) if study.has_people else pd.DataFrame()

    return asked


def unless_empty(instead: Any = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes a function of a table return ``instead`` (default: the table) if the table is empty and lacks columns."""

    def decorate(tell: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(tell)
        def told(table: pd.DataFrame, *more: Any) -> Any:
            return tell(table, *more) if len(table) else table if instead is None else instead

        return told

    return decorate


@dataclass(frozen=True)
class NetworkResults:
    """The finished results of a network, from one seed."""

    arch: str
    folder: Path
    stamp: dict[str, Any]
    scores: pd.DataFrame  # a row per test image, with norm_in_class and avh_scaled added
    other_seeds: tuple["NetworkResults", ...] = ()  # otherwise identical; without tables of probes

    @property
    def starts(self) -> tuple["NetworkResults", ...]:
        """The results for each seed of the network, starting with these."""
        return (self, *self.other_seeds)

    @property
    def seed(self) -> int:
        """The seed of the initial weights, the order of images and the augmentation."""
        parameters = self.stamp["parameters"]
        own = parameters.get("start_seed")
        seed: int = parameters.get("seed", 0) if own is None else own
        return seed

    @cached_property
    def training(self) -> pd.DataFrame:
        """A row per epoch from 1. A network that was only evaluated has neither this table nor the next two."""
        path = self._checked("training")
        table = runs.read_table(path)
        schemas.check_training(path, table, self.stamp["parameters"].get("epochs"))
        return table

    @cached_property
    def epochs(self) -> pd.DataFrame:
        """A row per (epoch, test image), from epoch 0; only the columns that chapters need."""
        return self._probes("epochs", EPOCHS, self.stamp["parameters"].get("epochs"))

    @cached_property
    def iterations(self) -> pd.DataFrame:
        """A row per (optimiser step, test image), from step 0; only the columns that chapters need."""
        return self._probes("iterations", ITERATIONS)

    def _probes(self, name: str, columns: list[str], last: int | None = None) -> pd.DataFrame:
        path = self._checked(name)
        table = probes.read_probes(path, columns)
        schemas.check_probes(path, table, columns, len(self.scores), last)
        return table

    def _checked(self, table: str) -> Path:
        """The file of a table, checked against the stamp of the run."""
        path = self.folder / f"{table}.parquet"
        runs.check_file(path, self.stamp)
        return path

    @property
    def measured(self) -> bool:
        """Whether the weights were given and nothing was trained."""
        return "measured" in self.stamp

    @property
    def parameter_count(self) -> int:
        """The number of weights. Older stamps have it under another name."""
        count: int = self.stamp["parameter_count"] if "parameter_count" in self.stamp else self.stamp["weights"]
        return count

    @property
    def undefined(self) -> int:
        """The number of test images without AVH."""
        return int(self.scores["avh"].isna().sum())


@dataclass(frozen=True)
class StudyResults:
    """The images of a study, their human labels, and its runs in display order."""

    name: str
    dataset: dict[str, Any]
    images: pd.DataFrame  # a row per test image: id, label, and selected and shown with human labels
    runs: dict[str, NetworkResults]

    @property
    def has_people(self) -> bool:
        return "selected" in self.images

    @property
    def measured(self) -> bool:
        """Whether the weights of all networks were given, so that no training is recorded."""
        return all(run.measured for run in self.runs.values())

    @property
    def hsf(self) -> np.ndarray:
        """Human selection frequency of each test image (N,): selected / shown. NaN without human labels."""
        if not self.has_people:
            return np.full(len(self.images), np.nan)
        return (self.images["selected"] / self.images["shown"]).to_numpy()

    @property
    def counts(self) -> np.ndarray | None:
        """How many annotators chose each class for each test image (N, C); None if only the label's count is known."""
        names = [f"count_{k}" for k in range(len(self.dataset["classes"]))]
        return self.images[names].to_numpy() if set(names) <= set(self.images) else None

    @property
    def undefined(self) -> int:
        """The number of undefined AVH values, over all runs."""
        return sum(run.undefined for run in self.runs.values())

    def defined(self, *scores: str) -> list[str]:
        """Those of the scores that some image has under every network; norms within class need classes large enough."""
        return [score for score in scores if all(run.scores[score].notna().any() for run in self.runs.values())]

    def classes(self, arch: str) -> list[str]:
        """The names of the outputs of a network: the classes of the dataset, then other classes of the network."""
        names: list[str] = self.runs[arch].stamp.get("classes", self.dataset["classes"])
        return names

    def representative(self, arch: str = "resnet50") -> str:
        """The representative network (ResNet50 in the paper), or the last one if it is missing."""
        return arch if arch in self.runs else list(self.runs)[-1]

    def others(self, arch: str = "resnet50") -> list[str]:
        """The other networks; the representative one if it is alone."""
        return [name for name in self.runs if name != self.representative(arch)] or list(self.runs)


def open_study(page: PageParameters) -> StudyParameters:
    """The parameters of a finished study, from its own description.

    Raises InputError if there is none, with the command that makes it.
    """
    folder = Path(page.results_dir) / page.study
    if not (folder / DATASET).exists():
        raise InputError(f"{folder} is missing: run {command(page)} in {Path.cwd()} first, or name another study")
    made = read_description(folder)["parameters"]
    return StudyParameters.parse(made | page.model_dump(include=set(PageParameters.model_fields)))


def open_run(page: NetworkPageParameters) -> RunParameters:
    """The parameters of a network of a study, from its stamp. Raises InputError if it does not exist."""
    study = open_study(page)
    if page.arch not in (archs := finished_networks(study)):
        raise InputError(f"{study.study_dir} has no network {page.arch}; finished there: {', '.join(archs)}")
    made = _stamp(study.study_dir / page.arch)
    label = "" if folder_name(str(made["parameters"].get("arch", ""))) == page.arch else page.arch
    return RunParameters.parse(made["parameters"] | page.model_dump(exclude={"arch"}) | {"label": label})


def finished_networks(parameters: StudyParameters) -> list[str]:
    """The finished networks of a study. Raises InputError if there is none."""
    archs = [run.name for run in runs.finished_runs(parameters.study_dir)]
    if not archs:
        raise InputError(f"{parameters.study_dir} holds no finished network: run {command(parameters)} first")
    return in_order(archs)


def command(parameters: StudyParameters | PageParameters) -> str:
    """The command that makes the results of a study."""
    if parameters.study in ("", "synthetic"):
        return "`make book`"
    return f'`make book CONFIG="studies={parameters.study}"`'


def read_results(parameters: StudyParameters, archs: Sequence[str], *, download: bool = True) -> StudyResults:
    """The finished results of a study. download: whether human labels missing from a record may be downloaded.

    Raises InputError if something is missing, damaged or of another study.
    """
    folder = parameters.study_dir
    dataset = read_description(folder)
    mine = runs.described(study_of(parameters))
    if different := runs.differing(mine, dataset["parameters"], mine):
        raise InputError(f"{folder} is a study with other parameters ({'; '.join(different)}): name another with study")
    runs.check_file(folder / IMAGES, dataset, DATASET)
    images = answered(runs.read_table(folder / IMAGES), dataset, parameters, download)
    schemas.check_images(folder / IMAGES, images, len(dataset["classes"]), dataset["images"]["test"])
    return StudyResults(
        name=parameters.study_name,
        dataset=dataset,
        images=images,
        runs={arch: read_network(folder / arch, dataset, images) for arch in in_order(archs)},
    )


def read_network(folder: Path, dataset: dict[str, Any], images: pd.DataFrame) -> NetworkResults:
    """The results of a network for all of its seeds, checked to be on these images and otherwise identical."""
    first = _read_start(folder, folder, dataset, images)
    others = []
    for run in sorted(runs.finished_runs(folder, runs.OTHER_SEEDS), key=lambda run: _number(run.name)):
        other = _read_start(run, folder, dataset, images)
        _check_alike(first, other)
        others.append(other)
    return replace(first, other_seeds=tuple(others))


def _number(name: str) -> tuple[int, str]:
    digits = name.rpartition("-")[2]
    return (int(digits) if digits.isdecimal() else -1, name)


def _check_alike(first: NetworkResults, other: NetworkResults) -> None:
    """Raises InputError if two runs of a network differ in more than their seed."""
    if first.stamp["source"] != other.stamp["source"]:
        codes = " and ".join(run.stamp["source"][:12] for run in (first, other))
        raise InputError(f"{other.folder} and {first.folder} were made by different code ({codes}): make both again")
    mine, theirs = first.stamp["parameters"], other.stamp["parameters"]
    defaults = {name: field.default for name, field in RunParameters.model_fields.items()}
    names = sorted((mine.keys() | theirs.keys()) - {"start_seed"})
    if different := runs.differing(defaults | theirs, defaults | mine, names):
        raise InputError(
            f"{other.folder} and {first.folder} are of one network and may differ in start_seed alone "
            f"({'; '.join(different)})"
        )


def _check_place(run: NetworkResults, network: Path) -> None:
    """Raises InputError if a run lies in another folder than it was made in: a copy would count as one more run.

    Stamps from before they had a name are known by their arch, where the folder is not called as ``label`` may say.
    """
    parameters = run.stamp["parameters"]
    labelled = network.name not in ARCHITECTURES and re.fullmatch(FOLDER_NAME, network.name)
    name = run.stamp.get("name") or (network.name if labelled else folder_name(str(parameters.get("arch"))))
    made = network.parent / name
    if run.seed != parameters.get("seed", 0):
        made /= f"seed-{run.seed}"
    if run.folder != made:
        raise InputError(f"{run.folder} holds the run that was made as {made}: move it back, or remove it")


def _stamp(folder: Path) -> dict[str, Any]:
    """The stamp of the finished run in a folder, checked."""
    stamp = runs.read_run(folder)
    schemas.check_description(folder / runs.RUN, stamp, schemas.Stamp)
    return stamp


def _read_start(folder: Path, network: Path, dataset: dict[str, Any], images: pd.DataFrame) -> NetworkResults:
    """The results of a network, whose folder is ``network``, for one seed."""
    stamp, path = _stamp(folder), folder / "scores.parquet"
    if stamp["data"] != dataset["hash"]:
        raise InputError(f"{folder} holds results on other data than the study's {DATASET}: run it again")
    runs.check_file(path, stamp)
    scores = runs.read_table(path)
    outputs = len(stamp.get("classes", dataset["classes"]))
    schemas.check_scores(path, scores, images, outputs, stamp.get("undefined"))
    scores["norm_in_class"] = statistics.scaled_within(scores["norm"], scores["label"])
    scores["avh_scaled"] = statistics.scaled(scores["avh"])
    run = NetworkResults(network.name, folder, stamp, scores)
    _check_place(run, network)
    return run
