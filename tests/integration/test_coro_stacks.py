#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Coroutines of a switcher that nobody knows: recognised by their stacks alone."""
import json

import cs
import slots

TIMED = slots.SCHED | slots.TIME


def found(kind, count, rounds):
    target = cs.need_target("coro_stacks")
    run = slots.Session([target, kind, str(count), str(rounds)], TIMED, lane=8 << 20)
    own, ring, name = json.loads(run.out), run.ring, f"{kind} {count}x{rounds}"
    born = list(ring.created.values())
    cs.equal(f"{name}: every stack is a coroutine", len(born), own["created"])
    cs.equal(f"{name}: of the runtime", {b[3] for b in born}, {"stack"})
    cs.equal(f"{name}: switches, seen by what each allocates", ring.switches(), own["switches"])
    cs.equal(f"{name}: those whose stacks were freed", ring.ends("freed"), own["freed"])
    cs.equal(f"{name}: all come from where their stacks were asked for",
             len({b[5] for b in born} - {0}), 1)
    owners = [r[2] for r in ring.records if r[0] == "alloc" and 50 < r[3] <= 50 + rounds]
    cs.equal(f"{name}: blocks have owners", (len(owners), len(set(owners))),
             (count * rounds, count))
    mine = [r[2] for r in ring.records if r[0] == "alloc" and r[3] == 40]
    cs.equal(f"{name}: what the thread allocates is the thread's", set(mine), {0})
    cs.check(f"{name}: bounds are those of the stacks",
             all(32768 <= slot.high - slot.low <= 32768 + 64 for slot in ring.table.coroutines))


def guesses():
    """Nothing tells where these begin and end: no bounds are shown, and why is said."""
    trace = cs.record([cs.need_target("coro_stacks"), "static", "7", "3"], cs.LOSSLESS).trace
    listed = json.loads(cs.run([cs.COROSCOPE, "ps", "--json", trace.path]).out)["coroutines"]
    cs.equal("static 7x3: one for each 64 KiB, as guesses, without bounds and times",
             [(one["guessed_stack"], one["stack_bytes"], one["cpu_ns"], one["switches"],
               one["switches_at_least"])
              for one in listed], [(True, None, None, 3, True)] * 7)
    text = cs.run([cs.COROSCOPE, "ps", trace.path]).out
    cs.check("static 7x3: ps says that there may be fewer or more", "fewer or more" in text, text)


for kind in ("malloc", "mmap", "aligned"):
    found(kind, 20, 5)
found("malloc", 6000, 3)
found("reuse", 50, 3)
guesses()
cs.finish()
