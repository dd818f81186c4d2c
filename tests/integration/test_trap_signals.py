# SPDX-License-Identifier: Apache-2.0
"""traps of signals: the program's handlers, stacks, timers and waits are its own."""
import os
import signal
import time

import cs


def parts():
    program = cs.need_target("signals")
    for part, row in (("altstack", "alternate-signal-stack and longjmp out of handlers"),
                      ("timer", "a timer interrupts hooks at any instruction"),
                      ("user", "SIGUSR1 and SIGUSR2 are the program's"),
                      ("quiet", "EINTR: no call is interrupted"),
                      ("sigwait", "no helper thread takes the program's signals")):
        cs.same(f"trap {row}", [program, part])


def frames_of_handlers():
    recording = cs.record([cs.need_target("signals"), "altstack"])
    cs.equal("trap alternate-signal-stack: blocks of handlers are counted",
             recording.trace.sites("inuse_objects"), {"site_signal": 1000})
    stacks = recording.trace.fold("inuse_objects")
    cs.check("trap alternate-signal-stack: the stack goes on below the handler",
             any("part_altstack" in s and "on_fault" in s for s in stacks), list(stacks)[:3])


def interrupt_reaches_the_program():
    """Ctrl-C goes to both: the program ends by it, the trace is whole, the status is passed."""
    program = cs.need_target("churn")
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        with cs.Running([program, "2", "100", "100000"]) as running:
            if not cs.check(f"{number.name}: the target runs", running.wait_for_target(program)):
                continue
            time.sleep(0.3)
            os.killpg(running.pid, number)
            result = running.end(200)
            cs.equal(f"{number.name} to the whole group: the program's status is passed on",
                     result.status, status)
            cs.check(f"{number.name}: the trace is whole",
                     running.trace.report("info") is not None)


parts()
frames_of_handlers()
interrupt_reaches_the_program()
cs.finish()
