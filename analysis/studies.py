"""Study files: ``studies/<name>.yaml``, commented plain data, checked against the schema of all parameters.

A file contains the parameters that its networks share and, under ``architectures``, each network with its own:

    title: Simulated annotators    # in the book; without: the name of the file
    dataset: synthetic
    epochs: 90
    seeds: [0, 1, 2]        # each network with three seeds, on the same images
    chapters: [heads]       # pages, if only some are wanted
    architectures:
      alexnet: {stem: small}
      resnet50: {}
      timm/tf_efficientnet_lite0: {}
      linear: {arch: resnet18, head: linear}    # a run with another name, such as one of several of a network

Runs are named as in paths: ``timm-tf_efficientnet_lite0``, ``linear``.
"""

import itertools
import os
import re
import shlex
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from analysis import runs
from analysis.datasets.parameters import SEEDS
from analysis.errors import InputError, one_of
from analysis.parameters import PATHS, RunParameters, StudyParameters, folder_name, read_values
from analysis.runs import DATASET

STUDIES = Path(__file__).parent.parent / "studies"
RECORDED_STUDIES = Path(__file__).parent.parent / "recorded"
OF_STUDY = ("seeds", "chapters", "title")  # entries of a study that are no parameters
ARCHITECTURES = ("alexnet", "vgg19", "densenet121", "resnet50")  # the paper's, in its order


@dataclass(frozen=True)
class StudyPlan:
    """A study as planned: its shared parameters and one run per network, in the order of the file."""

    parameters: StudyParameters
    runs: dict[str, RunParameters]  # the first seed of each network; pages show its training
    seeds: tuple[int, ...] = ()  # of all runs, beginning with the first one's; empty: a single seed
    chapters: tuple[str, ...] = ()  # the pages of the study; empty: all that are possible
    title: str = ""  # in the book; empty: its name

    def starts(self, arch: str) -> list[RunParameters]:
        """The runs of a network, one per seed."""
        others = [self.runs[arch].model_copy(update={"start_seed": seed}) for seed in self.seeds[1:]]
        return [self.runs[arch], *others]

    def files(self, arch: str) -> list[Path]:
        """The files of a network that pages read, below the folder of the study: tables and stamps for all seeds."""
        first, *others = self.starts(arch)
        names = [Path(arch, file) for file in runs.file_names(runs.tables(first))]
        kept = runs.file_names(runs.OF_ANOTHER_START)
        return names + [Path(arch, other.run_dir.name, file) for other in others for file in kept]

    @property
    def name(self) -> str:
        return self.parameters.study_name

    @property
    def folder(self) -> Path:
        """The folder of its results."""
        return self.parameters.study_dir

    @property
    def measured(self) -> bool:
        """Whether the weights of its networks are given, so that there is no training to show or compare."""
        return any(run.weights for run in self.runs.values())


def as_given(config: Mapping[str, Any], entries: Iterable[str] | None) -> dict[str, Any]:
    """Snakemake's ``config`` with the text of its ``--config NAME=VALUE`` entries instead of the parsed values.

    A list in brackets keeps its parsed value.
    """
    given = dict(entry.split("=", 1) for entry in entries or ())
    return {name: value if isinstance(value, list) else given.get(name, value) for name, value in config.items()}


def check_networks(studies: Iterable["StudyPlan"]) -> None:
    """Raises InputError for an unknown network before anything runs. The paper's networks are known."""
    others = sorted({run.arch for study in studies for run in study.runs.values()} - set(ARCHITECTURES))
    if others:
        from analysis.architectures import check_name  # noqa: PLC0415  imports torch, seconds

        for arch in others:
            check_name(arch)


def read_studies(config: Mapping[str, Any]) -> dict[str, StudyPlan]:
    """The studies that Snakemake's ``--config`` requests, by name.

    ``studies`` names files in ``studies/`` (one, or several separated by commas), ``archs`` the networks (default:
    those of the file); every other entry is a parameter that replaces the value in the file, for all networks.
    """
    overrides = dict(config)
    names = words(overrides.pop("studies", "synthetic"))
    archs = words(overrides.pop("archs", ""))
    if not names:
        raise one_of("study", "", sorted(file.stem for file in STUDIES.glob("*.yaml")))
    studies = {name: read_study(name, overrides, archs) for name in names}
    for name, study in studies.items():
        if study.name != name and (RECORDED_STUDIES / study.name / DATASET).exists():
            raise InputError(f"study {name} is called {study.name}, as a recorded study is; allowed: another name")
    for (one, first), (name, study) in itertools.combinations(studies.items(), 2):
        if study.name == first.name:
            raise InputError(f"studies {one} and {name} are both called {study.name}; allowed: one of them at a time")
        if study.folder.parent != first.folder.parent:
            places = f"{first.folder.parent} and {study.folder.parent}"
            raise InputError(f"studies {one} and {name} have different results_dir ({places}); allowed: the same")
    return studies


