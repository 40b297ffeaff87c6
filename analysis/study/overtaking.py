"""Whether AVH overtakes confidence as a network becomes more accurate: correlations with HSF by epoch."""

import numpy as np
import pandas as pd

from analysis import statistics
from analysis.probes import moments
from analysis.statistics import Estimate
from analysis.study.results import NetworkResults, StudyResults, of_people

PAIR = ("avh", "confidence")


@of_people
def overtaking(study: StudyResults) -> pd.DataFrame:
    """Correlation of AVH and confidence with HSF as a network becomes more accurate.

    A row per (arch, epoch, score): accuracy on all test images, Spearman's correlation with HSF, ``turned``; the score
    "lead" is |AVH| - |confidence|, paired over images. A network without recorded training has one row per score, with
    epoch NaN.
    """
    rows = []
    for arch, run in study.runs.items():
        for epoch, probe in by_moment(run).items():
            head = {"arch": arch, "epoch": epoch, "accuracy": probe["correct"].mean()}
            for score in PAIR:
                rows.append(head | {"score": score} | turned(score, statistics.correlation(probe[score], study.hsf)))
            lead = statistics.correlation_difference(probe["avh"], probe["confidence"], study.hsf)
            rows.append(head | {"score": "lead"} | lead._asdict())
    return pd.DataFrame(rows)


def by_moment(run: NetworkResults) -> dict[float, pd.DataFrame]:
    """The scores of all test images, in their order, by epoch."""
    if run.measured:
        return {np.nan: run.scores}
    epochs = run.epochs.set_index("epoch")
    return {epoch: epochs.loc[[epoch]].sort_values("image") for epoch in moments(int(run.training["epoch"].max()))}


def turned(score: str, estimate: Estimate) -> dict[str, float]:
    """A correlation with HSF, with the sign reversed for AVH, which is low for easy images."""
    value, low, high, n = estimate
    return Estimate(-value, -high, -low, n)._asdict() if score == "avh" else estimate._asdict()
