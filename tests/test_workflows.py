"""GitHub's workflows and the citation: valid by their schemas; steps run here, make as `make -n`, if they can be."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
WORKFLOWS = {path.stem: path for path in sorted((ROOT / ".github/workflows").glob("*.yml"))}
STEPS = [
    pytest.param(step["run"], id=f"{name}-{job}-{i}")
    for name, path in WORKFLOWS.items()
    for job, content in yaml.safe_load(path.read_text())["jobs"].items()
    for i, step in enumerate(content["steps"])
    if "run" in step and not step["run"].startswith("sudo ")
]
OTHERS = ("gh", "pip-audit", ".venv/bin/jupyter-book")  # that a dry run has no use for
TOLD = '#!/bin/sh\necho "$0" "$@"\n'


def test_there_are_the_four():
    assert set(WORKFLOWS) == {"ci", "links", "pages", "release"}


@pytest.mark.parametrize(
    ("schema", "paths"),
    [("github-workflows", WORKFLOWS.values()), ("citation-file-format", [ROOT / "CITATION.cff"])],
    ids=["workflows", "citation"],
)
def test_they_are_valid_by_their_schema(schema, paths):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_actionlint_finds_nothing():
    if shutil.which("actionlint") is None:
        pytest.skip("actionlint is not installed")
    done = subprocess.run(["actionlint", *WORKFLOWS.values()], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.fixture
def dry(tmp_path) -> Path:
    """A folder in which make tells what it would do, and what the steps read is there."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("_build/html/index.html", "_build/book.pdf", "recorded/a", "book/runs/b"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    programs = {
        "bin/make": f'#!/bin/sh\nexec {shutil.which("make")} -n "$@"\n',
        ".ci/run": f"#!/bin/sh\nexec bash -n {ROOT / '.ci/run'}\n",
        "bin/python": TOLD,
    }
    for name, text in (programs | {(n if "/" in n else f"bin/{n}"): TOLD for n in OTHERS}).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("step", STEPS)
def test_a_steps_words_are_understood(dry, step):
    environment = os.environ | {"PATH": f"{dry / 'bin'}:{os.environ['PATH']}", "TAG": "v1"}
    words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step]  # as GitHub runs it
    done = subprocess.run(words, cwd=dry, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_release_has_the_book_the_pdf_and_the_record(dry):
    """Its steps one after the other, as they run on GitHub, and what `gh` is given at the end."""
    steps = yaml.safe_load(WORKFLOWS["release"].read_text())["jobs"]["release"]["steps"]
    words = [step["run"] for step in steps if "run" in step and not step["run"].startswith("sudo ")]
    environment = os.environ | {"PATH": f"{dry / 'bin'}:{os.environ['PATH']}", "TAG": "v1"}
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", "\n".join(words)]
    done = subprocess.run(shell, cwd=dry, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout.splitlines()[-1].split()
    assert told[1:4] == ["release", "create", "v1"]
    attached = {Path(word).name for word in told if word.startswith("build/release/")}
    assert attached == {"book.pdf", "book.tar.gz", "record.tar.gz"}
    listed = subprocess.run(
        ["tar", "-tzf", "build/release/book.tar.gz"], cwd=dry, capture_output=True, text=True, check=True
    )
    assert "html/index.html" in listed.stdout.splitlines()


def test_the_script_of_all_checks_can_be_run():
    assert os.access(ROOT / ".ci/run", os.X_OK)


@pytest.mark.parametrize("torch", ["default", "cpu"])
def test_a_given_python_keeps_its_packages(tmp_path, torch):
    """`make lab PYTHON=...` installs into .venv, not into that Python, which uv would prefer."""
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-lab.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").mkdir()
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho $@ >> {tmp_path}/told\n")
    python.chmod(0o755)
    words = ["make", f"PYTHON={python}", f"TORCH={torch}", ".venv/.lab"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    installs = [line for line in (tmp_path / "told").read_text().splitlines() if "uv pip" in line]
    assert len(installs) == 3, installs  # the lock, the project, JupyterLab
    assert all(line.startswith("-m uv pip install --python .venv ") for line in installs), installs
