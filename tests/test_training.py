"""Training: the paper's schedule, what the probes see, and the tables, on pictures of 8 px."""

import copy
import random
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy.special import log_softmax, logit
from torch import nn
from torch.nn import functional as F

from analysis import architectures, augmentation, batch_norm, devices, pipeline, runs, scores, training
from analysis.datasets.base import Dataset, Split
from analysis.errors import InputError
from analysis.extraction import PROBED, Pictures, extract
from analysis.normalisation import IMAGENET
from analysis.parameters import RunParameters

CPU = torch.device("cpu")
TINY = {
    "arch": "resnet18",
    "width": 1 / 16,
    "epochs": 3,
    "batch_size": 8,
    "calibration_images": 0,
    "precision": "float32",
}


def parameters(folder, **more) -> RunParameters:
    return RunParameters(results_dir=str(folder), study="squares", **(TINY | more))


def tables(folder, arch="resnet18"):
    return {name: runs.read_table(folder / "squares" / arch / f"{name}.parquet") for name in runs.TABLES}


@pytest.fixture(scope="module")
def done(squares, tmp_path_factory):
    """A finished run on 24 and 12 images, 3 epochs of 3 steps of 8: its folder, stamp and data."""
    folder, dataset = tmp_path_factory.mktemp("results"), squares(24, 12)
    stamp = training.train(parameters(folder), dataset, progress=False)
    return folder, stamp, dataset


@pytest.fixture
def run(squares, tmp_path):
    """A run that has not begun."""
    return training.Training(parameters(tmp_path), squares(24, 12))


# --- the schedule


@pytest.mark.parametrize(
    ("epochs", "drops"),
    [
        (1, [0]),
        (2, [0, 1]),
        (3, [0, 1, 2]),
        (4, [0, 0, 1, 2]),
        (6, [0, 0, 1, 1, 2, 2]),
        (7, [0, 0, 0, 1, 1, 2, 2]),
        (90, [0] * 30 + [1] * 30 + [2] * 30),
    ],
)
def test_the_rate_falls_tenfold_after_each_third(squares, tmp_path, monkeypatch, epochs, drops):
    used = []
    monkeypatch.setattr(training.Training, "probe", lambda run: {name: torch.zeros(2) for name in PROBED})
    monkeypatch.setattr(training.Training, "_save", lambda run: None)

    def step(run, pixels, targets):
        used.append(run.optimiser.param_groups[0]["lr"])
        return torch.ones(3)

    monkeypatch.setattr(training.Training, "train_step", step)
    rows = list(training.Training(parameters(tmp_path, epochs=epochs, batch_size=24), squares(24, 2)).epochs())
    expected = [0.1 / 10**drop for drop in drops]
    assert [row["learning_rate"] for row in rows] == pytest.approx(expected)
    assert used == pytest.approx(expected)


@pytest.mark.parametrize(("arch", "rate"), [("alexnet", 0.01), ("resnet18", 0.1)])
def test_the_first_rate_is_the_papers_or_the_one_given(squares, tmp_path, arch, rate):
    more = {"arch": arch, "width": 1 / 32, "stem": "small"}
    data = squares(4, 2, size=32)
    assert training.Training(parameters(tmp_path, **more), data).rate == rate
    assert training.Training(parameters(tmp_path, **more, learning_rate=0.3), data).rate == 0.3


@pytest.mark.parametrize(
    ("images", "batch", "steps"), [(24, 8, 3), (25, 8, 3), (31, 8, 3), (9, 8, 1), (5, 8, 1), (8, 8, 1)]
)
def test_an_incomplete_last_batch_is_dropped(squares, tmp_path, monkeypatch, images, batch, steps):
    sizes, step = [], training.Training.train_step
    monkeypatch.setattr(training.Training, "train_step", lambda *a: sizes.append(len(a[2])) or step(*a))
    run = training.Training(parameters(tmp_path, batch_size=batch, epochs=2), squares(images, 2))
    list(run.epochs())
    assert sizes == [min(batch, images)] * steps * 2
    assert run.progress.step == steps * 2


