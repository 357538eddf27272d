# SPDX-License-Identifier: GPL-2.0
"""What no answer may hold, and who may not be made to ask for it."""
import contextlib
import ctypes
import errno
import json
import mmap
import os
import re
import shutil
import signal
import socket
import struct
import subprocess

import pytest

import nl
import raw
from callers import (CLONE_NEWNET, CLONE_NEWUSER, PR_SET_DUMPABLE, USER, ask_as, become,
                     call, errno_of, libc, new_userns, steps, write)
from conftest import fixture, pmemctl, read, stopped, tried, wait_until

KO = "/build/kmod/pmemctl.ko"
MODULE = "/sys/module/pmemctl"
TRACING = "/sys/kernel/tracing"
ME = os.getpid()


def answer_of(client, *args, **kwargs):
    """"told", or the errno and the words."""
    try:
        client.snapshot(*args, **kwargs)
    except nl.Refused as e:
        return [e.errno, e.text]
    return "told"


def tasks_of(client):
    try:
        client.tasks()
    except nl.Refused as e:
        return [e.errno, e.text]
    return "told"


def assert_other_credentials(answer):
    assert answer[0] == errno.EPERM and "different credentials" in answer[1], answer


# ---- deputies ----

@pytest.fixture(scope="module")
def deputy():
    """fx-deputy, set-user-ID root."""
    path = "/var/tmp/fx-deputy"
    shutil.copy(shutil.which("fx-deputy"), path)
    os.chmod(path, 0o4755)
    yield path
    os.unlink(path)


def by_deputy(deputy, paths, payload, cmd=nl.CMD_SNAPSHOT):
    """An answer on our socket to what the deputy sends on it.

    payload is a function of the numbers of the descriptors that the deputy opened.
    """
    with nl.Client() as client:
        number = client.sock.fileno()
        with subprocess.Popen([deputy, str(number), *paths], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, pass_fds=[number]) as popen:
            told = json.loads(popen.stdout.readline())
            body = struct.pack("=BBH", cmd, 1, 0) + payload(told["opened"])
            client.seq += 1
            popen.stdin.write(struct.pack("=IHHII", 16 + len(body), client.family,
                                          nl.NLM_F_REQUEST | nl.NLM_F_DUMP, client.seq, 0) + body)
        try:
            bodies = list(client.read())
            snap = nl.Snapshot(bodies) if cmd == nl.CMD_SNAPSHOT else nl.Tasks(bodies)
            said = sorted(snap.scalars)
        except nl.Refused as e:
            said = [e.errno, e.text]
    return told, said


def full(fd, pid, sections=nl.ALL):
    return nl.u32(nl.A_PID, pid) + nl.u32(nl.A_PROOF_FD, fd) + nl.u32(nl.A_SECTIONS, sections)


def ask_deputy(deputy):
    """As a user: everything that a set-user-ID program could be of use for."""
    os.set_inheritable(0, True)
    own = os.open("/proc/self/mem", os.O_RDONLY)
    os.set_inheritable(own, True)
    return {
        "open": errno_of(os.open, "/proc/1/mem", os.O_RDONLY),
        "its proof": by_deputy(deputy, ["/proc/1/mem"], lambda fds: full(fds[0], 1)),
        "its own proof of itself": by_deputy(
            deputy, ["/proc/self/pagemap"], lambda fds: full(fds[0], 1)),
        "all tasks": by_deputy(deputy, [], lambda _: b"", nl.CMD_TASKS),
        "all tasks and its proof": by_deputy(
            deputy, ["/proc/1/pagemap"], lambda fds: nl.u32(nl.T_PROOF_FD, fds[0]),
            nl.CMD_TASKS),
        "kernel thread": by_deputy(deputy, ["/proc/1/pagemap"], lambda fds: full(fds[0], 2)),
    }


