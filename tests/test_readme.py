"""README's example of one's own pictures and network: its lines, run as they stand, on a network made up here."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from safetensors.torch import save_file

from analysis import architectures, studies
from analysis.datasets import shapes
from analysis.errors import InputError
from report import contents

ROOT = Path(__file__).parent.parent


def example() -> str:
    """The lines of the section."""
    section = (ROOT / "README.md").read_text().split("## Your own images and network")[1]
    return re.search(r"```sh\n(.*?)```", section, re.DOTALL)[1]


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> tuple[Path, str]:
    """A folder with the project's chapters in which the lines were run, and what they printed."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("analysis", "report", "book/chapters"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "build").mkdir()
    shutil.copy(ROOT / "Snakefile", folder)  # which marks the root
    network = architectures.build("resnet50", len(shapes.CLASSES), image_size=32, width=0.25, stem="half")
    model = folder / "results/synthetic/resnet50/model.safetensors"
    model.parent.mkdir(parents=True)
    save_file(network.state_dict(), model, metadata={"classes": json.dumps(shapes.CLASSES)})
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/activate").write_text(f'PATH="{Path(sys.executable).parent}:$PATH"\n')
    env = os.environ | {"PYTHONPATH": str(folder), "AVH_DATA": str(tmp_path_factory.mktemp("data"))}
    words = ["sh", "-e", "-c", example()]
    run = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    return folder, run.stdout


def test_the_lines_leave_the_ranking_of_all_pictures(done):
    folder, output = done
    files = folder / "build/notebooks/mine/resnet50/files"
    order = pd.read_csv(files / "ranking.csv")
    assert len(order) == 1000
    moved = order.set_index("id").loc["heart/00802.png"]
    assert moved["class"] == "heart"
    assert "cross/00802.png" not in set(order["id"])
    assert output.splitlines()[-5].startswith("1,")
    assert {"fig-h2.svg", "fig-h3.png", "tab-suspects.csv"} <= {file.name for file in files.iterdir()}
    assert not (files / "fig-h1.png").exists()


def test_the_page_says_that_nobody_was_asked(done):
    page = (done[0] / "build/hardness.ipynb").read_text()
    assert "There are no human labels for these images" in page
    assert "needs people" not in page


def test_the_study_of_ones_own_has_the_pages_that_need_no_training():
    (study,) = studies.read_studies({"studies": "own"}).values()
    assert study.measured
    text = contents.table_of_contents(
        {"own": study, **studies.read_studies({"studies": "synthetic", "archs": "alexnet"})}
    )
    assert re.findall(r"file: book/runs/own/(\S+)", text) == ["resnet50/hardness", "resnet50/explorer"]
    assert "book/runs/synthetic/alexnet/training" in text


def test_a_study_trains_all_of_its_networks_or_none(tmp_path, monkeypatch):
    monkeypatch.setattr(studies, "STUDIES", tmp_path)
    (tmp_path / "both.yaml").write_text("architectures: {alexnet: {weights: a.pth}, resnet50: {}}")
    with pytest.raises(InputError, match="study both gives weights to some networks only"):
        studies.read_studies({"studies": "both"})
