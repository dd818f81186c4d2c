# SPDX-License-Identifier: Apache-2.0
"""traps of a hostile program: it rewrites, cuts, grows or replaces its own ring while the
reader, who may be root, reads it. The reader survives, says so, and keeps what came before."""
import cs

PROGRAM = cs.need_target("hostile_ring")
# Who is told of, and whether what was recorded before must be there.
CASES = {"rewrite": ("cannot read all of", False), "cut": ("became shorter", True),
         "grow": (None, True), "link": (None, True)}

for how, (words, kept) in CASES.items():
    recording = cs.record([PROGRAM, how], ["--heap=all", "--buffer=1MiB"], timeout=200)
    name = f"trap hostile-ring ({how})"
    cs.equal(f"{name}: the reader survives and passes the status on", recording.status, 5)
    cs.equal(f"{name}: the program's output", recording.out, "before\nafter\n")
    if words:
        cs.check(f"{name}: it is said", words in recording.err, recording.err)
    try:
        blocks = recording.trace.sites("alloc_objects").get("site_before", 0)
        info = recording.trace.report("info")
    except cs.ReportError as error:
        cs.check(f"{name}: the trace reads", False, error)
        continue
    cs.check(f"{name}: the trace reads", info["summary"] is not None)
    if kept:
        cs.equal(f"{name}: what came before is kept", blocks, 5000)
    check = cs.run([cs.COROSCOPE, "dump", recording.trace.path])
    cs.equal(f"{name}: the trace is whole", check.status, 0)
cs.finish()
