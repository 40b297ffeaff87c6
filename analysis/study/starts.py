"""Other seeds of a network: the spread of a number over them, and intervals over images and seeds.

Runs with other seeds ("starts" in tables and code) differ only in the initial weights, the order of the images and the
augmentation. Each table is tidy, with a row per seed and a row with ``start`` "mean" for all of them:

    start                          a seed, or "mean"
    value, low, high               for the seed, or the mean over seeds, with the interval over images
    both_low, both_high            interval of the mean over images and seeds; NaN for a single seed
    lowest, highest, deviation     over the seeds
    starts, n                      number of seeds, and of images

With ``correct``, only images classified correctly with every seed of the network are used.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis import statistics
from analysis.catalogue import SCORES
from analysis.statistics import Array, OverStarts
from analysis.study.results import NetworkResults, StudyResults, of_people

MEAN = "mean"
ALL_IMAGES, CORRECT = "all images", "correctly classified"  # the images used for a number


def columns(run: NetworkResults, score: str, correct: bool = False) -> Array:
    """A score for every seed, (S, N); with ``correct``, NaN for images that are misclassified with that seed."""
    every = [
        start.scores[score].where(start.scores["correct"].astype(bool)) if correct else start.scores[score]
        for start in run.starts
    ]
    return np.stack([column.to_numpy(dtype=float) for column in every])


def has(run: NetworkResults, score: str) -> bool:
    """Whether a score exists for every seed of a network: older tables lack some."""
    return all(score in start.scores and start.scores[score].notna().any() for start in run.starts)


@of_people
def with_people_over_starts(study: StudyResults, scores: Sequence[str], correct: bool = False) -> pd.DataFrame:
    """Spearman's correlation of scores with HSF over seeds: a row per (score, arch, start), as above.

    Scores that a network does not have are left out.
    """
    rows = []
    for arch, run in study.runs.items():
        there = {score: columns(run, score, correct) for score in scores if has(run, score)}
        found = statistics.correlation_over_starts(there, study.hsf)
        rows += [{"score": score, "arch": arch} | row for score in found for row in rows_of(run, found[score])]
    return _labelled(rows, correct)


@of_people
def leads_over_starts(study: StudyResults, score: str, others: Sequence[str], correct: bool = False) -> pd.DataFrame:
    """The lead of a score over others in the correlation with HSF, over seeds: a row per (other, arch, start).

    ``value`` is the difference of Spearman's correlations, paired over images and seeds, each with the sign reversed
    for a score that is low for easy images: one of the wrong sign counts as negative. ``other`` names the second score.
    A network without one of the two is left out.
    """
    rows = []
    for arch, run in study.runs.items():
        for other in others:
            if has(run, score) and has(run, other):
                turned, against = (SCORES[name].sign * columns(run, name, correct) for name in (score, other))
                found = statistics.correlation_difference_over_starts(turned, against, study.hsf)
                rows += [{"score": score, "other": other, "arch": arch} | row for row in rows_of(run, found)]
    return _labelled(rows, correct)


def on_both(table: Callable[..., pd.DataFrame], *args: Any) -> pd.DataFrame:
    """``with_people_over_starts`` or ``leads_over_starts`` over all images, then over the correctly classified ones."""
    return pd.concat([table(*args, correct) for correct in (False, True)], ignore_index=True)


def repeated(study: StudyResults) -> bool:
    """Whether any network has more than one seed."""
    return any(run.other_seeds for run in study.runs.values())


def rows_of(run: NetworkResults, found: OverStarts) -> Iterator[dict[str, Any]]:
    """The rows of a table, as above, for one number of a network."""
    spread = {"lowest": found.lowest, "highest": found.highest, "deviation": found.deviation}
    for start, one in zip(run.starts, found.each, strict=True):
        yield {"start": str(start.seed), **one._asdict(), "starts": len(found.each)}
    both = {"both_low": found.both.low, "both_high": found.both.high}
    yield {"start": MEAN, **found.images._asdict(), **both, **spread, "starts": len(found.each)}


def _labelled(rows: list[dict[str, Any]], correct: bool) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    return table if table.empty else table.assign(images=CORRECT if correct else ALL_IMAGES)