def with_recorded(studies: Mapping[str, StudyPlan], folder: Path = RECORDED_STUDIES) -> dict[str, StudyPlan]:
    """These studies by name, followed by those recorded in the repository."""
    names = [path.parent.name for path in sorted(folder.glob(f"*/{DATASET}"))]
    return {**studies, **{name: read_study(name, {}, []) for name in names if name not in studies}}


def read_study(name: str, overrides: Mapping[str, Any], archs: list[str]) -> StudyPlan:
    """One study file with ``overrides`` applied. Raises InputError for anything that is not allowed."""
    files = {file.stem: file for file in STUDIES.glob("*.yaml")}
    if name not in files:
        raise one_of("study", name, sorted(files))
    path = files[name]
    content = read_entries(path)
    own = content.pop("architectures", None)
    if not isinstance(own, dict) or not own:
        raise InputError(f"{path} needs parameters and, under architectures, one entry per network")
    if "arch" in content:
        raise InputError(f"{path} has arch for all networks; allowed: networks, and arch of one, under architectures")
    shared = {"study": name} | content | dict(overrides)
    seeds = read_seeds(shared.pop("seeds", None), f"study {name}")
    if seeds:
        shared["seed"] = seeds[0]
    chapters, title = tuple(words(shared.pop("chapters", ""))), str(shared.pop("title", ""))
    overrides = {key: value for key, value in overrides.items() if key not in OF_STUDY}
    of_study = StudyParameters.model_fields
    runs: dict[str, RunParameters] = {}
    keys = {folder_name(key): key for key in own}
    for key in [keys.get(folder_name(arch), arch) for arch in archs] or own:
        entry = own.get(key) or {}
        if not isinstance(entry, dict):
            raise InputError(f"{path} gives {key} {entry!r}; allowed: parameters of the network, or {{}}")
        if wrong := sorted(entry.keys() & {*of_study, *OF_STUDY}):
            raise InputError(f"{path} gives {key} {wrong[0]}, which all networks of a study share: put it above them")
        named = {"label": key} if "arch" in entry else {"arch": key}
        values = shared | named | entry | overrides
        if "start_seed" in values:
            raise InputError(f"study {name} gives start_seed; allowed: seeds, of the study, such as [0, 1, 2]")
        run = RunParameters.parse(read_values(values))
        if run.run_name in runs:
            raise InputError(f"{path} has two networks called {run.run_name}: give one another name, with arch: in it")
        runs[run.run_name] = run
    if len({bool(run.weights) for run in runs.values()}) > 1:
        raise InputError(f"study {name} gives weights to some networks only; allowed: to all of them, or to none")
    if seeds[1:] and any(run.weights for run in runs.values()):
        raise InputError(f"study {name} gives weights and seeds; allowed: seeds where networks are trained")
    parameters = StudyParameters.parse(read_values({key: value for key, value in shared.items() if key in of_study}))
    return as_record(StudyPlan(parameters, runs, seeds, chapters, title))


def as_record(study: StudyPlan) -> StudyPlan:
    """The same study; with ``results_dir`` recorded if that is the folder, by whatever path: recorded results are read.

    Raises InputError for results anywhere else in the record.
    """
    if not in_record(study.folder):
        return study
    place = Path(study.parameters.results_dir)
    if not place.exists() or not place.samefile(RECORDED_STUDIES):
        raise InputError(
            f"{study.folder} is inside recorded/, which is only read; allowed: another results_dir or study"
        )
    recorded = {"results_dir": RECORDED_STUDIES.name}
    runs = {arch: run.model_copy(update=recorded) for arch, run in study.runs.items()}
    return replace(study, parameters=study.parameters.model_copy(update=recorded), runs=runs)


def in_record(folder: Path) -> bool:
    """Whether a folder is that of recorded studies or lies in it, by whatever path or link it is reached."""
    folder = folder.resolve()
    there = (path for path in (folder, *folder.parents) if path.exists())
    return RECORDED_STUDIES.exists() and any(path.samefile(RECORDED_STUDIES) for path in there)


