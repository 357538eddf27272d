# SPDX-License-Identifier: GPL-2.0
"""Who may look: what the kernel allows of /proc, and no more."""
import errno
import json
import os
import re
import signal
import socket
import subprocess

import pytest

import nl
from conftest import PATIENCE, fixture, pmemctl, read

HERE = os.path.dirname(__file__)


def as_user(*argv, **kwargs):
    return subprocess.run(["fx-user", *map(str, argv)], capture_output=True,
                          timeout=PATIENCE, **kwargs)


def refused(code, call, *args):
    with pytest.raises(nl.Refused) as caught:
        call(*args)
    assert caught.value.errno == code, caught.value
    return caught.value.text


def test_user_sees_his_own():
    with fixture(["fx-user", "fx-threads", "3"]) as target:
        done = as_user("pmemctl", "show", "-J", target.pid)
        assert done.returncode == 0, done.stderr
        shown = json.loads(done.stdout)
        assert len(shown["threads"]) == 4
        assert shown["process"]["access"] == "attach"
        assert shown["threads"][0]["sp"]


def test_user_does_not_see_others():
    with fixture("fx-threads 1") as target:
        for command in "show", "regions", "threads", "sharers":
            done = as_user("pmemctl", command, target.pid)
            assert done.returncode == 5
            assert done.stdout == b""
            assert len(done.stderr.splitlines()) == 1
            assert b"you may not look at it" in done.stderr


def test_user_does_not_see_his_own_undumpable():
    with fixture(["fx-user", "fx-nondump"]) as target:
        assert as_user("pmemctl", "show", target.pid).returncode == 5
        # root may, as with /proc
        assert pmemctl("show", target.pid).returncode == 0


def test_yama_leaves_read():
    """ptrace_scope 2: no ATTACH for users. What READ allows is still told."""
    scope = "/proc/sys/kernel/yama/ptrace_scope"
    if not os.path.exists(scope):
        raise AssertionError("the guest's kernel has no Yama")
    before = read(scope)
    with fixture(["fx-user", "fx-threads", "2"]) as target:
        try:
            with open(scope, "w") as f:
                f.write("2")
            done = as_user("pmemctl", "show", "-J", target.pid)
            text = as_user("pmemctl", "show", target.pid)
        finally:
            with open(scope, "w") as f:
                f.write(before)
        assert done.returncode == 0, done.stderr
        shown = json.loads(done.stdout)
        assert shown["process"]["access"] == "read"
        assert {t["sp"] for t in shown["threads"]} == {None}
        assert all(t["stack_start"] for t in shown["threads"])
        assert b"withheld" in text.stdout


def test_wrong_descriptors():
    pid = os.getpid()
    with nl.Client() as client:
        text = refused(errno.EBADF, client.snapshot, pid, 9999)
        assert "descriptor" in text
        for path in "/proc/self/maps", "/etc/passwd", "/proc/self/status", "/dev/null":
            fd = os.open(path, os.O_RDONLY)
            assert "pagemap" in refused(errno.EINVAL, client.snapshot, pid, fd)
            os.close(fd)
        refused(errno.EINVAL, client.snapshot, pid, client.sock.fileno())
        fd = os.open("/proc/self/pagemap", os.O_PATH)
        assert "O_PATH" in refused(errno.EBADF, client.snapshot, pid, fd)
        os.close(fd)
        fd = nl.proof(pid)
        os.close(fd)
        refused(errno.EBADF, client.snapshot, pid, fd)
        assert "PROOF_FD" in refused(errno.EINVAL, client.snapshot, pid)


def test_proof_of_another_process():
    with fixture("fx-static") as target, nl.Client() as client:
        mine = nl.proof(os.getpid())
        refused(errno.ESTALE, client.snapshot, target.pid, mine)
        os.close(mine)


def test_proof_of_the_dead():
    with nl.Client() as client:
        with fixture("fx-fork 1") as target:
            pid, fd = target.pid, nl.proof(target.pid)
            zombie = target.truth["child"]
            os.kill(zombie, 9)
        # gone altogether; the descriptor is left
        refused(errno.ESRCH, client.snapshot, pid, fd)
        # names a living process, but with the dead one's address space
        refused(errno.ESTALE, client.snapshot, os.getpid(), fd)
        os.close(fd)


def test_proof_of_a_zombie():
    with fixture("fx-zombie") as target, nl.Client() as client:
        try:
            fd = nl.proof(target.truth["zombie"])
        except ProcessLookupError:      # later kernels refuse to open it
            return
        refused(errno.ENODATA, client.snapshot, target.truth["zombie"], fd)
        os.close(fd)


