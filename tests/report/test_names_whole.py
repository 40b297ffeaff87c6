"""Names of datasets do not break at their hyphens in headings and links, and are still found by a search."""

import sys
from pathlib import Path

from docutils import nodes
from docutils.frontend import get_default_settings
from docutils.parsers.rst import Parser
from docutils.utils import new_document

sys.path.append(str(Path(__file__).parent.parent.parent / "book/_ext"))

import study_pages


def test_a_name_in_a_heading_or_link_is_one_word_and_the_text_stays():
    document = new_document("page", get_default_settings(Parser))
    document.settings.env = None
    heading = nodes.title("", "AVH and people, CIFAR-10H (pretrained network)")
    link = nodes.reference("", "CIFAR-10")
    code = nodes.reference("", "", nodes.literal("", "CIFAR-10"))
    document += [heading, nodes.paragraph("", "", link), nodes.paragraph("", "", code), nodes.paragraph("", "CIFAR-10")]
    before = document.astext()
    study_pages.WholeNames(document).run()
    assert [node.astext() for node in document.findall(nodes.inline)] == ["CIFAR-10H", "CIFAR-10"]
    assert document.astext() == before
