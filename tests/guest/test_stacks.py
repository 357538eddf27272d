# SPDX-License-Identifier: GPL-2.0
"""Stacks of C programs that know where theirs are, how deep, and how deep before."""
import contextlib
import itertools
import os
import re
import time

import pytest

from conftest import PATIENCE, fixture, kernel_at_least, started
from stacks import (CALLS, Memory, address, blocked_sp, check_bare, check_depth,
                    check_extents, check_guard, check_main_extents, check_mark,
                    check_thread, limits, look, page)

LIBCS = ["fx-depth", "fx-depth-musl"]
PROGRAMS = LIBCS + ["fx-depth-static", "fx-depth-tls"]
GAP = 256 * 4096	# that the kernel keeps below a stack, unless told else


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("args", [
    "6", "8 --spin 2", "6 --stack 512K --guard 64K", "6 --stack 1M --gap",
    "3 --stack 512K --exec-stack", "3 --stack 512K --split",
    "3 --stack 512K --onfault",
])
def test_threads_at_known_depths(program, args):
    with fixture(f"{program} {args}") as target:
        rows, orphans = look(target.pid)
        memory = Memory(target.pid)
        assert target.truth["threads"]
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            check_thread(target, memory, row, known)
            assert row["taints"] == "", row
            if "gap" in known:
                assert row["resident"] <= row["max"] - known["gap"]["size"]
        assert orphans == []
        assert len(rows) == len(target.truth["threads"]) + 1


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("stack", ["8388608", "unlimited"])
def test_main_thread(program, stack):
    """Without a limit, all mappings lie elsewhere, and only they end it."""
    with fixture(["prlimit", f"--stack={stack}:unlimited", program, "2"]) as target:
        rows, _ = look(target.pid)
        memory = Memory(target.pid)
        row, known = rows[target.pid], target.truth["main"]
        assert row["kind"] == "main"
        assert row["taints"] == ""
        check_main_extents(memory, row)
        check_mark(memory, row)
        end = address(row["stack_end"])
        assert row["max"] == end - page(address(known["deepest"]))
        check_depth(row, blocked_sp(target.pid, target.pid))
        assert 0 <= address(known["local"]) - address(row["sp"]) < CALLS
        assert address(row["tp"]) == address(known["self"])
        assert address(row["tls_start"]) == address(known["tls_start"])
        if stack == "unlimited":
            below = max(s[1] for s in memory.spans if s[1] < end)
            assert row["limit_why"] == "mapping"
            assert address(row["limit_start"]) == below + GAP
        else:
            assert row["limit_why"] == "rlimit"
            assert address(row["limit_start"]) == end - int(stack)
        for k in target.truth["threads"]:
            check_thread(target, memory, rows[k["tid"]], k)


@pytest.mark.parametrize("args", [
    "", "--rlimit 2M", "--rlimit 64K", "--below 4M", "--below 4M --none",
    "--below 512K", "--below 512K --none", "--below 7M --rlimit 2M",
])
def test_room_of_the_main_thread(args):
    with fixture(f"fx-room {args}") as target:
        rows, _ = look(target.pid)
        row, known = rows[target.pid], target.truth["main"]
        check_main_extents(Memory(target.pid), row)
        assert address(row["limit_start"]) == address(known["limit_start"])
        assert row["limit_size"] == \
            address(known["stack_end"]) - address(known["limit_start"])
        assert row["limit_why"] == known["limit_why"]
        assert row["max%"] == row["max"] * 100 // row["limit_size"]


@pytest.mark.parametrize("program", LIBCS)
@pytest.mark.parametrize("args", ["--guard 0", "--memory own --stack 128K"])
def test_no_guard_found(program, args):
    with fixture(f"{program} 5 {args}") as target:
        rows, orphans = look(target.pid)
        memory = Memory(target.pid)
        for known in target.truth["threads"]:
            check_bare(target, memory, rows[known["tid"]], known)
        assert orphans == []


@pytest.mark.parametrize("program", LIBCS)
def test_guard_of_the_programs_own(program):
    """Memory of one's own with an inaccessible page below it is like any other."""
    with fixture(f"{program} 5 --memory fence --stack 128K") as target:
        rows, _ = look(target.pid)
        memory = Memory(target.pid)
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            assert row["kind"] == "pthread"
            assert row["guard"] == "vma"
            assert row["guard_size"] == 4096
            start, end = limits(known)
            assert address(row["stack_start"]) == start
            if program == "fx-depth":   # musl has its own memory for the rest
                assert address(row["stack_end"]) == end
            check_mark(memory, row)


def test_1000_threads():
    """As the C library makes them: from glibc 2.42 on, all in one VMA."""
    with fixture("fx-threads 1000") as target:
        rows, orphans = look(target.pid)
        memory = Memory(target.pid)
        libc = re.search(rb"stable release version (\d+)\.(\d+)",
                         open("/usr/lib/x86_64-linux-gnu/libc.so.6", "rb").read())
        merged = kernel_at_least(6, 13) and \
            tuple(map(int, libc.groups())) >= (2, 42)
        assert (len(memory.spans) < 500) == merged
        assert len(target.truth["threads"]) == 1000
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            assert row["kind"] == "pthread"
            assert row["guard"] == ("marker" if merged else "vma")
            check_extents(row, known)
            check_depth(row, address(known["sp"]))
        assert orphans == []


