"""Which chapters a study has, in a reader's order, and what they are called; the book's table of contents.

    python -m report.contents synthetic,cifar10h-small > _toc.yml

Without names it is the default study's, which is the one that is committed. A chapter is shown where a study has any of
what it needs: people's answers, known causes of difficulty, training, heads exchanged.
"""

import argparse
import sys
from collections.abc import Mapping
from typing import NamedTuple

import yaml

from analysis.datasets import DECLARATIONS
from analysis.errors import InputError, one_of
from analysis.studies import StudyPlan, in_order, read_studies, with_recorded
from report import styles

FRONT = ("book/method", "book/data", "book/reading", "book/costs")
TITLES = {  # else the study's name
    "synthetic": "Simulated people",
    "cifar10h": "CIFAR-10H",
    "heads": "CIFAR-10H, heads exchanged",
    "cifar10h-finetuned": "CIFAR-10H, a pretrained network",
    "imagenet": "ImageNet",
    "imagenet-sample": "ImageNet, a sample",
}


class Chapter(NamedTuple):
    """A chapter's title, and what of a study it is about; about every study where that is nothing."""

    title: str
    about: tuple[str, ...] = ()


OF_STUDY = {  # all of its networks together: what came out, then in the paper's order, then beyond it
    "verdicts": Chapter("Verdicts", ("people", "training")),
    "confidence-gap": Chapter("Confidence and people", ("people",)),
    "norm": Chapter("The norm and people", ("people",)),
    "granularity": Chapter("Class granularity", ("people",)),
    "avh": Chapter("AVH and people", ("people",)),
    "dynamics": Chapter("Training dynamics", ("training",)),
    "first-iterations": Chapter("The first steps of training", ("training",)),
    "angular-margin": Chapter("A better angle?", ("people",)),
    "disputed": Chapter("Which score finds what people dispute?", ("people",)),
    "heads": Chapter("What the head does to AVH", ("heads",)),
    "baselines": Chapter("Other scores, other readings", ("people",)),
    "control": Chapter("Ambiguity or degradation?", ("causes",)),
    "discussion": Chapter("Discussion", ("real people",)),
}
OF_NETWORK = {
    "training": Chapter("training", ("training",)),
    "hardness": Chapter("hardness"),
    "explorer": Chapter("images"),
}


def of_study(study: StudyPlan) -> dict[str, str]:
    """The chapters on a study's networks together: name -> title."""
    return _about(study, OF_STUDY)


def of_network(study: StudyPlan) -> dict[str, str]:
    """The chapters on each network of a study: name -> title."""
    return _about(study, OF_NETWORK)


def _about(study: StudyPlan, chapters: dict[str, Chapter]) -> dict[str, str]:
    has = DECLARATIONS[study.parameters.dataset].offers | (set() if study.measured else {"training"})
    if len({run.head for run in study.runs.values()}) > 1:
        has |= {"heads"}
    unknown = set(study.chapters) - OF_STUDY.keys() - OF_NETWORK.keys()
    if unknown:
        raise one_of(f"chapter of study {study.name}", min(unknown), [*OF_STUDY, *OF_NETWORK])
    return {
        name: chapter.title
        for name, chapter in chapters.items()
        if (not chapter.about or has & set(chapter.about)) and (not study.chapters or name in study.chapters)
    }


def table_of_contents(studies: Mapping[str, StudyPlan]) -> str:
    """The text of _toc.yml for studies by name."""
    parts = [{"caption": "The paper", "chapters": [{"file": file} for file in FRONT]}]
    for name, study in studies.items():
        folder = f"book/runs/{name}"
        pages = [{"file": f"{folder}/{page}", "title": title} for page, title in of_study(study).items()]
        for arch in in_order(study.runs):
            label = styles.architecture(arch).label
            pages += [
                {"file": f"{folder}/{arch}/{page}", "title": f"{label}: {title}"}
                for page, title in of_network(study).items()
            ]
        parts.append({"caption": TITLES.get(name, name), "chapters": pages})
    parts.append({"caption": "Sources", "chapters": [{"file": "book/references"}]})
    text = yaml.safe_dump({"format": "jb-book", "root": "book/index", "parts": parts}, sort_keys=False, width=120)
    return f"# Written by `python -m report.contents {','.join(studies)}`.\n{text}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m report.contents", description=__doc__.splitlines()[0])
    parser.add_argument("studies", nargs="?", default="synthetic", help="files under studies/, with commas")
    try:
        studies = read_studies({"studies": parser.parse_args().studies})
        print(table_of_contents(with_recorded({study.name: study for study in studies.values()})), end="")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
