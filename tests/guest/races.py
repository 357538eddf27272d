# SPDX-License-Identifier: GPL-2.0
"""Claims of pmemctl about processes that never stand still, checked by them.

    races.py [--seconds N] [OPTION OF fx-race...]

fx-race keeps what its threads were and judges each claim that it is told: a
stack's owner, a stack pointer and how fresh it is, the list of threads. Beside
it, processes exec, fork and are killed while they are looked at: the command
then ends in a clean way or shows all of it.
"""
import collections
import datetime
import json
import os
import random
import signal
import subprocess
import sys
import time

import nl
from conftest import PATIENCE, fixture, read

REG_STATES = {nl.REGS_NONE: "none", nl.REGS_BLOCKED: "blocked",
              nl.REGS_QUEUED: "queued", nl.REGS_LAST_ENTRY: "last-entry",
              nl.REGS_LIVE: "live"}
# what a request may meet when its process execs or ends meanwhile
PASSING = {nl.errno.ESRCH, nl.errno.ESTALE, nl.errno.EAGAIN, nl.errno.EBUSY,
           nl.errno.ENODATA}
WORDS = ("ok exact", "ok", "unsure", "wrong")
SHOWN = 10
ROUNDS = 5


def boottime():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def realtime_ns(text):
    """ns since 1970 of an ISO time with all nine digits."""
    seconds, fraction = text.rstrip("Z").split(".")
    then = datetime.datetime.fromisoformat(seconds + "+00:00")
    return int(then.timestamp()) * 10**9 + int(fraction.ljust(9, "0"))


def number(text):
    return int(text, 0)


def uses(row, low, high):
    """The thread's stack, or where it is now, is in that range."""
    stack = row["stack_start"]
    return bool(stack and number(stack) < high and number(row["stack_end"]) > low) or \
        any(row[key] and low <= number(row[key]) < high for key in ("sp", "tp"))


class Tally:
    """Counts, and the first few of what was wrong."""

    def __init__(self):
        self.counts = collections.defaultdict(collections.Counter)
        self.requests = collections.Counter()
        self.failures, self.rounds = [], 0
        self.wrong = collections.defaultdict(list)

    def answer(self, kind, claim, answer, about):
        word = next(w for w in WORDS if answer == w or answer.startswith(w + " "))
        self.counts[kind][word] += 1
        if word in ("wrong", "unsure") and len(self.wrong[kind, word]) < SHOWN:
            self.wrong[kind, word].append(f"{claim}: {answer}\n    {about}")

    def request(self, what, failure=None):
        self.requests[what] += 1
        if failure:
            self.failures.append(f"{what}: {failure}")


