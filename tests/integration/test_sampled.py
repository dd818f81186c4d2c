# SPDX-License-Identifier: Apache-2.0
# cs-test: release-only timeout=600
"""Sampled mode: over seeded runs the 95 % interval of a report's total covers the truth.

A small version of the campaign in `./dev stress`: RUNS=1000 makes it that.
"""
import os

import cs

RUNS = int(os.environ.get("RUNS", "100"))
# 93 % of 1,000 runs; of fewer, what a correct interval covers in all but one of 10,000 times.
LEAST = {100: 83, 1000: 930}.get(RUNS, int(RUNS * 0.83))


def interval(report):
    return report["total_low"], report["total_high"]


def coverage(metric, reports, truth):
    covered = sum(low <= truth <= high for low, high in map(interval, reports))
    cs.check(f"{metric}: the interval covers the truth in {covered} of {len(reports)} runs",
             covered >= LEAST, f"want {LEAST} at least")
    mean = sum(report["total"] for report in reports) / len(reports)
    spread = sum((high - low) / 3.92 for low, high in map(interval, reports)) / len(reports)
    cs.check(f"{metric}: unbiased", abs(mean - truth) <= 4.5 * spread / len(reports) ** 0.5,
             f"mean {mean:.0f}, truth {truth}, standard deviation of one run {spread:.0f}")


def main():
    program = cs.need_target("coverage")
    reports = {metric: [] for metric in cs.BOOK_METRICS}
    truth = None
    for seed in range(1, RUNS + 1):
        recording = cs.record([program], ["--heap=32KiB", f"--seed={seed}"])
        truth = cs.books(recording.out)[0]
        for metric in cs.BOOK_METRICS:
            # Only the program's own functions: libc's few blocks are not in its books.
            reports[metric].append(recording.trace.heap(metric, "--focus", "^site_"))
    for metric in cs.BOOK_METRICS:
        coverage(metric, reports[metric], truth[metric])
    cs.check("a sampled report says so", reports["inuse_space"][0]["sampled"])
    cs.equal("and with which mean", reports["inuse_space"][0]["mean_sample_bytes"], 32 << 10)


def same_seed_same_samples():
    program = cs.need_target("coverage")
    totals = [cs.record([program], ["--heap=64KiB", "--seed=77"]).trace
              .total("alloc_space", "--focus", "^site_") for _ in range(2)]
    cs.equal("the same seed gives the same samples", totals[0], totals[1])


def what_was_not_sampled_is_not_freed():
    """A free of a block that was not sampled leaves the books alone."""
    # An interval of 95 % misses one of twenty times, and not five times.
    seen = []
    for seed in range(1, 6):
        recording = cs.record([cs.need_target("churn"), "1", "200000"],
                              ["--heap=4KiB", f"--seed={seed}", "--buffer=32MiB"])
        live = recording.trace.heap("inuse_space")
        cs.check(f"seed {seed}: nothing in use is below nothing",
                 all(entry["value"] >= 0 for entry in live["entries"]))
        seen.append(interval(recording.trace.heap("inuse_objects", "--focus", "site_churn")))
    cs.check("churn: 256 blocks are live", any(low <= 256 <= high for low, high in seen), seen)


main()
same_seed_same_samples()
what_was_not_sampled_is_not_freed()
cs.finish()
