# SPDX-License-Identifier: GPL-2.0
"""The wire: what is refused and how, limits, and what survives a rude reader."""
import errno
import os
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

import nl
from conftest import PATIENCE, fixture, read, started, wait_until
from test_access import refused

PARAMS = "/sys/module/pmemctl/parameters"
ME = os.getpid()


@pytest.fixture
def client():
    with nl.Client() as c:
        yield c


@pytest.fixture
def me():
    fd = nl.proof(ME)
    yield fd
    os.close(fd)


def ask_raw(client, payload, **kwargs):
    client.request(payload, **kwargs)
    return nl.Snapshot(client.read())


def full(me, pid=ME, sections=nl.ALL):
    return (nl.u32(nl.A_PID, pid) + nl.u32(nl.A_PROOF_FD, me) +
            nl.u32(nl.A_SECTIONS, sections))


def test_the_well_formed(client, me):
    snap = ask_raw(client, full(me))
    assert snap.number(nl.A_PID) == ME
    # several on one socket
    assert ask_raw(client, full(me)).mm[1] == snap.mm[1]


def test_sections(client, me):
    for sections in range(8):
        snap = ask_raw(client, full(me, sections=sections))
        assert bool(snap.vmas) == bool(sections & nl.VMAS)
        assert bool(snap.threads) == bool(sections & nl.THREADS)
        assert (nl.A_UNEXPLAINED in snap.scalars) == bool(sections & nl.SHARERS)
        exe = snap.objects[snap.mm[4] - 1]
        assert exe[-1].decode() == os.readlink("/proc/self/exe")


@pytest.mark.parametrize("payload", [
    b"",
    nl.u32(nl.A_PID, ME),
    nl.u32(nl.A_SECTIONS, 7),
    nl.u32(nl.A_PID, 0) + nl.u32(nl.A_SECTIONS, 7),
    nl.u32(nl.A_PID, ME) + nl.u32(nl.A_SECTIONS, 8),
    nl.u32(nl.A_PID, ME) + nl.u32(nl.A_SECTIONS, 7) + nl.u32(nl.A_FLAGS, 1),
    nl.u32(nl.A_PID, ME) + nl.u32(nl.A_SECTIONS, 7) + nl.u32(4000, 1),
    nl.attr(nl.A_PID, b"\1\0") + nl.u32(nl.A_SECTIONS, 7),
    nl.attr(nl.A_PID, struct.pack("=Q", ME)) + nl.u32(nl.A_SECTIONS, 7),
    nl.attr(nl.A_PID | 0x8000, struct.pack("=I", ME)) + nl.u32(nl.A_SECTIONS, 7),
    nl.u32(nl.A_PID, ME) + nl.u32(nl.A_SECTIONS, 7) + b"\1\2\3",
    nl.u32(nl.A_PID, ME) + nl.u32(nl.A_SECTIONS, 7) + struct.pack("=HH", 64, 2),
], ids=range(12))
def test_the_ill_formed(client, payload):
    with pytest.raises(nl.Refused) as caught:
        ask_raw(client, payload)
    assert caught.value.errno in (errno.EINVAL, errno.ERANGE), caught.value
    assert caught.value.text, "refused without a word"


def test_unknown_commands(client, me):
    with pytest.raises(nl.Refused) as caught:
        ask_raw(client, full(me), cmd=3)
    assert caught.value.errno == errno.EOPNOTSUPP
    with pytest.raises(nl.Refused) as caught:
        ask_raw(client, full(me), flags=nl.NLM_F_REQUEST | nl.NLM_F_ACK)
    assert caught.value.errno == errno.EOPNOTSUPP


def test_no_such_process(client, me):
    for pid in 0x7fffffff, 0xffffffff, 4194305:
        assert "no such process" in refused(errno.ESRCH, ask_raw, client,
                                            full(me, pid=pid))


def test_kernel_thread(client):
    kthreadd = client.snapshot(2)
    assert kthreadd.flags & ~nl.PROCESS_LAZY == nl.PROCESS_KTHREAD
    assert kthreadd.mm is None
    assert not kthreadd.vmas and not kthreadd.threads and not kthreadd.sharers


class parameter:
    def __init__(self, name, value):
        self.path, self.value = f"{PARAMS}/{name}", value

    def write(self, value):
        with open(self.path, "w") as f:
            f.write(str(value))

    def __enter__(self):
        self.before = read(self.path).strip()
        self.write(self.value)

    def __exit__(self, *_):
        self.write(self.before)


def half_read(pid):
    """A dump of which nothing was received. More than one buffer's worth."""
    client, fd = nl.Client(), nl.proof(pid)
    client.request(full(fd, pid))
    return client, fd


def test_limit_of_snapshots(me):
    with fixture("fx-manyvmas 5000") as target, parameter("max_snapshots", 3):
        held = [half_read(target.pid) for _ in range(3)]
        with nl.Client() as other:
            assert "max_snapshots" in refused(errno.EUSERS, ask_raw, other, full(me))
            # a reader that goes away gives its place back
            held[0][0].sock.close()
            assert ask_raw(other, full(me)).vmas
        for client, fd in held:
            client.sock.close()
            os.close(fd)


