"""Networks by name, split before the final linear layer without changing what they compute."""

import dataclasses
import random
import sys

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torch import nn
from torchvision import models
from torchvision.models import regnet, vision_transformer
from torchvision.transforms.v2 import functional as transforms

from analysis import architectures, extraction, networks
from analysis.errors import InputError

PAPER = ("alexnet", "vgg19", "densenet121", "resnet50")


def build(arch, classes=5, *, image_size=32, **options):
    return architectures.build(arch, classes, image_size=image_size, **options)


def pictures(n=4, size=32, seed=0):
    return torch.randint(0, 256, (n, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def torchvision_logits(arch, network, pixels, **options):
    """The logits of torchvision's own model, unsplit, with the network's weights and torchvision's normalisation."""
    model = models.get_model(arch, weights=None, num_classes=network.head.out_features, **options)
    state = {name.removeprefix("body."): value for name, value in network.state_dict().items()}
    name = next(name for name, value in model.named_parameters() if value is list(model.parameters())[-1])
    head = name.rpartition(".")[0]
    state |= {f"{head}.{name}": state.pop(f"head.{name}") for name in ("weight", "bias")}
    model.load_state_dict(state)
    scaled = transforms.to_dtype(pixels, torch.float32, scale=True)
    normalised = transforms.normalize(scaled, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    with torch.inference_mode():
        return model.eval()(normalised)


# --- the split


@pytest.mark.parametrize(
    ("arch", "size", "options"),
    [
        ("alexnet", 64, {}),
        ("densenet121", 32, {}),
        ("resnet50", 32, {}),
        ("vgg11", 32, {}),
        ("mobilenet_v3_small", 32, {}),
        ("regnet_y_400mf", 32, {}),
        ("swin_t", 32, {}),
        ("vit_b_32", 64, {"image_size": 64}),
        ("googlenet", 32, {"aux_logits": False, "init_weights": False}),
    ],
)
def test_head_of_embedding_equals_torchvisions_own_network(arch, size, options):
    network = build(arch, image_size=size, stem="imagenet").eval()
    pixels = pictures(size=size)
    with torch.inference_mode():
        embeddings = network.embed(pixels)
        logits = network.head(embeddings)
        assert torch.equal(network(pixels), logits)
    assert embeddings.shape == (4, network.head.in_features)
    expected = torchvision_logits(arch, network, pixels, **options)
    torch.testing.assert_close(logits, expected, atol=1e-5 * float(expected.abs().max()), rtol=1e-4)


@pytest.mark.parametrize(("arch", "d"), list(zip(PAPER, (4096, 4096, 1024, 2048), strict=True)))
def test_the_papers_networks_have_the_papers_embeddings(arch, d):
    with torch.device("meta"):
        model = models.get_model(arch, weights=None, num_classes=1000)
    _, head = architectures._final_linear(model, arch, 1000)
    assert (head.in_features, head.out_features) == (d, 1000)


def test_the_head_computes_in_float32_inside_autocast():
    network = build("resnet18", width=1 / 16).eval()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        embeddings = network.embed(pictures())
        logits = network.classify(embeddings)
    assert embeddings.dtype == torch.bfloat16
    assert logits.dtype == torch.float32
    head = network.head
    with torch.inference_mode():
        torch.testing.assert_close(logits, embeddings.float() @ head.weight.T + head.bias)


# --- torchvision's networks by name


@pytest.mark.parametrize(
    ("arch", "d"),
    [
        *(("convnext_large", 1536), ("densenet201", 1920), ("efficientnet_b7", 2560), ("mnasnet1_3", 1280)),
        *(("resnext101_64x4d", 2048), ("shufflenet_v2_x2_0", 2048), ("swin_v2_b", 1024), ("vgg16_bn", 4096)),
        *(("vit_l_16", 1024), ("wide_resnet101_2", 2048)),
    ],
)
def test_large_networks_are_split_before_their_last_layer(arch, d):
    with torch.device("meta"):
        model = models.get_model(arch, weights=None, num_classes=7)
    _, head = architectures._final_linear(model, arch, 7)
    assert (head.in_features, head.out_features) == (d, 7)


SMALL = {"alexnet": 64, "inception_v3": 75, "maxvit_t": 224, "vit_h_14": 28}  # pixels that it takes; others: 32
NO_LINEAR_HEAD = {"squeezenet1_0", "squeezenet1_1"}  # theirs is a convolution


@pytest.fixture
def quick_weights(monkeypatch):
    """Initial weights cut from one block of noise: drawing the largest networks' 600 million numbers takes minutes."""
    noise = torch.randn(1 << 20, generator=torch.Generator().manual_seed(0))

    def draw(tensor, *_, **__):
        n, fan = tensor.numel(), max(1, tensor[0].numel())
        block = noise if n <= len(noise) else noise.repeat(-(-n // len(noise)))
        with torch.no_grad():
            return tensor.copy_(block[:n].view_as(tensor)).mul_(fan**-0.5)

    for name in ("kaiming_normal_", "kaiming_uniform_", "normal_", "trunc_normal_", "uniform_"):
        monkeypatch.setattr(nn.init, name, draw)
    zeros = nn.init.zeros_  # of a vision transformer's head, which would have no direction
    monkeypatch.setattr(nn.init, "zeros_", lambda tensor: draw(tensor) if tensor.ndim > 1 else zeros(tensor))


@pytest.fixture
def shallow(monkeypatch):
    """Two layers for every vision transformer, one block a stage for regnet_y_128gf: 9 s and 3 GB each when whole."""
    encoder, blocks = vision_transformer.Encoder, regnet.BlockParams.from_init_params

    def first_blocks(**options):
        found = blocks(**options)
        found.depths = [1] * len(found.depths) if options["w_0"] == 456 else found.depths  # regnet_y_128gf's
        return found

    monkeypatch.setattr(vision_transformer, "Encoder", lambda positions, _, *rest: encoder(positions, 2, *rest))
    monkeypatch.setattr(regnet.BlockParams, "from_init_params", first_blocks)


@pytest.mark.parametrize("arch", models.list_models(module=models))
def test_every_network_of_torchvision_is_measured_as_it_computes(arch, quick_weights, shallow, monkeypatch):
    """By its name, whole: the logits are those of the network before it was split. Else one sentence refuses it."""
    pixels, expected, get_model = pictures(2, SMALL.get(arch, 32)), [], models.get_model
    scaled = transforms.to_dtype(pixels, torch.float32, scale=True)
    normalised = transforms.normalize(scaled, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])

    def unsplit(*names, **options):
        model = get_model(*names, **options).eval()
        with torch.inference_mode():
            expected.append(model(normalised) if arch not in NO_LINEAR_HEAD else None)
        return model

    monkeypatch.setattr(models, "get_model", unsplit)
    if arch in NO_LINEAR_HEAD:
        with pytest.raises(InputError, match="has no embedding to measure angles from; allowed: networks such as") as e:
            build(arch, image_size=64)
        assert "\n" not in str(e.value)
        return
    network = build(arch, image_size=pixels.shape[-1], stem="imagenet").eval()
    with torch.inference_mode():
        embeddings = network.embed(pixels)
        logits = network.classify(embeddings)
        avh = extraction.score(extraction.Batch(logits, embeddings, network.head, torch.tensor([0, 4])), ["avh"])["avh"]
    assert embeddings.shape == (2, network.head.in_features)
    torch.testing.assert_close(logits, expected[0], atol=1e-4 * float(expected[0].abs().max()), rtol=1e-3)
    assert ((avh > 0) & (avh < 1)).all()


# --- errors


def test_an_unknown_name_is_answered_with_close_ones():
    with pytest.raises(InputError, match=r"unknown arch 'resnet5'; torchvision's closest: .*resnet50"):
        build("resnet5")


def test_a_name_like_no_other_is_answered_with_all():
    with pytest.raises(InputError, match=r"alexnet, .*wide_resnet50_2"):
        build("7777")


@pytest.mark.parametrize(
    ("arch", "options", "sentence"),
    [
        ("resnet18", {"width": 0.3}, r"width 0.3 leaves 19.2 channels in resnet18's conv1"),
        ("shufflenet_v2_x1_0", {"width": 0.25}, r"width 0.25 leaves 14.5 channels"),
        ("resnext50_32x4d", {"width": 1 / 8}, r"leaves 16 channels for the 32 groups of resnext50_32x4d's layer1.0"),
        ("vit_b_32", {"width": 0.5, "image_size": 224}, "width cannot change vit_b_32.*allowed: width 1"),
        ("swin_t", {"width": 0.5}, "width cannot change swin_t.*LayerNorm"),
        ("alexnet", {"stem": "imagenet"}, "cannot take pictures of 32 px .*allowed: larger pictures"),
        ("inception_v3", {}, "cannot take pictures of 32 px"),
        ("vit_b_16", {"image_size": 40}, "vit_b_16 cannot take pictures of 40 px .*indivisible by patch size"),
        ("maxvit_t", {"image_size": 64}, "cannot take pictures of 64 px"),
        ("mobilenet_v2", {"stem": "small"}, "mobilenet_v2 has no small stem; allowed: stem imagenet, .*AlexNet, VGG"),
        ("swin_t", {"stem": "half"}, "swin_t has no half stem"),
    ],
)
def test_what_does_not_fit_is_one_sentence(arch, options, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        build(arch, **options)
    assert "\n" not in str(caught.value)


# --- width


@pytest.mark.parametrize("arch", PAPER)
def test_the_papers_networks_at_tiny_width(arch, width=1 / 32):
    network = build(arch, width=width)
    full = {"alexnet": 4096, "vgg19": 4096, "densenet121": 1024, "resnet50": 2048}[arch]
    assert network.head.in_features == full * width
    assert f"width {width:g}" in network.description
    with torch.no_grad():
        assert network(pictures()).shape == (4, 5)


@pytest.mark.parametrize("arch", ["resnet18", "densenet121", "alexnet"])
def test_width_keeps_the_initial_scale_of_signals(arch):
    """A narrower network's logits are about as large as the full one's, whatever its depth."""
    pixels, spread = pictures(16, 64), {}
    for width in (1, 0.25):
        network = build(arch, 100, image_size=64, stem="imagenet", width=width).train()
        with torch.no_grad():
            spread[width] = network.embed(pixels).pow(2).mean().sqrt().item()
    assert spread[0.25] == pytest.approx(spread[1], rel=0.5)


def test_width_keeps_torchvisions_rule_of_initialisation():
    network = build("resnet18", width=0.25, stem="imagenet")
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d) and name != "body.conv1":
            expected = (2 / (layer.out_channels * layer.kernel_size[0] ** 2)) ** 0.5  # kaiming, fan out
            assert layer.weight.std().item() == pytest.approx(expected, rel=0.15), name
    bound = network.head.in_features**-0.5  # of a uniform distribution
    assert network.head.weight.abs().max().item() == pytest.approx(bound, rel=0.02)


@pytest.mark.parametrize("width", [2, 0, -0.5])
def test_no_network_is_wider_than_torchvisions(width):
    with pytest.raises(InputError, match="allowed: above 0, up to 1"):
        build("mobilenet_v3_small", width=width)


@pytest.mark.parametrize(("arch", "width"), [("mobilenet_v2", 0.25), ("regnet_x_400mf", 0.5), ("googlenet", 0.25)])
def test_width_of_other_families(arch, width):
    network = build(arch, width=width).eval()
    with torch.inference_mode():
        assert network(pictures()).shape == (4, 5)
    assert network.head.in_features == build(arch).head.in_features * width


# --- stems


def features(network, size=32):
    """Height of the first layer's output."""
    seen = []
    convolution = next(m for m in network.modules() if isinstance(m, nn.Conv2d))
    convolution.register_forward_hook(lambda module, inputs, output: seen.append(output.shape[-1]))
    with torch.inference_mode():
        network.eval()(pictures(1, size))
    return seen[0]


@pytest.mark.parametrize("arch", ["alexnet", "densenet121", "resnet18", "vgg11_bn"])
def test_stems_reduce_pictures_as_described(arch):
    small = build(arch, width=1 / 8, stem="small")
    half = build(arch, width=1 / 8, stem="half", image_size=64)
    assert features(small) == 32
    assert features(half, 64) == 32
    assert "stride 1" in small.description
    assert "stride 2" in half.description
    assert arch in small.description


def test_auto_takes_the_small_stem_below_64_pixels():
    assert "small-image stem" in build("resnet18", width=1 / 8, image_size=63).description
    assert build("resnet18", width=1 / 8, image_size=64).description == "torchvision's resnet18, width 0.125"
    assert build("mobilenet_v2").description == "torchvision's mobilenet_v2, width 1"


def test_a_small_vgg_has_batch_norm():
    def normalised(stem):
        with torch.device("meta"):
            model, _ = networks.fresh_network("vgg11", 5, 32, stem)
        return any(isinstance(m, nn.BatchNorm2d) for m in model.modules())

    assert normalised("small")
    assert not normalised("imagenet")


# --- seeds


@pytest.mark.parametrize("arch", ["alexnet", "resnet18", "densenet121"])
def test_the_seed_decides_the_weights(arch):
    one, same, other = (build(arch, width=1 / 16, seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["head.weight"], other["head.weight"])


def test_nobody_elses_random_numbers_are_disturbed():
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    build("alexnet", width=1 / 16)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert (np.random.get_state()[1] == before[2]).all()


def test_a_new_network_is_in_training_mode_with_fresh_statistics():
    network = build("resnet18", width=1 / 16)
    assert network.training
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all(m.training and m.num_batches_tracked == 0 and (m.running_mean == 0).all() for m in norms)


@pytest.mark.parametrize(
    ("arch", "rate"), [("alexnet", 0.01), ("vgg19", 0.01), ("vgg11_bn", 0.01), ("densenet121", 0.1), ("resnet50", 0.1)]
)
def test_the_papers_rates(arch, rate):
    assert architectures.paper_rate(arch) == rate


# --- timm's networks


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("tf_efficientnet_lite0", 64),
        ("resnet10t", 32),
        ("mobilenetv3_small_050.lamb_in1k", 64),
        ("convnext_atto", 64),
        ("test_vit", 96),  # of another size than its own
        ("cait_xxs24_224", 224),
    ],
)
def test_timms_networks_are_measured_as_timm_computes_them(name, size):
    """The logits are those of timm's own network, unsplit, on pixels normalised as timm says."""
    network = build(f"timm/{name}", image_size=size).eval()
    options = {"img_size": size} if name == "test_vit" else {}
    theirs = timm.create_model(name, pretrained=False, num_classes=5, **options)
    state = {name.removeprefix("body."): value for name, value in network.state_dict().items()}
    for part in ("weight", "bias"):
        state[f"{network.head_name}.{part}"] = state.pop(f"head.{part}")
    theirs.load_state_dict(state)
    assert theirs.get_classifier() is theirs.get_submodule(network.head_name)
    config, pixels = theirs.pretrained_cfg, pictures(size=size)
    normalised = transforms.normalize(pixels / 255, list(config["mean"]), list(config["std"]))
    with torch.inference_mode():
        logits = theirs.eval()(normalised)
        assert logits.std() > 0
        torch.testing.assert_close(network(pixels), logits, rtol=1e-3, atol=1e-4)
    assert network.description == f"timm's {name}, width 1"


@pytest.mark.parametrize(
    ("arch", "options", "sentence"),
    [
        ("timm/resnet5O", {}, r"unknown arch 'timm/resnet5O'; timm's closest: resnet50"),
        ("timm/zzzz", {}, "unknown arch 'timm/zzzz'; timm's closest: none"),
        (
            "timm/resnet10t.nope",
            {},
            "unknown arch 'timm/resnet10t.nope'; timm's weights of resnet10t: resnet10t.c3_in1k",
        ),
        ("timm/deit_tiny_distilled_patch16_224", {"image_size": 224}, "not in a linear layer with one row of weights"),
        ("timm/levit_128s", {"image_size": 224}, "not in a linear layer with one row of weights"),
        ("timm/resnet10t", {"width": 0.5}, "width is 0.5; allowed for arch timm/resnet10t: 1"),
        ("timm/resnet10t", {"stem": "half"}, "arch timm/resnet10t has no half stem; allowed: stem auto"),
        ("timm/test_vit", {"image_size": 33}, r"arch timm/test_vit cannot (be made|take pictures of 33 px) \("),
    ],
)
def test_what_of_timm_does_not_fit_is_one_sentence(arch, options, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        build(arch, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("lacking", ["mean", "crop_pct"])
def test_a_network_whose_preprocessing_timm_does_not_know_is_refused(lacking, monkeypatch):
    theirs = timm.get_pretrained_cfg("resnet10t")
    unknown = dataclasses.replace(theirs, **{lacking: None})
    monkeypatch.setattr(timm, "get_pretrained_cfg", lambda *_, **__: unknown)
    with pytest.raises(
        InputError, match=rf"timm does not know how pictures are made for arch timm/resnet10t \({lacking}"
    ):
        build("timm/resnet10t")


# --- one's own

OWN = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes=5, after=None, last=None):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.out = last or nn.Linear(6, num_classes)
        self.after = after or nn.Identity()

    def forward(self, x):
        return self.after(self.out(self.features(x)))

def net(num_classes): return Net(num_classes)
def of_five(): return Net(5)
def of_ten(): return Net(10)
def softmax(): return Net(5, nn.Softmax(1))
def convolution(): return Net(5, last=nn.Unflatten(1, (6, 1, 1)))
def number(): return 5
def failing(): raise RuntimeError("no such luck\\nat all")
def leaving(): raise SystemExit(3)
class Leaving(Net):
    def forward(self, x): raise SystemExit(0)
class Unused(Net):
    def forward(self, x): return self.features(x)[:, :5]
class Large(Net):
    def forward(self, x): return super().forward(x[:, :, :40, :40].reshape(-1, 3, 40, 40))
five = 5
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module of one's own in the working directory, beside one that cannot be imported."""
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package/nets.py").write_text(OWN)
    (tmp_path / "my_package/broken.py").write_text("import nothing_of_this_name")
    (tmp_path / "my_package/script.py").write_text("import sys; sys.exit(0)")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "my_package"]:
        del sys.modules[name]


@pytest.mark.parametrize("name", ["net", "of_five", "Net"])
def test_a_function_of_ones_own_makes_a_network(own, name):
    path = list(sys.path)
    network = build(f"my_package.nets:{name}").eval()
    assert sys.path == path
    theirs = sys.modules["my_package.nets"].Net(5).eval()
    state = {name.removeprefix("body."): value for name, value in network.state_dict().items()}
    theirs.load_state_dict({name.replace("head.", "out."): value for name, value in state.items()})
    normalised = transforms.normalize(pictures() / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    with torch.inference_mode():
        torch.testing.assert_close(network(pictures()), theirs(normalised))


def test_the_file_of_ones_own_network_is_part_of_its_description(own):
    before = build("my_package.nets:net").description
    (own / "my_package/nets.py").write_text(OWN + "# another version\n")
    assert before.startswith("my_package.nets:net (SHA-256 ") and build("my_package.nets:net").description != before


@pytest.mark.parametrize(
    ("arch", "sentence"),
    [
        (
            "my_package.nowhere:net",
            r"my_package.nowhere cannot be imported \(ModuleNotFoundError: .*allowed: a module in",
        ),
        (
            "my_package.broken:net",
            r"my_package.broken cannot be imported \(ModuleNotFoundError: .*nothing_of_this_name",
        ),
        ("my_package.nets:nothing", "arch my_package.nets:nothing: my_package.nets has no function 'nothing'"),
        ("my_package.nets:five", "my_package.nets has no function 'five'"),
        (
            "my_package.nets:number",
            "arch my_package.nets:number returns int; allowed: a function that returns an nn.Module",
        ),
        ("my_package.nets:failing", "arch my_package.nets:failing raised RuntimeError: no such luck$"),
        ("my_package.script:net", r"my_package.script cannot be imported \(SystemExit: 0\)"),
        ("my_package.nets:leaving", "arch my_package.nets:leaving raised SystemExit: 3$"),
        ("builtins:exit", "arch builtins:exit raised SystemExit"),
        ("my_package.nets:convolution", "ends in Conv2d 'features.0', not in a linear layer"),
        (
            "my_package.nets:of_ten",
            "'out' of 10 rows, not in .* for each of 5 classes; let its function take num_classes",
        ),
        ("my_package.nets:softmax", "does not give what its last linear layer 'out' gives"),
        ("my_package.nets:Unused", "does not give what its last linear layer 'out' gives"),
        ("my_package.nets:Leaving", r"arch my_package.nets:Leaving cannot take pictures of 32 px \("),
        ("my_package.nets:Large", r"arch my_package.nets:Large cannot take pictures of 32 px \("),
    ],
)
def test_what_of_ones_own_does_not_fit_is_one_sentence(own, arch, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        build(arch)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "arch",
    ["resnet5", "timm/resnet5O", "timm/levit_128s", "my_package.nets:number", "my_package.nets:convolution", "no:f"],
)
def test_an_impossible_network_is_refused_before_there_is_data(own, arch):
    architectures.check_name("my_package.nets:of_five")
    with pytest.raises(InputError):
        architectures.check_name(arch)


# --- pictures resized by the network


@pytest.mark.parametrize("size", [16, 96])
def test_the_network_resizes_pictures_as_pillow_does(size):
    """But for rounding, and where bicubic overshoots: Pillow does both after each direction."""
    network = build("resnet18", input_size=size, width=1 / 16)
    pixels = pictures(2) // 2 + 64  # which nothing overshoots
    shown = [Image.fromarray(picture.permute(1, 2, 0).numpy()) for picture in pixels]
    theirs = np.stack([np.asarray(image.resize((size, size), Image.Resampling.BICUBIC)) for image in shown])
    with torch.autocast("cpu", torch.bfloat16):
        mine = network.resized(pixels.contiguous(memory_format=torch.channels_last))
    assert mine.dtype == torch.float32
    torch.testing.assert_close(mine, torch.from_numpy(theirs).permute(0, 3, 1, 2).float(), rtol=0, atol=1.5)


def test_resized_pictures_stay_within_what_pixels_are():
    mine = build("resnet18", input_size=96, width=1 / 16).resized(pictures())
    assert (mine.min(), mine.max()) == (0, 255)


def test_a_network_that_resizes_computes_what_it_does_on_larger_pictures():
    pixels = pictures()
    network = build("resnet18", input_size=64, width=1 / 16, seed=2).eval()
    other = build("resnet18", image_size=64, width=1 / 16, seed=2).eval()  # with the stem for 64 px, too
    with torch.inference_mode():
        mine, theirs = network(pixels), other(network.resized(pixels))
    torch.testing.assert_close(mine, theirs)
    assert network.description == "torchvision's resnet18, width 0.0625, images resized to 64 px"


def test_what_is_too_small_for_a_network_is_not_once_it_is_resized():
    with pytest.raises(InputError, match=r"cannot take pictures of 32 px .*input_size"):
        build("alexnet", stem="imagenet")
    assert build("alexnet", stem="imagenet", input_size=64, width=1 / 16).eval()(pictures()).shape == (4, 5)


# --- different heads

BODIES = [("resnet18", {}), ("vgg11", {"stem": "small"}), ("alexnet", {"stem": "half"}), ("mobilenet_v3_small", {})]


@pytest.mark.parametrize(("arch", "options"), BODIES)
def test_one_body_has_each_head_behind_the_same_initial_weights(arch, options):
    width = 0.25 if arch != "mobilenet_v3_small" else 1
    networks = {head: build(arch, width=width, head=head, seed=3, **options) for head in architectures.HEADS}
    pixels = pictures()
    features = {}
    for head, network in networks.items():
        place = network.head_name.split(".")[0]
        layers = network.body.get_submodule(place)
        kinds = [type(layer) for layer in layers]
        hidden = [nn.Linear, nn.ReLU, nn.Dropout] if head == "hidden" else [nn.Linear, nn.ReLU]
        assert kinds == [*([] if head == "linear" else 2 * hidden), nn.Identity]  # where the head was taken out
        assert all(
            layer.in_features == layer.out_features == network.head.in_features
            for layer in layers
            if isinstance(layer, nn.Linear)
        )
        assert all(layer.p == 0.5 for layer in layers if isinstance(layer, nn.Dropout))
        setattr(network.body, place, nn.Identity())
        with torch.inference_mode():
            features[head] = network.eval().embed(pixels)
        assert features[head].shape == (4, network.head.in_features)
        assert f", {head} head" in network.description
    for head in architectures.HEADS[1:]:
        assert torch.equal(features[head], features["linear"])
    own = build(arch, width=width, seed=3, **options).state_dict()
    body = networks["linear"].body.state_dict()  # which has only the body now
    assert body and all(torch.equal(value, own[f"body.{name}"]) for name, value in body.items())


def test_the_linear_head_of_a_residual_network_is_its_own():
    network, own = build("resnet18", width=1 / 16, head="linear"), build("resnet18", width=1 / 16)
    assert network.head.weight.shape == own.head.weight.shape
    assert sum(map(torch.numel, network.parameters())) == sum(map(torch.numel, own.parameters()))


@pytest.mark.parametrize("arch", ["vgg11", "alexnet", "swin_t", "vit_b_32", "convnext_tiny"])
def test_a_network_without_pooled_convolutional_features_keeps_its_head(arch):
    with pytest.raises(InputError, match=f"arch {arch} gives its last layers no pooled convolutional features"):
        build(arch, image_size=64, stem="imagenet", head="linear")
