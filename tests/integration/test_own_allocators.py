# SPDX-License-Identifier: Apache-2.0
"""Programs that bring their own malloc, linked or preloaded: it serves the calls, we count.

traps: interposition order, operator new that does not call malloc, extended entry points.
"""
import glob

import cs


def agrees(name, argv, env=None):
    for mode, recording in cs.same(name, argv, clean=cs.without_times, env=env).items():
        checkpoints = cs.books(recording.out)
        if mode == "exact" and checkpoints:
            cs.equal(f"{name}: nothing lost", cs.lost(recording.trace), 0)
            cs.agree_with_books(name, recording.trace, checkpoints[-1])
            cs.equal(f"{name}: what its allocator maps is not the program's",
                     cs.processes(recording.trace)[0]["mapped_bytes"], 0)


def linked():
    for allocator in ("je", "tc", "mi"):
        for program in ("books", "books_cxx"):
            name = f"{program}_{allocator}"
            if cs.target(name):
                agrees(name, [cs.target(name), "3", "800", "2", "10"])
            else:
                cs.without(name, "the library is not installed")


def own_entry_points():
    for name in ("own_jemalloc", "own_tcmalloc", "own_mimalloc"):
        if cs.target(name):
            agrees(name, [cs.target(name)])
        else:
            cs.without(name, "the library is not installed")


def preloaded():
    """Another LD_PRELOAD, from the user, stays and serves the calls."""
    for library, books in (("libjemalloc.so.2", "books_cxx"),
                           ("libtcmalloc_minimal.so.4", "books_cxx"),
                           ("libmimalloc.so.[23]*", "books")):
        found = sorted(glob.glob(f"/usr/lib/x86_64-linux-gnu/{library}") +
                       glob.glob(f"/usr/lib64/{library}"))
        if not found:
            cs.without(f"preloaded {library}", "not installed")
            continue
        if not cs.recorder_bears(found[0]):
            cs.without(f"preloaded {library}", "this build of the recorder is sanitized")
            continue
        for program in (books, "churn"):
            agrees(f"{program} with {library} preloaded",
                   [cs.need_target(program), "2", "600", "2", "10"],
                   env={"LD_PRELOAD": found[0]})


linked()
own_entry_points()
preloaded()
cs.finish()
