"""A smaller study on the same dataset: random images, evenly from all classes."""

import numpy as np
import pandas as pd

from analysis.errors import InputError

STREAMS = {"train": 0, "test": 1}  # so that the draw for one split does not depend on the other


def balanced(labels: np.ndarray, count: int | None, seed: int, part: str) -> np.ndarray:
    """Indices (count,) of a random subset of ``part``, ascending; None: all.

    Classes take turns, each contributing images in random order, until ``count`` is reached. So class sizes differ by
    at most one, unless a class is exhausted, and a smaller subset is part of a larger one with the same seed. Raises
    InputError if ``count`` is more than there are.
    """
    if count is None:
        return np.arange(len(labels))
    if count > len(labels):
        raise InputError(f"{part}_images is {count}, but there are {len(labels)} {part} images")
    order = np.random.default_rng([seed, STREAMS[part]]).permutation(len(labels))
    turn = pd.Series(labels[order]).groupby(labels[order]).cumcount()  # 0 for the first image of a class, 1, 2, ...
    return np.sort(order[np.argsort(turn.to_numpy(), kind="stable")[:count]])


def describe_subset(labels: np.ndarray, count: int | None, seed: int, part: str) -> tuple[str, ...]:
    """A note for the reader if ``balanced`` took only a part."""
    if count is None or count == len(labels):
        return ()
    return (f"{count:,} of the {len(labels):,} {part} images, drawn evenly from the classes (seed {seed}).",)
