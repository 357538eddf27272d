# SPDX-License-Identifier: GPL-2.0
"""The pmemctl protocol, spoken from Python.

Independent of the C client on purpose: what the tests compare must not share
its mistakes. Written from <linux/pmemctl.h> alone. Also says what no well
behaved client would say.
"""
import errno
import os
import socket
import struct

NETLINK_GENERIC = 16
SOL_NETLINK = 270
NETLINK_CAP_ACK = 10
NETLINK_EXT_ACK = 11
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
GENL_ID_CTRL = 16

CMD_SNAPSHOT, CMD_TASKS = 1, 2
VMAS, THREADS, SHARERS, ALL = 1, 2, 4, 7
A_PID, A_PROOF_FD, A_SECTIONS, A_FLAGS, A_COMM, A_MM = 1, 2, 3, 4, 5, 6
A_TAKEN, A_TAKEN_BOOTTIME, A_LOCK_WAIT, A_LOCK_HOLD = 7, 8, 9, 10
A_BORROWED_PID, A_BORROWED_COMM, A_UNEXPLAINED, A_HIDDEN = 12, 13, 14, 15
A_VMAS, A_OBJECTS, A_THREADS, A_SHARERS, A_STRINGS = 17, 18, 19, 20, 21
A_LIVE = 22

(T_TAKEN, T_TAKEN_BOOTTIME, T_WALK, T_HIDDEN, T_PAD, T_MMS, T_TASKS,
 T_PROOF_FD) = range(1, 9)

VMA = struct.Struct("=QQQQIIII")
OBJECT = struct.Struct("=QIIIIII")
THREAD = struct.Struct("=II16sIIIIiIQQQQQQQQQQQQQQII")
SHARER = struct.Struct("=IIII16s")
MM_ROW = struct.Struct("=QQQQQQQIIIIII")
TASK = struct.Struct("=IIIIIIIIQ16s")
ROWS = {A_VMAS: VMA, A_OBJECTS: OBJECT, A_THREADS: THREAD, A_SHARERS: SHARER}
THREAD_FIELDS = (
    "tid flags comm state reg_state cpu policy nice rt_priority nvcsw nivcsw"
    " sp ip tp clear_child_tid robust_list rseq sas_sp sas_size shstk_base"
    " shstk_size stack_low stack_high evidence zero").split()
MM_ROW_FIELDS = (
    "id total_vm rss_anon rss_file rss_shmem swap pgtables"
    " users map_count tasks kthreads hidden unexplained").split()
TASK_FIELDS = "tid tgid ppid flags mm active_mm uid zero start_time comm".split()
(TASK_LEADER, TASK_KTHREAD, TASK_EXITING, TASK_ZOMBIE, TASK_VFORK, TASK_IO_WORKER,
 TASK_USER_WORKER) = (1 << i for i in range(7))

REGS_NONE, REGS_BLOCKED, REGS_QUEUED, REGS_LAST_ENTRY, REGS_LIVE = range(5)
PROCESS_KTHREAD, PROCESS_LEADER_EXITED, PROCESS_ATTACH = 1, 2, 4
PROCESS_LAZY, PROCESS_FORKED, PROCESS_THREADS_ENDED = 16, 32, 64
PROCESS_TELLS_GUARDS = 128


class Refused(OSError):
    """The kernel's errno, with the text of the extended ack."""

    def __init__(self, code, text):
        super().__init__(code, text or os.strerror(code))
        self.text = text


def attr(kind, payload):
    raw = struct.pack("=HH", 4 + len(payload), kind) + payload
    return raw + bytes(-len(raw) % 4)


def u32(kind, value):
    return attr(kind, struct.pack("=I", value))


def attrs(raw):
    """(kind, payload) of each attribute."""
    while len(raw) >= 4:
        size, kind = struct.unpack_from("=HH", raw)
        assert 4 <= size <= len(raw), "attribute exceeds its message"
        yield kind & 0x3FFF, raw[4:size]
        raw = raw[size + 3 & ~3:]
    assert not raw, "stray bytes behind the attributes"


def messages(raw):
    while raw:
        size, kind, _, seq = struct.unpack_from("=IHHI", raw)
        assert 16 <= size <= len(raw), "message exceeds its datagram"
        yield kind, seq, raw[16:size]
        raw = raw[size + 3 & ~3:]


