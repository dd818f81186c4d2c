#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Coroutines of ucontext that go on into another one when they end, or leave by setcontext: as many
are made, switched to and have returned as the program counts itself, whether anything is heard of
them meanwhile or not.
"""
import json

import cs
import slots

MODES = {"count": slots.SCHED, "time": slots.SCHED | slots.TIME,
         "all": slots.SCHED | slots.TIME | slots.EVENTS}
CASES = ("chain", "waiting", "gone", "other", "many", "left", "set", "while", "first", "threads")
# Their ends are those of their stacks.
FREED = {"left"}


def run(case, mode, silent):
    session = slots.Session([cs.need_target("coro_link"), case, *silent], MODES[mode],
                            lane=16 << 20)
    if session.result.returncode:
        return
    own, ring = json.loads(session.out), session.ring
    name = f"{case}{', silent' if silent else ''} ({mode})"
    cs.equal(f"{name}: made", ring.count("ucontext"), own["created"])
    cs.equal(f"{name}: nothing else was seen",
             {created[3] for created in ring.created.values()}, {"ucontext"})
    cs.equal(f"{name}: switches", ring.switches(), own["switches"])
    cs.equal(f"{name}: finished", ring.ends("finished"), own["finished"])
    rest = own["created"] - own["finished"]
    cs.equal(f"{name}: ended with their stacks", ring.ends("freed"), rest if case in FREED else 0)
    cs.equal(f"{name}: none is left over", len(ring.table.coroutines), 0)
    if mode == "all":
        into = sum(1 for record in ring.records if record[0] == "switch" and record[3])
        cs.equal(f"{name}: a record for every switch", into, own["switches"])


for mode_ in MODES:
    for case_ in CASES:
        for silent_ in ([], ["silent"]):
            run(case_, mode_, silent_)
cs.finish()
