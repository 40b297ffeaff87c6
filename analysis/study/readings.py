"""The paper's unclear passages read in other ways, one at a time: which verdicts hang on a reading?

``Choices`` holds one choice for each unclear passage; its defaults are this book's readings (chapter "How we read the
paper"). Each of READINGS changes one of them and names the claims that this touches. Those are judged again by the same
rules and thresholds as in ``claims``, from the recorded tables alone.

Not varied, because the tables do not hold what it needs: the layer whose output is the embedding, the statistics of
batch norm, and the other settings of training. Scaling AVH to 0..1 (Sec. 2.2) is not varied either: no rank changes.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis import statistics
from analysis.statistics import EDGES, RESAMPLES, Array, Kind
from analysis.study import claims, tables
from analysis.study.claims import ALL, FEWEST_IMAGES, NONE, STRONG, Finding, Part, conclude, lacking
from analysis.study.results import StudyResults


class Choices(NamedTuple):
    """How each unclear passage is read. The defaults are this book's readings."""

    hardness: str = "quotient"  # Def. 3, a name in HARDNESS
    coefficient: Kind = "spearman"  # what "correlated" means
    images: str = "all"  # over which the correlation is taken, a name in IMAGES
    strong: float = STRONG  # H1, P2b: the correlation from which a score follows people strongly
    norm: str = "in class"  # Sec. 2.2, a name in NORMS
    bins: str = "right-closed"  # Sec. 3, a name in BINS
    average: str = "mean"  # of AVH in a bin (Obs. 4): or "median"
    recounted: bool = True  # Fig. 7: HSF counted anew for the group of classes


class Reading(NamedTuple):
    """Another reading of a passage: what it changes, and which claims that touches."""

    place: str  # in the paper
    name: str  # for readers
    choices: Choices
    touches: tuple[str, ...]  # names in JUDGES
    answers: bool = False  # whether it needs people's full answers
    threshold: bool = False  # whether only the rule's range changes, and no number


BOOK = Choices()
OF_AVH = ("P2a", "P2b", "P2c")
CORRELATED = ("H1", "P1", *OF_AVH)
READINGS = (
    Reading("Def. 3", "sum over the other classes", BOOK._replace(hardness="others"), OF_AVH),
    Reading("Def. 3", "product, as typeset", BOOK._replace(hardness="product"), OF_AVH),
    Reading("Def. 3", "angle alone", BOOK._replace(hardness="angle"), OF_AVH),
    Reading("Sec. 2", "Kendall's tau-b", BOOK._replace(coefficient="kendall"), CORRELATED),
    Reading("Sec. 2", "Pearson's r", BOOK._replace(coefficient="pearson"), CORRELATED),
    Reading("Sec. 2", "people agree with the label", BOOK._replace(images="agreed"), CORRELATED, answers=True),
    Reading("Sec. 2", "only HSF below 1", BOOK._replace(images="disputed"), CORRELATED),
    Reading("Sec. 2.1", "strong from 0.3", BOOK._replace(strong=0.3), ("H1", "P2b"), threshold=True),
    Reading("Sec. 2.1", "strong from 0.7", BOOK._replace(strong=0.7), ("H1", "P2b"), threshold=True),
    Reading("Sec. 2.2", "norm as it is", BOOK._replace(norm="as it is"), ("P1",)),
    Reading("Sec. 2.2", "norm in SDs within class", BOOK._replace(norm="standardised"), ("P1",)),
    Reading("Fig. 7", "HSF of the own class", BOOK._replace(recounted=False), ("P1, groups",), answers=True),
    Reading("Sec. 3", "bins left-closed", BOOK._replace(bins="left-closed"), ("Obs. 3",)),
    Reading("Sec. 3", "bins of equal size", BOOK._replace(bins="equal size"), ("Obs. 3",)),
    Reading("Sec. 3", "median AVH of a bin", BOOK._replace(average="median"), ("Obs. 4",)),
)
HARDNESS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "quotient": lambda scores: scores["avh"],
    "others": lambda scores: scores["avh_others"],
    "product": lambda scores: scores["angle"] ** 2 / scores["avh"],  # the sum of all angles is angle / AVH
    "angle": lambda scores: scores["angle"],
}
NORMS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "in class": lambda scores: scores["norm_in_class"],
    "as it is": lambda scores: scores["norm"],
    "standardised": lambda scores: scores.groupby("label")["norm"].transform(lambda x: (x - x.mean()) / x.std()),
}
IMAGES: dict[str, Callable[[StudyResults], Array]] = {
    "all": lambda study: np.ones(len(study.images), dtype=bool),
    "agreed": lambda study: (study.images["selected"] == _counts(study).max(axis=1)).to_numpy(),
    "disputed": lambda study: study.hsf < 1,
}
BINS: dict[str, Callable[[StudyResults], dict[str, Any]]] = {
    "right-closed": lambda study: {"edges": EDGES, "closed": "right"},
    "left-closed": lambda study: {"edges": EDGES, "closed": "left"},
    "equal size": lambda study: {"edges": np.unique(np.quantile(study.hsf, np.arange(len(EDGES)) / (len(EDGES) - 1)))},
}


