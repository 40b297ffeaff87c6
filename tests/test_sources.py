"""What decides a result is read from imports: compared with what Python itself imports, and in a small project."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from analysis import runs, sources
from report import graph

ROOT = Path(__file__).parent.parent
EMPTY = {"analysis", "analysis.study", "report"}  # packages that hold a docstring alone


def loaded(module: str) -> set[str]:
    """The modules of this project that a new process has after it imported one."""
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in done.stdout.split() if name.split(".")[0] in sources.HOUSE} - EMPTY


@pytest.mark.parametrize(("module", "measured"), [("training", False), ("evaluation", True)])
def test_a_stamp_holds_every_module_that_a_run_imports(module, measured):
    held = set(runs.source_files(measured=measured))
    expected = {name for name in loaded(f"analysis.{module}") if not name.startswith("analysis.datasets")} - runs.BESIDE
    assert expected and {ROOT / f"{name.replace('.', '/')}.py" for name in expected} <= held
    assert ROOT / "analysis/datasets/decoding.py" in held
    assert {ROOT / f"analysis/{name}.py" for name in ("errors", "parameters", "runs")}.isdisjoint(held)


def test_a_page_is_made_of_every_module_that_it_imports():
    imported = {name for name in loaded("report.page") if not name.startswith("analysis.datasets.")}
    expected = {sources.file_of(name) for name in imported - graph.BESIDE_PAGES}
    assert expected and expected <= set(map(Path, graph.shown_by()))
    assert ROOT / "report/explorer/page.html" in map(Path, graph.shown_by())


def test_every_answer_figure_and_sentence_decides_a_page_or_the_book():
    parts = [
        path
        for folder in ("analysis/study", "report/figures", "report/wording")
        for path in ROOT.glob(f"{folder}/*.py")
    ]
    assert {path for path in parts if path.name != "__init__.py"} <= set(map(Path, graph.page_sources("_toc.yml")))


def test_a_book_is_made_again_after_a_change_of_what_its_extensions_import():
    around = set(graph.page_sources("_toc.yml")) - set(graph.shown_by())
    assert {str(ROOT / f"report/{name}.py") for name in ("front", "numbers", "colab")} <= around


@pytest.fixture
def copy(tmp_path, monkeypatch) -> Path:
    shutil.copytree(ROOT / "analysis", tmp_path / "analysis", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(sources, "CHECKOUT", tmp_path)
    return tmp_path / "analysis"


@pytest.mark.parametrize(
    ("changed", "training", "evaluation"),
    [
        ("scores", True, True),
        ("datasets/decoding", True, True),
        ("augmentation", True, False),
        ("cuda_graphs", True, False),  # imported where it is called
        ("evaluation", False, True),
        ("errors", False, False),
        ("study/claims", False, False),
    ],
)
def test_the_hash_changes_with_what_makes_a_run(copy, changed, training, evaluation):
    before = runs.source_hash(), runs.source_hash(measured=True)
    assert before == runs_of_this_checkout()
    file = copy / f"{changed}.py"
    file.write_text(file.read_text() + "# changed")
    sources.imported.cache_clear()
    after = runs.source_hash(), runs.source_hash(measured=True)
    assert (after[0] != before[0], after[1] != before[1]) == (training, evaluation)


def runs_of_this_checkout() -> tuple[str, ...]:
    """The hashes, from another process."""
    code = "from analysis import runs; print(runs.source_hash(), runs.source_hash(measured=True))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return tuple(done.stdout.split())


@pytest.mark.parametrize(
    ("at_once", "beside", "expected"),
    [
        (False, set(), {"a", "b", "c", "late"}),
        (True, set(), {"a", "b", "c"}),
        (False, {"analysis.b"}, {"a", "late"}),
    ],
)
def test_imports_are_followed(tmp_path, monkeypatch, at_once, beside, expected):
    folder = tmp_path / "analysis"
    (folder / "pack").mkdir(parents=True)
    for name, text in {
        "a": "import json\nfrom analysis import b\n\n\ndef f():\n    from analysis.late import g\n",
        "b": "import analysis.c\nimport missing\n",
        "c": "from analysis.a import f\n",  # a circle
        "late": "",
        "other": "",
        "pack/__init__": "from analysis import other\n",
        "pack/inner": "",
    }.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.setattr(sources, "CHECKOUT", tmp_path)
    found = sources.deciding({"analysis.a"}, beside, at_once=at_once)
    assert found == sorted(f"analysis.{name}" for name in expected)


def test_a_package_counts_where_more_than_modules_is_taken_from_it(tmp_path, monkeypatch):
    folder = tmp_path / "analysis"
    (folder / "pack").mkdir(parents=True)
    files = {"module": "from analysis.pack import inner", "name": "from analysis.pack import inner, NAME"}
    for name, text in (files | {"pack/__init__": "NAME = 1", "pack/inner": ""}).items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.setattr(sources, "CHECKOUT", tmp_path)
    assert sources.deciding({"analysis.module"}) == ["analysis.module", "analysis.pack.inner"]
    assert sources.deciding({"analysis.name"}) == ["analysis.name", "analysis.pack", "analysis.pack.inner"]