def test_setuid_program_is_no_deputy(deputy):
    """It sends, with root's rights, what a user has it send on the user's socket."""
    answers = ask_as(steps((become, USER)), ask_deputy, deputy)
    assert answers.pop("open") == errno.EACCES
    for told, _ in answers.values():
        assert told["uid"] == USER and told["euid"] == 0, "not set-user-ID: nothing was tried"
    for how in "its proof", "its own proof of itself":
        assert_other_credentials(answers[how][1])
    for how in "all tasks", "all tasks and its proof":
        said = answers[how][1]
        assert said[0] == errno.EPERM and "CAP_SYS_PTRACE" in said[1], said
    said = answers["kernel thread"][1]
    assert nl.A_FLAGS in said and not {nl.A_COMM, nl.A_BORROWED_PID} & set(said), said
    tried("set-user-ID deputies", len(answers), "requests")


def pass_on(sender, receiver):
    """What receiver(fds) returns of the descriptors that sender() opened, elsewhere."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    pid = os.fork()
    if pid == 0:
        try:
            socket.send_fds(theirs, [b"x"], sender())
            theirs.recv(1)
        finally:
            os._exit(0)
    try:
        _, fds, _, _ = socket.recv_fds(ours, 1, 8)
        return receiver(fds)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def root_opens():
    """A socket, proofs of pid 1, and one that proves nothing."""
    return [nl.Client().sock.detach(), nl.proof(1), nl.proof(1, "mem"),
            os.open("/proc/1/mem", os.O_PATH)]


def client_on(fd):
    client = nl.Client()
    client.sock.close()
    client.sock = socket.socket(fileno=fd)
    client.sock.settimeout(60)
    return client


def use_passed(fds):
    sock, read_fd, attach, path = fds
    with nl.Client() as own:
        answers = {
            "READ": answer_of(own, 1, read_fd), "ATTACH": answer_of(own, 1, attach),
            "O_PATH": answer_of(own, 1, path), "live": answer_of(own, 1, attach, live=True),
        }
    passed = client_on(sock)
    answers["both"] = answer_of(passed, 1, read_fd)
    mine = nl.proof(os.getpid())
    answers["socket"] = answer_of(passed, os.getpid(), mine)
    answers["tasks"] = tasks_of(passed)
    return answers


CAPTIVES = {
    "user": steps((become, USER)),
    "root": steps(),
    "network namespace": steps((become, USER), (new_userns,), (call, "unshare", CLONE_NEWNET)),
    "user namespace": steps((become, USER), (new_userns,)),
}


@pytest.mark.parametrize("who", CAPTIVES)
def test_passed_descriptors(who):
    """Sent by root over a socket, to each of these: refused, be it root itself."""
    def receive(fds):
        return ask_as(CAPTIVES[who], use_passed, fds)
    answers = pass_on(root_opens, receive)
    assert answers["O_PATH"][0] == errno.EBADF and "O_PATH" in answers["O_PATH"][1]
    for how in "READ", "ATTACH", "live", "both", "socket":
        assert_other_credentials(answers[how])
    assert answers["tasks"][0] == errno.EPERM, answers
    tried("descriptors passed on", len(answers), "requests")


def use_after(change):
    """What the own socket and proof are worth after a change of oneself."""
    client, fd = nl.Client(), nl.proof(os.getpid())
    before = answer_of(client, os.getpid(), fd)
    change()
    try:
        fresh = nl.proof(os.getpid())
    except OSError:     # no /proc/self any more that is one's own
        fresh = fd
    with nl.Client() as new:
        return {"before": before, "old": answer_of(client, os.getpid(), fd),
                "old proof": answer_of(new, os.getpid(), fd),
                "new": answer_of(new, os.getpid(), fresh)}


def in_child(*_):
    """Go on in a child: credentials are copied, not shared."""
    pid = os.fork()
    if pid:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def test_changed_credentials():
    """One's own descriptors, too, are of before the change."""
    changes = {"user": steps((become, USER)), "user namespace": new_userns,
               "network namespace": steps((call, "unshare", CLONE_NEWNET)),
               "nothing": steps()}
    for name, change in changes.items():
        answers = ask_as(steps(), use_after, change)
        assert answers["before"] == "told" and answers["new"] == "told", (name, answers)
        if name in ("network namespace", "nothing"):
            assert answers["old"] == "told", (name, answers)
        else:
            assert_other_credentials(answers["old"])
            assert_other_credentials(answers["old proof"])