def extack(raw):
    """Text of NLMSGERR_ATTR_MSG, behind the int of an error or of DONE."""
    for kind, payload in attrs(raw):
        if kind == 1:
            return payload.rstrip(b"\0").decode()
    return ""


class Client:
    def __init__(self, buffer=1 << 16):
        # the kernel fills as much as the largest that was ever offered
        self.buffer = buffer
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                  NETLINK_GENERIC)
        self.sock.bind((0, 0))
        self.sock.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self.sock.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        self.sock.settimeout(60)
        self.seq = 0
        self.asides = []
        self.address = (0, 0)       # as libmnl; None: without
        self.family = self.resolve("pmemctl")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, kind, flags, payload):
        self.seq += 1
        message = struct.pack("=IHHII", 16 + len(payload), kind, flags, self.seq, 0) + payload
        if self.address:
            self.sock.sendto(message, self.address)
        else:
            self.sock.send(message)

    def resolve(self, name):
        self.send(GENL_ID_CTRL, NLM_F_REQUEST, struct.pack("=BBH", 3, 1, 0) +
                  attr(2, name.encode() + b"\0"))
        for kind, _, body in messages(self.sock.recv(self.buffer)):
            if kind == NLMSG_ERROR:
                code = -struct.unpack_from("=i", body)[0]
                raise Refused(code, extack(body[20:]))
            for a, payload in attrs(body[4:]):
                if a == 1:
                    return struct.unpack("=H", payload)[0]
        raise AssertionError("CTRL_GETFAMILY without an id")

    def request(self, payload, flags=NLM_F_REQUEST | NLM_F_DUMP,
                cmd=CMD_SNAPSHOT):
        self.send(self.family, flags, struct.pack("=BBH", cmd, 1, 0) + payload)

    def read(self, seq=None):
        """Payloads of the messages of one answer, up to its end.

        Of the last request, unless told which. What was said to others
        meanwhile is left in self.asides as (seq, errno).
        """
        seq = self.seq if seq is None else seq
        while True:
            for kind, whose, body in messages(self.sock.recv(self.buffer)):
                if kind not in (NLMSG_ERROR, NLMSG_DONE):
                    assert whose == seq, "a message of another answer"
                    yield body[4:]
                    continue
                code = -struct.unpack_from("=i", body)[0]
                if whose != seq:
                    self.asides.append((whose, code))
                elif code:
                    raise Refused(code, extack(
                        body[20 if kind == NLMSG_ERROR else 4:]))
                else:
                    return

    def snapshot(self, pid, proof=None, sections=ALL, live=False):
        payload = u32(A_PID, pid) + u32(A_SECTIONS, sections)
        if live:
            payload += attr(A_LIVE, b"")
        if proof is not None:
            payload += u32(A_PROOF_FD, proof)
        self.request(payload)
        return Snapshot(self.read())

    def request_tasks(self):
        """With a proof of one's own, if there is one to be had."""
        try:
            fd = proof(1)
        except OSError:
            self.request(b"", cmd=CMD_TASKS)
            return
        self.request(u32(T_PROOF_FD, fd), cmd=CMD_TASKS)
        os.close(fd)

    def tasks(self):
        self.request_tasks()
        return Tasks(self.read())


