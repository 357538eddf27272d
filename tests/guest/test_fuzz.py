# SPDX-License-Identifier: GPL-2.0
"""Requests that no client would send, for a short while: tests/fire/fuzz.c.
At length: fire-fuzz --requests 1000000."""
import subprocess

from conftest import SLOW, tried

# Where each takes hundred times as long, as many as there are in so many seconds
REQUESTS = 20000 if SLOW == 1 else 200
HOW = ["--requests", "20000"] + (["--seconds", "90"] if SLOW > 1 else [])


def test_fuzz():
    done = subprocess.run(["fire-fuzz", "--seed", "1", *HOW], capture_output=True,
                          text=True, timeout=600 * SLOW)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert done.stderr == ""
    _, what, count, unit, found = next(line for line in done.stdout.splitlines()
                                       if line.startswith("TRIED\t")).split("\t")
    tried(what, count, unit, found)
    assert int(count) >= REQUESTS and unit == "requests" and found == "nothing"
