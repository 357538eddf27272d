# SPDX-License-Identifier: GPL-2.0
"""How much memory whoever asks and does not read can pin, and for how long."""
import contextlib
import errno
import os
import re
import struct
import time

import pytest

import nl
from conftest import SLOW, fixture, read, tried, wait_until
from test_protocol import full, parameter
from test_storms import idle, memory_group, module_memory

GROUP = "/sys/fs/cgroup/pmemctl-storm"
VMAS = 60000
# what a snapshot of fx-hoard with so many VMAs takes, and no more: rows for a
# sixteenth more than there are, and 64 KiB for all else
ONE = (VMAS + 100) * nl.VMA.size * 17 // 16 + (64 << 10)


@pytest.fixture(autouse=True)
def module_is_idle():
    yield
    idle()


def hoard(*args):
    return fixture(["fx-hoard", *map(str, args)])


def read_all(target):
    """What fx-hoard says of its answers, when it reads them."""
    target.popen.stdin.write(b"\n")
    target.popen.stdin.flush()
    return target.popen.stdout.readline()


def kernel_memory():
    """What the kernel keeps for the group, but for what it keeps of every process."""
    stat = {line.split()[0]: int(line.split()[1])
            for line in read(f"{GROUP}/memory.stat").splitlines()}
    return stat["kernel"] - stat["kernel_stack"] - stat["pagetables"] - stat["percpu"] - \
        stat["slab"]


@contextlib.contextmanager
def hoard_in_group(*args):
    with memory_group("max"), fixture(
            ["sh", "-c", f"echo 0 >{GROUP}/cgroup.procs; exec fx-hoard {' '.join(args)}"]
            ) as target:
        yield target


def test_one_user():
    """A quarter of the places; the next user has as many, and root what is left."""
    with hoard("--uid", 1001) as one:
        assert (one.truth["held"], one.truth["errno"]) == (8, errno.EUSERS), one.truth
        assert "max_snapshots" in one.truth["words"]
        with hoard("--uid", 1002) as two, hoard("--uid", 1003) as three, \
                hoard("--uid", 1004) as four, hoard() as root:
            held = [h.truth["held"] for h in (one, two, three, four, root)]
            assert held == [8, 8, 8, 0, 8], held
            assert root.truth["errno"] == errno.EUSERS
        # who goes gives back
        with hoard("--uid", 1004) as four:
            assert four.truth["held"] == 8
    # each ended with one that was refused
    tried("limits: unread answers of one user 8, of four 24, with root's 32",
          sum(held) + len(held), "requests", "nothing")


def test_a_users_other_ids():
    """Who has ids of his own, for containers, has no more for that; who has them of root
    has his own."""
    with hoard("--owner", 1001, "--uid", 1) as one:
        assert (one.truth["held"], one.truth["errno"]) == (8, errno.EUSERS), one.truth
        with hoard("--owner", 1001, "--uid", 2) as two, hoard("--uid", 1001) as himself, \
                hoard("--owner", 1002, "--uid", 1) as other:
            held = [h.truth["held"] for h in (two, himself, other)]
        assert held == [0, 0, 8], held
    inside = "--nested", "--owner", 5, "--uid"
    with hoard(*inside, 1) as one, hoard(*inside, 2) as two:
        assert [h.truth["held"] for h in (one, two)] == [8, 0]
    with hoard("--owner", 0, "--uid", 1) as one, hoard("--owner", 0, "--uid", 2) as two:
        assert [h.truth["held"] for h in (one, two)] == [8, 8]


def test_one_users_memory():
    """All of a user's answers together have no more than one may have."""
    with parameter("max_snapshot_mib", 8):
        with hoard("--uid", 1001, "--vmas", VMAS) as one:
            held = 2 * ONE < 8 << 20 < 3 * ONE and 2
            assert (one.truth["held"], one.truth["errno"]) == (held, errno.EUSERS)
            assert "max_snapshot_mib" in one.truth["words"]
            assert module_memory() <= 8 << 20
            with hoard("--uid", 1002, "--vmas", VMAS) as two:
                assert two.truth["held"] == held
        with hoard("--vmas", VMAS, "--sockets", 6) as root:
            assert root.truth["held"] == 6


