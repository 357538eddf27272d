# SPDX-License-Identifier: GPL-2.0
"""Threads and their stacks, against /proc and against what fixtures know."""
import os

import pytest

import nl
from conftest import (RUNTIMES, fixture, maps_lines, pmemctl_json, read, runtime,
                      started, stat_field, stopped, wait_until)


def rows_of(target):
    return {t["tid"]: t for t in
            pmemctl_json("threads", "-J", target.pid)["threads"]}


def address(text):
    return int(text, 0)


def is_guard_marker(pid, addr):
    """Bit 58 of the page's entry, of kernels that have it."""
    with open(f"/proc/{pid}/pagemap", "rb") as f:
        f.seek(addr // 4096 * 8)
        return bool(int.from_bytes(f.read(8), "little") >> 58 & 1)


def check_against_truth(row, known):
    """A claimed stack is the thread's own, to the byte; or none is claimed."""
    if row["stack_start"] is None:
        return False
    assert address(row["stack_start"]) == address(known["stack_addr"]), known
    assert address(row["stack_end"]) == \
        address(known["stack_addr"]) + known["stack_size"], known
    assert row["stack_size"] == known["stack_size"]
    return True


def blocked_sp(pid, tid):
    """sp of a thread that sleeps in a system call, as the kernel tells it."""
    fields = read(f"/proc/{pid}/task/{tid}/syscall").split()
    return None if fields == ["running"] or not fields else address(fields[-2])


def test_list_equals_proc(any_target):
    with stopped(any_target):
        rows = rows_of(any_target)
        assert sorted(rows) == any_target.tids()
        for tid, row in rows.items():
            stat = f"{any_target.pid}/task/{tid}"
            comm = read(f"/proc/{stat}/comm").rstrip("\n")
            assert row["comm"] == comm
            assert row["state"] == stat_field(stat, 3)
            assert row["nice"] == int(stat_field(stat, 19))
            assert row["rt_priority"] == int(stat_field(stat, 40))
            status = read(f"/proc/{stat}/status")
            assert f"\nvoluntary_ctxt_switches:\t{row['nvcsw']}\n" in status
            assert f"\nnonvoluntary_ctxt_switches:\t{row['nivcsw']}\n" in status


def test_sp_equals_proc_syscall(any_target):
    blocked = 0
    with stopped(any_target):
        rows = rows_of(any_target)
        for tid, row in rows.items():
            sp = blocked_sp(any_target.pid, tid)
            if sp is None or row["sp_state"] == "none":
                assert sp in (None, 0) or row["sp_state"] != "blocked"
                continue
            assert row["sp_state"] == "blocked", row
            assert address(row["sp"]) == sp, row
            blocked += 1
    assert blocked


@pytest.mark.parametrize("args", [
    "16 --spin 2", "8 --stack 65536", "8 --stack 131072 --guard 16384",
    "4 --stack 1048576 --guard 65536 --spin 4",
])
def test_pthread_stacks(args):
    with fixture(f"fx-threads {args}") as target:
        rows = rows_of(target)
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            assert row["kind"] == "pthread", row
            assert check_against_truth(row, known)
            if known["blocked_in"] == "spin":
                assert row["sp_state"] in ("last-entry", "queued")
            else:
                assert row["sp_state"] == "blocked"
                assert address(row["sp"]) == address(known["sp"])
            assert address(row["tp"]) == address(known["self"])
        check_main(rows[target.pid], target)


def check_main(row, target):
    stack, = (l for l in maps_lines(target.pid)
              if l.endswith("[stack]"))
    low, high = stack.split()[0].split("-")
    assert row["kind"] == "main"
    assert address(row["stack_start"]) == int(low, 16)
    assert address(row["stack_end"]) == int(high, 16)


def test_user_supplied_stacks_are_never_wrong():
    with fixture("fx-threads 6 --user-stack") as target:
        rows = rows_of(target)
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            if not check_against_truth(row, known):
                assert row["kind"] == "user"
                assert row["guard"] == "none"
                assert "sp" in row["evidence"].split(",")


def test_altstacks():
    with fixture("fx-altstack") as target:
        rows = rows_of(target)
        for known in [target.truth["main"]] + target.truth["threads"]:
            row = rows[known["tid"]]
            # SS_AUTODISARM: while its handler runs, none is registered
            if known["on_altstack"] and known["autodisarm"]:
                assert row["altstack_start"] is None
                continue
            assert address(row["altstack_start"]) == \
                address(known["altstack"]["addr"])
            assert row["altstack_size"] == known["altstack"]["size"]
            assert row["on_altstack"] == known["on_altstack"]
            if "stack_addr" in known:
                assert check_against_truth(row, known)


def test_switched_stacks():
    with fixture("fx-context") as target:
        rows = rows_of(target)
        assert len(target.truth["threads"]) == 2
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            assert row["kind"] == "switched", row
            assert row["used"] is row["free"] is None
            assert check_against_truth(row, known)  # its own, which it has left
            assert address(row["sp"]) == address(known["sp"])


def test_workers_have_no_stack():
    with fixture("fx-iouring --sqpoll") as target:
        rows = rows_of(target)
        for tid in target.truth["worker"], target.truth["sqpoll"]:
            assert rows[tid]["kind"] == "worker"
            assert rows[tid]["stack_start"] is None
            assert rows[tid]["sp"] is None
            assert "io-worker" in rows[tid]["flags"]


def test_exited_leader():
    with fixture("fx-leader") as target:
        rows = rows_of(target)
        leader = rows[target.pid]
        assert leader["state"] == "Z"
        assert leader["stack_start"] is None
        for known in target.truth["threads"]:
            assert check_against_truth(rows[known["tid"]], known)
        # any tid will do
        tid = target.truth["reporter"]
        assert rows.keys() == {t["tid"] for t in
                               pmemctl_json("threads", "-J", tid)["threads"]}


def test_fork_in_a_thread():
    """The child's main thread runs on the stack of the thread that forked."""
    code = ("import os,sys,threading\n"
            "def f():\n"
            " pid = os.fork()\n"
            " if pid == 0:\n"
            "  r, w = os.pipe(); os.read(r, 1)\n"
            " print(pid, flush=True); sys.stdin.read(); os.kill(pid, 9)\n"
            "t = threading.Thread(target=f); t.start(); t.join()\n")
    with started(["python3", "-W", "ignore", "-c", code]) as popen:
        child = int(popen.stdout.readline())
        wait_until("the child sleeps", lambda: stat_field(child, 3) == "S")
        row, = pmemctl_json("threads", "-J", child)["threads"]
        assert row["kind"] == "pthread", row
        assert address(row["stack_start"]) <= blocked_sp(child, child) < \
            address(row["stack_end"])
        assert row["stack_size"] == 8 << 20


def test_python_stacks_are_right():
    with runtime("python3") as target:
        rows = rows_of(target)
        claimed = [check_against_truth(rows[k["tid"]], k)
                   for k in target.truth["threads"]]
        assert claimed == [True] * 6


@pytest.mark.parametrize("name", RUNTIMES)
def test_runtime_stacks_hold_sp(name):
    """sp as the kernel tells it lies in the stack that we tell; each is its
    VMA, from the guard up."""
    with runtime(name) as target, stopped(target):
        rows = rows_of(target)
        spans = [l.split()[:2] for l in maps_lines(target.pid)]
        starts = {int(s.split("-")[0], 16): p for s, p in spans}
        ends = {int(s.split("-")[1], 16): p for s, p in spans}
        unknown = []
        for tid, row in rows.items():
            if row["stack_start"] is None:
                unknown.append(row)
                continue
            low, high = address(row["stack_start"]), address(row["stack_end"])
            if row["kind"] == "main":
                assert starts[low].startswith("rw")
            else:
                assert ends.get(low, "").startswith("---") or \
                    is_guard_marker(target.pid, low - 4096), "no guard below"
                assert not is_guard_marker(target.pid, low)
            sp = blocked_sp(target.pid, tid)
            assert sp is None or low <= sp < high, row
        assert not unknown
        assert len(rows) == len(target.tids()) >= {"gdb": 1}.get(name, 4)


def test_5000_threads():
    with fixture("fx-threads 5000 --stack 65536") as target:
        rows = rows_of(target)
        assert len(rows) == 5001
        known = target.truth["threads"]
        assert len(known) == 5000
        for k in known:
            assert check_against_truth(rows[k["tid"]], k)


def test_read_proof_withholds_registers():
    with fixture("fx-threads 3") as target:
        with_read = nl.ask(target.pid, "pagemap", nl.THREADS)
        with_attach = nl.ask(target.pid, "mem", nl.THREADS)
        assert not with_read.flags & nl.PROCESS_ATTACH
        assert with_attach.flags & nl.PROCESS_ATTACH
        for a, b in zip(with_read.threads, with_attach.threads):
            assert (a["sp"], a["ip"], a["tp"]) == (0, 0, 0)
            assert b["sp"] and b["ip"] and b["tp"]
            assert (a["stack_low"], a["stack_high"]) == \
                (b["stack_low"], b["stack_high"])


def test_scheduling():
    with fixture("fx-threads 1") as target:
        tid = target.truth["threads"][0]["tid"]
        os.sched_setscheduler(tid, os.SCHED_RR, os.sched_param(17))
        os.setpriority(os.PRIO_PROCESS, target.pid, 7)
        rows = rows_of(target)
        assert rows[tid]["policy"] == "rr"
        assert rows[tid]["rt_priority"] == 17
        assert rows[target.pid]["policy"] == "other"
        assert rows[target.pid]["nice"] == 7
