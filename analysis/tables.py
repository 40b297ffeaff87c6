"""From a study's recorded results to the tidy table behind each figure: reading, joining, and calls to statistics.

A tidy table names its rows in words a figure and a reader can use: ``arch``, ``measure`` or ``score``, ``epoch``,
``bin``, with ``mean``, ``low``, ``high``, ``n``. Tables about people's answers are empty where there are none, and
an empty table draws nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import compact, runs, statistics, styles
from analysis.datasets import load, present
from analysis.errors import InputError
from analysis.parameters import StudyParameters
from analysis.statistics import Estimate
from analysis.study import DATASET, IMAGES, answered, study_of

CELLS = 20  # of a two-dimensional histogram, along each axis
MEASURES = {"norm": "norm", "avh": "avh", "accuracy": "correct"}  # rows of Fig. 2 and 3, and their columns
FIRST = {"norm": "norm", "angle": "angle"}  # rows of Fig. 4 and 5, and their columns
EPOCHS = ["epoch", "image", *MEASURES.values(), "confidence"]  # what chapters read of epochs.parquet
ITERATIONS = ["step", "image", *FIRST.values()]  # and of iterations.parquet
PAPER_SUPERCLASSES = (58, 7, 1)  # how many classes are in those of Fig. 7
CORRELATED = ("avh", "confidence", "norm_in_class")  # with HSF (Sec. 2)


@dataclass(frozen=True)
class Run:
    """One network's finished results."""

    arch: str
    folder: Path
    stamp: dict[str, Any]
    scores: pd.DataFrame  # a row per test image, with norm_in_class and avh_scaled added

    @cached_property
    def training(self) -> pd.DataFrame:
        """A row per epoch from 1. A network that was measured as it is has none, nor the two tables below."""
        return runs.read_table(self.folder / "training.parquet")

    @cached_property
    def epochs(self) -> pd.DataFrame:
        """A row per (epoch, test image), from epoch 0; only the columns that chapters need."""
        return compact.read(self.folder / "epochs.parquet", EPOCHS)

    @cached_property
    def iterations(self) -> pd.DataFrame:
        """A row per (optimiser step, test image), from step 0; only the columns that chapters need."""
        return compact.read(self.folder / "iterations.parquet", ITERATIONS)

    @property
    def measured(self) -> bool:
        """Whether its weights were given, and nothing was trained."""
        return "measured" in self.stamp

    @property
    def undefined(self) -> int:
        """How many test images have no AVH."""
        return int(self.scores["avh"].isna().sum())


@dataclass(frozen=True)
class Study:
    """A study's pictures, what people said of them, and its runs in the order they are shown in."""

    name: str
    dataset: dict[str, Any]
    images: pd.DataFrame  # a row per test image: id, label, and selected of shown where people were asked
    runs: dict[str, Run]

    @property
    def has_people(self) -> bool:
        return "selected" in self.images

    @property
    def measured(self) -> bool:
        """Whether the weights of all networks were given, and so no training was seen."""
        return all(run.measured for run in self.runs.values())

    @property
    def hsf(self) -> np.ndarray:
        """Human selection frequency of each test image (N,): selected / shown. NaN where nobody was asked."""
        if not self.has_people:
            return np.full(len(self.images), np.nan)
        return (self.images["selected"] / self.images["shown"]).to_numpy()

    @property
    def undefined(self) -> int:
        """How many AVH are undefined, over all runs."""
        return sum(run.undefined for run in self.runs.values())

    def classes(self, arch: str) -> list[str]:
        """The names of a network's outputs: the dataset's classes and, after them, others that the network knows."""
        return self.runs[arch].stamp.get("classes", self.dataset["classes"])

    def representative(self, arch: str = "resnet50") -> str:
        """The network that stands for all (the paper takes ResNet50), else the last of those that are there."""
        return arch if arch in self.runs else list(self.runs)[-1]

    def others(self, arch: str = "resnet50") -> list[str]:
        """The networks beside the representative one; itself where it is alone."""
        return [name for name in self.runs if name != self.representative(arch)] or list(self.runs)


