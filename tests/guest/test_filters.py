# SPDX-License-Identifier: GPL-2.0
"""Rows by kind, thread, address and size: what all rows in JSON say is left."""
import pytest

from conftest import fixture, kernel_at_least, pmemctl, pmemctl_json, stopped

ADDRESSES = {"regions": ("start", "end"), "threads": ("stack_start", "stack_end"),
             "orphans": ("start", "end")}
SIZES = {"regions": "size", "threads": "stack_size", "orphans": "size"}


def matches(table, row, kind=None, tid=None, addr=None, min_size=None):
    low, high = ADDRESSES.get(table, (None, None))
    if kind and row["kind"] not in kind:
        return False
    if tid and row["tid"] not in tid:
        return False
    if addr and (row[low] is None or int(row[low], 0) >= addr[1] or
                 int(row[high], 0) <= addr[0]):
        return False
    return not min_size or (row[SIZES[table]] is not None and
                            row[SIZES[table]] >= min_size)


def expected(table, rows, **wanted):
    """The rows that are to be left, with those parts that are."""
    left = []
    for row in rows:
        parts = [p for p in row.get("parts", []) if matches(table, p, **wanted)]
        if not parts and not matches(table, row, **wanted):
            continue
        row = {k: v for k, v in row.items() if k != "parts"}
        if parts:
            row["parts"] = parts
        left.append(row)
    return left


def words(kind=None, tid=None, addr=None, min_size=None):
    out = []
    if kind:
        out += ["--kind", ",".join(kind)]
    if tid:
        out += ["--tid", ",".join(map(str, tid))]
    if addr:
        out += ["--addr", f"{addr[0]:x}-{addr[1]:x}"]
    if min_size:
        out += ["--min-size", str(min_size)]
    return out


def same(row, other):
    """Registers and counters move on; where things lie does not."""
    moving = {"nvcsw", "nivcsw", "cpu", "state", "sp", "ip", "sp_state", "flags", "used",
              "free", "max", "max%", "resident", "taints", "evidence"}
    return {k: v for k, v in row.items() if k not in moving} == \
        {k: v for k, v in other.items() if k not in moving}


def check(pid, table, args, rows, **wanted):
    answer = pmemctl_json(*args, "-J", *words(**wanted), pid)
    left = expected(table, rows, **wanted)
    assert len(answer[table]) == len(left), (wanted, answer[table], left)
    assert all(map(same, answer[table], left)), (wanted, answer[table], left)
    assert answer[f"{table}_shown"] == len(left)
    assert answer[f"{table}_total"] == len(rows)
    return len(left)


COMMANDS = ["fx-threads 6", "fx-altstack", "fx-maps", "fx-depth 5 --memory " +
            ("markers" if kernel_at_least(6, 13) else "own")]


@pytest.mark.parametrize("command", COMMANDS)
def test_regions(command):
    with fixture(command) as target, stopped(target):
        args = ["regions"]
        rows = pmemctl_json("regions", "-J", target.pid)["regions"]
        flat = rows + [p for r in rows for p in r.get("parts", [])]
        kinds = sorted({r["kind"] for r in flat})
        assert len(kinds) > 6
        for kind in kinds:
            assert check(target.pid, "regions", args, rows, kind=[kind])
        check(target.pid, "regions", args, rows, kind=kinds[:3])
        for tid in {r["tid"] for r in flat} - {None}:
            assert check(target.pid, "regions", args, rows, tid=[tid])
        for row in flat[::7]:
            start, end = int(row["start"], 0), int(row["end"], 0)
            assert check(target.pid, "regions", args, rows, addr=(start, end))
            assert check(target.pid, "regions", args, rows, addr=(end - 1, end))
            check(target.pid, "regions", args, rows, addr=(start - 1, start))
        for size in 1, 33, 4097, 1 << 20, 1 << 36:
            check(target.pid, "regions", args, rows, min_size=size)
        check(target.pid, "regions", args, rows, kind=["thread stack", "guard"],
              min_size=8192, addr=(0, 0x7fffffffffff))
        # show has the same for its regions, and all of the rest
        shown = pmemctl_json("show", "-J", "--kind", "stack", target.pid)
        assert shown["regions"] == expected("regions", rows, kind=["stack"])
        assert len(shown["threads"]) == len(target.tids())


