"""Whether AVH overtakes confidence as a network gets better: how closely each follows people, epoch by epoch."""

import numpy as np
import pandas as pd

from analysis import statistics
from analysis.probes import moments
from analysis.statistics import Estimate
from analysis.study.results import NetworkResults, StudyResults

PAIR = ("avh", "confidence")


def overtaking(study: StudyResults) -> pd.DataFrame:
    """How closely AVH and confidence follow people as a network gets better.

    A row per (arch, epoch, score): accuracy on all test images, Spearman's correlation with HSF, ``turned``; score
    "lead" is |AVH| - |confidence|, paired over images. A network whose training was not seen has one moment, as it is,
    and its epoch is NaN.
    """
    if not study.has_people:
        return pd.DataFrame()
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
    """A correlation with HSF such that above 0 is what the score should do: AVH is low where an image is easy."""
    value, low, high, n = estimate
    return Estimate(-value, -high, -low, n)._asdict() if score == "avh" else estimate._asdict()
