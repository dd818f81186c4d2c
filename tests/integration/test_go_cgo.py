# SPDX-License-Identifier: Apache-2.0
# cs-test: release-only timeout=1200
"""Goroutines in C (cgo): those that wait there are shown so, and a CPU sample there shows C's
calls, the goroutine that made them, its labels and where it came from, whether C keeps frame
pointers or not, and whether it has called Go again. Where those that run are, held still, is not
where they were when they last called C."""
import json
import math
import re

import cs
import gotarget

HZ = 199
WORKS = ("framed", "bare", "back")


def check_waiting(name, program):
    result = cs.run([cs.COROSCOPE, "ps", "--json", "-p", str(program.pid)])
    rows = [row for row in json.loads(result.out)["coroutines"] if row["entry"] == "main.waits"]
    cs.check(f"{name}: who waits in C is said to be there",
             len(rows) == 4 and
             all(row["state"] == "syscall" and row["reason"] == "cgo call" and row["thread"] and
                 [frame["function"] for frame in row["stack"]][-1] == "main.waits"
                 for row in rows), str(rows))


def check_shares(name, trace):
    """Each of the three has a third, by the labels of its goroutine."""
    labels = {entry["label"]: entry["value"]
              for entry in trace.heap("cpu", "--by", "label")["entries"]}
    shares = [labels.get(f"work={work}", 0) for work in WORKS]
    samples = sum(shares) * HZ / 1e9
    if samples < 50:
        cs.without(f"{name}: shares by label", f"too busy a machine: {samples:.0f} samples")
        return
    bound = 5 * math.sqrt(2 / 9 / samples) + 0.05
    cs.check(f"{name}: shares by label, within {bound:.2f}",
             all(abs(share / sum(shares) - 1 / 3) < bound for share in shares) and
             labels.get(None, 0) < 0.1 * sum(shares), str(labels))


def in_order(stack, *names):
    """NAMES are calls of STACK, one in the other, with others between."""
    calls = iter(stack.split(";"))
    return all(any(call == name for call in calls) for name in names)


def share(stacks, chosen, *names):
    """Of the time with the call CHOSEN, what has NAMES in this order."""
    whole = {s: v for s, v in stacks.items() if chosen in s.split(";")}
    return sum(v for s, v in whole.items() if in_order(s, *names)) / max(sum(whole.values()), 1)


def samples(stacks, chosen):
    return sum(v for s, v in stacks.items() if chosen in s.split(";")) * HZ / 1e9


def most(stacks, chosen, got, least):
    """The part GOT of what has CHOSEN is more than LEAST; on a machine that gives few samples, all
    but three have it."""
    return got > least or (1 - got) * samples(stacks, chosen) < 3.5


def check_stacks(name, stacks):
    few = [work for work in ("framed_inner", "bare_inner", "main.churn")
           if samples(stacks, work) < 7]
    if few:
        cs.without(f"{name}: stacks", f"too busy a machine: few samples of {few}")
        return
    way = ("main.worker", "runtime/pprof.Do", "main.worker.func1")
    got = share(stacks, "framed_inner", *way, "main.framed", "framed_outer", "framed_inner")
    cs.check(f"{name}: with frame pointers, from the goroutine's start into C",
             most(stacks, "framed_inner", got, 0.9),
             f"{got:.2f} of {stacks}")
    # C's part is always whole. What lies outside is not known once the goroutine has gone on.
    got = share(stacks, "bare_inner", "bare_outer", "bare_inner")
    cs.check(f"{name}: without frame pointers, C's calls",
             most(stacks, "bare_inner", got, 0.95), f"{got:.2f} of {stacks}")
    got = share(stacks, "bare_inner", *way, "main.bare", "bare_outer", "bare_inner") + \
        share(stacks, "bare_inner", "[unknown callers]", "bare_inner")
    cs.check(f"{name}: … and its goroutine's, or that they are not known",
             most(stacks, "bare_inner", got, 0.95),
             f"{got:.2f} of {stacks}")
    # A third of them: of forty not one in none of ten million runs.
    if samples(stacks, "bare_inner") > 40:
        cs.check(f"{name}: … which is often", share(stacks, "bare_inner", "main.bare") > 0,
                 str(stacks))
    got = share(stacks, "main.churn", *way, "main.back", "runtime.cgocallback", "main.churn")
    cs.check(f"{name}: Go that C has called, from the goroutine's start",
             most(stacks, "main.churn", got, 0.9),
             f"{got:.2f} of {stacks}")
    wrong = [s for s in stacks if sum(f"main.{work}" in s.split(";") for work in WORKS) > 1 or
             ("main.framed" in s.split(";") and "bare_inner" in s.split(";"))]
    cs.check(f"{name}: no stack of two goroutines", not wrong, str(wrong))
    # Where C keeps something else than a frame in that register, it is not shown as a call.
    # (A signal of the runtime's, met at work, comes from the C library's nameless trampoline.)
    strange = [s for s in stacks
               if "0x" in re.sub(r"[^;]*\+0x[0-9a-f]+;runtime\.sig", "runtime.sig", s)]
    cs.check(f"{name}: no addresses that are nothing", not strange, str(strange))


