"""Networks split where the paper measures: before the final linear layer.

The embedding is the input of the last layer (Sec. 2.2: "the layer before the last one"). In timm networks this is the
layer that timm calls the classifier, in others the last module with weights. It must be linear, with one row per class.
One test image checks that the logits are the output of this layer; for torchvision's networks the tests check it.

The *width*, a factor on the channels of every layer of torchvision's networks, makes slow machines possible, as their
stems make small images (``networks``). It is recorded with every run.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.hooks import RemovableHandle

from analysis.errors import InputError
from analysis.networks import (
    TIMM,
    check_known,
    fresh_network,
    own_network,
    timm_network,
    timm_preprocessing,
    torchvisions,
    unfit,
)
from analysis.normalisation import IMAGENET, Normalisation
from analysis.parameters import RunParameters

TUNED_RATE = 0.01  # initial, if training starts from given weights
HEADS = ("linear", "hidden", "hidden-no-dropout")  # heads that can replace the network's own
# Modules that may follow the features, beside linear layers.
AFTER_FEATURES = (nn.Sequential, nn.Linear, nn.Dropout, nn.ReLU, nn.Hardswish, nn.GELU, nn.SiLU, nn.Identity)


class Network(nn.Module):
    """A network with separate embedding and head: ``head(embed(pixels))`` are its logits.

    The head always computes in float32, even if the layers before it run in bfloat16, because angles require it.
    """

    mean: Tensor  # of the pixels, in 0..255
    std: Tensor

    def __init__(
        self, body: nn.Module, head: nn.Linear, head_name: str, description: str, input_size: int | None = None
    ):
        super().__init__()
        self.body = body
        self.head = head
        self.head_name = head_name  # in the network that was split
        self.description = description  # for readers: the variant
        self.input_size = input_size  # in pixels: size to which images are resized; None: unchanged
        self.normalise(*IMAGENET)

    def normalise(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Normalise pixels in 0..1 with these channel means and standard deviations."""
        self.normalisation = Normalisation(tuple(mean), tuple(std))
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1) * 255, persistent=False)

    def embed(self, pixels: Tensor) -> Tensor:
        """uint8 images (B, 3, H, W) -> embeddings (B, D), in the precision of the backbone."""
        embeddings: Tensor = self.body((self.resized(pixels) - self.mean) / self.std)
        return embeddings

    def resized(self, pixels: Tensor) -> Tensor:
        """uint8 images (B, 3, H, W) -> input of the normalisation, in 0..255: float32 (B, 3, S, S) if S is given.

        Bicubic with antialiasing, clipped to 0..255: the same as Pillow, except for its rounding.
        """
        if self.input_size is None:
            return pixels
        with torch.autocast(pixels.device.type, enabled=False):
            size = (self.input_size, self.input_size)
            return F.interpolate(pixels.float(), size, mode="bicubic", antialias=True).clamp(0, 255)

    def classify(self, embeddings: Tensor) -> Tensor:
        """Embeddings (B, D) -> logits (B, C), in float32."""
        with torch.autocast(embeddings.device.type, enabled=False):
            logits: Tensor = self.head(embeddings.float())
        return logits

    def forward(self, pixels: Tensor) -> Tensor:
        """uint8 images (B, 3, H, W) -> logits (B, C)."""
        return self.classify(self.embed(pixels))


