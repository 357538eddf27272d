# SPDX-License-Identifier: GPL-2.0
"""What addresses are, of programs that know it, and who has their pages."""
import json
import os
import re
import struct
import subprocess
import tempfile

import pytest

from conftest import (MARKED, PATIENCE, answers_of, fixture, huge_head, maps_lines, pmemctl, read,
                      started, stat_field, stopped, swap)


def who(pid, *addrs):
    done = pmemctl("who", "-J", pid, *(hex(a) for a in addrs))
    assert done.returncode == 0 and done.stderr == b"", done
    shown = json.loads(done.stdout)
    assert shown["process"]["pid"] == pid
    assert [int(a["address"], 0) for a in shown["addresses"]] == list(addrs)
    return shown["addresses"]


def one(pid, addr):
    return who(pid, addr)[0]


def number(value):
    return int(value, 0)


def ranges(pid):
    """(start, end, perms, name) of /proc/PID/maps"""
    found = []
    for line in maps_lines(pid):
        fields = line.split(None, 5)
        start, end = (int(x, 16) for x in fields[0].split("-"))
        found.append((start, end, fields[1], fields[5] if len(fields) > 5 else ""))
    return found


def entry(pid, addr):
    """Of /proc/PID/pagemap, read by the test."""
    with open(f"/proc/{pid}/pagemap", "rb") as f:
        f.seek(addr // 4096 * 8)
        return struct.unpack("Q", f.read(8))[0]


def frame(pid, addr):
    value = entry(pid, addr)
    return value & ((1 << 55) - 1) if value >> 63 else None


@pytest.mark.parametrize("program", ["fx-static", "fx-static-nopie", "fx-static-static"])
def test_one_of_everything(program):
    with fixture(program) as target:
        t = target.truth
        kinds = {"rodata": "rodata", "data": "data", "bss_small": "bss", "bss_big": "bss",
                 "heap_malloc": "heap", "stack_local": "stack", "argv0": "args",
                 "envp0": "env"}
        symbols = {"rodata": ".rodata rodata_sym", "data": ".data data_sym",
                   "bss_small": ".bss bss_small", "bss_big": ".bss bss_big"}
        labels = list(kinds)
        spots = [(k, o) for k in labels for o in (0, t[k]["size"] // 2, t[k]["size"] - 1)]
        shown = who(target.pid, *(number(t[k]["addr"]) + o for k, o in spots))
        maps = ranges(target.pid)
        for (label, offset), a in zip(spots, shown):
            addr = number(a["address"])
            vma, = (m for m in maps if m[0] <= addr < m[1])
            assert (number(a["start"]), number(a["end"]), a["perms"]) == vma[:3]
            assert a["place"] == "mapped" and a["kind"] == kinds[label], (label, a)
            assert number(a["part_start"]) <= addr < number(a["part_end"])
            assert a["why"]
            file = a["file"]
            if label in symbols:
                assert f"{file['section']} {file['symbol']}" == symbols[label], a
                assert number(file["symbol_offset"]) == offset
                assert file["path"] == os.readlink(f"/proc/{target.pid}/exe")
                assert (file["offset"] is None) == label.startswith("bss")
            else:
                assert file is None
            if label == "stack_local":
                assert a["thread"]["tid"] == target.pid
                assert a["thread"]["use"] == "in-use"
            if label == "argv0":
                assert a["string"]["of"] == "arguments" and a["string"]["index"] == 0
                assert a["string"]["text"] == program and a["string"]["offset"] == offset
            if label == "envp0":
                first = read(f"/proc/{target.pid}/environ").split("=")[0]
                assert a["string"]["of"] == "environment"
                assert a["string"]["text"] == first and a["string"]["offset"] == offset
        text, tls = who(target.pid, number(t["text"]) + 4, number(t["tls"]["addr"]))
        assert text["kind"] == "text" and text["file"]["section"] == ".text"
        assert text["file"]["symbol"] == "text_func"
        assert text["file"]["symbol_offset"] == "0x4"
        assert tls["thread"]["area"] == "tls" and tls["thread"]["tid"] == target.pid


def test_libraries_and_the_kernels():
    with fixture("fx-static") as target:
        t = target.truth
        code, version, vdso = who(target.pid, number(t["libc_text"]),
                                  number(t["libc_rodata"]["addr"]),
                                  number(t["auxv"]["sysinfo_ehdr"]))
        assert code["kind"] == version["kind"] == "library"
        assert code["file"]["section"] == ".text"
        assert version["file"]["section"] == ".rodata"
        assert code["file"]["path"].endswith("/libc.so.6")
        assert vdso["kind"] == "vdso" and vdso["file"] is None


def symbols_by_nm(path):
    """{address: names} of functions and variables, as binutils knows them"""
    found = {}
    for dynamic in [], ["-D"]:
        out = subprocess.run(["nm", "-S", "--defined-only", *dynamic, path],
                             capture_output=True).stdout.decode()
        for line in out.splitlines():
            fields = line.split()
            if len(fields) == 4 and fields[2] in "TtDdBbRrWwVvi":
                found.setdefault((int(fields[0], 16), int(fields[1], 16)), set()).add(
                    fields[3].split("@")[0])
    return found


@pytest.mark.parametrize("name", ["fx-static", "libc.so.6"])
def test_symbols_equal_nm(name):
    """Every symbol of the program, and many of a large library, are found at their
    first and last byte."""
    with fixture("fx-static") as target:
        maps = [m for m in ranges(target.pid) if m[3].endswith("/" + name)]
        path, base = maps[0][3], maps[0][0]
        symbols = sorted(s for s in symbols_by_nm(path).items() if s[0][1])
        assert len(symbols) > 20
        symbols = symbols[::max(1, len(symbols) // 150)]
        spots = [(base + at + o, names) for (at, size), names in symbols
                 for o in (0, size - 1)]
        shown = who(target.pid, *(addr for addr, _ in spots))
        checked = 0
        for (addr, names), a in zip(spots, shown):
            if a["kind"] == "tls" or not a.get("file") or a["file"]["section"] in (None, ".tdata"):
                continue        # thread-local ones have no address
            found = a["file"]["symbol"]
            assert found, (hex(addr), names)
            at = addr - base - number(a["file"]["symbol_offset"])
            assert any(found in n for (start, _), n in symbols_by_nm_cached(path)
                       if start == at), (found, names)
            if at in {s for (s, _), n in symbols if n == names}:
                assert found in names
            checked += 1
        assert checked > 40


CACHE = {}


def symbols_by_nm_cached(path):
    if path not in CACHE:
        CACHE[path] = list(symbols_by_nm(path).items())
    return CACHE[path]


def test_stacks_of_threads():
    with fixture("fx-threads 6 --spin 1") as target, stopped(target):
        for t in target.truth["threads"]:
            low, size = number(t["stack_addr"]), t["stack_size"]
            high, local, me = low + size, number(t["local"]), number(t["self"])
            sp = number(t["sp"]) if "sp" in t else None
            used, free, guard, tcb, last, below = who(
                target.pid, local, low + 8192, low - 1, me + 16, high - 1, low)
            for a in used, free, guard, tcb, last, below:
                assert a["thread"]["tid"] == t["tid"], (t, a)
                assert a["thread"]["comm"] == t["name"]
            assert used["thread"]["area"] == "stack" and used["kind"] == "thread stack"
            assert number(used["thread"]["start"]) == low
            assert number(used["thread"]["end"]) == high
            assert used["thread"]["below_end"] == high - local
            if sp:
                assert used["thread"]["use"] == "in-use" and local >= sp
                assert used["thread"]["sp_state"] == "blocked"
                red, deep = who(target.pid, sp - 100, sp - 200)
                assert red["thread"]["use"] == "red-zone"
                assert deep["thread"]["use"] == "free"
            assert free["thread"]["use"] == "free"
            assert guard["thread"]["area"] == "guard" and guard["kind"] == "guard"
            assert tcb["thread"]["area"] == last["thread"]["area"] == "descriptor"
            assert below["thread"]["area"] == "stack"
        text = pmemctl("who", target.pid, t["local"]).stdout.decode()
        assert f"stack of thread {t['tid']} ({t['name']}), " in text
        assert f"{high - local} bytes below its top" in text


def test_text_of_a_blocked_thread():
    with fixture("fx-threads 1") as target:
        t, = target.truth["threads"]
        high = number(t["stack_addr"]) + t["stack_size"]
        addr = number(t["sp"]) + 24
        text = pmemctl("who", target.pid, hex(addr)).stdout.decode()
        line = " ".join(text.split())
        assert f"stack of thread {t['tid']} (fx-00), {high - addr} bytes below its top; " \
            "in use, 24 bytes above sp (exact: it does not run)" in line
        guard = number(t["stack_addr"]) - 16
        text = pmemctl("who", target.pid, hex(guard)).stdout.decode()
        assert f"{guard:x}: guard of thread {t['tid']}\n" in text
        assert f"guard of the stack of thread {t['tid']} (fx-00), 16 bytes below" in \
            " ".join(text.split())


def test_altstacks():
    with fixture("fx-altstack") as target:
        idle, running = (t for t in target.truth["threads"]
                         if t["name"] in ("fx-idle", "fx-running"))
        a, b = who(target.pid, number(idle["altstack"]["addr"]) + 1000,
                   number(running["sp"]) + 8)
        assert a["thread"]["area"] == b["thread"]["area"] == "altstack"
        assert a["thread"]["tid"] == idle["tid"] and a["thread"]["use"] is None
        assert b["thread"]["tid"] == running["tid"] and b["thread"]["use"] == "in-use"


def test_gaps():
    with fixture("fx-threads 1") as target:
        maps = [m for m in ranges(target.pid) if m[0] < 1 << 47]
        gaps = [(a, b) for a, b in zip(maps, maps[1:]) if b[0] > a[1]]
        assert len(gaps) > 2
        shown = who(target.pid, *(b[0] - 1 for a, b in gaps))
        for (a, b), row in zip(gaps, shown):
            assert row["place"] == "gap"
            assert number(row["below"]["end"]) == a[1]
            assert number(row["above"]["start"]) == b[0]
        first, last = who(target.pid, maps[0][0] - 1, maps[-1][1])
        assert first["below"] is None and number(first["above"]["start"]) == maps[0][0]
        assert last["above"] is None and number(last["below"]["end"]) == maps[-1][1]
        text = pmemctl("who", target.pid, hex(gaps[0][1][0] - 4096)).stdout.decode()
        assert "nothing is mapped there" in text and "4096 bytes below " in text


def test_the_guard_of_a_stack_is_named_from_below():
    with fixture("fx-threads 1 --guard 65536") as target:
        t, = target.truth["threads"]
        guard = number(t["stack_addr"]) - t["guard_size"]
        maps = ranges(target.pid)
        if any(m[0] < guard <= m[1] for m in maps):
            guard = min(m[0] for m in maps if m[0] <= guard <= m[1])
        text = pmemctl("who", target.pid, hex(guard - 4096)).stdout.decode()
        assert "nothing is mapped there" in text, text
        assert re.search(rf"4096 bytes below guard of thread {t['tid']} ", " ".join(text.split()))


@pytest.mark.parametrize("addr, place, words", [
    (0, "gap", "null pointer"), (0x18, "gap", "null pointer"),
    (0x7ffffffff000, "above", "above all"), (1 << 47, "not-canonical", "not canonical"),
    (0xdeadbeefdeadbeef, "not-canonical", "not canonical"),
    (1 << 63, "not-canonical", "not canonical"),
    (0xffff888000000000, "kernel", "kernel"), (0xffffffffffffffff, "kernel", "kernel"),
])
def test_addresses_that_cannot_be(addr, place, words):
    with fixture("fx-static") as target:
        assert one(target.pid, addr)["place"] == place
        assert words in pmemctl("who", target.pid, hex(addr)).stdout.decode()


def test_vsyscall():
    with fixture("fx-static") as target:
        if not any(m[3] == "[vsyscall]" for m in ranges(target.pid)):
            assert one(target.pid, 0xffffffffff600000)["place"] == "kernel"
            return
        a = one(target.pid, 0xffffffffff600400)
        assert a["kind"] == "vsyscall" and a["file"] is None


def test_offsets_in_files():
    """And no section: it is not a program."""
    with fixture("fx-maps") as target:
        things = {r["label"]: r for r in target.truth["regions"]}
        a = one(target.pid, number(things["file-r-at-2"]["start"]) + 5000)
        assert a["file"]["offset"] == hex(2 * 4096 + 5000)
        assert a["file"]["path"] == things["file-r-at-2"]["path"]
        assert a["file"]["readable"] and a["file"]["section"] is None
        for label, kind in (("memfd-shared", "memfd"), ("sysv-shm", "shm"),
                            ("posix-shm", "shm"), ("anon-shared", "shm"),
                            ("prot-none", "reserved"), ("deleted-shared", "file")):
            a = one(target.pid, number(things[label]["start"]) + 8)
            assert a["kind"] == kind, (label, a)
            if label != "prot-none":
                assert a["file"]["offset"] == "0x8"
        # a deleted file is not mistaken for another of its name; root reaches it itself
        assert one(target.pid, number(things["deleted-shared"]["start"]))["file"]["readable"]


def test_a_file_of_the_same_path_is_not_taken():
    """An executable that was replaced: its sections are not those of the new one."""
    fixtures = os.path.dirname(subprocess.check_output(["which", "fx-static"]).decode().strip())
    place = tempfile.mkdtemp(dir="/tmp")
    path = f"{place}/fx-static"
    os.chmod(place, 0o755)
    subprocess.run(["cp", f"{fixtures}/fx-static", path], check=True)
    with fixture(["fx-user", str(path)]) as target:
        text = number(target.truth["text"])
        assert as_user(target.pid, text)["file"]["symbol"] == "text_func"
        os.rename(path, f"{path}.old")
        subprocess.run(["cp", f"{fixtures}/fx-threads", path], check=True)
        # the name that the kernel has follows the file
        assert as_user(target.pid, text)["file"]["symbol"] == "text_func"
        os.unlink(f"{path}.old")
        shown = as_user(target.pid, text)
        assert shown["kind"] == "text" and not shown["file"]["readable"]
        assert shown["file"]["section"] is None
        # root opens what is mapped, whatever has become of its name
        assert one(target.pid, text)["file"]["symbol"] == "text_func"


def as_user(pid, *addrs, text=False):
    done = subprocess.run(["fx-user", "pmemctl", "who", *([] if text else ["-J"]), str(pid),
                           *map(hex, addrs)], capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode() if text else json.loads(done.stdout)["addresses"][0]


def shared(target, label):
    thing, = (t for t in target.truth["things"] if t["label"] == label)
    return thing


@pytest.mark.parametrize("label", ["shm", "memfd", "sysv", "file-rw", "file-ro"])
def test_page_that_others_map(label):
    with fixture("fx-share") as target:
        thing = shared(target, label)
        forked, other = target.truth["forked"], target.truth["other"]
        addr = number(thing["start"]) + 2 * 4096 + 24
        there = number(thing["other_start"]) + 2 * 4096 + 24 - thing["other_offset"]
        a = one(target.pid, addr)
        assert a["page"]["state"] == "present" and a["page"]["of"] == "file"
        rows = {s["pid"]: s for s in a["sharers"]}
        assert set(rows) == {forked, other} and len(a["sharers"]) == 2
        assert number(rows[other]["address"]) == there
        assert number(rows[forked]["address"]) == addr
        mine = frame(target.pid, addr)
        for pid, at in (forked, addr), (other, there):
            theirs = frame(pid, at)
            assert rows[pid]["page"] == ("same" if theirs == mine else
                                         "absent" if theirs is None else "?"), (label, pid)
        assert rows[other]["page"] == "same"
        text = " ".join(pmemctl("who", target.pid, hex(addr)).stdout.decode().split())
        assert f"{other} (exe) at {there:x}" in text
        if label == "memfd":    # the other maps it from the second page on
            a = one(target.pid, number(thing["start"]))
            assert other not in {s["pid"] for s in a["sharers"]}


def test_page_of_a_private_file():
    """Each has written to it: nobody has another's; the child of the fork has."""
    with fixture("fx-share") as target:
        a = one(target.pid, number(shared(target, "file-private")["start"]))
        assert a["page"]["of"] == "anon"
        assert {s["pid"]: s["page"] for s in a["sharers"]} == \
            {target.truth["forked"]: "same"}
        ro = one(target.truth["other"], number(shared(target, "file-rw")["other_start"]))
        assert {s["pid"] for s in ro["sharers"]} == {target.pid, target.truth["forked"]}


def test_pages_after_a_fork():
    with fixture("fx-fork 8") as target:
        child = target.truth["child"]
        written = [number(a) for a in target.truth["written"]]
        both = [number(a) for a in target.truth["shared"]][:8]
        for addr, a in zip(written + both, who(target.pid, *written, *both)):
            same = frame(target.pid, addr) == frame(child, addr)
            assert same == (addr in both)       # the fixture and the kernel agree
            assert a["page"]["of"] == "anon" and a["page"]["state"] == "present"
            assert [(s["pid"], s["page"]) for s in a["sharers"]] == \
                ([(child, "same")] if same else [])
            assert a["page"]["exclusive"] == (not same)


def test_a_huge_page_is_not_its_first_4k():
    """The kernel may say of all of it what is true of the first 4K."""
    with huge_head() as (addr, pid, child):
        first, *rest = who(pid, addr, addr + 4096, addr + (1 << 20), addr + (2 << 20) - 1)
        assert frame(pid, addr) != frame(child, addr)
        assert first["page"]["exclusive"] is True and first["sharers"] == []
        for a in rest:
            at = number(a["address"])
            assert frame(pid, at) == frame(child, at)
            assert a["page"]["exclusive"] is False
            assert [(s["pid"], s["page"]) for s in a["sharers"]] == [(child, "same")]


def test_a_huge_page_as_a_user():
    with huge_head("fx-user") as (addr, pid, child):
        a = as_user(pid, addr + 4096)
        assert a["page"]["exclusive"] is None
        assert [(s["pid"], s["page"]) for s in a["sharers"]] == [(child, "possible")]
        a = as_user(pid, addr)
        assert a["page"]["exclusive"] is None and a["sharers"] is None
        text = " ".join(as_user(pid, addr, text=True).split())
        assert "whether any has it is not known" in text
        # who has small ones knows more
        assert as_user(child, addr)["page"]["exclusive"] is True


FAMILY = r"""
import ctypes, mmap, os, signal, sys, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
m = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
m[0] = 1
r, w = os.pipe()
def child(then):
    if not os.fork():
        then()
        os.write(w, b"%d\n" % os.getpid())
        while os.getppid() != 1:
            time.sleep(0.1)
        os._exit(0)
def second():
    m[0] = 2            # a page of its own, which it shares with its own child
    child(lambda: None)
child(lambda: None)
child(second)
out = b""
while out.count(b"\n") < 3:
    out += os.read(r, 64)
print(hex(ctypes.addressof(ctypes.c_char.from_buffer(m))),
      *sorted(map(int, out.split())), flush=True)
sys.stdin.read()
"""


def test_a_page_that_is_shared_is_not_everybody_s():
    """At the same address two pages, each of which two processes have."""
    with started(["python3", "-c", FAMILY]) as popen:
        addr, *pids = (int(x, 0) for x in popen.stdout.readline().split())
        same = {p for p in pids if frame(p, addr) == frame(popen.pid, addr)}
        assert len(pids) == 3 and len(same) == 1
        a = one(popen.pid, addr)
        assert not a["page"]["exclusive"]
        assert {s["pid"]: s["page"] for s in a["sharers"]} == {p: "same" for p in same}
        for pid in set(pids) - same:
            b = one(pid, addr)
            assert {s["pid"] for s in b["sharers"]} == set(pids) - same - {pid}


MOVED = r"""
import ctypes, mmap, os, sys, time
libc = ctypes.CDLL(None)
libc.mremap.restype = ctypes.c_void_p
room = mmap.mmap(-1, 8192, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
at = ctypes.addressof(ctypes.c_char.from_buffer(room))
place = mmap.mmap(-1, 8192, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
to = ctypes.addressof(ctypes.c_char.from_buffer(place))
room[0] = 1
r, w = os.pipe()
pid = os.fork()
if not pid:
    libc.prctl(1, 9)
    moved = libc.mremap(ctypes.c_void_p(at), ctypes.c_size_t(8192), ctypes.c_size_t(8192), 3,
                        ctypes.c_void_p(to))
    os.write(w, b"x" if moved == to else b"")
    while True:
        time.sleep(1000)
os.read(r, 1)
print(hex(at), hex(to), pid, flush=True)
sys.stdin.read()
os.kill(pid, 9)
"""


@pytest.mark.parametrize("caller", [[], ["fx-user"]])
def test_a_page_that_was_moved_since_a_fork(caller):
    """It is not nobody's, only because it is not found."""
    with started([*caller, "python3", "-c", MOVED]) as popen:
        at, to, child = (int(x, 0) for x in popen.stdout.readline().split())
        pid = int(stat_field(child, 4))
        assert frame(pid, at) == frame(child, to) != frame(child, at)
        a = as_user(pid, at) if caller else one(pid, at)
        assert a["page"]["exclusive"] is False and a["sharers"] is None
        text = as_user(pid, at, text=True) if caller else \
            pmemctl("who", pid, hex(at)).stdout.decode()
        text = " ".join(text.split())
        assert "has it there, but " in text and "moved it since a fork" in text


def test_frames_are_never_told():
    with fixture("fx-fork 2") as target:
        addr = number(target.truth["shared"][0])
        out = pmemctl("who", "-J", target.pid, hex(addr)).stdout.decode()
        out += pmemctl("who", target.pid, hex(addr)).stdout.decode()
        number_ = frame(target.pid, addr)
        # not within another number
        told = re.findall(r"\b(?:0x)?([0-9a-f]+)\b", out)
        assert str(number_) not in told and f"{number_:x}" not in told and len(told) > 10


def test_pages_as_a_user():
    """Without the right to frames: what may be, and what is missing."""
    with fixture(["fx-user", "fx-fork", "2"]) as target:
        child = target.truth["child"]
        written, both = (number(target.truth[k][0]) for k in ("written", "shared"))
        assert as_user(target.pid, written)["sharers"] == []
        assert as_user(target.pid, written)["page"]["exclusive"]
        assert [(s["pid"], s["page"]) for s in as_user(target.pid, both)["sharers"]] == \
            [(child, "possible")]
        text = " ".join(as_user(target.pid, both, text=True).split())
        assert f"may have the same page since a fork: {child} " in text
        assert "CAP_SYS_ADMIN" in text and "not permitted" in text
    with fixture(["fx-user", "fx-share"]) as target:
        a = as_user(target.pid, number(shared(target, "shm")["start"]))
        assert {s["page"] for s in a["sharers"] if s["pid"] == target.truth["other"]} == \
            {"same-file"}


def test_in_a_container():
    code = ("import json, subprocess\n"
            "p = subprocess.Popen(['fx-share'], stdin=subprocess.PIPE,"
            " stdout=subprocess.PIPE)\n"
            "truth = json.loads(p.stdout.readline())\n"
            "addr = truth['things'][0]['start']\n"
            "out = subprocess.check_output(['pmemctl', 'who', '-J', str(p.pid), addr])\n"
            "print(json.dumps([truth, json.loads(out)]))\n"
            "p.stdin.close(); p.wait()\n")
    done = subprocess.run(["fx-user", "--pidns", "python3", "-c", code],
                          capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    truth, shown = json.loads(done.stdout)
    a, = shown["addresses"]
    assert a["kind"] == "shm" and shown["looked_at"]["partial"]
    assert {s["pid"]: s["page"] for s in a["sharers"]}[truth["other"]] == "same-file"


def test_one_mm():
    with fixture("fx-clonevm 2") as target:
        addr = number(target.truth["children"][0]["local"])
        assert one(target.pid, addr)["sharers"] == []
        text = pmemctl("who", target.pid, hex(addr)).stdout.decode()
        assert "the whole address space is shared with 2 processes" in text


PERF = r"""
import ctypes, mmap, struct, sys
attr = struct.pack("IIQ", 1, 64, 9) + bytes(48)        # PERF_TYPE_SOFTWARE, DUMMY
fd = ctypes.CDLL(None, use_errno=True).syscall(298, attr, 0, -1, -1, 0)
if fd < 0:
    raise OSError(ctypes.get_errno(), "perf_event_open")
maps = [mmap.mmap(fd, 4096, mmap.MAP_SHARED, mmap.PROT_READ) for _ in range(2)]
print([m[0] for m in maps], flush=True)
sys.stdin.read()
"""


def test_one_inode_for_all():
    """Memory of anon_inode, whose number says nothing: not known is not nobody."""
    with started(["python3", "-c", PERF]) as popen:
        assert popen.stdout.readline()
        line = next(x for x in read(f"/proc/{popen.pid}/maps").splitlines()
                    if "anon_inode:[perf_event]" in x)
        addr = line.split("-")[0]
        assert one(popen.pid, int(addr, 16))["sharers"] is None
        text = pmemctl("who", popen.pid, addr).stdout.decode()
        assert "no other process" not in text and "processes have" not in text


def test_absent_and_untouched_pages():
    with fixture("fx-static") as target:
        big = number(target.truth["bss_big"]["addr"]) + (2 << 20)
        assert not entry(target.pid, big) >> 62
        before = read(f"/proc/{target.pid}/stat").split()[9]
        a = one(target.pid, big)
        assert a["page"]["state"] == "absent" and a["sharers"] == []
        text = pmemctl("who", target.pid, hex(big)).stdout.decode()
        assert "never touched" in text
        # looking brings nothing in
        assert not entry(target.pid, big) >> 62
        assert read(f"/proc/{target.pid}/stat").split()[9] == before


def test_swapped_page():
    code = ("import ctypes, mmap, sys\n"
            "m = mmap.mmap(-1, 1 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
            "m[:] = b'x' * len(m)\n"
            "m.madvise(21)\n"        # MADV_PAGEOUT
            "print(hex(ctypes.addressof(ctypes.c_char.from_buffer(m))), flush=True)\n"
            "sys.stdin.read()\n")
    with swap(), started(["python3", "-c", code]) as popen:
        start = number(popen.stdout.readline().decode())
        gone = [addr for addr in range(start, start + (1 << 20), 4096)
                if entry(popen.pid, addr) >> 62 & 1]
        assert gone, "nothing is swapped out"
        assert one(popen.pid, gone[0])["page"]["state"] == "swapped"


def by_stdin(pid, text, *args):
    return pmemctl("who", *args, pid, input=text)


def test_addresses_on_stdin():
    with fixture("fx-static") as target:
        t = target.truth
        a, b = t["data"]["addr"], t["text"]
        done = by_stdin(target.pid, f"{a}\n\n  {b[2:]}\t\n\r\n{a.upper()}".encode(), "-J")
        assert done.returncode == 0 and done.stderr == b""
        kinds = [x["kind"] for x in json.loads(done.stdout)["addresses"]]
        assert kinds == ["data", "text", "data"]
        done = by_stdin(target.pid, f"{a}\n".encode(), "-J")
        assert len(json.loads(done.stdout)["addresses"]) == 1
        # "-" stands for stdin, among others
        done = pmemctl("who", "-J", target.pid, b, "-", a, input=f"{a}\n".encode())
        kinds = [x["kind"] for x in json.loads(done.stdout)["addresses"]]
        assert sorted(kinds) == ["data", "data", "text"]
        assert by_stdin(target.pid, b"").stdout == b""


def test_bad_lines():
    with fixture("fx-static") as target:
        good = target.truth["data"]["addr"]
        done = by_stdin(target.pid, f"{good}\nnonsense\n\n{good} x\n0x\n{good}\n"
                        "11112222333344445\n7ff\0f\n".encode(), "-J")
        assert done.returncode == 1
        assert [x["kind"] for x in json.loads(done.stdout)["addresses"]] == ["data"] * 2
        lines = done.stderr.decode().splitlines()
        assert [re.match(r"pmemctl: line (\d+): ", l)[1] for l in lines] == \
            ["2", "4", "5", "7", "8"]


@pytest.mark.parametrize("args", [
    "", "x 1", "0 1", "1 x", "1 0x", "1 -1", "1 +5", "1 7fg", "1 1,2", "1 12345678901234567",
    "1 1.5", "--live 1 5", "-o start 1 5"], ids=lambda a: a.replace(" ", "_"))
def test_usage(args):
    done = pmemctl("who", *args.split())
    assert done.returncode == 2 and done.stdout == b""
    assert len(done.stderr.splitlines()) == 1 and b"help who" in done.stderr


def test_processes_that_cannot_be_asked():
    done = pmemctl("who", 4194303, "1000")
    assert done.returncode == 4 and b"no such process" in done.stderr
    failed = json.loads(pmemctl("who", "-J", 4194303, "1000").stdout)
    assert failed["process"] == {"pid": 4194303, "error": "no such process"}
    assert failed["addresses"] == []
    done = pmemctl("who", 2, "1000")
    assert done.returncode == 1 and b"kernel thread" in done.stderr
    with fixture("fx-static") as target:
        done = subprocess.run(["fx-user", "pmemctl", "who", str(target.pid), "1000"],
                              capture_output=True)
        assert done.returncode == 5 and b"may not look" in done.stderr
    with fixture("fx-leader") as target:
        maps = ranges(target.pid)
        a = one(target.pid, maps[0][0])
        assert a["place"] == "mapped" and a["page"]


def test_every_address_is_of_one_snapshot():
    """While threads come and go: the answers do not contradict each other."""
    with fixture("fx-churn --threads --vma") as target:
        for _ in range(5):
            addrs = [m[0] for m in ranges(target.pid)]
            shown = who(target.pid, *addrs, *addrs)
            assert [json.dumps({k: a.get(k) for k in ("place", "start", "end", "perms", "kind")})
                    for a in shown[:len(addrs)]] == \
                [json.dumps({k: a.get(k) for k in ("place", "start", "end", "perms", "kind")})
                 for a in shown[len(addrs):]]


def test_execs_under_the_question():
    with fixture("fx-churn --exec") as target:
        for done in answers_of("who", "-J", target.truth["exec_child"], "7ffffffde000",
                               "400000"):
            assert len(json.loads(done.stdout)["addresses"]) == 2


def test_eighty_columns():
    with fixture("fx-threads 3") as target, fixture("fx-static") as other:
        for t in target, other:
            addrs = [hex(a) for m in ranges(t.pid) for a in (m[0], m[1] - 1, m[1] + 16)]
            out = pmemctl("who", t.pid, *addrs).stdout.decode()
            assert out.count("\n\n") == len(addrs) - 1
            for line in out.splitlines():
                assert len(line) <= 80 or " " not in line.strip(), line


def test_hostile_elf(tmp_path):
    """Section headers that lie: no crash, no nonsense."""
    good = read_bytes(subprocess.check_output(["which", "fx-static"]).decode().strip())
    shoff, = struct.unpack_from("<Q", good, 0x28)
    shnum, = struct.unpack_from("<H", good, 0x3c)
    code = ("import ctypes, mmap, sys\n"
            "f = open(sys.argv[1], 'rb')\n"
            "m = mmap.mmap(f.fileno(), 0, mmap.MAP_PRIVATE)\n"
            "print(hex(ctypes.addressof(ctypes.c_char.from_buffer(m))), flush=True)\n"
            "sys.stdin.read()\n")
    for seed in range(24):
        bad = bytearray(good)
        rnd = (seed * 2654435761) & 0xffffffff
        for i in range(shnum):
            for field, size in ((4, "I"), (8, "Q"), (16, "Q"), (24, "Q"), (32, "Q"),
                                (40, "I"), (56, "Q")):
                rnd = (rnd * 1103515245 + 12345) & 0xffffffff
                if rnd >> 16 & 3 == 0:
                    value = [0, 1, 0xffffffff, 2 ** 64 - 1, 2 ** 63, shnum, 24][rnd >> 20 & 7
                                                                             if rnd >> 20 & 7 < 7
                                                                             else 0]
                    struct.pack_into("<" + size, bad, shoff + 64 * i + field,
                                     value & (2 ** (32 if size == "I" else 64) - 1))
        path = tmp_path / f"bad-{seed}"
        path.write_bytes(bad)
        with started(["python3", "-c", code, str(path)]) as popen:
            base = number(popen.stdout.readline().decode())
            done = pmemctl("who", "-J", popen.pid,
                           *(hex(base + o) for o in range(0, len(bad), 2500)))
            assert done.returncode == 0, (seed, done.stderr)
            json.loads(done.stdout)


def read_bytes(path):
    with open(path, "rb") as f:
        return f.read()


def test_no_pass_where_nobody_can_share():
    """Gaps and addresses of nobody cost one request."""
    with fixture("fx-static") as target:
        done = subprocess.run(["strace", "-e", "trace=sendto", "pmemctl", "who", "-J",
                               str(target.pid), "10", "ffff888000000000"],
                              capture_output=True, timeout=PATIENCE)
        assert json.loads(done.stdout)["looked_at"] is None
        assert len(re.findall(rb"sendto\(", done.stderr)) < 8


def test_a_mark_is_no_page_that_was_swapped_out():
    """userfaultfd is to hear of the first write to a page that is nowhere."""
    with started(["python3", "-c", MARKED]) as popen:
        at = number(popen.stdout.readline().decode())
        assert entry(popen.pid, at) >> 62 == 1 and entry(popen.pid, at + 4096) >> 62 == 0
        a, b = who(popen.pid, at, at + 4096)
        assert a["page"] is None and a["sharers"] is None
        assert b["page"]["state"] == "absent"
        text = pmemctl("who", popen.pid, hex(at)).stdout.decode()
        assert "page: not known: swapped out, or not there and only marked by" in text
