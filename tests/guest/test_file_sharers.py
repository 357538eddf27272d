# SPDX-License-Identifier: GPL-2.0
"""Who else maps the files and the shared memory of a process, against
/proc/*/maps of all processes."""
import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from conftest import (PATIENCE, SLOW, fixture, pmemctl, pmemctl_json, read, started,
                      wait_until)
from test_protocol import parameter

LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (....) ([0-9a-f]+) "
                  r"([0-9a-f]+:[0-9a-f]+) (\d+) *(.*)", re.S)


def processes():
    return [int(p) for p in os.listdir("/proc") if p.isdigit()]


def mappings(pid):
    """What of maps is of a file: (device, inode, System V or not): ranges"""
    found = {}
    try:
        lines = read(f"/proc/{pid}/maps").split("\n")[:-1]
    except (ProcessLookupError, FileNotFoundError, PermissionError):
        return found
    for line in lines:
        start, end, perms, offset, dev, ino, name = LINE.match(line).groups()
        if ino != "0" or name.startswith("/SYSV"):
            key = dev, int(ino), name.startswith("/SYSV")
            found.setdefault(key, set()).add(
                (int(start, 16), int(end, 16), perms, int(offset, 16)))
    return found


def by_proc(pid):
    """All others that map what it maps: {file: {(pid, start, end, perms, offset)}}"""
    own, found = mappings(pid), {}
    for other in processes():
        if other == pid:
            continue
        for key, ranges in mappings(other).items():
            if key in own:
                found.setdefault(key, set()).update((other, *r) for r in ranges)
    return found


def by_pmemctl(shown):
    found = {}
    for file in shown["files"]:
        key = file["dev"], file["inode"], file["file"].startswith("/SYSV")
        assert key not in found
        found[key] = {(s["pid"], int(s["start"], 0), int(s["end"], 0), s["perms"],
                       int(s["offset"], 0)) for s in file["sharers"]}
        assert len(found[key]) == len(file["sharers"])
    return found


def shared(target, label):
    thing, = (t for t in target.truth["things"] if t["label"] == label)
    return thing


def file_at(shown, pid, start):
    """The file of which that process maps something there."""
    found = [f for f in shown["files"] for s in f["sharers"]
             if s["pid"] == pid and int(s["start"], 0) == start]
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize("command", [
    "fx-share", "fx-static", "fx-threads 3", "fx-maps", "fx-paths", "fx-static-static",
    "fx-fork 4", "fx-leader"])
def test_equals_proc(command):
    """Each mapping of the same file by anybody, and no other one."""
    with fixture(command) as target, fixture(command):
        pid = target.pid
        if command == "fx-leader":
            expected = None      # its /proc/PID/maps is empty
        else:
            expected = by_proc(pid)
        shown = pmemctl_json("sharers", "-J", pid)
        if expected is not None:
            assert by_pmemctl(shown) == expected
        assert shown["files"]
        assert shown["looked_at"]["not_permitted"] == 0
        assert shown["looked_at"]["failed"] == 0
        assert not shown["looked_at"]["partial"]


def test_pairs():
    perms = {"shm": ("rw-s", "rw-s"), "memfd": ("rw-s", "r--s"),
             "sysv": ("rw-s", "r--s"), "file-rw": ("rw-s", "r--p"),
             "file-ro": ("r--s", "r--s"), "file-private": ("rw-p", "rw-p")}
    with fixture("fx-share") as target:
        shown = pmemctl_json("sharers", "-J", target.pid)
        forked, other = target.truth["forked"], target.truth["other"]
        for label, (mine, theirs) in perms.items():
            thing = shared(target, label)
            file = file_at(shown, other, int(thing["other_start"], 0))
            assert file and file["perms"] == mine, label
            assert int(file["start"], 0) == int(thing["start"], 0)
            assert int(file["end"], 0) == int(thing["start"], 0) + thing["size"]
            rows = {s["pid"]: s for s in file["sharers"]}
            assert set(rows) == {forked, other}, label
            assert rows[other]["perms"] == theirs
            assert int(rows[other]["offset"], 0) == thing["other_offset"]
            assert rows[other]["comm"] == "exe" and rows[forked]["comm"] == "fx-share"
            assert rows[forked]["start"] == file["start"]
            assert file["processes"] == 2
            assert file["written"] is (label not in ("file-ro", "file-private"))
        for label in "file-own", "anon":
            file = file_at(shown, forked, int(shared(target, label)["start"], 0))
            assert [s["pid"] for s in file["sharers"]] == [forked]
            assert file["written"]
        kinds = {f["file"].split("/")[-1].split(" ")[0]: f["kind"]
                 for f in shown["files"]}
        assert kinds["memfd:fx-share"] == "memfd" and kinds["zero"] == "shm"
        assert kinds["SYSV00000000"] == "shm" and kinds["file-rw"] == "file"
        assert kinds["fx-share"] == "text" and kinds["libc.so.6"] == "library"
        # and the other way round
        back = pmemctl_json("sharers", "-J", other)
        file = file_at(back, target.pid, int(shared(target, "memfd")["start"], 0))
        assert file["kind"] == "memfd" and file["offset"] == "0x1000"


