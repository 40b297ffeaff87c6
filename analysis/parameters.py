"""Every parameter of a run, checked once and early, whatever its source.

Chapters (papermill's ``-p``), the command line and the files in ``studies/`` share this schema. An unknown name or
value stops with a sentence that lists what is allowed; papermill alone only warns.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from analysis.catalogue import COMPARED
from analysis.datasets import DECLARATIONS
from analysis.datasets.parameters import OF_LABELS, OF_PICTURES, SEEDS, DataParameters
from analysis.errors import InputError
from analysis.normalisation import read_normalisation

# torchvision's names, timm's, and your own functions.
ARCH = r"[a-z0-9_]+|timm/[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?|[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*"
STUDY, STUDY_ALLOWED = r"[a-z0-9][a-z0-9_.-]*", "lower-case letters, digits, '-', '_' and '.'"
FOLDER_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"  # the name of an arch in a path
PLACE = "AVH_PAGE"  # environment variable of a build: the folder for the page of a chapter
LONGEST_PART, LONGEST_PATH, LONGEST_NAME = 255, 3000, 100  # bytes; names are also parts of those of other files
NONE_WORDS = ("", "null", "none", "None", "~")
OF_PAGES = {"rank_by"}  # changes what a page shows, and no result
# Used in training only.
ONLY_TRAINING = {
    "epochs",
    "batch_size",
    "accumulate",
    "learning_rate",
    "momentum",
    "weight_decay",
    "augment",
    "calibration_images",
    "probed_steps",
    "start_seed",
    "start_from",
}


def folder_name(arch: str) -> str:
    """The name of an arch in paths, addresses and labels: timm/x -> timm-x, package.module:f -> package.module-f."""
    return re.sub(r"[/:]", "-", arch)


PATHS = ("results_dir", "data_dir", "root", "human_labels", "weights", "start_from")
NAMES_IN_PATHS = ("study", "arch", "label")


class Parameters(BaseModel):
    """What all sets of parameters share: no unknown names, and one sentence for an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator(*PATHS, mode="after", check_fields=False)
    @classmethod
    def _at_home(cls, value: str) -> str:
        """~ stands for the home directory in all paths."""
        return os.path.expanduser(value) if value.startswith("~") else value

    @field_validator(*PATHS, *NAMES_IN_PATHS, mode="after", check_fields=False)
    @classmethod
    def _check_length(cls, value: str, info: ValidationInfo) -> str:
        """What no file can be called is refused before the system refuses it."""
        length, part = len(os.fsencode(value)), max(len(os.fsencode(name)) for name in value.split("/"))
        if info.field_name in NAMES_IN_PATHS and length > LONGEST_NAME:
            raise ValueError(f"allowed: up to {LONGEST_NAME} bytes")
        if part > LONGEST_PART or length > LONGEST_PATH:
            raise ValueError(f"allowed: up to {LONGEST_PATH:,} bytes, and {LONGEST_PART} in each name")
        if "\0" in value:
            raise ValueError("allowed: text without the character 0")
        return value

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Self:
        """Check ``values``; raise InputError with one sentence for the first error."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise InputError(_sentence(cls, error.errors()[0])) from None

    @classmethod
    def from_notebook(cls, namespace: dict[str, Any]) -> Self:
        """Check the ``globals()`` of a notebook, right after its parameters: all plain values count as parameters."""
        hidden = namespace["get_ipython"]().user_ns_hidden if "get_ipython" in namespace else {}
        plain = (str, int, float, bool, list, dict, type(None))
        return cls.parse(
            read_values(
                {
                    name: value
                    for name, value in namespace.items()
                    if isinstance(value, plain) and not name.startswith("_") and name not in hidden
                }
            )
        )


def is_about_one_network(chapter: str) -> bool:
    """Whether a chapter, given as its text, has the parameter ``arch``; the others compare networks."""
    return re.search(r"^arch: ", chapter, re.MULTILINE) is not None


class StudyParameters(Parameters, DataParameters):
    """The images and labels: parameters that all networks of a study share."""

    dataset: Literal[tuple(DECLARATIONS)] = Field(  # type: ignore[valid-type]  # as declared
        "synthetic", description=DataParameters.model_fields["dataset"].description
    )

    @model_validator(mode="after")
    def _check_study(self) -> Self:
        if self.study and not re.fullmatch(STUDY, self.study):
            raise ValueError(f"study {self.study!r}; allowed: {STUDY_ALLOWED}")
        declared = DECLARATIONS[self.dataset]
        for name in sorted((OF_PICTURES | OF_LABELS) - declared.reads):
            # It would go unnoticed: whoever gives it has likely forgotten to name the dataset.
            if (value := getattr(self, name)) != StudyParameters.model_fields[name].default:
                users = " or ".join(other for other, theirs in DECLARATIONS.items() if name in theirs.reads)
                raise ValueError(
                    f"{name} is {value!r}, which dataset {self.dataset} does not use; allowed: dataset {users}"
                )
        if lack := declared.lacks(self):
            raise ValueError(f"dataset {self.dataset} needs {lack}")
        return self

    @property
    def unused(self) -> set[str]:
        """Names of the parameters that are not used: those of other datasets' human labels."""
        return set(OF_LABELS - DECLARATIONS[self.dataset].reads)

    @property
    def study_name(self) -> str:
        return self.study or self.dataset

    @property
    def study_dir(self) -> Path:
        """The folder for the tables of the study: ``results/<study>``."""
        return Path(self.results_dir) / self.study_name