GREEDY = """
import os, sys
sys.path.insert(0, %r)
import nl
pid, held = int(sys.argv[1]), []
os.setgroups([]); os.setresgid(1000, 1000, 1000); os.setresuid(1000, 1000, 1000)
for _ in range(50):
    client, fd = nl.Client(), nl.proof(pid)
    held.append((client, fd))
    client.request(nl.u32(nl.A_PID, pid) + nl.u32(nl.A_PROOF_FD, fd) +
                   nl.u32(nl.A_SECTIONS, 7))
    # MSG_PEEK: what is no refusal is left unread
    kind, _, body = next(nl.messages(client.sock.recv(1 << 16, 2)))
    if kind in (nl.NLMSG_ERROR, nl.NLMSG_DONE):
        break
assert -int.from_bytes(body[:4], "little", signed=True) == nl.errno.EUSERS
print(len(held) - 1, flush=True)
sys.stdin.read()
""" % os.path.dirname(__file__)


def test_one_user_cannot_take_all_snapshots(me):
    with fixture(["fx-user", "fx-manyvmas", "5000"]) as target, \
            parameter("max_snapshots", 8), \
            started(["python3", "-c", GREEDY, str(target.pid)]) as greedy:
        assert int(greedy.stdout.readline()) == 2
        with nl.Client() as client:
            assert ask_raw(client, full(me)).vmas


def test_limit_of_memory(client, me):
    with fixture("fx-manyvmas 30000") as target, parameter("max_snapshot_mib", 1):
        fd = nl.proof(target.pid)
        text = refused(errno.EFBIG, ask_raw, client, full(fd, target.pid))
        assert "max_snapshot_mib" in text
        assert ask_raw(client, full(me)).vmas
        os.close(fd)


def test_memory_is_accounted():
    """Charged to the reader's memory cgroup, for as long as it lives."""
    group = "/sys/fs/cgroup/pmemctl-test"
    with open("/sys/fs/cgroup/cgroup.subtree_control", "w") as f:
        f.write("+memory")
    os.mkdir(group)
    try:
        with fixture("fx-manyvmas 60000") as target:
            pid = os.fork()
            if pid == 0:
                try:
                    with open(f"{group}/cgroup.procs", "w") as f:
                        f.write("0")
                    _unread = half_read(target.pid)     # for as long as it lives
                    signal.pause()
                finally:
                    os._exit(0)
            try:
                wait_until("the snapshot is charged", lambda: int(
                    read(f"{group}/memory.current")) > 60000 * 48)
                time.sleep(1)
                assert int(read(f"{group}/memory.current")) > 60000 * 48
            finally:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
    finally:
        os.rmdir(group)


def test_two_dumps_on_one_socket(client):
    """The second is refused, the first is not torn."""
    with fixture("fx-manyvmas 5000") as target:
        fd = nl.proof(target.pid)
        client.request(full(fd, target.pid))
        client.request(full(fd, target.pid))
        os.close(fd)
        snap = nl.Snapshot(client.read(client.seq - 1))
        assert len(snap.vmas) > 5000
        assert client.asides == [(client.seq, errno.EBUSY)]


def test_half_read_dump_keeps_the_module():
    with fixture("fx-manyvmas 5000") as target:
        client, fd = half_read(target.pid)
        done = subprocess.run(["rmmod", "pmemctl"], capture_output=True)
        assert done.returncode and b"in use" in done.stderr
        # and pins nothing of the target
        os.kill(target.pid, signal.SIGKILL)
        target.popen.wait(30)
        assert not os.path.exists(f"/proc/{target.pid}")
        assert len(nl.Snapshot(client.read()).vmas) > 5000
        client.sock.close()
        os.close(fd)
    wait_until("the module is free", lambda: read(
        "/sys/module/pmemctl/refcnt").strip() == "0")


def test_readers_in_parallel():
    """Also while the target dies under them."""
    with fixture("fx-churn") as target:
        failures, busy = [], []

        def reader():
            for _ in range(60):
                try:
                    nl.ask(target.pid)
                except (nl.Refused, OSError) as e:
                    busy.append(e.errno == errno.EBUSY)
                    if e.errno not in (errno.EBUSY, errno.ESRCH, errno.ESTALE, errno.ENODATA,
                                       errno.ENOENT):
                        failures.append(e)
                except AssertionError as e:
                    failures.append(e)
        threads = [threading.Thread(target=reader) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads[:2]:
            t.join()
        os.kill(target.pid, signal.SIGKILL)
        for t in threads:
            t.join()
        assert not failures
        assert sum(busy) < 24   # of 240, on a machine that has other things to do


def test_killed_readers_leave_nothing():
    with fixture("fx-manyvmas 20000") as target:
        for _ in range(20):
            pid = os.fork()
            if pid == 0:
                try:
                    half_read(target.pid)
                    os.kill(os.getpid(), signal.SIGKILL)
                finally:
                    os._exit(1)
            os.waitpid(pid, 0)
    wait_until("the module is free", lambda: read(
        "/sys/module/pmemctl/refcnt").strip() == "0")


def test_small_receive_buffers():
    """Rows come whole in whatever pieces the reader takes them."""
    with fixture("fx-manyvmas 3000") as target, nl.Client(4096) as client:
        fd = nl.proof(target.pid)
        snap = client.snapshot(target.pid, fd)
        os.close(fd)
        assert len(snap.vmas) > 3000


def test_from_another_network_namespace():
    """The family is there for a container, too."""
    done = subprocess.run(["unshare", "-n", "pmemctl", "regions", str(ME)],
                          capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr


def test_closed_mid_request_socketpair_noise(client):
    """Garbage on the socket is answered or ignored, never fatal."""
    for junk in b"", b"\0" * 16, b"\xff" * 64, os.urandom(333):
        try:
            client.sock.send(junk)
        except OSError:
            pass
    client.sock.settimeout(0.2)
    try:
        while True:
            client.sock.recv(1 << 16)
    except (socket.timeout, OSError):
        pass
    assert nl.ask(ME).vmas
