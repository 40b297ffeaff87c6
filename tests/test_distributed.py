"""Training in two gloo processes on the CPU, as torchrun starts them: the tables of one, also when one is killed."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import nullcontext
from itertools import chain, islice
from pathlib import Path

import pandas as pd
import pytest
import torch
import workers
from torch import nn

from analysis import __main__ as command_line
from analysis import augmentation, distributed, evaluation, runs, training
from analysis.errors import InputError
from analysis.parameters import RunParameters

ROOT = Path(__file__).parent.parent
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
TORCHRUN += ["--nproc-per-node", "2"]
EPOCHS = workers.UNDISTURBED["epochs"]
LINUX = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux to find the workers")


def read(folder: Path) -> dict[str, pd.DataFrame]:
    found = {name: pd.read_parquet(folder / f"{name}.parquet") for name in runs.TABLES}
    found["training"] = found["training"].drop(columns="seconds")
    return found


def assert_close(one: Path, other: Path) -> None:
    """The tables are the same but for rounding; their order and classes are the same."""
    a, b = read(one), read(other)
    for name in runs.TABLES:
        assert len(a[name]) > 0
        pd.testing.assert_frame_equal(a[name], b[name], check_exact=False, rtol=1e-4, atol=1e-6)


def assert_same(one: Path, other: Path) -> None:
    """The tables are the same bit for bit, as those of one process are that was killed."""
    a, b = read(one), read(other)
    for name in runs.TABLES:
        pd.testing.assert_frame_equal(a[name], b[name], check_exact=True)


def undropped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(nn.Dropout, "forward", lambda self, values: values)


@pytest.fixture(scope="module")
def one(tmp_path_factory) -> Path:
    """What one process makes of the jobs, without dropout, in FOLDER/one; and the beginning of another's run."""
    folder = tmp_path_factory.mktemp("jobs")
    with pytest.MonkeyPatch.context() as patch:
        undropped(patch)
        jobs = workers.JOBS | {"stopped": workers.STOPPED, "begun": workers.BEGUN}
        for name, job in jobs.items():
            p = workers.parameters(folder / "one", name, **job | {"accumulate": 1})
            training.train(p, workers.dataset(), progress=False)
        begun = workers.parameters(folder / "two", "begun", **workers.BEGUN)
        list(islice(training.Training(begun, workers.dataset()).epochs(), workers.EPOCHS_BEFORE))
    return folder


