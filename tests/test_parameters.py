"""The one schema of parameters: what is allowed, and what a person reads otherwise."""

import datetime
import shlex
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from analysis import studies
from analysis.errors import InputError, one_of
from analysis.parameters import ComparisonParameters, RunParameters, StudyParameters, read_value
from analysis.studies import STUDIES, options, read_studies

# --- defaults and places


def test_defaults_are_the_papers_schedule_on_the_synthetic_dataset():
    p = RunParameters.parse({})
    assert (p.dataset, p.arch, p.epochs, p.momentum, p.weight_decay) == ("synthetic", "resnet50", 90, 0.9, 1e-4)
    assert (p.width, p.stem, p.learning_rate, p.augment, p.seed) == (1, "auto", None, True, 0)
    assert (p.train_images, p.test_images) == (None, None)


def test_a_study_is_named_for_its_dataset_unless_it_has_a_name():
    assert RunParameters().run_dir == Path("results/synthetic/resnet50")
    named = RunParameters(study="quick-2", results_dir="/r", arch="alexnet")
    assert named.study_dir == Path("/r/quick-2")
    assert named.run_dir == Path("/r/quick-2/alexnet")


@pytest.mark.parametrize("name", ["..", "a/b", "/a", ".hidden", "A", "a b", "-a", "a\n", "ü"])
def test_a_study_cannot_be_named_as_another_place(name):
    with pytest.raises(InputError, match="allowed: lower-case letters, digits"):
        StudyParameters.parse({"study": name})


def test_data_is_where_the_parameter_else_the_environment_says(monkeypatch):
    monkeypatch.delenv("AVH_DATA", raising=False)
    assert StudyParameters().data_path == Path("data")
    monkeypatch.setenv("AVH_DATA", "/from/environment")
    assert StudyParameters().data_path == Path("/from/environment")
    assert StudyParameters(data_dir="/given").data_path == Path("/given")


def test_values_from_a_command_line_become_their_kinds():
    p = RunParameters.parse({"width": "0.25", "epochs": "3", "augment": "false", "learning_rate": "1e-2"})
    assert (p.width, p.epochs, p.augment, p.learning_rate) == (0.25, 3, False, 0.01)


def test_parameters_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        RunParameters().seed = 3


# --- one sentence for each thing that is wrong


@pytest.mark.parametrize("schema", [StudyParameters, RunParameters])
def test_an_unknown_name_is_answered_with_all_names(schema):
    with pytest.raises(InputError) as caught:
        schema.parse({"sed": 1})
    assert str(caught.value) == f"unknown parameter 'sed'; allowed: {', '.join(schema.model_fields)}"


