"""The drills that need no book: every trial ends with one sentence and a failure. `make drill` runs all of them."""

import pytest

from drills import inside


@pytest.fixture
def faults(tmp_path):
    return list(inside.all_faults(tmp_path))


def test_every_trial_is_survived(faults):
    assert [outcome for fault in faults for outcome in fault.outcomes if not outcome.survived] == []
    assert sum(len(fault.outcomes) for fault in faults) > 300
