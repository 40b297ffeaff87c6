"""The positive control: which of two known causes of difficulty does a score track?

They are known for rendered images only: ``images.parquet`` has the ``ambiguity`` of each image (how far its shape is
morphed towards another class) and its ``degradation`` (blur, noise and loss of contrast), drawn independently. Tables
are empty for every other dataset.
"""

from typing import Any

import numpy as np
import pandas as pd

from analysis import statistics
from analysis.datasets import annotators
from analysis.study.results import StudyResults, unless_empty
from analysis.study.tables import CORRELATED

CAUSES = {  # causes of difficulty, and their bin edges in figures
    "ambiguity": (0.0, 0.125, 0.25, 0.375, 0.5),
    "degradation": (0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
}
PEOPLE, EXPECTED, RIGHT, LEAD = "HSF", "expected HSF", "correctness", "lead"
QUESTIONS = (  # correlation of a score with what, controlling for what
    ("ambiguity", ()),
    ("ambiguity", ("degradation",)),
    ("ambiguity", ("degradation", RIGHT)),
    ("degradation", ()),
    ("degradation", ("ambiguity",)),
    ("degradation", ("ambiguity", RIGHT)),
    (PEOPLE, ()),
    (PEOPLE, ("ambiguity", "degradation")),
    (PEOPLE, ("ambiguity", "degradation", RIGHT)),
    (PEOPLE, (EXPECTED,)),
)
PANELS = (("ambiguity", "degradation"), ("degradation", "ambiguity"), (PEOPLE, EXPECTED))  # panels: of, controlling for
GRID = ("avh", "confidence", "hsf")  # measures over both causes


def has_causes(study: StudyResults) -> bool:
    """Whether the causes of difficulty and the labels of (simulated) annotators are known."""
    return study.has_people and {*CAUSES, "confusable"} <= set(study.images)


def expected_hsf(study: StudyResults) -> np.ndarray:
    """The expected share of annotators who choose the label of each image (N,), from its two causes alone.

    From the formula of the simulated annotators, averaged over a pool drawn from their distribution.
    """
    pool, classes = annotators.People.draw(np.random.default_rng(0)), len(study.dataset["classes"])
    columns = (study.images[name] for name in ("label", "confusable", *CAUSES))
    return np.array(
        [annotators.probabilities(pool, classes, *image)[:, image[0]].mean() for image in zip(*columns, strict=True)]
    )


def causes(study: StudyResults) -> pd.DataFrame:
    """Spearman's correlation of scores with each cause and with HSF, plain and partial.

    A row per (arch, score, of, given): the correlation of the score with ``of``, controlling for ``given`` ("" for
    none), with value, low, high, n. If ``of`` is "lead", the value is the difference between the absolute correlations
    with ambiguity and with degradation, paired over images. HSF itself is the score "hsf" of the network "".
    """
    from scipy import stats  # noqa: PLC0415

    if not has_causes(study):
        return pd.DataFrame()
    known = {name: study.images[name].to_numpy(dtype=float) for name in CAUSES}
    expected = expected_hsf(study)
    # A partial correlation is linear in ranks; the distance from the middle rank adds a knot there.
    bend = np.abs(stats.rankdata(expected) - (len(expected) + 1) / 2)
    known[EXPECTED] = np.column_stack([expected, bend])
    people = pd.DataFrame(_asked("", "hsf", study.hsf, known))
    networks = [
        _asked(arch, score, run.scores[score].to_numpy(dtype=float), known | _of_network(study, arch))
        for score in CORRELATED
        for arch, run in study.runs.items()
    ]
    return pd.concat([*map(pd.DataFrame, networks), people], ignore_index=True)


def _of_network(study: StudyResults, arch: str) -> dict[str, np.ndarray]:
    """The variables beside the causes that scores of a network are correlated with."""
    return {PEOPLE: study.hsf, RIGHT: study.runs[arch].scores["correct"].to_numpy(dtype=float)}


def _asked(arch: str, score: str, values: np.ndarray, known: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """A row for each question whose variables are known, and one for the lead."""
    rows = []
    for of, given in QUESTIONS:
        if not {of, *given} <= set(known):
            continue
        if given:
            found = statistics.partial(values, known[of], np.column_stack([known[name] for name in given]))
        else:
            found = statistics.correlation(values, known[of])
        rows.append({"of": of, "given": " and ".join(given), **found._asdict()})
    lead = statistics.correlation_difference(known["ambiguity"], known["degradation"], values)
    rows.append({"of": LEAD, "given": "", **lead._asdict()})
    return [{"arch": arch, "score": score, **row} for row in rows]


@unless_empty()
def plotted_causes(table: pd.DataFrame) -> pd.DataFrame:
    """The part of ``causes`` in Figure C1: each cause controlling for the other, and HSF for the expected HSF."""
    keys = pd.MultiIndex.from_frame(table[["of", "given"]])
    return table[keys.isin(PANELS)].reset_index(drop=True)


def causes_grid(study: StudyResults, arch: str) -> pd.DataFrame:
    """Figure C2: means over the images in each range of both causes, a row per (measure, ambiguity, degradation).

    For AVH, confidence and HSF: ``mean``, ``low``, ``high``, ``n``.
    """
    if not has_causes(study):
        return pd.DataFrame()
    ranges = {name: statistics.binned(study.images[name], edges) for name, edges in CAUSES.items()}
    table = study.runs[arch].scores.assign(hsf=study.hsf, **ranges)
    parts = [statistics.means(table, list(CAUSES), name).assign(arch=arch, measure=name) for name in GRID]
    found = pd.concat(parts, ignore_index=True)
    return found[["arch", "measure", *CAUSES, "mean", "low", "high", "n"]]
