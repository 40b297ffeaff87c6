"""All numbers: those of the recorded study, each once, and which of them are means over seeds."""

from pathlib import Path

import pandas as pd
import pytest

from report import numbers

PAGES = Path(__file__).parent.parent.parent / "book/runs/cifar10h"


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return numbers.numbers_of_study(PAGES, "CIFAR-10H")


def test_each_number_is_given_once(table):
    assert len(table) > 100
    assert not table.duplicated(["network", "number", *numbers.NUMBER]).any()


def test_a_mean_over_seeds_is_told_from_the_first_seed(table):
    starts = pd.read_csv(PAGES / "files/tab-margin.csv").query("score == 'avh' and images == 'all images'")
    for network, arch, seeds in (("AlexNet", "alexnet", 3), ("ResNet50", "resnet50", 1)):
        its = starts[starts["arch"] == arch]
        mean = its.loc[its["start"] == "mean", "value"].item()
        said = table[(table["network"] == network) & table["number"].str.startswith("AVH, all images")]
        assert said["value"].tolist() == pytest.approx([mean])
        assert (f"mean of {seeds} seeds" in said["number"].item()) == (seeds > 1)
