# SPDX-License-Identifier: GPL-2.0
"""Registers of running threads: exact on request, nobody disturbed without."""
import errno
import os
import re
import subprocess

import pytest

import nl
from conftest import fixture, pmemctl, pmemctl_json, read


def spinners(target):
    return [k for k in target.truth["threads"] if k["blocked_in"] == "spin"]


def interrupts(cpu):
    """Function calls that a CPU was interrupted for so far."""
    line, = (l for l in read("/proc/interrupts").split("\n")
             if l.strip().startswith("CAL:"))
    return int(line.split()[1 + cpu])


@pytest.fixture
def spinner():
    """Two threads that spin on CPU 1, while this one is on CPU 0."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {0})
    try:
        with fixture("fx-threads 3 --spin 2") as target:
            for k in target.truth["threads"]:
                os.sched_setaffinity(k["tid"], {1})
            yield target
    finally:
        os.sched_setaffinity(0, mine)


def test_one_of_them_is_live_and_the_rest_exact(spinner):
    fd = nl.proof(spinner.pid, "mem")
    known = {k["tid"]: k for k in spinner.truth["threads"]}
    live = 0
    with nl.Client() as client:
        for _ in range(50):
            snap = client.snapshot(spinner.pid, fd, nl.THREADS, live=True)
            for t in snap.threads:
                assert t["reg_state"] in (nl.REGS_BLOCKED, nl.REGS_QUEUED,
                                          nl.REGS_LIVE), t
                if t["tid"] not in known:
                    continue
                k = known[t["tid"]]
                assert t["tp"] == int(k["self"], 0)
                low = int(k["stack_addr"], 0)
                assert low <= t["sp"] < low + k["stack_size"]
                if t["reg_state"] == nl.REGS_LIVE:
                    live += 1
                    # in the loop, a frame or two below the thread's first one
                    assert 0 <= int(k["local"], 0) - t["sp"] < 256
                    assert t["flags"] & 32
    os.close(fd)
    assert live >= 25       # at times both wait for a thread of the kernel


def test_cpus_are_interrupted_on_request_only(spinner):
    fd = nl.proof(spinner.pid, "mem")
    counts = []
    with nl.Client() as client:
        for live in False, True:
            before = interrupts(1)
            for _ in range(200):
                client.snapshot(spinner.pid, fd, nl.THREADS, live=live)
            counts.append(interrupts(1) - before)
    os.close(fd)
    assert counts[0] < 40 and 140 <= counts[1] < 240, counts


def test_read_proof_is_not_enough(spinner):
    fd = nl.proof(spinner.pid, "pagemap")
    with nl.Client() as client, pytest.raises(nl.Refused) as caught:
        client.snapshot(spinner.pid, fd, nl.THREADS, live=True)
    os.close(fd)
    assert caught.value.errno == errno.EPERM
    assert "/proc/PID/mem" in caught.value.text


def test_one_that_asks_about_itself():
    fd = nl.proof(os.getpid(), "mem")
    with nl.Client() as client:
        snap = client.snapshot(os.getpid(), fd, nl.THREADS, live=True)
    os.close(fd)
    me, = snap.threads
    assert me["reg_state"] == nl.REGS_LIVE
    stack, = (l for l in read("/proc/self/maps").split("\n") if "[stack]" in l)
    low, high = (int(x, 16) for x in stack.split()[0].split("-"))
    assert low <= me["sp"] < high and (me["stack_low"], me["stack_high"]) == (low, high)


def test_command(spinner):
    rows = {t["tid"]: t for t in
            pmemctl_json("threads", "-J", "--live", spinner.pid)["threads"]}
    # one after the other both may have been met
    assert {rows[k["tid"]]["sp_state"] for k in spinners(spinner)} <= {"live", "queued"}
    assert "last-entry" not in {t["sp_state"] for t in rows.values()}


def test_command_says_what_is_missing():
    """Yama keeps a user from attaching to what is no child of theirs."""
    scope = "/proc/sys/kernel/yama/ptrace_scope"
    before = read(scope)
    with fixture(["fx-user", "fx-threads", "1"]) as target:
        try:
            with open(scope, "w") as f:
                f.write("1")
            done, plain = [subprocess.run(
                ["fx-user", "pmemctl", "threads", *live, str(target.pid)],
                capture_output=True, text=True) for live in (["--live"], [])]
        finally:
            with open(scope, "w") as f:
                f.write(before)
    assert done.returncode == 5 and done.stdout == ""
    assert re.fullmatch(r"pmemctl: \d+: .*attach.*--live.*\n", done.stderr)
    assert plain.returncode == 0 and plain.stderr == ""
    assert "not permitted to attach" in plain.stdout


def test_show_has_it_too(spinner):
    shown = pmemctl_json("show", "-J", "--live", spinner.pid)
    assert "last-entry" not in {t["sp_state"] for t in shown["threads"]}
    assert pmemctl("regions", "--live", spinner.pid).returncode == 2
