# SPDX-License-Identifier: GPL-2.0
"""pmemctl.yaml obeys the kernel's schema for such files and says of every
number and record what the header says."""
import re
import subprocess
import sys

import jsonschema
import yaml

TOP = "/build"

with open(f"{TOP}/kmod/pmemctl.yaml") as f:
    spec = yaml.safe_load(f)
with open(f"{TOP}/linux/Documentation/netlink/genetlink-legacy.yaml") as f:
    schema = yaml.safe_load(f)
jsonschema.validate(spec, schema)

PREFIX = {
    "section": "PMEMCTL_SECTION_", "process-flag": "PMEMCTL_PROCESS_",
    "vma-flag": "PMEMCTL_VMA_", "object-flag": "PMEMCTL_OBJECT_",
    "thread-flag": "PMEMCTL_THREAD_", "reg-state": "PMEMCTL_REGS_",
    "relation": "PMEMCTL_RELATION_", "task-flag": "PMEMCTL_TASK_",
}
SIZE = {"u32": 4, "s32": 4, "u64": 8}


def c_name(name):
    return name.upper().replace("-", "_")


claims, named = [], set()


def claim(name, value):
    named.add(name)
    claims.append(f"_Static_assert({name} == {value}, \"{name}\");")


for d in spec["definitions"]:
    if d["type"] in ("enum", "flags"):
        value = d.get("value-start", 0)
        for entry in d["entries"]:
            name = PREFIX[d["name"]] + c_name(entry)
            claim(name, f"1ULL << {value}" if d["type"] == "flags" else value)
            value += 1
        continue
    struct, offset = f"struct pmemctl_{d['name'].replace('-', '_')}", 0
    for m in d["members"]:
        field = m["name"].replace("-", "_")
        claims.append(f"_Static_assert(offsetof({struct}, {field}) == {offset}, "
                      f"\"{struct}.{field}\");")
        offset += m["len"] if m["type"] == "binary" else SIZE[m["type"]]
    claims.append(f"_Static_assert(sizeof({struct}) == {offset}, \"{struct}\");")
for s in spec["attribute-sets"]:
    for value, a in enumerate(s["attributes"], 1):
        claim(c_name(s["name-prefix"]) + c_name(a["name"]), value)
for op in spec["operations"]["list"]:
    claim("PMEMCTL_CMD_" + c_name(op["name"]), op["value"])

# what syzkaller is told: names of the header only; what may be asked, and no more
with open(f"{TOP}/kmod/pmemctl.txt") as f:
    syz = re.sub(r"^#.*", "", f.read(), flags=re.M)
claims += [f"static const unsigned long long {n.lower()}_is_a_number = {n};"
           for n in sorted(set(re.findall(r"\bPMEMCTL_[A-Z0-9_]+\b", syz)))]
syz_problems = []


def syz_equal(what, found, wanted):
    if set(found) != set(wanted):
        syz_problems.append(f"pmemctl.txt: {what}: {sorted(set(found) ^ set(wanted))}")


for op in spec["operations"]["list"]:
    which = next(s for s in spec["attribute-sets"] if s["name"] == op["attribute-set"])
    prefix = which.get("name-prefix", f"{spec['name']}-{which['name']}-a-")
    kinds = {c_name(prefix + a["name"]): a["type"] for a in which["attributes"]}
    policy = re.search(rf"^pmemctl_{op['name']}_policy \[\n(.*?)^\]", syz, re.S | re.M)[1]
    attributes = re.findall(r"^\t(\w+)\s+nlattr\[(\w+), ([^\n]*)\]$", policy, re.M)
    syz_equal(f"attributes of {op['name']}", [name for name, *_ in attributes],
              [c_name(prefix + a) for a in op["dump"]["request"]["attributes"]])
    for name, attribute, kind in attributes:
        size = {"u32": "int32|pid|fd_pmemctl_proof", "flag": "void"}[kinds[name]]
        if name != attribute or not re.search(rf"\b({size})\b", kind):
            syz_problems.append(f"pmemctl.txt: {name} is {attribute}, {kind}")
syz_equal("commands", re.findall(r"^sendmsg\$(\w+)\(.*msghdr_pmemctl\[\1, ", syz, re.M),
          ["PMEMCTL_CMD_" + c_name(op["name"]) for op in spec["operations"]["list"]])
syz_equal("sections", re.search(r"^pmemctl_section = (.*)$", syz, re.M)[1].split(", "),
          ["PMEMCTL_SECTION_ALL"] + ["PMEMCTL_SECTION_" + c_name(e)
                                     for d in spec["definitions"] if d["name"] == "section"
                                     for e in d["entries"]])
syz_equal("family", re.findall(r'get_family_id\$pmemctl\(name ptr\[in, string\["(\w+)"\]\]', syz),
          [spec["name"]])

program = ("#include <stddef.h>\n#include <linux/pmemctl.h>\n" + "\n".join(claims))
done = subprocess.run(["gcc", "-fsyntax-only", f"-I{TOP}/kmod/uapi", "-x", "c", "-"],
                      input=program, text=True)

# and the other way round: nothing in the header that the specification omits
with open(f"{TOP}/kmod/uapi/linux/pmemctl.h") as f:
    header = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
ids = set(re.findall(r"\bPMEMCTL_[A-Z0-9_]+\b", header))
missing = {i for i in ids - named
           if not re.search(r"_(MAX|END|ALL)$|^PMEMCTL_(GENL|STACK)_|_OTHER$", i)}
if missing:
    print("not in the specification:", *sorted(missing))
if syz_problems:
    print(*syz_problems, sep="\n")
sys.exit(done.returncode or bool(missing) or bool(syz_problems))