class Race:
    """fx-race, and what is claimed of it."""

    def __init__(self, target, tally):
        self.target, self.tally, self.claims = target, tally, []
        self.client, self.pace = nl.Client(), "busy"

    def claim(self, kind, text, about):
        self.claims.append((kind, text, about))

    def tell(self, text):
        popen = self.target.popen
        popen.stdin.write(text.encode() + b"\n")
        popen.stdin.flush()
        line = popen.stdout.readline().decode().rstrip("\n")
        assert line, f"fx-race is gone: exit {popen.wait()}"
        return line

    def ask(self):
        for kind, text, about in self.claims:
            self.tally.answer(kind, text, self.tell(text), about)
        self.claims = []

    def rows(self, what, threads, start, end):
        """What the command says of each thread, some time in [start, end]."""
        when = f"{start} {end}"
        self.claim("list", f"list {when} {','.join(str(t['tid']) for t in threads)}",
                   what)
        for row in threads:
            about = f"{what} {json.dumps(row)}"
            if row["stack_start"]:
                self.claim("owner", f"stack {when} {row['tid']}"
                           f" {number(row['stack_start']):x} {number(row['stack_end']):x}",
                           about)
            elif row["kind"] != "exited":
                self.tally.counts["owner"]["none"] += 1
            if row.get("max") is not None and row["kind"] != "main":
                self.claim("max", f"max {when} {row['tid']} {row['max']}"
                           f" {int(bool(row['taints']))}", about)
            self.freshness(when, row["tid"], row["sp_state"],
                           number(row["sp"] or "0"), about)

    def freshness(self, when, tid, state, sp, about):
        self.claim(f"sp {state}", f"sp {when} {tid} {state} {sp:x}", about)

    def command(self, what, *args):
        """The command's JSON and when it ran; None if it gave up on the target."""
        start = boottime()
        out = look(self.tally, what, *args, self.target.pid)
        return out, start, boottime()

    def threads_json(self, *args):
        what = " ".join(("threads -J", *args))
        out, start, end = self.command(what, "threads", "-J", *args)
        if out is None:
            return
        self.rows(what, out["threads"], start, end)
        for orphan in out["orphans"] or ():
            self.orphan(orphan, out["threads"], what, f"{start} {end}")

    def orphan(self, orphan, threads, what, when):
        """It was one at some moment; and in the moment of the answer, too."""
        low, high = number(orphan["start"]), number(orphan["end"])
        kind, about = f"orphan {self.pace}", f"{what} {json.dumps(orphan)}"
        for row in threads:
            if uses(row, low, high):
                self.tally.answer(kind, "orphan", "wrong a thread is on it",
                                  f"{about} {json.dumps(row)}")
        self.claim(kind, f"orphan {when} {low:x} {high:x}", about)

    def show_json(self):
        """It tells when it looked, by the other clock."""
        before = boottime()
        shift = before - time.time_ns()
        slack = boottime() - before
        out, _, _ = self.command("show -J", "show", "-J")
        if out is None:
            return
        process = out["process"]
        taken = realtime_ns(process["taken"]) + shift
        self.rows("show -J", out["threads"], taken - slack,
                  taken + process["lock_hold_ns"] + slack)

    def protocol(self, live):
        """The module's word itself."""
        fd = nl.proof(self.target.pid, "mem")
        what = "protocol, live" if live else "protocol"
        try:
            snapshot = self.client.snapshot(self.target.pid, fd, nl.THREADS, live)
        except nl.Refused as e:
            self.tally.request(f"{what}: {nl.errno.errorcode[e.errno]}",
                               None if e.errno in PASSING else repr(e))
            return
        finally:
            os.close(fd)
        self.tally.request(f"{what}: ok")
        taken = snapshot.number(nl.A_TAKEN_BOOTTIME)
        when = f"{taken} {taken + snapshot.number(nl.A_LOCK_HOLD)}"
        threads = snapshot.threads
        self.claim("list", f"list {when} {','.join(str(t['tid']) for t in threads)}",
                   what)
        for t in threads:
            about = f"{what} " + " ".join(
                f"{k}={v:#x}" for k, v in t.items() if isinstance(v, int))
            if t["stack_high"]:
                self.claim("range", f"range {when} {t['tid']} {t['stack_low']:x}"
                           f" {t['stack_high']:x}", about)
            self.freshness(when, t["tid"], REG_STATES[t["reg_state"]], t["sp"], about)

    def round(self):
        """At full speed; then calmer, so that a claim of the command, which does
        not say when it looked, can be true or not in all of its time."""
        for self.pace in "busy", "calm":
            self.tell(self.pace)
            for ask, *args in (self.protocol, False), (self.protocol, True), \
                    (self.threads_json,), (self.protocol, False), \
                    (self.protocol, True), (self.threads_json, "--live"), \
                    (self.show_json,):
                ask(*args)
                self.ask()


def whole(out):
    """The JSON, or None if there is none; half of one is an exception."""
    return json.loads(out) if out.strip() else None


