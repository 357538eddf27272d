# SPDX-License-Identifier: GPL-2.0
"""Requests that no client would send, for a short while: tests/fire/fuzz.c.
At length: fire-fuzz --requests 1000000."""
from conftest import SLOW, attack

# Where each takes hundred times as long, as many as there are in so many seconds
REQUESTS = 20000 if SLOW == 1 else 200
HOW = ["--requests", "20000"] + (["--seconds", "90"] if SLOW > 1 else [])


def test_fuzz():
    [(count, unit)] = attack("fire-fuzz", "--seed", "1", *HOW, timeout=600 * SLOW)
    assert count >= REQUESTS and unit == "requests"
