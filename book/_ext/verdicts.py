"""The directive {verdicts}: each study's verdicts at a glance, from the tables that its page of verdicts offers.

A book holds the studies that its contents name, so the front page cannot name them itself.
"""

import csv
import re
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

PAGE = "/verdicts"


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
        head, *rows = [[re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", cell) for cell in row] for row in csv.reader(file)]
    study = Path(page).parent.name
    for row in rows:  # the last column names the figures that show the claim in the first
        row[0] += ": " + re.sub(r"\w+", rf"{{fig}}`\g<0> <{study}>`", row[-1])
    lines = [f"| {' | '.join(line[:-1])} |" for line in (head, [":---"] * len(head), *rows)]
    return [f"{{doc}}`The study {study}: numbers and rules </{page}>`", "", *lines, ""]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("verdicts", Verdicts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
