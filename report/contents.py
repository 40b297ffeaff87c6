"""The chapters of a study, in reading order, with their titles; the table of contents of the book.

    python -m report.contents synthetic,cifar10h-small > _toc.yml

The default is the contents for the default study, which are committed. The header of each chapter states what it needs;
a study has the chapter if it has any of that: human labels, known causes of difficulty, training, its first
steps, different heads.
"""

import argparse
import re
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

from analysis.datasets import DECLARATIONS
from analysis.errors import InputError, as_one_sentence, one_of
from analysis.parameters import is_about_one_network
from analysis.probes import FEWEST_STEPS
from analysis.studies import StudyPlan, in_order, read_studies, with_recorded
from report import styles

PAGES = Path("book/runs")  # executed chapters, by study
CHAPTERS = Path(__file__).parents[1] / "book" / "chapters"
EXAMPLE = "book/chapters/verdicts.md"
OF_NETWORKS = {"training", "first steps", "heads"}  # by its networks; datasets declare the rest
EXPLORER = "explorer"
NOT_RECORDED = (EXPLORER,)  # contains the images
FRONT = ("book/method", "book/data", "book/reading", "book/costs")
BACK = ("book/numbers", "book/references", "book/cite", "book/api")
SIMULATED = "simulated annotators"


def title(study: StudyPlan) -> str:
    """The title of a study, which marks simulated annotators."""
    offers = DECLARATIONS[study.parameters.dataset].offers
    given = study.title or study.name
    marked = "people" not in offers or "real people" in offers or simulated(given)
    return given if marked else f"{given}, {SIMULATED}"


def simulated(title: str) -> bool:
    """Whether a study with this title has simulated annotators."""
    return SIMULATED in title.lower()


class Chapter(NamedTuple):
    """A chapter as described by its header and cells."""

    name: str
    title: str
    about: tuple[str, ...] = ()  # it needs any of these; empty: every study has it
    place: float = 0  # in reading order
    of_network: bool = False  # about one network; otherwise about all networks of a study
    quotes: str = ""  # a chapter whose numbers on recorded studies of real people it repeats


def read_chapter(path: Path) -> Chapter:
    """A chapter as declared in the header of its file:

        chapter:
          about: people, training    a study needs any of these; without: every study has the chapter
          place: 10                  order of the chapters
          title: hardness            in the table of contents; without: the heading
          quotes: disputed           a chapter whose tables on recorded studies of real people it repeats

    It is about one network if ``arch`` is among its parameters.
    """
    text = path.read_text("utf-8")
    try:
        _, header, body = text.split("---\n", 2)
        heading = re.search("^# (.+)$", body, re.MULTILINE)[1]
        declared = {"about": "", "title": heading, "quotes": ""} | yaml.safe_load(header)["chapter"]
        about = tuple(filter(None, map(str.strip, declared["about"].split(","))))
        of_network = is_about_one_network(body)
        chapter = Chapter(path.stem, declared["title"], about, float(declared["place"]), of_network, declared["quotes"])
    except (ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError):
        raise InputError(f"{path} has no valid chapter header; {EXAMPLE} shows one") from None
    known = OF_NETWORKS.union(*(dataset.offers for dataset in DECLARATIONS.values()))
    if unknown := set(about) - known:
        raise one_of(f"topic in {path}", min(unknown), sorted(known))
    return chapter


@cache
def chapters() -> list[Chapter]:
    """All chapters in reading order. Raises InputError if a header is invalid."""
    return sorted(map(read_chapter, sorted(CHAPTERS.glob("*.md"))), key=lambda chapter: chapter.place)


def of_study(study: StudyPlan) -> dict[str, str]:
    """The chapters on all networks of a study: name -> title."""
    return {chapter.name: chapter.title for chapter in _about(study) if not chapter.of_network}


def of_network(study: StudyPlan) -> dict[str, str]:
    """The chapters on each network of a study: name -> title."""
    return {chapter.name: chapter.title for chapter in _about(study) if chapter.of_network}


def of_real_people(chapter: str) -> dict[str, Path]:
    """The pages of a chapter on all networks in the recorded studies of real people: title of the study -> page."""
    recorded = {title(study): study for study in with_recorded({}).values()}
    return {
        name: PAGES / study.name / f"{chapter}.ipynb"
        for name, study in recorded.items()
        if chapter in of_study(study) and not simulated(name)
    }


def quoted_by(chapter: str) -> list[Path]:
    """The pages whose numbers a chapter repeats."""
    (quoted,) = (found.quotes for found in chapters() if found.name == chapter)
    return list(of_real_people(quoted).values()) if quoted else []


def _about(study: StudyPlan) -> list[Chapter]:
    has = DECLARATIONS[study.parameters.dataset].offers | (set() if study.measured else {"training"})
    if not study.measured and all(run.probed_steps >= FEWEST_STEPS for run in study.runs.values()):
        has |= {"first steps"}
    if len({run.head for run in study.runs.values()}) > 1:
        has |= {"heads"}
    names = [chapter.name for chapter in chapters()]
    if unknown := set(study.chapters) - set(names):
        raise one_of(f"chapter of study {study.name}", min(unknown), names)
    return [
        chapter
        for chapter in chapters()
        if (not chapter.about or has & set(chapter.about)) and (not study.chapters or chapter.name in study.chapters)
    ]


def table_of_contents(studies: Mapping[str, StudyPlan], without: Collection[str] = ()) -> str:
    """The text of _toc.yml for studies by name.

    without: chapters on one network to leave out.
    """
    parts = [{"caption": "The paper", "chapters": [{"file": file} for file in FRONT]}]
    for name, study in studies.items():
        folder = f"book/runs/{name}"
        pages = [{"file": f"{folder}/{page}", "title": title} for page, title in of_study(study).items()]
        for arch in in_order(study.runs):
            label = styles.label(arch)
            pages += [
                {"file": f"{folder}/{arch}/{page}", "title": f"{label}: {title}"}
                for page, title in of_network(study).items()
                if page not in without
            ]
        parts.append({"caption": title(study), "chapters": pages})
    parts.append({"caption": "Numbers and sources", "chapters": [{"file": file} for file in BACK]})
    text = yaml.safe_dump({"format": "jb-book", "root": "book/index", "parts": parts}, sort_keys=False, width=120)
    return f"# Written by `python -m report.contents {','.join(studies)}`.\n{text}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m report.contents", description=__doc__.splitlines()[0])
    parser.add_argument("studies", nargs="?", default="synthetic", help="files under studies/, with commas")
    with as_one_sentence():
        studies = read_studies({"studies": parser.parse_args().studies})
        print(table_of_contents(with_recorded({study.name: study for study in studies.values()})), end="")


if __name__ == "__main__":
    main()
