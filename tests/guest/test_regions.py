# SPDX-License-Identifier: GPL-2.0
"""Regions against the kernel's own word: maps and smaps of a stopped target."""
import re

import nl
from conftest import (fixture, kernel_at_least, maps_line, maps_lines, pmemctl_json,
                      read, stopped)

FLAGS = {
    "rd": 0, "wr": 1, "ex": 2, "sh": 3, "mr": 4, "mw": 5, "me": 6, "ms": 7,
    "gd": 8, "pf": 9, "lo": 10, "lf": 11, "io": 12, "sr": 13, "rr": 14, "dc": 15,
    "de": 16, "ac": 17, "nr": 18, "ht": 19, "sf": 20, "ar": 21, "wf": 22,
    "dd": 23, "sd": 24, "mm": 25, "hg": 26, "nh": 27, "mg": 28, "um": 29,
    "uw": 30, "ui": 31, "ss": 32, "sl": 33, "dp": 34, "gu": 35,
}
BIT_OTHER = 63


def test_equal_maps(any_target):
    with stopped(any_target):
        ours = [maps_line(r)
                for r in pmemctl_json("regions", "-J", any_target.pid)["regions"]]
        theirs = maps_lines(any_target.pid)
    assert ours == theirs


def smaps_flags(text):
    return [set(line.split()) for line in
            re.findall(r"^VmFlags: (.*)$", text, re.M)]


def letters(bits):
    words = {word for word, bit in FLAGS.items() if bits >> bit & 1}
    if bits >> BIT_OTHER & 1:
        words.add("??")
    if not kernel_at_least(6, 2) and "lf" in words:
        words.remove("lf")      # 6.1's smaps has no letters for it yet
        words.add("??")
    return words


def live_tid(target):
    for tid in target.tids():
        if read(f"/proc/{target.pid}/task/{tid}/status").count("VmSize"):
            return tid
    return target.pid


def test_flags_equal_smaps(any_target):
    with stopped(any_target):
        tid = live_tid(any_target)
        snap = nl.ask(tid, sections=nl.VMAS)
        text = read(f"/proc/{any_target.pid}/task/{tid}/smaps")
    theirs = smaps_flags(text)
    assert [letters(v[3]) for v in snap.vmas] == theirs[:len(snap.vmas)]
    # what smaps has beyond the VMAs is the vsyscall page
    assert len(theirs) - len(snap.vmas) == text.count("[vsyscall]")


def test_page_size_and_key_equal_smaps(any_target):
    with stopped(any_target):
        tid = live_tid(any_target)
        snap = nl.ask(tid, sections=nl.VMAS)
        text = read(f"/proc/{any_target.pid}/task/{tid}/smaps")
    sizes = [int(n) for n in re.findall(r"^KernelPageSize: +(\d+) kB", text, re.M)]
    assert [1 << v[6] >> 10 for v in snap.vmas] == sizes[:len(snap.vmas)]
    keys = [int(n) for n in re.findall(r"^ProtectionKey: +(\d+)", text, re.M)]
    if keys:
        assert [v[7] for v in snap.vmas] == keys[:len(snap.vmas)]
    else:
        assert {v[7] for v in snap.vmas} <= {0}


def test_labelled_regions_are_found():
    """fx-maps knows what it mapped: each one is a row, with its flags."""
    with fixture("fx-maps") as target:
        rows = {int(r["start"], 0): r for r in
                pmemctl_json("regions", "-J", target.pid)["regions"]}
        present = [r for r in target.truth["regions"] if "absent" not in r]
        assert len(present) > 20
        for known in present:
            row = rows[int(known["start"], 0)]
            assert row["size"] == known["size"], known
            if "path" in known:
                assert row["name"] == known["path"]
            flags = row["flags"].split(",")
            if "flag" in known and not (known["flag"] == "lf"
                                        and not kernel_at_least(6, 2)):
                assert known["flag"] in flags, known
            if "not_flag" in known:
                assert known["not_flag"] not in flags, known


def test_odd_paths_byte_for_byte():
    with fixture("fx-paths") as target:
        rows = {int(r["start"], 0): r for r in
                pmemctl_json("regions", "-J", target.pid)["regions"]}
        assert len(target.truth["files"]) >= 15
        for known in target.truth["files"]:
            path = bytes.fromhex(known["path_hex"])
            if known["deleted"]:
                path += b" (deleted)"
            name = rows[int(known["start"], 0)]["name"]
            assert name.encode(errors="surrogateescape") == path, known["label"]


def test_many_vmas():
    for command in ("fx-manyvmas 60000", "fx-manyvmas 60000 --file",
                    "fx-manyvmas 60000 --files 4", "fx-manyvmas 2000 --files 1"):
        with fixture(command) as target:
            ours = [maps_line(r) for r in
                    pmemctl_json("regions", "-J", target.pid)["regions"]]
            theirs = maps_lines(target.pid)
        assert len(ours) > int(command.split()[1])
        assert ours == theirs


def test_one_instant():
    """Splits and merges under the reader: never a hole, never twice."""
    with fixture("fx-churn --vma") as target:
        for _ in range(200):
            snap = nl.ask(target.pid, sections=nl.VMAS)
            assert len(snap.vmas) == snap.mm[3]             # map_count
            # munmap() lowers total_vm only after it let readers in again
            assert sum(v[1] - v[0] for v in snap.vmas) <= snap.mm[6]
            for low, high in zip(snap.vmas, snap.vmas[1:]):
                assert low[1] <= high[0]


def test_kinds_of_a_known_layout():
    for name in "fx-static", "fx-static-nopie", "fx-static-static":
        with fixture(name) as target:
            regions = pmemctl_json("regions", "-J", target.pid)["regions"]
            t = target.truth

            def kind(where):
                addr = int(where["addr"] if isinstance(where, dict) else where, 0)
                for r in regions:
                    if int(r["start"], 0) <= addr < int(r["end"], 0):
                        for p in r.get("parts", []):
                            if int(p["start"], 0) <= addr < int(p["end"], 0):
                                return p["kind"]
                        return r["kind"]
                return "unmapped"

            assert kind(t["text"]) == "text"
            assert kind(t["rodata"]) == "rodata"
            assert kind(t["data"]) == "data"
            assert kind(t["bss_small"]) == "bss"
            assert kind(t["bss_big"]) == "bss"
            last = int(t["bss_big"]["addr"], 0) + t["bss_big"]["size"] - 1
            assert kind(hex(last)) == "bss"
            assert kind(t["heap_malloc"]) == "heap"
            assert kind(t["stack_local"]) == "stack"
            assert kind(t["argv0"]) == "args"
            assert kind(t["envp0"]) == "env"
            assert kind(t["auxv"]["sysinfo_ehdr"]) == "vdso"
            if name == "fx-static":
                assert kind(t["libc_text"]) == "library"
                assert kind(t["tls"]) == "tls"
            assert kind(t["mmap_malloc"]) == "malloc chunk"
