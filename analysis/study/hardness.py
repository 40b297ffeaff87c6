"""The test images of a network in order of hardness, and candidates for label errors, to inspect first.

Images are ranked by AVH, as in the paper, or by any other score that is expected to correlate with HSF.

No human labels are needed. This is the promise of the paper (Sec. 1): AVH as a proxy for them, for any folder of
images.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis import statistics
from analysis.catalogue import COMPARED, SCORES
from analysis.errors import one_of
from analysis.statistics import Estimate
from analysis.study.results import StudyResults

CLASSES_SHOWN = 12  # shown with images, at most
EACH = 3  # images of a class at each end
SUSPECTS = 12  # candidates for label errors shown with images
RANKED = ("avh", "angle", "angular_margin", "confidence", "max_confidence", "margin")  # of a ranked image


def ranking(study: StudyResults, arch: str, by: str = "avh") -> pd.DataFrame:
    """All test images by a score, the hardest first, those without it last: a row per image.

    Columns: rank, image (its number in the test set), id, class, predicted (the class with the largest logit), nearest
    (the class with the smallest angle), avh, angle and angular_margin (radians; older tables lack the latter),
    confidence, max_confidence, margin, the ranking score, likely_error.
    Raises InputError if the table of the network lacks that score.
    """
    classes = np.array(study.classes(arch), dtype=object)
    scores = study.runs[arch].scores
    table = pd.DataFrame({"image": np.arange(len(scores)), "id": scores["id"]})
    for name, column in (("class", "label"), ("predicted", "predicted"), ("nearest", "nearest")):
        table[name] = classes[scores[column]]
    if by not in scores or (by != "avh" and scores[by].isna().all()):  # AVH is there, if undefined
        there = [name for name in COMPARED if name in scores and scores[name].notna().any()]
        raise one_of(f"score of {arch} in study {study.name}, rank_by", by, there)
    for column in dict.fromkeys((*RANKED, by)):
        if column in scores:
            table[column] = scores[column]
    table["likely_error"] = likely_errors(scores)
    ascending = SCORES[by].sign > 0  # easy images have much of it
    table = table.sort_values(by, ascending=ascending, kind="stable", na_position="last", ignore_index=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table


def likely_errors(scores: pd.DataFrame) -> pd.Series:
    """Which labels are likely wrong, (N,) bool: another class has the smallest angle and is predicted with confidence.

    The threshold is that of confident learning (Northcutt et al., 2021): the mean confidence in a class over the images
    labelled with it. A class without images takes the mean over all images.

    With one in twenty of the synthetic test labels exchanged at random (means of 20 draws, for each of the four
    networks of the default study), 62 to 79 % of the flagged labels were wrong and 74 to 91 % of the wrong ones were
    flagged; the first twelve of ``suspects`` were all wrong. The accuracy of these networks is 86 to 92 %. If a network
    is less accurate, most of the list are its own errors: AlexNet of the small CIFAR-10H study, with an accuracy of 58
    %, lists 23 % of the test images, and the most frequent human label differs from the label for 1.5 % of these (for
    0.8 % of all images).

    Limits: an image with a wrong label that the network has memorised may look right; a hard image with a correct label
    may look wrong; if the network is wrong about a whole class, so is the list; and if its confidences are spread
    evenly, up to half of the wrong labels stay below the mean of their class.
    """
    typical = scores.groupby("label")["confidence"].mean()
    threshold = scores["predicted"].map(typical).fillna(scores["confidence"].mean())
    elsewhere = (scores["nearest"] != scores["label"]) & (scores["predicted"] != scores["label"])
    return elsewhere & scores["avh"].notna() & (scores["max_confidence"] >= threshold)


def suspects(table: pd.DataFrame) -> pd.DataFrame:
    """The candidates for label errors in a ranking, the likeliest first, i.e. the most negative margin.

    The margin is the logit of the true class minus the best other logit.
    """
    return table[table["likely_error"]].sort_values("margin", kind="stable", ignore_index=True)


def doubted(study: StudyResults, images: Sequence[int]) -> Estimate:
    """The share of these test images whose most frequent human label differs from their label, with Wilson's interval.

    NaN without full label counts or without images.
    """
    if study.counts is None:
        return Estimate(np.nan, np.nan, np.nan, len(images))
    rows = np.asarray(images, dtype=int)
    return statistics.proportion(study.counts[rows].max(axis=1) > study.images["selected"].to_numpy()[rows])


def class_ends(table: pd.DataFrame, by: str = "avh") -> pd.DataFrame:
    """The hardest and the easiest images of each class in a ranking by a score: a row per image.

    Columns: class, end ("hardest" or "easiest"), place from 1, rank, image, id, predicted, score (its name), value.
    EACH at either end, or fewer if a class is small, without duplicates. At most CLASSES_SHOWN classes, those that are
    hardest by their mean score, in this order.
    """
    table = table[table[by].notna()].assign(score=by, value=table[by])
    means = table.groupby("class")["value"].mean()
    hardest = means.sort_values(ascending=SCORES[by].sign > 0, kind="stable").index[:CLASSES_SHOWN]
    parts = []
    for name in hardest:
        images = table[table["class"] == name]  # the hardest first
        n = min(EACH, (len(images) + 1) // 2)
        ends = {"hardest": images.iloc[:n], "easiest": images.iloc[n:].iloc[::-1].iloc[:EACH]}
        parts += [part.assign(end=end, place=np.arange(1, len(part) + 1)) for end, part in ends.items()]
    columns = ["class", "end", "place", "rank", "image", "id", "predicted", "score", "value"]
    if not parts:
        return pd.DataFrame(columns=columns)
    found: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return found[columns]
