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


def keeps_up():
    """A thread on the other core makes events and waits for room as an agent does."""
    rows = [measure.Row("reader, a producer on the other core, 10 M events/s asked for",
                        "M events/s", measure.at_least(9.9)),
            measure.Row("reader, a producer on the other core, as fast as both can",
                        "M events/s", measure.at_least(10))]

    def rate(asked):
        told = json.loads(measure.run([BUILD / "bench/bench_reader", "keep", asked, "2"]).out)
        if told["lost"]:
            raise measure.Discard(f"{told['lost']} events were lost")
        return told["delivered"] / told["seconds"] / 1e6

    measure.compare(rows, ours=lambda: [rate("10e6"), rate("30e6")])


def micro(folder):
    return measure.compile_program(folder, "micro.c", "-fno-builtin", "-pthread",
                                   "-fno-optimize-sibling-calls", "-fno-omit-frame-pointer")


def live(folder, title, pairs, *options):
    """Events a second of one thread whose stacks are shallow, as fast as it can."""
    trace = os.path.join(folder, "trace.coro")
    program = [micro(folder), "1", str(pairs), "2"]
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
keeps_up()
with tempfile.TemporaryDirectory() as scratch:
    live(scratch, "reader, live, a program that only allocates", 10000000)
    losses(scratch)
