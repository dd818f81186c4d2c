# SPDX-License-Identifier: Apache-2.0
"""What the agent costs a process: its start, its memory, its callers' stacks; and a program
with more allocation paths than heaptrack survives."""
import os
import re
import resource
import tempfile

import measure

FOLDER = tempfile.TemporaryDirectory(prefix="coroscope-bench.")
TRACE = os.path.join(FOLDER.name, "trace.coro")
MICRO = measure.compile_program(FOLDER.name, "micro.c", "-fno-builtin", "-pthread",
                                "-fno-optimize-sibling-calls")
MODES = {"exact": "all", "sampled": "512KiB"}
MIB = 1 << 20


def number_in(text):
    return float(re.search(r"^[0-9.]+$", text, re.MULTILINE).group())


def start():
    """The median of 100 children, in ms; in the recorded runs each loads the agent."""
    spawn = [measure.compile_program(FOLDER.name, "spawn.c"), "100"]
    ms = lambda command: number_in(measure.run(command).out) / 1e3
    for mode, heap in MODES.items():
        row = measure.Row(f"start and end of a process, {mode}", "ms", measure.added_at_most(5))
        measure.compare(row, bare=lambda: ms(spawn),
                        ours=lambda heap=heap: ms(measure.record(TRACE, heap, spawn)))


def memory():
    """As the agent counts its own mappings, lanes and stack table left out; 8 threads."""
    for mode, heap in MODES.items():
        measure.run(measure.record(TRACE, heap, [MICRO, "8", "100000"]))
        process = measure.info(TRACE)["processes"][0]
        measure.figure(f"memory of the agent, {mode}, 9 threads", "MiB",
                       process["counters"]["own_bytes"] / MIB, measure.at_most(8))


def stack_use(command):
    """Bytes of stack that small_stack's coroutines used at most, of both ways to switch."""
    return [float(size) for size in re.findall(r"(\d+) bytes of stack used",
                                               measure.run(command).err)]


def stack():
    target = [os.path.join(os.environ["TARGETS"], "small_stack")]
    if not os.path.exists(target[0]):
        return measure.say("the target small_stack was not built: no row")
    bare = stack_use(target)
    for mode, heap in MODES.items():
        # Every allocation of some size is sampled with the smallest mean.
        ours = stack_use(measure.record(TRACE, "8" if heap != "all" else heap, target))
        measure.figure(f"stack used by a hook, {mode}", "bytes",
                       max(a - b for a, b in zip(ours, bare)), measure.at_most(1024))
    return None


def many_paths():
    """1,024 paths, 20 frames: what is reported of what the program allocated. heaptrack runs
    as by default, with 4 GB of address space; it is known to need 19."""
    pairs = 300000
    row = measure.Row("1,024 allocation paths: allocations reported", "of all",
                      measure.at_least(1))

    def ours():
        measure.run(measure.record(TRACE, "all", [MICRO, "1", str(pairs)]))
        made = measure.info(TRACE)["metrics"]
        total = next(m["total"] for m in made if m["metric"] == "alloc_objects")
        # Its warming up is a twentieth of the pairs; main's thread is no pair.
        return min(total / (pairs + pairs // 20), 1.0)

    def limited():
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

    def peer():
        result = measure.run(["heaptrack", "-o", os.path.join(FOLDER.name, "heaptrack"), MICRO,
                              "1", str(pairs)], may_fail=True, preexec_fn=limited)
        if "bad_alloc" in result.err or result.status != 0:
            raise measure.PeerDied("heaptrack_interpret runs out of 4 GB, then the program ends "
                                   "by SIGPIPE")
        return 1.0

    there = measure.tool("heaptrack")
    measure.compare(row, ours=ours, peer=peer if there else None,
                    no_peer=None if there else "heaptrack is not installed", rounds=1)


start()
memory()
stack()
many_paths()
