#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs of Boost.Fiber: the examples that come with it, compiled as they are, and a tree of a
hundred thousand fibers. They do what they do without us, and we see them.
"""
# cs-test: release-only timeout=600
import glob
import json
import re
import shutil
import subprocess

import cs
import slots

LEAVES = 100000
INNER = sum(LEAVES // 10 ** i for i in range(1, 6))


def example(name):
    """One of Boost's own programs, built as its users would; None: it can't be had."""
    sources = glob.glob(f"/usr/share/doc/libboost*-doc/examples/libs/fiber/examples/{name}.cpp")
    compiler = shutil.which("g++")
    if not sources or not compiler:
        return None
    program = cs.path(name)
    built = subprocess.run(
        [compiler, "-O1", "-o", program, sources[0], "-lboost_fiber", "-lboost_context",
         "-lpthread"], capture_output=True, check=False)
    return program if built.returncode == 0 else None


def said(out):
    """What does not depend on which thread is faster, or what it is called."""
    return sorted(line for line in re.sub(r"\b(\d{10,}|0x[0-9a-f]+)\b", "N", out).splitlines()
                  if "switched to thread" not in line)


def examples():
    """fibers: how many the source makes, without dispatchers; None: it is not easily said."""
    for name, fibers in (("join", 2), ("ping_pong", 2), ("barrier", 2), ("wait_stuff", None),
                         ("work_sharing", 26)):
        program = example(name)
        if program is None:
            cs.without(f"example {name}", "Boost's examples are not installed, or don't compile")
            continue
        bare = subprocess.run([program], capture_output=True, text=True, timeout=200, check=False)
        run = slots.Session([program], slots.SCHED | slots.TIME | slots.EVENTS, lane=16 << 20,
                            status=bare.returncode)
        cs.equal(f"example {name}: says what it says", said(run.out), said(bare.stdout))
        ring = run.ring
        workers = [n for n, born in ring.created.items() if not born[7] & slots.SYSTEM]
        cs.equal(f"example {name}: its coroutines are fibers",
                 {born[3] for born in ring.created.values()}, {"boost-context"})
        if fibers is not None:
            cs.equal(f"example {name}: as many as it makes", len(workers), fibers)
        cs.equal(f"example {name}: all of them ended",
                 [n for n in workers if n not in ring.ended], [])


def skynet():
    target = cs.target("coro_skynet")
    if target is None:
        cs.without("skynet", "it was not built: a library is missing")
        return
    with cs.Running([target, str(LEAVES)], cs.LOSSLESS, waits=True) as running:
        running.wait_until_ready("skynet: all are there")
        # The recorder takes a while to take everything in.
        cs.until_ok(lambda: skynet_shown(running), 120)
        result = running.end(200)
        own = json.loads(result.out)
        cs.equal("skynet: the sum is right", own["sum"], LEAVES * (LEAVES - 1) // 2)
        cs.equal("skynet: all were counted, with the dispatcher",
                 running.trace.total("spawned"), own["made"] + 1)
        cs.check("skynet: nothing was lost", "none lost" in result.err, result.err)


def skynet_shown(running):
    groups = running.report("ps", "--group")["groups"]
    cs.equal("skynet: all fibers are in groups",
             sum(group["count"] for group in groups if group["runtime"] == "boost-context"),
             LEAVES + INNER)
    reasons = {}
    for group in groups:
        for reason, count in group["reasons"].items():
            reasons[reason] = reasons.get(reason, 0) + count
    cs.equal("skynet: leaves wait on the condition, the others for them",
             (reasons.get("condition"), reasons.get("channel")), (LEAVES, INNER))
    held = running.report("heap", "--by", "spawn")
    made = sum(entry["objects"] for entry in held["entries"] if any(
        "spawn" in frame["function"] for frame in entry["stack"]))
    cs.check("skynet: what they hold is with who made them", made >= LEAVES, made)
    cs.equal("skynet: and each leaf holds its block",
             sum(group["heap_bytes"] for group in groups if "condition" in group["reasons"]),
             100 * LEAVES)


examples()
skynet()
cs.finish()