def build(
    arch: str,
    classes: int,
    *,
    image_size: int,
    input_size: int | None = None,
    width: float = 1.0,
    stem: str = "auto",
    head: str = "own",
    seed: int = 0,
) -> Network:
    """A freshly initialised network; the seed determines its weights, and no other random state changes.

    Args: arch, a name of one of the three kinds; classes, C; image_size in pixels; input_size, the size to which the
        network resizes images, in pixels; width, a factor on the channels of every layer; stem, "auto", "small", "half"
        or "imagenet"; head, "own", or one of HEADS, which follows the same layers with the same initial weights.
    Raises: InputError for an unknown name, a network without a final linear layer, a width or stem that the network
        does not support, another head without pooled features, and images that are too small.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, variant = fresh_network(arch, classes, input_size or image_size, stem)
        head_name, _ = _final_linear(model, arch, classes)
        if width != 1:
            if not torchvisions(arch):
                raise InputError(f"width is {width:g}; allowed for arch {arch}: 1, as only torchvision's are narrowed")
            _scale_width(model, arch, head_name, width)
        if not torchvisions(arch):
            _check_end(model, arch, head_name, input_size or image_size)
        if head != "own":
            head_name = _exchange_head(model, arch, head_name, head, input_size or image_size)
            variant += f", {head} head"
    last = model.get_submodule(head_name)
    assert isinstance(last, nn.Linear)
    parent, _, child = head_name.rpartition(".")
    setattr(model.get_submodule(parent), child, nn.Identity())
    sized = f", images resized to {input_size} px" if input_size else ""
    network = Network(model, last, head_name, f"{variant}, width {width:g}{sized}", input_size)
    if arch.startswith(TIMM):
        made = timm_preprocessing(arch)
        network.normalise(made["mean"], made["std"])
    _check_size(network, arch, image_size, stem)
    return network


def build_described(parameters: RunParameters, classes: int, image_size: int) -> Network:
    """The freshly initialised network of a run, for so many classes and images of this size in pixels."""
    named = {name: getattr(parameters, name) for name in ("input_size", "width", "stem", "head")}
    return build(parameters.arch, classes, image_size=image_size, seed=parameters.training_seed, **named)


def paper_rate(arch: str, started: bool = False) -> float:
    """The paper's initial learning rate: .01 for AlexNet and VGG19, .1 for DenseNet121 and ResNet50 (Sec. 3).

    started: whether training starts from given weights, which a rate of .1 would destroy.
    """
    if started:
        return TUNED_RATE
    return 0.01 if arch.startswith(("alexnet", "vgg")) else 0.1


def check_name(arch: str) -> None:
    """Raise InputError for an unknown name, with the closest known names, or one that is not a network.

    Networks from elsewhere are built to check this: only then is it known whether they end in a linear layer.
    """
    if not torchvisions(arch):
        with torch.random.fork_rng(devices=[]):
            model = timm_network(arch, 2) if arch.startswith(TIMM) else own_network(arch, 2)[0]
        _final_linear(model, arch, None)
    else:
        check_known(arch)


def _layers(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Names and modules of the layers with weights of their own."""
    return [(n, m) for n, m in model.named_modules() if any(True for _ in m.parameters(recurse=False))]


def _final_linear(model: nn.Module, arch: str, classes: int | None) -> tuple[str, nn.Linear]:
    """Name and module of the last layer, which must be linear; classes None allows any width."""
    layers = _layers(model)
    if arch.startswith(TIMM):
        try:
            last = model.get_classifier()  # type: ignore[operator]  # which all of timm's networks have
        except (AttributeError, NotImplementedError):
            last = None
        name = next((n for n, m in layers if m is last), "")  # not two, as in distilled networks
    else:
        name, last = layers[-1] if layers else ("", None)
    if not name or not isinstance(last, nn.Linear):
        end = f"{type(last).__name__} {name!r}" if name else "several or no classifiers"
        raise InputError(
            f"arch {arch} ends in {end}, not in a linear layer with one row of weights per "
            "class, so it has no embedding to measure angles from; allowed: networks such as resnet50"
        )
    if classes is not None and last.out_features != classes:
        advice = "; let its function take num_classes" if ":" in arch else ""
        raise InputError(
            f"arch {arch} ends in Linear {name!r} of {last.out_features} rows, not in a linear layer with one row of "
            f"weights for each of {classes} classes{advice}"
        )
    return name, last


def _check_end(model: nn.Module, arch: str, head_name: str, image_size: int) -> None:
    """Check with one image that the logits are the output of the last linear layer, from one embedding."""
    said: list[Tensor] = []
    handle = model.get_submodule(head_name).register_forward_hook(lambda _module, _given, output: said.append(output))
    pixels = torch.linspace(-1, 1, 3 * image_size**2).view(1, 3, image_size, image_size)
    logits = _tried(model, model, pixels, f"arch {arch}", [handle])
    if len(said) != 1 or not isinstance(logits, Tensor) or not torch.equal(logits, said[0]):
        raise InputError(
            f"arch {arch} does not give what its last linear layer {head_name!r} gives, so it has no embedding to "
            "measure angles from; allowed: networks that return that layer's logits"
        )