def test_real_memory():
    """What the kernel says it gave, beside what is promised."""
    with hoard_in_group("--vmas", str(VMAS), "--sockets", "8") as target:
        assert target.truth["held"] == 8
        charged, mapped = kernel_memory(), module_memory()
        assert read_all(target) == b"8 0\n"
        # no longer mapped is not given back yet
        wait_until("nothing is charged", lambda: kernel_memory() < 1 << 20)
    least = 8 * VMAS * nl.VMA.size
    # a page that nobody may touch lies behind each piece
    assert least < mapped <= 8 * (ONE + 4096), (mapped, least)
    # the cgroup's figure comes in batches
    assert least - (1 << 20) < charged <= 8 * ONE + (1 << 20), (charged, least)
    wait_until("all is given back", lambda: module_memory() == 0)
    tried("limits: unread answers that took what was promised, on their cgroup's account", 8,
          "answers", "nothing")


def test_an_answer_expires():
    """A reader who neither reads nor ends has nothing after a while."""
    with parameter("max_unread_s", 10 * SLOW), hoard("--uid", 1001, "--vmas", VMAS,
                                                     "--sockets", 4) as target:
        assert target.truth["held"] == 4 and module_memory() > 4 * VMAS * nl.VMA.size
        begun = time.monotonic()
        wait_until("the answers are gone", lambda: module_memory() == 0)
        took = time.monotonic() - begun
        # and so are the places that they took
        with parameter("max_snapshots", 4), hoard("--uid", 1001, "--sockets", 1) as other:
            assert other.truth["held"] == 1
        assert read_all(target) == b"0 %d\n" % errno.ETIMEDOUT
    assert took > 2
    tried("limits: unread answers that expire", 4, "answers", "nothing")


def ask(client, pid):
    fd = nl.proof(pid)
    client.request(full(fd, pid))
    os.close(fd)


def test_slow_readers_are_waited_for():
    """It is the pause that counts, not the whole."""
    with parameter("max_unread_s", 4), fixture("fx-manyvmas 10000") as target, \
            nl.Client(1 << 15) as client:
        ask(client, target.pid)
        bodies, ended = [], False
        begun = time.monotonic()
        while not ended:
            time.sleep(0.6)
            for kind, _, body in nl.messages(client.sock.recv(1 << 15)):
                assert kind != nl.NLMSG_ERROR
                ended = kind == nl.NLMSG_DONE
                if not ended:
                    bodies.append(body[4:])
        assert len(nl.Snapshot(bodies).vmas) > 10000
        assert time.monotonic() - begun > 8


def test_slow_readers_are_not_waited_for_ever():
    """Ten pauses long, whatever there is still to be read."""
    with parameter("max_unread_s", 2), fixture("fx-manyvmas 60000") as target, \
            nl.Client(1 << 14) as client:
        ask(client, target.pid)
        error, longest, begun = None, 0, time.monotonic()
        last = begun
        while error is None:
            time.sleep(0.2)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
            for kind, _, body in nl.messages(client.sock.recv(1 << 14)):
                if kind in (nl.NLMSG_ERROR, nl.NLMSG_DONE):
                    error = -struct.unpack_from("=i", body)[0]
        took = time.monotonic() - begun
        assert (error, module_memory()) == (errno.ETIMEDOUT, 0)
        # who was kept from reading for a whole pause proves nothing
        assert took < 30 * SLOW and (took > 19 or longest > 1.5), (took, longest)


def test_a_table_is_in_no_large_piece():
    """Megabytes in a row are for others; page by page it is."""
    with hoard("--vmas", VMAS, "--sockets", 1):
        sizes = [int(line.split()[1]) for line in read("/proc/vmallocinfo").splitlines()
                 if re.search(r"pmemctl_alloc_large.*\[pmemctl\]", line)]
    assert VMAS * nl.VMA.size < max(sizes) <= ONE + 4096, sizes
