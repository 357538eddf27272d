# SPDX-License-Identifier: GPL-2.0
"""threads --lint: every risk where it is, none where it is not. And --sort."""
import contextlib
import json

import pytest

from conftest import fixture, pmemctl, runtime
from stacks import Memory, address, limits, look, nginx, page


def lint(pid, *args):
    """Findings as (tid, risk), if the exit status goes with them. One risk may
    be there twice, with different evidence."""
    done = pmemctl("threads", "--lint", "-J", *args, pid)
    assert done.stderr == b""
    findings = json.loads(done.stdout)["findings"]
    assert done.returncode == (1 if findings else 0)
    for f in findings:
        assert f["evidence"] and f["comm"], f
        assert set(f) == {"tid", "comm", "risk", "evidence"}
    return sorted({(f["tid"], f["risk"]) for f in findings})


def every(target, risk):
    return sorted((known["tid"], risk) for known in target.truth["threads"])


CLEAN = ["fx-static", "fx-threads 6", "fx-threads 4 --stack 65536 --guard 8192",
         "fx-depth 4", "fx-depth-musl 3", "fx-depth 4 --gap", "fx-leader",
         "fx-depth 4 --stack 256K --spin 2", "fx-room", "fx-rust", "fx-go",
         "fx-go-cgo", "fx-iouring", "fx-depth 2 --cache 3", "fx-fork 4"]


@pytest.mark.parametrize("command", CLEAN)
def test_nothing_found_in_fixtures(command):
    with fixture(command) as target:
        assert lint(target.pid) == []


@pytest.mark.parametrize("name", ["python3", "redis-server", "java", "gdb"])
def test_nothing_found_in_programs(name):
    with runtime(name) as target:
        for _ in range(3):
            assert lint(target.pid) == []
            assert lint(target.pid, "--live") == []


def test_nothing_found_in_nginx():
    with nginx() as targets:
        for target in targets:
            assert lint(target.pid) == []


@pytest.mark.parametrize("program", ["fx-depth", "fx-depth-musl"])
def test_no_guard(program):
    with fixture(f"{program} 4 --guard 0") as target:
        found = lint(target.pid)
        assert [f for f in found if f[1] == "no-guard"] == every(target, "no-guard")


def test_writable_neighbour():
    """Four stacks side by side: what overflows from three of them goes into the
    next one, and from the lowest wherever that is."""
    with fixture("fx-depth 4 --stack 128K --memory own") as target:
        found = {tid for tid, risk in lint(target.pid)
                 if risk == "writable-neighbour"}
        memory = Memory(target.pid)
        expected = set()
        for known in target.truth["threads"]:
            below = memory.span(limits(known)[0] - 1)
            if below and below[2][1] == "w":
                expected.add(known["tid"])
        assert len(expected) >= 3
        assert found == expected


@pytest.mark.parametrize("guard", ["4K", "16K", "64K"])
def test_small_guard(guard):
    size = int(guard[:-1]) << 10
    with fixture(f"fx-depth 4 --stack 256K --guard {guard}") as target:
        assert lint(target.pid) == []
        assert lint(target.pid, "--min-guard", size) == []
        assert lint(target.pid, "--min-guard", size + 4096) == \
            every(target, "small-guard")


@pytest.mark.parametrize("over", [None, 5, 25, 40, 74, 75, 93, 95])
@pytest.mark.parametrize("program", ["fx-depth", "fx-depth-musl"])
def test_over(program, over):
    with fixture(f"{program} 6 --stack 1M") as target:
        expected = []
        for known in target.truth["threads"]:
            start, end = limits(known)
            if (end - page(address(known["deepest"]))) * 100 > \
                    (over or 90) * (end - start):
                expected.append((known["tid"], "over"))
        args = ["--over", over] if over else []
        assert lint(target.pid, *args) == sorted(expected)
        assert bool(expected) == (over != 95)


def test_executable():
    with fixture("fx-depth 3 --stack 256K --exec-stack") as target:
        assert lint(target.pid) == every(target, "executable")


def test_sp_outside():
    with fixture("fx-context") as target:
        assert lint(target.pid) == every(target, "sp-outside")


