"""Small made-up results, as a finished study leaves them on disk: for tests of what reads them."""

from pathlib import Path

import numpy as np
import pandas as pd

from analysis import runs
from analysis.parameters import StudyParameters

# The end of a chapter's header: which language its cells are in.
NOTEBOOK = """jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""
N, CLASSES = 60, ["circle", "a|b", "<b>*x*</b>"]


class Study(StudyParameters):
    """A made-up study, and its networks."""

    archs: list[str]


def study(folder: Path, archs: list[str], *, people: bool = True, epochs: int = 3, starts: int = 1) -> Study:
    """Write a study under ``folder``; AVH follows people, the norm does not, and one AVH is undefined.

    starts: of each network; of all but the first there are scores and training curves alone, as in a record.
    """
    parameters = Study(results_dir=str(folder), archs=archs)
    random = np.random.default_rng(0)
    images = pd.DataFrame({"id": [f"image-{i}" for i in range(N)], "label": np.arange(N) % 3})
    selected = random.integers(0, 9, N) * (np.arange(N) % 2) + (1 - np.arange(N) % 2) * 10
    if people:
        images = images.assign(selected=selected, shown=10)
    dataset = {
        "name": "synthetic",
        "parameters": {k: v for k, v in runs.described(parameters).items() if k != "archs"},
        "hash": "abc",
        "classes": CLASSES,
        "superclasses": {"all": [0, 1, 2]},
        "people": "simulated annotators" if people else None,
        "simulated": people,
        "notes": ["They are made up."],
        "images": {"train": 90, "test": N},
    }
    runs.write_table(parameters.study_dir / "images.parquet", images)
    runs.write_json(parameters.study_dir / "dataset.json", dataset)
    for arch in archs:
        for seed in range(starts):
            run(parameters, arch, images, selected / 10, epochs, seed)
    return parameters


def run(parameters: Study, arch: str, images: pd.DataFrame, hsf: np.ndarray, epochs: int, seed: int = 0) -> None:
    """One network's results, from one start."""
    folder = parameters.study_dir / arch / (f"seed-{seed}" if seed else "")
    random = np.random.default_rng(len(arch) + 1000 * seed)

    def probe(progress: float) -> pd.DataFrame:
        avh = (0.4 - 0.2 * progress * hsf + 0.01 * random.normal(size=N)).astype(np.float32)
        avh[0] = np.nan
        norm = (5 + progress + random.random(N)).astype(np.float32)
        correct = random.random(N) < 0.3 + 0.6 * progress
        return pd.DataFrame({"confidence": 1 - avh, "norm": norm, "angle": avh, "avh": avh, "correct": correct})

    probes = [
        probe(i / max(1, epochs)).assign(epoch=np.int16(i), image=np.arange(N, dtype=np.int32))
        for i in range(epochs + 1)
    ]
    epoch = np.arange(1, epochs + 1)
    training = pd.DataFrame(
        {
            "epoch": epoch,
            "learning_rate": 0.1 ** (1 + 3 * (epoch - 1) // epochs),
            "loss": 1 / epoch,
            "accuracy": epoch / (epochs + 1),
        }
    )
    scores = probes[-1].drop(columns=["epoch", "image"]).assign(id=images["id"], label=images["label"], predicted=0)
    confidence = scores["confidence"]
    scores = scores.assign(
        nearest=0,
        cosine=np.cos(scores["angle"]),
        avh_others=scores["avh"] / (1 - scores["avh"]),
        angular_margin=scores["angle"] - 0.3,
        max_confidence=random.random(N),
        margin=confidence - random.random(N),
        entropy=random.random(N),
        loss=-np.log(confidence),
        temperature_confidence=confidence**0.5,
    )
    runs.write_table(folder / "scores.parquet", scores)
    if not seed:
        runs.write_table(folder / "epochs.parquet", pd.concat(probes, ignore_index=True))
    steps = [probe(i / 60).assign(step=np.int16(i), image=np.arange(N, dtype=np.int32)) for i in range(3)]
    if not seed:
        runs.write_table(folder / "iterations.parquet", pd.concat(steps, ignore_index=True))
    runs.write_table(folder / "training.parquet", training)
    stamp = {
        "parameters": {"seed": 0, "arch": arch, "start_seed": seed or None, "epochs": epochs},
        "data": "abc",
        "commit": "0123456789ab+",
        "source": "f" * 64,
        "versions": {"python": "3.11", "torch": "2"},
        "network": f"{arch}_bn with a small-image stem, width 1" if arch == "vgg19" else f"torchvision's {arch}",
        "parameter_count": 1234567,
        "embedding": 64,
        "learning_rate": 0.1,
        "precision": "float32",
        "device": "a CPU",
        "threads": 1,
        "seconds": 154.0,
        "steps": 100,
        "images": {"train": 80, "held out": 10, "test": N},
    }
    runs.write_json(folder / runs.RUN, stamp)
