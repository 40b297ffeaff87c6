"""On a GPU: scores against float64, and a captured training step against the same step by itself."""

import numpy as np
import pytest
import torch

from analysis import runs, scores, training
from analysis.cuda_graphs import WARM_UP, Captured
from analysis.parameters import RunParameters

pytestmark = pytest.mark.gpu

TINY = {"arch": "resnet18", "stem": "small", "width": 0.0625, "calibration_images": 0, "learning_rate": 0.05}


def parameters(folder, **more) -> RunParameters:
    values = TINY | {"epochs": 3, "batch_size": 16, "precision": "float32", "device": "cuda"} | more
    return RunParameters(results_dir=str(folder), study="squares", **values)


@pytest.fixture
def exact(monkeypatch):
    """float32 products that are no TF32, and kernels that are the same each time."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    monkeypatch.setattr(training, "tune", lambda device: None)


def test_avh_on_a_gpu_is_that_of_float64():
    random = torch.Generator().manual_seed(0)
    x, w = torch.randn(3_000, 64, generator=random), torch.randn(10, 64, generator=random)
    x[:10] = w * 3 + 1e-3 * x[:10]  # nearly parallel, where arccos loses its digits
    y = torch.arange(3_000) % 10
    found = scores.avh(x.cuda(), w.cuda(), y.cuda())
    cosines = (x.double() @ w.double().T) / x.double().norm(dim=1)[:, None] / w.double().norm(dim=1)
    angles = cosines.clamp(-1, 1).acos()
    expected = angles.gather(1, y[:, None])[:, 0] / angles.sum(1)
    torch.testing.assert_close(found.cpu().double(), expected, rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_captured_step_does_what_the_step_does(squares, tmp_path, exact, accumulate):
    """Weights and sums after two epochs of which the second has another rate; the last third of 3 epochs."""
    dataset = squares(160, 24, classes=4, size=32)
    rows, states = [], []
    for name in ("captured", "by itself"):
        run = training.Training(parameters(tmp_path / name, accumulate=accumulate), dataset)
        assert isinstance(run.captured, Captured)
        if name == "by itself":
            run.captured = None
        rows.append([run.train_epoch(epoch) for epoch in (1, 2, 3)])
        states.append({key: value.cpu() for key, value in run.network.state_dict().items()})
        assert name == "by itself" or run.captured.calls > WARM_UP
    for mine, theirs in zip(*rows, strict=True):
        assert mine["loss"] == pytest.approx(theirs["loss"], rel=1e-3)
    for key, value in states[0].items():
        torch.testing.assert_close(value.float(), states[1][key].float(), rtol=1e-2, atol=1e-3, msg=key)


def test_dropout_draws_anew_in_each_replay(squares, tmp_path):
    dataset = squares(160, 24, classes=4, size=32)
    run = training.Training(parameters(tmp_path, arch="alexnet", learning_rate=1e-12, augment=False), dataset)
    pixels, targets = run.train_pictures.resident[:16], run.train_targets[:16]
    run.network.train()
    losses = {float(run.captured(pixels, targets)[0]) for _ in range(WARM_UP + 8)}
    assert len(losses) > WARM_UP + 4


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_run_that_was_stopped_goes_on(squares, tmp_path, precision):
    dataset = squares(160, 24, classes=4, size=32)
    p = parameters(tmp_path, precision=precision)
    next(training.Training(p, dataset).epochs())
    run = training.Training(p, dataset)
    assert run.progress.epoch == 1
    list(run.epochs())
    stamp = run.finish()
    table = runs.read_table(p.run_dir / "scores.parquet")
    assert stamp["device"] == torch.cuda.get_device_name() and np.isfinite(table["avh"]).all()
    assert table["correct"].mean() > 0.5  # of four colours


def test_pictures_stay_on_the_gpu(squares, tmp_path):
    run = training.Training(parameters(tmp_path), squares(48, 12, size=32))
    assert run.train_pictures.resident.is_cuda and run.test_pictures.resident.is_cuda
