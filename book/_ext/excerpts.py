"""Excerpts on the search page, also from disk.

Sphinx's search fetches every page that it found for an excerpt, which browsers refuse for files. Here the text of all
pages, without tables and code, is in a script that the search page loads, and the search takes it from there.
"""

import json
import re
from html import unescape
from pathlib import Path

from sphinx.application import Sphinx

SEARCH_PAGE = "search"
EXCERPTS = "excerpts.js"
ARTICLE = re.compile(r"<article\b[^>]*>(.*)</article>", re.DOTALL)
NOT_TEXT = re.compile(
    r'<(script|style|pre|svg|math|table|summary)\b.*?</\1>|<a class="headerlink".*?</a>|<[^>]*>', re.DOTALL
)
USE = """
window.fetch = async (url) => {
  const page = url.slice(document.documentElement.dataset.content_root.length).replace(/\\.html$/, "");
  return { text: async () => excerpts[page] ?? "" };
};
Search.htmlToText = (text) => text;
"""


def add_excerpts(app: Sphinx, page: str, *_) -> None:
    """Adds the script to the search page only; deferred, so after Sphinx's own and before it searches."""
    if page == SEARCH_PAGE:
        app.add_js_file(EXCERPTS, loading_method="defer")


def write_texts(app: Sphinx, error: Exception | None) -> None:
    """Runs once all pages are written."""
    if error or app.builder.name != "html":
        return
    folder = Path(app.outdir)
    pages = {page: folder / f"{page}.html" for page in sorted(app.env.found_docs)}
    texts = {page: article_text(file.read_text("utf-8")) for page, file in pages.items() if file.is_file()}
    content = json.dumps(texts, separators=(",", ":"), ensure_ascii=False)
    (folder / "_static" / EXCERPTS).write_text(f"const excerpts = {content};\n{USE}", "utf-8")


def article_text(page: str) -> str:
    """The text of a page's article, without tables and code."""
    article = ARTICLE.search(page)
    return " ".join(unescape(NOT_TEXT.sub(" ", article[1])).split()) if article else ""


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", add_excerpts)
    app.connect("build-finished", write_texts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
