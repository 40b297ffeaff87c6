"""The front page, made from the tables of the studies' pages: {answer}, {verdicts}, {quotes} and {studies}.

A book contains the studies in its contents, so the front page cannot name them itself.
"""

import base64
from html import escape
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from matplotlib.figure import Figure
from phone_figures import SCREEN
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from study_pages import claim_anchor, studies

from analysis.study.claims import CLAIMS
from report import figures, front, shown, text, wording
from report.figures.saved import svg


class FromStudies(SphinxDirective):
    """A directive that reads the tables of the book's studies."""

    def read(self) -> list[front.FrontStudy]:
        found = []
        for name, title in studies(self.config).items():
            folder = Path(self.env.srcdir, front.PAGES, name)
            for path in (folder / "files").glob("tab-*.csv"):
                self.env.note_dependency(str(path))
            found.append(front.FrontStudy.read(folder, title))
        return [study for study in found if study]

    def parsed(self, lines: list[str], name: str) -> list[nodes.Node]:
        container = nodes.container(classes=[name])
        self.state.nested_parse(StringList(lines), 0, container)
        return [container]


class Answer(FromStudies):
    """The answer, with a figure that has a second version for phones."""

    def run(self) -> list[nodes.Node]:
        told = self.read()
        points = front.points(told)
        wide = figures.figure_front(points)
        if wide is None:
            return []
        html = (
            f'<figure class="front"><picture><source media="{SCREEN}" srcset="{drawing(wide.narrow())}">'
            f'<img src="{drawing(wide.figure)}" alt="{escape(wide.alt)}"></picture>'
            f"<figcaption><p>{shown.READER.renderInline(wording.front.FRONT_CAPTION)}</p></figcaption></figure>"
        )
        return [*self.parsed([front.answer(told)], "answer"), nodes.raw("", html, format="html")]


class Verdicts(FromStudies):
    """Every claim in every study, with links to the rule, the numbers and the figures."""

    def run(self) -> list[nodes.Node]:
        told = front.real_first(self.read())
        table = front.claims_table(told)
        pages = [f"[{study.title}]({front.PAGES.name}/{study.name}/verdicts.ipynb)" for study in told]
        rows = [["claim", *pages], [":---"] * table.shape[1]]
        for claim, cells in zip(CLAIMS, table.itertuples(index=False), strict=True):
            links = [
                f'<a href="{front.PAGES.name}/{study.name}/verdicts.html#{claim_anchor(claim.id)}">{escape(cell)}</a>'
                for study, cell in zip(told, cells[1:], strict=True)
            ]
            rows.append([text.escape(cells[0]), *links])
        return self.parsed([f"| {' | '.join(row)} |" for row in rows], "verdicts")


class Quotes(FromStudies):
    """The paper's claims, in its own words."""

    def run(self) -> list[nodes.Node]:
        rows = [
            (
                f"{claim.id}: {claim.title}",
                f"“{claim.quote}”",
                claim.where,
                ", ".join(map("Figure {}".format, claim.figures)),
            )
            for claim in CLAIMS
        ]
        lines = [
            ("claim", "in the paper's words", "where", "shown in"),
            [":---"] * 4,
            *(map(text.escape, r) for r in rows),
        ]
        return self.parsed([f"| {' | '.join(line)} |" for line in lines], "claims")


class Studies(FromStudies):
    """The studies of real and of simulated annotators, and the pages on disputed images."""

    def run(self) -> list[nodes.Node]:
        return self.parsed(front.studies_told(self.read(), self.env.found_docs).splitlines(), "studies")


def drawing(figure: Figure) -> str:
    """A figure as a data URI; equal figures give equal URIs."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg(figure)).decode()}"


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("answer", Answer)
    app.add_directive("verdicts", Verdicts)
    app.add_directive("quotes", Quotes)
    app.add_directive("studies", Studies)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