def _counts(study: StudyResults) -> pd.DataFrame:
    return study.images[[f"count_{k}" for k in range(len(study.dataset["classes"]))]]


def _confidence(study: StudyResults, arch: str, choices: Choices) -> Finding:
    """H1."""
    values = study.runs[arch].scores["confidence"]
    return _correlated(study, choices, values, "confidence with HSF", (-choices.strong, choices.strong))


def _norm(study: StudyResults, arch: str, choices: Choices) -> Finding:
    """Prediction 1."""
    values = NORMS[choices.norm](study.runs[arch].scores)
    return _correlated(study, choices, values, "norm with HSF", (-NONE, NONE))


def _hardness(study: StudyResults, arch: str, choices: Choices) -> Finding:
    """Prediction 2: AVH falls as HSF rises."""
    values = HARDNESS[choices.hardness](study.runs[arch].scores)
    return _correlated(study, choices, values, "AVH with HSF", (-np.inf, 0))


def _strong_hardness(study: StudyResults, arch: str, choices: Choices) -> Finding:
    """Prediction 2: it does so strongly."""
    values = HARDNESS[choices.hardness](study.runs[arch].scores)
    return _correlated(study, choices, values, "AVH with HSF", (-np.inf, -choices.strong))


def _hardness_before_confidence(study: StudyResults, arch: str, choices: Choices) -> Finding:
    """Prediction 2: it follows HSF more closely than confidence does."""
    scores, kept = study.runs[arch].scores, IMAGES[choices.images](study)
    columns = HARDNESS[choices.hardness](scores)[kept], scores["confidence"][kept], study.hsf[kept]
    lead = statistics.correlation_difference(*columns, choices.coefficient)
    return _enough(Part("|AVH| − |confidence|", lead, (0, np.inf)))


def _norm_in_group(study: StudyResults, arch: str, choices: Choices) -> Finding:
    """Prediction 1 in the largest of Fig. 7's groups of classes."""
    members = next(iter(tables.chosen_superclasses(study).values()))
    hsf = tables.superclass_hsf(study, members) if choices.recounted else study.hsf
    inside = study.images["label"].isin(members).to_numpy()
    found = statistics.correlation(study.runs[arch].scores["norm"][inside], hsf[inside], choices.coefficient)
    return _enough(Part("norm with HSF, largest group", found, (-NONE, NONE)))


def _bins_apart(study: StudyResults, arch: str, choices: Choices) -> Finding:
    """Observation 3."""
    return claims.bins_apart(study, arch, **BINS[choices.bins](study))


def _better_networks(study: StudyResults, arch: str, choices: Choices) -> Finding:
    """Observation 4."""
    found = claims.better_networks(study)
    if not found.parts or choices.average == "mean":
        return found
    scores = [run.scores for run in study.runs.values()]
    correct, avh = (np.stack([table[name] for table in scores], axis=1) for name in ("correct", "avh"))  # (N, A)
    groups, n = claims.bins(study, list(study.runs))

    def lowest(images: Array) -> float:
        bins = [avh[images[groups[images] == k]] for k in range(len(n))]
        if not all(map(len, bins)):
            return np.nan
        medians = np.stack([np.nanmedian(values, axis=0) for values in bins])  # (K, A)
        return float(statistics.kendall_tau(correct[images].mean(0)[None], -medians).min())

    drawn = np.random.default_rng(0).integers(0, len(groups), (RESAMPLES, len(groups)))
    taus = np.array([lowest(images) for images in (np.arange(len(groups)), *drawn)])
    return conclude(Part("lowest tau of any bin", statistics.estimate(taus, len(groups)), (0, np.inf)))


