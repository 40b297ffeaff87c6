"""The tidy table behind each figure, from the results of a study: joins, and calls to statistics.

Columns have names that figures and readers can use: ``arch``, ``measure`` or ``score``, ``epoch``, ``bin``, with
``mean``, ``low``, ``high``, ``n``. Tables on human labels are empty without labels, and nothing is drawn for an empty
table.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis import statistics
from analysis.statistics import Array, Estimate
from analysis.study.claims import FEWEST_IMAGES, UNCORRELATED
from analysis.study.results import NetworkResults, StudyResults, of_people, unless_empty
from analysis.study.verdicts import Part

CELLS = 20  # of a two-dimensional histogram, along each axis
UNIT = np.arange(CELLS + 1) / CELLS  # edges over 0..1: i / 20, not linspace, whose floats differ from those of 3 / 5
ON_UNIT = ("confidence", "temperature_confidence", "max_confidence", "norm_in_class", "avh_scaled")  # scores over 0..1
OVER_EPOCHS = {"norm": "norm", "avh": "avh", "accuracy": "correct"}  # rows of Fig. 2 and 3, and their columns
OVER_STEPS = {"norm": "norm", "angle": "angle"}  # rows of Fig. 4 and 5, and their columns
PAPER_SUPERCLASSES = (58, 7, 1)  # numbers of classes in the groups of Fig. 7
CORRELATED = ("avh", "confidence", "norm_in_class")  # with HSF (Sec. 2)


@of_people
def histograms(study: StudyResults, archs: Sequence[str], scores: Sequence[str]) -> pd.DataFrame:
    """Fig. 1 and 6: number of images per cell of HSF x score, a row per (arch, score, cell).

    ``bin_mean``, ``bin_low``, ``bin_high``: the mean, with its interval, within the bin of HSF that contains the cell.
    Scores scaled to 0..1 and confidences are drawn on 0..1, others over their range, the same for all networks.
    """
    parts = []
    for score in scores:
        columns = {arch: study.runs[arch].scores[score].to_numpy(dtype=float) for arch in archs}
        every = np.concatenate(list(columns.values()))
        edges = UNIT if score in ON_UNIT else np.linspace(np.nanmin(every), np.nanmax(every), CELLS + 1)
        parts += [_cells(study.hsf, values, edges).assign(arch=arch, score=score) for arch, values in columns.items()]
    return _first(pd.concat(parts, ignore_index=True), "arch", "score")


def undefined_images(study: StudyResults, archs: Sequence[str], scores: Sequence[str]) -> pd.DataFrame:
    """The number of test images, of n, for which a score is undefined: a row per (score, arch)."""
    rows = [
        {"score": score, "arch": arch, "undefined": int(values.isna().sum()), "n": len(values)}
        for score in scores
        for arch, values in ((arch, study.runs[arch].scores[score]) for arch in archs)
    ]
    return pd.DataFrame(rows)


def epoch_means(study: StudyResults) -> pd.DataFrame:
    """Fig. 2: means over all test images, a row per (arch, measure, epoch from 1); ``drop`` if the rate was reduced."""
    return pd.concat([_curves(run, run.epochs, ["epoch"]) for run in study.runs.values()], ignore_index=True)


@of_people
def epoch_means_by_bin(study: StudyResults) -> pd.DataFrame:
    """Fig. 3: the same within each bin of HSF, a row per (arch, measure, bin, epoch)."""
    bins = statistics.binned(study.hsf)
    parts = [
        _curves(r, r.epochs.assign(bin=bins[r.epochs["image"].to_numpy()]), ["bin", "epoch"])
        for r in study.runs.values()
    ]
    return pd.concat(parts, ignore_index=True)


def step_means(study: StudyResults) -> pd.DataFrame:
    """Fig. 4: means over all test images at each of the first optimiser steps: a row per (arch, measure, step)."""
    parts = [
        statistics.means(run.iterations, ["step"], column).assign(arch=arch, measure=name)
        for arch, run in study.runs.items()
        for name, column in OVER_STEPS.items()
    ]
    return _first(pd.concat(parts, ignore_index=True), "arch", "measure")


@of_people
def examples(study: StudyResults) -> pd.DataFrame:
    """The two images of Fig. 5, by a rule that uses human labels only, never a network.

    Among the images whose true class is the most frequent human label (otherwise a mislabelled image on which all
    annotators agree could be chosen as hard), the easy image has the highest HSF and the hard image the lowest. Ties
    are broken by the number of annotators, then by the order of the test set. Without full label counts, the choice is
    among all images. A row per image: example ("easy", "hard"), image (its number), id, label, HSF, and the known
    causes of difficulty if the dataset has them.
    """
    order = study.images.assign(hsf=study.hsf, easy=-study.hsf, more=-study.images["shown"])
    if study.counts is not None:
        order = order[order["selected"] == study.counts.max(axis=1)]
    if order.empty:
        return pd.DataFrame()
    chosen = [int(order.sort_values([by, "more"], kind="stable").index[0]) for by in ("easy", "hsf")]
    images = study.images.iloc[chosen]
    causes = [name for name in ("ambiguity", "degradation") if name in images]
    table = pd.DataFrame(
        {
            "example": ["easy", "hard"],
            "image": chosen,
            "id": images["id"].to_numpy(),
            "label": [study.dataset["classes"][label] for label in images["label"]],
            "HSF": study.hsf[chosen],
        }
    )
    return table.assign(**{name: images[name].to_numpy() for name in causes})


def example_steps(study: StudyResults, chosen: pd.DataFrame) -> pd.DataFrame:
    """Fig. 5: the chosen images at each of the first optimiser steps: a row per (arch, measure, example, step)."""
    if chosen.empty:
        return pd.DataFrame()
    parts = []
    for arch, run in study.runs.items():
        for name, column in OVER_STEPS.items():
            for example, image, id_ in zip(chosen["example"], chosen["image"], chosen["id"], strict=True):
                points = run.iterations.loc[run.iterations["image"] == image, ["step", column]]
                points = points.rename(columns={column: "mean"})
                parts.append(points.assign(arch=arch, measure=name, example=example, id=id_, n=1))
    return _first(pd.concat(parts, ignore_index=True), "arch", "measure", "example", "id")


def chosen_superclasses(study: StudyResults) -> dict[str, list[int]]:
    """The three superclasses of Fig. 7: those with most, a middle number of and fewest classes. All if there are fewer.

    If there are many, as ImageNet's 45, those whose numbers of classes are nearest to the paper's 58, 7 and 1. Among
    superclasses of equal size, the first by name; if there are many, the one with most images. Superclasses without
    images, as in a small subset, are left out.
    """
    images = {n: int(study.images["label"].isin(m).sum()) for n, m in study.dataset["superclasses"].items()}
    present = [item for item in study.dataset["superclasses"].items() if images[item[0]]]
    every = sorted(present, key=lambda item: (-len(item[1]), item[0]))
    if len(every) <= 2 * len(PAPER_SUPERCLASSES):
        return {every[i][0]: every[i][1] for i in sorted({0, len(every) // 2, len(every) - 1})}
    return dict(
        min(every, key=lambda item: (abs(len(item[1]) - size), -images[item[0]])) for size in PAPER_SUPERCLASSES
    )


def superclass_hsf(study: StudyResults, members: Sequence[int]) -> np.ndarray:
    """The share of annotators who chose any class of a superclass, for each test image (N,).

    From full label counts; if only the count for the true class is known, the share for that class (each of ImageNet's
    annotators saw one class).
    """
    if study.counts is None:
        return study.hsf
    share: np.ndarray = study.counts[:, list(members)].sum(axis=1) / study.images["shown"].to_numpy()
    return share


@of_people
def granularity(study: StudyResults) -> pd.DataFrame:
    """The images of Fig. 7: a row per (arch, superclass, image in it): HSF of the superclass, norm scaled within it."""
    parts = []
    for arch, run in study.runs.items():
        for name, members in chosen_superclasses(study).items():
            inside = study.images["label"].isin(members).to_numpy()
            norm = run.scores["norm"].to_numpy(dtype=float)[inside]
            part = {"id": study.images["id"][inside], "hsf": superclass_hsf(study, members)[inside]}
            part |= {"norm_in_superclass": statistics.scaled(norm), "n_classes": len(members)}
            parts.append(pd.DataFrame(part).assign(arch=arch, superclass=name))
    return _first(pd.concat(parts, ignore_index=True), "arch", "superclass", "n_classes")


@unless_empty()
def granularity_cells(images: pd.DataFrame) -> pd.DataFrame:
    """Fig. 7: number of images per cell of HSF x norm, a row per (arch, superclass, cell), with bins as in Fig. 1."""
    score, parts = "norm_in_superclass", []
    for (arch, name), part in images.groupby(["arch", "superclass"], sort=False):
        cells = _cells(part["hsf"], part[score], UNIT).assign(n_classes=part["n_classes"].iloc[0])
        parts.append(cells.assign(arch=str(arch), superclass=str(name), score=score))
    return _first(pd.concat(parts, ignore_index=True), "arch", "superclass", "n_classes", "score")


@unless_empty()
def granularity_correlations(images: pd.DataFrame) -> pd.DataFrame:
    """Spearman's correlation of norm and HSF in each panel of Fig. 7: a row per (arch, superclass)."""
    return pd.DataFrame(
        {"arch": arch, "superclass": name, "n_classes": classes}
        | statistics.correlation(part["norm_in_superclass"], part["hsf"])._asdict()
        for (arch, name, classes), part in images.groupby(["arch", "superclass", "n_classes"], sort=False)
    )


