# SPDX-License-Identifier: Apache-2.0
"""What recording every allocation adds to a pair of free and malloc, beside heaptrack.

The program is micro.c, 1,024 paths, 20 frames deep. Two times of each run: the CPU time of a
pair, taken inside the program, and the wall time a pair until the recorder has closed its
file. A round of ours counts only if nothing was lost. heaptrack runs raw (-r): its interpreter
runs out of memory on this many paths; what raw mode leaves undone is not charged to it."""
import os
import re
import tempfile

import measure

PAIRS = int(os.environ.get("PAIRS", "8000000"))
FOLDER = tempfile.TemporaryDirectory(prefix="coroscope-bench.")
FLAGS = ["-fno-builtin", "-pthread", "-fno-optimize-sibling-calls"]
PROGRAMS = {
    "frame pointers": measure.compile_program(FOLDER.name, "micro.c", *FLAGS,
                                              "-fno-omit-frame-pointer", name="micro_fp"),
    "no frame pointers": measure.compile_program(FOLDER.name, "micro.c", *FLAGS),
}
TRACE = os.path.join(FOLDER.name, "trace.coro")
HEAPTRACK = measure.tool("heaptrack")


def measured(command, pairs):
    """CPU ns of a pair; wall ns of a pair, from start to the recorder's end."""
    result = measure.run(command)
    inside = float(re.search(r"^[0-9.]+$", result.out, re.MULTILINE).group())
    return inside, result.wall * 1e9 / pairs


def ours(program):
    result = measured(measure.record(TRACE, "all", program), PAIRS)
    measure.lossless(TRACE)
    return result


def rows(name, least):
    return [measure.Row(f"every allocation, {name}, a pair: CPU", "ns",
                        measure.times_less(least)),
            measure.Row(f"every allocation, {name}, a pair: wall until closed", "ns",
                        measure.times_less(least))]


def compare(name, program, threads, least, *depth):
    command = [program, str(threads), str(PAIRS), *depth]
    heaptrack = ["heaptrack", "-r", "-o", os.path.join(FOLDER.name, "heaptrack"), *command]
    measure.compare(rows(name, least), bare=lambda: measured(command, PAIRS),
                    ours=lambda: ours(command),
                    peer=(lambda: measured(heaptrack, PAIRS)) if HEAPTRACK else None,
                    no_peer=None if HEAPTRACK else "heaptrack is not installed")


compare("20 frames, frame pointers", PROGRAMS["frame pointers"], 1, 5)
compare("20 frames, no frame pointers", PROGRAMS["no frame pointers"], 1, 3)
compare("20 frames, no frame pointers, 2 threads", PROGRAMS["no frame pointers"], 2, 10)
