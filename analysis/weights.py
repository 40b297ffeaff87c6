"""A finished network's weights: from a file of one's own, from an installed package, or torchvision's published ones.

Nothing is ever unpickled: .safetensors holds tensors and text alone, and .pt and .pth files are read with torch's
``weights_only``. A state dict may lie under one of WRAPPERS, as training scripts write it beside their optimiser; which
layouts it may have, ``state_dicts`` says.

torchvision names each file that it publishes for the beginning of the file's SHA-256. So a local file is known to be
one of them by its content, whatever it is called, and is taken as if its weights had been named. Weights of timm's
networks in the network's own layout are taken as evaluated as timm says.
"""

import importlib.util
import json
import math
import os
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torchvision import models
from torchvision.models import WeightsEnum

from analysis import networks, runs
from analysis.architectures import Network
from analysis.errors import InputError, first_of
from analysis.normalisation import Normalisation, read_normalisation
from analysis.parameters import RunParameters
from analysis.state_dicts import ours, stripped

SUFFIXES = (".safetensors", ".pt", ".pth")
PACKAGE = "package:"  # begins the name of an installed package that holds one such file
# Where training scripts put a state dict; averaged weights, where there are some, are those that were evaluated.
WRAPPERS = ("state_dict_ema", "ema", "state_dict", "model_state_dict", "model", "net")
# In the names of torchvision's files, and so at the ends of their URLs.
DIGEST_IN_NAME = re.compile(r"-([0-9a-f]{8,})\.\w+$")
DESCRIPTION = "network"  # in the metadata of files that training writes; earlier ones have "classes" alone


@dataclass(frozen=True)
class Evaluation:
    """How published weights were evaluated, and so how a picture must be made for them."""

    resized: int  # pixels of the shorter side
    size: int  # pixels of the central square that is then taken
    interpolation: str  # "bilinear" or "bicubic"
    mean: tuple[float, ...]  # of the channels, on pixels in 0..1
    std: tuple[float, ...]

    @property
    def normalisation(self) -> Normalisation:
        return Normalisation(self.mean, self.std)

    @classmethod
    def of(cls, member: WeightsEnum) -> "Evaluation":
        t = member.transforms()
        return cls(t.resize_size[0], t.crop_size[0], t.interpolation.value, tuple(t.mean), tuple(t.std))

    @classmethod
    def of_timm(cls, arch: str) -> "Evaluation":
        """As timm evaluates its network. Raises InputError where it does not say, or makes pictures another way."""
        made = networks.timm_preprocessing(arch)
        _, height, width = made["input_size"]
        centre = made.get("crop_mode", "center") == "center"
        if not centre or height != width or made["interpolation"] not in ("bilinear", "bicubic"):
            raise InputError(
                f"timm makes pictures for arch {arch} in a way that is not known here (input_size {height} x {width}, "
                f"crop_mode {made.get('crop_mode')}, interpolation {made['interpolation']}); "
                "allowed: a central square, bilinear or bicubic"
            )
        resized = math.floor(width / made["crop_pct"])
        return cls(resized, width, made["interpolation"], tuple(made["mean"]), tuple(made["std"]))


@dataclass(frozen=True)
class Weights:
    """A state dict, and what is known of it."""

    state: dict[str, Tensor]
    classes: tuple[str, ...] | None  # the names of the network's outputs in their order, where they are known
    sha256: str
    name: str  # for readers
    evaluation: Evaluation | None = None  # of those that torchvision or timm publishes
    notes: tuple[str, ...] = ()  # what was taken off or left over, in words
    normalisation: Normalisation | None = None  # of pixels, where a parameter or the file says it
    normalised_by: str = ""  # which of the two
    accuracy: float | None = None  # on the network's own test images, where it is known


def check(parameters: RunParameters) -> None:
    """Raise InputError for missing weights to measure or to start from, as far as is known before reading them."""
    if parameters.weights:
        check_source(parameters.arch, parameters.weights)
    if parameters.start_from:
        check_source(parameters.arch, parameters.start_from, "start_from")


