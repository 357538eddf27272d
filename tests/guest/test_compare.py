# SPDX-License-Identifier: GPL-2.0
"""What two tasks share: against kcmp, /proc/PID/ns, /proc/PID/pagemap as root
reads it here, and what fixtures know of their own pages."""
import contextlib
import json
import mmap
import os
import signal
import struct
import subprocess
import sys
import time

import pytest

from conftest import (MARKED, PATIENCE, SLOW, at_rest, fixture, huge_head, libc, pmemctl,
                      pmemctl_json, read, started, stat_field, wait_until)
from test_file_sharers import SEGMENT

PAGE = 4096
KCMP = {"mm": 1, "files": 2, "fs": 3, "sighand": 4, "io": 5, "sysvsem": 6}
SPACES = ["cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "user", "uts"]


def compare(a, b, *args):
    return pmemctl_json("compare", "-J", *args, a, b)


def kinds_of(shown):
    return {row["kind"]: row for row in shown["kinds"]}


# What the kernel says of pages, read by root without our command

def vm_flags(pid):
    """VmFlags of each VMA by its range."""
    flags, area = {}, None
    for line in read(f"/proc/{pid}/smaps").splitlines():
        words = line.split()
        if words[0] == "VmFlags:":
            flags[area] = set(words[1:])
        elif not words[0].endswith(":"):
            area = tuple(int(w, 16) for w in words[0].split("-"))
    return flags


def rollup(pid):
    return {line.split(":")[0]: int(line.split()[1]) << 10
            for line in read(f"/proc/{pid}/smaps_rollup").splitlines()[1:]}


kpageflags = open("/proc/kpageflags", "rb", buffering=0)


def flag_bit(frame, bit):
    return struct.unpack("Q", os.pread(kpageflags.fileno(), 8, frame * 8))[0] >> bit & 1


zero_frames = {}


def is_zero(frame):
    if frame not in zero_frames:
        zero_frames[frame] = flag_bit(frame, 24)
    return zero_frames[frame]


def pages(pid):
    """Address: (frame, page of a file or shared memory)."""
    found, flags = {}, vm_flags(pid)
    with open(f"/proc/{pid}/pagemap", "rb") as f:
        for line in read(f"/proc/{pid}/maps").splitlines():
            start, end = (int(w, 16) for w in line.split()[0].split("-"))
            if "[vsyscall]" in line or end - start > 1 << 30:
                continue
            device = {"io", "pf", "mm"} & flags[start, end]
            f.seek(start // PAGE * 8)
            data = f.read((end - start) // PAGE * 8)
            for i, (entry,) in enumerate(struct.iter_unpack("Q", data)):
                if not entry >> 63:
                    continue
                frame, file = entry & (1 << 55) - 1, entry >> 61 & 1
                if not is_zero(frame) and \
                        not (device and ("pf" in device or not file)):
                    found[start + i * PAGE] = (frame, file)
    return found


def quiet(a, b):
    """The pages of both, once they stay."""
    zero_frames.clear()
    seen = []

    def stays():
        seen.append((pages(a), pages(b)))
        return len(seen) > 1 and seen[-1] == seen[-2]
    wait_until("two processes are quiet", stays)
    return seen[-1]


def sums(mine, theirs):
    frames = {frame for frame, _ in theirs.values()}
    same = [file for frame, file in mine.values() if frame in frames]
    return dict(rss=len(mine) * PAGE, same=len(same) * PAGE,
                anon=sum(not file for _, file in mine.values()) * PAGE,
                shared=sum(same) * PAGE, anon_same=(len(same) - sum(same)) * PAGE)


def equals_pagemap(a, b):
    """Our sums are those of the kernel; returns what was shown."""
    pages_a, pages_b = quiet(a, b)
    shown = compare(a, b)
    for side, truth in ("a", sums(pages_a, pages_b)), ("b", sums(pages_b, pages_a)):
        told = shown["pages"][side]
        assert told["rss"] == truth["rss"]
        assert told["anon"] == truth["anon"]
        kernels = rollup(a if side == "a" else b)
        assert told["rss"] == kernels["Rss"] + kernels["Private_Hugetlb"] + \
            kernels["Shared_Hugetlb"]
        assert told["same"] == truth["same"] == told["same_least"] == told["same_most"]
        assert told["shared"] == truth["shared"]
        assert told["cow"] + (told["ksm"] or 0) == truth["anon_same"]
        assert told["same"] + told["differ"] + told["only"] == told["rss"]
    # and rows add up
    for key, side, column in ("rss", "a", "rss_a"), ("rss", "b", "rss_b"), \
            ("same", "a", "same_a"), ("same", "b", "same_b"), ("shared", "a", "shared"), \
            ("cow", "a", "cow"), ("differ", "a", "differ"), ("only", "b", "only_b"), \
            ("size", "a", "size_a"), ("size", "b", "size_b"), ("ranges", "a", "ranges"):
        assert sum(row[column] for row in shown["kinds"]) == shown["pages"][side][key]
    return shown


def percent(shown):
    a, b = shown["pages"]["a"], shown["pages"]["b"]
    return 100 * (a["cow"] + b["cow"]) // (a["anon"] + b["anon"])


# Pages

FORKS = [(64, 0, 0), (64, 1, 0), (64, 0, 1), (64, 16, 16), (20, 5, 7), (64, 64, 64),
         (30, 40, 40), (0, 0, 0), (1, 1, 1), (0, 12, 60)]


@pytest.mark.parametrize("before,child,parent", FORKS)
@pytest.mark.parametrize("how", ["fork", "siblings"])
def test_exactly_these_pages_differ(how, before, child, parent):
    with fixture(f"fx-pair {how} {before} {child} {parent}") as target:
        truth = target.truth
        shown = equals_pagemap(truth["a"], truth["b"])
        row = kinds_of(shown)["memfd"]
        assert row["cow"] == row["same_a"] == row["same_b"] == truth["same"] * PAGE
        assert row["differ"] == truth["differ"] * PAGE
        assert row["only_a"] == truth["only_a"] * PAGE
        assert row["only_b"] == truth["only_b"] * PAGE
        assert row["shared"] == 0 and row["may_a"] is None
        assert row["ranges"] == row["size_a"] == row["size_b"] == 64 * PAGE
        who = "parent and child after fork" if how == "fork" else "relatives by fork"
        assert shown["verdict"] == \
            f"{who}: {percent(shown)} % of anonymous pages still shared"
        assert shown["parent"] == ("a" if how == "fork" else None)


@pytest.mark.parametrize("k", [0, 3, 64])
def test_anonymous_pages(k):
    with fixture(f"fx-fork {k}") as target:
        child = target.truth["child"]
        shown = equals_pagemap(target.pid, child)
        row = kinds_of(shown)["anon"]
        assert row["cow"] >= (64 - k) * PAGE
        assert row["differ"] >= k * PAGE
        assert row["cow"] + row["differ"] + row["only_a"] == row["rss_a"]
        # turned around, all of it turns around
        turned = compare(child, target.pid)
        assert turned["pages"]["a"] == shown["pages"]["b"]
        assert turned["pages"]["b"] == shown["pages"]["a"]
        assert turned["verdict"] == shown["verdict"]
        assert turned["parent"] == "b"


@pytest.mark.parametrize("kind", ["memfd", "shm"])
@pytest.mark.parametrize("parent,child", [(64, 64), (10, 4), (4, 10), (8, 0)])
def test_shared_memory(kind, parent, child):
    with fixture(f"fx-pair memory {kind} {parent} {child}") as target:
        truth = target.truth
        shown = equals_pagemap(truth["a"], truth["b"])
        row = kinds_of(shown)[kind]
        assert row["shared"] == row["same_a"] == row["same_b"] == truth["same"] * PAGE
        assert row["cow"] == row["differ"] == 0
        assert row["only_a"] == truth["only_a"] * PAGE
        assert row["only_b"] == truth["only_b"] * PAGE
        assert row["files"] == 1
        assert row["ranges"] == (0 if kind == "memfd" else 64 * PAGE)
        assert shown["pages"]["a"]["shared_memory"] == truth["same"] * PAGE


def test_one_program_twice():
    with fixture("fx-static") as one, fixture("fx-static") as two:
        shown = equals_pagemap(one.pid, two.pid)
        assert shown["verdict"] == \
            "two processes that run the same program: only file pages are shared"
        rows = kinds_of(shown)
        text = rows["text"]
        assert text["same_a"] == text["shared"] == text["rss_a"] > 0
        assert text["ranges"] == 0 and text["files"] == 1    # ASLR
        assert rows["data"]["shared"] == 0
        assert rows["data"]["differ"] == rows["data"]["rss_a"] > 0
        assert rows["heap"]["only_a"] == rows["heap"]["rss_a"] > 0
        assert shown["a"]["exe"] in shown["files"]
        assert not any(shown["shares"][k] for k in ("mm", "files", "thread_group"))


def test_two_programs():
    with fixture("fx-static") as one, started(["sleep", "1000"]) as two:
        wait_until("sleep sleeps", lambda: stat_field(two.pid, 3) == "S" and
                   read(f"/proc/{two.pid}/comm") == "sleep\n")
        try:
            shown = equals_pagemap(one.pid, two.pid)
        finally:
            two.kill()
        assert shown["verdict"].startswith("two processes with nothing in common but ")
        assert "libc.so.6" in shown["verdict"]
        assert {os.path.basename(f) for f in shown["files"]} == \
            {"libc.so.6", "ld-linux-x86-64.so.2"}
        assert (shown["verdict"].endswith(" and the vdso")) == \
            (kinds_of(shown)["vdso"]["same_a"] > 0)


def test_segments_of_two_ipc_namespaces():
    """Their inode number is the id, which is the same, as is the name."""
    with contextlib.ExitStack() as stack:
        pids, ids = [], []
        for _ in range(2):
            popen = stack.enter_context(started(["python3", "-c", SEGMENT, "new"]))
            pids.append(popen.pid)
            ids.append(popen.stdout.readline().split()[0])
        assert ids[0] == ids[1]
        for setting in [], ["setpriv", "--bounding-set", "-sys_admin"]:
            done = subprocess.run([*setting, "pmemctl", "compare", "-J", *map(str, pids)],
                                  capture_output=True, text=True, check=True)
            shown = json.loads(done.stdout)
            assert shown["pages"]["frames_told"] is (not setting)
            assert not [f for f in shown["files"] if "SYSV" in f], shown["files"]
            row = kinds_of(shown)["shm"]
            assert row["rss_a"] == row["rss_b"] == PAGE
            assert row["files"] == 0 and not row["shared"] and not row["may_a"], row


def test_nothing_in_common():
    with fixture("fx-static-static") as one, started(["sleep", "1000"]) as two:
        wait_until("sleep sleeps", lambda: stat_field(two.pid, 3) == "S" and
                   read(f"/proc/{two.pid}/comm") == "sleep\n")
        try:
            shown = equals_pagemap(one.pid, two.pid)
        finally:
            two.kill()
        vdso = " but the vdso" if kinds_of(shown)["vdso"]["same_a"] else ""
        assert shown["verdict"] == "two processes with nothing in common" + vdso
        assert shown["files"] == []


SPARSE = r"""
import ctypes, json, mmap, os, sys, time
size = 20 << 30
room = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)
for at in 0, size // 2, size - 4096:
    room[at] = 1
zeroes = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
sum(zeroes[at] for at in range(0, 1 << 20, 4096))
r, w = os.pipe()
pid = os.fork()
if not pid:
    ctypes.CDLL(None).prctl(1, 9)
    room[0] = 2
    os.write(w, b"x")
    while True:
        time.sleep(1000)
os.read(r, 1)
print(json.dumps(dict(pid=os.getpid(), child=pid)), flush=True)
sys.stdin.read()
os.kill(pid, 9)
"""


def test_large_and_empty():
    """20 GB of addresses, three pages; and pages of zeroes are nobody's."""
    with started([sys.executable, "-c", SPARSE]) as popen:
        child = json.loads(popen.stdout.readline())["child"]
        for pid in popen.pid, child:
            at_rest(pid)
        begin = time.monotonic()
        shown = compare(popen.pid, child)
        assert time.monotonic() - begin < 60 * SLOW
        assert kinds_of(shown)["anon"]["size_a"] > 20 << 30
        for pid, side in (popen.pid, "a"), (child, "b"):
            assert shown["pages"][side]["rss"] == rollup(pid)["Rss"]
            assert shown["pages"][side]["anon"] == rollup(pid)["Anonymous"]


HUGE = r"""
import ctypes, json, mmap, os, sys, time
small = mmap.mmap(-1, 4096)
huge = mmap.mmap(-1, 4 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
huge.madvise(14)
for at in range(0, 4 << 20, 4096):
    huge[at] = 1
zeroes = mmap.mmap(-1, 4 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
zeroes.madvise(14)
sum(zeroes[at] for at in range(0, 4 << 20, 4096))
pool = mmap.mmap(-1, 4 << 20, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | 0x40000)
own = mmap.mmap(-1, 4 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000)
for at in range(0, 4 << 20, 2 << 20):
    pool[at] = own[at] = 1
pid = os.fork()
if not pid:
    ctypes.CDLL(None).prctl(1, 9)
    pool[0] = pool[2 << 20] = own[0] = 2
    small[0] = 1
    while True:
        time.sleep(1000)
while not small[0]:
    time.sleep(0.05)
print(json.dumps(dict(pid=os.getpid(), child=pid)), flush=True)
sys.stdin.read()
os.kill(pid, 9)
"""


def test_huge_pages():
    path = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
    before = read(path)
    with open(path, "w") as f:
        f.write("8")
    try:
        with started([sys.executable, "-c", HUGE]) as popen:
            child = json.loads(popen.stdout.readline())["child"]
            assert "AnonHugePages:      0 kB" not in \
                read(f"/proc/{popen.pid}/smaps_rollup")
            shown = equals_pagemap(popen.pid, child)
            row = kinds_of(shown)["hugetlb"]
            assert row["shared"] == 4 << 20
            assert row["cow"] == row["differ"] == 2 << 20
            assert kinds_of(shown)["anon"]["cow"] >= 4 << 20
    finally:
        with open(path, "w") as f:
            f.write(before)


def ksm_is_told():
    """Some kernels say of every anonymous page that KSM has merged it."""
    page = mmap.mmap(-1, PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    page[0] = 1
    # an address of the page, and its frame
    import ctypes
    at = ctypes.addressof(ctypes.c_char.from_buffer(page))
    with open("/proc/self/pagemap", "rb") as f:
        f.seek(at // PAGE * 8)
        frame = struct.unpack("Q", f.read(8))[0] & (1 << 55) - 1
    return not flag_bit(frame, 21)


@contextlib.contextmanager
def ksm_at_work():
    before = {}
    for name, value in ("sleep_millisecs", "1"), ("pages_to_scan", "10000"), ("run", "1"):
        path = f"/sys/kernel/mm/ksm/{name}"
        before[path] = read(path)
        with open(path, "w") as f:
            f.write(value)
    try:
        yield
    finally:
        before["/sys/kernel/mm/ksm/run"] = "2"     # and what is merged is not any more
        for path, value in before.items():
            with open(path, "w") as f:
                f.write(value)


def test_merged_by_ksm():
    assert os.path.exists("/sys/kernel/mm/ksm"), "the guest's kernel has no KSM"
    with ksm_at_work(), fixture("fx-pair ksm 40") as target, \
            fixture(["fx-user", "fx-pair", "ksm", "40"]) as users:
        truth = target.truth
        stranger = users.truth["b"]
        wait_until("KSM has merged", lambda: all(
            int(read(f"/proc/{p}/ksm_merging_pages")) >= truth["same"] - 1
            for p in (truth["a"], truth["b"], stranger)))
        with open("/sys/kernel/mm/ksm/run", "w") as f:
            f.write("0")
        # strangers to each other: no fork has made these the same
        shown = equals_pagemap(truth["a"], stranger)
        told = shown["pages"]["a"]
        if ksm_is_told():
            assert told["ksm"] == truth["same"] * PAGE and told["cow"] == 0
            assert shown["verdict"] == "two processes that run the same program: " \
                "file pages and 160K merged by KSM are shared"
        else:
            assert told["ksm"] is None and told["cow"] == truth["same"] * PAGE
            assert shown["verdict"].startswith("relatives by fork, or by KSM: ")
        # of the same user, without frames
        bounds_hold(users.truth["a"], users.truth["b"])


# Everything else that tasks share

def by_kcmp(a, b, what):
    result = libc.syscall(312, a, b, KCMP[what], 0, 0)
    assert result >= 0
    return result == 0


CLONES = [f"fx-pair clone {flags}".strip() for flags in (
    "", "VM", "VM FILES", "FILES", "FS", "VM SIGHAND", "SYSVSEM --sem", "--sem",
    "IO --io", "--io", "IO", "SYSVSEM", "VM FILES FS SIGHAND SYSVSEM IO --sem --io",
    "NEWUTS", "NEWIPC", "NEWNET", "NEWNS", "NEWPID", "NEWUSER", "NEWCGROUP",
    "NEWUTS NEWIPC NEWNS")]


@pytest.mark.parametrize("command", CLONES)
def test_each_flag_of_clone(command):
    flags = command.split()[2:]
    with fixture(command) as target:
        a, b = target.truth["a"], target.truth["b"]
        shown = compare(a, b)
        shares = shown["shares"]
        for what, flag in ("mm", "VM"), ("files", "FILES"), ("fs", "FS"), \
                ("sighand", "SIGHAND"):
            assert shares[what] == (flag in flags) == by_kcmp(a, b, what), what
        # kcmp() calls those equal that have none
        assert shares["sysvsem"] == ("SYSVSEM" in flags)   # made to be shared, if need be
        assert shares["io"] == ("IO" in flags and "--io" in flags)
        assert shares["thread_group"] is False
        for space in SPACES:
            is_same = os.path.samestat(os.stat(f"/proc/{a}/ns/{space}"),
                                       os.stat(f"/proc/{b}/ns/{space}"))
            name = {"mnt": "NEWNS", "pid_for_children": "NEWPID"}.get(
                space, "NEW" + space.upper())
            assert shares["namespaces"][space] == is_same == (name not in flags), space
        assert shown["parent"] == "a"
        if "VM" in flags:
            assert shown["verdict"] == \
                "two processes that share an address space (clone with CLONE_VM)"
            assert shown["kinds"] is shown["pages"] is shown["files"] is None
        else:
            assert shown["verdict"].startswith("parent and child after fork: ")
        text = pmemctl("compare", a, b).stdout.decode()
        lines = {line[:12].strip(): line[12:] for line in text.splitlines()}
        assert ("io context" in lines.get("neither has", "")) == ("--io" not in flags)
        assert ("semaphore undo" in lines.get("neither has", "")) == \
            (not {"--sem", "SYSVSEM"} & set(flags))
        assert all(len(line) <= 80 for line in text.splitlines()
                   if line[:2] not in ("A ", "B ")), text


def test_threads():
    with fixture("fx-threads 2") as target:
        tids = target.tids()
        shown = compare(tids[1], tids[2])
        assert shown["verdict"] == "two threads of one process"
        assert (shown["a"]["pid"], shown["a"]["tid"]) == (target.pid, tids[1])
        for what in "mm", "files", "fs", "sighand", "thread_group":
            assert shown["shares"][what] is True
        assert shown["kinds"] is None and shown["parent"] is None
        text = pmemctl("compare", tids[1], target.pid).stdout.decode()
        assert text.startswith("two threads of one process\n")
        assert f"A {target.pid} (fx-threads), thread {tids[1]}  " in text
        assert "\none mm, " in text
        assert compare(tids[1], tids[1])["verdict"] == "one and the same thread"


def test_myself():
    assert compare(1, 1)["verdict"] == "one and the same thread"


def test_vfork():
    with fixture("fx-vfork") as target:
        child = target.truth["child"]
        for pair, parent in ((target.pid, child), "a"), ((child, target.pid), "b"):
            shown = compare(*pair)
            assert shown["verdict"] == "two processes that share an address space (vfork)"
            assert shown["vfork_parent"] == shown["parent"] == parent
            assert shown["shares"]["mm"] is True
            assert shown["shares"]["thread_group"] is False


def test_time_namespace():
    with started(["unshare", "--time", "--fork", "sleep", "1000"]) as popen:
        path = f"/proc/{popen.pid}/task/{popen.pid}/children"
        wait_until("sleep sleeps", lambda: read(path).strip() and
                   read(f"/proc/{read(path).strip()}/comm") == "sleep\n")
        child = int(read(path))
        try:
            shown = compare(os.getpid(), child)
            assert shown["shares"]["namespaces"] == {s: s != "time" for s in SPACES}
        finally:
            os.kill(child, signal.SIGKILL)


def test_namespace_that_cannot_be_told():
    """One for children that are still to come."""
    with started(["unshare", "--pid", "sleep", "1000"]) as popen:
        wait_until("sleep sleeps", lambda: read(f"/proc/{popen.pid}/comm") == "sleep\n")
        try:
            # before 7 there is no such link yet
            is_told = os.path.exists(f"/proc/{popen.pid}/ns/pid_for_children")
            shown = compare(popen.pid, os.getpid())
            text = pmemctl("compare", popen.pid, os.getpid()).stdout.decode()
        finally:
            popen.kill()
        assert shown["shares"]["namespaces"]["pid_for_children"] is \
            (False if is_told else None)
        assert shown["shares"]["namespaces"]["pid"] is True
        assert ("\nunknown     pid for children namespace\n" in text) == (not is_told)


def test_marks_are_not_said_to_be_swapped_out():
    """Pages that are nowhere, and that userfaultfd is to hear of, look so."""
    with started(["python3", "-c", MARKED]) as one, started(["python3", "-c", MARKED]) as other:
        assert one.stdout.readline() and other.stdout.readline()
        for side in compare(one.pid, other.pid)["pages"].values():
            if isinstance(side, dict):
                assert side["swap"] is None
                assert (side["swap_least"], side["swap_most"]) == (0, PAGE)


# With less than all rights

def as_user(*argv):
    return subprocess.run(["fx-user", *map(str, argv)], capture_output=True, timeout=PATIENCE)


def bounds_hold(a, b):
    """What a user is told is true, against what root is told."""
    done = as_user("pmemctl", "compare", "-J", a, b)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    truth = equals_pagemap(a, b)
    again = json.loads(as_user("pmemctl", "compare", "-J", a, b).stdout)
    assert again["pages"] == told["pages"], "it was not quiet"
    assert told["pages"]["frames_told"] is False
    for side in "a", "b":
        mine, theirs = told["pages"][side], truth["pages"][side]
        assert mine["same_least"] <= theirs["same"] <= mine["same_most"] <= mine["rss"]
        assert mine["same"] is mine["cow"] is mine["differ"] is mine["only"] is None
        assert mine["ksm"] is None
        assert (mine["size"], mine["ranges"], mine["files"]) == \
            (theirs["size"], theirs["ranges"], theirs["files"])
    rows = kinds_of(truth)
    for kind, row in kinds_of(told).items():
        assert row["shared"] <= rows[kind]["same_a"] <= row["shared"] + row["may_a"]
        assert row["may_b"] is not None and row["same_a"] is None and row["cow"] is None
    assert told["shares"] == truth["shares"]
    return told, truth


@pytest.mark.parametrize("what", [
    "fork 64 0 0", "fork 64 16 16", "fork 20 5 7", "fork 0 9 9", "siblings 30 2 40",
    "memory memfd 64 64", "memory shm 10 4"])
def test_user(what):
    with fixture(["fx-user", "fx-pair", *what.split()]) as target:
        truth = target.truth
        told, known = bounds_hold(truth["a"], truth["b"])
        row = kinds_of(told)[{"fork": "memfd", "siblings": "memfd"}.get(
            what.split()[0], what.split()[1])]
        if what.startswith("memory"):
            # exact: a page of a file is there once
            assert row["shared"] == truth["same"] * PAGE and row["may_a"] == 0
        else:
            assert truth["same"] * PAGE <= row["may_a"] <= 64 * PAGE
            kin = "parent and child after fork" if what.startswith("fork") else \
                "perhaps relatives by fork"
            assert told["verdict"].startswith(kin + ": at most ")
        text = as_user("pmemctl", "compare", truth["a"], truth["b"]).stdout.decode()
        assert "takes CAP_SYS_ADMIN" in text
        assert "KIND " in text and " MAY_A\n" in text and "COW" not in text


def test_user_one_program_twice():
    with fixture(["fx-user", "fx-static"]) as one, fixture(["fx-user", "fx-static"]) as two:
        told, truth = bounds_hold(one.pid, two.pid)
        assert told["verdict"] == truth["verdict"]
        # all of it but the vdso and its data, which are no files, is known
        assert told["pages"]["a"]["shared"] == truth["pages"]["a"]["shared"] - \
            kinds_of(truth)["vdso"]["same_a"] - kinds_of(truth)["vvar"]["same_a"]


def test_user_huge_page():
    """Of which the child has written to the first 4K."""
    with huge_head("fx-user") as (_, pid, child):
        told, truth = bounds_hold(pid, child)
        assert truth["pages"]["a"]["cow"] >= (2 << 20) - PAGE
        assert told["verdict"].startswith("parent and child after fork: at most ")


INSIDE = ("(sleep 100 | fx-pair fork 20 5 7 >/tmp/pair.%(n)d) & "
          "while ! grep -q same /tmp/pair.%(n)d; do sleep 0.1; done; "
          "pmemctl compare -J $(sed 's/.*\"a\":\\([0-9]*\\),\"b\":\\([0-9]*\\).*/\\1 \\2/' "
          "/tmp/pair.%(n)d)")


def test_in_a_container():
    place = {"n": os.getpid()}
    done = as_user("--pidns", "sh", "-c", INSIDE % place)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["a"]["pid"] < 20
    assert shown["parent"] == "a"
    assert shown["verdict"].startswith("parent and child after fork: at most ")
    row = kinds_of(shown)["memfd"]
    assert row["same_a"] is None and row["shared"] == 0
    assert 15 * PAGE <= row["may_a"] <= 20 * PAGE
    assert row["rss_a"] == 27 * PAGE and row["rss_b"] == 20 * PAGE
    assert shown["shares"]["files"] is False
    assert set(shown["shares"]["namespaces"].values()) == {True}
    # root of a container has all capabilities there, and none here
    mine = subprocess.run(
        ["unshare", "-Urpmf", "--mount-proc", "sh", "-c", INSIDE % {"n": os.getpid() + 1}],
        capture_output=True, timeout=PATIENCE)
    assert mine.returncode == 0, mine.stderr
    shown = json.loads(mine.stdout)
    assert shown["pages"]["frames_told"] is False
    assert 15 * PAGE <= kinds_of(shown)["memfd"]["may_a"] <= 20 * PAGE


# What cannot be compared

def ksoftirqd():
    """A kernel thread that is there as long as its CPU, unlike workers."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if read(f"/proc/{pid}/comm").startswith("ksoftirqd"):
                return int(pid)
    raise AssertionError("no kernel thread")


def test_kernel_threads():
    shown = compare(2, os.getpid())
    assert shown["verdict"] == \
        "a process and a kernel thread, which has no address space of its own"
    assert shown["shares"]["mm"] is False and shown["kinds"] is None
    assert shown["a"]["kernel_thread"] and shown["a"]["mm_id"] is None
    assert compare(2, 2)["verdict"] == "one and the same kernel thread"
    shown = compare(2, ksoftirqd())
    assert shown["verdict"] == "two kernel threads: neither has an address space of its own"
    assert shown["shares"]["mm"] is False      # neither has one: not a shared one


def fails(status, words, *args):
    done = pmemctl("compare", *args)
    assert done.returncode == status
    assert done.stdout == b""
    assert words in done.stderr.decode() and len(done.stderr.splitlines()) == 1
    done = pmemctl("compare", "-J", *args)
    assert done.returncode == status
    shown = json.loads(done.stdout)
    assert shown["verdict"] is None
    assert words in " ".join(shown[s].get("error", "") for s in "ab")
    return shown


def test_failures():
    shown = fails(4, "no such process", 4194304, os.getpid())
    assert shown["a"] == {"pid": 4194304, "error": "no such process"}
    assert shown["b"]["pid"] == os.getpid()
    fails(4, "no such process", os.getpid(), 4194304)
    with fixture("fx-zombie") as target:
        fails(4, "zombie", target.pid, target.truth["zombie"])
    with fixture("fx-static") as target:
        done = as_user("pmemctl", "compare", target.pid, target.pid)
        assert done.returncode == 5 and b"may not look" in done.stderr


def test_exited_leader():
    with fixture("fx-leader") as target, fixture("fx-leader") as other:
        shown = compare(target.pid, other.pid)
        assert shown["shares"]["files"] is shown["shares"]["fs"] is False
        live = max(target.tids())
        assert compare(target.pid, live)["shares"]["files"] is True
        assert compare(target.pid, live)["verdict"] == "two threads of one process"


def test_columns():
    with fixture("fx-pair fork 20 5 7") as target:
        pair = target.truth["a"], target.truth["b"]
        done = pmemctl("compare", "-rn", "-b", "-o", "kind,cow,differ,only_a", *pair)
        assert done.stderr == b""
        rows = dict(line.split(" ", 1) for line in done.stdout.decode().splitlines())
        assert rows["memfd"] == f"{15 * PAGE} {5 * PAGE} {7 * PAGE}"
        shown = compare(*pair, "-o", "kind,cow", "--sort", "-cow")
        assert shown["kinds"][0] == {"kind": "memfd", "cow": 15 * PAGE} or \
            shown["kinds"][0]["cow"] > 15 * PAGE
        assert [r["cow"] for r in shown["kinds"]] == \
            sorted((r["cow"] for r in shown["kinds"]), reverse=True)


def test_while_they_change():
    """Programs that come and go under it: an answer or a reason, nothing else."""
    with fixture("fx-churn") as target, fixture("fx-churn --vma") as other:
        for _ in range(8):
            done = pmemctl("compare", "-J", target.pid, other.pid)
            assert done.returncode in (0, 1, 4), done.stderr
            verdict = json.loads(done.stdout)["verdict"]
            # a frame that one has got from the other was never in both
            assert verdict is None or verdict.startswith("two processes"), verdict
