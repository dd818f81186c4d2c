# SPDX-License-Identifier: Apache-2.0
"""Traces that keep their end: --max-size bounds the file at every moment, --last the time in it;
sums are those of a trace that keeps everything, and a killed recorder leaves a whole one."""
import os
import signal
import time

import cs

PROGRAM = cs.need_target("paths")
WORK = [PROGRAM, "100", "30"]
LONG = [PROGRAM, "1000", "30"]  # it is killed before it ends
MAX = 128 << 10


def size(file):
    try:
        return os.stat(file).st_size
    except OSError:
        return 0


def watched(options):
    """Records while the file's size and its readability are looked at."""
    largest, moments, unreadable = 0, 0, []
    with cs.Running(WORK, options) as running:
        while running.process.poll() is None:
            largest = max(largest, size(running.trace.path))
            if size(running.trace.path) > 10000 and moments < 15:
                moments += 1
                result = cs.run([cs.COROSCOPE, "heap", running.trace.path])
                if result.status != 0:
                    unreadable.append(result)
            time.sleep(0.02)
        result = running.end()
    return cs.Recording(result, running.trace), max(largest, size(running.trace.path)), unreadable


def same_sums(name, recording, unbounded):
    for metric in ("inuse_space", "inuse_objects", "alloc_space", "alloc_objects"):
        cs.equal(f"{name}: {metric} by function", recording.trace.sites(metric),
                 unbounded.trace.sites(metric))


def refused(name, trace, moment):
    result = cs.run([cs.COROSCOPE, "heap", trace.at(moment)])
    cs.check(f"{name}: a time that was dropped is refused in words",
             result.status == 2 and "dropped" in result.err and "hint: " in result.err, result)


def bounded(name, options, unbounded, largest_allowed):
    recording, largest, unreadable = watched([*cs.LOSSLESS, *options])
    cs.equal(f"{name}: status", recording.status, 0)
    cs.check(f"{name}: the file was never larger ({largest} bytes)", largest <= largest_allowed,
             largest)
    cs.check(f"{name}: it could be read at every moment", not unreadable, unreadable[:1])
    same_sums(name, recording, unbounded)
    session = recording.trace.report("info")["session"]
    cs.check(f"{name}: info says from when on it was kept", session["kept_from_ns"] > 0, session)
    cs.check(f"{name}: the summary says it", "kept" in recording.err, recording.err)
    refused(name, recording.trace, "0.01s")
    cs.check(f"{name}: nothing else is left beside it",
             not [f for f in os.listdir(cs.folder()) if f.endswith(".tmp")])
    return recording, session


def last(unbounded):
    recording, session = bounded("--last 2s", ["--last", "2s"], unbounded, 1 << 30)
    duration = recording.trace.report("info")
    end = max(process["end_ns"] or 0 for process in duration["processes"])
    kept = (end - session["kept_from_ns"]) / 1e9
    # A busy machine may have kept the recorder from dropping: then it ran for longer as well.
    ran = end / 1e9
    cs.check(f"--last 2s: keeps that much ({kept:.2f} of {ran:.2f} s)",
             1.5 <= kept <= max(3.5, ran - 0.5), kept)


def killed():
    """Whatever the recorder was doing, the file under its name is whole."""
    for pause in (0.6, 1.3, 2.1):
        with cs.Running(LONG, [*cs.LOSSLESS, "--last", "1s", "--max-size", str(MAX)]) as running:
            cs.wait_until(lambda: size(running.trace.path) > 5000, 60)
            time.sleep(pause)
            os.kill(running.pid, signal.SIGKILL)
            running.process.wait()
            result = cs.run([cs.COROSCOPE, "heap", running.trace.path])
            cs.check(f"killed after {pause} s: the trace is whole",
                     result.status == 0 and "cut short" in result.err, result)


def wrong_values():
    for options, word in ((["--max-size", "1k"], "64KiB"), (["--last", "10ms"], "1s")):
        recording = cs.record(["/bin/true"], options)
        cs.check(f"{' '.join(options)}: refused with a way out",
                 recording.status == 2 and word in recording.err, recording.result)


unbounded = cs.record(WORK, cs.LOSSLESS)
cs.check("the unbounded trace is larger than the bound", size(unbounded.trace.path) > MAX,
         size(unbounded.trace.path))
bounded("--max-size", ["--max-size", str(MAX)], unbounded, MAX)
bounded("--max-size and --last", ["--max-size", str(MAX), "--last", "3s"], unbounded, MAX)
last(unbounded)
killed()
wrong_values()
cs.finish()
