#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""GNU Pth: threads with the names that they have there, in the queues that they are in there,
waiting for what they wait for; dispatched as often as Pth itself counts.
"""
import collections
import json
import os
import re
import signal

import cs
import slots

PROGRAM = cs.target("coro_pth")
MODES = {"count": slots.SCHED, "time": slots.SCHED | slots.TIME,
         "all": slots.SCHED | slots.TIME | slots.EVENTS}


def counts(arguments, mode):
    run = slots.Session([PROGRAM, "count", *arguments], MODES[mode], lane=32 << 20)
    name, ring = f"count {' '.join(arguments)} ({mode})", run.ring
    own, main = json.loads(run.out.splitlines()[0]), int(run.out.split()[-1])
    theirs = [n for n, end in ring.ended.items()]
    left = {slot.name: slot for slot in ring.table.coroutines}
    cs.equal(f"{name}: made, with the scheduler and main", ring.count("pth"), own["created"] + 2)
    cs.equal(f"{name}: nothing else was seen", {made[3] for made in ring.created.values()},
             {"pth"})
    cs.equal(f"{name}: switches, as Pth counts dispatches",
             sum(ring.ended[n][4] for n in theirs), own["switches"])
    cs.equal(f"{name}: finished", ring.ends("finished"), own["finished"])
    cs.equal(f"{name}: those that were cancelled did not", ring.ends("freed"), own["cancelled"])
    cs.equal(f"{name}: scheduler and main are left, and marked",
             {text: slot.flags & slots.SYSTEM for text, slot in left.items()},
             {"**SCHEDULER**": slots.SYSTEM, "main": 0})
    cs.equal(f"{name}: main was dispatched as often as Pth says", left["main"].switches, main)
    cs.equal(f"{name}: each has a spawn stack",
             [n for n, made in ring.created.items() if not made[5]], [])
    cs.equal(f"{name}: each allocated once, and it is its own",
             sorted(r[2] for r in ring.records if r[0] == "alloc" and r[3] == 99),
             sorted(theirs))


def server():
    """Pth's own use of it: an echo server, a thread for each connection, under load."""
    run = slots.Session([PROGRAM, "server", "60", "50"], MODES["time"], lane=32 << 20)
    own, ring = json.loads(run.out), run.ring
    cs.equal("server: every request is answered", (own["served"], own["answered"]),
             (3000, 3000))
    cs.equal("server: clients, connections, listener, main, scheduler", ring.count("pth"), 123)
    cs.equal("server: clients and connections have finished", ring.ends("finished"), 120)
    cs.equal("server: each connection's buffer is its own",
             len({r[2] for r in ring.records if r[0] == "alloc" and r[3] == 4096}), 60)


def compare(name, arguments, own, totals):
    seen = {one["name"]: one for one in cs.report("ps", *arguments)["coroutines"]}
    main = seen.pop("main", None)
    cs.check(f"{name}: main is there", main and main["reason"] == "fd", str(main))
    cs.equal(f"{name}: each by its name waits for what it waits for",
             {text: one["reason"] or one["state"] for text, one in seen.items()}, own)
    cs.equal(f"{name}: as many as Pth says, without the one that nobody has joined",
             len(seen) + 1, totals["all"] - totals["dead"])
    cs.equal(f"{name}: there is one of these", totals["dead"], 1)
    waiting = collections.Counter(one["reason"] == "suspended" for one in seen.values()
                                  if one["state"] == "waiting")
    cs.equal(f"{name}: as many in its queues as Pth says", (waiting[False], waiting[True]),
             (totals["waiting"], totals["suspended"]))
    cs.equal(f"{name}: each was made by the program",
             [text for text, one in seen.items()
              if not any(f["function"] == "spawn" for f in one["spawn"] or [])], [])
    cs.equal(f"{name}: each is in the function that it waits in",
             [text for text, one in seen.items() if one["switches"] and
              not any(re.match("wait_", f["function"]) for f in one["stack"] or [])], [])


def parked(each):
    own, totals = {}, {}
    with cs.Running([PROGRAM, "parked", str(each)], waits=True) as running:
        for line in running.wait_until_ready("parked: it began"):
            kind, name, rest = line.split(None, 2)
            if kind == "thread":
                own[name] = rest.split()[0]
            elif kind == "count":
                totals[name] = int(rest)
        # Stacks get into the trace a few milliseconds' worth a tick.
        cs.until_ok(lambda: compare("parked, live", ["-p", str(running.target)], own, totals))
        cs.wait_until(lambda: cs.passes(lambda: compare("", [running.trace.path], own, totals)),
                      60)
        os.kill(running.target, signal.SIGKILL)
        running.end()
        compare("parked, killed", [running.trace.path], own, totals)


if PROGRAM is None:
    cs.skip("the program was not built: GNU Pth is missing")
for mode_ in MODES:
    counts(["10", "5"], mode_)
counts(["1000", "7"], "time")
server()
parked(3)
cs.finish()