def test_inherited_descriptors():
    client, fd = nl.Client(), nl.proof(ME)
    assert answer_of(client, ME, fd) == "told"
    answer = ask_as(steps(), lambda: answer_of(client, ME, fd))
    assert_other_credentials(answer)
    os.close(fd)
    client.sock.close()


# ---- proofs that were opened before ----

def old_proofs(target, change, waits):
    """Proofs of before a change of the target, beside other files of before it."""
    fds = {name: os.open(f"/proc/{target}/{name}", os.O_RDONLY)
           for name in ("maps", "pagemap", "mem")}
    with nl.Client() as client:
        before = {n: answer_of(client, target, fds[n]) for n in ("pagemap", "mem")}
        change()
        waits()
        return {
            "before": before,
            "after": {n: answer_of(client, target, fds[n]) for n in ("pagemap", "mem")},
            "maps": bool(os.read(fds["maps"], 1 << 16)),
            "open": {n: errno_of(os.open, f"/proc/{target}/{n}", os.O_RDONLY) for n in fds},
        }


def test_proof_of_before_a_setuid_program():
    """Of the address space that the program left behind, not of the program's."""
    path = "/var/tmp/fx-suid"
    shutil.copy(shutil.which("fx-static"), path)
    os.chmod(path, 0o4755)
    code = f"echo; read x; exec {path}"

    def question():
        with subprocess.Popen(["sh", "-c", code], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as popen:
            popen.stdout.readline()     # until then it may be in our address space
            answers = old_proofs(popen.pid, lambda: popen.stdin.write(b"\n") and
                                 popen.stdin.flush(), popen.stdout.readline)
            answers["euid"] = os.stat(f"/proc/{popen.pid}").st_uid
        return answers
    try:
        answers = ask_as(steps((become, USER)), question)
    finally:
        os.unlink(path)
    assert answers["before"] == {"pagemap": "told", "mem": "told"}
    for answer in answers["after"].values():
        assert answer[0] == errno.ESTALE and "address space" in answer[1], answers
    # /proc says the same: the old file is empty, a new one is not to be had
    assert not answers["maps"]
    assert set(answers["open"].values()) == {errno.EACCES}


def test_proof_of_before_prctl():
    """Not dumpable any more: what was opened before goes on to tell, as /proc's does."""
    def question():
        go, ready = os.pipe(), os.pipe()
        pid = os.fork()
        if pid == 0:
            os.read(go[0], 1)
            libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
            os.write(ready[1], b"x")
            signal.pause()
        try:
            return old_proofs(pid, lambda: os.write(go[1], b"x"), lambda: os.read(ready[0], 1))
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    answers = ask_as(steps((become, USER)), question)
    assert answers["before"] == answers["after"] == {"pagemap": "told", "mem": "told"}
    assert set(answers["open"].values()) == {errno.EACCES}
    # one bound to the address space at open, like the other
    assert answers["maps"]


def test_proof_for_all_tasks():
    """It has to be of process 1: of which no security module keeps its opener."""
    def ask(payload):
        with nl.Client() as client:
            client.request(payload, cmd=nl.CMD_TASKS)
            with pytest.raises(nl.Refused) as caught:
                nl.Tasks(client.read())
            return caught.value.errno, caught.value.text

    def ask_with(path, flags=os.O_RDONLY):
        fd = os.open(path, flags)
        try:
            return ask(nl.u32(nl.T_PROOF_FD, fd))
        finally:
            os.close(fd)
    assert ask(b"") == (errno.EINVAL, "the proof, a descriptor of /proc/1/pagemap, is missing")
    assert ask_with("/proc/self/mem") == (errno.ESTALE, "the proof is not of process 1")
    assert ask_with("/proc/1/maps")[0] == errno.EINVAL
    assert ask_with("/proc/1/pagemap", os.O_PATH)[0] == errno.EBADF
    for name in "pagemap", "mem":
        with nl.Client() as client:
            fd = nl.proof(1, name)
            client.request(nl.u32(nl.T_PROOF_FD, fd), cmd=nl.CMD_TASKS)
            os.close(fd)
            assert nl.Tasks(client.read()).of(ME)


def test_kernel_thread_for_those_who_see_all():
    with nl.Client() as client:
        fd = nl.proof(1)
        assert client.snapshot(2, fd).scalars[nl.A_COMM] == b"kthreadd\0"
        os.close(fd)
        # without, or with another's: that it is one
        fd = nl.proof(ME)
        for proof in None, fd, 9999:
            assert set(client.snapshot(2, proof).scalars) == {
                nl.A_PID, nl.A_FLAGS, nl.A_TAKEN, nl.A_TAKEN_BOOTTIME}
        os.close(fd)


# ---- bytes that nobody wrote ----

TARGETS = ["fx-threads 6 --spin 1", "fx-maps", "fx-paths", "fx-clonevm 2", "fx-altstack",
           "fx-leader", "fx-vfork"]


MADV_DONTNEED, MADV_NOHUGEPAGE = 4, 15


def anonymous(size):
    """Memory in pages of 4 KiB."""
    area = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    area.madvise(MADV_NOHUGEPAGE)
    return area


def touch(area):
    for at in range(0, len(area), mmap.PAGESIZE):
        area[at] = 1


@contextlib.contextmanager
def pages(count):
    """A process of many pages of its own; yields (pid, address, move).

    It moves them by giving them back and taking others while a larger area has them.
    """
    area = anonymous(count * mmap.PAGESIZE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(area))
    step, done = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.sched_setaffinity(0, {0})    # a CPU has free pages of its own
        while True:
            area.madvise(MADV_DONTNEED)
            other = anonymous(4 * len(area))
            touch(other)
            touch(area)
            other.close()
            os.write(done[1], b"x")
            os.read(step[0], 1)
    os.read(done[0], 1)

    def move():
        os.write(step[1], b"x")
        os.read(done[0], 1)
    try:
        yield pid, start, move
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        for fd in step + done:
            os.close(fd)


def every_request(client, pid):
    """All kinds of answers, refusals among them."""
    base = next(f"/proc/{pid}/task/{t}" for t in os.listdir(f"/proc/{pid}/task")
                if read(f"/proc/{pid}/task/{t}/maps"))
    for name in "pagemap", "mem":
        fd = os.open(f"{base}/{name}", os.O_RDONLY)
        for sections in (0, nl.VMAS, nl.THREADS, nl.SHARERS, nl.ALL):
            answer_of(client, pid, fd, sections)
        answer_of(client, pid, fd, live=True)
        os.close(fd)
    answer_of(client, pid)
    answer_of(client, 2)
    answer_of(client, 4194303)
    tasks_of(client)


def split(heard):
    """The datagrams' answers, each up to its NLMSG_DONE or error."""
    answer = b""
    while heard:
        size, kind = struct.unpack_from("=IH", heard)
        size = raw.align(size)
        answer, heard = answer + heard[:size], heard[size:]
        if kind in (nl.NLMSG_DONE, nl.NLMSG_ERROR):
            yield answer
            answer = b""
    assert not answer


@pytest.fixture(scope="module")
def heard():
    """Every reply to every request about several targets, as it came."""
    answers = []
    with raw.Client() as client:
        for command in TARGETS:
            with fixture(command) as target:
                every_request(client, target.pid)
        family = client.family
        answers = list(split(client.take()))
    assert len(answers) == 16 * len(TARGETS)
    return family, answers


def test_bytes_that_belong_to_nothing(heard):
    """Padding, reserved fields, the rest behind a name: zeros, in every reply."""
    family, answers = heard
    total = sum(raw.Walk(answer, family).size for answer in answers)
    tried("bytes that no field owns", len(answers), "replies")
    tried("bytes that no field owns", total, "bytes")


SIZES = [64 - 48, 96 - 48, 128 - 48, 192 - 48, 256 - 48, 512 - 48, 1024 - 48, 2048 - 48,
         4096 - 48]


def spray(pattern):
    """Have the allocator's free memory full of a pattern.

    System V messages come from the same caches as the module's answers: both are
    accounted to a memory cgroup. What is larger comes from whole pages.
    """
    queue = call("msgget", 0, 0o1600)
    for size in SIZES:
        message = ctypes.create_string_buffer(struct.pack("=q", 1) + pattern * size, size + 8)
        for _ in range(24):
            if libc.msgsnd(queue, message, size, 0o4000) < 0:
                break
    call("msgctl", queue, 0, None)
    area = anonymous(16 << 20)
    area.write(pattern * len(area))
    area.close()


# of SLUB, page poisoning, KASAN, and what compilers fill the stack with
PATTERNS = {bytes([b]) * 4 for b in (0x6b, 0x5a, 0xaa, 0xa5, 0xcc, 0xbb, 0xfe)}
SPRAYED = b"\xc7", b"\x3b"


def test_same_request_same_bytes():
    """Whatever lay in the memory before: the same answer, but for the clocks."""
    patterns = [p * 4 for p in SPRAYED]
    compared = requests = 0
    with raw.Client() as client:
        for command in "fx-threads 6", "fx-maps", "fx-clonevm 2":
            with fixture(command) as target, stopped(target):
                fd = nl.proof(target.pid, "mem")
                answers = []
                for pattern in SPRAYED * 3:
                    spray(pattern)
                    client.take()
                    assert answer_of(client, target.pid, fd) == "told"
                    answers.append(client.take())
                os.close(fd)
            walks = [raw.Walk(a, client.family) for a in answers]
            for walk, answer in zip(walks, answers):
                assert walk.parts == walks[0].parts, f"{command}: another answer"
                for found in patterns:
                    assert found not in answer, f"{command}: {found.hex()} was sprayed"
                compared += sum(len(p) for _, p in walk.parts)
                requests += 1
    tried("the same request after other memory", requests, "requests")
    tried("the same request after other memory", compared, "bytes compared")


def poison(part):
    return PATTERNS & {struct.pack("=I", v) for _, v in raw.words(part)}


def test_no_poison(heard):
    """Patterns that debug kernels fill free memory with, and new stacks. By chance one of
    them is an aligned word of a reply with a probability of 7 / 2^32 for each word."""
    count = 0
    for answer in heard[1]:
        for key, part in raw.Walk(answer, heard[0]).numbers():
            count += len(part) // 4
            assert not poison(part), f"poison in {key}"
    # it does find each where there is one
    for pattern in PATTERNS:
        assert poison(bytes(4) + pattern + bytes(8)) == {pattern}
    tried("poison of freed memory", count, "words")


# ---- kernel pointers ----

def test_no_kernel_address(heard):
    """Nothing from the kernel's half in any field, nor in two 32-bit fields side by
    side: no user address, size or time has those bits, and ids of mms, which are random,
    are left out here. So chance has no part in it. Names and paths are bytes of the
    user's, and bytes that belong to no field are 0."""
    total = 0
    for answer in heard[1]:
        for key, part in raw.Walk(answer, heard[0]).numbers():
            assert not raw.kernel_addresses(part), (key, raw.kernel_addresses(part))
            total += len(part) // 8
    # it does find one where there is one
    for address in 0xffffffffc0123456, 0xffff888012345678, 0xffffea0000400000:
        assert raw.kernel_addresses(bytes(8) + struct.pack("=Q", address)) == {address}
    tried("kernel addresses by their form", total, "fields of 64 bits")


def module_addresses():
    """Of the module's own symbols and sections, and of sockets, as root sees them."""
    found = {int(line.split()[0], 16) for line in read("/proc/kallsyms").split("\n")
             if line.endswith("[pmemctl]")}
    for name in os.listdir(f"{MODULE}/sections"):
        found.add(int(read(f"{MODULE}/sections/{name}"), 16))
    before = read("/proc/sys/kernel/kptr_restrict")
    write("/proc/sys/kernel/kptr_restrict", "1")
    try:
        for line in read("/proc/net/netlink").split("\n")[1:-1]:
            found.add(int(line.split()[0], 16))
        for line in read("/proc/vmallocinfo").split("\n")[:-1]:
            found.add(int(line.split("-")[0], 16))
    finally:
        write("/proc/sys/kernel/kptr_restrict", before)
    return {a for a in found if a >> 47 == 0x1ffff}


def append(path, text):
    """To truncate the file would remove all probes."""
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, text.encode())
    os.close(fd)


