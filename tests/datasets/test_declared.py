"""A dataset is one file: added to a copy of the project, it is loaded, trained on, and has the pages it can have."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.datasets import DECLARATIONS
from analysis.parameters import DATASETS

ROOT = Path(__file__).parent.parent.parent

STRIPES = '''"""Stripes: level or upright, and nobody was asked."""

import numpy as np

from analysis.datasets.base import Dataset, Declaration, Split


def load(parameters):
    def split(name, n):
        labels = np.arange(n) % 2
        pictures = np.random.default_rng(n).integers(0, 60, (n, 3, 32, 32)).astype(np.uint8)
        pictures[labels == 0, :, ::4] += 150
        pictures[labels == 1, :, :, ::4] += 150
        return Split(pictures, labels, np.array([f"{name}-{i}" for i in range(n)]))

    sizes = parameters.train_images or 40, parameters.test_images or 20
    train, test = split("train", sizes[0]), split("test", sizes[1])
    return Dataset("stripes", train, test, ("level", "upright"), {"all": (0, 1)}, None, "0")


DECLARED = Declaration(load, made_by=("base", "stripes"))
'''


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("extended")
    for name in ("analysis", "report", "studies", "recorded", "book/chapters"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.parquet"))
    (folder / "analysis/datasets/stripes.py").write_text(STRIPES)
    (folder / "studies/stripes.yaml").write_text("dataset: stripes\narchitectures: {resnet18: {width: 0.0625}}\n")
    return folder


def run(folder: Path, *words: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(folder)}
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_a_file_more_is_a_dataset_more(extended):
    assert "2 classes" in run(extended, "analysis", "data", "-p", "dataset", "stripes")
    words = "-p dataset stripes -p arch resnet18 -p width 0.0625 -p epochs 3 -p batch_size 8 -p calibration_images 4"
    run(extended, "analysis", "train", *words.split())
    stamp = json.loads((extended / "results/stripes/resnet18/run.json").read_text())
    assert stamp["parameters"]["dataset"] == "stripes"


def test_it_has_the_pages_of_what_it_offers(extended):
    contents = run(extended, "report.contents", "stripes")
    pages = [line.split("book/runs/stripes/")[1] for line in contents.splitlines() if "book/runs/stripes/" in line]
    assert pages == [
        *("verdicts", "dynamics", "first-iterations"),
        *("resnet18/training", "resnet18/hardness", "resnet18/explorer"),
    ]


def test_every_declaration_is_a_module_that_parameters_know():
    assert tuple(DECLARATIONS) == DATASETS == ("cifar10h", "imagefolder", "imagenet", "synthetic")
