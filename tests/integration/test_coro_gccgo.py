#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Goroutines of gccgo: as many as the program itself counts, where its own dump says that they
are, with the same words for why they wait; what they allocate in C is theirs.
"""
import collections
import json
import os
import re
import signal
import subprocess

import cs
import slots

PROGRAM = cs.target("coro_gccgo")
MODES = {"count": slots.SCHED, "time": slots.SCHED | slots.TIME,
         "all": slots.SCHED | slots.TIME | slots.EVENTS}


def session(arguments, mode, **more):
    return slots.Session([PROGRAM, *arguments], MODES[mode], lane=64 << 20, **more)


def users(ring):
    """Numbers of the goroutines that the program has made, without main's."""
    mine = [n for n, made in sorted(ring.created.items()) if not made[7] & slots.SYSTEM]
    return set(mine[1:])


def counts(arguments, mode):
    run = session(arguments, mode)
    name, own, ring = f"{' '.join(arguments)} ({mode})", json.loads(run.out), run.ring
    mine = users(ring)
    cs.equal(f"{name}: made", len(mine), own["created"])
    cs.equal(f"{name}: finished", ring.ends("finished"), own["finished"])
    cs.equal(f"{name}: switches", sum(end[4] for n, end in ring.ended.items() if n in mine),
             own["switches"])
    cs.equal(f"{name}: nothing else was seen", {made[3] for made in ring.created.values()},
             {"gccgo"})
    cs.equal(f"{name}: each has a spawn stack and an entry",
             [n for n, made in ring.created.items() if not made[5] or not made[6]], [])
    return ring


def own_blocks(arguments, mode):
    ring = counts(arguments, mode)
    cs.equal(f"{' '.join(arguments)} ({mode}): each allocated once, and it is its own",
             sorted(r[2] for r in ring.records if r[0] == "alloc" and r[3] == 99),
             sorted(users(ring)))


def barrier():
    """What the runtime does between gopark and the switch does not make it runnable."""
    # How long a busy machine needs until all have come there, nobody knows.
    for rest_ms in ("200", "3000", "20000"):
        run = session(["barrier", "3000", rest_ms], "count")
        parked_in = collections.Counter(slot.state for slot in run.ring.table.coroutines
                                        if slot.reason == "chan receive")
        want = {"waiting": json.loads(run.out)["created"]}
        if parked_in == want:
            break
    cs.equal("barrier: all of them wait", parked_in, want)


def churn():
    """Made and ended by the thousand, with the collector at work."""
    run = session(["churn", "2"], "count")
    own, ring = json.loads(run.out), run.ring
    mine = users(ring)
    cs.equal("churn: the program's own checks", own["wrong"], 0)
    cs.check("churn: the collector was at work", own["collections"] > 3, str(own))
    cs.equal("churn: made", len([n for n in mine if n in ring.ended]), own["created"])
    cs.equal("churn: all ended by themselves", ring.ends("finished"), len(ring.ended))
    cs.equal("churn: nothing else was seen", {made[3] for made in ring.created.values()},
             {"gccgo"})


def deep():
    """A stack that is full goes on in another piece, and is still the same goroutine's."""
    run = session(["deep"], "time")
    own, ring = json.loads(run.out), run.ring
    cs.check("deep: the program did what it does", own["frames"] > 3 * 6000, str(own))
    cs.equal("deep: nothing else was seen", {made[3] for made in ring.created.values()},
             {"gccgo"})
    owners = [r[2] for r in ring.records if r[0] == "alloc" and r[3] == 77]
    cs.equal("deep: what is allocated at the bottom is theirs", sorted(owners),
             sorted(users(ring)))


# ---- where they are ----

def dumped(text):
    """runtime.Stack: how many goroutines wait for what in which function of the program."""
    found = collections.Counter()
    for block in text.split("\n\n"):
        head = re.match(r"goroutine \d+ \[([^,\]]+)", block.strip())
        if not head or head[1] == "running":
            continue
        names = [line for line in block.splitlines() if re.match(r"main\.wait\w+$", line)]
        found[head[1], names[-1] if names else ""] += 1
    return found


def place(coroutine):
    names = [frame["function"] for frame in coroutine["stack"] or []
             if frame["function"].startswith("main.wait")]
    syscall = coroutine["state"] == "syscall"
    return ("syscall" if syscall else coroutine["reason"] or coroutine["state"],
            names[-1] if names else "")