def read_entries(path: Path) -> dict[str, Any]:
    """The entries of a study file, with every value as text: 2024_01 and on are names here.

    Raises InputError, with the line, for what is not YAML, more than entries, or there twice.
    """
    try:
        text = path.read_text("utf-8")
        tree = yaml.compose(text, yaml.BaseLoader)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not text in UTF-8: save it as UTF-8") from None
    except RecursionError:
        raise InputError(
            f"{path} has brackets within brackets; allowed: parameters, and one entry per network"
        ) from None
    except yaml.MarkedYAMLError as error:
        place = f", line {error.problem_mark.line + 1}," if error.problem_mark else ""
        raise InputError(f"{path}{place} is not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not valid YAML: {str(error).splitlines()[0]}") from None
    content = entries(tree, path, text)
    return content if isinstance(content, dict) else {}


def entries(node: yaml.Node | None, path: Path, text: str, depth: int = 0) -> Any:
    """A value of a study file: text, a list of texts, or entries, of a network at the deepest; a name stands once."""
    if node is None or isinstance(node, yaml.ScalarNode):
        return node.value if node else ""
    where = f"{path}, line {node.start_mark.line + 1},"
    if isinstance(node, yaml.SequenceNode):
        if not all(isinstance(item, yaml.ScalarNode) for item in node.value):
            raise InputError(f"{where} has a list within a list; allowed: a list of words or numbers")
        return [item.value for item in node.value]
    if depth > 2:
        raise InputError(f"{where} has entries within a parameter of a network; allowed: text, numbers or a list")
    found: dict[str, Any] = {}
    for key, value in node.value:
        where = f"{path}, line {key.start_mark.line + 1},"
        if not isinstance(key, yaml.ScalarNode):
            raise InputError(f"{where} has a list or entries in place of a name; allowed: NAME: VALUE")
        if key.value in found:
            raise InputError(f"{where} gives {key.value} again; allowed: each name once")
        check_hash(key.value, value, path, text)
        found[key.value] = entries(value, path, text, depth + 1)
    return found


def check_hash(name: str, value: yaml.Node, path: Path, text: str) -> None:
    """Raises InputError if YAML ends a path at " #" and what follows looks like part of it: "root: pics #2"."""
    if name not in PATHS or not isinstance(value, yaml.ScalarNode) or value.style:
        return
    rest = text[value.end_mark.index :].partition("\n")[0].rstrip()
    if re.match(r"\s+#\S", rest) or (rest and os.path.exists(value.value + rest)):
        raise InputError(
            f"{path} has {name}: {value.value}{rest}, which YAML ends before the #: put all of it in "
            "quotes, or a space after the # if a comment begins there"
        )


def read_seeds(value: Any, where: str) -> tuple[int, ...]:
    """The seeds of a study, from a list or text with commas; none if nothing is given."""
    if value is None:
        return ()
    items = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
    try:
        seeds = tuple(int(str(item)) for item in items)
    except ValueError:
        seeds = ()
    if not seeds or min(seeds) < 0 or max(seeds) >= SEEDS or len(set(seeds)) < len(seeds):
        raise InputError(
            f"{where} has seeds {value!r}; allowed: whole numbers from 0 to {SEEDS - 1:,}, each once, such as [0, 1, 2]"
        )
    return seeds


def words(value: str | list[str]) -> list[str]:
    """A list unchanged, or one written with commas; a name that was parsed as a number is one name."""
    if isinstance(value, list | tuple):
        return [str(word) for word in value]
    return [word.strip() for word in str(value).split(",") if word.strip()]


def options(parameters: StudyParameters, without: Collection[str] = ()) -> str:
    """All parameters, also at their defaults, as a command line takes them."""
    return as_options(parameters.model_dump(exclude=set(without)))


def as_options(values: Mapping[str, Any]) -> str:
    """``-p NAME VALUE`` for each value that is not empty, quoted for a shell."""
    given = {name: str(value) for name, value in values.items() if value not in (None, "")}
    return shlex.join(word for name, value in given.items() for word in ("-p", name, value))


def in_order(archs: Iterable[str]) -> list[str]:
    """Architectures in the order of the paper, then others by name."""
    place = {arch: i for i, arch in enumerate(ARCHITECTURES)}
    return sorted(set(archs), key=lambda arch: (place.get(arch, len(place)), arch))
