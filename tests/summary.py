#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up what ctest wrote (JUnit) and ends with "N passed, N failed, N skipped".

usage: summary.py PRESET.xml... [PRESET.again.xml...]
       summary.py --again PRESET.xml    the tests that may run once more, as a regular expression

Fails when a test failed, when one could not be started, and when none ran. A test that failed
beside others and passed alone has passed, and is listed as unsteady: it wants a look, but it is
not what the machine was asked about. Crashes, hangs and what sanitizers find are never excused:
they are the faults that show themselves now and then only.
"""
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

# More than this many failures are not chance.
EXCUSED = 3

# Statuses of a fatal signal, as the shell (139) and as Python (-11) has them, where a check
# failed; what sanitizers print; what support/cs.py prints of a program that hung.
FATAL = re.compile(r"^FAIL .*(?:\b13[24569]\b|-(?:4|6|7|8|11)\b|SIG(?:SEGV|BUS|ABRT|ILL|FPE))|"
                   r"Sanitizer|runtime error:|it hung|core dumped|Segmentation fault", re.M)

# How a test ends that ended by itself (support/cs.py, cmocka) and not by a signal or a timeout.
ORDERLY = re.compile(r"^\d+ ok, \d+ failed, \d+ skipped$|^\[  FAILED  \]", re.M)


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


def cases(path):
    return ElementTree.parse(path).getroot().iter("testcase")


def may_be_chance(case):
    output = case.findtext("system-out") or ""
    return case.get("status") == "fail" and ORDERLY.search(output) and not FATAL.search(output)


def may_run_again(path):
    """The names of what failed in PATH, if all of it may have been chance."""
    failed = [case for case in cases(path) if outcome(case) == "failed"]
    if len(failed) > EXCUSED or not all(map(may_be_chance, failed)):
        return []
    return [case.get("name") for case in failed]


def add_up(paths):
    """The cases by outcome, each with its name; a second run's outcome is what counts."""
    results = {"passed": [], "failed": [], "skipped": [], "unsteady": []}
    again = {(path.name.split(".")[0], case.get("name"))
             for path in paths if path.suffixes == [".again", ".xml"]
             for case in cases(path) if outcome(case) == "passed"}
    for path in (path for path in paths if path.suffixes == [".xml"]):
        for case in cases(path):
            name = f"{path.stem}: {case.get('name')}"
            kind = outcome(case)
            if kind == "failed" and (path.stem, case.get("name")) in again:
                results["unsteady"].append((name, case))
                kind = "passed"
            results[kind].append((name, case))
    return results


def main():
    if sys.argv[1] == "--again":
        print("|".join(f"^{re.escape(name)}$" for name in may_run_again(Path(sys.argv[2]))))
        return 0
    results = add_up([Path(name) for name in sys.argv[1:]])
    unsteady = results.pop("unsteady")
    for name, case in results["skipped"]:
        print(f"skipped  {name}: {reason(case)}")
    for name, _ in unsteady:
        print(f"unsteady {name}: failed beside other tests, passed alone")
    for name, _ in results["failed"]:
        print(f"failed   {name}")
    print(", ".join(f"{len(found)} {kind}" for kind, found in results.items()))
    return 1 if results["failed"] or not results["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
