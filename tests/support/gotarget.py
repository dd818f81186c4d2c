# SPDX-License-Identifier: Apache-2.0
"""Go programs for tests: which toolchains there are, programs built by them, and a program that
waits for questions about itself.

Versions come from `go` in PATH, from Debian's packages, and from what Go's own toolchain
switching has brought before; COROSCOPE_GO_VERSIONS="1.20.14 1.27.1" brings more. Everything
that is built or fetched stays below build/go.
"""
import fcntl
import glob
import os
import re
import subprocess
import time

import cs

FOLDER = os.path.join(cs.SOURCE_DIR, "build", "go")
SOURCES = os.path.join(cs.SOURCE_DIR, "tests", "targets", "go")

# Flags of `go build`, and whether C is there.
KINDS = {
    "plain": ([], "0"),
    "strip": (["-ldflags=-s -w"], "0"),
    "pie": (["-buildmode=pie", "-ldflags=-s -w"], "0"),
    "cgo": (["-tags=withcgo", "-ldflags=-s -w"], "1"),
}
# The same of what is not in the matrix.
OTHER_KINDS = {
    "with-c": ([], "1"), # C code keeps its names
    "debugger": (["-gcflags=all=-N -l"], "0"), # as one builds for Delve: nothing is inlined
    "c-shared": (["-buildmode=c-shared", "-ldflags=-s -w"], "1"),
    "c-archive": (["-buildmode=c-archive"], "1"),
}


