# SPDX-License-Identifier: GPL-2.0
"""The module while the ground moves: targets that change at full speed, modules that
come and go, readers that stop or die, no memory, CPUs that vanish, a lock that is kept.

PMEMCTL_STORM_SECONDS is how long each of the storms blows (6), PMEMCTL_STORM_LOADS how
often the module is loaded (10). That the kernel does not complain is for whoever runs
the guest to see.
"""
import contextlib
import ctypes
import json
import os
import signal
import struct
import subprocess
import threading
import time

import pytest

import nl
from conftest import fixture, libc, pmemctl, read, started, stat_field, wait_until
from nl import errno
from test_access import refused
from test_protocol import half_read, parameter
from tried import tried

SECONDS = int(os.environ.get("PMEMCTL_STORM_SECONDS", 6))
LOADS = int(os.environ.get("PMEMCTL_STORM_LOADS", 10))
HOLD = "/build/tests/fixtures/bin/hold.ko"
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
def nothing_is_left():
    yield
    idle()


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


def test_reader_that_stops():
    """It keeps nobody from anything but rmmod, and in the end has nothing any more."""
    with fixture("fx-manyvmas 60000") as big, fixture("fx-churn --vma") as busy, \
            parameter("max_unread_s", 2):
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


def test_memory_group_that_is_too_small():
    """The dump fails, whoever asks from elsewhere gets it, and nobody is killed."""
    with fixture("fx-manyvmas 60000") as target, memory_group(2 << 20):
        done = subprocess.run(
            ["sh", "-c", f"echo 0 >{GROUP}/cgroup.procs;"
             f" exec fx-readers --seconds 2 --readers 1 {target.pid}"],
            capture_output=True, timeout=120)
        events = dict(line.split() for line in
                      read(f"{GROUP}/memory.events").splitlines())
        assert done.returncode == 0, done
        result = json.loads(done.stdout)
        assert set(errors(result)) == {errno.ENOMEM}, result
        assert events["oom_kill"] == "0", events
        assert len(nl.ask(target.pid).vmas) > 60000
    tried("storm: memory cgroup of 2 MiB, answers of 3 MiB",
          errors(result)[errno.ENOMEM], "requests refused with ENOMEM", "nothing")


def available_mib():
    return next(int(line.split()[1]) >> 10 for line in
                read("/proc/meminfo").splitlines() if line.startswith("MemAvailable"))


@contextlib.contextmanager
def little_memory(mib):
    """All but so much goes into huge pages that nobody uses."""
    path, pages = "/proc/sys/vm/nr_hugepages", 0
    try:
        while available_mib() > mib + 8:
            pages += max((available_mib() - mib) // 4, 1)
            with open(path, "w") as f:
                f.write(str(pages))
            if int(read(path)) < pages:
                break
        assert available_mib() < 4 * mib, available_mib()
        yield
    finally:
        with open(path, "w") as f:
            f.write("0")


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
    assert max(waits) < 1.5, waits
