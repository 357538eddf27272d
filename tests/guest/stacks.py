# SPDX-License-Identifier: GPL-2.0
"""What tests of stacks share: pmemctl's rows, and the kernel's own files."""
import contextlib
import os
import shutil
import tempfile
import time

from conftest import (Target, maps_lines, pmemctl_json, read, started,
                      wait_until)

PAGE = 4096
# A frame's address and its sp: FRAME apart where the function that told the one
# makes the system call itself, CALLS where libc's functions lie between
FRAME = 256
CALLS = 4096


def address(text):
    return None if text is None else int(text, 0)


def page(addr):
    return addr & -PAGE


def look(pid, *args):
    """Rows of the threads by tid, and the orphans."""
    answer = pmemctl_json("threads", "-J", *args, pid)
    rows = {t["tid"]: t for t in answer["threads"]}
    assert len(rows) == len(answer["threads"])
    return rows, answer["orphans"]


class Memory:
    """/proc/PID/maps and pagemap, read by these tests themselves."""

    def __init__(self, pid):
        self.pid = pid
        self.spans = []
        for line in maps_lines(pid):
            span, perms = line.split()[:2]
            start, end = (int(x, 16) for x in span.split("-"))
            self.spans.append((start, end, perms, line))

    def entries(self, start, end):
        first, last = start // PAGE, -(-end // PAGE)
        with open(f"/proc/{self.pid}/pagemap", "rb", buffering=0) as f:
            f.seek(first * 8)
            raw = f.read((last - first) * 8)
        return [int.from_bytes(raw[i:i + 8], "little")
                for i in range(0, len(raw), 8)]

    def touched(self, start, end):
        """Pages that are present or swapped; a guard marker is neither."""
        return [page(start) + i * PAGE
                for i, e in enumerate(self.entries(start, end))
                if e >> 63 & 1 or (e >> 62 & 1 and not e >> 58 & 1)]

    def resident(self, start, end):
        return PAGE * sum(e >> 63 & 1 for e in self.entries(start, end))

    def is_marker(self, addr):
        return bool(self.entries(addr, addr + 1)[0] >> 58 & 1)

    def span(self, addr):
        """(start, end, perms, line) of what is mapped there."""
        return next((s for s in self.spans if s[0] <= addr < s[1]), None)

    def guard(self, start):
        """What is just below: "marker", "vma" or "none"."""
        if self.is_marker(start - PAGE):
            return "marker"
        below = self.span(start - 1)
        return "vma" if below and below[2].startswith("---") else "none"


def blocked_sp(pid, tid):
    """sp of a thread that sleeps in a system call, as the kernel tells it."""
    fields = read(f"/proc/{pid}/task/{tid}/syscall").split()
    return None if fields == ["running"] or not fields else address(fields[-2])


def limits(known):
    start = address(known["stack_addr"])
    return start, start + known["stack_size"]


def musl_block(known):
    """Above what pthreads of musl call the stack lie TLS and, in the last page of
    the block that was mapped for all of it, the descriptor: its start and end."""
    return address(known["stack_addr"]), page(address(known["self"])) + PAGE


def check_extents(row, known, end=None):
    """The thread's own stack to the byte, whatever it runs on right now. Where
    pthreads and this test mean another end, it is given."""
    start, top = limits(known)
    end = end or top
    assert address(row["stack_start"]) == start, row
    assert address(row["stack_end"]) == end, row
    assert row["stack_size"] == end - start
    assert address(row["limit_start"]) == start
    assert row["limit_size"] == end - start
    assert row["limit_why"] == "guard"


def check_guard(memory, row, known):
    start, _ = limits(known)
    assert row["guard"] == memory.guard(start) != "none"
    assert row["guard_size"] == known["guard_size"]
    assert address(row["guard_start"]) == start - known["guard_size"]


def check_mark(memory, row):
    """How deep it was, as its pages tell, and what is in memory."""
    start, end = address(row["stack_start"]), address(row["stack_end"])
    assert row["max"] == end - memory.touched(start, end)[0], row
    assert row["resident"] == memory.resident(start, end), row
    assert row["max%"] == row["max"] * 100 // row["limit_size"]


def check_depth(row, sp):
    start, end = address(row["stack_start"]), address(row["stack_end"])
    assert address(row["sp"]) == sp
    assert row["used"] == end - sp
    assert row["free"] == sp - start


def own_end(target, row, known):
    """musl does not count what lies above its stacks as part of them. We count the
    block, as glibc does."""
    if target.truth["libc"] == "musl":
        return musl_block(known)[1]
    return limits(known)[1]


