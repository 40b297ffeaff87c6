"""Training from scratch on the paper's schedule, with the scores of every test image probed (Sec. 3, App. A).

SGD with momentum and weight decay; the learning rate is divided by ten after each third of the epochs (30 of 90 in the
paper). Scores of all test images are kept at epoch 0, the initial network, after every epoch, and at optimiser steps 0
to ``probed_steps`` (60 in App. A, where they are called iterations).

Under torchrun several workers train one network, each with its share of every batch: see distributed.py. If memory is
short, a batch can be computed in parts, one after the other.

All randomness in an epoch follows from (seed, epoch), so a checkpoint between epochs is enough for an exact resume: on
a CPU, a run that was killed and restarted has the same tables as an uninterrupted one, bit for bit.

Batch norm in probes: its running statistics start at their initial values, and an evaluation after the first steps
would give absurd norms. Before step WARM_STEPS, a probe recomputes the statistics on fixed training images and then
restores the running ones. Later probes, and all of those in Fig. 2 and 3 at the paper's scale, use the running
statistics.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors import torch as safetensors
from scipy.optimize import minimize_scalar
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from analysis import architectures, checkpoints, distributed, fitting, runs, weights
from analysis.augmentation import augment
from analysis.batch_norm import batch_norms, recalibrated
from analysis.cuda_graphs import Captured
from analysis.datasets import Dataset
from analysis.datasets.crops import Crops
from analysis.datasets.decoding import Files
from analysis.devices import device_name, keep_depthwise_float32, memory_format, resolve_precision, tune
from analysis.errors import InputError
from analysis.extraction import PROBED, Pictures, check_measured, extract, images_at_once, precise, scores_table
from analysis.parameters import RunParameters

WARM_STEPS = 1_000  # before this step the network changes faster than running statistics can follow
WARM_IMAGES = 256  # training images for recomputing the statistics in a probe
TOGETHER = 32  # batches given to a GPU at once; one by one, each would make it wait
PROBED_AT_ONCE = {"cpu": 500, "cuda": 5_000}  # test images, at most; of 224 px at most 500


@dataclass
class Progress:
    """What a run has collected so far: the content of a checkpoint beside the network and the optimiser."""

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    epochs: list[dict[str, Tensor]] = field(default_factory=list)  # a probe per epoch, from 0
    iterations: list[dict[str, Tensor]] = field(default_factory=list)  # a probe per step, from 0 to probed_steps
    training: list[dict[str, float]] = field(default_factory=list)  # a row per epoch, from 1


def train(parameters: RunParameters, dataset: Dataset, *, progress: bool = True) -> dict[str, Any]:
    """Train one network and write its tables to ``parameters.run_dir``; resume from a checkpoint if there is one.

    Returns the stamp, also written as run.json. ``pipeline.complete`` calls this only for a run that is not finished.
    Raises InputError for a dataset without training images, an unsuitable architecture or device, a damaged checkpoint
    or one of another run, diverging training and a full disk.
    """
    run = Training(parameters, dataset)
    silent = not progress or distributed.rank() > 0
    with tqdm(
        total=parameters.epochs, initial=run.progress.epoch, desc=parameters.arch, unit="epoch", disable=silent
    ) as bar:
        for row in run.epochs():
            bar.set_postfix(loss=f"{row['loss']:.3f}", accuracy=f"{row['accuracy']:.1%}", refresh=False)
            bar.update()
    return run.finish()


def check(parameters: RunParameters) -> None:
    """Raise InputError for errors that can be found without data: unknown network, missing device."""
    architectures.check_name(parameters.arch)
    weights.check(parameters)
    distributed.worker_device(parameters.device)


class Training:
    """One network in training: state, one epoch, one probe, checkpoint."""

    def __init__(self, parameters: RunParameters, dataset: Dataset):
        if dataset.train is None:
            advice = f"{dataset.to_train}, or give weights to measure"
            raise InputError(f"dataset {dataset.name} has no training images; {advice}")
        self.parameters, self.dataset, self.training_split = parameters, dataset, dataset.train
        self.device = distributed.worker_device(parameters.device)
        tune(self.device)
        self.precision = resolve_precision(parameters.precision, self.device)
        self.rate = parameters.learning_rate or architectures.paper_rate(parameters.arch, bool(parameters.start_from))
        image_size = dataset.test.images[np.arange(1)].shape[-1]
        at_most = PROBED_AT_ONCE[self.device.type]
        self.probed_at_once = images_at_once(parameters.input_size or image_size, at_most)
        network = architectures.build_described(parameters, len(dataset.classes), image_size)
        if not any(value.requires_grad for value in network.parameters()):
            raise InputError(
                f"arch {parameters.arch} has no parameter with requires_grad, so nothing can be trained; "
                "allowed: a network with some, or measure, which takes weights"
            )
        self.started = fitting.start(network, parameters)
        self.layout = memory_format(network, self.device)
        keep_depthwise_float32(network, self.device, self.precision)
        network.to(self.device).to(memory_format=self.layout)
        self.network = distributed.synchronised(network, self.device)
        self.optimiser = torch.optim.SGD(
            self.network.parameters(),
            lr=self.rate,
            momentum=parameters.momentum,
            weight_decay=parameters.weight_decay,
            fused=True,
        )
        fitted, held_out = split_training(len(dataset.train), parameters)
        self.fitted, self.held_out = torch.from_numpy(fitted), held_out
        self.batch = min(parameters.batch_size, len(fitted))  # images per step, over all workers
        if self.batch // distributed.workers() // parameters.accumulate < 2:
            raise InputError(
                f"batches of {self.batch} images are too small for {distributed.workers()} workers and accumulate "
                f"{parameters.accumulate}: each part of a worker's share needs 2 images"
            )
        self.train_pictures = Pictures(dataset.train.images, self.device)
        self.test_pictures = Pictures(dataset.test.images, self.device)
        self.train_targets = torch.tensor(dataset.train.labels).to(self.device)
        self.test_targets = torch.tensor(dataset.test.labels).to(self.device)
        self.fingerprint = runs.fingerprint(
            parameters, f"{dataset.hash}{network.description}{self.started.get('sha256', '')}"
        )
        self.fingerprint += f"/{self.precision}"
        self.checkpoint = parameters.run_dir / runs.CHECKPOINT.format(self.fingerprint[:12])
        self.progress = self._load() or Progress()
        distributed.same(f"{self.fingerprint} {self.progress.epoch}", "data, code or checkpoints")
        self.replica = distributed.replicated(self.network)  # its gradients are those of the whole batch
        capturable = self.device.type == "cuda" and distributed.workers() == 1
        self.captured = Captured(self.train_step) if capturable else None

    def epochs(self) -> Iterator[dict[str, float]]:
        """Train to the end, yielding the row of training.parquet for each finished epoch."""
        if self.progress.epoch == 0:
            initial = self.probe()
            self.progress.epochs, self.progress.iterations = [initial], [initial]
        while self.progress.epoch < self.parameters.epochs:
            started = time.perf_counter()
            row = self.train_epoch(self.progress.epoch + 1)
            self.progress.epochs.append(self.probe())
            row["seconds"] = time.perf_counter() - started
            self.progress.seconds += row["seconds"]
            self.progress.training.append(row)
            self.progress.epoch += 1
            distributed.first(self._save)
            yield row

    def train_epoch(self, epoch: int) -> dict[str, float]:
        """One pass over the training images; (seed, epoch) determines order and augmentation."""
        p = self.parameters
        rate = self.rate * 0.1 ** (3 * (epoch - 1) // p.epochs)
        if self.captured and rate != self.optimiser.param_groups[0]["lr"]:
            self.captured.forget()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        seed = p.training_seed * 100_003 + epoch
        torch.manual_seed(seed + (distributed.rank() << 50))  # dropout, different in each worker
        random = torch.Generator().manual_seed(seed)  # order and augmentation
        order = self.fitted[torch.randperm(len(self.fitted), generator=random)]
        size, mine = self.batch, distributed.share(self.batch)
        order = order[: len(order) // size * size]  # a last batch of few images would disturb batch norm
        order = order.view(-1, size)[:, mine]  # (steps, this worker's images)
        totals = torch.zeros(3, device=self.device)  # loss, correct, images: read once, at the end
        self.network.train()
        pictures = self.epoch_pictures(epoch)
        plain = p.augment and pictures is self.train_pictures
        step, share = self.captured or self.train_step, order.shape[1]
        together = share * (1 if pictures.resident is None else TOGETHER)
        for part, fetched in pictures.batches(order.flatten(), together):
            pixels = augment(fetched, random, size, mine) if plain else fetched
            targets = self.train_targets[part.to(self.device)]
            for batch in zip(pixels.split(share), targets.split(share), strict=True):
                totals += step(*batch)
                self.progress.step += 1
                if self.progress.step <= p.probed_steps:
                    self.progress.iterations.append(self.probe())
                    self.network.train()
        loss, correct, images = distributed.total(totals).tolist()
        if not np.isfinite(loss):
            raise InputError(
                f"training of {p.arch} diverged in epoch {epoch}, its loss is {loss}: "
                f"give a learning_rate below {self.rate:g}"
            )
        return {"epoch": epoch, "learning_rate": rate, "loss": loss / images, "accuracy": correct / images}

    def epoch_pictures(self, epoch: int) -> Pictures:
        """The training images of an epoch: random crops of files; otherwise all images, to be augmented in batches."""
        images = self.training_split.images
        if not (self.parameters.augment and isinstance(images, Files)):
            return self.train_pictures
        return Pictures(Crops(images, self.parameters.training_seed, epoch), self.device)

    def train_step(self, pixels: Tensor, targets: Tensor) -> Tensor:
        """One optimiser step on this worker's (B, 3, H, W) images of a batch, computed in ``accumulate`` parts.

        Returns (3,): sum of losses, correct predictions, images.
        """
        self.optimiser.zero_grad(set_to_none=True)
        accumulate, totals = self.parameters.accumulate, torch.zeros(3, device=self.device)
        parts = zip(pixels.tensor_split(accumulate), targets.tensor_split(accumulate), strict=True)
        for i, part in enumerate(parts, start=1):
            with nullcontext() if i == accumulate else distributed.postponed(self.replica):
                totals += self.add_gradient(*part)
        self.optimiser.step()
        return totals

    def add_gradient(self, pixels: Tensor, targets: Tensor) -> Tensor:
        """Add the contribution of these images to the gradient of the mean loss of the batch. Returns as train_step."""
        with precise(self.device, self.precision):
            logits = self.replica(pixels.contiguous(memory_format=self.layout))
        loss = F.cross_entropy(logits, targets)
        (loss * (len(targets) * distributed.workers() / self.batch)).backward()  # workers' gradients are averaged
        correct = (logits.detach().argmax(1) == targets).sum()
        return torch.stack([loss.detach() * len(targets), correct.float(), torch.ones_like(loss) * len(targets)])

    def probe(self, columns: list[str] = PROBED) -> dict[str, Tensor]:
        """Scores of all test images for the current network: (N,) per column, on the CPU."""
        with self.recalibrated_batch_norm():
            values = extract(
                self.network,
                self.test_pictures,
                self.test_targets,
                precision=self.precision,
                columns=columns,
                batch_size=self.probed_at_once,
            )
        return {name: value.cpu() for name, value in values.items()}

    @contextmanager
    def recalibrated_batch_norm(self) -> Iterator[None]:
        """Batch norm as an evaluation may use it: in the first steps, with statistics of fixed training images."""
        layers = batch_norms(self.network)
        if self.progress.step >= WARM_STEPS or not layers:
            distributed.as_first(layers)
            yield
            return
        self.network.eval()
        with recalibrated(layers):
            images = self.fitted[:WARM_IMAGES]
            if isinstance(layers[0], nn.SyncBatchNorm):  # its statistics are over all workers
                images = images[distributed.share(len(images))]
            _, pixels = next(self.train_pictures.batches(images, WARM_IMAGES))
            with torch.no_grad(), precise(self.device, self.precision):
                self.network.embed(pixels.contiguous(memory_format=torch.channels_last))
            yield

    def normalised(self) -> int | None:
        """The number of images of a batch that batch norm sees at once: those computed together on one device."""
        layers = batch_norms(self.network)
        apart = 1 if layers and isinstance(layers[0], nn.SyncBatchNorm) else distributed.workers()
        return self.batch // apart // self.parameters.accumulate if layers else None

    def finish(self) -> dict[str, Any]:
        """Write the tables, the model and, last, the stamp."""
        p = self.parameters
        scores, temperature = self.final_scores()
        check_measured(scores, f"training of {p.arch} diverged", f"give a learning_rate below {self.rate:g}")
        tables = {
            "scores": scores,
            "epochs": probes_table("epoch", self.progress.epochs),
            "iterations": probes_table("step", self.progress.iterations),
            "training": pd.DataFrame(self.progress.training),
        }
        with self.recalibrated_batch_norm():  # the statistics with which the scores were computed
            state = {name: value.clone().contiguous() for name, value in self.network.state_dict().items()}
        stamp = runs.stamp(
            p,
            self.dataset.hash,
            network=self.network.description,
            started=self.started,
            parameter_count=sum(value.numel() for value in self.network.parameters()),
            embedding=self.network.head.in_features,
            learning_rate=self.rate,
            precision=self.precision,
            normalised=self.normalised(),
            device=device_name(self.device),
            workers=distributed.workers(),
            threads=torch.get_num_threads(),
            seconds=round(self.progress.seconds, 1),
            steps=self.progress.step,
            images={"train": len(self.fitted), "held out": len(self.held_out), "test": len(self.dataset.test)},
            temperature=temperature,
            undefined=int(scores["avh"].isna().sum()),
        )
        return distributed.first(lambda: self._write(tables, state, stamp)) or stamp

    def _write(
        self, tables: dict[str, pd.DataFrame], state: dict[str, Tensor], stamp: dict[str, Any]
    ) -> dict[str, Any]:
        """Write the files of the run, the stamp last; return the stamp as written."""
        folder = self.parameters.run_dir
        for name, table in tables.items():
            runs.write_table(folder / f"{name}.parquet", table)
        said = weights.description(self.dataset.classes, self.network, float(tables["scores"]["correct"].mean()))
        runs.write_bytes(folder / "model.safetensors", safetensors.save(state, metadata=said))
        stamp = runs.write_stamp(folder / runs.RUN, stamp)
        runs.sweep(folder)
        return stamp

    def final_scores(self) -> tuple[pd.DataFrame, float | None]:
        """scores.parquet, a row per test image, and the temperature fitted on held-out training images."""
        with self.recalibrated_batch_norm():
            values = extract(self.network, self.test_pictures, self.test_targets, precision=self.precision, logits=True)
            temperature = self.fit_temperature() if len(self.held_out) else None
        logits = values.pop("logits").double()
        own = self.test_targets[:, None]
        calibrated = (logits / (temperature or torch.nan)).softmax(1).gather(1, own)[:, 0]
        return scores_table(self.dataset.test, values, calibrated), temperature

    def fit_temperature(self) -> float:
        """The temperature that minimises the cross-entropy of the held-out training images (Guo et al., 2017)."""
        held_out = self.training_split.subset(self.held_out)
        pictures, targets = Pictures(held_out.images, self.device), torch.tensor(held_out.labels)
        z = extract(self.network, pictures, targets, precision=self.precision, columns=[], logits=True)["logits"]
        z = z.double().cpu()
        found = minimize_scalar(lambda t: F.cross_entropy(z / np.exp(t), targets).item(), bounds=(-3, 5))
        return float(np.exp(found.x))

    def _save(self) -> None:
        state = {
            "fingerprint": self.fingerprint,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "progress": vars(self.progress),
        }
        checkpoints.write(self.checkpoint, state)

    def _load(self) -> Progress | None:
        state = checkpoints.newest(self.checkpoint, self.device)
        if state is None:
            return None
        if state.get("fingerprint") != self.fingerprint:
            raise InputError(f"{self.checkpoint} belongs to another run: remove it to start this one")
        progress = Progress(**state["progress"])
        if not self.possible(progress):
            raise InputError(f"{self.checkpoint} is damaged (not what its epoch has): remove it to start again")
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        return progress

    def possible(self, progress: Progress) -> bool:
        """Whether a run with these parameters and images can have this state between two epochs."""
        probed = [*progress.epochs, *progress.iterations]
        return (
            0 < progress.epoch <= self.parameters.epochs
            and progress.step == progress.epoch * (len(self.fitted) // self.batch)
            and len(progress.epochs) == progress.epoch + 1
            and len(progress.iterations) == min(progress.step, self.parameters.probed_steps) + 1
            and [row["epoch"] for row in progress.training] == list(range(1, progress.epoch + 1))
            and all(len(values) == len(self.test_targets) for probe in probed for values in probe.values())
        )


def split_training(images: int, parameters: RunParameters) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the training images to fit, and of those held out for the temperature; both ascending."""
    if parameters.calibration_images >= images - 1:
        raise InputError(
            f"calibration_images is {parameters.calibration_images} of {images} training images; "
            f"allowed: 0 to {images - 2}"
        )
    order = np.random.default_rng([parameters.training_seed, 0xCA1]).permutation(images)
    return np.sort(order[parameters.calibration_images :]), np.sort(order[: parameters.calibration_images])


def probes_table(key: str, probes: list[dict[str, Tensor]]) -> pd.DataFrame:
    """A row per (probe, test image): ``key`` counts the probes from 0, ``image`` the test images."""
    n = len(probes[0]["avh"])
    table = {
        key: np.repeat(np.arange(len(probes), dtype=np.int16), n),
        "image": np.tile(np.arange(n, dtype=np.int32), len(probes)),
    }
    return pd.DataFrame(table | {name: torch.cat([probe[name] for probe in probes]).numpy() for name in PROBED})