def read(parameters: StudyParameters, archs: Sequence[str], *, download: bool = True) -> Study:
    """The finished results of a study; download, whether people's answers may be where a record lacks them.

    Raises InputError where something is missing, damaged or of another study.
    """
    folder = parameters.study_dir
    dataset = runs.read_json(folder / DATASET)
    mine, theirs = runs.described(study_of(parameters)), dataset["parameters"]
    different = [f"{k} is {theirs.get(k)!r} there and {v!r} here" for k, v in mine.items() if theirs.get(k) != v]
    if different:
        raise InputError(f"{folder} is a study with other parameters ({'; '.join(different)}): name another with study")
    images = answered(runs.read_table(folder / IMAGES), dataset, parameters, download)
    return Study(
        name=parameters.study_name,
        dataset=dataset,
        images=images,
        runs={arch: read_run(folder / arch, dataset, images) for arch in styles.in_order(archs)},
    )


def read_run(folder: Path, dataset: dict[str, Any], images: pd.DataFrame) -> Run:
    """One network's results, checked to be of these images."""
    stamp = runs.read_json(folder / runs.RUN)
    scores = runs.read_table(folder / "scores.parquet")
    if stamp["data"] != dataset["hash"] or not scores["id"].equals(images["id"]):
        raise InputError(f"{folder} holds results on other data than {folder.parent / DATASET}: run it again")
    scores["norm_in_class"] = statistics.scaled_within(scores["norm"], scores["label"])
    scores["avh_scaled"] = statistics.scaled(scores["avh"])
    return Run(folder.name, folder, stamp, scores)


def histograms(study: Study, archs: Sequence[str], scores: Sequence[str]) -> pd.DataFrame:
    """Fig. 1 and 6: images per cell of HSF x score, a row per (arch, score, cell).

    ``bin_mean``, ``bin_low``, ``bin_high``: the mean, with its interval, within the bin of HSF that the cell is in.
    Scores scaled to 0..1 and confidences are drawn on 0..1, others over their own range, the same for all networks.
    """
    if not study.has_people:
        return pd.DataFrame()
    unit = np.arange(CELLS + 1) / CELLS  # i / 20, and not linspace: the floats that 3 of 5 people give
    parts = []
    for score in scores:
        columns = {arch: study.runs[arch].scores[score].to_numpy(dtype=float) for arch in archs}
        every = np.concatenate(list(columns.values()))
        edges = unit if score != "avh" else np.linspace(np.nanmin(every), np.nanmax(every), CELLS + 1)
        for arch, values in columns.items():
            cells = statistics.histogram(study.hsf, values, unit, edges)
            cells["bin"] = statistics.binned(cells["x_high"])
            means = score_by_bin(study, arch, [score])
            means = means.rename(columns={name: f"bin_{name}" for name in ("mean", "low", "high", "n")})
            parts.append(cells.merge(means, on="bin"))
    return _first(pd.concat(parts, ignore_index=True), "arch", "score")


def curves(study: Study) -> pd.DataFrame:
    """Fig. 2: means over all test images, a row per (arch, measure, epoch from 1); ``drop`` where the rate fell."""
    return pd.concat([_curves(run, run.epochs, ["epoch"]) for run in study.runs.values()], ignore_index=True)


def curves_by_bin(study: Study) -> pd.DataFrame:
    """Fig. 3: the same within each bin of HSF, a row per (arch, measure, bin, epoch)."""
    if not study.has_people:
        return pd.DataFrame()
    bins = statistics.binned(study.hsf)
    parts = [_curves(r, r.epochs.assign(bin=bins[r.epochs["image"]]), ["bin", "epoch"]) for r in study.runs.values()]
    return pd.concat(parts, ignore_index=True)


def first_steps(study: Study) -> pd.DataFrame:
    """Fig. 4: means over all test images at each of the first optimiser steps: a row per (arch, measure, step)."""
    parts = [
        statistics.means(run.iterations, ["step"], column).assign(arch=arch, measure=name)
        for arch, run in study.runs.items()
        for name, column in FIRST.items()
    ]
    return _first(pd.concat(parts, ignore_index=True), "arch", "measure")


