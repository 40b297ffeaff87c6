"""All scores of an image for a network: formula, expected sign and names.

To add a score, add an entry to SCORES: ``extraction`` computes it, ``baselines`` and ``disputed`` compare it with AVH,
and figures, tables and the explorer show it. Runs older than an entry have no such score, and their pages say so.

A formula takes an ``extraction.Batch`` and returns a value for each of its images, (B,). It uses only methods of
tensors, so this module does not import torch. Entries are in the order of the tables: angles, probabilities, norms.
"""

from collections.abc import Callable
from math import inf, pi
from typing import Any, NamedTuple


class Score(NamedTuple):
    """A score; the first three fields are texts for readers."""

    label: str
    axis: str = ""  # label of an axis
    meaning: str = ""  # description; empty: not offered in the explorer
    formula: Callable[[Any], Any] | None = None  # None: derived from other columns
    range: tuple[float, float] = (-inf, inf)  # of valid values; tables with other values are rejected
    sign: int = 0  # expected sign of its correlation with HSF; 0: not compared with HSF
    knows_label: bool = True  # whether it uses the true class
    twin: str = ""  # the score that, by its formula, ranks images identically


SCORES = {
    "avh": Score(
        label="AVH",
        axis="AVH",
        meaning="angular visual hardness; low is easy",
        formula=lambda batch: batch.avh,
        range=(0, 1),
        sign=-1,
    ),
    "angle": Score(
        label="angle",
        axis="angle in radians",
        meaning="angle to the weights of the true class, in radians",
        formula=lambda batch: batch.own(batch.angles),
        range=(0, pi),
        sign=-1,
    ),
    "angular_margin": Score(  # of this book, not of the paper; above 0 if another class is nearer
        label="angular margin",
        meaning="angle to the true class minus the smallest angle to another class",
        formula=lambda batch: batch.own(batch.angles) - batch.others(batch.angles, inf).amin(1),
        range=(-pi, pi),
        sign=-1,
    ),
    "cosine": Score(
        label="cosine",
        meaning="cosine of the angle to the weights of the true class",
        formula=lambda batch: batch.own(batch.angles).cos(),
        range=(-1, 1),
        sign=1,
        twin="angle",
    ),
    "avh_others": Score(  # Def. 3 with a sum that excludes the true class: AVH / (1 - AVH)
        label="AVH over the others",
        meaning="angle to the true class over the sum of the angles to the other classes",
        formula=lambda batch: batch.own(batch.angles) / (batch.angles.sum(1) - batch.own(batch.angles)),
        range=(0, inf),
        sign=-1,
        twin="avh",
    ),
    "confidence": Score(
        label="confidence",
        axis="confidence",
        meaning="probability of the true class",
        formula=lambda batch: batch.confidence,
        range=(0, 1),
        sign=1,
    ),
    "temperature_confidence": Score(  # if calibration images were held out from training
        label="calibrated confidence",
        meaning="probability of the true class after temperature scaling",
        range=(0, 1),
        sign=1,
    ),
    "margin": Score(  # below 0 for misclassified images
        label="margin",
        meaning="logit of the true class minus the best other logit",
        formula=lambda batch: batch.own(batch.logits) - batch.others(batch.logits, -inf).amax(1),
        sign=1,
    ),
    "loss": Score(
        label="loss",
        axis="loss in nats",
        meaning="cross-entropy, in nats",
        formula=lambda batch: -batch.own(batch.log_p),
        range=(0, inf),
        sign=-1,
        twin="confidence",
    ),
    "max_confidence": Score(
        label="highest confidence",
        meaning="probability of the predicted class",
        formula=lambda batch: batch.log_p.amax(1).exp(),
        range=(0, 1),
        sign=1,
        knows_label=False,
    ),
    "entropy": Score(
        label="entropy",
        meaning="entropy of the predicted probabilities, in nats",
        formula=lambda batch: -(batch.log_p.exp() * batch.log_p).sum(1),
        range=(0, inf),
        sign=-1,
        knows_label=False,
    ),
    "norm": Score(
        label="norm",
        axis="norm ‖x‖",
        meaning="length of the embedding",
        formula=lambda batch: batch.norm,
        range=(0, inf),
        sign=1,
        knows_label=False,
    ),
    "norm_in_class": Score(  # for classes with several images
        label="norm within class",
        axis="norm within class",
        meaning="norm scaled to between 0 and 1 within the class",
        range=(0, 1),
        sign=1,
    ),
    "norm_in_superclass": Score(label="norm within group", axis="norm within group"),
    "avh_scaled": Score(label="AVH", axis="AVH, scaled to [0, 1]"),
}
COMPARED = [name for name, score in SCORES.items() if score.sign]  # with HSF
