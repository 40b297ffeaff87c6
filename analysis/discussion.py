"""What a study's numbers say of why they came out so: accuracy, ties, empty bins; and what others reported.

Reported values are others': ``REPORTED`` says which of them could be checked against a public source.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis import statistics, styles, words
from analysis.statistics import Estimate
from analysis.tables import Run, Study

MOMENTS = 12  # epochs at which correlations are taken, closer together at the start
COMPARED = ("avh", "confidence")
FEW = 30  # images: a bin's numbers say little below


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


def moments(last: int) -> list[int]:
    """The epochs at which correlations are taken, from 1 to the last."""
    return sorted({round(epoch) for epoch in np.geomspace(1, last, MOMENTS)})


def overtaking(study: Study) -> pd.DataFrame:
    """How closely AVH and confidence follow people as a network gets better.

    A row per (arch, epoch, score): accuracy on all test images, Spearman's correlation with HSF, ``turned``; score
    "lead" is |AVH| - |confidence|, paired over images. A network whose training was not seen has one moment, as it is,
    and its epoch is NaN.
    """
    if not study.has_people:
        return pd.DataFrame()
    rows = []
    for arch, run in study.runs.items():
        for epoch, probe in probes(run).items():
            head = {"arch": arch, "epoch": epoch, "accuracy": probe["correct"].mean()}
            for score in COMPARED:
                rows.append(head | {"score": score} | turned(score, statistics.correlation(probe[score], study.hsf)))
            lead = statistics.difference(probe["avh"], probe["confidence"], study.hsf)
            rows.append(head | {"score": "lead"} | lead._asdict())
    return pd.DataFrame(rows)


def probes(run: Run) -> dict[float, pd.DataFrame]:
    """The scores of all test images, in their order, by epoch."""
    if run.measured:
        return {np.nan: run.scores}
    epochs = run.epochs.set_index("epoch")
    return {epoch: epochs.loc[epoch].sort_values("image") for epoch in moments(int(run.training["epoch"].max()))}


def turned(score: str, estimate: Estimate) -> dict[str, float]:
    """A correlation with HSF such that above 0 is what the score should do: AVH is low where an image is easy."""
    value, low, high, n = estimate
    return Estimate(-value, -high, -low, n)._asdict() if score == "avh" else estimate._asdict()


def ties_ceiling(hsf: np.ndarray) -> float:
    """The largest Spearman's correlation with HSF of any score without ties: that of one in perfect order.

    Closed form: with ties of t images each among n, sqrt((n^3 - n - sum(t^3 - t)) / (n^3 - n)) (Kendall 1970, ch. 3).
    """
    _, ties = np.unique(hsf[~np.isnan(hsf)], return_counts=True)
    n = float(ties.sum())
    return float(np.sqrt((n**3 - n - (ties.astype(float) ** 3 - ties).sum()) / (n**3 - n)))


def beside(study: Study) -> pd.DataFrame:
    """The reported values beside ours: a row per (score, bin) with reported, and our value, low, high, n.

    Ours are the representative network's: Spearman's correlation with HSF, ``turned``.
    """
    if not study.has_people:
        return pd.DataFrame()
    scores = study.runs[study.representative()].scores
    columns = {"avh": scores["avh"], "confidence": scores["confidence"], "norm": scores["norm"]}
    ours = {(name, ""): statistics.correlation(values, study.hsf) for name, values in columns.items()}
    for name in COMPARED:
        for row in statistics.within_bins(columns[name], study.hsf).itertuples():
            ours[name, str(row.bin)] = Estimate(row.value, row.low, row.high, row.n)
    return pd.DataFrame(
        {"score": r.score, "bin": r.bin, "reported": r.value} | turned(r.score, ours[r.score, r.bin]) for r in REPORTED
    )


def beside_table(table: pd.DataFrame, network: str) -> pd.DataFrame:
    """``beside`` for readers."""
    return pd.DataFrame(
        {
            "score": ("−" if row.score == "avh" else "") + styles.SCORES[row.score].label,
            "images": f"HSF in {row.bin}" if row.bin else "all",
            f"here, {network}": words.estimate(Estimate(row.value, row.low, row.high, row.n), n=False),
            "n": words.count(row.n),
            "reported, unverified: ImageNet, ResNet50": words.number(row.reported, 4 if row.reported < 0.01 else 3),
        }
        for row in table.itertuples()
    )


def overtakes(table: pd.DataFrame) -> list[str]:
    """Whether AVH overtakes confidence as each network gets better, a sentence per network."""
    if table.empty:
        return []
    sentences = []
    for arch, rows in table[table["score"] == "lead"].groupby("arch", sort=False):
        first, last, label = rows.iloc[0], rows.iloc[-1], styles.architecture(arch).label
        if np.isnan(first["epoch"]):
            sentences.append(f"{label}: AVH's lead over confidence is {_lead(first)}.")
            continue
        ahead = (rows["low"] > 0).sum()
        sentences.append(
            f"{label}: AVH's lead over confidence goes from {_lead(first)} (epoch {first['epoch']}) to {_lead(last)} "
            f"(epoch {last['epoch']}); its interval lies above 0 at {words.count(ahead)} of {words.count(len(rows))} "
            "moments."
        )
    return sentences


def _lead(row: pd.Series) -> str:
    lead = words.estimate(Estimate(row["value"], row["low"], row["high"], row["n"]), n=False)
    return f"{lead} at {words.percent(row['accuracy'])} accuracy"


def when(study: Study) -> str:
    """At which moments ``overtaking`` looks at a network, for its caption."""
    if study.measured:
        return "as it is given, a point for each"
    return "at some epochs of its training; the points of one network are joined in the order of the epochs"


def accuracy_changes(study: Study) -> str:
    """By what accuracy changes in ``overtaking``, and so what it cannot show."""
    if study.measured:
        return (
            "Accuracy changes here from one network to another, and with it everything else about them: one that was "
            "trained further may behave differently."
        )
    return (
        "A network's accuracy changes here with its training, not with its design: another architecture of the same "
        "accuracy may behave differently."
    )


def norms(study: Study) -> list[str]:
    """How much of what confidence says of people it says by the norm, which AVH leaves out: a sentence per network."""
    sentences = []
    for arch, run in study.runs.items() if study.has_people else ():
        confidence, norm = run.scores["confidence"], run.scores["norm"]
        shared = statistics.correlation(confidence, norm)
        whole = statistics.correlation(confidence, study.hsf)
        left = statistics.partial(confidence, study.hsf, norm)
        sentences.append(
            f"{styles.architecture(arch).label}: confidence and norm have a rank correlation of "
            f"{words.estimate(shared, n=False)}; confidence's with HSF is {words.estimate(whole, n=False)} and, given "
            f"the norm, {words.estimate(left)}."
        )
    return sentences


def reasons(study: Study) -> list[str]:
    """Why the numbers should be believed, or not: ceilings, ties and bins, a sentence each."""
    if not study.has_people:
        return ["Nobody was asked about these images, so there is no number about people to discuss."]
    hsf = study.hsf
    ceilings = {
        kind: statistics.noise_ceiling(study.images["selected"], study.images["shown"], kind)
        for kind in ("spearman", "pearson")
    }
    unanimous = float((hsf == 1).mean())
    sizes = pd.Series(statistics.binned(hsf)).value_counts(sort=False)
    few = [f"{name} ({words.count(n)})" for name, n in sizes.items() if n < FEW]
    sentences = [
        f"**Noise ceiling.** People disagree, so no score can be expected to reach more than "
        f"{words.estimate(ceilings['spearman'])} (Spearman) or {words.estimate(ceilings['pearson'], n=False)} "
        "(Pearson), by split halves.",
        f"**Ties.** On {words.percent(unanimous)} of the images everybody chose the label, so their HSF is 1 and their "
        f"order is open. Ties alone keep any score below {words.number(ties_ceiling(hsf), 3)} (Spearman).",
    ]
    if few:
        sentences.append(
            f"**Nearly empty bins.** Of the paper's five bins, {words.listing(few)} hold fewer than {FEW} images: a "
            "mean there may be that of a few odd pictures."
        )
    return sentences


# What separates each dataset from the paper's, in a reader's words.
DIFFERENCES = {
    "cifar10h": (
        "CIFAR-10 has 10 classes that look little alike; ImageNet has 1,000, many of which only an expert tells apart. "
        "AVH divides by the angles to all classes, so with 10 of them one confusing class weighs more.",
        "A picture here has 32 × 32 pixels: most of what makes it hard is that there is little to see. An ImageNet "
        "picture is hard for many reasons, such as several objects in it.",
        "CIFAR-10H's people had to name one of 10 classes. Recht et al.'s were shown many pictures and one class, and "
        "picked those that show it: an HSF there does not say what else people saw in a picture.",
        "About 51 people answered for each picture here, about 10 there: answers here are less noisy, but far more of "
        "them are unanimous, and ties leave little to rank.",
        "The networks here learned from 50,000 pictures at most; torchvision's, which the paper uses in its Section 2, "
        "from 1.28 million.",
    ),
    "imagenet": (
        "The pictures are the paper's, but for those that nobody was asked about here.",
        "The paper's people are Recht et al.'s workers. Whose answers are used here, and how they are biased, is said "
        "at the top of this page.",
        "The paper's Section 2 takes torchvision's pretrained networks of 2019, IMAGENET1K_V1. Weights that were "
        "published later were trained otherwise; a training of one's own has its own seed.",
    ),
}
