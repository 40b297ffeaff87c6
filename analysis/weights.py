"""A finished network's weights: from a file of one's own, or those that torchvision publishes.

Nothing is ever unpickled: .safetensors holds tensors and text alone, and .pt and .pth files are read with torch's
``weights_only``. Two layouts are taken: this project's (``body.*`` and ``head.*``, as training writes) and
torchvision's own, whose last layer has a name that depends on the network.

torchvision names each file that it publishes for the beginning of the file's SHA-256. So a local file is known to be
one of them by its content, whatever it is called, and is taken as if its weights had been named.
"""

import json
import re
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torchvision import models
from torchvision.models import WeightsEnum

from analysis import architectures, runs
from analysis.architectures import Network
from analysis.errors import InputError
from analysis.parameters import RunParameters

SUFFIXES = (".safetensors", ".pt", ".pth")
COUNTER = "num_batches_tracked"  # of batch norm: old files lack it, and evaluation does not use it
AUXILIARY = ("AuxLogits.", "aux1.", "aux2.")  # heads that play no part here
DIGEST = re.compile(r"-([0-9a-f]{8,})\.\w+$")  # in the names of torchvision's files, and so at the ends of their URLs
# torchvision's DenseNets are published under names of layers that it has since changed.
OLD_NAME = re.compile(r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)")


@dataclass(frozen=True)
class Evaluation:
    """How weights that torchvision publishes were evaluated, and so how a picture must be made for them."""

    resized: int  # pixels of the shorter side
    size: int  # pixels of the central square that is then taken
    interpolation: str  # "bilinear" or "bicubic"
    mean: tuple[float, ...]  # of the channels, on pixels in 0..1
    std: tuple[float, ...]

    @classmethod
    def of(cls, member: WeightsEnum) -> "Evaluation":
        t = member.transforms()
        return cls(t.resize_size[0], t.crop_size[0], t.interpolation.value, tuple(t.mean), tuple(t.std))


@dataclass(frozen=True)
class Weights:
    """A state dict, and what is known of it."""

    state: dict[str, Tensor]
    classes: tuple[str, ...] | None  # the names of the network's outputs in their order, where they are known
    sha256: str
    name: str  # for readers
    evaluation: Evaluation | None = None  # of those that torchvision publishes, named or as a file


@dataclass(frozen=True)
class Fitted:
    """A network with given weights, and what its outputs are."""

    network: Network
    classes: tuple[str, ...]  # the dataset's, then those that the network knows beside them
    by_name: bool  # whether names decided which output is which class; else their order


def check(parameters: RunParameters) -> None:
    """Raise InputError where ``weights`` is neither a file that is here nor a name that torchvision has."""
    if parameters.weights.endswith(SUFFIXES):
        if not Path(parameters.weights).is_file():
            raise InputError(f"weights {parameters.weights} is no file that is here")
    elif parameters.weights not in published(parameters.arch):
        raise InputError(
            f"weights {parameters.weights!r} is neither a file ({', '.join(SUFFIXES)}) nor one of torchvision's for "
            f"{parameters.arch}; allowed: {', '.join(published(parameters.arch)) or 'a file'}"
        )


def published(arch: str) -> list[str]:
    """The names of torchvision's weights for a network."""
    return list(models.get_model_weights(arch).__members__)


def load(parameters: RunParameters, *, progress: bool = True) -> Weights:
    """The weights that ``parameters`` name; torchvision's are downloaded once, to where torch keeps such files.

    A file that torchvision publishes for this network has the evaluation and the classes of those weights, as if they
    had been named. Raises InputError where weights cannot be had, or are none.
    """
    check(parameters)
    name = parameters.weights
    if not name.endswith(SUFFIXES):
        return fetch(parameters.arch, name, progress)
    path = Path(name)
    state, classes = read_safetensors(path) if path.suffix == ".safetensors" else (read_torch(path), None)
    sha256 = runs.sha256(path)
    member = published_as(parameters.arch, sha256)
    if member is not None:
        return of_member(member, state, sha256, f"{path.name} (torchvision's {member.name})")
    return Weights(state, classes, sha256, path.name)


def published_as(arch: str, sha256: str) -> WeightsEnum | None:
    """Which of torchvision's weights for a network the file with this SHA-256 is, by the digests in their URLs."""
    for member in models.get_model_weights(arch):
        begins = DIGEST.search(member.url)
        if begins and sha256.startswith(begins[1]):
            return member
    return None


def of_member(member: WeightsEnum, state: dict[str, Tensor], sha256: str, name: str) -> Weights:
    """Weights that torchvision publishes, with what it knows of them."""
    return Weights(state, tuple(member.meta["categories"] or ()) or None, sha256, name, Evaluation.of(member))


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], tuple[str, ...] | None]:
    """The tensors of a file, and the names of the classes where its metadata has them, as training writes them."""
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no dict
            classes = json.loads((file.metadata() or {}).get("classes", "null"))
    except (OSError, ValueError, RecursionError, SafetensorError) as error:
        raise unusable(path, error) from None
    if classes is not None and not (isinstance(classes, list) and all(isinstance(name, str) for name in classes)):
        raise InputError(f"{path} is damaged: the classes in its metadata are no list of names")
    return state, None if classes is None else tuple(classes)


