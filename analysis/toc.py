"""The book's table of contents, written from the studies that it holds.

    python -m analysis.toc synthetic,cifar10h-small > _toc.yml

Without names it is the default study's, which is the one that is committed.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence

import yaml

from analysis import styles
from analysis.config import read_studies
from analysis.errors import InputError

FRONT = ("book/method", "book/data", "book/reading")
COMPARISONS = {  # a study's pages: what came out, then in the paper's order
    "verdicts": "Verdicts",
    "confidence-gap": "Confidence and people",
    "norm": "The norm and people",
    "granularity": "Coarser classes",
    "avh": "AVH and people",
    "dynamics": "The course of training",
    "first-iterations": "The first steps of training",
}
# A network's pages, and what a reader calls them.
CHAPTERS = {"training": "training", "hardness": "hardness", "explorer": "images"}
TITLES = {"synthetic": "Simulated people", "cifar10h": "CIFAR-10H", "imagenet": "ImageNet"}  # else the study's name


def contents(studies: Mapping[str, Sequence[str]]) -> str:
    """The text of _toc.yml for studies with their networks: {"synthetic": ["alexnet", ...]}."""
    parts = [{"caption": "The paper", "chapters": [{"file": file} for file in FRONT]}]
    for study, archs in studies.items():
        folder = f"book/runs/{study}"
        chapters = [{"file": f"{folder}/{page}", "title": title} for page, title in COMPARISONS.items()]
        for arch in styles.in_order(archs):
            label = styles.architecture(arch).label
            chapters += [
                {"file": f"{folder}/{arch}/{chapter}", "title": f"{label}: {title}"}
                for chapter, title in CHAPTERS.items()
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
        print(contents({study.name: list(study.runs) for study in studies.values()}), end="")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