def test_threads():
    with fixture("fx-depth 6") as target, stopped(target):
        args = ["threads"]
        rows = pmemctl_json("threads", "-J", target.pid)["threads"]
        for kind in {r["kind"] for r in rows}:
            assert check(target.pid, "threads", args, rows, kind=[kind])
        tids = [r["tid"] for r in rows]
        assert check(target.pid, "threads", args, rows, tid=tids[1:4]) == 3
        assert check(target.pid, "threads", args, rows, tid=[tids[0], 1]) == 1
        for row in rows:
            start = int(row["stack_start"], 0)
            assert check(target.pid, "threads", args, rows, addr=(start, start + 1)) == 1
        check(target.pid, "threads", args, rows, min_size=1 << 20)
        check(target.pid, "threads", args, rows, min_size=1 << 36)


def test_orphans():
    with fixture("fx-depth 3 --stack 256K --cache 4") as target:
        args = ["threads", "--orphans"]
        rows = pmemctl_json(*args, "-J", target.pid)["orphans"]
        assert len(rows) == 4
        start = int(rows[2]["start"], 0)
        assert check(target.pid, "orphans", args, rows, addr=(start, start + 4096)) == 1
        assert check(target.pid, "orphans", args, rows, min_size=64 << 10) == 4
        assert check(target.pid, "orphans", args, rows, min_size=1 << 30) == 0


def test_findings():
    """What is left out is no reason for exit status 1."""
    with fixture("fx-depth 3 --guard 0") as target:
        args = ["threads", "--lint"]
        tids = [k["tid"] for k in target.truth["threads"]]
        done = pmemctl(*args, "-rn", "-o", "tid", "--tid", tids[1], target.pid)
        assert done.returncode == 1
        assert set(done.stdout.split()) == {str(tids[1]).encode()}
        done = pmemctl(*args, "--tid", target.pid, target.pid)
        assert done.returncode == 0 and done.stdout.startswith(b"0 of ")


def test_text_says_so():
    with fixture("fx-threads 4") as target, stopped(target):
        total = len(pmemctl_json("regions", "-J", target.pid)["regions"])
        text = pmemctl("regions", "--kind", "heap", target.pid).stdout.decode()
        assert text.endswith(f"\n1 of {total} shown\n")
        for plain in "-r", "-n", "-rn":
            text = pmemctl("regions", plain, "--kind", "heap", target.pid).stdout
            assert b"shown" not in text
        assert pmemctl("regions", "--kind", "nonsense", target.pid).returncode == 2


def test_order_keeps_parts_with_their_row():
    with fixture(COMMANDS[-1]) as target, stopped(target):
        rows = pmemctl_json("regions", "-J", "--sort", "-size", target.pid)["regions"]
        assert [r["size"] for r in rows] == sorted((r["size"] for r in rows), reverse=True)
        for row in rows:
            parts = row.get("parts", [])
            starts = [int(p["start"], 0) for p in parts]
            assert starts == sorted(starts)
            if parts:
                assert parts[0]["start"] == row["start"] and parts[-1]["end"] == row["end"]


def test_compare():
    with fixture("fx-pair fork 20 5 7") as target:
        pids = target.truth["a"], target.truth["b"]
        rows = pmemctl_json("compare", "-J", *pids)["kinds"]
        answer = pmemctl_json("compare", "-J", "--kind", "stack,text", *pids)
        assert [r["kind"] for r in answer["kinds"]] == \
            [r["kind"] for r in rows if r["kind"] in ("stack", "text")]
        assert answer["kinds_shown"] == 2 and answer["kinds_total"] == len(rows)
        text = pmemctl("compare", "--kind", "stack", *pids).stdout.decode()
        assert f"\n1 of {len(rows)} shown\n" in text


def test_ls():
    """Of processes and their threads those that are wanted."""
    with fixture("fx-threads 4") as target, fixture("fx-threads 2"):
        wanted = max(set(target.tids()) - {target.pid})
        mms = pmemctl_json("ls", "-J", "--tid", wanted)["mms"]
        (process,), = [mm["used_by"] for mm in mms]
        assert process["pid"] == target.pid
        assert [t["tid"] for t in process["tasks"]] == [wanted]
        text = pmemctl("ls", "-n", "--tid", wanted).stdout.decode()
        assert str(target.pid) in text.split()
        assert f"─{target.pid}" in text and str(wanted) in text
        text = pmemctl("ls", "--tid", target.pid).stdout.decode()
        assert text.splitlines()[1].split()[:2] == [str(target.pid)] * 2
        assert "\n1 of " in text
