"""Accessibility for screen readers and keyboards, where Sphinx and its theme fall short.

The first column of a table contains row headers; an empty corner is no header; toggles are named after their content;
entries of the list of references are list items.
"""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

REPAIRS = (
    (re.compile(r'<th class="head[^"]*"><p></p></th>'), '<td class="corner"></td>'),
    (re.compile(r'<summary aria-label="Toggle hidden content">'), "<summary>"),
    (re.compile(r'role="doc-biblioentry"'), 'role="listitem"'),
)
SEARCH_BUTTON = re.compile(r'(<button class="btn search-button-field[^>]*?) aria-label="Search"')


class RowHeaders(SphinxTransform):
    """For each table with a header."""

    default_priority = 900

    def apply(self, **_: Any) -> None:
        for group in self.document.findall(nodes.tgroup):
            if any(isinstance(part, nodes.thead) for part in group):
                next(group.findall(nodes.colspec))["stub"] = 1


def repair(app: Sphinx, page: str, template: str, context: dict[str, Any], document: nodes.document | None) -> None:
    for pattern, better in REPAIRS:
        context["body"] = pattern.sub(better, context.get("body", ""))


def rename(app: Sphinx, error: Exception | None) -> None:
    """Removes the label of the theme's search field, because its text is its name."""
    for path in () if error else Path(app.outdir).rglob("*.html"):
        text = path.read_text("utf-8")
        if SEARCH_BUTTON.search(text):
            path.write_text(SEARCH_BUTTON.sub(r"\1", text), "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_transform(RowHeaders)
    app.connect("html-page-context", repair)
    app.connect("build-finished", rename)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
