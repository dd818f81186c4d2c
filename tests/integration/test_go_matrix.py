# SPDX-License-Identifier: Apache-2.0
# cs-test: release-only timeout=1200
"""Go programs of every version at hand, plain, stripped, position independent and with C: what
is read of them from outside is what they say themselves: all goroutines with reason, stack and
creator, the heap profile to the byte, block and mutex profiles.
"""
import json
import re
import subprocess

import cs
import gotarget

METRICS = ("inuse_space", "inuse_objects", "alloc_space", "alloc_objects")
COUNT = 7

# What each classic leak waits for, in the words of old and of newer versions.
LEAKS = {
    "main.receiveNobodyCloses": ["chan receive"],
    "main.sendNobodyReceives": ["chan send"],
    "main.forgottenTimer": ["sleep"],
    "main.lockNeverReleased": ["semacquire", "sync.Mutex.Lock"],
    "main.selectOfTwo": ["select"],
    "main.waitForNobody": ["semacquire", "sync.WaitGroup.Wait"],
    "main.waitCondition": ["sync.Cond.Wait"],
    "main.nilChannel": ["chan receive (nil chan)"],
    "main.emptySelect": ["select (no cases)"],
    "main.callsInlined": ["chan receive"],
    "main.receiver.wait": ["chan receive"],
    "main.deep": ["chan receive"],
    "main.labelled": ["chan receive"],
}


def report(command, program, *options):
    result = cs.run([cs.COROSCOPE, command, "--json", *options, "-p", str(program.pid)])
    if result.status != 0:
        raise cs.ReportError(f"{command} {' '.join(options)}: {result}")
    return json.loads(result.out)


def shown(frames):
    return [(frame["function"], f"{frame['file']}:{frame['line']}") for frame in frames
            if not gotarget.is_hidden(frame["function"] or "")]


def differences(ours, theirs):
    """Goroutines that differ from the program's own dump, which lacks the one that wrote it."""
    wrong = []
    for number, (reason, frames, creator) in theirs.items():
        mine = ours.get(f"go/{number}")
        if reason == "running":
            continue
        if mine is None:
            wrong.append((number, "missing"))
        elif mine["state"] == "waiting" and mine["reason"] != reason:
            wrong.append((number, mine["reason"], reason))
        elif shown(mine["stack"]) != frames:
            wrong.append((number, shown(mine["stack"]), frames))
        elif creator and creator[1] not in [place for _, place in shown_all(mine["spawn"])]:
            wrong.append((number, mine["spawn"], creator))
    extra = [mine["id"] for mine in ours.values() if int(mine["id"][3:]) not in theirs]
    return wrong + extra


def shown_all(frames):
    return [(frame["function"], f"{frame['file']}:{frame['line']}") for frame in frames]


def check_goroutines(name, program):
    listing = report("ps", program, "--stacks")
    ours = {one["id"]: one for one in listing["coroutines"]}
    theirs = gotarget.parse_dump(program.ask("goroutine 2"))
    wrong = differences(ours, theirs)
    cs.check(f"{name}: {len(theirs)} goroutines as in the program's own dump", not wrong,
             f"{len(wrong)} differ: {wrong[:2]}")
    found = {}
    for one in ours.values():
        found.setdefault(one["entry"], []).append(one["reason"])
    for entry, reasons in LEAKS.items():
        got = found.get(entry, [])
        cs.check(f"{name}: {entry} waits for {reasons[-1]}",
                 len(got) == COUNT and set(got) <= set(reasons), f"{len(got)}: {set(got)}")
    handlers = [one for one in ours.values()
                if any((frame["function"] or "").startswith("main.handlerOutlivesRequest.func")
                       for frame in one["stack"])]
    cs.equal(f"{name}: handlers that outlive their request", len(handlers), 3)
    locked = [one["entry"] for one in ours.values() if one["locked"]]
    cs.equal(f"{name}: who is locked to its thread", locked, ["main.lockedInSyscall"])
    parents = {one["parent"] for one in ours.values()
               if (one["entry"] or "").startswith("main.") and one["id"] != "go/1" and
               one["entry"] in LEAKS}
    # Known since 1.21.
    cs.equal(f"{name}: who started them", parents,
             {"go/1"} if int(name.split(".")[1]) >= 21 else {None})
    everybody = report("ps", program, "--system")["coroutines"]
    own = [one for one in everybody if one["system"]]
    cs.check(f"{name}: the runtime's own are marked, and not listed unless asked for",
             len(own) >= 4 and not any(one["system"] for one in ours.values()) and
             all(one["entry"].startswith("runtime.") for one in own), str(own)[:400])
    inlined = [[frame["inlined"] for frame in one["stack"]] for one in ours.values()
               if one["entry"] == "main.callsInlined"]
    cs.equal(f"{name}: inlined calls", inlined, [[True, False]] * COUNT)
    sizes = [(one["stack_used_bytes"], one["stack_bytes"]) for one in ours.values()
             if one["entry"] == "main.deep"]
    cs.check(f"{name}: size and use of stacks",
             all(1024 < used < size and size & (size - 1) == 0 for used, size in sizes),
             str(sizes))
    labels = [one["labels"] for one in ours.values() if one["entry"] == "main.labelled"]
    cs.equal(f"{name}: labels", labels, [{"shard": "7", "tenant": "blue"}] * COUNT)


