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
