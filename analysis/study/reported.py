"""What others reported, beside what this study gives; REPORTED says which values could be checked against a source."""

from typing import NamedTuple

import pandas as pd

from analysis import statistics
from analysis.statistics import Estimate
from analysis.study.overtaking import PAIR, turned
from analysis.study.results import StudyResults


class Reported(NamedTuple):
    """A value from the paper's later version: ImageNet, ResNet50, Spearman's with HSF, its absolute value."""

    score: str
    bin: str  # of HSF; empty: all images
    value: float


# ICML 2020 (PMLR 119), 29,987 images of ImageNet. Remembered by readers of it and never checked against the source.
REPORTED = (
    Reported("avh", "", 0.36),
    Reported("confidence", "", 0.325),
    Reported("norm", "", 0.0017),
    *(Reported("avh", b, v) for b, v in zip(statistics.bin_names(), (0.228, 0.125, 0.124, 0.103, 0.094), strict=True)),
    *(
        Reported("confidence", b, v)
        for b, v in zip(statistics.bin_names(), (0.192, 0.122, 0.102, 0.078, 0.056), strict=True)
    ),
)


def beside_reported(study: StudyResults) -> pd.DataFrame:
    """The reported values beside ours: a row per (score, bin) with reported, and our value, low, high, n.

    Ours are the representative network's: Spearman's correlation with HSF, ``turned``.
    """
    if not study.has_people:
        return pd.DataFrame()
    scores = study.runs[study.representative()].scores
    columns = {"avh": scores["avh"], "confidence": scores["confidence"], "norm": scores["norm"]}
    ours = {(name, ""): statistics.correlation(values, study.hsf) for name, values in columns.items()}
    for name in PAIR:
        for row in statistics.within_bins(columns[name], study.hsf).itertuples():
            ours[name, str(row.bin)] = Estimate(row.value, row.low, row.high, row.n)
    return pd.DataFrame(
        {"score": r.score, "bin": r.bin, "reported": r.value} | turned(r.score, ours[r.score, r.bin]) for r in REPORTED
    )