@pytest.fixture(scope="module")
def seen(one) -> list[dict]:
    """What each of two workers saw."""
    command = [*TORCHRUN, "tests/workers.py", str(one)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=env, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return [runs.read_json(one / f"worker-{rank}.json") for rank in (0, 1)]


# --- the tables of one process


@pytest.mark.parametrize("name", workers.JOBS)
def test_two_workers_make_the_tables_of_one(one, seen, name):
    """Of batches that divide and that do not, in parts, with and without augmentation; of 13 test images."""
    assert_close(one / "one" / name / "alexnet", one / "two" / name / "alexnet")


def test_the_stamp_says_how_many_trained(one, seen):
    for name, job in workers.JOBS.items():
        stamps = [worker["stamps"][name] for worker in seen]
        kept = runs.read_stamp(one / "two" / name / "alexnet" / "run.json")
        assert stamps[0] == kept
        assert [stamp["workers"] for stamp in stamps] == [2, 2]
        assert kept["parameters"]["accumulate"] == job.get("accumulate", 1)
        assert kept["normalised"] is None
    assert runs.read_stamp(one / "one" / "even" / "alexnet" / "run.json")["workers"] == 1


def test_a_run_of_two_workers_is_ended_by_one(one, seen, monkeypatch):
    undropped(monkeypatch)
    p = workers.parameters(one / "two", "stopped", **workers.STOPPED)
    assert training.Training(p, workers.dataset()).progress.epoch == workers.EPOCHS_BEFORE
    stamp = training.train(p, workers.dataset(), progress=False)
    assert stamp["workers"] == 1
    assert_close(one / "one" / "stopped" / "alexnet", p.run_dir)


def test_a_run_of_one_worker_is_ended_by_two(one, seen):
    assert_close(one / "one" / "begun" / "alexnet", one / "two" / "begun" / "alexnet")
    ended = read(one / "two" / "begun" / "alexnet")
    kept = pd.read_parquet(one / "one" / "begun" / "alexnet" / "epochs.parquet")
    before = kept["epoch"] <= workers.EPOCHS_BEFORE
    pd.testing.assert_frame_equal(ended["epochs"][before], kept[before], check_exact=True)  # it was not begun again


def test_all_workers_probe_with_the_same_batch_norm(seen):
    """On a CPU each normalises by its own share in training; their running statistics become the first one's."""
    assert all(worker["norm"]["far"] < 1e-4 for worker in seen)
    assert [worker["norm"]["normalised"] for worker in seen] == [4, 4]


def test_each_worker_draws_its_own_dropout(seen):
    assert seen[0]["seeds"] == [1, 2, 3]
    assert not set(seen[0]["seeds"]) & set(seen[1]["seeds"])


@pytest.mark.parametrize("n", [0, 1, 2, 7, 8, 500])
@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_shares_are_all_in_order_and_of_one_size_but_for_one(monkeypatch, n, size):
    monkeypatch.setattr(distributed, "workers", lambda: size)
    shares = []
    for rank in range(size):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        shares.append(list(range(n))[distributed.share(n)])
    assert list(chain.from_iterable(shares)) == list(range(n))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_share_is_augmented_as_in_the_whole_batch():
    pixels = torch.randint(0, 256, (9, 3, 16, 16), dtype=torch.uint8)
    everything = augmentation.augment(pixels, torch.Generator().manual_seed(3))
    for mine in (slice(0, 4), slice(4, 9)):
        random = torch.Generator().manual_seed(3)
        assert torch.equal(augmentation.augment(pixels[mine], random, 9, mine), everything[mine])


# --- batches in parts


@pytest.mark.parametrize("accumulate", [2, 3, 4])
def test_a_batch_in_parts_trains_as_the_whole(one, tmp_path, monkeypatch, accumulate):
    undropped(monkeypatch)
    job = workers.JOBS["uneven"] | {"accumulate": accumulate}
    sizes, add = [], training.Training.add_gradient
    monkeypatch.setattr(training.Training, "add_gradient", lambda *a: sizes.append(len(a[2])) or add(*a))
    stamp = training.train(workers.parameters(tmp_path, "parts", **job), workers.dataset(), progress=False)
    assert max(sizes) <= -(-9 // accumulate)
    assert sum(sizes) == stamp["steps"] * 9
    assert_close(one / "one" / "uneven" / "alexnet", tmp_path / "parts" / "alexnet")


def test_batch_norm_sees_a_part_and_the_stamp_says_so(squares, tmp_path):
    p = workers.parameters(tmp_path, "parts", arch="resnet18", batch_size=16, accumulate=4)
    assert training.Training(p, squares(24, 4, size=32)).normalised() == 4


# --- GPUs


def launch(monkeypatch, gpus: int, rank: int = 0) -> None:
    for name, value in {"WORLD_SIZE": 4, "LOCAL_WORLD_SIZE": 2, "LOCAL_RANK": rank}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)


@pytest.mark.parametrize("rank", [0, 1])
def test_each_worker_has_its_own_gpu(monkeypatch, rank):
    launch(monkeypatch, gpus=2, rank=rank)
    for name in ("auto", "cuda"):
        assert distributed.worker_device(name) == torch.device("cuda", rank)
    assert distributed.worker_device("cpu") == torch.device("cpu")


def test_workers_without_gpus_compute_on_the_cpu(monkeypatch):
    launch(monkeypatch, gpus=0)
    assert distributed.worker_device("auto") == torch.device("cpu")


@pytest.mark.parametrize(
    ("gpus", "name", "sentence"),
    [(1, "auto", "2 workers on a machine with 1 GPUs"), (2, "cuda:0", "device cuda:0 is one GPU for 4 workers")],
)
def test_workers_that_would_share_a_gpu_are_refused(monkeypatch, gpus, name, sentence):
    launch(monkeypatch, gpus)
    with pytest.raises(InputError, match=sentence):
        distributed.worker_device(name)


def test_batch_norm_is_synchronised_on_gpus_only(monkeypatch):
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    monkeypatch.setattr(distributed, "workers", lambda: 2)
    assert type(distributed.synchronised(network, torch.device("cpu"))[1]) is nn.BatchNorm2d
    weight = network[1].weight
    synced = distributed.synchronised(network, torch.device("cuda", 0))
    assert type(synced[1]) is nn.SyncBatchNorm
    assert synced[1].weight is weight


def test_given_weights_are_measured_by_one_process(monkeypatch):
    launch(monkeypatch, gpus=0)
    with pytest.raises(InputError, match="measure runs in one process: start it without torchrun"):
        evaluation.check(RunParameters(arch="resnet18", weights="IMAGENET1K_V1"))


# --- errors


def test_an_error_is_the_same_sentence_in_all_workers(seen):
    for worker in seen:
        assert worker["first"] == "only here"
        assert worker["small"].startswith("batches of 3 images are too small for 2 workers and accumulate 1: each part")
        assert worker["parted"].startswith("batches of 8 images are too small for 2 workers and accumulate 3")
        assert worker["different"].startswith("the workers see different checkpoints: results_dir and data_dir must")


def test_the_command_says_its_sentence_once(tmp_path):
    """Through torchrun, which adds a report of its own and, as always, exits with 1."""
    command = started(tmp_path / "results", "--max-restarts", "0", train_images=24, calibration_images=24)
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=300)
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if line.startswith("error")] == [
        "error: calibration_images is 24 of 24 training images; allowed: 0 to 22"
    ]
    assert "exitcode  : 2" in done.stderr


