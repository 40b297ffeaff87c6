"""What is taken off pixels, and what they are divided by, before a network sees them: by channel, on pixels in 0..1.

Networks are trained with one such rule, and say something else under another.
"""

import math
from typing import NamedTuple


class Normalisation(NamedTuple):
    """A network is given (pixel - mean) / std."""

    mean: tuple[float, ...]  # (3,)
    std: tuple[float, ...]  # (3,)


IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # what nearly all of torchvision's expect
INCEPTION = Normalisation((0.5,) * 3, (0.5,) * 3)  # what torchvision's transform_input makes of ImageNet's
NAMED = {"imagenet": IMAGENET, "inception": INCEPTION, "none": Normalisation((0.0,) * 3, (1.0,) * 3)}
ALLOWED = f"{', '.join(NAMED)}, or three means and three deviations of pixels in 0..1 ('.49 .48 .45 .25 .24 .26')"


def read_normalisation(text: str) -> Normalisation:
    """A rule by its name, or its six numbers. Raises ValueError for anything else."""
    if text in NAMED:
        return NAMED[text]
    try:
        numbers = [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        numbers = []
    if len(numbers) != 6 or not all(map(math.isfinite, numbers)) or min(numbers[3:]) <= 0:
        raise ValueError(f"allowed: {ALLOWED}")
    return Normalisation(tuple(numbers[:3]), tuple(numbers[3:]))
