"""Classification networks by name, split where the paper measures: before the final linear layer.

A name is torchvision's (``resnet50``), timm's (``timm/tf_efficientnet_lite0``) or that of a function that returns a
custom module (``package.module:function``). The embedding is the input of the last layer (Sec. 2.2: "the layer before
the last one"). In timm networks this is the layer that timm calls the classifier, in others the last module with
weights. It must be linear, with one row per class. One test image checks that the logits are the output of this layer;
for torchvision's networks the tests check it.

Two options, for torchvision's networks only, make small images and slow machines possible. Both are recorded with every
run:

- the *small stem*: other first layers and pooling, so that an image of 32 px keeps enough resolution; the *half* stem
  is the same with a first stride of 2, for a quarter of the work;
- the *width*: a factor on the channels of every layer.
"""

import difflib
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.hooks import RemovableHandle
from torchvision import models
from torchvision.models.alexnet import AlexNet
from torchvision.models.densenet import DenseNet
from torchvision.models.resnet import ResNet
from torchvision.models.vgg import VGG
from torchvision.models.vision_transformer import VisionTransformer

from analysis import runs
from analysis.errors import InputError
from analysis.normalisation import IMAGENET, Normalisation

SMALL_PICTURE = 64  # px; for smaller images, stem "auto" uses the small variant if there is one

TIMM = "timm/"  # prefix of timm names
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
        model, variant = _variant(arch, classes, input_size or image_size, stem)
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
    sized = f", pictures resized to {input_size} px" if input_size else ""
    network = Network(model, last, head_name, f"{variant}, width {width:g}{sized}", input_size)
    if arch.startswith(TIMM):
        made = timm_preprocessing(arch)
        network.normalise(made["mean"], made["std"])
    _check_size(network, arch, image_size, stem)
    return network


def paper_rate(arch: str, started: bool = False) -> float:
    """The paper's initial learning rate: .01 for AlexNet and VGG19, .1 for DenseNet121 and ResNet50 (Sec. 3).

    started: whether training starts from given weights, which a rate of .1 would destroy.
    """
    if started:
        return TUNED_RATE
    return 0.01 if arch.startswith(("alexnet", "vgg")) else 0.1


def torchvisions(arch: str) -> bool:
    """Whether a name is from torchvision."""
    return not arch.startswith(TIMM) and ":" not in arch


def known() -> list[str]:
    """The names of torchvision's classification networks."""
    names: list[str] = models.list_models(module=models)
    return names


def check_name(arch: str) -> None:
    """Raise InputError for an unknown name, with the closest known names, or one that is not a network.

    Networks from elsewhere are built to check this: only then is it known whether they end in a linear layer.
    """
    if not torchvisions(arch):
        with torch.random.fork_rng(devices=[]):
            model = timm_network(arch, 2) if arch.startswith(TIMM) else _own(arch, 2)[0]
        _final_linear(model, arch, None)
    elif arch not in known():
        close = difflib.get_close_matches(arch, known(), n=5) or known()
        raise InputError(f"unknown arch {arch!r}; torchvision's closest: {', '.join(close)}")


def _variant(arch: str, classes: int, image_size: int, stem: str) -> tuple[nn.Module, str]:
    """The named network with the requested stem, and its description."""
    if not torchvisions(arch):
        if stem in ("small", "half"):
            raise InputError(f"arch {arch} has no {stem} stem; allowed: stem auto, or torchvision's networks")
        if arch.startswith(TIMM):
            return timm_network(arch, classes, image_size), f"timm's {arch.removeprefix(TIMM)}"
        return _own(arch, classes)
    check_name(arch)
    kind = _kind(arch)
    if stem in ("small", "half") and kind not in SMALL_STEMS:
        families = ", ".join(family.__name__ for family in SMALL_STEMS)
        raise InputError(f"arch {arch} has no {stem} stem; allowed: stem imagenet, or a network of {families}")
    if stem == "imagenet" or kind not in SMALL_STEMS or (stem == "auto" and image_size >= SMALL_PICTURE):
        return _torchvision(arch, classes, image_size), f"torchvision's {arch}"
    if kind is VGG and not arch.endswith("_bn"):
        arch += "_bn"  # without batch norm VGG does not leave chance on little data
    model = _torchvision(arch, classes, image_size)
    return model, f"{arch} with a small-image stem ({SMALL_STEMS[kind](model, 2 if stem == 'half' else 1)})"


def timm_network(arch: str, classes: int, image_size: int | None = None) -> nn.Module:
    """The timm network with fresh weights; image_size, for networks with a fixed size."""
    import timm  # noqa: PLC0415  takes seconds and is needed for timm only

    name = arch.removeprefix(TIMM)
    plain, _, tag = name.partition(".")
    if not timm.is_model(plain):
        close = difflib.get_close_matches(plain, timm.list_models(), n=5)
        raise InputError(f"unknown arch {arch!r}; timm's closest: {', '.join(close) or 'none'}")
    tags = timm.list_pretrained(f"{plain}.*") if tag else []
    if tag and name not in tags:
        raise InputError(f"unknown arch {arch!r}; timm's weights of {plain}: {', '.join(tags) or 'none'}")
    config = timm.get_pretrained_cfg(name)
    resized = image_size and config and config.fixed_input_size and image_size != config.input_size[-1]
    options: dict[str, Any] = {"img_size": image_size} if resized else {}
    try:
        return timm.create_model(name, pretrained=False, num_classes=classes, **options)
    except Exception as error:  # each network has its own reasons
        raise InputError(f"arch {arch} cannot be made ({type(error).__name__}: {runs.first_line(error)})") from None


