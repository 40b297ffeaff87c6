"""The easy and the hard image of Figure 5, in words."""

import numpy as np
import pandas as pd

from analysis.study.results import StudyResults, unless_empty
from report import styles
from report.text import escape, listing, number, short
from report.wording.forms import annotators, joined_sentences

NAMED_CLASSES = 3  # in the human labels of an image; the rest are "others"


def with_answers(study: StudyResults, examples: pd.DataFrame) -> pd.DataFrame:
    """``tables.examples`` with the kind of annotators and their labels."""
    if examples.empty:
        return examples
    return examples.assign(
        people=annotators(study), answers=[people_answers(study, image) for image in examples["image"]]
    )


def people_answers(study: StudyResults, image: int) -> str:
    """The human labels of an image, the most frequent first: "star 31, arrow 12, others 7, of 50"."""
    row, classes = study.images.iloc[image], study.dataset["classes"]
    if study.counts is None:
        return f"{classes[row['label']]} {row['selected']}, of {row['shown']}"
    counts = study.counts[image].astype(int)
    order = [k for k in np.argsort(-counts, kind="stable") if counts[k]]
    said = [f"{classes[k]} {counts[k]}" for k in order[:NAMED_CLASSES]]
    said += [f"others {counts[order[NAMED_CLASSES:]].sum()}"] if order[NAMED_CLASSES:] else []
    return f"{', '.join(said)}, of {row['shown']}"


def examples_sentences(table: pd.DataFrame) -> list[str]:
    """A sentence for each image in Figure 5: its human labels, and the causes of difficulty if known."""
    sentences = []
    for row in table.to_dict("records"):
        said = (
            f"The {row['example']} image, {escape(row['id'])}, has the label {escape(row['label'])} and a human "
            f"selection frequency of {number(row['HSF'])}. Labels by {row['people']}: {escape(row['answers'])}."
        )
        causes = [f"{name} {number(row[name])}" for name in ("ambiguity", "degradation") if name in row]
        sentences.append(f"{said} Known causes of difficulty: {listing(causes)}." if causes else said)
    return sentences


@unless_empty("")
def last_angles(table: pd.DataFrame) -> str:
    """Whether the angle of the easy image ends lower than that of the hard image, for each network (Fig. 5)."""
    last = table[(table["measure"] == "angle") & (table["step"] == table["step"].max())]
    ends = last.pivot(index="arch", columns="example", values="mean").reindex(table["arch"].unique())
    ends, unknown = _defined(ends, "The angle at the last step")
    if ends.empty:
        return unknown
    texts = (
        f"{'lower' if row.easy < row.hard else 'not lower'} for {styles.label(row.Index)} "
        f"({number(row.easy)} against {number(row.hard)})"
        for row in ends.itertuples()
    )
    known = f"At the last step the angle of the easy image, compared with the hard image, is {listing(texts)}."
    return joined_sentences(known, unknown)


@unless_empty("")
def last_norms(table: pd.DataFrame) -> str:
    """The change in norm of the easy and the hard image over the second half of the steps, by network (Fig. 5)."""
    half = table["step"].max() // 2
    norms = table[(table["measure"] == "norm") & table["step"].isin([half, table["step"].max()])]
    ends = norms.pivot(index=["arch", "example"], columns="step", values="mean")
    change = (ends.iloc[:, -1] - ends.iloc[:, 0]).unstack("example").reindex(table["arch"].unique())
    change, unknown = _defined(change, "The change in norm")
    if change.empty:
        return unknown
    texts = (
        f"{short(row.hard)} for {styles.label(row.Index)} (easy image: {short(row.easy)})"
        for row in change.itertuples()
    )
    still = list(change.index[change["hard"] <= 0].map(styles.label))
    answer = "There it rises." if unknown else "It rises in all networks."
    if still:
        answer = f"It does not rise for {listing(still)}, which contradicts the paper."
    known = f"From step {half} on, the norm of the hard image changes by {listing(texts)}. {answer}"
    return joined_sentences(known, unknown)


def _defined(table: pd.DataFrame, what: str) -> tuple[pd.DataFrame, str]:
    """The networks for which both images have a value, and a sentence that names the others."""
    known = table[["easy", "hard"]].notna().all(axis=1)
    names = list(map(styles.label, table.index[~known]))
    return table[known], f"{what} is undefined for {listing(names)}." if names else ""
