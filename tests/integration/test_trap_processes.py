# SPDX-License-Identifier: Apache-2.0
"""traps of process trees: fork while threads allocate, vfork, posix_spawn, clone, exec, sh -c.

The whole tree is one session and one trace that tells the processes apart.
"""
import cs

PROGRAM = cs.need_target("fork_tree")


def sites_of(trace, metric, process):
    return trace.sites(metric, *cs.of_process(process))


def every_part_as_without_us():
    modes = {"exact": cs.LOSSLESS, "sampled": cs.SAMPLED}
    return {part: cs.same(f"trap {row}", [PROGRAM, part], modes)["exact"] for part, row in (
        ("fork", "fork while other threads allocate"),
        ("fork_threads", "threads of a forked child"),
        ("vfork", "vfork"),
        ("spawn", "posix_spawn"),
        ("system", "sh -c and pipes of helper programs"),
        ("daemon", "a daemon's double fork"),
        ("clone", "clone(CLONE_VM) and a raw fork"),
        ("exec", "fork and exec"),
        ("execself", "exec without fork"),
        ("many", "many short children"),
        ("late", "children that tell nothing for long"))}


def fork_books(trace):
    """10 children and 10 grandchildren: what they free was inherited, what they make is theirs."""
    all_ = cs.processes(trace)
    cs.equal("trap fork: every process is in the trace", len(all_), 21)
    root = all_[0]
    cs.equal("trap fork: the parent's books", sites_of(trace, "inuse_objects", root),
             {"site_parent": 1000})
    children = [p for p in all_[1:] if sites_of(trace, "alloc_objects", p)]
    cs.equal("trap fork: children that allocated", len(children), 10)
    cs.check("trap fork: each child's books",
             all(sites_of(trace, "alloc_space", p) == {"site_child": 200000} for p in children),
             [sites_of(trace, "alloc_space", p) for p in children])
    cs.equal("trap fork: nothing is counted twice", trace.sites("alloc_objects"),
             {"site_parent": 1000, "site_child": 10000})


def vfork_books(trace):
    """A vfork child's allocations are its parent's: 20 of them, all freed."""
    root = cs.processes(trace)[0]
    cs.equal("trap vfork: the child works in its parent's books",
             sites_of(trace, "alloc_objects", root), {"site_parent": 20, "site_child": 20})
    cs.equal("trap vfork: and frees there", sites_of(trace, "inuse_objects", root), {})
    cs.equal("trap vfork: only an exec makes a process", len(cs.processes(trace)), 11)


def clone_books(trace):
    all_ = cs.processes(trace)
    cs.equal("trap clone: CLONE_VM works in its parent's books",
             sites_of(trace, "alloc_objects", all_[0]), {"site_child": 10, "site_parent": 10})
    cs.equal("trap clone: a raw fork is noticed", len(all_), 11)
    cs.equal("trap clone: and inherits what there was",
             [p["inherited_bytes"] for p in all_[1:]], [100 * (i + 1) for i in range(10)])
    cs.equal("trap clone: nothing is counted twice", trace.sites("alloc_objects"),
             {"site_child": 20, "site_parent": 10})


def exec_books(trace):
    cs.equal("trap exec: the image before and the one after, both are recorded",
             trace.sites("alloc_space"), {"site_child": 12345 + 4000})


def execself_books(trace):
    cs.equal("trap exec without fork: the first image's blocks are in the trace",
             trace.sites("alloc_space").get("site_parent"), 54321)


def many_books(trace):
    cs.equal("trap many: 60 short children are all recorded",
             trace.sites("alloc_objects"), {"site_child": 6000})


def late_books(trace):
    """500 blocks of 100 bytes were there at the forks. Each child has freed half of them when
    it is looked at, and what its parent freed and made in between is not its own."""
    all_ = cs.processes(trace)
    cs.equal("trap late: the parent and two children", len(all_), 3)
    cs.equal("trap late: what they inherited is what there was at the fork",
             [p["inherited_bytes"] for p in all_[1:]], [25000, 25000])
    cs.check("trap late: their own books",
             all(sites_of(trace, "inuse_space", p) == {"site_child": 70} for p in all_[1:]),
             [sites_of(trace, "inuse_space", p) for p in all_[1:]])
    cs.equal("trap late: the parent's books", sites_of(trace, "inuse_space", all_[0]),
             {"site_parent": 500 * 200})


def fork_and_the_loader():
    """A child's allocations wait for no thread that was in the loader when its parent forked."""
    program = cs.need_target("loaders")
    trace = cs.same("trap fork while the loader is held", [program, "held"])["exact"].trace
    cs.equal("trap fork while the loader is held: the child's books",
             [sites_of(trace, "inuse_objects", p) for p in cs.processes(trace)[1:]],
             [{"site_child": 20}])
    cs.same("trap fork while modules come and go", [program, "forks", "100"])


def no_children():
    recording = cs.record([PROGRAM, "exec"], ["--heap=all", "--no-children"])
    cs.equal("--no-children: the program alone", len(cs.processes(recording.trace)), 1)


recordings = every_part_as_without_us()
fork_books(recordings["fork"].trace)
vfork_books(recordings["vfork"].trace)
clone_books(recordings["clone"].trace)
exec_books(recordings["exec"].trace)
execself_books(recordings["execself"].trace)
many_books(recordings["many"].trace)
late_books(recordings["late"].trace)
fork_and_the_loader()
no_children()
cs.finish()
