#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stacks within stacks: who lives on is not ended by those that run on a part of its stack, who
runs is the innermost one, and who has lost its memory to others is gone.
"""
import collections
import json

import cs
import slots

MODES = {"count": slots.SCHED, "all": slots.SCHED | slots.TIME | slots.EVENTS}


def owners(ring, size):
    return collections.Counter(r[2] for r in ring.records if r[0] == "alloc" and r[3] == size)


def run(case, mode):
    session = slots.Session([cs.need_target("coro_nested"), case], MODES[mode], lane=16 << 20)
    if session.result.returncode:
        return
    own, ring, name = json.loads(session.out), session.ring, f"{case} ({mode})"
    cs.equal(f"{name}: made", ring.count("ucontext"), own["created"])
    cs.equal(f"{name}: nothing else was seen",
             {created[3] for created in ring.created.values()}, {"ucontext"})
    cs.equal(f"{name}: switches", ring.switches(), own["switches"])
    cs.equal(f"{name}: finished", ring.ends("finished"), own["finished"])
    cs.equal(f"{name}: replaced", ring.ends("replaced"), own["replaced"])
    cs.equal(f"{name}: none is left over", len(ring.table.coroutines), 0)
    inner, outer = owners(ring, 91), owners(ring, 92)
    cs.equal(f"{name}: blocks that were allocated on inner and outer stacks",
             (sum(inner.values()), sum(outer.values())), (own["inner"], own["outer"]))
    cs.check(f"{name}: belong to who runs there", 0 not in inner and 0 not in outer and
             not set(inner) & set(outer) and
             len(inner) + len(outer) == own["created"],
             f"{len(inner)} and {len(outer)} of {own['created']}")


for mode_ in MODES:
    for case_ in ("frame", "lent", "twice", "unused", "after", "carved", "joined"):
        run(case_, mode_)
cs.finish()
