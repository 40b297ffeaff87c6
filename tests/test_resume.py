"""Runs that are killed: started again, they end with the tables of one that was not, bit for bit."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from analysis import runs, training
from analysis.errors import InputError
from analysis.parameters import RunParameters

KILLING = Path(__file__).with_name("killing.py")
ROOT = KILLING.parent.parent
EPOCHS = 6  # of 4 steps: 24 probed steps
NETWORKS = {
    "resnet18": {"arch": "resnet18", "width": 0.0625, "stem": "imagenet"},  # batch norm
    "alexnet": {"arch": "alexnet", "width": 0.03125},  # dropout
}
RESULTS = {*(f"{name}.parquet" for name in runs.TABLES), "run.json", "model.safetensors"}
KILL, INTERRUPT = int(signal.SIGKILL), int(signal.SIGINT)

# Moments of a run: before the first checkpoint, between checkpoints, half-way through writing one, before its rename,
# while the tables are written, between the tables and the stamp, and before the checkpoint is removed.
MOMENTS = {
    "resnet18": ["probe:1", "step:3", "probe:7", "half:2", "step:6", "replace:2", "table:3", "half:1", "unlink:1"],
    "alexnet": ["step:11", "half:1", "step:1", "probe:5"],
}


def words(folder: Path, data: Path, network: str) -> list[str]:
    values = {
        "results_dir": folder,
        "data_dir": data,
        "train_images": 40,
        "test_images": 12,
        "calibration_images": 8,
        "batch_size": 8,
        "epochs": EPOCHS,
        **NETWORKS[network],
    }
    return [word for name, value in values.items() for word in ("-p", name, str(value))]


def tables(folder: Path, network: str) -> dict[str, pd.DataFrame]:
    return {
        name: pd.read_parquet(folder / "synthetic" / network / f"{name}.parquet").drop(
            columns="seconds", errors="ignore"
        )
        for name in runs.TABLES
    }


def assert_same_results(one: Path, other: Path, network: str) -> None:
    """Bit for bit, but for the seconds that they took."""
    a, b = one / "synthetic" / network, other / "synthetic" / network
    assert set(os.listdir(a)) == set(os.listdir(b)) == RESULTS
    for name, table in tables(one, network).items():
        pd.testing.assert_frame_equal(table, tables(other, network)[name], check_exact=True)
    for name in ("scores.parquet", "epochs.parquet", "iterations.parquet", "model.safetensors"):
        assert (a / name).read_bytes() == (b / name).read_bytes(), name
    stamps = [json.loads((folder / "run.json").read_text()) for folder in (a, b)]
    assert all(set(stamp["tables"]) == {f"{name}.parquet" for name in runs.TABLES} for stamp in stamps)
    for stamp in stamps:
        stamp["tables"].pop("training.parquet")  # which has the seconds, too
    assert stamps[0] | {"seconds": 0} == stamps[1] | {"seconds": 0}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Holds the results of each job in a folder of its own."""
    return tmp_path_factory.mktemp("jobs")


@pytest.fixture(scope="module")
def ends(folder, data) -> dict[str, list[tuple[int, str]]]:
    """How each start of each job ended, and its errors; all jobs in one process, which imports torch once."""
    draw = random.Random(0)
    kills = [f"{draw.choice(['step', 'probe', 'replace', 'half'])}:{draw.randint(1, 5)}" for _ in range(5)]
    moments = {f"undisturbed {network}": ["none"] for network in NETWORKS}
    moments |= {
        f"killed {network}": [*(f"{moment}:{KILL}" for moment in MOMENTS[network]), "none"] for network in NETWORKS
    }
    moments["random resnet18"] = [*(f"{moment}:{KILL}" for moment in kills), "none"]
    moments["interrupted alexnet"] = [f"step:10:{INTERRUPT}", f"half:1:{INTERRUPT}", "none"]
    moments["finished alexnet"] = ["none", f"step:1:{KILL}", f"replace:1:{KILL}"]  # would die if it trained or wrote
    jobs = {
        name: {"moments": chosen, "words": ["train", *words(folder / name, data, name.split()[1])]}
        for name, chosen in moments.items()
    }
    command = [sys.executable, str(KILLING), json.dumps(jobs)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=env, check=False)
    assert done.returncode == 0, done.stderr
    return {name: [tuple(end) for end in found] for name, found in json.loads(done.stdout).items()}


def codes(ends, job):
    return [code for code, _ in ends[job]]


@pytest.mark.parametrize("network", NETWORKS)
def test_a_run_killed_many_times_ends_as_one_that_was_not(ends, folder, network):
    assert codes(ends, f"undisturbed {network}") == [0]
    assert codes(ends, f"killed {network}") == [-KILL] * len(MOMENTS[network]) + [0], ends[f"killed {network}"][-1][1]
    assert_same_results(folder / f"killed {network}", folder / f"undisturbed {network}", network)
    table = tables(folder / f"killed {network}", network)
    assert table["epochs"]["epoch"].max() == EPOCHS
    assert table["iterations"]["step"].max() == EPOCHS * 4


def test_a_run_killed_at_random_moments_ends_as_one_that_was_not(ends, folder):
    found = codes(ends, "random resnet18")
    assert found[:2] == [-KILL] * 2
    assert found[-1] == 0
    assert_same_results(folder / "random resnet18", folder / "undisturbed resnet18", "resnet18")


