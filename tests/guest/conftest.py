# SPDX-License-Identifier: GPL-2.0
"""Processes to look at, and the CLI to look with. All of it runs in a guest."""
import contextlib
import ctypes
import functools
import json
import os
import re
import signal
import subprocess
import tempfile
import time

import pytest

# Guests are emulated: everything is slow, nothing may hang
SLOW = int(os.environ.get("PMEMCTL_SLOW", 1))
PATIENCE = 120 * SLOW
# a kernel in which allocations can be made to fail
DEBUG = os.uname().nodename.startswith("debug-")
HERE = os.path.dirname(__file__)

# fixtures that any test of "every kind of process" goes over
FIXTURES = [
    "fx-static", "fx-static-nopie", "fx-static-static", "fx-threads 6 --spin 1",
    "fx-threads 4 --stack 65536 --guard 8192", "fx-threads 4 --user-stack",
    "fx-altstack", "fx-context", "fx-vfork", "fx-clonevm 2", "fx-clonevm --mix",
    "fx-leader", "fx-iouring", "fx-iouring --sqpoll", "fx-maps", "fx-paths",
    "fx-depth-musl 3", "fx-go", "fx-go-cgo", "fx-rust", "fx-raw",
    "fx-unmapped keep", "fx-unmapped none", "fx-manyvmas 2000",
    "fx-manyvmas 2000 --file", "fx-nondump", "fx-fork 4",
]
RUNTIMES = ["python3", "redis-server", "gdb", "java"]


class Target:
    """A process that was started to be looked at."""

    def __init__(self, popen, truth, pid):
        self.popen, self.truth, self.pid = popen, truth, pid

    def tids(self):
        return sorted(int(t) for t in os.listdir(f"/proc/{self.pid}/task"))


def read(path):
    """A file as it is, bytes that are no UTF-8 and line breaks included."""
    with open(path, "rb") as f:
        return f.read().decode(errors="surrogateescape")


def wait_until(what, condition, patience=PATIENCE):
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"in vain waited until {what}"
        time.sleep(0.02)


def stat_field(pid, index):
    """Field of /proc/PID/stat by its number in proc(5), from 3 on."""
    return read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()[index - 3]


