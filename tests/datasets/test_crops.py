"""Random crops of files: torchvision's distribution and pixels, and the same whoever decodes them, and when."""

import random
import threading
import tracemalloc
from itertools import islice

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats
from torchvision.transforms import RandomResizedCrop
from torchvision.transforms.v2 import functional

from analysis import distributed, training
from analysis.datasets import crops, decoding
from analysis.datasets.base import Dataset, Split
from analysis.datasets.crops import Crops
from analysis.datasets.decoding import Files, Geometry
from analysis.errors import InputError
from analysis.extraction import Pictures
from analysis.parameters import RunParameters

CPU = torch.device("cpu")
SIZE = 32


def photograph(width, height, seed=0) -> Image.Image:
    """Smooth colours with some noise; no two places are alike."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    pixels = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    return Image.fromarray((pixels + rng.integers(-9, 10, pixels.shape)).clip(0, 255).astype(np.uint8))


@pytest.fixture
def files(tmp_path) -> Files:
    """Twelve pictures of different sizes."""
    names = [f"{k}.jpg" for k in range(12)]
    for k, name in enumerate(names):
        photograph(60 + 7 * k, 90 - 3 * k, k).save(tmp_path / name, quality=90)
    return Files(tmp_path, names, Geometry(SIZE, 36, upright=False))


# --- the box


@pytest.mark.parametrize(("height", "width"), [(375, 500), (500, 375), (224, 224), (200, 800)])
def test_boxes_are_distributed_as_torchvisions(height, width):
    """Area, ratio and place, by Kolmogorov and Smirnov's test; in the last size some tries fail."""
    rng, n = np.random.default_rng(0), 3_000
    ours = np.array([crops.box(width, height, rng) for _ in range(n)])[:, [1, 0, 3, 2]]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        picture = torch.empty(3, height, width)
        theirs = np.array([RandomResizedCrop.get_params(picture, (0.08, 1.0), (3 / 4, 4 / 3)) for _ in range(n)])
    for measure in (
        lambda top, left, h, w: h * w / (height * width),
        lambda top, left, h, w: np.log(w / h),
        lambda top, left, h, w: top / np.maximum(height - h, 1),
        lambda top, left, h, w: left / np.maximum(width - w, 1),
    ):
        assert stats.ks_2samp(measure(*ours.T), measure(*theirs.T)).pvalue > 0.01


def test_boxes_lie_within_the_picture_and_reach_its_edges():
    rng = np.random.default_rng(1)
    left, top, w, h = np.array([crops.box(50, 60, rng) for _ in range(3_000)]).T
    assert min(top) == min(left) == 0
    assert max(top + h) == 60
    assert max(left + w) == 50
    area = h * w / 3_000
    assert 0.07 < min(area) < 0.1
    assert 0.95 < max(area) <= 1
    assert (w / h > 3 / 4 - 0.06).all()  # a side of a dozen pixels is rounded
    assert (w / h < 4 / 3 + 0.09).all()


@pytest.mark.parametrize(("height", "width"), [(10, 1_000), (1_000, 10), (1, 1_000)])
def test_a_picture_that_no_box_fits_gives_torchvisions_central_one(height, width):
    top, left, h, w = RandomResizedCrop.get_params(torch.empty(3, height, width), (0.08, 1.0), (3 / 4, 4 / 3))
    assert crops.box(width, height, np.random.default_rng(0)) == (left, top, w, h)


# --- the crop


@pytest.mark.parametrize(("mode", "name"), [("RGB", "a.jpg"), ("L", "a.jpg"), ("CMYK", "a.jpg"), ("RGBA", "a.png")])
def test_a_crop_is_torchvisions_of_the_box_and_half_are_mirrored(tmp_path, mode, name):
    photograph(120, 90).convert(mode).save(tmp_path / name)
    image, mirrored = Image.open(tmp_path / name).convert("RGB"), []
    for seed in range(60):
        left, top, w, h = crops.box(120, 90, np.random.default_rng(seed))
        expected = np.asarray(functional.resized_crop(image, top, left, h, w, [SIZE, SIZE])).transpose(2, 0, 1)
        ours = crops.crop(tmp_path / name, SIZE, np.random.default_rng(seed))
        mirrored.append((ours == expected[:, :, ::-1]).all())
        assert mirrored[-1] != (ours == expected).all()
    assert 18 < sum(mirrored) < 42


# --- damaged files