def check_thread(target, memory, row, known):
    assert row["kind"] == "pthread", row
    end = own_end(target, row, known)
    check_extents(row, known, end)
    check_guard(memory, row, known)
    assert address(row["tp"]) == address(known["self"])
    assert address(row["tls_start"]) == address(known["tls_start"])
    check_mark(memory, row)
    if not target.truth["spoiled"]:
        assert row["max"] == end - page(address(known["deepest"])), row
    if known["blocked_in"] == "spin":
        assert row["sp_state"] in ("last-entry", "queued")
        return
    assert row["sp_state"] == "blocked"
    assert address(row["ip"]) == address(known["ip"])
    check_depth(row, address(known["sp"]))
    assert 0 <= address(known["local"]) - address(row["sp"]) < FRAME


def check_bare(target, memory, row, known):
    """No guard ends it, but glibc notes in the descriptor where it is. musl notes
    that of no memory but its own."""
    sp = address(known["sp"])
    assert row["kind"] == "user", row
    assert row["guard"] == "none"
    assert row["guard_start"] is row["guard_size"] is row["limit_why"] is None
    if target.truth["libc"] == "musl" and row["stack_start"] is None:
        assert row["stack_end"] is row["stack_size"] is row["max"] is None
        assert address(row["sp"]) == sp
        assert row["used"] == address(known["self"]) - sp
        return
    start, end = limits(known)[0], own_end(target, row, known)
    assert address(row["stack_start"]) == address(row["limit_start"]) == start, row
    assert address(row["stack_end"]) == end, row
    assert row["stack_size"] == row["limit_size"] == end - start
    check_depth(row, sp)
    check_mark(memory, row)
    assert row["max"] == end - page(address(known["deepest"])), row


def check_main_extents(memory, row):
    start, end, perms, line = memory.span(address(row["stack_end"]) - 1)
    assert line.endswith("[stack]") and perms.startswith("rw")
    assert address(row["stack_start"]) == start
    assert address(row["stack_end"]) == end
    assert row["guard"] is row["guard_start"] is row["guard_size"] is None


@contextlib.contextmanager
def noting(start, name):
    """start(name), and a function that tells what pthreads said in each of its
    threads, the ended ones too: a list of dicts."""
    with tempfile.TemporaryDirectory() as where, contextlib.ExitStack() as stack:
        path = f"{where}/threads"
        here = os.path.dirname(os.path.realpath(shutil.which("fx-depth")))
        os.environ.update(LD_PRELOAD=f"{here}/fx-preload.so", FX_PRELOAD=path)
        try:
            target = stack.enter_context(start(name))
        finally:
            del os.environ["LD_PRELOAD"], os.environ["FX_PRELOAD"]

        def notes():
            rows = []
            for line in read(path).splitlines() if os.path.exists(path) else []:
                tid, addr, size, guard, self = line.split()
                rows.append(dict(tid=int(tid), stack_addr=addr, self=self,
                                 stack_size=int(size), guard_size=int(guard)))
            return rows
        yield target, notes


def await_notes(target, notes):
    """Until every thread has noted something, and none has come for a while."""
    seen = []

    def calm():
        seen.append(target.tids())
        time.sleep(0.3)
        return len(seen) > 1 and seen[-1] == seen[-2] and \
            set(seen[-1]) - {target.pid} <= {n["tid"] for n in notes()}
    wait_until("all threads have noted their stacks", calm)


@contextlib.contextmanager
def nginx():
    """Master and workers; the Targets of all of them."""
    with tempfile.TemporaryDirectory() as where:
        conf = f"{where}/conf"
        with open(conf, "w", encoding="ascii") as f:
            f.write(f"daemon off; user root; worker_processes 2; "
                    f"pid {where}/pid; error_log {where}/log;\n"
                    f"events {{}}\nhttp {{ access_log off; "
                    f"server {{ listen unix:{where}/sock; return 204; }} }}\n")
        with started(["nginx", "-c", conf, "-e", f"{where}/log"]) as popen:
            path = f"/proc/{popen.pid}/task/{popen.pid}/children"
            wait_until("nginx has its workers",
                       lambda: len(read(path).split()) == 2)
            workers = [int(pid) for pid in read(path).split()]
            for pid in workers:
                wait_until("a worker waits for clients", lambda pid=pid: read(
                    f"/proc/{pid}/syscall").startswith("232 "))
            try:
                yield [Target(popen, None, pid) for pid in [popen.pid] + workers]
            finally:
                popen.terminate()
