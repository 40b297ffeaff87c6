"""A run's files: whole or not there at all, and never taken for another run's."""

import json
import os
import subprocess

import numpy as np
import pandas as pd
import pytest

from analysis import runs, sources
from analysis.errors import InputError
from analysis.parameters import RunParameters

TABLE = pd.DataFrame({"id": ["a", "b"], "avh": np.array([0.25, np.nan], np.float32), "correct": [True, False]})
RANDOM = pd.DataFrame({"noise": np.random.default_rng(0).random(50_000)})  # 400 kB that nothing makes smaller


def parameters(folder, **more) -> RunParameters:
    return RunParameters(results_dir=str(folder), study="s", arch="resnet18", **more)


def finish(p, data="hash", **changes):
    """The files of a finished run."""
    for name in runs.TABLES:
        runs.write_table(p.run_dir / f"{name}.parquet", TABLE)
    runs.write_json(p.run_dir / "run.json", runs.stamp(p, data) | changes)


# --- writing


def test_what_is_written_is_read(tmp_path):
    runs.write_table(tmp_path / "deep" / "t.parquet", TABLE)
    pd.testing.assert_frame_equal(runs.read_table(tmp_path / "deep" / "t.parquet"), TABLE)
    assert list(runs.read_table(tmp_path / "deep" / "t.parquet", ["avh"])) == ["avh"]
    runs.write_json(tmp_path / "a.json", {"n": 1, "text": "größer", "none": None})
    assert runs.read_json(tmp_path / "a.json") == {"n": 1, "text": "größer", "none": None}
    runs.write_bytes(tmp_path / "b", b"\x00\xff")
    assert (tmp_path / "b").read_bytes() == b"\x00\xff"


def test_the_same_table_is_the_same_bytes(tmp_path):
    for name in "ab":
        runs.write_table(tmp_path / name, TABLE)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_a_failure_half_way_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(InputError if error is OSError else error), runs.replacing(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_readers_see_the_old_file_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with runs.replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == tmp_path  # so that the rename is one step
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write .*file/x: .*; nothing there was changed"):
        runs.write_json(tmp_path / "file" / "x", {})


def test_only_what_a_finished_run_does_not_need_is_swept(tmp_path):
    (tmp_path / "t.parquet").write_text("")
    (tmp_path / ".gitkeep").write_text("")
    (tmp_path / ".t.parquet.k3_x.partial").write_text("")
    (tmp_path / "checkpoint-0123456789ab.pt").write_text("")
    runs.sweep(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".gitkeep", "t.parquet"]


@pytest.mark.parametrize(
    "write",
    [
        lambda path: runs.write_table(path, RANDOM),
        lambda path: runs.write_json(path, {"text": "x" * 200_000}),
        lambda path: runs.write_bytes(path, bytes(200_000)),
    ],
)
def test_a_full_disk_is_one_sentence_and_leaves_the_old_file(small_disk, write):
    path = small_disk / "file"
    path.write_text("old")
    with pytest.raises(InputError, match=r"cannot write .*file: .*No space left on device") as caught:
        write(path)
    assert "\n" not in str(caught.value)
    assert path.read_text() == "old"
    assert os.listdir(small_disk) == ["file"]


@pytest.mark.parametrize("checkpoint", [False, True])
def test_training_on_a_full_disk(small_disk, squares, checkpoint):
    """Stops with one sentence at the first checkpoint, or, where that had room, at the end."""
    from analysis import training  # noqa: PLC0415

    more = {"width": 1 / 16, "epochs": 1, "batch_size": 8, "calibration_images": 0}
    run = training.Training(parameters(small_disk, **more), squares())
    if checkpoint:
        with pytest.raises(InputError, match=r"cannot write .*checkpoint-.*No space left"):
            list(run.epochs())
    else:
        run._save = lambda: None
        list(run.epochs())
        with pytest.raises(InputError, match=r"cannot write .*model.safetensors: No space left"):
            run.finish()
        assert not (run.parameters.run_dir / "run.json").exists()
    assert not list(small_disk.rglob("*.partial"))


# --- reading


def test_a_missing_file_says_what_to_do(tmp_path):
    for read in (runs.read_json, runs.read_table):
        with pytest.raises(InputError, match="nowhere is missing: run the study that makes it first"):
            read(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"null", b"\xff\xfe", b'{"a": 1} x'])
