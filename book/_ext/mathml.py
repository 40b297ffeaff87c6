"""Formulas as MathML, made while the book is built: they need no network and no script; screen readers read them."""

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)


def convert(node: nodes.Element, block: bool) -> str:
    """The LaTeX of a node as MathML; a warning, which -W makes an error, if it cannot be converted."""
    try:
        return tex2mathml(node.astext(), as_block=block)
    except MathError as error:
        logger.warning("no MathML for %s: %s", node.astext(), error, location=node)
        return f"<code>{node.astext()}</code>"


def visit_inline(self, node: nodes.math) -> None:
    self.body.append(convert(node, block=False))
    raise nodes.SkipNode


def visit_block(self, node: nodes.math_block) -> None:
    self.body.append(
        self.starttag(node, "div", CLASS="math-block", tabindex="0", role="group", **{"aria-label": "Formula"})
    )
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})</span>')
    self.body.append(f"{convert(node, block=True)}</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
