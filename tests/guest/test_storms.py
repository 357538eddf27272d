# SPDX-License-Identifier: GPL-2.0
"""The module while the ground moves: targets that change at full speed, modules that
come and go, readers that stop or die, no memory, CPUs that vanish, a lock that is kept.

PMEMCTL_STORM_SECONDS is how long each of the storms blows (4, and longer on a slow
guest), PMEMCTL_STORM_LOADS how often the module is loaded (10). That the kernel does not complain is for whoever runs
the guest to see.
"""
import contextlib
import ctypes
import json
import os
import select
import signal
import struct
import subprocess
import tempfile
import threading
import time

import pytest

import nl
from conftest import (DEBUG, PATIENCE, SLOW, fixture, libc, pmemctl, read, started,
                      stat_field, tried, wait_until)
from nl import errno
from test_access import refused
from test_protocol import half_read, parameter

SECONDS = int(os.environ.get("PMEMCTL_STORM_SECONDS", 4 * SLOW))
LOADS = int(os.environ.get("PMEMCTL_STORM_LOADS", 10))
HOLD = "/build/tests/fixtures/bin/hold.ko"
FAMILY = "/build/tests/fixtures/bin/family.ko"
MODULE = "/build/kmod/pmemctl.ko"
GROUP = "/sys/fs/cgroup/pmemctl-storm"
CPU1 = "/sys/devices/system/cpu/cpu1/online"
DELETE_MODULE, FINIT_MODULE = 176, 313

# what a request may meet when its process execs, ends or keeps its lock
PASSING = {errno.ESRCH, errno.ESTALE, errno.EAGAIN, errno.EBUSY, errno.ENODATA}


def idle():
    """No answer is left anywhere, and nobody is in the module."""
    wait_until("the module is free", lambda: read(
        "/sys/module/pmemctl/refcnt").strip() == "0")
    # a single place: somebody's that was not given back would take it
    with parameter("max_snapshots", 1):
        assert nl.ask(os.getpid()).vmas


@pytest.fixture(autouse=True)
def module_is_idle():
    yield
    idle()


@pytest.fixture(scope="module")
def big():
    """Of whom an answer takes 3 MiB: on a debug kernel he needs minutes to become so."""
    with fixture("fx-manyvmas 60000") as target:
        yield target


def found(result, *words):
    """For the table."""
    bad = [f"{result[w]} {w}" for w in words if result[w]]
    return ", ".join(bad) or "nothing"


def errors(result):
    return {int(e): n for e, n in result["errors"].items()}


def run(*argv, patience=60):
    done = subprocess.run([str(a) for a in argv], capture_output=True,
                          timeout=10 * SECONDS + patience)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def readers(*argv, seconds=SECONDS, **kwargs):
    return run("fx-readers", "--seconds", seconds, *argv, **kwargs)


@contextlib.contextmanager
def meanwhile(*argv, seconds=SECONDS):
    """fx-readers beside what is done here; its results are in the list afterwards."""
    results = []
    with started(["fx-readers", "--seconds", str(seconds), *map(str, argv)]) as popen:
        yield results
        out = popen.stdout.read()
        assert popen.wait(10 * seconds + 60) == 0
        results.append(json.loads(out))


def well_formed(result, allowed):
    assert not result["ill"], result["first_ill"]
    assert set(errors(result)) <= allowed, result
    assert result["answers"] >= 10, result


def kinds_of(path, target):
    """How often fx-gale did what, so far."""
    with open(path, "rb") as f:
        board = f.read()
    names = target.truth["kinds"]
    return dict(zip(names, struct.unpack_from(f"={len(names)}Q", board, 256)))


def test_gale(tmp_path):
    """Fork, vfork, clone, exec, exit and unmap, and 8 readers on all of them."""
    board = tmp_path / "board"
    kinds, answers = {}, 0
    with fixture(["fx-gale", "4", str(board)]) as target:
        # on a slow guest beside others not all is done in so few seconds
        for _ in range(8):
            result = readers("--pids", board)
            well_formed(result, PASSING)
            answers += result["answers"]
            kinds = kinds_of(board, target)
            if all(kinds.values()):
                break
    assert all(kinds.values()), kinds
    tried(f"storm: 8 readers of targets that {', '.join(kinds)}", answers, "answers", "nothing")
    tried("storm: what these targets did meanwhile", sum(kinds.values()), "changes", "nothing")


