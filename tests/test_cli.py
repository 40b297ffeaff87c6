"""The command line: what it makes, and one sentence for whatever is wrong."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from analysis import __main__ as command
from analysis import datasets, parameters, runs, studies
from analysis.parameters import RunParameters, StudyParameters

ROOT = Path(__file__).parent.parent
NETWORK = {"arch": "resnet18", "width": 0.0625, "stem": "imagenet"}
SMALL = {"train_images": 24, "test_images": 12, "calibration_images": 4, "epochs": 1, "batch_size": 8}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def run(monkeypatch, capfd, tmp_path, data):
    """Runs a command in this process: its exit code, output and errors."""

    def run(*words, **parameters):
        values = {"results_dir": tmp_path, "data_dir": data} | parameters
        values = [word for name, value in values.items() for word in ("-p", name, str(value))]
        monkeypatch.setattr(sys, "argv", ["analysis", *words, *values])
        code = command.main()
        return code, *capfd.readouterr()

    return run


def refused(result) -> str:
    """The one sentence of a command that was refused."""
    code, output, errors = result
    assert code == 2
    assert output == ""
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert errors.endswith("\n")
    return errors.removeprefix("error: ").strip()


def process(*words, **environment):
    return subprocess.run(
        [sys.executable, "-m", "analysis", *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | environment,
        check=False,
    )


# --- what works


def test_data_writes_a_row_per_test_image(run, tmp_path):
    code, output, errors = run("data", train_images=24, test_images=12)
    assert (code, errors) == (0, "")
    assert output == f"{tmp_path}/synthetic: 12 test images, 12 classes\n"
    images = runs.read_table(tmp_path / "synthetic" / "images.parquet")
    assert len(images) == 12
    assert {"id", "label", "selected", "shown", "count_0", "ambiguity", "degradation"} <= set(images)
    described = runs.read_stamp(tmp_path / "synthetic" / "dataset.json")
    assert described["images"] == {"train": 24, "test": 12}
    assert described["simulated"] is True


def test_data_that_is_there_is_not_written_again(run, tmp_path):
    run("data", train_images=24, test_images=12)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert run("data", train_images=24, test_images=12)[0] == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_train_writes_its_tables_and_says_where(run, tmp_path):
    code, output, _ = run("train", **SMALL, **NETWORK, study="quick", results_dir=tmp_path)
    assert code == 0
    assert output.startswith(f"{tmp_path}/quick/resnet18: torchvision's resnet18, width 0.0625, ")
    assert {path.name for path in (tmp_path / "quick").iterdir()} == {"dataset.json", "images.parquet", "resnet18"}
    rows = runs.read_table(tmp_path / "quick" / "resnet18" / "scores.parquet")
    assert rows["id"].tolist() == runs.read_table(tmp_path / "quick" / "images.parquet")["id"].tolist()


def test_a_finished_run_is_refused_to_other_parameters(run, tmp_path):
    run("train", **SMALL, **NETWORK)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert "holds a finished run with other parameters (momentum is 0.9 there and 0.5 here)" in refused(
        run("train", **SMALL, **NETWORK, momentum=0.5)
    )
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "text", ["2024", "2024_01", "on", "0x1f", "1e3", "null", "2024-01-01", "pics #2", "'3'", "[1", "a: b"]
)
@pytest.mark.parametrize("name", ["study", "root", "data_dir", "weights", "human_labels", "archs"])
def test_text_arrives_as_it_was_given(name, text):
    assert parameters.read_value(name, text) == text


def test_numbers_switches_and_none_are_read_by_what_a_parameter_takes():
    given = {
        "epochs": "3",
        "width": "0.5",
        "augment": "false",
        "train_images": "null",
        "test_images": "12",
        "seed": "many",
    }
    read = {name: parameters.read_value(name, text) for name, text in given.items()}
    assert read == {
        "epochs": 3,
        "width": 0.5,
        "augment": False,
        "train_images": None,
        "test_images": 12,
        "seed": "many",
    }
    assert [type(value) for value in read.values()] == [int, float, bool, type(None), int, str]


@pytest.mark.parametrize("name", ["pics #2", "2024", "a: b", "on"])
def test_a_folder_of_any_name_is_the_one_that_is_measured(run, tmp_path, monkeypatch, name):
    """The whole way to run.json: the command line, and a study's words as Snakemake gives them."""
    monkeypatch.chdir(tmp_path)
    run("pictures", name, train_images=24, test_images=24)
    run("train", **SMALL, **NETWORK, study="trained")
    model = tmp_path / "trained/resnet18/model.safetensors"
    words = {"dataset": "imagefolder", "root": name, "weights": model, "study": "0x1f"}
    code, _, said = run("measure", **NETWORK, **words)
    assert code == 0, said
    stamp = json.loads((tmp_path / "0x1f/resnet18/run.json").read_text())
    assert stamp["parameters"]["root"] == name
    given = RunParameters(**stamp["parameters"] | {"study": "0x1f"})
    words = shlex.split(studies.options(given))
    again = {key: parameters.read_value(key, text) for key, text in zip(words[1::3], words[2::3], strict=True)}
    assert RunParameters.parse(again) == given


