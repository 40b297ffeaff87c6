"""The house's own rules: three floors, imports downwards only, one meaning for each name, nothing read can run code."""

import ast
import itertools
import runpy
import subprocess
import sys
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TREES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(path.read_text())
    for package in ("analysis", "report")
    for path in sorted((ROOT / package).rglob("*.py"))
}
MODULES = sorted(TREES)
MAKE, ASK, SHOW = 1, 2, 3  # the floors
EMPTY = {"analysis", "analysis.study", "report"}  # packages that hold a docstring alone


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
    return (imported(module) & set(MODULES)) - EMPTY


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


# --- the floors


def floor(module: str) -> int:
    if module.startswith("report"):
        return SHOW
    return ASK if module.startswith("analysis.study.") or module == "analysis.study" else MAKE


def test_every_floor_is_inhabited():
    assert {floor(module) for module in MODULES} == {MAKE, ASK, SHOW}
    assert all(len(TREES[module].body) == 1 for module in EMPTY)


@pytest.mark.parametrize("module", MODULES)
def test_imports_lead_downwards(module):
    assert not [name for name in of_project(module) if floor(name) > floor(module)]


@pytest.mark.parametrize("module", MODULES)
def test_only_the_third_floor_draws_and_shows(module):
    if floor(module) < SHOW:
        assert not packages(module) & {"matplotlib", "IPython"}


@pytest.mark.parametrize("module", MODULES)
def test_torch_is_on_the_first_floor_alone_and_there_where_networks_are_computed(module):
    computing = (
        "architectures", "augmentation", "batch_norm", "checkpoints", "cuda_graphs", "devices", "distributed",
        "evaluation", "extraction", "fitting", "networks", "scores", "state_dicts", "training", "weights",
    )  # fmt: skip
    names = "analysis.datasets.imagenet_files"  # asks torchvision what ImageNet's classes are called
    networks = {"analysis.__main__", names, *(f"analysis.{name}" for name in computing)}
    assert not packages(module) & {"torch", "torchvision", "safetensors"} or module in networks


@pytest.mark.parametrize("module", [name for name in MODULES if floor(name) > MAKE])
def test_upper_floors_reach_no_torch_through_others(module):
    """What they import at once; the pipeline imports what computes only when a run is to be made."""
    found, wanted = set(), {module}
    while wanted:
        found |= wanted
        wanted = set().union(*map(imported_at_once, wanted)) - found
    assert not [name for name in found if packages_at_once(name) & {"torch", "torchvision"}]


def at_once(module: str) -> list[ast.stmt]:
    """The imports that importing a module makes."""
    return [node for node in TREES[module].body if isinstance(node, ast.Import | ast.ImportFrom)]


def imported_at_once(module: str) -> set[str]:
    names = set()
    for node in at_once(module):
        if isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names & set(MODULES)


def packages_at_once(module: str) -> set[str]:
    return {
        name.partition(".")[0]
        for node in at_once(module)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("analysis.datasets")])
def test_datasets_know_no_other_part(module):
    allowed = {"analysis.cores", "analysis.errors"}
    assert {name for name in of_project(module) if not name.startswith("analysis.datasets")} <= allowed


def test_reading_results_imports_no_torch():
    modules = (
        "analysis.__main__, analysis.pipeline, analysis.study.results, report.contents, report.page, report.wording"
    )
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# --- no twins

# Names that several files share because they mean the same: what every dataset's module has, and
INTERFACE = {"load", "present", "answers", "describe", "DECLARED", "CLASSES", "SUPERCLASSES", "FOLDER", "DIFFERENCES"}
ALIKE = {
    "main",  # what `python -m` runs
    "setup",  # what Sphinx calls
    "check",  # refuses early what a module cannot take
    "PAGES",  # the folder of a book's pages
    "PATIENCE",  # how long is waited
    "ROW",  # of a figure with a row for each score, its height
    "WNID",  # WordNet's numbers of classes, which datasets and networks may not take from each other
}


def twins(trees: dict[str, ast.Module]) -> dict[str, list[str]]:
    """Names that several files give to functions, classes or constants, but for those alike: with the files."""
    places = defaultdict(set)
    for file, tree in trees.items():
        for name in itertools.chain.from_iterable(map(given_names, tree.body)):
            of_dataset = file.startswith("analysis.datasets") or (file, name) == ("analysis.weights", "load")
            if name not in ALIKE and not (of_dataset and name in INTERFACE):
                places[name].add(file)
    return {name: sorted(files) for name, files in places.items() if len(files) > 1}


def given_names(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Assign():
            return [part.id for target in node.targets for part in ast.walk(target) if isinstance(part, ast.Name)]
        case ast.AnnAssign():
            return [ast.unparse(node.target)]
    return []


def test_no_name_has_two_meanings():
    beside = [path for folder in ("drills", "book/_ext") for path in (ROOT / folder).glob("*.py")]
    assert twins(TREES | {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in beside}) == {}


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
    for module, code, rule in (
        ("analysis.probes", "from analysis.study import claims", test_imports_lead_downwards),
        ("analysis.study.claims", "def f():\n    from report.text import count", test_imports_lead_downwards),
        ("analysis.study.tables", "import matplotlib.pyplot", test_only_the_third_floor_draws_and_shows),
        ("report.text", "import torch", test_torch_is_on_the_first_floor_alone_and_there_where_networks_are_computed),
        ("report.text", "from analysis import training", test_upper_floors_reach_no_torch_through_others),
    ):
        monkeypatch.setitem(TREES, module, ast.parse(code))
        with pytest.raises(AssertionError):
            rule(module)
    monkeypatch.setitem(TREES, "report.text", ast.parse("def load(): ...\ndef judge(): ...\nclass StudyResults: ..."))
    monkeypatch.setitem(TREES, "analysis.study.claims", ast.parse("def judge(): ..."))
    assert twins(TREES) == {
        "judge": ["analysis.study.claims", "report.text"],
        "StudyResults": ["analysis.study.results", "report.text"],
    }


def test_the_benchmarks_find_what_they_measure(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("benchmarks", run_name="__main__")
    assert ended.value.code == 0
    assert "--repeat" in capsys.readouterr().out
