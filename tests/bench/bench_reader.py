# SPDX-License-Identifier: Apache-2.0
"""How many events a second the reader books: from lanes in memory, one core; and live, from a
program that does nothing but allocate, on the other core. Losses, where a lane is too small,
must add up."""
import json
import os
import tempfile
from pathlib import Path

import measure

BUILD = Path(measure.COROSCOPE).parents[1]


def booked():
    measure.run(["cmake", "--build", BUILD, "--target", "bench_reader"])
    result = measure.run([BUILD / "bench/bench_reader"])
    for line in result.out.splitlines():
        case = json.loads(line)
        threads = "1 thread" if case["lanes"] == 1 else f"{case['lanes']} threads"
        measure.figure(f"reader, one core, {threads}, {case['live']:,} live blocks",
                       "M events/s", [1e3 / case[key] for key in ("ns_high", "ns", "ns_low")],
                       measure.at_least(10))


def micro(folder):
    return measure.compile_program(folder, "micro.c", "-fno-builtin", "-pthread",
                                   "-fno-optimize-sibling-calls", "-fno-omit-frame-pointer")


def live(folder, title, pairs, rate, *options):
    """Events a second of one thread whose stacks are shallow, as fast as it can or at a rate."""
    trace = os.path.join(folder, "trace.coro")
    program = [micro(folder), "1", str(pairs), "2", "64", str(rate)]
    row = measure.Row(title, "M events/s", measure.at_least(10))

    def ours():
        measure.run(measure.record(trace, "all", program, *options))
        events = measure.lossless(trace)
        thread = measure.info(trace)["threads"][1]
        return events * 1e3 / (thread["end_ns"] - thread["start_ns"])

    measure.compare(row, ours=ours)


def losses(folder):
    """Lanes of 16 KiB that drop: what the program made, less delivered, less lost."""
    trace, pairs = os.path.join(folder, "trace.coro"), 1000000
    row = measure.Row("reader too slow: events unaccounted for", "events", measure.at_most(0))

    def ours():
        measure.run(measure.record(trace, "all", [micro(folder), "1", str(pairs), "2"],
                                   "--on-full=drop", "--buffer=16KiB"))
        told = measure.info(trace)
        emitted = told["processes"][0]["events"]
        # Each pair twice, and the twentieth that warms up; beyond them a handful of threads,
        # modules and the like.
        made = 2 * (pairs + pairs // 20)
        if not told["summary"]["lost"]:
            raise measure.Discard("nothing was lost")
        if not row.notes:
            row.note(f"{told['summary']['lost']:,} of {emitted:,} events were lost")
        return (abs(emitted - told["summary"]["events"] - told["summary"]["lost"]) +
                (0 if made <= emitted <= made + 100 else abs(made - emitted)))

    measure.compare(row, ours=ours, rounds=3)


booked()
with tempfile.TemporaryDirectory() as scratch:
    live(scratch, "reader, live, a program that only allocates", 10000000, 0)
    live(scratch, "reader, live, 10 M events/s asked for", 10000000, 5000000)
    losses(scratch)