def read_torch(path: Path) -> dict[str, Tensor]:
    """The state dict in a file of torch.save, read without unpickling anything but tensors and plain data."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for what it cannot or may not read
        raise unusable(path, error) from None
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise InputError(f"{path} holds no state dict, names with tensors: write it as torch.save(model.state_dict())")
    return state


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
            f"torchvision's {name} for {arch} cannot be had ({type(error).__name__}: {runs.first_line(error)}); "
            f"put {member.url} at {path}, or give weights as a file"
        ) from None
    sha256, begins = runs.sha256(path), DIGEST.search(path.name)
    if begins and not sha256.startswith(begins[1]):
        raise InputError(f"{path} is not the file that torchvision publishes: remove it to have it fetched again")
    return of_member(member, state, sha256, f"torchvision's {member.name}")


def fit(weights: Weights, parameters: RunParameters, classes: Sequence[str], image_size: int) -> Fitted:
    """The network that ``parameters`` describe with these weights, its outputs in the order of ``classes``.

    Raises InputError where the weights are another network's, or their outputs are not these classes.
    """

    def build(outputs: int) -> Network:
        return architectures.build(
            parameters.arch, outputs, image_size=image_size, width=parameters.width, stem=parameters.stem
        )

    network = build(len(classes))
    state = arranged(weights.state, network.head_name)
    head = state.get("head.weight")
    if head is None or head.ndim != 2:
        raise misfit(weights, parameters, image_size, f"its last layer {network.head_name} is not there")
    order, by_name = match(classes, weights.classes, len(head), weights.name)
    if len(head) != len(classes):
        network = build(len(head))
    problem = difference(state, network.state_dict())
    if problem:
        raise misfit(weights, parameters, image_size, problem)
    state |= {name: state[name][order] for name in ("head.weight", "head.bias") if name in state}
    try:
        network.load_state_dict(state, strict=False)  # ``difference`` was strict, but for COUNTER
        finite = all(bool(value.isfinite().all()) for value in network.state_dict().values())
    except RuntimeError as error:  # sparse or quantised tensors
        raise InputError(f"{weights.name} cannot be used: {runs.first_line(error)}") from None
    if not finite:
        raise InputError(f"{weights.name} holds values that are not finite")
    if weights.evaluation is not None:
        network.normalise(weights.evaluation.mean, weights.evaluation.std)
        if hasattr(network.body, "transform_input"):
            network.body.transform_input = True  # as torchvision sets it for the weights that it publishes
    names = [weights.classes[i] for i in order[len(classes) :]] if weights.classes else []
    return Fitted(network, (*classes, *names), by_name)


def arranged(state: dict[str, Tensor], head_name: str) -> dict[str, Tensor]:
    """A state dict in this project's layout, whichever of the two it came in."""
    if all(name.startswith(("body.", "head.")) for name in state) and any(name.startswith("body.") for name in state):
        return dict(state)
    prefix = f"{head_name}."
    state = {OLD_NAME.sub(r"\1\2", name): value for name, value in state.items() if not name.startswith(AUXILIARY)}
    return {
        f"head.{name.removeprefix(prefix)}" if name.startswith(prefix) else f"body.{name}": value
        for name, value in state.items()
    }


def match(classes: Sequence[str], names: Sequence[str] | None, outputs: int, source: str) -> tuple[list[int], bool]:
    """Which of the network's outputs is which class.

    By name where every class bears the name of one output, whatever its case and with "_" for a space; there may be
    more outputs than classes. Else, where no class bears such a name, output k is class k, and there must be as many.

    Returns: the outputs in the order of ``classes``, then those of no class; whether the names decided.
    """
    if names is not None:
        if len(names) != outputs:
            raise InputError(f"{source} is damaged: it names {len(names)} classes and has {outputs} outputs")
        if list(names) == list(classes):  # of which some may be alike, such as ImageNet's two cranes
            return list(range(outputs)), True
        index: dict[str, list[int]] = {}
        for i, name in enumerate(names):
            index.setdefault(plain(name), []).append(i)
        found = [index.get(plain(name), []) for name in classes]
        if any(found):
            for name, where in zip(classes, found, strict=True):
                if len(where) != 1 or found.count(where) > 1:
                    reason = "is none" if not where else "may be several"
                    raise InputError(
                        f"class {name!r} {reason} of the {outputs} classes that {source} names, where others of the "
                        f"{len(classes)} are one each; rename its folder, or leave it out"
                    )
            named = [where[0] for where in found]
            return [*named, *sorted(set(range(outputs)) - set(named))], True
    if outputs != len(classes):
        known = f"; or name the folders as it names its classes: {', '.join(names[:3])} and so on" if names else ""
        raise InputError(
            f"{source} has {outputs} outputs, but there are {len(classes)} classes; the numbers must be equal{known}"
        )
    return list(range(outputs)), False


def plain(name: str) -> str:
    return name.replace("_", " ").casefold()


def difference(state: dict[str, Tensor], expected: dict[str, Tensor]) -> str:
    """The first difference between two state dicts in words; "" where there is none."""
    for name in sorted(expected.keys() | state.keys()):
        if name not in state:
            if not name.endswith(COUNTER):
                return f"{name} is missing"
        elif name not in expected:
            return f"{name} is not a layer's"
        elif state[name].shape != expected[name].shape:
            return f"{name} is {tuple(state[name].shape)} there and {tuple(expected[name].shape)} here"
    return ""


def misfit(weights: Weights, parameters: RunParameters, image_size: int, problem: str) -> InputError:
    p = parameters
    return InputError(
        f"{weights.name} does not fit arch {p.arch}, width {p.width:g} and stem {p.stem} for pictures of "
        f"{image_size} px ({problem}); one of these is likely another than the weights were trained with"
    )
