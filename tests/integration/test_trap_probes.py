#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A program that asks whether a runtime or an allocator is there is told what it is told
without us, by weak references and by dlsym, from its start and later; and what is there is seen.
"""
import glob
import re
import subprocess

import cs
import slots

# Of libc or a C++ runtime, so in agent.map: what a program may lack of them serves all the same
# (`probes harmless` calls them), and the hook that annotations ask for.
MAY_BE_FOUND = re.compile(r"free_sized|free_aligned_sized|_Zn[wa]m.*|_Zd[la]Pv.*|coroscope_hooks_1")

PROBES = cs.need_target("probes")
LIBRARIES = glob.glob("/usr/lib/libst.so.1") + glob.glob("/usr/lib/*/libst.so.1")


def state_threads(name, argv, threads, sleeps):
    """Each thread is left once a sleep and at its end; the idle thread is told of by nobody."""
    ring = slots.Session(argv, slots.SCHED | slots.TIME, lane=16 << 20).ring
    cs.equal(f"{name}: its threads are seen", ring.count("state-threads"), threads + 1)
    cs.equal(f"{name}: each has finished", ring.ends("finished"), threads)
    cs.check(f"{name}: their switches are seen", ring.switches("state-threads") >= threads * sleeps,
             ring.switches("state-threads"))
    return ring


def nothing_is_there():
    cs.same("probes: nothing is loaded", [PROBES, "none"])
    cs.same("probes: what is found and ought not to be there serves", [PROBES, "harmless"])


def it_comes_later():
    if not LIBRARIES or cs.target("libprobes_race.so") is None:
        cs.without("probes: loaded later", "State Threads or Boost.Context is not installed")
        return
    argv = [PROBES, "late", LIBRARIES[0]]
    recordings = cs.same("probes: loaded later", argv)
    cs.check("probes: loaded later: (it is found then)",
             re.search("^after: st_init: DNP$", recordings["exact"].out, re.M) and
             re.search("^loading: st_init is there", recordings["exact"].out, re.M))
    ring = state_threads("probes: loaded later", argv, 5, 3)
    cs.equal("probes: loaded later: coroutines of two more libraries, and their switches",
             (ring.count("boost-context"), ring.switches("boost-context")), (2, 7))


def it_is_there():
    program = cs.target("probes_linked")
    if program is None:
        cs.without("probes: linked", "it was not built: a library is missing")
        return
    recordings = cs.same("probes: linked", [program, "linked"])
    cs.check("probes: linked: (it is found)",
             re.search("^linked: st_init: LWDNP$", recordings["exact"].out, re.M))
    state_threads("probes: linked", [program, "linked"], 5, 3)


def libraries_come_and_go_meanwhile():
    if cs.target("libprobes_race.so") is None:
        cs.without("probes: race", "Boost.Context is not installed")
        return
    argv = [PROBES, "race", "300"]
    cs.same("probes: race", argv)
    # Missed while modules are loaded, and looked for again. How often depends on the machine.
    ring = slots.Session(argv, slots.SCHED, mean=1 << 20, lane=16 << 20).ring
    made, switches = ring.count("boost-context"), ring.switches("boost-context")
    cs.check("probes: race: the coroutines are seen, and all switches of each",
             200 < made <= 300 and switches == 3 * made, (made, switches))


def all_that_is_exported():
    text = subprocess.run(["nm", "-D", "--defined-only", cs.AGENT], capture_output=True,
                          text=True, check=True).stdout
    names = sorted({line.split()[-1].split("@")[0] for line in text.splitlines()})
    cs.check("probes: (the agent's own names)", "malloc" in names and len(names) > 40, names)
    argv = [PROBES, "names", *names]
    bare, recorded = cs.run(argv).out.splitlines(), cs.record(argv).out.splitlines()
    cs.equal("probes: (all are answered)", (len(bare), len(recorded)), (len(names),) * 2)
    new = {name for name, mine, theirs in zip(names, bare, recorded) if mine != theirs}
    cs.equal("probes: nothing is found under the agent alone but what serves",
             sorted(name for name in new if not MAY_BE_FOUND.fullmatch(name)), [])


nothing_is_there()
it_comes_later()
it_is_there()
libraries_come_and_go_meanwhile()
all_that_is_exported()
cs.finish()