def compare(name, arguments, own, count):
    seen = cs.report("ps", *arguments)["coroutines"]
    cs.equal(f"{name}: as many as runtime.NumGoroutine() says", len(seen), count)
    waiting = collections.Counter(place(one) for one in seen if one["state"] == "waiting")
    mine = collections.Counter({key: n for key, n in own.items() if key[0] != "syscall"})
    cs.equal(f"{name}: they wait for what runtime.Stack says, and there", waiting, mine)
    # main is in a system call, too, since it has made the dump. runtime.Stack has no stacks of
    # these.
    calls = [one for one in seen if one["state"] == "syscall"]
    cs.equal(f"{name}: those in system calls, and where",
             collections.Counter(place(one)[1] for one in calls),
             collections.Counter({"main.waitSystemCall": sum(
                 n for key, n in own.items() if key[0] == "syscall"), "": 1}))
    cs.equal(f"{name}: their stacks are whole, too",
             [one["id"] for one in calls if not one["stack"] or
              one["stack"][-1]["function"] != "runtime.kickoff"], [])
    cs.check(f"{name}: to wait in the kernel is not to run",
             max([one["cpu_ns"] for one in calls if place(one)[1]], default=1e9) < 3e8,
             str([one["cpu_ns"] for one in calls]))
    cs.equal(f"{name}: the stacks are whole",
             [one["id"] for one in seen if one["state"] == "waiting" and
              one["stack"][-1]["function"] != "runtime.kickoff"], [])
    cs.equal(f"{name}: all but main were made by the program",
             sum(1 for one in seen if
                 any(f["function"] in ("main.parked", "net.Dial") for f in one["spawn"] or [])),
             count - 1)


def parked(each):
    with cs.Running([PROGRAM, "parked", str(each)], waits=True) as running:
        text = "\n".join(running.wait_until_ready("parked: it began"))
        own, count = dumped(text), int(re.search(r"\ngoroutines (\d+)", text)[1])
        cs.equal("parked: the program waits for everything", len(own), 8)
        pid = str(running.target)
        cs.until_ok(lambda: compare("parked, live", ["-p", pid], own, count))
        group = cs.run([cs.COROSCOPE, "ps", "--group", "-p", pid]).out
        cs.check("parked: their names are as they were written",
                 "runtime_SemacquireMutex" in group and "runtime__" not in group, group)
        cs.wait_until(lambda: cs.passes(lambda: compare("", [running.trace.path], own, count)),
                      60)
        os.kill(running.target, signal.SIGKILL)
        running.end()
        compare("parked, killed", [running.trace.path], own, count)


def heap():
    run = cs.record([PROGRAM, "count", "300", "3", "2"], cs.LOSSLESS)
    entries = run.trace.heap("alloc_objects", "--by", "spawn")["entries"]
    by_maker = sum(entry["value"] for entry in entries
                   if any(frame["function"] == "main.count" for frame in entry["stack"]))
    cs.check("heap: blocks of goroutines are with who said go", by_maker >= 300,
             f"{by_maker}")
    cs.equal("heap: spawned, with main and four of the runtime's",
             run.trace.total("spawned"), 305)


def not_recorded():
    """From outside it is none of the Go programs that can be read so: that is said."""
    with subprocess.Popen([PROGRAM, "parked", "1"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        while process.stdout.readline() not in (b"ready\n", b""):
            continue
        result = cs.run([cs.COROSCOPE, "ps", "-p", str(process.pid)])
        process.kill()
    cs.equal("not recorded: refused in one line, with the way out",
             (result.status, result.err.replace(str(process.pid), "PID").splitlines()),
             (2, ["coroscope: cannot observe PID: it is a gccgo (not gc) program that is not "
                  "being recorded",
                  "hint: start it with 'coroscope record PROGRAM': then its goroutines are seen "
                  "while it runs"]))


def names_of_gc():
    """trap: gc's Go, linked dynamically, has the same names and passes arguments otherwise."""
    library = os.path.join(cs.TARGETS, "libgo_names.so")
    run = slots.Session([cs.need_target("go_names")], MODES["time"],
                        env={"LD_PRELOAD": f"{cs.AGENT}:{library}"})
    cs.equal("names of gc: all registers arrive", run.out, "0 registers were lost\n")
    cs.equal("names of gc: nothing is taken for a goroutine", run.ring.created, {})


def gccgo():
    for mode in MODES:
        own_blocks(["count", "100", "5", "1"], mode)
        # The collector looks at a stack by switching to it, and so does who prints it: nobody runs.
        counts(["looked", "100", "10"], mode)
    own_blocks(["count", "2000", "7", "1"], "time")
    own_blocks(["count", "2000", "7", "4"], "count")
    barrier()
    churn()
    deep()
    parked(5)
    heap()
    not_recorded()


names_of_gc()
if PROGRAM is None:
    cs.without("gccgo", "the program was not built: there is no gccgo")
else:
    gccgo()
cs.finish()
