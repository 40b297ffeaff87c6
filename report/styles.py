"""How each architecture is named and drawn and each score is named, so that all figures, tables and pages agree.

Colours are Okabe and Ito's, which colour-blind readers can tell apart, darkened where they would contrast less than
3:1 with white; markers say the same again.
"""

import zlib
from typing import NamedTuple

from analysis import catalogue
from analysis.catalogue import Score


class Style(NamedTuple):
    """A name for readers, a colour and a marker."""

    label: str
    colour: str
    marker: str


# In the paper's order (Fig. 2 and 3, with DenseNet121 in its place by accuracy).
ARCHITECTURES = {
    "alexnet": Style("AlexNet", "#AA3377", "o"),
    "vgg19": Style("VGG19", "#0072B2", "s"),
    "densenet121": Style("DenseNet121", "#009E73", "^"),
    "resnet50": Style("ResNet50", "#D55E00", "D"),
}
# Networks of other studies that this repository has: published ones, and one body under several heads. None of these
# is in a study with those above.
VARIANTS = {
    "timm-tf_efficientnet_lite0": Style("EfficientNet-Lite0", "#B4558A", "v"),
    "timm-tf_efficientnet_lite1": Style("EfficientNet-Lite1", "#2E8BC0", "P"),
    "timm-tf_efficientnet_lite2": Style("EfficientNet-Lite2", "#000000", "X"),
    "linear": Style("linear head", "#D55E00", "D"),
    "linear-no-decay": Style("linear head, no weight decay", "#B4558A", "v"),
    "hidden": Style("hidden layers", "#0072B2", "s"),
    "hidden-no-decay": Style("hidden layers, no weight decay", "#2E8BC0", "P"),
    "hidden-no-dropout": Style("hidden layers, no dropout", "#009E73", "^"),
}
OTHERS = (("#B4558A", "v"), ("#2E8BC0", "P"), ("#000000", "X"), ("#8A7A00", "h"))  # for any other network, by its name

# What figures and tables show by name: scores and, beside them, what they are compared with.
SCORES = catalogue.SCORES | {
    "hsf": Score("HSF", "human selection frequency"),
    "accuracy": Score("accuracy", "accuracy"),
    "learning_rate": Score("learning rate", "learning rate"),
    "ambiguity": Score("true ambiguity", "", "known cause: how far the shape is morphed towards another"),
    "degradation": Score("true degradation", "", "known cause: blur, noise and lost contrast"),
}

# Two images that stand for all (Fig. 5).
EXAMPLES = {"easy": Style("easy", "#0072B2", "o"), "hard": Style("hard", "#D55E00", "s")}

# What came out of a claim's rule: the sign says it before the colour could.
VERDICTS = {"supported": "✓", "not supported": "✗", "inconclusive": "?"}

# The five bins of human selection frequency, from the hardest to the easiest: dark to light, in order.
BINS = (("#440154", "o"), ("#3b528b", "s"), ("#21918c", "^"), ("#3f9a31", "D"), ("#a87e00", "v"))


def architecture(name: str) -> Style:
    """The style of any run, by what it is called in paths."""
    if name in ARCHITECTURES | VARIANTS:
        return (ARCHITECTURES | VARIANTS)[name]
    return Style(name.removeprefix("timm-"), *OTHERS[zlib.crc32(name.encode()) % len(OTHERS)])
