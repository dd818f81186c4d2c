# SPDX-License-Identifier: Apache-2.0
"""What a coroutine switch costs, counted, and counted and timed, while the reader runs; and what
it costs to have the kernel count it by probes."""
import re
import subprocess
import tempfile

import measure

FOLDER = tempfile.TemporaryDirectory(prefix="coroscope-bench.")
TRACE = FOLDER.name + "/trace.coro"
NO_PEER = "the kernel gives no probes here: they need root"
FUNCTIONS = {"jump_fcontext": "libboost_context", "swapcontext": "libc.so"}
PART = "20"  # of the switches: probed, a million jumps take eight seconds


def numbers(command):
    return [float(word) for word in measure.run(command).out.split()[:3]]


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


def switches():
    try:
        program = [measure.compile_program(FOLDER.name, "switch.c", "-lboost_context")]
    except subprocess.CalledProcessError:
        return measure.say("Boost.Context is not installed: no row")
    probed = probes(program[0])
    look = min(numbers(program)[2] for _ in range(3))
    for mode, words, more in (("count", "counted", 0), ("time", "counted and timed", look + 10)):
        rows = [measure.Row(f"a switch by {name}, {words}", "ns",
                            measure.added_at_most(round(5 + more, 1)))
                for name in FUNCTIONS]
        recorded = [measure.COROSCOPE, "record", "--quiet", "--no-heap", f"--sched={mode}", "-o",
                    TRACE, "--", *program]
        measure.compare(rows, bare=lambda: numbers(program)[:2],
                        ours=lambda recorded=recorded: numbers(recorded)[:2], peer=(lambda: numbers(probed)[:2]) if probed else None,
                        no_peer=NO_PEER)
    return None


switches()