def test_a_study_does_not_take_a_networks_parameters():
    with pytest.raises(InputError, match="unknown parameter 'arch'; allowed: dataset, study"):
        StudyParameters.parse({"arch": "resnet50"})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"dataset": "mnist"}, "unknown dataset 'mnist'; allowed: 'cifar10h', 'imagefolder', 'imagenet'"),
        ({"stem": "big"}, "unknown stem 'big'; allowed: 'auto', 'small', 'half', 'imagenet'"),
        ({"corrupt": "ask"}, "unknown corrupt 'ask'; allowed: 'stop', 'skip'"),
        ({"precision": "fp16"}, "unknown precision 'fp16'; allowed: 'auto', 'float32', 'bfloat16'"),
        ({"rank_by": "hardness"}, "unknown rank_by 'hardness'; allowed: 'avh', 'angle', 'angular_margin', 'cosine'"),
        ({"device": "gpu"}, "device 'gpu'; allowed: auto, cpu, cuda, cuda:N"),
        ({"device": "cuda:"}, "device 'cuda:'; allowed"),
        ({"arch": "../x"}, "arch '../x'; allowed: torchvision's names"),
        ({"arch": "timm/../x"}, "arch 'timm/../x'; allowed: torchvision's names"),
        ({"arch": "timm/a/b"}, "arch 'timm/a/b'; allowed: torchvision's names"),
        ({"arch": "a.b:"}, "arch 'a.b:'; allowed: torchvision's names (resnet50); timm/NAME; package.module:function"),
        ({"arch": "/a:b"}, "arch '/a:b'; allowed"),
        ({"label": "../x"}, "label '../x'; allowed: letters, digits, '-', '_' and '.'"),
        ({"label": ".."}, "label '..'; allowed"),
        ({"head": "large"}, "unknown head 'large'; allowed: 'own', 'linear', 'hidden', 'hidden-no-dropout'"),
        ({"input_size": 4}, "parameter input_size is 4"),
        ({"weights": "a.pt", "start_from": "b.pt"}, "weights and start_from are both given; allowed: one"),
        ({"dataset": "imagefolder"}, "dataset imagefolder needs root"),
        ({"epochs": 0}, "parameter epochs is 0: input should be greater than or equal to 1"),
        ({"epochs": 2.5}, "parameter epochs is 2.5: input should be a valid integer"),
        ({"epochs": "many"}, "parameter epochs is 'many': input should be a valid integer"),
        ({"width": 0}, "parameter width is 0: input should be greater than 0"),
        ({"width": 2}, "parameter width is 2: input should be less than or equal to 1"),
        ({"width": float("nan")}, "parameter width is nan"),
        ({"learning_rate": 0}, "parameter learning_rate is 0: input should be greater than 0"),
        ({"learning_rate": -1}, "parameter learning_rate is -1"),
        ({"learning_rate": float("inf")}, "parameter learning_rate is inf: input should be less than or equal to 100"),
        ({"weight_decay": float("inf")}, "parameter weight_decay is inf: input should be less than or equal to 1"),
        ({"learning_rate": float("nan")}, "parameter learning_rate is nan"),
        ({"momentum": 1}, "parameter momentum is 1: input should be less than 1"),
        ({"weight_decay": -1e-4}, "parameter weight_decay is -0.0001"),
        ({"batch_size": 1}, "parameter batch_size is 1"),
        ({"seed": -1}, "parameter seed is -1"),
        ({"seed": 2**31}, "parameter seed is 2147483648"),
        ({"image_size": 4}, "parameter image_size is 4"),
        ({"test_images": 0}, "parameter test_images is 0"),
        ({"calibration_images": -1}, "parameter calibration_images is -1"),
        ({"study": 2024}, "parameter study is 2024, of type int; allowed: text; with papermill, -r study"),
        ({"augment": "perhaps"}, "parameter augment is 'perhaps': input should be a valid boolean"),
        ({"seed": None}, "parameter seed is None"),
        ({"seed": [1, 2]}, "parameter seed is [1, 2]"),
    ],
)
def test_a_value_that_is_not_allowed_is_named_with_what_is(values, sentence):
    with pytest.raises(InputError) as caught:
        RunParameters.parse(values)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_the_error_for_a_fixed_set_of_choices():
    assert str(one_of("study", "x", ["a", "b"])) == "unknown study 'x'; allowed: a, b"


def test_notebooks_show_the_sentence_in_place_of_a_traceback():
    assert InputError("what is wrong")._render_traceback_() == ["InputError: what is wrong"]


@pytest.mark.parametrize("name", ["root", "human_labels", "data_dir", "results_dir", "weights", "study", "label"])
@pytest.mark.parametrize("text", ["x" * 300, "/y" * 2000, "a\0b"])
def test_what_no_file_can_be_called_is_one_sentence(name, text):
    with pytest.raises(InputError, match=rf"^(parameter )?{name} (is )?.*allowed: "):
        RunParameters.parse({"dataset": "imagenet", "image_size": 224, name: text})


@pytest.mark.parametrize(
    ("dataset", "more"),
    [
        ("synthetic", {"root": "pictures"}),
        ("synthetic", {"image_size": 224}),
        ("cifar10h", {"corrupt": "skip"}),
        ("cifar10h", {"human_labels": "labels.csv"}),
        ("imagefolder", {"human_labels": "labels.csv"}),
        ("imagefolder", {"raters_selected": "maybe"}),
    ],
)
def test_a_parameter_of_another_dataset_is_refused(dataset, more):
    ((name, value),) = more.items()
    given = {"dataset": dataset} | ({"root": "pictures"} if dataset == "imagefolder" else {})
    with pytest.raises(
        InputError, match=f"^{name} is {value!r}, which dataset {dataset} does not use; allowed: dataset image"
    ):
        RunParameters.parse(given | more)
    assert RunParameters.parse(given | {name: RunParameters.model_fields[name].default} | given)


