# SPDX-License-Identifier: GPL-2.0
"""regions -x: every figure that of the kernel's smaps, or none at all."""
import contextlib
import json
import os
import re
import subprocess
import time

import pytest

from conftest import (FIXTURES, PATIENCE, RUNTIMES, fixture, pmemctl, pmemctl_json, runtime,
                      stopped, swap, user_processes)
from smaps import FIELDS, columns, in_container, smaps, status
from test_access import as_user


def rows_of(pid, *args):
    return pmemctl_json("regions", "-x", "-J", *args, pid)["regions"]


def is_entry(row, entry):
    """A row and the entry of smaps that it must be. The kernel ages pages while
    nobody runs, so Referenced may only fall; and of a page of a file pmemctl itself may
    be one more that maps it."""
    assert int(row["start"], 0) == entry["start"]
    assert int(row["end"], 0) == entry["end"]
    assert row["changed"] is False, row
    expected = columns(entry)
    referenced = expected.pop("referenced")
    if row["inode"] or row["name"] in ("[vdso]", "[vvar]"):
        pss = expected.pop("pss")
        assert pss // 2 - 1024 <= row["pss"] <= pss, row
        for way in "clean", "dirty":
            shared, private = (expected.pop(f"{s}_{way}") for s in ("shared", "private"))
            assert row[f"shared_{way}"] >= shared
            assert row[f"shared_{way}"] + row[f"private_{way}"] == shared + private
    assert {name: row[name] for name in expected} == expected, row
    assert 0 <= row["referenced"] <= max(referenced, row["rss"])
    for part in row.get("parts", []):
        assert not set(part) & set(FIELDS)


def check_all(pid, path):
    """Of a stopped process; but others that come and go share its files, so it must
    be the same before and after."""
    for _ in range(20):
        entries, rows, again = smaps(path), rows_of(pid), smaps(path)
        moved = [(e, a) for e, a in zip(entries, again, strict=True)
                 if {**e, "Referenced": 0} != {**a, "Referenced": 0}]
        if not moved:
            break
    else:
        raise AssertionError(f"others never kept still: {moved} {user_processes()}")
    assert len(rows) == len(entries)
    for row, entry in zip(rows, entries):
        is_entry(row, entry)


@pytest.mark.parametrize("name", [f for f in FIXTURES if "unmapped none" not in f and
                                  f not in ("fx-leader", "fx-nondump")] + RUNTIMES)
def test_columns_equal_smaps(name):
    start = runtime if name in RUNTIMES else fixture
    with start(name) as target, stopped(target):
        check_all(target.pid, target.pid)


def test_columns_of_a_dead_leader():
    """The files of the leader are empty: those of another thread serve."""
    with fixture("fx-leader") as target, stopped(target):
        tid = next(t for t in target.tids() if t != target.pid)
        check_all(target.pid, f"{target.pid}/task/{tid}")


def test_why_it_cannot_be_read():
    """Another file in its place, one that is an error to read."""
    with fixture("fx-static") as target:
        there = f"/proc/{target.pid}"
        done = subprocess.run(
            ["unshare", "-m", "sh", "-ec", f"mount --bind {there}/mem {there}/smaps;"
             f" pmemctl show -x {target.pid}; pmemctl summary {target.pid}"],
            capture_output=True, text=True)
        assert done.returncode == 0, done
        assert re.findall("smaps could not be read: (.*)", done.stdout) == \
            ["Input/output error"] * 2, done.stdout


def labelled(target, *args):
    rows = {int(r["start"], 0): r for r in rows_of(target.pid, *args)}
    return {k["label"]: (rows[int(k["start"], 0)], k) for k in target.truth["regions"]}


