#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: guards.py SOURCE

The table of guards (tests/stress/guards.py) fits the tree: each guard is where it is said to be,
once, and its test is there. What taking it out does is for ./dev stress to see; a guard that has
moved would not be taken out at all."""
import os
import sys

SOURCE = sys.argv[1]
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(SOURCE, "tests", "stress"))

from guards import GUARDS  # pylint: disable=wrong-import-position


def text_of(file):
    try:
        with open(os.path.join(SOURCE, file), encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""


def script_of(test):
    """The file of a guard's test, as stress_guards.py understands its name."""
    kind, _, name = test.removeprefix("asan:").partition("/")
    if kind == "unit":
        return f"tests/unit/{name}.c"
    if kind == "fuzz":
        return f"tests/fuzz/{name}.c"
    return "tests/layering/agent_elf.py" if kind == "layering" else f"tests/integration/test_{test}.py"


def faults(guard):
    for file, text, _ in [(guard.file, guard.text, guard.instead), *guard.also]:
        if text_of(file).count(text) != 1:
            yield f"{guard.name}: {file} has not once: {text}"
    if not text_of(script_of(guard.test)):
        yield f"{guard.name}: there is no {script_of(guard.test)}"


def main():
    found = [fault for guard in GUARDS for fault in faults(guard)]
    names = [guard.name for guard in GUARDS]
    found += sorted(f"{name}: twice" for name in set(names) if names.count(name) > 1)
    print("\n".join(found) or f"{len(GUARDS)} guards")
    return 1 if found or not GUARDS else 0


if __name__ == "__main__":
    sys.exit(main())
