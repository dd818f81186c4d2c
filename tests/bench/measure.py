# SPDX-License-Identifier: Apache-2.0
"""Measuring beside peers on a noisy machine: variants run in turn within a round, what they
add is compared within the round, and the median of the rounds is shown with its quartiles."""
import os
import resource
import statistics
import subprocess
import sys


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def run(command, env=None, stdin=None):
    """Runs COMMAND; its standard output, and the CPU seconds of it and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run(command, env={**os.environ, **(env or {})}, input=stdin,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if result.returncode != 0:
        sys.stderr.write(result.stderr.decode(errors="replace"))
        raise RuntimeError(f"{command[0]} ended with {result.returncode}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return result.stdout.decode(errors="replace"), cpu


class Row:
    """One line of the table: what OURS and PEER add to BARE, round by round."""

    def __init__(self, name, unit, bound_text, verdict):
        self.name, self.unit, self.bound_text, self.verdict = name, unit, bound_text, verdict
        self.bare, self.ours, self.peer = [], [], []

    def add(self, bare, ours, peer):
        self.bare.append(bare)
        self.ours.append(ours - bare)
        if peer is not None:
            self.peer.append(peer - bare)

    def ratios(self):
        return [peer / max(ours, 1e-9) for ours, peer in zip(self.ours, self.peer)]

    def cells(self):
        ours = statistics.median(self.ours)
        low, high = quartiles(self.ours)
        ratio = statistics.median(self.ratios()) if self.peer else None
        return [self.name, f"{statistics.median(self.bare):.1f} {self.unit}", f"+{ours:.1f}",
                f"+{statistics.median(self.peer):.1f}" if self.peer else "-",
                f"{ratio:.1f}" if ratio is not None else "-", f"{low:.1f} … {high:.1f}",
                self.bound_text, "reached" if self.verdict(ours, ratio) else "MISSED"]


HEAD = ["workload", "bare", "ours", "peer", "peer/ours", "spread of ours", "bound", "verdict"]


def show(rows):
    table = [HEAD] + [row.cells() for row in rows]
    widths = [max(len(line[i]) for line in table) for i in range(len(HEAD))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
