"""A study, step by step: images and human labels, then one run per network.

Each step returns finished results and makes them otherwise. Only making a run imports torch, so chapters that read
finished results start quickly.
"""

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import runs, schemas
from analysis.datasets import Dataset, HumanLabels, answers, load, present
from analysis.errors import InputError
from analysis.parameters import RunParameters, StudyParameters
from analysis.runs import DATASET, IMAGES

# Entries of dataset.json that identify a study; "answers" belongs to a record, which is read and never extended.
IDENTITY = ("name", "parameters", "hash", "classes", "images", "simulated", "answers")
GROUPING = ("superclasses", "notes")  # these depend on what is installed, and change no table


def prepare(parameters: StudyParameters) -> Dataset:
    """Load the dataset of a study and write its description and its table of test images, unless they are there.

    A table that is not as it was written is written again.
    A finer grouping of the classes, for example after WordNet was installed, is added to the description; a coarser one
    is not.
    Raises InputError if data is missing, damaged or does not fit, and if the folder of the study contains finished runs
    on other data, because they would be left without their images.
    """
    dataset = load(parameters)
    folder, description = parameters.study_dir, describe_study(dataset, parameters)
    there = read_description(folder) if (folder / DATASET).exists() else {}
    if identity(there) != identity(description):
        finished = [run.name for run in runs.finished_runs(folder)]
        if there and finished:
            raise InputError(
                f"{folder} holds finished runs ({', '.join(finished)}) on other data or data parameters: "
                "choose another name with study, or remove that folder"
            )
        if there.get("people") and not description["people"] and there["parameters"] == description["parameters"]:
            raise InputError(
                f"{folder} was prepared with the answers of {there['people']}, which are gone: put their file back, or "
                "give human_labels none"
            )
        runs.write_table(folder / IMAGES, images_table(dataset))
        runs.write_stamp(folder / DATASET, description)
    elif not intact(folder, there):
        runs.write_table(folder / IMAGES, images_table(dataset))
        runs.write_stamp(folder / DATASET, there)
    elif len(description["superclasses"]) > len(there["superclasses"]):
        runs.write_stamp(folder / DATASET, there | {name: description[name] for name in GROUPING})
    return dataset


def read_description(folder: Path) -> dict[str, Any]:
    """dataset.json of a study. Raises InputError if it is missing, was changed, or is no description."""
    description = runs.read_stamp(folder / DATASET)
    schemas.check_description(folder / DATASET, description, schemas.Description)
    return description


def intact(folder: Path, description: dict[str, Any]) -> bool:
    """Whether the table of images is there as it was written."""
    try:
        runs.check_file(folder / IMAGES, description, DATASET)
    except InputError:
        return False
    return (folder / IMAGES).exists()


def say_left_out(dataset: Dataset) -> None:
    """Print which files were not read; pages report it, too."""
    for sentence in dataset.left_out:
        print(sentence, file=sys.stderr)


def identity(description: dict[str, Any]) -> dict[str, Any]:
    """The part of dataset.json that identifies a study."""
    return {name: description.get(name) for name in IDENTITY} | {"people": bool(description.get("people"))}


def complete(parameters: RunParameters, *, progress: bool = True) -> dict[str, Any]:
    """The stamp of the run with these parameters, which is made now if it is not finished.

    A network with given weights is only evaluated; any other is trained.
    """
    stamp = runs.finished(parameters)
    if stamp is not None:
        check_package(parameters, stamp)
        runs.sweep(parameters.run_dir)  # a run may have been killed between writing its stamp and cleaning up
        return stamp
    # These import torch, which takes seconds that finished runs do not need.
    from analysis import distributed  # noqa: PLC0415

    if parameters.weights:
        from analysis import evaluation  # noqa: PLC0415

        check, make = evaluation.check, evaluation.measure
    else:
        from analysis import training  # noqa: PLC0415

        check, make = training.check, training.train
    check(parameters)  # before data is downloaded
    with distributed.group(distributed.worker_device(parameters.device)):
        dataset = distributed.first_then_all(lambda: prepare(study_of(parameters)))
        if progress and distributed.rank() == 0:
            say_left_out(dataset)
        return make(parameters, dataset, progress=progress)


