#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a recorder remembers of coroutines, after it has gone: it follows nothing of that, and no
coroutine is left over or ended for another.
"""
import json

import cs
import slots

MODES = {"count": slots.SCHED, "all": slots.SCHED | slots.TIME | slots.EVENTS}


def run(case, mode):
    session = slots.Session([cs.need_target("coro_stale"), case], MODES[mode], lane=16 << 20)
    if session.result.returncode:
        return
    own, ring, name = json.loads(session.out), session.ring, f"{case} ({mode})"
    alive = [slot for slot in ring.table.coroutines if slot.runtime == "ucontext"]
    cs.equal(f"{name}: made", ring.count("ucontext"), own["created"])
    cs.equal(f"{name}: none is left over", len(alive), 0)
    for how in ("finished", "left"):
        cs.equal(f"{name}: {how}", ring.ends(how), own.get(how, 0))
    cs.equal(f"{name}: ended with their stacks", ring.ends("freed"), own.get("freed", 0))
    cs.equal(f"{name}: known by their stacks alone", ring.count("stack"), own.get("stack", 0))
    if "switches" in own:
        cs.equal(f"{name}: switches", ring.switches("ucontext"), own["switches"])


for mode_ in MODES:
    for case_ in ("jump", "context", "pool", "guards", "beside", "block", "mapping"):
        run(case_, mode_)
cs.finish()