def test_layouts_are_versions():
    """VMAs split and merge; what the module shows is a state that there was."""
    result = run("fx-layout", "--seconds", SECONDS)
    assert not result["torn"] and not result["outside"], result["first"]
    assert not result["ill"] and set(errors(result)) <= {errno.EBUSY}, result
    assert result["moved"] - result["round"] >= SECONDS, result
    tried("storm: one snapshot among splits and merges", result["looks"], "snapshots",
          found(result, "torn", "outside"))
    tried("storm: these splits and merges", result["changes"], "changes", "nothing")


def test_maps_is_no_version():
    """The same question to /proc/PID/maps: the one above can be answered wrongly."""
    for _ in range(10):
        result = run("fx-layout", "--seconds", 1, "--maps", 4096)
        if result["torn"]:
            return
    raise AssertionError(f"maps never tore: {result}")


def unload(name="pmemctl"):
    """Return: whether it went; else it is in use."""
    if not libc.syscall(DELETE_MODULE, name.encode(), os.O_NONBLOCK):
        return True
    assert ctypes.get_errno() in (errno.EBUSY, errno.EWOULDBLOCK)
    return False


def load(path=MODULE):
    fd = os.open(path, os.O_RDONLY)
    assert not libc.syscall(FINIT_MODULE, fd, b"", 0), ctypes.get_errno()
    os.close(fd)


def test_load_and_unload():
    """Readers that keep their sockets do without it for a moment, and go on."""
    loads = busy = 0
    ours = (os.getpid(), os.getppid(), 1)
    try:
        # they end when told: nobody knows how long so many loads take
        with started(["fx-readers", "--seconds", "100000", "--readers", "2",
                      *map(str, ours)]) as popen:
            while loads < LOADS:
                if not unload():
                    busy += 1
                    time.sleep(0.001)
                    continue
                if loads % 2:
                    time.sleep(0.01)
                load()
                loads += 1
                time.sleep(0.05 * SLOW)
            assert nl.ask(os.getpid()).vmas
            popen.send_signal(signal.SIGUSR1)
            result = json.loads(popen.stdout.readline())
    finally:
        if not os.path.exists("/sys/module/pmemctl"):
            load()
    well_formed(result, set())
    assert result["absent"] and result["opened"] > 3, result
    # it was asked something at the moment
    assert busy or LOADS < 100
    tried("storm: load and unload under 2 readers", loads, "times",
          found(result, "ill"))
    tried("storm: answers to readers whose module comes and goes", result["answers"],
          "answers", found(result, "ill"))
    tried("storm: rmmod of a module in use", busy, "refusals", "nothing")


def ticks(target):
    """CPU time of the thread that maps and unmaps."""
    task = f"{target.pid}/task/{target.truth['vma_tid']}"
    return int(stat_field(task, 14)) + int(stat_field(task, 15))


def module_memory():
    """Bytes of vmalloc memory that the module holds."""
    return sum(int(line.split()[1]) for line in read("/proc/vmallocinfo").splitlines()
               if "[pmemctl]" in line and "pmemctl_alloc_large" in line)