def test_what_is_in_memory():
    with fixture("fx-resident 2") as target:
        found = labelled(target)
        for label, (row, known) in found.items():
            assert row["size"] == known["size"], label
            assert row["rss"] == known["resident"], label
            assert row["swap"] == row["locked"] == row["huge"] == 0, label
        for label in "own", "untouched":
            row, known = found[label]
            assert row["dirty"] == row["anon"] == row["pss"] == known["dirty"], label
        row, known = found["cow"]
        assert row["anon"] == known["dirty"] and row["private_dirty"] >= known["dirty"]


@pytest.mark.parametrize("children", [0, 1, 2, 7])
def test_pss_of_several(children):
    """Of what N processes map, each has the Nth part."""
    with fixture(f"fx-resident {children}") as target:
        family = [target.pid] + target.truth["children"]
        assert len(family) == children + 1
        for pid in family:
            rows = {int(r["start"], 0): r for r in rows_of(pid)}
            for known in target.truth["regions"]:
                if not known["shared"]:
                    continue
                row = rows[int(known["start"], 0)]
                assert row["rss"] == known["resident"], known
                # as the kernel counts: page by page, in 4096ths of bytes, cut to kB
                pages, each = known["resident"] >> 12, (4096 << 12) // len(family)
                assert row["pss"] == pages * each >> 22 << 10, known


def test_dirty_after_writing():
    with fixture("fx-fork 24") as target:
        def row_in(pid):
            start = target.truth["region"]["addr"]
            return next(r for r in rows_of(pid) if r["start"] == start)
        for pid in target.pid, target.truth["child"]:
            row = row_in(pid)
            assert row["rss"] == row["dirty"] == 64 << 12
            assert row["private_dirty"] == 24 << 12
            assert row["shared_dirty"] == 40 << 12
            assert row["pss"] == (24 + 20) << 12


def test_swap():
    with swap(), fixture("fx-resident --pageout 0") as target:
        row, known = labelled(target)["own"]
        assert row["swap"] > 0, "nothing is swapped out"
        assert row["swap"] + row["rss"] == known["resident"]
        assert row["swap_pss"] == row["swap"]
        # what the kernel keeps of it in memory, it may yet drop
        assert row["swap"] >= status(target.pid, "VmSwap") > 0


def test_locked_and_huge():
    with fixture("fx-depth 2 --stack 256K --locked") as target, stopped(target):
        rows = rows_of(target.pid)
        assert sum(r["locked"] for r in rows) > 256 << 10
    with fixture("fx-depth 2 --huge") as target, stopped(target):
        rows = rows_of(target.pid)
        assert sum(r["huge"] for r in rows) >= 2 << 20
        assert sum(r["huge"] for r in rows) == sum(
            e["AnonHugePages"] for e in smaps(target.pid))


def test_chosen_columns():
    """One of them by name is enough; and without it smaps is not read."""
    with fixture("fx-resident 0") as target:
        whole = rows_of(target.pid)
        lines = pmemctl("regions", "-rnb", "-o", "start,rss,dirty,changed",
                        target.pid).stdout.decode().split("\n")[:-1]
        assert lines == [f"{r['start'][2:]} {r['rss']} {r['dirty']} no" for r in whole]
        lines = pmemctl("regions", "-rnb", "-o", "start", "--sort", "-rss",
                        target.pid).stdout.decode().split()
        assert lines == [r["start"][2:] for r in sorted(whole, key=lambda r: -r["rss"])]
        plain = pmemctl_json("regions", "-J", target.pid)["regions"]
        assert not set(plain[0]) & set(FIELDS)


def test_sums_in_text():
    with fixture("fx-resident 1") as target, stopped(target):
        for command in "regions", "show":
            text = pmemctl(command, "-x", "-b", target.pid).stdout.decode()
            rows = rows_of(target.pid)
            rss, pss, swapped, dirty = (sum(r[n] for r in rows) for n in (
                "rss", "pss", "swap", "dirty"))
            found = re.search(rf"^sum: RSS {rss}, PSS (\d+), SWAP {swapped}, DIRTY {dirty}$",
                              text, re.M)
            # of libc's pages, pmemctl has not the same ones each time
            assert found and abs(int(found.group(1)) - pss) < 1 << 20, text
            assert "changed while" not in text
        some = pmemctl("regions", "-xb", "--min-size", "10M", target.pid).stdout.decode()
        assert "\n1 of " in some and "\nsum: RSS 0, PSS 0, SWAP 0, DIRTY 0\n" in some


