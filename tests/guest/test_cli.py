# SPDX-License-Identifier: GPL-2.0
"""The command as a person or a script meets it: output, errors, exit status."""
import json
import os
import re
import signal
import subprocess

import pytest

from conftest import (PATIENCE, answers_of, fixture, pmemctl, pmemctl_json, read, stopped,
                      wait_until)

COMMANDS = "show", "regions", "threads", "sharers", "summary"
TABLES = COMMANDS[1:]


def shell(command):
    return subprocess.run(["bash", "-c", command], capture_output=True,
                          timeout=PATIENCE)


def one_line(done, status):
    assert done.returncode == status, done
    assert done.stdout == b""
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1 and lines[0].startswith("pmemctl: "), lines
    return lines[0]


def test_no_arguments():
    done = pmemctl()
    assert done.returncode == 2 and done.stdout == b""
    assert b"Usage: pmemctl COMMAND" in done.stderr
    assert pmemctl("help").stdout == done.stderr


@pytest.mark.parametrize("args", [
    "bogus", "bogus 1", "--bogus", "show", "regions", "show --bogus 1",
    "show 0", "show -5", "show 12x", "show x", "show 1.5", "show 0x10", "show +1",
    "show 2147483648", "show 99999999999999999999", "regions -o BOGUS 1",
    "regions -o", "threads -o +TID,NOPE 1", "help bogus", "regions -J -r 1",
], ids=lambda a: a.replace(" ", "_"))
def test_usage_errors(args):
    line = one_line(pmemctl(*args.split()), 2)
    assert "help" in line or "-H" in line or "lists them" in line, line


@pytest.mark.parametrize("command", COMMANDS)
def test_empty_pid(command):
    one_line(pmemctl(command, ""), 2)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_such_process(command):
    assert "no such process" in one_line(pmemctl(command, 4194303), 4)


@pytest.mark.parametrize("command", COMMANDS)
def test_zombie(command):
    with fixture("fx-zombie") as target:
        line = one_line(pmemctl(command, target.truth["zombie"]), 4)
        assert "zombie" in line and "fx-zombie" in line


@pytest.mark.parametrize("command", COMMANDS)
def test_kernel_thread_is_no_error(command):
    done = pmemctl(command, 2)
    assert done.returncode == 0
    assert done.stderr == b"" or b"kernel thread" in done.stderr
    shown = pmemctl_json(command, "-J", 2)
    if command == "summary":
        assert shown["process"]["kernel_thread"] is True
        assert shown["summary"] == shown["waterfall"] == []
    elif command == "show":
        assert b"kernel thread" in done.stdout and b"kthreadd" in done.stdout
        assert shown["process"]["kernel_thread"] is True
        assert shown["regions"] == shown["threads"] == shown["sharers"] == []
    else:
        below = {"threads": {"orphans": []},
                 "sharers": {"files": [], "looked_at": None}}.get(command, {})
        assert shown == {command: [], **below}


def test_exited_leader_is_shown():
    with fixture("fx-leader") as target:
        shown = pmemctl_json("show", "-J", target.pid)
        assert shown["process"]["leader_exited"] is True
        assert shown["process"]["pid"] == target.pid
        assert len(shown["regions"]) > 20
        by_tid = pmemctl_json("show", "-J", target.truth["reporter"])
        assert by_tid["process"]["mm_id"] == shown["process"]["mm_id"]
        assert by_tid["process"]["pid"] == target.pid


def test_dies_during_the_request():
    """Whatever the moment: the whole answer, or status 4 and nothing."""
    seen = set()
    for turn in range(120):
        popen = subprocess.Popen(["sh", "-c", "sleep 0.00%d" % (turn % 10)])
        done = pmemctl("show", "-J", popen.pid)
        popen.wait()
        seen.add(done.returncode)
        assert done.returncode in (0, 4), done
        shown = json.loads(done.stdout)
        if done.returncode:
            assert "error" in shown["process"] and not shown["regions"]
            assert len(done.stderr.splitlines()) == 1
        else:
            assert shown["regions"] and shown["threads"]
    popen = subprocess.Popen(["true"])
    wait_until("true has ended", lambda: ") Z " in read(f"/proc/{popen.pid}/stat"))
    assert pmemctl("show", popen.pid).returncode == 4
    popen.wait()
    assert 0 in seen or 4 in seen


