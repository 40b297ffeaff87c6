"""`make bench`: the speed of the project's code, as ratios of two times measured alternately in one process.

Absolute times depend on the machine more than on the code, so most lines are ratios with their range over repetitions;
only the last ones, on decoding, describe the machine. Nothing here is a test: on a noisy machine, nothing fails.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from benchmarks import decoding, extraction, memory, products, training


def ratio(name: str, target: str, ours: Callable[[], float], theirs: Callable[[], float], repeat: int) -> None:
    """Print the median and the range of ours / theirs, run alternately ``repeat`` times after a warm-up."""
    ours(), theirs()
    values = sorted(ours() / theirs() for _ in range(repeat))
    middle = statistics.median(values)
    print(f"{name:<58} {middle:6.2f}   [{values[0]:.2f}, {values[-1]:.2f}]   {target}", flush=True)


def seconds(work: Callable[[], object]) -> Callable[[], float]:
    """A function that does ``work`` and returns the time in seconds."""

    def timed() -> float:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return time.perf_counter() - start

    return timed


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1, help="1, as in the training of a study")
    parser.add_argument("--photographs", type=int, default=1_300, help="maximum number to decode")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"torch {torch.__version__}, {arguments.threads} threads, median [range] of {arguments.repeat}\n")
    for module in (products, extraction, training):
        for name, target, ours, theirs in module.pairs():
            ratio(name, target, seconds(ours), seconds(theirs), arguments.repeat)
    print(f"{'AVH, peak memory in addition to its inputs':<58} {memory.peak():6.0f} MB            at most 64 MB")
    decoding.report(arguments.photographs, arguments.repeat)


if __name__ == "__main__":
    main()
