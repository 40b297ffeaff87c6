"""torchvision's classification networks by name, split where the paper measures: before the final linear layer.

The embedding is that layer's input (Sec. 2.2: "the layer before the last one"), found by structure: the last module
with weights must be linear and as wide as there are classes. Two factors make small pictures and slow machines
possible, both recorded with every run:

- the *small stem*: the same network with other first layers and pooling, so that a picture of 32 px is not reduced
  to nothing before the network has begun; the *half* stem is the same with a first stride of 2, for a quarter of
  the work;
- the *width*: every layer's channels times a factor.
"""

import difflib
import inspect
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.models.alexnet import AlexNet
from torchvision.models.densenet import DenseNet
from torchvision.models.resnet import ResNet
from torchvision.models.vgg import VGG
from torchvision.models.vision_transformer import VisionTransformer

from analysis.errors import InputError

SMALL_PICTURE = 64  # px; below, stem "auto" takes the small variant where there is one

# ImageNet's channel means and standard deviations, on pixels in 0..1: what nearly all of torchvision's weights expect.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class Network(nn.Module):
    """A network whose embedding and head are separate: ``head(embed(pixels))`` are its logits.

    The head computes in float32 also where the layers before it run in bfloat16, because angles need it.
    """

    def __init__(self, body: nn.Module, head: nn.Linear, head_name: str, description: str):
        super().__init__()
        self.body = body
        self.head = head
        self.head_name = head_name  # in torchvision's network
        self.description = description  # in a reader's words: which variant this is
        self.normalise(MEAN, STD)

    def normalise(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Take these channel means and standard deviations, on pixels in 0..1."""
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1) * 255, persistent=False)

    def embed(self, pixels: Tensor) -> Tensor:
        """uint8 pictures (B, 3, H, W) -> embeddings (B, D), in the body's precision."""
        return self.body((pixels - self.mean) / self.std)

    def classify(self, embeddings: Tensor) -> Tensor:
        """Embeddings (B, D) -> logits (B, C), in float32."""
        with torch.autocast(embeddings.device.type, enabled=False):
            return self.head(embeddings.float())

    def forward(self, pixels: Tensor) -> Tensor:
        """uint8 pictures (B, 3, H, W) -> logits (B, C)."""
        return self.classify(self.embed(pixels))


def build(
    arch: str, classes: int, *, image_size: int, width: float = 1.0, stem: str = "auto", seed: int = 0
) -> Network:
    """A freshly initialised network; the seed decides its weights and nothing else is disturbed.

    Args: arch, torchvision's name; classes, C; image_size in pixels; width, a factor on every layer's channels;
        stem, "auto", "small", "half" or "imagenet".
    Raises: InputError for an unknown name, a network that has no final linear layer, a width its layers cannot take,
        a stem it does not have, and pictures too small for it.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, variant = _variant(arch, classes, image_size, stem)
        head_name, _ = _final_linear(model, arch, classes)
        if width != 1:
            _scale_width(model, arch, head_name, width)
    head = model.get_submodule(head_name)
    parent, _, child = head_name.rpartition(".")
    setattr(model.get_submodule(parent), child, nn.Identity())
    network = Network(model, head, head_name, f"{variant}, width {width:g}")
    _check_size(network, arch, image_size, stem)
    return network


def paper_rate(arch: str) -> float:
    """The paper's initial learning rate: .01 for AlexNet and VGG19, .1 for DenseNet121 and ResNet50 (Sec. 3)."""
    return 0.01 if arch.startswith(("alexnet", "vgg")) else 0.1


def known() -> list[str]:
    """torchvision's names of classification networks."""
    return models.list_models(module=models)


def check_name(arch: str) -> None:
    """Raise InputError, with the closest names, for one that torchvision does not have."""
    if arch not in known():
        close = difflib.get_close_matches(arch, known(), n=5) or known()
        raise InputError(f"unknown arch {arch!r}; torchvision's closest: {', '.join(close)}")


def _variant(arch: str, classes: int, image_size: int, stem: str) -> tuple[nn.Module, str]:
    """The named network, with the stem that is asked for, and what to call it."""
    check_name(arch)
    kind = _kind(arch)
    if stem in ("small", "half") and kind not in SMALL_STEMS:
        families = ", ".join(family.__name__ for family in SMALL_STEMS)
        raise InputError(f"arch {arch} has no {stem} stem; allowed: stem imagenet, or a network of {families}")
    if stem == "imagenet" or kind not in SMALL_STEMS or (stem == "auto" and image_size >= SMALL_PICTURE):
        return _torchvision(arch, classes, image_size), f"torchvision's {arch}"
    if kind is VGG and not arch.endswith("_bn"):
        arch += "_bn"  # without batch norm VGG does not leave chance on small data
    model = _torchvision(arch, classes, image_size)
    return model, f"{arch} with a small-image stem ({SMALL_STEMS[kind](model, 2 if stem == 'half' else 1)})"


def _kind(arch: str) -> type[nn.Module]:
    return inspect.signature(models.get_model_builder(arch)).return_annotation


def _torchvision(arch: str, classes: int, image_size: int) -> nn.Module:
    options = {"weights": None, "num_classes": classes}
    if _kind(arch) is VisionTransformer:
        options["image_size"] = image_size  # which decides its number of positions
    if arch in ("inception_v3", "googlenet"):
        options |= {"aux_logits": False, "init_weights": True}  # their auxiliary heads play no part here
    try:
        return models.get_model(arch, **options)
    except AssertionError as error:  # pictures that are no whole number of patches
        raise _unfit(f"arch {arch}", image_size, error) from None


def _small_alexnet(model: AlexNet, stride: int) -> str:
    model.features[0] = nn.Conv2d(3, 64, kernel_size=3, stride=stride, padding=1)
    model.avgpool = nn.AdaptiveAvgPool2d(1)
    model.classifier[1] = nn.Linear(256, model.classifier[1].out_features)
    return f"3x3 first convolution of stride {stride}, global pooling"


def _small_vgg(model: VGG, stride: int) -> str:
    model.features[0].stride = (stride, stride)
    model.avgpool = nn.AdaptiveAvgPool2d(1)
    model.classifier[0] = nn.Linear(512, model.classifier[0].out_features)
    return f"first convolution of stride {stride}, global pooling"


def _small_resnet(model: ResNet, stride: int) -> str:
    model.conv1 = nn.Conv2d(3, model.conv1.out_channels, kernel_size=3, stride=stride, padding=1, bias=False)
    nn.init.kaiming_normal_(model.conv1.weight, mode="fan_out", nonlinearity="relu")
    model.maxpool = nn.Identity()
    return f"3x3 first convolution of stride {stride}, no first pooling"


def _small_densenet(model: DenseNet, stride: int) -> str:
    convolution = nn.Conv2d(3, model.features.conv0.out_channels, kernel_size=3, stride=stride, padding=1, bias=False)
    nn.init.kaiming_normal_(convolution.weight)
    model.features.conv0 = convolution
    model.features.pool0 = nn.Identity()
    return f"3x3 first convolution of stride {stride}, no first pooling"


SMALL_STEMS: dict[type[nn.Module], Callable[..., str]] = {
    AlexNet: _small_alexnet,
    VGG: _small_vgg,
    ResNet: _small_resnet,
    DenseNet: _small_densenet,
}


def _final_linear(model: nn.Module, arch: str, classes: int) -> tuple[str, nn.Linear]:
    """Name and module of the network's last layer, which must be linear."""
    name, last = [(n, m) for n, m in model.named_modules() if any(True for _ in m.parameters(recurse=False))][-1]
    if not isinstance(last, nn.Linear) or last.out_features != classes:
        raise InputError(
            f"arch {arch} ends in {type(last).__name__} {name!r}, not in a linear layer with one row of weights per "
            "class, so it has no embedding to measure angles from; allowed: networks such as resnet50"
        )
    return name, last


def _scale_width(model: nn.Module, arch: str, head: str, width: float) -> None:
    """Replace every convolution, batch norm and linear layer by one with ``width`` times the channels.

    The narrower weights are a corner of the original initial ones, enlarged by width^-1/2, which keeps torchvision's
    own rule of initialisation (their variance is inverse to the number of channels). The pixels' 3 channels and the
    classes stay as they are. ``model`` keeps its structure: only stated channel counts change.
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

    layers = [(n, m) for n, m in model.named_modules() if any(True for _ in m.parameters(recurse=False))]
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


def _check_size(network: Network, arch: str, image_size: int, stem: str) -> None:
    """Try one black picture: a network that reduces it to nothing cannot take it."""
    training = network.training
    try:
        with torch.inference_mode():
            embeddings = network.eval().embed(torch.zeros(1, 3, image_size, image_size, dtype=torch.uint8))
    except (RuntimeError, ValueError, AssertionError) as error:
        raise _unfit(f"arch {arch} with stem {stem} and {network.description}", image_size, error) from None
    if embeddings.shape != (1, network.head.in_features):
        raise InputError(f"arch {arch} gives its last layer {tuple(embeddings.shape)}: not one embedding per picture")
    network.train(training)


def _unfit(network: str, image_size: int, error: Exception) -> InputError:
    return InputError(
        f"{network} cannot take pictures of {image_size} px ({str(error).splitlines()[0]}); "
        "allowed: larger pictures, or stem small where there is one"
    )
