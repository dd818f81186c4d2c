# SPDX-License-Identifier: Apache-2.0
"""How long it takes to read a Go program's goroutines from outside, beside Delve and beside the
program's own profiles, and whether the program notices. The program is idle and stands on one
core, the reader has the other."""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import gotarget  # noqa: E402
import measure  # noqa: E402

SOURCE = Path(os.environ.get("SOURCE_DIR", Path(__file__).resolve().parents[2]))
BUILD = Path(measure.COROSCOPE).parents[1]
FOLDERS = ["cs_go", "cs_source", "cs_unwind", "cs_symbol", "cs_trace", "cs_model", "cs_base"]
# Of the gaps of windows with and without us: beyond this, they differ at 1 in 100.
Z_BOUND = 2.58
WINDOWS = 15


def compile_bench(folder):
    program = Path(folder) / "bench_go"
    libraries = [str(path) for name in FOLDERS for path in BUILD.glob(f"profiler/lib{name}.a")]
    subprocess.run(["cc", "-std=gnu11", "-O2", "-D_GNU_SOURCE",
                    *[f"-I{BUILD}/headers/{name}" for name in FOLDERS],
                    f"{SOURCE}/tests/bench/bench_go.c", *libraries, *libraries,
                    "-lzstd", "-ldw", "-lelf", "-lm", "-o", program], check=True)
    return str(program)


def pinned(cpu, argv):
    return ["taskset", "-c", str(cpu), *argv] if os.cpu_count() > 1 else argv


def looks(bench, pid, count, level="read"):
    lines = measure.run(pinned(1, [bench, "look", str(pid), level, str(count)])).out
    return [json.loads(line) for line in lines.splitlines()]


def ps(pid):
    return measure.run(pinned(1, [measure.COROSCOPE, "ps", "--group", "-p", str(pid)])).wall


def delve(program):
    """Seconds until Delve has listed all goroutines; the program stands still meanwhile."""
    start = time.monotonic()
    result = subprocess.run(["dlv", "attach", str(program.pid), "--allow-non-terminal-interactive"],
                            input="goroutines\nexit -c\n", text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=300, check=False)
    if result.stdout.count("Goroutine ") < 1000:
        raise measure.PeerDied(result.stdout.strip()[-120:])
    return time.monotonic() - start


def hundred_thousand(toolchain, bench):
    path = toolchain.build("many", "plain")
    with gotarget.Program(pinned(0, [path, "100000"])) as program:
        row = measure.Row(f"100,000 goroutines of go{toolchain.version}, ps --group", "s",
                          measure.at_most(0.5))
        dlv = measure.tool("dlv")
        measure.compare(row, ours=lambda: ps(program.pid), rounds=5)
        for detail in (1, 2):
            measure.figure(f"… and the program's own goroutine profile, debug={detail}", "s",
                           [look["ms"] / 1e3 for look in looks(bench, program.pid, 3)],
                           measure.less(), peer=[int(program.ask(str(detail))) / 1e9])
        measure.figure("… and how long it stands still at level freeze", "ms",
                       [look["frozen_ms"] for look in looks(bench, program.pid, 5, "freeze")],
                       measure.at_most(500))
        if dlv:
            measure.compare(measure.Row("… and Delve, unstripped, its list of goroutines", "s",
                                        measure.less()),
                            ours=lambda: ps(program.pid), peer=lambda: delve(program), rounds=1)
        else:
            measure.say("  dlv is not installed (Debian: delve)")


def million(toolchain, bench):
    path = toolchain.build("many", "strip")
    with gotarget.Program(pinned(0, [path, "1000000"])) as program:
        found = looks(bench, program.pid, 1)[0]
        measure.figure("1,000,000 goroutines, one look", "s", found["ms"] / 1e3,
                       measure.at_most(5))
        measure.figure("… memory of the reader", "MiB", found["rss_kib"] / 1024,
                       measure.at_most(1024))
        measure.figure("… seen", "goroutines", found["coroutines"], measure.at_least(1000000))


def rank_z(first, second):
    """Mann and Whitney's U of two samples, in standard deviations."""
    u = sum((a > b) + (a == b) / 2 for a in first for b in second)
    n, m = len(first), len(second)
    return (u - n * m / 2) / (n * m * (n + m + 1) / 12) ** 0.5


def unnoticed(toolchain, bench):
    """Windows of half a second in which a reader that never rests reads the program, and in
    turn windows in which it reads another one just like it: whether a program is read makes the
    difference, and not that somebody uses the other core."""
    path = toolchain.build("many", "strip")
    values = {True: [], False: []}
    with gotarget.Program(pinned(0, [path, "10000"])) as program, \
            gotarget.Program(pinned(1, [path, "10000"])) as other:
        for number in range(2 * WINDOWS):
            watched = number % 2 == 1
            pid = program.pid if watched else other.pid
            reader = subprocess.Popen(pinned(1, [bench, "look", str(pid), "read", "100000"]),
                                      stdout=subprocess.DEVNULL)
            time.sleep(0.1)
            program.ask("gaps")
            time.sleep(0.5)
            values[watched].append([int(word) for word in program.ask("gaps").split()[:3]])
            reader.kill()
            reader.wait()
    for index, name in enumerate(("middle", "99 of 100")):
        with_us, without = ([window[index] for window in values[watched]]
                            for watched in (True, False))
        measure.figure(f"gaps of a 1 ms ticker, {name}, in {WINDOWS} windows read without rest",
                       "deviations", abs(rank_z(with_us, without)), measure.at_most(Z_BOUND),
                       notes=[f"{name}: {statistics.median(without) / 1e3:.0f} us while another "
                              f"is read, {statistics.median(with_us) / 1e3:.0f} us while it is"])


def main():
    toolchains = gotarget.toolchains()
    if not toolchains:
        print("there is no Go toolchain here (Debian: golang-go)")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        bench = compile_bench(folder)
        # Delve knows versions up to its own age; Debian's go is the one it was built for.
        hundred_thousand(toolchains[0], bench)
        unnoticed(toolchains[-1], bench)
        million(toolchains[-1], bench)


if __name__ == "__main__":
    main()
