# SPDX-License-Identifier: Apache-2.0
# cs-test: timeout=1200
"""record -p and snapshot of a Go program that shares its CPU time out as 4 : 3 : 2 : 1: the
profile has these shares, every command reads the traces, and nothing that happens to recorder or
target costs more than the end of the trace.
"""
import math
import signal
import subprocess

import cs
import gotarget

SHARES = {"main.shareFour": 4, "main.shareThree": 3, "main.shareTwo": 2, "main.shareOne": 1}


def build():
    found = gotarget.toolchains()
    if not found:
        cs.skip("no Go toolchain here (Debian: golang-go)")
    program = found[-1].build("shares", "strip")
    if not program:
        cs.skip(f"cannot build the target: {found[-1].error}")
    return program


WAITERS = 100


def waiters_of(*what):
    """Those that are where they wait, in a process or a growing trace."""
    result = cs.run([cs.COROSCOPE, "fold", "--metric", "coroutines", *what])
    return sum(int(line.rsplit(" ", 1)[1]) for line in result.out.splitlines()
               if line.startswith("main.waiter "))


class Work:
    """The program, at work until it is left."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, cwd=cs.folder())
        self.process.stdout.readline()
        self.pid = self.process.pid
        # It says that it is ready when all have been made; some have not begun then.
        cs.wait_until(lambda: waiters_of("-p", str(self.pid)) == WAITERS, 60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def start(work, *options):
    trace = cs.Trace(cs.path("work.coro"))
    recorder = subprocess.Popen(
        [cs.COROSCOPE, "record", "-p", str(work.pid), "-o", trace.path, *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cs.folder())
    return recorder, trace


def record(work, *options):
    recorder, trace = start(work, *options)
    out, err = recorder.communicate(timeout=200)
    cs.equal(f"record -p {' '.join(options)}: done", recorder.returncode, 0)
    return trace, out + err


def by_share(stacks):
    sums = dict.fromkeys(SHARES, 0)
    for stack, value in stacks.items():
        for name in SHARES:
            if name in stack.split(";"):
                sums[name] += value
    return sums


def has_shares(name, sums, weight):
    """As multinomial counts of samples that stand for WEIGHT ns each, within five sigma and 5 %."""
    samples = sum(sums.values()) / weight
    if samples < 50:
        cs.without(name, f"the machine is too busy: {samples:.0f} samples")
        return
    for function, parts in SHARES.items():
        want = parts / 10
        bound = 5 * math.sqrt(want * (1 - want) / samples) + 0.05
        got = sums[function] / sum(sums.values())
        cs.check(f"{name}: {function} has its share", abs(got - want) <= bound,
                 f"{got:.3f}, want {want} within {bound:.3f} of {samples:.0f} samples")


def sampled(result):
    return "cannot sample" not in result


def profile(program):
    with Work(program) as work:
        trace, words = record(work, "-d", "4", "--cpu=199", "--wall=50", "--interval=500ms")
    if sampled(words):
        stacks = trace.fold("cpu")
        labels = {entry["label"]: entry["value"] for entry in
                  trace.heap("cpu", "--by", "label")["entries"]}
        has_shares("cpu by label",
                   {f: labels.get(f"share={f[10:].lower()}", 0) for f in SHARES}, 1e9 / 199)
        has_shares("cpu", by_share(stacks), 1e9 / 199)
        whole = sum(v for s, v in stacks.items() if s.startswith("main.worker;"))
        cs.check("cpu: stacks reach the goroutine's entry", whole > 0.8 * sum(stacks.values()))
        cs.equal("cpu: folded stacks are the total", sum(stacks.values()), trace.total("cpu"))
    else:
        cs.without("cpu", words)
    wall, off = trace.fold("wall"), trace.fold("offcpu")
    waiting = sum(v for s, v in off.items() if "main.waiter" in s)
    total = sum(v for s, v in wall.items() if "main.waiter" in s)
    cs.equal("wall: who waits is off the CPU all the time", waiting, total)
    # As long as it took; on a busy machine its first look may be late.
    took = trace.report("info")["duration_ns"]
    cs.check("wall: a hundred that wait for all of the time",
             0.6 * WAITERS * took < waiting < 1.05 * WAITERS * took,
             f"{waiting / 1e9:.1f} s of {took / 1e9:.1f}")
    worked = {s: v for s, v in wall.items() if s.startswith("main.worker")}
    cs.check("wall: the four workers have lived for all of the time",
             0.6 * 4 * took < sum(worked.values()) < 1.05 * 4 * took, f"{took} {worked!r}")
    reading(trace)


def reading(trace):
    """Every command reads it, at any time."""
    duration = trace.report("info")["duration_ns"]
    cs.check("info: the duration", 3.9e9 < duration < 60e9, str(duration))
    for at in (None, "2s", "-1s"):
        stacks = trace.fold("coroutines", at)
        waiters = sum(v for s, v in stacks.items() if "main.waiter" in s)
        cs.equal(f"coroutines at {at}: the waiters", waiters, WAITERS)
    early, late = trace.total("cpu", at="1s"), trace.total("cpu")
    cs.check("cpu grows", early <= late and late > 0, f"{early} {late}")
    cs.equal("cpu: since 1s is the rest", trace.total("cpu", "--from=1s"), late - early)
    result = cs.run([cs.COROSCOPE, "diff", "--metric", "coroutines", "--json",
                     trace.at("2s"), trace.at("-0.5s")])
    cs.equal("diff between two times", result.status, 0)
    cs.check("heap: the runtime's own profile is there", trace.total("alloc_space") > 0)
    dump = cs.run([cs.COROSCOPE, "dump", trace.path]).out
    cs.check("cycles of the collector are events", "gc" in dump.lower())


def snapshot(program):
    with Work(program) as work:
        before, after = cs.Trace(cs.path("a.coro")), cs.Trace(cs.path("b.coro"))
        for trace in (before, after):
            result = cs.run([cs.COROSCOPE, "snapshot", "-p", str(work.pid), "-o", trace.path])
            cs.equal("snapshot: done", result.status, 0)
    cs.equal("snapshot: whole without the program", before.fold("coroutines")["main.waiter"], WAITERS)
    result = cs.run([cs.COROSCOPE, "diff", "--metric", "coroutines", before.path, after.path])
    cs.equal("snapshots: compared", result.status, 0)


def ends(program):
    """The target dies, the recorder is interrupted or killed: what was seen can be read."""
    with Work(program) as work:
        recorder, trace = start(work, "--interval=200ms")
        # It is at work for more than a second, and has written that.
        cs.wait_until(lambda: waiters_of(trace.at("1.2s")), 60)
        work.process.kill()
        err = recorder.communicate(timeout=200)[1]
        cs.check("killed target: the recorder is done", recorder.returncode == 0, err)
        cs.check("killed target: it says so", "program ended" in err, err)
        cs.check("killed target: the trace is whole",
                 trace.report("info")["duration_ns"] > 1e9)
        cs.equal("killed target: its waiters were seen",
                 trace.fold("coroutines", "1s").get("main.waiter"), WAITERS)
    with Work(program) as work:
        recorder, trace = start(work, "--interval=200ms")
        cs.wait_until(lambda: waiters_of(trace.path), 60)
        recorder.send_signal(signal.SIGINT)
        err = recorder.communicate(timeout=200)[1]
        cs.equal("interrupted: done", recorder.returncode, 0)
        cs.check("interrupted: it says so", "interrupted" in err, err)
        cs.equal("interrupted: the program goes on", work.process.poll(), None)
        recorder, trace = start(work, "--interval=200ms")
        cs.wait_until(lambda: waiters_of(trace.path) == WAITERS, 60)
        recorder.kill()
        recorder.communicate()
        cs.equal("killed recorder: the program goes on", work.process.poll(), None)
        cs.equal("killed recorder: the trace is readable", trace.fold("coroutines").get(
            "main.waiter"), WAITERS)
        work.process.stdin.close()
        cs.equal("killed recorder: the program ends as ever", work.process.wait(60), 0)


def wrong_use(program):
    with Work(program) as work:
        for options, word in ((["--buffer=1MiB"], "--buffer"), (["--cpu=0"], "10000"),
                              (["--interval=1ms"], "hundred"), (["--heap=8KiB"], "own profile"),
                              (["true"], "at once")):
            result = cs.run([cs.COROSCOPE, "record", "-p", str(work.pid), *options])
            cs.equal(f"{options[0]} is refused", result.status, 2)
            cs.check(f"{options[0]}: it says why", word in result.err, result.err)
    result = cs.run([cs.COROSCOPE, "record", "-p", "1999999999"])
    cs.equal("nobody is refused", result.status, 2)
    result = cs.run([cs.COROSCOPE, "record", "--wall", "true"])
    cs.equal("--wall without -p is refused", result.status, 2)
    with subprocess.Popen(["sleep", "20"]) as native:
        result = cs.run([cs.COROSCOPE, "record", "-p", str(native.pid)])
        cs.equal("a native program is refused", result.status, 2)
        cs.check("… with the way out", "coroscope record" in result.err, result.err)
        native.kill()


PROGRAM = build()
profile(PROGRAM)
snapshot(PROGRAM)
ends(PROGRAM)
wrong_use(PROGRAM)
cs.finish()
