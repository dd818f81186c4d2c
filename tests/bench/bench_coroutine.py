# SPDX-License-Identifier: Apache-2.0
"""What a coroutine switch costs, counted, and counted and timed, while the reader runs; and what
it costs to have the kernel count it by probes. The program compares each switch with one by the
function itself, in turns; in a run without us the same comparison says how well it measures."""
import re
import statistics
import subprocess
import tempfile

import measure

FOLDER = tempfile.TemporaryDirectory(prefix="coroscope-bench.")
TRACE = FOLDER.name + "/trace.coro"
NO_PEER = "the kernel gives no probes here: they need root"
FUNCTIONS = {"jump_fcontext": "libboost_context", "swapcontext": "libc.so"}
PART = "60"  # of the switches: probed, a million jumps take eight seconds


def blocks(command):
    """Nanoseconds of a look at the counter, and for each function a (bare, longer) per block."""
    found, look = {"jump": [], "swap": []}, None
    for line in measure.run(command).out.splitlines():
        name, *values = line.split()
        if name == "look":
            look = float(values[0])
        else:
            found[name].append(tuple(map(float, values)))
    return look, list(found.values())


def library(program, name):
    return re.search(rf"=> (\S*/{name}\S*)", measure.run(["ldd", program]).out).group(1)


def place(path, function):
    """FILE:OFFSET of a function in a library."""
    symbol = re.search(rf"^([0-9a-f]+) \w {function}\b",
                       measure.run(["nm", "-D", "--defined-only", path]).out, re.MULTILINE)
    address = int(symbol.group(1), 16)
    for line in measure.run(["readelf", "-lW", path]).out.splitlines():
        words = line.split()
        if words[:1] == ["LOAD"]:
            offset, start, size = (int(words[i], 16) for i in (1, 2, 5))
            if start <= address < start + size:
                return f"{path}:{address - start + offset}"
    raise LookupError(f"no {function} in {path}")


def probes(program):
    """A command that has the kernel count the switches of PROGRAM, or None."""
    probed = measure.compile_program(FOLDER.name, "probed.c")
    command = [probed, *(place(library(program, name), function)
                         for function, name in FUNCTIONS.items()), "--", program, PART]
    status = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
    return command if status == 0 else None


def compare(row, bare_runs, recorded_runs, probed_runs):
    for bare, longer in recorded_runs:
        row.add(bare, bare + longer,
                statistics.median(bare for bare, _ in probed_runs) if probed_runs else None)
    if not probed_runs:
        row.note(NO_PEER)
    error = [longer for _, longer in bare_runs]
    row.note(f"without us the two ways differ by {min(error):+.2f} to {max(error):+.2f} ns")
    measure.finish(row)


def switches():
    try:
        program = [measure.compile_program(FOLDER.name, "switch.c", "-lboost_context")]
    except subprocess.CalledProcessError:
        return measure.say("Boost.Context is not installed: no row")
    probed = probes(program[0])
    look = min(blocks(program)[0] for _ in range(3))
    for mode, words, more in (("count", "counted", 0), ("time", "counted and timed", look + 10)):
        recorded = [measure.COROSCOPE, "record", "--quiet", "--no-heap", f"--sched={mode}", "-o",
                    TRACE, "--", *program]
        runs = {name: [[], []] for name in ("bare", "ours", "peer")}
        for _ in range(measure.wanted_rounds()):
            for name, command in (("bare", program), ("ours", recorded), ("peer", probed)):
                for i, found in enumerate(blocks(command)[1] if command else ()):
                    runs[name][i] += found
        for i, name in enumerate(FUNCTIONS):
            compare(measure.Row(f"a switch by {name}, {words}", "ns",
                                measure.added_at_most(round(5 + more, 1))),
                    *(runs[variant][i] for variant in runs))
    return None


switches()
