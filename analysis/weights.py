"""A finished network's weights: from a file of one's own, from an installed package, or torchvision's published ones.

Nothing is ever unpickled: .safetensors holds tensors and text alone, and .pt and .pth files are read with torch's
``weights_only``. These layouts are taken: this project's (``body.*`` and ``head.*``, as training writes), and the
network's own, whose last layer has a name that depends on the network; either may lie under one of WRAPPERS, as
training scripts write it beside their optimiser, and may have PREFIXES before every name, as DataParallel, compile and
Lightning put them there. EfficientNets may have the names of layers that the EfficientNet-PyTorch package gives them.
What was taken off or left over is kept as notes.

torchvision names each file that it publishes for the beginning of the file's SHA-256. So a local file is known to be
one of them by its content, whatever it is called, and is taken as if its weights had been named. Weights of timm's
networks in the network's own layout are taken as evaluated as timm says.

How pixels are normalised for a file that does not say is an assumption, so it is kept with who made it: the network's
own rule, which for GoogLeNet and Inception in torchvision's layout includes their transform_input.
"""

import importlib.util
import json
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
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

from analysis import architectures, outputs, runs
from analysis.architectures import Network
from analysis.errors import InputError
from analysis.normalisation import INCEPTION, Normalisation, read_normalisation
from analysis.parameters import RunParameters

SUFFIXES = (".safetensors", ".pt", ".pth")
PACKAGE = "package:"  # begins the name of an installed package that holds one such file
# Where training scripts put a state dict; averaged weights, where there are some, are those that were evaluated.
WRAPPERS = ("state_dict_ema", "ema", "state_dict", "model_state_dict", "model", "net")
PREFIXES = ("module.", "_orig_mod.", "model.")  # of DataParallel, torch.compile and Lightning
AVERAGED = "n_averaged"  # the counter that torch's AveragedModel has beside the weights
COUNTER = "num_batches_tracked"  # of batch norm: old files lack it, and evaluation does not use it
AUXILIARY = ("AuxLogits.", "aux1.", "aux2.")  # heads that play no part here
DIGEST_IN_NAME = re.compile(
    r"-([0-9a-f]{8,})\.\w+$"
)  # in the names of torchvision's files, and so at the ends of their URLs
IMAGENET_CLASSES = tuple(
    models.AlexNet_Weights.DEFAULT.meta["categories"]
)  # in the order that timm's outputs have, too
NAMED_AT_MOST = 3  # differences that a refusal names
PUBLISHED, ASSUMED = "its publisher", "assumed"  # who says how pixels are normalised
DESCRIPTION = "network"  # in the metadata of files that training writes; earlier ones have "classes" alone
TRANSFORMED = ("googlenet", "inception_v3")  # which torchvision gives pixels in -1..1, by their transform_input
# torchvision's DenseNets are published under names of layers that it has since changed.
OLD_NAME = re.compile(r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)")


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
        made = architectures.timm_preprocessing(arch)
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


@dataclass(frozen=True)
class Fitted:
    """A network with given weights, and what its outputs are."""

    network: Network
    classes: tuple[str, ...]  # the dataset's, then those that the network knows beside them
    decided: str  # what decided which output is which class: one of outputs.NAMES, NUMBERS, ORDER
    notes: tuple[str, ...] = ()  # what of the file was taken off or left over, in words


def check(parameters: RunParameters) -> None:
    """Raise InputError where the weights to measure or to start from are not to be had, as far as can be told early."""
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
            raise InputError(f"{parameter} {name} does not exist")
    elif name not in published(arch):
        whose = "torchvision's for " + arch if architectures.torchvisions(arch) else "torchvision's"
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
        names = ", ".join(path.name for path in files[:NAMED_AT_MOST])
        raise InputError(f"{parameter} {name}: the package holds {len(files)} files of weights ({names}), not one")
    return files[0]


def published(arch: str) -> list[str]:
    """The names of torchvision's weights for a network; none of another's."""
    return list(models.get_model_weights(arch).__members__) if architectures.torchvisions(arch) else []


