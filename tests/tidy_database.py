#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reduces a compilation database to each of our sources once.

The agent is compiled twice, headers have generated users, and target programs are odd
on purpose: the analysers need not see those.

usage: tidy_database.py SOURCE_TREE compile_commands.json > REDUCED
"""
import json
import sys
from pathlib import Path


def main():
    tree, database = Path(sys.argv[1]).resolve(), sys.argv[2]
    chosen = {}
    with open(database, encoding="utf-8") as file:
        entries = json.load(file)
    for entry in entries:
        path = Path(entry["file"])
        if not path.is_relative_to(tree) or path.suffix != ".c":
            continue
        if path.relative_to(tree).parts[0] == "build" \
                or path.is_relative_to(tree / "tests" / "targets"):
            continue
        chosen.setdefault(str(path), entry)
    json.dump(list(chosen.values()), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
