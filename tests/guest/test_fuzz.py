# SPDX-License-Identifier: GPL-2.0
"""Requests that no client would send, for a short while: tests/fire/fuzz.c.
At length: fire-fuzz --requests 1000000."""
import subprocess


def test_fuzz():
    done = subprocess.run(["fire-fuzz", "--seed", "1", "--requests", "20000"],
                          capture_output=True, text=True, timeout=600)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert done.stderr == ""
    _, _, count, unit, found = next(line for line in done.stdout.splitlines()
                                    if line.startswith("TRIED\t")).split("\t")
    assert int(count) >= 20000 and unit == "requests" and found == "nothing"
