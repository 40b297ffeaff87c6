"""The drill without whole books: every try ends in one sentence and a failure. `make drill` has the rest."""

import pytest

from drills import inside


@pytest.fixture
def faults(tmp_path):
    return list(inside.all_of_it(tmp_path))


def test_every_try_is_survived(faults):
    assert [outcome for fault in faults for outcome in fault.outcomes if not outcome.survived] == []
    assert sum(len(fault.outcomes) for fault in faults) > 300
