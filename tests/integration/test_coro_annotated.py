#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runtimes that tell of themselves by coroscope.h: everything they say arrives."""
import json
import os
import subprocess

import cs
import slots

TIMED = slots.SCHED | slots.TIME


def told():
    run = slots.Session([cs.need_target("coro_annotated"), "10", "5"], TIMED)
    own, ring = json.loads(run.out), run.ring
    cs.equal("made", ring.count("annotated"), own["created"])
    cs.equal("switches", ring.switches(), own["switches"])
    cs.equal("finished", ring.ends("finished"), own["finished"])
    cs.equal("nothing else is seen", {c[3] for c in ring.created.values()}, {"annotated"})
    alive = {slot.name: slot for slot in ring.table.coroutines}
    cs.equal("names", sorted(alive), [f"worker {i}" for i in range(0, 10, 2)])
    cs.equal("labels", {slot.labels for slot in alive.values()}, {"parity=even"})
    cs.equal("reasons", {slot.reason for slot in alive.values()}, {"even things"})
    cs.equal("the one that was woken", [name for name, slot in alive.items()
                                        if slot.state == "runnable"], ["worker 0"])
    cs.equal("where it goes on is known", {slot.kind for slot in alive.values()},
             {"jmpbuf-plain"})
    owners = [r[2] for r in ring.records if r[0] == "alloc" and r[2]]
    cs.equal("what was allocated is its coroutine's", len(owners), 10 * 4 + 5)
    cs.equal("by each of them", len(set(owners)), 10)
    cs.check("they ran for some time", all(slot.run > 0 for slot in alive.values()))


def killed():
    """The table outlives kill -9."""
    run = slots.Session([cs.need_target("coro_annotated"), "10", "5", "crash"], TIMED,
                        status=-9)
    cs.equal("killed: those that were alive", len(run.ring.table.coroutines), 5)


def anyhow_linked():
    """The weak symbol is found in every kind of executable, or is nothing."""
    source = os.path.join(cs.SOURCE_DIR, "tests/targets/coro_annotated.c")
    compilers = [name for name in ("gcc", "clang") if cs.tool(name)]
    for compiler in compilers:
        for kind, flags in {"pie": ["-fPIE", "-pie"], "no-pie": ["-fno-pie", "-no-pie"]}.items():
            program = cs.path("annotated")
            subprocess.run([compiler, "-O2", *flags, "-o", program, source], check=True)
            ring = slots.Session([program, "6", "3"], TIMED).ring
            cs.equal(f"{compiler} {kind}: made", ring.count("annotated"), 6)
            cs.equal(f"{compiler} {kind}: switches", ring.switches(), 18)


told()
killed()
anyhow_linked()
cs.finish()
