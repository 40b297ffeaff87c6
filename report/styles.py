"""How each architecture and score is named and drawn, so that all figures, tables and pages agree.

Colours are Okabe and Ito's, which colour-blind readers can tell apart; markers say the same again.
"""

import zlib
from typing import NamedTuple


class Style(NamedTuple):
    """A name for readers, a colour and a marker; ``axis`` labels an axis that shows it, ``meaning`` says what it is."""

    label: str
    colour: str
    marker: str
    axis: str = ""
    meaning: str = ""


# In the paper's order (Fig. 2 and 3, with DenseNet121 in its place by accuracy).
ARCHITECTURES = {
    "alexnet": Style("AlexNet", "#E69F00", "o"),
    "vgg19": Style("VGG19", "#0072B2", "s"),
    "densenet121": Style("DenseNet121", "#009E73", "^"),
    "resnet50": Style("ResNet50", "#D55E00", "D"),
}
# Networks of other studies that this repository has: published ones, and one body under several heads. None of these
# is in a study with those above.
VARIANTS = {
    "timm-tf_efficientnet_lite0": Style("EfficientNet-Lite0", "#CC79A7", "v"),
    "timm-tf_efficientnet_lite1": Style("EfficientNet-Lite1", "#56B4E9", "P"),
    "timm-tf_efficientnet_lite2": Style("EfficientNet-Lite2", "#000000", "X"),
    "linear": Style("linear head", "#D55E00", "D"),
    "linear-no-decay": Style("linear head, no weight decay", "#CC79A7", "v"),
    "hidden": Style("hidden layers", "#0072B2", "s"),
    "hidden-no-decay": Style("hidden layers, no weight decay", "#56B4E9", "P"),
    "hidden-no-dropout": Style("hidden layers, no dropout", "#009E73", "^"),
}
OTHERS = (("#CC79A7", "v"), ("#56B4E9", "P"), ("#000000", "X"), ("#8A7A00", "h"))  # for any other network, by its name

SCORES = {
    "avh": Style("AVH", "#0072B2", "o", "AVH", "angular visual hardness; low is easy"),
    "avh_scaled": Style("AVH", "#0072B2", "o", "AVH, scaled to [0, 1]"),
    "avh_others": Style("AVH over the others", "#56B4E9", "P", "", "angle over the sum of the angles to other classes"),
    "angle": Style("angle", "#0072B2", "o", "angle in radians", "to the true class's weights, in radians"),
    "angular_margin": Style(
        "angular margin", "#009E73", "D", "", "angle to the true class's weights minus the smallest to another's"
    ),
    "cosine": Style("cosine", "#56B4E9", "X", "", "of the angle to the true class's weights"),
    "confidence": Style("confidence", "#D55E00", "s", "confidence", "probability of the image's true class"),
    "temperature_confidence": Style(
        "calibrated confidence", "#CC79A7", "v", "", "probability of the true class after temperature scaling"
    ),
    "max_confidence": Style("highest confidence", "#CC79A7", "P", "", "probability of the predicted class"),
    "margin": Style("margin", "#8A7A00", "h", "", "true class's logit minus the best other's"),
    "entropy": Style("entropy", "#8A7A00", "X", "", "of the network's probabilities, in nats"),
    "loss": Style("loss", "#000000", "D", "loss in nats", "cross-entropy, in nats"),
    "norm": Style("norm", "#009E73", "^", "norm ‖x‖", "length of the embedding"),
    "norm_in_class": Style(
        "norm within class", "#009E73", "^", "norm within its class", "scaled to 0..1 among the images of its class"
    ),
    "norm_in_superclass": Style("norm within superclass", "#009E73", "^", "norm within its superclass"),
    "hsf": Style("HSF", "#000000", "D", "human selection frequency"),
    "accuracy": Style("accuracy", "#000000", "D", "accuracy"),
    "learning_rate": Style("learning rate", "#000000", "D", "learning rate"),
    "ambiguity": Style(
        "true ambiguity", "#000000", "o", "", "known cause: how far the shape is morphed towards another"
    ),
    "degradation": Style("true degradation", "#000000", "s", "", "known cause: blur, noise and lost contrast"),
}

# Two images that stand for all (Fig. 5).
EXAMPLES = {"easy": Style("easy", "#0072B2", "o"), "hard": Style("hard", "#D55E00", "s")}

# What came out of a claim's rule: the sign says it before the colour could.
VERDICTS = {"supported": "✓", "not supported": "✗", "inconclusive": "?"}

# The five bins of human selection frequency, from the hardest to the easiest: dark to light, in order.
BINS = (("#440154", "o"), ("#3b528b", "s"), ("#21918c", "^"), ("#4caf3d", "D"), ("#d4a017", "v"))


def architecture(name: str) -> Style:
    """The style of any run, by what it is called in paths."""
    if name in ARCHITECTURES | VARIANTS:
        return (ARCHITECTURES | VARIANTS)[name]
    return Style(name.removeprefix("timm-"), *OTHERS[zlib.crc32(name.encode()) % len(OTHERS)])
