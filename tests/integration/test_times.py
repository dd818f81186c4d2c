# SPDX-License-Identifier: Apache-2.0
"""heap, fold and diff at three times of one recording agree with the program's own books."""
import cs

REST_MS = 1500


def moments(recording, checkpoints):
    """When each checkpoint was quiescent, in the trace's time: seconds after its start. Late in
    its rest: a busy machine may have kept the recorder from looking for most of that."""
    start = cs.started_mono_ns(recording.trace)
    return [f"{(c['mono_ns'] - start) / 1e9 + REST_MS * 0.85e-3:.3f}s" for c in checkpoints]


def deltas(entries):
    return cs.by_site(entries, "delta")


def difference(new, base):
    names = set(new) | set(base)
    result = {name: new.get(name, 0) - base.get(name, 0) for name in names}
    return {name: value for name, value in result.items() if value != 0}


def fold_sites(stacks):
    sums = {}
    for stack, value in stacks.items():
        for frame in reversed(stack.split(";")):
            name = cs.short_name(frame)
            if name.startswith("site_"):
                sums[name] = sums.get(name, 0) + value
                break
    return {name: value for name, value in sums.items() if value != 0}


def main():
    recording = cs.record([cs.need_target("books"), "3", "1000", "3", str(REST_MS)])
    checkpoints = cs.books(recording.out)
    cs.equal("three checkpoints", len(checkpoints), 3)
    times = moments(recording, checkpoints)
    trace = recording.trace

    for moment, checkpoint in zip(times, checkpoints):
        number = checkpoint["checkpoint"]
        cs.agree_with_books(f"heap at checkpoint {number}", trace, checkpoint, at=moment)
        cs.equal(f"fold at checkpoint {number}", fold_sites(trace.fold("inuse_space", moment)),
                 cs.book_sites(checkpoint, "inuse_space"))
    for first, second in ((0, 1), (1, 2), (0, 2)):
        for metric in cs.BOOK_METRICS:
            report = trace.report("diff", "--metric", metric, trace.at(times[first]),
                                  at=times[second])
            cs.equal(f"diff of checkpoints {first + 1} and {second + 1}, {metric}",
                     deltas(report["entries"]),
                     difference(cs.book_sites(checkpoints[second], metric),
                                cs.book_sites(checkpoints[first], metric)))
    cs.equal("FILE@0s is empty", trace.sites("inuse_space", at="0s"), {})
    end = trace.sites("inuse_space", at="-0s")
    cs.equal("FILE@-0s is the end", end, trace.sites("inuse_space"))


main()
cs.finish()