def check_package(parameters: RunParameters, stamp: dict[str, Any]) -> None:
    """Raise InputError if an installed package no longer holds the weights of a finished run; it may be gone."""
    for name, taken in ((parameters.weights, "measured"), (parameters.start_from, "started")):
        if not name.startswith("package:"):
            continue
        from analysis import weights  # noqa: PLC0415  it imports torch

        try:
            path = weights.package_file(name)
        except InputError:  # not installed, as a file that is gone
            continue
        if runs.sha256(path) != stamp.get(taken, {}).get("sha256"):
            raise InputError(
                f"{parameters.run_dir} holds a finished run with other parameters ({path} is not the file that it was "
                "then): choose another name with study, or remove that folder"
            )


def study_of(parameters: StudyParameters) -> StudyParameters:
    """The parameters of a run that its study shares."""
    return StudyParameters(**parameters.model_dump(include=set(StudyParameters.model_fields)))


def describe_study(dataset: Dataset, parameters: StudyParameters) -> dict[str, Any]:
    """dataset.json: everything that pages report about the data."""
    return {
        "name": dataset.name,
        "parameters": runs.described(study_of(parameters)),
        "hash": dataset.hash,
        "classes": list(dataset.classes),
        "superclasses": {name: list(map(int, members)) for name, members in dataset.superclasses.items()},
        "people": dataset.human.people if dataset.human else None,
        "simulated": bool(dataset.human and dataset.human.simulated),
        "notes": list(dataset.notes),
        "images": {"train": len(dataset.train) if dataset.train else 0, "test": len(dataset.test)},
    }


def images_table(dataset: Dataset) -> pd.DataFrame:
    """images.parquet: a row per test image with its label, human labels and the known causes of difficulty.

    ``selected`` of ``shown`` annotators chose the label; ``count_<k>`` chose class k.
    """
    frame = pd.DataFrame({"id": dataset.test.ids, "label": np.asarray(dataset.test.labels)})
    if dataset.human is not None:
        frame = frame.assign(**answers_columns(dataset.human))
    if dataset.causes is not None:
        frame = pd.concat([frame, dataset.causes.reset_index(drop=True)], axis=1)
    return frame


def answers_columns(human: HumanLabels) -> dict[str, np.ndarray]:
    """Human labels as columns of images.parquet, each (N,)."""
    columns = {"selected": human.selected, "shown": human.shown}
    if human.counts is not None:
        columns |= {f"count_{k}": human.counts[:, k] for k in range(human.counts.shape[1])}
    return columns


def answers_hash(images: pd.DataFrame) -> str:
    """SHA-256 of the human labels in images.parquet; empty without labels."""
    if "selected" not in images:
        return ""
    return hashlib.sha256(images[["selected", "shown"]].to_numpy(np.int64).tobytes()).hexdigest()


def answered(
    images: pd.DataFrame, dataset: dict[str, Any], parameters: StudyParameters, download: bool = True
) -> pd.DataFrame:
    """images.parquet with human labels, joined from the user's copy if they were not recorded with it.

    download: whether they may be downloaded if there is no copy; otherwise they are left out.
    Raises InputError if they are not available, or differ from those that were recorded.
    """
    if dataset["people"] is None or "selected" in images or not (download or present(parameters)[1]):
        return images
    human = answers(parameters, images["id"].to_numpy(), images["label"].to_numpy())
    joined = images.assign(**answers_columns(human))
    if answers_hash(joined) != dataset.get("answers"):
        raise InputError(f"human labels in {parameters.data_path} are not those of {parameters.study_dir}")
    return joined
