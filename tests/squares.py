"""A tiny dataset that any network can learn."""

import numpy as np

from analysis.datasets.base import Dataset, Split


def coloured_squares(train: int = 24, test: int = 12, *, classes: int = 3, size: int = 8, seed: int = 0) -> Dataset:
    """A dataset that any network can learn; 0 training images: none."""
    rng = np.random.default_rng(seed)
    palette = rng.permutation(np.stack(np.meshgrid([40, 210], [40, 210], [40, 210]), -1).reshape(-1, 3))[:classes]

    def split(part: str, n: int) -> Split:
        labels = np.arange(n) % classes
        noise = rng.integers(-30, 31, (n, 3, size, size))
        images = (palette[labels][:, :, None, None] + noise).astype(np.uint8)
        return Split(images, labels, np.array([f"{part}-{i}" for i in range(n)]))

    return Dataset(
        name="squares",
        train=split("train", train) if train else None,
        test=split("test", test),
        classes=tuple(f"colour {i}" for i in range(classes)),
        superclasses={"all": tuple(range(classes))},
        human=None,
        hash=f"{train} {test} {classes} {size} {seed}",
    )
