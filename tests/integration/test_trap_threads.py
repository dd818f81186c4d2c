# SPDX-License-Identifier: Apache-2.0
"""traps of threads: their coming and going, their thread-local storage, small stacks."""
import json
import re

import cs


def tls_destroyed_before_the_last_free():
    recordings = cs.same("trap tls-destroyed", [cs.need_target("tls_dtor")])
    # Threads free all they made. Of main's two blocks the key's stays: main does not end by
    # pthread_exit, so its keys have no destructors.
    cs.equal("trap tls-destroyed: frees in destructors are seen",
             recordings["exact"].trace.sites("inuse_space"), {"site_tls": 100})


def threads_that_come_and_go():
    recordings = cs.same("trap thread-churn", [cs.need_target("thread_churn"), "10000"])
    own = json.loads(recordings["exact"].out)
    trace = recordings["exact"].trace
    cs.equal("trap thread-churn: nothing lost", cs.lost(trace), 0)
    cs.equal("trap thread-churn: blocks that outlive their threads",
             trace.sites("inuse_objects"), {"site_churn": own["threads"] // 100})
    cs.equal("trap thread-churn: allocations of 10,000 threads",
             trace.sites("alloc_objects"), {"site_churn": 2 * own["threads"]})


def names_of_others():
    """A stack that another thread tells of while this one is held up on its way to record."""
    for threads in (4, 8):
        name = f"new-paths {threads}"
        recording = cs.record([cs.need_target("new_paths"), str(threads), "8000"], cs.LOSSLESS)
        cs.equal(f"trap {name}: nothing lost", cs.lost(recording.trace), 0)
        cs.equal(f"trap {name}: no stack is used before it was defined",
                 recording.trace.sites("alloc_objects"),
                 {"site_new_path": json.loads(recording.out)["allocations"]})


def stack_use(err):
    return {how: int(used) for how, used in
            re.findall(r"^(\w+): (\d+) bytes of stack used", err, re.M)}


def small_stacks():
    program = cs.need_target("small_stack")
    bare = stack_use(cs.run([program]).err)
    for mode, recording in cs.same("trap small-stacks", [program]).items():
        for how, used in stack_use(recording.err).items():
            most = 256 if how == "dlsym" else 1024 # which does all its work aside
            cs.check(f"trap small-stacks ({mode}): a hook on a {how} stack needs {most} bytes at most",
                     used - bare[how] <= most, f"{used} bytes instead of {bare[how]}")
    cs.check("trap small-stacks: allocations on foreign stacks are counted",
             sum(recording_sites(program).values()) > 0)


def recording_sites(program):
    return cs.record([program]).trace.sites("alloc_objects")


tls_destroyed_before_the_last_free()
threads_that_come_and_go()
small_stacks()
names_of_others()
cs.finish()
