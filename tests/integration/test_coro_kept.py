#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Contexts of swapcontext that hold what the agent keeps there, where it is not true or not the
agent's: every coroutine still has its own switches, and the program gets its own frames back.
"""
import json

import cs
import slots

MODES = {"count": slots.SCHED, "time": slots.SCHED | slots.TIME}


def run(case, mode):
    session = slots.Session([cs.need_target("coro_kept"), case], MODES[mode], lane=16 << 20)
    if session.result.returncode:
        return
    own, ring, name = json.loads(session.out), session.ring, f"{case} ({mode})"
    each = {ended[4] for ended in ring.ended.values()}
    each |= {slot.switches for slot in ring.table.coroutines if slot.runtime == "ucontext"}
    cs.equal(f"{name}: made", ring.count("ucontext"), own["created"])
    cs.equal(f"{name}: switches", ring.switches("ucontext"), own["switches"])
    cs.equal(f"{name}: switches into each", each, {own["switches"] // own["created"]})
    cs.equal(f"{name}: finished", ring.ends("finished"), own["finished"])


for mode_ in MODES:
    for case_ in ("arguments", "copied", "shared", "reused", "within"):
        run(case_, mode_)
cs.finish()