@contextlib.contextmanager
def probe():
    """Addresses of the snapshot, the task and the mm of each request. None: no kprobes."""
    if not os.path.exists(f"{TRACING}/kprobe_events"):
        subprocess.run(["mount", "-t", "tracefs", "none", TRACING], capture_output=True)
    if not os.path.exists(f"{TRACING}/kprobe_events"):
        assert "-amd64" not in os.uname().release, "Debian's kernel without kprobe events"
        yield None
        return
    append(f"{TRACING}/kprobe_events", "p:pmemctl_take pmemctl:pmemctl_snapshot_take "
           "snap=%di task=%si mm=%dx\n")
    event = f"{TRACING}/events/kprobes/pmemctl_take/enable"
    write(event, "1")

    def seen():
        rows = re.findall(r"snap=(\w+) task=(\w+) mm=(\w+)", read(f"{TRACING}/trace"))
        write(f"{TRACING}/trace", "")
        return [tuple(int(v, 16) for v in row) for row in rows]
    try:
        write(f"{TRACING}/trace", "")
        yield seen
    finally:
        write(event, "0")
        append(f"{TRACING}/kprobe_events", "-:pmemctl_take\n")


def forms(address):
    """How an address could be told: whole, turned, inverted, without its upper half or
    without its lower bits."""
    whole = struct.pack("=Q", address)
    return {whole, whole[::-1], struct.pack("=Q", ~address & (1 << 64) - 1),
            whole[:6], struct.pack("=Q", address >> 12)[:5], whole[:4]}


