"""The page of costs: its tables are what the arithmetic gives, and the arithmetic's numbers are those of the code."""

import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import models

from analysis import runs
from analysis.architectures import build
from analysis.extraction import AHEAD, PROBED, Pictures, extract
from analysis.parameters import RunParameters
from analysis.training import probes_table
from benchmarks import costs

PAGE = Path(__file__).parent.parent / "book/costs.md"


def cells(table: str, row: str) -> list[str]:
    """The cells of the row that begins with ``row``."""
    (line,) = (line for line in table.splitlines() if line.startswith(f"| {row} |"))
    return [spaced(cell) for cell in line.strip("|").split("|")]


def spaced(text: str) -> str:
    return " ".join(text.split())


def test_the_page_shows_the_tables_and_no_others():
    shown = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    assert shown == "".join(costs.tables()).splitlines()


def test_a_worked_example():
    """ResNet50 on ImageNet, by hand: 90 x 1,281,167 / 1,218 = 94,668 s; 151 x 50,000 / 3,676 = 2,054 s."""
    *_, once, core, training, probes, both = cells(costs.markdown(costs.networks()), "ResNet50")
    assert (once, core, training, probes, both) == ("14 s", "0.75 h", "26.3 h", "0.57 h", "26.9 h")
    assert cells(costs.markdown(costs.growth()), "training")[-1] == "2,629.7 h"
    assert cells(costs.markdown(costs.growth()), "decoded test pictures")[-2:] == ["7.53 GB", "753 GB"]


def test_weights_are_torchvisions():
    for network in costs.NETWORKS:
        with torch.device("meta"):
            built = getattr(models, network.arch)()
        assert sum(p.numel() for p in built.parameters()) == network.weights


def test_steps_and_bytes_are_those_of_the_code(tmp_path):
    """A probe of 2,000 images as the code makes it, in memory and, 20 times over, on disk."""
    assert RunParameters().probed_steps == costs.STEPS
    assert (AHEAD + 2) * inspect.signature(extract).parameters["batch_size"].default == costs.IN_FLIGHT
    n = 2_000
    network = build("alexnet", 12, image_size=32, width=0.125, stem="small")
    pixels = np.random.default_rng(0).integers(0, 256, (n, 3, 32, 32), dtype=np.uint8)
    values = extract(network, Pictures(pixels, torch.device("cpu")), torch.arange(n) % 12, columns=PROBED)
    assert sum(v.nbytes for v in values.values()) == n * costs.KEPT
    table = probes_table("epoch", [values] * 20)
    assert table.memory_usage(index=False).sum() == len(table) * costs.INDEXED
    runs.write_table(tmp_path / "probes.parquet", probes_table("epoch", [values]))
    assert 0.5 < (tmp_path / "probes.parquet").stat().st_size / n / costs.PROBED < 1.2


@pytest.mark.parametrize(
    ("count", "text"), [(1_999_999, "2 MB"), (31_915_424, "31.9 MB"), (128.35e6, "128 MB"), (12.835e9, "12.8 GB")]
)
def test_sizes_have_three_digits(count, text):
    assert spaced(costs.size(count)) == text


@pytest.mark.parametrize(("seconds", "text"), [(13.6, "14 s"), (299, "299 s"), (2_054, "0.57 h"), (94_668, "26.3 h")])
def test_hours_where_seconds_are_many(seconds, text):
    assert spaced(costs.hours(seconds)) == text
