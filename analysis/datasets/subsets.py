"""A smaller study on the same dataset: random pictures, evenly from all classes."""

import numpy as np
import pandas as pd

from analysis.errors import InputError

STREAMS = {"train": 0, "test": 1}  # so that one split's draw does not depend on the other's


def balanced(labels: np.ndarray, count: int | None, seed: int, part: str) -> np.ndarray:
    """Indices (count,) of a random subset of ``part``, ascending; None: all.

    Classes take turns, each giving pictures in random order, until ``count`` is reached. So they differ by
    at most one picture, except where a class has no more, and a smaller subset is part of a larger one of the
    same seed.
    Raises InputError where ``count`` is more than there are.
    """
    if count is None:
        return np.arange(len(labels))
    if count > len(labels):
        raise InputError(f"{part}_images is {count}, but there are {len(labels)} {part} images")
    order = np.random.default_rng([seed, STREAMS[part]]).permutation(len(labels))
    turn = pd.Series(labels[order]).groupby(labels[order]).cumcount()  # 0 for a class's first picture, 1, 2, ...
    return np.sort(order[np.argsort(turn.to_numpy(), kind="stable")[:count]])


def describe_subset(labels: np.ndarray, count: int | None, seed: int, part: str) -> tuple[str, ...]:
    """A note for the reader if ``balanced`` took a part only."""
    if count is None or count == len(labels):
        return ()
    return (f"{count:,} of the {len(labels):,} {part} images, drawn evenly from the classes (seed {seed}).",)