def test_ctrl_c_says_one_sentence_and_loses_no_epoch(ends, folder):
    assert codes(ends, "interrupted alexnet") == [130, 130, 0]
    for _, errors in ends["interrupted alexnet"][:2]:
        assert errors.splitlines()[-1] == "interrupted: the same command goes on from the last finished epoch"
        assert "Traceback" not in errors
    assert f" 2/{EPOCHS} " in ends["interrupted alexnet"][1][1]  # it went on where it was
    assert_same_results(folder / "interrupted alexnet", folder / "undisturbed alexnet", "alexnet")


def test_finished_results_are_not_made_again(ends, folder):
    assert codes(ends, "finished alexnet") == [0, 0, 0]
    assert [errors for _, errors in ends["finished alexnet"][1:]] == ["", ""]
    assert_same_results(folder / "finished alexnet", folder / "undisturbed alexnet", "alexnet")


def test_a_run_killed_from_outside_goes_on(ends, folder, data, tmp_path):
    """The command as a person types it, killed as soon as it says that an epoch is finished."""
    command = [sys.executable, "-m", "analysis", "train", "--threads", "1", *words(tmp_path, data, "resnet18")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, cwd=ROOT) as process:
        shown = b""
        while not any(f" {epoch}/{EPOCHS} ".encode() in shown for epoch in range(1, EPOCHS)):
            piece = process.stderr.read1()
            assert piece, shown
            shown += piece
        process.kill()
    assert process.returncode == -KILL
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{tmp_path}/synthetic/resnet18: torchvision's resnet18, width 0.0625" in done.stdout
    assert_same_results(tmp_path, folder / "undisturbed resnet18", "resnet18")


# --- checkpoints that cannot be used


def parameters(folder, **more) -> RunParameters:
    more = {"epochs": 3, "batch_size": 8, "calibration_images": 0, **more}
    return RunParameters(results_dir=str(folder), study="squares", arch="resnet18", width=1 / 16, **more)


@pytest.fixture
def stopped(squares, tmp_path):
    """A run that stopped after its first epoch, with an earlier result beside it."""
    run = training.Training(parameters(tmp_path), squares())
    next(run.epochs())
    (run.parameters.run_dir / "scores.parquet").write_text("earlier")
    return run


def again(stopped, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        training.train(stopped.parameters, stopped.dataset, progress=False)
    assert "\n" not in str(caught.value)
    assert str(stopped.checkpoint) in str(caught.value)
    assert (stopped.parameters.run_dir / "scores.parquet").read_text() == "earlier"


class Executes:
    """Pickled, it would create the file that it names."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4000] = bytes(4000)
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        truncated,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no checkpoint\n" * 100),
        lambda path: torch.save([1, 2], path),
        lambda path: torch.save({"fingerprint": "x"}, path),
    ],
)
def test_a_damaged_checkpoint_is_one_sentence(stopped, damage):
    damage(stopped.checkpoint)
    again(stopped, r"is damaged \(.*\): remove it to start the run again|belongs to another run")


def test_a_checkpoint_that_would_run_code_does_not(stopped, tmp_path):
    torch.save(
        torch.load(stopped.checkpoint, weights_only=True) | {"x": Executes(tmp_path / "ran")}, stopped.checkpoint
    )
    again(stopped, "is damaged")
    assert not (tmp_path / "ran").exists()


def test_a_checkpoint_without_a_part_is_damaged(stopped):
    state = torch.load(stopped.checkpoint, weights_only=True)
    del state["progress"]["training"], state["optimiser"]
    torch.save(state, stopped.checkpoint)
    again(stopped, r"is damaged \('optimiser'\)")


def test_a_checkpoint_of_another_run_is_refused(stopped, squares):
    other = training.Training(parameters(stopped.parameters.results_dir, seed=1), squares())
    next(other.epochs())
    other.checkpoint.replace(stopped.checkpoint)
    again(stopped, "belongs to another run: remove it to start this one")


def test_a_damaged_checkpoint_removed_starts_again(stopped):
    truncated(stopped.checkpoint)
    stopped.checkpoint.unlink()
    stamp = training.train(stopped.parameters, stopped.dataset, progress=False)
    assert stamp["steps"] == 9


@pytest.mark.parametrize("more", [{"seed": 1}, {"momentum": 0.5}, {"epochs": 4}, {"batch_size": 4}, {"augment": False}])
def test_other_parameters_never_go_on_from_this_checkpoint(stopped, squares, more):
    other = training.Training(parameters(stopped.parameters.results_dir, **more), squares())
    assert other.progress.epoch == 0
    assert other.checkpoint != stopped.checkpoint


def test_other_data_never_goes_on_from_this_checkpoint(stopped, squares):
    assert training.Training(stopped.parameters, squares(seed=1)).progress.epoch == 0
    assert training.Training(stopped.parameters, squares()).progress.epoch == 1


def test_a_resumed_run_keeps_what_it_had(stopped):
    resumed = training.Training(stopped.parameters, stopped.dataset)
    assert resumed.progress.epoch == 1
    assert resumed.progress.step == 3
    assert resumed.progress.seconds == stopped.progress.seconds > 0
    assert [len(resumed.progress.epochs), len(resumed.progress.iterations)] == [2, 4]
    for name, value in stopped.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], value)
