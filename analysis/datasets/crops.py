"""Training images from files as one epoch sees them: random crops, as in PyTorch's ImageNet example.

torchvision's RandomResizedCrop, a box with .08 to 1 of the area of the image and an aspect ratio of 3/4 to 4/3,
resized, and its random horizontal flip (C. Szegedy et al., CVPR 2015). All of this is done during decoding, because
boxes are taken from the whole image. JPEG's cheaper decoding at half the size is not used: its pixels differ, and few
boxes are large enough for it.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from analysis.datasets import decoding

AREA = (0.08, 1.0)  # of a box, as a share of the image
RATIO = (3 / 4, 4 / 3)  # its width / height
TRIES = 10  # to draw a box that lies within the image


class Crops:
    """Random crops of image files (see ``Images``), decoded by threads on demand.

    A crop follows from (seed, epoch, index) alone: not from batches, threads, or the number of workers.
    """

    def __init__(self, files: decoding.Files, seed: int, epoch: int, threads: int = decoding.THREADS):
        self.files, self.seed, self.epoch = files, seed, epoch
        self.threads = ThreadPoolExecutor(threads, "crops")  # for all batches, as those of Files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        """Indices (B,) -> (B, 3, S, S) uint8. Raises InputError if an image is corrupt."""
        return self.files.fetch(indices, self.threads, self._make)

    def _make(self, path: Path, index: int) -> np.ndarray:
        return crop(path, self.files.size, np.random.default_rng([self.seed, self.epoch, index]))


def crop(path: Path, size: int, random: np.random.Generator) -> np.ndarray:
    """A random box of the image in a file, resized and perhaps mirrored, without EXIF rotation: (3, size, size) uint8.

    Raises the same errors as ``decoding.decode``.
    """
    with decoding.opened(path) as image:
        left, top, width, height = box(*image.size, random)
        part = image.crop((left, top, left + width, top + height)).convert("RGB")
    square = np.asarray(part.resize((size, size), Image.Resampling.BILINEAR)).transpose(2, 0, 1)  # (3, S, S)
    return square[:, :, ::-1] if random.random() < 0.5 else square


def box(width: int, height: int, random: np.random.Generator) -> tuple[int, int, int, int]:
    """Left, top, width and height of a box in an image, drawn like torchvision's RandomResizedCrop.get_params.

    That function uses torch's global generator, which threads would share. If no drawn box lies within the image, the
    box is the largest central one that the aspect ratio allows.
    """
    for share, slant, across, down in random.random((TRIES, 4)).tolist():
        area = width * height * (AREA[0] + share * (AREA[1] - AREA[0]))
        ratio = RATIO[0] * (RATIO[1] / RATIO[0]) ** slant  # its logarithm is uniform
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return int(across * (width - w + 1)), int(down * (height - h + 1)), w, h
    ratio = min(max(width / height, RATIO[0]), RATIO[1])
    w, h = min(width, round(height * ratio)), min(height, round(width / ratio))
    return (width - w) // 2, (height - h) // 2, w, h
