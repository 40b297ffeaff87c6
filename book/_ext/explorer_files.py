"""Pages of the explorer: their scripts and style, and the files beside the notebook, copied beside the page.

Sphinx copies files named in Markdown; mosaics and data are named in a script, so they are copied here.
"""

import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

EXPLORER_PAGE = "explorer"  # the last part of the name of all these pages
EXPLORER_FILES = "files/explorer-*"
SCRIPTS = ("selection.js", "explorer.js")  # the second calls the first


def is_explorer(name: str) -> bool:
    return name.rpartition("/")[2] == EXPLORER_PAGE


def add_scripts(app: Sphinx, page: str, *_) -> None:
    """Adds them to these pages only."""
    if is_explorer(page):
        for name in SCRIPTS:
            app.add_js_file(name, loading_method="defer")
        app.add_css_file("explorer.css")


def copy_files(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Copies the files beside the page, under the same names."""
    for name in filter(is_explorer, env.found_docs):
        source, target = (Path(folder, name).parent for folder in (app.srcdir, app.outdir))
        for file in source.glob(EXPLORER_FILES):
            (target / "files").mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target / "files")
    return []


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", add_scripts)
    app.connect("env-updated", copy_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
