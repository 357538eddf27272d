# SPDX-License-Identifier: GPL-2.0
"""Stacks of languages and servers: what they say of them, or pthreads for them."""
import resource

import pytest

from conftest import fixture, maps_lines, pmemctl_json, runtime, stopped
from stacks import (CALLS, PAGE, Memory, address, blocked_sp, check_depth,
                    check_extents, check_guard, check_main_extents, check_mark,
                    await_notes, limits, look, noting, page)

GO_FRAMES = 8192	# of a Go function and of those that make its system call


def check_blocked(pid, row):
    """Where the kernel says that it is, if it sleeps in a system call."""
    sp = blocked_sp(pid, row["tid"])
    if sp is None:
        return False
    assert row["sp_state"] == "blocked"
    assert address(row["sp"]) == sp
    if row["kind"] in ("pthread", "main"):
        check_depth(row, sp)
    return True


def check_jvm_stack(memory, row, known):
    """The JVM takes the low end of the stack for a guard of its own; if the C
    library has one as well, right below, both are one VMA or two."""
    start, end = limits(known)
    zone_start, zone_end, perms, _ = memory.span(start)
    assert perms.startswith("---") and zone_end - start >= 4 * PAGE
    assert row["kind"] == "pthread", row
    assert row["guard"] == "jvm"
    assert address(row["stack_start"]) == zone_end
    assert address(row["stack_end"]) == end
    assert row["stack_size"] == end - zone_end
    # a cached stack may have come with a guard of more than was asked for
    guard = address(row["guard_start"])
    assert guard in (start, zone_start) or 0 < start - guard <= 16 * PAGE and \
        memory.span(guard)[2].startswith("---")
    assert address(row["guard_start"]) + row["guard_size"] == zone_end
    assert address(row["limit_start"]) == zone_end


def note_for(memory, row):
    """For jemalloc's thread, which it begins behind everybody's back: a guard,
    and pthread's default size of stack."""
    assert row["comm"] == "jemalloc_bg_thd"
    start, size = address(row["stack_start"]), resource.getrlimit(
        resource.RLIMIT_STACK)[0]
    assert memory.guard(start) != "none" and size == 8 << 20
    assert start < address(row["tp"]) < start + size
    return dict(tid=row["tid"], stack_addr=row["stack_start"], stack_size=size,
                guard_size=PAGE, self=row["tp"])


def just_begun(rows, noted, pid):
    """Without the one that had not come to note anything when all were stopped."""
    rest = {tid: row for tid, row in rows.items() if tid in noted or tid == pid or
            row["comm"] == "jemalloc_bg_thd"}
    assert len(rows) - len(rest) <= 1
    return rest


def check_noted(target, notes, rows):
    """Every thread's stack against what pthreads said in it; how many had a
    zone of the JVM's."""
    memory = Memory(target.pid)
    noted = {n["tid"]: n for n in notes()}
    zones = 0
    for tid, row in just_begun(rows, noted, target.pid).items():
        if tid not in noted and tid != target.pid:
            noted[tid] = note_for(memory, row)
        if tid == target.pid:
            assert row["kind"] == "main", row
            check_main_extents(memory, row)
        elif memory.span(limits(noted[tid])[0])[2].startswith("---"):
            check_jvm_stack(memory, row, noted[tid])
            zones += 1
        else:
            assert row["kind"] == "pthread", row
            check_extents(row, noted[tid])
            check_guard(memory, row, noted[tid])
        check_mark(memory, row)
        check_blocked(target.pid, row)
        assert address(row["tp"]) == \
            address(noted.get(tid, {"self": row["tp"]})["self"])
    return zones


@pytest.mark.parametrize("name,threads", [
    ("python3", 7), ("redis-server", 5), ("java", 10),
])
def test_threads_of(name, threads):
    with noting(runtime, name) as (target, notes), stopped(target):
        rows, _ = look(target.pid)
        assert len(rows) == len(target.tids()) >= threads
        zones = check_noted(target, notes, rows)
        assert (zones >= 5) == (name == "java")


@pytest.mark.parametrize("name", ["python3", "redis-server", "java"])
def test_threads_at_work(name):
    """Not stopped: whatever they do meanwhile, a stack is right."""
    with noting(runtime, name) as (target, notes):
        noted = {}
        for i in range(10):
            rows, _ = look(target.pid, *(["--live"] if i % 2 else []))
            noted.update((n["tid"], n) for n in notes())
            for tid, row in just_begun(rows, noted, target.pid).items():
                if tid not in noted or row["stack_start"] is None:
                    assert row["kind"] in ("exited", "unknown", "main") or \
                        row["comm"] == "jemalloc_bg_thd", row
                    continue
                start, end = limits(noted[tid])
                assert address(row["stack_end"]) == end
                assert start <= address(row["stack_start"]) < start + (1 << 16)
                assert row["kind"] == "pthread", row
                if row["sp_state"] in ("blocked", "queued", "live"):
                    check_depth(row, address(row["sp"]))
                    assert row["max"] >= row["used"], row