@unless_empty()
def granularity_verdicts(correlations: pd.DataFrame) -> pd.DataFrame:
    """``granularity_correlations`` with a ``verdict`` by the range of Prediction 1: empty for too few images."""
    verdicts = []
    for value, low, high, n in correlations[["value", "low", "high", "n"]].to_numpy(dtype=float):
        part = Part("", Estimate(value, low, high, int(n)), UNCORRELATED)
        verdicts.append(str(part.verdict) if n >= FEWEST_IMAGES else "")
    return correlations.assign(verdict=verdicts)


def training_curves(run: NetworkResults) -> pd.DataFrame:
    """The training curves of a run: a row per (measure, series, epoch) with ``mean`` and intervals over test images."""
    fitted = run.training.melt("epoch", ["loss", "accuracy", "learning_rate"], "measure", "mean")
    tested = statistics.means(run.epochs, ["epoch"], "correct").assign(measure="accuracy", series="test")
    table = pd.concat([fitted.assign(series="training"), tested[tested["epoch"] > 0]], ignore_index=True)
    table["arch"] = run.arch
    return _first(table, "arch", "measure", "series", "epoch")


def distribution(run: NetworkResults) -> pd.DataFrame:
    """The distribution of AVH among correctly classified and misclassified images: a row per (outcome, cell)."""
    values = run.scores["avh"].to_numpy(dtype=float)
    defined = values[~np.isnan(values)]
    edges = np.linspace(defined.min(), defined.max(), 2 * CELLS + 1) if len(defined) else np.array([0.0, 1.0])
    parts = []
    for outcome, correct in (("right", True), ("wrong", False)):
        index = statistics.bin_index(values[run.scores["correct"] == correct], edges)
        n = np.bincount(index[index >= 0], minlength=len(edges) - 1)
        parts.append(pd.DataFrame({"outcome": outcome, "low": edges[:-1], "high": edges[1:], "n": n}))
    return pd.concat(parts, ignore_index=True).assign(arch=run.arch, score="avh")


