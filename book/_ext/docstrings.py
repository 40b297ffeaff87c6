"""API pages show docstrings in plain text, so that shapes, formulas and lists keep their columns."""

from sphinx.application import Sphinx


def as_written(app: Sphinx, what: str, name: str, thing: object, options: dict, lines: list[str]) -> None:
    if any(lines):
        lines[:] = [".. code-block:: text", "", *(f"   {line}" for line in lines), ""]


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", as_written)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
