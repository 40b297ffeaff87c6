"""CONTRIBUTING.md: its examples, run as they stand, in a copy of the project."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_additions import SCORE

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()
FENCED = re.compile(r"^(`{3,4})(?:python|yaml|markdown) (\S+)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
FILES = {name: text for _, name, text in FENCED.findall(GUIDE)}
COMMANDS = [text for text in re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.M | re.S) if not text.startswith("make")]


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Path:
    """A copy of the project with each file that the guide shows."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copy(ROOT / "Snakefile", folder)  # which marks the root
    for name in ("analysis", "report", "studies", "book/chapters"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("conftest.py", "madeup.py", "squares.py"):
        (folder / "tests").mkdir(exist_ok=True)
        shutil.copy(ROOT / "tests" / name, folder / "tests")
    for name, text in FILES.items():
        path = folder / name
        assert not path.exists(), name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def run(folder: Path, *words: str) -> str:
    places = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PYTHONPATH": f"{folder}:{folder / 'tests'}", "PATH": places}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


def test_the_commands_make_record_and_show_a_study_of_ones_own(extended):
    said = [run(extended, "sh", "-e", "-c", text) for text in COMMANDS]
    assert "recorded in recorded/stripes" in said[0]
    assert "book/runs/stripes/last-epoch" in said[1]
    stamp = json.loads((extended / "recorded/stripes/small/run.json").read_text())
    assert (stamp["parameters"]["dataset"], stamp["parameters"]["epochs"]) == ("stripes", 3)
    page = json.loads((extended / "build/last-epoch.ipynb").read_text())
    shown = "".join(str(output) for cell in page["cells"] for output in cell.get("outputs", []))
    assert re.search(r"small \| \d+", shown)


def test_the_examples_tests_pass(extended):
    tests = [name for name in FILES if Path(name).name.startswith("test_")]
    assert len(tests) == 3
    said = run(extended, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    assert "4 passed" in said


def test_a_dataset_has_the_pages_of_what_it_offers(extended):
    contents = run(extended, sys.executable, "-m", "report.contents", "stripes")
    pages = [line.split("book/runs/stripes/")[1] for line in contents.splitlines() if "book/runs/stripes/" in line]
    of_study = "verdicts last-epoch dynamics first-iterations"
    of_network = "small/training small/hardness small/explorer"
    assert pages == [*of_study.split(), *of_network.split()]


def test_the_guides_words_name_what_is_there(extended):
    paths = set(re.findall(r"`((?:analysis|report|tests|book|studies|recorded)/[\w/.-]*)`", GUIDE))
    assert {name for name in paths if not (ROOT / name).exists() and name not in FILES} <= {"book/runs/stripes/"}


def test_the_score_is_the_one_that_is_added_in_a_copy():
    (entry,) = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    assert entry in SCORE