def check_source(arch: str, name: str, parameter: str = "weights") -> None:
    """Raise InputError where weights are neither a file that is here, a package's, nor a name that torchvision has."""
    if name.startswith(PACKAGE):
        package_file(name, parameter)
    elif name.endswith(SUFFIXES):
        if not Path(name).is_file():
            what = "is no file" if os.path.lexists(name) else "does not exist"  # a folder, or a link to nothing
            raise InputError(f"{parameter} {name} {what}; allowed: a file of weights ({', '.join(SUFFIXES)})")
    elif name not in published(arch):
        whose = "torchvision's for " + arch if networks.torchvisions(arch) else "torchvision's"
        raise InputError(
            f"{parameter} {name!r} is neither a file ({', '.join(SUFFIXES)}) nor one of {whose}; "
            f"allowed: {', '.join(published(arch)) or 'a file, or package:NAME'}"
        )


def package_file(name: str, parameter: str = "weights") -> Path:
    """The one file of weights in an installed package, ``package:NAME``, which is found and not imported."""
    package = name.removeprefix(PACKAGE)
    found = importlib.util.find_spec(package) if package.isidentifier() else None
    if found is None:
        raise InputError(f"{parameter} {name}: no package {package!r} is installed; install it, or give a file")
    folders = [Path(folder) for folder in found.submodule_search_locations or ()]
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in SUFFIXES)
    if len(files) != 1:
        names = ", ".join(path.name for path in files[:3])
        raise InputError(f"{parameter} {name}: the package holds {len(files)} files of weights ({names}), not one")
    return files[0]


def published(arch: str) -> list[str]:
    """The names of torchvision's weights for a network; none of another's."""
    return list(models.get_model_weights(arch).__members__) if networks.torchvisions(arch) else []


def read(parameters: RunParameters, name: str, *, parameter: str = "weights", progress: bool = True) -> Weights:
    """The weights that ``name`` names; torchvision's are downloaded once, to where torch keeps such files.

    A file that torchvision publishes for this network has the evaluation and the classes of those weights, as if they
    had been named. parameter: which one named them. Raises InputError where weights cannot be obtained, or are none.
    """
    check_source(parameters.arch, name, parameter)
    named = not name.endswith(SUFFIXES) and not name.startswith(PACKAGE)
    found = fetch(parameters.arch, name, progress) if named else read_file(parameters.arch, name)
    if parameters.normalisation:
        chosen = read_normalisation(parameters.normalisation)
        return replace(found, normalisation=chosen, normalised_by="the parameter normalisation")
    return found


def read_file(arch: str, name: str) -> Weights:
    """The weights in a file, or an installed package's. Raises InputError where the run that wrote it wrote another."""
    path = package_file(name) if name.startswith(PACKAGE) else Path(name)
    if runs.describes(path.with_name(runs.RUN), path):
        runs.check_file(path, runs.read_stamp(path.with_name(runs.RUN)))
    state, notes, metadata = read_safetensors(path) if path.suffix == ".safetensors" else read_torch(path)
    if not state:
        raise InputError(f"{path} holds no tensors; allowed: the state dict of a network")
    sha256 = runs.sha256(path)
    member = published_as(arch, sha256)
    if member is not None:
        return of_member(member, state, sha256, f"{path.name} (torchvision's {member.name})")
    found = Weights(state, _said_classes(metadata, path), sha256, path.name, notes=notes)
    if "normalisation" in metadata:
        return replace(
            found,
            normalisation=_said_normalisation(metadata, path),
            normalised_by="the file",
            accuracy=_said_accuracy(metadata, path),
        )
    if arch.startswith(networks.TIMM) and not ours(stripped(state)[0]):
        return replace(found, evaluation=Evaluation.of_timm(arch))
    return found


def published_as(arch: str, sha256: str) -> WeightsEnum | None:
    """Which of torchvision's weights for a network the file with this SHA-256 is, by the digests in their URLs."""
    for member in models.get_model_weights(arch) if networks.torchvisions(arch) else ():
        begins = DIGEST_IN_NAME.search(member.url)
        if begins and sha256.startswith(begins[1]):
            return member
    return None


def of_member(member: WeightsEnum, state: dict[str, Tensor], sha256: str, name: str) -> Weights:
    """Weights that torchvision publishes, with what it knows of them."""
    measured = member.meta.get("_metrics", {}).get("ImageNet-1K", {})
    accuracy = measured["acc@1"] / 100 if "acc@1" in measured else None
    classes = tuple(member.meta["categories"] or ()) or None
    return Weights(state, classes, sha256, name, Evaluation.of(member), accuracy=accuracy)


