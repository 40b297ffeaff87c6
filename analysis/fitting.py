"""A network with given weights: fitted to a dataset's classes, or as the start of a training.

How pixels are normalised for a file that does not say is an assumption, so it is kept with who made it: the network's
own rule, which for GoogLeNet and Inception in torchvision's layout includes their transform_input.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torchvision import models

from analysis import outputs, runs
from analysis.architectures import Network, build_described
from analysis.errors import InputError, first_of
from analysis.normalisation import INCEPTION, Normalisation
from analysis.parameters import RunParameters
from analysis.state_dicts import arranged, difference, ours, stripped
from analysis.weights import Weights, read

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)  # that weights may be stored as
PUBLISHED, ASSUMED = "its publisher", "assumed"  # who says how pixels are normalised
TRANSFORMED = ("googlenet", "inception_v3")  # which torchvision gives pixels in -1..1, by their transform_input
# In the order that timm's outputs have, too.
IMAGENET_CLASSES = tuple(models.AlexNet_Weights.DEFAULT.meta["categories"])


@dataclass(frozen=True)
class Fitted:
    """A network with given weights, and what its outputs are."""

    network: Network
    classes: tuple[str, ...]  # the dataset's, then those that the network knows beside them
    decided: str  # what decided which output is which class: one of outputs.NAMES, NUMBERS, ORDER
    notes: tuple[str, ...] = ()  # what of the file was taken off or left over, in words


def fit(weights: Weights, parameters: RunParameters, classes: Sequence[str], image_size: int) -> Fitted:
    """The network that ``parameters`` describe with these weights, its outputs in the order of ``classes``.

    Raises InputError where the weights are another network's, or their outputs are not these classes.
    """
    network = build_described(parameters, len(classes), image_size)
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
        network = build_described(parameters, len(head), image_size)
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
    expected = network.state_dict()
    for name, value in state.items():  # torch would turn 8-bit codes and the like into numbers without a word
        if expected[name].is_floating_point() and value.dtype not in FLOATS:
            plain, kind = name.removeprefix("body."), str(value.dtype).removeprefix("torch.")
            allowed = "float16, bfloat16, float32 and float64"
            raise InputError(f"{weights.name} has {plain} as {kind}; allowed: {allowed}")
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
        theirs, mine = (first_of([name.removeprefix("body.") for name in names]) for names in (state, expected))
        return InputError(
            f"{weights.name} does not fit arch {p.arch}: its layers are called {theirs}, not {mine}; it is another "
            "network's, or something stands before its names"
        )
    pictures = f" for pictures of {image_size} px" if image_size else ""
    return InputError(
        f"{weights.name} does not fit arch {p.arch}, width {p.width:g} and stem {p.stem}{pictures} "
        f"({difference(state, expected)}); one of these is likely another than the weights were trained with"
    )
