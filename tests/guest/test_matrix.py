# SPDX-License-Identifier: GPL-2.0
"""Who may look at whom: every caller asks /proc and the module about every target, and
the answers must be the same.

What is expected comes from /proc, in the same process and the same moment: no cell is
written down here. What is written down is that the matrix has both answers wherever
it claims to look at something: a dimension in which nothing changes was not tried.
"""
import contextlib
import ctypes
import errno
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

import nl
from callers import (CAP_DAC_READ_SEARCH, CAP_PERFMON, CAP_SYS_PTRACE, OTHER, PERFMON, USER,
                     ask_as, become, confine, errno_of, has_lsm, landlock, libc, load_profiles,
                     mount_proc, name_of, new_pidns, new_userns, steps, without, yama)
from conftest import PATIENCE, fixture, read, tried

BIN = os.path.dirname(shutil.which("fx-static") or "")
OWN_CHILD = "own child"
# the CLI takes long to start in an emulated guest
WITH_CLI = ("same user", "root", "not dumpable", "leader exited", "zombie", "kernel thread",
            "nobody", OWN_CHILD)
SYS_PIDFD_OPEN, SYS_KCMP = 434, 312


# ---- targets ----

def inner_pid(popen):
    """What fx-user --pidns runs, by its id here."""
    pid = popen.pid
    for _ in range(2):
        pid = int(read(f"/proc/{pid}/task/{pid}/children").split()[0])
    return pid


@contextlib.contextmanager
def program(name, mode, caps=None):
    """A copy of fx-static where set-user-id counts."""
    path = f"/var/tmp/fx-{name}"
    shutil.copy(f"{BIN}/fx-static", path)
    os.chmod(path, mode)
    if caps:
        subprocess.run(["setcap", caps, path], check=True)
    try:
        yield path
    finally:
        os.unlink(path)


# argv: the steps of a caller, then a program, which is a target so
PREPARED = """
import os, sys
sys.path.insert(0, "/src/tests/guest")
import callers
getattr(callers, sys.argv[1])(*sys.argv[2].split())
os.execvp(sys.argv[3], sys.argv[3:])
"""


def prepared(*steps_and_program):
    return [sys.executable, "-B", "-c", PREPARED, *steps_and_program]


COMMANDS = {
    "same user": ["fx-user", "fx-threads", "1"],
    "other user": ["fx-user", "--uid", str(OTHER), "fx-threads", "1"],
    "root": ["fx-threads", "1"],
    "not dumpable": ["fx-user", "fx-nondump"],
    "user namespace": ["fx-user", "unshare", "-U", "-r", f"{BIN}/fx-static"],
    "zombie": ["fx-user", "fx-zombie"],
    "leader exited": ["fx-user", "fx-leader"],
    "traced": ["fx-user", "strace", "-o", "/dev/null", f"{BIN}/fx-threads", "1"],
    "sharers": ["fx-user", "fx-clonevm", "2"],
    "in a domain": prepared("landlock", "", "fx-user", "fx-threads", "1"),
    "in a profile": prepared("confine", "pmemctl-none", "fx-user", "fx-threads", "1"),
}
# name: mode, file capabilities
PROGRAMS = {
    "setuid": (0o4755, None),
    "file capabilities": (0o755, "cap_net_raw=ep"),
    "unreadable program": (0o711, None),
}


@pytest.fixture(scope="module")
def targets():
    """name: (pid, tid through which /proc shows it)"""
    assert has_lsm("landlock") and has_lsm("apparmor"), "the kernel has not both"
    load_profiles()
    found = {"kernel thread": (2, 2), "init": (1, 1)}
    with contextlib.ExitStack() as stack:
        for name, command in COMMANDS.items():
            target = stack.enter_context(fixture(command))
            pid = target.truth.get("zombie", target.pid)
            found[name] = (pid, target.truth.get("reporter", pid))
        for name, (mode, caps) in PROGRAMS.items():
            path = stack.enter_context(program(name.split()[0], mode, caps))
            pid = stack.enter_context(fixture(["fx-user", path])).pid
            found[name] = (pid, pid)
        target = stack.enter_context(fixture(["fx-user", "--pidns", "fx-static"]))
        pid = inner_pid(target.popen)
        found["pid namespace"] = (pid, pid)
        free = next(p for p in range(4194303, 1, -1) if not os.path.exists(f"/proc/{p}"))
        found["nobody"] = (free, free)
        yield found