def test_two_instances_share_no_memory():
    """Equal names and equal places are not the same memory."""
    with fixture("fx-share") as a, fixture("fx-share") as b:
        shown = pmemctl_json("sharers", "-J", a.pid)
        pids = {b.pid, b.truth["forked"], b.truth["other"]}
        for file in shown["files"]:
            if file["written"] or "file-" in file["file"]:
                assert not {s["pid"] for s in file["sharers"]} & pids, file
        text, = (f for f in shown["files"] if f["kind"] == "text")
        assert pids <= {s["pid"] for s in text["sharers"]}


def test_processes_of_one_mm_are_one_sharer():
    with fixture("fx-static") as target, fixture("fx-clonevm 3") as other:
        shown = pmemctl_json("sharers", "-J", target.pid)
        pids = {other.pid} | {c["pid"] for c in other.truth["children"]}
        libc, = (f for f in shown["files"] if f["file"].endswith("/libc.so.6"))
        rows = [s for s in libc["sharers"] if s["pid"] in pids]
        assert {s["pid"] for s in rows} == {min(pids)}
        assert {s["processes"] for s in rows} == {4}
        # they share the mm with each other: these are no files to be shared
        shown = pmemctl_json("sharers", "-J", other.pid)
        assert {s["pid"] for s in shown["sharers"]} == pids - {other.pid}
        assert not pids & {s["pid"] for f in shown["files"] for s in f["sharers"]}


SEGMENT = r"""
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
if sys.argv[1] == "new" and libc.unshare(0x08000000):       # CLONE_NEWIPC
    raise OSError(ctypes.get_errno(), "unshare")
id = libc.shmget(0, 4096, 0o1600)
at = libc.shmat(id, None, 0)
ctypes.memset(at, 1, 4096)
print(id, hex(at), flush=True)
sys.stdin.read()
libc.shmctl(id, 0, None)
"""


def test_segments_of_two_ipc_namespaces():
    """Both have the same id, which is the inode number, and the same name."""
    with contextlib.ExitStack() as stack:
        said = []
        for _ in range(2):
            popen = stack.enter_context(started(["python3", "-c", SEGMENT, "new"]))
            said.append((popen.pid, *popen.stdout.readline().split()))
        assert said[0][1] == said[1][1]
        shown = pmemctl_json("sharers", "-J", said[0][0])
        assert not [f for f in shown["files"] if f["file"].startswith("/SYSV")]


def test_why_one_was_not_looked_at():
    """One that is too large is not busy, and does not change."""
    with fixture("fx-static") as target, fixture("fx-manyvmas 40000") as large, \
            parameter("max_snapshot_mib", 1):
        shown = pmemctl_json("sharers", "-J", target.pid)["looked_at"]
        assert shown["failed"] == 1
        assert "max_snapshot_mib" in shown["reason"]
        text = pmemctl("sharers", target.pid).stdout.decode()
        line = next(x for x in text.splitlines() if "1 process was not looked at" in x)
        assert f"{large.pid}: " in line and "too large" in line and "busy" not in line


ZEROES = r"""
import mmap, os, sys
m = mmap.mmap(os.open("/dev/zero", os.O_RDWR), 4096, flags=mmap.MAP_PRIVATE)
m[0] = 1
print(flush=True)
sys.stdin.read()
"""


def test_memory_of_a_device_is_each_one_s():
    """Of one inode, and no mark on the VMA says that it is a device."""
    with started(["python3", "-c", ZEROES]) as one, started(["python3", "-c", ZEROES]) as two:
        assert one.stdout.readline() and two.stdout.readline()
        assert "/dev/zero\n" in read(f"/proc/{one.pid}/maps")
        shown = pmemctl_json("sharers", "-J", one.pid)
        assert two.pid in {s["pid"] for f in shown["files"] for s in f["sharers"]}
        assert not [f for f in shown["files"] if f["file"] == "/dev/zero"]


