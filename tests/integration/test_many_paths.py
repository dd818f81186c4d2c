# SPDX-License-Identifier: Apache-2.0
"""A program with more allocation paths than other recorders survive is recorded in full, and
when its lanes are too small for it, what was lost is counted exactly."""
import re

import cs

PROGRAM = cs.need_target("many_paths")
PATH_BITS = 10


def books(out):
    """By metric and path, what the program holds and has allocated; zeros left out."""
    rows = [[int(word) for word in line.split()] for line in out.splitlines()]
    return {metric: {row[0]: row[i + 1] for row in rows if row[i + 1]}
            for i, metric in enumerate(cs.BOOK_METRICS)}


def by_path(trace, metric):
    """The same out of a trace: the outermost steps of a stack are the bits of its path."""
    sums = {}
    for stack, value in trace.fold(metric).items():
        steps = re.findall(r"\bstep_([01])\b", stack)
        if len(steps) >= PATH_BITS and value:
            path = int("".join(steps[:PATH_BITS]), 2)
            sums[path] = sums.get(path, 0) + value
    return sums


def in_full():
    recording = cs.record([PROGRAM, "100000"], cs.LOSSLESS)
    want = books(recording.out)
    cs.equal("many paths: status", recording.status, 0)
    cs.equal("many paths: nothing lost", cs.lost(recording.trace), 0)
    cs.equal("many paths: the program used them all", len(want["alloc_space"]), 1 << PATH_BITS)
    for metric in cs.BOOK_METRICS:
        cs.equal(f"many paths: {metric} of each path, to the byte",
                 by_path(recording.trace, metric), want[metric])


def losses():
    """Lanes of 16 KiB hold what the program makes in a tenth of a millisecond."""
    recording = cs.record([PROGRAM, "100000"],
                          ["--heap=all", "--on-full=drop", "--buffer=16KiB"])
    told = recording.trace.report("info")
    process, summary = told["processes"][0], told["summary"]
    rows = books(recording.out)
    allocations = sum(rows["alloc_objects"].values())
    events = 2 * allocations - sum(rows["inuse_objects"].values())
    cs.equal("losses: the program is not disturbed", recording.status, 0)
    cs.check("losses: there are some", process["lost"] > 0)
    cs.equal("losses: emitted = delivered + lost", process["events"],
             summary["events"] + process["lost"])
    # Beyond its allocations and frees: threads, modules, the end, and what pthread allocates.
    cs.check("losses: emitted is what the program did",
             events <= process["events"] <= events + 100, f"{process['events']} for {events}")
    cs.equal("losses: the intervals in which they happened hold all of them",
             sum(loss["events"] for loss in told["losses"]), process["lost"])
    heap = recording.trace.heap("alloc_objects")
    cs.equal("losses: figures say that they are too low", heap["certainty"], "at least")
    cs.check("losses: no allocation is made up", heap["total"] <= allocations + 10,
             f"{heap['total']} of {allocations}")


in_full()
losses()
cs.finish()
