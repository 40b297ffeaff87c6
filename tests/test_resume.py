"""Runs that are killed: started again, they end with the tables of one that was not, bit for bit."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import torch

from analysis import checkpoints, runs, training
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
    stamps = [runs.read_stamp(folder / "run.json") for folder in (a, b)]
    assert all(set(stamp["tables"]) == RESULTS - {"run.json"} for stamp in stamps)
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
        assert errors.splitlines()[-1] == "interrupted: the same command continues from the last finished epoch"
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


def bit(path, place):
    """One bit is another."""
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 1
    path.write_bytes(content)


def rewritten(path, **more):
    """Written by torch alone, with other progress."""
    state = sound(path)
    torch.save(state | {"progress": state["progress"] | more}, path)


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4000] = bytes(4000)
    path.write_bytes(content)


DAMAGES = {
    "cut": truncated,
    "zeros in it": flipped,
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_bytes(b"no checkpoint\n" * 100),
    "a list": lambda path: torch.save([1, 2], path),
    "another epoch": lambda path: rewritten(path, epoch=-1),
    "lost rows": lambda path: rewritten(path, training=[]),
    **{f"bit {place:g} flipped": partial(bit, place=place) for place in (0, 0.1, 0.4, 0.7, 0.95, 1)},
}


def sound(path) -> dict:
    """What is in a checkpoint."""
    return checkpoints.newest(path, torch.device("cpu"))


@pytest.fixture(scope="module")
def stopped_runs(squares, tmp_path_factory):
    """A run of three epochs that stopped after one, and after two; and its tables undisturbed."""
    folder = tmp_path_factory.mktemp("checkpoints")
    run = training.Training(parameters(folder / "stopped"), squares())
    epochs = run.epochs()
    next(epochs)
    shutil.copytree(folder / "stopped", folder / "after 1")
    next(epochs)
    shutil.copytree(folder / "stopped", folder / "after 2")
    training.train(parameters(folder / "whole"), squares(), progress=False)
    return folder


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(("epochs", "both"), [(1, False), (2, False), (2, True)])
def test_a_damaged_checkpoint_is_said_and_costs_an_epoch_or_all(
    stopped_runs, squares, tmp_path, capsys, damage, epochs, both
):
    """The run goes on from the checkpoint before, or begins again: it would end as one that was not disturbed."""
    shutil.copytree(stopped_runs / f"after {epochs}", tmp_path, dirs_exist_ok=True)
    (newest,) = tmp_path.rglob("checkpoint-????????????.pt")
    before = checkpoints.earlier(newest)
    assert before.exists() == (epochs == 2)
    for path in [newest, before] if both else [newest]:
        DAMAGES[damage](path)
    run = training.Training(parameters(tmp_path), squares())
    assert run.progress.epoch == (1 if epochs == 2 and not both else 0)
    assert not newest.exists()
    said = capsys.readouterr().err
    assert f"{newest} is damaged (its SHA-256 differs) and removed: the run " in said
    assert said.splitlines()[-1].endswith("begins again" if epochs == 1 or both else "continues from the previous one")


def test_a_run_whose_checkpoint_was_damaged_ends_as_one_that_was_not(stopped_runs, squares, tmp_path):
    shutil.copytree(stopped_runs / "after 2", tmp_path, dirs_exist_ok=True)
    (newest,) = tmp_path.rglob("checkpoint-????????????.pt")
    bit(newest, 0.5)
    training.train(parameters(tmp_path), squares(), progress=False)
    ours, theirs = (parameters(folder).run_dir for folder in (tmp_path, stopped_runs / "whole"))
    for name in ("scores", "epochs", "iterations"):
        assert (ours / f"{name}.parquet").read_bytes() == (theirs / f"{name}.parquet").read_bytes()
    assert not list(tmp_path.rglob("checkpoint-*"))


def test_a_checkpoint_that_would_run_code_does_not(stopped, tmp_path):
    torch.save({"fingerprint": "x", "x": Executes(tmp_path / "ran")}, stopped.checkpoint)
    assert training.Training(stopped.parameters, stopped.dataset).progress.epoch == 0
    torch.save({"fingerprint": "x", "x": Executes(tmp_path / "ran")}, stopped.checkpoint)
    content = stopped.checkpoint.read_bytes()
    stopped.checkpoint.write_bytes(content + hashlib.sha256(content).digest())
    again(stopped, r"is damaged \(Weights only")  # whoever can write its digest
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": -1},
        {"epoch": 4},
        {"step": 1},
        {"training": []},
        {"iterations": []},
        {"epochs": [{"avh": torch.zeros(3)}] * 2},
    ],
)
def test_a_checkpoint_that_no_run_can_have_come_to_is_refused(stopped, change):
    state = sound(stopped.checkpoint)
    checkpoints.write(stopped.checkpoint, state | {"progress": state["progress"] | change})
    again(stopped, r"is damaged \(not what its epoch has\): remove it to start again")


def test_a_checkpoint_of_another_run_is_refused(stopped, squares):
    other = training.Training(parameters(stopped.parameters.results_dir, seed=1), squares())
    next(other.epochs())
    other.checkpoint.replace(stopped.checkpoint)
    again(stopped, "belongs to another run: remove it to start this one")


def test_a_disk_that_is_full_leaves_the_checkpoint_of_before(stopped, monkeypatch):
    before = stopped.checkpoint.read_bytes()
    monkeypatch.setattr(Path, "write_bytes", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(InputError, match="No space left"):
        checkpoints.write(stopped.checkpoint, {"x": 1})
    assert stopped.checkpoint.read_bytes() == before
    assert len(list(stopped.checkpoint.parent.glob("checkpoint-*"))) == 1


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