def test_text():
    with fixture("fx-share") as target:
        out = pmemctl("sharers", target.pid).stdout.decode()
        head, written, rest = re.split(r"\nmemory that others see written:\n|\n\nfiles ", out)
        assert "shared with no other process" in head
        assert "/dev/shm/fx-share-" in written and "file-rw" in written
        assert str(target.truth["other"]) in written
        assert "libc.so.6" not in written
        counts = {line.split()[-1].split("/")[-1]: int(line.split()[0])
                  for line in rest.splitlines()[2:]}
        # the tests themselves have it, too
        assert counts["libc.so.6"] >= 3 and counts["file-ro"] == 2
        assert counts["fx-share"] == 2
        assert max(map(len, out.splitlines())) < 100
        tree = pmemctl("sharers", "--files", target.pid).stdout.decode()
        assert re.search(rf" {target.truth['other']} .─exe", tree)
        raw = pmemctl("sharers", "--files", "-r", "-n", "-o", "pid,range,perms",
                      target.pid).stdout.decode().splitlines()
        thing = shared(target, "memfd")
        start = int(thing["other_start"], 0)
        assert "%d %x-%x r--s" % (target.truth["other"], start,
                                  start + thing["size"] - 4096) in raw
        assert pmemctl("sharers", "-r", target.pid).stdout == b"PID COMM TASKS MEANING\n"


def test_columns_of_files():
    page = read("/src/user/pmemctl.8")
    names = [l.split()[0] for l in
             pmemctl("sharers", "--files", "-H").stdout.decode().splitlines()[1:]]
    help_text = pmemctl("help", "sharers").stdout.decode()
    with fixture("fx-share") as target:
        for name in names:
            assert name in page and f"\n  {name} " in help_text
            rows = pmemctl_json("sharers", "--files", "-J", "-o", name, target.pid)["files"]
            assert rows and all(set(r) == {name.lower(), "sharers"} for r in rows)
            assert all(set(s) == {name.lower()} for r in rows for s in r["sharers"])
        order = pmemctl_json("sharers", "--files", "-J", "--sort", "inode", target.pid)
        inodes = [f["inode"] for f in order["files"]]
        assert inodes == sorted(inodes) and order["looked_at"]["processes"]


def test_raw_and_chosen_columns_cost_no_pass():
    with fixture("fx-static") as target, fixture("fx-threads 2"):
        for args in ("-r",), ("-o", "pid"), ("-J", "-o", "pid"):
            assert requests("sharers", *args, target.pid) == 1
        assert "files" not in pmemctl_json("sharers", "-J", "-o", "pid", target.pid)