# ---- questions, asked in the caller ----

def maps_of(path):
    """Ranges as (start, end, perms, offset), without the page that is no VMA."""
    rows = []
    for line in read(path).split("\n")[:-1]:
        found = re.match(r"(\w+)-(\w+) (\S+) (\w+) ", line)
        if not line.endswith("[vsyscall]"):
            start, end, perms, offset = found.groups()
            rows.append([int(start, 16), int(end, 16), perms, int(offset, 16)])
    return rows


def registers_of(path):
    """(sp, ip), "running", or the errno."""
    try:
        words = read(path).split()
    except OSError as e:
        return e.errno
    return "running" if words == ["running"] else [int(words[-2], 16), int(words[-1], 16)]


def syscall_errno(number, *args):
    ctypes.set_errno(0)
    ret = libc.syscall(number, *args)
    if ret < 0:
        return ctypes.get_errno()
    if number == SYS_PIDFD_OPEN:
        os.close(ret)
    return 0


def base_of(pid, tid):
    return f"/proc/{pid}/task/{tid}" if tid != pid else f"/proc/{pid}"


def ranges_of(pid, tid):
    try:
        return maps_of(f"{base_of(pid, tid)}/maps")
    except OSError:
        return None


def ask_proc(pid, tid):
    base = base_of(pid, tid)
    says = {name: errno_of(os.open, f"{base}/{name}", os.O_RDONLY)
            for name in ("maps", "smaps", "pagemap", "mem", "syscall", "environ", "stat")}
    says["status"] = errno_of(read, f"{base}/status")
    says["kill"] = errno_of(os.kill, pid, 0)
    says["pidfd"] = syscall_errno(SYS_PIDFD_OPEN, pid, 0)
    says["kcmp"] = syscall_errno(SYS_KCMP, os.getpid(), pid, 1, 0, 0)
    says["comm"] = None if errno_of(read, f"{base}/comm") else read(f"{base}/comm")[:-1]
    says["ranges"] = ranges_of(pid, tid)
    tids = [] if errno_of(os.listdir, f"/proc/{pid}/task") else os.listdir(f"/proc/{pid}/task")
    says["tids"] = sorted(map(int, tids))
    says["registers"] = {t: registers_of(f"/proc/{pid}/task/{t}/syscall") for t in tids}
    return says


def perms_of(flags):
    return "".join(letter if flags & bit else "-" for letter, bit in
                   (("r", 1), ("w", 2), ("x", 4))) + ("s" if flags & 128 else "p")


def ask_module(client, pid, *args, **kwargs):
    """The answer in short, or [errno, its words]."""
    try:
        snap = client.snapshot(pid, *args, **kwargs)
    except nl.Refused as e:
        return {"refused": e.errno, "words": e.text}
    return {
        "refused": 0, "flags": snap.flags,
        "pid": snap.number(nl.A_PID),
        "comm": snap.scalars[nl.A_COMM].rstrip(b"\0").decode()
        if nl.A_COMM in snap.scalars else None,
        "borrowed": nl.A_BORROWED_PID in snap.scalars,
        "ranges": [[v[0], v[1], perms_of(v[3]), v[2]] for v in snap.vmas],
        "threads": [[t["tid"], t["reg_state"], t["sp"], t["ip"], t["tp"]]
                    for t in snap.threads],
        "sharers": [s[0] for s in snap.sharers],
    }


