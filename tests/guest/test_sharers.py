# SPDX-License-Identifier: GPL-2.0
"""Who shares the mm, against kcmp over all processes of the guest."""
import os

import nl
from conftest import fixture, pmemctl, pmemctl_json, same_mm, stat_field


def sharers_of(pid):
    return {s["pid"]: s for s in
            pmemctl_json("sharers", "-J", pid)["sharers"]}


def processes():
    return [int(p) for p in os.listdir("/proc") if p.isdigit()]


def by_kcmp(pid, tid):
    return {p for p in processes() if p != pid and same_mm(tid, p)}


def live(target):
    for tid in target.tids():
        if stat_field(f"{target.pid}/task/{tid}", 3) not in "ZX":
            return tid
    raise AssertionError("no live thread")


def test_equal_kcmp(any_target):
    theirs = by_kcmp(any_target.pid, live(any_target))
    assert set(sharers_of(any_target.pid)) == theirs


def test_vfork_both_ways():
    with fixture("fx-vfork") as target:
        child = target.truth["child"]
        assert sharers_of(target.pid)[child]["relation"] == "vfork-child"
        assert sharers_of(child)[target.pid]["relation"] == "vfork-parent"


def test_clone_vm():
    with fixture("fx-clonevm 3") as target:
        children = {c["pid"] for c in target.truth["children"]}
        rows = sharers_of(target.pid)
        assert set(rows) == children
        assert {r["relation"] for r in rows.values()} == {"clone-vm"}
        assert {r["comm"] for r in rows.values()} == {"fx-clonevm"}
        # and from a child: its siblings and its parent
        child = min(children)
        assert set(sharers_of(child)) == children - {child} | {target.pid}


def test_mm_ids_tell_who_shares():
    with fixture("fx-clonevm 2") as target, fixture("fx-fork 1") as other:
        ids = {pid: nl.ask(pid, sections=0).mm[1] for pid in
               [target.pid, other.pid, other.truth["child"]] +
               [c["pid"] for c in target.truth["children"]]}
        shared = [ids[c["pid"]] for c in target.truth["children"]]
        assert set(shared) == {ids[target.pid]}
        assert len(set(ids.values())) == 3


def test_users_are_explained():
    with fixture("fx-clonevm 2") as target:
        snap = nl.ask(target.pid)
        assert snap.mm[2] == 3                     # mm_users
        assert snap.number(nl.A_UNEXPLAINED) == 0
    with fixture("fx-threads 5") as target:
        snap = nl.ask(target.pid)
        assert snap.mm[2] == 6
        assert snap.number(nl.A_UNEXPLAINED) == 0


def test_nobody():
    with fixture("fx-static") as target:
        done = pmemctl("sharers", target.pid)
        assert done.returncode == 0
        assert pmemctl_json("sharers", "-J", target.pid)["sharers"] == []
