"""The chapters of a study whose weights are given and whose pictures people were asked about, as the paper's Sec. 2.

Their cells are executed here, in this process, on an ImageNet made small: a few pictures of some of its classes.
Figures are drawn, but not rendered, which takes longer than all else: the book of test_book.py renders them.
"""

import re
from pathlib import Path

import jupytext
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.torch import save_file

from analysis import architectures, pipeline, studies
from analysis.datasets import imagenet_files, wordnet
from analysis.parameters import ComparisonParameters, NetworkPageParameters, Parameters, RunParameters
from analysis.study import tables
from analysis.study.results import read_results
from report import contents
from report import page as pages
from report import shown as in_three_forms
from report.figures import saved
from report.text import listing

ROOT = Path(__file__).parent.parent.parent
ARCHS = {"resnet18": 1 / 16, "resnet34": 1 / 16, "shufflenet_v2_x0_5": 1}
CLASSES = (2, 10, 100, 999)
IMAGES = 60
LABEL = re.compile(r":name: (\S+)|\{figure-md\} (\S+)")


def make_imagenet(folder: Path) -> None:
    """Noise of several contrasts, and five people who select the class more often where it is larger."""
    random, (wnids, _), rows = np.random.default_rng(0), imagenet_files.classes(), []
    for i in range(IMAGES):
        contrast, path = random.random(), folder / "val" / wnids[CLASSES[i % 4]] / f"ILSVRC2012_val_{i + 1:08d}.JPEG"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = 128 + contrast * random.integers(-127, 128, (64, 70, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(path)
        rows.append((path.name, random.binomial(5, contrast), 5))
    pd.DataFrame(rows, columns=["file", "selected", "shown"]).to_csv(folder / "human_labels.csv", index=False)


def execute(chapter: str, parameters: Parameters) -> None:
    """A chapter's cells one after another; papermill's part is to set the parameters after their cell."""
    space: dict = {}
    for cell in jupytext.read(ROOT / f"book/chapters/{chapter}.md").cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, chapter, "exec"), space)
        if "parameters" in cell.metadata.get("tags", []):
            space |= parameters.model_dump()


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What every chapter of the study shows, by the chapter's name; and the study."""
    folder = tmp_path_factory.mktemp("measured")
    make_imagenet(folder / "imagenet")
    given = {"dataset": "imagenet", "root": str(folder / "imagenet"), "image_size": 64, "study": "given"}
    given |= {"results_dir": str(folder / "results"), "data_dir": str(folder / "data")}
    made, found = {}, {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        groups = {f"group {k:02d}": tuple(range(k * 20, k * 20 + 20)) for k in range(50)}  # most without an image
        patch.setattr(wordnet, "superclasses", lambda wnids: groups)
        patch.setattr(in_three_forms, "display", lambda what: found[chapter].append(what.myst))
        patch.setattr(pages, "display", lambda html: found[chapter].append(html.data))
        patch.setattr(saved, "svg", lambda fig: b"")
        patch.setattr(saved, "png", lambda fig, dots: b"")
        patch.setenv(pages.PLACE, "page")
        for arch, width in ARCHS.items():
            network = architectures.build(arch, 1000, image_size=64, width=width)
            save_file(network.state_dict(), folder / f"{arch}.safetensors")
            run = RunParameters(**given, arch=arch, width=width, weights=str(folder / f"{arch}.safetensors"))
            pipeline.complete(run, progress=False)
            made[arch] = run
        offered = studies.StudyPlan(pipeline.study_of(run), made)
        (folder / pages.MARK).touch()
        places = {"study": "given", "results_dir": given["results_dir"], "data_dir": given["data_dir"]}
        for chapter in contents.of_study(offered):
            found[chapter] = []
            execute(chapter, ComparisonParameters(**places))
        for chapter in contents.of_network(offered):
            found[chapter] = []
            one = NetworkPageParameters(**places, arch="resnet18")
            execute(chapter, one if chapter == "explorer" else made["resnet18"])
        results = read_results(offered.parameters, list(ARCHS))
    return {name: "\n".join(texts) for name, texts in found.items()}, results


def test_it_has_the_chapters_of_section_2(shown):
    of_study = "verdicts confidence-gap norm granularity avh angular-margin disputed baselines discussion"
    of_network = "hardness explorer"
    assert list(shown[0]) == [*of_study.split(), *of_network.split()]


def test_every_figure_about_people_is_drawn(shown):
    texts, _ = shown
    figures = {name: re.findall(r"\{figure-md\} fig-(\w+)-given", text) for name, text in texts.items()}
    assert figures["confidence-gap"] == ["1"]
    assert figures["avh"] == ["6", "a1"]
    assert figures["granularity"] == ["7"]
    assert figures["discussion"] == ["d1"]
    assert figures["hardness"][:2] == ["h1", "h2"]


def test_claims_on_training_say_that_it_was_not_seen(shown):
    text = shown[0]["verdicts"]
    for claim in ("Obs. 1", "Obs. 2", "Obs. 3", "App. A"):
        (line,) = [line for line in text.splitlines() if line.startswith(f"**{claim}**")]
        assert line.count("no training is recorded") == 1  # of all, which are named before it
        assert all(arch in line for arch in ARCHS)
        assert not re.search(r": (not )?supported for", line)
    for claim in ("H1", "P1", "P2a", "P2b", "P2c", "Obs. 4"):
        (line,) = [line for line in text.splitlines() if line.startswith(f"**{claim}**")]
        assert "no training is recorded" not in line


def test_links_lead_to_figures_that_are_there(shown):
    texts = "\n".join(shown[0].values())
    labels = {first or second for first, second in LABEL.findall(texts)}
    links = {f"{name}-given" for name in re.findall(r"\]\(#(fig-\w+)\)", shown[0]["verdicts"])}
    assert links
    assert links <= labels
    assert "Figure 2 (not drawn)" in shown[0]["verdicts"]


def test_groups_without_an_image_are_not_shown(shown):
    texts, results = shown
    present = {f"group {k // 20:02d}" for k in CLASSES}
    assert set(tables.chosen_superclasses(results)) <= present
    assert "group 10" not in texts["granularity"]


def test_scores_that_are_not_there_do_not_empty_the_others(shown):
    """Nothing was held out to calibrate the confidence on."""
    text = shown[0]["baselines"]
    assert f"Not available for {listing(ARCHS)}: calibrated confidence." in text
    finding = next(line for line in text.splitlines() if line.startswith("- resnet18: AVH has a correlation"))
    assert "undefined" not in finding.split("controlling for correctness")[0]  # the network may be right nowhere


def test_the_discussion_has_a_point_for_each_network(shown):
    text = shown[0]["discussion"]
    assert len(re.findall(r"^- \w+: the lead of AVH over confidence is \S+ \[", text, re.MULTILINE)) == len(ARCHS)
    assert "one point per network" in text
    assert "epoch" not in text.split("How these results were made")[0].split("{figure-md}")[1]
    assert "Accuracy varies here between networks" in text


def test_the_papers_section_2_is_such_a_study(shown):
    published = studies.read_studies({"studies": "imagenet-published"})["imagenet-published"]
    assert [*contents.of_study(published), *contents.of_network(published)] == list(shown[0])
    assert {run.weights for run in published.runs.values()} == {"IMAGENET1K_V1"}
    assert list(published.runs) == ["alexnet", "vgg19", "densenet121", "resnet50"]


@pytest.mark.parametrize(("steps", "there"), [("19", False), ("20", True)])
def test_first_steps_are_shown_if_enough_were_probed(steps, there):
    (study,) = studies.read_studies({"studies": "cifar10h", "probed_steps": steps}).values()
    assert ("first-iterations" in contents.of_study(study)) == there
    assert "dynamics" in contents.of_study(study)
