"""Simulated annotators: a psychophysical model that draws forced choices over the classes.

An image of class y, morphed by ambiguity a towards class o and degraded by d, is shown to annotator j, who

    sees it with visibility      q = exp(-(d / t_j) ** SLOPE)              a Weibull psychometric function
    finds evidence               v_y = 1/2 + (b_j - a),  v_o = 1/2 - (b_j - a),  0 for every other class
    chooses class c with         P(c) = l_j / C + (1 - l_j) exp(s_j q v_c) / sum_k exp(s_j q v_k)

which is Luce's choice rule with lapses. Each annotator has a sensitivity s_j, a degradation threshold t_j, a boundary
b_j between two shapes, and a lapse rate l_j of random answers.

The annotators respond to the two causes and nothing else: not to colours, pose, clutter or the pair of classes that is
morphed. N images, C classes, P annotators in the pool, A answers per image.
"""

from dataclasses import dataclass

import numpy as np

POOL = 200  # annotators
SHOWN = 50  # of them label each image, as about 51 do in CIFAR-10H

# The pool. The boundary is below the middle of a morph, because a small part of another shape is already noticed:
# the most ambiguous images are labelled as another class, as in the lowest bins of real data.
SENSITIVITY = (11.0, 0.25)  # median, and standard deviation of the logarithm
THRESHOLD = (0.68, 0.07)  # mean and standard deviation, of degradation
BOUNDARY = (0.43, 0.03)  # mean and standard deviation, of ambiguity
LAPSE = (1.0, 100.0)  # of a beta distribution: mean 1 %
SLOPE = 4.0  # how abruptly degraded shapes become unrecognisable


@dataclass(frozen=True)
class People:
    """The parameters of annotators, each (P,)."""

    sensitivity: np.ndarray
    threshold: np.ndarray
    boundary: np.ndarray
    lapse: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "People":
        """The pool."""
        return cls(
            SENSITIVITY[0] * np.exp(SENSITIVITY[1] * rng.standard_normal(POOL)),
            rng.normal(*THRESHOLD, POOL).clip(0.3),
            rng.normal(*BOUNDARY, POOL),
            rng.beta(*LAPSE, POOL),
        )

    def __len__(self) -> int:
        return len(self.lapse)


def probabilities(
    people: People, classes: int, label: int, other: int, ambiguity: float, degradation: float
) -> np.ndarray:
    """The probability of each answer of each annotator to one image, (P, C)."""
    evidence = np.zeros((len(people), classes))
    evidence[:, label] = 0.5 + (people.boundary - ambiguity)
    evidence[:, other] = 0.5 - (people.boundary - ambiguity)
    visibility = np.exp(-((degradation / people.threshold) ** SLOPE))
    strength = np.exp((people.sensitivity * visibility)[:, None] * evidence)
    lapse = people.lapse[:, None]
    chances: np.ndarray = lapse / classes + (1 - lapse) * strength / strength.sum(1, keepdims=True)
    return chances


def draw_answers(rng: np.random.Generator, chances: np.ndarray) -> np.ndarray:
    """How many of SHOWN annotators from the pool give each answer: probabilities (P, C) -> (C,) int64."""
    shown = rng.choice(len(chances), size=SHOWN, replace=False)
    below = chances[shown].cumsum(1) < rng.random((SHOWN, 1))  # (A, C): a draw by the cumulative probabilities
    chosen = below[:, :-1].sum(1)  # (A,); without the last, which rounding may leave just under 1
    return np.bincount(chosen, minlength=chances.shape[1])
