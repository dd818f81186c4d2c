# SPDX-License-Identifier: Apache-2.0
"""However a program ends, its status is passed on and all that it did is in the trace."""
import os
import signal

import cs

PROGRAM = cs.need_target("endings")
ENDINGS = {"return": 10, "exit": 11, "_exit": 12, "quick": 13, "thread": 17, "abort": 134,
           "segv": 139, "stack": 139, "kill": 137, "term": 143}


def every_ending():
    for how, status in ENDINGS.items():
        bare = cs.run([PROGRAM, how])
        cs.equal(f"{how}: bare status", bare.status, status)
        for mode, recording in cs.same(f"ending {how}", [PROGRAM, how]).items():
            if mode == "exact":
                cs.equal(f"ending {how}: what it did is in the trace",
                         recording.trace.sites("inuse_space"), {"site_kept": 1000000})


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stream:
        words = stream.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def killed_from_outside():
    """trap: kill -9 in the middle: all that was committed is in the trace."""
    program = cs.need_target("churn")
    with cs.Running([program, "2", "100000000"]) as running:
        target = running.wait_for_target(program)
        cs.wait_until(lambda: cpu_seconds(target) > 0.5, 60)
        os.kill(target, signal.SIGKILL)
        result = running.end(200)
        cs.equal("killed in the middle: status", result.status, 137)
        info = running.trace.report("info")
        lost = cs.lost(running.trace)
        cs.equal("killed in the middle: every committed event was delivered or is counted lost",
                 sum(p["events"] for p in info["processes"]), info["summary"]["events"] + lost)
        live = running.trace.sites("inuse_objects").get("site_churn", 0)
        if lost == 0:
            # Each thread may have been killed between an allocation and its record.
            cs.check("killed in the middle: 256 blocks a thread are live", 500 <= live <= 514,
                     live)


every_ending()
killed_from_outside()
cs.finish()
