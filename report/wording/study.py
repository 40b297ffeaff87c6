"""What a reader must know about a study before its figures: images, annotators, networks."""

from typing import Any

import pandas as pd

from analysis.datasets import DECLARATIONS
from analysis.statistics import FEWEST_SCALED
from analysis.study.results import NetworkResults, StudyResults
from report import styles
from report.text import THIN, count, escape, listing, percent, sentence, short
from report.wording.forms import each, span

WHY_UNDEFINED = {
    "avh": "an embedding of norm zero has no direction",
    "avh_scaled": "an embedding of norm zero has no direction",
    "norm_in_class": f"scaling needs {FEWEST_SCALED} images of a class, with different norms",
}


def undefined_scores(table: pd.DataFrame) -> str:
    """``tables.undefined_images`` in a caption: for how many images of which networks a score is undefined, and why."""
    said = []
    for score, rows in each(table[table["undefined"] > 0], "score"):
        images = listing(
            f"{f'all {count(n)}' if undefined == n else f'{count(undefined)} of {count(n)}'} images of "
            f"{listing(map(styles.label, same['arch']))}"
            for (undefined, n), same in each(rows, ["undefined", "n"])
        )
        why = f" ({WHY_UNDEFINED[score]})" if score in WHY_UNDEFINED else ""
        said.append(sentence(f"{styles.score_label(score)} is undefined for {images}{why}"))
    return " ".join([*said, "Undefined scores are left out."]) if said else "No score is undefined."


def about(study: StudyResults) -> list[str]:
    """What a reader must know about a study before its figures: images, annotators, networks."""
    data = study.dataset
    given = [run for run in study.runs.values() if run.measured]
    fitted = sorted({run.stamp["images"]["train"] for run in study.runs.values() if not run.measured})
    learn = f"; the networks are trained on {span(map(count, fitted))} others" if fitted else ""
    name = DECLARATIONS[data["name"]].label or escape(data["name"])
    classes, present = len(data["classes"]), study.images["label"].nunique()
    of_classes = f"of {count(classes)}" if present == classes else f"from {count(present)} of the {count(classes)}"
    sentences = [
        *matched(study),
        f"Images: {name}, {count(data['images']['test'])} test images {of_classes} classes{learn}.",
        *(fine_tuned(run) for run in study.runs.values() if run.stamp.get("started")),
    ]
    if study.has_people:
        sentences.append(f"Annotators: {escape(data['people'])}{', not real people' if data['simulated'] else ''}.")
    sentences += scale(study)
    sentences += [escape(note) for note in data["notes"]]
    sentences.append(f"Networks: {'; '.join(network(run) for run in study.runs.values())}.")
    sentences += [given_weights(run, data) for run in given]
    undefined = study.undefined
    sentences.append(
        f"{count(undefined)} of {count(sum(len(run.scores) for run in study.runs.values()))} AVH values are undefined "
        f"(an embedding of norm zero has no direction){' and are left out' if undefined else ''}."
    )
    return sentences


def scale(study: StudyResults) -> list[str]:
    """That networks are narrower than the published ones; nothing if none is."""
    trained = [run.stamp["parameters"] for run in study.runs.values() if not run.measured]
    widths = sorted({p["width"] for p in trained if p.get("width", 1) < 1})
    if not widths:
        return []
    shares = listing([percent(width) for width in widths])
    return [
        f"Scale: the networks have {shares} of the channels of the published ones, so that a CPU can train them; "
        "with `width: 1` in the study's file they have all."
    ]


BATCH_NORM = (
    "In networks with batch norm, the running statistics lag behind the weights at first. In the first "
    "1,000 steps they are recomputed on training images before each evaluation."
)


