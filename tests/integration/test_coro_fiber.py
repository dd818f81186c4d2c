#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Boost.Fiber's own events: what fibers wait for, who wakes them, and that fibers are told from
other coroutines of Boost.Context; also where they migrate between threads.
"""
import collections
import json
import re

import cs
import slots

# In the order in which coro_fibers makes them, behind the dispatcher and the one that is joined.
WAITS = ["mutex", "mutex", "mutex", "condition", "condition", "condition", "barrier", "channel",
         "channel", "channel", "channel", "condition", "sleep", "join", None]


def waits():
    program = cs.need_target("coro_fibers")
    with cs.Running([program, "waits"], ["--no-heap"], waits=True) as running:
        running.wait_until_ready("waits: it began")
        cs.until_ok(lambda: shown(running))
        result = running.end()
        cs.equal("waits: the program goes on and ends well", (result.status, result.out),
                 (0, "done\n"))


def shown(running):
    fibers = cs.by_number(running.report("ps")["coroutines"])
    cs.equal("waits: all are fibers", {one["runtime"] for one in fibers}, {"boost-context"})
    cs.equal("waits: each for what it waits for",
             [one["reason"] for one in fibers[1:]], WAITS)
    cs.equal("waits: who has given way, or was given a turn, is ready to go on",
             [one["state"] for one in fibers[:1] + fibers[-1:]], ["runnable"] * 2)
    cs.equal("waits: the others are not",
             {one["state"] for one in fibers[1:-1]}, {"waiting"})
    everybody = running.report("ps", "--system")["coroutines"]
    cs.equal("waits: the dispatcher is there and the runtime's own",
             len(everybody) - len(fibers), 1)
    chosen = running.report("ps", "--reason", "mutex")["coroutines"]
    cs.equal("waits: and are found by it", len(chosen), 3)


def counts(mode, arguments, threads):
    """The table and the records agree with what the scheduling algorithm was told."""
    name = f"{mode} {' '.join(arguments)}"
    run = slots.Session([cs.need_target("coro_fibers"), mode, *arguments],
                        slots.SCHED | slots.TIME | slots.EVENTS, lane=64 << 20)
    own, ring = json.loads(run.out), run.ring
    fibers = {number for number, born in ring.created.items() if born[3] == "boost-context"}
    cs.equal(f"{name}: all are fibers", len(fibers), len(ring.created))
    cs.equal(f"{name}: made, with the dispatchers", len(fibers), own["created"])
    cs.equal(f"{name}: finished", ring.ends("finished", "boost-context"), own["created"])
    # To take over its arguments and to be released.
    workers = {number for number in fibers if not ring.created[number][7] & slots.SYSTEM}
    cs.equal(f"{name}: those that are no dispatchers", len(workers), own["finished"])
    cs.equal(f"{name}: switches to them",
             sum(end[4] for number, end in ring.ended.items() if number in workers),
             own["picked"] + 2 * own["finished"])
    ran_on = collections.defaultdict(set)
    for lane in range(ring.lanes):
        for record in ring.lane(lane):
            if record[0] == "switch" and record[3] in workers:
                ran_on[record[3]].add(lane)
    migrated = sum(1 for lanes in ran_on.values() if len(lanes) > 1)
    if threads > 1 and (not migrated or ring.lanes < threads):
        cs.without(f"{name}: on several threads",
                   f"the machine is too busy: {ring.lanes} ran, {migrated} fibers migrated")
    else:
        cs.equal(f"{name}: (some ran on several threads)", migrated > 0, threads > 1)
    woken = sum(1 for record in ring.records if record[0] == "wake" and record[2] in fibers)
    gave_way = sum(1 for record in ring.records
                   if record[0] == "switch" and record[2] in fibers and record[4] == 2)
    return own["woken"], woken + gave_way


def wakes():
    for arguments in (["20", "8", "1"], ["300", "8", "1"]):
        told, seen = counts("wakes", arguments, 1)
        cs.equal(f"wakes {' '.join(arguments)}: as many as the algorithm was told", seen, told)
    for mode in ("share", "steal"):
        told, seen = counts(mode, ["200", "20", "3"], 3)
        cs.equal(f"{mode}: as many as the algorithms were told", seen, told)


def trace():
    """In the trace of --sched=all."""
    run = cs.record([cs.need_target("coro_fibers"), "wakes", "50", "8"],
                    ["--no-heap", "--sched=all", "--buffer=32MiB"])
    own = json.loads(run.out)
    seen = collections.Counter(
        re.findall(r"\s+event (\w+) time_ns=", cs.run([cs.COROSCOPE, "dump",
                                                       run.trace.path]).out))
    cs.equal("trace: each is made once", seen["create"], own["created"])
    cs.equal("trace: wakes", seen["wake"], own["woken"])
    cs.equal("trace: ends", seen["finish"], own["created"])


waits()
wakes()
trace()
cs.finish()