def with_proof(client, pid, path, flags=os.O_RDONLY, **kwargs):
    """None: /proc does not open it."""
    try:
        fd = os.open(path, flags | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return ask_module(client, pid, fd, **kwargs)
    finally:
        os.close(fd)


def ask_target(client, pid, tid):
    base = base_of(pid, tid)
    told = {
        "read": with_proof(client, pid, f"{base}/pagemap"),
        "attach": with_proof(client, pid, f"{base}/mem"),
        "live read": with_proof(client, pid, f"{base}/pagemap", live=True),
        "live attach": with_proof(client, pid, f"{base}/mem", live=True),
        # what is no proof
        "nothing": ask_module(client, pid),
        "own read": with_proof(client, pid, "/proc/self/pagemap"),
        "own attach": with_proof(client, pid, "/proc/self/mem", live=True),
        "path read": with_proof(client, pid, f"{base}/pagemap", os.O_PATH),
        "path attach": with_proof(client, pid, f"{base}/mem", os.O_PATH),
    }
    for name in "stat", "maps", "smaps", "environ", "status", "comm":
        told["file " + name] = with_proof(client, pid, f"{base}/{name}")
    return told


def ask_cli(pid):
    done = subprocess.run(["pmemctl", "show", "-J", str(pid)], capture_output=True,
                          timeout=PATIENCE)
    cli = {"status": done.returncode, "words": done.stderr.decode()}
    if done.returncode == 0:
        shown = json.loads(done.stdout)
        cli["ranges"] = [[int(r["start"], 16), int(r["end"], 16), r["perms"],
                          int(r["offset"], 16)] for r in shown.get("regions", [])
                         if r["name"] != "[vsyscall]"]
        cli["sp"] = [t["sp"] for t in shown.get("threads", [])]
        cli["comm"] = shown["process"]["comm"]
    return cli


def ask_tasks(client):
    try:
        return {t["tid"]: t["comm"] for t in client.tasks().tasks}
    except nl.Refused as e:
        return [e.errno, e.text]


def ask_all(targets, with_cli):
    """Every question about every target. An own child is one more of them."""
    cells = {}
    with fixture("fx-static") as target, nl.Client() as client:
        child = target.pid
        for name, (pid, tid) in {**targets, OWN_CHILD: (child, child)}.items():
            before = ranges_of(pid, tid)
            cells[name] = {"pid": pid, "told": ask_target(client, pid, tid),
                           "proc": ask_proc(pid, tid),
                           "cli": ask_cli(pid) if with_cli and name in WITH_CLI else None}
            cells[name]["still"] = before == cells[name]["proc"]["ranges"]
        answer = {"cells": cells, "tasks": ask_tasks(client)}
    return answer


# ---- the judgement ----

def fail(where, *what):
    return f"{where}: " + " ".join(map(str, what))


def judge_refusals(where, cell, dead):
    """What is no proof is refused, in words, and with the errno that the header says."""
    told = cell["told"]
    expected = {"nothing": errno.EINVAL, "own read": errno.ESTALE,
                "own attach": errno.ESTALE, "path read": errno.EBADF,
                "path attach": errno.EBADF}
    expected.update({k: errno.EINVAL for k in told if k.startswith("file ")})
    for how, code in expected.items():
        answer = told[how]
        code = errno.ESRCH if dead else code
        if answer and answer["refused"] != code:
            yield fail(where, how, "was", name_of(answer["refused"]), "not", name_of(code))
        elif answer and not answer["words"]:
            yield fail(where, how, "was refused without a word")
    if not told["nothing"] or not told["own read"]:
        yield fail(where, "was not asked without a proof")


def judge_kthread(where, cell, all_allowed):
    proc, answer = cell["proc"], cell["told"]["nothing"]
    if answer["refused"] or not answer["flags"] & nl.PROCESS_KTHREAD:
        yield fail(where, "no answer about a kernel thread", answer)
        return
    if answer["comm"] is not None and answer["comm"] != proc["comm"]:
        yield fail(where, "comm", answer["comm"], "where /proc says", proc["comm"])
    if answer["borrowed"] and not all_allowed:
        yield fail(where, "whose mm it borrows")
    if answer["ranges"] or answer["threads"] or answer["sharers"]:
        yield fail(where, "a kernel thread with", answer)


def judge_right(where, cell, right, name, zombie):
    """Of one right: told where /proc opens the file, and the same as /proc says."""
    proc, answer = cell["proc"], cell["told"][right]
    opened = proc[name] == 0
    if bool(answer) != opened:
        yield fail(where, right, "answer", answer, "but", name, name_of(proc[name]))
    if not answer:
        return
    if zombie:
        if answer["refused"] != errno.ENODATA:
            yield fail(where, right, "of a zombie:", name_of(answer["refused"]))
        return
    if answer["refused"]:
        yield fail(where, right, "refused", name_of(answer["refused"]), answer["words"],
                   "where /proc opens", name)
        return
    if proc["ranges"] is None or answer["ranges"] != proc["ranges"]:
        yield fail(where, right, "other ranges than maps", proc["ranges"] is None)
    if [t[0] for t in answer["threads"]] != proc["tids"] and \
            sorted(t[0] for t in answer["threads"]) != proc["tids"]:
        yield fail(where, right, "threads", answer["threads"], "not", proc["tids"])
    if answer["comm"] != proc["comm"]:
        yield fail(where, right, "comm", answer["comm"], "not", proc["comm"])


def judge_registers(where, cell):
    told, proc = cell["told"], cell["proc"]
    for how in "read", "live read":
        answer = told[how]
        if answer and not answer["refused"]:
            if how == "live read":
                yield fail(where, "registers of running threads by READ")
            if answer["flags"] & nl.PROCESS_ATTACH or any(
                    any(t[2:]) for t in answer["threads"]):
                yield fail(where, "registers by READ", answer["threads"])
        elif how == "live read" and answer and \
                answer["refused"] not in (errno.EPERM, errno.ENODATA):
            yield fail(where, how, name_of(answer["refused"]))
    attach = told["attach"]
    if not attach or attach["refused"]:
        return
    if not attach["flags"] & nl.PROCESS_ATTACH:
        yield fail(where, "ATTACH proven and not said")
    for tid, state, sp, ip, _ in attach["threads"]:
        seen = proc["registers"][str(tid)]
        if sp and isinstance(seen, int):
            yield fail(where, "registers of", tid, "where /proc says", name_of(seen))
        elif isinstance(seen, list) and state == nl.REGS_BLOCKED and [sp, ip] != seen:
            yield fail(where, "other registers than /proc", tid)


def judge_cli(where, cell, kthread, zombie):
    cli, proc = cell["cli"], cell["proc"]
    if not cli:
        return
    child = where.endswith(OWN_CHILD)   # no child of the CLI's, which Yama minds
    if zombie or proc["stat"] in (errno.ENOENT, errno.ESRCH):
        expected = 4 if proc["stat"] in (0, errno.ENOENT, errno.ESRCH) else 5
    elif proc["stat"] or not kthread and proc["pagemap"]:
        expected = 5
    else:
        expected = 0
    if cli["status"] != expected:
        yield fail(where, "the CLI ended with", cli["status"], "not", expected, cli["words"])
    elif expected == 0 and cli["comm"] != proc["comm"]:
        yield fail(where, "the CLI says", cli["comm"], "not", proc["comm"])
    elif expected == 0 and not kthread:
        if cli["ranges"] != proc["ranges"]:
            yield fail(where, "the CLI has other ranges than maps")
        if not child and any(cli["sp"]) != (proc["mem"] == 0):
            yield fail(where, "the CLI's registers", cli["sp"], "mem", proc["mem"])


def judge_cell(caller, name, cell, all_allowed):
    where, proc = f"{caller} -> {name}", cell["proc"]
    dead, kthread, zombie = proc["kill"] == errno.ESRCH, name == "kernel thread", \
        name == "zombie"
    if not cell["still"]:
        yield fail(where, "the target does not hold still")
    if (proc["pidfd"] == errno.ESRCH) != dead and not zombie:
        yield fail(where, "kill and pidfd_open do not agree")
    if kthread and not dead:
        yield from judge_kthread(where, cell, all_allowed)
    else:
        yield from judge_refusals(where, cell, dead)
    if not dead and not kthread:
        yield from judge_right(where, cell, "read", "pagemap", zombie)
        yield from judge_right(where, cell, "attach", "mem", zombie)
        yield from judge_registers(where, cell)
    yield from judge_cli(where, cell, kthread, zombie)


def judge_tasks(caller, answer):
    """All tasks are told only to who may look at each of them."""
    tasks, cells = answer["tasks"], answer["cells"]
    with_mm = {n: c for n, c in cells.items()
               if n not in ("zombie", "kernel thread", "nobody")}
    everything = all(c["proc"]["pagemap"] == c["proc"]["mem"] == 0 for c in with_mm.values())
    if isinstance(tasks, list):
        # by capability; or it can prove nothing, as it may not look at init
        expected = errno.EPERM, "CAP_SYS_PTRACE"
        if "init" in cells and cells["init"]["proc"]["pagemap"] and tasks[0] == errno.EINVAL:
            expected = errno.EINVAL, "/proc/1/pagemap"
        if tasks[0] != expected[0] or expected[1] not in tasks[1]:
            yield fail(caller, "all tasks:", tasks)
        if everything:
            yield fail(caller, "all tasks: refused, where /proc shows each of them")
        return
    for name, cell in with_mm.items():
        # of init's label the proof speaks, not of that one's
        if cell["proc"]["maps"] and name != "in a profile":
            yield fail(caller, "all tasks: told, but /proc says of maps of", name,
                       name_of(cell["proc"]["maps"]))
    for name, cell in cells.items():
        if tasks.get(str(cell["pid"]), cell["proc"]["comm"]) != cell["proc"]["comm"]:
            yield fail(caller, "all tasks: comm of", name, "not", cell["proc"]["comm"])


def judge(caller, answer):
    all_allowed = not isinstance(answer["tasks"], list)
    wrong = list(judge_tasks(caller, answer))
    for name, cell in answer["cells"].items():
        wrong += judge_cell(caller, name, cell, all_allowed)
    return wrong


class Matrix:
    """What was asked, and what came out."""

    def __init__(self, targets):
        self.targets, self.rows, self.wrong, self.requests = targets, {}, [], 0

    def ask(self, caller, prepare, with_cli=False, targets=None):
        if caller in self.rows:
            return
        answer = ask_as(prepare, ask_all, targets or self.targets, with_cli)
        self.wrong += judge(caller, answer)
        self.rows[caller] = row = {
            name: {**{right: bool((c["told"][right] or {}).get("threads"))
                      for right in ("read", "attach")}, "seen": c["proc"]["stat"] == 0}
            for name, c in answer["cells"].items()}
        row["all tasks"] = {"read": not isinstance(answer["tasks"], list),
                            "attach": False, "seen": True}
        self.requests += 1 + sum(
            sum(a is not None for a in c["told"].values()) + bool(c["cli"])
            for c in answer["cells"].values())

    def differ(self, one, other, right):
        """Targets that one caller has a right to and the other has not."""
        one, other = self.rows[one], self.rows[other]
        return [n for n in one if n in other and n != "all tasks" and
                one[n][right] != other[n][right]]

    def check(self, dimension, callers, pairs):
        """Nothing was wrong, and it could have been: both answers are there."""
        wrong, self.wrong = self.wrong, []
        assert not wrong, "\n".join(wrong)
        for one, other, right in pairs:
            assert self.differ(one, other, right), f"{one} and {other}: the same {right}"
        cells = [c for caller in callers for c in self.rows[caller].values()]
        for right in "read", "attach":
            assert {c[right] for c in cells} == {True, False}, f"{dimension}: one {right}"
        tried(f"who may look: {dimension}", len(cells), "cells, caller x target")


@pytest.fixture(scope="module")
def matrix(targets):
    matrix = Matrix(targets)
    with yama(0):
        matrix.ask("root", steps(), with_cli=True)
        matrix.ask("user", steps(USER_STEPS), with_cli=True)
    yield matrix
    tried("who may look: requests and commands", matrix.requests, "questions")


USER_STEPS = (become, USER)


def test_credentials(matrix):
    """Users, capabilities and user namespaces."""
    callers = {
        "other user": steps((become, OTHER)),
        "root of a user namespace": steps(USER_STEPS, (new_userns,)),
        "root without CAP_SYS_PTRACE": steps((without, CAP_SYS_PTRACE)),
        "root without either": steps((without, CAP_SYS_PTRACE, *PERFMON)),
        "CAP_PERFMON and to read": steps(
            (become, OTHER, [CAP_PERFMON, CAP_DAC_READ_SEARCH])),
        "CAP_SYS_PTRACE": steps((become, OTHER, [CAP_SYS_PTRACE])),
        "CAP_SYS_PTRACE and to read": steps(
            (become, OTHER, [CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH])),
    }
    with yama(0):
        for caller, prepare in callers.items():
            matrix.ask(caller, prepare, caller.startswith("root of"))
        inside = {n: t for n, t in matrix.targets.items() if t[0] > 100}
        matrix.ask("root of a pid namespace", steps(USER_STEPS, (new_pidns,)), True, inside)
    matrix.check("users, capabilities, namespaces",
                 ["root", "user", *callers, "root of a pid namespace"],
                 [("root", "user", "read"), ("user", "other user", "read"),
                  ("user", "root of a user namespace", "read"),
                  ("root", "root without CAP_SYS_PTRACE", "attach"),
                  ("root", "root without either", "read"),
                  ("other user", "CAP_SYS_PTRACE and to read", "read"),
                  ("CAP_SYS_PTRACE", "CAP_SYS_PTRACE and to read", "read"),
                  ("user", "root of a pid namespace", "seen")])


def ask_yama(matrix, scope):
    callers = {f"user, Yama {scope}": steps(USER_STEPS), f"root, Yama {scope}": steps()}
    for caller, prepare in callers.items():
        matrix.ask(caller, prepare)
    return list(callers)


def test_yama(matrix):
    """ptrace_scope 1 and 2; 0 is what the others are asked with, 3 is for ever."""
    callers = []
    for scope in 1, 2:
        with yama(scope):
            callers += ask_yama(matrix, scope)
    matrix.check("Yama 0 to 2", ["user", *callers], [
        ("user", "user, Yama 1", "attach"), ("user, Yama 1", "user, Yama 2", "attach"),
        ("user, Yama 2", "root, Yama 2", "attach")])
    assert not matrix.differ("user", "user, Yama 2", "read")


def test_landlock(matrix):
    with yama(0):
        matrix.ask("user in a domain", steps(USER_STEPS, (landlock,)), with_cli=True)
        matrix.ask("root in a domain", steps((landlock,)))
        matrix.ask("root without CAP_PERFMON in a domain",
                   steps((without, *PERFMON), (landlock,)))
    matrix.check("Landlock", ["user in a domain", "root in a domain",
                              "root without CAP_PERFMON in a domain"], [
        ("user", "user in a domain", "read"), ("root", "root in a domain", "attach"),
        ("root", "root without CAP_PERFMON in a domain", "read")])


def test_apparmor(matrix):
    callers = {}
    for rule in "none", "read", "trace":
        profile = f"pmemctl-{rule}"
        callers[f"user, {rule}"] = steps((confine, profile), USER_STEPS)
        callers[f"root, {rule}"] = steps((without, *PERFMON), (confine, profile))
    with yama(0):
        for caller, prepare in callers.items():
            matrix.ask(caller, prepare, caller == "user, none")
    matrix.check("AppArmor", callers, [
        ("user", "user, none", "read"), ("user, none", "user, read", "read"),
        ("user, read", "user, trace", "attach"), ("root, none", "root, read", "read")])


def test_hidepid(matrix):
    group = f"hidepid=2,gid={USER}"
    callers = {o: steps((mount_proc, o), USER_STEPS) for o in
               ("hidepid=1", "hidepid=2", "hidepid=4", "subset=pid", group)}
    callers["root, hidepid=2"] = steps((mount_proc, "hidepid=2"))
    with yama(0):
        for caller, prepare in callers.items():
            matrix.ask(caller, prepare, caller == "hidepid=2")
    matrix.check("hidepid and subset", callers, [
        ("user", "hidepid=1", "seen"), ("user", "hidepid=2", "seen"),
        ("user", "hidepid=4", "seen"), ("hidepid=2", "root, hidepid=2", "seen")])