def test_altstack_in_use_is_no_risk():
    with fixture("fx-altstack") as target:
        found = lint(target.pid)
        assert [tid for tid, _ in found] == [
            k["tid"] for k in target.truth["threads"] if k["name"] == "fx-autodisarm"]


@pytest.mark.parametrize("args,found", [
    ("", False), ("--rlimit 2M", False), ("--below 4M", True),
    ("--below 4M --none", True), ("--below 4M --rlimit 2M", False),
])
def test_main_room(args, found):
    with fixture(f"fx-room {args}") as target:
        assert lint(target.pid) == ([(target.pid, "main-room")] if found else [])


def test_threads_that_cannot_be_judged():
    with fixture("fx-go") as target:
        rows = json.loads(pmemctl("threads", "-J", target.pid).stdout)["threads"]
        unjudged = sum(t["stack_start"] is None and t["guard"] is None for t in rows)
        assert unjudged > 1
        text = pmemctl("threads", "--lint", target.pid).stdout.decode()
        assert f"{target.pid}: {unjudged} threads were not judged: " \
            "their stacks are unknown\n" in text
        assert f"no risk found in {len(rows)} threads" not in text


def test_lint_as_a_table():
    with fixture("fx-depth 3 --stack 256K --exec-stack") as target:
        done = pmemctl("threads", "--lint", target.pid)
        assert done.returncode == 1
        head, *lines = done.stdout.decode().splitlines()
        assert head.split() == ["TID", "COMM", "RISK", "EVIDENCE"]
        assert sorted((int(l.split()[0]), l.split()[1], l.split()[2])
                      for l in lines) == sorted(
            (k["tid"], k["name"], "executable") for k in target.truth["threads"])


def test_lint_of_several():
    with contextlib.ExitStack() as stack:
        targets = [stack.enter_context(fixture(c)) for c in
                   ("fx-threads 2", "fx-depth 2 --stack 256K --exec-stack")]
        done = pmemctl("threads", "--lint", *(t.pid for t in targets))
        assert done.returncode == 1
        done = pmemctl("threads", "--lint", targets[0].pid, targets[0].pid)
        assert done.returncode == 0


def column(pid, name, *args):
    done = pmemctl("threads", "-b", "-r", "-n", "-o", f"TID,{name}", *args, pid)
    assert done.returncode == 0, done.stderr.decode()
    return [line.split() for line in done.stdout.decode().splitlines()]


@pytest.mark.parametrize("name,key", [
    ("MAX", "max"), ("USED", "used"), ("RESIDENT", "resident"), ("TID", "tid"),
    ("STACK_START", "stack_start"),
])
def test_sort(name, key):
    with fixture("fx-depth 6 --stack 1M") as target:
        rows, _ = look(target.pid)
        values = {t: r[key] if isinstance(r[key], int) else address(r[key])
                  for t, r in rows.items()}
        assert len(set(values.values())) >= 4
        for sort, down in ((name, False), (f"-{name}", True)):
            got = [int(c[0]) for c in column(target.pid, name, f"--sort={sort}")]
            assert sorted(got) == sorted(rows)
            assert [values[t] for t in got] == sorted(values.values(), reverse=down)


def test_sort_by_two():
    with fixture("fx-depth 6 --stack 1M") as target:
        rows, _ = look(target.pid)
        got = [int(c[0]) for c in column(target.pid, "KIND", "--sort=-KIND,-TID")]
        assert got == sorted(rows, reverse=True,
                             key=lambda t: (rows[t]["kind"], t))


def test_sort_regions():
    with fixture("fx-threads 4") as target:
        done = pmemctl("regions", "-b", "-r", "-n", "-o", "SIZE", "--sort=-SIZE",
                       target.pid)
        assert done.returncode == 0, done.stderr.decode()
        sizes = [int(x) for x in done.stdout.split()]
        assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) > 3


def test_max_in_percent():
    with fixture("fx-depth 6 --stack 1M") as target:
        rows, _ = look(target.pid)
        got = {int(t): int(p.rstrip("%")) for t, p in column(target.pid, "MAX%")}
        for known in target.truth["threads"]:
            start, end = limits(known)
            used = end - page(address(known["deepest"]))
            assert got[known["tid"]] == used * 100 // (end - start)
        assert got == {t: r["max%"] for t, r in rows.items()}