def test_every_image_is_seen_once_an_epoch_in_a_new_order(squares, tmp_path, monkeypatch):
    seen, batches = [], Pictures.batches

    def spy(self, order, size):
        seen.append(order.tolist())
        return batches(self, order, size)

    run = training.Training(parameters(tmp_path), squares(24, 2))
    list(run.epochs())
    monkeypatch.setattr(Pictures, "batches", spy)
    monkeypatch.setattr(run, "probe", dict)
    orders = []
    for epoch in (1, 2, 1):
        seen.clear()
        run.progress.step = 100
        run.train_epoch(epoch)
        orders.append(seen[0])
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(24))
    assert orders[0] != orders[1]
    assert orders[0] == orders[2] != sorted(orders[0])


def test_training_equals_plain_gradient_descent(squares, tmp_path):
    """All images in one batch, so that order plays no part: SGD with momentum and decay, written out."""
    p = parameters(tmp_path, arch="alexnet", width=1 / 32, stem="small", batch_size=16, epochs=6, augment=False)
    data = squares(16, 4, size=32)
    run = training.Training(p, data)
    for module in run.network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    network = copy.deepcopy(run.network)
    rows = list(run.epochs())
    velocity = [torch.zeros_like(w) for w in network.parameters()]
    pixels, targets = torch.from_numpy(data.train.images), torch.from_numpy(data.train.labels)
    for row, rate in zip(rows, [0.01, 0.01, 0.001, 0.001, 0.0001, 0.0001], strict=True):
        loss = F.cross_entropy(network(pixels), targets)
        correct = (network(pixels).argmax(1) == targets).float().mean()
        gradients = torch.autograd.grad(loss, list(network.parameters()))
        assert row["loss"] == pytest.approx(loss.item(), rel=1e-4)
        assert row["accuracy"] == pytest.approx(correct.item())
        with torch.no_grad():
            for w, v, g in zip(network.parameters(), velocity, gradients, strict=True):
                v.mul_(0.9).add_(g + 1e-4 * w)
                w.sub_(rate * v)
    for ours, plain in zip(run.network.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_network_learns_what_is_easy(squares, tmp_path, precision):
    p = parameters(tmp_path, width=1 / 4, epochs=6, batch_size=16, precision=precision, learning_rate=0.02)
    stamp = training.train(p, squares(160, 80, classes=6), progress=False)
    table = tables(tmp_path)["scores"]
    assert (table["predicted"] == table["label"]).mean() > 0.9
    assert stamp["precision"] == precision
    means = tables(tmp_path)["epochs"].groupby("epoch")["avh"].mean()
    assert means.iloc[-1] < means.iloc[0]  # and it becomes easier


# --- the tables


def test_tables_have_a_row_per_probe_and_image(done):
    folder, _, dataset = done
    found = tables(folder)
    for name, key, probes in (("epochs", "epoch", 4), ("iterations", "step", 10)):
        table = found[name]
        assert list(table) == [key, "image", *PROBED]
        assert table[key].tolist() == np.repeat(np.arange(probes), 12).tolist()
        assert table["image"].tolist() == list(range(12)) * probes
        assert table["correct"].dtype == bool
        assert not table.isna().any(axis=None)
    scored = found["scores"]
    assert scored["id"].tolist() == dataset.test.ids.tolist()
    assert scored["label"].tolist() == dataset.test.labels.tolist()
    columns = (
        "id label confidence norm angle avh correct predicted nearest "
        "angular_margin cosine avh_others margin loss max_confidence entropy temperature_confidence"
    )
    assert list(scored) == columns.split()
    assert list(found["training"]) == ["epoch", "learning_rate", "loss", "accuracy", "seconds"]
    assert found["training"]["epoch"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("epochs", "batch", "more", "probes"),
    [(1, 24, {}, 2), (3, 2, {}, 37), (6, 2, {}, 61), (5, 2, {}, 61), (3, 2, {"probed_steps": 5}, 6)],
)
def test_the_first_60_steps_are_probed_or_as_many_as_asked(squares, tmp_path, monkeypatch, epochs, batch, more, probes):
    monkeypatch.setattr(training.Training, "train_step", lambda *a: torch.ones(3))
    training.train(parameters(tmp_path, epochs=epochs, batch_size=batch, **more), squares(24, 2), progress=False)
    assert tables(tmp_path)["iterations"]["step"].max() + 1 == probes
    assert tables(tmp_path)["epochs"]["epoch"].max() == epochs


def test_probes_agree_where_they_see_the_same_network(done):
    found = tables(done[0])
    epochs, steps, final = found["epochs"], found["iterations"], found["scores"]
    first = epochs[epochs["epoch"] == 0][PROBED].reset_index(drop=True)
    pd.testing.assert_frame_equal(first, steps[steps["step"] == 0][PROBED].reset_index(drop=True))
    for epoch in (1, 2, 3):  # of three steps each
        one = epochs[epochs["epoch"] == epoch][PROBED].reset_index(drop=True)
        pd.testing.assert_frame_equal(one, steps[steps["step"] == 3 * epoch][PROBED].reset_index(drop=True))
    pd.testing.assert_frame_equal(one, final[PROBED], check_exact=False, rtol=1e-5)
    assert (final["correct"] == (final["predicted"] == final["label"])).all()


@pytest.mark.parametrize("warm", [9, 1_000])  # before and after the last step
def test_tables_are_what_the_kept_model_gives(squares, tmp_path, monkeypatch, warm):
    """Loaded from its file and applied to the pictures by a few plain lines."""
    monkeypatch.setattr(training, "WARM_STEPS", warm)
    dataset = squares(24, 12)
    training.train(parameters(tmp_path), dataset, progress=False)
    network = architectures.build("resnet18", 3, image_size=8, width=1 / 16, seed=1)
    network.load_state_dict(load_file(tmp_path / "squares" / "resnet18" / "model.safetensors"))
    y = torch.from_numpy(dataset.test.labels)
    with torch.inference_mode():
        x = network.eval().embed(torch.from_numpy(dataset.test.images))
        z = network.head(x)
    table = tables(tmp_path)["scores"]
    np.testing.assert_allclose(table["avh"], scores.avh(x, network.head.weight.detach(), y), rtol=1e-4)
    np.testing.assert_allclose(table["norm"], x.norm(dim=1), rtol=1e-4)
    np.testing.assert_allclose(table["loss"], -log_softmax(z.numpy(), 1)[np.arange(12), y], rtol=1e-3, atol=1e-6)
    assert table["predicted"].tolist() == z.argmax(1).tolist()


def test_the_stamp_says_what_made_the_run(done):
    folder, stamp, dataset = done
    assert stamp == runs.read_stamp(folder / "squares" / "resnet18" / "run.json")
    assert stamp["parameters"]["seed"] == 0
    assert stamp["parameters"]["width"] == 1 / 16
    assert stamp["data"] == dataset.hash
    assert stamp["steps"] == 9
    assert stamp["images"] == {"train": 24, "held out": 0, "test": 12}
    assert stamp["versions"]["torch"] == torch.__version__.partition("+")[0]
    assert stamp["embedding"] == 32
    assert stamp["undefined"] == 0
    assert stamp["temperature"] is None
    assert stamp["learning_rate"] == 0.1


def test_only_results_are_left(done):
    left = {path.name for path in (done[0] / "squares" / "resnet18").iterdir()}
    assert left == {*(f"{name}.parquet" for name in runs.TABLES), "model.safetensors", "run.json"}


def test_the_same_seed_gives_the_same_tables_and_another_others(done, squares, tmp_path):
    for folder, seed in ((tmp_path / "same", 0), (tmp_path / "other", 1)):
        training.train(parameters(folder, seed=seed), squares(24, 12), progress=False)
    same, other = tables(tmp_path / "same"), tables(tmp_path / "other")
    for name in ("scores", "epochs", "iterations"):
        pd.testing.assert_frame_equal(same[name], tables(done[0])[name], check_exact=True)
        assert not other[name]["avh"].equals(same[name]["avh"])


def test_test_images_do_not_influence_training(done, squares, tmp_path):
    dataset = squares(24, 12)
    test = Split(dataset.test.images[:5] // 2, dataset.test.labels[:5], dataset.test.ids[:5])
    other = Dataset("squares", dataset.train, test, dataset.classes, dataset.superclasses, None, "other")
    training.train(parameters(tmp_path), other, progress=False)
    ours, theirs = tables(tmp_path)["training"], tables(done[0])["training"]
    pd.testing.assert_frame_equal(ours.drop(columns="seconds"), theirs.drop(columns="seconds"), check_exact=True)


# --- finished results


def test_a_finished_run_is_kept_as_it_is(done, monkeypatch):
    folder, stamp, _ = done
    monkeypatch.setattr(training, "Training", None)
    assert pipeline.complete(parameters(folder)) == stamp


@pytest.mark.parametrize(("name", "value"), [("epochs", 4), ("seed", 1), ("width", 0.5), ("augment", False)])
def test_a_finished_run_is_never_replaced_by_another(done, name, value):
    folder = done[0]
    path = folder / "squares" / "resnet18" / "run.json"
    before = path.read_bytes()
    with pytest.raises(InputError, match=rf"finished run with other parameters \({name} is .* there and {value} here"):
        pipeline.complete(parameters(folder, **{name: value}))
    assert path.read_bytes() == before


# --- batch norm in the first steps


def state(run):
    """All that a probe must not change."""
    return copy.deepcopy((run.network.state_dict(), run.optimiser.state_dict()))


def same(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def random_states():
    return torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()


@pytest.mark.parametrize("arch", ["resnet18", "vgg11"])
@pytest.mark.parametrize("step", [3, training.WARM_STEPS])
def test_a_probe_changes_nothing(squares, tmp_path, arch, step):
    run = training.Training(parameters(tmp_path, arch=arch, width=1 / 32, stem="small"), squares(24, 12, size=32))
    run.network.train()
    run.train_step(torch.from_numpy(run.dataset.train.images), run.train_targets)
    run.progress.step = step
    before, drawn = state(run), random_states()
    momenta = [m.momentum for m in run.network.modules() if isinstance(m, nn.BatchNorm2d)]
    run.probe()
    assert same(state(run), before)
    assert random_states() == drawn
    assert [m.momentum for m in run.network.modules() if isinstance(m, nn.BatchNorm2d)] == momenta


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_depthwise_convolutions_train_in_float32(squares, tmp_path, precision):
    wanted = parameters(tmp_path, arch="mobilenet_v2", width=1 / 8, precision=precision)
    run = training.Training(wanted, squares(16, 8))
    computed = {}

    def note(layer, _, output):
        node = output.grad_fn
        while "Convolution" not in node.name():
            node = node.next_functions[0][0]
        computed.setdefault(layer.groups > 1, set()).add(node._saved_input.dtype)

    for layer in run.network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(note)
    _, pixels = next(run.train_pictures.batches(run.fitted, 16))
    run.network.train()
    run.add_gradient(pixels, run.train_targets)
    assert computed == {True: {torch.float32}, False: {getattr(torch, precision)}}


def test_a_probe_that_fails_leaves_batch_norm_as_it_was(run):
    before = state(run)
    momenta = [layer.momentum for layer in batch_norm.batch_norms(run.network)]
    with pytest.raises(KeyboardInterrupt), batch_norm.recalibrated(batch_norm.batch_norms(run.network)):
        run.network.train()(torch.from_numpy(run.dataset.train.images))
        raise KeyboardInterrupt
    assert same(state(run), before)
    assert [layer.momentum for layer in batch_norm.batch_norms(run.network)] == momenta


def test_early_probes_use_statistics_of_training_images(run):
    """The same as batch norm that has seen the training images as one batch, with a momentum of 1."""
    plain = copy.deepcopy(run.network)
    for module in plain.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        plain.train()(torch.from_numpy(run.dataset.train.images))
    expected = extract(plain, run.test_pictures, run.test_targets, columns=PROBED)
    found = run.probe()
    for name in PROBED:
        torch.testing.assert_close(found[name].float(), expected[name].float(), rtol=1e-4, atol=1e-5)


def test_late_probes_use_the_running_statistics(run):
    early = run.probe()
    run.progress.step = training.WARM_STEPS
    late = run.probe()
    expected = extract(run.network, run.test_pictures, run.test_targets, columns=PROBED)
    assert all(torch.equal(late[name], expected[name]) for name in PROBED)
    assert not torch.allclose(late["norm"], early["norm"], rtol=0.1)


# --- augmentation


@pytest.mark.parametrize("size", [8, 32, 17])
def test_augmented_pictures_are_flipped_crops_of_the_reflected_picture(size):
    random = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (400, 3, size, size), dtype=torch.uint8, generator=random)
    found, pad = [], size // 8
    for original, ours in zip(pixels.numpy(), augmentation.augment(pixels, random).numpy(), strict=True):
        padded = np.pad(original, ((0, 0), (pad, pad), (pad, pad)), mode="reflect")
        crops = {
            (top, left, flip): padded[:, top : top + size, left : left + size][:, :, :: -1 if flip else 1]
            for top in range(2 * pad + 1)
            for left in range(2 * pad + 1)
            for flip in (False, True)
        }
        match = [place for place, crop in crops.items() if (crop == ours).all()]
        assert len(match) == 1
        found += match
    top, left, flip = map(np.array, zip(*found, strict=True))
    every = set(range(2 * pad + 1))
    assert set(top) == set(left) == every  # each offset comes up
    assert abs(flip.mean() - 0.5) < 0.1
    assert abs(np.corrcoef(top, left)[0, 1]) < 0.2


def test_augmentation_follows_its_generator_alone():
    pixels = torch.randint(0, 256, (20, 3, 16, 16), dtype=torch.uint8)
    before, original = torch.get_rng_state(), pixels.clone()
    one, same, other = (augmentation.augment(pixels, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(pixels, original)


def test_augment_false_leaves_pictures_alone(squares, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "augment", None)
    list(training.Training(parameters(tmp_path, augment=False, epochs=1), squares(24, 2)).epochs())


# --- held-out images and the temperature


@pytest.mark.parametrize(("images", "held_out"), [(24, 0), (24, 10), (24, 22), (500, 200)])
def test_training_images_are_fitted_or_held_out(tmp_path, images, held_out):
    fitted, held = training.split_training(images, parameters(tmp_path, calibration_images=held_out))
    assert len(held) == held_out
    assert sorted([*fitted, *held]) == list(range(images))
    assert (np.diff(fitted) > 0).all()
    assert (np.diff(held) > 0).all()


def test_which_are_held_out_follows_from_the_seed(tmp_path):
    one, same, other = (
        training.split_training(500, parameters(tmp_path, calibration_images=50, seed=seed))[1].tolist()
        for seed in (0, 0, 1)
    )
    assert one == same != other


@pytest.mark.parametrize("held_out", [23, 24, 200])
def test_too_many_held_out_images_are_refused(squares, tmp_path, held_out):
    with pytest.raises(InputError, match=f"calibration_images is {held_out} of 24 training images; allowed: 0 to 22"):
        training.Training(parameters(tmp_path, calibration_images=held_out), squares(24, 2))


def test_held_out_images_are_never_fitted(squares, tmp_path, monkeypatch):
    data = squares(24, 3)
    images = np.broadcast_to(
        np.arange(24, dtype=np.uint8)[:, None, None, None], (24, 3, 8, 8)
    ).copy()  # shows its index
    data = Dataset(
        "squares",
        Split(images, data.train.labels, data.train.ids),
        data.test,
        data.classes,
        {"all": (0, 1, 2)},
        None,
        "x",
    )
    seen, embed = set(), architectures.Network.embed
    monkeypatch.setattr(
        architectures.Network, "embed", lambda net, px: seen.update(px.unique().tolist()) or embed(net, px)
    )
    run = training.Training(parameters(tmp_path, calibration_images=9), data)
    monkeypatch.setattr(run, "test_pictures", Pictures(images[run.fitted.numpy()][:3], CPU))
    seen.clear()  # of the size check
    list(run.epochs())
    assert seen == set(run.fitted.tolist())
    assert len(run.held_out) == 9
    run.fit_temperature()
    assert seen == set(range(24))


@pytest.mark.parametrize(("scale", "share"), [(1.0, 0.8), (10.0, 0.6), (0.2, 0.9)])
def test_the_temperature_has_its_closed_form(squares, tmp_path, monkeypatch, scale, share):
    """Two classes, margin ``scale`` and a ``share`` of right answers: sigmoid(scale / T) = share."""
    run = training.Training(parameters(tmp_path, calibration_images=100), squares(110, 4, classes=2))
    wrong = torch.arange(100) >= 100 * share
    y = torch.tensor(run.dataset.train.labels[run.held_out])
    z = F.one_hot(torch.where(wrong, 1 - y, y), 2).float() * scale
    monkeypatch.setattr(training, "extract", lambda *a, **k: {"logits": z})
    assert run.fit_temperature() == pytest.approx(scale / logit(share), rel=1e-3)


def test_the_temperature_is_the_best_on_held_out_images(squares, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "WARM_STEPS", 100)
    data = squares(80, 12)
    labels = np.random.default_rng(0).permutation(data.train.labels)  # nothing to learn: much to calibrate
    data = Dataset(
        "squares",
        Split(data.train.images, labels, data.train.ids),
        data.test,
        data.classes,
        data.superclasses,
        None,
        "y",
    )
    p = parameters(tmp_path, calibration_images=40, epochs=20, augment=False)
    stamp = training.train(p, data, progress=False)
    network = architectures.build("resnet18", 3, image_size=8, width=1 / 16)
    network.load_state_dict(load_file(tmp_path / "squares" / "resnet18" / "model.safetensors"))
    _, held = training.split_training(80, p)
    with torch.inference_mode():
        z = network.eval()(torch.from_numpy(data.train.images[held])).double().numpy()
        test = network(torch.from_numpy(data.test.images)).double().numpy()

    def loss(t):
        return -log_softmax(z / t, 1)[np.arange(40), labels[held]].mean()

    grid = np.exp(np.linspace(-3, 5, 2001))
    assert loss(stamp["temperature"]) <= min(map(loss, grid)) + 1e-6
    assert stamp["temperature"] > 1.5  # it was overconfident
    expected = np.exp(log_softmax(test / stamp["temperature"], 1))[np.arange(12), data.test.labels]
    np.testing.assert_allclose(tables(tmp_path)["scores"]["temperature_confidence"], expected, rtol=1e-3)


def test_without_held_out_images_nothing_is_calibrated(done):
    assert tables(done[0])["scores"]["temperature_confidence"].isna().all()


# --- what cannot be trained


# --- from given weights


def test_training_starts_from_given_weights(done, squares, tmp_path):
    """At a rate of next to nothing the body stays as it was given; the last layer is new, of the new classes."""
    folder, _, _ = done
    given, more = folder / "squares/resnet18/model.safetensors", {"weight_decay": 0, "learning_rate": 1e-30}
    stamp = training.train(
        parameters(tmp_path, start_from=str(given), **more), squares(24, 12, classes=5), progress=False
    )
    before, after = load_file(given), load_file(tmp_path / "squares/resnet18/model.safetensors")
    body = [name for name, value in before.items() if name.startswith("body.") and "running" not in name]
    body = [name for name in body if "num_batches" not in name]  # nor statistics of batch norm
    assert body and all(torch.equal(before[name], after[name]) for name in body)
    assert after["head.weight"].shape[0] == 5
    assert stamp["started"] == {
        "from": "model.safetensors",
        "sha256": runs.sha256(given),
        "notes": ["new last layers in place of the file's"],
        "normalisation": {"mean": list(IMAGENET.mean), "std": list(IMAGENET.std), "by": "the file"},
    }
    assert set(stamp["parameters"]) > {"start_from", "input_size", "head"}


def test_training_from_given_weights_begins_at_a_lower_rate(done, squares, tmp_path):
    given = str(done[0] / "squares/resnet18/model.safetensors")
    run = training.Training(parameters(tmp_path, start_from=given), squares(24, 12))
    assert run.rate == 0.01 and run.progress.step == 0
    assert training.Training(parameters(tmp_path, start_from=given, learning_rate=0.3), squares(24, 12)).rate == 0.3


def test_another_file_to_start_from_is_another_run(done, squares, tmp_path):
    """Its checkpoints are not taken up, and its finished results are refused."""
    path = tmp_path / "start.safetensors"
    state = load_file(done[0] / "squares/resnet18/model.safetensors")
    save_file(state, path)
    p, dataset = parameters(tmp_path, start_from=str(path), epochs=1), squares(24, 12)
    first = training.Training(p, dataset).fingerprint
    stamp = training.train(p, dataset, progress=False)
    assert runs.finished(p) == stamp
    save_file({name: value + 1 for name, value in state.items()}, path)
    assert training.Training(p, dataset).fingerprint != first
    with pytest.raises(InputError, match=r"start.safetensors is not the file that it was then"):
        pipeline.complete(p)


def test_a_network_given_larger_pictures_trains_on_them(squares, tmp_path):
    sizes = []
    run = training.Training(parameters(tmp_path, input_size=16, precision="bfloat16"), squares(24, 12))
    run.network.body.register_forward_pre_hook(lambda _, given: sizes.append(given[0].shape[-2:]))
    run.train_epoch(1)
    assert set(sizes) == {(16, 16)}


@pytest.mark.parametrize("more", [{"start_from": "nowhere.pt"}, {"arch": "timm/nothing"}, {"arch": "nothing:at_all"}])
def test_what_cannot_be_started_is_refused_before_there_is_data(tmp_path, more):
    with pytest.raises(InputError):
        training.check(parameters(tmp_path, **more))


def test_diverging_training_is_one_sentence(squares, tmp_path):
    p = parameters(tmp_path, learning_rate=100, arch="alexnet", width=1 / 32, stem="small")
    with pytest.raises(InputError, match=r"training of alexnet diverged in epoch 2, .*learning_rate below 100"):
        training.train(p, squares(24, 2, size=32), progress=False)
    assert not (p.run_dir / "run.json").exists()


def test_a_last_step_that_diverges_is_one_sentence_and_no_result(squares, tmp_path):
    p = parameters(tmp_path, epochs=1, batch_size=24).model_copy(update={"learning_rate": 1e30})
    with pytest.raises(InputError, match=r"training of resnet18 diverged: .*nothing is written; give a learning_rate"):
        training.train(p, squares(24, 4), progress=False)
    assert not list(p.run_dir.glob("*.parquet"))


def test_a_network_with_nothing_to_train_is_one_sentence(squares, tmp_path, monkeypatch):
    build = architectures.build
    monkeypatch.setattr(architectures, "build", lambda *given, **more: build(*given, **more).requires_grad_(False))
    with pytest.raises(InputError, match="arch resnet18 has no parameter with requires_grad, so nothing can be"):
        training.Training(parameters(tmp_path), squares(24, 4))


def test_a_dataset_without_training_images_is_refused(squares, tmp_path):
    with pytest.raises(InputError, match="squares has no training images; choose a dataset that has, or give weights"):
        training.train(parameters(tmp_path), squares(0, 4))


def test_a_network_that_does_not_fit_is_refused_before_anything_is_written(squares, tmp_path):
    with pytest.raises(InputError, match="cannot take pictures of 8 px"):
        training.train(parameters(tmp_path, arch="alexnet", width=1 / 8), squares())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:1", "cuda:128", "cuda:999", "cuda:99999999999999"])
def test_an_absent_device_is_named(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=f"device {name} is not available: 0 CUDA devices found; allowed: auto, cpu"):
        devices.resolve_device(name)


def test_devices_that_are_present(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.resolve_device("auto") == devices.resolve_device("cpu") == CPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert devices.resolve_device("auto") == torch.device("cuda")
    assert devices.resolve_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(InputError, match="cuda:2 is not available: 2 CUDA"):
        devices.resolve_device("cuda:2")


def test_a_missing_driver_is_no_warning(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: warnings.warn("no driver", stacklevel=1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert devices.resolve_device("auto") == CPU


@pytest.mark.parametrize(
    ("asked", "units", "expected"),
    [
        ("float32", {"avx512_bf16": True}, "float32"),
        ("bfloat16", {}, "bfloat16"),
        ("auto", {"avx512_bf16": True}, "bfloat16"),
        ("auto", {"amx_bf16": True}, "bfloat16"),
        ("auto", {"avx512_bf16": False, "avx2": True}, "float32"),
        ("auto", {}, "float32"),
    ],
)
def test_bfloat16_where_the_cpu_has_units_for_it(monkeypatch, asked, units, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: units, raising=False)
    assert devices.resolve_precision(asked, CPU) == expected


def test_torch_that_cannot_tell_computes_in_float32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert devices.resolve_precision("auto", CPU) == "float32"


# --- what pictures may be


def test_training_asks_for_pictures_by_index_arrays_only(squares, tmp_path):
    class Files:
        """Pictures that are no array."""

        def __init__(self, images):
            self.images = images

        def __len__(self):
            return len(self.images)

        def __getitem__(self, indices):
            assert isinstance(indices, np.ndarray)
            assert len(indices) <= 500
            return self.images[indices]

    data = squares(24, 12)
    test = Split(Files(data.test.images), data.test.labels, data.test.ids)
    train = Split(Files(data.train.images), data.train.labels, data.train.ids)
    files = Dataset("squares", train, test, data.classes, data.superclasses, None, data.hash)
    stamp = training.train(parameters(tmp_path, epochs=1, calibration_images=4), files, progress=False)
    assert stamp["images"] == {"train": 20, "held out": 4, "test": 12}


def test_the_book_says_how_many_first_steps_are_treated_apart():
    method = (Path(training.__file__).parent.parent / "book/method.md").read_text()
    assert f"first {training.WARM_STEPS:,} steps" in " ".join(method.split())
    assert f"first {RunParameters().probed_steps} steps" in " ".join(method.split())
