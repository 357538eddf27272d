# SPDX-License-Identifier: GPL-2.0
"""summary: every byte of address space and of memory once, as the kernel counts them."""
import json
import os

import pytest

from conftest import (FIXTURES, RUNTIMES, fixture, kernel_at_least, pmemctl,
                      pmemctl_json, read, runtime, stopped)
from smaps import in_container, rollup, smaps, status
from stacks import Memory, nginx
from test_access import as_user
from test_marks import swap


# several stacks in one VMA, as far as the kernel has guards that are none
MERGED = ["fx-depth 5 --memory own", "fx-altstack"] + \
    (["fx-depth 5 --memory markers"] if kernel_at_least(6, 13) else [])


def sums_hold(answer):
    """Whatever the process does meanwhile."""
    total, kinds, falls = answer["total"], answer["summary"], answer["waterfall"]
    for name in "count", "reserved":
        assert sum(k[name] for k in kinds) == total[name]
    for name in "resident", "swapped", "untold":
        if total["resident"] is not None:
            assert sum(k[name] or 0 for k in kinds) == total[name]
    assert sum(f["reserved"] for f in falls) == total["reserved"]
    so_far = 0
    for fall in falls:
        so_far += fall["reserved"]
        assert fall["so_far"] == so_far
        if fall["start"]:
            assert int(fall["end"], 0) - int(fall["start"], 0) == fall["reserved"]
    for rows in kinds, falls:
        sizes = [r["reserved"] for r in rows]
        assert sizes == sorted(sizes, reverse=True)
    assert len({k["kind"] for k in kinds}) == len(kinds)
    assert "vsyscall" not in {k["kind"] for k in kinds}


def equals_kernel(pid):
    """Of a process that stands still."""
    answer = pmemctl_json("summary", "-J", pid)
    total, process = answer["total"], answer["process"]
    sums_hold(answer)
    assert total["reserved"] == status(pid, "VmSize") == process["total_vm"]
    entries = [e for e in smaps(pid) if e["start"] < 1 << 63]
    assert total["resident"] == sum(e["Rss"] for e in entries) == rollup(pid)["Rss"]
    assert total["swapped"] == sum(e["Swap"] for e in entries)
    assert total["hugetlb"] == sum(e["Shared_Hugetlb"] + e["Private_Hugetlb"]
                                   for e in entries)
    assert total["changed"] == total["untold"] == 0
    counted = process["rss_anon"] + process["rss_file"] + process["rss_shmem"]
    tasks = len(os.listdir(f"/proc/{pid}/task"))
    if kernel_at_least(6, 2):
        assert total["resident"] == counted
        assert total["unsplit"] == 0
        slack = 3 * 64 * os.cpu_count() << 12
    else:
        slack = 3 * 64 * (tasks + 1) << 12      # what each task has not told yet
        assert abs(total["resident"] - counted) <= slack
    assert abs(total["resident"] - status(pid, "VmRSS")) <= slack
    falls = answer["waterfall"]
    assert sum(f["touched"] for f in falls) == total["resident"] + total["swapped"]
    return answer


STILL = [f for f in FIXTURES if "fx-unmapped none" not in f and f != "fx-leader"]


@pytest.mark.parametrize("name", STILL + RUNTIMES)
def test_sums_equal_the_kernels(name):
    start = runtime if name in RUNTIMES else fixture
    with start(name) as target, stopped(target):
        equals_kernel(target.pid)


def test_sums_of_nginx():
    with nginx() as targets:
        for target in targets:
            with stopped(target):
                equals_kernel(target.pid)
        pids = [t.pid for t in targets]
        answers = pmemctl_json("summary", "-J", *pids)
        assert answers[-1]["set"]["processes"] == answers[-1]["set"]["address_spaces"] == 3
        assert answers[-1]["total"]["reserved"] == sum(
            a["total"]["reserved"] for a in answers[:-1])
        # what they share is in memory once
        assert answers[-1]["total"]["pss"] < answers[-1]["total"]["resident"]


def test_same_as_show_and_regions():
    for command in "fx-threads 6", "fx-static", "fx-depth 3 --cache 3", "fx-maps":
        with fixture(command) as target, stopped(target):
            answer = pmemctl_json("summary", "-J", target.pid)
            shown = pmemctl("show", "-b", target.pid).stdout.decode()
            regions = pmemctl_json("show", "-J", target.pid)["regions"]
        ours = {k["kind"]: (k["count"], k["reserved"]) for k in answer["summary"]}
        lines = shown[shown.index("\nKIND "):].split("\n")[2:-2]
        theirs = {" ".join(w[:-2]): (int(w[-2]), int(w[-1])) for w in map(str.split, lines)}
        assert ours == theirs
        sizes = {}
        for row in regions:
            for piece in row.get("parts", [row]):
                sizes[piece["kind"]] = sizes.get(piece["kind"], 0) + \
                    int(piece["end"], 0) - int(piece["start"], 0)
        sizes.pop("vsyscall", None)
        assert {k: v[1] for k, v in ours.items()} == sizes


