# SPDX-License-Identifier: Apache-2.0
# cs-test: release-only timeout=1200
"""Go in programs of other languages: a shared library in a C program and in Python, an archive
linked into one. Its goroutines, its heap and its CPU time are told as those of any Go program, and
the C program's own time is C's. Two runtimes in one process: which one is shown is said."""
import json
import os
import shutil
import subprocess
import sys

import cs
import gotarget

HOST = os.path.join(gotarget.SOURCES, "library", "host", "host.c")
COUNT = 5


def compile_host(*more):
    compiler = cs.tool("cc", "gcc", "clang")
    program = cs.path("host" + str(len(more)))
    result = cs.run([compiler, "-g", "-O1", "-o", program, HOST, *more, "-lpthread", "-ldl"],
                    timeout=200)
    if result.status != 0:
        raise RuntimeError(result.err)
    return program


def report(command, pid, *options):
    result = cs.run([cs.COROSCOPE, command, "--json", *options, "-p", str(pid)])
    return (json.loads(result.out) if result.status == 0 else {}), result


def check_goroutines(name, toolchain, program, count=COUNT):
    listing, result = report("ps", program.pid)
    rows = listing.get("coroutines", [])
    waiting = [row for row in rows if row["entry"] == "main.waitInLibrary"]
    cs.check(f"{name}: {count} goroutines wait",
             len(waiting) == count and
             all(row["state"] == "waiting" and row["reason"] == "chan receive" and
                 row["stack"][0]["function"] == "main.waitInLibrary" for row in waiting),
             repr(result)[:800])
    cs.equal(f"{name}: the version is the library's",
             [one["version"] for one in listing.get("runtimes", [])],
             ["go" + toolchain.version])
    cs.check(f"{name}: each is known to be whole",
             result.status == 0 and listing["unstable"] == 0, repr(result)[:800])
    return rows


def check_held(name, rows):
    """A thread of C's that waits in Go."""
    held = [row for row in rows if any(frame["function"] == "main.Hold"
                                       for frame in row["stack"])]
    cs.check(f"{name}: a thread of C that waits in Go",
             len(held) == 1 and held[0]["state"] == "waiting" and held[0]["locked"] and
             held[0]["thread"], str(held))


def check_heap(name, program):
    heap, result = report("heap", program.pid)
    got = sum(entry["value"] for entry in heap.get("entries", [])
              if any(frame["function"] == "main.allocate" for frame in entry["stack"]))
    # 400 times 64 KiB, sampled every 512 KiB: within six sigma.
    cs.check(f"{name}: its heap by who allocated", 4e6 < got < 49e6, repr(result)[:800])


def check_profile(name, program):
    """Half of the time of one thread is in Go, and no goroutine's is what the thread does in C
    without it."""
    trace = cs.Trace(cs.path("library.coro"))
    result = cs.run([cs.COROSCOPE, "record", "-p", str(program.pid), "-o", trace.path, "-d", "2",
                     "--cpu=199", "--interval=500ms"], timeout=200)
    cs.equal(f"{name}: record -p is done", result.status, 0)
    cs.equal(f"{name}: the recording holds them",
             trace.fold("coroutines").get("main.waitInLibrary"), COUNT)
    if "cannot sample" in result.out + result.err:
        return cs.without(f"{name}: CPU time of Go and of C", result.err.strip()[:200])
    stacks = trace.fold("cpu")
    go = sum(v for s, v in stacks.items() if "main.Work" in s.split(";"))
    in_c = {s: v for s, v in stacks.items() if "work_in_c" in s.split(";")}
    whole = sum(v for s, v in in_c.items() if cs.from_thread_start(s) and ";work;work_in_c" in s)
    both = go + sum(in_c.values())
    if both * 199 / 1e9 < 30:
        return cs.without(f"{name}: CPU time of Go and of C", "the machine is too busy")
    # As many rounds of the same loop in either; compilers differ.
    cs.check(f"{name}: CPU time in Go, and in C",
             go > 0.15 * both and sum(in_c.values()) > 0.15 * both, str(stacks))
    cs.check(f"{name}: C's own stacks go out to where its thread began, and to no goroutine",
             (whole > 0.95 * sum(in_c.values()) or
              (sum(in_c.values()) - whole) * 199 / 1e9 < 2.5) and  # of few, all but two
             not any("runtime." in s for s in in_c), str(in_c))
    return None


def snapshot(name, program):
    trace = cs.Trace(cs.path("snapshot.coro"))
    result = cs.run([cs.COROSCOPE, "snapshot", "-p", str(program.pid), "-o", trace.path])
    cs.equal(f"{name}: snapshot is done", result.status, 0)
    cs.equal(f"{name}: a snapshot holds them",
             trace.fold("coroutines").get("main.waitInLibrary"), COUNT)


