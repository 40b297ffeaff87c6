"""Names, colours and markers of architectures and names of scores, the same in all figures, tables and pages.

Colours are those of Okabe and Ito, which colour-blind readers can distinguish, darkened where their contrast with white
was below 3:1; markers repeat the information.
"""

import zlib
from typing import NamedTuple

from analysis import catalogue
from analysis.catalogue import Score


class Style(NamedTuple):
    """A label, a colour and a marker."""

    label: str
    colour: str
    marker: str


# In the paper's order (Fig. 2 and 3), with DenseNet121 inserted by accuracy.
PAPER_NETWORKS = {
    "alexnet": Style("AlexNet", "#AA3377", "o"),
    "vgg19": Style("VGG19", "#0072B2", "s"),
    "densenet121": Style("DenseNet121", "#009E73", "^"),
    "resnet50": Style("ResNet50", "#D55E00", "D"),
}
# Networks of other recorded studies: published ones, and one backbone with several heads. No study has networks of both
# groups.
VARIANTS = {
    "timm-tf_efficientnet_lite0": Style("EfficientNet-Lite0", "#B4558A", "v"),
    "timm-tf_efficientnet_lite1": Style("EfficientNet-Lite1", "#2E8BC0", "P"),
    "timm-tf_efficientnet_lite2": Style("EfficientNet-Lite2", "#000000", "X"),
    "linear": Style("linear head", "#D55E00", "D"),
    "linear-no-decay": Style("linear head without weight decay", "#B4558A", "v"),
    "hidden": Style("hidden layers", "#0072B2", "s"),
    "hidden-no-decay": Style("hidden layers without weight decay", "#2E8BC0", "P"),
    "hidden-no-dropout": Style("hidden layers without dropout", "#009E73", "^"),
}
# For any other network, chosen by its name.
OTHER_LOOKS = (("#B4558A", "v"), ("#2E8BC0", "P"), ("#000000", "X"), ("#8A7A00", "h"))

# Everything shown by name in figures and tables: scores and the quantities they are compared with.
SHOWN_AS = catalogue.SCORES | {
    "hsf": Score("HSF", "human selection frequency"),
    "accuracy": Score("accuracy", "accuracy"),
    "learning_rate": Score("learning rate", "learning rate"),
    "ambiguity": Score("true ambiguity", meaning="known cause: how far the shape is morphed towards another"),
    "degradation": Score("true degradation", meaning="known cause: blur, noise and loss of contrast"),
}

# Kinds of correlation coefficients.
COEFFICIENTS = {"spearman": "Spearman's ρ", "kendall": "Kendall's τ-b", "pearson": "Pearson's r"}

# Whether a network classifies an image correctly.
OUTCOMES_IN_WORDS = {"right": "correctly classified", "wrong": "misclassified"}

# The two example images (Fig. 5).
EXAMPLES = {"easy": Style("easy", "#0072B2", "o"), "hard": Style("hard", "#D55E00", "s")}

# Symbols of the verdicts, which do not rely on colour.
VERDICT_SIGNS = {"supported": "✓", "not supported": "✗", "inconclusive": "?"}

# The five bins of human selection frequency, from the hardest to the easiest: dark to light, in order.
BIN_LOOKS = (("#440154", "o"), ("#3b528b", "s"), ("#21918c", "^"), ("#3f9a31", "D"), ("#a87e00", "v"))


def label(arch: str) -> str:
    """The name of a run for readers."""
    return architecture(arch).label


def score_label(score: str) -> str:
    """The name of a score, or of a quantity that scores are compared with, for readers."""
    return SHOWN_AS[score].label


def architecture(name: str) -> Style:
    """The style of any run, by its name in paths."""
    if name in PAPER_NETWORKS | VARIANTS:
        return (PAPER_NETWORKS | VARIANTS)[name]
    return Style(name.removeprefix("timm-"), *OTHER_LOOKS[zlib.crc32(name.encode()) % len(OTHER_LOOKS)])
