# SPDX-License-Identifier: GPL-2.0
"""What was tried and how often, for the table in README's section on security.

A line a kind, on stdout, and at the end of the file that PMEMCTL_TRIED names, as
pytest shows nothing of a test that passed.
"""
import os


def tried(what, how_many, unit, found="nothing"):
    line = f"TRIED\t{what}\t{how_many}\t{unit}\t{found}\n"
    print(line, end="", flush=True)
    path = os.environ.get("PMEMCTL_TRIED")
    if path:
        with open(path, "a") as f:
            f.write(line)
