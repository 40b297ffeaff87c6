"""Which chapters a study has, in a reader's order, and what they are called: for the graph and the table of contents.

A chapter is shown where a study has any of what it needs: people's answers, known causes of difficulty, training.
"""

from typing import NamedTuple

from analysis.config import Study

# What each dataset offers beside pictures.
OFFERED = {
    "synthetic": {"people", "causes"},
    "cifar10h": {"people", "real people"},
    "imagenet": {"people", "real people"},
    "imagefolder": set(),
}


class Chapter(NamedTuple):
    """A chapter's title, and what of a study it is about; about every study where that is nothing."""

    title: str
    about: tuple[str, ...] = ()


OF_STUDY = {  # all of its networks together: what came out, then in the paper's order, then beyond it
    "verdicts": Chapter("Verdicts", ("people", "training")),
    "confidence-gap": Chapter("Confidence and people", ("people",)),
    "norm": Chapter("The norm and people", ("people",)),
    "granularity": Chapter("Coarser classes", ("people",)),
    "avh": Chapter("AVH and people", ("people",)),
    "dynamics": Chapter("The course of training", ("training",)),
    "first-iterations": Chapter("The first steps of training", ("training",)),
    "baselines": Chapter("Other scores, other readings", ("people",)),
    "control": Chapter("Ambiguity or degradation?", ("causes",)),
    "discussion": Chapter("Discussion", ("real people",)),
}
OF_NETWORK = {
    "training": Chapter("training", ("training",)),
    "hardness": Chapter("hardness"),
    "explorer": Chapter("images"),
}


def of_study(study: Study) -> dict[str, str]:
    """The chapters on a study's networks together: name -> title."""
    return _about(study, OF_STUDY)


def of_network(study: Study) -> dict[str, str]:
    """The chapters on each network of a study: name -> title."""
    return _about(study, OF_NETWORK)


def _about(study: Study, chapters: dict[str, Chapter]) -> dict[str, str]:
    has = OFFERED[study.parameters.dataset] | (set() if study.measured else {"training"})
    return {name: chapter.title for name, chapter in chapters.items() if not chapter.about or has & set(chapter.about)}
