# SPDX-License-Identifier: GPL-2.0
"""What is said of threads that come and go, for a short while. At length:
tests/races."""
import pytest

import races
from conftest import SLOW

SECONDS = 20


@pytest.fixture(scope="module")
def verdicts():
    tally = races.race(SECONDS)
    races.report(tally)
    return races.verdicts(tally, SLOW)


@pytest.mark.parametrize("what", races.CHECKS)
def test_what_is_claimed(verdicts, what):
    assert verdicts[what] is None
