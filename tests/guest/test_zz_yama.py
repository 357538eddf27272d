# SPDX-License-Identifier: GPL-2.0
"""Yama's ptrace_scope 3: nobody attaches any more until the next boot, so its name
makes this the last test of a run."""
from callers import YAMA, write
from conftest import read
from test_matrix import ask_yama, matrix, targets   # noqa: F401, fixtures


def test_yama_for_ever(matrix):     # noqa: F811
    assert "root" in matrix.rows    # asked before that
    write(YAMA, "3")
    assert read(YAMA) == "3\n"
    callers = ask_yama(matrix, 3)
    matrix.check("Yama 3", ["root", *callers], [
        ("root", "root, Yama 3", "attach"), ("user", "user, Yama 3", "attach")])
    for caller in callers:
        assert not any(cell["attach"] for cell in matrix.rows[caller].values())
        assert any(cell["read"] for cell in matrix.rows[caller].values())