def check_heap(name, program):
    before, sites = gotarget.parse_heap(program.ask("heap 1"))
    for index, metric in enumerate(METRICS):
        heap = report("heap", program, "--metric", metric)
        cs.equal(f"{name}: {metric} is pprof's", heap["total"], before[index])
        ours = {}
        for entry in heap["entries"]:
            names = [frame["function"] for frame in entry["stack"]]
            # Where a stack begins with calls of the runtime's, pprof leaves all of them out.
            function = next((name for name in names if not name.startswith(("runtime.", "["))),
                            names[0])
            ours[function] = ours.get(function, 0) + entry["value"]
        wanted = {function: values[index] for function, values in sites.items()
                  if values[index]}
        wrong = {function: (ours.get(function), wanted.get(function))
                 for function in {*ours, *wanted}
                 if ours.get(function, 0) != wanted.get(function, 0)}
        cs.equal(f"{name}: {metric} by function", wrong, {})


def parse_delays(text):
    """By stack's outermost functions of the program: (contentions, ns)."""
    rate = int(re.search(r"cycles/second=(\d+)", text).group(1))
    result = [0, 0]
    for match in re.finditer(r"^(\d+) (\d+) @[^\n]*\n((?:#[^\n]*\n)*)", text, re.M):
        if "main.contend" in match.group(3):
            result[0] += int(match.group(2))
            result[1] += int(match.group(1)) * 1e9 / rate
    return result


def check_delays(name, program):
    for index, metric in enumerate(("contentions", "delay")):
        ours = 0
        for line in cs.run([cs.COROSCOPE, "fold", "--metric", metric, "-p",
                            str(program.pid)]).out.splitlines():
            stack, value = line.rsplit(" ", 1)
            ours += int(value) if "main.contend" in stack else 0
        theirs = sum(parse_delays(program.ask(kind + " 1"))[index]
                     for kind in ("block", "mutex"))
        cs.check(f"{name}: {metric} of block and mutex profile",
                 abs(ours - theirs) <= theirs * 0.01 and theirs > 0, f"{ours}, {theirs}")


# Figures, and what MemStats calls them.
MEMORY = {
    "go.mem.heap_inuse": "HeapInuse", "go.mem.heap_released": "HeapReleased",
    "go.mem.heap_idle": "HeapIdle", "go.mem.heap_sys": "HeapSys",
    "go.mem.stack_inuse": "StackInuse", "go.mem.sys": "Sys", "go.gc.cycles": "NumGC",
    "go.gc.forced": "NumForcedGC", "go.gc.pause_total": "PauseTotalNs",
    "go.gc.last_pause": "LastPause", "go.gc.last_end_unix": "LastGC",
    "go.gc.cpu_fraction": "GCCPUFraction", "go.sched.gomaxprocs": "GOMAXPROCS",
}
# What each P has not told of yet is missing.
AS_OF_FLUSH = {"go.mem.heap_alloc_as_of_flush": "HeapAlloc",
               "go.mem.total_alloc_as_of_flush": "TotalAlloc"}


def memstats(program):
    return {name: float(value) for name, value in
            (line.split() for line in program.ask("memstats").splitlines() if line)}


def moment(program):
    """Our figures, and theirs before and after; to the byte, where it says the same twice."""
    for _ in range(5):
        before = memstats(program)
        ours = {one["name"]: one["value"] for one in report("ps", program)["figures"]}
        after = memstats(program)
        if all(before[key] == after[key] for key in MEMORY.values() if key in before):
            break
    return before, ours, after


def check_figures(name, before, ours, after):
    # Dates and shares are shown to nine digits and more.
    wrong = {figure: (ours.get(figure), before[key]) for figure, key in MEMORY.items()
             if key in before and before[key] == after[key] and
             abs(ours.get(figure, -1) - before[key]) > (before[key] * 1e-8 if
                                                        before[key] < 1 or before[key] > 1e17
                                                        else 0)}
    cs.equal(name, wrong, {})


def check_memory(name, program):
    before, ours, after = moment(program)
    check_figures(f"{name}: memory and collector as MemStats has them", before, ours, after)
    if name.startswith("go1.18"): # has no such sums
        return
    wrong = {figure: (ours.get(figure), before[key]) for figure, key in AS_OF_FLUSH.items()
             if not before[key] * 0.98 <= ours.get(figure, 0) <= after[key]}
    cs.equal(f"{name}: what was allocated, as of the last flush", wrong, {})


def check_metrics(toolchain):
    """A program that does not call runtime.ReadMemStats, which names all the variables."""
    name = f"go{toolchain.version} without MemStats"
    built = toolchain.build("metrics", "strip")
    if built is None:
        cs.without(name, f"can't be built here: {' '.join(toolchain.error)}")
        return
    with gotarget.Program([built]) as program:
        cs.until_ok(lambda: check_figures(f"{name}: memory and collector as its metrics have them",
                                          *moment(program)))


