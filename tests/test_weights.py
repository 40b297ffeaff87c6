"""Weights of others: taken where they fit, refused in one sentence where they do not, and never executed."""

import hashlib
import http.server
import json
import re
import struct
import threading
from functools import partial

import numpy as np
import pytest
import torch
from safetensors import torch as safetensors
from torchvision import models
from torchvision.models import WeightsEnum
from torchvision.transforms import functional
from torchvision.transforms._presets import ImageClassification

from analysis import architectures, weights
from analysis.errors import InputError
from analysis.parameters import RunParameters

EVALUATION = weights.Evaluation.of(models.GoogLeNet_Weights.IMAGENET1K_V1)
CLASSES = ("ant", "bee", "cat")
TINY = {"arch": "resnet18", "width": 1 / 16, "stem": "imagenet"}


def parameters(path, **more) -> RunParameters:
    return RunParameters(weights=str(path), **(TINY | more))


def tiny(outputs: int = 3, seed: int = 1) -> architectures.Network:
    return architectures.build("resnet18", outputs, image_size=32, width=1 / 16, stem="imagenet", seed=seed)


def write(path, network=None, classes=None):
    """A file as training writes it."""
    network = network or tiny()
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    metadata = {} if classes is None else {"classes": json.dumps(classes)}
    safetensors.save_file(state, path, metadata=metadata)
    return path


def fitted(path, classes=CLASSES, **more) -> weights.Fitted:
    p = parameters(path, **more)
    return weights.fit(weights.load(p, progress=False), p, classes, 32)


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
    assert (found.classes, found.by_name) == (CLASSES, False)


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
    found = weights.fit(
        weights.load(p := parameters(tmp_path / "m.pth", arch=arch, width=1)), p, CLASSES, 64
    ).network.eval()
    normal = (pixels(2, 64) / 255 - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).view(3, 1, 1)
    with torch.inference_mode():
        torch.testing.assert_close(found(pixels(2, 64)), theirs(normal), rtol=1e-4, atol=1e-5)


def test_outputs_follow_the_names_that_a_file_knows(tmp_path):
    """Output k of the file is the class that the file names so, whatever the order of the folders."""
    found = fitted(write(tmp_path / "m.safetensors", classes=["cat", "Ant", "bee"]))
    assert (found.classes, found.by_name) == (CLASSES, True)
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
    assert fitted(path, ("Great_White_Shark", "ANT")).by_name


def test_names_of_another_kind_leave_the_order(tmp_path):
    path = write(tmp_path / "m.safetensors", classes=["great white shark", "bee", "ant"])
    assert fitted(path, ("n01", "n02", "n03")).by_name is False


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


@pytest.mark.parametrize("more", [{"width": 1 / 8}, {"stem": "small"}, {"arch": "resnet34"}, {"arch": "vgg11"}])
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
    with pytest.raises(InputError, match=r"weights nowhere/m\.pth is no file that is here"):
        weights.check(RunParameters(weights="nowhere/m.pth"))


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


@pytest.mark.parametrize("transforms", [True, False])
def test_googlenet_transforms_its_input_under_published_weights_alone(googlenet, transforms):
    """torchvision sets transform_input for the weights that it publishes, which are older than its normalisation."""
    evaluation = EVALUATION if transforms else None
    found = weights.Weights(googlenet.state_dict(), None, "", "made up", evaluation)
    mine = weights.fit(found, RunParameters(arch="googlenet", weights="DEFAULT"), CLASSES, 64).network.eval()
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
        assert weights.load(parameters(name), progress=False).evaluation == weights.Evaluation(
            256, 32, "bilinear", architectures.MEAN, architectures.STD
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
    mine = weights.load(parameters(tmp_path / "mine.pth"))
    assert asked == []
    theirs = weights.load(parameters("IMAGENET1K_V1"), progress=False)
    assert mine.name == "mine.pth (torchvision's IMAGENET1K_V1)"
    assert (mine.evaluation, mine.classes, mine.sha256) == (theirs.evaluation, theirs.classes, theirs.sha256)
    found = fitted(tmp_path / "mine.pth", ("bee", "Great_white_shark"))
    assert found.classes == ("bee", "Great_white_shark", "tench", "ant")


def test_another_file_of_a_published_name_is_a_file_like_any(published, tmp_path):
    _, _, there = published
    torch.save(tiny(4).body.state_dict() | head(tiny(4, seed=2)), tmp_path / there.name)
    found = weights.load(parameters(tmp_path / there.name))
    assert (found.name, found.evaluation, found.classes) == (there.name, None, None)


def test_every_published_file_is_known_by_its_digest():
    """As torchvision's URLs have it: no two of a network's files have the same, so each is told from the others."""
    for arch in architectures.known():
        for member in models.get_model_weights(arch):
            digest = re.search(r"-([0-9a-f]{8,10})\.pth$", member.url)[1]
            assert weights.published_as(arch, digest.ljust(64, "0")) is member
        assert weights.published_as(arch, "0" * 64) is None


def test_fewer_folders_than_imagenets_classes_need_their_names(published):
    refused("DEFAULT", "4 outputs, but there are 2 classes.*as it names its classes: tench, great", ("n01", "n02"))


def test_another_file_than_the_published_one_is_not_kept(published):
    handler, _, path = published
    handler.content = handler.content[:-1] + b"x"
    refused("DEFAULT", r"DEFAULT for resnet18 cannot be had \(RuntimeError: invalid hash")
    assert not path.exists()


def test_a_damaged_file_from_before_is_one_sentence(published):
    _, _, path = published
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged")
    refused("DEFAULT", f"cannot be had .*put .* at {re.escape(str(path))}")
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
    refused("DEFAULT", "cannot be had .*URLError")
    assert not asked
    assert not path.exists()


def test_old_names_of_densenets_layers_are_todays():
    old = "features.denseblock1.denselayer12.norm.1.running_mean"
    assert weights.OLD_NAME.sub(r"\1\2", old) == "features.denseblock1.denselayer12.norm1.running_mean"
    todays = models.densenet121().state_dict()
    assert {weights.OLD_NAME.sub(r"\1\2", name) for name in todays} == set(todays)
    older = {re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", name) for name in todays}
    assert {weights.OLD_NAME.sub(r"\1\2", name) for name in older} == set(todays) != older
