"""The positive control's answer: which of two known causes of difficulty does a score follow?

Only a rendered dataset knows them: its ``images.parquet`` has each picture's ``ambiguity`` (how far its shape is
morphed towards another class) and ``degradation`` (how blurred, noisy and pale it is), drawn independently of each
other. Tables are empty for every other dataset, and so is what is said of them.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis import statistics, styles, words
from analysis.datasets import annotators
from analysis.statistics import Estimate
from analysis.tables import CORRELATED, Study

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


def has_causes(study: Study) -> bool:
    """Whether the study knows what makes each of its pictures hard, and asked (simulated) people."""
    return study.has_people and {*CAUSES, "confusable"} <= set(study.images)


def missing(study: Study) -> list[str]:
    """What a page says of a study that does not know the causes."""
    if has_causes(study):
        return []
    return [
        "What makes these pictures hard is not known: only rendered pictures record the causes of their difficulty.",
        "So this page has no figure and no table for this dataset.",
    ]


def expected_hsf(study: Study) -> np.ndarray:
    """The share of all simulated people who would choose each image's label (N,), which its two causes decide alone.

    From the formula that answers in people's place, averaged over a pool drawn by its law.
    """
    pool, classes = annotators.People.draw(np.random.default_rng(0)), len(study.dataset["classes"])
    images = study.images[["label", "confusable", *CAUSES]].itertuples(index=False)
    return np.array([annotators.probabilities(pool, classes, *image)[:, image.label].mean() for image in images])


def causes(study: Study) -> pd.DataFrame:
    """How scores go with each cause and with people: Spearman's correlation, plain and partial.

    A row per (arch, score, of, given): the score's correlation with ``of`` when what ``given`` names is held equal ("":
    nothing), with value, low, high, n. In the rows whose ``of`` is "lead" it is how much more strongly the score goes
    with ambiguity than with degradation, |r| - |r|, paired over images. The people's own HSF is the score "hsf", of the
    network "".
    """
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


def _of_network(study: Study, arch: str) -> dict[str, np.ndarray]:
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
        rows.append({"of": of, "given": words.listing(given) if given else "", **found._asdict()})
    lead = statistics.difference(known["ambiguity"], known["degradation"], values)
    rows.append({"of": LEAD, "given": "", **lead._asdict()})
    return [{"arch": arch, "score": score, **row} for row in rows]


def drawn(table: pd.DataFrame) -> pd.DataFrame:
    """Figure C1's part of ``causes``: each cause given the other, and people given what their formula expects."""
    if table.empty:
        return table
    keys = pd.MultiIndex.from_frame(table[["of", "given"]])
    return table[keys.isin(DRAWN)].reset_index(drop=True)


def grid(study: Study, arch: str) -> pd.DataFrame:
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


# --- in a reader's words

OF = {
    "ambiguity": "ambiguity",
    "degradation": "degradation",
    PEOPLE: "simulated people's HSF",
    LEAD: "|ambiguity| − |degradation|",
}


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """``causes`` for readers: a row per score and question, a column per network and one for people."""
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for row in table.itertuples():
        head = {"score": styles.SCORES[row.score].label, "correlation with": OF[row.of], "given": row.given}
        column = styles.architecture(row.arch).label if row.arch else "simulated people"
        text = words.estimate(_estimate(row), n=False)
        rows.setdefault((row.score, row.of, row.given), head)[column] = text
    readable = pd.DataFrame(rows.values()).fillna("")
    if not readable.empty:
        readable["score"] = readable["score"].where(~readable["score"].duplicated(), "")
    return readable


def summary_caption(table: pd.DataFrame) -> str:
    """The caption of that table."""
    n = words.listing(words.count(n) for n in sorted({table["n"].min(), table["n"].max()})) if len(table) else ""
    return (
        "Spearman's correlation of each score with each cause of difficulty and with the simulated people's HSF; where "
        "something is given, the partial correlation when that is held equal. |ambiguity| − |degradation| is how much "
        "more strongly a score goes with ambiguity than with degradation, paired over images. All with 95 % bootstrap "
        f"intervals over images. Images behind each number: {n.replace(' and ', ' to ')}."
    )


