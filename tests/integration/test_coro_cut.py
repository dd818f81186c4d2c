#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Wrong or missing unwind information below a coroutine that waits: its stack is cut there, the
others are whole, and neither the program nor a reader minds. So for samples of what it allocates.
"""
# cs-test: timeout=60
import json
import os
import signal
import subprocess
import time

import cs

COUNT = 50


def names(stack):
    return [frame["function"] for frame in stack or []]


def cut():
    trace = cs.Trace(cs.path("cut.coro"))
    process = subprocess.Popen(
        cs.record_command([cs.need_target("coro_cut"), str(COUNT)], cs.LOSSLESS, trace.path),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=cs.environment(), cwd=cs.folder(), start_new_session=True)
    try:
        cs.equal("cut: all wait", process.stdout.readline(), b"ready\n")
        time.sleep(0.5)
        pid = cs.children(process.pid)[0]
        listed = cs.run([cs.COROSCOPE, "ps", "--json", "-p", str(pid)])
        coroutines = json.loads(listed.out)["coroutines"]
        cs.equal("cut: all are shown", (listed.status, len(coroutines)), (0, COUNT))
        stacks = [names(one["stack"]) for one in
                  sorted(coroutines, key=lambda one: int(one["id"].split("/")[1]))]
        cs.equal("cut: each begins where it waits",
                 [i for i, stack in enumerate(stacks) if "park_here" not in stack], [])
        cs.equal("cut: those with right information are whole",
                 [i for i, stack in enumerate(stacks) if ("outermost" in stack) != (i % 5 == 4)
                  and i % 5], [])
        cs.equal("cut: nobody is led astray", {name for stack in stacks for name in stack} -
                 {"swapcontext", "park_here", "outermost", "__start_context", "through_nothing",
                  "through_beyond", "through_loop", "through_back", "through_right"} -
                 {name for stack in stacks for name in stack if name.startswith("[")}, set())
        out, err = process.communicate(timeout=30)
        cs.equal("cut: the program goes on and ends well", (process.returncode, out),
                 (0, b"done\n"))
        cs.check("cut: nothing was lost", b"none lost" in err, err)
        cs.check("cut: that stacks were cut is said", b"before their outermost call" in err, err)
        blocks = [entry for entry in trace.heap("alloc_objects")["entries"]
                  if "park_here" in names(entry["stack"])]
        cs.equal("cut: every block is with who asked for it",
                 sum(entry["value"] for entry in blocks), 3 * COUNT)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


cut()
cs.finish()