def ceiling(study: StudyResults) -> Estimate:
    """The noise ceiling of Spearman's correlation with HSF; NaN without human labels."""
    if not study.has_people:
        return Estimate(np.nan, np.nan, np.nan, 0)
    return statistics.noise_ceiling(study.images["selected"], study.images["shown"])


def summary(study: StudyResults) -> pd.DataFrame:
    """A row per (arch, quantity): test accuracy, correlations with HSF, and the lead of AVH over confidence."""
    rows = []
    for arch, run in study.runs.items():
        quantities = {"accuracy": accuracy(run)}
        if study.has_people:
            there = study.defined(*CORRELATED)
            quantities |= {score: statistics.correlation(run.scores[score], study.hsf) for score in there}
            quantities["lead"] = statistics.correlation_difference(
                run.scores["avh"], run.scores["confidence"], study.hsf
            )
        rows += [{"arch": arch, "quantity": name, **value._asdict()} for name, value in quantities.items()]
    return pd.DataFrame(rows)


def accuracy(run: NetworkResults) -> Estimate:
    """The share of correctly classified test images, with Wilson's interval."""
    return statistics.proportion(run.scores["correct"])


def _cells(hsf: ArrayLike, values: ArrayLike, edges: Array) -> pd.DataFrame:
    """Number of images per cell of HSF x score, with the mean of the bin of HSF that contains the cell."""
    cells = statistics.histogram(hsf, values, UNIT, edges)
    cells["bin"] = statistics.binned(cells["x_high"])
    means = statistics.means(pd.DataFrame({"bin": statistics.binned(hsf), "value": values}), ["bin"], "value")
    return cells.merge(means.rename(columns={name: f"bin_{name}" for name in ("mean", "low", "high", "n")}), on="bin")


def _curves(run: NetworkResults, epochs: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    epochs = epochs[epochs["epoch"] > 0]  # "Epoch starts from 1" (Sec. 3)
    parts = [statistics.means(epochs, by, column).assign(measure=name) for name, column in OVER_EPOCHS.items()]
    table = pd.concat(parts, ignore_index=True)
    fell = run.training.loc[run.training["learning_rate"].diff() < 0, "epoch"]
    table["drop"] = table["epoch"].isin(fell)
    return _first(table.assign(arch=run.arch), "arch", "measure")


def _first(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The table with these columns first."""
    return table[[*columns, *(name for name in table if name not in columns)]]
