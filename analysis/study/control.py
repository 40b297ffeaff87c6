"""The positive control's answer: which of two known causes of difficulty does a score follow?

Only a rendered dataset knows them: its ``images.parquet`` has each picture's ``ambiguity`` (how far its shape is
morphed towards another class) and ``degradation`` (how blurred, noisy and pale it is), drawn independently of each
other. Tables are empty for every other dataset.
"""

from typing import Any

import numpy as np
import pandas as pd

from analysis import statistics
from analysis.datasets import annotators
from analysis.study.results import StudyResults
from analysis.study.tables import CORRELATED

CAUSES = {  # of difficulty, and the edges of the bins that they are drawn in
    "ambiguity": (0.0, 0.125, 0.25, 0.375, 0.5),
    "degradation": (0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
}
PEOPLE, EXPECTED, RIGHT, LEAD = "HSF", "expected HSF", "correctness", "lead"
QUESTIONS = (  # a score's correlation with what, and given what
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
DRAWN = (("ambiguity", "degradation"), ("degradation", "ambiguity"), (PEOPLE, EXPECTED))  # panels: of, given
GRID = ("avh", "confidence", "hsf")  # measures over both causes


def has_causes(study: StudyResults) -> bool:
    """Whether the study knows what makes each of its pictures hard, and asked (simulated) people."""
    return study.has_people and {*CAUSES, "confusable"} <= set(study.images)


def expected_hsf(study: StudyResults) -> np.ndarray:
    """The expected share of annotators who choose the label of each image (N,), from its two causes alone.

    From the formula that answers in people's place, averaged over a pool drawn by its law.
    """
    pool, classes = annotators.People.draw(np.random.default_rng(0)), len(study.dataset["classes"])
    images = study.images[["label", "confusable", *CAUSES]].itertuples(index=False)
    return np.array([annotators.probabilities(pool, classes, *image)[:, image.label].mean() for image in images])


def causes(study: StudyResults) -> pd.DataFrame:
    """How scores go with each cause and with people: Spearman's correlation, plain and partial.

    A row per (arch, score, of, given): the score's correlation with ``of`` when what ``given`` names is held equal ("":
    nothing), with value, low, high, n. In the rows whose ``of`` is "lead" it is how much more strongly the score goes
    with ambiguity than with degradation, |r| - |r|, paired over images. The people's own HSF is the score "hsf", of the
    network "".
    """
    from scipy import stats  # noqa: PLC0415

    if not has_causes(study):
        return pd.DataFrame()
    known = {name: study.images[name].to_numpy(dtype=float) for name in CAUSES}
    expected = expected_hsf(study)
    # What is given is taken off straight, in ranks; the distance from the middle rank takes off a bend as well.
    bend = np.abs(stats.rankdata(expected) - (len(expected) + 1) / 2)
    known[EXPECTED] = np.column_stack([expected, bend])
    people = pd.DataFrame(_answers("", "hsf", study.hsf, known))
    networks = [
        _answers(arch, score, run.scores[score].to_numpy(dtype=float), known | _of_network(study, arch))
        for score in CORRELATED
        for arch, run in study.runs.items()
    ]
    return pd.concat([*map(pd.DataFrame, networks), people], ignore_index=True)


def _of_network(study: StudyResults, arch: str) -> dict[str, np.ndarray]:
    """What a network's scores may be asked about beside the causes."""
    return {PEOPLE: study.hsf, RIGHT: study.runs[arch].scores["correct"].to_numpy(dtype=float)}


def _answers(arch: str, score: str, values: np.ndarray, known: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    """A row for each question that what is known can answer, and for the lead."""
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


def plotted_causes(table: pd.DataFrame) -> pd.DataFrame:
    """Figure C1's part of ``causes``: each cause given the other, and people given what their formula expects."""
    if table.empty:
        return table
    keys = pd.MultiIndex.from_frame(table[["of", "given"]])
    return table[keys.isin(DRAWN)].reset_index(drop=True)


def causes_grid(study: StudyResults, arch: str) -> pd.DataFrame:
    """Figure C2: means over the pictures of each range of both causes, a row per (measure, ambiguity, degradation).

    Of the network's AVH and confidence, and of HSF: ``mean``, ``low``, ``high``, ``n``.
    """
    if not has_causes(study):
        return pd.DataFrame()
    ranges = {name: statistics.binned(study.images[name], edges) for name, edges in CAUSES.items()}
    table = study.runs[arch].scores.assign(hsf=study.hsf, **ranges)
    parts = [statistics.means(table, list(CAUSES), name).assign(arch=arch, measure=name) for name in GRID]
    found = pd.concat(parts, ignore_index=True)
    return found[["arch", "measure", *CAUSES, "mean", "low", "high", "n"]]
