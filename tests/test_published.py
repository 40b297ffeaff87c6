"""Published weights are given each picture as torchvision's own evaluation transforms make it, and score it alike."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import models

from analysis import architectures, evaluation, extraction, networks, pipeline, weights
from analysis.datasets import Split, decoding, imagenet_files, wordnet
from analysis.normalisation import IMAGENET
from analysis.parameters import RunParameters
from analysis.study.results import read_results
from report import wording
from report.wording import provenance

PUBLISHED = [member for arch in networks.known() for member in models.get_model_weights(arch)]
OTHERS = {  # weights that were trained with another normalisation than ImageNet's usual one
    models.VGG16_Weights.IMAGENET1K_FEATURES,  # its classifier holds no numbers, so it is refused
    models.EfficientNet_V2_L_Weights.IMAGENET1K_V1,
}
SEVERAL = [
    models.AlexNet_Weights.IMAGENET1K_V1,  # 256 to 224
    models.ResNet50_Weights.IMAGENET1K_V2,  # 232 to 224
    models.Inception_V3_Weights.IMAGENET1K_V1,  # 342 to 299
    models.EfficientNet_B0_Weights.IMAGENET1K_V1,  # bicubic
    models.EfficientNet_V2_L_Weights.IMAGENET1K_V1,  # bicubic, 480, another normalisation
    models.ViT_H_14_Weights.IMAGENET1K_SWAG_E2E_V1,  # bicubic, 518, no crop
]
SIZES = [(500, 375), (375, 500), (333, 251), (227, 227), (100, 80), (225, 901)]
NAMES = ["tench", "great_white_shark"]


def photograph(path: Path, size: tuple[int, int], seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, "JPEG", quality=95)


def shorts(members) -> list[str]:
    return [str(member).replace("_Weights.", ".") for member in members]


# --- all of torchvision's weights


@pytest.mark.parametrize("member", PUBLISHED, ids=shorts(PUBLISHED))
def test_every_published_weights_evaluation_can_be_honoured(member):
    """Square, no larger than what it is taken from, with a known interpolation, antialiased; mean and std as used."""
    found, theirs = weights.Evaluation.of(member), member.transforms()
    assert ([found.resized], [found.size]) == (theirs.resize_size, theirs.crop_size)
    assert found.size <= found.resized
    assert found.interpolation in decoding.INTERPOLATIONS
    assert theirs.antialias is True
    usual = (found.mean, found.std) == IMAGENET
    assert usual == (member not in OTHERS)


@pytest.mark.parametrize("member", SEVERAL, ids=shorts(SEVERAL))
def test_a_network_normalises_as_the_weights_evaluation_does(member):
    found = weights.Evaluation.of(member)
    network = architectures.Network(nn.Identity(), nn.Linear(1, 2), "fc", "")
    network.normalise(found.mean, found.std)
    pixels = torch.randint(0, 256, (1, 3, found.resized, found.resized), dtype=torch.uint8)
    left = round((found.resized - found.size) / 2)
    inside = pixels[..., left : left + found.size, left : left + found.size]
    torch.testing.assert_close(network.embed(inside), member.transforms()(pixels), atol=1e-5, rtol=1e-5)


# --- pixels


def assert_as_torchvision_makes_them(folder: Path, names: list[str], member) -> None:
    found, theirs = weights.Evaluation.of(member), member.transforms()
    geometry = decoding.Geometry(64, 73, upright=False)  # of the dataset: it plays no part
    pictures = decoding.Files(folder, names, geometry).evaluated(found.size, found.resized, found.interpolation)
    mean, std = (torch.tensor(value).view(3, 1, 1) for value in (theirs.mean, theirs.std))
    for name, picture in zip(names, pictures[np.arange(len(names))], strict=True):
        with Image.open(folder / name) as image:
            expected = theirs(image.convert("RGB")) * std + mean  # before normalisation
        assert np.array_equal(picture, (expected * 255).round().to(torch.uint8).numpy()), name


@pytest.mark.parametrize("member", SEVERAL, ids=shorts(SEVERAL))
def test_pixels_are_those_of_torchvisions_transforms(tmp_path, member):
    for number, size in enumerate(SIZES):
        photograph(tmp_path / f"{number}.jpg", size, number)
    assert_as_torchvision_makes_them(tmp_path, [f"{number}.jpg" for number in range(len(SIZES))], member)


@pytest.mark.parametrize("member", SEVERAL, ids=shorts(SEVERAL))
def test_pixels_of_real_photographs_are_those_of_torchvisions_transforms(real_data, member):
    folder = real_data / "imagenet" / "val"
    if not folder.is_dir():
        pytest.skip("needs imagenet/val in AVH_DATA")
    names = sorted(str(path.relative_to(folder)) for path in folder.glob("*/*.JPEG"))[::130]
    assert_as_torchvision_makes_them(folder, names, member)


@pytest.mark.parametrize("upright", [True, False])
def test_pictures_are_turned_upright_where_the_datasets_are_and_the_page_says_it(tmp_path, upright):
    """A picture stored on its side, with EXIF data that say so, is measured upright, or as it lies."""
    member = models.AlexNet_Weights.IMAGENET1K_V1
    original = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8))
    lying, exif = original.transpose(Image.Transpose.ROTATE_90), Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    lying.save(tmp_path / "0.png", exif=exif)
    files = decoding.Files(tmp_path, ["0.png"], decoding.Geometry(64, upright=upright))
    split = Split(files, np.zeros(1, np.int64), np.array(["0.png"]), files)
    given = weights.Weights({}, None, "", "made up", weights.Evaluation.of(member))
    images, made = evaluation.pictures_for(given, split)
    mean, std = (torch.tensor(value).view(3, 1, 1) for value in (member.transforms().mean, member.transforms().std))
    expected = member.transforms()(original if upright else lying) * std + mean
    assert np.array_equal(images[np.arange(1)][0], (expected * 255).round().to(torch.uint8).numpy())
    assert (
        "after rotation according to their EXIF orientation" in wording.study.transformed(made["transforms"])
    ) == upright
    assert provenance._transforms(made["transforms"]).startswith("EXIF orientation, 256 px" if upright else "256 px")


# --- scores


@pytest.fixture
def stands_in(monkeypatch):
    """Makes random weights pass for those that torchvision publishes as ``member``; returns the network that has them.

    ``arch`` may be a smaller network than the member's own.
    """

    def publish(arch: str, member) -> nn.Module:
        torch.manual_seed(1)
        options = {"init_weights": True} if arch == "inception_v3" else {}
        network = models.get_model(arch, num_classes=1000, **options).eval()
        if arch == "inception_v3":
            network.transform_input = True  # as torchvision builds it with its weights
        theirs = weights.Evaluation.of(member)
        made = weights.Weights(network.state_dict(), tuple(member.meta["categories"]), "0" * 64, "made up", theirs)
        monkeypatch.setattr(weights, "fetch", lambda *_: made)
        return network

    return publish


def plain_scores(network: nn.Module, member, paths: list[Path], labels: list[int]) -> dict[str, np.ndarray]:
    """torchvision's network on torchvision's transforms, scored by the paper's definitions (Def. 1 to 3)."""
    head = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
    seen = []
    hook = head.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].double()))
    theirs = member.transforms()
    with torch.inference_mode():
        logits = torch.cat([network(theirs(Image.open(path).convert("RGB"))[None]) for path in paths]).double()
    hook.remove()
    x, w = torch.cat(seen), head.weight.detach().double()  # (N, D), (C, D)
    angles = torch.acos(nn.functional.normalize(x) @ nn.functional.normalize(w).T)
    own = torch.arange(len(labels)), torch.tensor(labels)
    found = {"confidence": logits.softmax(1)[own], "norm": x.norm(dim=1), "avh": angles[own] / angles.sum(1)}
    return {name: value.numpy() for name, value in found.items()}


