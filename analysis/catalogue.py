"""Every score of an image under a network, once: its formula, what is expected of it, and what it is called.

A score more is an entry more in SCORES: ``extraction`` computes it, ``baselines`` and ``disputed`` compare it with AVH,
and figures, tables and the explorer name it. Runs that are older than an entry lack that score, and pages say so.

A formula is given an ``extraction.Batch`` and returns a value for each of its pictures, (B,). It calls the tensors' own
methods, so that whoever reads labels here loads no torch. Entries are in the order of the tables: angles,
probabilities, norms.
"""

from collections.abc import Callable
from math import inf, pi
from typing import Any, NamedTuple


class Score(NamedTuple):
    """A score; its first three fields are in a reader's words."""

    label: str
    axis: str = ""  # labels an axis that shows it
    meaning: str = ""  # what it is; empty: the explorer does not offer it
    formula: Callable[[Any], Any] | None = None  # None: made of other columns, as runs are made or read
    range: tuple[float, float] = (-inf, inf)  # that its values are in; tables that hold others are refused
    sign: int = 0  # of its correlation with HSF, as expected; 0: it is not compared with people
    knows_label: bool = True  # whether it uses the image's label
    twin: str = ""  # the score that ranks images as this one does, whatever the network, by their formulas


SCORES = {
    "avh": Score(
        *("AVH", "AVH", "angular visual hardness; low is easy"),
        formula=lambda batch: batch.avh,
        range=(0, 1),
        sign=-1,
    ),
    "angle": Score(
        *("angle", "angle in radians", "to the true class's weights, in radians"),
        formula=lambda batch: batch.own(batch.angles),
        range=(0, pi),
        sign=-1,
    ),
    "angular_margin": Score(  # this book's own, not the paper's; above 0 where another class is nearer
        *("angular margin", "", "angle to the true class's weights minus the smallest to another's"),
        formula=lambda batch: batch.own(batch.angles) - batch.others(batch.angles, inf).amin(1),
        range=(-pi, pi),
        sign=-1,
    ),
    "cosine": Score(
        *("cosine", "", "of the angle to the true class's weights"),
        formula=lambda batch: batch.own(batch.angles).cos(),
        range=(-1, 1),
        sign=1,
        twin="angle",
    ),
    "avh_others": Score(  # Def. 3 with a sum that leaves out the true class: AVH / (1 - AVH)
        *("AVH over the others", "", "angle over the sum of the angles to other classes"),
        formula=lambda batch: batch.own(batch.angles) / (batch.angles.sum(1) - batch.own(batch.angles)),
        range=(0, inf),
        sign=-1,
        twin="avh",
    ),
    "confidence": Score(
        *("confidence", "confidence", "probability of the image's true class"),
        formula=lambda batch: batch.own(batch.log_p).exp(),
        range=(0, 1),
        sign=1,
    ),
    "temperature_confidence": Score(  # where images were held out from training
        *("calibrated confidence", "", "probability of the true class after temperature scaling"),
        range=(0, 1),
        sign=1,
    ),
    "margin": Score(  # below 0 where the network errs
        *("margin", "", "true class's logit minus the best other's"),
        formula=lambda batch: batch.own(batch.logits) - batch.others(batch.logits, -inf).amax(1),
        sign=1,
    ),
    "loss": Score(
        *("loss", "loss in nats", "cross-entropy, in nats"),
        formula=lambda batch: -batch.own(batch.log_p),
        range=(0, inf),
        sign=-1,
        twin="confidence",
    ),
    "max_confidence": Score(
        *("highest confidence", "", "probability of the predicted class"),
        formula=lambda batch: batch.log_p.amax(1).exp(),
        range=(0, 1),
        sign=1,
        knows_label=False,
    ),
    "entropy": Score(
        *("entropy", "", "of the network's probabilities, in nats"),
        formula=lambda batch: -(batch.log_p.exp() * batch.log_p).sum(1),
        range=(0, inf),
        sign=-1,
        knows_label=False,
    ),
    "norm": Score(
        *("norm", "norm ‖x‖", "length of the embedding"),
        formula=lambda batch: batch.norm,
        range=(0, inf),
        sign=1,
        knows_label=False,
    ),
    "norm_in_class": Score(  # where a class has several images
        *("norm within class", "norm within its class", "scaled to 0..1 among the images of its class"),
        range=(0, 1),
        sign=1,
    ),
    "norm_in_superclass": Score("norm within superclass", "norm within its superclass"),
    "avh_scaled": Score("AVH", "AVH, scaled to [0, 1]"),
}
COMPARED = [name for name, score in SCORES.items() if score.sign]  # with people
