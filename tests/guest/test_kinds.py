# SPDX-License-Identifier: GPL-2.0
"""What each region is: against programs that know, and real ones."""
import bisect
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile

import pytest

from conftest import (PATIENCE, PYTHON, Target, fixture, java_classes, pmemctl_json, read,
                      runtime, started, stopped)
from stacks import nginx

YAMA = "/proc/sys/kernel/yama/ptrace_scope"

# what only memory tells, and what of it is seen without it
ANON = {"malloc chunk", "tls", "arena", "python heap", "java heap", "java code",
        "java classes", "loader", "random"}
CLOSED = {"reserved", "arena reserve"}


class Map:
    """The regions of a process, with parts in place of those that have some."""

    def __init__(self, regions):
        self.regions = [r for r in regions if r["kind"] != "vsyscall"]
        self.pieces = []
        for region in self.regions:
            at = int(region["start"], 0)
            for part in region.get("parts", [region]):
                assert int(part["start"], 0) == at, region
                at += part["size"]
                assert int(part["end"], 0) == at, region
                assert part["why"], part
                self.pieces.append(dict(region, **part))
            assert at == int(region["end"], 0), region
        self.starts = [int(p["start"], 0) for p in self.pieces]

    def at(self, addr):
        piece = self.pieces[bisect.bisect_right(self.starts, addr) - 1]
        assert int(piece["start"], 0) <= addr < int(piece["end"], 0), hex(addr)
        return piece

    def over(self, place):
        """All pieces that a place of a fixture's touches."""
        addr = int(place["at"]["addr"], 0)
        found = [self.at(addr)]
        while int(found[-1]["end"], 0) < addr + place["at"]["size"]:
            found.append(self.at(int(found[-1]["end"], 0)))
        return found

    def check_size(self, pid):
        """Of a process that holds still: nothing is left out, or there twice."""
        vm_size = re.search(r"^VmSize:\s+(\d+) kB", read(f"/proc/{pid}/status"), re.M)
        assert sum(p["size"] for p in self.pieces) == int(vm_size.group(1)) << 10

    def of(self, kind):
        return [p for p in self.pieces if p["kind"] == kind]


def seen(pid, command="regions"):
    return Map(pmemctl_json(command, "-J", pid)["regions"])


