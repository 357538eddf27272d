# SPDX-License-Identifier: GPL-2.0
"""Replies as they came, byte by byte: every byte that no field of the header owns has to
be 0, and what is left is searched for what no reply may hold."""
import struct

import nl

# offsets of bytes without meaning, and of names, whose rest is 0
RESERVED = {nl.A_VMAS: [], nl.A_OBJECTS: [(28, 32)], nl.A_THREADS: [(164, 168)],
            nl.A_SHARERS: [(12, 16)]}
NAMES = {nl.A_THREADS: (8, 24), nl.A_SHARERS: (16, 32)}
TASK_RESERVED, TASK_NAME = [(28, 32)], (40, 56)
# row, offset and size of flags; the bits that the header gives a meaning
FLAGS = {nl.A_OBJECTS: [(16, 4, 0x7)], nl.A_THREADS: [(4, 4, 0x3f), (160, 4, 0x11f3f)],
         nl.A_VMAS: [(24, 8, (1 << 36) - 1 | 1 << 63)]}
PROCESS_FLAGS = 0xff
# nanoseconds, which differ between two equal requests
VOLATILE = {nl.CMD_SNAPSHOT: (nl.A_TAKEN, nl.A_TAKEN_BOOTTIME, nl.A_LOCK_WAIT, nl.A_LOCK_HOLD),
            nl.CMD_TASKS: (nl.T_TAKEN, nl.T_TAKEN_BOOTTIME, nl.T_WALK)}


class Recorder:
    """A socket that keeps what was received."""

    def __init__(self, sock, heard):
        self.sock, self.heard = sock, heard

    def recv(self, *args):
        data = self.sock.recv(*args)
        self.heard.append(data)
        return data

    def __getattr__(self, name):
        return getattr(self.sock, name)


class Client(nl.Client):
    """Keeps the datagrams of all its answers in self.heard."""

    def __init__(self, *args):
        super().__init__(*args)
        self.heard = []
        self.sock = Recorder(self.sock, self.heard)

    def take(self):
        heard, self.heard[:] = b"".join(self.heard), []
        return heard


def check_zero(raw, what):
    assert not any(raw), f"{what} is not 0: {raw.hex()}"


def align(size):
    return size + 3 & ~3


def check_rows(payload, reserved, name, flags):
    row_size, count = struct.unpack_from("=II", payload)
    for i in range(count):
        row = payload[16 + i * row_size:][:row_size]
        for start, end in reserved:
            check_zero(row[start:end], f"a reserved field at {start}")
        if name:
            text = row[slice(*name)]
            assert b"\0" in text, "a name without an end"
            check_zero(text[text.index(b"\0"):], "what follows a name")
        for offset, size, known in flags:
            value = int.from_bytes(row[offset:offset + size], "little")
            assert not value & ~known, f"flags without a meaning: {value:#x}"


def check_strings(objects, strings):
    """Every byte of the strings belongs to an object."""
    used = bytearray(len(strings))
    for _, _, _, flags, start, size, _ in nl.OBJECT.iter_unpack(objects):
        used[start:start + size] = b"\1" * size
    assert all(used), "bytes of the strings that are nobody's"


class Walk:
    """One answer: checked, and cut into (key, bytes) that may be compared."""

    def __init__(self, raw, family):
        self.family, self.parts, self.size = family, [], len(raw)
        self.objects = self.strings = b""
        while raw:
            size, kind, flags, _, _ = struct.unpack_from("=IHHII", raw)
            self.message(kind, raw[16:size])
            check_zero(raw[size:align(size)], "padding of a message")
            raw = raw[align(size):]
        check_strings(self.objects, self.strings)

    def numbers(self):
        """What is neither text nor the id of an mm: scalars, and rows of tables."""
        text = (nl.A_STRINGS, nl.A_COMM, nl.A_BORROWED_COMM)
        for key, part in self.parts:
            if key[1:] != (nl.A_MM, 1) and not (key[0] == nl.CMD_SNAPSHOT and key[1] in text):
                yield key, part

    def message(self, kind, body):
        if kind == nl.NLMSG_DONE:
            self.attributes(("done",), body[4:], self.extack)
        elif kind == self.family:
            cmd, version, reserved = struct.unpack_from("=BBH", body)
            assert version == 1 and not reserved
            handler = self.snapshot if cmd == nl.CMD_SNAPSHOT else self.tasks
            self.attributes((cmd,), body[4:], handler)

    def attributes(self, key, raw, handler):
        while raw:
            size, kind = struct.unpack_from("=HH", raw)
            check_zero(raw[size:align(size)], f"padding of attribute {key} {kind}")
            handler(key + (kind & 0x3fff,), raw[4:size])
            raw = raw[align(size):]

    def extack(self, key, payload):
        assert key[1] != 1 or payload.index(b"\0") == len(payload) - 1

    def snapshot(self, key, payload):
        kind = key[1]
        if kind == nl.A_MM:
            self.attributes(key, payload, self.number)
        elif kind >= nl.A_VMAS:
            self.table(kind, payload)
            self.parts.append((key, payload))
        elif kind in (nl.A_COMM, nl.A_BORROWED_COMM):
            assert payload.index(b"\0") == len(payload) - 1, "bytes behind a name"
            self.parts.append((key, payload))
        else:
            self.number(key, payload)
            if kind == nl.A_FLAGS:
                assert not int.from_bytes(payload, "little") & ~PROCESS_FLAGS
            if kind not in VOLATILE[nl.CMD_SNAPSHOT]:
                self.parts.append((key, payload))

    def number(self, key, payload):
        assert len(payload) in (0, 4, 8)
        if len(key) == 3:
            self.parts.append((key, payload))

    def table(self, kind, payload):
        if kind == nl.A_STRINGS:
            self.strings += payload[16:]
            return
        if kind == nl.A_OBJECTS:
            self.objects += payload[16:]
        check_rows(payload, RESERVED[kind], NAMES.get(kind), FLAGS.get(kind, []))

    def tasks(self, key, payload):
        if key[1] == nl.T_TASKS:
            check_rows(payload, TASK_RESERVED, TASK_NAME, [(12, 4, 0x7f)])
            for i in range(16, len(payload), nl.TASK.size):
                self.parts.append((key, payload[i:i + TASK_NAME[0]]))
        elif key[1] == nl.T_MMS:
            check_rows(payload, [], None, [])
            for i in range(16, len(payload), nl.MM_ROW.size):
                self.parts.append((key, payload[i + 8:i + nl.MM_ROW.size]))
        else:
            self.number(key, payload)


def words(raw, size=4):
    """(offset, value) of each aligned word."""
    form = {4: "=%dI", 8: "=%dQ"}[size]
    values = struct.unpack_from(form % (len(raw) // size), raw)
    return [(i * size, v) for i, v in enumerate(values)]


def kernel_addresses(part):
    """Fields that lie in the kernel's half of the address space. All ones is no address,
    but "unlimited"."""
    return {v for _, v in words(part, 8) if v >> 47 == 0x1ffff and v != (1 << 64) - 1}
