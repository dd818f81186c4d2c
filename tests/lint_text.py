#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What can be seen in a file's text alone: its licence line and its length.

usage: lint_text.py FILE...
"""
import sys

MAY_BE, MUST_NOT_EXCEED = 500, 600
SPDX = "SPDX-License-Identifier: Apache-2.0"


def main():
    wrong = 0
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            lines = file.readlines()
        if not any(SPDX in line for line in lines[:3]):
            print(f"{path}:1: error: no line \"{SPDX}\"")
            wrong += 1
        if len(lines) > MUST_NOT_EXCEED:
            print(f"{path}: error: {len(lines)} lines, {MUST_NOT_EXCEED} at most")
            wrong += 1
        elif len(lines) > MAY_BE:
            print(f"{path}: warning: {len(lines)} lines: does it hold one idea?")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