def examples(study: Study) -> pd.DataFrame:
    """Fig. 5's two images, by a rule that looks at people's answers alone, never at a network.

    Among the images whose own class is people's most frequent answer (else a mislabelled picture that everybody names
    alike would pass for hard), easy is the one of the highest HSF and hard the one of the lowest; among equals, the one
    that more people were shown; among those, the first of the test set. Where people's full answers are not known, the
    choice is among all images. A row per image: example ("easy", "hard"), image (its number), id, label, HSF, people,
    answers, and the known causes of its difficulty where the dataset has them.
    """
    if not study.has_people:
        return pd.DataFrame()
    order = study.images.assign(hsf=study.hsf, easy=-study.hsf, more=-study.images["shown"])
    if "count_0" in order:
        counts = order[[f"count_{k}" for k in range(len(study.dataset["classes"]))]]
        order = order[order["selected"] == counts.max(axis=1)]
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
            "people": "simulated people" if study.dataset["simulated"] else "people",
            "answers": [answers(study, image) for image in chosen],
        }
    )
    return table.assign(**{name: images[name].to_numpy() for name in causes})


def answers(study: Study, image: int, number: int = 3) -> str:
    """What people said of an image, the most frequent first: "star 31, arrow 12, others 7, of 50"."""
    row, classes = study.images.iloc[image], study.dataset["classes"]
    if "count_0" not in row:
        return f"{classes[row['label']]} {row['selected']}, of {row['shown']}"
    counts = np.array([row[f"count_{k}"] for k in range(len(classes))], dtype=int)
    order = [k for k in np.argsort(-counts, kind="stable") if counts[k]]
    said = [f"{classes[k]} {counts[k]}" for k in order[:number]]
    said += [f"others {counts[order[number:]].sum()}"] if order[number:] else []
    return f"{', '.join(said)}, of {row['shown']}"


def examples_course(study: Study, chosen: pd.DataFrame) -> pd.DataFrame:
    """Fig. 5: the chosen images at each of the first optimiser steps: a row per (arch, measure, example, step)."""
    if chosen.empty:
        return pd.DataFrame()
    parts = []
    for arch, run in study.runs.items():
        for name, column in FIRST.items():
            for example in chosen.itertuples():
                points = run.iterations.loc[run.iterations["image"] == example.image, ["step", column]]
                points = points.rename(columns={column: "mean"})
                parts.append(points.assign(arch=arch, measure=name, example=example.example, id=example.id, n=1))
    return _first(pd.concat(parts, ignore_index=True), "arch", "measure", "example", "id")


def pictures(study: Study, parameters: StudyParameters, images: Sequence[int]) -> np.ndarray | None:
    """The test images with these numbers, (B, H, W, 3) uint8; None where they, or people's answers, are not here.

    Raises InputError where the data is other than then.
    """
    if not len(images):
        return np.zeros((0, 1, 1, 3), dtype=np.uint8)
    there, answers = present(parameters)
    if not there or (study.dataset["people"] and not answers):  # by which the data is told to be what it was
        return None
    dataset = load(study_of(parameters))
    if dataset.hash != study.dataset["hash"]:
        raise InputError(f"the data of {study.name} is not what its results were made of: run the study again")
    return dataset.test.images[np.asarray(images, dtype=int)].transpose(0, 2, 3, 1)


