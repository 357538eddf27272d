# SPDX-License-Identifier: GPL-2.0
"""All tasks and their mms, against kcmp over all pairs, /proc, and fixtures."""
import contextlib
import ctypes
import errno
import glob
import json
import mmap
import os
import re
import struct
import subprocess
import threading
import time

import pytest

import nl
from conftest import (PATIENCE, SLOW, fixture, libc, pmemctl, pmemctl_json, read, same_mm,
                      stat_field, started, wait_until)
from test_access import as_user, refused
from test_protocol import parameter

HERE = os.path.dirname(__file__)
ME = os.getpid()
BORROW = "/build/tests/fixtures/bin/borrow.ko"
MIX = ["fx-threads 15", "fx-clonevm --mix", "fx-clonevm 2 --files", "fx-fork 4", "fx-vfork",
       "fx-leader", "fx-zombie", "fx-iouring", "fx-iouring --sqpoll", "fx-static",
       "fx-unmapped keep", "fx-user fx-threads 2", "fx-user fx-clonevm 2", "fx-nondump"]
MANY = "fx-threads 1200 --stack 65536"


@contextlib.contextmanager
def crowd():
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(fixture(command)) for command in MIX]


def tasks_of_proc():
    """{tid: tgid} of everything that is there."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found.update({int(t): int(pid) for t in os.listdir(f"/proc/{pid}/task")})
    return found


def status(pid):
    return dict(line.split(":", 1) for line in read(f"/proc/{pid}/status").splitlines())


def ls(*args):
    return pmemctl_json("ls", "-J", *args)


def listed(shown):
    """[(tid, tgid, mm or None)] of every task in our JSON, each as often as it is there."""
    rows = [(t["tid"], p["pid"], t["mm"]) for mm in shown["mms"]
            for p in mm["used_by"] for t in p["tasks"]]
    # the main thread may have ended before the others
    assert all(t["mm"] in (None, mm["mm"]) for mm in shown["mms"]
               for p in mm["used_by"] for t in p["tasks"])
    rows += [(k["pid"], k["pid"], None) for k in shown["kthreads"]]
    rows += [(t["tid"], p["pid"], None) for p in shown["without_mm"] for t in p["tasks"]]
    return rows


def mm_of(shown, pid):
    return next(mm for mm in shown["mms"] for p in mm["used_by"] if p["pid"] == pid)


def is_kthread(tid):
    """Not one that has just ended, as workers of the kernel do."""
    with contextlib.suppress(OSError):
        return bool(int(stat_field(tid, 9)) & 0x200000)
    return False


def is_of(uid, pid):
    with contextlib.suppress(OSError):
        return os.stat(f"/proc/{pid}").st_uid == uid
    return False


def test_equals_kcmp():
    with crowd():
        before = tasks_of_proc()
        shown = ls()
        after = tasks_of_proc()
        mms = {tid: mm for tid, _, mm in listed(shown)}
        tids = [t for t in before if before[t] == after.get(t) and not is_kthread(t)]
        assert len(tids) > 50
        pairs = shared = 0
        for i, a in enumerate(tids):
            for b in tids[:i]:
                same = same_mm(a, b)
                if same is None:
                    continue
                pairs += 1
                # for kcmp(), two that have no mm have the same
                if mms[a] is None or mms[b] is None:
                    assert "Z" in (stat_field(a, 3), stat_field(b, 3)), (a, b)
                    continue
                shared += same
                assert same == (mms[a] == mms[b]), (a, b, same)
        assert pairs > 1000 and shared > 40


def test_every_task_once():
    with crowd():
        before = tasks_of_proc()
        rows = listed(ls())
        after = tasks_of_proc()
    there = {tid: tgid for tid, tgid, _ in rows}
    assert len(there) == len(rows), "a task came twice"
    for tid, tgid in before.items():
        if after.get(tid) == tgid:
            assert there[tid] == tgid
    # besides, pmemctl itself at most
    assert len(set(there) - set(before) - set(after)) <= 1


def test_fields_equal_proc():
    with crowd() as targets, nl.Client() as client:
        tasks = client.tasks()
        for target in targets:
            for tid in target.tids():
                task = tasks.of(tid)
                told = status(f"{target.pid}/task/{tid}")
                assert task["tgid"] == int(told["Tgid"])
                assert task["ppid"] == int(told["PPid"])
                assert task["uid"] == int(told["Uid"].split()[0])
                assert task["comm"] == told["Name"].strip()
                start = int(stat_field(f"{target.pid}/task/{tid}", 22))
                assert task["start_time"] * 100 // 10**9 == start
                zombie = stat_field(f"{target.pid}/task/{tid}", 3) == "Z"
                assert bool(task["flags"] & nl.TASK_ZOMBIE) == zombie
                io = bool(task["flags"] & nl.TASK_IO_WORKER)
                assert io == task["comm"].startswith("iou-")
        assert any(t["flags"] & nl.TASK_IO_WORKER for t in tasks.tasks)
        walk = tasks.scalars[nl.T_WALK]
        assert 0 < walk < 10**10
        assert abs(tasks.scalars[nl.T_TAKEN] - time.time_ns()) < 60 * 10**9
        assert tasks.scalars[nl.T_HIDDEN] == 0


def test_sizes_equal_proc():
    """Of processes that stand still. The kernel's own RSS figures are rounded by up to a
    batch for each CPU before 6.17; the sum over the pages is not."""
    with crowd() as targets:
        shown = ls()
        checked = 0
        for target in targets:
            told = status(target.pid)
            if "VmSize" not in told:
                continue
            mm = mm_of(shown, target.pid)

            def kib(key):
                return 1024 * int(told[key].split()[0])
            assert mm["vsz"] == kib("VmSize")
            assert mm["pgtables"] == kib("VmPTE")
            assert mm["swap"] == kib("VmSwap")
            assert mm["rss"] == mm["rss_anon"] + mm["rss_file"] + mm["rss_shmem"]
            slack = 4096 * 64 * os.cpu_count()
            assert abs(mm["rss"] - kib("VmRSS")) <= slack
            rollup = re.search(r"^Rss: +(\d+) kB", read(f"/proc/{target.pid}/smaps_rollup"),
                               re.M)
            # 6.1 gathers its counts per task, and smaps has pages that are not counted
            if rollup and nl_exact():
                assert abs(mm["rss"] - 1024 * int(rollup[1])) <= 4096 * 4, target.pid
            vmas = len(read(f"/proc/{target.pid}/maps").splitlines())
            assert vmas - 1 <= mm["vmas"] <= vmas       # but for [vsyscall]
            process = next(p for p in mm["used_by"] if p["pid"] == target.pid)
            assert process["threads"] == int(told["Threads"])
            checked += 1
        assert checked > 8


def nl_exact():
    major, minor = map(int, re.match(r"(\d+)\.(\d+)", os.uname().release).groups())
    return (major, minor) >= (6, 2)


def test_ids_are_those_of_snapshots():
    with fixture("fx-clonevm 2") as target, nl.Client() as client:
        tasks = client.tasks()
        row = tasks.mm_of(target.pid)
        snap = nl.ask(target.pid, sections=0)
        assert row["id"] == snap.mm[1]
        assert row["users"] == snap.mm[2] == 3
        assert row["map_count"] == snap.mm[3]
        assert row["total_vm"] == snap.mm[6]
        assert (row["tasks"], row["kthreads"], row["hidden"], row["unexplained"]) == (3, 0, 0, 0)


def test_relations():
    with fixture("fx-vfork") as vfork, fixture("fx-clonevm 2") as clone, \
            fixture("fx-fork 1") as fork:
        for shown in ls(), ls("--shared"):
            relations = {p["pid"]: p["relation"] for p in mm_of(shown, vfork.pid)["used_by"]}
            assert relations == {vfork.pid: "vfork-parent",
                                 vfork.truth["child"]: "vfork-child"}
            mm = mm_of(shown, clone.pid)
            assert {p["pid"] for p in mm["used_by"]} == \
                {clone.pid, *(c["pid"] for c in clone.truth["children"])}
            assert {p["relation"] for p in mm["used_by"]} == {"clone-vm"}
            # the parent comes first
            assert mm["used_by"][0]["pid"] == clone.pid
        assert not [p for mm in shown["mms"] for p in mm["used_by"] if p["pid"] == fork.pid]
        shown = ls(fork.truth["child"])
        assert [p["pid"] for mm in shown["mms"] for p in mm["used_by"]] == \
            [fork.truth["child"]]
        assert mm_of(shown, fork.truth["child"])["used_by"][0]["relation"] is None


def test_sum_counts_an_mm_once():
    with fixture("fx-clonevm 3") as target:
        one = ls(target.pid)
        rss = one["mms"][0]["rss"]
        assert one["sum"]["rss"] == rss and one["sum"]["rss_by_process"] == 4 * rss
        assert one["sum"]["processes"] == 4 and one["sum"]["mms"] == 1
        text = pmemctl("ls", "-b", target.pid).stdout.decode()
        assert f"RSS by process {4 * rss}, really {rss}: 4 processes share an mm" in text
        everything = ls()
        assert everything["sum"]["rss"] == sum(m["rss"] for m in everything["mms"])


def test_biggest_first_and_by_column():
    rows = [m["rss"] for m in ls()["mms"]]
    assert rows == sorted(rows, reverse=True)
    out = pmemctl("ls", "-rn", "-o", "VSZ", "-b", "--sort", "VSZ").stdout.decode().split()
    assert [int(n) for n in out if n != "-"] == sorted(int(n) for n in out if n != "-")


def test_text():
    with fixture("fx-threads 3") as target, fixture("fx-zombie") as zombie:
        out = pmemctl("ls").stdout.decode()
        assert re.search(rf"^{target.pid} +4 root .* fx-threads *$", out, re.M)
        assert f"{zombie.truth['zombie']} (fx-zombie)" in out
        assert "--kernel lists them" in out
        out = pmemctl("ls", "--threads", target.pid).stdout.decode()
        for tid in set(target.tids()) - {target.pid}:
            assert re.search(rf"^[├└]─{target.pid} +{tid} ", out, re.M)
        assert "left out: " in out
        out = pmemctl("ls", "--kernel").stdout.decode()
        assert re.search(r"^2 +1 root +kthreadd", out, re.M)


def test_pids_that_are_not():
    done = pmemctl("ls", 4194305, 1)
    assert done.returncode == 4
    assert done.stderr == b"pmemctl: 4194305: no such process\n"
    assert pmemctl("ls", "x").returncode == 2
    assert pmemctl("ls", "--lint").returncode == 2


def test_kernel_threads():
    # workers of the kernel come and go, at times many at once
    for _ in range(4):
        theirs = {p for p in map(int, filter(str.isdigit, os.listdir("/proc")))
                  if is_kthread(p)}
        with nl.Client() as client:
            tasks = client.tasks()
        ours = {t["tid"]: t for t in tasks.tasks if t["flags"] & nl.TASK_KTHREAD}
        shown = {k["pid"] for k in ls()["kthreads"]}
        if theirs == set(ours) == shown:
            break
    assert len(theirs & set(ours)) > 20
    assert len(theirs ^ set(ours)) < 6 and len(theirs ^ shown) < 6
    assert not any(t["mm"] for t in ours.values())
    for tid in filter(is_kthread, theirs & set(ours)):
        with contextlib.suppress(OSError):
            assert ours[tid]["ppid"] == int(stat_field(tid, 4))


@contextlib.contextmanager
def borrowed(pid):
    """Two kernel threads, one at work in the mm of @pid, one idle on CPU 1."""
    os.sched_setaffinity(0, {0})
    subprocess.run(["insmod", BORROW, f"pid={pid}"], check=True, timeout=PATIENCE)
    try:
        yield
    finally:
        subprocess.run(["rmmod", "borrow"], check=True, timeout=PATIENCE)
        os.sched_setaffinity(0, range(os.cpu_count()))


def test_borrowed_mms():
    with fixture("fx-threads 1") as worked_in, fixture("fx-threads 1 --spin 1") as spins:
        for tid in spins.tids():
            os.sched_setaffinity(tid, {1})
        time.sleep(1)
        with borrowed(worked_in.pid), nl.Client() as client:
            def of(rows, comm):
                return next(t for t in rows if t["comm"] == comm)
            time.sleep(1)
            # a thread of the highest priority is kept from its CPU for a moment each second
            until = time.monotonic() + PATIENCE
            while True:
                tasks = client.tasks()
                shown = ls()
                text = pmemctl("ls", "--kernel").stdout.decode()
                if of(tasks.tasks, "borrow_lazy")["active_mm"] and \
                        of(shown["kthreads"], "borrow_lazy")["relation"] and \
                        re.search(r"borrow_lazy +lazy", text) or time.monotonic() > until:
                    break
        works, lazy = of(tasks.tasks, "borrow_works"), of(tasks.tasks, "borrow_lazy")
        mm = tasks.mm_of(worked_in.pid)
        assert tasks.mms[works["mm"] - 1] is mm and works["active_mm"] == 0
        # the module holds a count of its own, for the thread
        assert (mm["tasks"], mm["kthreads"], mm["users"], mm["unexplained"]) == (2, 1, 3, 1)
        assert lazy["mm"] == 0
        assert tasks.mms[lazy["active_mm"] - 1] is tasks.mm_of(spins.pid)
        assert tasks.mm_of(spins.pid)["kthreads"] == 0

        mm = mm_of(shown, worked_in.pid)
        assert {p["pid"]: p["relation"] for p in mm["used_by"]} == \
            {worked_in.pid: None, works["tid"]: "kthread"}
        idle = of(shown["kthreads"], "borrow_lazy")
        assert idle["relation"] == "lazy" and idle["mm"] == mm_of(shown, spins.pid)["mm"]
        assert "1 at work in the mm of a process" in text
        assert re.search(r"borrow_works +kthread", text)
        assert re.search(r"borrow_lazy +lazy", text)
        assert f"{worked_in.pid} (fx-threads): 1 reference to its mm belongs to no task" in text


UFFD, UFFDIO_API, UFFDIO_REGISTER = 323, 0xc018aa3f, 0xc020aa00


def test_unexplained_users():
    """A reader of /proc/PID/mem holds the mm while it writes what it read: into a page
    that is not given to it."""
    with fixture("fx-static") as target, nl.Client() as client:
        page = mmap.mmap(-1, 4096)
        addr = ctypes.addressof(ctypes.c_char.from_buffer(page))
        uffd = libc.syscall(UFFD, os.O_CLOEXEC)
        assert uffd >= 0, os.strerror(ctypes.get_errno())
        for call, arg in ((UFFDIO_API, struct.pack("=QQQ", 0xaa, 0, 0)),
                          (UFFDIO_REGISTER, struct.pack("=QQQQ", addr, 4096, 1, 0))):
            buf = ctypes.create_string_buffer(arg)
            assert libc.ioctl(uffd, ctypes.c_ulong(call), buf) == 0
        start = int(read(f"/proc/{target.pid}/maps").split("-")[0], 16)
        fd = os.open(f"/proc/{target.pid}/mem", os.O_RDONLY)
        before = client.tasks().mm_of(target.pid)
        # opening alone holds mm_count, which keeps nothing
        assert before["unexplained"] == 0 and before["users"] == before["tasks"]
        reader = threading.Thread(target=os.preadv, args=(fd, [memoryview(page)], start))
        reader.start()
        wait_until("the reader holds the mm",
                   lambda: client.tasks().mm_of(target.pid)["users"] == before["users"] + 1)
        assert client.tasks().mm_of(target.pid)["unexplained"] == 1
        shown = mm_of(ls(), target.pid)
        assert shown["unexplained"] == 1 and shown["users"] == before["users"] + 1
        os.close(uffd)
        reader.join(PATIENCE)
        os.close(fd)
        assert client.tasks().mm_of(target.pid)["unexplained"] == 0


def ids_noted(path):
    with open(path, "rb") as f:
        bits = f.read()
    return lambda tid: bits[tid // 8] >> tid % 8 & 1


def test_hidepid():
    """What is listed, and refused, is counted; what is not listed, nobody counts."""
    for hidepid in 1, 2:
        subprocess.run(["mount", "-o", f"remount,hidepid={hidepid}", "/proc"], check=True)
        try:
            done = as_user("pmemctl", "ls", "-J")
            text = as_user("pmemctl", "ls").stdout.decode()
        finally:
            subprocess.run(["mount", "-o", "remount,hidepid=0", "/proc"], check=True)
        shown = json.loads(done.stdout)
        assert 0 < len(shown["mms"]) < 10
        count = shown["sum"]["not_permitted"]
        if hidepid == 1:
            everybody = sum(1 for name in os.listdir("/proc") if name.isdecimal())
            assert everybody - 10 < count < everybody + 10
            assert re.search(r"\n\d+ processes of others not shown", text), text
        else:
            assert count == 0 and "what is outside /proc is not known" in text, text


STORM = 200 // SLOW


def test_storm():
    """200 processes fork and exec at full speed; this one goes first."""
    path = "/tmp/storm"
    seen, shown, sizes = [], [], []
    with nl.Client() as client:
        others = {t["tid"] for t in client.tasks().tasks}
        with fixture(f"fx-storm {STORM} {path}") as storm:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
            try:
                until = time.monotonic() + 60
                while len(sizes) < 40 or (len({t["tid"] for t in seen} - others) < 3 * STORM
                                          and time.monotonic() < until):
                    tasks = client.tasks()      # which checks that no tid came twice
                    sizes.append(len(tasks.tasks))
                    seen += tasks.tasks
                    time.sleep(0.05)
                for _ in range(10):
                    shown.append(ls())
                    assert pmemctl("ls").returncode == 0
            finally:
                os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        was = ids_noted(path)
    new = [t for t in seen if t["tid"] not in others and not t["flags"] & nl.TASK_KTHREAD]
    assert min(sizes) > STORM and len({t["tid"] for t in new}) > 2 * STORM
    assert storm.pid in {t["tid"] for t in new}
    for task in new:
        assert was(task["tid"]), task
    # "exe" is what /proc/self/exe is called once it is executed
    assert {t["comm"] for t in new} <= {"fx-storm", "exe"}
    for one in shown:
        rows = listed(one)
        assert len({t for t, _, _ in rows}) == len(rows), "a task came twice"
        ours = {p["pid"] for mm in one["mms"] for p in mm["used_by"]
                if p["comm"] == "pmemctl"}
        kthreads = {k["pid"] for k in one["kthreads"]}
        for tid, _, _ in rows:
            assert tid in others or tid in ours or tid in kthreads or was(tid), tid


def test_as_a_user():
    with fixture(["fx-user", "fx-threads", "3"]) as target, \
            fixture(["fx-user", "fx-clonevm", "2"]) as clone, \
            fixture(["fx-user", "fx-vfork"]) as vfork, \
            fixture(["fx-user", "fx-zombie"]) as zombie, fixture("fx-static") as others:
        done = as_user("pmemctl", "ls", "-J")
        assert done.returncode == 0 and done.stderr == b""
        shown = json.loads(done.stdout)
        root = {mm["mm"]: mm for mm in ls()["mms"]}
        rows = listed(shown)
        assert len({t for t, _, _ in rows}) == len(rows)
        mine = {p for p in filter(str.isdigit, os.listdir("/proc")) if is_of(1000, p)}
        pids = {p["pid"] for mm in shown["mms"] for p in mm["used_by"]}
        assert pids >= {int(p) for p in mine} - {zombie.truth["zombie"]}
        assert others.pid not in pids and ME not in pids
        assert zombie.truth["zombie"] in {p["pid"] for p in shown["without_mm"]}
        for target in target, clone, vfork:
            mm = mm_of(shown, target.pid)
            theirs = root[mm["mm"]]
            # all the same, but for the mm's own small changes
            assert mm["used_by"] == [dict(p, start=q["start"], tasks=q["tasks"])
                                     for p, q in zip(theirs["used_by"], mm["used_by"])]
            for key in "vsz", "rss", "vmas", "users", "unexplained", "hidden":
                assert mm[key] == theirs[key], key
            for p, q in zip(theirs["used_by"], mm["used_by"]):
                assert [t["tid"] for t in p["tasks"]] == [t["tid"] for t in q["tasks"]]
                assert p["start"] // 10**7 == q["start"] // 10**7
        assert shown["sum"]["complete"] is False
        assert shown["sum"]["not_permitted"] >= 2
        text = as_user("pmemctl", "ls").stdout.decode()
        assert re.search(r"^\d+ process(es)? of others not shown: CAP_SYS_PTRACE shows all$",
                         text, re.M)
        done = as_user("pmemctl", "ls", others.pid)
        assert done.returncode == 5
        assert b"you may not look at it" in done.stderr


def test_as_a_user_under_churn():
    with fixture(["fx-user", "fx-churn"]):
        for _ in range(10):
            done = as_user("pmemctl", "ls", "-J")
            assert done.returncode == 0, done.stderr
            rows = listed(json.loads(done.stdout))
            assert len({t for t, _, _ in rows}) == len(rows)


def test_in_a_container():
    """Root of a user namespace has no right outside; what he sees is his own."""
    done = as_user("fx-user", "--pidns", "pmemctl", "ls", "-J")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert {p["pid"] for mm in shown["mms"] for p in mm["used_by"]} == {1, 2}
    assert {p["user"] for mm in shown["mms"] for p in mm["used_by"]} == {"root"}
    assert shown["kthreads"] == [] and shown["sum"]["hidden_tasks"] is None
    done = subprocess.run(["unshare", "-Urpmf", "--mount-proc", "pmemctl", "ls", "-J"],
                          capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert {p["pid"] for mm in shown["mms"] for p in mm["used_by"]} == {1}
    assert shown["sum"]["complete"] is False


def test_in_a_pid_namespace():
    """With the right, all of the namespace, and how much is outside of it."""
    code = f"""
