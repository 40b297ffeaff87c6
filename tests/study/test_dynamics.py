"""What the curves of training show beyond the verdicts, from curves made by hand; and its sentences."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from analysis.study import dynamics
from analysis.study.results import NetworkResults
from report import wording


def curves(norms: list[float], accuracies: list[float], drops: tuple[int, ...] = (), arch: str = "alexnet"):
    """The means of a network after each epoch, as in ``tables.epoch_means``."""
    epochs = np.arange(1, len(norms) + 1)
    parts = [
        pd.DataFrame({"arch": arch, "measure": name, "epoch": epochs, "mean": means, "drop": np.isin(epochs, drops)})
        for name, means in (("norm", norms), ("accuracy", accuracies))
    ]
    return pd.concat(parts, ignore_index=True)


def test_norm_and_accuracy_are_compared_between_drops_and_not_over_the_whole_run():
    """Over the whole run the norm ends higher; in the first part it falls while accuracy rises."""
    table = dynamics.between_drops(curves([3, 2, 1, 4, 5, 6], [0.1, 0.2, 0.3, 0.5, 0.6, 0.7], (4,)))
    assert table["value"].tolist() == pytest.approx([-1, 1])
    assert table[["first", "last"]].to_numpy().tolist() == [[1, 3], [4, 6]]
    correlations, fall = wording.dynamics.parts_sentences(table)
    assert correlations.startswith("In epochs 1 to 3 and 4 to 6, between drops of the learning rate")
    assert correlations.endswith("−1.00 and 1.00 for AlexNet.")
    assert "against the paper, in epochs 1 to 3 of AlexNet (norm 3 to 1, accuracy 10\u202f% to 30\u202f%)" in fall


def test_a_norm_that_rises_with_accuracy_does_not_count_against_the_paper():
    table = dynamics.between_drops(curves([1, 2, 3], [0.1, 0.2, 0.3]))
    assert wording.dynamics.parts_sentences(table)[-1].startswith("In none of these parts")
    assert wording.dynamics.parts_sentences(dynamics.between_drops(curves([1], [0.1]))) == []


def test_a_norm_of_one_epoch_stands_out_beside_both_neighbours_of_its_network():
    table = pd.concat([curves([3, 6, 3, 9], 4 * [0.5]), curves([4, 4.5, 9, 10], 4 * [0.5], arch="vgg19")])
    found = dynamics.outlying_norms(table)
    assert found.to_dict("records") == [{"arch": "alexnet", "epoch": 2, "before": 3, "value": 6, "after": 3}]
    assert "6 after epoch 2 of AlexNet, between 3 and 3" in wording.dynamics.outlying_sentence(found)
    assert wording.dynamics.outlying_sentence(dynamics.outlying_norms(curves([3, 4, 5], 3 * [0.5]))) == ""


def test_a_better_network_with_a_higher_avh_counts_against_the_paper_where_intervals_are_apart():
    """Of four networks two are equally accurate within their intervals, so five pairs remain; epochs may differ."""
    networks = {
        "alexnet": (0.8, 0.3, 3),
        "vgg19": (0.9, 0.4, 3),
        "densenet121": (0.905, 0.35, 3),
        "resnet50": (0.95, 0.2, 2),
    }
    rows = [
        (arch, measure, epoch, mean, mean - 0.01, mean + 0.01, 500)
        for arch, (accuracy, avh, last) in networks.items()
        for measure, mean in (("accuracy", accuracy), ("avh", avh))
        for epoch in range(1, last + 1)
    ]
    table = pd.DataFrame(rows, columns=["arch", "measure", "epoch", "mean", "low", "high", "n"])
    table.loc[table["epoch"] == 1, ["mean", "low", "high"]] = 0.5  # the last epoch of each counts
    found = dynamics.pairs_by_accuracy(table)
    assert {(row.better, row.worse): (row.avh_higher, row.avh_lower) for row in found.itertuples()} == {
        ("vgg19", "alexnet"): (True, False),
        ("densenet121", "alexnet"): (True, False),
        ("resnet50", "alexnet"): (False, True),
        ("resnet50", "vgg19"): (False, True),
        ("resnet50", "densenet121"): (False, True),
    }
    said = wording.dynamics.better_networks_sentence(found)
    assert said.startswith("After the last epoch, 5 pairs of networks differ in accuracy")
    assert "a lower mean AVH in 3 of them, and a higher one, against the paper, in 2: VGG19 over AlexNet (" in said
    assert "AVH 0.4000 [0.3900,\u00a00.4100] and 0.3000 [0.2900,\u00a00.3100])" in said
    assert said.endswith("n\u00a0=\u00a0500.")
    none = wording.dynamics.better_networks_sentence(found[~found["avh_higher"]])
    assert "and a higher one in none; n" in none
    assert wording.dynamics.better_networks_sentence(dynamics.pairs_by_accuracy(table[table["arch"] == "vgg19"])) == ""


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ([*range(20, 1, -1), 1.99], "Over the last 2 epochs of 20 the training loss falls from 3 to 1.99, 6\u202f% of"),
        ([11, *np.linspace(2, 1, 19)], "training counts as long enough"),
        ([2, 1], "Over the last epoch of 2 the training loss falls from 2 to 1, 100\u202f% of its whole fall"),
        ([2, 1, 1.5], "does not fall (from 1 to 1.5)"),
    ],
)
def test_it_is_said_whether_the_loss_was_still_falling(loss, said, tmp_path):
    run = NetworkResults("alexnet", tmp_path, {}, pd.DataFrame())
    object.__setattr__(run, "training", pd.DataFrame({"loss": loss}))
    sentence = wording.dynamics.end_sentence(dynamics.end_of_training(run))
    assert said in sentence
    assert ("not long enough" in sentence) == (said.startswith("Over"))


def test_a_fall_smaller_than_the_step_of_the_stored_angles_is_named():
    """Angles of two images in steps of 1/128; of another network in fine steps."""
    coarse = pd.DataFrame({"step": 0, "angle": [1.5, 1.5 + 1 / 128, 1.5]})
    fine = pd.DataFrame({"step": 0, "angle": [1.5, 1.5001, 1.6]})

    @dataclasses.dataclass
    class Run:
        iterations: pd.DataFrame

    runs = {"alexnet": Run(coarse), "vgg19": Run(fine), "resnet50": Run(coarse)}
    falls = {"alexnet": 0.001, "vgg19": 0.001, "resnet50": 0.1}
    rows = [(arch, "angle", step, 1.5 - step * fall) for arch, fall in falls.items() for step in (0, 1)]
    found = dynamics.rounded_angles(runs, pd.DataFrame(rows, columns=["arch", "measure", "step", "mean"]))
    assert found["arch"].tolist() == ["alexnet"]
    assert "steps of 0.00781" in wording.dynamics.rounding_sentence(found)
    assert "by 0.001 for AlexNet. Such a fall cannot" in wording.dynamics.rounding_sentence(found)
    assert wording.dynamics.rounding_sentence(found.head(0)) == ""
