import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.datasets.subsets import balanced, describe_subset
from analysis.errors import InputError

LABELS = st.lists(st.integers(0, 4), min_size=2, max_size=60).map(np.array)


@given(LABELS, st.integers(0, 99), st.data())
def test_classes_differ_by_one_picture_unless_one_is_used_up(labels, seed, data):
    count = data.draw(st.integers(1, len(labels)))
    chosen = balanced(labels, count, seed, "test")
    assert len(set(chosen)) == count
    assert (np.diff(chosen) > 0).all()
    taken, there = (np.bincount(x, minlength=5) for x in (labels[chosen], labels))
    for label in range(5):
        assert taken[label] == there[label] or taken[label] >= taken.max() - 1


@given(LABELS, st.integers(0, 99), st.data())
def test_a_smaller_subset_is_part_of_a_larger_one(labels, seed, data):
    large = data.draw(st.integers(1, len(labels)))
    small = data.draw(st.integers(1, large))
    assert set(balanced(labels, small, seed, "train")) <= set(balanced(labels, large, seed, "train"))


def test_none_means_all_in_order():
    assert balanced(np.array([1, 0, 1]), None, 3, "train").tolist() == [0, 1, 2]


def test_the_same_seed_draws_the_same_and_splits_are_drawn_independently():
    labels = np.arange(1000) % 10
    first = balanced(labels, 100, 7, "test")
    assert (first == balanced(labels, 100, 7, "test")).all()
    assert (first != balanced(labels, 100, 8, "test")).any()
    assert (first != balanced(labels, 100, 7, "train")).any()


def test_every_picture_is_equally_likely():
    labels = np.repeat([0, 1], [10, 30])
    drawn = np.bincount(np.concatenate([balanced(labels, 10, seed, "test") for seed in range(2000)]), minlength=40)
    # 5 of 10 and 5 of 30 per draw; four standard deviations of a binomial count
    for expected, counts in ((1 / 2, drawn[:10]), (1 / 6, drawn[10:])):
        assert (abs(counts / 2000 - expected) < 4 * np.sqrt(expected * (1 - expected) / 2000)).all()


def test_more_than_there_are_is_an_error():
    with pytest.raises(InputError, match="test_images is 4, but there are 3 test images"):
        balanced(np.array([0, 1, 1]), 4, 0, "test")


def test_only_a_part_is_worth_a_note():
    labels = np.arange(2000) % 10
    assert describe_subset(labels, None, 0, "test") == describe_subset(labels, 2000, 0, "test") == ()
    assert describe_subset(labels, 1000, 5, "test") == (
        "1,000 of the 2,000 test images, drawn evenly from the classes (seed 5).",
    )