def test_killed_while_60000_vmas_are_shown():
    with fixture("fx-manyvmas 60000") as target:
        popen = subprocess.Popen(["pmemctl", "show", "-J", str(target.pid)],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.kill(target.pid, signal.SIGKILL)
        out, err = popen.communicate(timeout=PATIENCE)
        shown = json.loads(out)
        if popen.returncode:
            assert popen.returncode == 4 and shown["regions"] == [], err
        else:
            assert len(shown["regions"]) > 60000


def test_execs_under_the_request():
    """A process that is another program each time: one of them, never a mix."""
    with fixture("fx-churn --exec") as target:
        for done in answers_of("show", "-J", target.truth["exec_child"]):
            shown = json.loads(done.stdout)
            exes = {r["name"] for r in shown["regions"] if r["kind"] == "text"}
            assert exes <= {shown["process"]["exe"]}


def test_several_pids():
    with fixture("fx-static") as a, fixture("fx-zombie") as b:
        done = pmemctl("show", "-J", a.pid, b.truth["zombie"], 4194303, 2)
        assert done.returncode == 4         # the first that failed
        shown = json.loads(done.stdout)
        assert [s["process"]["pid"] for s in shown] == \
            [a.pid, b.truth["zombie"], 4194303, 2]
        assert ["error" in s["process"] for s in shown] == [False, True, True, False]
        assert len(done.stderr.splitlines()) == 2
        for command in TABLES:
            done = pmemctl(command, "-J", a.pid, 4194303)
            assert done.returncode == 4
            # and, of the summary, what they are together
            assert len(json.loads(done.stdout)) == 2 + (command == "summary")
        done = pmemctl("show", a.pid, 4194303, b.pid)
        assert done.returncode == 4
        assert done.stdout.count(b"all VMAs") == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_output_that_cannot_be_written(command):
    me = os.getpid() if command != "sharers" else 1
    with fixture("fx-clonevm 1") as target:
        me = target.pid
        for where in ">/dev/full", ">&-":
            done = shell(f"pmemctl {command} {me} {where}")
            assert done.returncode == 1
            assert done.stderr.startswith(b"pmemctl: write error"), done.stderr
        # nobody reads: no noise
        done = shell(f"pmemctl {command} {me} | true")
        assert done.stderr == b""


def test_json_has_the_promised_keys_in_order():
    with fixture("fx-clonevm 1") as target:
        shown = pmemctl_json("show", "-J", target.pid)
    assert list(shown) == ["process", "regions", "threads", "sharers",
                           "orphans"]
    assert list(shown["regions"][0])[:10] == [
        "start", "end", "size", "perms", "offset", "dev", "inode", "kind", "tid",
        "name"]
    assert list(shown["threads"][0])[:9] == [
        "tid", "comm", "state", "stack_start", "stack_end", "stack_size",
        "evidence", "sp", "sp_state"]
    assert list(shown["sharers"][0])[:3] == ["pid", "comm", "relation"]
    for key in ("pid comm exe mm_id mm_users map_count total_vm start_code end_code "
                "start_data end_data start_brk brk start_stack arg_start arg_end "
                "env_start env_end rss_anon rss_file rss_shmem").split():
        assert key in shown["process"], key


def test_mm_fields_equal_proc():
    with fixture("fx-threads 3") as target, stopped(target):
        p = pmemctl_json("show", "-J", target.pid)["process"]
        stat = read(f"/proc/{target.pid}/stat").rsplit(")", 1)[1].split()

        def field(n):
            return int(stat[n - 3])

        def addr(key):
            return int(p[key], 0)
        assert p["total_vm"] == field(23)
        assert (addr("start_code"), addr("end_code")) == (field(26), field(27))
        assert addr("start_stack") == field(28)
        assert (addr("start_data"), addr("end_data")) == (field(45), field(46))
        assert addr("start_brk") == field(47)
        assert (addr("arg_start"), addr("arg_end")) == (field(48), field(49))
        assert (addr("env_start"), addr("env_end")) == (field(50), field(51))
        status = dict(re.findall(r"^(\w+):\s+(\d+) kB$",
                                 read(f"/proc/{target.pid}/status"), re.M))
        for key, name in (("total_vm", "VmSize"), ("hiwater_vm", "VmPeak"),
                          ("locked_vm", "VmLck"), ("data_vm", "VmData"),
                          ("stack_vm", "VmStk"), ("pgtables", "VmPTE"),
                          ("swap", "VmSwap")):
            assert p[key] == int(status[name]) << 10, key
        # counted per CPU from 6.2 on: /proc may lag behind the exact sum
        for key, name in (("rss_anon", "RssAnon"), ("rss_file", "RssFile"),
                          ("rss_shmem", "RssShmem")):
            assert abs(p[key] - (int(status[name]) << 10)) <= 2 * 64 * 4096, key
        assert p["exe"] == os.readlink(f"/proc/{target.pid}/exe")
        assert p["nr_threads"] == 4 and p["mm_users"] == 4
        assert p["rlimit_stack"] == 8 << 20
        assert p["lock_hold_ns"] > 0


def test_sums():
    """Regions, their parts and the summary add up to what the kernel counts."""
    with fixture("fx-threads 3") as target, stopped(target):
        shown = pmemctl_json("show", "-J", target.pid)
        text = pmemctl("show", "-b", target.pid).stdout.decode()
    size = sum(r["size"] for r in shown["regions"] if r["kind"] != "vsyscall")
    assert size == shown["process"]["total_vm"]
    for r in shown["regions"]:
        parts = r.get("parts")
        if parts:
            assert parts[0]["start"] == r["start"] and parts[-1]["end"] == r["end"]
            assert sum(p["size"] for p in parts) == r["size"]
            for a, b in zip(parts, parts[1:]):
                assert a["end"] == b["start"]
    *kinds, total = text[text.index("KIND "):].split("COUNT")[1].strip().splitlines()[1:]
    assert total.split()[-1] == str(size)
    assert sum(int(line.split()[-1]) for line in kinds) == size


def test_columns():
    for command in TABLES:
        listed = pmemctl(command, "-H").stdout.decode().splitlines()[1:]
        names = [line.split()[0] for line in listed]
        assert len(names) == len(set(names)) and len(names) >= 4
        help_text = pmemctl("help", command).stdout.decode()
        with fixture("fx-clonevm 1") as target:
            for name in names:
                assert f"\n  {name} " in help_text
                out = pmemctl(command, "-o", name, target.pid).stdout.decode()
                assert name in (l.strip() for l in out.split("\n")[:2])
                rows = pmemctl_json(command, "-J", "-o", name.lower(), target.pid)
                keys = {k for row in rows[command] for k in row} - {"parts"}
                assert keys == {name.lower()}


def test_added_columns():
    for command in "regions", "threads":
        plain = pmemctl(command, "-r", 1).stdout.decode().split("\n")[0]
        added = pmemctl(command, "-r", "-o", "+FLAGS", 1).stdout.decode()
        assert added.split("\n")[0] == plain + " FLAGS"


def test_raw_is_for_scripts():
    with fixture("fx-paths") as target:
        rows = pmemctl_json("regions", "-J", target.pid)["regions"]
        out = pmemctl("regions", "-r", "-n", "-b", "-o", "START,SIZE,NAME", target.pid)
        lines = out.stdout.decode().split("\n")[:-1]
        assert len(lines) == len(rows)
        for line, row in zip(lines, rows):
            fields = line.split(" ")
            assert int(fields[0], 16) == int(row["start"], 0)
            assert int(fields[1]) == row["size"]


def test_text_is_safe_for_a_terminal():
    """A path cannot send escapes or line breaks to the terminal."""
    with fixture("fx-paths") as target:
        for command in "show", "regions":
            out = pmemctl(command, target.pid).stdout
            assert b"\x1b" not in out and b"\x07" not in out and b"\r" not in out
            starts = re.findall(rb"(?m)^2000[0-9a-f]{8}-", out)
            assert len(starts) == len(target.truth["files"])


def test_nothing_is_cut():
    with fixture("fx-threads 5000 --stack 65536") as target:
        out = pmemctl("show", target.pid).stdout.decode()
        first = {line.split(None, 1)[0] for line in out.splitlines() if line}
        assert {str(k["tid"]) for k in target.truth["threads"]} <= first
        assert "5001 threads" in out
    with fixture("fx-manyvmas 60000") as target:
        out = pmemctl("regions", "-n", target.pid).stdout
        vmas = [l for l in out.splitlines() if b"-" in l.split()[0]]
        assert len(vmas) > 60000


def test_colour_only_for_a_terminal():
    assert b"\x1b" not in pmemctl("show", 1).stdout
    tty = shell("TERM=xterm script -qec 'pmemctl show 1' /dev/null")
    assert b"\x1b[" in tty.stdout
    tty = shell("NO_COLOR=1 TERM=xterm script -qec 'pmemctl show 1' /dev/null")
    assert b"\x1b[" not in tty.stdout


def test_help_and_version():
    for command in COMMANDS:
        by_help = pmemctl("help", command)
        assert by_help.returncode == 0
        assert by_help.stdout == pmemctl(command, "--help").stdout
        assert b"Usage: pmemctl " + command.encode() in by_help.stdout
    version = pmemctl("--version").stdout.decode().split()
    assert version[0] == "pmemctl" and version[1] == version[-1]


def test_man_page_names_everything():
    page = read("/src/user/pmemctl.8")
    for command in TABLES:
        for line in pmemctl(command, "-H").stdout.decode().splitlines()[1:]:
            assert line.split()[0] in page, line
    help_text = pmemctl("help", "regions").stdout.decode()
    kinds = help_text[help_text.index("Kinds of regions:"):].splitlines()[1:]
    for kind in kinds:
        assert re.split(r"  +", kind.strip())[0] in page.replace("\\", ""), kind
