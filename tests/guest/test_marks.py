# SPDX-License-Identifier: GPL-2.0
"""How deep a stack ever was, and what makes pages be there that it never used."""
import errno

import pytest

from conftest import fixture, kernel_at_least, pmemctl, read, started, swap
from stacks import Memory, address, check_thread, limits, look, page


def test_locked():
    with fixture("fx-depth 3 --stack 256K --locked") as target:
        rows, _ = look(target.pid)
        memory = Memory(target.pid)
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            check_thread(target, memory, row, known)
            assert "locked" in row["taints"].split(","), row
            assert row["max"] == row["resident"] == row["stack_size"]
        assert "locked" in rows[target.pid]["taints"].split(",")


def test_swapped_out():
    """What is not in memory any more was touched all the same."""
    with swap(), fixture("fx-depth 4 --stack 256K --pageout") as target:
        rows, _ = look(target.pid)
        memory = Memory(target.pid)
        touched = 0
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            check_thread(target, memory, row, known)
            touched += 4096 * len(memory.touched(*limits(known)))
            assert row["taints"] == ""
        resident = sum(rows[k["tid"]]["resident"] for k in target.truth["threads"])
        assert resident < touched, "nothing is swapped out"


def test_pretouched():
    with fixture("fx-depth 3 --stack 256K --pretouch") as target:
        rows, _ = look(target.pid)
        memory = Memory(target.pid)
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            check_thread(target, memory, row, known)
            assert row["taints"] == "pretouched"
            assert row["max"] == row["resident"] == row["stack_size"]
            assert row["max%"] == 100
        assert rows[target.pid]["taints"] == ""


@pytest.mark.parametrize("args", ["2 --huge", "2 --huge --split"])
def test_huge(args):
    """Also where the huge page has been split since: then it shows no more."""
    with fixture(f"fx-depth {args}") as target:
        assert "[always]" in read("/sys/kernel/mm/transparent_hugepage/enabled")
        rows, _ = look(target.pid)
        memory = Memory(target.pid)
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            check_thread(target, memory, row, known)
            assert row["max"] == limits(known)[1] - address(known["huge"])
            assert row["resident"] >= 2 << 20
            assert row["taints"] == "huge"


def test_reused():
    """glibc keeps stacks of ended threads: what these left is the mark of those
    that do not go as deep themselves."""
    with fixture("fx-depth 4 --stack 512K --reuse 4 --flat") as target:
        rows, orphans = look(target.pid)
        memory = Memory(target.pid)
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            check_thread(target, memory, row, known)
            deepest = memory.touched(*limits(known))[0]
            assert deepest < page(address(known["sp"])), "this tests nothing"
            assert row["taints"] == "reused", row
        assert orphans == []


def test_not_what_was_reused():
    """Those that went deeper than what glibc keeps have a mark of their own."""
    with fixture("fx-depth 5 --stack 1M --reuse 5") as target:
        rows, _ = look(target.pid)
        memory = Memory(target.pid)
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            check_thread(target, memory, row, known)
            deep = limits(known)[1] - page(address(known["deepest"]))
            if deep > 128 << 10:
                assert row["max"] == deep
                assert row["taints"] == "", row




# A thread on a stack of 1 MiB, half of which below is to be marked by userfaultfd where there
# is no page yet, 64 KiB of it: says who it is and where they are. Linux before 6.4 refuses.
MARKED_STACK = r"""
import ctypes, fcntl, struct, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
libc.pthread_self.restype = ctypes.c_void_p
libc.pthread_getattr_np.argtypes = [ctypes.c_void_p] * 2
fd = libc.syscall(323, 0)                                       # userfaultfd
if fd < 0:
    raise OSError(ctypes.get_errno(), "userfaultfd")
try:
    fcntl.ioctl(fd, 0xc018aa3f, bytearray(struct.pack("QQQ", 0xaa, 1 << 13, 0)))
except OSError as error:
    sys.exit(print("refused", error.errno))
def vma_of(addr):
    for line in open("/proc/self/maps"):
        start, end = (int(at, 16) for at in line.split()[0].split("-"))
        if start <= addr < end:
            return start, end - start
def run():
    attr, low, size = ctypes.create_string_buffer(64), ctypes.c_size_t(), ctypes.c_size_t()
    libc.pthread_getattr_np(libc.pthread_self(), attr)
    libc.pthread_attr_getstack(attr, ctypes.byref(low), ctypes.byref(size))
    at = low.value + size.value - (512 << 10)
    fcntl.ioctl(fd, 0xc020aa00, bytearray(struct.pack("QQQQ", *vma_of(at), 2, 0)))
    fcntl.ioctl(fd, 0xc018aa06, bytearray(struct.pack("QQQ", at, 64 << 10, 1)))
    print(threading.get_native_id(), hex(at), flush=True)
    sys.stdin.read()
threading.stack_size(1 << 20)
threading.Thread(target=run).start()
"""


def test_marked_only():
    """A page that is nowhere, and that userfaultfd is to hear of, is no depth."""
    with started(["python3", "-c", MARKED_STACK]) as popen:
        words = popen.stdout.readline().decode().split()
        if not kernel_at_least(6, 4):
            assert words == ["refused", str(errno.EINVAL)]
            return
        tid, at = int(words[0]), address(words[1])
        assert Memory(popen.pid).touched(at, at + (64 << 10)) == list(range(at, at + (64 << 10),
                                                                             4096))
        row = look(popen.pid)[0][tid]
        assert row["max"] == address(row["stack_end"]) - at
        assert row["taints"].split(",")[-1] == "marked"
        assert row["resident"] < 256 << 10 < row["max"]
        # as if it had been that deep
        assert pmemctl("threads", "--lint", "--over", "40", popen.pid).returncode == 0
