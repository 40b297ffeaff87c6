"""Figures of panels side by side are drawn twice: a page shows the file that ends in "-phone" on a narrow screen."""

from html import escape
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.osutil import relative_uri

from report.shown import FOR_PHONE

SCREEN = "screen and (max-width: 46rem)"  # as in book.css; never in print


class PhoneFigures(SphinxPostTransform):
    """An image beside which lies a file for a phone becomes a picture with both, which still opens the first."""

    default_priority = 900
    formats = ("html",)

    def run(self, **_: object) -> None:
        for image in list(self.document.findall(nodes.image)):
            path = PurePosixPath(image["uri"])
            narrow = path.with_name(f"{path.stem}{FOR_PHONE}{path.suffix}")
            if not Path(self.env.srcdir, narrow).is_file():
                continue
            wide = self.address(str(path))
            image["classes"].append("no-scaled-link")  # this one is around the picture
            before = f'<a class="reference internal image-reference" href="{wide}"><picture><source media="{SCREEN}" '
            before += f'srcset="{self.address(str(narrow))}">'
            place = image.parent.index(image)
            image.parent[place : place + 1] = [
                nodes.raw("", before, format="html"),
                image,
                nodes.raw("", "</picture></a>", format="html"),
            ]

    def address(self, path: str) -> str:
        """Where a page finds an image, which is copied there."""
        builder = self.app.builder
        name = self.env.images.add_file(self.env.docname, path)
        builder.images[path] = name
        page = builder.get_target_uri(self.env.docname)
        return escape(relative_uri(page, f"{builder.imagedir}/{quote(name)}"))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_post_transform(PhoneFigures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
