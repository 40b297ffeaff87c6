"""Which output is which class: by names however they are written, by numbers, by order where nothing else is left."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import outputs
from analysis.errors import InputError

NAMES = ("Zebra", "ant", "bee", "éclair")


def matched(classes, names, n=None, **more):
    return outputs.match(classes, names, len(names) if n is None else n, "m.pt", **more)


@given(st.permutations(range(4)))
def test_names_decide_whatever_the_order(order):
    assert matched([NAMES[i] for i in order], NAMES) == (list(order), "names")


@pytest.mark.parametrize(
    "written",
    [
        str.upper,
        str.title,
        lambda name: unicodedata.normalize("NFD", name),  # as macOS writes folders
        lambda name: name.replace(" ", "_"),
        lambda name: name.replace(" ", "-"),
        lambda name: f" {name.replace(' ', '  ')} ",
    ],
)
def test_a_name_is_the_same_however_it_is_written(written):
    names = ("great white shark", "éclair", "naïve café", "Straße")
    assert matched([written(name) for name in reversed(names)], names) == ([3, 2, 1, 0], "names")


def test_numbered_folders_are_outputs_by_number_in_whatever_order_they_come():
    """As text, 10 and 11 come before 2."""
    classes = sorted(map(str, range(12)))
    assert matched(classes, None, 12) == (list(map(int, classes)), "numbers")
    assert matched(classes, tuple("abcdefghijkl"))[1] == "numbers"
    assert matched([f"{i:03}" for i in range(1, 13)], None, 12) == (list(range(12)), "numbers")
    assert matched(["0", "1", "5"], None, 3) == ([0, 1, 2], "order")  # one may be left out, or not


def test_numbers_that_the_network_knows_are_names():
    assert matched(["10", "02", "1"], ("1", "2", "10")) == ([2, 1, 0], "names")


def test_order_is_what_is_left_where_one_side_knows_no_names():
    assert matched(("ant", "bee"), None, 2) == ([0, 1], "order")
    assert matched(("ant", "bee"), ("0", "1")) == ([0, 1], "order")


@pytest.mark.parametrize(
    ("classes", "sentence"),
    [
        (
            ("mouse", "rat", "cow", "pig"),
            "no class folder bears the name of a class of m.pt: 'mouse', 'rat', 'cow' and",
        ),
        (("ant", "bee", "zebra", "pig"), "class 'pig' is none of the 4 classes"),
        (("ant", "Ant", "bee", "zebra"), "class 'ant' may be several of the 4"),
        (("n00000001", "n00000002", "n00000003", "n00000004"), "no class folder bears the name"),
    ],
)
def test_names_that_do_not_fit_are_refused_and_never_taken_by_order(classes, sentence):
    with pytest.raises(InputError, match=sentence):
        matched(classes, NAMES)


def test_folders_may_be_called_by_wordnets_numbers():
    wnids = ["n01440764", "n01443537", "n01484850", "n01491361"]
    assert matched([wnids[2], wnids[0]], NAMES, wnids=wnids) == ([2, 0, 1, 3], "names")
    with pytest.raises(InputError, match="class 'n00000001' is none of"):
        matched([wnids[2], "n00000001"], NAMES, wnids=wnids)


# --- what order gave


def test_an_order_that_is_evidently_another_is_refused():
    """0 to 11 in the order of text against a network in that of numbers: its accuracy falls from .944 to .167."""
    labels = np.repeat(np.arange(12), 6)
    predicted = labels.copy()
    predicted[::18] = (labels[::18] + 1) % 12
    turned = np.array(sorted(range(12), key=str))[predicted]
    assert (predicted == labels).mean() > 0.94 and (turned == labels).mean() < 0.2
    outputs.check_order(labels, predicted, "m.pt", "order")
    with pytest.raises(InputError, match=r"classifies 1\d.\d% of the images correctly, but 94.4% with the classes"):
        outputs.check_order(labels, turned, "m.pt", "order")
    with pytest.raises(InputError, match="assigned to classes by their numbers, which is probably wrong"):
        outputs.check_order(labels, turned, "m.pt", "numbers", own=0.95)
    outputs.check_order(labels, turned, "m.pt", "names", own=0.95)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("n", "classes"), [(12, 12), (60, 3), (200, 10), (1000, 12)])
def test_a_network_that_knows_nothing_is_no_evidence_of_another_order(seed, n, classes):
    random = np.random.default_rng(seed)
    labels, predicted = np.arange(n) % classes, random.integers(0, classes, n)
    outputs.check_order(labels, predicted, "m.pt", "order")
    outputs.check_order(labels, np.zeros(n, int), "m.pt", "order")


@pytest.mark.parametrize(("own", "refused"), [(0.9, True), (0.45, True), (0.15, False), (None, False)])
def test_an_accuracy_far_below_the_networks_own_is_refused(own, refused):
    labels, predicted = np.arange(1000) % 10, np.zeros(1000, int)
    if refused:
        with pytest.raises(
            InputError, match=rf"classifies 10.0% of the images correctly, but {own:.1%} of its own test images"
        ):
            outputs.check_order(labels, predicted, "m.pt", "order", own)
    else:
        outputs.check_order(labels, predicted, "m.pt", "order", own)