class RunParameters(StudyParameters):
    """The parameters of a study and of one network: everything that determines a run."""

    arch: str = Field(
        "resnet50", description="network: a torchvision name, timm/NAME, or package.module:function that returns one"
    )
    width: float = Field(1.0, gt=0, le=1, description="factor on the number of channels in every layer")
    stem: Literal["auto", "small", "half", "imagenet"] = Field(
        "auto", description="first layers; auto: small below 64 px; half: small, but with stride 2 at first"
    )
    start_seed: int | None = Field(
        None,
        ge=0,
        lt=SEEDS,
        description="seed of everything but the images, to train again on the same ones; None: seed",
    )
    head: Literal["own", "linear", "hidden", "hidden-no-dropout"] = Field(
        "own",
        description="last layers; own: the network's; linear: a single one; hidden: with two more before it, as in VGG",
    )
    normalisation: str = Field(
        "",
        description="of pixels, for given weights: imagenet, inception, none, or three means and three standard "
        "deviations; empty: as the weights specify",
    )
    label: str = Field("", description="name of the run's folder in its study; empty: arch, with '-' for '/' and ':'")
    input_size: int | None = Field(
        None, ge=8, le=1024, description="the network resizes images to this many pixels; None: no resizing"
    )
    start_from: str = Field(
        "",
        description="empty: train from scratch; else fine-tune these, with a new last layer; values as for weights",
    )
    epochs: int = Field(
        90, ge=1, le=10_000, description="number of epochs; the learning rate is divided by ten after each third"
    )
    batch_size: int = Field(128, ge=2, description="training images per step")
    accumulate: int = Field(1, ge=1, description="parts in which each batch is computed; more if memory is short")
    learning_rate: float | None = Field(
        None, gt=0, le=100, description="initial learning rate; None: the paper's for this network"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of SGD")
    weight_decay: float = Field(1e-4, ge=0, le=1, description="weight decay of SGD")
    augment: bool = Field(True, description="random crops and flips during training")
    calibration_images: int = Field(
        200, ge=0, description="training images held out to fit the temperature of the calibrated confidence"
    )
    probed_steps: int = Field(
        60,
        ge=1,
        le=10_000,
        description="number of first optimiser steps after each of which all test images are scored",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of all layers but the last; auto: bfloat16 if the device has units for it"
    )
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N")
    weights: str = Field(
        "",
        description="empty: train; else evaluate these: .safetensors, .pt or .pth file, package:NAME, "
        "or torchvision's name",
    )
    rank_by: Literal[tuple(COMPARED)] = Field(  # type: ignore[valid-type]  # read from the catalogue
        "avh", description="hardness report: the score that ranks images"
    )

    @model_validator(mode="after")
    def _check_run(self) -> Self:
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", self.device):
            raise ValueError(f"device {self.device!r}; allowed: auto, cpu, cuda, cuda:N")
        if not re.fullmatch(ARCH, self.arch):
            raise ValueError(
                f"arch {self.arch!r}; allowed: torchvision's names (resnet50); timm/NAME; package.module:function"
            )
        if self.label and not re.fullmatch(FOLDER_NAME, self.label):
            raise ValueError(f"label {self.label!r}; allowed: letters, digits, '-', '_' and '.'")
        if self.normalisation:
            if not (self.weights or self.start_from):
                raise ValueError("normalisation is given without weights or start_from, to which it belongs")
            try:
                read_normalisation(self.normalisation)
            except ValueError as error:
                raise ValueError(f"normalisation {self.normalisation!r}; {error}") from None
        if self.weights and self.start_from:
            raise ValueError("weights and start_from are both given; allowed: one, to evaluate or to train")
        return self

    @property
    def unused(self) -> set[str]:
        """Names of the parameters that are not used: those of other datasets, and of training if weights are given."""
        return super().unused | (ONLY_TRAINING if self.weights else set())

    @property
    def run_name(self) -> str:
        """The name of the run in paths, on pages and among the runs of its study."""
        return self.label or folder_name(self.arch)

    @property
    def training_seed(self) -> int:
        """The seed of initial weights, order and augmentation."""
        return self.seed if self.start_seed is None else self.start_seed

    @property
    def run_dir(self) -> Path:
        """The folder of the run: ``results/<study>/<run_name>``; below it ``seed-<start_seed>`` for other seeds."""
        folder = self.study_dir / self.run_name
        return folder if self.training_seed == self.seed else folder / f"seed-{self.training_seed}"


class PageParameters(Parameters):
    """Which finished results a page shows. Their own parameters are stored with them."""

    study: str = Field("synthetic", description="folder under results/")
    results_dir: str = Field("results", description=StudyParameters.model_fields["results_dir"].description)
    data_dir: str = Field("", description=StudyParameters.model_fields["data_dir"].description)

    @field_validator("study")
    @classmethod
    def _check_study(cls, value: str) -> str:
        if not re.fullmatch(STUDY, value):
            raise ValueError(f"allowed: {STUDY_ALLOWED}")
        return value


class NetworkPageParameters(PageParameters):
    """A page on one network."""

    arch: str = Field("resnet50", description="a network of the study")

    @field_validator("arch")
    @classmethod
    def _check_arch(cls, value: str) -> str:
        return _run_name(value)


class ComparisonParameters(PageParameters):
    """A page that compares networks."""

    archs: list[str] = Field([], description="networks of the study, as a list or separated by commas; empty: all")

    @field_validator("archs", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """papermill's -p gives a string, -y and notebooks give a list."""
        return [name.strip() for name in value.split(",")] if isinstance(value, str) and value else value or []

    @field_validator("archs")
    @classmethod
    def _check_archs(cls, value: list[str]) -> list[str]:
        archs = [_run_name(arch) for arch in value]
        if len(set(archs)) < len(archs):
            raise ValueError("allowed: each network once")
        return archs


def read_value(name: str, text: str) -> Any:
    """The value of a parameter: unchanged text if the parameter takes text, otherwise a number, boolean or none."""
    kind: Any = field.annotation if (field := RunParameters.model_fields.get(name)) else str
    if text.strip() in NONE_WORDS and type(None) in get_args(kind):
        return None
    try:
        return TypeAdapter(kind).validate_python(text)
    except ValidationError:
        return text  # the schema reports what is wrong with it


def read_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters with text values parsed, and others unchanged."""
    return {name: read_value(name, value) if isinstance(value, str) else value for name, value in values.items()}


def _run_name(value: str) -> str:
    """The name of a run in paths, from the name of its network or unchanged."""
    if not re.fullmatch(f"{ARCH}|{FOLDER_NAME}", value):
        raise ValueError("allowed: networks of the study, such as resnet50")
    return folder_name(value)


def _sentence(model: type[BaseModel], problem: ErrorDetails) -> str:
    """One sentence for one of pydantic's errors."""
    name = ".".join(map(str, problem["loc"][:1]))
    if problem["type"] == "extra_forbidden":
        return f"unknown parameter {name!r}; allowed: {', '.join(model.model_fields)}"
    if problem["type"] == "string_type":
        kind = type(problem["input"]).__name__
        return (
            f"parameter {name} is {problem['input']!r}, of type {kind}; allowed: text; with papermill, "
            f"-r {name} instead of -p {name}"
        )
    if problem["type"] == "literal_error":
        return f"unknown {name} {problem['input']!r}; allowed: {problem['ctx']['expected'].replace(' or ', ', ')}"
    message = problem["msg"].removeprefix("Value error, ")
    if not name:
        return message
    return f"parameter {name} is {problem['input']!r}: {message[0].lower()}{message[1:]}"
