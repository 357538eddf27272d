# SPDX-License-Identifier: GPL-2.0
"""Stacks that no live thread has: those are listed, and nothing else is."""
import contextlib

import pytest

from conftest import (FIXTURES, Target, fixture, pmemctl, runtime, started,
                      stopped, wait_until)
from stacks import (Memory, address, blocked_sp, check_bare, check_depth,
                    check_extents, check_guard, check_mark, limits, look,
                    musl_block, nginx, noting)


def check_orphans(pid, orphans, expected, whole=False):
    """Exactly the expected ones, with what is in memory of each. @whole: with
    what musl puts into the block above a stack."""
    memory = Memory(pid)
    assert sorted((address(o["start"]), address(o["end"])) for o in orphans) == \
        sorted((musl_block if whole else limits)(known) for known in expected)
    by_start = {address(known["stack_addr"]): known for known in expected}
    for o in orphans:
        start, end = address(o["start"]), address(o["end"])
        assert o["size"] == end - start
        assert o["guard"] == memory.guard(start) != "none"
        assert o["guard_size"] == by_start[start]["guard_size"]
        assert o["resident"] == memory.resident(start, end) > 0
        assert o["why"]


@pytest.mark.parametrize("args", [
    "3 --cache 3", "4 --stack 256K --cache 8", "1 --stack 256K --cache 8 --guard 32K",
    "0 --cache 2", "4 --stack 512K --cache 20 --reuse 4",
])
def test_cached_by_glibc(args):
    with fixture(f"fx-depth {args}") as target:
        rows, orphans = look(target.pid)
        check_orphans(target.pid, orphans, target.truth["cached"])
        memory = Memory(target.pid)
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            assert row["kind"] == "pthread"
            assert address(row["stack_start"]) == limits(known)[0]
            check_mark(memory, row)


def test_musl_caches_none():
    with fixture("fx-depth-musl 4 --cache 4") as target:
        memory = Memory(target.pid)
        assert [memory.span(limits(k)[0]) for k in target.truth["cached"]] == \
            [None] * 4
        _, orphans = look(target.pid)
        assert orphans == []


@pytest.mark.parametrize("program", ["fx-depth", "fx-depth-musl"])
@pytest.mark.parametrize("args", ["4 --stack 256K", "2 --stack 1M --cache 3"])
def test_left_by_fork(program, args):
    with fixture(f"{program} {args} --fork") as target:
        truth, child = target.truth, target.truth["child"]
        cached = [] if truth["libc"] == "musl" else truth["cached"]
        rows, orphans = look(target.pid)
        check_orphans(target.pid, orphans, cached)
        assert {row["taints"] for row in rows.values()} == {""}

        rows, orphans = look(child)
        row, = rows.values()
        assert row["kind"] == "main"
        assert "forked" in row["taints"].split(",")
        check_mark(Memory(child), row)
        check_orphans(child, orphans, truth["threads"] + cached,
                      whole=truth["libc"] == "musl")


def test_left_by_fork_in_a_thread():
    """There the stack of the thread that forked is the child's only one."""
    with fixture("fx-depth 5 --stack 256K --fork-thread") as target:
        truth, child = target.truth, target.truth["child"]
        rows, orphans = look(target.pid)
        assert orphans == [] and len(rows) == 6
        rows, orphans = look(child)
        row, = rows.values()
        known, *others = truth["threads"]
        assert row["tid"] == child
        assert row["kind"] == "pthread", row
        check_extents(row, known)
        check_guard(Memory(child), row, known)
        check_mark(Memory(child), row)
        check_depth(row, blocked_sp(child, child))
        assert "forked" in row["taints"].split(",")
        check_orphans(child, orphans, others)


def test_below_one_without_a_guard():
    """The stack of an ended thread lies right below that of a live one that has no
    guard: it is no part of that."""
    with fixture("fx-depth 3 --stack 256K --cache 3 --bare") as target:
        rows, orphans = look(target.pid)
        memory = Memory(target.pid)
        starts = [limits(known)[0] for known in target.truth["threads"]]
        ends = [limits(known)[1] for known in target.truth["cached"]]
        assert max(ends) == min(starts), "they do not touch"
        assert memory.span(min(starts))[0] < min(starts), "they are not one VMA"
        for known in target.truth["threads"]:
            check_bare(target, memory, rows[known["tid"]], known)
        check_orphans(target.pid, orphans, target.truth["cached"])


def test_table_of_orphans():
    with fixture("fx-depth 2 --stack 256K --cache 4") as target:
        done = pmemctl("threads", "--orphans", target.pid)
        assert done.returncode == 0, done.stderr
        head, *lines = done.stdout.decode().splitlines()
        assert len(lines) == 4 and "RESIDENT" in head.split()
        for known in target.truth["cached"]:
            assert sum(known["stack_addr"][2:] in line for line in lines) == 1
        for known in target.truth["threads"]:
            assert not any(known["stack_addr"][2:] in line for line in lines)


@pytest.mark.parametrize("command", FIXTURES + [
    "fx-depth-musl 5 --guard 0", "fx-depth 5 --memory own", "fx-depth 3 --exec-stack",
    "fx-room --below 4M --none",
])
def test_none_where_no_thread_ended(command):
    """Where another process runs in the address space, its stacks are no thread's
    either: then it is not told."""
    shared = command.startswith(("fx-vfork", "fx-clonevm"))
    with fixture(command) as target, stopped(target):
        _, orphans = look(target.pid)
        assert orphans == (None if shared else [])


@pytest.mark.parametrize("name", ["python3", "redis-server", "java", "gdb"])
def test_only_real_ones(name):
    """Each is the whole stack of a thread that was and is no more."""
    with noting(runtime, name) as (target, notes), stopped(target):
        rows, orphans = look(target.pid)
        live = [(address(r["stack_start"]), address(r["stack_end"]))
                for r in rows.values() if r["stack_start"]]
        ended = {limits(n) for n in notes() if n["tid"] not in rows}
        for o in orphans:
            start, end = address(o["start"]), address(o["end"])
            assert (start, end) in ended, o
            assert not any(a < end and start < b for a, b in live)


def test_python_lets_threads_end():
    """The interpreter's threads end: glibc keeps their stacks."""
    code = ("import sys, threading\n"
            "def f(): go.wait()\n"
            "go = threading.Event()\n"
            "threads = [threading.Thread(target=f) for _ in range(4)]\n"
            "[t.start() for t in threads]; go.set(); [t.join() for t in threads]\n"
            "print(flush=True); sys.stdin.read()\n")

    @contextlib.contextmanager
    def start(code):
        with started(["python3", "-c", code]) as popen:
            popen.stdout.readline()
            yield Target(popen, None, popen.pid)

    with noting(start, code) as (target, notes):
        wait_until("the threads are gone", lambda: len(target.tids()) == 1)
        rows, orphans = look(target.pid)
        assert len(rows) == 1
        check_orphans(target.pid, orphans,
                      {n["stack_addr"]: n for n in notes()}.values())
        assert orphans


def test_nginx_has_none():
    with nginx() as targets:
        for i, target in enumerate(targets):
            (row,), orphans = look(target.pid)[0].values(), look(target.pid)[1]
            assert orphans == []
            assert row["kind"] == "main"
            # the workers are forked and have not called exec
            assert ("forked" in row["taints"].split(",")) == (i > 0)
