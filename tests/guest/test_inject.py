# SPDX-License-Identifier: GPL-2.0
"""Requests while memory cannot be had: tests/fire/inject.c.

Allocations fail on order only in kernels that are made for it, the debug guests.
There they must; in the others the same requests are made and judged, and none
fails: DEBUG says which it is, and the name of the test as well.
"""
import pytest

from conftest import DEBUG, SLOW, attack

HOW = ["--dry"] if not DEBUG else []


@pytest.mark.parametrize("how", [HOW], ids=["every-allocation" if DEBUG else
                                            "no-failslab-in-this-kernel"])
def test_inject(how):
    counts = attack("fire-inject", *how, timeout=900 * SLOW)
    # an injection that injects nothing passes for a module without a fault
    numbers = [count for count, _ in counts]
    assert numbers.pop(0) > 30      # without a failure
    if DEBUG:
        # requests and loading, each with one allocation failing, and with all from one on
        assert len(numbers) == 5 and min(numbers[:4]) > 300
        # requests whose large pieces fail
        assert numbers[4] > 10
    else:
        assert not numbers