def load(parameters: RunParameters, *, progress: bool = True) -> Weights:
    """The weights that ``parameters`` measure; torchvision's are downloaded once, to where torch keeps such files.

    A file that torchvision publishes for this network has the evaluation and the classes of those weights, as if they
    had been named. Raises InputError where weights cannot be obtained, or are none.
    """
    return read(parameters, parameters.weights, progress=progress)


def read(parameters: RunParameters, name: str, *, parameter: str = "weights", progress: bool = True) -> Weights:
    """The weights of a network that ``name`` names, as for ``load``; parameter, which one named them."""
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
    if (path.parent / runs.RUN).exists():
        runs.check_file(path, runs.read_stamp(path.parent / runs.RUN))
    state, notes, metadata = read_safetensors(path) if path.suffix == ".safetensors" else read_torch(path)
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
    if arch.startswith(architectures.TIMM) and not ours(stripped(state)[0]):
        return replace(found, evaluation=Evaluation.of_timm(arch))
    return found


def published_as(arch: str, sha256: str) -> WeightsEnum | None:
    """Which of torchvision's weights for a network the file with this SHA-256 is, by the digests in their URLs."""
    for member in models.get_model_weights(arch) if architectures.torchvisions(arch) else ():
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
            left = (f"left over beside {name!r}: {_some(others)}",) if others else ()
            return state, (*notes, *left)
    return None, ()


def _some(names: Sequence[str]) -> str:
    """The first of many names."""
    more = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


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


def fit(weights: Weights, parameters: RunParameters, classes: Sequence[str], image_size: int) -> Fitted:
    """The network that ``parameters`` describe with these weights, its outputs in the order of ``classes``.

    Raises InputError where the weights are another network's, or their outputs are not these classes.
    """

    def build(classes: int) -> Network:
        return architectures.build(
            parameters.arch,
            classes,
            image_size=image_size,
            input_size=parameters.input_size,
            head=parameters.head,
            width=parameters.width,
            stem=parameters.stem,
        )

    network = build(len(classes))
    state, notes = arranged(weights.state, network)
    head = state.get("head.weight")
    if head is None or head.ndim != 2:
        raise misfit(weights, parameters, image_size, state, network.state_dict())
    known = weights.classes
    if known is None and weights.evaluation is not None and len(head) == len(IMAGENET_CLASSES):
        known = IMAGENET_CLASSES  # timm's, whose files name no classes
    by_wnid = known == IMAGENET_CLASSES and all(map(outputs.WNID.fullmatch, classes))
    wnids = _wnids() if by_wnid else ()
    order, decided = outputs.match(classes, known, len(head), weights.name, wnids)
    if len(head) != len(classes):
        network = build(len(head))
    if difference(state, network.state_dict()):
        raise misfit(weights, parameters, image_size, state, network.state_dict())
    state |= {name: state[name][order] for name in ("head.weight", "head.bias") if name in state}
    put(state, network, weights, parameters.arch)
    names = [known[i] for i in order[len(classes) :]] if known else []
    return Fitted(network, (*classes, *names), decided, (*weights.notes, *notes))


def _wnids() -> list[str]:
    """WordNet's numbers of IMAGENET's classes, in their order."""
    from timm.data.imagenet_info import ImageNetInfo  # noqa: PLC0415  seconds, which no other folders need

    wnids: list[str] = ImageNetInfo("imagenet-1k").label_names()
    return wnids


def put(state: dict[str, Tensor], network: Network, weights: Weights, arch: str) -> None:
    """Give a network these tensors, of whatever precision, and what its weights expect of pixels."""
    try:
        network.load_state_dict(state, strict=False)  # ``difference`` was strict, but for COUNTER
        finite = all(bool(value.isfinite().all()) for value in network.state_dict().values())
    except RuntimeError as error:  # sparse or quantised tensors
        raise InputError(f"{weights.name} cannot be used: {runs.first_line(error)}") from None
    if not finite:
        raise InputError(f"{weights.name} holds values that are not finite")
    network.normalise(*_rule(weights, network, arch)[0])