@pytest.mark.parametrize("command", MERGED)
def test_parts_have_their_own(command):
    """What is in memory of stacks that are one VMA: page by page, for each part."""
    with fixture(command) as target, stopped(target):
        answer = equals_kernel(target.pid)
        rows = pmemctl_json("show", "-J", target.pid)["regions"]
        memory = Memory(target.pid)
        entries = {e["start"]: e for e in smaps(target.pid)}
        expected = {}
        for row in rows:
            if "parts" not in row and row["kind"] != "vsyscall":
                entry = entries[int(row["start"], 0)]
                expected[row["kind"]] = expected.get(row["kind"], 0) + entry["Rss"]
            for part in row.get("parts", []):
                start, end = int(part["start"], 0), int(part["end"], 0)
                bytes_in = sum(min(end, page + 4096) - max(start, page)
                               for page in range(start & -4096, end, 4096)
                               if memory.entries(page, page + 1)[0] >> 63)
                expected[part["kind"]] = expected.get(part["kind"], 0) + bytes_in
    assert {k["kind"]: k["resident"] for k in answer["summary"]} == expected


def test_swapped_out():
    with swap(), fixture("fx-resident --pageout 0") as target, stopped(target):
        answer = equals_kernel(target.pid)
        assert answer["total"]["swapped"] > 0, "nothing is swapped out"
    with swap(), fixture("fx-depth 4 --stack 256K --pageout") as target, stopped(target):
        answer = equals_kernel(target.pid)
        kinds = {k["kind"]: k for k in answer["summary"]}
        assert kinds["thread stack"]["swapped"] > 0, "nothing is swapped out"


def test_zeros_are_not_resident():
    """Memory that was read and never written is there, and counts nowhere."""
    with fixture("fx-resident 0") as target, stopped(target):
        equals_kernel(target.pid)


def test_why_it_is_large():
    with fixture("fx-resident 0") as target:
        own = next(k for k in target.truth["regions"] if k["label"] == "untouched")
        first = pmemctl_json("summary", "-J", target.pid)["waterfall"][0]
        assert (first["start"], first["reserved"], first["touched"]) == \
            (own["start"], own["size"], 0)
        assert first["so_far%"] > 50 and first["count"] == 1
        text = pmemctl("summary", target.pid).stdout.decode()
        assert "\nwhy is VSZ " in text and "\nVSZ is addresses, not memory: of it " in text


def test_a_set_that_shares_an_address_space():
    with fixture("fx-clonevm 2") as target, fixture("fx-static") as other:
        family = [target.pid] + [c["pid"] for c in target.truth["children"]]
        one = pmemctl_json("summary", "-J", target.pid)
        answers = pmemctl_json("summary", "-J", *family, other.pid, other.pid)
        assert len(answers) == len(family) + 3
        last = answers[-1]
        for answer in answers[:-1]:
            sums_hold(answer)
        assert last["set"]["processes"] == 4 and last["set"]["address_spaces"] == 2
        alone = answers[-2]["total"]
        for name in "reserved", "resident", "swapped":
            assert last["total"][name] == one["total"][name] + alone[name], name
        assert last["set"]["reserved_for_each"] == \
            3 * one["total"]["reserved"] + alone["reserved"]
        assert last["set"]["resident_for_each"] == \
            3 * one["total"]["resident"] + alone["resident"]
        text = pmemctl("summary", *family).stdout.decode()
        assert "\n3 processes in 1 address space, each counted once\n" in text
        assert "\ncounted for each process it would be " in text


def test_while_it_runs():
    """Mappings and threads come and go: sums hold, and what is not known is said."""
    for command in "fx-churn", "fx-churn --vma", "fx-resident --flip":
        with fixture(command) as target:
            for _ in range(10):
                answer = pmemctl_json("summary", "-J", target.pid)
                sums_hold(answer)
                assert answer["total"]["reserved"] <= answer["process"]["total_vm"]


def test_leader_kernel_thread_and_nobody():
    with fixture("fx-leader") as target, stopped(target):
        answer = pmemctl_json("summary", "-J", target.pid)
        sums_hold(answer)
        assert answer["total"]["resident"] > 0
    done = pmemctl("summary", 2)
    assert done.returncode == 0 and b"kernel thread" in done.stdout
    answer = pmemctl_json("summary", "-J", 2)
    assert answer["summary"] == [] and answer["total"]["resident"] is None
    done = pmemctl("summary", "-J", 99999999)
    assert done.returncode == 4
    assert json.loads(done.stdout)["total"] is None


def test_columns_are_documented():
    page = read("/src/user/pmemctl.8")
    help_text = pmemctl("help", "summary").stdout.decode()
    for line in pmemctl("summary", "-Hn").stdout.decode().splitlines():
        name = line.split()[0]
        assert name in page and f"\n  {name} " in help_text
        with fixture("fx-static") as target:
            rows = pmemctl_json("summary", "-J", "-o", name, target.pid)
            assert {tuple(r) for r in rows["summary"]} == {(name.lower(),)}


def test_many_vmas():
    with fixture("fx-manyvmas 20000 --file") as target, stopped(target):
        equals_kernel(target.pid)


def test_as_user_and_inside_a_namespace():
    with fixture(["fx-user", "fx-threads", "3"]) as target, stopped(target):
        done = as_user("pmemctl", "summary", "-J", target.pid)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        sums_hold(answer)
        assert answer["total"]["reserved"] == status(target.pid, "VmSize")
        assert answer["total"]["resident"] == rollup(target.pid)["Rss"]
    text, size = in_container(
        "fx-threads 3", "pmemctl summary -J $p; grep VmSize /proc/$p/status").split("VmSize:")
    answer = json.loads(text)
    sums_hold(answer)
    assert answer["total"]["reserved"] == int(size.split()[0]) << 10
    assert answer["total"]["resident"] > 0