@contextlib.contextmanager
def stopped_reader(pid):
    """It has asked, and stopped before it read. Told to go on, it says the errno."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            client, _fd = half_read(pid)
            os.kill(os.getpid(), signal.SIGSTOP)
            try:
                answer = len(nl.Snapshot(client.read()).vmas)
            except nl.Refused as e:
                answer = -e.errno
            os.write(theirs, str(answer).encode())
            signal.pause()
        finally:
            os._exit(0)
    os.close(theirs)
    os.waitpid(child, os.WUNTRACED)

    def go_on():
        os.kill(child, signal.SIGCONT)
        return int(os.read(ours, 64))
    try:
        yield go_on
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ours)


def test_reader_that_stops(big):
    """It keeps nobody from anything but rmmod, and in the end has nothing any more."""
    with fixture("fx-churn --vma") as busy, parameter("max_unread_s", 5):
        with stopped_reader(busy.pid), stopped_reader(big.pid) as go_on:
            assert module_memory() > 60000 * nl.VMA.size
            before = ticks(busy)
            result = readers("--readers", 4, busy.pid, os.getpid(), seconds=3)
            well_formed(result, {errno.EBUSY})
            assert ticks(busy) > before + 5
            assert not unload()
            wait_until("the answers have expired", lambda: module_memory() == 0)
            assert go_on() == -errno.ETIMEDOUT
        idle()
        assert unload()
        load()
    tried("storm: reader stopped in mid-dump", result["answers"],
          "answers to others meanwhile", found(result, "ill"))


def test_readers_that_are_killed(tmp_path):
    """At any moment: asking, waiting, reading."""
    board = tmp_path / "board"
    killed = 0
    with fixture(["fx-gale", "2", str(board)]), fixture("fx-manyvmas 5000") as target:
        end = time.monotonic() + SECONDS / 2
        while time.monotonic() < end:
            for who in ["--pids", str(board)], [str(target.pid)]:
                with subprocess.Popen(["fx-readers", "--readers", "4", *who],
                                      start_new_session=True) as popen:
                    time.sleep(0.05 + killed % 7 / 20)
                    os.killpg(popen.pid, signal.SIGKILL)
                killed += 4
    idle()
    tried("storm: readers killed in mid-request", killed, "readers", "nothing")


def oom_kills():
    return int(next(line.split()[1] for line in read("/proc/vmstat").splitlines()
                    if line.startswith("oom_kill ")))


@contextlib.contextmanager
def memory_group(limit):
    with open("/sys/fs/cgroup/cgroup.subtree_control", "w") as f:
        f.write("+memory")
    os.mkdir(GROUP)
    try:
        with open(f"{GROUP}/memory.max", "w") as f:
            f.write(str(limit))
        yield
    finally:
        wait_until("the group is empty", lambda: not read(f"{GROUP}/cgroup.procs"))
        os.rmdir(GROUP)


def memory_events():
    return dict(line.split() for line in read(f"{GROUP}/memory.events").splitlines())


def test_memory_group_that_is_too_small(big):
    """The dump fails, whoever asks from elsewhere gets it, and nobody is killed."""
    with memory_group(2 << 20):
        done = subprocess.run(
            ["sh", "-c", f"echo 0 >{GROUP}/cgroup.procs;"
             f" exec fx-readers --seconds 2 --readers 1 {big.pid}"],
            capture_output=True, timeout=PATIENCE)
        events = memory_events()
        assert done.returncode == 0, done
        result = json.loads(done.stdout)
        assert set(errors(result)) == {errno.ENOMEM}, result
        assert events["oom_kill"] == "0", events
        assert len(nl.ask(big.pid).vmas) > 60000
    tried("storm: memory cgroup of 2 MiB, answers of 3 MiB",
          errors(result)[errno.ENOMEM], "requests refused with ENOMEM", "nothing")


def test_memory_group_that_is_killed(big):
    """Somebody in it takes all there is, and the OOM killer ends everybody in it: readers
    wherever they are in a request."""
    killed = 0
    for i in range(4):
        with memory_group(24 << 20):
            with open(f"{GROUP}/memory.oom.group", "w") as f:
                f.write("1")
            with subprocess.Popen(
                    ["sh", "-c", f"echo 0 >{GROUP}/cgroup.procs;"
                     f" fx-readers --seconds 600 --readers 2 {big.pid} & read word;"
                     " exec tail /dev/zero"], stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL) as popen:
                wait_until("they are all there", lambda: len(
                    read(f"{GROUP}/cgroup.procs").split()) == 4)
                time.sleep(0.1 + i / 10)
                popen.stdin.close()
                assert popen.wait(60 * SLOW) == -signal.SIGKILL
            wait_until("all are gone", lambda: not read(f"{GROUP}/cgroup.procs"))
            events = memory_events()
            # whom his parent's death took before him, it does not count
            assert int(events["oom_kill"]) >= 1, events
            killed += 2
        assert nl.ask(big.pid).vmas
    wait_until("nothing is left of them", lambda: module_memory() == 0)
    tried("storm: readers that the OOM killer ends", killed, "readers", "nothing")


@contextlib.contextmanager
def pages_may_fail():
    """Single pages, if they are wanted at once, of tasks that say so."""
    places = {"min-order": "0", "ignore-gfp-wait": "Y", "task-filter": "Y", "times": "-1",
              "probability": "100"}
    before = {}
    try:
        for name, value in places.items():
            path = f"/sys/kernel/debug/fail_page_alloc/{name}"
            before[path] = read(path)
            with open(path, "w") as f:
                f.write(value)
        yield
    finally:
        for path, value in reversed(before.items()):
            with open(path, "w") as f:
                f.write(value)


@pytest.mark.parametrize("page", [0, 300] if DEBUG else [0])
def test_memory_group_over_its_high_mark(big, page):
    """Who must sleep for memory does so where nobody waits for him: nor when from the
    300th page or so on none is to be had at once, by him who had those on credit."""
    took = []
    how = f"--seconds {max(SECONDS, 12)} --readers 1" + \
        (f" --fail-from {page}" if page else "")
    with memory_group("max"), pages_may_fail() if page else contextlib.nullcontext():
        # what is there already is over the mark, and cannot go
        with open(f"{GROUP}/memory.high", "w") as f:
            f.write("65536")
        with started(["sh", "-c", f"echo 0 >{GROUP}/cgroup.procs;"
                      f" exec fx-readers {how} {big.pid}"]
                     ) as popen:
            while popen.poll() is None:
                load(FAMILY)
                took.append(int(read("/sys/module/family/parameters/took_us")))
                assert unload("family")
                time.sleep(0.01)
            result = json.loads(popen.stdout.readline())
        events = memory_events()
    assert int(events["high"]) > 0 and len(took) > 10, (events, len(took))
    # one may have been held up by other things; with him it is the rule
    assert sorted(took)[-2] < 10**6 * SLOW, sorted(took)[-5:]
    # the page that failed was not asked for again
    assert set(errors(result)) == {errno.ENOMEM} if page else result["answers"], result
    assert not result["ill"], result
    tried("storm: a family registered while a reader over his memory.high sleeps", len(took),
          "times", "nothing")


def available_mib():
    return next(int(line.split()[1]) >> 10 for line in
                read("/proc/meminfo").splitlines() if line.startswith("MemAvailable"))


@contextlib.contextmanager
def little_memory(mib):
    """All but so much is in a file of a tmpfs; there is no swap."""
    place = tempfile.mkdtemp()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100%", "tmpfs", place], check=True)
    try:
        with open(f"{place}/file", "wb") as f:
            size = 0
            while available_mib() > mib + 8:
                more = min(max((available_mib() - mib) // 4, 1), 64) << 20
                os.posix_fallocate(f.fileno(), size, more)
                size += more
        assert available_mib() < 4 * mib, available_mib()
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)
        os.rmdir(place)


def test_no_memory_at_all():
    """A machine without memory: ENOMEM, and the OOM killer need not come."""
    before = oom_kills()
    first_choice = "echo 1000 >/proc/self/oom_score_adj; exec fx-hoard"
    with parameter("max_snapshots", 1000), little_memory(24):
        with fixture(["sh", "-c", f"{first_choice} --vmas 60000 --sockets 200"]) as hoard:
            truth = hoard.truth
        assert truth["errno"] == errno.ENOMEM, truth
        assert oom_kills() == before
        assert nl.ask(os.getpid()).vmas
    tried("storm: no memory on the machine: answers, then ENOMEM, nobody killed",
          truth["held"], "answers", "nothing")


def set_cpu1(online):
    with open(CPU1, "w") as f:
        f.write(str(int(online)))


def check_live(target, client, fd):
    """Exact or honest. Return: how many were live."""
    known = {k["tid"]: k for k in target.truth["threads"]}
    live = 0
    for t in client.snapshot(target.pid, fd, nl.THREADS, live=True).threads:
        k = known.get(t["tid"])
        if k is None or t["reg_state"] not in (nl.REGS_LIVE, nl.REGS_QUEUED):
            continue
        # in the loop, a frame or two below the thread's first one
        assert 0 <= int(k["local"], 0) - t["sp"] < 256, t
        live += t["reg_state"] == nl.REGS_LIVE
    return live


def test_cpus_that_come_and_go():
    """While --live interrupts them: what is said to be live is."""
    turns = live = 0
    with fixture("fx-threads 2 --spin 1") as target, nl.Client() as client:
        fd = nl.proof(target.pid, "mem")
        try:
            with meanwhile("--live", "--readers", 1, target.pid) as results:
                end = time.monotonic() + SECONDS
                # on its own CPU the spinning thread is hardly met
                while time.monotonic() < end or \
                        (turns < 4 or not live) and time.monotonic() < end + PATIENCE:
                    set_cpu1(turns % 2)
                    turns += 1
                    live += check_live(target, client, fd)
        finally:
            set_cpu1(True)
            os.close(fd)
    result, = results
    well_formed(result, {errno.EBUSY})
    assert turns >= 4 and live, (turns, live, result)
    # the reader beside it has no more time where all takes longer
    assert result["live"] or SLOW > 1, result
    tried("storm: CPU taken away or given back during --live", turns, "times",
          found(result, "ill"))
    tried("storm: registers read live meanwhile", result["live"] + live, "threads", "nothing")


@contextlib.contextmanager
def kept_lock(pid, ms=60000, gap=0):
    """The mmap_lock of a process is held for writing, until the end or so long; and
    again after a gap, if there is one."""
    subprocess.run(["insmod", HOLD, f"pid={pid}", f"ms={ms}", f"gap={gap}"],
                   check=True, timeout=60)
    try:
        yield
    finally:
        subprocess.run(["rmmod", "hold"], check=True, timeout=60)


def test_lock_that_is_kept():
    """EBUSY after half a second, and other netlink users do not wait for it."""
    asked, others = 0, []
    with fixture("fx-threads 2") as target, nl.Client() as client, \
            nl.Client() as other:
        fd = nl.proof(target.pid)
        with kept_lock(target.pid):
            ended = threading.Event()

            def ask_others():
                while not ended.is_set():
                    begun = time.monotonic()
                    other.resolve("nlctrl")
                    others.append(time.monotonic() - begun)
                    time.sleep(0.005)
            thread = threading.Thread(target=ask_others)
            thread.start()
            begun = time.monotonic()
            while asked < 4:
                assert "mmap_lock" in refused(errno.EBUSY, client.snapshot,
                                              target.pid, fd)
                asked += 1
            took = (time.monotonic() - begun) / asked
            ended.set()
            thread.join()
        assert 0.45 < took < 5, took
        # far more than there would be if each had waited for a reader
        assert len(others) > 3 * asked, (len(others), max(others))
        assert client.snapshot(target.pid, fd).vmas
        os.close(fd)
    tried("storm: mmap_lock kept, request ended with EBUSY", asked, "requests", "nothing")
    tried("storm: requests to another netlink family meanwhile", len(others), "requests",
          "nothing")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_signal_in_the_wait(number):
    """Who waits for half a second, and then again, is gone at once, at whatever moment."""
    took = []
    with fixture("fx-threads 2") as target, kept_lock(target.pid):
        for i in range(11):
            with subprocess.Popen(["fx-readers", "--readers", "1", "--seconds", "600",
                                   str(target.pid)], start_new_session=True) as popen:
                children = f"/proc/{popen.pid}/task/{popen.pid}/children"
                wait_until("there is a reader", lambda: read(children))
                reader = os.pidfd_open(int(read(children)))
                time.sleep(0.2 + i * 0.045)
                begun = time.monotonic()
                os.killpg(popen.pid, number)
                assert select.select([reader], [], [], 20)[0]
                took.append(time.monotonic() - begun)
                os.close(reader)
                assert popen.wait(20) == -number
        idle()
    assert sorted(took)[5] < 0.2, took      # 0.25 if it were waited for
    tried("storm: a signal in the wait for the mmap_lock", len(took), "readers", "nothing")


def test_command_and_a_lock_that_is_kept():
    """It gives up, and says why."""
    with fixture("fx-threads 2") as target, kept_lock(target.pid):
        done = pmemctl("regions", target.pid)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done
    assert b"mmap_lock" in done.stderr, done


def test_lock_that_comes_free():
    """In time: then there is an answer, which says how long it waited."""
    waits = []
    with fixture("fx-threads 2") as target:
        # who keeps it may be late to give it up
        for _ in range(5):
            with kept_lock(target.pid, ms=300), contextlib.suppress(nl.Refused):
                snapshot = nl.ask(target.pid)
                assert snapshot.vmas
                waits.append(snapshot.number(nl.A_LOCK_WAIT))
    assert any(0 < wait < 550e6 for wait in waits), waits


def test_lock_that_is_kept_again_and_again():
    """Half a second is for all tries together: what is looked at has the lock kept, and
    has outgrown the room that was made for it whenever it can be had."""
    waits = []
    with fixture("fx-growing") as target:
        with kept_lock(target.pid, ms=300, gap=12):
            for _ in range(4):
                begun = time.monotonic()
                try:
                    nl.ask(target.pid)
                except nl.Refused as e:
                    assert e.errno == errno.EBUSY, e
                waits.append(time.monotonic() - begun)
    # one may have been held up by something else
    assert sorted(waits)[2] < 1.5, waits
