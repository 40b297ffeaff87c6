"""Sphinx reads the pages in the table of contents, whatever else is in the folder or appears while it reads.

A book may be built while chapters are executed beside it. `only_build_toc_files` excludes what exists when Sphinx
starts; a notebook that appears a moment later would be a page that is "not included in any toctree".
"""

from glob import escape
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

AFTER_CONTENTS = 950  # sphinx_external_toc reads them at 900


def include_only_listed(app: Sphinx, config: Config) -> None:
    """Each page's file, as a pattern."""
    names = [name + suffix for name in config.external_site_map for suffix in ("", *config.source_suffix)]
    config.include_patterns = [escape(name) for name in names if Path(app.srcdir, name).is_file()]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", include_only_listed, priority=AFTER_CONTENTS)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
