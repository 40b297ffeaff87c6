"""The front page's tables: {claims}, what the paper claims, and {verdicts}, what came of each claim in each study.

The one is from the claims' own words, the other from the tables that studies' pages of verdicts offer: a book holds the
studies that its contents name, so the front page cannot name them itself.
"""

import csv
import re
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from analysis.study.claims import CLAIMS

PAGE = "/verdicts"


class Claims(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        container = nodes.container(classes=["claims"])
        rows = [
            (
                f"{claim.id}: {claim.title}",
                f"“{claim.quote}”",
                claim.where,
                ", ".join(map("Figure {}".format, claim.figures)),
            )
            for claim in CLAIMS
        ]
        lines = [("claim", "in the paper's words", "where", "shown in"), [":---"] * 4, *(map(escaped, r) for r in rows)]
        self.state.nested_parse(StringList([f"| {' | '.join(line)} |" for line in lines]), 0, container)
        return [container]


class Verdicts(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        container = nodes.container(classes=["verdicts"])
        for page in sorted((name for name in self.env.found_docs if name.endswith(PAGE)), key=self.position):
            path = Path(self.env.srcdir, page).parent / "files" / "verdicts.csv"
            if path.is_file():
                self.env.note_dependency(str(path))
                self.state.nested_parse(StringList(table(page, path), str(path)), 0, container)
        return [container]

    def position(self, page: str) -> int:
        """Where a page stands in the book."""
        files = Path(self.config.external_toc_path).read_text()
        return files.find(page)


def table(page: str, path: Path) -> list[str]:
    """A study's claims and networks as Markdown, with links to the figures, under a link to the page of verdicts."""
    with path.open(newline="") as file:
        head, *rows = [[*map(escaped, row[:-1]), row[-1]] for row in csv.reader(file)]
    study = Path(page).parent.name
    for row in rows:  # the last column names the figures that show the claim in the first
        links = [f"[Figure {name}](#fig-{name.lower()}-{study})" for name in row[-1].split(", ") if name]
        row[0] += f": {', '.join(links)}" if links else ""
    lines = [f"| {' | '.join(line[:-1])} |" for line in (head, [":---"] * len(head), *rows)]
    return [f"{{doc}}`The study {study}: numbers and rules </{page}>`", "", *lines, ""]


def escaped(cell: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", cell)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("claims", Claims)
    app.add_directive("verdicts", Verdicts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
