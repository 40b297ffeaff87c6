"""What a published book has beside its pages: a card for those who share one, buttons that open a chapter, commits.

Both need an address that only whoever publishes knows, so without it there is none: `book_repository` in _config.yml
gives the buttons, and links to the commits that fixed claims' rules; `html_baseurl` gives the card's picture and the
pages' canonical addresses.
"""

import re
from functools import cache
from html import escape, unescape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.transforms import SphinxTransform

from analysis.studies import with_recorded
from analysis.study.claims import CLAIMS
from report import colab

BINDER = "https://mybinder.org"
COLAB = "https://colab.research.google.com"
PICTURE = "_static/page.png"


COMMITS = {claim.since for claim in CLAIMS if claim.since}


class CommitLinks(SphinxTransform):
    """Links the commit that fixed each rule on verdicts pages, if there is a repository."""

    default_priority = 700

    def apply(self, **_: Any) -> None:
        if not self.config.book_repository or not self.env.docname.endswith("/verdicts"):
            return
        for literal in [node for node in self.document.findall(nodes.literal) if node.astext() in COMMITS]:
            address = f"{self.config.book_repository.rstrip('/')}/commit/{literal.astext()}"
            literal.replace_self(nodes.reference("", "", literal.deepcopy(), refuri=address))


def add_repository(_: Sphinx, config: Config) -> None:
    """Tells the theme of the repository, if there is one."""
    if config.book_repository:
        config.html_theme_options |= {"repository_url": config.book_repository, "repository_branch": "main"}


@cache
def recorded_folders() -> tuple[str, ...]:
    """The folders of recorded pages."""
    return tuple(f"book/runs/{study}/" for study in with_recorded({}))


def add_buttons(app: Sphinx, page: str, *_: object) -> None:
    """The buttons of the theme that lead somewhere: a repository has the pages of recorded studies alone."""
    buttons = {}
    if app.config.book_repository and page.startswith(recorded_folders()):
        buttons = {"binderhub_url": BINDER, "notebook_interface": "jupyterlab"}
        if colab.opens_in_colab(Path(app.env.doc2path(page)), app.config.book_repository):
            buttons["colab_url"] = COLAB
    app.config.html_theme_options["launch_buttons"] = buttons


def add_card(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """The metadata shown when the address of a page is shared."""
    card = {
        "type": "article",
        "title": re.sub("<[^>]*>", "", context.get("title", "")),
        "site_name": app.config.html_title,
    }
    card["description"] = app.config.book_description
    if base := app.config.html_baseurl.rstrip("/"):
        card |= {"url": f"{base}/{page}.html", "image": f"{base}/{PICTURE}"}
    tags = (f'<meta property="og:{name}" content="{escape(unescape(text))}">' for name, text in card.items() if text)
    context["metatags"] = "\n".join([context.get("metatags", ""), *tags])


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("book_repository", "", "html")
    app.add_config_value("book_description", "", "html")
    app.add_transform(CommitLinks)
    app.connect("config-inited", add_repository)
    app.connect("html-page-context", add_buttons, priority=400)  # before the theme's, which makes them
    app.connect("html-page-context", add_card)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
