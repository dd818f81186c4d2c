#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Coroutines that run on one stack, copied in and out or one after the other: they can't be told
apart, and every report says so, as far as it can be known."""
import json

import cs

ALONE = "told apart by their stacks alone"


def run(kind, shared):
    recorded = cs.record([cs.need_target("coro_shared"), kind], cs.LOSSLESS)
    listed = cs.run([cs.COROSCOPE, "ps", "--json", recorded.trace.path])
    coroutines = json.loads(listed.out)["coroutines"]
    cs.equal(f"{kind}: it is one that is shown",
             [(one["runtime"], one["shared_stack"]) for one in coroutines], [("stack", shared)])
    # Nobody knows how to read where it waits: what is shown is from its last allocation.
    cs.equal(f"{kind}: where it was last seen is not shown as where it is",
             [(one["stack_is_old"], one["stack"][0]["function"]) for one in coroutines],
             [(True, "site_on_stack")])
    cs.check(f"{kind}: but with how long ago that was",
             all(one["stack_age_ns"] >= 0 for one in coroutines))
    text = cs.run([cs.COROSCOPE, "ps", recorded.trace.path]).out
    cs.check(f"{kind}: also in words", "last seen" in text, text)
    cs.equal(f"{kind}: ps says what is known of it",
             ("1 stack has several coroutines" in text, ALONE in text), (shared, not shared))
    cs.equal(f"{kind}: and so does the summary of the recording",
             "1 stacks on which several coroutines were met" in recorded.err, shared)
    counters = json.loads(cs.run([cs.COROSCOPE, "info", "--json", recorded.trace.path]).out)
    cs.equal(f"{kind}: and info",
             counters["processes"][0]["counters"].get("coroutines_shared", 0), int(shared))
    blocks = recorded.trace.sites("alloc_objects", prefix="second")
    cs.equal(f"{kind}: their blocks have their own stacks all the same",
             blocks, {"second": 5} if shared else {})


def many():
    """Also where all that they do has been seen before, on another stack."""
    recorded = cs.record([cs.need_target("coro_shared"), "many"], cs.LOSSLESS)
    listed = cs.run([cs.COROSCOPE, "ps", "--json", recorded.trace.path])
    cs.equal("many: each of the stacks is known to be shared",
             [one["shared_stack"] for one in json.loads(listed.out)["coroutines"]], [True] * 10)


run("two", True)
run("after", True)
run("same", False)  # nothing tells them apart: that is said of all that stacks alone tell
run("alone", False)
many()
cs.finish()