def known_forms():
    """(those found, pointers of the requests, the answers that were searched)"""
    with probe() as seen, raw.Client() as client:
        with fixture("fx-threads 2") as target:
            every_request(client, target.pid)
        answers = client.take()
        pointers = {p for row in seen() for p in row} if seen else set()
    assert not seen or len(pointers) >= 3, "the probe saw nothing"
    return [f"{form.hex()} of {pointer:x}" for pointer in pointers
            for form in forms(pointer) if form in answers], pointers, answers


def test_no_known_pointer(heard):
    """The very addresses that root can learn. The shortest form is 32 bits, which may be
    there by chance, but not twice."""
    found, pointers, answers = known_forms()
    if found:
        found, pointers, answers = known_forms()
    assert not found
    known = module_addresses()
    assert len(known) > 50
    bodies = answers + b"".join(heard[1])
    for pointer in known | pointers:
        whole = struct.pack("=Q", pointer)
        assert whole not in bodies, f"{pointer:x}"
        # without its upper end, where enough is left: the start of an area is 0s
        assert whole[:6].count(0) > 1 or whole[:6] not in bodies, f"low end of {pointer:x}"
    tried("known kernel pointers", len(known | pointers), "pointers")
    tried("known kernel pointers", len(bodies), "bytes searched")


