#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lua's coroutines, where Lua is a shared library: as many as the script counts, resumed as
often, named by their functions, waiting where they yielded; what they allocate is theirs. A real
program of them: nmap, whose scripts are coroutines.
"""
import collections
import http.server
import json
import os
import signal
import threading

import cs
import slots

PROGRAM = cs.target("coro_lua")
SCRIPT = os.path.join(cs.SOURCE_DIR, "tests", "targets", "coro.lua")
ERRORS = os.path.join(cs.SOURCE_DIR, "tests", "targets", "errors.lua")
MODES = {"count": slots.SCHED, "time": slots.SCHED | slots.TIME,
         "all": slots.SCHED | slots.TIME | slots.EVENTS}


def session(arguments, mode):
    return slots.Session([PROGRAM, SCRIPT, *arguments], MODES[mode], lane=64 << 20)


def owners(ring, size):
    return sorted(r[2] for r in ring.records if r[0] == "alloc" and r[3] == size)


def counts(arguments, mode):
    run = session(["count", *arguments], mode)
    name, own, ring = f"count {' '.join(arguments)} ({mode})", json.loads(run.out), run.ring
    cs.equal(f"{name}: made", ring.count("lua"), own["created"])
    cs.equal(f"{name}: nothing else was seen", {made[3] for made in ring.created.values()},
             {"lua"})
    cs.equal(f"{name}: switches are resumes", ring.switches("lua"), own["switches"])
    cs.equal(f"{name}: finished", ring.ends("finished"), own["finished"])
    cs.equal(f"{name}: ended by errors", ring.ends("left"), own["failed"])
    cs.equal(f"{name}: closed and collected", ring.ends("freed"), own["gone"])
    workers, failing, hosted = (owners(ring, size) for size in (99331, 98331, 97331))
    cs.check(f"{name}: what each allocates is its own",
             len(workers) == len(set(workers)) == own["created"] - 3 and 0 not in workers and
             len(failing) == len(hosted) == 1 and failing != hosted and failing[0] and
             hosted[0], f"{len(workers)} {failing} {hosted}")
    cs.equal(f"{name}: each has a spawn stack",
             [n for n, made in ring.created.items() if not made[5]], [])


def errors(program, case, mode):
    target = cs.target(program)
    if target is None:
        return cs.without(f"{program} {case}", "it was not built: Lua's library is missing")
    run = slots.Session([target, ERRORS, case], MODES[mode], lane=64 << 20)
    if run.result.returncode:
        return None
    own, ring, name = json.loads(run.out), run.ring, f"{program} {case} ({mode})"
    cs.equal(f"{name}: made", ring.count("lua"), own["created"])
    cs.equal(f"{name}: nothing else was seen", {made[3] for made in ring.created.values()},
             {"lua"})
    cs.equal(f"{name}: switches are resumes that run something", ring.switches("lua"),
             own["switches"])
    for what, how in (("finished", "finished"), ("failed", "left"), ("gone", "freed")):
        cs.equal(f"{name}: {what}", ring.ends(how), own[what])
    cs.equal(f"{name}: none is left over", len(ring.table.coroutines), 0)
    cs.check(f"{name}: what they allocate is theirs", 0 not in owners(ring, 96331))
    return None


def jumps(case, mode):
    """A jump or an exception that passes lua_resume leaves the coroutine for good."""
    target = cs.target("coro_lua_jump")
    if target is None:
        return cs.without(f"jumps {case}", "it was not built: Lua's library is missing")
    run = slots.Session([target, case], MODES[mode], lane=16 << 20)
    if run.result.returncode:
        return None
    own, ring, name = json.loads(run.out), run.ring, f"jumps {case} ({mode})"
    cs.equal(f"{name}: made", ring.count("lua"), own["created"])
    cs.equal(f"{name}: nothing else was seen", {made[3] for made in ring.created.values()},
             {"lua"})
    cs.equal(f"{name}: switches are resumes", ring.switches("lua"), own["switches"])
    cs.equal(f"{name}: finished", ring.ends("finished"), own["finished"])
    cs.equal(f"{name}: left", ring.ends("left"), own["left"])
    cs.equal(f"{name}: what is allocated outside is nobody's", set(owners(ring, 93331)), {0})
    within = owners(ring, 94331)
    cs.check(f"{name}: what is allocated within is theirs", within and 0 not in within, within)
    return None


def versions(how):
    """Two Luas in one process, with functions of the same names: each has its own."""
    run = session([how, "liblua5.3.so.0"], "time")
    if run.result.returncode:
        return
    own, ring = json.loads(run.out), run.ring
    if not own["there"]:
        cs.without(how, "there is no other Lua")
    cs.equal(f"{how}: made, resumed, finished",
             (ring.count("lua"), ring.switches("lua"), ring.ends("finished")),
             (own["created"], own["switches"], own["finished"]))


def line_of(text):
    with open(SCRIPT, encoding="utf-8") as file:
        return [number for number, line in enumerate(file, 1) if text in line]


def compare(name, arguments, each):
    seen = cs.report("ps", *arguments)["coroutines"]
    short = collections.Counter(
        (one["state"], one["reason"] or "", one["name"] or "") for one in seen)
    yields, waits, wrapped, = (line_of(text)[0] for text in (
        "function() coroutine.yield() end,", "function() wait() end,",
        "coroutine.wrap(function()"))
    outer = line_of("coroutine.wrap(ready)")[0]
    cs.equal(f"{name}: state, where it yielded, its function", short, collections.Counter({
        ("waiting", f"yield at targets/coro.lua:{yields}", f"targets/coro.lua:{yields}"): each,
        ("waiting", f"yield at targets/coro.lua:{waits}", f"targets/coro.lua:{waits}"): each,
        ("waiting", f"yield at targets/coro.lua:{wrapped}", f"targets/coro.lua:{wrapped}"): each,
        ("waiting", f"yield at targets/coro.lua:{wrapped + 2}", f"targets/coro.lua:{wrapped - 1}"): each,
        ("new", "", ""): each,
        ("waiting", "normal", f"targets/coro.lua:{outer}"): 1,
        ("running", "", "[C]"): 1,
    }))
    cs.equal(f"{name}: where in Lua each was made",
             {one["labels"].get("created", "") for one in seen},
             {f"targets/coro.lua:{n}" for text in ("coroutine.create(kind)", "-- has never run",
                                           "coroutine.wrap(function()", "coroutine.wrap(ready)")
              for n in line_of(text)})


def parked(each):
    with cs.Running([PROGRAM, SCRIPT, "parked", str(each)], waits=True) as running:
        running.wait_until_ready("parked: it began")
        cs.until_ok(lambda: compare("parked, live", ["-p", str(running.target)], each))
        cs.until_ok(lambda: cs.equal(
            "parked: our own frames are not among Lua's",
            [entry for entry in running.report("heap")["entries"]
             if any("coroscope-agent" in (f["module"] or "") for f in entry["stack"])], []))
        # What was seen last is in the trace soon.
        cs.wait_until(lambda: cs.passes(lambda: compare("", [running.trace.path], each)), 60)
        os.kill(running.target, signal.SIGKILL)
        running.end()
        compare("parked, killed", [running.trace.path], each)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = b"<title>a page</title>"
        self.send_response(200 if self.path == "/" else 404)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def nmap():
    """Each of its scripts runs in a coroutine, and yields whenever it waits for the network."""
    program = cs.tool("nmap")
    if program is None:
        return cs.without("nmap", "it is not installed")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        run = slots.Session(
            [program, "-Pn", "-n", "-p", str(server.server_port), "--script",
             "+http-title,+http-headers,+http-enum", "127.0.0.1"], MODES["time"],
            lane=256 << 20)
        server.shutdown()
    ring = run.ring
    cs.check("nmap: it does what it does", "http-title: a page" in run.out, run.out)
    cs.equal("nmap: nothing else is taken for a coroutine",
             {made[3] for made in ring.created.values()}, {"lua"})
    cs.check("nmap: its scripts, and what starts them", ring.count("lua") >= 3)
    cs.equal("nmap: all have finished", ring.ends("finished"), ring.count("lua"))
    busiest = max(ring.ended.values(), key=lambda end: end[4])
    cs.check("nmap: http-enum yields for each request", busiest[4] > 1000, str(busiest))
    cs.check("nmap: and what it allocates is its own",
             sum(1 for r in ring.records if r[0] == "alloc" and r[2] == busiest[2]) > 10000)
    return None


def arguments():
    """What LuaJIT's functions take that have the names of Lua's reaches them, whatever it is."""
    library = os.path.join(cs.TARGETS, "libjit_names.so")
    run = slots.Session([cs.need_target("jit_names")], MODES["time"],
                        env={"LD_PRELOAD": f"{cs.AGENT}:{library}"})
    cs.equal("functions of Lua's names get all their arguments", run.out,
             "0 arguments were lost\n")


arguments()
if PROGRAM is None:
    cs.without("coro_lua", "it was not built: Lua's library is missing")
else:
    for mode_ in MODES:
        counts(["10", "5"], mode_)
    counts(["1000", "7"], "time")
    for mode_ in MODES:
        for case_ in ("vain", "errors", "close", "deep", "full", "within", "collected"):
            errors("coro_lua", case_, mode_)
            errors("coro_lua_cxx", case_, mode_)
        for case_ in ("throw", "jump", "far", "within", "silent"):
            jumps(case_, mode_)
    versions("versions")
    versions("within")
    parked(2)
nmap()
cs.finish()
