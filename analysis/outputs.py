"""Assignment of a network's outputs to the classes of a dataset: by name, by number or, failing both, by order.

Order is never used if both network and folders have names: the accuracy would be wrong without anyone noticing.
"""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import binomtest

from analysis.errors import InputError

NAMES, NUMBERS, ORDER = "names", "numbers", "order"  # how outputs were assigned
WNID = re.compile(r"n\d{8}")  # WordNet ids, which are the names of ImageNet's folders
FAR_BELOW = 0.5  # of the accuracy that a network can have; below this share it is far too low
ENOUGH = 5  # images a class needs for the search for a better arrangement of classes


def match(
    classes: Sequence[str], names: Sequence[str] | None, outputs: int, source: str, wnids: Sequence[str] = ()
) -> tuple[list[int], str]:
    """Which output of the network belongs to which class.

    By name if every class has the name of one output, as compared by ``plain``; there may be more outputs than classes.
    If class folders are numbered, from 0 or 1 without gaps, they are the outputs in numerical order; if network or
    folders have no names, output k is class k. Then there must be as many outputs as classes.

    wnids: of the outputs, if they are ImageNet's; folders may have these names, too.
    Returns: the outputs in the order of ``classes``, then those without a class; and how they were assigned.
    """
    if names is not None:
        if len(names) != outputs:
            raise InputError(f"{source} is damaged: it names {len(names)} classes and has {outputs} outputs")
        if list(names) == list(classes):  # some of them may be equal, such as ImageNet's two cranes
            return list(range(outputs)), NAMES
        by_name = _named(classes, names, source)
        if by_name is None and wnids and all(WNID.fullmatch(name) for name in classes):
            by_name = _named(classes, wnids, source)
        if by_name is not None:
            return [*by_name, *sorted(set(range(outputs)) - set(by_name))], NAMES
        if not _numbered(classes) and not _numbered(names):
            raise InputError(
                f"no class folder bears the name of a class of {source}: {_listed(classes)} here, {_listed(names)} "
                "there; name the folders as it names its classes, or 0, 1, 2 and so on in the order of its outputs"
            )
    if outputs != len(classes):
        known = f"; or name the folders as it names its classes: {', '.join(names[:3])} and so on" if names else ""
        raise InputError(
            f"{source} has {outputs} outputs, but there are {len(classes)} classes; the numbers must be equal{known}"
        )
    if _numbered(classes):
        numbers = [int(name) for name in classes]
        if sorted(numbers) == list(range(min(numbers), min(numbers) + outputs)) and min(numbers) in (0, 1):
            return [number - min(numbers) for number in numbers], NUMBERS
    return list(range(outputs)), ORDER


def _named(classes: Sequence[str], names: Sequence[str], source: str) -> list[int] | None:
    """The index of each class among the names; None if none is found.

    Raises InputError if only some are found, or if a class is ambiguous.
    """
    index: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        index.setdefault(plain(name), []).append(i)
    found = [index.get(plain(name), []) for name in classes]
    if not any(found):
        return None
    for name, where in zip(classes, found, strict=True):
        if len(where) != 1 or found.count(where) > 1:
            reason = "is none" if not where else "may be several"
            raise InputError(
                f"class {name!r} {reason} of the {len(names)} classes that {source} names, where others of the "
                f"{len(classes)} are one each; rename its folder, or leave it out"
            )
    return [where[0] for where in found]


def plain(name: str) -> str:
    """A name for comparison: composed Unicode, lower case, one space for spaces, "_" and "-", no leading zeros.

    Some systems store an accented letter as two characters, some as one.
    """
    composed = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).casefold())
    words = re.sub(r"[\s_-]+", " ", composed).strip()
    return str(int(words)) if words.isascii() and words.isdigit() else words


def _numbered(names: Sequence[str]) -> bool:
    return all(name.isascii() and name.isdigit() for name in names)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:3])) + (" and so on" if len(names) > 3 else "")


def check_order(labels: np.ndarray, predicted: np.ndarray, source: str, decided: str, own: float | None = None) -> None:
    """Raise InputError if an assignment by name, order or number is evidently wrong.

    Args: labels and predicted (N,), classes; decided, how outputs were assigned; own, the accuracy of the network on
        its own test images, if known.
    It is evidently wrong if the accuracy is far below the network's own, or below what another arrangement of the
    classes would give: then the network can distinguish the classes, but has them in another order.
    """
    if decided == NAMES:
        return
    right, n = int((labels == predicted).sum()), len(labels)
    outputs = int(max(labels.max(), predicted.max())) + 1
    confusion = np.zeros((outputs, outputs), int)
    np.add.at(confusion, (labels, predicted), 1)
    arranged = confusion[linear_sum_assignment(confusion, maximize=True)].sum() / n
    high = binomtest(right, n).proportion_ci(method="wilson").high
    advice = "give class folders the names of the network's classes, or put them into the order of its outputs"
    if own is not None and high < FAR_BELOW * own:
        raise InputError(
            f"{source} classifies {right / n:.1%} of the images correctly, but {own:.1%} of its own test images: "
            f"outputs were assigned to classes by their {decided}, which is probably wrong; {advice}"
        )
    if n >= ENOUGH * outputs and arranged >= FAR_BELOW and high < FAR_BELOW * arranged:
        raise InputError(
            f"{source} classifies {right / n:.1%} of the images correctly, but {arranged:.1%} with the classes in "
            f"another order: outputs were assigned to classes by their {decided}, which is wrong; {advice}"
        )
