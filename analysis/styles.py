"""How each architecture and score is named and drawn, so that all figures, tables and pages agree.

Colours are Okabe and Ito's, which colour-blind readers can tell apart; markers say the same again.
"""

import zlib
from collections.abc import Iterable
from typing import NamedTuple


class Style(NamedTuple):
    """A name for readers, a colour and a marker; ``axis`` is the label of an axis that shows it."""

    label: str
    colour: str
    marker: str
    axis: str = ""


# In the paper's order (Fig. 2 and 3, with DenseNet121 in its place by accuracy).
ARCHITECTURES = {
    "alexnet": Style("AlexNet", "#E69F00", "o"),
    "vgg19": Style("VGG19", "#0072B2", "s"),
    "densenet121": Style("DenseNet121", "#009E73", "^"),
    "resnet50": Style("ResNet50", "#D55E00", "D"),
}
OTHERS = (("#CC79A7", "v"), ("#56B4E9", "P"), ("#000000", "X"), ("#8A7A00", "h"))  # for any other network, by its name

SCORES = {
    "avh": Style("AVH", "#0072B2", "o", "AVH"),
    "avh_scaled": Style("AVH", "#0072B2", "o", "AVH, scaled to [0, 1]"),
    "confidence": Style("confidence", "#D55E00", "s", "confidence"),
    "norm": Style("norm", "#009E73", "^", "norm ‖x‖"),
    "norm_in_class": Style("norm within class", "#009E73", "^", "norm within its class"),
    "norm_in_superclass": Style("norm within superclass", "#009E73", "^", "norm within its superclass"),
    "hsf": Style("HSF", "#000000", "D", "human selection frequency"),
    "angle": Style("angle", "#0072B2", "o", "angle in radians"),
    "accuracy": Style("accuracy", "#000000", "D", "accuracy"),
    "loss": Style("loss", "#000000", "D", "loss in nats"),
    "learning_rate": Style("learning rate", "#000000", "D", "learning rate"),
}

# Two images that stand for all (Fig. 5).
EXAMPLES = {"easy": Style("easy", "#0072B2", "o"), "hard": Style("hard", "#D55E00", "s")}

# What came out of a claim's rule: the sign says it before the colour could.
VERDICTS = {"supported": "✓", "not supported": "✗", "inconclusive": "?"}

# The five bins of human selection frequency, from the hardest to the easiest: dark to light, in order.
BINS = (("#440154", "o"), ("#3b528b", "s"), ("#21918c", "^"), ("#4caf3d", "D"), ("#d4a017", "v"))


def architecture(name: str) -> Style:
    """The style of any of torchvision's networks."""
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    return Style(name, *OTHERS[zlib.crc32(name.encode()) % len(OTHERS)])


def in_order(names: Iterable[str]) -> list[str]:
    """Architectures in the paper's order, others after them by name."""
    known = list(ARCHITECTURES)
    return sorted(set(names), key=lambda name: (known.index(name) if name in known else len(known), name))
