#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where parked coroutines are, who made them and what they hold: on a live program, on a trace
at a time, and after the program was killed; compared with what each coroutine noted itself.
"""
import collections
import json
import os
import re
import signal
import time

import cs

PROGRAMS = {"coro_parked": 500, "coro_parked_fiber": 500, "coro_parked_st": 500}


class Parked(cs.Running):
    """COUNT coroutines of PROGRAM, all parked; `noted` says how many are on which stack."""

    def __init__(self, program, count, options=cs.EXACT):
        self.program = cs.target(program)
        super().__init__([self.program, str(count)], options, waits=True)
        self.noted = collections.Counter()
        for line in self.wait_until_ready(f"{program}: all are parked"):
            kind, *words = line.split()
            if kind == "stack":
                self.noted[tuple(int(word, 16) for word in words[1:])] += int(words[0])


def places(report, parked):
    """How many coroutines are on each of the stacks that were noted; None: on another."""
    found = collections.Counter()
    for entry in report["entries"]:
        # An inlined call has the address of the one that holds it. Calls of one line at several
        # addresses are shown as one, without any.
        stack = [int(frame["address"] or "0", 16) for frame in entry["stack"]
                 if frame["module"] and os.path.basename(frame["module"]) ==
                 os.path.basename(parked.program) and not frame["inlined"]]
        match = None
        for noted in parked.noted:
            for at in range(len(stack) - len(noted) + 1):
                if all(here in (there, 0) for here, there in zip(stack[at:], noted)):
                    match = noted
        found[match] += entry["value"]
    return found


def compare(name, report, parked, others=0):
    """OTHERS: coroutines of the runtime itself."""
    found = places(report, parked)
    elsewhere = found.pop(None, 0)
    cs.equal(f"{name}: every coroutine is where it noted to be", found, parked.noted)
    cs.equal(f"{name}: and there are no others", elsewhere, others)
    cs.equal(f"{name}: our own frames are not shown",
             [entry for entry in report["entries"]
              if any("coroscope-agent" in (frame["module"] or "") for frame in entry["stack"])],
             [])


def program(name, count):
    if cs.target(name) is None:
        cs.without(name, "it was not built: a library is missing")
        return
    others = 0  # dispatchers are the runtime's own, and not shown
    with Parked(name, count) as parked:
        cs.until_ok(lambda: compare(
            f"{name}, live", parked.report("heap", "--metric", "coroutines"), parked, others))
        cs.until_ok(lambda: ps(f"{name}, live", ["-p", str(parked.target)], parked, others, count))
        cs.until_ok(lambda: by_makers(name, parked, count))
        at = in_the_trace(parked, lambda report: cs.passes(
            lambda: compare("", report, parked, others)))
        time.sleep(0.3)
        result = parked.end()
        err = result.err
        cs.equal(f"{name}: the program goes on and ends well", (result.status, result.out),
                 (0, "done\n"))
        compare(f"{name}, trace@{at}", parked.trace.heap("coroutines", at=at), parked, others)
        cs.check(f"{name}: nothing was lost", "none lost" in err, err)
        if name == "coro_parked":
            cs.check(f"{name}: stacks of allocations end where the coroutine does",
                     "stacks that end before" not in err, err)
    with Parked(name, count) as parked:
        cs.wait_until(lambda: cs.passes(
            lambda: ps("", [parked.trace.path], parked, others, count)), 60)
        os.kill(parked.target, signal.SIGKILL)
        parked.end()
        compare(f"{name}, killed", parked.trace.heap("coroutines"), parked, others)
        ps(f"{name}, killed", [parked.trace.path], parked, others, count)


def by_makers(name, parked, count):
    sites = by_spawn(parked.report("heap", "--by", "spawn"))
    cs.equal(f"{name}, live: blocks of coroutines are with who made them",
             sum(objects for site, objects in sites.items() if site), count)


def in_the_trace(parked, right):
    """A time of the growing trace whose coroutines are RIGHT: they get there some a tick, and
    their stacks a few milliseconds' worth."""
    def look():
        try:
            report = parked.trace.heap("coroutines")
        except cs.ReportError:
            return None
        return report["time_ns"] if right(report) else None
    return f"{(cs.wait_until(look, 60) or 0) / 1e9:.9f}s"


