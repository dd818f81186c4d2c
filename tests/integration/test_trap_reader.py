# SPDX-License-Identifier: Apache-2.0
# cs-test: timeout=600
"""traps of a reader in trouble: killed, stopped, without disk or session folder.

The target allocates at full speed meanwhile; it prints the same and ends with the same status,
and does not wait for longer than 100 ms in all.
"""
import os
import shutil
import signal
import subprocess
import time

import cs

PROGRAM = cs.need_target("churn")
# Long enough that trouble comes in its middle: sampled, it is as fast as without us.
WORK = {"exact": ["2", "2500000", "300"], "sampled": ["2", "25000000", "300"]}
HANGS = 120  # seconds: what a slow and busy machine does not need either
WANT = {mode: cs.run([PROGRAM, *work]) for mode, work in WORK.items()}


def target_output(argv, options, trouble, at_work=True):
    """Runs ARGV under record, its output in a file of its own, and calls TROUBLE(running,
    target's PID) as soon as it is AT_WORK. Gives (status, output) of the target, and the
    recording.

    The target's status is told by a shell around it: the recorder may be dead by then.
    """
    out = cs.path("out")
    script = '"$@" > "$0"; echo "status $?" >> "$0"'
    with cs.Running(["/bin/sh", "-c", script, out, *argv], options) as running:
        target = cs.wait_until(lambda: find(PROGRAM, running.pid), 60)
        if not target:
            return None, running, running.end(1)
        if at_work:  # it pauses for 300 ms, and then its threads allocate
            cs.wait_until(lambda: len(os.listdir(f"/proc/{target}/task")) > 1, 60)
            time.sleep(0.1)
        trouble(running, target)
        ended = cs.wait_until(lambda: "status" in read(out), HANGS)
        if not ended:
            os.kill(target, signal.SIGKILL)
        text = read(out)
        os.kill(running.pid, signal.SIGCONT) if running.process.poll() is None else None
        return text, running, running.end(200)


def find(program, ancestor):
    for child in cs.children(ancestor):
        try:
            if os.path.realpath(f"/proc/{child}/exe") == os.path.realpath(program):
                return child
        except OSError:
            continue
        found = find(program, child)
        if found:
            return found
    return None


def read(file):
    try:
        with open(file) as stream:
            return stream.read()
    except OSError:
        return ""


def unharmed(name, mode, text):
    want = WANT[mode]
    cs.equal(f"trap {name} ({mode}): same output and status", text,
             f"{want.out}status {want.status}\n")


def folder_of(target):
    """The session's folder, as the target knows it."""
    with open(f"/proc/{target}/environ", "rb") as stream:
        for variable in stream.read().split(b"\0"):
            if variable.startswith(b"COROSCOPE_SESSION="):
                return os.fsdecode(variable.split(b"=", 1)[1])
    return None


def killed(running, target):
    os.kill(running.pid, signal.SIGKILL)


def stopped(running, target):
    os.kill(running.pid, signal.SIGSTOP)


def folder_removed(running, target):
    shutil.rmtree(folder_of(target))


def recorder_in_trouble():
    for mode, options in cs.MODES.items():
        for name, trouble in (("reader-killed", killed), ("reader-stopped", stopped),
                              ("session-folder-removed", folder_removed)):
            start = time.monotonic()
            text, running, result = target_output([PROGRAM, *WORK[mode]], options, trouble)
            unharmed(name, mode, text)
            cs.check(f"trap {name} ({mode}): nobody hangs", time.monotonic() - start < HANGS)
            if trouble is stopped:
                after_stop(mode, running, result)


def after_stop(mode, running, result):
    """It goes on: what was lost meanwhile is counted, emitted = delivered + lost."""
    cs.equal(f"trap reader-stopped ({mode}): the recorder ends well", result.status, 0)
    info = running.trace.report("info")
    lost = cs.lost(running.trace)
    cs.equal(f"trap reader-stopped ({mode}): emitted = delivered + lost",
             sum(p["events"] for p in info["processes"]), info["summary"]["events"] + lost)
    if mode == "exact":
        cs.check("trap reader-stopped: the losses are told", lost > 0)
        waited = max(p["counters"].get("wait_max_ns", 0) for p in info["processes"])
        cs.check("trap reader-stopped: no wait exceeds 10 ms", waited <= 10_000_000, waited)