def ids_of(pids):
    with nl.Client() as client:
        found = []
        for pid in pids:
            fd = nl.proof(pid)
            found.append(client.snapshot(pid, fd, 0).mm[1])
            os.close(fd)
        return found


@contextlib.contextmanager
def children(count):
    pids = []
    try:
        for _ in range(count):
            pid = os.fork()
            if pid == 0:
                signal.pause()
            pids.append(pid)
        yield pids
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def concordance(xs, ys):
    """Kendall's tau: 1 the same order, -1 the reverse, about 0 none."""
    pairs = [(i, j) for i in range(len(xs)) for j in range(i)]
    sign = sum(1 if (xs[i] < xs[j]) == (ys[i] < ys[j]) else -1 for i, j in pairs)
    return sign / len(pairs)


COUNT = 40


def test_ids_say_nothing_of_addresses():
    """Ids of mms beside their addresses. Each bound is five standard deviations of what
    random ids would show, or more."""
    with children(COUNT) as pids, probe() as seen:
        ids = ids_of(pids)
        assert ids == ids_of(pids), "an id that changes"
        with nl.Client() as client:
            tasks = client.tasks()
        assert [tasks.mm_of(p)["id"] for p in pids] == ids
        rows = seen() if seen else []
    assert len(set(ids)) == COUNT and 0 not in ids
    assert abs(concordance(ids, range(COUNT))) < 0.6, "in the order of making"
    # a product or sum of an address would have kept its alignment
    for bits in range(1, 7):
        assert len({i & (1 << bits) - 1 for i in ids}) > 1, "aligned like addresses"
    for half in (0, 32):
        assert len({i >> half & 0xffffffff for i in ids}) == COUNT, "half an id twice"
    if rows:
        mms = [mm for _, _, mm in rows[:COUNT]]
        assert len(set(mms)) == COUNT
        assert abs(concordance(ids, mms)) < 0.6, "in the order of the addresses"
        assert len({i - m for i, m in zip(ids, mms)}) == COUNT
        assert len({i ^ m for i, m in zip(ids, mms)}) == COUNT
        distance = sum(bin(i ^ m).count("1") for i, m in zip(ids, mms)) / COUNT
        assert abs(distance - 32) < 5 * 4 / COUNT ** 0.5, "bits of the addresses"
    tried("mm ids beside addresses", COUNT, "ids")


