# SPDX-License-Identifier: Apache-2.0
"""What sampling adds to a pair of free and malloc, and what a sample costs.

At 512 KiB what is added is less than what differs from one process to the next, so it is taken
within a process: turns.c, pairs through the agent and past it in turns. What jemalloc's profiler
adds can be had from two processes only: micro.c. There the CPU time of a pair is taken inside as
well, thread by thread. `PAIRS` sets how many a round makes: enough for each of the 1,024 stacks
to be sampled several times, because the first time costs some microseconds more, once."""
import glob
import os
import re
import tempfile

import measure

PAIRS = os.environ.get("PAIRS", "4000000")
JEMALLOC = next(iter(glob.glob("/usr/lib/*/libjemalloc.so.2")), None)
# As micro.c draws them, for what a mean of M bytes samples of a pair.
SIZES = range(16, 16 + 1413)
FOLDER = tempfile.TemporaryDirectory(prefix="coroscope-bench.")
FLAGS = ("-D_GNU_SOURCE", "-fno-builtin", "-pthread", "-fno-optimize-sibling-calls")
PROGRAM = measure.compile_program(FOLDER.name, "micro.c", *FLAGS)
TURNS = measure.compile_program(FOLDER.name, "turns.c", *FLAGS)
TRACE = os.path.join(FOLDER.name, "trace.coro")


def pair_ns(command, env=None):
    """What the program prints, found among what others print."""
    return float(re.search(r"^[0-9.]+$", measure.run(command, env).out, re.MULTILINE).group())


def variants(threads, heap, preload=None, shift=None, pairs=PAIRS):
    program = [PROGRAM, str(threads), pairs]
    env = {"LD_PRELOAD": preload} if preload else None
    profiled = {**(env or {}), "MALLOC_CONF": f"prof:true,lg_prof_sample:{shift}"}
    return {"bare": lambda: pair_ns(program, env),
            "ours": lambda: pair_ns(measure.record(TRACE, heap, program, "--no-symbols"), env),
            "peer": (lambda: pair_ns(program, profiled)) if shift else None}


def turns(row, library, threads, preload):
    """Fills ROW. Without an agent the two ways are the same; how far they differ is a note."""
    program = [TURNS, library, str(threads), PAIRS]
    env = {"LD_PRELOAD": preload} if preload else None
    figures = lambda command: [float(word) for word in measure.run(command, env).out.split()]
    pair = variants(threads, "512KiB", preload, 19)
    alone = []
    for _ in range(measure.wanted_rounds(5)):
        alone.append(figures(program)[1])
        bare, more = figures(measure.record(TRACE, "512KiB", program, "--no-symbols"))
        row.add(bare, bare + more, bare + pair["peer"]() - pair["bare"]() if preload else None)
    row.note(f"without us the two ways differ by {min(alone):+.2f} to {max(alone):+.2f} ns")
    measure.finish(row)


def at_512_kib():
    for allocator, library, preload in (("glibc", "libc.so", None),
                                        ("jemalloc", "libjemalloc", JEMALLOC)):
        if allocator == "jemalloc" and not JEMALLOC:
            measure.say("jemalloc is not installed: no rows on it")
            continue
        for threads in (1, 2):
            of = "1 thread" if threads == 1 else f"{threads} threads"
            turns(measure.Row(f"sampled 512 KiB, {allocator}, {of}, a pair", "ns",
                              measure.added_at_most(5)), library, threads, preload)


def samples_a_pair(mean):
    """Of a pair's one block: a block of s bytes is sampled with 1 - exp(-s/mean)."""
    return sum(1 - 2.718281828459045 ** (-size / mean) for size in SIZES) / len(SIZES)


def at_8_kib():
    no_peer = None if JEMALLOC else "jemalloc is not installed"
    on = {"preload": JEMALLOC, "shift": 13} if JEMALLOC else {}
    row = measure.Row("sampled 8 KiB, jemalloc and its profiler, a pair", "ns",
                      measure.times_less(8))
    measure.compare(row, **variants(1, "8KiB", **on, pairs=str(int(PAIRS) // 2)),
                    no_peer=no_peer, rounds=7)


def one_sample():
    """From what 2 KiB adds over 512 KiB: what every call costs falls out."""
    share = samples_a_pair(2 << 10) - samples_a_pair(512 << 10)
    on = {"preload": JEMALLOC} if JEMALLOC else {}
    pairs = str(int(PAIRS) // 4)
    dense = variants(1, "2KiB", **on, shift=11 if JEMALLOC else None, pairs=pairs)
    sparse = variants(1, "512KiB", **on, shift=19 if JEMALLOC else None, pairs=pairs)
    row = measure.Row("one sample, its free included", "ns", measure.at_most(700))
    of = lambda who: (lambda: (dense[who]() - sparse[who]()) / share)
    measure.compare(row, ours=of("ours"), peer=of("peer") if JEMALLOC else None,
                    no_peer=None if JEMALLOC else "jemalloc is not installed", rounds=7)


at_512_kib()
at_8_kib()
one_sample()