def test_damaged_json_is_one_sentence(tmp_path, content):
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"run.json is damaged \(.*\): remove it and run the study again") as caught:
        runs.read_json(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "middle"])
def test_damaged_tables_are_one_sentence(tmp_path, damage):
    path = tmp_path / "t.parquet"
    runs.write_table(path, RANDOM)
    content = path.read_bytes()
    middle = content[:1000] + bytes(100_000) + content[101_000:]
    path.write_bytes({"cut": content[:-50_000], "empty": b"", "text": b"id,avh\n" * 9, "middle": middle}[damage])
    with pytest.raises(InputError, match=r"t.parquet is damaged \(.*\): remove it and run the study again") as caught:
        runs.read_table(path)
    assert "\n" not in str(caught.value)


def test_a_table_without_a_column_is_damaged(tmp_path):
    runs.write_table(tmp_path / "t.parquet", TABLE)
    with pytest.raises(InputError, match=r"t.parquet is damaged \(.*entropy"):
        runs.read_table(tmp_path / "t.parquet", ["avh", "entropy"])


def test_a_folder_in_place_of_a_file(tmp_path):
    with pytest.raises(InputError, match=r"is damaged \(.*Is a directory"):
        runs.read_json(tmp_path)


# --- finished runs


def test_a_finished_run_is_found_by_its_parameters(tmp_path):
    p = parameters(tmp_path)
    assert runs.finished(p) is None
    finish(p)
    assert runs.finished(p)["data"] == "hash"
    assert runs.finished(p)["parameters"]["arch"] == "resnet18"


def test_a_run_is_finished_once_its_stamp_is_there(tmp_path):
    p = parameters(tmp_path)
    finish(p)
    (p.study_dir / "another").mkdir()
    (p.study_dir / "file").touch()
    assert runs.finished_runs(p.study_dir) == [p.run_dir]
    (p.run_dir / "run.json").unlink()
    assert runs.finished_runs(p.study_dir) == [] and runs.finished(p) is None
    with pytest.raises(InputError, match=r"run.json is missing: run the study that makes it first"):
        runs.read_run(p.run_dir)


@pytest.mark.parametrize("change", [{"epochs": 3}, {"seed": 1}, {"width": 0.5}, {"train_images": 100}])
def test_a_run_with_other_parameters_is_refused(tmp_path, change):
    finish(parameters(tmp_path))
    ((name, value),) = change.items()
    with pytest.raises(InputError, match=rf"\({name} is .* there and {value} here\): choose another name with study"):
        runs.finished(parameters(tmp_path, **change))


def test_a_network_of_ones_own_that_was_changed_since_is_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_net.py").write_text("net = 1")
    p = parameters(tmp_path).model_copy(update={"arch": "own_net:net"})
    finish(p, network=f"own_net:net (SHA-256 {runs.sha256(tmp_path / 'own_net.py')[:12]})")
    assert runs.finished(p)
    (tmp_path / "own_net.py").write_text("net = 2")
    with pytest.raises(InputError, match=r"own_net\.py is not the file that it was then"):
        runs.finished(p)
    (tmp_path / "own_net.py").unlink()
    assert runs.finished(p)  # whose tables can be read without it


def test_a_start_with_the_seed_of_the_images_is_the_run_itself(tmp_path):
    finish(parameters(tmp_path))
    assert runs.finished(parameters(tmp_path, start_seed=0))
    finish(parameters(tmp_path, seed=3, start_seed=3))
    assert runs.finished(parameters(tmp_path, seed=3))


def test_places_are_no_parameters_of_a_result(tmp_path):
    finish(parameters(tmp_path))
    assert runs.finished(parameters(tmp_path, data_dir="elsewhere", device="cpu"))
    (tmp_path / "s").rename(tmp_path / "t")
    assert runs.finished(RunParameters(results_dir=str(tmp_path), study="t", arch="resnet18"))


def test_a_copy_of_a_run_under_another_label_is_refused(tmp_path):
    finish(parameters(tmp_path, label="linear"))
    (tmp_path / "s/linear").rename(tmp_path / "s/hidden")
    with pytest.raises(InputError, match=r"hidden holds a finished run .* \(it was made as linear\)"):
        runs.finished(parameters(tmp_path, label="hidden"))


