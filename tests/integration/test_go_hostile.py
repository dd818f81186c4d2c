# SPDX-License-Identifier: Apache-2.0
# cs-test: timeout=1200
"""Go programs that can't be read, or only in part: an error or a list that says so, never a
crash, never garbage."""
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import cs
import gotarget

REFUSED = 2


def observe(pid, *options, **more):
    return cs.run([cs.COROSCOPE, "fold", "--metric", "coroutines", *options, "-p", str(pid)],
                  **more)


def refused(name, result, words):
    cs.check(f"{name}: refused with the reason",
             result.status == REFUSED and re.search(words, result.err), repr(result))


def doctor_knows(toolchain, program):
    result = cs.run([cs.COROSCOPE, "doctor", "-p", str(program.pid)])
    cs.check("doctor says that it can be read, and its version",
             "read from outside" in result.out and f"(go{toolchain.version})" in result.out and
             "  NO  " not in result.out.split("Machine")[0], repr(result))


def dies_while_it_is_read(program_path):
    """A process that is killed at any moment of a read: an error, or what was there."""
    outcomes = set()
    for delay_ms in (0, 1, 2, 3, 5, 8, 12, 20):
        program = gotarget.Program([program_path, "1500"])
        with program, subprocess.Popen(
                [cs.COROSCOPE, "fold", "--metric", "coroutines", "-p", str(program.pid)],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE) as reader:
            time.sleep(delay_ms / 1000)
            program.process.kill()
            out, err = reader.communicate(timeout=200)
            told = re.search(rb"coroscope: cannot .*(ended|there is no such process)", err)
            outcomes.add((reader.returncode, bool(told), b"" if told else err, bool(out)))
    cs.check("a process that dies while it is read: a list, or that it has ended",
             all(status == 0 or (status == REFUSED and told)
                 for status, told, _, _ in outcomes), str(outcomes))


def freeze_leaves_no_trace(program):
    """At level freeze: nobody traces it afterwards, and it goes on."""
    before = program.ask("memstats")
    for _ in range(3):
        result = observe(program.pid, "--level", "freeze")
        if result.status != 0:
            return cs.without("freeze leaves the process as it was", result.err.strip())
    with open(f"/proc/{program.pid}/status", encoding="ascii") as file:
        status = file.read()
    cs.check("freeze leaves the process as it was",
             "TracerPid:\t0" in status and bool(before) and bool(program.ask("memstats")),
             status)
    return None


