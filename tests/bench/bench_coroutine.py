# SPDX-License-Identifier: Apache-2.0
"""What a coroutine switch costs, counted, and counted and timed, while the reader runs."""
import subprocess
import tempfile

import measure

FOLDER = tempfile.TemporaryDirectory(prefix="coroscope-bench.")
TRACE = FOLDER.name + "/trace.coro"
NO_PEER = "kernel probes cost some 4 us a switch"


def numbers(command):
    return [float(word) for word in measure.run(command).out.split()[:3]]


def switches():
    try:
        program = [measure.compile_program(FOLDER.name, "switch.c", "-lboost_context")]
    except subprocess.CalledProcessError:
        return measure.say("Boost.Context is not installed: no row")
    look = min(numbers(program)[2] for _ in range(3))
    for mode, words, more in (("count", "counted", 0), ("time", "counted and timed", look + 10)):
        rows = [measure.Row(f"a switch by {name}, {words}", "ns",
                            measure.added_at_most(round(5 + more, 1)))
                for name in ("jump_fcontext", "swapcontext")]
        recorded = [measure.COROSCOPE, "record", "--quiet", "--no-heap", f"--sched={mode}", "-o",
                    TRACE, "--", *program]
        measure.compare(rows, bare=lambda: numbers(program)[:2],
                        ours=lambda recorded=recorded: numbers(recorded)[:2], no_peer=NO_PEER)
    return None


switches()
