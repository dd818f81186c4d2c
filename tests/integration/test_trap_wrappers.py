# SPDX-License-Identifier: Apache-2.0
"""traps of wrappers and odd relatives: sh -c, ldd, env, recorders in recorders, children that
can't be recorded, programs with an allocator in their own executable, sanitizers."""
import glob
import os
import re
import shutil
import stat
import sys

import cs

AGENT = os.path.basename(cs.AGENT)


def without_agent(text):
    """ldd names what is preloaded, and addresses differ."""
    return [re.sub(r" \(0x[0-9a-f]+\)", "", line) for line in text.splitlines()
            if AGENT not in line]


def shells_and_ldd():
    kept = cs.need_target("endings")
    cs.same("trap wrappers: sh -c with pipes",
            ["/bin/sh", "-c", f"{kept} exit | tr a-z A-Z; echo $?; exit 7"])
    cs.same("trap wrappers: env -i", ["/usr/bin/env", "-i", kept, "return"])
    cs.same("trap wrappers: xargs", ["/bin/sh", "-c", f"printf 'exit quick' | xargs -n 1 {kept}"])
    cs.same("trap wrappers: ldd", ["/usr/bin/ldd", kept], clean=without_agent)
    here = os.path.realpath(sys.executable)
    cs.same("trap wrappers: a program that starts itself again",
            [here, "-c", "import os,sys\nprint(len(sys.argv), flush=True)\n"
             "if len(sys.argv) < 4: os.execv(sys.executable, [sys.executable, '-c', "
             "open('/proc/self/cmdline').read().split(chr(0))[2], *sys.argv[1:], 'x'])"])


def children_that_cannot_be_recorded():
    static = cs.target("static_hello")
    if static:
        cs.same("trap wrappers: a static child", ["/bin/sh", "-c", f"{static}; echo $?"])
    else:
        cs.without("trap wrappers: a static child", "no static C library")
    if os.geteuid() == 0:
        os.chmod(cs.folder(), 0o755)
        copy = cs.path("setuid")
        shutil.copy(cs.need_target("endings"), copy)
        os.chown(copy, 65534, 65534)
        os.chmod(copy, 0o755 | stat.S_ISUID)
        cs.same("trap wrappers: a setuid child", ["/bin/sh", "-c", f"{copy} exit; echo $?"])
    else:
        cs.without("trap wrappers: a setuid child", "needs root to make one")
    cs.same("trap wrappers: a child with its own LD_PRELOAD",
            ["/bin/sh", "-c", f"LD_PRELOAD= {cs.need_target('endings')} exit; echo $?"])


def recorder_in_a_recorder():
    if not cs.recorder_bears(cs.AGENT):
        cs.without("trap wrappers: record under record", "this build of it is sanitized")
        return
    inner = cs.path("inner.coro")
    program = cs.need_target("endings")
    outer = cs.record([cs.COROSCOPE, "record", "-q", "-o", inner, "--heap=all", "--", program,
                       "exit"])
    cs.equal("trap wrappers: record under record, status and output",
             (outer.status, outer.out), (11, "1000 blocks of 1000 bytes, then exit\n"))
    cs.equal("trap wrappers: the inner recording is the program's",
             cs.Trace(inner).sites("inuse_space"), {"site_kept": 1000000})


def own_malloc():
    """An allocator in the executable itself: nothing can be seen, and that is said."""
    for name, arguments in (("own_malloc", []), ("books_static_je", ["2", "500", "2", "5"])):
        program = cs.target(name)
        if program is None:
            cs.without(f"trap own-malloc: {name}", "the library is not installed")
            continue
        for options in (["--heap=all"], ["--heap=all", "--run-anyway"]):
            bare = cs.run([program, *arguments])
            recording = cs.record([program, *arguments], options)
            refused = recording.status == 2 and recording.out == ""
            cs.check(f"trap own-malloc: {name} {options[-1]}: refused before it starts, or as "
                     "without us", refused or
                     (recording.status, cs.without_times(recording.out)) ==
                     (bare.status, cs.without_times(bare.out)), recording.result)
            cs.check(f"trap own-malloc: {name} {options[-1]}: says why",
                     "malloc" in recording.err, recording.err)
        cs.same(f"trap own-malloc: {name} as a child",
                ["/bin/sh", "-c", f"{program} {' '.join(arguments)}; echo $?"],
                clean=cs.without_times)


def sanitized():
    program = cs.target("asan")
    if program is None:
        cs.without("trap sanitizer", "this compiler has none")
        return
    recording = cs.record([program])
    cs.check("trap sanitizer: refused with a reason, or as without us",
             (recording.status == 2 and "anitizer" in recording.err) or
             (recording.status, recording.out) == (0, "asan\n"), recording.result)


def libstdcxx_in_the_program():
    program = cs.target("books_cxx_static")
    if program is None:
        cs.without("a static libstdc++", "not installed")
        return
    recording = cs.record([program, "2", "500", "2", "5"], cs.LOSSLESS)
    checkpoint = cs.books(recording.out)[-1]
    for metric in ("inuse_objects", "alloc_objects"):
        cs.equal(f"a static libstdc++: {metric}", recording.trace.sites(metric),
                 cs.book_sites(checkpoint, metric))


def nothing_is_left():
    """A finished recording leaves no session folder."""
    with cs.Running([cs.need_target("endings"), "exit"]) as running:
        running.end()
        left = glob.glob(f"/dev/shm/coroscope-{os.geteuid()}/{running.pid}-*")
    cs.equal("no session folder is left", left, [])


shells_and_ldd()
children_that_cannot_be_recorded()
recorder_in_a_recorder()
own_malloc()
sanitized()
libstdcxx_in_the_program()
nothing_is_left()
cs.finish()
