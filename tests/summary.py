#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up what ctest wrote (JUnit) and ends with "N passed, N failed, N skipped".

usage: summary.py PRESET.xml...

Fails when a test failed, when one could not be started, and when none ran.
"""
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def outcome(case):
    """passed, failed or skipped. What could not be started has not been skipped."""
    skipped = case.find("skipped")
    if case.get("status") == "run":
        return "passed"
    if skipped is not None and skipped.get("message", "").startswith("SKIP_"):
        return "skipped"
    return "failed"


def reason(case):
    """The last line that a skipped test printed."""
    lines = (case.findtext("system-out") or "").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "no reason given")


def main():
    results = {"passed": [], "failed": [], "skipped": []}
    for path in map(Path, sys.argv[1:]):
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            results[outcome(case)].append((f"{path.stem}: {case.get('name')}", case))
    for name, case in results["skipped"]:
        print(f"skipped  {name}: {reason(case)}")
    for name, _ in results["failed"]:
        print(f"failed   {name}")
    print(", ".join(f"{len(cases)} {kind}" for kind, cases in results.items()))
    return 1 if results["failed"] or not results["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
