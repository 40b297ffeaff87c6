"""The test images of a dataset as a folder of class folders, in the layout of ``imagefolder``."""

from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from analysis.datasets import files
from analysis.datasets.base import Dataset
from analysis.errors import InputError


def write_pictures(dataset: Dataset, folder: Path) -> None:
    """Write test image n as ``folder/class/n.png``: all of them, or nothing.

    Raises InputError if ``folder`` exists and is not empty, or is not writable.
    """
    if folder.exists():
        if not folder.is_dir() or any(folder.iterdir()):
            raise InputError(f"{folder} is there and not empty: choose another folder, or remove it")
        folder.rmdir()  # an empty one is replaced

    def make(path: Path) -> None:
        path.mkdir()
        for name in dataset.classes:
            (path / name).mkdir()
        labels = enumerate(tqdm(dataset.test.labels, desc="pictures", unit=" pictures", disable=None))
        for number, label in labels:
            pixels = dataset.test.images[np.array([number])][0].transpose(1, 2, 0)
            Image.fromarray(np.ascontiguousarray(pixels)).save(path / dataset.classes[label] / f"{number:05d}.png")

    files.build_once(folder, make)
