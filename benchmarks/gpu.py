"""One command for a quarter of an hour on a GPU: tests, ratios, images/s, then training runs until time is up.

    AVH_DATA=... python -m benchmarks.gpu --minutes 9 --studies cifar10h,cifar10h-full

Several networks train at the same time, in the order of the studies; each continues from its last checkpoint.
Measurements are printed and written to ``build/gpu/report.txt``.
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from analysis import runs, scores
from analysis.errors import as_one_sentence
from analysis.parameters import RunParameters
from analysis.studies import options, read_studies
from benchmarks import training
from benchmarks.extraction import pairs as extractions

FOLDER = Path("build/gpu")
N, C, D = 200_000, 1_000, 2_048  # images, classes, dimensions: 2 GB, much larger than a GPU's cache
LAST = 20  # seconds, in which training is stopped and the report is written
SIDE_BY_SIDE, TAKING_TURNS = 12, 4  # narrow networks that train at a time: with a multi-process service, and without
STEPS = 32  # batches in a timed epoch


class Report:
    """Lines that are printed and also written to a file."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file, self.started = path.open("a"), time.perf_counter()

    def say(self, text: str) -> None:
        line = f"{time.perf_counter() - self.started:6.1f} s  {text}"
        print(line, flush=True)
        print(line, file=self.file, flush=True)


def seconds(work: Callable[[], object], repeat: int = 5) -> float:
    """Median time of some work on the GPU, in seconds, after a warm-up."""
    times = []
    for _ in range(1 + repeat):
        torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def ratios(report: Report) -> None:
    """AVH compared with the bare product, and extraction compared with the forward pass."""
    embeddings, weights = torch.randn(N, D, device="cuda"), torch.randn(C, D, device="cuda")
    targets = torch.randint(0, C, (N,), device="cuda")
    product = seconds(lambda: embeddings @ weights.T)
    ours = seconds(lambda: scores.avh(embeddings, weights, targets))
    report.say(f"AVH / bare product, float32, N = {N:,}, C = {C:,}, D = {D:,}: {ours / product:.2f}")
    for name, _, forward, extracted in extractions():
        report.say(f"{name}: {seconds(forward) / seconds(extracted):.2f}")


def rates(report: Report, study: str) -> None:
    """Training images/s of each network of a study: a plain loop, our steps one by one, and as a CUDA graph."""
    for arch, run in read_studies({"studies": study})[study].runs.items():
        ours = training.started(training.rendered(run, STEPS * run.batch_size, str(FOLDER / "rates")))
        images = len(ours.fitted)
        plain = images / seconds(training.plain_loop(ours), 1)
        captured = images / seconds(lambda r=ours: r.train_epoch(1), 3)
        ours.captured = None
        eager = images / seconds(lambda r=ours: r.train_epoch(1), 1)
        report.say(
            f"{study} {arch}: plain loop {plain:,.0f} images/s; one by one {eager:,.0f} ({eager / plain:.2f}); "
            f"CUDA graph {captured:,.0f} ({captured / plain:.2f})"
        )


@contextmanager
def shared_gpu(report: Report) -> Iterator[int]:
    """Start NVIDIA's multi-process service if it is installed: kernels of several processes then run concurrently.

    Yields how many networks should train at the same time.
    """
    control = shutil.which("nvidia-cuda-mps-control") or shutil.which(
        "nvidia-cuda-mps-control", path="/usr/local/nvidia/bin"
    )
    if control is None:
        report.say("no multi-process service: networks take turns on the GPU")
        yield TAKING_TURNS
        return
    folder = FOLDER.absolute() / "mps"
    folder.mkdir(exist_ok=True)
    os.environ |= {"CUDA_MPS_PIPE_DIRECTORY": str(folder), "CUDA_MPS_LOG_DIRECTORY": str(folder)}
    subprocess.run([control, "-d"], check=False)
    try:
        yield SIDE_BY_SIDE
    finally:
        subprocess.run([control], input="quit\n", text=True, check=False, timeout=LAST)


def planned(studies: str) -> list[RunParameters]:
    """The unfinished runs of these studies: of each study, first those with its first seed, then the others.

    Raises InputError if a folder holds another run, which training would refuse to replace.
    """
    found = []
    for study in read_studies({"studies": studies}).values():
        starts = [study.starts(arch) for arch in study.runs]
        found += [run for some in zip(*starts, strict=True) for run in some]
    return [run for run in found if runs.finished(run) is None]


def train(report: Report, waiting: list[RunParameters], deadline: float, side_by_side: int) -> None:
    """Train these runs until the deadline; unfinished ones continue at the next call."""
    running = {}
    while (waiting or running) and time.perf_counter() < deadline:
        while waiting and len(running) < side_by_side:
            run = waiting.pop(0)
            log = FOLDER / f"{run.study_name}-{run.arch.replace('/', '-')}-{run.training_seed}.log"
            command = [sys.executable, "-m", "analysis", "train", "--threads", "1", *options(run)]
            running[subprocess.Popen(command, stdout=log.open("a"), stderr=subprocess.STDOUT)] = run
        time.sleep(0.5)
        for process in [process for process in running if process.poll() is not None]:
            run = running.pop(process)
            report.say(f"{run.run_dir}: {told(run) if process.returncode == 0 else f'failed, {process.returncode}'}")
    for process in running:
        process.send_signal(signal.SIGINT)
    for process, run in running.items():
        try:
            process.wait(LAST)
        except subprocess.TimeoutExpired:
            process.kill()
        report.say(f"{run.run_dir}: stopped; it will continue from its checkpoint")
    for run in waiting:
        report.say(f"{run.run_dir}: not started")


def told(run: RunParameters) -> str:
    """A summary of a finished run."""
    stamp, table = runs.read_run(run.run_dir), runs.read_table(run.run_dir / "scores.parquet")
    return f"accuracy {table['correct'].mean():.2%}, {stamp['seconds']:.0f} s on {stamp['device']}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=9, help="in total")
    parser.add_argument("--studies", default="cifar10h,cifar10h-full", help="to train, separated by commas")
    parser.add_argument("--rates", default="cifar10h-full", help="studies with networks to time, separated by commas")
    parser.add_argument("--side-by-side", type=int, default=0, help="networks that train at a time; 0: automatic")
    parser.add_argument("--train-only", action="store_true", help="no tests, no ratios, no rates")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("error: there is no GPU here; allowed: a machine with a CUDA device", file=sys.stderr)
        return 2
    with as_one_sentence():
        waiting = planned(arguments.studies)  # before any time on the GPU is spent
    report = Report(FOLDER / "report.txt")
    deadline = report.started + 60 * arguments.minutes - LAST
    report.say(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {os.cpu_count()} CPU cores")
    if not arguments.train_only:
        tests = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider"]
        done = subprocess.run(tests, capture_output=True, text=True, check=False)
        report.say(f"tests marked gpu: {(done.stdout.strip().splitlines() or ['no output'])[-1]}")
        if done.returncode:
            report.say(done.stdout[-3000:] + done.stderr[-1000:])
        ratios(report)
        for study in filter(None, arguments.rates.split(",")):
            rates(report, study)
    torch.cuda.empty_cache()
    with shared_gpu(report) as together:
        train(report, waiting, deadline, arguments.side_by_side or together)
    return 0


if __name__ == "__main__":
    sys.exit(main())
