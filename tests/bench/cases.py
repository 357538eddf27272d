# SPDX-License-Identifier: GPL-2.0
"""What is measured, and what it is compared with."""
from dataclasses import dataclass

REGION_SIZES = 25, 1000, 60000
THREAD_SIZES = 100, 1000, 10000

# Of twice the items, at most so much more than twice the work
LINEAR = 1.3


@dataclass(frozen=True)
class Contender:
    name: str
    meter: str              # arguments of the meter; PID stands for the target's
    peer: str               # the name of the one that it is compared with
    own: bool = False       # pmemctl's: has to be linear
    field: int = 0          # of the meter's line: what the figure is


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    item: str
    sizes: tuple
    fixture: str            # N stands for the number
    contenders: tuple


def module(section, peer):
    return (
        Contender("pmemctl module", f"dump PID {section}", peer, True),
        Contender("  from socket to close", f"session PID {section}", peer, True),
        Contender("  mmap_lock held", f"hold PID {section}", peer, True, 3),
    )


REGIONS = (
    *module("vmas", "read maps"),
    Contender("read maps", "read PID", "read maps"),
    Contender("read and parse maps", "parse PID", "read maps"),
    Contender("PROCMAP_QUERY", "query PID", "read maps"),
    Contender("pmemctl --version", "command pmemctl --version", "pmap", False),
    Contender("pmemctl regions -rno …",
              "command pmemctl regions -r -n -o START,END,PERMS,OFFSET,NAME PID",
              "pmap", True),
    Contender("pmemctl regions -J", "command pmemctl regions -J PID", "pmap", True),
    Contender("pmap", "command pmap PID", "pmap"),
    Contender("cat maps", "command cat /proc/PID/maps", "pmap"),
)

THREADS = (
    *module("threads", "read task/*/syscall, maps"),
    Contender("read task/*/syscall, maps", "tasks PID", "read task/*/syscall, maps"),
    Contender("pmemctl --version", "command pmemctl --version",
              "cat task/*/syscall maps"),
    Contender("pmemctl threads -rno …",
              "command pmemctl threads -r -n -o TID,STACK_START,STACK_END,SP PID",
              "cat task/*/syscall maps", True),
    Contender("cat task/*/syscall maps",
              "command sh -c 'cat /proc/PID/task/*/syscall /proc/PID/maps'",
              "cat task/*/syscall maps"),
)

CASES = (
    Case("anon", "regions, anonymous", "VMA", REGION_SIZES,
         "fx-manyvmas N", REGIONS),
    Case("file", "regions of one file, with a path of 1,000 bytes", "VMA",
         REGION_SIZES, "fx-manyvmas N --file", REGIONS),
    Case("libs", "regions of files, a path of 60 bytes for every 4", "VMA",
         REGION_SIZES, "fx-manyvmas N --files 4", REGIONS),
    Case("own", "threads, with stacks of the C library, which have guards", "thread",
         THREAD_SIZES, "fx-threads N --stack 64K", THREADS),
    Case("one", "threads, with stacks side by side and no guards", "thread", THREAD_SIZES,
         "fx-threads N --stack 64K --user-stack", THREADS),
)
