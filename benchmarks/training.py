"""Training compared with a plain float32 loop over a DataLoader, and the cost of probing.

Both train the same network on the same images with the same batch size, for one epoch. The plain loop has its images in
memory and does not augment them, so that only the training itself is compared.

    python -m benchmarks.training cifar10h-full      images/s of each network of a study, at its width and batch size
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from analysis import architectures, pipeline
from analysis.devices import device_name
from analysis.parameters import RunParameters
from analysis.studies import read_studies
from analysis.training import Training

STUDY = "cifar10h"  # whose networks are compared, with the width, stem and batch size of their record
IMAGES = 1_024


def pairs():
    for arch, planned in read_studies({"studies": STUDY})[STUDY].runs.items():
        with tempfile.TemporaryDirectory() as folder:
            run = started(rendered(planned, IMAGES, folder, test_images=1_000))
            plain = plain_loop(run)
            # images/s are the inverse of seconds, so the time of the plain loop is the numerator
            name = f"training / plain float32 loop, images/s, {arch}"
            yield name, "at least 1.6", plain, lambda r=run: r.train_epoch(1)
            yield (
                f"an epoch with its probe / without, {arch}, 1,024 + 1,000",
                "reported",
                lambda r=run: (r.train_epoch(1), r.probe()),
                lambda r=run: r.train_epoch(1),
            )


def rendered(run: RunParameters, images: int, folder: str, test_images: int = 100) -> RunParameters:
    """The same training on this many rendered images."""
    size = {"train_images": images, "test_images": test_images, "calibration_images": 0}
    return run.model_copy(update={"dataset": "synthetic", "results_dir": folder, **size})


def started(parameters: RunParameters) -> Training:
    run = Training(parameters, pipeline.prepare(pipeline.study_of(parameters)))
    run.progress.step = 1_000  # after the first steps, each of which is probed
    return run


def plain_loop(run: Training) -> Callable[[], None]:
    """An epoch of a simple training loop: float32, channels first, torch's default SGD, .item() at each step."""
    p = run.parameters
    network = architectures.build(p.arch, len(run.dataset.classes), image_size=32, width=p.width, stem=p.stem)
    network = network.to(run.device).train()
    optimiser = torch.optim.SGD(network.parameters(), lr=run.rate, momentum=p.momentum, weight_decay=p.weight_decay)
    pictures = TensorDataset(torch.tensor(run.dataset.train.images[:]), torch.tensor(run.dataset.train.labels[:]))
    loader = DataLoader(pictures, batch_size=p.batch_size, shuffle=True, drop_last=True)

    def epoch():
        for pixels, labels in loader:
            loss = F.cross_entropy(network(pixels.to(run.device)), labels.to(run.device))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss.item()

    return epoch


def report(name: str, images: int, repeat: int) -> None:
    """Print images/s of each network of a study and of the plain loop, run alternately in one process."""
    for arch, run in read_studies({"studies": name})[name].runs.items():
        if run.image_size != 32 or run.weights:
            raise SystemExit(f"study {name} does not train on images of 32 px; only such studies are measured")
        with tempfile.TemporaryDirectory() as folder:
            ours = started(rendered(run, images, folder))
            plain = plain_loop(ours)
            rates = [(rate(lambda r=ours: r.train_epoch(1), images), rate(plain, images)) for _ in range(1 + repeat)]
            mine, theirs = (statistics.median(column[1:]) for column in zip(*rates, strict=True))
            print(
                f"{arch:<12} {mine:9,.0f} {theirs:9,.0f} {mine / theirs:7.2f}   {device_name(ours.device)}", flush=True
            )


def rate(work: Callable[[], object], images: int) -> float:
    """Images per second; both loops synchronise with the device at the end of an epoch."""
    start = time.perf_counter()
    work()
    return images / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training")
    parser.add_argument("study", help="a file under studies/, such as cifar10h-full")
    parser.add_argument("--images", type=int, default=8_192, help="number of images in an epoch")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"{'images/s':<12} {'ours':>9} {'plain':>9} {'ratio':>7}")
    report(arguments.study, arguments.images, arguments.repeat)


if __name__ == "__main__":
    main()