@pytest.mark.parametrize("name", ["results_dir", "data_dir", "root", "human_labels", "weights", "start_from"])
def test_a_tilde_is_home(name, monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    imagenet = {"dataset": "imagenet", "image_size": 224}  # which uses all of them
    assert getattr(RunParameters.parse(imagenet | {name: "~/some where"}), name) == "/home/somebody/some where"
    assert getattr(RunParameters.parse(imagenet | {name: "a~b"}), name) == "a~b"
    monkeypatch.setenv("AVH_DATA", "~/pictures")
    assert RunParameters().data_path == Path("/home/somebody/pictures")


# --- notebooks


@pytest.fixture
def notebook():
    """A running notebook: run cells, see its variables."""
    shell = InteractiveShell()
    yield shell
    shell.history_manager.end_session()
    shell.history_manager.save_thread and shell.history_manager.save_thread.stop()


CELL = """
import sys
from pathlib import Path
from analysis.parameters import RunParameters
dataset = "synthetic"
arch = "alexnet"
seed = 7
train_images = None
"""


def test_a_notebook_hands_over_its_variables(notebook):
    notebook.run_cell(CELL)
    notebook.run_cell("1 + 1")  # fills Out and _
    notebook.run_cell("p = RunParameters.from_notebook(globals())").raise_error()
    p = notebook.user_ns["p"]
    assert (p.arch, p.seed, p.dataset, p.train_images) == ("alexnet", 7, "synthetic", None)


@pytest.mark.parametrize("line", ["archh = 'vgg19'", "sed = 3", "flag = True", "sizes = [1]", "table = {}", "x = None"])
def test_a_variable_that_is_no_parameter_is_an_error(notebook, line):
    notebook.run_cell(CELL)
    notebook.run_cell(line)
    name = line.split()[0]
    with pytest.raises(InputError, match=f"unknown parameter '{name}'; allowed: dataset, "):
        notebook.run_cell("RunParameters.from_notebook(globals())").raise_error()


def test_modules_functions_and_hidden_names_are_no_parameters():
    namespace = {"Path": Path, "pytest": pytest, "f": lambda: 1, "_hidden": 3, "seed": 4}
    assert StudyParameters.from_notebook(namespace).seed == 4


@pytest.mark.parametrize("study", sorted(path.stem for path in STUDIES.glob("*.yaml")))
def test_what_the_graph_writes_on_the_command_line_is_read_back(study):
    (found,) = read_studies({"studies": study}).values()
    for parameters in (found.parameters, *found.runs.values()):
        words = shlex.split(options(parameters))
        values = {name: read_value(name, text) for name, text in zip(words[1::3], words[2::3], strict=True)}
        assert type(parameters).parse(values) == parameters


# --- several starts


def written(tmp_path, monkeypatch, text: str):
    monkeypatch.setattr(studies, "STUDIES", tmp_path)
    (tmp_path / "some.yaml").write_text(text)
    return studies.read_studies({"studies": "some"})["some"]


def test_a_study_has_a_run_for_each_seed_and_the_first_is_the_one_shown(tmp_path, monkeypatch):
    study = written(tmp_path, monkeypatch, "seeds: [3, 1]\narchitectures: {resnet18: {}, vgg11: {width: 0.5}}")
    first, second = study.starts("vgg11")
    assert (first.seed, first.start_seed, first.training_seed) == (3, None, 3)
    assert (second.seed, second.start_seed, second.training_seed) == (3, 1, 1)
    assert first.run_dir == study.folder / "vgg11" and second.run_dir == study.folder / "vgg11/seed-1"
    assert second.width == 0.5 and study.parameters.seed == 3


def test_a_study_without_seeds_has_one_start(tmp_path, monkeypatch):
    study = written(tmp_path, monkeypatch, "seed: 4\narchitectures: {resnet18: {}}")
    assert [run.training_seed for run in study.starts("resnet18")] == [4]


@pytest.mark.parametrize("seeds", ["[0, 0]", "[0, -1]", "[]", "[a]", "one", "1.5", "{a: 1}", "[0, 2147483648]"])
def test_seeds_that_repeat_or_are_none_are_refused(tmp_path, monkeypatch, seeds):
    with pytest.raises(
        InputError, match=r"study some has seeds .*; allowed: whole numbers from 0 to 2,147,483,647, each once"
    ):
        written(tmp_path, monkeypatch, f"seeds: {seeds}\narchitectures: {{resnet18: {{}}}}")


def test_seeds_of_networks_that_are_not_trained_are_refused(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="gives weights and seeds"):
        written(tmp_path, monkeypatch, "seeds: [0, 1]\nweights: a.pt\narchitectures: {resnet18: {}}")


@pytest.mark.parametrize(
    ("arch", "folder"),
    [
        ("resnet50", "resnet50"),
        ("timm/tf_efficientnet_lite0", "timm-tf_efficientnet_lite0"),
        ("timm/resnet50.a1_in1k", "timm-resnet50.a1_in1k"),
        ("package.module:function", "package.module-function"),
    ],
)
def test_a_run_is_called_after_its_network_in_paths_and_lists(arch, folder):
    run = RunParameters(arch=arch)
    assert (run.run_name, str(run.run_dir)) == (folder, f"results/synthetic/{folder}")
    for given in (arch, folder):  # a page's networks, by either name
        assert ComparisonParameters(archs=given).archs == [folder]


def test_an_entry_that_carries_arch_is_called_by_its_key(tmp_path, monkeypatch):
    text = "a: {arch: resnet18, head: linear}, b: {arch: resnet18, width: .5}, timm/resnet10t: {epochs: 3}"
    study = written(tmp_path, monkeypatch, f"architectures: {{{text}}}")
    assert {name: (run.arch, run.head, run.width) for name, run in study.runs.items()} == {
        "a": ("resnet18", "linear", 1),
        "b": ("resnet18", "own", 0.5),
        "timm-resnet10t": ("timm/resnet10t", "own", 1),
    }
    assert [run.run_dir for run in study.runs.values()] == [study.folder / name for name in study.runs]
    assert study.runs["timm-resnet10t"].epochs == 3
    for run in study.runs.values():
        words = shlex.split(studies.options(run))  # as pages and the command line are given them
        given = dict(zip(words[1::3], words[2::3], strict=True))
        assert RunParameters.parse(given) in study.runs.values()


@pytest.mark.parametrize("asked", ["a,timm/resnet10t", "a,timm-resnet10t"])
def test_networks_are_asked_for_by_either_name(tmp_path, monkeypatch, asked):
    monkeypatch.setattr(studies, "STUDIES", tmp_path)
    (tmp_path / "some.yaml").write_text(
        "architectures: {a: {arch: vgg11}, timm/resnet10t: {epochs: 3}, b: {arch: vgg11}}"
    )
    runs = studies.read_studies({"studies": "some", "archs": asked})["some"].runs
    assert [(name, run.arch, run.epochs) for name, run in runs.items()] == [
        ("a", "vgg11", 90),
        ("timm-resnet10t", "timm/resnet10t", 3),
    ]


def test_names_that_are_read_as_numbers_are_names():
    """As Snakemake reads --config studies=2024, and a date."""
    for given in (2024, datetime.date(2024, 1, 1)):
        with pytest.raises(InputError, match=f"unknown study '{given}'; allowed: "):
            studies.read_studies({"studies": given})


def test_two_networks_of_one_name_are_refused(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="has two networks called timm-resnet10t"):
        written(tmp_path, monkeypatch, "architectures: {timm/resnet10t: {}, timm-resnet10t: {arch: resnet18}}")


# --- study files


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("epochs: 3\nepochs: 50\narchitectures: {resnet18: {}}", "line 2, gives epochs again; allowed: each name once"),
        ("architectures: {resnet18: {}, resnet18: {width: 0.5}}", "line 1, gives resnet18 again"),
        ("architectures: {a: {arch: vgg11}}\narchitectures: {b: {arch: vgg11}}", "line 2, gives architectures again"),
        ("architectures:\n  resnet18: {width: 1,\n    width: 0.5}", "line 3, gives width again"),
        (
            "arch: vgg11\narchitectures: {resnet18: {}}",
            " has arch for all networks; allowed: networks, and arch of one",
        ),
        ("start_seed: 1\narchitectures: {resnet18: {}}", "study some gives start_seed; allowed: seeds"),
        ("architectures: {resnet18: {start_seed: 1}}", "study some gives start_seed; allowed: seeds"),
        ("architectures: {}", " needs parameters and, under architectures, one entry per network"),
        ("", " needs parameters and, under architectures, one entry per network"),
        ("[resnet18]", " needs parameters and, under architectures, one entry per network"),
        ("architectures: {resnet18: {test_images: 24}}", " gives resnet18 test_images, which all networks of a study"),
        ("architectures: {resnet18: {study: other}}", " gives resnet18 study, which all networks of a study share"),
        ("architectures: {resnet18: {dataset: cifar10h}}", " gives resnet18 dataset, which all networks of a study"),
        ("architectures: {resnet18: {seeds: [0, 1]}}", " gives resnet18 seeds, which all networks of a study share"),
        ("epochs: 3\nwidth: [\narchitectures: {}", "line 3, is not valid YAML: expected ',' or ']'"),
        ("epochs: 3\n\twidth: 1", "line 2, is not valid YAML: found character '\\t' that cannot start any token"),
        ("epochs: \x00", " is not valid YAML: unacceptable character"),
        ("[" * 3000, " has brackets within brackets"),
        ("seeds: [[0], 1]\narchitectures: {resnet18: {}}", "line 1, has a list within a list"),
        ("architectures: {resnet18: {width: {of: {all: 1}}}}", "line 1, has entries within a parameter of a network"),
        ("? [a]\n: 1", "line 1, has a list or entries in place of a name; allowed: NAME: VALUE"),
        ("architectures: &a {resnet18: *a}", "line 1, has entries within a parameter of a network"),
    ],
)
def test_a_study_file_is_entries_that_stand_once(tmp_path, monkeypatch, text, sentence):
    with pytest.raises(InputError) as caught:
        written(tmp_path, monkeypatch, text)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value).startswith(("study some", str(tmp_path / "some.yaml")))


