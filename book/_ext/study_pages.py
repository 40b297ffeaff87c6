"""Adds the study of a page to its title, and so to the browser tab and the search; marks simulated annotators.

A chapter's text is the same for every study, so the book adds what the contents call the study, and the network. In
headings and links the names of datasets do not break at their hyphens. A heading that a cell shows opens a section.
"""

import re
from pathlib import PurePosixPath

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform

from analysis.study.claims import CLAIMS
from report import contents, front, styles

IDS = {claim.id for claim in CLAIMS}
HYPHENATED = re.compile(r"\b(CIFAR-10H?)\b")
WORDS = "Simulated annotators."
MEANING = (
    " A formula answers in their place, so each image's difficulty is known. A control, not evidence about people."
)


def studies(config: Config) -> dict[str, str]:
    """The studies of this book in the order of its contents: what their folders and they themselves are called."""
    with open(config.external_toc_path, encoding="utf-8") as file:
        parts = yaml.safe_load(file)["parts"]
    found = {}
    for part in parts:
        for chapter in part["chapters"]:
            if name := study_of_page(chapter["file"]):
                found[name] = part["caption"]
    return found


def study_of_page(page: str) -> str:
    """The folder of the study that a page is of; empty where it is of none."""
    path = PurePosixPath(page)
    return path.relative_to(front.PAGES.as_posix()).parts[0] if path.is_relative_to(front.PAGES.as_posix()) else ""


def claim_anchor(id_: str) -> str:
    """Where a claim is on a page of verdicts."""
    return nodes.make_id(f"claim-{id_}")


def open_section(rubric: nodes.rubric) -> None:
    """Makes a heading that a cell shows open a section, as one between cells does: from that cell to the next heading.

    MyST makes it a rubric, which the contents of a page do not list.
    """
    cell = rubric
    while not isinstance(cell.parent, nodes.section):
        cell = cell.parent
    above = cell.parent
    opened = nodes.section("", nodes.title("", "", *rubric.children), ids=rubric["ids"], names=rubric["names"])
    start = above.index(cell)
    opened += above[start:]
    del above[start:]
    above.parent.insert(above.parent.index(above) + 1, opened)
    rubric.parent.remove(rubric)


class StudyPages(SphinxTransform):
    """The first heading names the study; a line below it says that people are simulated; claims can be linked to."""

    default_priority = 700

    def apply(self, **_) -> None:
        page = PurePosixPath(self.env.docname)
        title = studies(self.config).get(study_of_page(page.as_posix()))
        heading = next(self.document.findall(nodes.title), None)
        if title is None or heading is None:
            return
        for rubric in list(self.document.findall(nodes.rubric)):
            if rubric.get("level"):  # titles of dropdowns are rubrics, too
                open_section(rubric)
        folder = page.parent.name
        network = "" if folder == study_of_page(page.as_posix()) else f": {styles.architecture(folder).label}"
        stop = " " if heading.astext().endswith("?") and not network else ", "
        heading += nodes.Text(f"{network}{stop}{title}")
        if contents.simulated(title):
            line = nodes.paragraph("", "", nodes.strong("", WORDS), nodes.Text(MEANING), classes=["simulated"])
            heading.parent.insert(heading.parent.index(heading) + 1, line)
        if page.name == "verdicts":
            for strong in self.document.findall(nodes.strong):
                if strong.astext() in IDS and isinstance(strong.parent, nodes.paragraph):
                    strong.parent["ids"].append(claim_anchor(strong.astext()))


class WholeNames(SphinxPostTransform):
    """Marks names of datasets in headings and links; no special hyphen, which a search for the name would miss."""

    default_priority = 500  # when links are resolved

    def run(self, **_) -> None:
        for holder in list(self.document.findall(lambda node: isinstance(node, nodes.title | nodes.reference))):
            for text in list(holder.findall(nodes.Text)):
                first, *rest = HYPHENATED.split(text)
                if (
                    rest
                    and not isinstance(text.parent, nodes.literal)
                    and "whole" not in text.parent.get("classes", ())
                ):
                    marked = [
                        nodes.inline("", part, classes=["whole"]) if i % 2 else nodes.Text(part)
                        for i, part in enumerate((first, *rest))
                        if part
                    ]
                    text.parent.replace(text, marked)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_transform(StudyPages)
    app.add_post_transform(WholeNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