def test_proof_outlives_exec():
    """The address space that was proven is not the one after exec."""
    with subprocess.Popen(["sh", "-c", "echo; read x; exec sleep 60"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as popen, nl.Client() as client:
        popen.stdout.readline()     # until then it may be in our address space
        fd = nl.proof(popen.pid)
        assert client.snapshot(popen.pid, fd).vmas
        popen.stdin.write(b"\n")
        popen.stdin.close()
        while read(f"/proc/{popen.pid}/comm") != "sleep\n":
            pass
        refused(errno.ESTALE, client.snapshot, popen.pid, fd)
        os.close(fd)
        assert nl.ask(popen.pid).vmas
        popen.kill()


DEPUTY = """
import os, sys
sys.path.insert(0, %r)
import nl
# as root: a socket and a proof; then as a user: the request
mode = sys.argv[1]
if mode == "both":
    client, fd = nl.Client(), nl.proof(1)
elif mode == "proof":
    fd = nl.proof(1)
os.setresgid(1000, 1000, 1000); os.setresuid(1000, 1000, 1000)
if mode == "proof":
    client = nl.Client()
try:
    client.snapshot(1, fd)
    print("told")
except nl.Refused as e:
    print(e.errno, e.text)
""" % HERE


@pytest.mark.parametrize("mode", ["both", "proof"])
def test_privileged_leftovers_are_no_proof(mode):
    """A user with root's proof, or with root's proof and socket."""
    done = subprocess.run(["python3", "-c", DEPUTY, mode], capture_output=True,
                          timeout=PATIENCE)
    assert done.stdout.decode().startswith(str(errno.EPERM)), done


def test_passed_socket_is_refused():
    """A user's socket in root's hands: root's proof does not count there."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    pid = os.fork()
    if pid == 0:
        try:
            os.setresgid(1000, 1000, 1000)
            os.setresuid(1000, 1000, 1000)
            client = nl.Client()
            socket.send_fds(theirs, [str(client.family).encode()],
                            [client.sock.fileno()])
            theirs.recv(1)
        finally:
            os._exit(0)
    try:
        family, fds, _, _ = socket.recv_fds(ours, 64, 1)
        client = nl.Client()
        client.sock.close()
        client.sock = socket.socket(fileno=fds[0])
        client.sock.settimeout(30)
        client.family = int(family)
        fd = nl.proof(1)
        text = refused(errno.EPERM, client.snapshot, 1, fd)
        assert "credentials" in text
        os.close(fd)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_child_pid_and_user_namespace():
    """Inside: own ids, own processes; the outside has no names there."""
    with fixture(["fx-user", "--pidns", "fx-clonevm", "2"]) as target:
        inner = target.truth["pid"]
        outer = {}
        for p in filter(str.isdigit, os.listdir("/proc")):
            try:
                ns = re.search(r"^NSpid:\s+(.*)$", read(f"/proc/{p}/status"), re.M)
            except (FileNotFoundError, ProcessLookupError):
                continue
            ids = ns.group(1).split()
            if len(ids) == 2:
                outer[int(ids[1])] = int(ids[0])
        pid = outer[inner]
        enter = ["nsenter", "-t", str(pid), "-U", "-p", "-m"]

        def inside(*args):
            return subprocess.run(enter + ["pmemctl", *map(str, args)],
                                  capture_output=True, timeout=PATIENCE)
        done = inside("show", "-J", inner)
        assert done.returncode == 0, done.stderr
        shown = json.loads(done.stdout)
        assert shown["process"]["pid"] == inner
        assert [t["tid"] for t in shown["threads"]] == [inner]
        assert sorted(s["pid"] for s in shown["sharers"]) == \
            sorted(c["pid"] for c in target.truth["children"])
        # the guest's init has another id there, or none
        assert inside("show", max(outer.values()) + 1000).returncode == 4
        # from outside: outside's ids
        snap = nl.ask(pid)
        assert snap.number(nl.A_PID) == pid
        assert sorted(s[0] for s in snap.sharers) == \
            sorted(outer[c["pid"]] for c in target.truth["children"])


def test_invisible_sharers_are_counted():
    """A sharer outside the asker's pid namespace has no id to be told."""
    # unshare(CLONE_NEWPID) then vfork: the parent stays outside
    code = """
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
assert libc.unshare(0x20000000) == 0, os.strerror(ctypes.get_errno())
STACK = ctypes.create_string_buffer(1 << 16)
pause = ctypes.cast(libc.pause, ctypes.c_void_p)
top = ctypes.c_void_p((ctypes.addressof(STACK) + (1 << 16)) & ~15)
CLONE_VM, SIGCHLD = 0x100, 17
pid = libc.clone(pause, top, CLONE_VM | SIGCHLD, None)
assert pid > 0, os.strerror(ctypes.get_errno())
libc.prctl(1, 9)
print(os.getpid(), pid, flush=True)
sys.stdin.read()
os.kill(pid, 9)
"""
    with subprocess.Popen(["python3", "-c", code], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as popen:
        parent, child = map(int, popen.stdout.readline().split())
        # outside both are seen
        assert [s[0] for s in nl.ask(parent).sharers] == [child]
        assert [s[0] for s in nl.ask(child).sharers] == [parent]
        # inside there is the child only: pid 1. A proof from its own /proc.
        inner = (f"import os,sys; sys.path.insert(0,{HERE!r}); import nl,ctypes\n"
                 "l=ctypes.CDLL(None)\n"
                 "assert l.mount(b'proc',b'/proc',b'proc',0,None)==0\n"
                 "s=nl.ask(1)\n"
                 "print(s.number(nl.A_PID), s.sharers, s.number(nl.A_HIDDEN))\n")
        done = subprocess.run(["nsenter", "-t", str(child), "-p", "unshare", "-m",
                               "python3", "-c", inner], capture_output=True,
                              timeout=PATIENCE)
        assert done.stdout.decode() == "1 [] 1\n", done
        popen.stdin.close()