def parameters(folder: Path, arch: str, dataset: str, **more) -> RunParameters:
    given = {"dataset": dataset, "root": str(folder / "pictures"), "data_dir": str(folder / "data"), "image_size": 64}
    given |= {"results_dir": str(folder / "results"), "study": "published", "weights": "IMAGENET1K_V1", "arch": arch}
    return RunParameters(**(given | more))


@pytest.mark.parametrize(
    ("arch", "member"),
    [
        ("shufflenet_v2_x0_5", models.EfficientNet_V2_L_Weights.IMAGENET1K_V1),
        ("mobilenet_v2", models.MobileNet_V2_Weights.IMAGENET1K_V2),
        ("inception_v3", models.Inception_V3_Weights.IMAGENET1K_V1),
    ],
)
def test_scores_are_those_of_torchvisions_network_on_its_own_transforms(tmp_path, stands_in, arch, member):
    """A corrupt picture that was left out stays out, and ids keep their pictures."""
    network = stands_in(arch, member)
    places = [(k, number) for k in range(2) for number in range(3)]
    for k, number in places:
        photograph(tmp_path / "pictures" / NAMES[k] / f"{number}.jpg", SIZES[3 * k + number], 3 * k + number)
    (tmp_path / "pictures" / NAMES[0] / "1.jpg").write_text("no picture")
    p = parameters(tmp_path, arch, "imagefolder", corrupt="skip", precision="float32")
    stamp = pipeline.complete(p, progress=False)
    table = read_results(p, [arch]).runs[arch].scores.sort_values("id")
    assert table["id"].tolist() == [
        f"{NAMES[k]}/{n}.jpg" for k, n in sorted(places, key=lambda p: (NAMES[p[0]], p[1])) if (k, n) != (0, 1)
    ]
    categories = list(member.meta["categories"])
    labels = [categories.index(id_.split("/")[0].replace("_", " ")) for id_ in table["id"]]
    expected = plain_scores(network, member, [tmp_path / "pictures" / id_ for id_ in table["id"]], labels)
    for name, values in expected.items():
        np.testing.assert_allclose(table[name], values, rtol=1e-3, atol=1e-6, err_msg=name)
    t = member.transforms()
    made = stamp["measured"]["transforms"]
    assert (made["resized"], made["size"], made["interpolation"]) == (
        t.resize_size[0],
        t.crop_size[0],
        t.interpolation.value,
    )
    assert (list(made["mean"]), list(made["std"])) == (t.mean, t.std)