def test_a_run_on_other_data_is_refused(tmp_path):
    p = parameters(tmp_path)
    finish(p)
    runs.write_json(p.study_dir / "dataset.json", {"hash": "hash"})
    assert runs.finished(p)
    runs.write_json(p.study_dir / "dataset.json", {"hash": "another"})
    with pytest.raises(InputError, match="its data is not the data that is there now"):
        runs.finished(p)


@pytest.mark.parametrize("name", runs.TABLES)
def test_a_run_that_lacks_a_table_is_not_finished(tmp_path, name):
    p = parameters(tmp_path)
    finish(p)
    (p.run_dir / f"{name}.parquet").unlink()
    assert runs.finished(p) is None
    with pytest.raises(InputError):
        runs.finished(parameters(tmp_path, seed=1))  # nor is it replaced by another


@pytest.mark.parametrize("damage", ["empty", "cut", "folder", "another's"])
@pytest.mark.parametrize("name", runs.TABLES)
def test_a_run_whose_table_is_not_as_it_was_written_is_refused(tmp_path, name, damage):
    p = parameters(tmp_path)
    finish(p)
    runs.write_stamp(p.run_dir / "run.json", runs.read_stamp(p.run_dir / "run.json"))
    assert runs.finished(p)
    path = p.run_dir / f"{name}.parquet"
    content = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    else:
        path.write_bytes({"empty": b"", "cut": content[:-9], "another's": content + b"x"}[damage])
    with pytest.raises(InputError, match=rf"{name}.parquet (cannot be read: Is a directory|is not the file that)"):
        runs.finished(p)


@pytest.mark.parametrize(
    "change", [{"parameters": []}, {"tables": None}, {"measured": "x"}, {"started": 1}, {"network": 5}, {"name": {}}]
)
def test_a_description_of_other_types_is_one_sentence(tmp_path, change):
    p = parameters(tmp_path)
    finish(p, **change)
    ((name, value),) = change.items()
    with pytest.raises(InputError, match=rf"run.json is damaged: {name} is a {type(value).__name__}; put it back, or"):
        runs.finished(p)


def test_a_run_of_an_older_schema_is_refused(tmp_path):
    p = parameters(tmp_path)
    finish(p, parameters={"arch": "resnet18", "forgotten": 1})
    with pytest.raises(InputError, match="forgotten is 1 there and None here"):
        runs.finished(p)


# --- fingerprints and stamps


def test_the_fingerprint_is_of_all_that_decides_the_tables(tmp_path, monkeypatch):
    p = parameters(tmp_path)
    one = runs.fingerprint(p, "hash")
    assert one == runs.fingerprint(parameters(tmp_path / "elsewhere", device="cpu"), "hash")
    changes = ({"seed": 1}, {"epochs": 3}, {"momentum": 0.5}, {"augment": False}, {"precision": "float32"})
    others = {runs.fingerprint(parameters(tmp_path, **change), "hash") for change in changes}
    others |= {runs.fingerprint(p, "another"), one}
    assert len(others) == 7
    monkeypatch.setattr(runs, "source_hash", lambda: "changed code")
    assert runs.fingerprint(p, "hash") not in others


def test_the_stamp_is_plain_data_with_all_parameters(tmp_path):
    p = parameters(tmp_path, seed=5)
    stamp = json.loads(json.dumps(runs.stamp(p, "hash", temperature=1.5)))
    assert stamp["parameters"]["seed"] == 5
    places = {"results_dir", "data_dir", "study", "label", "device", "rank_by"}
    assert set(stamp["parameters"]) == set(RunParameters.model_fields) - places - p.unused
    assert stamp["temperature"] == 1.5
    assert len(stamp["source"]) == 64
    assert {"python", "torch", "torchvision", "numpy"} <= set(stamp["versions"])


def git(folder, *words):
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    done = subprocess.run(("git", *who, *words), cwd=folder, check=True, capture_output=True, text=True, env=env)
    return done.stdout.strip()


def test_the_commit_is_marked_where_files_differ(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "CHECKOUT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert runs._commit() == "unknown"
    git(tmp_path, "init", "-q")
    assert runs._commit() == "unknown"
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-qm", "first")
    commit = git(tmp_path, "rev-parse", "--short=12", "HEAD")
    assert runs._commit() == commit
    (tmp_path / "file").write_text("2")
    assert runs._commit() == commit + "+"
    monkeypatch.setenv("PATH", "")
    assert runs._commit() == "unknown"