def ps(name, arguments, parked, others, count):
    """The same by `ps --json`: each coroutine with its stack, its maker and what it holds."""
    coroutines = cs.report("ps", *arguments)["coroutines"]
    compare(f"{name}, ps", {"entries": [{"value": 1, "stack": one["stack"] or []}
                                        for one in coroutines]}, parked, others)
    cs.equal(f"{name}, ps: all wait, and were made by the program",
             sum(1 for one in coroutines if one["state"] == "waiting" and one["spawn"] and
                 any("spawn" in frame["function"] for frame in one["spawn"])), count + others)
    cs.equal(f"{name}, ps: none has waited for longer than it lives",
             [one["id"] for one in coroutines if one["waiting_ns"] > one["age_ns"]], [])
    cs.check(f"{name}, ps: each holds what it has allocated",
             sum(1 for one in coroutines if 100 <= (one["heap_bytes"] or 0) < 150) >= count)


def by_spawn(report):
    """Objects by the program's function that made the coroutine; '': by none."""
    sites = collections.Counter()
    for entry in report["entries"]:
        names = [frame["function"] for frame in entry["stack"]
                 if re.match(r"spawn", frame["function"])]
        sites[re.sub(r"\(.*", "", names[0]) if names else ""] += entry["objects"] or 0
    return sites


def heap():
    """Issue: at least 99.9 % of the samples taken on a coroutine carry it and its maker."""
    run = cs.record([cs.need_target("coro_ucontext"), "5000", "3", "2"], cs.LOSSLESS)
    made = json.loads(run.out)["created"]
    stacks = run.trace.heap("alloc_objects")["entries"]
    on = sum(entry["value"] for entry in stacks
             if any(frame["function"] == "site_in_coroutine" for frame in entry["stack"]))
    spawned = by_value(run.trace.heap("alloc_objects", "--by", "spawn"), "thread_main")
    cs.equal("heap: each coroutine allocated once", on, made)
    cs.check("heap: at least 99.9 % of what is allocated on coroutines has its maker",
             made * 0.999 <= spawned <= made, f"{spawned} of {made}")
    cs.equal("heap: as many as the program made were created",
             run.trace.total("spawned"), made)


def by_value(report, function):
    return sum(entry["value"] for entry in report["entries"]
               if any(frame["function"] == function for frame in entry["stack"]))


def written(parked):
    """Coroutines that the growing trace knows by now."""
    try:
        return parked.trace.total("spawned")
    except cs.ReportError:
        return 0


def burst(count=60000):
    """Creations that find no room in a lane are lost as events, and not as coroutines."""
    if cs.target("coro_parked") is None:
        return
    with Parked("coro_parked", count, ["--no-heap", "--buffer=64KiB"]) as parked:
        cs.wait_until(lambda: written(parked) >= count, 90)
        cs.until_ok(lambda: cs.equal("burst: all of them are there", sum(
            group["count"] for group in parked.report("ps", "--group")["groups"]), count))
        at = in_the_trace(parked, lambda report: report["total"] >= count)
        time.sleep(0.3)
        err = parked.end().err
    if "LOST" not in err:
        cs.without("burst: events that were lost", "the recorder has kept up with a slow program")
    cs.equal("burst: all creations are counted", parked.trace.total("spawned", at=at), count)
    cs.equal("burst: all are in the trace", parked.trace.total("coroutines", at=at), count)


def events():
    """--sched=all: as many runs as the program counted, each with thread and time."""
    run = cs.record([cs.need_target("coro_ucontext"), "200", "6", "2"],
                    ["--no-heap", "--sched=all", "--buffer=32MiB"])
    own = json.loads(run.out)
    seen = collections.Counter()
    stamps = []
    for line in cs.run([cs.COROSCOPE, "dump", run.trace.path]).out.splitlines():
        event = re.match(r"\s+event (\w+) time_ns=(\d+) process=1 thread=(\d+)", line)
        if event:
            seen[event[1]] += 1
            stamps.append(int(event[2]))
            if event[3] == "0":
                seen["without a thread"] += 1
    cs.equal("events: creations", seen["create"], own["created"])
    cs.equal("events: runs", seen["run"], own["switches"])
    cs.equal("events: ends, but for those that are left", seen["finish"] + run.trace.total("coroutines"),
             own["created"])
    cs.equal("events: parkings", seen["park"], own["switches"] - own["finished"])
    cs.equal("events: all have a thread", seen["without a thread"], 0)
    cs.check("events: their times are those of the run",
             stamps and max(stamps) < 60e9 and len(set(stamps)) > own["created"])


for name_, count_ in PROGRAMS.items():
    program(name_, count_)
heap()
burst()
events()
cs.finish()