def test_imagenets_pictures_are_measured_so_too_and_the_page_says_it(tmp_path, stands_in, monkeypatch):
    monkeypatch.setattr(wordnet, "superclasses", lambda wnids: {"all": tuple(range(len(wnids)))})  # which takes seconds
    member = models.ResNet50_Weights.IMAGENET1K_V2
    network = stands_in("shufflenet_v2_x0_5", member)
    wnids, _ = imagenet_files.classes()
    labels = [2, 10, 100, 999]
    ids = [f"{wnids[k]}/ILSVRC2012_val_{9 - i:08d}.JPEG" for i, k in enumerate(labels)]
    for id_, size in zip(ids, SIZES, strict=False):
        photograph(tmp_path / "pictures" / "val" / id_, size)
    p = parameters(tmp_path, "shufflenet_v2_x0_5", "imagenet", precision="float32")
    pipeline.complete(p, progress=False)
    results = read_results(p, [p.arch])
    scores = results.runs[p.arch].scores
    assert scores["id"].tolist() == ids
    expected = plain_scores(network, member, [tmp_path / "pictures" / "val" / id_ for id_ in ids], labels)
    np.testing.assert_allclose(scores["avh"], expected["avh"], rtol=1e-4)
    said = " ".join(wording.study.about(results))
    assert "shorter side is resized to 232 px (bilinear), then the central 224 × 224 px" in said


def test_pictures_that_are_no_files_are_measured_as_they_are(squares, tmp_path):
    dataset = squares(4, 6)
    theirs = weights.Evaluation.of(models.EfficientNet_V2_L_Weights.IMAGENET1K_V1)
    given = weights.Weights({}, None, "", "made up", theirs)
    images, made = evaluation.pictures_for(given, dataset.test)
    assert images is dataset.test.images
    assert made == {"transforms": {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}}
    assert "unchanged" in wording.study.transformed(made["transforms"])
    assert evaluation.pictures_for(weights.Weights({}, None, "", "a file"), dataset.test) == (images, {})
    assert wording.study.transformed(None) == ""


@pytest.mark.parametrize(("size", "expected"), [(32, 500), (224, 500), (448, 125), (600, 69)])
def test_larger_pictures_come_in_smaller_batches(size, expected):
    assert extraction.images_at_once(size) == expected
