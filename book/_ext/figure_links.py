"""Links that also work in notebooks: [Figure 3](#fig-3) and [Steiger, 1980](../references.md#steiger1980).

The text of a chapter is the same for every dataset, but labels are unique in the whole book: fig-3-synthetic here,
fig-3-cifar10h there. A link leads to the figure or table on its page, or else in its study; [Figure
3](#fig-3-synthetic) to that of the named study. If there is none, for example without human labels, the text remains
without a link.
"""

from pathlib import PurePosixPath

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

PAGES = "book/runs"  # below it a folder per study, and in that one per network
PICTURED = "explorer"  # the page that is missing in the book of `make read`
LINKED = ("fig-", "tab-")  # prefixes of the labels of figures and tables


class FigureLinks(SphinxPostTransform):
    """Runs once all pages are read, before MyST resolves the links itself."""

    default_priority = 5

    def run(self, **_) -> None:
        page = self.env.docname
        folder = PurePosixPath(page).parent.relative_to(PAGES).parts if page.startswith(PAGES) else ()
        endings = ["", *("-" + "-".join(folder[:k]) for k in range(len(folder), 0, -1))]
        labels = self.env.domaindata["std"]["anonlabels"]
        entries = {citation.key for citation in self.env.get_domain("cite").citations}
        for link in list(self.document.findall(pending_xref)):
            name, text = link["reftarget"], nodes.Text(link.astext())
            if link["reftype"] != "myst":
                continue
            if PurePosixPath(name).name.startswith(PICTURED) and self.beside(name) not in self.env.found_docs:
                link.replace_self(nodes.Text(f"{text} (not in this copy; make book adds it)"))
            if link.get("refdomain") is None and name.startswith(LINKED):
                found = [labels[name + end] for end in endings if name + end in labels]
                link.replace_self(self.reference(*found[0], text) if found else text)
            elif link.get("reftargetid") in entries:
                link.replace_self(self.reference(name, link["reftargetid"], text))

    def beside(self, name: str) -> str:
        """The page with the target of a link, relative to this one."""
        folder = PurePosixPath(self.env.docname).parent
        return (folder / PurePosixPath(name).name).with_suffix("").as_posix()

    def reference(self, page: str, anchor: str, text: nodes.Text) -> nodes.reference:
        return make_refnode(self.app.builder, self.env.docname, page, anchor, text)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_post_transform(FigureLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
