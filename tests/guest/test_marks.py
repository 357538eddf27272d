# SPDX-License-Identifier: GPL-2.0
"""How deep a stack ever was, and what makes pages be there that it never used."""
import pytest

from conftest import fixture, read, swap
from stacks import Memory, address, check_thread, limits, look, page


def test_locked():
    with fixture("fx-depth 3 --stack 256K --locked") as target:
        rows, _ = look(target.pid)
        memory = Memory(target.pid)
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            check_thread(target, memory, row, known)
            assert "locked" in row["taints"].split(","), row
            assert row["max"] == row["resident"] == row["stack_size"]
        assert "locked" in rows[target.pid]["taints"].split(",")


def test_swapped_out():
    """What is not in memory any more was touched all the same."""
    with swap(), fixture("fx-depth 4 --stack 256K --pageout") as target:
        rows, _ = look(target.pid)
        memory = Memory(target.pid)
        touched = 0
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            check_thread(target, memory, row, known)
            touched += 4096 * len(memory.touched(*limits(known)))
            assert row["taints"] == ""
        resident = sum(rows[k["tid"]]["resident"] for k in target.truth["threads"])
        assert resident < touched, "nothing is swapped out"


def test_pretouched():
    with fixture("fx-depth 3 --stack 256K --pretouch") as target:
        rows, _ = look(target.pid)
        memory = Memory(target.pid)
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            check_thread(target, memory, row, known)
            assert row["taints"] == "pretouched"
            assert row["max"] == row["resident"] == row["stack_size"]
            assert row["max%"] == 100
        assert rows[target.pid]["taints"] == ""


@pytest.mark.parametrize("args", ["2 --huge", "2 --huge --split"])
def test_huge(args):
    """Also where the huge page has been split since: then it shows no more."""
    with fixture(f"fx-depth {args}") as target:
        assert "[always]" in read("/sys/kernel/mm/transparent_hugepage/enabled")
        rows, _ = look(target.pid)
        memory = Memory(target.pid)
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            check_thread(target, memory, row, known)
            assert row["max"] == limits(known)[1] - address(known["huge"])
            assert row["resident"] >= 2 << 20
            assert row["taints"] == "huge"


def test_reused():
    """glibc keeps stacks of ended threads: what these left is the mark of those
    that do not go as deep themselves."""
    with fixture("fx-depth 4 --stack 512K --reuse 4 --flat") as target:
        rows, orphans = look(target.pid)
        memory = Memory(target.pid)
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            check_thread(target, memory, row, known)
            deepest = memory.touched(*limits(known))[0]
            assert deepest < page(address(known["sp"])), "this tests nothing"
            assert row["taints"] == "reused", row
        assert orphans == []


def test_not_what_was_reused():
    """Those that went deeper than what glibc keeps have a mark of their own."""
    with fixture("fx-depth 5 --stack 1M --reuse 5") as target:
        rows, _ = look(target.pid)
        memory = Memory(target.pid)
        for known in target.truth["threads"]:
            row = rows[known["tid"]]
            check_thread(target, memory, row, known)
            deep = limits(known)[1] - page(address(known["deepest"]))
            if deep > 128 << 10:
                assert row["max"] == deep
                assert row["taints"] == "", row


