#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may include whom, and that headers form no cycles.

Include paths already stop most of it; what they cannot see are headers of the system
(ELF, compression, curses) and detours through "../".

usage: includes.py illegal|cycles SOURCE_TREE
"""
import re
import sys
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)

AGENT = {"wire", "core", "heap", "stack", "coroutine"}
# Folder -> the folders of ours whose headers it may include (besides itself).
FOLDERS = {
    "agent/wire": set(),
    **{f"agent/{name}": AGENT for name in AGENT - {"wire"}},
    "profiler/base": set(),
    "profiler/model": {"base"},
    "profiler/export": {"base", "model"},
    "profiler/trace": {"base", "model"},
    "profiler/symbol": {"base", "model"},
    "profiler/unwind": {"base", "symbol"},
    "profiler/inject": {"base", "model", "wire"},
    "profiler/source": {"base", "model", "trace", "unwind", "wire"},
    "profiler/kernel": {"base", "model", "source"},
    "profiler/go": {"base", "model", "source"},
    "profiler/command": {"base", "model", "export", "trace", "symbol", "inject", "source",
                         "kernel", "unwind", "go", "wire"},
    "viewer/canvas": {"base"},
    "viewer/widget": {"base", "canvas"},
    "viewer/view": {"base", "model", "export", "canvas", "widget"},
    "viewer/terminal": {"base", "canvas"},
    "viewer/app": {"base", "model", "trace", "symbol", "canvas", "widget", "view"},
}
# Headers of the system -> the only folders that may know them.
SYSTEM = [
    (r"(elf|link)\.h", {
        "profiler/symbol", "profiler/unwind", "profiler/inject", "profiler/source",
        "profiler/kernel", "profiler/go", "profiler/command",
        *(f"agent/{name}" for name in AGENT)}),
    (r"(gelf|libelf|dwarf|libdw)\.h|elfutils/.*|libiberty/.*|demangle\.h",
     {"profiler/symbol", "profiler/unwind", "profiler/go"}),
    (r"zstd.*\.h", {"profiler/trace"}),
    (r"libunwind.*\.h", {"agent/stack"}),
    (r"(n?curses|menu|panel|form)\.h|ncurses.*/.*", {"viewer/terminal"}),
    (r"linux/perf_event\.h", {"profiler/kernel"}),
    (r"sys/ptrace\.h", {"profiler/inject", "profiler/go"}),
]


def folder_of(path):
    parts = path.parts
    return "/".join(parts[:2])


def sources(tree):
    for top in ("agent", "profiler", "viewer"):
        for path in sorted((tree / top).rglob("*")):
            if path.suffix in (".c", ".h", ".S") and path.is_file():
                yield path.relative_to(tree)


def includes(tree, path):
    return INCLUDE.findall((tree / path).read_text(encoding="utf-8"))


def illegal(tree):
    for path in sources(tree):
        folder = folder_of(path)
        own = folder.split("/")[-1]
        allowed = FOLDERS.get(folder)
        for quote, name in includes(tree, path):
            top = name.split("/")[0]
            if ".." in name.split("/"):
                yield f'{path}: "{name}" leaves its folder'
            elif quote == '"' and allowed is not None and "/" in name \
                    and top != own and top not in allowed:
                yield f'{path}: {folder} may not include "{name}"'
            elif quote == '"' and "/" not in name:
                yield f'{path}: "{name}" without its folder, say "{own}/{name}"'
            for pattern, users in SYSTEM:
                if quote == "<" and re.fullmatch(pattern, name) and folder not in users:
                    yield f"{path}: {folder} may not include <{name}>"


def cycles(tree):
    """Every header that can reach itself, each cycle once."""
    headers = {}
    for path in sources(tree):
        if path.suffix == ".h":
            headers["/".join(path.parts[1:])] = path
    graph = {name: [target for quote, target in includes(tree, path)
                    if quote == '"' and target in headers]
             for name, path in headers.items()}
    state = {}

    def visit(name, trail):
        state[name] = "open"
        for target in graph[name]:
            if state.get(target) == "open":
                yield " -> ".join(trail[trail.index(target):] + [target])
            elif target not in state:
                yield from visit(target, trail + [target])
        state[name] = "done"

    for name in sorted(graph):
        if name not in state:
            yield from visit(name, [name])


def main():
    rule, tree = sys.argv[1], Path(sys.argv[2])
    offences = list({"illegal": illegal, "cycles": cycles}[rule](tree))
    for offence in offences:
        print(offence)
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
