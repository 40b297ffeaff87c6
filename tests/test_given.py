"""What a person gives is what a run records, along all four ways in: none of them reads a value as something else."""

import pytest

from analysis import runs, studies
from analysis.datasets.parameters import OF_LABELS, OF_PICTURES
from analysis.errors import InputError
from analysis.parameters import RunParameters
from drills import ways

NAMES = ["2024", "2024_01", "on", "no", "null", "0x1f", "1e3", "1.5", "2024-01-01", "true", "0o17"]  # a study's
PATHS = [
    *NAMES,
    "pics #2",
    " leading",
    "a: b",
    "[1",
    "'q'",
    '"q"',
    "{x}",
    "100%",
    "tab\there",
    "日本",
    "$HOME",
    "a=b",
]
PATHS_OF_FILES = ("root", "data_dir", "human_labels", "weights", "start_from", "results_dir")
TEXT = {"study": NAMES, "label": [name for name in NAMES if name[0].isalnum()]} | {
    name: PATHS for name in PATHS_OF_FILES
}
OTHERS = {
    "dataset": ["imagefolder", "cifar10h"],
    "arch": ["resnet18", "timm/tf_efficientnet_lite0", "mine:net"],
    "raters_selected": ["yes", "maybe"],
    "corrupt": ["skip"],
    "stem": ["half"],
    "head": ["hidden"],
    "precision": ["float32"],
    "device": ["cuda:1"],
    "rank_by": ["confidence", "entropy"],
    "normalisation": ["none", "imagenet"],
    "image_size": ["64"],
    "input_size": ["64", "null"],
    "train_images": ["12", "None", "~"],
    "test_images": ["12"],
    "seed": ["0", "7"],
    "width": ["0.5", "1", "5e-1"],
    "epochs": ["3"],
    "batch_size": ["16"],
    "accumulate": ["2"],
    "learning_rate": ["1e-3", "0.01", "none"],
    "momentum": ["0", ".5"],
    "weight_decay": ["0", "1e-4"],
    "augment": ["false", "off", "True", "1"],
    "calibration_images": ["0"],
    "probed_steps": ["20"],
}
GIVEN = [(name, text) for name, texts in (TEXT | OTHERS).items() for text in texts]


WORDS = {
    "dataset",
    "arch",
    "raters_selected",
    "corrupt",
    "stem",
    "head",
    "precision",
    "device",
    "normalisation",
    "rank_by",
}


def expected(name: str, text: str):
    if name in TEXT or name in WORDS:
        return text
    if text in ("null", "None", "~", "none"):
        return None
    if name == "augment":
        return text in ("True", "1")
    return float(text)


def beside(name: str, text: str) -> dict[str, str]:
    """What else must be given for the value to make sense."""
    if name == "normalisation":
        return {"weights": "net.pth"}
    if name in OF_PICTURES or text == "imagefolder":
        return {"dataset": "imagefolder", "root": "pictures"}
    return {"dataset": "imagenet", "image_size": "224"} if name in OF_LABELS else {}


@pytest.mark.parametrize(("name", "text"), GIVEN)
def test_a_value_arrives_unchanged_along_every_way(name, text, tmp_path):
    given = beside(name, text) | {name: text}
    arrived = {way.__name__: way(given) for way in (ways.command_line, ways.snakemake, ways.papermill)}
    for way, parameters in (arrived | {"study file": ways.study_file(given, tmp_path)}).items():
        value = getattr(parameters, name)
        assert value == expected(name, text), way
        recorded = runs.described(parameters)
        assert name not in recorded or recorded[name] == value, way


def test_a_study_gives_seeds_and_a_command_one_start(tmp_path):
    given = {"start_seed": "3"}
    assert [way(given).start_seed for way in (ways.command_line, ways.papermill)] == [3, 3]
    for way in (ways.snakemake, lambda given: ways.study_file(given, tmp_path)):
        with pytest.raises(InputError, match=r"^study \S+ gives start_seed; allowed: seeds, of the study"):
            way(given)


@pytest.mark.parametrize("value", [202401, 1000.0, True])
def test_text_that_papermill_read_as_something_else_is_refused_with_how_to_give_it(value):
    with pytest.raises(InputError, match=r"^parameter study is .*; allowed: text; .* -r study instead of -p study$"):
        ways.papermill({"study": value})


def test_every_parameter_is_tried():
    assert set(RunParameters.model_fields) == TEXT.keys() | OTHERS.keys() | {"start_seed"}


def read_study_file(folder, monkeypatch, lines: str) -> RunParameters:
    (folder / "mine.yaml").write_text(f"dataset: imagefolder\n{lines}\n")
    monkeypatch.setattr(studies, "STUDIES", folder)
    (study,) = studies.read_studies({"studies": "mine"}).values()
    (run,) = study.runs.values()
    return run


@pytest.mark.parametrize("name", PATHS_OF_FILES)
@pytest.mark.parametrize(
    "lines",
    ["{}: a #2\narchitectures: {{resnet18: {{}}}}", "root: x\narchitectures:\n  resnet18:\n    {}: a #2"],
    ids=["shared", "of a network"],
)
def test_a_path_that_yaml_would_cut_at_a_hash_is_refused(name, lines, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=rf"^{tmp_path}/mine.yaml has {name}: a #2, which YAML ends before the #: put"):
        read_study_file(tmp_path, monkeypatch, lines.format(name))


def test_a_comment_after_a_path_is_a_comment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = "root: a   # 2 classes\ndata_dir: 'b #2' #quoted\narchitectures: {resnet18: {weights: c.pt}} #1"
    run = read_study_file(tmp_path, monkeypatch, lines)
    assert (run.root, run.data_dir, run.weights) == ("a", "b #2", "c.pt")


def test_a_path_that_is_there_is_no_comment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a # 2").mkdir()
    with pytest.raises(InputError, match="root: a # 2, which YAML ends before the #"):
        read_study_file(tmp_path, monkeypatch, "root: a # 2\narchitectures: {resnet18: {}}")
