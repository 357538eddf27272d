# SPDX-License-Identifier: GPL-2.0
"""The part of tests/bench/lock that runs in the guests."""
import contextlib
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from table import short  # noqa: E402

METER = "/build/tests/bench/bin/meter"
SIZES = 1000, 65530, 1000000
TRACING = "/sys/kernel/tracing"
LOCKED = f"{TRACING}/events/mmap_lock/mmap_lock_acquire_returned/trigger"
RELEASED = f"{TRACING}/events/mmap_lock/mmap_lock_released/trigger"
HELD = f"{TRACING}/events/synthetic/mmap_lock_held"
ROUND = 3       # seconds that the target is watched in one way
NAME = 22

WATCHERS = (
    ("pmemctl module", f"{METER} dump 0 PID vmas"),
    ("pmemctl regions", "/build/user/pmemctl regions -rno START,END PID"),
    ("cat maps", "cat /proc/PID/maps"),
    ("PROCMAP_QUERY", f"{METER} query 0 PID"),
    ("cat smaps", "cat /proc/PID/smaps"),
)


@contextlib.contextmanager
def busy(vmas):
    popen = subprocess.Popen(["fx-busy", str(vmas)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
    try:
        yield popen, json.loads(popen.stdout.readline())["pid"]
    finally:
        popen.stdin.close()
        popen.wait()


@contextlib.contextmanager
def still(vmas):
    popen = subprocess.Popen(["fx-manyvmas", str(vmas)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
    try:
        yield json.loads(popen.stdout.readline())["pid"]
    finally:
        popen.stdin.close()
        popen.wait()


def watch(command, pid):
    """Return: whether this kernel can do it."""
    done = subprocess.run(command.replace("PID", str(pid)).split(),
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode not in (0, 77):
        sys.exit(f"{command}: {done.stderr.decode()}")
    return done.returncode == 0


def write(path, text):
    """Adds a line. Not open(): that wants to know where the end is."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(fd, text.encode() + b"\n")
    finally:
        os.close(fd)


@contextlib.contextmanager
def traced(comm):
    """From mmap_lock:mmap_lock_acquire_returned to :mmap_lock_released, of programs of
    that name and locks for reading."""
    mine = f'write==0 && comm=="{comm}"'
    locked = f"hist:keys=common_pid,mm:t=common_timestamp if success==1 && {mine}"
    released = ("hist:keys=common_pid,mm:ns=common_timestamp-$t:"
                "onmatch(mmap_lock.mmap_lock_acquire_returned)."
                f"mmap_lock_held(mm,$ns):onmax($ns).save(common_pid) if {mine}")
    summed = "hist:keys=mm:vals=hitcount,ns"
    steps = ((LOCKED, locked), (RELEASED, released), (f"{HELD}/trigger", summed))
    for path, text in steps:
        write(path, text)
    try:
        yield
    finally:
        for path, text in reversed(steps):
            write(path, "!" + text)


def holds():
    """Of the mm whose lock was held longest in all: times, the sum, the longest."""
    sums = {}
    with open(f"{HELD}/hist") as f:
        for mm, hits, ns in re.findall(
                r"mm: *(\S+).*hitcount: *(\d+).* ns: *(\d+)", f.read()):
            sums[mm] = int(hits), int(ns)
    if not sums:
        return 0, 0, 0
    mm = max(sums, key=lambda m: sums[m][1])
    longest = 0
    with open(os.path.dirname(RELEASED) + "/hist") as f:
        for key, text in re.findall(r"\{ ([^}]*) \}(.*?)(?=\n\{|\nTotals)", f.read(), re.S):
            if re.search(rf"mm: *{mm}\b", key):
                longest = max(longest, int(re.search(r"max: *(\d+)", text).group(1)))
    return *sums[mm], longest


def head(text):
    print(" ".join(text.split()), flush=True)


def hold(sizes):
    if not os.path.exists(f"{TRACING}/events"):
        subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACING], check=True)
    write(f"{TRACING}/trace_clock", "mono")
    write(f"{TRACING}/synthetic_events", "mmap_lock_held u64 mm; u64 ns")
    head(f"""How long the target's mmap_lock is held for reading, in instructions, on
        Linux {os.uname().release}: the longest hold, how often it is taken, all holds
        together. Seen from outside, by the tracepoints of mmap_lock; the tracing
        itself is in the figures, of the holds that are many most of all.""")
    print(" " * NAME + "".join(f"{f'{s:,} VMAs':>27}" for s in sizes))
    print(" " * NAME + f"{'longest':>11}{'times':>8}{'all':>8}" * len(sizes), flush=True)
    rows = {name: [] for name, _ in WATCHERS}
    for size in sizes:
        with still(size) as pid:
            for name, command in WATCHERS:
                comm = os.path.basename(command.split()[0])
                # two looks: its own page faults outweigh one at a small process
                command = command.replace("dump 0", "dump 1")
                with traced(comm):
                    able = watch(command, pid)
                    rows[name].append(holds() if able else None)
    for name, cells in rows.items():
        print(f"{name:<{NAME}}" + "".join(
            " " * 26 + "-" if c is None else
            f"{short(c[2]):>11}{short(c[0]):>8}{short(c[1]):>8}" for c in cells), flush=True)


def rate(popen):
    """mmap() and munmap() since the last call, and ns of the slowest."""
    popen.stdin.write(b"\n")
    popen.stdin.flush()
    return [int(n) for n in popen.stdout.readline().split()]


def measured(popen, what):
    """Pairs a second, and the slowest, while that is done over and over."""
    rate(popen)
    begun, looks = time.monotonic(), 0
    while time.monotonic() < begun + ROUND:
        if not what():
            return None
        looks += 1
    pairs, slowest = rate(popen)
    took = time.monotonic() - begun
    return pairs / took, slowest, looks / took


def feel(sizes):
    os.sched_setaffinity(0, {1})
    head(f"""How often a thread on CPU 0 maps and unmaps a page, in % of how often it
        does unwatched, while its process is watched from CPU 1 without a pause; how long
        the slowest of them took, in ms; and how often it was looked at, a second. By the
        clock, on Linux {os.uname().release}: other work of the host is in it.""")
    print(" " * NAME + "".join(f"{f'{s:,} VMAs':>27}" for s in sizes))
    print(" " * NAME + f"{'rate':>11}{'slowest':>8}{'looks':>8}" * len(sizes), flush=True)
    rows = {name: [] for name in ("unwatched", *(n for n, _ in WATCHERS))}
    for size in sizes:
        with busy(size) as (popen, pid):
            def nothing():
                time.sleep(0.1)
                return True
            base, slowest, _ = measured(popen, nothing)
            rows["unwatched"].append((100, slowest, 0))
            for name, command in WATCHERS:
                cell = measured(popen, lambda c=command: watch(c, pid))
                # the host has other things to do now than it had at first
                base = max(base, measured(popen, nothing)[0])
                rows[name].append(cell and (100 * cell[0] / base, *cell[1:]))
    for name, cells in rows.items():
        print(f"{name:<{NAME}}" + "".join(
            " " * 26 + "-" if c is None else
            f"{c[0]:>10.0f}%{c[1] / 1e6:>8.1f}{c[2]:>8.1f}" for c in cells), flush=True)


if __name__ == "__main__":
    {"hold": hold, "feel": feel}[sys.argv[1]]([int(s) for s in sys.argv[2:]] or SIZES)
