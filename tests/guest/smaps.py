# SPDX-License-Identifier: GPL-2.0
"""What tests of -x and summary share: /proc/PID/smaps, read by themselves."""
import re
import subprocess

from conftest import read

# column: the fields of smaps that it is the sum of
FIELDS = {
    "rss": ["Rss"], "pss": ["Pss"], "swap": ["Swap"],
    "dirty": ["Shared_Dirty", "Private_Dirty"], "referenced": ["Referenced"],
    "anon": ["Anonymous"], "shared_clean": ["Shared_Clean"],
    "shared_dirty": ["Shared_Dirty"], "private_clean": ["Private_Clean"],
    "private_dirty": ["Private_Dirty"], "swap_pss": ["SwapPss"],
    "locked": ["Locked"],
    "huge": ["AnonHugePages", "ShmemPmdMapped", "FilePmdMapped"],
    "hugetlb": ["Shared_Hugetlb", "Private_Hugetlb"],
}


def smaps(pid):
    """Entries by ascending address: start, end, and bytes by name of field."""
    entries = []
    for line in read(f"/proc/{pid}/smaps").split("\n"):
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line)
        field = re.match(r"(\w+): +(\d+) kB$", line)
        if head:
            start, end = (int(x, 16) for x in head.groups())
            entries.append(dict(start=start, end=end))
        elif field:
            entries[-1][field.group(1)] = int(field.group(2)) << 10
    return entries


def columns(entry):
    """What -x is to show of an entry."""
    return {name: sum(entry[f] for f in fields) for name, fields in FIELDS.items()}


def status(pid, name):
    """A size of /proc/PID/status in bytes."""
    return int(re.search(rf"^{name}:\s+(\d+) kB$", read(f"/proc/{pid}/status"),
                         re.M).group(1)) << 10


def in_container(fixture_command, script):
    """What a script says of a stopped fixture, its $p, in user, mount and pid
    namespaces of their own."""
    begin = (f"exec 3<&0; : >/tmp/said; {fixture_command} <&3 >/tmp/said & p=$!;"
             " until grep -q . /tmp/said; do sleep 0.1; done; sleep 1; kill -STOP $p;"
             " until grep -q '^State:.T' /proc/$p/status; do sleep 0.1; done; ")
    with subprocess.Popen(["unshare", "-Urpmf", "--mount-proc", "sh", "-c",
                           begin + script + "; kill -KILL $p"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as popen:
        return popen.stdout.read().decode()


def rollup(pid):
    return {name: int(n) << 10 for name, n in re.findall(
        r"^(\w+): +(\d+) kB$", read(f"/proc/{pid}/smaps_rollup"), re.M)}