def given_weights(run: NetworkResults, dataset: dict[str, Any]) -> str:
    """The source of given weights, the image transforms, and how outputs are assigned to classes."""
    made, outputs, classes = run.stamp["measured"], len(run.stamp["classes"]), len(dataset["classes"])
    label, pictures = styles.label(run.arch), transformed(made.get("transforms"))
    said = f"No training: the weights of {label} are given, {escape(made['weights'])}. "
    said += f"{pictures}{normalised(made.get('normalisation'))}"
    if not made["by_name"]:
        return f"{said}Outputs are assigned to classes by their {decided(made)}."
    others = (
        f"; it has {count(outputs - classes)} other class{'es' if outputs - classes > 1 else ''}"
        if outputs > classes
        else ""
    )
    return f"{said}Outputs are assigned to classes by the class names of the network{others}."


def fine_tuned(run: NetworkResults) -> str:
    """The weights from which training started."""
    made = run.stamp["started"]
    said = (
        f"Fine-tuning: {styles.label(run.arch)} starts from the weights {escape(made['from'])}, with a new last layer. "
    )
    return f"{said}{normalised(made.get('normalisation'))}".strip()


def schedule(run: NetworkResults) -> str:
    """How a network was trained, and whether this is the paper's schedule."""
    if not run.stamp.get("started"):
        return (
            "Training follows the paper's schedule: stochastic gradient descent with a learning rate that is divided "
            "by ten after one third and after two thirds of the epochs."
        )
    epochs, rates = run.training["epoch"], run.training["learning_rate"]
    last = [count(epoch - 1) for epoch in epochs[rates.diff() < 0]]
    rate = f"divided by ten after epoch {listing(last)}" if last else "constant"
    return (
        f"Fine-tuning takes {count(len(epochs))} epoch{'s' if len(epochs) > 1 else ''} of stochastic gradient descent "
        f"with a learning rate that is {rate}. The paper trains from scratch for 90 epochs."
    )


def decided(made: dict[str, Any]) -> str:
    """What assigned outputs to classes if not their names; older stamps do not record numbers."""
    return made.get("decided", "order")


def matched(study: StudyResults) -> list[str]:
    """A warning for the top of a page if outputs are assigned to classes by order or numbers only."""
    said = []
    for run in study.runs.values():
        if run.measured and not run.stamp["measured"]["by_name"]:
            made, label = run.stamp["measured"], styles.label(run.arch)
            chance = short(100 / len(run.stamp["classes"]))
            said.append(
                f"Check the classes: outputs of {label} are assigned to classes by their {decided(made)}, because no "
                f"class names are available. An accuracy near chance, {chance}{THIN}%, would indicate a wrong match."
            )
    return said


def normalised(made: dict[str, Any] | None) -> str:
    """How pixels were normalised and who says so, a sentence and a space; older stamps do not record it."""
    if made is None:
        return ""
    mean, std = (", ".join(f"{value:g}" for value in made[name]) for name in ("mean", "std"))
    said = f"Pixel values between 0 and 1 are normalised with the channel means {mean} and standard deviations {std}"
    if made["by"] == "assumed":
        return f"{said}. This is assumed, because the file does not state it; the parameter normalisation sets it. "
    return f"{said}, according to {made['by']}. "


def transformed(made: dict[str, Any] | None) -> str:
    """The image transforms for published weights, a sentence and a space; empty for weights from a file."""
    if made is None:
        return ""
    if "size" not in made:
        return (
            "The network received the images of this dataset unchanged, not resized as in the evaluation of the "
            "published weights, because they do not come from image files. "
        )
    turned = ", after rotation according to their EXIF orientation" if made.get("upright") else ""
    return (
        f"The network received the images as in the evaluation of the published weights{turned}: the shorter side is "
        f"resized to {made['resized']} px ({made['interpolation']}), then the central {made['size']} × {made['size']} "
        "px are cropped. The images on these pages are shown in another size. "
    )


def network(run: NetworkResults) -> str:
    """The variant of the architecture."""
    description = run.stamp["network"]
    label = styles.label(run.arch)
    if description.startswith(f"{run.arch}_bn "):
        return f"{label} with batch norm, which the paper's network does not have: {escape(description)}"
    return f"{label}: {escape(description)}"
