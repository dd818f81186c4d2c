# SPDX-License-Identifier: Apache-2.0
"""The agent is a guest: what a program sees of itself is the same with and without us."""
import json
import os

import cs

AS_ROOT = os.geteuid() == 0


def root_sites(trace, metric):
    return trace.sites(metric, *cs.of_process(cs.processes(trace)[0]))


def what_a_program_sees_of_itself():
    """traps: signal dispositions, helper threads, descriptors, errno"""
    cs.same("trap guest", [cs.need_target("guest"), "an argument", ""])



def descriptors_closed_by_a_daemon():
    recordings = cs.same("trap closed-descriptors", [cs.need_target("closefds")])
    trace = recordings["exact"].trace
    cs.equal("trap closed-descriptors: threads made afterwards are recorded",
             root_sites(trace, "inuse_objects"), {"site_closed": 4001})


def environment_cleared():
    recordings = cs.same("trap cleared-environment", [cs.need_target("clear_env")])
    trace = recordings["exact"].trace
    cs.equal("trap cleared-environment: the program itself is recorded",
             root_sites(trace, "alloc_space"), {"site_cleared": 1000})


def own_limits():
    program = cs.need_target("limits")
    for limit in ("fsize", "nofile", "as", "memlock", "core"):
        cs.same(f"trap own-limits: {limit}", [program, limit])


def own_jails():
    program = cs.need_target("sandbox")
    for jail in ("strict", "filter", "dumpable"):
        cs.same(f"trap sandbox: {jail}", [program, jail])
    if AS_ROOT:
        cs.same("trap sandbox: chroot and another user", [program, "jail"])
    else:
        cs.without("trap sandbox: chroot and another user", "needs root")


def constructors_resolvers_and_exit_handlers():
    program = cs.need_target("atexit_alloc")
    for how, left in (("return", 1003 + 1004), ("quick", 1001), ("_exit", 1001)):
        recordings = cs.same(f"trap life: {how}", [program, how])
        cs.equal(f"trap life: {how}: blocks left are counted",
                 recordings["exact"].trace.sites("inuse_space"), {"site_life": left})


def modules_that_come_and_go():
    """traps: dlclose, another module at the same address, RTLD_DEEPBIND, the loader's lock"""
    recordings = cs.same("trap dlopen", [cs.need_target("dlopen"), "200"],
                         {"exact": cs.LOSSLESS, "sampled": cs.SAMPLED})
    own = json.loads(recordings["exact"].out)
    trace = recordings["exact"].trace
    cs.equal("trap dlopen: each block belongs to the module that made it",
             trace.sites("inuse_space", prefix="site_plug_"),
             {"site_plug_a": own["kept_a"], "site_plug_b": own["kept_b"]})


def modules_of_several_threads():
    """Each loads and unloads, while the other does and two more allocate."""
    recordings = cs.same("trap dlopen by two threads", [cs.need_target("loaders"), "rounds", "300"],
                         {"exact": cs.LOSSLESS, "sampled": cs.SAMPLED})
    sites = recordings["exact"].trace.sites("inuse_space", prefix="site_plug_")
    cs.equal("trap dlopen by two threads: all blocks are counted, and as those of modules",
             (sorted(sites), sum(sites.values())), (["site_plug_a", "site_plug_b"], 600 * 1000))


def exceptions_and_jumps():
    recordings = cs.same("trap exceptions and longjmp", [cs.need_target("exceptions")])
    trace = recordings["exact"].trace
    cs.equal("trap exceptions: afterwards new and malloc count once each",
             trace.sites("inuse_space"), {"site_after": 16000, "site_after_malloc": 24000})


def deep_recursion():
    recordings = cs.same("trap depth", [cs.need_target("deep"), "recursion", "10000"])
    trace = recordings["exact"].trace
    cs.equal("trap depth: all blocks are counted", trace.sites("inuse_objects"),
             {"site_bottom": 11})


def a_thousand_paths():
    """A peer runs out of memory on this one."""
    recording = cs.record([cs.need_target("deep"), "paths", "300000"], cs.LOSSLESS)
    cs.equal("1,024 paths: status", recording.status, 0)
    stacks = {stack: n for stack, n in recording.trace.fold("inuse_objects").items()
              if "site_bottom" in stack}
    cs.equal("1,024 paths: each is a stack of its own", (len(stacks), sum(stacks.values())),
             (1024, 1024))
    cs.equal("1,024 paths: bytes", recording.trace.sites("inuse_space"),
             {"site_bottom": 1024 * 1025 // 2})


def mappings():
    recordings = cs.same("trap mmap, munmap, mremap, brk", [cs.need_target("maps")])
    own = json.loads(recordings["exact"].out)
    trace = recordings["exact"].trace
    cs.equal("trap mmap: mappings are no heap", trace.sites("alloc_space"), {})
    mapped = cs.processes(trace)[0]["mapped_bytes"]
    cs.equal("trap mmap: what is mapped at the end", mapped, own["mapped"])


what_a_program_sees_of_itself()
descriptors_closed_by_a_daemon()
environment_cleared()
own_limits()
own_jails()
constructors_resolvers_and_exit_handlers()
modules_that_come_and_go()
modules_of_several_threads()
exceptions_and_jumps()
deep_recursion()
a_thousand_paths()
mappings()
cs.finish()