JUDGES: dict[str, Callable[[StudyResults, str, Choices], Finding]] = {
    "H1": _confidence,
    "P1": _norm,
    "P1, groups": _norm_in_group,
    "P2a": _hardness,
    "P2b": _strong_hardness,
    "P2c": _hardness_before_confidence,
    "Obs. 3": _bins_apart,
    "Obs. 4": _better_networks,
}
TOGETHER = ("Obs. 4",)  # judged on all networks together


def judge_readings(study: StudyResults) -> pd.DataFrame:
    """Every claim under this book's reading and under each other one that touches it; empty where nobody was asked.

    A row per (claim, reading, arch, quantity that the rule asks of), without a quantity where none was had. Columns:
    claim, place, reading ("" is the book's), threshold, arch, verdict, why, changed (whether the verdict is another
    than under the book's reading), quantity, value, low, high, n, above, below (the range that the rule asks for).
    """
    if not study.has_people:
        return pd.DataFrame()
    rows = []
    for claim, judge in JUDGES.items():
        touching = [Reading("", "", BOOK, (claim,)), *(reading for reading in READINGS if claim in reading.touches)]
        for arch in [ALL] if claim in TOGETHER else study.runs:
            findings = [_judged(study, arch, reading, judge) for reading in touching]
            for reading, finding in zip(touching, findings, strict=True):
                row = {"claim": claim, "place": reading.place, "reading": reading.name, "threshold": reading.threshold}
                row |= {"arch": arch, "verdict": finding.verdict, "why": finding.why}
                row |= {"changed": finding.verdict != findings[0].verdict}
                rows += [row | _part(part) for part in finding.parts if part.range] or [row | {"quantity": "", "n": 0}]
    return pd.DataFrame(rows)


def bin_sizes(study: StudyResults) -> pd.DataFrame:
    """Images in each bin of HSF under each reading of the bins: bins, bin, n."""
    if not study.has_people:
        return pd.DataFrame()
    parts = []
    for name, bins in BINS.items():
        counts = pd.Series(statistics.binned(study.hsf, **bins(study))).value_counts(sort=False)
        parts.append(pd.DataFrame({"bins": name, "bin": counts.index.astype(str), "n": counts.to_numpy()}))
    return pd.concat(parts, ignore_index=True)


def _judged(
    study: StudyResults, arch: str, reading: Reading, judge: Callable[[StudyResults, str, Choices], Finding]
) -> Finding:
    if reading.answers and "count_0" not in study.images:
        return lacking("people's full answers are not known")
    return judge(study, arch, reading.choices)


def _correlated(
    study: StudyResults, choices: Choices, values: pd.Series, quantity: str, range_: tuple[float, float]
) -> Finding:
    kept = IMAGES[choices.images](study)
    found = statistics.correlation(values[kept], study.hsf[kept], choices.coefficient)
    return _enough(Part(quantity, found, range_))


def _enough(part: Part) -> Finding:
    """The finding from one part, where it rests on enough images."""
    if part.estimate.n < FEWEST_IMAGES:
        return lacking(f"{part.estimate.n} images with a score, and {FEWEST_IMAGES} are needed")
    return conclude(part)


def _part(part: Part) -> dict[str, Any]:
    above, below = (end if np.isfinite(end) else np.nan for end in part.range)
    return {"quantity": part.quantity, **part.estimate._asdict(), "above": above, "below": below}


def plotted_readings(table: pd.DataFrame) -> pd.DataFrame:
    """The correlations of Sec. 2 under each reading that changes a number, for the figure: sorted by reading.

    A row per (reading, quantity, arch) with mean, low, high, n, above, below.
    """
    if table.empty:
        return table
    shown = [claim for claim in CORRELATED if claim != "P2a"]  # whose number is P2b's
    rows = table[table["claim"].isin(shown) & ~table["threshold"] & (table["quantity"] != "")]
    order = {name: i for i, name in enumerate(["", *(reading.name for reading in READINGS)])}
    rows = rows.sort_values("reading", key=lambda names: names.map(order), kind="stable")
    return rows.rename(columns={"value": "mean"})[
        ["reading", "claim", "quantity", "arch", "mean", "low", "high", "n", "above", "below"]
    ]
