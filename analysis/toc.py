"""The book's table of contents, written from the studies that it holds.

    python -m analysis.toc synthetic,cifar10h-small > _toc.yml

Without names it is the default study's, which is the one that is committed.
"""

import argparse
import sys
from collections.abc import Mapping

import yaml

from analysis import chapters, styles
from analysis.config import Study, read_studies, with_recorded
from analysis.errors import InputError

FRONT = ("book/method", "book/data", "book/reading", "book/costs")
TITLES = {"synthetic": "Simulated people", "cifar10h": "CIFAR-10H", "imagenet": "ImageNet"}  # else the study's name


def contents(studies: Mapping[str, Study]) -> str:
    """The text of _toc.yml for studies by name."""
    parts = [{"caption": "The paper", "chapters": [{"file": file} for file in FRONT]}]
    for name, study in studies.items():
        folder = f"book/runs/{name}"
        pages = [{"file": f"{folder}/{page}", "title": title} for page, title in chapters.of_study(study).items()]
        for arch in styles.in_order(study.runs):
            label = styles.architecture(arch).label
            pages += [
                {"file": f"{folder}/{arch}/{page}", "title": f"{label}: {title}"}
                for page, title in chapters.of_network(study).items()
            ]
        parts.append({"caption": TITLES.get(name, name), "chapters": pages})
    parts.append({"caption": "Sources", "chapters": [{"file": "book/references"}]})
    text = yaml.safe_dump({"format": "jb-book", "root": "book/index", "parts": parts}, sort_keys=False, width=120)
    return f"# Written by `python -m analysis.toc {','.join(studies)}`.\n{text}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m analysis.toc", description=__doc__.splitlines()[0])
    parser.add_argument("studies", nargs="?", default="synthetic", help="files under studies/, with commas")
    try:
        studies = read_studies({"studies": parser.parse_args().studies})
        print(contents(with_recorded({study.name: study for study in studies.values()})), end="")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
