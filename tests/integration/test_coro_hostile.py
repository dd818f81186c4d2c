#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What coroutines can do to a recorder: the program goes on as it is, and the numbers hold."""
import json

import cs
import slots

FLAGS = {"count": slots.SCHED, "all": slots.SCHED | slots.TIME | slots.EVENTS}


def run(case, mode, program="coro_hostile", arguments=None, runtime="ucontext"):
    target = cs.target(program)
    if target is None:
        cs.without(case, f"{program} was not built: a library is missing")
        return None
    session = slots.Session([target, *(arguments or [case])], FLAGS[mode], lane=16 << 20)
    own, ring, name = json.loads(session.out), session.ring, f"{case} ({mode})"
    cs.equal(f"{name}: made", ring.count(runtime), own["created"])
    cs.equal(f"{name}: switches", ring.switches(runtime), own["switches"])
    if "finished" in own:
        cs.equal(f"{name}: finished", ring.ends("finished"), own["finished"])
    if "freed" in own:
        cs.equal(f"{name}: ended with their stacks", ring.ends("freed"), own["freed"])
    cs.equal(f"{name}: nothing else was seen", {c[3] for c in ring.created.values()}, {runtime})
    return session


for mode in FLAGS:
    session = run("fork", mode)
    child = session.rings[1]
    cs.equal(f"fork ({mode}): the child has them all, as they were",
             sum(1 for slot in child.table.coroutines if slot.flags & slots.INHERITED), 10000)
    cs.equal(f"fork ({mode}): and its own switches", child.switches(), 30000)
    cs.equal(f"fork ({mode}): it made none", len(child.created), 0)

    ring = run("threads", mode).ring
    cs.equal(f"threads ({mode}): those that were left waiting still wait",
             [slot.state for slot in ring.table.coroutines], ["waiting"] * 200)
    ring = run("longjmp", mode).ring
    cs.equal(f"longjmp ({mode}): each ended", len(ring.ended), 100)
    ring = run("reuse", mode).ring
    cs.equal(f"reuse ({mode}): each has a number of its own", len(ring.created), 20000)
    run("signals", mode)
    run("freed", mode)
    run("small", mode)
    ring = run("cancel", mode).ring
    cs.equal(f"cancel ({mode}): each ended with its thread", len(ring.ended), 30)
    run("throw", mode, "coro_throw", ["200"])
    if cs.target("libcoro_late.so"):
        run("late", mode, "coro_late", ["20", "5"], "boost-context")
    else:
        cs.without("late", "libcoro_late.so was not built: Boost.Context is missing")
    run("jump", mode, "coro_jump", ["20", "6"])
    run("own-swapcontext", mode, "coro_own_swap", ["20", "6"])
session = run("many", "count")
child = session.rings[1]
inherited = sum(1 for slot in child.table.coroutines if slot.flags & slots.INHERITED)
# The piece of memory around a stack that is not known may reach into one that is.
cs.check("many: the child has as many as it takes over", 65533 <= inherited <= 65534, inherited)
cs.check("many: and meets others where they run", len(child.created) > 500, len(child.created))
cs.equal("many: its switches are counted", child.switches(), len(range(0, 70000, 7)) + 65534)
cs.finish()
