# SPDX-License-Identifier: Apache-2.0
"""How fast the view answers and what it costs. On traces that are made up, so that no target's
own speed is in the figures, a script presses the keys, and says how long each took until the
screen was drawn. On living targets, of which some part moves all the time, the keys are pressed
on a terminal (live_keys.py), beside a recorder that reads the target as fast as it may. COROUTINES=n
tries another number of these."""
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import gotarget  # noqa: E402
import live_keys  # noqa: E402
import measure  # noqa: E402

COUNT = int(os.environ.get("COROUTINES", "1000000"))
BUILD = Path(measure.COROSCOPE).parents[1]
VIEWER = BUILD / "lib/coroscope/coroscope-top"
MAKER = BUILD / "bench/bench_coroutines"

KEYS = """size 120 40
clock first
key t
clock list
key down
clock move
key G
clock last
key g
clock again
key >
clock sort
key I
clock reverse
key /
type step_7
clock search
key enter
clock enter
key /
type nowher
clock typing it
type e
clock nothing found
key esc
key f
type function ~ step_12 and wait > 1s
clock typing
key enter
clock filter
key c
clock clear
key t
clock tree
key left
clock fold
key left
clock unfold
key t
clock groups
key m
clock mark
key enter
clock details
key 3
clock heap
key 4
clock stacks
key 2
clock threads
"""

# What is no row of its own: it is done to come from one that is to the next.
UNSHOWN = {"first", "again", "enter", "typing", "typing it", "unfold"}


def clocks(trace, folder):
    """Milliseconds of each step, by name, and the viewer's largest memory in MB."""
    script = os.path.join(folder, "keys")
    with open(script, "w", encoding="utf-8") as stream:
        stream.write(KEYS)
    process = subprocess.Popen([VIEWER, "--script", script, trace], stdout=subprocess.PIPE,
                               text=True)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"the viewer ended with {status}")
    times = {}
    for line in out.splitlines():
        name, milliseconds = line.rsplit(" ", 1)
        times[name] = float(milliseconds)
    return times, usage.ru_maxrss / 1024


def first_picture(trace):
    start = time.monotonic()
    subprocess.run([VIEWER, "--batch", "--size", "120x40", trace], stdout=subprocess.DEVNULL,
                   check=True)
    return 1000 * (time.monotonic() - start)


def idle_share(folder):
    """Of one core, in percent, while a trace of 1,000 coroutines grows and is followed."""
    trace = os.path.join(folder, "growing.coro")
    maker = subprocess.Popen([MAKER, "1000", trace, "6"])
    time.sleep(0.7)
    script = os.path.join(folder, "wait")
    with open(script, "w", encoding="utf-8") as stream:
        stream.write("size 120 40\nwait 4s\n")
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([VIEWER, "--script", script, trace], check=True)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - start
    maker.wait()
    return 100 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / wall


def living(name, pid):
    """Rows of a living target: keys of one kind have one row, their median; and the slowest."""
    shown = rf"{COUNT // 1000:,},\d\d\d coroutines".encode()
    times, memory, alone = live_keys.answers(pid, int(os.environ.get("ROUNDS", "2")), shown)
    away = "one row down while the past is read"
    every = [value for key, values in times.items() if key != away for value in values]
    slowest = max(times, key=lambda key: max(times[key]))
    title = f"top, {COUNT:,} {name}, live"
    measure.figure(f"{title}, a key, median", "ms", statistics.median(every), measure.at_most(100),
                   notes=[f"of {len(every)} keys"])
    measure.figure(f"{title}, a key while the past is read, median", "ms",
                   statistics.median(times[away]), measure.at_most(100))
    measure.figure(f"{title}, the slowest key of all", "ms", max(times[slowest]),
                   measure.at_most(100),
                   notes=[f"{slowest}; the slowest took {max(alone)[0]:.0f} ms of a machine "
                          "that has nothing else to do"])
    measure.figure(f"{title}, memory", "MB", memory, measure.at_most(1024))
    for key, values in times.items():
        measure.say(f"    {key:45} {len(values):4} median {statistics.median(values):7.1f} ms  "
                    f"slowest {max(values):7.1f} ms")


def living_go():
    toolchain = gotarget.toolchains()[-1:]
    program = toolchain[0].build("wide", "plain") if toolchain else None
    if not program:
        return measure.say("  Go is not here: no rows of its goroutines")
    with gotarget.Program([program, str(COUNT)]) as target:
        living("goroutines", target.pid)


def living_native(folder):
    program = os.path.join(os.environ["TARGETS"], "coro_wide")
    with subprocess.Popen([measure.COROSCOPE, "record", "-o", os.path.join(folder, "wide.coro"),
                           "--", program, str(COUNT)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as recorder:
        while recorder.stdout.readline() not in (b"ready\n", b""):
            pass
        with open(f"/proc/{recorder.pid}/task/{recorder.pid}/children", encoding="ascii") as file:
            pid = file.read().split()[0]
        try:
            living("native coroutines", pid)
        finally:
            recorder.stdin.close()
            recorder.wait()


def main():
    if not VIEWER.exists():
        print("the viewer was not built: ncurses is not here")
        return
    measure.run(["cmake", "--build", BUILD, "--target", "bench_coroutines"])
    with tempfile.TemporaryDirectory() as folder:
        small, large = (os.path.join(folder, f"{count}.coro") for count in (10_000, 1_000_000))
        measure.run([MAKER, "10000", small])
        measure.run([MAKER, "1000000", large])
        measure.figure("top, first picture of 10,000 coroutines", "ms",
                       sorted(first_picture(small) for _ in range(5))[1:4],
                       measure.at_most(300))
        runs = [clocks(large, folder) for _ in range(3)]
        for name in (name for name in runs[0][0] if name not in UNSHOWN):
            measure.figure(f"top, 1,000,000 coroutines, {name}", "ms",
                           sorted(times[name] for times, _ in runs), measure.at_most(100))
        measure.figure("top, 1,000,000 coroutines, memory", "MB",
                       sorted(memory for _, memory in runs), measure.at_most(1024))
        measure.figure("top, following 1,000 coroutines, share of a core", "%",
                       sorted(idle_share(folder) for _ in range(3)), measure.at_most(2))
        living_go()
        living_native(folder)


main()