def killed_reader(program_path):
    """A reader that is killed while it holds the process still lets it go by dying."""
    with gotarget.Program([program_path, "1500"]) as program:
        for _ in range(10):
            reader = subprocess.Popen(
                [cs.COROSCOPE, "fold", "--metric", "coroutines", "--level", "freeze", "-p",
                 str(program.pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.02)
            reader.kill()
            reader.wait()
        cs.check("a process whose reader was killed goes on",
                 "NumGC" in program.ask("memstats"), "it hangs")


def deleted_binary(program_path):
    copy = cs.path("deleted")
    shutil.copy(program_path, copy)
    with gotarget.Program([copy, "1"]) as program:
        gotarget.settled(program)
        os.unlink(copy)
        result = observe(program.pid)
        cs.check("a deleted binary is read", "main.receiveNobodyCloses" in result.out,
                 repr(result))
    shutil.copy(program_path, copy)
    with gotarget.Program([copy, "1"]) as program:
        gotarget.settled(program)
        os.unlink(copy)
        shutil.copy(shutil.which("true"), copy)
        result = observe(program.pid)
        cs.check("a replaced binary is read", "main.receiveNobodyCloses" in result.out,
                 repr(result))


def in_container(program_path):
    unshare = shutil.which("unshare")
    if not unshare or cs.run([unshare, "-p", "-f", "-m", "-r", "true"]).status != 0:
        return cs.without("a process in other namespaces is read", "unshare is not permitted")
    with gotarget.Program([unshare, "-p", "-f", "-m", "-r", "--mount-proc", program_path,
                           "1"], start_new_session=True) as outer:
        inner = cs.wait_until(lambda: cs.children(outer.pid))
        gotarget.settled(outer)
        result = observe(inner[0])
        cs.check("a process in other namespaces is read",
                 "main.receiveNobodyCloses" in result.out, repr(result))
        os.killpg(outer.pid, signal.SIGKILL)
    return None


def another_user(program_path):
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        return cs.without("another user's process is refused", "needs root and setpriv")
    with gotarget.Program([program_path, "1"]) as program:
        result = cs.run([shutil.which("setpriv"), "--reuid=65534", "--regid=65534",
                         "--clear-groups", "--inh-caps=-all", "--bounding-set=-all",
                         cs.COROSCOPE, "fold", "--metric", "coroutines", "-p",
                         str(program.pid)], cwd="/")
        if "cannot" not in result.err:
            return cs.without("another user's process is refused", repr(result))
        refused("another user's process", result, "belongs to user 0, and you are 65534")
    return None


def plugin(toolchain):
    """Code that was loaded later has a table of its own."""
    sources = os.path.join(gotarget.SOURCES, "plugin")
    host, inner = cs.path("host"), cs.path("inner.so")
    for flags, output, package in (([], host, "."), (["-buildmode=plugin"], inner, "./inner")):
        result = cs.run([toolchain.go, "build", *flags, "-o", output, package], timeout=300,
                        cwd=sources, env=toolchain.environment("1"))
        if result.status != 0:
            return cs.without("a goroutine in a plugin", result.err.strip()[-200:])
    with gotarget.Program([host, inner]) as program:
        cs.until_ok(lambda: in_plugin(program))
    return None


def in_plugin(program):
    result = observe(program.pid)
    cs.check("a goroutine in a plugin", "host/inner.Wait;host/inner.waitInPlugin 1" in result.out,
             repr(result))


def not_go(name, argv):
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        time.sleep(0.1)
        refused(name, observe(process.pid), "native program|not a Go program")
        process.kill()


def damaged(program_path):
    """The program's file with its version or its table changed: it still runs, but what we
    know of it is wrong."""
    with open(program_path, "rb") as file:
        image = bytearray(file.read())
    at = image.find(b"\xff Go buildinf:")
    if at < 0:
        return
    version = re.search(rb"go1\.(\d\d)", bytes(image[at + 32:at + 64]))
    if not version:
        return
    for minor, words in ((b"99", None), (b"17", "older|make no sense")):
        changed = bytearray(image)
        place = at + 32 + version.start(1)
        changed[place:place + 2] = minor
        copy = cs.path("changed")
        with open(copy, "wb") as file:
            file.write(changed)
        os.chmod(copy, 0o755)
        with gotarget.Program([copy, "1"]) as program:
            gotarget.settled(program)
            result = observe(program.pid)
            if words:
                refused(f"a version {minor.decode()}", result, words)
            else:
                # The newest layout: right, or refused; never wrong names.
                cs.check("a version that is not known is read as the newest or refused",
                         result.status == REFUSED or
                         "main.receiveNobodyCloses" in result.out, repr(result))


def wrong_layouts(toolchain, program_path):
    """Told to be of any other version, a program is refused or read right: no layout that does
    not fit passes for one that does."""
    with open(program_path, "rb") as file:
        image = file.read()
    at = image.find(b"\xff Go buildinf:")
    version = re.search(rb"go1\.(\d\d)", image[at + 32:at + 64]) if at >= 0 else None
    if not version:
        return
    for minor in range(18, 28):
        changed = bytearray(image)
        place = at + 32 + version.start(1)
        changed[place:place + 2] = b"%d" % minor
        copy = cs.path("lies")
        with open(copy, "wb") as file:
            file.write(changed)
        os.chmod(copy, 0o755)
        with gotarget.Program([copy, "3"]) as program:
            gotarget.settled(program)
            result = observe(program.pid)
            right = result.out.count("main.receiveNobodyCloses 3") == 1
            cs.check(f"go{toolchain.version} that says it is go1.{minor}: refused, or right",
                     result.status == REFUSED or right, repr(result))
        os.unlink(copy)


def moments_of_a_read(outcomes):
    """In ms after its start: some of each, then more and more about that at which the read was
    neither over nor yet to begin, whatever this machine needs, until one was met: OUTCOMES."""
    low, high = 0, 400
    for delay_ms in (0, 2, 4, 6, 8, 10, 13, 16, 20, 25):
        yield delay_ms
    for _ in range(60):
        if any(told for _, told, _ in outcomes):
            return
        delay_ms = (low + high) / 2
        yield delay_ms
        if outcomes[-1][2]:  # it is the first program that was read
            high = delay_ms
        else:
            low = delay_ms
        if high - low < 1:
            low, high = low * 0.5, high * 1.5 + 2


def becomes_another(program_path, toolchain):
    """A process that calls exec while it is read, also to a Go program: what is told is of the
    one or of the other, or an error says so."""
    other = toolchain.build("many", "strip")
    outcomes, strange = [], []
    for delay_ms in moments_of_a_read(outcomes):
        with gotarget.Program([program_path, "3000"]) as program:
            reader = subprocess.Popen(
                [cs.COROSCOPE, "fold", "--metric", "coroutines", "-p", str(program.pid)],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            time.sleep(delay_ms / 1000)
            program.process.stdin.write(f"exec {other} 20000\n")
            program.process.stdin.flush()
            out, err = reader.communicate(timeout=200)
            mine = [line for line in out.splitlines() if "main." in line]
            # Each has functions that the other lacks.
            both = [any(name in line for line in mine)
                    for name in ("main.receiveNobodyCloses", "main.choose")]
            outcomes.append((reader.returncode, "another program" in err, both[0]))
            if reader.returncode not in (0, REFUSED) or all(both):
                strange.append((delay_ms, reader.returncode, err, mine))
    cs.check(f"a process that becomes another one while it is read: {sorted(set(outcomes))}",
             not strange, str(strange)[:800])
    cs.check("… which is told", any(told for _, told, _ in outcomes), str(outcomes))


def state_of(program):
    with open(f"/proc/{program.pid}/stat", encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def stopped(program_path):
    """Ctrl-Z: it is read, also at level freeze, and stays stopped."""
    with gotarget.Program([program_path, "1"]) as program:
        gotarget.settled(program)
        os.kill(program.pid, signal.SIGSTOP)
        cs.wait_until(lambda: state_of(program) == "T")
        results = [observe(program.pid, "--level", level) for level in ("read", "freeze")]
        time.sleep(0.1)
        state = cs.wait_until(lambda: state_of(program) == "T" and "T", 5) or state_of(program)
        cs.check("a stopped process is read, also at level freeze, and stays so",
                 state == "T" and all("main.receiveNobodyCloses 1" in result.out
                                      for result in results if result.status == 0) and
                 results[0].status == 0, f"{state}: {results!r}"[:800])
        os.kill(program.pid, signal.SIGCONT)
        cs.check("… and goes on when it is told to", "NumGC" in program.ask("memstats"))


TRACE = """
import ctypes, os, sys
libc, pid = ctypes.CDLL(None, use_errno=True), int(sys.argv[1])
for tid in os.listdir(f"/proc/{pid}/task"):
    if libc.ptrace(16, int(tid), None, None) != 0: # PTRACE_ATTACH
        sys.exit(77)
    os.waitpid(int(tid), 0x40000000)
print("READY", flush=True)
sys.stdin.read()
"""


def under_a_debugger(program_path):
    """Somebody holds it with ptrace: it is read, and at level freeze refused."""
    with gotarget.Program([program_path, "1"]) as program:
        gotarget.settled(program)
        tracer = subprocess.Popen([sys.executable, "-c", TRACE, str(program.pid)], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if tracer.stdout.readline() != "READY\n":
            tracer.communicate()
            return cs.without("a process under a debugger is read", "ptrace is not permitted")
        result = observe(program.pid)
        cs.check("a process under a debugger is read",
                 "main.receiveNobodyCloses 1" in result.out, repr(result)[:600])
        refused("a process under a debugger, at level freeze",
                observe(program.pid, "--level", "freeze"), "traced already")
        tracer.stdin.close()
        tracer.wait()
        tracer.stdout.close()
        cs.check("… and goes on when the debugger lets it", "NumGC" in program.ask("memstats"))
    return None


def asleep_in_the_kernel(toolchain):
    """A thread that nothing wakes: it is read; at level freeze it is refused, before the others
    have stood still for two seconds."""
    built = toolchain.build("asleep", "with-c")
    if not built:
        cs.without("a thread asleep in the kernel", f"can't be built: {toolchain.error}")
        return
    with gotarget.Program([built]) as program:
        def look():
            program.ask("")
            refused("a thread asleep in the kernel, at level freeze",
                    observe(program.pid, "--level", "freeze"), "a thread sleeps in the kernel")
            gap = int(program.ask("").split()[0])
            cs.check("… after less than a second, for which it stood still", gap < 1000, str(gap))
        cs.until_ok(look)
        cs.check("… and is read otherwise", "main.tick" in observe(program.pid).out)


def of_32_bits(toolchain):
    """GOARCH=386: refused in one line, whoever asks."""
    built = cs.path("leaks386")
    result = cs.run([toolchain.go, "build", "-o", built, "."], timeout=300,
                    cwd=os.path.join(gotarget.SOURCES, "leaks"),
                    env={**toolchain.environment(), "GOARCH": "386"})
    if result.status != 0 or cs.run([built], timeout=60).status != 0:
        return cs.without("a program of 32 bits is refused", "it can't be built or run here")
    with gotarget.Program([built, "1"]) as program:
        for command in (["ps"], ["heap"], ["snapshot", "-o", cs.path("x.coro")],
                        ["record", "-d", "1", "-o", cs.path("y.coro")]):
            result = cs.run([cs.COROSCOPE, *command, "-p", str(program.pid)])
            refused(f"a program of 32 bits, {command[0]}", result, "it is a 32-bit program")
            cs.equal(f"… in one line, {command[0]}", len(result.err.splitlines()), 1)
    return None


def main():
    toolchains = gotarget.toolchains()
    if not toolchains:
        cs.skip("there is no Go toolchain here (Debian: golang-go)")
    toolchain = toolchains[-1]
    program_path = toolchain.build("leaks", "strip")
    if not program_path:
        cs.skip(f"can't build: {' '.join(toolchain.error)}")
    refused("no such process", observe(2 ** 22 - 1), "no such process")
    not_go("a native program", ["cat"])
    not_go("an interpreter", [sys.executable, "-c", "input()"])
    with gotarget.Program([program_path, "10"]) as program:
        freeze_leaves_no_trace(program)
        doctor_knows(toolchain, program)
    dies_while_it_is_read(program_path)
    killed_reader(program_path)
    deleted_binary(program_path)
    becomes_another(program_path, toolchain)
    stopped(program_path)
    under_a_debugger(program_path)
    asleep_in_the_kernel(toolchain)
    of_32_bits(toolchain)
    in_container(program_path)
    another_user(program_path)
    plugin(toolchain)
    damaged(program_path)
    wrong_layouts(toolchain, program_path)
    cs.finish()


if __name__ == "__main__":
    main()
