"""The role {fig}`3`: a link to the study's Figure 3, on this page or another; {fig}`3 <synthetic>`: of that study.

A chapter's text is the same for every dataset, but labels are unique in the whole book: fig-3-synthetic here,
fig-3-cifar10h there. Where the study has no such figure, because nobody was asked, the words stay without a link.
"""

from pathlib import PurePosixPath

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxRole
from sphinx.util.nodes import make_refnode

PAGES = "book/runs"  # below it a folder per study, and in that one per network


class figure_link(nodes.Inline, nodes.TextElement):
    """A link whose figure is not yet known."""


class FigureRole(SphinxRole):
    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        number, _, study = self.text.rstrip(">").partition(" <")
        return [figure_link("", f"Figure {number}", name=f"fig-{number.lower()}", study=study)], []


class FigureLinks(SphinxPostTransform):
    """Once all pages are read: every link meets its figure, the page's own before the study's."""

    default_priority = 5

    def run(self, **_) -> None:
        page = self.env.docname
        folder = PurePosixPath(page).parent.relative_to(PAGES).parts if page.startswith(PAGES) else ()
        keys = ["-".join(folder[:k]) for k in range(len(folder), 0, -1)]
        labels = self.env.domaindata["std"]["anonlabels"]
        for link in list(self.document.findall(figure_link)):
            text = nodes.Text(link.astext())
            within = [link["study"]] if link["study"] else keys
            found = [labels[name] for key in within if (name := f"{link['name']}-{key}") in labels]
            link.replace_self(make_refnode(self.app.builder, page, *found[0], text) if found else text)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_node(figure_link)
    app.add_role("fig", FigureRole())
    app.add_post_transform(FigureLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
