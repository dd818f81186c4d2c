#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Wrong or missing unwind information below a coroutine that waits: its stack is cut there, the
others are whole, and neither the program nor a reader minds. So for samples of what it allocates.
"""

import cs

COUNT = 50


def names(stack):
    return [frame["function"] for frame in stack or []]


def cut():
    program = cs.need_target("coro_cut")
    with cs.Running([program, str(COUNT)], cs.LOSSLESS, waits=True) as running:
        running.wait_until_ready("cut: all wait")
        cs.until_ok(lambda: shown(running))
        result = running.end()
        cs.equal("cut: the program goes on and ends well", (result.status, result.out),
                 (0, "done\n"))
        cs.check("cut: nothing was lost", "none lost" in result.err, result.err)
        cs.check("cut: that stacks were cut is said",
                 "before their outermost call" in result.err, result.err)
        blocks = [entry for entry in running.trace.heap("alloc_objects")["entries"]
                  if "park_here" in names(entry["stack"])]
        cs.equal("cut: every block is with who asked for it",
                 sum(entry["value"] for entry in blocks), 3 * COUNT)


def shown(running):
    coroutines = running.report("ps")["coroutines"]
    cs.equal("cut: all are shown", len(coroutines), COUNT)
    stacks = [names(one["stack"]) for one in cs.by_number(coroutines)]
    cs.equal("cut: each begins where it waits",
             [i for i, stack in enumerate(stacks) if "park_here" not in stack], [])
    cs.equal("cut: those with right information are whole",
             [i for i, stack in enumerate(stacks) if ("outermost" in stack) != (i % 5 == 4)
              and i % 5], [])
    cs.equal("cut: nobody is led astray", {name for stack in stacks for name in stack} -
             {"swapcontext", "park_here", "outermost", "__start_context", "through_nothing",
              "through_beyond", "through_loop", "through_back", "through_right"} -
             {name for stack in stacks for name in stack if name.startswith("[")}, set())


cut()
cs.finish()