def _rule(weights: Weights, network: Network, arch: str) -> tuple[Normalisation, str]:
    """How pixels are normalised for a network with these weights, and who says so."""
    if weights.normalisation is not None:
        return weights.normalisation, weights.normalised_by
    if ours(stripped(weights.state)[0]):
        return network.normalisation, "training here"
    said = ASSUMED if weights.evaluation is None else PUBLISHED
    if arch in TRANSFORMED:
        return INCEPTION, said
    return (network if weights.evaluation is None else weights.evaluation).normalisation, said


def normalisation_of(weights: Weights, network: Network, arch: str) -> dict[str, Any]:
    """The same in plain words, for the stamp."""
    chosen, said = _rule(weights, network, arch)
    return {"mean": list(chosen.mean), "std": list(chosen.std), "by": said}


def start(network: Network, parameters: RunParameters) -> dict[str, Any]:
    """Give a fresh network the body that ``start_from`` names; its last layer stays as it is, whatever the file's.

    Returns: for the stamp, the weights' name, sha256 and notes; empty where nothing is named.
    Raises InputError where the weights cannot be obtained, or their body is not this network's.
    """
    if not parameters.start_from:
        return {}
    given = read(parameters, parameters.start_from, parameter="start_from", progress=False)
    state, notes = arranged(given.state, network)
    new = ["head."]  # and the hidden layers before it, where a head was exchanged
    if parameters.head != "own":
        new.append(f"body.{network.head_name.rpartition('.')[0]}.")

    def kept(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: value for name, value in tensors.items() if not name.startswith(tuple(new))}

    if difference(kept(state), kept(network.state_dict())):
        raise misfit(given, parameters, None, kept(state), kept(network.state_dict()))
    put(kept(state), network, given, parameters.arch)
    left = ("new last layers in place of the file's",) if len(kept(state)) < len(state) else ()
    return {
        "from": given.name,
        "sha256": given.sha256,
        "notes": [*given.notes, *notes, *left],
        "normalisation": normalisation_of(given, network, parameters.arch),
    }


def ours(state: Mapping[str, Tensor]) -> bool:
    """Whether a state dict is in this project's layout."""
    return all(name.startswith(("body.", "head.")) for name in state) and any(
        name.startswith("body.") for name in state
    )


def stripped(
    state: Mapping[str, Tensor], stop: Callable[[Mapping[str, Tensor]], bool] = lambda _: False
) -> tuple[dict[str, Tensor], list[str]]:
    """A state dict without the PREFIXES that all of its names bear, and those that were taken off, in their order.

    stop: says of a state dict that it is to be left as it is.
    """
    state = dict(state)
    taken: list[str] = []
    while not stop(state):
        names = [name for name in state if name != AVERAGED]
        prefix = next((p for p in PREFIXES if names and all(name.startswith(p) for name in names)), None)
        if prefix is None:
            break
        state = {name.removeprefix(prefix): value for name, value in state.items() if name != AVERAGED}
        taken.append(prefix)
    return state, taken