def requests(*args):
    """How many snapshots one command asks for."""
    done = subprocess.run(["strace", "-f", "-e", "trace=sendto", "pmemctl",
                           *map(str, args)], capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    # the first asks for the family's number
    return len(re.findall(rb"\bsendto\(", done.stderr)) - 1


def test_one_request_for_each_process():
    """However many files there are: the pass is one over the processes."""
    with contextlib.ExitStack() as stack:
        many = stack.enter_context(fixture("fx-manyvmas 2000 --file"))
        few = stack.enter_context(fixture("fx-static"))

        def count():
            # strace is one more process, and pmemctl looks at itself never
            users = [p for p in processes() if mappings(p)]
            asked = requests("sharers", "-J", many.pid), requests("sharers", "-J", few.pid)
            assert asked[0] == asked[1] == len(users) + 1, (asked, users)
            return asked[0]
        before = count()
        for _ in range(10):
            stack.enter_context(fixture("fx-static"))
        assert count() == before + 10


def as_user(*argv):
    return subprocess.run(["fx-user", *map(str, argv)], capture_output=True,
                          timeout=PATIENCE)


def test_as_a_user():
    with fixture("fx-static") as root, fixture(["fx-user", "fx-share"]) as target:
        done = as_user("pmemctl", "sharers", "-J", target.pid)
        assert done.returncode == 0, done.stderr
        shown = json.loads(done.stdout)
        pids = {s["pid"] for f in shown["files"] for s in f["sharers"]}
        assert pids == {target.truth["forked"], target.truth["other"]}
        users = len([p for p in processes() if mappings(p)])
        seen = shown["looked_at"]
        assert seen["processes"] == 2
        # fx-user has become pmemctl; the target is not among them
        assert seen["not_permitted"] == users - 3
        assert root.pid not in pids
        text = as_user("pmemctl", "sharers", target.pid).stdout.decode()
        assert f"{users - 3} processes were not looked at: not permitted" in text


def test_in_a_container():
    code = ("import json, subprocess, sys\n"
            "p = subprocess.Popen(['fx-share'], stdin=subprocess.PIPE,"
            " stdout=subprocess.PIPE)\n"
            "truth = json.loads(p.stdout.readline())\n"
            "out = [subprocess.check_output(['pmemctl', 'sharers', *a, str(p.pid)])"
            ".decode() for a in (['-J'], [])]\n"
            "print(json.dumps([truth, *out]))\n"
            "p.stdin.close(); p.wait()\n")
    with fixture("fx-share") as outside:
        done = as_user("--pidns", "python3", "-c", code)
        assert done.returncode == 0, done.stderr
        truth, shown, text = json.loads(done.stdout)
        shown = json.loads(shown)
        pids = {s["pid"] for f in shown["files"] for s in f["sharers"]}
        assert {truth["forked"], truth["other"]} <= pids
        # pid 1 and the test inside, and nobody from outside
        assert len(pids) == 4 and max(pids) < 100 and outside.pid not in pids
        assert shown["looked_at"]["partial"]
        assert "some of the machine's processes only" in text


def test_hidepid():
    with fixture(["fx-user", "fx-share"]) as target:
        subprocess.run(["mount", "-o", "remount,hidepid=2", "/proc"], check=True)
        try:
            done = as_user("pmemctl", "sharers", "-J", target.pid)
        finally:
            subprocess.run(["mount", "-o", "remount,hidepid=0", "/proc"], check=True)
        seen = json.loads(done.stdout)["looked_at"]
        assert seen["partial"] and seen["not_permitted"] == 0


def test_in_a_storm():
    """200 processes that fork and exec at full speed: nobody twice, and nobody that
    never was. Who looks has more of the CPUs than one of them, or he would hardly look."""
    highest = int(read("/proc/sys/kernel/pid_max"))

    def made():
        """Tasks since the boot"""
        return int(re.search(r"^processes (\d+)$", read("/proc/stat"), re.M).group(1))
    with fixture("fx-share") as target, fixture(f"fx-storm {200 // SLOW}") as storm:
        os.setpriority(os.PRIO_PROCESS, 0, -20)
        try:
            # one look at them all takes half a minute and more
            end = time.monotonic() + 10
            while time.monotonic() < end:
                shown = pmemctl_json("sharers", "-J", target.pid, timeout=3 * PATIENCE)
                last = int(read("/proc/loadavg").split()[-1])
                # as many as there are ids, or nearly: low ones are left out when they go round
                went_round = made() > highest - 1000
                names = {}
                for file in shown["files"]:
                    rows = [(s["pid"], s["start"]) for s in file["sharers"]]
                    assert len(rows) == len(set(rows)), file
                    for s in file["sharers"]:
                        assert 0 < s["pid"] <= highest
                        # a pid above the last one was never given, unless they went round
                        assert s["pid"] <= last or went_round
                        assert names.setdefault(s["pid"], s["comm"]) == s["comm"]
                assert set(names.values()) <= {
                    "fx-share", "fx-storm", "exe", "python3", "pytest", "sh", "bash", "init",
                    "timeout", "inside"} | comms(), names
                for label in "shm", "memfd", "sysv":
                    thing = shared(target, label)
                    file = file_at(shown, target.truth["other"],
                                   int(thing["other_start"], 0))
                    assert {s["pid"] for s in file["sharers"]} == \
                        {target.truth["forked"], target.truth["other"]}
                assert storm.popen.poll() is None
        finally:
            os.setpriority(os.PRIO_PROCESS, 0, 0)


def comms():
    found = set()
    for pid in processes():
        with contextlib.suppress(OSError):
            found.add(read(f"/proc/{pid}/comm")[:-1])
    return found


def test_target_dies():
    for delay in 0, 0.02, 0.05, 0.1:
        with fixture("fx-share") as target:
            popen = subprocess.Popen(["pmemctl", "sharers", "-J", str(target.pid)],
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            threading.Timer(delay, os.kill, (target.pid, signal.SIGKILL)).start()
            out, err = popen.communicate(timeout=PATIENCE)
            assert popen.returncode in (0, 4), err
            assert json.loads(out)
            wait_until("it is dead", lambda: target.popen.poll() is not None)
