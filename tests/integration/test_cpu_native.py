# SPDX-License-Identifier: Apache-2.0
"""CPU samples of launched native programs: how much, of whom, and where; against programs that
know what they used. Bounds are wide: five standard deviations of what sampling can give, and a
tenth for the machine.
"""
import math

import cs

NAMES = ("share_four", "share_three", "share_two", "share_one")
HZ = 499


def need_samples():
    result = cs.run([cs.COROSCOPE, "doctor"])
    for line in result.out.splitlines():
        if "cannot sample" in line:
            cs.skip(line.strip())


def used(out):
    """What the program says that each share used, in ns."""
    shares = {}
    for line in out.splitlines():
        name, ns = line.split()
        shares[name] = int(ns)
    return shares


def near(name, got, want, hz=HZ):
    samples = want * hz / 1e9
    bound = want * (5 / math.sqrt(samples) + 0.1)
    return cs.check(name, abs(got - want) <= bound, f"got {got / 1e6:.0f} ms, want "
                    f"{want / 1e6:.0f} ms within {bound / 1e6:.0f} ms")


def by_function(trace, *options):
    """Time with callees by name."""
    sums = {}
    for entry in trace.report("heap", "--metric", "cpu", "--by", "function",
                              *options)["entries"]:
        name = cs.short_name(entry["label"])
        sums[name] = sums.get(name, 0) + entry["cumulative"]
    return sums


def threads():
    program = cs.need_target("cpu_share")
    recording = cs.record([program, "150"], [f"--cpu={HZ}"])
    cs.equal("threads: the program's own status", recording.status, 0)
    truth = used(recording.out)
    cs.equal("threads: the program ran its shares", sorted(truth), sorted(NAMES))
    sums = by_function(recording.trace)
    for name in NAMES:
        near(f"threads: time of {name}", sums.get(name, 0), truth[name])
    total = recording.trace.total("cpu")
    near("threads: the total", total, sum(truth.values()))
    cs.equal("threads: folded stacks are the total", sum(recording.trace.fold("cpu").values()),
             total)
    cs.equal("threads: by thread it is the same",
             sum(entry["value"] for entry in
                 recording.trace.heap("cpu", "--by", "thread")["entries"]), total)
    metrics = {m["metric"]: m["total"] for m in recording.trace.report("info")["metrics"]}
    cs.equal("threads: info has the same total", metrics.get("cpu"), total)
    return recording


def stacks(recording):
    """Code without frame pointers is unwound to the start of its thread."""
    whole = by = 0
    for stack, value in recording.trace.fold("cpu").items():
        if any(name in stack for name in NAMES):
            by += value
            whole += value if cs.from_thread_start(stack) and "churn" in stack else 0
    cs.check("stacks: nearly all reach the start of their thread", whole > 0.9 * by,
             f"{whole} of {by} ns")


def times(recording):
    """A sum that grows: what came since a time, and the state at a time."""
    total = recording.trace.total("cpu")
    half = recording.trace.total("cpu", at="-0.3s")
    since = recording.trace.total("cpu", "--from=-0.3s")
    cs.equal("times: what was before and what came since are all", half + since, total)


def processes():
    program = cs.need_target("cpu_share")
    recording = cs.record([program, "100", "fork"], [f"--cpu={HZ}"])
    truth = used(recording.out)
    sums = by_function(recording.trace)
    for name in NAMES:
        near(f"processes: time of {name}", sums.get(name, 0), truth.get(name, 0))
    entries = recording.trace.heap("cpu", "--by", "process")["entries"]
    cs.check("processes: each of the four has its time", len(entries) >= 4, repr(entries))
    alone = cs.record([program, "100", "fork"], [f"--cpu={HZ}", "--no-children"])
    folded = cs.run([cs.COROSCOPE, "fold", "--metric", "cpu", alone.trace.path])
    cs.check("processes: without children theirs is not counted",
             "share_" not in folded.out, folded.out)


def not_asked_for():
    recording = cs.record([cs.need_target("cpu_share"), "5"], ["--heap=all"])
    result = cs.run([cs.COROSCOPE, "fold", "--metric", "cpu", recording.trace.path])
    cs.equal("not asked for: refused", result.status, 2)
    cs.check("not asked for: says what there is", "inuse_space" in result.err or
             "info" in result.err, result.err)
    for rate in ("0", "10001"):
        result = cs.run([cs.COROSCOPE, "record", f"--cpu={rate}", "true"], cwd=cs.folder())
        cs.equal(f"--cpu={rate} is refused", result.status, 2)
        cs.check(f"--cpu={rate}: the range is named", "10000" in result.err, result.err)


def alone_without_heap():
    """No heap, just time: the trace holds that."""
    recording = cs.record([cs.need_target("cpu_share"), "50"], ["--cpu=99", "--no-heap"])
    cs.check("without heap there is time", recording.trace.total("cpu") > 0)
    cs.check("the recorder says what it sampled", "  cpu  " in recording.err, recording.err)


def observed():
    """A native program that is being recorded can be sampled by another recorder as well."""
    program = cs.need_target("cpu_share")
    # It is at work for a minute, on many cores for half of that, and is killed before.
    with cs.Running([program, "6000"], ["--no-heap"]) as running:
        pid = running.wait_for_target(program)
        # Its ring is there when its first thread has told of itself.
        cs.wait_until(lambda: cs.run([cs.COROSCOPE, "ps", "-p", str(pid)]).status == 0, 60)
        trace = cs.Trace(cs.path("observed.coro"))
        result = cs.run([cs.COROSCOPE, "record", "-p", str(pid), "-d", "2", f"--cpu={HZ}",
                         "-o", trace.path])
        if not cs.equal("observed: done", result.status, 0):
            print(result)
            return
        stacks = trace.fold("cpu")
        cs.check("observed: its functions are seen",
                 any(name in stack for stack in stacks for name in NAMES), repr(stacks))
        cs.check("observed: stacks reach the start of their thread", sum(
            v for s, v in stacks.items() if cs.from_thread_start(s)) > 0.8 * sum(stacks.values()))


need_samples()
RECORDING = threads()
stacks(RECORDING)
times(RECORDING)
processes()
not_asked_for()
alone_without_heap()
observed()
cs.finish()
