"""A network's test images in order of hardness, and those whose labels are likely wrong: what a person looks at first.

No human answers are needed: this is the paper's promise, AVH in their place (Sec. 5), for any folder of pictures.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis import statistics
from analysis.datasets import Images
from analysis.statistics import Estimate
from analysis.study.results import StudyResults

CLASSES = 12  # shown with pictures, at most
EACH = 3  # pictures of a class at each end
SUSPECTS = 12  # likely label errors shown with pictures


def ranking(study: StudyResults, arch: str) -> pd.DataFrame:
    """All test images by AVH, the hardest first, those without AVH last: a row per image.

    Columns: rank, image (its number in the test set), id, class, predicted (the class of the largest logit), nearest
    (the class of the smallest angle), avh, angle and angular_margin (radians; older tables lack the latter),
    confidence, max_confidence, margin, likely_error.
    """
    classes = np.array(study.classes(arch), dtype=object)
    scores = study.runs[arch].scores
    table = pd.DataFrame({"image": np.arange(len(scores)), "id": scores["id"]})
    for name, column in (("class", "label"), ("predicted", "predicted"), ("nearest", "nearest")):
        table[name] = classes[scores[column]]
    for column in ("avh", "angle", "angular_margin", "confidence", "max_confidence", "margin"):
        if column in scores:
            table[column] = scores[column]
    table["likely_error"] = likely_errors(scores)
    table = table.sort_values("avh", ascending=False, kind="stable", na_position="last", ignore_index=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table


def likely_errors(scores: pd.DataFrame) -> pd.Series:
    """Which labels are likely wrong, (N,) bool: another class is nearest in angle, and predicted with confidence.

    The threshold is that of confident learning (Northcutt et al., 2021): the mean confidence in a class among
    the images that bear its label. A class that no image bears takes the mean over all images.

    With one in twenty of the synthetic test labels exchanged at random (means of 20 draws, for each of the default
    study's four networks), 62 to 79 % of the flagged labels were wrong and 74 to 91 % of the wrong ones were flagged;
    among the first twelve of ``suspects`` all were wrong. Those networks name 86 to 92 % of the classes rightly. Where
    a network does not, most of what it lists is its own error: under the small CIFAR-10H study's AlexNet, at 58 %, the
    rule lists 23 % of the test images, and people's most frequent answer differs from the label for 1.5 % of these
    (for 0.8 % of all images).

    Limits: an image that the network learned from under its wrong label may look right; a picture that is hard but
    rightly labelled may look wrong; where the network itself is wrong throughout a class, so is this; and where its
    confidences spread evenly, up to half of the wrong labels stay below their class's mean.
    """
    typical = scores.groupby("label")["confidence"].mean()
    threshold = scores["predicted"].map(typical).fillna(scores["confidence"].mean())
    elsewhere = (scores["nearest"] != scores["label"]) & (scores["predicted"] != scores["label"])
    return elsewhere & scores["avh"].notna() & (scores["max_confidence"] >= threshold)


def suspects(table: pd.DataFrame) -> pd.DataFrame:
    """The likely label errors of a ranking, the likeliest first: those of the most negative margin.

    The margin is the true class's logit minus the best other's.
    """
    return table[table["likely_error"]].sort_values("margin", kind="stable", ignore_index=True)


def doubted(study: StudyResults, images: Sequence[int]) -> Estimate:
    """Of these test images, the share whose most frequent human answer is not their label, with Wilson's interval.

    NaN where people's full answers are not known or there are no such images.
    """
    counts = [f"count_{k}" for k in range(len(study.dataset["classes"]))]
    if not len(images) or not set(counts) <= set(study.images):
        return Estimate(np.nan, np.nan, np.nan, len(images))
    asked = study.images.iloc[list(images)]
    share = (asked[counts].max(axis=1) > asked["selected"]).mean()
    low, high = statistics.wilson(np.array([share]), np.array([len(asked)]))
    return Estimate(float(share), float(low[0]), float(high[0]), len(asked))


def class_ends(table: pd.DataFrame) -> pd.DataFrame:
    """The hardest and the easiest images of each class in a ranking: a row per image, with ``end`` and ``place``.

    EACH at either end, fewer where a class has fewer images, none twice. At most CLASSES classes, those of the highest
    mean AVH; in this order.
    """
    table = table[table["avh"].notna()]
    hardest = table.groupby("class")["avh"].mean().sort_values(ascending=False, kind="stable").index[:CLASSES]
    parts = []
    for name in hardest:
        images = table[table["class"] == name]  # the hardest first
        n = min(EACH, (len(images) + 1) // 2)
        ends = {"hardest": images.iloc[:n], "easiest": images.iloc[n:].iloc[::-1].iloc[:EACH]}
        parts += [part.assign(end=end, place=np.arange(1, len(part) + 1)) for end, part in ends.items()]
    if not parts:
        return table.assign(end="", place=0)
    found: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return found[["class", "end", "place", "rank", "image", "id", "predicted", "avh"]]


def pixels(images: Images | None, table: pd.DataFrame) -> np.ndarray | None:
    """The pictures of a table's rows, (B, H, W, 3) uint8; None where there are none to be had."""
    return None if images is None else images[table["image"].to_numpy()].transpose(0, 2, 3, 1)