def test_lists_of_lists_of_one_another_take_no_time(tmp_path, monkeypatch):
    """Eight of nine each: 43 million words, if they are written out."""
    lines = ["a0: &a0 [x]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9))]
    with pytest.raises(InputError, match="line 2, has a list within a list"):
        written(tmp_path, monkeypatch, "\n".join(lines))


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_study_file_in_another_encoding_is_one_sentence(tmp_path, monkeypatch, encoding):
    monkeypatch.setattr(studies, "STUDIES", tmp_path)
    (tmp_path / "some.yaml").write_bytes("# größer\narchitectures: {resnet18: {}}".encode(encoding))
    with pytest.raises(InputError, match=r"some.yaml is not text in UTF-8: save it as UTF-8"):
        studies.read_studies({"studies": "some"})


@pytest.mark.parametrize("name", ["", " , ", "x" * 300, "../studies/synthetic"])
def test_a_study_that_is_none_is_answered_with_those_there_are(name):
    with pytest.raises(InputError, match=r"unknown study .*; allowed: .*cifar10h-small"):
        studies.read_studies({"studies": name})


@pytest.mark.parametrize(
    ("config", "second", "sentence"),
    [
        ({"study": "quick"}, "", "studies one and two are both called quick; allowed: one of them at a time"),
        ({}, "study: one\n", "studies one and two are both called one"),
        ({}, "results_dir: elsewhere\n", r"studies one and two have different results_dir \(results and elsewhere\)"),
    ],
)
def test_studies_of_one_book_have_names_of_their_own_and_one_place(tmp_path, monkeypatch, config, second, sentence):
    monkeypatch.setattr(studies, "STUDIES", tmp_path)
    (tmp_path / "one.yaml").write_text("architectures: {resnet18: {}}")
    (tmp_path / "two.yaml").write_text(f"{second}architectures: {{resnet18: {{}}}}")
    with pytest.raises(InputError, match=sentence):
        studies.read_studies(config | {"studies": "one,two"})


def test_no_study_takes_the_pages_of_a_recorded_one():
    with pytest.raises(
        InputError, match="study synthetic is called heads, as a recorded study is; allowed: another name"
    ):
        read_studies({"study": "heads"})
    assert read_studies({"studies": "heads", "study": "heads"})["heads"].name == "heads"


@pytest.fixture
def record(tmp_path, monkeypatch):
    monkeypatch.setattr(studies, "RECORDED_STUDIES", tmp_path / "recorded")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recorded/synthetic").mkdir(parents=True)
    (tmp_path / "results").mkdir()
    return tmp_path / "recorded"


@pytest.mark.parametrize(
    "spelled", ["recorded", "recorded/", "./recorded", "results/../recorded", "{}/recorded", "link"]
)
def test_the_record_is_itself_however_it_is_spelled(record, spelled):
    (record.parent / "link").symlink_to(record)
    study = read_studies({"results_dir": spelled.format(record.parent)})["synthetic"]
    assert study.parameters.results_dir == "recorded"
    assert {run.results_dir for run in study.runs.values()} == {"recorded"}


def test_results_inside_the_record_are_refused(record):
    (record.parent / "results/synthetic").symlink_to(record / "synthetic")
    for given in ("results", "recorded/more"):
        with pytest.raises(InputError, match=f"^{given}/synthetic is inside recorded/, which is only read; allowed: "):
            read_studies({"results_dir": given})
    assert read_studies({"results_dir": "elsewhere"})["synthetic"].parameters.results_dir == "elsewhere"


def test_the_study_of_heads_exchanges_nothing_but_heads_and_weight_decay():
    study = studies.read_studies({"studies": "heads"})["heads"]
    assert {run.arch for run in study.runs.values()} == {"resnet18"}
    assert {run.head for run in study.runs.values()} == {"linear", "hidden", "hidden-no-dropout"}
    same = [run.model_dump(exclude={"label", "head", "weight_decay"}) for run in study.runs.values()]
    assert all(values == same[0] for values in same) and len(study.seeds) == 3