def check_running(toolchain):
    """A place that was saved for a call of C stays behind; most of the time is the clock's."""
    name = f"go{toolchain.version}: held still, who asks the clock"
    built = toolchain.build("clock", "with-c")
    if not built:
        cs.without(name, f"can't be built here: {' '.join(toolchain.error)}")
        return
    stacks = []
    with gotarget.Program([built]) as program:
        for _ in range(20):
            result = cs.run([cs.COROSCOPE, "ps", "--level", "freeze", "--json", "--stacks", "-p",
                             str(program.pid)])
            stacks += [[frame["function"] for frame in row["stack"]]
                       for row in json.loads(result.out)["coroutines"]
                       if row["entry"] == "main.turns" and row["state"] == "running"]
        folded = burner_stacks(program)
    wrong = [stack for stack in stacks if stack and stack[-1] != "main.turns"]
    # In the middle of a switch one may be nowhere.
    cs.check(f"{name} is nowhere else", len(wrong) < 4, f"{len(wrong)}: {wrong[:1]}")
    shown = sum("main.clock" in stack for stack in stacks)
    cs.check(f"{name} is shown there", shown * 2 > len(stacks), f"{shown} of {len(stacks)}")
    if not folded:
        cs.without(f"go{toolchain.version}: deep stacks of samples", "there were no samples")
        return
    wrong = [stack for stack in folded if not stack.startswith(("[truncated];", "main.burner;"))]
    cs.check(f"go{toolchain.version}: where the kernel has not kept all calls, that is said",
             not wrong, str(wrong[:1])[:400])


def burner_stacks(program):
    trace = cs.Trace(cs.path("clock.coro"))
    cs.run([cs.COROSCOPE, "record", "-p", str(program.pid), "-o", trace.path, "-d", "1",
            f"--cpu={HZ}"])
    return [stack for stack in trace.fold("cpu") if "main.burn;main.burn" in stack]


def check(toolchain):
    name = f"go{toolchain.version}"
    built = toolchain.build("cgo", "with-c")
    if not built:
        cs.without(name, f"can't be built here: {' '.join(toolchain.error)}")
        return
    with gotarget.Program([built]) as program:
        cs.until_ok(lambda: check_waiting(name, program))
        trace = cs.Trace(cs.path("cgo.coro"))
        result = cs.run([cs.COROSCOPE, "record", "-p", str(program.pid), "-o", trace.path, "-d",
                         "3", f"--cpu={HZ}"])
        cs.equal(f"{name}: record -p is done", result.status, 0)
        if "cannot sample" in result.out + result.err:
            cs.without(f"{name}: CPU time in C", result.err.strip()[:200])
            return
    check_shares(name, trace)
    check_stacks(name, trace.fold("cpu"))


def main():
    toolchains = gotarget.toolchains()
    if not toolchains:
        cs.skip("there is no Go toolchain here (Debian: golang-go)")
    for toolchain in toolchains:
        check(toolchain)
        check_running(toolchain)
    cs.finish()


if __name__ == "__main__":
    main()
