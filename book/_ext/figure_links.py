"""The role {fig}`3`: a link to this page's Figure 3.

A chapter's text is the same for every dataset, but labels are unique in the whole book: fig-3-synthetic here,
fig-3-cifar10h there. Where the page has no such figure, because nobody was asked, the words stay without a link.
"""

from docutils import nodes
from docutils.transforms import Transform
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole


class figure_link(nodes.Inline, nodes.TextElement):
    """A link whose figure is not yet known."""


class FigureRole(SphinxRole):
    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        return [figure_link("", f"Figure {self.text}", name=f"fig-{self.text.lower()}-")], []


class FigureLinks(Transform):
    """Once a page is read: every link meets its figure."""

    default_priority = 850

    def apply(self) -> None:
        figures = [(node["names"][0], node["ids"][0]) for node in self.document.findall(nodes.figure) if node["names"]]
        for link in list(self.document.findall(figure_link)):
            ids = [id_ for name, id_ in figures if name.startswith(link["name"])]
            text = nodes.Text(link.astext())
            link.replace_self(nodes.reference("", "", text, internal=True, refid=ids[0]) if ids else text)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_node(figure_link)
    app.add_role("fig", FigureRole())
    app.add_transform(FigureLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