DAMAGE = {
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:900]),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("no picture"),
    "absent": lambda path: path.unlink(),
    "deep": lambda path: Image.new("I;16", (40, 40)).save(path, "PNG"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_corrupt_pictures_are_the_sentence_of_evaluation(files, damage):
    for name in ("3.jpg", "7.jpg"):
        damage(files.folder / name)
    order = np.array([7, 0, 3, 11])
    with pytest.raises(InputError) as expected:
        files[order]
    with pytest.raises(InputError) as ours:
        Crops(files, 0, 1)[order]
    assert str(ours.value) == str(expected.value)
    assert "7.jpg" in str(ours.value)
    assert "3.jpg" in str(ours.value)


def test_an_immense_picture_is_corrupt(files, monkeypatch):
    monkeypatch.setattr(decoding, "MOST_PIXELS", 60 * 90)
    Crops(files, 0, 1)[np.arange(1)]
    with pytest.raises(InputError, match=r"11\.jpg \(ValueError: 137x57 pixels, more than 5,400\)"):
        Crops(files, 0, 1)[np.array([0, 11])]


# --- memory


@pytest.mark.parametrize("kind", [lambda files: files, lambda files: Crops(files, 0, 1)], ids=["files", "crops"])
def test_a_batch_is_held_once_while_it_is_fetched(files, kind):
    for copy in range(200):
        (files.folder / str(copy)).symlink_to(files.folder)
    names = [f"{copy}/{name}" for copy in range(200) for name in files.names]
    images = kind(Files(files.folder, names, files.geometry))
    images[np.arange(12)]  # what is made once
    tracemalloc.start()
    batch = images[np.arange(len(names))]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len({picture.tobytes() for picture in batch}) >= 12
    assert peak < 1.5 * batch.nbytes


# --- the same whoever decodes, and when


def test_threads_and_batches_change_nothing(files):
    together = Crops(files, 0, 1, threads=1)[np.arange(12)]
    assert together.shape == (12, 3, SIZE, SIZE)
    assert together.dtype == np.uint8
    assert len({picture.tobytes() for picture in together}) == 12
    order = torch.tensor([5, 11, 0, 7, 2, 2, 9])
    for threads in (1, 2, 7):
        for size in (1, 3, 12):
            parts = list(Pictures(Crops(files, 0, 1, threads=threads), CPU).batches(order, size))
            assert torch.equal(torch.cat([part for part, _ in parts]), order)
            assert (torch.cat([pixels for _, pixels in parts]).numpy() == together[order]).all()


def test_crops_follow_from_seed_and_epoch_alone(files):
    states = torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()
    one, same = Crops(files, 4, 2)[np.arange(12)], Crops(files, 4, 2)[np.arange(12)]
    assert (one == same).all()
    for seed, epoch in ((4, 3), (5, 2), (2, 4)):
        other = Crops(files, seed, epoch)[np.arange(12)]
        assert all((a != b).any() for a, b in zip(one, other, strict=True))
    assert (torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()) == states


def test_a_same_picture_twice_is_cropped_by_its_own_number(files):
    twice = Files(files.folder, ["0.jpg", "0.jpg"], Geometry(SIZE, 36, upright=False))
    one, other = Crops(twice, 0, 1)[np.arange(2)]
    assert (one != other).any()


def test_threads_end_with_the_crops(files):
    before = set(threading.enumerate())
    batches = Pictures(Crops(files, 0, 1, threads=3), CPU).batches(torch.arange(12), 2)
    next(batches)
    started = set(threading.enumerate()) - before
    assert started
    del batches
    for thread in started:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in started)


# --- training


def dataset(files: Files) -> Dataset:
    labels = np.arange(12) % 3
    ids = np.array(files.names)
    test = Split(files[np.arange(6)], labels[:6], ids[:6])
    return Dataset("squares", Split(files, labels, ids), test, ("a", "b", "c"), {"all": (0, 1, 2)}, None, "hash")


def run(files: Files, folder, **more) -> training.Training:
    given = {"arch": "alexnet", "width": 1 / 32, "stem": "small", "epochs": 3, "batch_size": 4, "precision": "float32"}
    return training.Training(
        RunParameters(results_dir=str(folder), calibration_images=2, **(given | more)), dataset(files)
    )


@pytest.fixture
def fed(monkeypatch) -> list:
    """All (pictures, targets) that steps of training are given."""
    seen, step = [], training.Training.train_step
    monkeypatch.setattr(training.Training, "train_step", lambda *a: seen.append((a[1].clone(), a[2])) or step(*a))
    return seen


def test_a_resumed_run_is_fed_the_same_with_any_number_of_threads(files, tmp_path, fed, monkeypatch):
    whole = run(files, tmp_path / "whole")
    list(whole.epochs())
    expected = fed.copy()
    assert len(expected) == 6  # 10 images are fitted, in 2 steps of 4
    fed.clear()
    monkeypatch.setattr(Crops.__init__, "__defaults__", (1,))
    list(islice(run(files, tmp_path / "parts").epochs(), 1))
    monkeypatch.setattr(Crops.__init__, "__defaults__", (5,))
    resumed = run(files, tmp_path / "parts")
    assert resumed.progress.epoch == 1
    list(resumed.epochs())
    assert all(
        torch.equal(a, b) for ours, one in zip(fed, expected, strict=True) for a, b in zip(ours, one, strict=True)
    )
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name


def test_workers_share_the_batches_of_one(files, tmp_path, fed, monkeypatch):
    list(islice(run(files, tmp_path / "one").epochs(), 1))
    expected = fed.copy()
    worker = run(files, tmp_path / "two")
    monkeypatch.setattr(distributed, "total", lambda value: value)
    for rank in (0, 1):
        fed.clear()
        monkeypatch.setattr(distributed, "workers", lambda: 2)
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        worker.progress.step = 100  # beyond the first steps, which are probed
        worker.train_epoch(1)
        for (ours, _), (whole, _) in zip(fed, expected, strict=True):
            assert torch.equal(ours, whole[2 * rank : 2 * rank + 2])


def test_without_augmentation_training_sees_the_pictures_of_evaluation(files, tmp_path, fed):
    list(islice(run(files, tmp_path, augment=False).epochs(), 1))
    plain = {picture.tobytes() for picture in files[np.arange(12)]}
    assert all(picture.numpy().tobytes() in plain for pixels, _ in fed for picture in pixels)
    fed.clear()
    list(islice(run(files, tmp_path / "augmented").epochs(), 1))
    assert not any(picture.numpy().tobytes() in plain for pixels, _ in fed for picture in pixels)


def test_pictures_in_memory_are_augmented_in_batches(files, tmp_path):
    data = dataset(files)
    held = Dataset(
        "squares", data.train.subset(np.arange(12)), data.test, data.classes, data.superclasses, None, "hash"
    )
    p = RunParameters(arch="alexnet", width=1 / 32, stem="small", results_dir=str(tmp_path), calibration_images=2)
    in_memory = training.Training(p, held)
    assert in_memory.epoch_pictures(1) is in_memory.train_pictures