def bounded_wait_when_stopped(threads, hogs):
    """A reader that stops before the first allocation: all waits of all threads together end
    at 100 ms, and each at 10 ms, also where other programs keep every core busy."""
    name = f"trap stopped-reader-and-small-buffer ({threads} threads, {hogs} busy neighbours)"
    neighbours = [subprocess.Popen(["/bin/sh", "-c", "while :; do :; done"])
                  for _ in range(hogs)]
    work = [PROGRAM, str(threads), str(min(500000, 3200000 // threads)), "300"]
    try:
        text, running, result = target_output(
            work, ["--heap=all", "--buffer=64KiB", "--on-full=block"], stopped, at_work=False)
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.wait()
    want = cs.run(work)
    cs.equal(f"{name}: same output and status", text, f"{want.out}status {want.status}\n")
    info = running.trace.report("info")
    counters = [p["counters"] for p in info["processes"] if p["counters"]["waits"]]
    waited = [c["wait_ns"] for c in counters]
    cs.check(f"{name}: it waited, for 100 ms at most", waited and max(waited) <= 100_000_000,
             counters)
    longest = [c["wait_max_ns"] for c in counters]
    cs.check(f"{name}: no wait exceeds 10 ms", longest and max(longest) <= 10_000_000, counters)
    cs.equal(f"{name}: emitted = delivered + lost", sum(p["events"] for p in info["processes"]),
             info["summary"]["events"] + cs.lost(running.trace))


def disk_full():
    """A file system without room: for the trace, and for the session's rings."""
    if os.geteuid() != 0:
        cs.without("trap disk-full", "needs root for a small file system")
        return
    mount = cs.path("tiny")
    os.mkdir(mount)
    # Its trace is many times as large as the file system, in both modes.
    work = [cs.need_target("paths"), "40", "20"]
    want = cs.run(work)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", mount],
                      stderr=subprocess.DEVNULL).returncode != 0:
        cs.without("trap disk-full", "this environment permits no mount")
        return
    try:
        for mode, options in cs.MODES.items():
            trace = os.path.join(mount, "trace.coro")
            result = cs.run(cs.record_command(work, options, trace))
            name = f"trap disk-full for the trace ({mode})"
            cs.equal(f"{name}: same output and status", (result.out, result.status),
                     (want.out, want.status))
            cs.check(f"{name}: it is said", "write the trace any further: No space" in result.err,
                     result.err)
            read = cs.run([cs.COROSCOPE, "heap", trace])
            cs.check(f"{name}: what is in it reads", read.status == 0, str(read))
            for file in os.listdir(mount):
                os.unlink(os.path.join(mount, file))
    finally:
        subprocess.run(["umount", "-l", mount], check=False)


def no_room_for_rings():
    """The memory behind the rings runs out while the program starts threads: no SIGBUS."""
    if os.geteuid() != 0 or not cs.tool("unshare"):
        cs.without("trap disk-full for the rings", "needs root and unshare")
        return
    script = 'mount -t tmpfs -o "size=$0" tmpfs /dev/shm && exec "$@"'
    work = ["64", "20000", "0"]
    want = cs.run([PROGRAM, *work])
    # Enough for what 64 lanes begin with, and not for what they come to want.
    for size in ("40m", "72m"):
        output = cs.path("full.coro")
        command = ["unshare", "-m", "/bin/sh", "-c", script, size,
                   *cs.record_command([PROGRAM, *work], cs.EXACT, output)]
        if size == "40m" and cs.run(["unshare", "-m", "/bin/sh", "-c", script, size,
                                    "/bin/true"]).status != 0:
            cs.without("trap disk-full for the rings", "this environment permits no mount")
            return
        result = cs.run(command)
        name = f"trap disk-full for the rings, {size}"
        cs.equal(f"{name}: same output and status", (result.out, result.status),
                 (want.out, want.status))
        info = cs.Trace(output).report("info")
        process = info["processes"][0]
        cs.check(f"{name}: lanes stay within it",
                 0 < process["counters"]["lane_bytes"] < int(size[:-1]) << 20, process)
        cs.equal(f"{name}: emitted = delivered + lost", process["events"],
                 info["summary"]["events"] + process["lost"])
        # 256 blocks a thread are never freed. A thread that starts late may find no room at all.
        told = process["events"] + process["counters"]["no_lane"]
        cs.check(f"{name}: nothing is forgotten", told >= 64 * (2 * 20000 - 256), process)


def total(trace):
    """Allocations that the growing TRACE has by now."""
    try:
        return trace.total("alloc_objects")
    except cs.ReportError:
        return 0


def killed_recorder_leaves_a_readable_trace():
    with cs.Running([PROGRAM, "2", "20000000", "0"], cs.EXACT) as running:
        if not cs.check("recorder killed: it recorded", running.wait_for_target(PROGRAM)):
            return
        cs.wait_until(lambda: total(running.trace), 60)
        os.kill(running.pid, signal.SIGKILL)
        running.process.wait()
        try:
            allocated = running.trace.total("alloc_objects")
        except cs.ReportError as error:
            cs.check("recorder killed: the trace reads up to its last whole chunk", False, error)
        else:
            cs.check("recorder killed: the trace reads up to its last whole chunk",
                     allocated > 0)
            cs.check("recorder killed: it is said that the trace is cut short",
                     "cut short" in running.trace.warnings, running.trace.warnings)


recorder_in_trouble()
bounded_wait_when_stopped(2, 0)
bounded_wait_when_stopped(16, 4)
disk_full()
no_room_for_rings()
killed_recorder_leaves_a_readable_trace()
cs.finish()