def arranged(given: Mapping[str, Tensor], network: Network) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """A state dict in this project's layout, whichever it came in, and notes of what was taken off or left over."""
    expected, prefix = network.state_dict().keys(), f"{network.head_name}."

    def laid_out(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if ours(state):
            return dict(state)
        return {
            f"head.{name.removeprefix(prefix)}" if name.startswith(prefix) else f"body.{name}": value
            for name, value in state.items()
        }

    def fits(state: Mapping[str, Tensor]) -> bool:  # a network may itself have a part that is called as a prefix is
        return len(expected & laid_out(state).keys()) > len(expected) // 2

    state, taken = stripped(given, fits)
    if not fits(state) and (own := common_prefix(state, fits)):  # of whoever wrote it
        state = {name.removeprefix(own): value for name, value in state.items() if name != AVERAGED}
        taken.append(own)
    notes = [f"taken off every name: {', '.join(taken)}"] if taken else []
    if not ours(state):
        left = [name for name in state if name.startswith(AUXILIARY) and f"body.{name}" not in expected]
        if left:
            notes.append(f"left over: {_some(left)}")
        state = {OLD_NAME.sub(r"\1\2", name): value for name, value in state.items() if name not in left}
        if "_conv_stem.weight" in state:
            state = of_efficientnet(state, network)
            notes.append("layers renamed from EfficientNet-PyTorch's names to timm's")
    halves = {str(value.dtype).removeprefix("torch.") for value in state.values() if value.is_floating_point()}
    if halves - {"float32"}:
        notes.append(f"stored as {', '.join(sorted(halves))}, computed with as float32")
    return laid_out(state), tuple(notes)


def common_prefix(state: Mapping[str, Tensor], fits: Callable[[Mapping[str, Tensor]], bool]) -> str:
    """What stands before every name, up to a full stop, where the names fit without it; else nothing."""
    names = [name for name in state if name != AVERAGED]
    parts = names[0].split(".") if names else []
    for i in range(1, len(parts)):
        prefix = ".".join(parts[:i]) + "."
        if not all(name.startswith(prefix) for name in names):
            break
        if fits({name.removeprefix(prefix): state[name] for name in names}):
            return prefix
    return ""


# Layers outside the blocks, and inside: with an expansion before the depthwise convolution, and without.
STEM = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
EXPANDED = {
    **{"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2"},
    **{"_project_conv": "conv_pwl", "_bn2": "bn3", "_se_reduce": "se.conv_reduce", "_se_expand": "se.conv_expand"},
}
SEPARABLE = EXPANDED | {"_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
BLOCK = re.compile(r"_blocks\.(\d+)\.(\w+)\.(.*)")


def of_efficientnet(state: Mapping[str, Tensor], network: Network) -> dict[str, Tensor]:
    """EfficientNet-PyTorch's names of layers as timm's: it counts blocks through, timm within their stages."""
    found = (re.match(r"body\.(blocks\.\d+\.\d+)\.", name) for name in network.state_dict())
    blocks = list(dict.fromkeys(match[1] for match in found if match))
    renamed = {}
    for name, value in state.items():
        part = BLOCK.fullmatch(name)
        if part and int(part[1]) < len(blocks):
            table = EXPANDED if f"_blocks.{part[1]}._expand_conv.weight" in state else SEPARABLE
            renamed[f"{blocks[int(part[1])]}.{table.get(part[2], part[2])}.{part[3]}"] = value
        else:
            layer, _, rest = name.partition(".")
            renamed[f"{STEM.get(layer, layer)}.{rest}"] = value
    return renamed


def difference(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str:
    """The first differences between two state dicts in words; "" where there are none."""
    found = []
    for name in sorted(expected.keys() | state.keys()):
        if name not in state:
            if not name.endswith(COUNTER):
                found.append(f"{name} is missing")
        elif name not in expected:
            found.append(f"{name} is not a layer's")
        elif state[name].shape != expected[name].shape:
            found.append(f"{name} is {tuple(state[name].shape)} there and {tuple(expected[name].shape)} here")
    return _some(found)


def misfit(
    weights: Weights,
    parameters: RunParameters,
    image_size: int | None,
    state: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
) -> InputError:
    """The error of weights that are not this network's: of another one, where most layers are called otherwise."""
    p = parameters
    if len(state.keys() & expected.keys()) <= len(expected) // 2:
        theirs, mine = (_some([name.removeprefix("body.") for name in names]) for names in (state, expected))
        return InputError(
            f"{weights.name} does not fit arch {p.arch}: its layers are called {theirs}, not {mine}; it is another "
            "network's, or something stands before its names"
        )
    pictures = f" for pictures of {image_size} px" if image_size else ""
    return InputError(
        f"{weights.name} does not fit arch {p.arch}, width {p.width:g} and stem {p.stem}{pictures} "
        f"({difference(state, expected)}); one of these is likely another than the weights were trained with"
    )