def look(tally, what, *args, meanwhile=None):
    """Runs the command; whatever becomes of its target, it ends in a clean way."""
    popen = subprocess.Popen(["pmemctl", *map(str, args)], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    if meanwhile:
        meanwhile()
    try:
        out, err = popen.communicate(timeout=PATIENCE)
        err = err.decode(errors="replace")
        parsed = whole(out)
    except (subprocess.TimeoutExpired, ValueError) as e:
        popen.kill()
        popen.wait()
        tally.request(what, f"{args}: {e!r}")
        return None
    ended = {0: "ok", 4: "gone"}.get(popen.returncode)
    if popen.returncode == 1 and "changes too fast" in err:
        ended = "too fast"
    clean = ended and len(err.splitlines()) == (ended != "ok")
    if ended == "ok":
        clean = clean and parsed is not None and b'"error"' not in out
    elif parsed is not None:
        clean = clean and b'"error"' in out
    tally.request(f"{what}: {ended}",
                  None if clean else f"{args}: status {popen.returncode}: {err}{out!r}")
    return parsed if ended == "ok" else None


class Mayhem:
    """Looks at processes that exec, fork or are killed just then."""

    def __init__(self, churn, tally):
        self.churn, self.tally, self.dice = churn, tally, random.Random(1)
        self.client, self.usual = nl.Client(), 0.1
        self.execs = churn.truth["exec_child"], churn.truth["exec_thread_child"]
        self.signal(signal.SIGSTOP)

    def signal(self, number):
        """They leave the CPUs to others when they are not looked at."""
        for pid in self.churn.pid, *self.execs:
            os.kill(pid, number)

    def look(self, what, pid, meanwhile=None):
        command = self.dice.choice(("threads", "show", "regions", "sharers"))
        start = time.monotonic()
        look(self.tally, what, command, "-J", pid, meanwhile=meanwhile)
        return time.monotonic() - start

    def raw(self, what, pid):
        """The protocol, with a proof that exec and exit make worthless."""
        what = f"protocol, {what}"
        name = self.dice.choice(("mem", "pagemap"))
        try:
            fd = nl.proof(pid, name)
        except OSError as e:
            self.tally.request(f"{what}: no proof", None if e.errno in (
                nl.errno.ESRCH, nl.errno.ENOENT) else repr(e))
            return
        try:
            self.client.snapshot(pid, fd, live=name == "mem" and self.dice.choice((0, 1)))
            self.tally.request(f"{what}: ok")
        except nl.Refused as e:
            self.tally.request(f"{what}: {nl.errno.errorcode[e.errno]}",
                               None if e.errno in PASSING else repr(e))
        finally:
            os.close(fd)

    def children(self):
        """They live for a moment; so do their ids."""
        path = f"/proc/{self.churn.pid}/task/{self.churn.truth['fork_tid']}/children"
        return [int(c) for c in read(path).split()]

    def victim(self):
        """A process that is killed while the command runs."""
        with fixture("fx-threads 12") as target:
            def kill():
                time.sleep(self.dice.uniform(0, 1.5 * self.usual))
                os.kill(target.pid, signal.SIGKILL)
            self.look("killed", target.pid, kill)

    def round(self):
        self.signal(signal.SIGCONT)
        for child in self.execs:
            self.usual = self.look("exec", child)
            for _ in range(5):
                self.raw("exec", child)
                for pid in self.children():
                    self.raw("fork child", pid)
        self.look("fork parent", self.churn.pid)
        self.signal(signal.SIGSTOP)
        self.victim()


def race(seconds, options=()):
    """Runs for so long, and some rounds at least; what came of it."""
    tally, end = Tally(), time.monotonic() + seconds
    with fixture(["fx-race", *options]) as target, \
            fixture("fx-churn --exec --exec-thread --fork") as churn:
        runner, mayhem = Race(target, tally), Mayhem(churn, tally)
        try:
            while time.monotonic() < end or tally.rounds < ROUNDS:
                runner.round()
                mayhem.round()
                tally.rounds += 1
            tally.threads = int(runner.tell("count"))
        finally:
            mayhem.signal(signal.SIGCONT)
    return tally


def report(tally):
    """Prints the counts."""
    print(f"{tally.threads} threads, {tally.rounds} rounds")
    for what, n in sorted(tally.requests.items()):
        print(f"requests  {what:34} {n:7}")
    for kind, counts in sorted(tally.counts.items()):
        print(f"claims    {kind:14}" + "".join(
            f"  {word} {counts[word]}" for word in (*WORDS, "none")))
    for (kind, word), examples in sorted(tally.wrong.items()):
        for text in examples if word == "wrong" else examples[:2]:
            print(f"  {kind}: {text}")
    for text in tally.failures[:SHOWN]:
        print(f"  {text}")


# Claims of each kind that there must be in a round, and how many of them exact:
# a fifth of what there are on a slow machine, or less. At full speed most stacks
# of no thread have been used again by the time that the command has ended.
ENOUGH = {"owner": (20, 10), "range": (20, 10), "list": (8, 8), "max": (10, 3),
          "orphan calm": (3, 1), "orphan busy": (0, 0), "sp blocked": (20, 10),
          "sp queued": (5, .2), "sp live": (.3, .1), "sp last-entry": (.3, 0),
          "sp none": (0, 0)}
CHECKS = [*ENOUGH, "requests"]


def verdicts(tally, slow=1):
    """Why it failed or None, of each check. Where a request takes so many times as long,
    so much less is to be had, and exact answers, or sure ones, by luck only."""
    results = {}
    for kind, (least, exact) in ENOUGH.items():
        counts = tally.counts[kind]
        good = counts["ok"] + counts["ok exact"]
        if counts["wrong"]:
            results[kind] = f"{counts['wrong']} wrong, such as " + \
                "\n".join(tally.wrong[kind, "wrong"])
        elif good < least * tally.rounds / slow or \
                (slow == 1 and counts["ok exact"] < exact * tally.rounds):
            results[kind] = f"too few to prove anything: {dict(counts)}"
        elif counts["unsure"] > good and kind != "orphan busy" and slow == 1:
            results[kind] = f"{counts['unsure']} unsure"
        else:
            results[kind] = None
    results["requests"] = f"{len(tally.failures)} failed" if tally.failures else None
    return results


def main(argv):
    seconds = 600
    if argv[:1] == ["--seconds"]:
        seconds, argv = int(argv[1]), argv[2:]
    tally = race(seconds, argv)
    report(tally)
    results = verdicts(tally)
    for what, why in results.items():
        print(f"not ok - {what}: {why}" if why else f"ok - {what}")
    failed = sum(why is not None for why in results.values())
    print(f"{len(results) - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
