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
sys.exit(done.returncode or bool(missing))