class Toolchain:
    def __init__(self, go, switch="local"):
        self.go, self.switch = go, switch
        self.version = None

    def environment(self, cgo="0"):
        return {"GOTOOLCHAIN": self.switch, "GOFLAGS": "-mod=mod", "GO111MODULE": "on",
                "GOMODCACHE": os.path.join(FOLDER, "mod"),
                "GOCACHE": os.path.join(FOLDER, "cache"), "CGO_ENABLED": cgo,
                "HOME": FOLDER}

    def ask_version(self):
        result = cs.run([self.go, "version"], timeout=300, env=self.environment())
        match = re.search(r"go(1\.\d+(\.\d+)?)", result.out)
        self.version = match.group(1) if result.status == 0 and match else None
        self.error = result.err.strip().splitlines()[-1:]
        return self.version

    def minor(self):
        return int(self.version.split(".")[1])

    def build(self, program, kind):
        """The program tests/targets/go/PROGRAM in the variant KIND; None: see `error`."""
        flags, cgo = {**KINDS, **OTHER_KINDS}[kind]
        sources = os.path.join(SOURCES, program)
        output = os.path.join(FOLDER, "bin", f"{program}-{self.version}-{kind}")
        os.makedirs(os.path.dirname(output), exist_ok=True)
        newest = max(os.path.getmtime(file) for file in glob.glob(sources + "/*"))
        # Tests of several presets run side by side.
        with open(output + ".lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.path.exists(output) and os.path.getmtime(output) > newest:
                return output
            result = cs.run([self.go, "build", *flags, "-o", output + ".new", "."],
                            timeout=600, cwd=sources, env=self.environment(cgo))
            if result.status == 0:
                os.rename(output + ".new", output)
                return output
        self.error = result.err.strip().splitlines()[-1:]
        return None


def _switcher(paths):
    """The newest: Go brings other versions of itself since 1.21."""
    found = [toolchain for toolchain in map(Toolchain, paths) if toolchain.ask_version()]
    newest = max(found, key=Toolchain.minor, default=None)
    return newest.go if newest and newest.minor() >= 21 else None


def _candidates():
    # From anywhere in PATH, and where Debian's packages put several beside each other.
    found = [cs.tool("go"), "/usr/local/go/bin/go", "/usr/lib/go/bin/go"]
    found += sorted(glob.glob("/usr/lib/go-1.*/bin/go"))
    for go in found:
        if go and os.path.exists(go):
            yield Toolchain(go)
    cached = glob.glob(os.path.join(FOLDER, "mod/golang.org/toolchain@v0.0.1-go*/bin/go"))
    for go in sorted(cached):
        yield Toolchain(go)
    versions = os.environ.get("COROSCOPE_GO_VERSIONS", "").split()
    switcher = _switcher([go for go in found if go and os.path.exists(go)]) if versions else None
    for version in versions:
        if switcher:
            yield Toolchain(switcher, "go" + version)
        else:
            cs.without(f"go {version}", "no Go here can bring it: that takes 1.21")


def toolchains():
    """One of each minor version, oldest first; those that do not run are told."""
    by_minor = {}
    for toolchain in _candidates():
        if not toolchain.ask_version():
            cs.without(f"go {toolchain.switch}", " ".join(toolchain.error) or "does not run")
        elif toolchain.minor() >= 18:
            by_minor.setdefault(toolchain.minor(), toolchain)
    return [by_minor[minor] for minor in sorted(by_minor)]


class Program:
    """A program that answers questions (tests/targets/go/leaks/leaks.go), ended at the end."""

    def __init__(self, argv, **more):
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env=cs.environment(), cwd=cs.folder(), **more)
        self.pid = self.process.pid
        while True:
            line = self.process.stdout.readline()
            if line == "READY\n" or not line:
                break
        time.sleep(0.1)

    def ask(self, question):
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        lines = []
        while True:
            line = self.process.stdout.readline()
            if line == "END\n" or not line:
                return "".join(lines)
            lines.append(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def settled(program):
    """When all goroutines of leaks.go wait, as it says itself: on a busy machine some have not come
    to where they wait when it says that it is ready."""
    def look():
        states = re.findall(r"^goroutine \d+[^\[\n]*\[([^,\]]+)", program.ask("goroutine 2"), re.M)
        return states.count("running") == 1 and "runnable" not in states
    return cs.wait_until(look, 60)


# ---- what the program says of itself ----

def is_hidden(name):
    """What Go's own dumps leave out."""
    return (name.startswith("runtime.") and not name[8:9].isupper()) or \
        name.startswith("internal/runtime/")


def parse_dump(text):
    """goroutine?debug=2: by id (reason, [(function, file:line)], creator)."""
    result = {}
    for block in text.strip().split("\n\n"):
        lines = block.splitlines()
        head = re.match(r"goroutine (\d+)(?: gp=\S+ m=\S+(?: mp=\S+)?)? \[([^,\]]+)", lines[0])
        if not head:
            continue
        frames, creator = [], None
        for name, place in zip(lines[1::2], lines[2::2]):
            place = place.strip().split(" ")[0]
            if name.startswith("created by "):
                creator = (name[len("created by "):].split(" in goroutine ")[0], place)
                continue
            name = re.sub(r"\([^()]*\)$", "", name)
            if not is_hidden(name):
                frames.append((name, place))
        result[int(head.group(1))] = (head.group(2), frames, creator)
    return result


def scaled(count, size, rate):
    """As pprof scales a sampled count and its bytes."""
    import math
    if count == 0 or size == 0:
        return 0, 0
    if rate <= 1:
        return count, size
    scale = 1 / (1 - math.exp(-(size / count) / rate))
    return int(count * scale), int(size * scale)


def parse_heap(text):
    """heap?debug=1: the totals of the four metrics as `go tool pprof` shows them, and the same
    by innermost function."""
    head = re.match(r"heap profile: .* @ heap/(\d+)", text)
    rate = int(head.group(1)) // 2
    total, sites = [0, 0, 0, 0], {}
    for match in re.finditer(r"^(\d+): (\d+) \[(\d+): (\d+)\] @[^\n]*\n((?:#[^\n]*\n)*)", text,
                             re.M):
        live, live_bytes, made, made_bytes = (int(n) for n in match.groups()[:4])
        objects, size = scaled(live, live_bytes, rate)
        all_objects, all_size = scaled(made, made_bytes, rate)
        values = (size, objects, all_size, all_objects)
        names = re.findall(r"^#\t0x\w+\t(\S+)\+0x", match.group(5), re.M)
        name = names[0] if names else "?"
        site = sites.setdefault(name, [0, 0, 0, 0])
        for i, value in enumerate(values):
            total[i] += value
            site[i] += value
    return total, sites
