# SPDX-License-Identifier: GPL-2.0
"""Callers of every kind: what a forked process does to become one, and how to have
it asked something. All of it is for a guest, as root."""
import contextlib
import ctypes
import errno
import json
import os
import struct
import subprocess
import traceback

from conftest import PATIENCE, read

libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    0x20000, 0x10000000, 0x20000000, 0x40000000)
MS_REC, MS_PRIVATE = 0x4000, 0x40000
PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 4, 8, 24, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2
CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_PERFMON = 2, 19, 21, 38
# in 7.3 each is a right to READ, whatever security modules say: perfmon_capable()
PERFMON = CAP_PERFMON, CAP_SYS_ADMIN
SYS_CAPSET, SYS_LANDLOCK_CREATE_RULESET, SYS_LANDLOCK_RESTRICT_SELF = 126, 444, 446
LANDLOCK_ACCESS_FS_MAKE_BLOCK = 1 << 11

USER, OTHER = 1000, 1001
YAMA = "/proc/sys/kernel/yama/ptrace_scope"
LSMS = "/sys/kernel/security/lsm"


def call(name, *args):
    ctypes.set_errno(0)
    ret = getattr(libc, name)(*args)
    if ret < 0:
        raise OSError(ctypes.get_errno(), f"{name}{args}")
    return ret


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def set_caps(caps):
    """Effective, permitted and inheritable: these and no others."""
    bits = sum(1 << c for c in caps)
    words = [w for half in (bits & 0xffffffff, bits >> 32) for w in (half,) * 3]
    header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0), 8)
    call("syscall", SYS_CAPSET, header,
         ctypes.create_string_buffer(struct.pack("=6I", *words), 24))


def become(uid, caps=()):
    """A user with these capabilities, which programs that he runs keep."""
    os.setgroups([])
    if caps:
        call("prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    if caps:
        set_caps(caps)
        for cap in caps:
            call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0)
    # as a program that he has executed is
    call("prctl", PR_SET_DUMPABLE, 1, 0, 0, 0)


def without(*caps):
    """Root, but for some capabilities, for good."""
    for cap in caps:
        call("prctl", PR_CAPBSET_DROP, cap, 0, 0, 0)
    last = int(read("/proc/sys/kernel/cap_last_cap"))
    set_caps([c for c in range(last + 1) if c not in caps])


def new_userns():
    """Root of a user namespace of one's own, as anybody may be."""
    uid, gid = os.getuid(), os.getgid()
    call("unshare", CLONE_NEWUSER)
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"0 {uid} 1")
    write("/proc/self/gid_map", f"0 {gid} 1")


def mount_proc(options):
    """/proc mounted anew, in a mount namespace of one's own."""
    call("unshare", CLONE_NEWNS)
    call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
    call("mount", b"proc", b"/proc", b"proc", 0, options.encode() or None)


def landlock():
    """A domain that forbids next to nothing, but has an inside and an outside."""
    rules = ctypes.create_string_buffer(
        struct.pack("=Q", LANDLOCK_ACCESS_FS_MAKE_BLOCK), 8)
    fd = call("syscall", SYS_LANDLOCK_CREATE_RULESET, rules, 8, 0)
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    call("syscall", SYS_LANDLOCK_RESTRICT_SELF, fd, 0)
    os.close(fd)


PROFILES = {
    "pmemctl-none": "",
    "pmemctl-read": "ptrace (read, readby),",
    "pmemctl-trace": "ptrace,",
}


def has_lsm(name):
    """Whether the kernel runs a security module."""
    if not os.path.exists(LSMS):
        subprocess.run(["mount", "-t", "securityfs", "none", "/sys/kernel/security"],
                       check=True)
    return name in read(LSMS).split(",")


def load_profiles():
    """Profiles that permit everything, and of ptrace what they are named after."""
    text = "abi <abi/3.0>,\n" + "".join(
        f"profile {name} flags=(attach_disconnected, mediate_deleted) {{\n"
        f"  file, capability, network, signal, unix, mount, umount, pivot_root,\n"
        f"  {rule}\n}}\n" for name, rule in PROFILES.items())
    subprocess.run(["apparmor_parser", "-r", "-K"], input=text.encode(), check=True,
                   capture_output=True, timeout=PATIENCE)


def confine(profile):
    write("/proc/thread-self/attr/apparmor/current", f"changeprofile {profile}")


def new_pidns():
    """Root of user, pid and mount namespaces: goes on as pid 1 of them."""
    new_userns()
    call("unshare", CLONE_NEWPID | CLONE_NEWNS)
    pid = os.fork()
    if pid:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xff)
    call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
    call("mount", b"proc", b"/proc", b"proc", 0, None)


def steps(*calls):
    """One function of several (function, argument...)."""
    def run():
        for function, *args in calls:
            function(*args)
    return run


@contextlib.contextmanager
def yama(scope):
    before = read(YAMA)
    write(YAMA, str(scope))
    try:
        yield
    finally:
        write(YAMA, before)


def ask_as(prepare, question, *args):
    """What question(*args) returns in a process that prepare() has made a caller of."""
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(readable)
            prepare()
            answer = json.dumps(question(*args)).encode()
            with open(writable, "wb") as f:
                f.write(answer)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writable)
    with open(readable, "rb") as f:
        answer = f.read()
    _, status = os.waitpid(pid, 0)
    assert status == 0, f"the caller ended with status {status:#x}"
    return json.loads(answer)


def errno_of(call_it, *args):
    """0, or the errno that a call fails with."""
    try:
        result = call_it(*args)
    except OSError as e:
        return e.errno
    if isinstance(result, int) and result > 2 and call_it is os.open:
        os.close(result)
    return 0


def name_of(code):
    return errno.errorcode.get(code, "ok" if code == 0 else str(code))