def timm_preprocessing(arch: str) -> dict[str, Any]:
    """How timm transforms images for a network: input_size (3, H, W), crop_pct, crop_mode, interpolation, mean, std.

    Raises InputError if timm does not state it, instead of using its defaults.
    """
    import timm  # noqa: PLC0415
    from timm.data.config import resolve_data_config  # noqa: PLC0415

    known_config = timm.get_pretrained_cfg(arch.removeprefix(TIMM), allow_unregistered=True)
    config = known_config.to_dict() if known_config else {}
    lacking = [name for name in ("input_size", "interpolation", "crop_pct", "mean", "std") if not config.get(name)]
    if lacking or len(config["mean"]) != 3 or len(config["std"]) != 3:
        raise InputError(
            f"timm does not know how pictures are made for arch {arch} ({', '.join(lacking) or 'not 3 channels'}); "
            "allowed: networks with a preprocessing of their own, of colour pictures"
        )
    made: dict[str, Any] = resolve_data_config(pretrained_cfg=config)
    return made


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Modules in this folder can be imported, before installed ones with the same name."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _own(arch: str, classes: int) -> tuple[nn.Module, str]:
    """The result of ``package.module:function``, and its description with a digest of the file.

    The module may be in the working directory.
    """
    module_name, _, name = arch.partition(":")
    with _importable(Path.cwd()):
        try:
            module = importlib.import_module(module_name)
        except Exception as error:  # importing a module may raise anything
            raise InputError(
                f"arch {arch}: {module_name} cannot be imported ({type(error).__name__}: {runs.first_line(error)}); "
                "allowed: a module in the working directory or an installed package"
            ) from None
        function = getattr(module, name, None)
        if not callable(function):
            raise InputError(f"arch {arch}: {module_name} has no function {name!r}")
        try:
            takes = "num_classes" in inspect.signature(function).parameters
            model = function(num_classes=classes) if takes else function()
        except Exception as error:  # calling it may raise anything
            raise InputError(f"arch {arch} raised {type(error).__name__}: {runs.first_line(error)}") from None
    if not isinstance(model, nn.Module):
        raise InputError(f"arch {arch} returns {type(model).__name__}; allowed: a function that returns an nn.Module")
    file = getattr(module, "__file__", None)
    return model, f"{arch} (SHA-256 {runs.sha256(Path(file))[:12]})" if file else arch


def _kind(arch: str) -> type[nn.Module]:
    kind: type[nn.Module] = inspect.signature(models.get_model_builder(arch)).return_annotation
    return kind


def _torchvision(arch: str, classes: int, image_size: int) -> nn.Module:
    options = {"weights": None, "num_classes": classes}
    if _kind(arch) is VisionTransformer:
        options["image_size"] = image_size  # which determines the number of positions
    if arch in ("inception_v3", "googlenet"):
        options |= {"aux_logits": False, "init_weights": True}  # their auxiliary heads are not used here
    try:
        model: nn.Module = models.get_model(arch, **options)
    except AssertionError as error:  # image sizes that are not a multiple of the patch size
        raise _unfit(f"arch {arch}", image_size, error) from None
    return model


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
    model.conv1, said = _small_convolution(model.conv1.out_channels, stride, mode="fan_out", nonlinearity="relu")
    model.maxpool = nn.Identity()
    return said


def _small_densenet(model: DenseNet, stride: int) -> str:
    model.features.conv0, said = _small_convolution(model.features.conv0.out_channels, stride)
    model.features.pool0 = nn.Identity()
    return said


def _small_convolution(channels: int, stride: int, **law: Any) -> tuple[nn.Conv2d, str]:
    """A first layer that replaces one of 7x7 and its pooling, initialised by the rule of the network, and its name."""
    convolution = nn.Conv2d(3, channels, kernel_size=3, stride=stride, padding=1, bias=False)
    nn.init.kaiming_normal_(convolution.weight, **law)
    return convolution, f"3x3 first convolution of stride {stride}, no first pooling"


SMALL_STEMS: dict[type[nn.Module], Callable[..., str]] = {
    AlexNet: _small_alexnet,
    VGG: _small_vgg,
    ResNet: _small_resnet,
    DenseNet: _small_densenet,
}


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
    except Exception as error:  # a custom module may raise anything
        raise _unfit(what, picture.shape[-1], error) from None
    finally:
        for handle in handles:
            handle.remove()
        model.train(training)


def _unfit(network: str, image_size: int, error: Exception) -> InputError:
    return InputError(
        f"{network} cannot take pictures of {image_size} px ({runs.first_line(error)}); "
        "allowed: larger pictures, input_size, or stem small where there is one"
    )