def test_rust():
    with fixture("fx-rust 6") as target:
        rows, orphans = look(target.pid)
        memory = Memory(target.pid)
        known_threads = target.truth["threads"]
        assert {k["stack_size"] >> 10 for k in known_threads} == {256, 2048}
        for known in known_threads:
            row = rows[known["tid"]]
            assert row["kind"] == "pthread"
            check_extents(row, known)
            check_guard(memory, row, known)
            check_mark(memory, row)
            assert check_blocked(target.pid, row)
            assert row["taints"] == "" or \
                (row["taints"] == "huge" and (limits(known)[1] - row["max"]) % (2 << 20) == 0)
            deepest = page(address(known["deepest"]))
            assert deepest - PAGE <= limits(known)[1] - row["max"] <= deepest
        for known in known_threads + [target.truth["main"]]:
            row = rows[known["tid"]]
            assert address(row["altstack_start"]) == \
                address(known["altstack"]["addr"]) > 0
            assert row["altstack_size"] == known["altstack"]["size"]
            assert row["on_altstack"] is False
        check_main_extents(memory, rows[target.pid])
        assert orphans == []


def check_goroutine(target, row, known):
    """Runs on memory of Go's: where, is known, but not from where to where."""
    sp, own = address(row["sp"]), limits(known) if "stack_addr" in known else (0, 0)
    alt = address(row["altstack_start"])
    kind = "go"
    if known["blocked_in"] == "read":
        assert check_blocked(target.pid, row)
        assert 0 <= address(known["local"]) - sp < GO_FRAMES
    elif alt <= sp < alt + row["altstack_size"]:
        kind = "altstack"   # Go's handler of signals is about to make it give way
    elif own[0] <= sp < own[1]:
        kind = "pthread"    # it gave way, and the scheduler waits on this stack
    assert row["kind"] == kind, row
    if kind == "pthread":
        check_depth(row, sp)
    else:
        assert row["used"] is row["free"] is None


def test_go():
    with fixture("fx-go") as target, stopped(target):
        rows, orphans = look(target.pid)
        memory = Memory(target.pid)
        assert len(target.truth["threads"]) == 3
        for known in target.truth["threads"]:
            check_goroutine(target, rows[known["tid"]], known)
        for tid, row in rows.items():
            if tid == target.pid:
                continue
            # Go's own threads, too, have stacks from Go's heap
            assert row["kind"] in ("go", "altstack"), row
            assert row["stack_start"] is row["stack_end"] is None
            assert row["guard"] is row["max"] is None
            check_blocked(target.pid, row)
        main = rows[target.pid]
        assert main["kind"] == "go", main
        assert check_blocked(target.pid, main)
        assert 0 <= address(target.truth["main"]["local"]) - \
            address(main["sp"]) < GO_FRAMES
        check_main_extents(memory, main)
        assert orphans == []


def test_go_with_c():
    with noting(fixture, "fx-go-cgo") as (target, notes):
        await_notes(target, notes)
        check_go_with_c(target, notes)


def check_go_with_c(target, notes):
    with stopped(target):
        rows, orphans = look(target.pid)
        memory = Memory(target.pid)
        noted = {n["tid"]: n for n in notes()}
        known = {k["tid"]: k for k in target.truth["threads"]}
        assert sorted(k["in_c"] for k in known.values()) == [False] * 3 + [True] * 2
        for tid, row in just_begun(rows, noted, target.pid).items():
            if tid == target.pid:
                assert row["kind"] == "go", row
                check_main_extents(memory, row)
                continue
            if tid in known:
                assert noted[tid]["stack_addr"] == known[tid]["stack_addr"]
            # a thread has its pthread's stack, even while it runs on another
            check_extents(row, noted[tid])
            check_guard(memory, row, noted[tid])
            check_mark(memory, row)
            if tid not in known:
                assert row["kind"] in ("pthread", "go", "altstack"), row
                check_blocked(target.pid, row)
            elif known[tid]["in_c"]:
                assert row["kind"] == "pthread", row
                assert check_blocked(target.pid, row)
                assert 0 <= address(known[tid]["local"]) - address(row["sp"]) < CALLS
                assert row["max"] >= row["used"]
            else:
                check_goroutine(target, row, known[tid])
        assert orphans == []


def test_stacks_of_go_are_not_regions():
    """No part of Go's heap is called a thread's stack."""
    with fixture("fx-go") as target:
        stacks = [r for r in pmemctl_json("regions", "-J", target.pid)["regions"]
                  if r["kind"] == "thread stack"]
        assert stacks == []
        assert maps_lines(target.pid)
