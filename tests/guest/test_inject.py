# SPDX-License-Identifier: GPL-2.0
"""Requests while memory cannot be had: tests/fire/inject.c.

Allocations fail on order only in kernels that are made for it, the debug guests.
There they must; in the others the same requests are made and judged, and none
fails: DEBUG says which it is, and the name of the test as well.
"""
import os
import subprocess

import pytest

from conftest import SLOW, tried

DEBUG = os.uname().nodename.startswith("debug-")
HOW = ["--dry"] if not DEBUG else []


def run(*argv, timeout):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize("how", [HOW], ids=["every-allocation" if DEBUG else
                                            "no-failslab-in-this-kernel"])
def test_inject(how):
    lines = run("fire-inject", *how, timeout=900 * SLOW)
    counts = [line.split("\t") for line in lines if line.startswith("TRIED\t")]
    for count in counts:
        tried(*count[1:])
    assert all(c[4] == "nothing" for c in counts)
    # an injection that injects nothing passes for a module without a fault
    assert min(int(c[2]) for c in counts) > (300 if DEBUG else 30)
    # requests and loading, each with one allocation failing, and with all from one on
    assert len(counts) == (4 if DEBUG else 1)
