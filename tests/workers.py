"""Trains in the workers of one torchrun, so that torch is imported and the workers meet once for all jobs.

    torchrun --nproc-per-node 2 tests/workers.py FOLDER

Results go to FOLDER/two; what each worker saw goes to FOLDER/worker-<rank>.json. The jobs' parameters are those that
test_distributed.py trains with in one process, and UNDISTURBED's those of its runs that lose a worker.
"""

import sys
from itertools import islice
from pathlib import Path

import torch
from squares import coloured_squares
from torch import nn

from analysis import distributed, extraction, pipeline, runs, training
from analysis.errors import InputError
from analysis.extraction import PROBED
from analysis.parameters import RunParameters

TINY = {"width": 1 / 32, "stem": "small", "epochs": 4, "calibration_images": 5, "precision": "float32"}
JOBS = {  # 35 images are fitted
    "even": {"batch_size": 8},
    "uneven": {"batch_size": 9},  # shares of 4 and 5
    "parts": {"batch_size": 13, "accumulate": 3},  # shares of 6 and 7, in parts of 2 and 3
    "plain": {"batch_size": 8, "augment": False},
}
STOPPED = {"batch_size": 8, "learning_rate": 0.02}  # begun here, ended in one process
BEGUN = {"batch_size": 8, "learning_rate": 0.03}  # begun in one process, ended here
EPOCHS_BEFORE = 2
UNDISTURBED = {"train_images": 60, "test_images": 13, "calibration_images": 10, "batch_size": 9, "epochs": 40}
UNDISTURBED |= {"arch": "alexnet", "width": 0.03125}


def parameters(folder: Path, study: str, **more) -> RunParameters:
    return RunParameters(results_dir=str(folder), study=study, **({"arch": "alexnet"} | TINY | more))


def dataset():
    """An odd number of test images: the workers' shares differ."""
    return coloured_squares(40, 13, size=32)


def raised(work) -> str:
    try:
        work()
    except InputError as error:
        return str(error)
    return ""


def bad():
    raise InputError("only here")


def alone(run: training.Training) -> dict[str, torch.Tensor]:
    """A probe of all test images by this worker's own network."""
    share, whole = distributed.share, distributed.whole
    distributed.share, distributed.whole = lambda n: slice(0, n), lambda value: value
    network, pictures = run.network, run.test_pictures
    found = extraction.extract(network, pictures, run.test_targets, columns=PROBED)
    distributed.share, distributed.whole = share, whole
    return found


def batch_norm(folder: Path) -> dict:
    """How far a probe of all workers is from one by this worker, with running statistics."""
    training.WARM_STEPS = 3
    run = training.Training(parameters(folder, "norm", arch="resnet18", batch_size=8), dataset())
    list(run.epochs())
    together, mine = run.probe(), alone(run)
    far = {name: (together[name].float() - mine[name].float()).abs().max().item() for name in PROBED}
    stamp = run.finish()
    return {"far": max(far.values()), "normalised": stamp["normalised"]}


def seeds(folder: Path) -> list[int]:
    """Of dropout, in each of three epochs."""
    run = training.Training(parameters(folder, "seeds", batch_size=8), dataset())
    return [torch.initial_seed() for _ in islice(run.epochs(), 3)]


def undisturbed(folder: Path) -> None:
    """A run with dropout that loses no worker."""
    places = {"results_dir": str(folder / "undisturbed"), "data_dir": str(folder)}
    p = RunParameters(**UNDISTURBED, **places)
    dataset = distributed.first_then_all(lambda: pipeline.prepare(pipeline.study_of(p)))
    training.train(p, dataset, progress=False)


def main(folder: Path) -> None:
    seen, two = {}, folder / "two"
    seen["seeds"] = seeds(two)
    undisturbed(folder / "lost")
    nn.Dropout.forward = lambda self, values: values  # its masks follow the number of workers
    seen["stamps"] = {
        name: training.train(parameters(two, name, **job), dataset(), progress=False) for name, job in JOBS.items()
    }
    list(islice(training.Training(parameters(two, "stopped", **STOPPED), dataset()).epochs(), EPOCHS_BEFORE))
    training.train(parameters(two, "begun", **BEGUN), dataset(), progress=False)
    seen["norm"] = batch_norm(two)
    seen["small"] = raised(lambda: training.Training(parameters(two, "small", batch_size=3), dataset()))
    seen["parted"] = raised(lambda: training.Training(parameters(two, "small", batch_size=8, accumulate=3), dataset()))
    seen["first"] = raised(lambda: distributed.first(bad if distributed.rank() == 0 else None))
    seen["different"] = raised(lambda: distributed.same(str(distributed.rank()), "checkpoints"))
    seen["order"] = distributed.first_then_all(lambda: sorted(path.name for path in two.glob("*/dataset.json")))
    runs.write_json(folder / f"worker-{distributed.rank()}.json", seen)


if __name__ == "__main__":
    with distributed.group(torch.device("cpu")):
        main(Path(sys.argv[1]))
