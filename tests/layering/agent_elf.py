#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the agent library may ask of, and show to, the program it is a guest of.

usage: agent_elf.py RULE LIBRARY MAP
"""
import fnmatch
import re
import subprocess
import sys

GLIBC_FLOOR = (2, 31)
NEEDED = {"libc.so.6", "ld-linux-x86-64.so.2"}
# Room for an injected library is about 1.6 KiB in all, shared with whatever else the
# program loads late.
TLS_BYTES = 256
# All that it may call: these take no lock, allocate nothing, install nothing and start nothing
# (dl_iterate_phdr locks the loader, and is called at start and where a slot is bound alone).
CALLS = {"dl_iterate_phdr", "getauxval", "__errno_location", "memcpy", "memset", "memcmp",
         "memmove", "strchr", "strcmp", "strlen", "strncmp", "strrchr", "strstr"}
DATA = {"environ", "__environ", "__libc_stack_end"}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def map_globals(path):
    """The names listed under `global:`; everything else must be local."""
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/|#[^\n]*", "", file.read(), flags=re.S)
    names = []
    for body in re.findall(r"\{(.*?)\}", text, flags=re.S):
        visible = True
        for item in re.findall(r"[^;:\s]+\s*[;:]", body):
            word, end = item[:-1].strip(), item[-1]
            if end == ":":
                visible = word == "global"
            elif visible:
                names.append(word.strip('"'))
    return names


def exports(library, version_map):
    """The dynamic symbols are exactly those of agent.map."""
    listed = map_globals(version_map)
    found = set()
    for line in run("nm", "-D", "--defined-only", library).splitlines():
        symbol_type, name = line.split()[-2:]
        if symbol_type != "A":  # version names
            found.add(name.split("@")[0])
    for name in sorted(found):
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in listed):
            yield f"{name} is exported, and not in the map"
    for pattern in listed:
        if not fnmatch.filter(found, pattern):
            yield f"{pattern} is in the map, and not exported"


def needed(library, _):
    """It needs libc alone."""
    for name in re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-dW", library)):
        if name not in NEEDED:
            yield f"needs {name}"


def glibc(library, _):
    """It loads with the oldest glibc that we promise."""
    for line in run("nm", "-D", "--undefined-only", library).splitlines():
        name, _, version = line.split()[-1].partition("@")
        numbers = re.match(r"@?GLIBC_([\d.]+)", version)
        if numbers and tuple(map(int, numbers[1].split("."))) > GLIBC_FLOOR:
            yield f"{name} needs glibc {numbers[1]}"


def calls(library, _):
    """No handlers, threads, locks, files or allocations: libc is hardly called at all."""
    for line in run("nm", "-D", "--undefined-only", library).splitlines():
        kind, name = line.split()[-2:]
        if kind != "w" and name.split("@")[0] not in CALLS | DATA:
            yield f"{name.split('@')[0]} is called"


def tls(library, _):
    """Its thread-local block fits into what a running process has left."""
    for line in run("readelf", "-lW", library).splitlines():
        fields = line.split()
        if fields[:1] == ["TLS"] and int(fields[5], 16) > TLS_BYTES:
            yield f"{int(fields[5], 16)} bytes thread-local, {TLS_BYTES} at most"
    if re.search(r"DTPMOD64|TLSDESC", run("readelf", "-rW", library)):
        yield "a thread-local variable is not initial-exec: its first use may allocate"


def hardening(library, _):
    """No executable stack, no text relocations, all bound before anything runs."""
    dynamic = run("readelf", "-dW", library)
    if re.search(r"GNU_STACK.*\bRWE\b", run("readelf", "-lW", library)):
        yield "executable stack (a .S file without .note.GNU-stack?)"
    if "TEXTREL" in dynamic:
        yield "text relocations"
    if "BIND_NOW" not in dynamic and "NOW" not in dynamic:
        yield "lazily bound"
    for name in ("__stack_chk_fail", "__assert_fail", "abort", "exit", "__tls_get_addr"):
        if re.search(rf"\bU {name}(@|$)", run("nm", "-D", library), re.M):
            yield f"calls {name}"


RULES = {"exports": exports, "needed": needed, "glibc": glibc, "calls": calls,
         "tls": tls, "hardening": hardening}


def main():
    rule, library, version_map = sys.argv[1:]
    offences = list(RULES[rule](library, version_map))
    for offence in offences:
        print(f"{library}: {offence}")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
