"""What the rules of the Snakefile are given, without Snakemake."""

import os
import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from analysis.errors import InputError
from analysis.parameters import RunParameters, read_values
from analysis.studies import RECORDED_STUDIES, with_recorded
from report import contents, graph
from report.graph import Graph

RECORDED = with_recorded({})


def wildcards(study: str = "synthetic", **names: str) -> SimpleNamespace:
    return SimpleNamespace(study=study, **names)


def given(options: str) -> dict[str, str]:
    words = shlex.split(options)
    assert set(words[::3]) == {"-p"}
    return dict(zip(words[1::3], words[2::3], strict=True))


def test_a_book_has_what_is_asked_for_and_then_what_is_recorded():
    asked = Graph.of({"studies": "heads,synthetic"})
    assert list(asked.asked) == ["heads", "synthetic"]
    assert list(asked.shown) == ["heads", "synthetic", *(name for name in RECORDED if name != "heads")]


def test_an_unknown_network_is_refused():
    with pytest.raises(InputError, match="resnet19"):
        Graph.of({"archs": "resnet19"}).check("none/index.html")


def test_a_page_reads_the_tables_of_its_network_or_of_all(tmp_path):
    book = Graph.of({"results_dir": str(tmp_path), "archs": "vgg19,resnet50"})
    folder = tmp_path / "synthetic"
    one = book.results(wildcards(arch="vgg19"))
    assert one[0] == folder / "dataset.json"
    assert {path.parent for path in one[1:]} == {folder / "vgg19"}
    both = book.results(wildcards())
    assert both == [*one, *book.results(wildcards(arch="resnet50"))[1:]]


def test_a_recorded_study_is_read_where_it_is_recorded():
    book = Graph.of({"results_dir": "results"})
    for name, study in RECORDED.items():
        files = book.results(wildcards(name))
        assert len(files) > len(study.runs)
        assert all(path.parts[:2] == ("recorded", name) and path.exists() for path in files)
        assert given(book.finished_options(wildcards(name)))["results_dir"] == "recorded"


@pytest.mark.parametrize("place", ["recorded", str(RECORDED_STUDIES)])
def test_a_study_whose_results_are_recorded_makes_pages_alone(place):
    book = Graph.of({"studies": "cifar10h", "results_dir": place})
    made = book.made()
    assert all(path.startswith("book/runs/") for path in made)
    others = {path for path in made if "/cifar10h/" not in path}
    assert others and all(path.endswith("/explorer.ipynb") for path in others)
    assert not book.makes_results
    assert "results/cifar10h" not in book.folders()


def test_results_are_made_where_they_are_asked_for(tmp_path):
    book = Graph.of({"results_dir": str(tmp_path), "archs": "vgg19"})
    made = {Path(path) for path in book.made()}
    assert {tmp_path / "synthetic/dataset.json", *book.results(wildcards())} <= made
    assert str(tmp_path / "synthetic") in book.folders()


def test_what_a_page_alone_takes_trains_nothing():
    book = Graph.of({"rank_by": "loss"})
    assert "rank_by" not in given(book.run_options(wildcards(arch="vgg19")))
    options = given(book.chapter_options(wildcards(arch="vgg19")))
    assert RunParameters.parse(read_values(options)) == book.asked["synthetic"].runs["vgg19"]
    assert options["rank_by"] == "loss"


def test_another_start_has_its_seed():
    book = Graph.of({"seeds": [3, 4], "archs": "vgg19"})
    assert "start_seed" not in given(book.run_options(wildcards(arch="vgg19")))
    assert given(book.run_options(wildcards(arch="vgg19", seed="4")))["start_seed"] == "4"
    (pattern, *_) = book.tables(["scores"], "seed-{seed}")
    assert Path(pattern.format(study="synthetic", arch="vgg19", seed=4)) in book.results(wildcards())


def test_finished_results_are_named_with_their_networks():
    book = Graph.of({"archs": "vgg19,resnet50"})
    assert given(book.finished_options(wildcards()))["archs"] == "vgg19,resnet50"
    assert given(book.finished_options(wildcards(arch="vgg19")))["arch"] == "vgg19"


def test_weights_are_an_input_if_they_are_a_file(tmp_path):
    here, gone = tmp_path / "net #1.pth", tmp_path / "gone.pth"
    here.touch()
    for weights, files in ((str(here), [str(here)]), (str(gone), []), ("IMAGENET1K_V1", [])):
        book = Graph.of({"studies": "own", "weights": weights})
        assert book.own_files(wildcards("own", arch="resnet50")) == files


def test_the_file_of_ones_own_network_is_an_input(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_own_net.py").write_text("import sys; sys.exit()")  # which is found and not executed
    for arch, files in (("my_own_net:net", [str(tmp_path / "my_own_net.py")]), ("no_such_net:net", []), ("vgg19", [])):
        book = Graph.of({"archs": "vgg19", "arch": arch})
        assert book.own_files(wildcards(arch=arch.replace(":", "-"))) == files


@pytest.mark.parametrize(
    ("config", "quarters"),
    [
        ({}, 1),
        ({"input_size": "224"}, 4),
        ({"studies": "own"}, 1),
        ({"studies": "own", "weights": "IMAGENET1K_V1"}, 4),
    ],
)
def test_small_pictures_take_a_quarter_of_a_gpu(config, quarters):
    book = Graph.of({"archs": "resnet50"} | config)
    (study,) = book.asked
    assert book.gpu_quarters(wildcards(study, arch="resnet50")) == quarters


def test_quoted_pages_are_those_of_recorded_studies():
    book = Graph.of({})
    quoted = book.quoted(wildcards(arch="vgg19", chapter="hardness"))
    assert quoted and set(quoted) <= set(graph.notebooks(RECORDED))
    assert book.quoted(wildcards(arch="vgg19", chapter="training")) == []


def test_chapters_are_left_out_of_every_network():
    study = {"heads": RECORDED["heads"]}
    everything = graph.notebooks(study)
    left = graph.notebooks(study, without=["explorer"])
    assert [page for page in everything if not page.endswith("/explorer.ipynb")] == left
    assert len(left) == len(everything) - len(study["heads"].runs) * ("explorer" in contents.of_network(study["heads"]))


@pytest.mark.parametrize(("name", "found"), [("a.b", True), ("c", True), ("axb", False), ("", False)])
def test_alternatives_are_these_names_alone(name, found):
    assert bool(re.fullmatch(graph.alternatives(["a.b", "c"]), name)) == found
    assert not re.fullmatch(graph.alternatives([]), name)


def test_a_page_that_was_given_back_has_its_time_again(tmp_path):
    same, other, gone = files = [tmp_path / name for name in ("same", "other", "gone")]
    for file in files:
        file.write_text("before")
        os.utime(file, ns=(1, 10**9))
    before = graph.written([*map(str, files), str(tmp_path / "none")])
    os.utime(same)
    other.write_text("after")
    gone.unlink()
    graph.give_times_back(before)
    assert same.stat().st_mtime_ns == 10**9
    assert other.stat().st_mtime_ns > 10**9
