"""The hardest images of a network and candidates for label errors, in words."""

import numpy as np
import pandas as pd

from analysis.catalogue import SCORES
from analysis.study import hardness
from analysis.study.hardness import SUSPECTS
from analysis.study.results import StudyResults
from report.styles import score_label
from report.text import SPACE, captioned, count, escape, listing, percent, percent_with_interval, short
from report.wording.forms import annotators, each, span_of

AT_MOST = 20  # characters to list
HARDEST = 10  # images to list


def boxes(characters: str) -> list[str]:
    """The note on characters that no installed font has."""
    if not characters:
        return []
    named = f"{escape(characters[:AT_MOST])}{'…' if len(characters) > AT_MOST else ''}"
    return [
        f"No installed font has {named}. After installing one that does, such as those in Debian's `fonts-noto-cjk`, "
        "execute this page again."
    ]


def people_expectation(study: StudyResults) -> str:
    """What to expect of AVH and HSF, or that there are no human labels."""
    if study.has_people:
        return """If AVH correlates with HSF, the means in [Figure H1](#fig-h1) fall from left to right: the more
        annotators select the true class of an image, the lower its AVH."""
    return """There are no human labels for these images, so this page does not compare AVH with people. It ranks the
    images by a score as a proxy. How good this proxy is depends on how strongly the score correlated with HSF in
    other studies."""


def hardest_table(study: StudyResults, order: pd.DataFrame, by: str = "avh") -> pd.DataFrame:
    """The hardest images by a score: id, class, prediction, the score, AVH, and HSF if there are human labels."""
    names = {"id": "image", "class": "class", "predicted": "prediction", by: score_label(by), "avh": score_label("avh")}
    first = order.head(HARDEST)
    table = first[list(names)].rename(columns=names)
    return table.assign(HSF=study.hsf[first["image"]]) if study.has_people else table


def describe_class_ends(table: pd.DataFrame) -> list[tuple[str, str]]:
    """The scores of the hardest and the easiest images, of all classes and of each."""
    ranges = (f"{end} {span_of(rows['value'], short)}" for end, rows in each(table, "end"))
    parts = [("All classes", listing(ranges))]
    for name, rows in each(table, "class"):
        ends = [f"{end} {', '.join(map(short, values))}" for end, values in rows.groupby("end", sort=False)["value"]]
        parts.append((name, listing(ends)))
    return parts


def class_ends_caption(order: pd.DataFrame, ends: pd.DataFrame, name: str, by: str = "avh") -> str:
    """The caption of that figure, with the rule for the choice of classes."""
    shown, classes = ends["class"].nunique(), order["class"].nunique()
    extreme = "lowest" if SCORES[by].sign > 0 else "highest"
    which = (
        f"the {count(shown)} of {count(classes)} classes with the {extreme} mean {score_label(by)}"
        if shown < classes
        else "each class"
    )
    return f"""The hardest and the easiest test images of {which} for {name}, each with its {score_label(by)}. Classes
    are sorted by mean {score_label(by)}, the {extreme} first."""


def suspects_caption(table: pd.DataFrame, name: str) -> str:
    """The caption of the figure of candidates for label errors."""
    return f"""The {count(len(table))} likeliest candidates for label errors according to {name}: the label and, after
    the arrow, the class with the smallest angle."""


def describe_suspects(table: pd.DataFrame) -> list[tuple[str, str]]:
    """The number of candidates for label errors and their AVH, and the label and the nearest class of each."""
    rows = zip(table["id"], table["class"], table["nearest"], strict=True)
    each_one = [(id_, f"labelled {label}, nearest to {nearest}") for id_, label, nearest in rows]
    return [(f"{count(len(table))} candidates for label errors", f"AVH {span_of(table['avh'], short)}"), *each_one]


@captioned("The likeliest candidates for label errors. The data of this table contains all of them.")
def suspects_table(table: pd.DataFrame, study: StudyResults, by: str = "avh") -> pd.DataFrame:
    """The likeliest candidates for label errors, with HSF if there are human labels."""
    names = {"id": "image", "class": "label", "nearest": "nearest class", "predicted": "prediction"}
    names |= {"max_confidence": "confidence in the prediction", "avh": "AVH", "rank": f"rank by {score_label(by)}"}
    first = table.head(SUSPECTS)
    table = first[list(names)].rename(columns=names)
    return table.assign(HSF=study.hsf[first["image"]]) if study.has_people else table


def not_drawn(table: pd.DataFrame, reason: str) -> str:
    """The end of the sentence "Figure H3 ..." if there are no images to show."""
    return f"is not drawn. {escape(reason)}" if len(table) else "is not drawn: there is no such image."


def suspected(study: StudyResults, table: pd.DataFrame) -> str:
    """The number of candidates for label errors and, with human labels, how often annotators disagree too."""
    doubted, every = (hardness.doubted(study, images) for images in (table["image"], range(len(study.images))))
    said = f"{count(len(table))} of {count(every.n)} test images ({percent(len(table) / every.n)}) meet the rule."
    if np.isnan(doubted.value):
        return said
    here, all_ = map(percent_with_interval, (doubted, every))
    return f"""{said} The most frequent answer of {annotators(study)} differs from the label for {here} of these images,
    n{SPACE}={SPACE}{count(doubted.n)}, and for {all_} of all images, n{SPACE}={SPACE}{count(every.n)}."""