def test_a_worker_whose_error_is_its_own_says_it(monkeypatch, capsys):
    waited = []
    monkeypatch.setattr(command_line, "SPEAKS", False)
    monkeypatch.setattr(command_line.time, "sleep", waited.append)  # in which torchrun would end it
    monkeypatch.setattr(sys, "argv", ["analysis", "train", "-p", "epochs", "0"])
    assert command_line.main() == 2
    assert waited == [command_line.ALONE]
    assert capsys.readouterr().err.startswith("error: parameter epochs is 0")


# --- a lost worker


def words(values: dict) -> list[str]:
    return [word for name, value in values.items() for word in ("-p", name, str(value))]


def worker_of(launchers: list[int], rank: int) -> int:
    """The process of the worker of that rank."""
    tasks = [task for launcher in launchers for task in Path(f"/proc/{launcher}/task").iterdir()]
    children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return next(child for child in children if f"\0RANK={rank}\0" in Path(f"/proc/{child}/environ").read_text())


def started(folder: Path, *options: str, **more) -> list[str]:
    """The command as a person types it."""
    values = workers.UNDISTURBED | {"data_dir": folder.parent, "results_dir": folder}
    return [*TORCHRUN, "--max-restarts", "3", *options, "-m", "analysis", "train", *words(values | more)]


def shown_until_it_moves(stream: int) -> bytes:
    """What a bar shows from its start to a finished epoch."""
    shown = b""
    while not re.search(rb" \d+/\d+ \[00:00<\?.* \d+/\d+ \[[\d:]+<\d", shown, re.DOTALL):
        piece = os.read(stream, 10_000)
        assert piece, shown
        shown += piece
    return shown


def rest(stream: int) -> bytes:
    """All that is still to come."""
    with os.fdopen(stream, "rb") as file:
        return file.read()


def starts(shown: bytes) -> list[int]:
    """The epochs after which bars started."""
    return [int(epoch) for epoch in re.findall(rf" (\d+)/{EPOCHS} \[00:00<\?", shown.decode())]


@pytest.fixture(scope="module")
def undisturbed(one, seen) -> Path:
    """Made by two workers with dropout, of which none was lost."""
    return one / "lost" / "undisturbed"


@LINUX
def test_lost_workers_cost_an_epoch_each(undisturbed):
    """Each is killed once, as soon as an epoch is shown as finished."""
    folder = undisturbed.parent / "killed"
    errors, end = os.pipe()
    with subprocess.Popen(started(folder), stderr=end, stdout=subprocess.PIPE, cwd=ROOT) as process:
        os.close(end)
        shown = b""
        for rank in (1, 0):
            shown += shown_until_it_moves(errors)
            os.kill(worker_of([process.pid], rank), signal.SIGKILL)
        shown += rest(errors)
        output = process.stdout.read()
    assert process.returncode == 0, shown
    assert output.decode().count("synthetic/alexnet: ") == 1
    assert len(starts(shown)) == 3
    assert 0 == starts(shown)[0] < starts(shown)[1] < starts(shown)[2] < EPOCHS
    assert_same(undisturbed / "synthetic/alexnet", folder / "synthetic/alexnet")


def on_two_machines() -> list[str]:
    """What both torchruns are told, here at home."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    return ["--nnodes", "2", "--nproc-per-node", "1", "--rdzv-id", "two", "--rdzv-endpoint", f"localhost:{port}"]


@LINUX
def test_a_worker_lost_by_one_of_two_machines_costs_an_epoch(undisturbed):
    folder = undisturbed.parent / "machines"
    command = started(folder, *on_two_machines())
    env = os.environ | {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    errors, end = os.pipe()
    machines = [subprocess.Popen(command, stderr=end, stdout=end, cwd=ROOT, env=env) for _ in range(2)]
    os.close(end)
    shown = shown_until_it_moves(errors)
    os.kill(worker_of([machine.pid for machine in machines], rank=1), signal.SIGKILL)
    shown += rest(errors)
    assert [machine.wait() for machine in machines] == [0, 0], shown
    assert len(starts(shown)) == 2
    assert 0 == starts(shown)[0] < starts(shown)[1] < EPOCHS
    assert_same(undisturbed / "synthetic/alexnet", folder / "synthetic/alexnet")


@pytest.mark.parametrize(("restarts", "refused"), [("3", True), ("0", False)])
def test_machines_that_would_meet_the_lost_in_an_old_store_are_refused(monkeypatch, restarts, refused):
    launch(monkeypatch, gpus=0)
    monkeypatch.setenv("TORCHELASTIC_USE_AGENT_STORE", "True")
    monkeypatch.setenv("TORCHELASTIC_MAX_RESTARTS", restarts)
    monkeypatch.setattr(torch.distributed, "rendezvous", lambda url: iter([("store", 0, 4)]))
    given = []
    monkeypatch.setattr(torch.distributed, "init_process_group", lambda *a, **k: given.append(k["store"]))
    monkeypatch.setattr(torch.distributed, "destroy_process_group", lambda: None)
    sentence = pytest.raises(InputError, match="needs TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1")
    with sentence if refused else nullcontext(), distributed.group(torch.device("cpu")):
        pass
    assert given == ([] if refused else ["store"])
