"""Normalisation of pixels in 0..1 before they enter a network: channel means and standard deviations.

A network is trained with one normalisation and gives other results with another.
"""

from typing import NamedTuple


class Normalisation(NamedTuple):
    """The input of a network is (pixel - mean) / std."""

    mean: tuple[float, ...]  # (3,)
    std: tuple[float, ...]  # (3,)


IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # what nearly all torchvision networks expect
INCEPTION = Normalisation((0.5,) * 3, (0.5,) * 3)  # the effect of torchvision's transform_input on ImageNet's
NAMED = {"imagenet": IMAGENET, "inception": INCEPTION, "none": Normalisation((0.0,) * 3, (1.0,) * 3)}
SMALLEST = 0.001  # deviation; pixels in 0..255 have 1 / 255
ALLOWED = (
    f"{', '.join(NAMED)}, or three means and three deviations of pixels in 0..1 ('.49 .48 .45 .25 .24 .26'), "
    f"the latter at least {SMALLEST}, and all of them at most {1 / SMALLEST:,.0f}"
)


def read_normalisation(text: str) -> Normalisation:
    """A normalisation by name, or from its six numbers. Raises ValueError for anything else."""
    if text in NAMED:
        return NAMED[text]
    try:
        numbers = [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        numbers = []
    if len(numbers) != 6 or not all(abs(number) <= 1 / SMALLEST for number in numbers) or min(numbers[3:]) < SMALLEST:
        raise ValueError(f"allowed: {ALLOWED}")
    return Normalisation(tuple(numbers[:3]), tuple(numbers[3:]))
