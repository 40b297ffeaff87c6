"""Classification networks by name, with fresh weights.

A name is torchvision's (``resnet50``), timm's (``timm/tf_efficientnet_lite0``) or that of a function that returns a
custom module (``package.module:function``). For small images, torchvision's have the *small stem*: other first layers
and pooling, so that an image of 32 px keeps enough resolution; the *half* stem is the same with a first stride of 2,
for a quarter of the work. The stem is recorded with every run.
"""

import difflib
import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn
from torchvision import models
from torchvision.models.alexnet import AlexNet
from torchvision.models.densenet import DenseNet
from torchvision.models.resnet import ResNet
from torchvision.models.vgg import VGG
from torchvision.models.vision_transformer import VisionTransformer

from analysis import runs
from analysis.errors import InputError

SMALL_PICTURE = 64  # px; for smaller images, stem "auto" uses the small variant if there is one
TIMM = "timm/"  # prefix of timm names


def torchvisions(arch: str) -> bool:
    """Whether a name is from torchvision."""
    return not arch.startswith(TIMM) and ":" not in arch


def known() -> list[str]:
    """The names of torchvision's classification networks."""
    names: list[str] = models.list_models(module=models)
    return names


def check_known(arch: str) -> None:
    """Raise InputError for a name that torchvision does not have, with the closest that it has."""
    if arch not in known():
        close = difflib.get_close_matches(arch, known(), n=5) or known()
        raise InputError(f"unknown arch {arch!r}; torchvision's closest: {', '.join(close)}")


def fresh_network(arch: str, classes: int, image_size: int, stem: str) -> tuple[nn.Module, str]:
    """The named network with the requested stem, and its description."""
    if not torchvisions(arch):
        if stem in ("small", "half"):
            raise InputError(f"arch {arch} has no {stem} stem; allowed: stem auto, or torchvision's networks")
        if arch.startswith(TIMM):
            return timm_network(arch, classes, image_size), f"timm's {arch.removeprefix(TIMM)}"
        return own_network(arch, classes)
    check_known(arch)
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


def own_network(arch: str, classes: int) -> tuple[nn.Module, str]:
    """The result of ``package.module:function``, and its description with a digest of the file.

    The module may be in the working directory.
    """
    module_name, _, name = arch.partition(":")
    with runs.importable(Path.cwd()):
        try:
            module = importlib.import_module(module_name)
        except (Exception, SystemExit) as error:  # importing a module may raise anything, and a script may exit
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
        except (Exception, SystemExit) as error:  # calling it may raise anything
            raise InputError(f"arch {arch} raised {type(error).__name__}: {runs.first_line(error)}") from None
    if not isinstance(model, nn.Module):
        raise InputError(f"arch {arch} returns {type(model).__name__}; allowed: a function that returns an nn.Module")
    file = runs.module_file(arch)
    return model, f"{arch} (SHA-256 {runs.sha256(file)[:12]})" if file else arch


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
        raise unfit(f"arch {arch}", image_size, error) from None
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


def unfit(network: str, image_size: int, error: BaseException) -> InputError:
    return InputError(
        f"{network} cannot take pictures of {image_size} px ({runs.first_line(error)}); "
        "allowed: larger pictures, input_size, or stem small where there is one"
    )
