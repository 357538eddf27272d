# SPDX-License-Identifier: GPL-2.0
"""make, make install, uninstall and clean, as README has them, on a copy of the
sources at /build. Prints what is wrong, nothing otherwise."""
import os
import subprocess
import sys

RELEASE, = os.listdir("/lib/modules")
KDIR = f"/lib/modules/{RELEASE}/build"
DEST = "/build/dest"


def make(*args):
    return subprocess.run(["make", "-C", "/build/tree", f"KVER={RELEASE}", *args],
                          capture_output=True, text=True)


def must(*args):
    done = make(*args)
    if done.returncode:
        sys.exit(f"make {args}:\n{done.stdout}{done.stderr}")


def files(top):
    return {os.path.relpath(os.path.join(d, f), top)
            for d, _, fs in os.walk(top) for f in fs}


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: {got} instead of {wanted}")


sources = files("/build/tree")
must()
must("install", f"DESTDIR={DEST}", "PREFIX=/usr")
installed = files(DEST)
module = {f for f in installed if f.startswith(f"lib/modules/{RELEASE}/")
          and "/pmemctl.ko" in f}
expect("modules installed", len(module), 1)
expect("files installed", installed - module, {
    "usr/bin/pmemctl",
    "usr/share/bash-completion/completions/pmemctl",
    "usr/share/man/man8/pmemctl.8",
})
version = subprocess.run([f"{DEST}/usr/bin/pmemctl", "--version"],
                         capture_output=True, text=True).stdout
expect("pmemctl", version.split()[0], "pmemctl")
must("uninstall", f"DESTDIR={DEST}", "PREFIX=/usr")
expect("files left by uninstall", files(DEST), set())
must("clean")
expect("files left by clean", files("/build/tree") - sources, set())

done = make("module", "KDIR=/nowhere")
said = [l for l in done.stderr.splitlines() if not l.startswith("make")]
if not done.returncode or len(said) != 1 or "apt install linux-headers" not in said[0]:
    sys.exit(f"without headers: {done.stderr}")
