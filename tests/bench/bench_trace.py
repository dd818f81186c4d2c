# SPDX-License-Identifier: Apache-2.0
"""Reading the trace of 100 million events of a program with 1 million live blocks and 1,024
stacks; `EVENTS` sets how many millions. A trace holds sums for each tick, not events: the rate
says how long one waits for an answer about so many."""
import os
import subprocess
import tempfile
import time

import measure

EVENTS = int(os.environ.get("EVENTS", "100"))
LIVE = 1000000
FOLDER = tempfile.TemporaryDirectory(prefix="coroscope-bench.")
TRACE = os.path.join(FOLDER.name, "trace.coro")


def read(*command):
    """Seconds, CPU seconds and MiB of the largest resident set of one of our commands."""
    start = time.monotonic()
    with subprocess.Popen([measure.COROSCOPE, *command], stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"coroscope {' '.join(command)} ended with {process.returncode}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    micro = measure.compile_program(FOLDER.name, "micro.c", "-fno-builtin", "-pthread",
                                    "-fno-optimize-sibling-calls", "-fno-omit-frame-pointer")
    measure.say(f"recording {EVENTS} million events")
    measure.run(measure.record(TRACE, "all", [micro, "1", str(EVENTS * 500000), "20", str(LIVE)],
                               "--no-symbols"))
    told = measure.info(TRACE)
    events = told["summary"]["events"]
    facts = (f"{events / 1e6:.0f} million events, {told['summary']['lost']} lost, in "
             f"{told['duration_ns'] / 1e9:.0f} s and {told['file_bytes'] / 1e6:.1f} MB, "
             f"{LIVE:,} live blocks")
    middle = f"{TRACE}@{told['duration_ns'] // 2}ns"
    for title, command in (("info FILE", ["info", TRACE]), ("heap FILE", ["heap", TRACE]),
                           ("heap FILE@TIME", ["heap", middle]),
                           ("fold FILE@peak", ["fold", f"{TRACE}@peak"]),
                           ("diff FILE@TIME FILE", ["diff", middle, TRACE])):
        runs = [read(*command) for _ in range(int(os.environ.get("ROUNDS", "5")))]
        measure.figure(f"trace of {EVENTS} million events: {title}", "M events/s",
                       [events / 1e6 / run[1] for run in runs], measure.at_least(5),
                       notes=[facts] if title == "info FILE" else [])
        measure.figure(f"trace of {EVENTS} million events: {title}, resident", "MiB",
                       [run[2] for run in runs], measure.at_most(256))


main()
