"""{numbers}: every coefficient and verdict of the book's studies in one sortable table, and as a CSV file."""

from html import escape
from pathlib import Path

import pandas as pd
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from study_pages import studies

from report import front, numbers, styles, text

NUMBERS_PAGE = "book/numbers"
CSV = f"{NUMBERS_PAGE}.csv"
COLUMN_HEADS = ("study", "network", "number", "value", "95 % interval", "n", "verdict on the claim")


def of_book(app: Sphinx) -> pd.DataFrame:
    """For all studies in the order of the contents; ``page`` is relative to this page."""
    parts = []
    for name, title in studies(app.config).items():
        part = numbers.numbers_of_study(Path(app.srcdir, front.PAGES, name), title)
        parts.append(part.assign(page=f"{front.PAGES.name}/{name}/" + part["page"] + ".html"))
    return pd.concat(parts, ignore_index=True)


class Numbers(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        for name in studies(self.config):
            for path in Path(self.env.srcdir, front.PAGES, name).glob("files/tab-*.csv"):
                self.env.note_dependency(str(path))
        rows = "\n".join(_row(row) for row in of_book(self.env.app).to_dict("records"))
        heads = "".join(f'<th scope="col">{head}</th>' for head in COLUMN_HEADS)
        html = (
            '<div class="pst-scrollable-table-container" tabindex="0" role="region" aria-label="All numbers">'
            f'<table class="table numbers"><thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>'
        )
        return [nodes.raw("", html, format="html")]


def _row(row: dict) -> str:
    interval = "" if pd.isna(row["low"]) else text.bracketed(row["low"], row["high"], 3)
    value = "" if pd.isna(row["value"]) else text.number(row["value"], 3)
    verdict = row["verdict"] if isinstance(row["verdict"], str) else ""
    where = ", ".join(filter(None, (row["network"], row["study"])))  # shown instead of two columns on a phone
    return (
        f"<tr><td>{escape(row['study'])}</td><td>{escape(row['network'])}</td>"
        f'<th scope="row"><a href="{escape(row["page"])}">{escape(row["number"])}</a>'
        f'<span class="where">{escape(where)}</span></th>'
        f'<td data-sort="{row["value"]:.9g}">{value}</td><td>{interval}</td>'
        f'<td data-sort="{row["n"]:.9g}">{"" if pd.isna(row["n"]) else text.count(row["n"])}</td>'
        f"<td>{styles.VERDICT_SIGNS[verdict] + text.SPACE + verdict if verdict else ''}</td></tr>"
    )


def write_csv(app: Sphinx, error: Exception | None) -> None:
    """The same as a CSV file beside the page."""
    if error is None and NUMBERS_PAGE in app.env.found_docs:
        of_book(app).to_csv(Path(app.outdir, CSV), index=False, float_format="%.9g", lineterminator="\n")


def add_script(app: Sphinx, name: str, *_) -> None:
    """Adds the script to this page only."""
    if name == NUMBERS_PAGE:
        app.add_js_file("sorting.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("numbers", Numbers)
    app.connect("html-page-context", add_script)
    app.connect("build-finished", write_csv)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
