"""How results were made, in words: the stamp of a run, and the parameters of a page."""

from typing import Any

from analysis.study.results import NetworkResults
from report import text


def stamp_in_words(run: NetworkResults) -> dict[str, str]:
    """run.json in words."""
    stamp = run.stamp
    if "measured" in stamp:
        made = {
            "weights from": stamp["measured"]["weights"],
            "weights' file (SHA-256)": stamp["measured"]["sha256"][:16],
            "image transforms": _transforms(stamp["measured"].get("transforms", {})),
            "normalisation of pixels": _normalisation(stamp["measured"].get("normalisation")),
        }
    else:
        made = _start(stamp.get("started")) | {
            "initial learning rate": f"{stamp['learning_rate']:g}",
            "optimiser steps": text.count(stamp["steps"]),
        }
    return {
        "network": stamp["network"],
        "weights": text.count(run.parameter_count),
        "dimensions of the embedding": text.count(stamp["embedding"]),
        **made,
        "images": ", ".join(f"{text.count(n)} {part}" for part, n in stamp["images"].items()),
        "precision": stamp["precision"],
        "device": stamp["device"],
        "threads": stamp["threads"],
        "evaluation took" if "measured" in stamp else "training took": text.duration(stamp["seconds"]),
        "commit": stamp["commit"],
        "code (SHA-256)": stamp["source"][:16],
        "data (SHA-256)": stamp["data"][:16],
        "versions": ", ".join(f"{name} {version}" for name, version in stamp["versions"].items()),
    }


def _start(started: dict[str, Any] | None) -> dict[str, str]:
    """The weights from which a training started; nothing where they were random."""
    if not started:
        return {}
    return {
        "initial weights from": started["from"],
        "initial weights' file (SHA-256)": started["sha256"][:16],
        "normalisation of pixels": _normalisation(started.get("normalisation")),
    }


def _transforms(made: dict[str, Any]) -> str:
    """The image transforms of a measured network, in a few words."""
    if "size" not in made:
        return "those of the dataset"
    turned = "EXIF orientation, " if made.get("upright") else ""
    return f"{turned}{made['resized']} px ({made['interpolation']}), then the central {made['size']} px"


def _normalisation(made: dict[str, Any] | None) -> str:
    """How pixels were normalised, and who says so."""
    if made is None:  # older stamps
        return "as expected by the weights"
    mean, std = (" ".join(f"{value:g}" for value in made[name]) for name in ("mean", "std"))
    return f"(pixel - {mean}) / {std}, {made['by']}"


def plain_value(value: Any) -> str:
    """The value of a parameter as text."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "(empty)" if value == "" else str(value)
