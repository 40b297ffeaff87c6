"""The layouts of state dicts: how files name a network's layers, and the one layout that networks have here.

These are taken: this project's (``body.*`` and ``head.*``, as training writes), and the network's own, whose last layer
has a name that depends on the network. Either may have PREFIXES before every name, as DataParallel, compile and
Lightning put them there. EfficientNets may have the names of layers that the EfficientNet-PyTorch package gives them.
What was taken off or left over is kept as notes.
"""

import re
from collections.abc import Callable, Mapping

from torch import Tensor

from analysis.architectures import Network
from analysis.errors import first_of

PREFIXES = ("module.", "_orig_mod.", "model.")  # of DataParallel, torch.compile and Lightning
AVERAGED = "n_averaged"  # the counter that torch's AveragedModel has beside the weights
COUNTER = "num_batches_tracked"  # of batch norm: old files lack it, and evaluation does not use it
AUXILIARY = ("AuxLogits.", "aux1.", "aux2.")  # heads that play no part here
# torchvision's DenseNets are published under names of layers that it has since changed.
OLD_NAME = re.compile(r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)")


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

    def mostly(state: Mapping[str, Tensor]) -> bool:
        return len(expected & state.keys()) > len(expected) // 2

    def laid_out(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if ours(state) or mostly(state):  # with a few names too many it is still ours, and these will be named
            return dict(state)
        return {
            f"head.{name.removeprefix(prefix)}" if name.startswith(prefix) else f"body.{name}": value
            for name, value in state.items()
        }

    def fits(state: Mapping[str, Tensor]) -> bool:  # a network may itself have a part that is called as a prefix is
        return mostly(laid_out(state))

    state, taken = stripped(given, fits)
    if not fits(state) and (own := common_prefix(state, fits)):  # of whoever wrote it
        state = {name.removeprefix(own): value for name, value in state.items() if name != AVERAGED}
        taken.append(own)
    notes = [f"taken off every name: {', '.join(taken)}"] if taken else []
    if not ours(state):
        left = [name for name in state if name.startswith(AUXILIARY) and f"body.{name}" not in expected]
        if left:
            notes.append(f"left over: {first_of(left)}")
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
    return first_of(found)