def test_ids_of_another_load():
    with children(8) as pids:
        before = ids_of(pids)
        subprocess.run(["rmmod", "pmemctl"], check=True, timeout=60)
        subprocess.run(["insmod", KO], check=True, timeout=60)
        after = ids_of(pids)
    assert not set(before) & set(after)
    # nor moved by one and the same distance
    for change in (lambda a, b: a - b), (lambda a, b: a ^ b):
        assert len({change(a, b) for a, b in zip(before, after)}) == len(pids)
    tried("mm ids of another load", len(pids), "ids")


# ---- page frames ----

def frames_of(pid, start, count):
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as f:
        f.seek(start // mmap.PAGESIZE * 8)
        entries = struct.unpack(f"={count}Q", f.read(count * 8))
    assert all(e >> 63 for e in entries), "a page that is not there"
    return {e & (1 << 55) - 1 for e in entries}


def is_frame(number, frames):
    """A frame's number, or its address."""
    return number in frames or not number % 4096 and number >> 12 in frames


def moved(before, after, frames):
    """Words of one answer that were a frame, and are not the same in the other."""
    found = []
    for size in 4, 8:
        other = dict(raw.words(after, size))
        found += [v for at, v in raw.words(before, size)
                  if is_frame(v, frames) and other.get(at) != v]
    return found


CLI = [["show", "-J"], ["show"], ["regions", "-J", "-x"], ["threads", "-J"], ["summary", "-J"],
       ["sharers", "-J", "--files"]]


def cut(text):
    """Numbers of JSON; of what people read, lines: there clocks come as words."""
    return re.findall(r"[\w.]+", text) if text[0] == "{" else text.splitlines()


def numbers(text):
    return [int(n, 16) if n[:2] in ("0x", "0X") else int(n)
            for n in re.findall(r"\b(?:0[xX][0-9a-fA-F]+|\d+)\b", text)]


def tell(client, pid):
    fd = nl.proof(pid, "mem")
    client.take()
    assert answer_of(client, pid, fd) == "told"
    os.close(fd)
    parts = raw.Walk(answer := client.take(), client.family).parts
    assert answer
    return b"".join(p.ljust(raw.align(len(p)), b"\0") for _, p in parts)


def told_frames():
    """(what changed as frames do, the frames, the bytes that were searched)"""
    with pages(1024) as (pid, start, move), raw.Client() as client:
        def look():
            return [pmemctl(*c, pid).stdout.decode() for c in CLI]
        first = frames_of(pid, start, 1024)
        before, printed, same = tell(client, pid), look(), look()
        move()
        second = frames_of(pid, start, 1024)
        after, later = tell(client, pid), look()
    assert len(second - first) > 256, "the pages did not move"
    told = moved(before, after, first) + moved(after, before, second)
    for command, one, like, other in zip(CLI, printed, same, later):
        assert one, command
        rows = [cut(text) for text in (one, like, other)]
        assert len({len(row) for row in rows}) == 1, f"{command}: another answer"
        for was, still, now in zip(*rows):
            if was == still != now and (any(is_frame(n, first) for n in numbers(was)) or
                                        any(is_frame(n, second) for n in numbers(now))):
                told.append(f"{command}: {was} became {now}")
    return told, first | second, len(before) + len(after) + sum(
        map(len, printed + same + later))


def test_no_page_frame():
    """Frames of 1024 pages, as root reads them. A number of an answer may be one by
    chance, as frames are small numbers: so all the pages are moved, and an answer that
    told frames would have changed where it did not without that. Clocks are left out of
    the replies; in what the CLI prints they are what changes without that. A size that
    grew just then may be a frame's by chance, but not twice."""
    told, frames, searched = told_frames()
    if told:
        told, frames, searched = told_frames()
    assert not told
    tried("page frame numbers", len(frames), "frames")
    tried("page frame numbers", searched, "bytes searched")


# ---- what lies around ----

def look_around():
    found = {"write": {}, "read": {}}
    for name in os.listdir(f"{MODULE}/parameters"):
        path = f"{MODULE}/parameters/{name}"
        found["read"][name] = read(path)
        found["write"][name] = errno_of(os.open, path, os.O_WRONLY)
    found["sections"] = {n: errno_of(os.open, f"{MODULE}/sections/{n}", os.O_RDONLY)
                         for n in os.listdir(f"{MODULE}/sections")}
    found["modules"] = [line.split()[5] for line in read("/proc/modules").split("\n")[:-1]
                        if line.startswith("pmemctl ")]
    found["symbols"] = sorted({line.split()[0] for line in read("/proc/kallsyms").split("\n")
                               if line.endswith("[pmemctl]")})
    found["log"] = errno_of(os.open, "/dev/kmsg", os.O_RDONLY)
    return found


def test_what_a_user_finds_in_sysfs():
    """The parameters, to read; no address of the module."""
    found = ask_as(steps((become, USER)), look_around)
    assert set(found["read"]) == {"max_snapshots", "max_snapshot_mib",
                                  "max_unread_s"}
    assert all(v.strip().isdigit() for v in found["read"].values())
    assert set(found["write"].values()) == {errno.EACCES}
    assert set(found["sections"].values()) <= {errno.EACCES}
    assert found["modules"] == ["0x0000000000000000"]
    assert set(found["symbols"]) <= {"0000000000000000"}
    tried("sysfs and proc of the module as a user", sum(
        len(v) for v in found.values() if not isinstance(v, int)), "files and lines")


def kernel_log():
    """What the module says; audit lines name AppArmor profiles of tests, too."""
    lines = []
    fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            lines.append(os.read(fd, 8192).decode(errors="replace"))
    os.close(fd)
    return [line for line in lines if line.split(";", 1)[-1].startswith("pmemctl:")]


def test_kernel_log(heard):
    """The module says nothing that requests could cause, and no address."""
    with fixture(["fx-user", "fx-threads", "1"]) as target:
        def question():
            with nl.Client() as client:
                before = None
                with contextlib.suppress(OSError):
                    before = nl.proof(target.pid)
                for pid in (target.pid, 1, 2, 4194303):
                    answer_of(client, pid, before)
                    answer_of(client, pid, 9999)
                tasks_of(client)
        before = kernel_log()
        ask_as(steps((become, USER)), question)
        assert kernel_log() == before
    for line in before:
        assert not re.search(r"\b(0x)?ffff[0-9a-f]{12}\b", line), line
        # loading a module that no kernel's key signed is all that there is to say, or why
        # it could not be loaded where memory was made to fail
        assert re.search(r"out-of-tree|verification failed|taint|loading process: -12", line)
    tried("lines of the kernel's log", len(before), "lines")