class Snapshot:
    """An answer, checked against every rule that the header states."""

    def __init__(self, bodies):
        self.scalars, rows, strings = {}, {a: [] for a in ROWS}, b""
        order = []
        for body in bodies:
            for kind, payload in attrs(body):
                if kind < A_VMAS:
                    assert kind not in self.scalars, "a scalar came twice"
                    self.scalars[kind] = payload
                    continue
                size, count, first, total = struct.unpack_from("=IIII", payload)
                assert count and first + count <= total
                assert len(payload) == 16 + size * count
                have = len(strings) if kind == A_STRINGS else len(rows[kind])
                assert first == have, "gap between two chunks"
                if not order or order[-1][0] != kind:
                    order.append([kind, total])
                if kind == A_STRINGS:
                    assert size == 1
                    strings += payload[16:]
                    continue
                assert size == ROWS[kind].size
                rows[kind] += ROWS[kind].iter_unpack(payload[16:])
        for kind, total in order:
            have = len(strings) if kind == A_STRINGS else len(rows[kind])
            assert have == total, "truncated table"
        assert [k for k, _ in order] == sorted({k for k, _ in order}), order
        self.vmas = rows[A_VMAS]
        self.threads = [dict(zip(THREAD_FIELDS, r)) for r in rows[A_THREADS]]
        self.sharers = rows[A_SHARERS]
        self.objects = [o + (strings[o[4]:o[4] + o[5]],) for o in rows[A_OBJECTS]]
        for o in rows[A_OBJECTS]:
            assert o[4] + o[5] <= len(strings)
        mm = self.scalars.get(A_MM)
        self.mm = None if mm is None else {
            k: int.from_bytes(v, "little") for k, v in attrs(mm)}

    def number(self, kind):
        return int.from_bytes(self.scalars[kind], "little")

    @property
    def flags(self):
        return self.number(A_FLAGS)


class Tasks:
    """All tasks, checked against every rule that the header states."""

    def __init__(self, bodies):
        self.scalars, rows, order = {}, {T_MMS: [], T_TASKS: []}, []
        for body in bodies:
            for kind, payload in attrs(body):
                if kind < T_MMS:
                    assert kind == T_PAD or kind not in self.scalars
                    self.scalars[kind] = int.from_bytes(payload, "little")
                    continue
                size, count, first, total = struct.unpack_from("=IIII", payload)
                assert count and first + count <= total
                assert len(payload) == 16 + size * count and first == len(rows[kind])
                order.append((kind, total))
                row = MM_ROW if kind == T_MMS else TASK
                assert size == row.size
                rows[kind] += row.iter_unpack(payload[16:])
        for kind, total in order:
            assert len(rows[kind]) == total, "truncated table"
        assert [k for k, _ in order] == sorted(k for k, _ in order), order
        self.mms = [dict(zip(MM_ROW_FIELDS, r)) for r in rows[T_MMS]]
        self.tasks = [dict(zip(TASK_FIELDS, r)) for r in rows[T_TASKS]]
        self.check()

    def check(self):
        assert set(self.scalars) >= {T_TAKEN, T_TAKEN_BOOTTIME, T_WALK, T_HIDDEN}
        keys = [(t["tgid"], t["tid"]) for t in self.tasks]
        assert keys == sorted(keys)
        assert len({t["tid"] for t in self.tasks}) == len(keys), "a tid came twice"
        users, kthreads = [0] * len(self.mms), [0] * len(self.mms)
        for t in self.tasks:
            assert t["tid"] and t["tgid"] and t["zero"] == 0
            assert t["comm"].endswith(b"\0")
            t["comm"] = t["comm"].split(b"\0")[0].decode()
            assert bool(t["flags"] & TASK_LEADER) == (t["tid"] == t["tgid"])
            assert t["mm"] <= len(self.mms) and t["active_mm"] <= len(self.mms)
            assert not t["active_mm"] or t["flags"] & TASK_KTHREAD and not t["mm"]
            if t["mm"]:
                which = kthreads if t["flags"] & TASK_KTHREAD else users
                which[t["mm"] - 1] += 1
        assert [m["tasks"] for m in self.mms] == users
        assert [m["kthreads"] for m in self.mms] == kthreads
        assert all(u + k for u, k in zip(users, kthreads)), "an mm of no task"
        assert len({m["id"] for m in self.mms}) == len(self.mms), "an mm came twice"

    def of(self, tid):
        return next((t for t in self.tasks if t["tid"] == tid), None)

    def mm_of(self, tid):
        mm = self.of(tid)["mm"]
        return self.mms[mm - 1] if mm else None


def proof(pid, name="pagemap"):
    return os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)


def ask(pid, name="pagemap", sections=ALL):
    """One snapshot with a proof of one's own."""
    fd = proof(pid, name)
    try:
        with Client() as client:
            return client.snapshot(pid, fd, sections)
    finally:
        os.close(fd)


assert THREAD.size == 168 and VMA.size == 48
assert MM_ROW.size == 80 and TASK.size == 56
__all__ = [n for n in dir() if not n.startswith("_")] + ["errno"]
