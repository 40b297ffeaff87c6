"""An element of a page in three formats: MyST Markdown for the book, HTML for Jupyter, text for a terminal.

The executed notebook contains all three. JupyterLab, nbconvert and VS Code take ``text/html`` before
``text/markdown``; for the book, ``nb_mime_priority_overrides`` in _config.yml puts Markdown first.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd
from IPython.display import display
from markdown_it import MarkdownIt

from report import text

READER = MarkdownIt("commonmark", {"html": False}).enable("table")
PICTURE_STYLE = "max-width:100%;height:auto;background:white"  # figures are drawn on white, even in a dark theme
INCH = 96  # CSS pixels
FOR_PHONE = "-phone"  # ends the name of a figure's second file, drawn for a phone


@dataclass(frozen=True)
class Shown:
    """The formats for the book, for notebooks and for plain text. False if empty."""

    myst: str = ""
    html: str = ""
    plain: str = ""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """IPython's hook."""
        return {"text/html": self.html, "text/markdown": self.myst, "text/plain": self.plain}

    def __bool__(self) -> bool:
        return bool(self.myst)


def show(what: Shown) -> None:
    """Put an element on the page, unless it is empty."""
    if what:
        display(what)


def prose(markdown: str) -> Shown:
    """Standard Markdown, which is also MyST."""
    return Shown(markdown, READER.render(markdown), markdown)


def bulleted(items: Iterable[str]) -> Shown:
    """A list without its empty items."""
    return prose("\n".join(f"- {text.flow(item)}" for item in items if item))


def table(content: pd.DataFrame, caption: str = "", label: str = "", anchor: str = "") -> Shown:
    """A table with its caption, unless it is empty. label: its name in the book; anchor: its id in a notebook."""
    if content.empty:
        return Shown()
    rows = markdown(content)
    if not caption:
        return prose(rows)
    name = f":name: {label}\n" if label else ""
    head = f"<table{_id(anchor)}>\n<caption>{_inline(caption)}</caption>"
    return Shown(
        f":::{{table}} {text.flow(caption)}\n{name}\n{rows}\n:::\n",
        READER.render(rows).replace("<table>", head, 1),
        f"{text.flow(caption)}\n{rows}",
    )


def pictured(embedded: str, file: str, inches: float, alt: str, caption: str, label: str, anchor: str) -> Shown:
    """A figure with its caption: the file in the book, an embedded data URI in a notebook."""
    width, said = round(INCH * inches), escape(alt)
    option = said.replace(" #", f"{text.SPACE}#")  # MyST makes an option of it, of which " #" would begin a comment
    return Shown(
        f":::{{figure-md}} {label}\n\n"
        f'<img src="{file}" alt="{option}" width="{width}px">\n\n{text.flow(caption)}\n:::\n',
        f'<figure{_id(anchor)}>\n<img src="{embedded}" alt="{said}" width="{width}" style="{PICTURE_STYLE}">\n'
        f"<figcaption>{_inline(caption)}</figcaption>\n</figure>",
        f"{text.flow(caption)}\n[{alt}]",
    )


def folded(title: str, body: Shown) -> Shown:
    """Folded under a title that opens it; open in print."""
    summary = f"<summary>{_inline(title)}</summary>"
    return _titled(title, body, (f"::::{{dropdown}} {title}", "::::"), (f"<details>\n{summary}", "</details>"))


def boxed(title: str, body: Shown) -> Shown:
    """A highlighted box."""
    head = f"<p><strong>{_inline(title)}</strong></p>"
    return _titled(
        title,
        body,
        (f":::::{{admonition}} {title}\n:class: note", ":::::"),
        (f"<blockquote>\n{head}", "</blockquote>"),
    )


def _titled(title: str, body: Shown, myst: tuple[str, str], html: tuple[str, str]) -> Shown:
    """An element under a title, between opening and closing markup; empty if the element is."""
    if not body:
        return body
    return Shown(
        f"{myst[0]}\n\n{body.myst}\n{myst[1]}\n",
        f"{html[0]}\n{body.html}\n{html[1]}",
        f"{title}\n{body.plain}",
    )


def joined(*parts: Shown) -> Shown:
    """Elements one after another."""
    kept = [part for part in parts if part]
    return Shown(*("\n\n".join(getattr(part, form) for part in kept) for form in ("myst", "html", "plain")))


def markdown(content: pd.DataFrame) -> str:
    """A table in Markdown: text escaped, numbers with three digits and right-aligned."""
    numeric = [pd.api.types.is_numeric_dtype(content[name]) for name in content]
    lines = [
        [text.escape(name) for name in content],
        ["---:" if right else ":---" for right in numeric],
        *([_in_cell(value) for value in row] for row in content.itertuples(index=False)),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _in_cell(value: Any) -> str:
    if isinstance(value, str):
        return text.escape(value)
    return text.count(value) if pd.api.types.is_integer(value) else text.short(value)


def _inline(markdown: str) -> str:
    return READER.renderInline(text.flow(markdown))


def _id(anchor: str) -> str:
    return f' id="{anchor}"' if anchor else ""