import os, sys; sys.path.insert(0, {HERE!r}); import nl, json, subprocess
tasks = nl.Client().tasks()
shown = json.loads(subprocess.run(["pmemctl", "ls", "-J"], capture_output=True).stdout)
print(json.dumps(dict(tids=[t["tid"] for t in tasks.tasks], mms=len(tasks.mms),
                      hidden=tasks.scalars[nl.T_HIDDEN], ppid=tasks.of(1)["ppid"],
                      shown=shown)))
"""
    outside = len(glob.glob("/proc/[0-9]*/task/[0-9]*"))
    done = subprocess.run(["unshare", "-pf", "--mount-proc", "python3", "-c", code],
                          capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["tids"] == [1] and told["mms"] == 1 and told["ppid"] == 0
    # and who called it, and what came and went of the kernel's workers
    assert abs(told["hidden"] - outside) < 16 and outside > 20
    assert {p["pid"] for mm in told["shown"]["mms"] for p in mm["used_by"]} == {1, 2}
    assert told["shown"]["kthreads"] == []
    assert told["shown"]["sum"]["complete"] is True
    assert abs(told["shown"]["sum"]["hidden_tasks"] - outside) < 16


HIDDEN = f"""
import ctypes, os, sys, signal, json
sys.path.insert(0, {HERE!r}); import nl
libc = ctypes.CDLL(None, use_errno=True)
assert libc.unshare(0x20000000) == 0
top = ctypes.c_void_p(ctypes.addressof(stack := ctypes.create_string_buffer(65536)) + 65536)
pause = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lambda _: libc.pause())
pid = libc.clone(ctypes.cast(libc.pause, ctypes.c_void_p), top, 0x100 | 17, None)
assert pid > 0
print(os.getpid(), pid, flush=True)
sys.stdin.read()
os.kill(pid, 9)
"""


def test_hidden_sharers():
    """A process in a pid namespace whose mm is shared by one outside."""
    with started(["python3", "-c", HIDDEN]) as popen:
        parent, child = map(int, popen.stdout.readline().split())
        with nl.Client() as client:
            assert client.tasks().mm_of(parent)["tasks"] == 2
        inner = (f"import sys; sys.path.insert(0,{HERE!r}); import nl\n"
                 "t = nl.Client().tasks(); m = t.mm_of(1)\n"
                 "print(m['tasks'], m['hidden'], m['users'], m['unexplained'])\n")
        done = subprocess.run(["nsenter", "-t", str(child), "-p", "python3", "-c", inner],
                              capture_output=True, timeout=PATIENCE)
        assert done.stdout == b"1 1 2 0\n", done


def test_rights():
    """CAP_SYS_PTRACE of who opened the socket and of who sends."""
    code = (f"import sys; sys.path.insert(0,{HERE!r}); import nl, os\n"
            "drop = lambda: (os.setresgid(1000, 1000, 1000), os.setresuid(1000, 1000, 1000))\n"
            "%s\n"
            "try: print(len(client.tasks().tasks))\n"
            "except nl.Refused as e: print(e.errno, e.text)\n")
    for how in ("drop(); client = nl.Client()", "client = nl.Client(); drop()",
                # opened without, used with it
                "os.setresuid(1000, 1000, 0); client = nl.Client(); os.setresuid(0, 0, 0)",
                "os.setresuid(1000, 1000, 0); client = nl.Client(); os.setresuid(0, 0, 0);"
                "client.address = None"):
        done = subprocess.run(["python3", "-c", code % how], capture_output=True,
                              timeout=PATIENCE)
        assert done.stdout.startswith(b"1 ") and b"CAP_SYS_PTRACE" in done.stdout, done
    done = subprocess.run(["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace",
                           "python3", "-c", code % "client = nl.Client()"],
                          capture_output=True, timeout=PATIENCE)
    assert done.stdout.startswith(b"1 "), done
    with nl.Client() as client:
        assert client.tasks().tasks


@pytest.mark.parametrize("payload", [
    nl.u32(1, 1), nl.u32(2, 1), nl.u32(7, 1), nl.u32(4000, 1), nl.attr(1, b""),
    nl.attr(1, bytes(8)), b"\1\2\3", struct.pack("=HH", 64, 2),
], ids=range(8))
def test_ill_formed_requests(payload):
    with nl.Client() as client:
        client.request(payload, cmd=nl.CMD_TASKS)
        with pytest.raises(nl.Refused) as caught:
            nl.Tasks(client.read())
        assert caught.value.errno == errno.EINVAL and caught.value.text
        # the socket is still good
        assert client.tasks().tasks


def test_not_a_dump():
    with nl.Client() as client:
        client.request(b"", flags=nl.NLM_F_REQUEST | nl.NLM_F_ACK, cmd=nl.CMD_TASKS)
        with pytest.raises(nl.Refused) as caught:
            list(client.read())
        assert caught.value.errno == errno.EOPNOTSUPP


def unread():
    client = nl.Client()
    client.request_tasks()
    return client


def refcount():
    return int(read("/sys/module/pmemctl/refcnt"))


def test_small_buffers_and_two_dumps():
    with fixture(MANY) as target:
        with nl.Client(4096) as client:
            tasks = client.tasks()
            assert sum(t["tgid"] == target.pid for t in tasks.tasks) == 1201
        with nl.Client() as client:
            client.request_tasks()
            client.request_tasks()
            assert len(nl.Tasks(client.read(client.seq - 1)).tasks) > 1200
            assert client.asides == [(client.seq, errno.EBUSY)]
            # and after it, a snapshot on the same socket
            assert client.snapshot(2).flags & nl.PROCESS_KTHREAD


def test_limits():
    with fixture(MANY), parameter("max_snapshots", 3):
        held = [unread() for _ in range(3)]
        with nl.Client() as client:
            assert "max_snapshots" in refused(errno.EUSERS, client.tasks)
            done = pmemctl("ls")
            assert done.returncode == 1 and b"max_snapshots" in done.stderr
        held.pop().sock.close()
        with nl.Client() as client:
            assert client.tasks().tasks
        for client in held:
            client.sock.close()
    with parameter("max_snapshot_mib", 0), nl.Client() as client:
        assert "max_snapshot_mib" in refused(errno.EFBIG, client.tasks)
    wait_until("the module is free", lambda: refcount() == 0)


def test_why_a_user_s_process_is_not_shown():
    """No more snapshots are to be had: nothing changes, and nothing is locked."""
    with fixture(["fx-user", "fx-fork", "2"]), fixture(MANY), parameter("max_snapshots", 3):
        held = [unread() for _ in range(3)]
        text = as_user("pmemctl", "ls").stdout.decode()
        for client in held:
            client.sock.close()
        line = next(x for x in text.splitlines() if " not shown: the first of them, " in x)
        assert "max_snapshots" in line and "changing" not in line
    wait_until("the module is free", lambda: refcount() == 0)


def test_frozen_when_asked():
    """What is read late is what was so when it was asked, and holds no process."""
    with fixture(MANY) as target:
        client = unread()
        assert refcount() == 1
        target.popen.kill()
        target.popen.wait(60)
        assert not os.path.exists(f"/proc/{target.pid}")
        tasks = nl.Tasks(client.read())
        assert sum(t["tgid"] == target.pid for t in tasks.tasks) == 1201
        assert tasks.mm_of(target.pid)["tasks"] == 1201
        client.sock.close()
    for _ in range(20):
        pid = os.fork()
        if pid == 0:
            unread()
            os.kill(os.getpid(), 9)
        os.waitpid(pid, 0)
    wait_until("the module is free", lambda: refcount() == 0)
