# SPDX-License-Identifier: Apache-2.0
"""ps of traces: lists, groups, filters, JSON; what it refuses, in words."""
import json
import os

import cs

TRACE = os.path.join(cs.SOURCE_DIR, "tests/golden/v1/coroutines.coro")
EMPTY = os.path.join(cs.SOURCE_DIR, "tests/golden/v1/exact.coro")
# What each coroutine of the JSON has, whatever is known of it.
KEYS = {"process", "id", "runtime", "name", "state", "reason", "waiting_ns", "age_ns", "thread",
        "parent", "entry", "labels", "stack_bytes", "stack_used_bytes", "heap_bytes", "cpu_ns",
        "switches", "spawn", "stack"}


def ps(*words):
    return cs.run([cs.COROSCOPE, "ps", *words])


def read(*words):
    result = ps("--json", *words)
    cs.check(f"ps --json {' '.join(map(os.path.basename, words))}: status",
             result.status == 0 and not result.err, result)
    return json.loads(result.out)


def check_json():
    whole = read(TRACE, "--system")
    rows = whole["coroutines"]
    cs.check("json: some coroutines", len(rows) > 3, len(rows))
    cs.check("json: every key", all(KEYS <= set(row) for row in rows), rows[:1])
    cs.check("json: ids are of their runtime",
             all(row["id"].startswith(row["runtime"] + "/") for row in rows), rows[:1])
    cs.check("json: as many as the runtimes say",
             sum(r["coroutines"] for r in whole["runtimes"]) == len(rows), whole["runtimes"])
    early = read(TRACE + "@200ms", "--system")
    cs.check("json: another time is another state",
             early["time_ns"] == 200_000_000 and early["coroutines"] != rows, early["time_ns"])
    waiting = read(TRACE, "--system", "--state", "waiting,running")["coroutines"]
    cs.check("json: states are filtered", waiting and all(
        row["state"] in ("waiting", "running") for row in waiting), waiting)
    go = read(TRACE, "--system", "--runtime", "go")["coroutines"]
    cs.check("json: runtimes are filtered", {row["runtime"] for row in go} == {"go"}, go)
    groups = read(TRACE, "--system", "--group")["groups"]
    cs.check("json: groups hold everyone", sum(g["count"] for g in groups) == len(rows), groups)
    cs.check("json: -n", len(read(TRACE, "--system", "-n", "2")["coroutines"]) == 2, "-n 2")


def check_text():
    text = ps(TRACE, "--system").out
    cs.check("text: head and table", "coroutines" in text and "WHERE" in text and
             "as at 0.700 s" in text, text)
    cs.check("text: groups", "COUNT" in ps(TRACE, "--group").out, text)
    stacks = ps(TRACE, "--system", "--stacks").out
    cs.check("text: stacks", "created by" in stacks and "out.c:7" in stacks, stacks)
    cs.check("text: threads", "DELAYED" in ps(TRACE, "--threads").out, "--threads")
    none = ps(EMPTY)
    cs.check("text: no coroutines, so the threads", none.status == 0 and
             "worker 0" in none.out and "WHERE" not in none.out, none)
    cs.check("text: nobody is as was asked for", "no coroutine is as was asked for" in
             ps(TRACE, "--reason", "no such reason").out, "reason")


def check_refusals():
    for name, words, part in (
            ("state", ("--state", "asleep", TRACE), "valid are new, runnable"),
            ("runtime", ("--runtime", "lua", TRACE), "it has go, ucontext"),
            ("sort", ("--sort", "size", TRACE), "valid are id, wait"),
            ("function", ("--function", "(", TRACE), "focus"),
            ("nothing", (), "-p PID")):
        result = ps(*words)
        cs.check(f"refuses: {name}", result.status == 2 and not result.out and
                 result.err.startswith("coroscope: cannot ") and part in result.err, result)


def check_by_coroutine():
    text = cs.run([cs.COROSCOPE, "heap", TRACE, "--by", "coroutine", "--json"])
    heap = json.loads(text.out)
    cs.check("heap --by coroutine: entries add up to the total",
             sum(e["value"] for e in heap["entries"]) == heap["total"], heap["total"])
    cs.check("heap --by coroutine: ids", any(e["label"].startswith(("go/", "ucontext/"))
                                             for e in heap["entries"]), heap["entries"][:2])
    for words, part in ((("--focus", "x"), "with --focus"), (("-m", "wall"), "not kept of each")):
        result = cs.run([cs.COROSCOPE, "heap", TRACE, "--by", "coroutine", *words])
        cs.check(f"heap --by coroutine {words[0]}: refused", result.status == 2 and
                 part in result.err and "--by spawn" in result.err, result)
    peak = cs.run([cs.COROSCOPE, "heap", TRACE + "@peak", "--by", "coroutine"])
    cs.check("heap @peak --by coroutine: refused", peak.status == 2 and "not kept" in peak.err, peak)


check_json()
check_text()
check_by_coroutine()
check_refusals()
cs.finish()
