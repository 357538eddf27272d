#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""coverage.py MODULE REACHED... : which lines of kmod/ were reached

MODULE is pmemctl.ko, built with debug information for a kernel with KCOV; the
other files are what the fire-* programs wrote with --cover. Says for each file
how many of the lines that have code were reached, and names every line that was
not. A line that was not and has no reason in the file "unreached" beside this
program is a failure.

The compiler calls __sanitizer_cov_trace_pc() at the start of each basic block;
what follows up to the next call, or to where the code goes elsewhere, is taken
for the block. Lines are told by objdump.
"""
import collections
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))

SECTION = re.compile(r"Disassembly of section (\S+):")
PLACE = re.compile(r"^(\S+\.[ch]):(\d+)")
CODE = re.compile(r"^\s+([0-9a-f]+):\t(.*)")
ELSEWHERE = re.compile(r"^(jmp|ret|ud2|int3|call.*__x86_return_thunk)")


def blocks(module):
    """(section, address behind the call) -> lines of each basic block."""
    # -r: in a module the call is a relocation
    out = subprocess.run(["objdump", "-drl", "--no-show-raw-insn", module],
                         capture_output=True, text=True, check=True).stdout
    found = collections.defaultdict(set)
    section = line = block = None
    traced = False
    held = None     # what the next line may tell to be that call
    for text in [*out.splitlines(), "the end"]:
        if held and "__sanitizer_cov_trace_pc" in text and "R_X86_64" in text:
            if traced:      # by one that is empty
                found[held[0]] |= set()
            block, traced, held = None, True, None
        elif held and "R_X86_64" not in text:
            where, its_line, instruction = held
            held = None
            if traced:      # the one behind the call
                block, traced = where, False
            if block:
                found[block] |= {its_line} if its_line else set()
            if ELSEWHERE.match(instruction):
                block = None
        if m := SECTION.match(text):
            section, line, block, traced = m[1], None, None, False
        elif m := CODE.match(text):
            held = (section, int(m[1], 16)), line, m[2]
        elif m := PLACE.match(text):
            line = (os.path.basename(m[1]), int(m[2])) if is_ours(m[1]) else None
    assert found, f"{module} is not made for KCOV"
    return found


def is_ours(path):
    """By where it was compiled or, from 6.13 on, by a relative name."""
    return "/include/" not in path and "/arch/" not in path and \
        os.path.exists(f"{TOP}/kmod/{os.path.basename(path)}")


def functions(name):
    """For each line of a file: the function that it is in."""
    with open(f"{TOP}/kmod/{name}") as f:
        source = f.read().splitlines()
    current, where = "", []
    for text in source:
        if m := re.match(r"^[a-z].*?\b(\w+)\(", text):
            current = m[1]
        where.append(current)
    return source, where


def reasons():
    """(file, function, pattern of the line's text, why) of each that may lack."""
    known = []
    with open(f"{HERE}/unreached") as f:
        for text in f:
            if text.strip() and not text.startswith("#"):
                name, function, pattern, why = (c.strip() for c in text.split("|", 3))
                assert why
                known.append((name, function, re.compile(pattern), why))
    return known


def speaks_of(entry, name, n, source, where):
    return entry[0] == name and entry[1] in ("", where[n - 1]) and \
        bool(entry[2].search(source[n - 1].strip()))


def main(module, *lists):
    reached = set()
    for path in lists:
        with open(path) as f:
            for text in f:
                section, offset = text.split()
                reached.add((section, int(offset, 16)))
    every, hit = set(), set()
    all_blocks = blocks(module)
    for block, lines in all_blocks.items():
        every |= lines
        if block in reached:
            hit |= lines
    strange = reached - set(all_blocks)
    assert len(strange) * 10 <= len(reached), "these places are of another module"

    known, used, coded, unnamed = reasons(), set(), set(), 0
    for name in sorted({f for f, _ in every}):
        source, where = functions(name)
        lines = sorted(n for f, n in every if f == name)
        missing = [n for n in lines if (name, n) not in hit]
        coded |= {e for e in known for n in lines if speaks_of(e, name, n, source, where)}
        print(f"{name}: {len(lines) - len(missing)} of {len(lines)} lines reached")
        for n in missing:
            text = source[n - 1].strip()
            for entry in known:
                if speaks_of(entry, name, n, source, where):
                    used.add(entry)
                    print(f"  {name}:{n}: {text}\n      {entry[3]}")
                    break
            else:
                unnamed += 1
                print(f"not ok - {name}:{n}: {where[n - 1]}(): {text}")
    for entry in known:
        if entry not in used:
            print(f"  {'reached' if entry in coded else 'without code'} here: "
                  f"{entry[0]} {entry[1]}: {entry[2].pattern}")
    print(f"TRIED\tlines of the module reached\t{len(hit)}\tof {len(every)} lines\t"
          f"{f'{unnamed} without a reason' if unnamed else 'nothing'}")
    print(f"{'not ok' if unnamed else 'ok'} - coverage: {len(hit)} of {len(every)} lines, "
          f"{len(every - hit) - unnamed} named, {unnamed} not")
    return bool(unnamed)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
