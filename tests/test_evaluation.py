"""Measuring given weights: the scores that training recorded, exactly; whole or not there; never another file's."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from timm.data import create_transform, resolve_model_data_config

from analysis import architectures, evaluation, pipeline, runs, training
from analysis.errors import InputError
from analysis.normalisation import IMAGENET
from analysis.parameters import RunParameters
from analysis.study.results import read_results

TINY = {"arch": "resnet18", "width": 1 / 16}


def parameters(folder, weights, **more) -> RunParameters:
    return RunParameters(**{"results_dir": str(folder), "study": "mine", "weights": str(weights)} | TINY | more)


@pytest.fixture(scope="module")
def trained(squares, tmp_path_factory):
    """A network trained for two epochs, without held-out images: its folder and data."""
    dataset = squares(48, 12)
    p = RunParameters(
        results_dir=str(tmp_path_factory.mktemp("trained")),
        study="s",
        epochs=2,
        batch_size=8,
        calibration_images=0,
        **TINY,
    )
    training.train(p, dataset, progress=False)
    return p.run_dir, dataset


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_a_trained_network_measured_again_has_its_scores_exactly(trained, squares, tmp_path, suffix):
    """On the test images alone: no training image is needed."""
    folder, dataset = trained
    path = folder / "model.safetensors"
    if suffix == "pth":
        path = tmp_path / "model.pth"
        torch.save(load_file(folder / "model.safetensors"), path)
    alone = type(dataset)(**vars(dataset) | {"train": None})
    p = parameters(tmp_path, path)
    stamp = evaluation.measure(p, alone, progress=False)
    assert {file.name for file in p.run_dir.iterdir()} == {"scores.parquet", "run.json"}
    mine, theirs = (pd.read_parquet(where / "scores.parquet") for where in (p.run_dir, folder))
    pd.testing.assert_frame_equal(mine, theirs, check_exact=True)
    assert mine["temperature_confidence"].isna().all()
    assert stamp["measured"] == {
        "weights": path.name,
        "sha256": runs.sha256(path),
        "by_name": suffix == "safetensors",  # where training writes the names of the classes
        "decided": "names" if suffix == "safetensors" else "order",
        "normalisation": {
            "mean": list(IMAGENET.mean),
            "std": list(IMAGENET.std),
            "by": "the file" if suffix == "safetensors" else "training here",
        },
    }
    assert stamp["images"] == {"test": 12}
    assert "epochs" not in stamp["parameters"]


def test_a_dataset_in_another_order_of_classes_gives_each_image_the_same_scores(trained, squares, tmp_path):
    folder, dataset = trained
    turned = np.array([2, 0, 1])  # class k is called as class turned[k] was
    test = dataset.test
    labels = np.argsort(turned)[test.labels]
    other = type(dataset)(
        **vars(dataset)
        | {
            "train": None,
            "test": type(test)(test.images, labels, test.ids),
            "classes": tuple(dataset.classes[k] for k in turned),
        }
    )
    p = parameters(tmp_path, folder / "model.safetensors")
    evaluation.measure(p, other, progress=False)
    mine, theirs = (pd.read_parquet(where / "scores.parquet") for where in (p.run_dir, folder))
    np.testing.assert_array_equal(turned[mine["predicted"]], theirs["predicted"])
    for name in ("avh", "angle", "confidence", "norm", "margin", "loss"):
        np.testing.assert_allclose(mine[name], theirs[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "change", "what"),
    [
        ("head.weight", torch.zeros_like, "no image has an AVH"),
        ("body.bn1.running_var", lambda value: -value, "12 of 12 embeddings are not finite"),
        ("body.conv1.weight", lambda value: value * 1e36, "4 of 12 embeddings are not finite"),
    ],
)
def test_a_network_that_measures_nothing_is_refused(trained, tmp_path, name, change, what):
    folder, dataset = trained
    state = load_file(folder / "model.safetensors")
    save_file(state | {name: change(state[name])}, tmp_path / "m.safetensors")
    p = parameters(tmp_path, tmp_path / "m.safetensors")
    with pytest.raises(InputError, match=f"^m.safetensors: {what}, so nothing is written; allowed"):
        evaluation.measure(p, dataset, progress=False)
    assert not p.run_dir.exists()


def test_what_is_finished_is_kept(trained, tmp_path, monkeypatch):
    folder, dataset = trained
    p = parameters(tmp_path, folder / "model.safetensors")
    stamp = evaluation.measure(p, dataset, progress=False)
    monkeypatch.setattr(evaluation, "extract", None)
    assert pipeline.complete(p) == stamp
    assert runs.finished(p.model_copy(update={"epochs": 3})) == stamp  # epochs play no part


def test_a_run_killed_before_its_stamp_is_made_again(trained, tmp_path, monkeypatch):
    folder, dataset = trained
    p = parameters(tmp_path, folder / "model.safetensors")
    with monkeypatch.context() as patch:
        patch.setattr(runs, "write_json", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            evaluation.measure(p, dataset, progress=False)
    assert (p.run_dir / "scores.parquet").exists()
    assert runs.finished(p) is None
    (p.run_dir / "scores.parquet").write_text("half")
    (p.run_dir / f".scores.parquet.x{runs.PARTIAL}").write_text("half")
    evaluation.measure(p, dataset, progress=False)
    assert {file.name for file in p.run_dir.iterdir()} == {"scores.parquet", "run.json"}
    assert runs.finished(p)
    pd.testing.assert_frame_equal(
        pd.read_parquet(p.run_dir / "scores.parquet"), pd.read_parquet(folder / "scores.parquet")
    )


KILL = int(signal.SIGKILL)
# After the data's tables; then, with these there, before the scores' rename, half-way through the stamp, and after it.
MOMENTS = ["table:2", "replace:1", "half:1", "replace:2", "none"]


def test_a_run_killed_at_any_moment_ends_as_one_that_was_not(tmp_path):
    """The command itself, by a signal that leaves no chance to tidy up."""
    network = architectures.build("resnet18", 12, image_size=32, width=1 / 16)
    save_file(network.state_dict(), tmp_path / "model.safetensors")

    def words(name):
        values = {"results_dir": tmp_path / name, "data_dir": tmp_path / "data", "train_images": 24, "test_images": 24}
        values |= {"weights": tmp_path / "model.safetensors"} | TINY
        return ["measure", *(word for key, value in values.items() for word in ("-p", key, str(value)))]

    killed = [moment if moment == "none" else f"{moment}:{KILL}" for moment in MOMENTS]
    jobs = {"whole": ["none"], "killed": killed}
    jobs = {name: {"moments": moments, "words": words(name)} for name, moments in jobs.items()}
    command = [sys.executable, str(Path(__file__).with_name("killing.py")), json.dumps(jobs)]
    root = Path(__file__).parent.parent
    env = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, env=env, check=False)
    assert done.returncode == 0, done.stderr
    ends = {name: [code for code, _ in found] for name, found in json.loads(done.stdout).items()}
    assert ends == {"whole": [0], "killed": [-KILL] * 4 + [0]}
    one, other = (tmp_path / name / "synthetic/resnet18" for name in jobs)
    assert set(os.listdir(one)) == set(os.listdir(other)) == {"scores.parquet", "run.json"}
    assert (one / "scores.parquet").read_bytes() == (other / "scores.parquet").read_bytes()


def test_a_file_that_changed_since_is_refused_and_one_that_is_gone_is_not_needed(trained, tmp_path):
    folder, dataset = trained
    path = tmp_path / "model.safetensors"
    path.write_bytes((folder / "model.safetensors").read_bytes())
    p = parameters(tmp_path, path)
    evaluation.measure(p, dataset, progress=False)
    state = load_file(path)
    save_file(state | {"head.bias": state["head.bias"] + 1}, path)
    with pytest.raises(InputError, match=r"model.safetensors is not the file that it was then\): choose another name"):
        runs.finished(p)
    path.unlink()
    assert runs.finished(p)


def test_trained_and_measured_runs_do_not_replace_each_other(trained, tmp_path):
    folder, dataset = trained
    p = parameters(tmp_path, folder / "model.safetensors")
    evaluation.measure(p, dataset, progress=False)
    with pytest.raises(InputError, match=r"weights is '.*model.safetensors' there and '' here"):
        pipeline.complete(p.model_copy(update={"weights": ""}))
    theirs = RunParameters(
        results_dir=str(folder.parent.parent), study="s", epochs=2, batch_size=8, calibration_images=0, **TINY
    )
    assert runs.finished(theirs)
    with pytest.raises(InputError, match="weights is '' there"):
        runs.finished(theirs.model_copy(update={"weights": str(folder / "model.safetensors")}))


def test_a_stamp_from_before_weights_were_a_parameter_is_of_a_trained_run(trained):
    folder, _ = trained
    stamp = runs.read_stamp(folder / "run.json")
    p = RunParameters(**stamp["parameters"] | {"results_dir": str(folder.parent.parent), "study": "s"})
    del stamp["parameters"]["weights"]
    runs.write_json(folder / "run.json", stamp)
    assert runs.finished(p) == stamp


def folders(root, names, size=32):
    """A folder of class folders, three noisy pictures in each."""
    random = np.random.default_rng(0)
    for k, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for i in range(3):
            pixels = random.integers(0, 100, (size, size, 3)) + 50 * k
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{i}.png")
    return root


def test_a_folder_of_pictures_is_measured_and_read(trained, tmp_path):
    """The whole way: complete, and the tables that chapters read, without people and without training."""
    folder, _ = trained
    root = folders(tmp_path / "pictures", ["colour_2", "Colour 0"])
    p = parameters(
        tmp_path, folder / "model.safetensors", dataset="imagefolder", root=str(root), data_dir=str(tmp_path / "data")
    )
    stamp = pipeline.complete(p, progress=False)
    assert stamp["classes"] == ["Colour 0", "colour_2", "colour 1"]
    results = read_results(p, [p.arch])
    assert results.classes(p.arch) == stamp["classes"]
    assert results.runs[p.arch].measured
    assert len(results.runs[p.arch].scores) == 6
    with pytest.raises(InputError, match=r"training.parquet is missing"):
        results.runs[p.arch].training  # noqa: B018
    assert pipeline.complete(p, progress=False) == stamp


@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "tf_efficientnet_lite0"])  # of other means, and other sizes
def test_a_timm_network_is_given_pictures_as_timm_makes_them(tmp_path, name):
    """Of any shape: the scores are those of timm's own forward pass behind timm's own transform."""
    torch.manual_seed(0)
    theirs = timm.create_model(name, num_classes=2)
    transform = create_transform(**resolve_model_data_config(theirs), is_training=False)
    random = np.random.default_rng(0)
    root, files = tmp_path / "pictures", []
    for label, folder in enumerate(("a", "b")):
        (root / folder).mkdir(parents=True)
        for k, (height, width) in enumerate([(300, 500), (257, 225), (90, 60), (224, 224)]):
            coarse = random.integers(0, 256, (9, 9, 3)).astype(np.uint8)
            noise = random.integers(-20, 20, (height, width, 3))
            smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)).astype(int)
            path = root / folder / f"{k}.png"
            Image.fromarray((smooth + noise).clip(0, 255).astype(np.uint8)).save(path)
            files.append((path, label))
    given = torch.stack([transform(Image.open(path)) for path, _ in files])
    with torch.no_grad():  # statistics of pictures: with a new network's, logits would be nothing
        for module in theirs.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1.0
        theirs(given)
    torch.save({"state_dict": theirs.state_dict(), "arch": name}, tmp_path / "m.pth")
    p = RunParameters(
        **{"results_dir": str(tmp_path), "study": "mine", "weights": str(tmp_path / "m.pth"), "arch": f"timm/{name}"},
        **{"dataset": "imagefolder", "root": str(root), "data_dir": str(tmp_path / "data"), "precision": "float32"},
    )
    stamp = pipeline.complete(p, progress=False)
    assert p.run_dir == tmp_path / f"mine/timm-{name}"
    scores = pd.read_parquet(p.run_dir / "scores.parquet")
    with torch.inference_mode():
        features = theirs.eval().forward_head(theirs.forward_features(given), pre_logits=True)
        logits = theirs.get_classifier()(features)
    labels = torch.tensor([label for _, label in files])
    assert list(scores["label"]) == labels.tolist()
    margin = logits.gather(1, labels[:, None])[:, 0] - logits.gather(1, 1 - labels[:, None])[:, 0]
    assert margin.std() > 0.01
    np.testing.assert_allclose(scores["margin"], margin, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(scores["norm"], features.norm(dim=1), rtol=1e-4)
    assert stamp["measured"]["notes"] == ["taken from 'state_dict'", "left over beside 'state_dict': arch"]
    results = read_results(p, [p.run_name])
    assert list(results.runs) == [f"timm-{name}"]


def test_a_network_that_resizes_its_pictures_measures_as_it_was_trained(squares, tmp_path):
    dataset = squares(24, 12)
    given = {"results_dir": str(tmp_path), "input_size": 24} | TINY
    trained = RunParameters(study="s", epochs=1, batch_size=8, calibration_images=0, **given)
    training.train(trained, dataset, progress=False)
    p = RunParameters(study="again", weights=str(trained.run_dir / "model.safetensors"), **given)
    evaluation.measure(p, dataset, progress=False)
    mine, theirs = (pd.read_parquet(run.run_dir / "scores.parquet") for run in (p, trained))
    pd.testing.assert_frame_equal(mine, theirs, check_exact=True)
    other = p.model_copy(update={"input_size": None, "study": "other"})
    evaluation.measure(other, dataset, progress=False)
    assert not np.allclose(pd.read_parquet(other.run_dir / "scores.parquet")["norm"], theirs["norm"])


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"weights": "nowhere.pth"}, "weights nowhere.pth does not exist"),
        ({"weights": "BEST"}, "weights 'BEST' is neither a file"),
        ({"arch": "resnet17"}, "unknown arch 'resnet17'"),
        ({"arch": "timm/resnet17"}, "unknown arch 'timm/resnet17'"),
        ({"arch": "timm/levit_128s"}, "arch timm/levit_128s ends in several or no classifiers"),
        ({"arch": "json:dumps"}, "arch json:dumps raised TypeError"),
        ({"weights": "package:nowhere_installed"}, "weights package:nowhere_installed: no package"),
        ({"device": "cuda:99"}, "device cuda:99 is not available"),
    ],
)
def test_bad_input_is_refused_before_data_is_loaded(tmp_path, more, sentence):
    p = parameters(tmp_path, "x", dataset="imagefolder", root="/nowhere").model_copy(update=more)
    with pytest.raises(InputError, match=sentence):
        pipeline.complete(p)