@contextlib.contextmanager
def swap():
    """A little of it."""
    path = "/var/tmp/swap"
    with open(path, "wb") as f:
        os.fchmod(f.fileno(), 0o600)
        f.write(bytes(32 << 20))
    subprocess.run(["mkswap", "-q", path], check=True)
    subprocess.run(["swapon", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["swapoff", path], check=True)
        os.unlink(path)


@contextlib.contextmanager
def started(argv, **kwargs):
    popen = subprocess.Popen(argv, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, **kwargs)
    try:
        yield popen
    finally:
        popen.stdin.close()
        try:
            popen.wait(60 * SLOW)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()
        popen.stdout.close()


def at_rest(pid):
    """What a program says of itself is out a moment before it waits. One whose main thread
    works never does: half a second, then."""
    end = time.monotonic() + 0.5 * SLOW
    while stat_field(pid, 3) in "RD" and time.monotonic() < end:
        time.sleep(0.01)


@contextlib.contextmanager
def fixture(command):
    """A program of tests/fixtures, once it has told the truth about itself."""
    argv = command.split() if isinstance(command, str) else command
    with started(argv) as popen:
        line = popen.stdout.readline()
        assert line, f"{argv} said nothing: exit {popen.wait()}"
        truth = json.loads(line)
        pid = truth["child"] if "fx-unmapped" in argv else truth["pid"]
        at_rest(pid)
        yield Target(popen, truth, pid)


@functools.cache
def java_classes():
    """Compiled once: that costs an emulated guest more than all that follows."""
    path = tempfile.mkdtemp(prefix="classes-")
    subprocess.run(["javac", "-d", path, f"{HERE}/Busy.java"], check=True)
    os.chmod(path, 0o755)
    return path


PYTHON = r"""
import ctypes, json, os, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
libc.pthread_self.restype = ctypes.c_ulong
rows, ready, end = [], threading.Semaphore(0), threading.Event()
def me(main=False):
    attr = ctypes.create_string_buffer(64)
    addr, size = ctypes.c_void_p(), ctypes.c_size_t()
    assert not libc.pthread_getattr_np(ctypes.c_ulong(libc.pthread_self()), attr)
    libc.pthread_attr_getstack(attr, ctypes.byref(addr), ctypes.byref(size))
    rows.append(dict(tid=threading.get_native_id(), stack_addr=hex(addr.value),
                     stack_size=size.value))
def work():
    me(); ready.release()
    while not end.wait(0.05):
        sum(range(2000))
for _ in range(6):
    threading.Thread(target=work).start()
for _ in range(6):
    ready.acquire()
print(json.dumps(dict(pid=os.getpid(), threads=rows)), flush=True)
sys.stdin.read(); end.set()
"""


@contextlib.contextmanager
def runtime(name):
    """A real program that works while it is looked at."""
    if name == "python3":
        with started(["python3", "-c", PYTHON]) as popen:
            truth = json.loads(popen.stdout.readline())
            yield Target(popen, truth, popen.pid)
    elif name == "redis-server":
        argv = ["redis-server", "--port", "0", "--unixsocket", "/tmp/redis.sock",
                "--save", "", "--io-threads", "3", "--daemonize", "no"]
        with started(argv) as popen:
            cli = ["redis-cli", "-s", "/tmp/redis.sock"]
            wait_until("redis answers", lambda: subprocess.run(
                cli + ["ping"], capture_output=True).stdout == b"PONG\n")
            load = subprocess.Popen(["redis-benchmark", "-s", "/tmp/redis.sock",
                                     "-n", "100000000", "-q", "-t", "set"],
                                    stdout=subprocess.DEVNULL)
            try:
                yield Target(popen, None, popen.pid)
            finally:
                load.kill()
                load.wait()
                popen.terminate()
    elif name == "gdb":
        with started(["gdb", "-q", "-nx", "-ex", "break main", "-ex", "run",
                      "--args", "fx-threads", "2"]) as popen:
            wait_until("gdb has stopped its program", lambda: gdb_waits(popen.pid))
            yield Target(popen, None, popen.pid)
    elif name == "java":
        with started(["java", "-Xmx64m", "-Xshare:auto", "-XX:TieredStopAtLevel=1",
                      "-cp", java_classes(), "Busy"]) as popen:
            assert popen.stdout.readline() == b"ready\n"
            yield Target(popen, None, popen.pid)
    else:
        raise AssertionError(name)


def gdb_waits(pid):
    """It begins with other children (iconv) and goes on at work when it has stopped its
    program: that it uses no CPU for half a second says it is done."""
    ticks = stat_field(pid, 14), stat_field(pid, 15)
    time.sleep(0.5)
    if ticks != (stat_field(pid, 14), stat_field(pid, 15)):
        return False
    with contextlib.suppress(OSError):
        return any(read(f"/proc/{child}/comm") == "fx-threads\n" and
                   stat_field(child, 3) == "t"
                   for child in read(f"/proc/{pid}/task/{pid}/children").split())
    return False


def on_cpu(pid, tid):
    """Also one that stops, and is called so a moment before it does. What wakes up for
    a moment is."""
    with contextlib.suppress(OSError):
        return read(f"/proc/{pid}/task/{tid}/syscall") == "running\n"
    return False


@contextlib.contextmanager
def stopped(target):
    """SIGSTOP, and really stopped: every thread that can be."""
    os.kill(target.pid, signal.SIGSTOP)
    try:
        def quiet():
            for tid in target.tids():
                state = stat_field(f"{target.pid}/task/{tid}", 3)
                # io_uring workers and the parent of a vfork do not stop
                if state == "R" or on_cpu(target.pid, tid):
                    return False
            return True
        wait_until("the target is stopped", quiet)
        yield target
    finally:
        os.kill(target.pid, signal.SIGCONT)


def pmemctl(*args, timeout=PATIENCE, **kwargs):
    return subprocess.run(["pmemctl", *map(str, args)], capture_output=True,
                          timeout=timeout, **kwargs)


def pmemctl_json(*args, **kwargs):
    done = pmemctl(*args, **kwargs)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    return json.loads(done.stdout)


def answers_of(*args):
    """Of 20 times that it was asked about a process which becomes another without end. Now
    and then it was another at each try, and that is said."""
    refused = 0
    for _ in range(20):
        done = pmemctl(*args)
        if done.returncode:
            refused += 1
            assert done.returncode == 1 and b"changes too fast" in done.stderr, done
            assert refused <= 2
        else:
            yield done


def maps_line(region):
    """What /proc/PID/maps prints for one of our regions."""
    name = region["name"]
    line = "%s-%s %s %08x %s %d " % (
        region["start"][2:].zfill(8), region["end"][2:].zfill(8), region["perms"],
        int(region["offset"], 0), region["dev"], region["inode"])
    if name:
        line = line.ljust(73) + name.replace("\n", "\\012")
    return line


def maps_lines(pid):
    """Lines of maps, of any thread that has one: an exited leader has not."""
    for tid in os.listdir(f"/proc/{pid}/task"):
        try:
            text = read(f"/proc/{pid}/task/{tid}/maps")
        except ProcessLookupError:
            continue
        if text:
            return text.split("\n")[:-1]   # names may hold other line breaks
    return []


libc = ctypes.CDLL(None, use_errno=True)


def same_mm(a, b):
    """kcmp(KCMP_VM); None if one of them is gone or has no mm."""
    result = libc.syscall(312, a, b, 1, 0, 0)
    return None if result < 0 else result == 0


def kernel_at_least(major, minor):
    found = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return tuple(map(int, found.groups())) >= (major, minor)


# Of two pages of shared memory, both nowhere, userfaultfd has marked one: says where they are
MARKED = r"""
import ctypes, fcntl, mmap, struct, sys
fd = ctypes.CDLL(None, use_errno=True).syscall(323, 0)         # userfaultfd
if fd < 0:
    raise OSError(ctypes.get_errno(), "userfaultfd")
m = mmap.mmap(-1, 8192, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
at = ctypes.addressof(ctypes.c_char.from_buffer(m))
fcntl.ioctl(fd, 0xc018aa3f, bytearray(struct.pack("QQQ", 0xaa, 1 << 12, 0)))
fcntl.ioctl(fd, 0xc020aa00, bytearray(struct.pack("QQQQ", at, 8192, 2, 0)))
fcntl.ioctl(fd, 0xc018aa06, bytearray(struct.pack("QQQ", at, 4096, 1)))
print(hex(at), flush=True)
sys.stdin.read()
"""


# A huge page, of which the child of a fork has written to the first 4K: says where it
# is, and who is the child
HUGE_HEAD = r"""
import ctypes, mmap, os, signal, sys, time
room = mmap.mmap(-1, 4 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
room.madvise(14)
start = ctypes.addressof(ctypes.c_char.from_buffer(room))
first = -start % (2 << 20)
for at in range(first, first + (2 << 20), 4096):
    room[at] = 1
r, w = os.pipe()
pid = os.fork()
if not pid:
    ctypes.CDLL(None).prctl(1, 9)
    room[first] = 2
    os.write(w, b"x")
    while True:
        time.sleep(1000)
os.read(r, 1)
print(hex(start + first), os.getpid(), pid, flush=True)
sys.stdin.read()
os.kill(pid, 9)
"""


@contextlib.contextmanager
def huge_head(*caller):
    """Where the page is, whose, and the child's id."""
    with started([*caller, "python3", "-c", HUGE_HEAD]) as popen:
        addr, pid, child = (int(x, 0) for x in popen.stdout.readline().split())
        for task in pid, child:
            at_rest(task)
        assert "AnonHugePages:      0 kB" not in read(f"/proc/{pid}/smaps_rollup")
        yield addr, pid, child


TRIED = []


def tried(what, count, unit, found="nothing"):
    """A line for the table of what was tried (tests/fire/run), said at the end."""
    TRIED.append(f"TRIED\t{what}\t{count}\t{unit}\t{found}")


@pytest.fixture(params=FIXTURES)
def any_fixture(request):
    with fixture(request.param) as target:
        yield target


@pytest.fixture(params=FIXTURES + RUNTIMES)
def any_target(request):
    start = runtime if request.param in RUNTIMES else fixture
    with start(request.param) as target:
        yield target


PF_KTHREAD = 0x200000


def user_processes():
    """{(pid, start time): name} of all that are no kernel threads."""
    found = {}
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            name, rest = read(f"/proc/{pid}/stat").split("(", 1)[1].rsplit(")", 1)
            fields = rest.split()
            if not int(fields[6]) & PF_KTHREAD and fields[0] not in "ZX":
                found[int(pid), fields[19]] = name
    return found


@pytest.fixture(scope="session", autouse=True)
def nobody_moves_pages():
    """khugepaged takes pages out of processes, and puts such in, that are stopped for a
    test, on Linux 7.3 pages of programs and libraries, too; kcompactd moves them."""
    for path, value in (
            ("/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs",
             24 * 3600 * 1000),
            ("/proc/sys/vm/compaction_proactiveness", 0)):
        if os.path.exists(path):
            with open(path, "w", encoding="ascii") as f:
                f.write(str(value))


@pytest.fixture(autouse=True)
def nothing_is_left():
    """A process that outlives its test would disturb those that come after it, and
    they would fail for it. What a whole file shares is there before."""
    before = user_processes()
    yield
    for patience in 0, 0.1, 0.5, 2, 5, 10:
        time.sleep(patience * SLOW)
        left = {who: name for who, name in user_processes().items()
                if who not in before}
        if not left:
            return
    for pid, _ in left:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    raise AssertionError(f"left running: {left}")


def attack(*argv, timeout, cwd=None):
    """A program of tests/fire, which found nothing. What it tried: (how many, unit)"""
    done = subprocess.run(argv, capture_output=True, text=True, cwd=cwd, timeout=timeout)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert done.stderr == ""
    counts = [line.split("\t")[1:] for line in done.stdout.splitlines()
              if line.startswith("TRIED\t")]
    for count in counts:
        tried(*count)
    assert all(found == "nothing" for _, _, _, found in counts)
    return [(int(count), unit) for _, count, unit, _ in counts]


def pytest_terminal_summary(terminalreporter):
    """The closing line that whoever adds up the suites reads. A test that was
    skipped did not pass."""
    for line in TRIED:
        terminalreporter.write_line(line)
    stats = terminalreporter.stats
    passed = len(stats.get("passed", []))
    failed = sum(len(stats.get(k, [])) for k in
                 ("failed", "error", "skipped", "xfailed", "xpassed"))
    terminalreporter.write_line(f"{passed} passed, {failed} failed")