def description(classes: Sequence[str], network: Network, accuracy: float) -> dict[str, str]:
    """What training writes into its file: which row of the head is which class, how pixels are given, how good it is.

    accuracy: on the test images.
    """
    said = {"classes": list(classes), "normalisation": network.normalisation, "accuracy": accuracy}
    return {DESCRIPTION: json.dumps(said)}  # one entry: safetensors writes several in any order


def _said_classes(metadata: Mapping[str, Any], path: Path) -> tuple[str, ...] | None:
    classes = metadata.get("classes")
    if classes is not None and not (isinstance(classes, list) and all(isinstance(name, str) for name in classes)):
        raise InputError(f"{path} is damaged: the classes in its metadata are no list of names")
    return None if classes is None else tuple(classes)


def _said_normalisation(metadata: Mapping[str, Any], path: Path) -> Normalisation:
    try:
        mean, std = metadata["normalisation"]
        return read_normalisation(" ".join(map(str, (*mean, *std))))
    except (TypeError, ValueError):
        raise InputError(f"{path} is damaged: the normalisation in its metadata is none") from None


def _said_accuracy(metadata: Mapping[str, Any], path: Path) -> float:
    accuracy = metadata.get("accuracy")
    if not isinstance(accuracy, float | int) or not 0 <= accuracy <= 1:
        raise InputError(f"{path} is damaged: the accuracy in its metadata is no number from 0 to 1")
    return float(accuracy)


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], tuple[str, ...], dict[str, Any]]:
    """The tensors of a file, no notes, and what of ``description`` its metadata says."""
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no dict
            metadata = file.metadata() or {}
            classes = {"classes": json.loads(metadata["classes"])} if "classes" in metadata else {}
            known = json.loads(metadata[DESCRIPTION]) if DESCRIPTION in metadata else classes
    except (OSError, ValueError, RecursionError, SafetensorError) as error:
        raise unusable(path, error) from None
    if not isinstance(known, dict):
        raise InputError(f"{path} is damaged: the description of the network in its metadata is none")
    return state, (), known


def read_torch(path: Path) -> tuple[dict[str, Tensor], tuple[str, ...], dict[str, Any]]:
    """The state dict in a file of torch.save, read without unpickling anything but tensors and plain data; notes."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for what it cannot or may not read
        raise unusable(path, error) from None
    state, notes = unwrapped(content)
    if state is None:
        raise InputError(f"{path} holds no state dict, names with tensors: write it as torch.save(model.state_dict())")
    return state, notes, {}


def unwrapped(content: object, within: str = "") -> tuple[dict[str, Tensor] | None, tuple[str, ...]]:
    """The state dict in what a file holds, itself or under one of WRAPPERS, and notes; None where there is none."""
    if not isinstance(content, Mapping) or not all(isinstance(name, str) for name in content):
        return None, ()
    if all(isinstance(value, Tensor) for value in content.values()):
        return dict(content), (f"taken from {within!r}",) if within else ()
    for name in WRAPPERS:
        state, notes = unwrapped(content.get(name), f"{within}.{name}".lstrip("."))
        if state:
            others = sorted(set(content) - {name})
            left = (f"left over beside {name!r}: {first_of(others)}",) if others else ()
            return state, (*notes, *left)
    return None, ()


def unusable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path} cannot be read as weights ({type(error).__name__}: {runs.first_line(error)}); "
        "allowed: tensors alone, as safetensors or torch.save(model.state_dict()) write them"
    )


def fetch(arch: str, name: str, progress: bool) -> Weights:
    """torchvision's weights by name: downloaded once, and held to the beginning of its SHA-256 in the file's name."""
    member = models.get_model_weights(arch)[name]
    path = Path(torch.hub.get_dir(), "checkpoints", Path(urlparse(member.url).path).name)
    try:
        with redirect_stdout(sys.stderr):  # where torch announces the download
            state = member.get_state_dict(progress=progress, check_hash=True, weights_only=True, map_location="cpu")
    except Exception as error:  # no connection, another file than the published one, a damaged one from before
        raise InputError(
            f"torchvision's {name} for {arch} cannot be obtained ({type(error).__name__}: {runs.first_line(error)}); "
            f"put {member.url} at {path}, or give weights as a file"
        ) from None
    sha256, begins = runs.sha256(path), DIGEST_IN_NAME.search(path.name)
    if begins and not sha256.startswith(begins[1]):
        raise InputError(f"{path} is not the file that torchvision publishes: remove it so that it is downloaded again")
    return of_member(member, state, sha256, f"torchvision's {member.name}")
