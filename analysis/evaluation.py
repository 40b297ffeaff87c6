"""Evaluation of a network with given weights: the scores of every test image; nothing is trained.

For your own networks and images, and for published ones (Sec. 2 uses torchvision's pretrained networks). Published
networks receive each image file as in their original evaluation, whatever the study's image_size; images that are not
files are used unchanged. Only EXIF orientation depends on the dataset: your own images are rotated accordingly
(imagefolder.py), otherwise a photograph from a phone held upright would lie on its side; ImageNet's are not, as
torchvision does not rotate them.
"""

import time
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from analysis import architectures, distributed, fitting, outputs, runs, weights
from analysis.datasets import Dataset, Images, Split
from analysis.devices import device_name, resolve_device, resolve_precision
from analysis.errors import InputError
from analysis.extraction import Pictures, check_measured, extract, images_at_once, scores_table
from analysis.parameters import RunParameters


def check(parameters: RunParameters) -> None:
    """Raise InputError for errors that can be found without data: unknown network or weights, missing device."""
    if distributed.launched() > 1:
        raise InputError("measure runs in one process: start it without torchrun")
    architectures.check_name(parameters.arch)
    resolve_device(parameters.device)
    weights.check(parameters)


def measure(parameters: RunParameters, dataset: Dataset, *, progress: bool = True) -> dict[str, Any]:
    """Evaluate every test image and write scores.parquet and, last, run.json to ``parameters.run_dir``.

    Returns the stamp. ``pipeline.complete`` calls this only for a run that is not finished. There are no held-out
    images, so the calibrated confidence is undefined. Raises InputError for an unsuitable network, weights or device,
    and a full disk.
    """
    device = resolve_device(parameters.device)
    precision = resolve_precision(parameters.precision, device)
    given = weights.read(parameters, parameters.weights, progress=progress)
    images, made = pictures_for(given, dataset.test)
    image_size = images[np.arange(1)].shape[-1]  # of the decoded images; the network may resize them
    fitted = fitting.fit(given, parameters, dataset.classes, image_size)
    network = fitted.network.to(device).to(memory_format=torch.channels_last)
    targets = torch.tensor(dataset.test.labels)
    started = time.perf_counter()
    with tqdm(total=len(dataset.test), desc=parameters.arch, unit=" pictures", disable=not progress) as bar:
        values = extract(
            network,
            Pictures(images, device),
            targets,
            precision=precision,
            batch_size=images_at_once(parameters.input_size or image_size),
            bar=bar,
        )
    scores = scores_table(dataset.test, values)
    check_measured(scores, given.name, "allowed: weights whose last layer and embeddings are neither 0 nor overflow")
    label, predicted = (scores[column].to_numpy() for column in ("label", "predicted"))
    outputs.check_order(label, predicted, given.name, fitted.decided, given.accuracy)
    seconds = time.perf_counter() - started
    runs.write_table(parameters.run_dir / "scores.parquet", scores)
    stamp = runs.stamp(
        parameters,
        dataset.hash,
        network=network.description,
        parameter_count=sum(value.numel() for value in network.parameters()),
        embedding=network.head.in_features,
        measured={
            "weights": given.name,
            "sha256": given.sha256,
            "by_name": fitted.decided == outputs.NAMES,
            "decided": fitted.decided,
            "normalisation": fitting.normalisation_of(given, network, parameters.arch),
        }
        | ({"notes": list(fitted.notes)} if fitted.notes else {})
        | made,
        classes=list(fitted.classes),
        precision=precision,
        device=device_name(device),
        threads=torch.get_num_threads(),
        seconds=round(seconds, 1),
        images={"test": len(dataset.test)},
        undefined=int(scores["avh"].isna().sum()),
    )
    stamp = runs.write_stamp(parameters.run_dir / runs.RUN, stamp)
    runs.sweep(parameters.run_dir)
    return stamp


def pictures_for(given: weights.Weights, split: Split) -> tuple[Images, dict[str, Any]]:
    """The images as the weights were originally evaluated, and the transforms for the stamp; only for published
    weights.

    "transforms" has the resizing and whether EXIF orientation was applied, if any, and the normalisation.
    """
    if given.evaluation is None:
        return split.images, {}
    made = asdict(given.evaluation)
    if split.files is not None:
        resizing = (given.evaluation.size, given.evaluation.resized, given.evaluation.interpolation)
        files = split.files.evaluated(*resizing)
        return files, {"transforms": made | {"upright": files.geometry.upright}}
    return split.images, {"transforms": {name: made[name] for name in ("mean", "std")}}