def _scale_width(model: nn.Module, arch: str, head: str, width: float) -> None:
    """Replace every convolution, batch norm and linear layer by one with ``width`` times the channels.

    The narrower weights are a corner of the original initial weights, scaled by width^-1/2, which preserves
    torchvision's initialisation (a variance inversely proportional to the number of channels). The 3 input channels and
    the classes do not change. ``model`` keeps its structure: only stated channel counts change.
    """

    if not 0 < width < 1:
        raise InputError(f"width is {width:g}; allowed: above 0, up to 1")

    def scaled(channels: int, name: str) -> int:
        if not (channels * width).is_integer():
            raise InputError(
                f"width {width:g} leaves {channels * width:g} channels in {arch}'s {name}; "
                "allowed: a factor that leaves whole numbers, such as 1 or, for most networks, 0.5"
            )
        return int(channels * width)

    layers = _layers(model)
    first = layers[0][0]
    for name, layer in layers:
        match layer:
            case nn.Conv2d():
                inputs = layer.in_channels if name == first else scaled(layer.in_channels, name)
                layer.groups = inputs if layer.groups == layer.in_channels > 1 else layer.groups
                layer.in_channels, layer.out_channels = inputs, scaled(layer.out_channels, name)
                if inputs % layer.groups or layer.out_channels % layer.groups:
                    raise InputError(
                        f"width {width:g} leaves {inputs} channels for the {layer.groups} groups of {arch}'s {name}; "
                        "allowed: a factor that leaves a multiple of them, such as 1"
                    )
                shape = (layer.out_channels, inputs // layer.groups, *layer.kernel_size)
            case nn.BatchNorm2d():
                layer.num_features = scaled(layer.num_features, name)
                shape = (layer.num_features,)
            case nn.Linear():
                layer.in_features = scaled(layer.in_features, name)
                layer.out_features = layer.out_features if name == head else scaled(layer.out_features, name)
                shape = (layer.out_features, layer.in_features)
            case _:
                raise InputError(f"width cannot change {arch}: {name!r} is a {type(layer).__name__}; allowed: width 1")
        gain = width**-0.5 if len(shape) > 1 and name != first else 1.0
        with torch.no_grad():
            layer.weight = nn.Parameter(layer.weight[tuple(slice(n) for n in shape)] * gain)
            if layer.bias is not None:
                layer.bias = nn.Parameter(layer.bias[: shape[0]].clone())
            for buffer in ("running_mean", "running_var") if isinstance(layer, nn.BatchNorm2d) else ():
                setattr(layer, buffer, getattr(layer, buffer)[: shape[0]].clone())


def _exchange_head(model: nn.Module, arch: str, head_name: str, head: str, image_size: int) -> str:
    """Put one of HEADS after the pooled convolutional features, with their width; return the name of the last layer.

    "linear" is a single linear layer; "hidden" has two more before it, each with ReLU and dropout .5, as VGG has;
    "hidden-no-dropout" is the same without dropout.
    """
    place = head_name
    while (parent := place.rpartition(".")[0]) and all(
        isinstance(module, AFTER_FEATURES) for module in model.get_submodule(parent).modules()
    ):
        place = parent
    replaced = model.get_submodule(place)
    width = _pooled_features(model, arch, place, image_size)
    layers: list[nn.Module] = []
    for _ in range(0 if head == "linear" else 2):
        layers += [nn.Linear(width, width), nn.ReLU(inplace=True)]
        layers += [nn.Dropout(0.5)] if head == "hidden" else []
    own = model.get_submodule(head_name)
    assert isinstance(own, nn.Linear)
    layers.append(nn.Linear(width, own.out_features))
    parent, _, child = place.rpartition(".")
    setattr(model.get_submodule(parent), child, nn.Sequential(*layers).train(replaced.training))
    return f"{place}.{len(layers) - 1}"


def _pooled_features(model: nn.Module, arch: str, place: str, image_size: int) -> int:
    """The number of features at the input of ``place``, one per channel of the last feature maps."""
    tail = set(model.get_submodule(place).modules())
    before = [module for module in model.modules() if module not in tail]
    maps: list[Tensor] = []  # of the last layer that produced any
    given: list[Tensor] = []

    def keep_maps(_module: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4:
            maps[:] = [output]

    handles = [module.register_forward_hook(keep_maps) for module in before if not list(module.children())]
    handles.append(model.get_submodule(place).register_forward_pre_hook(lambda _, inputs: given.append(inputs[0])))
    _tried(model, model, torch.zeros(1, 3, image_size, image_size), f"arch {arch}", handles)
    pooled = maps and len(given) == 1 and given[0].shape == (1, maps[0].shape[1])
    if not pooled or any(isinstance(module, nn.Linear) for module in before):
        raise InputError(
            f"arch {arch} gives its last layers no pooled convolutional features of pictures of {image_size} px, so "
            "its head cannot be exchanged; allowed: head own, or a network such as resnet18 or, with stem small, vgg11"
        )
    return given[0].shape[1]


def _check_size(network: Network, arch: str, image_size: int, stem: str) -> None:
    """Try one black image, to see whether the network reduces it to nothing."""
    black = torch.zeros(1, 3, image_size, image_size, dtype=torch.uint8)
    embeddings = _tried(network, network.embed, black, f"arch {arch} with stem {stem} and {network.description}")
    if embeddings.shape != (1, network.head.in_features):
        raise InputError(f"arch {arch} gives its last layer {tuple(embeddings.shape)}: not one embedding per picture")


def _tried(
    model: nn.Module,
    forward: Callable[[Tensor], Any],
    picture: Tensor,
    what: str,
    handles: Sequence[RemovableHandle] = (),
) -> Any:
    """The output of a network in evaluation mode, or of a part of it, for one image; removes these hooks.

    Raises InputError if the network cannot take the image.
    """
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            return forward(picture)
    except (Exception, SystemExit) as error:  # a custom module may raise anything
        raise unfit(what, picture.shape[-1], error) from None
    finally:
        for handle in handles:
            handle.remove()
        model.train(training)
