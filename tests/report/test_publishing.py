"""A published book's card and buttons: there where an address is known, and never dead."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from docutils import nodes
from docutils.utils import new_document

from analysis.study import claims

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "book/_ext"))

import publishing  # noqa: E402

from report import colab  # noqa: E402

NOTEBOOK = {"cells": [{"cell_type": "code", "metadata": {}, "source": ["1 + 1"]}], "metadata": {}}


REPOSITORY = "https://github.com/somebody/book"
RECORDED, LIVE = "book/runs/cifar10h/avh", "book/runs/synthetic/avh"


def buttons(page: str, path: Path, repository: str) -> dict[str, str]:
    """What a page of a book with this repository has, its notebook at ``path``."""
    config = SimpleNamespace(book_repository=repository, html_theme_options={"show_toc_level": 2})
    publishing.add_repository(None, config)
    assert config.html_theme_options.get("repository_url", "") == repository
    app = SimpleNamespace(config=config, env=SimpleNamespace(doc2path=lambda _: str(path)))
    publishing.add_buttons(app, page, "page.html", {}, None)
    return config.html_theme_options["launch_buttons"]


def test_pages_that_a_repository_has_can_be_opened_from_it(tmp_path):
    plain, opening = tmp_path / "plain.ipynb", tmp_path / "opening.ipynb"
    plain.write_text(json.dumps(NOTEBOOK))
    opening.write_text(json.dumps(colab.with_first_cell(NOTEBOOK, REPOSITORY)))
    assert set(buttons(RECORDED, plain, REPOSITORY)) == {"binderhub_url", "notebook_interface"}
    assert set(buttons(RECORDED, opening, REPOSITORY)) == {"binderhub_url", "notebook_interface", "colab_url"}
    assert "colab_url" not in buttons(RECORDED, opening, "https://github.com/other/fork")
    assert not buttons(LIVE, opening, REPOSITORY)
    assert not buttons(RECORDED, opening, "")


@pytest.mark.parametrize("repository", ["", "https://github.com/somebody/book"])
@pytest.mark.parametrize("page", ["book/runs/a/verdicts", "book/api"])
def test_the_commit_that_fixed_a_rule_is_a_link_if_there_is_a_repository(repository, page):
    commit = claims.CLAIMS[0].since
    document = new_document("page")
    document += nodes.paragraph("", "", nodes.literal("", commit), nodes.literal("", "other"))
    env = SimpleNamespace(docname=page, config=SimpleNamespace(book_repository=repository))
    document.settings.env = env
    publishing.CommitLinks(document).apply()
    assert document.astext() == f"{commit}other"
    links = [link["refuri"] for link in document.findall(nodes.reference)]
    assert links == ([f"{repository}/commit/{commit}"] if repository and "verdicts" in page else [])


def card(base: str) -> dict[str, str]:
    config = SimpleNamespace(html_title="The book", html_baseurl=base, book_description='Is "it" hard?')
    context = {"title": "AVH &amp; <em>people</em>", "metatags": "<meta>"}
    publishing.add_card(SimpleNamespace(config=config), "book/a", "page.html", context, None)
    first, *tags = context["metatags"].split("\n")
    assert first == "<meta>"
    return dict(re.fullmatch(r'<meta property="og:(\w+)" content="([^"]*)">', tag).groups() for tag in tags)


def test_a_page_that_is_shared_has_its_title_and_what_the_book_asks():
    shown = card("")
    assert shown["title"] == "AVH &amp; people"
    assert shown["description"] == "Is &quot;it&quot; hard?"
    assert not shown.keys() & {"url", "image"}


def test_with_an_address_it_has_a_picture_that_is_there():
    shown = card("https://somebody.github.io/book/")
    assert shown["url"] == "https://somebody.github.io/book/book/a.html"
    assert shown["image"] == f"https://somebody.github.io/book/{publishing.PICTURE}"
    assert (ROOT / "book" / publishing.PICTURE).is_file()


def test_the_repository_names_no_address_and_has_the_icon():
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert [config["sphinx"]["config"][name] for name in ("book_repository", "html_baseurl")] == ["", ""]
    assert (ROOT / config["html"]["favicon"]).is_file()


def test_binder_makes_what_make_makes(tmp_path):
    post = ROOT / ".binder/postBuild"
    assert os.access(post, os.X_OK)
    (tmp_path / "make").write_text('#!/bin/sh\necho make "$@"\nexit 3\n')
    (tmp_path / "make").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([post], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "make read TORCH=cpu\n")
    dependencies = yaml.safe_load((ROOT / ".binder/environment.yml").read_text())["dependencies"]
    assert {"python=3.11", "make"} <= set(dependencies)
