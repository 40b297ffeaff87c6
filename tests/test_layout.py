"""The module's own rules: imports point one way, and nothing that is read can run code."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from analysis import runs

SOURCE = Path(__file__).parent.parent / "analysis"
TREES = {
    ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__"): ast.parse(
        path.read_text()
    )
    for path in sorted(SOURCE.rglob("*.py"))
}
MODULES = sorted(TREES)


def imported(module: str) -> set[str]:
    """Full names of all that a module imports, wherever in it: packages, modules and what is taken from them."""
    names = set()
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            taken = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= taken if taken <= set(TREES) else taken | {node.module}
    return names


def of_project(module: str) -> set[str]:
    return (imported(module) & set(MODULES)) - {"analysis"}


def packages(module: str) -> set[str]:
    return {name.partition(".")[0] for name in imported(module)}


def calls(module: str) -> list[tuple[str, ast.Call]]:
    return [(ast.unparse(node.func), node) for node in ast.walk(TREES[module]) if isinstance(node, ast.Call)]


def test_modules_are_found():
    assert {"analysis.scores", "analysis.statistics", "analysis.training", "analysis.datasets.base"} <= set(MODULES)
    assert "analysis.scores" in of_project("analysis.extraction")


def test_imports_make_no_circle():
    list(TopologicalSorter({module: of_project(module) for module in MODULES}).static_order())


@pytest.mark.parametrize("module", ["analysis.scores", "analysis.statistics", "analysis.errors"])
def test_the_ground_floor_imports_no_project_file(module):
    for part in [name for name in MODULES if name == module or name.startswith(f"{module}.")]:
        assert not [name for name in of_project(part) if not name.startswith(module)], part


@pytest.mark.parametrize("module", MODULES)
def test_only_figures_and_pages_know_matplotlib(module):
    assert "matplotlib" not in packages(module) or module.startswith(("analysis.figures", "analysis.pages"))


@pytest.mark.parametrize("module", MODULES)
def test_only_what_computes_networks_knows_torch(module):
    computing = (
        *("architectures", "cuda_graphs", "devices", "distributed", "extraction", "measuring"),
        *("scores", "training", "weights"),
    )
    names = "analysis.datasets.imagenet_files"  # asks torchvision what ImageNet's classes are called
    networks = {"analysis.__main__", names, *(f"analysis.{name}" for name in computing)}
    assert not packages(module) & {"torch", "torchvision", "safetensors"} or module in networks


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("analysis.datasets")])
def test_datasets_know_parameters_and_errors_only(module):
    allowed = {"analysis.errors", "analysis.parameters"}
    assert {name for name in of_project(module) if not name.startswith("analysis.datasets")} <= allowed


@pytest.mark.parametrize("module", MODULES)
def test_figures_and_pages_are_for_chapters(module):
    if module.startswith(("analysis.figures", "analysis.pages")):
        return
    assert not [name for name in of_project(module) if name.startswith(("analysis.figures", "analysis.pages"))]


def test_reading_results_imports_no_torch():
    code = "import sys, analysis.__main__, analysis.study, analysis.statistics; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# --- what made a run

# They decide no number of a run: sentences, where files are, and what is given to it, which its stamp has.
BESIDE = {f"analysis.{name}" for name in ("datasets", "datasets.files", "errors", "parameters", "runs")}


def deciding(module: str) -> set[str]:
    """A module, and all that it imports, directly or not, but for those beside."""
    found, wanted = set(), {module}
    while wanted:
        found |= wanted
        wanted = set().union(*map(of_project, wanted)) - found - BESIDE
    return found


@pytest.mark.parametrize(("module", "made_by"), [("training", runs.TRAINED_BY), ("measuring", runs.MEASURED_BY)])
def test_a_stamp_holds_every_module_that_makes_a_run(module, made_by):
    expected = deciding(f"analysis.{module}") | {"analysis.datasets.decoding"}  # which data comes with, where of files
    assert {f"analysis.{name.replace('/', '.')}" for name in made_by} == expected
    assert len(set(made_by)) == len(made_by)


# --- nothing that is read can run code


def has(call: ast.Call, name: str, value: bool) -> bool:
    return any(k.arg == name and isinstance(k.value, ast.Constant) and k.value.value is value for k in call.keywords)


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_unpickled_or_evaluated(module):
    assert not packages(module) & {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}
    for name, call in calls(module):
        assert name not in ("eval", "exec", "pd.read_pickle", "yaml.load", "yaml.unsafe_load", "os.system"), name
        assert name != "torch.load" or has(call, "weights_only", True), f"line {call.lineno}"
        assert name != "np.load" or has(call, "allow_pickle", False), f"line {call.lineno}"
        assert not has(call, "shell", True), f"line {call.lineno}"


def test_the_rules_would_find_what_they_forbid(monkeypatch):
    monkeypatch.setitem(TREES, "analysis.scores", ast.parse("import torch\ntorch.load(path)"))
    with pytest.raises(AssertionError):
        test_nothing_is_unpickled_or_evaluated("analysis.scores")
    monkeypatch.setitem(TREES, "analysis.scores", ast.parse("from analysis import runs"))
    with pytest.raises(AssertionError):
        test_the_ground_floor_imports_no_project_file("analysis.scores")
    monkeypatch.setitem(TREES, "analysis.errors", ast.parse("def f():\n    from analysis.training import train"))
    with pytest.raises(ValueError, match="cycle"):
        test_imports_make_no_circle()


def test_the_benchmarks_find_what_they_measure():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"], cwd=SOURCE.parent, capture_output=True, check=True
    )
    assert b"--repeat" in done.stdout