def test_1000_threads_between_markers():
    command = ["fx-depth", "1000", "--stack", "64K", "--memory", "markers"]
    if not kernel_at_least(6, 13):
        with started(command) as popen:
            assert popen.stdout.read() == b""
            assert popen.wait() == 77, "a kernel without markers made them"
        return
    with fixture(command) as target:
        rows, orphans = look(target.pid)
        memory = Memory(target.pid)
        known = target.truth["threads"]
        spans = {memory.span(address(k["stack_addr"])) for k in known}
        assert len(known) == 1000 and len(spans) == 1, "they are not merged"
        for k in known:
            row = rows[k["tid"]]
            assert row["kind"] == "pthread"
            assert row["guard"] == "marker" and row["guard_size"] == 4096
            check_extents(row, k)
            check_depth(row, address(k["sp"]))
            check_mark(memory, row)
            assert row["max"] == limits(k)[1] - page(address(k["deepest"]))
        assert orphans == []


@contextlib.contextmanager
def on_cpu(cpu):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize("args", ["4 --spin 4", "6 --stack 256K --spin 3"])
def test_live(args):
    """Threads in user mode, to the byte; enough looks to find each running."""
    with fixture(f"fx-depth {args}") as target:
        memory = Memory(target.pid)
        running = {k["tid"] for k in target.truth["threads"]
                   if k["blocked_in"] == "spin"}
        seen, until = set(), time.monotonic() + PATIENCE
        cpus = itertools.cycle(sorted(os.sched_getaffinity(0)))
        while seen != running and time.monotonic() < until:
            # who is alone on the CPU that the looker is given never runs while he looks
            with on_cpu(next(cpus)):
                rows, _ = look(target.pid, "--live")
            for known in target.truth["threads"]:
                row = rows[known["tid"]]
                spins = known["tid"] in running
                assert row["sp_state"] in (("live", "queued") if spins
                                           else ("blocked",)), row
                check_extents(row, known)
                check_guard(memory, row, known)
                check_depth(row, address(known["sp"]))
                assert address(known["ip"]) <= address(row["ip"]) < \
                    address(known["ip_end"])
                assert address(row["tp"]) == address(known["self"])
                if row["sp_state"] == "live":
                    seen.add(known["tid"])
        assert seen == running


def test_without_a_c_library():
    """Threads that clone() made, with a thread pointer that says nothing: their
    stacks are not known, or are what they are."""
    with fixture("fx-raw") as target:
        rows, orphans = look(target.pid)
        memory = Memory(target.pid)
        main = target.truth["main"]
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            start = address(known["stack"]["addr"])
            end = start + known["stack"]["size"]
            assert address(row["sp"]) == address(known["sp"])
            assert address(row["tp"]) == address(known["tp"])
            if row["stack_start"] is not None:
                assert address(row["stack_start"]) == start, row
                assert address(row["stack_end"]) == end, row
                assert row["kind"] == "pthread"
            else:
                assert row["kind"] in ("unknown", "user", "switched"), row
        assert rows[target.pid]["kind"] == "main"
        check_main_extents(memory, rows[target.pid])
        assert address(rows[target.pid]["tp"]) == address(main["self"])
        assert orphans == []


def test_altstacks():
    with fixture("fx-altstack") as target:
        rows, orphans = look(target.pid)
        memory = Memory(target.pid)
        kinds = dict(zip(("idle", "running", "autodisarm"),
                         ("pthread", "altstack", "switched")))
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            name = known["name"][3:]
            assert row["kind"] == kinds[name], row
            check_extents(row, known)
            check_guard(memory, row, known)
            check_mark(memory, row)
            assert row["on_altstack"] == (name == "running")
            if name != "idle":
                assert row["used"] is row["free"] is None
            if name == "autodisarm":
                # while its handler runs, the kernel knows of none
                assert row["altstack_start"] is row["altstack_max"] is None
                continue
            start = address(known["altstack"]["addr"])
            end = start + known["altstack"]["size"]
            assert address(row["altstack_start"]) == start
            assert row["altstack_size"] == end - start
            if name == "idle":
                assert row["altstack_max"] == 0
                check_depth(row, address(known["sp"]))
                continue
            assert row["altstack_used"] == end - address(known["sp"])
            assert row["altstack_max"] == \
                end - page(address(known["altstack_deepest"]))
        assert rows[target.pid]["kind"] == "main"
        assert orphans == []


def test_switched():
    """On a stack that makecontext() was given, the thread's own is still known."""
    with fixture("fx-context") as target:
        rows, orphans = look(target.pid)
        memory = Memory(target.pid)
        assert len(target.truth["threads"]) == 2
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            assert row["kind"] == "switched", row
            check_extents(row, known)
            check_guard(memory, row, known)
            check_mark(memory, row)
            assert address(row["sp"]) == address(known["sp"])
            assert row["used"] is row["free"] is None
        assert orphans == []