@contextlib.contextmanager
def first_on_cpu(cpu):
    """On that one alone, and nobody else is while we want to."""
    os.sched_setaffinity(0, {cpu})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        os.sched_setaffinity(0, range(os.cpu_count()))


def test_never_a_wrong_pair():
    """Mappings that come and go at one address: each figure is that of the size it
    stands beside, or there is none and the row says why."""
    with fixture("fx-resident --flip") as target:
        resident = {v["size"]: v["resident"] for v in target.truth["versions"]}
        flip, seen, changed = target.truth["flip"], 0, 0
        looks, until = 0, time.monotonic() + 60
        for tid in target.tids():
            os.sched_setaffinity(tid, {1})
        # both are to be met, which on a slow machine takes longer
        while looks < 150 or not (seen and changed) and time.monotonic() < until:
            looks += 1
            # while we are on its CPU it does nothing
            with first_on_cpu(looks % 2):
                rows = rows_of(target.pid)
            row = next((r for r in rows if r["start"] == flip), None)
            if not row:
                continue
            if row["changed"]:
                assert all(row[name] is None for name in FIELDS), row
                changed += 1
            else:
                assert row["rss"] == row["dirty"] == resident[row["size"]], row
                seen += 1
        assert changed and seen, (seen, changed, "this tests nothing")


def test_says_what_changed():
    with fixture("fx-churn --vma") as target:
        for _ in range(100):
            text = pmemctl("regions", "-x", target.pid).stdout.decode()
            rows = text.split("\n")
            gone = sum(1 for r in rows if r.split()[2:6] == ["-"] * 4)
            assert (f"\n{gone} changed while smaps was read" in text) == bool(gone)
            if gone:
                return
    raise AssertionError("nothing changed in 100 looks: this tests nothing")


def test_execve_between():
    """Figures are of one program or of the other, never of both."""
    with fixture("fx-churn --exec") as target:
        pid, known = target.truth["exec_child"], 0
        looks, end = 0, time.monotonic() + PATIENCE
        while looks < 20 or not known:
            assert looks < 20 or time.monotonic() < end, "nothing was told"
            looks += 1
            done = pmemctl("regions", "-x", "-J", pid)
            if done.returncode:
                continue
            for row in json.loads(done.stdout)["regions"]:
                assert row["rss"] is None or row["rss"] <= row["size"], row
                known += row["rss"] is not None


def test_many_vmas():
    with fixture("fx-manyvmas 60000") as target, stopped(target):
        rows = rows_of(target.pid, "-o", "start,rss,dirty,changed")
        entries = smaps(target.pid)
    assert len(rows) > 60000
    assert [(int(r["start"], 0), r["rss"], r["dirty"], r["changed"]) for r in rows] == \
        [(e["start"], e["Rss"], columns(e)["dirty"], False) for e in entries]


def test_as_user_and_inside_a_namespace():
    with fixture(["fx-user", "fx-resident", "1"]) as target, stopped(target):
        done = as_user("pmemctl", "regions", "-x", "-J", target.pid)
        assert done.returncode == 0, done.stderr
        for row, entry in zip(json.loads(done.stdout)["regions"], smaps(target.pid)):
            is_entry(row, entry)
    assert as_user("pmemctl", "regions", "-x", 1).returncode == 5
    text, answer = in_container(
        "fx-resident 1", "cat /proc/$p/smaps; echo =; pmemctl regions -x -J $p").split("\n=\n")
    rows = json.loads(answer)["regions"]
    rss = [int(line.split()[1]) << 10 for line in text.split("\n") if line.startswith("Rss:")]
    assert [r["rss"] for r in rows] == rss and len(rss) > 10
