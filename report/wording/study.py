"""What a reader must know of a study before its figures: the pictures, the people, the networks."""

from typing import Any

from analysis.study.results import NetworkResults, StudyResults
from report import styles
from report.text import THIN, count, escape, listing, percent, short


def undefined_scores(undefined: int) -> str:
    """What a caption says of undefined scores."""
    if not undefined:
        return "No score is undefined."
    return f"{count(undefined)} {'image has' if undefined == 1 else 'images have'} an undefined score and are left out."


def about(study: StudyResults) -> list[str]:
    """What a reader must know of a study before its figures: the pictures, the people, the networks."""
    data, images = study.dataset, study.dataset["images"]
    given = [run for run in study.runs.values() if run.measured]
    learn = f"; the networks learn from {count(images['train'])} others" if len(given) < len(study.runs) else ""
    sentences = [
        *matched(study),
        f"Pictures: {escape(data['name'])}, {count(images['test'])} test images of {count(len(data['classes']))} "
        f"classes{learn}.",
    ]
    if study.has_people:
        sentences.append(f"People: {escape(data['people'])}{', not real people' if data['simulated'] else ''}.")
    sentences += scale(study)
    sentences += [escape(note) for note in data["notes"]]
    sentences.append(f"Networks: {'; '.join(network(run) for run in study.runs.values())}.")
    sentences += [given_weights(run, data) for run in given]
    undefined = study.undefined
    sentences.append(
        f"{count(undefined)} of {count(sum(len(run.scores) for run in study.runs.values()))} AVH are undefined (an "
        f"embedding of norm zero has no direction){' and left out' if undefined else ''}."
    )
    return sentences


FULL = {"cifar10h": "cifar10h-full"}  # studies of networks that are smaller than the paper's -> the same in full


def scale(study: StudyResults) -> list[str]:
    """That networks are narrower than the paper's, and how to have them in full; nothing where none is."""
    trained = [run.stamp["parameters"] for run in study.runs.values() if not run.measured]
    widths = sorted({p["width"] for p in trained if p.get("width", 1) < 1})
    if not widths:
        return []
    shares = listing([percent(width) for width in widths])
    said = f"Scale: the networks have {shares} of the channels of the paper's, so that a CPU can train them."
    if study.name in FULL:
        said += f' In full, for a GPU: `make book CONFIG="studies={FULL[study.name]}"`.'
    return [said]


BATCH_NORM = (
    "Where a network has batch norm, its statistics are computed anew on training images before each measurement in "
    "the first steps of training, because the running ones lag far behind the network then; later measurements use the "
    "running ones."
)


def given_weights(run: NetworkResults, dataset: dict[str, Any]) -> str:
    """Where a measured network's weights are from, how its pictures were made, and how its outputs met the classes."""
    made, outputs, classes = run.stamp["measured"], len(run.stamp["classes"]), len(dataset["classes"])
    label, pictures = styles.architecture(run.arch).label, transformed(made.get("transforms"))
    said = f"Nothing is trained here: the weights of {label} are given, {escape(made['weights'])}. "
    said += f"{pictures}{normalised(made.get('normalisation'))}"
    if not made["by_name"]:
        return f"{said}Which output is which class is taken from their {decided(made)}."
    others = f"; it knows {count(outputs - classes)} others beside them" if outputs > classes else ""
    return f"{said}The classes bear the names that the network knows them by{others}."


def decided(made: dict[str, Any]) -> str:
    """What decided which output is which class, where names did not; older stamps do not say numbers."""
    return made.get("decided", "order")


def matched(study: StudyResults) -> list[str]:
    """A warning for the head of a page, where a network's outputs met the classes by their order or numbers alone."""
    said = []
    for run in study.runs.values():
        if run.measured and not run.stamp["measured"]["by_name"]:
            made, label = run.stamp["measured"], styles.architecture(run.arch).label
            chance = short(100 / len(run.stamp["classes"]))
            said.append(
                f"Mind the classes: which output of {label} is which class is taken from their {decided(made)}, as no "
                f"names are known to both. An accuracy near chance, {chance}{THIN}%, would say that it is another."
            )
    return said


def normalised(made: dict[str, Any] | None) -> str:
    """How pixels were normalised, a sentence and a space, and by whose word; older stamps do not say."""
    if made is None:
        return ""
    mean, std = (", ".join(f"{value:g}" for value in made[name]) for name in ("mean", "std"))
    said = f"Of its pixels in 0 to 1, {mean} were taken off, by channel, and the rest divided by {std}"
    if made["by"] == "assumed":
        return f"{said}: this is assumed, because the file does not say; the parameter normalisation sets it. "
    return f"{said}, as {made['by']} has it. "


def transformed(made: dict[str, Any] | None) -> str:
    """How pictures were made for published weights, a sentence and a space; empty where weights are a file."""
    if made is None:
        return ""
    if "size" not in made:
        return (
            "It was given this dataset's pictures as they are, not resized as in the weights' own evaluation, because "
            "they do not come from picture files. "
        )
    turned = ", but first turned upright where their EXIF data say so" if made.get("upright") else ""
    return (
        f"Whatever their size on these pages, it was given the pictures as in the weights' own evaluation{turned}: the "
        f"shorter side resized to {made['resized']} px ({made['interpolation']}), then the central {made['size']} × "
        f"{made['size']} px. "
    )


def network(run: NetworkResults) -> str:
    """Which variant of its architecture a run trained."""
    description = run.stamp["network"]
    label = styles.architecture(run.arch).label
    if description.startswith(f"{run.arch}_bn "):
        return f"{label} in its form with batch norm, which the paper's does not have: {escape(description)}"
    return f"{label}: {escape(description)}"
