# SPDX-License-Identifier: Apache-2.0
"""What recording adds to a program, beside what peers add, in one run.

    ROUNDS=9 PAIRS=2000000 ./dev bench overhead

The CPU time of a pair of free and malloc is measured inside the program, by thread; that of
whole programs from outside is not comparable here, because recorders run beside them."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import measure  # noqa: E402

COROSCOPE = os.environ["COROSCOPE"]
ROUNDS = int(os.environ.get("ROUNDS", "5"))
PAIRS = os.environ.get("PAIRS", "1000000")
HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = tempfile.mkdtemp(prefix="coroscope-bench.")


def build(name, *flags):
    path = os.path.join(FOLDER, name)
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-fno-builtin",
                    "-fno-optimize-sibling-calls", *flags, os.path.join(HERE, "micro.c"),
                    "-o", path, "-pthread"], check=True)
    return path


def library(pattern):
    found = glob.glob(f"/usr/lib/x86_64-linux-gnu/{pattern}")
    return found[0] if found else None


def nanoseconds(command, env=None):
    lines = measure.run(command, env)[0].splitlines()
    return next(float(line) for line in lines if re.fullmatch(r"[0-9.]+", line))


def ours(program, threads, heap, env=None):
    trace = os.path.join(FOLDER, "ours.coro")
    return nanoseconds([COROSCOPE, "record", "--quiet", f"--heap={heap}", "-o", trace, "--",
                        program, str(threads), PAIRS], env)


def lossless():
    """The last exact recording must have lost nothing, or its speed means nothing."""
    text = measure.run([COROSCOPE, "info", os.path.join(FOLDER, "ours.coro")])[0]
    return "0 lost" in text


def heaptrack(program, threads):
    # Raw, because heaptrack's interpreter runs out of memory on 1,024 paths and kills it.
    return nanoseconds(["heaptrack", "-r", "-o", os.path.join(FOLDER, "heaptrack"), program,
                        str(threads), str(int(PAIRS) // 5)])


def sampled(rows, program, jemalloc):
    bounds = lambda added, _ratio: added <= 5
    for threads in (1, 2):
        row = measure.Row(f"sampled 512 KiB, glibc, {threads}T", "ns", "at most +5", bounds)
        for _ in range(ROUNDS):
            bare = nanoseconds([program, str(threads), PAIRS])
            row.add(bare, ours(program, threads, "512KiB"), None)
        rows.append(row)
    if not jemalloc:
        return
    for size, shift, text, verdict in (
            ("512KiB", 19, "at most +5", bounds),
            ("8KiB", 13, "peer/ours at least 8", lambda _added, ratio: ratio >= 8)):
        row = measure.Row(f"sampled {size}, jemalloc and its profiler", "ns", text, verdict)
        for _ in range(ROUNDS):
            env = {"LD_PRELOAD": jemalloc}
            bare = nanoseconds([program, "1", PAIRS], env)
            peer = nanoseconds([program, "1", PAIRS],
                               {**env, "MALLOC_CONF": f"prof:true,lg_prof_sample:{shift}"})
            row.add(bare, ours(program, 1, size, env), peer)
        rows.append(row)


def exact(rows, programs):
    has_peer = shutil.which("heaptrack") is not None
    for name, program, threads, least in (
            ("exact, frame pointers, 1T", programs["fp"], 1, 5),
            ("exact, no frame pointers, 1T", programs["plain"], 1, 3),
            ("exact, no frame pointers, 2T", programs["plain"], 2, 10)):
        row = measure.Row(name, "ns", f"peer/ours at least {least}",
                          lambda _added, ratio, least=least: ratio is not None and ratio >= least)
        for _ in range(ROUNDS):
            bare = nanoseconds([program, str(threads), PAIRS])
            added = ours(program, threads, "all")
            if not lossless():
                print(f"{name}: events were lost, this round does not count")
                continue
            row.add(bare, added, heaptrack(program, threads) if has_peer else None)
        if row.ours:
            rows.append(row)


def main():
    programs = {"plain": build("micro"), "fp": build("micro_fp", "-fno-omit-frame-pointer")}
    jemalloc = library("libjemalloc.so.2")
    for what, there in (("heaptrack", shutil.which("heaptrack")), ("jemalloc", jemalloc)):
        if not there:
            print(f"without {what}: not installed")
    rows = []
    try:
        sampled(rows, programs["plain"], jemalloc)
        exact(rows, programs)
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
    print(f"CPU time of a pair, {ROUNDS} rounds of {PAIRS} pairs, medians:")
    measure.show(rows)


main()
