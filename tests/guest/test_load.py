# SPDX-License-Identifier: GPL-2.0
"""make load and make unload, on the module that is there."""
import os
import subprocess

from conftest import PATIENCE


def make(*args):
    # -o: built it is, and to build it again here takes minutes
    subprocess.run(["make", "-C", "/build", "-o", "module", *args], check=True,
                   capture_output=True, timeout=PATIENCE)


def test_load_and_unload():
    make("unload")
    assert not os.path.exists("/sys/module/pmemctl")
    make("load")
    assert os.path.exists("/sys/module/pmemctl")
    make("load")        # the one that is there makes room
    assert os.path.exists("/sys/module/pmemctl")
