"""The book's table of contents, written from the studies that it holds.

    python -m analysis.toc synthetic,cifar10h-small > _toc.yml

Without names it is the default study's, which is the one that is committed.
"""

import argparse
import sys
from collections.abc import Collection, Mapping, Sequence

import yaml

from analysis import styles
from analysis.config import read_studies
from analysis.errors import InputError

FRONT = ("book/method", "book/data", "book/reading")
COMPARISONS = {  # a study's pages
    "verdicts": "Verdicts",
    "comparison": "The networks compared",
    "first-iterations": "The first steps of training",
    "granularity": "Coarser classes",
}
# A network's pages, and what a reader calls them.
CHAPTERS = {"training": "training", "hardness": "hardness", "explorer": "images"}
MEASURED = ("hardness", "explorer")  # the pages of a study whose networks' weights are given; it has no others
TITLES = {"synthetic": "Simulated people", "cifar10h": "CIFAR-10H", "imagenet": "ImageNet"}  # else the study's name


def contents(studies: Mapping[str, Sequence[str]], measured: Collection[str] = ()) -> str:
    """The text of _toc.yml for studies with their networks: {"synthetic": ["alexnet", ...]}.

    measured: those of the studies whose networks' weights are given.
    """
    parts = [{"caption": "The paper", "chapters": [{"file": file} for file in FRONT]}]
    for study, archs in studies.items():
        folder = f"book/runs/{study}"
        comparisons = {} if study in measured else COMPARISONS
        chapters = [{"file": f"{folder}/{page}", "title": title} for page, title in comparisons.items()]
        for arch in styles.in_order(archs):
            label = styles.architecture(arch).label
            chapters += [
                {"file": f"{folder}/{arch}/{chapter}", "title": f"{label}: {title}"}
                for chapter, title in CHAPTERS.items()
                if study not in measured or chapter in MEASURED
            ]
        parts.append({"caption": TITLES.get(study, study), "chapters": chapters})
    parts.append({"caption": "Sources", "chapters": [{"file": "book/references"}]})
    text = yaml.safe_dump({"format": "jb-book", "root": "book/index", "parts": parts}, sort_keys=False, width=120)
    return f"# Written by `python -m analysis.toc {','.join(studies)}`.\n{text}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m analysis.toc", description=__doc__.splitlines()[0])
    parser.add_argument("studies", nargs="?", default="synthetic", help="files under studies/, with commas")
    try:
        studies = read_studies({"studies": parser.parse_args().studies})
        measured = [study.name for study in studies.values() if study.measured]
        print(contents({study.name: list(study.runs) for study in studies.values()}, measured), end="")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
