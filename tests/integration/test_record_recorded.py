# SPDX-License-Identifier: Apache-2.0
"""record -p and snapshot of a native program that another one is recording already: what they
write has a time that goes on from the first one's, and holds where its coroutines are now."""
import json
import os
import re
import subprocess
import time

import cs

COUNT = 300
PROGRAM = cs.need_target("coro_parked")


def check(name, trace, least, most):
    info = json.loads(cs.run([cs.COROSCOPE, "info", "--json", trace.path]).out)
    from_s = info["session"]["kept_from_ns"] / 1e9
    cs.check(f"{name}: its time goes on from that of the first", from_s > 1.5,
             json.dumps(info["session"]))
    length = info["duration_ns"] / 1e9 - from_s
    cs.check(f"{name}: it is as long as it took", least <= length <= most, f"{length} s")
    states = [chunk["to_ns"] / 1e9 for chunk in info["chunks"] if chunk["kind"] == "KEYFRAME"]
    cs.check(f"{name}: its last moment is that of the end",
             states and from_s + least / 2 <= states[-1] <= from_s + length, repr(states))
    page = json.loads(cs.run([cs.COROSCOPE, "ps", "--json", trace.path]).out)
    cs.equal(f"{name}: all coroutines are in it",
             sum(one["state"] == "waiting" for one in page["coroutines"]), COUNT)
    cs.check(f"{name}: with where they are",
             all(any(frame["function"] == "parked_here" for frame in one["stack"])
                 for one in page["coroutines"]), json.dumps(page["coroutines"][:2]))
    early = cs.run([cs.COROSCOPE, "ps", f"{trace.path}@0.5s"])
    cs.check(f"{name}: before that there is nothing", early.status == 2 and early.err, str(early))


first = cs.path("first.coro")
with subprocess.Popen(cs.record_command([PROGRAM, str(COUNT)], ["--quiet"], first),
                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=cs.environment(),
                      cwd=cs.folder()) as recorder:
    while recorder.stdout.readline() not in (b"ready\n", b""):
        pass
    pid = cs.children(recorder.pid)[0]
    time.sleep(2)
    second, picture = cs.Trace(cs.path("second.coro")), cs.Trace(cs.path("snapshot.coro"))
    result = cs.run([cs.COROSCOPE, "record", "-p", str(pid), "-d", "1", "--interval=200ms",
                     "--no-cpu", "-o", second.path])
    if cs.equal("record -p is done", result.status, 0):
        cs.check("record -p says how long it took itself",
                 re.search(r": \d(\.\d+)? s of process", result.err), result.err)
        check("record -p", second, 1, 60)
    result = cs.run([cs.COROSCOPE, "snapshot", "-p", str(pid), "-o", picture.path])
    if cs.equal("snapshot is done", result.status, 0):
        check("snapshot", picture, 0, 60)
    result = cs.run([cs.COROSCOPE, "heap", "-p", str(pid)])
    cs.check("its heap is what the first has written", result.status == 0, str(result))
    os.rename(first, first + ".away")
    result = cs.run([cs.COROSCOPE, "heap", "-p", str(pid)])
    cs.check("without that it is not said to have none",
             result.status == 2 and "does not tell of it yet" in result.err, str(result))
    os.rename(first + ".away", first)
    recorder.stdin.close()
    recorder.stdout.read()
cs.finish()