def seen_by_user(pid):
    done = subprocess.run(["fx-user", "pmemctl", "regions", "-J", str(pid)],
                          capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return Map(json.loads(done.stdout)["regions"])


@contextlib.contextmanager
def no_attach():
    """Yama's scope 2: users may read, and attach to nothing."""
    before = read(YAMA)
    try:
        with open(YAMA, "w", encoding="ascii") as f:
            f.write("2")
        yield
    finally:
        with open(YAMA, "w", encoding="ascii") as f:
            f.write(before)


def check_place(found, place):
    for piece in found.over(place):
        assert piece["kind"] == place["kind"], (place, piece)
        assert not place["tid"] or piece["tid"] == place["tid"], (place, piece)


def check_place_unread(found, place):
    """Fewer names, and none that is wrong."""
    for piece in found.over(place):
        if place["kind"] in ANON:
            assert piece["kind"] == "anon", (place, piece)
        elif place["kind"] in CLOSED:
            assert piece["kind"] == "reserved", (place, piece)
        else:
            check_place(found, place)


@pytest.mark.parametrize("command", ["regions", "show"])
def test_places(command):
    with fixture("fx-kinds") as target, stopped(target):
        found = seen(target.pid, command)
        assert {p["kind"] for p in target.truth["places"]} == {
            "data", "bss", "library", "library bss", "tls", "heap", "arena",
            "arena reserve", "malloc chunk", "anon", "thread stack", "reserved"}
        for place in target.truth["places"]:
            check_place(found, place)
        found.check_size(target.pid)


def test_places_as_owner():
    with fixture(["fx-user", "fx-kinds"]) as target, stopped(target):
        found = seen_by_user(target.pid)
        for place in target.truth["places"]:
            check_place(found, place)
        found.check_size(target.pid)


def test_places_without_attach():
    with fixture(["fx-user", "fx-kinds"]) as target, stopped(target), no_attach():
        found = seen_by_user(target.pid)
        for place in target.truth["places"]:
            check_place_unread(found, place)
        assert found.of("library bss") and not found.of("tls")
        found.check_size(target.pid)


@contextlib.contextmanager
def own_library(*user):
    """fx-kinds with a copy of its library, and the path of that."""
    with tempfile.TemporaryDirectory() as where:
        os.chmod(where, 0o755)
        here = os.path.dirname(shutil.which("fx-kinds"))
        path = shutil.copy(f"{here}/libfx-kinds.so", where)
        command = list(user) + ["env", f"LD_LIBRARY_PATH={where}", shutil.which("fx-kinds")]
        with fixture(command) as target:
            yield target, path


@pytest.mark.parametrize("change", ["deleted", "replaced", "another"])
def test_library_that_cannot_be_read(change):
    """Root reads what is mapped; a user finds another file there, or none."""
    with own_library("fx-user") as (target, path), stopped(target):
        if change == "deleted":
            os.unlink(path)
        elif change == "replaced":
            shutil.copy(path, path + ".new")
            os.rename(path + ".new", path)
        else:
            os.unlink(path)
            os.mkfifo(path)     # which one must not wait for
        found = seen(target.pid)
        for place in target.truth["places"]:
            check_place(found, place)
        found = seen_by_user(target.pid)
        for place in target.truth["places"]:
            if place["kind"] == "library bss":
                for piece in found.over(place):
                    assert piece["kind"] in ("library", "anon"), piece
                    assert piece["kind"] == "library" or "perhaps its bss" in piece["why"]
            elif place["kind"] != "anon" or piece["kind"] == "anon":
                check_place(found, place)
        found.check_size(target.pid)


def test_go_heap():
    for name in "fx-go", "fx-go-cgo":
        with fixture(name) as target, stopped(target):
            found = seen(target.pid)
            found.check_size(target.pid)
            for thread in target.truth["threads"] + [target.truth["main"]]:
                if not thread.get("in_c"):
                    assert found.at(int(thread["local"], 0))["kind"] in ("go heap", "altstack")
            assert sum(p["size"] for p in found.of("go heap")) < 64 << 20
            # what Go keeps of 256 TiB: pieces of 4 MiB, 32 MiB and 256 MiB
            assert sum(p["size"] for p in found.pieces if "Go's" in p["why"] and
                       p["kind"] == "reserved") > 256 << 20
            assert bool(found.of("arena")) == (name == "fx-go-cgo")


def test_python():
    with runtime("python3") as target, stopped(target):
        found = seen(target.pid)
        found.check_size(target.pid)
        assert sum(p["size"] for p in found.of("python heap")) >= 1 << 20
        assert len(found.of("arena")) >= 1
        assert len(found.of("tls")) == 1
        assert sum(p["size"] for p in found.of("anon")) <= 256 << 10


def jcmd(pid, what):
    return subprocess.run(["jcmd", str(pid)] + what.split(), capture_output=True,
                          check=True, timeout=PATIENCE).stdout.decode()


def test_java():
    """Where it says that its heap, its code and its classes are."""
    with runtime("java") as target:
        text = jcmd(target.pid, "GC.heap_info") + jcmd(target.pid, "VM.info")
        heap = re.search(r"^Heap address: (0x\w+), size: (\d+) MB", text, re.M)
        code = [tuple(int(x, 16) for x in m) for m in
                re.findall(r"bounds \[(0x\w+), \w+, (0x\w+)\]", text)]
        classes = re.search(r"[Cc]ompressed class space mapped at: (0x\w+)-(0x\w+), reserved size",
                            text)
        with stopped(target):
            found = seen(target.pid)
            found.check_size(target.pid)
    assert heap and code and classes, text
    start, size = int(heap.group(1), 0), int(heap.group(2)) << 20
    check_reserve(found, start, start + size, "java heap")
    for low, high in code:
        check_reserve(found, low, high, "java code")
    check_reserve(found, int(classes.group(1), 0), int(classes.group(2), 0), "java classes")
    assert not [p for p in found.of("java code") if "x" not in p["perms"]]


def check_reserve(found, start, end, kind):
    """All of a range that a Java VM has reserved, and what it uses of that."""
    used, at = 0, start
    while at < end:
        piece = found.at(at)
        at = int(piece["end"], 0)
        if "w" in piece["perms"] and not piece["inode"]:
            assert piece["kind"] == kind, piece
            used += piece["size"]
        elif not piece["inode"]:
            assert piece["kind"] == "reserved" and "Java VM" in piece["why"], piece
    assert used


def test_nginx_has_hardly_anything_unknown():
    with nginx() as targets:
        for target in targets:
            with stopped(target):
                found = seen(target.pid)
                found.check_size(target.pid)
            assert sum(p["size"] for p in found.of("anon")) <= 64 << 10, found.of("anon")
            assert len(found.of("tls")) == 1
            assert found.of("library bss")


@pytest.mark.parametrize("name", [
    "fx-static", "fx-static-static", "fx-depth-musl 3", "fx-rust", "fx-kinds",
    "fx-maps", "fx-threads 6 --user-stack", "fx-iouring --sqpoll"])
def test_all_of_it_once(name):
    with fixture(name) as target, stopped(target):
        for command in "regions", "show":
            seen(target.pid, command).check_size(target.pid)


@contextlib.contextmanager
def users(name):
    """A program of an unprivileged user's."""
    if name == "java":
        with started(["fx-user", "java", "-Xmx64m", "-cp", java_classes(), "Busy"]) as popen:
            assert popen.stdout.readline() == b"ready\n"
            yield Target(popen, None, popen.pid)
    else:
        command = ["python3", "-c", PYTHON] if name == "python3" else name.split()
        with fixture(["fx-user"] + command) as target:
            yield target


@pytest.mark.parametrize("name", [
    "python3", "java", "fx-go", "fx-go-cgo", "fx-rust", "fx-depth-musl 3", "fx-static"])
def test_less_is_told_without_attach(name):
    """Fewer names, and none that is another."""
    with users(name) as target, stopped(target):
        full = seen(target.pid)
        with no_attach():
            less = seen_by_user(target.pid)
        less.check_size(target.pid)
    shape = 0
    for piece in less.pieces:
        it = full.at(int(piece["start"], 0))
        if piece["kind"] not in ("anon", "reserved"):
            assert piece["kind"] == it["kind"], (piece, it)
        shape += "perhaps an arena" in piece["why"]
    # threads get arenas when they first ask for memory, and no other has the shape
    assert not shape or full.of("arena")
    assert shape or name != "fx-rust"


def test_memory_of_the_kernels():
    with fixture("fx-maps") as target:
        found = seen(target.pid)
        for known in target.truth["regions"]:
            if "absent" in known:
                continue
            piece = found.at(int(known["start"], 0))
            if "secretmem" in (piece["name"] or ""):
                assert piece["kind"] == "secret"
            if "dp" in piece["flags"].split(","):
                assert piece["kind"] == "droppable"
    with fixture("fx-iouring") as target:
        rings = [p for p in seen(target.pid).pieces if "io_uring" in (p["name"] or "")]
        assert rings and {p["kind"] for p in rings} == {"ring"}