def two_runtimes(host, first, second):
    """Also of one version: a copy of the file is a library of its own."""
    if first == second:
        second = cs.path("copy.so")
        shutil.copy(first, second)
    with gotarget.Program([host, first, second]) as program:
        cs.until_ok(lambda: two_are_told(program, first, second))


def two_are_told(program, first, second):
    listing, result = report("ps", program.pid)
    waiting = [row for row in listing.get("coroutines", [])
               if row["entry"] == "main.waitInLibrary"]
    cs.check("two runtimes: one is shown whole, and that there is another is said",
             len(waiting) in (COUNT, 2 * COUNT) and "two Go runtimes" in result.err and
             os.path.basename(first) in result.err and
             os.path.basename(second) in result.err, repr(result)[:800])


def in_python(toolchain, library):
    """As Python's ctypes loads it, in a process that has many libraries."""
    text = ("import ctypes, sys\n"
            f"ctypes.CDLL({library!r}).Start({COUNT})\n"
            "print('READY', flush=True)\nsys.stdin.read()\n")
    with gotarget.Program([sys.executable, "-c", text]) as program:
        cs.until_ok(lambda: check_goroutines(f"go{toolchain.version} in Python", toolchain,
                                             program))


def replaced(toolchain, host, library):
    """The library's file is another one by now: what is mapped counts."""
    copy = cs.path("replaced.so")
    with open(library, "rb") as source, open(copy, "wb") as target:
        target.write(source.read())
    with gotarget.Program([host, copy]) as program:
        os.unlink(copy)
        os.symlink("/bin/true", copy)
        cs.until_ok(lambda: check_goroutines("a library whose file was replaced", toolchain,
                                             program))


SHARED_RUNTIME = """package main

import "time"

func main() {
	println("READY")
	time.Sleep(time.Minute)
}
"""


def a_shared_runtime(toolchain):
    """-linkshared: the runtime is a library of its own. All who look refuse it in one line."""
    name = "a program whose runtime is a shared library"
    source, program, packages = cs.path("main.go"), cs.path("linked"), cs.path("packages")
    with open(source, "w", encoding="ascii") as file:
        file.write(SHARED_RUNTIME)
    for words in (["install", "-buildmode=shared", "-pkgdir", packages, "runtime", "time"],
                  ["build", "-linkshared", "-pkgdir", packages, "-o", program, source]):
        result = cs.run([toolchain.go, *words], timeout=200, env=toolchain.environment("1"))
        if result.status != 0:
            return cs.without(name, f"can't be built here: {result.err.strip()[-200:]}")
    with subprocess.Popen([program], stderr=subprocess.PIPE, text=True) as process:
        ready = process.stderr.readline()
        for command in (["ps"], ["heap"], ["snapshot", "-o", cs.path("x.coro")]):
            result = cs.run([cs.COROSCOPE, *command, "-p", str(process.pid)])
            cs.check(f"{name}, {command[0]}: refused in one line, with the reason",
                     ready == "READY\n" and result.status == 2 and result.out == "" and
                     len(result.err.splitlines()) == 1 and "(-linkshared)" in result.err,
                     repr(result))
        process.kill()
    return None


def check(toolchain, host):
    name = f"go{toolchain.version} c-shared"
    library = toolchain.build("library", "c-shared")
    if not library:
        cs.without(name, f"can't be built here: {' '.join(toolchain.error)}")
        return None
    with gotarget.Program([host, library]) as program:
        cs.until_ok(lambda: check_held(name, check_goroutines(name, toolchain, program)))
        check_heap(name, program)
        check_profile(name, program)
        snapshot(name, program)
    archive = toolchain.build("library", "c-archive")
    if archive:
        linked = compile_host("-DARCHIVE", archive)
        with gotarget.Program([linked]) as program:
            cs.until_ok(lambda: check_goroutines(f"go{toolchain.version} c-archive", toolchain,
                                                 program))
    return library


def main():
    toolchains = gotarget.toolchains()
    if not toolchains:
        cs.skip("there is no Go toolchain here (Debian: golang-go)")
    host = compile_host()
    libraries = [library for library in (check(one, host) for one in toolchains) if library]
    if libraries:
        in_python(toolchains[-1], libraries[-1])
        replaced(toolchains[-1], host, libraries[-1])
        two_runtimes(host, libraries[0], libraries[-1])
    a_shared_runtime(toolchains[0])
    cs.finish()


if __name__ == "__main__":
    main()