def answer(table: pd.DataFrame) -> list[str]:
    """A sentence per score: which cause it follows more with which networks, and where that cannot be told."""
    sentences = []
    for score, rows in _by_score(table, LEAD, ""):
        sides = {
            "ambiguity more than degradation": rows["low"] > 0,
            "degradation more than ambiguity": rows["high"] < 0,
            "neither cause clearly more than the other": ~((rows["low"] > 0) | (rows["high"] < 0)),
        }
        parts = [
            side + _with((row.arch, words.estimate(_estimate(row), n=False)) for row in part)
            for side, chosen in sides.items()
            if (part := list(rows[chosen].itertuples()))
        ]
        who = OF[PEOPLE] if score == "hsf" else styles.SCORES[score].label
        sentences.append(words.sentence(f"{who} follows {'; '.join(parts)}"))
    return sentences


def remainder(table: pd.DataFrame) -> list[str]:
    """A sentence per score: its correlation with people once what their formula expects is given, and before."""
    sentences = []
    for score, rows in _by_score(table, PEOPLE, EXPECTED):
        before = dict(_by_score(table, PEOPLE, ""))[score].set_index("arch")["value"]
        values = words.listing(
            f"{words.estimate(_estimate(row), n=False)} for {styles.architecture(row.arch).label} (before: "
            f"{words.number(before[row.arch])})"
            for row in rows.itertuples()
        )
        what = f"{styles.SCORES[score].label} has a rank correlation with their HSF of {values}"
        sentences.append(words.sentence(f"given what the simulated people's formula expects, {what}"))
    return sentences


def dots(table: pd.DataFrame) -> str:
    """Figure C1 for who cannot see it."""
    if table.empty:
        return "No dot."
    parts = []
    for (of, given), part in table.groupby(["of", "given"], sort=False):
        scores = [
            f"{styles.SCORES[score].label} {words.listing(map(words.number, rows['value']))}"
            for score, rows in part.groupby("score", sort=False)
        ]
        parts.append(f"With {OF[of]}, given {given}: {'; '.join(scores)}")
    names = words.listing(styles.architecture(arch).label for arch in styles.in_order(set(table["arch"]) - {""}))
    return f"Partial rank correlations for {names}, in this order. {'. '.join(parts)}."


def smallest(table: pd.DataFrame) -> str:
    """How few pictures a mean of Figure C2 rests on."""
    return f"The smallest group has {words.count(table['n'].min())} pictures." if len(table) else ""


def lines(table: pd.DataFrame) -> str:
    """Figure C2 for who cannot see it: where each line starts and ends."""
    if table.empty:
        return "No line."
    parts = []
    for (measure, of), part in table.groupby(["measure", "ambiguity"], sort=False, observed=True):
        means = part["mean"].dropna()
        ends = f"{words.short(means.iloc[0])} to {words.short(means.iloc[-1])}" if len(means) else "no picture"
        parts.append(f"{styles.SCORES[measure].label}, ambiguity {of}: {ends}")
    return f"From the least to the most degraded pictures. {'. '.join(parts)}."


def _by_score(table: pd.DataFrame, of: str, given: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of one question, score by score; none of an empty table."""
    if not table.empty:
        yield from table[(table["of"] == of) & (table["given"] == given)].groupby("score", sort=False)


def _with(numbers: Iterable[tuple[str, str]]) -> str:
    """ " with AlexNet (0.01) and VGG19 (0.02)"; people's own number is without a name."""
    texts = [(f"{styles.architecture(arch).label} ({text})" if arch else f"({text})") for arch, text in numbers]
    return f" {'with ' if not texts[0].startswith('(') else ''}{words.listing(texts)}"


def _estimate(row: Any) -> Estimate:
    return Estimate(row.value, row.low, row.high, row.n)