def check_spans(toolchain):
    """A program whose linker has turned the profile off: by size, as its own statistics."""
    name = f"go{toolchain.version} without a heap profile"
    built = toolchain.build("quiet", "strip")
    if built is None:
        cs.without(name, f"can't be built here: {' '.join(toolchain.error)}")
        return
    # A thread that the runtime starts in between changes the one and not the other.
    with gotarget.Program([built]) as program:
        cs.until_ok(lambda: compare_spans(name, program))


def compare_spans(name, program):
    theirs = dict(line.split() for line in program.ask("").splitlines())
    result = cs.run([cs.COROSCOPE, "heap", "--json", "-n", "all", "-p", str(program.pid)])
    cs.check(f"{name}: it is said, and why",
             "its linker left the heap profile out" in result.err and
             "by size of objects" in result.err, result.err)
    heap, ours = json.loads(result.out), {}
    for entry in heap["entries"]:
        size = re.match(r"objects of (\d+) bytes", entry["stack"][0]["function"])
        if size:
            ours[size.group(1)] = ours.get(size.group(1), 0) + entry["objects"]
    wrong = {size: (ours.get(size, 0), count) for size, count in theirs.items()
             if size != "total" and ours.get(size, 0) != int(count)}
    cs.equal(f"{name}: objects by size as in its own statistics", wrong, {})
    total = int(theirs["total"])
    cs.check(f"{name}: in all", abs(heap["total"] - total) < total * 0.01,
             f"{heap['total']}, {total}")


def check_scheduler(toolchain):
    """What GODEBUG=schedtrace prints from within."""
    name = f"go{toolchain.version}: the scheduler as schedtrace has it"
    built = toolchain.build("leaks", "strip")
    environment = {**cs.environment(), "GODEBUG": "schedtrace=100"}
    with subprocess.Popen([built, "1"], env=environment, stdin=subprocess.PIPE, text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        theirs = ours = {}
        for number, line in enumerate(process.stderr):
            found = dict(re.findall(r"(\w+)=(\d+)", line))
            if not line.startswith("SCHED") or number < 10:
                continue
            theirs = {"gomaxprocs": found["gomaxprocs"], "threads": found["threads"],
                      "idle_ps": found["idleprocs"], "idle_threads": found["idlethreads"],
                      "spinning_threads": found["spinningthreads"],
                      "global_queue": found["runqueue"]}
            listing = cs.run([cs.COROSCOPE, "ps", "--json", "-p", str(process.pid)]).out
            ours = {one["name"]: str(int(one["value"])) for one in
                    json.loads(listing)["figures"]}
            ours = {key: ours.get("go.sched." + key) for key in theirs}
            if ours == theirs or number > 300:
                break
        process.kill()
    cs.equal(name, ours, theirs)


def check_uninlined(toolchain):
    """Built for a debugger, nothing is inlined, nor are the runtime's own accessors."""
    name = f"go{toolchain.version} built for a debugger"
    built = toolchain.build("leaks", "debugger")
    if built is None:
        cs.without(name, f"can't be built here: {' '.join(toolchain.error)}")
        return
    with gotarget.Program([built, "2"]) as program:
        def look():
            ours = {one["id"]: one for one in report("ps", program, "--stacks")["coroutines"]}
            wrong = differences(ours, gotarget.parse_dump(program.ask("goroutine 2")))
            cs.check(f"{name}: goroutines as in the program's own dump", not wrong,
                     f"{len(wrong)} differ: {wrong[:2]}")
        cs.until_ok(look)
        cs.until_ok(lambda: check_memory(name, program))


def check(toolchain, kind):
    name = f"go{toolchain.version} {kind}"
    built = toolchain.build("leaks", kind)
    if built is None:
        cs.without(name, f"can't be built here: {' '.join(toolchain.error)}")
        return
    with gotarget.Program([built, str(COUNT)]) as program:
        # A busy machine may not have let all of them go where they wait.
        cs.until_ok(lambda: check_goroutines(name, program))
        cs.until_ok(lambda: check_heap(name, program))
        cs.until_ok(lambda: check_memory(name, program))
    with gotarget.Program([built, "1", "1"]) as program:
        cs.until_ok(lambda: check_heap(name + ", every allocation", program))
        cs.until_ok(lambda: check_delays(name, program))


def main():
    toolchains = gotarget.toolchains()
    if not toolchains:
        cs.skip("there is no Go toolchain here (Debian: golang-go)")
    print("versions of Go:", ", ".join(one.version for one in toolchains), flush=True)
    for toolchain in toolchains:
        for kind in gotarget.KINDS:
            check(toolchain, kind)
        check_uninlined(toolchain)
        check_metrics(toolchain)
        check_spans(toolchain)
        check_scheduler(toolchain)
    cs.finish()


if __name__ == "__main__":
    main()
