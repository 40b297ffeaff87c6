"""The numbers in the chapters on confidence, norm and AVH (Sec. 2): correlations of scores with HSF for each network.

Each function takes a study and returns a tidy table, a row per number with ``value``, ``low``, ``high``, ``n``; empty
without human labels. The paper plots these relations and prints no coefficient.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis import statistics
from analysis.study.results import StudyResults, of_people

EVERY_KIND: tuple[statistics.Kind, ...] = ("spearman", "kendall", "pearson")
WHOLE = "all images"  # beside the names of the bins
# Noise ceilings by method. The Spearman-Brown formula holds for product-moment correlations, such as Pearson's, or
# Spearman's on ranks; there is no such ceiling for Kendall's.
CEILINGS = {"split halves": statistics.noise_ceiling, "beta-binomial model": statistics.model_ceiling}
CEILED = ("spearman", "pearson")
# Sec. 2.1: "a considerable amount of density on the range of medium human accuracy but either extremely low or high
# model accuracy". Medium: the three middle bins of HSF; extreme: the outer fifths of confidence.
MEDIUM = (0.2, 0.8)
FAR = 0.5  # network and annotators disagree if confidence and HSF differ by more


@of_people
def with_people(study: StudyResults, scores: Sequence[str]) -> pd.DataFrame:
    """The correlations of scores with HSF over all test images: a row per (score, kind of coefficient, arch)."""
    parts = [
        statistics.correlations({arch: run.scores[score] for arch, run in study.runs.items()}, study.hsf, kind)
        .rename(columns={"score": "arch"})
        .assign(score=score, kind=kind)
        for score in scores
        for kind in EVERY_KIND
    ]
    return pd.concat(parts, ignore_index=True)[["score", "kind", "arch", "value", "low", "high", "n"]]


def by_bin(study: StudyResults, score: str, table: pd.DataFrame) -> pd.DataFrame:
    """Rank correlation of a score with HSF over all images and within each bin of HSF: a row per (arch, bin).

    table: ``with_people``, with the coefficients over all images. ``spread``: the standard deviation of HSF in the bin
    as a share of that over all images; range restriction makes a coefficient smaller as it falls.
    """
    if table.empty:
        return table
    parts = []
    overall = table[(table["score"] == score) & (table["kind"] == "spearman")].set_index("arch")
    for arch, run in study.runs.items():
        over = overall.loc[[arch], ["value", "low", "high", "n"]].assign(bin=WHOLE, spread=1.0)
        bins = statistics.within_bins(run.scores[score], study.hsf)
        bins = pd.concat([over, bins.astype({"bin": str})], ignore_index=True)
        parts.append(bins.assign(arch=arch, score=score))
    every = pd.concat(parts, ignore_index=True)
    return every[["score", "arch", "bin", "value", "low", "high", "n", "spread"]]


@of_people
def lead(study: StudyResults) -> pd.DataFrame:
    """The lead of AVH over confidence in their correlations with HSF: a row per arch.

    ``value`` is |AVH| - |confidence| of Spearman's correlations, with a bootstrap interval paired over images.
    ``statistic`` and ``p`` are Steiger's test of the same question. A test for independent correlations would be wrong,
    because both use the same images and the same HSF.
    """
    rows = []
    for arch, run in study.runs.items():
        avh, confidence = run.scores["avh"], run.scores["confidence"]
        test = statistics.steiger(avh, confidence, study.hsf)
        row = {"arch": arch, **statistics.correlation_difference(avh, confidence, study.hsf)._asdict()}
        rows.append(row | {"statistic": test.statistic, "p": test.p})
    return pd.DataFrame(rows)


@of_people
def given_correctness(study: StudyResults, scores: Sequence[str]) -> pd.DataFrame:
    """Partial rank correlation of scores with HSF, controlling for correctness: a row per (score, arch)."""
    return pd.DataFrame(
        {"score": score, "arch": arch}
        | statistics.partial(run.scores[score], study.hsf, run.scores["correct"].astype(float))._asdict()
        for score in scores
        for arch, run in study.runs.items()
    )


@of_people
def ceilings(study: StudyResults, methods: Sequence[str] = tuple(CEILINGS)) -> pd.DataFrame:
    """The largest correlation with HSF that a score can be expected to reach: a row per (method, kind).

    methods: names in CEILINGS. Both use only the numbers of annotators who saw each image and who selected its class.
    """
    selected, shown = study.images["selected"], study.images["shown"]
    return pd.DataFrame(
        {"method": method, "kind": kind} | CEILINGS[method](selected, shown, kind)._asdict()
        for method in methods
        for kind in CEILED
    )


@of_people
def apart(study: StudyResults) -> pd.DataFrame:
    """The share of images on which network and annotators disagree, with Wilson's interval: a row per (arch, case).

    ``count`` of ``n``: "far" are the images whose confidence and HSF differ by more than FAR, out of all images; "low"
    and "high" are those of very low and very high confidence, out of the images with medium HSF.
    """
    low, high = MEDIUM
    medium = statistics.bin_index(study.hsf, (0.0, low, high, 1.0)) == 1
    rows = []
    for arch, run in study.runs.items():
        confidence = run.scores["confidence"].to_numpy(dtype=float)
        cases = {
            "far": np.abs(confidence - study.hsf) > FAR,
            "low": (confidence <= low)[medium],
            "high": (confidence > high)[medium],
        }
        rows += [
            {"arch": arch, "case": case, "count": int(those.sum()), "n": len(those)}
            | statistics.proportion(those)._asdict()
            for case, those in cases.items()
        ]
    return pd.DataFrame(rows)


def ties_ceiling(hsf: np.ndarray) -> float:
    """The largest Spearman correlation with HSF that a score without ties can have: that of a perfect order.

    Closed form: with ties of t images each among n, sqrt((n^3 - n - sum(t^3 - t)) / (n^3 - n)) (Kendall 1970, ch. 3).
    """
    _, ties = np.unique(hsf[~np.isnan(hsf)], return_counts=True)
    n = float(ties.sum())
    return float(np.sqrt((n**3 - n - (ties.astype(float) ** 3 - ties).sum()) / (n**3 - n)))


@of_people
def confidence_and_norm(study: StudyResults) -> pd.DataFrame:
    """How much of confidence's correlation with HSF is due to the norm, which AVH leaves out: a row per (arch, of).

    of: "norm", the rank correlation of confidence with the norm; "HSF", with HSF; "HSF, given norm", the partial
    correlation with HSF controlling for the norm.
    """
    rows = []
    for arch, run in study.runs.items():
        confidence, norm = run.scores["confidence"], run.scores["norm"]
        found = {
            "norm": statistics.correlation(confidence, norm),
            "HSF": statistics.correlation(confidence, study.hsf),
            "HSF, given norm": statistics.partial(confidence, study.hsf, norm),
        }
        rows += [{"arch": arch, "of": name, **value._asdict()} for name, value in found.items()]
    return pd.DataFrame(rows)