def test_a_network_is_measured_as_it_is(run, tmp_path):
    run("train", **SMALL, **NETWORK, study="trained")
    weights = tmp_path / "trained/resnet18/model.safetensors"
    code, output, _ = run("measure", **NETWORK, test_images=12, train_images=24, weights=weights)
    assert code == 0
    assert output.startswith(f"{tmp_path}/synthetic/resnet18: torchvision's resnet18, width 0.0625, ")
    assert {path.name for path in (tmp_path / "synthetic/resnet18").iterdir()} == {"scores.parquet", "run.json"}


def test_pictures_are_written_as_class_folders_and_read_again(run, tmp_path, data):
    folder = tmp_path / "pictures"
    code, output, _ = run("pictures", str(folder), train_images=24, test_images=24)
    assert (code, output) == (0, f"{folder}: 24 pictures in 12 class folders\n")
    drawn = datasets.load(StudyParameters(data_dir=str(data), train_images=24, test_images=24))
    read = datasets.load(StudyParameters(dataset="imagefolder", root=str(folder), data_dir=str(data)))
    assert set(read.classes) == set(drawn.classes)
    order = [int(name.rpartition("/")[2].removesuffix(".png")) for name in read.test.ids]
    assert sorted(order) == list(range(24))
    np.testing.assert_array_equal(read.test.images[np.arange(24)], drawn.test.images[np.array(order)])
    assert [read.classes[k] for k in read.test.labels] == [drawn.classes[drawn.test.labels[i]] for i in order]


@pytest.mark.parametrize("there", ["file", "folder"])
def test_pictures_never_overwrite(run, tmp_path, there):
    folder = tmp_path / "pictures"
    if there == "folder":
        folder.mkdir()
        (folder / "mine").write_text("kept")
    else:
        folder.write_text("kept")
    assert "is there and not empty: choose another folder" in refused(run("pictures", str(folder), train_images=24))
    assert (folder / "mine" if there == "folder" else folder).read_text() == "kept"


def test_pictures_fill_a_folder_that_is_empty(run, tmp_path):
    (tmp_path / "pictures").mkdir()
    assert run("pictures", str(tmp_path / "pictures"), train_images=24, test_images=24)[0] == 0
    assert len(list((tmp_path / "pictures").glob("*/*.png"))) == 24


# --- what does not


@pytest.mark.parametrize(
    ("words", "parameters", "sentence"),
    [
        ("data", {"dataset": "mnist"}, "unknown dataset 'mnist'; allowed: 'cifar10h', 'imagefolder', 'imagenet'"),
        ("data", {"arch": "resnet50"}, "unknown parameter 'arch'; allowed: dataset, study"),
        ("train", {"sed": "1"}, "unknown parameter 'sed'; allowed: dataset, study"),
        ("train", {"epochs": "0"}, "parameter epochs is 0: input should be greater than or equal to 1"),
        ("train", {"epochs": "[1"}, "parameter epochs is '[1': input should be a valid integer"),
        ("train", {"arch": "{"}, "arch '{'; allowed: torchvision's names"),
        ("train", {"arch": "a: b: c"}, "arch 'a: b: c'; allowed: torchvision's names"),
        ("train", {"arch": "resnet51"}, "unknown arch 'resnet51'; torchvision's closest: resnet50"),
        ("train", {"arch": "squeezenet1_0"}, "arch squeezenet1_0 ends in Conv2d"),
        ("train", {"arch": "maxvit_t"}, "arch maxvit_t with stem auto and torchvision's maxvit_t, width 1 cannot take"),
        ("train", {"arch": "resnet18", "width": "0.3"}, "width 0.3 leaves 19.2 channels in resnet18's conv1"),
        ("train", {"arch": "swin_t", "stem": "small"}, "arch swin_t has no small stem; allowed: stem imagenet"),
        ("train", {"device": "cuda:99"}, "device cuda:99 is not available"),
        ("train", {"device": "cuda:999"}, "device cuda:999 is not available"),
        ("train", {"device": "tpu"}, "device 'tpu'; allowed: auto, cpu, cuda, cuda:N"),
        ("train", {"weights": "a.pth"}, "train takes no weights"),
        ("measure", {}, "measure needs weights"),
        ("measure", {"weights": "a.pth"}, "weights a.pth does not exist"),
        ("measure", {"weights": "BEST"}, "weights 'BEST' is neither a file"),
        ("train --threads -1", {}, "threads is -1; allowed: 0 to 4,096"),
        ("train --threads 99999999999", {}, "threads is 99999999999; allowed: 0 to 4,096"),
        ("train", {"calibration_images": "24"}, "calibration_images is 24 of 24 training images; allowed: 0 to 22"),
        ("data", {"dataset": "imagefolder"}, "dataset imagefolder needs root"),
        ("data", {"dataset": "imagefolder", "root": "/nowhere"}, "root is /nowhere, which is not a folder"),
    ],
)
def test_bad_input_is_one_sentence(run, words, parameters, sentence):
    sizes = {"train_images": 24, "test_images": 12}
    if words != "data":
        sizes |= {"calibration_images": 4, "epochs": 1}
    assert refused(run(*words.split(), **(sizes | parameters))).startswith(sentence)


