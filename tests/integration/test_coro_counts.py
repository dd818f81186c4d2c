#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Coroutines made, switched to and ended: the agent's numbers are the programs' own.

Read from the agent's table and lanes directly, so that nothing but the agent is tested.
"""
import json

import cs
import slots

FLAGS = {"count": slots.SCHED, "time": slots.SCHED | slots.TIME,
         "all": slots.SCHED | slots.TIME | slots.EVENTS}


def session(program, arguments, mode, **more):
    target = cs.target(program)
    if target is None:
        cs.without(f"{program} {' '.join(arguments)}", "it was not built: a library is missing")
        return None
    return slots.Session([target, *arguments], FLAGS[mode], lane=16 << 20, **more)


def counts(program, arguments, runtime, mode, **more):
    run = session(program, arguments, mode, **more)
    if run is None:
        return None
    name, ring, own = f"{program} {' '.join(arguments)} ({mode})", run.ring, json.loads(run.out)
    cs.equal(f"{name}: made", ring.count(runtime), own["created"])
    cs.equal(f"{name}: switches", ring.switches(runtime), own["switches"])
    cs.equal(f"{name}: finished", ring.ends("finished", runtime), own["finished"])
    cs.equal(f"{name}: nothing else was seen",
             {created[3] for created in ring.created.values()}, {runtime})
    cs.equal(f"{name}: alive or ended", len(ring.table.coroutines) + len(ring.ended),
             own["created"])
    cs.equal(f"{name}: each has a spawn stack",
             sum(1 for created in ring.created.values() if not created[5]), 0)
    return ring


def ucontext():
    for mode in FLAGS:
        counts("coro_ucontext", ["10", "5", "1"], "ucontext", mode)
    ring = counts("coro_ucontext", ["1000", "7", "1"], "ucontext", "time")
    cs.equal("ucontext: those whose stacks were unmapped while they waited",
             ring.ends("freed"), 250)
    cs.equal("ucontext: what each allocated is its own",
             sum(1 for r in ring.records if r[0] == "alloc" and r[2]), 1000)
    # Every coroutine runs on every thread in turn.
    for mode in ("count", "time"):
        counts("coro_ucontext", ["500", "8", "4"], "ucontext", mode)


def boost():
    for mode in FLAGS:
        counts("coro_boost", ["context", "30", "5", "1"], "boost-context", mode)
    counts("coro_boost", ["context", "900", "5", "3"], "boost-context", "count")
    counts("coro_boost", ["coroutine", "100", "5", "1"], "boost-context", "time")
    counts("coro_boost", ["coroutine", "100", "5", "3"], "boost-context", "count")


def fibers():
    run = session("coro_boost", ["fibers", "100", "5", "1"], "time")
    if run is None:
        return
    own = json.loads(run.out)
    cs.equal("fibers: made, with the dispatcher", run.ring.count("boost-context"),
             own["created"])
    cs.equal("fibers: switches, with those of its dispatcher", run.ring.switches(),
             own["switches"])
    cs.equal("fibers: finished, with the dispatcher", run.ring.ends("finished"),
             own["finished"] + 1)


def state_threads():
    for arguments in (["10", "5"], ["200", "4"]):
        counts("coro_st", arguments, "state-threads", "time")


def events():
    """With --sched=all the records of switches tell the same as the table."""
    run = session("coro_ucontext", ["20", "6", "1"], "all")
    into = {}
    for record in run.ring.records:
        if record[0] == "switch" and record[3]:
            into[record[3]] = into.get(record[3], 0) + 1
    table = {slot.number: slot.switches for slot in run.ring.table.coroutines}
    table.update({number: end[4] for number, end in run.ring.ended.items()})
    cs.equal("all: a record for every switch", into, table)


def off():
    """Without SCHED nothing is followed, and there is no table."""
    run = slots.Session([cs.need_target("coro_ucontext"), "10", "5", "1"], 0)
    cs.check("off: no table is made", not run.ring.table.exists)
    cs.equal("off: nothing is told", [r for r in run.ring.records if r[0] != "alloc"], [])


ucontext()
boost()
fibers()
state_threads()
events()
off()
cs.finish()