def superclasses(study: Study) -> dict[str, list[int]]:
    """Fig. 7's three superclasses: those of most, of a middle number and of fewest classes. All where there are fewer.

    Where there are many, as ImageNet's 45, those whose numbers of classes are nearest to the paper's 58, 7 and 1.
    Among superclasses of equal size, the first by name; among many, the one with most images. One that no image is of,
    as in a small subset, is left out.
    """
    images = {n: int(study.images["label"].isin(m).sum()) for n, m in study.dataset["superclasses"].items()}
    present = [item for item in study.dataset["superclasses"].items() if images[item[0]]]
    every = sorted(present, key=lambda item: (-len(item[1]), item[0]))
    if len(every) <= 2 * len(PAPER_SUPERCLASSES):
        return {every[i][0]: every[i][1] for i in sorted({0, len(every) // 2, len(every) - 1})}
    return dict(
        min(every, key=lambda item: (abs(len(item[1]) - size), -images[item[0]])) for size in PAPER_SUPERCLASSES
    )


def superclass_hsf(study: Study, members: Sequence[int]) -> np.ndarray:
    """Share of the people who chose any class of a superclass, for each test image (N,).

    From people's full answers; where only the share for an image's own class is known, that (facts: ImageNet's workers
    saw one class each).
    """
    if "count_0" not in study.images:
        return study.hsf
    chosen = study.images[[f"count_{k}" for k in members]].sum(axis=1)
    return (chosen / study.images["shown"]).to_numpy()


def granularity(study: Study) -> pd.DataFrame:
    """Fig. 7's images: a row per (arch, superclass, image of it): HSF of the superclass, norm scaled within it."""
    if not study.has_people:
        return pd.DataFrame()
    parts = []
    for arch, run in study.runs.items():
        for name, members in superclasses(study).items():
            inside = study.images["label"].isin(members).to_numpy()
            norm = run.scores["norm"].to_numpy(dtype=float)[inside]
            part = {"id": study.images["id"][inside], "hsf": superclass_hsf(study, members)[inside]}
            part |= {"norm_in_superclass": statistics.scaled(norm), "n_classes": len(members)}
            parts.append(pd.DataFrame(part).assign(arch=arch, superclass=name))
    return _first(pd.concat(parts, ignore_index=True), "arch", "superclass", "n_classes")


def granularity_cells(images: pd.DataFrame) -> pd.DataFrame:
    """Fig. 7: images per cell of HSF x norm, a row per (arch, superclass, cell), with its bin's mean as in Fig. 1."""
    if images.empty:
        return images
    unit = np.arange(CELLS + 1) / CELLS
    parts = []
    for (arch, name), part in images.groupby(["arch", "superclass"], sort=False):
        cells = statistics.histogram(part["hsf"], part["norm_in_superclass"], unit, unit)
        cells["bin"] = statistics.binned(cells["x_high"])
        binned = part.assign(bin=statistics.binned(part["hsf"]))
        means = statistics.means(binned, ["bin"], "norm_in_superclass")
        means = means.rename(columns={column: f"bin_{column}" for column in ("mean", "low", "high", "n")})
        cells = cells.assign(arch=arch, superclass=name, n_classes=part["n_classes"].iloc[0])
        parts.append(cells.assign(score="norm_in_superclass").merge(means, on="bin"))
    return _first(pd.concat(parts, ignore_index=True), "arch", "superclass", "n_classes", "score")


def granularity_correlations(images: pd.DataFrame) -> pd.DataFrame:
    """Spearman's correlation of norm and HSF in each panel of Fig. 7: a row per (arch, superclass)."""
    if images.empty:
        return images
    return pd.DataFrame(
        {"arch": arch, "superclass": name, "n_classes": classes}
        | statistics.correlation(part["norm_in_superclass"], part["hsf"])._asdict()
        for (arch, name, classes), part in images.groupby(["arch", "superclass", "n_classes"], sort=False)
    )


def training(run: Run) -> pd.DataFrame:
    """A run's course: a row per (measure, series, epoch) with ``mean``, and an interval over test images."""
    fitted = run.training.melt("epoch", ["loss", "accuracy", "learning_rate"], "measure", "mean")
    tested = statistics.means(run.epochs, ["epoch"], "correct").assign(measure="accuracy", series="test")
    table = pd.concat([fitted.assign(series="training"), tested[tested["epoch"] > 0]], ignore_index=True)
    table["arch"] = run.arch
    return _first(table, "arch", "measure", "series", "epoch")


def score_by_bin(study: Study, arch: str, scores: Sequence[str]) -> pd.DataFrame:
    """Mean of each score within each bin of HSF: a row per (arch, score, bin)."""
    if not study.has_people:
        return pd.DataFrame()
    table = study.runs[arch].scores.assign(bin=statistics.binned(study.hsf))
    parts = [statistics.means(table, ["bin"], score).assign(arch=arch, score=score) for score in scores]
    return _first(pd.concat(parts, ignore_index=True), "arch", "score")


def distribution(run: Run, score: str = "avh") -> pd.DataFrame:
    """How a score is distributed among images that the network gets right and wrong: a row per (outcome, cell)."""
    values = run.scores[score].to_numpy(dtype=float)
    defined = values[~np.isnan(values)]
    edges = np.linspace(defined.min(), defined.max(), 2 * CELLS + 1) if len(defined) else np.array([0.0, 1.0])
    parts = []
    for outcome, correct in (("right", True), ("wrong", False)):
        index = statistics.bin_index(values[run.scores["correct"] == correct], edges)
        n = np.bincount(index[index >= 0], minlength=len(edges) - 1)
        parts.append(pd.DataFrame({"outcome": outcome, "low": edges[:-1], "high": edges[1:], "n": n}))
    return pd.concat(parts, ignore_index=True).assign(arch=run.arch, score=score)


def correlation(study: Study, arch: str, score: str) -> Estimate:
    """Spearman's correlation of a score with HSF."""
    return statistics.correlation(study.runs[arch].scores[score], study.hsf)


def ceiling(study: Study) -> Estimate:
    """The noise ceiling of Spearman's correlation with HSF; NaN where nobody was asked."""
    if not study.has_people:
        return Estimate(np.nan, np.nan, np.nan, 0)
    return statistics.noise_ceiling(study.images["selected"], study.images["shown"])


def summary(study: Study) -> pd.DataFrame:
    """A row per (arch, quantity): test accuracy, correlations with HSF, and AVH's lead over confidence."""
    rows = []
    for arch, run in study.runs.items():
        quantities = {"accuracy": accuracy(run)}
        if study.has_people:
            quantities |= {score: correlation(study, arch, score) for score in CORRELATED}
            quantities["lead"] = statistics.difference(run.scores["avh"], run.scores["confidence"], study.hsf)
        rows += [{"arch": arch, "quantity": name, **value._asdict()} for name, value in quantities.items()]
    return pd.DataFrame(rows)


def accuracy(run: Run) -> Estimate:
    """Share of test images whose class the network gives, with Wilson's interval."""
    n, share = len(run.scores), run.scores["correct"].mean()
    low, high = statistics.wilson(np.array([share]), np.array([n]))
    return Estimate(float(share), float(low[0]), float(high[0]), n)


def extremes(study: Study, arch: str, number: int = 10) -> pd.DataFrame:
    """The images that AVH ranks hardest: id, class, what the network says, AVH, and HSF where people were asked."""
    classes = np.array(study.classes(arch), dtype=object)
    scores = study.runs[arch].scores
    table = pd.DataFrame(
        {
            "image": scores["id"],
            "class": classes[scores["label"]],
            "network says": classes[scores["predicted"]],
            "AVH": scores["avh"],
        }
    )
    if study.has_people:
        table["HSF"] = study.hsf
    return table.nlargest(number, "AVH").reset_index(drop=True)


def _curves(run: Run, epochs: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    epochs = epochs[epochs["epoch"] > 0]  # "Epoch starts from 1" (Sec. 3)
    parts = [statistics.means(epochs, by, column).assign(measure=name) for name, column in MEASURES.items()]
    table = pd.concat(parts, ignore_index=True)
    fell = run.training.loc[run.training["learning_rate"].diff() < 0, "epoch"]
    table["drop"] = table["epoch"].isin(fell)
    return _first(table.assign(arch=run.arch), "arch", "measure")


def _first(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The table with these columns at the front."""
    return table[[*columns, *(name for name in table if name not in columns)]]
