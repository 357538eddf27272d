# SPDX-License-Identifier: GPL-2.0
"""The part of the benchmark that runs in the guest: measures case after case."""
import contextlib
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys

import table
from cases import CASES, LINEAR

TOOLS = "/run/bench"
PROGRAMS = "/build/tests/bench/bin/meter", "/build/user/pmemctl", "pmap", "cat", "sh"


def in_memory():
    """What runs while it is measured must not wait for a disk."""
    os.makedirs(TOOLS, exist_ok=True)
    for program in PROGRAMS:
        shutil.copy(shutil.which(program), TOOLS)
    os.environ["PATH"] = f"{TOOLS}:{os.environ['PATH']}"


def meter(arguments, runs):
    """The meter's lines as numbers; None where this kernel cannot do it."""
    contender, *rest = shlex.split(arguments)
    done = subprocess.run(["meter", contender, str(runs), *rest], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode == 77:
        return None
    if done.returncode:
        sys.exit(f"{arguments}: {done.stderr}")
    return [[int(n) for n in line.split()] for line in done.stdout.splitlines()]


def clock():
    """Ticks of the clock for an instruction; a timer's tick may be among them."""
    return min(line[0] / line[2] for line in meter("loop", 20))


@contextlib.contextmanager
def target(case, number):
    popen = subprocess.Popen(case.fixture.replace("N", str(number)).split(),
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        line = popen.stdout.readline()
        if not line:
            sys.exit(f"{case.fixture}, {number}: exit {popen.wait()}")
        yield json.loads(line)["pid"]
    finally:
        popen.stdin.close()
        popen.wait()


def items_of(case, pid):
    with open(f"/proc/{pid}/maps", "rb") as f:
        vmas = sum(not line.endswith(b"[vsyscall]\n") for line in f)
    threads = len(os.listdir(f"/proc/{pid}/task"))
    return (vmas if case.item == "VMA" else threads), vmas


def own_items(case):
    """What the program brings along without being asked."""
    with target(case, 1) as pid:
        return items_of(case, pid)[0] - 1


def measure(case, contender, pid, items, size):
    # A command may take billions of instructions, and many seconds of emulation
    few = 2 if contender.meter.startswith("command") else 4
    lines = meter(contender.meter.replace("PID", str(pid)),
                  few if size == case.sizes[-1] else 8)
    if lines is None:
        return None
    # The vsyscall page is a line of maps and no VMA.
    if lines[0][1] and not 0 <= lines[0][1] - items <= 1:
        sys.exit(f"{contender.name}: {lines[0][1]} of {items}")
    runs = [line[contender.field] for line in lines]
    return {"instructions": min(runs), "items": items, "runs": runs,
            "spread": statistics.median(runs) / min(runs) - 1}


def growth(cells):
    """How much more the last items cost than the first ones did."""
    small, middle, large = cells
    first, last = [(b["instructions"] - a["instructions"]) / (b["items"] - a["items"])
                   for a, b in ((small, middle), (middle, large))]
    return last / first


def bench(case):
    rows = {c.name: [] for c in case.contenders}
    vmas = []
    extra = own_items(case)
    for size in case.sizes:
        with target(case, max(size - extra, 1)) as pid:
            items, count = items_of(case, pid)
            vmas.append(count)
            for contender in case.contenders:
                rows[contender.name].append(measure(case, contender, pid, items, size))
    result = {"case": case.name, "title": case.title, "item": case.item,
              "vmas": vmas, "contenders": []}
    for contender in case.contenders:
        cells, peers = rows[contender.name], rows[contender.peer]
        if None in cells:
            continue
        for cell, peer in zip(cells, peers):
            cell["each"] = cell["instructions"] / cell["items"]
            cell["ratio"] = cell["instructions"] / peer["instructions"]
        grown = growth(cells) if contender.own else None
        result["contenders"].append(
            {"name": contender.name, "peer": contender.peer, "cells": cells,
             "growth": grown, "linear": grown is None or grown <= LINEAR})
    return result


def main(arguments):
    as_json = "--json" in arguments
    wanted = [a for a in arguments if a != "--json"] or [c.name for c in CASES]
    if not set(wanted) <= {c.name for c in CASES}:
        sys.exit(f"cases: {' '.join(c.name for c in CASES)}")

    in_memory()
    head = {"kernel": os.uname().release, "clock": clock()}
    results = []
    if not as_json:
        table.head(head)
    for case in CASES:
        if case.name not in wanted:
            continue
        results.append(bench(case))
        if not as_json:
            table.show(results[-1])
    if as_json:
        print(json.dumps({**head, "cases": results}, indent=1))

    steep = [f"{r['title']}: {c['name'].strip()}" for r in results
             for c in r["contenders"] if not c["linear"]]
    for line in steep:
        print(f"not linear: {line}", file=sys.stderr)
    return 1 if steep else 0


sys.exit(main(sys.argv[1:]))
