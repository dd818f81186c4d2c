# SPDX-License-Identifier: Apache-2.0
"""Exact mode agrees to the byte with programs that keep their own books."""
import json

import cs


def agrees(name, program, *arguments):
    recording = cs.record([program, *arguments], cs.LOSSLESS)
    checkpoints = cs.books(recording.out)
    if not cs.check(f"{name}: runs", recording.status == 0 and checkpoints, recording.result):
        return None
    cs.equal(f"{name}: nothing lost", cs.lost(recording.trace), 0)
    cs.agree_with_books(name, recording.trace, checkpoints[-1])
    return recording


def c_allocation_functions():
    program = cs.need_target("books")
    for threads in ("1", "2", "8"):
        recording = agrees(f"books, {threads} threads", program, threads, "1500", "3", "10")
        if recording is None:
            continue
        temporary = recording.trace.sites("temporary_objects").get("site_temporary")
        cs.equal(f"books, {threads} threads: temporary objects", temporary,
                 int(threads) * 1500 * 3)
        peak = recording.trace.sites("peak_space")
        cs.equal(f"books, {threads} threads: the peak holds the largest block",
                 peak.get("site_peak"), 64 << 20)


def cxx_new_and_delete():
    program = cs.need_target("books_cxx")
    for threads in ("1", "4"):
        agrees(f"books_cxx, {threads} threads", program, threads, "1000", "3", "10")


def peak_is_the_state_at_the_peak():
    """At the peak, every function holds what it held when the program was highest."""
    recording = cs.record([cs.need_target("books"), "2", "500", "1", "10"], cs.LOSSLESS)
    want = cs.book_sites(cs.books(recording.out)[0], "inuse_space")
    want["site_peak"] = 64 << 20
    cs.equal("peak_space by function", recording.trace.sites("peak_space"), want)
    cs.equal("FILE@peak is the state at the peak",
             recording.trace.sites("inuse_space", at="peak").get("site_peak"), 64 << 20)


def glibc_statistics():
    recording = cs.record([cs.need_target("mallinfo")])
    own = json.loads(recording.out)
    space = recording.trace.sites("inuse_space").get("site_mallinfo", 0)
    objects = recording.trace.sites("inuse_objects").get("site_mallinfo", 0)
    cs.equal("mallinfo: bytes requested", space, own["requested"])
    cs.equal("mallinfo: objects", objects, own["objects"])
    overhead = own["mallinfo"] - space
    cs.check("mallinfo: glibc's figure is ours plus its rounding",
             0 < overhead <= 32 * objects + 4096, f"{overhead} bytes over {objects} blocks")


def race():
    """trap: the record of a free after the real free, a live block vanishes"""
    program = cs.need_target("race")
    for round_ in range(3):
        # What one thread frees is at once another one's, not kept for itself.
        recording = cs.record([program, "4", "60000"], cs.LOSSLESS,
                              env={"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"})
        own = json.loads(recording.out)
        name = f"race {round_ + 1}"
        cs.equal(f"{name}: nothing lost", cs.lost(recording.trace), 0)
        objects = recording.trace.sites("inuse_objects")
        cs.equal(f"{name}: live blocks", objects, {"site_race": own["objects"]})
        cs.equal(f"{name}: live bytes", recording.trace.sites("inuse_space"),
                 {"site_race": own["bytes"]})
        cs.equal(f"{name}: allocations", recording.trace.sites("alloc_objects").get("site_race"),
                 own["operations"])


def four_gibibytes():
    recording = cs.record([cs.need_target("bigalloc")])
    if recording.status != 0:
        cs.without("a block of 5 GiB", "the machine does not give that much")
        return
    own = json.loads(recording.out)
    cs.equal("a block of 5 GiB, in use", recording.trace.sites("inuse_space"),
             {"site_big": own["kept"]})
    cs.equal("a block of 6 GiB, allocated and freed", recording.trace.sites("alloc_space"),
             {"site_big": own["all"]})


def fold_adds_up():
    """The folded stacks of each metric add up to its total."""
    recording = cs.record([cs.need_target("books"), "2", "300", "1", "10"])
    for metric in ("inuse_space", "inuse_objects", "alloc_space", "alloc_objects", "peak_space"):
        cs.equal(f"fold, {metric}: the lines add up",
                 sum(recording.trace.fold(metric).values()), recording.trace.total(metric))


c_allocation_functions()
cxx_new_and_delete()
peak_is_the_state_at_the_peak()
glibc_statistics()
race()
four_gibibytes()
fold_adds_up()
cs.finish()
