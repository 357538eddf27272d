# SPDX-License-Identifier: GPL-2.0
"""Loading and unloading. Runs last: it takes the module away for a while."""
import os
import subprocess

import nl
from conftest import PATIENCE, fixture, pmemctl, read

KO = "/build/kmod/pmemctl.ko"


def run(*argv):
    subprocess.run(argv, check=True, timeout=PATIENCE)


def test_absent_then_back():
    run("rmmod", "pmemctl")
    try:
        for command in "show", "regions", "threads", "sharers", "ls":
            done = pmemctl(command, 1)
            assert done.returncode == 3
            assert done.stdout == b""
            assert len(done.stderr.splitlines()) == 1
            assert b"not loaded" in done.stderr
        assert b"not loaded" in pmemctl("--version").stdout
    finally:
        run("insmod", KO)
    assert pmemctl("show", 1).returncode == 0
    assert b"not loaded" not in pmemctl("--version").stdout


def test_mm_ids_differ_between_loads():
    before = nl.ask(1, sections=0).mm[1]
    run("rmmod", "pmemctl")
    run("insmod", KO)
    assert nl.ask(1, sections=0).mm[1] != before


def test_loaded_by_the_family_alias():
    """Resolving the family is enough, once depmod knows the module."""
    # a folder with nothing else: depmod takes a minute over all of Debian's
    where = f"/lib/modules/{os.uname().release}"
    run("mount", "-t", "tmpfs", "none", where)
    try:
        run("cp", KO, where)
        run("depmod")
        run("rmmod", "pmemctl")
        assert not os.path.exists("/sys/module/pmemctl")
        assert pmemctl("show", 1).returncode == 0
        assert os.path.exists("/sys/module/pmemctl")
    finally:
        run("umount", where)


def test_many_loads_under_readers():
    with fixture("fx-threads 3") as target:
        reader = subprocess.Popen(
            ["sh", "-c", f"while :; do pmemctl regions {target.pid}; done"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            done = 0
            while done < 25:
                if subprocess.run(["rmmod", "pmemctl"],
                                  capture_output=True).returncode == 0:
                    run("insmod", KO)
                    done += 1
        finally:
            reader.kill()
            reader.wait()
    assert read("/sys/module/pmemctl/initstate") == "live\n"


def test_parameters_are_documented():
    info = subprocess.run(["modinfo", KO], capture_output=True, check=True,
                          timeout=PATIENCE).stdout.decode()
    assert "max_snapshots:" in info and "max_snapshot_mib:" in info
    assert "alias:          net-pf-16-proto-16-family-pmemctl" in info
