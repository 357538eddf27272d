# SPDX-License-Identifier: GPL-2.0
"""Requests that need a setting: tests/fire/tour.c."""
from conftest import SLOW, attack


def test_tour(tmp_path):
    [(count, unit)] = attack("fire-tour", cwd=tmp_path, timeout=300 * SLOW)
    assert count >= 100 and unit == "requests"