@pytest.mark.parametrize("wrong", [{"arch": "resnet51"}, {"arch": "resnet18", "device": "cuda:99"}])
def test_a_wrong_network_or_device_is_refused_before_data_is_downloaded(run, tmp_path, monkeypatch, wrong):
    unloadable = datasets.DECLARATIONS["cifar10h"]._replace(load=None)
    monkeypatch.setitem(datasets.DECLARATIONS, "cifar10h", unloadable)
    refused(run("train", dataset="cifar10h", data_dir=tmp_path / "data", **wrong))
    assert list(tmp_path.iterdir()) == []


def test_pictures_without_a_training_folder_cannot_be_trained_on(run, tmp_path):
    for name in ("apple", "berry"):
        (tmp_path / "shots" / name).mkdir(parents=True)
        Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(tmp_path / "shots" / name / "1.png")
    result = run("train", **NETWORK, dataset="imagefolder", root=tmp_path / "shots")
    sentence = [line for line in result[2].splitlines() if line.startswith("error")][-1]
    assert result[0] == 2
    assert sentence.startswith("error: dataset imagefolder has no training images; give root a train/ and a test/")


def test_data_that_is_damaged_is_one_sentence(run, tmp_path):
    batches = tmp_path / "data" / "cifar-10-batches-bin"
    batches.mkdir(parents=True)
    (tmp_path / "data" / "cifar-10h").mkdir()
    np.save(tmp_path / "data" / "cifar-10h" / "cifar10h-counts.npy", np.zeros((10_000, 10)))
    (batches / "batches.meta.txt").write_text("airplane\n")
    sentence = refused(run("data", dataset="cifar10h", data_dir=tmp_path / "data"))
    assert "batches.meta.txt lists airplane; expected: airplane, automobile" in sentence


@pytest.mark.parametrize("name", ["dataset.json", "resnet18/run.json"])
def test_a_damaged_result_is_one_sentence_and_is_made_again_when_removed(run, tmp_path, name):
    run("train", **SMALL, **NETWORK)
    path = tmp_path / "synthetic" / name
    path.write_text("{")
    assert f"{path} is damaged" in refused(run("train", **SMALL, **NETWORK))
    path.unlink()
    assert run("train", **SMALL, **NETWORK)[0] == 0
    assert runs.read_stamp(tmp_path / "synthetic" / "resnet18" / "run.json")["steps"] == 2


def test_diverging_training_exits_with_its_sentence(run):
    code, output, errors = run("train", **SMALL | {"epochs": 3}, arch="alexnet", width=1 / 32, learning_rate=100)
    assert (code, output) == (2, "")
    assert errors.splitlines()[-1].startswith("error: training of alexnet diverged in epoch")
    assert "Traceback" not in errors


def test_results_that_cannot_be_written_are_one_sentence(run, tmp_path):
    (tmp_path / "file").write_text("")
    sentence = refused(run("data", results_dir=tmp_path / "file", train_images=24, test_images=12))
    assert sentence.startswith(f"cannot write {tmp_path}/file/synthetic/images.parquet: ")


# --- as processes


def test_the_process_exits_with_2_and_one_line():
    done = process("train", "-p", "epochs", "many")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: parameter epochs is 'many': input should be a valid integer, unable to parse string as an integer\n"
    )


def test_a_device_that_is_absent_exits_with_2_and_one_line(data, tmp_path):
    words = ["-p", "device", "cuda:0", "-p", "data_dir", str(data), "-p", "results_dir", str(tmp_path)]
    words += ["-p", "train_images", "24", "-p", "test_images", "12"]
    done = process("train", *words, CUDA_VISIBLE_DEVICES="")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: device cuda:0 is not available: 0 CUDA devices found; allowed: auto, cpu\n"


@pytest.mark.parametrize("words", [[], ["tain"], ["train", "-p", "epochs"], ["train", "--threads", "two"]])
def test_wrong_words_are_explained(monkeypatch, capsys, words):
    monkeypatch.setattr(sys, "argv", ["analysis", *words])
    with pytest.raises(SystemExit) as caught:
        command.main()
    assert caught.value.code == 2
    assert "usage: python -m analysis" in capsys.readouterr().err


def test_an_interrupt_before_training_says_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(command, "run_network", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
    monkeypatch.setattr(sys, "argv", ["analysis", "train"])
    assert command.main() == 130
    assert capsys.readouterr().err.count("\n") == 1
