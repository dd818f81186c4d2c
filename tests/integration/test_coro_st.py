#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""State Threads: what its threads wait for and who wakes them, as the program itself counts."""
import collections
import json

import cs
import slots

# In the order in which coro_st_waits makes them, behind the idle thread.
WAITS = ["mutex", "condition", "condition", "sleep", "sleep", "accept", "read", "write", "poll",
         "join", "zombie"]


def waits():
    program = cs.need_target("coro_st_waits")
    with cs.Running([program, "0"], ["--no-heap"], waits=True) as running:
        running.wait_until_ready("waits: it began")
        cs.until_ok(lambda: shown(running))
        result = running.end()
        cs.equal("waits: the program goes on and ends well", (result.status, result.out),
                 (0, '{"woken": 0}\n'))


def shown(running):
    threads = cs.by_number(running.report("ps", "--system")["coroutines"])
    cs.equal("waits: each for what it waits for", [one["reason"] for one in threads[1:]],
             WAITS)
    cs.equal("waits: all of them wait", {one["state"] for one in threads[1:]}, {"waiting"})
    cs.equal("waits: of the idle thread nothing is claimed",
             [(one["state"], one["reason"]) for one in threads[:1]], [(None, None)])


def wakes(arguments):
    run = slots.Session([cs.need_target("coro_st_waits"), *arguments],
                        slots.SCHED | slots.TIME | slots.EVENTS, lane=16 << 20)
    name, ring = f"wakes {' '.join(arguments)}", run.ring
    woken = sum(1 for record in ring.records if record[0] == "wake")
    cs.equal(f"{name}: as many as the program woke", woken, json.loads(run.out)["woken"])
    # Those that are joined come back after their end, and are not taken for somebody else then.
    cs.equal(f"{name}: nobody else", {record[3] for record in ring.created.values()},
             {"state-threads"})
    cs.equal(f"{name}: all but the idle thread have finished",
             (ring.ends("finished"), len(ring.ended)), (int(arguments[0]),) * 2)
    # What is told of switches is what the table counts.
    into = collections.Counter(record[3] for record in ring.records
                               if record[0] == "switch" and record[3])
    cs.equal(f"{name}: a record for every switch", sum(into.values()), ring.switches())
    reasons = {record[5] for record in ring.records if record[0] == "switch" and record[2]}
    cs.equal(f"{name}: with what they wait for", reasons - {""},
             {"condition", "mutex", "sleep", "zombie"})


waits()
wakes(["1", "1"])
wakes(["50", "8"])
cs.finish()
