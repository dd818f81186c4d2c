# SPDX-License-Identifier: Apache-2.0
"""traps of sudden death: the target, the recorder or both are killed in the middle. What was
committed is in the trace, or in what `recover` makes of the session; `list` and `clean`.
"""
import json
import os
import random
import shutil
import signal
import struct

import cs

COUNTED = cs.need_target("counted")
PATHS = cs.need_target("paths")
THREADS = 4
# Exact, and room for what these programs do while nobody reads.
ROOMY = cs.LOSSLESS
THREADS_MAX = 16  # of counted.c


# ---- what the program itself knows ----

def counts(file):
    """What it had done for sure, by its own count in shared memory."""
    try:
        with open(file, "rb") as stream:
            data = stream.read()
    except OSError:
        return 0, 0
    allocated = freed = 0
    for thread in range(min(len(data) // 64, THREADS_MAX)):
        one, two = struct.unpack_from("<QQ", data, thread * 64)
        allocated, freed = allocated + one, freed + two
    return allocated, freed


def end(file):
    """It is to come to its end by itself."""
    with open(file, "r+b") as stream:
        stream.seek(THREADS_MAX * 64)
        stream.write(b"\1")


def agrees(name, trace, file, threads=THREADS):
    """Each thread may have had one deed done and not yet counted, or counted and not done."""
    allocated, freed = counts(file)
    got = trace.sites("alloc_objects").get("site_counted", 0)
    cs.check(f"{name}: every allocation is in it ({allocated})",
             allocated <= got <= allocated + threads, (got, allocated))
    live = trace.sites("inuse_objects").get("site_counted", 0)
    want = allocated - freed
    cs.check(f"{name}: and every free", want - threads <= live <= want + threads, (live, want))


def accounts(name, trace):
    info = trace.report("info")
    cs.equal(f"{name}: emitted = delivered + lost",
             sum(p["events"] for p in info["processes"]),
             info["summary"]["events"] + cs.lost(trace))
    return info


def work(limit=10**9, pause_us=2000):
    file = cs.path("count")
    return file, [COUNTED, file, str(THREADS), str(limit), str(pause_us)]


# ---- sessions ----

def sessions():
    result = cs.run([cs.COROSCOPE, "list", "--json"])
    return json.loads(result.out)["sessions"]


def session_of(pid):
    found = [s for s in sessions() if s["session"].startswith(f"{pid}-")]
    return found[0] if found else None


def has_ended(pid):
    """Also of one whom nobody has asked yet how it ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stream:
            return stream.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def at_work(running, file, allocations=20000):
    """The target's PID, when it has done that much."""
    target = running.wait_for_target(COUNTED)
    cs.wait_until(lambda: counts(file)[0] > allocations, 60)
    return target


def recover(session, expect=0):
    output = cs.path("recovered.coro")
    result = cs.run([cs.COROSCOPE, "recover", session["session"], "-o", output])
    cs.equal("recover: status", result.status, expect)
    return cs.Trace(output), result


def kill_recorder(running):
    os.kill(running.pid, signal.SIGKILL)
    running.process.wait()


# ---- the target dies ----

def target_killed():
    for pause_us in (2000, 0):
        file, argv = work(pause_us=pause_us)
        with cs.Running(argv, ROOMY) as running:
            target = at_work(running, file)
            os.kill(target, signal.SIGKILL)
            result = running.end()
            name = f"trap target-killed (pause {pause_us})"
            cs.equal(f"{name}: status", result.status, 128 + signal.SIGKILL)
            info = running.trace.report("info")
            if pause_us:
                cs.equal(f"{name}: nothing is lost", cs.lost(running.trace), 0)
            if not cs.lost(running.trace):
                agrees(name, running.trace, file)
            cs.check(f"{name}: its end is told", info["summary"]["signal"] == signal.SIGKILL,
                     info["summary"])


# ---- the recorder dies ----

def recorded(trace):
    """How many allocations the growing TRACE has, and up to when; None: none."""
    try:
        heap = trace.heap("alloc_objects")
    except cs.ReportError:
        return None
    return (heap["total"], heap["time_ns"]) if heap["total"] else None


def recorder_killed_and_recovered():
    """Work that is the same in every run: what is recovered is what a whole recording holds."""
    argv = [PATHS, "60", "40"]
    whole = cs.record(argv, cs.LOSSLESS).trace
    with cs.Running(argv, ROOMY) as running:
        target = running.wait_for_target(PATHS)
        cs.wait_until(lambda: os.path.exists(running.trace.path) and
                      os.path.getsize(running.trace.path) > 10000, 60)
        # It stands still while it is looked at, in the middle of its work.
        os.kill(target, signal.SIGSTOP)
        so_far, so_far_ns = cs.wait_until(lambda: recorded(running.trace), 60)
        kill_recorder(running)
        session = session_of(running.pid)
        cs.check("list: the session is recoverable, and its program runs",
                 session and session["state"] == "recoverable" and session["running"] == 1 and
                 session["command"] == " ".join(argv) and session["bytes"] > 0, session)
        refused = cs.run([cs.COROSCOPE, "clean", session["session"]])
        cs.check("clean: a session whose program runs is kept",
                 "kept" in refused.out and session_of(running.pid), refused)
        os.kill(target, signal.SIGCONT)
        cs.wait_until(lambda: session_of(running.pid)["running"] == 0, 60)
        trace, _ = recover(session)
        for metric in ("inuse_space", "inuse_objects", "alloc_space", "alloc_objects",
                       "peak_space"):
            cs.equal(f"recovered: {metric} of every stack", trace.fold(metric),
                     whole.fold(metric))
        info = accounts("recovered", trace)
        cs.equal("recovered: nothing is lost", cs.lost(trace), 0)
        cs.check("recovered: the trace says how it came about",
                 "recovered" in info["summary"]["ended_by"], info["summary"])
        cs.equal("recovered: the session is gone", session_of(running.pid), None)
        early = trace.total("alloc_objects", at=f"{so_far_ns / 1e9:.9f}s")
        cs.check("recovered: times before the kill read as well",
                 so_far <= early < trace.total("alloc_objects"), (so_far, early))


def both_killed():
    file, argv = work()
    with cs.Running(argv, ROOMY) as running:
        target = at_work(running, file)
        kill_recorder(running)
        more = counts(file)[0] + 2000
        cs.wait_until(lambda: counts(file)[0] > more, 60)
        os.kill(target, signal.SIGKILL)
        cs.wait_until(lambda: has_ended(target), 60)
        trace, _ = recover(session_of(running.pid))
        agrees("trap both-killed", trace, file)
        accounts("trap both-killed", trace)


def recovered_while_it_runs():
    file, argv = work()
    with cs.Running(argv, ROOMY) as running:
        target = at_work(running, file)
        kill_recorder(running)
        trace, result = recover(session_of(running.pid))
        cs.check("recovered while it runs: that is said", "still runs" in result.err, result.err)
        accounts("recovered while it runs", trace)
        before = counts(file)[0]
        cs.check("recovered while it runs: the program goes on",
                 cs.wait_until(lambda: counts(file)[0] > before + 20000, 60), counts(file))
        end(file)
        cs.check("recovered while it runs: to its end",
                 cs.wait_until(lambda: has_ended(target), 60), counts(file))


def written_over():
    """At full speed the rings can't hold what comes after the kill: it is counted, and waits
    are bounded although nobody reads."""
    file, argv = work(pause_us=0)
    with cs.Running(argv, ["--heap=all", "--buffer=256KiB", "--on-full=block"]) as running:
        target = at_work(running, file)
        kill_recorder(running)
        more = counts(file)[0] + 2000000
        cs.wait_until(lambda: counts(file)[0] > more, 60)
        end(file)
        cs.check("written over: the program ends",
                 cs.wait_until(lambda: has_ended(target), 60), counts(file))
        cs.wait_until(lambda: session_of(running.pid)["running"] == 0, 60)
        trace, _ = recover(session_of(running.pid))
        info = accounts("written over", trace)
        cs.check("written over: losses are told", cs.lost(trace) > 0)
        allocated, freed = counts(file)
        # Ends and starts of threads and the like are events as well.
        events = info["processes"][0]["events"]
        cs.check("written over: every event was counted",
                 0 <= events - allocated - freed <= 200, (events, allocated + freed))
        counters = info["processes"][0]["counters"]
        cs.check("written over: no wait exceeds 10 ms", counters["wait_max_ns"] <= 10_000_000,
                 counters)


# ---- what is not to be touched, and what is hostile ----

def live_sessions_are_left_alone():
    file, argv = work()
    with cs.Running(argv, ROOMY) as running:
        at_work(running, file)
        cs.wait_until(lambda: session_of(running.pid) and session_of(running.pid)["pid"], 60)
        session = session_of(running.pid)
        cs.equal("list: a session at work", session and session["state"], "recording")
        _, result = recover(session, expect=2)
        cs.check("recover: not while the recorder lives", "lives" in result.err and
                 "hint: " in result.err, result.err)
        result = cs.run([cs.COROSCOPE, "clean", "--running", session["session"]])
        cs.check("clean: never a session at work", "kept" in result.out, result)
        end(file)
        cs.equal("clean: it records to its end", running.end().status, 0)
        cs.equal("a session that ended well leaves nothing", session_of(running.pid), None)


def hostile_leftovers():
    """Damaged, foreign and linked files in a session: an error in words, or a trace."""
    dice = random.Random(5)
    another = cs.record([cs.need_target("endings"), "exit"]).trace.path
    for what in ("note", "state", "ring", "session", "links", "trace", "place"):
        file, argv = work()
        with cs.Running(argv, ROOMY) as running:
            target = at_work(running, file)
            kill_recorder(running)
            os.kill(target, signal.SIGKILL)
            session = session_of(running.pid)
            spoil(what, session["path"], running.trace.path, dice)
            if what == "place":
                shutil.copy(another, running.trace.path)
            output = cs.path("hostile.coro")
            result = cs.run([cs.COROSCOPE, "recover", session["session"], "-o", output])
            cs.check(f"recover with a spoilt {what}: a trace, or an error in words",
                     (result.status == 0 and os.path.exists(output)) or
                     (result.status == 2 and "coroscope: cannot" in result.err), result)
            if what == "place":
                cs.check("recover: another session's trace is not taken for its own",
                         "not the trace of this session" in result.err, result)
            if os.path.exists(output):
                cs.equal(f"recover with a spoilt {what}: the trace is whole",
                         cs.run([cs.COROSCOPE, "dump", output]).status, 0)
            listed = cs.run([cs.COROSCOPE, "list"])
            cs.equal(f"list with a spoilt {what}", listed.status, 0)


def spoil(what, folder, trace, dice):
    ring = next((f for f in os.listdir(folder) if f.startswith("ring.")), "ring")
    name = {"note": "recorder", "state": "state", "ring": ring, "session": "session"}.get(what)
    if what == "links":
        for victim in ("recorder", "state"):
            os.unlink(os.path.join(folder, victim))
            os.symlink("/etc/passwd", os.path.join(folder, victim))
        os.symlink("/etc/passwd", os.path.join(folder, "ring.1.1"))
        return
    if what == "place":
        return  # another trace lies there
    if what == "trace":
        shutil.copy("/etc/passwd", trace)
        return
    with open(os.path.join(folder, name), "r+b") as stream:
        size = os.fstat(stream.fileno()).st_size
        for _ in range(20):
            stream.seek(dice.randrange(min(size, 20000)))
            stream.write(bytes([dice.randrange(256)]))


def nothing_to_recover():
    result = cs.run([cs.COROSCOPE, "recover", "no-such-session"])
    cs.check("recover: an unknown session", result.status == 2 and "hint: " in result.err, result)


target_killed()
recorder_killed_and_recovered()
both_killed()
recovered_while_it_runs()
written_over()
live_sessions_are_left_alone()
hostile_leftovers()
nothing_to_recover()
cs.finish()
