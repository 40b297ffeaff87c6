"""A network's other starts: how far a number spreads over them, and with what interval over images and starts.

Starts are a network trained alike on the same pictures but for the seed of its weights, of the images' order and of
their augmentation. Each table is tidy, a row per start and one, ``start`` "mean", for all of them:

    start                          a seed, or "mean"
    value, low, high               of the start, or the mean over starts, with the interval over images
    both_low, both_high            the mean's interval over images and starts; NaN where there is one start
    lowest, highest, deviation     over the starts
    starts, n                      how many starts, and images

Where ``correct``, the images are those that every start of the network classifies correctly.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis import statistics
from analysis.statistics import Array, OverStarts
from analysis.study.results import NetworkResults, StudyResults

MEAN = "mean"
ALL_IMAGES, CORRECT = "all images", "correctly classified"  # over which images a number is


def columns(run: NetworkResults, score: str, correct: bool = False) -> Array:
    """A score of every start, (S, N); where ``correct``, NaN at images that a start gets wrong."""
    every = [
        start.scores[score].where(start.scores["correct"].astype(bool)) if correct else start.scores[score]
        for start in run.starts
    ]
    return np.stack([column.to_numpy(dtype=float) for column in every])


def has(run: NetworkResults, score: str) -> bool:
    """Whether every start of a network has a score of any image: older tables lack some."""
    return all(score in start.scores and start.scores[score].notna().any() for start in run.starts)


def with_people_over_starts(study: StudyResults, scores: Sequence[str], correct: bool = False) -> pd.DataFrame:
    """Spearman's correlation of scores with HSF over starts: a row per (score, arch, start), as above.

    A score that a network does not have is left out.
    """
    if not study.has_people:
        return pd.DataFrame()
    rows = []
    for arch, run in study.runs.items():
        there = {score: columns(run, score, correct) for score in scores if has(run, score)}
        found = statistics.correlation_over_starts(there, study.hsf)
        rows += [{"score": score, "arch": arch} | row for score in found for row in rows_of(run, found[score])]
    return _labelled(rows, correct)


def leads_over_starts(study: StudyResults, score: str, others: Sequence[str], correct: bool = False) -> pd.DataFrame:
    """How much more closely a score follows HSF than others do, over starts: a row per (other, arch, start).

    ``value`` is |score| - |other|, of Spearman's correlations, paired over images and starts; ``other`` names the
    second. A network without one of the two is left out.
    """
    if not study.has_people:
        return pd.DataFrame()
    rows = []
    for arch, run in study.runs.items():
        for other in others:
            if has(run, score) and has(run, other):
                pair = columns(run, score, correct), columns(run, other, correct)
                found = statistics.correlation_difference_over_starts(*pair, study.hsf)
                rows += [{"score": score, "other": other, "arch": arch} | row for row in rows_of(run, found)]
    return _labelled(rows, correct)


def on_both(table: Callable[..., pd.DataFrame], *args: Any) -> pd.DataFrame:
    """``with_people_over_starts`` or ``leads_over_starts`` over all images, then over the correct ones."""
    return pd.concat([table(*args, correct) for correct in (False, True)], ignore_index=True)


def repeated(study: StudyResults) -> bool:
    """Whether any network has more than one start."""
    return any(run.others for run in study.runs.values())


def rows_of(run: NetworkResults, found: OverStarts) -> Iterator[dict[str, Any]]:
    """The rows of a table, as above, for one network's number."""
    spread = {"lowest": found.lowest, "highest": found.highest, "deviation": found.deviation}
    for start, one in zip(run.starts, found.each, strict=True):
        yield {"start": str(start.seed), **one._asdict(), "starts": len(found.each)}
    both = {"both_low": found.both.low, "both_high": found.both.high}
    yield {"start": MEAN, **found.images._asdict(), **both, **spread, "starts": len(found.each)}


def _labelled(rows: list[dict[str, Any]], correct: bool) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    return table if table.empty else table.assign(images=CORRECT if correct else ALL_IMAGES)
