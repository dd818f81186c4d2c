# SPDX-License-Identifier: Apache-2.0
"""Programs that can't be recorded: one line says which and what to do; nothing is broken.

The status is 2 where the program would start but can't be recorded, 126 or 127 as a shell's
where it can't be started at all.
"""
import os
import re
import shutil
import stat
import struct
import sys

import cs


def refused(name, argv, status, words, **more):
    """record says why in one line and a hint, and ends with STATUS; no trace is left."""
    recording = cs.record(argv, **more)
    cs.equal(f"{name}: status", recording.status, status)
    lines = [line for line in recording.err.splitlines() if line]
    cs.check(f"{name}: says what and why", lines and lines[0].startswith("coroscope: cannot") and
             any(word in recording.err for word in words), recording.err)
    cs.check(f"{name}: says what to do", any(line.startswith("hint: ") for line in lines),
             recording.err)
    cs.check(f"{name}: leaves no trace file", not recording.trace.exists())
    cs.check(f"{name}: the program was not started", recording.out == "", recording.out)


def executable(name, content):
    file = cs.path(name)
    with open(file, "wb") as stream:
        stream.write(content)
    os.chmod(file, 0o755)
    return file


def elf32():
    """The header of a 32-bit program is all that decides."""
    ident = b"\x7fELF" + bytes([1, 1, 1, 0]) + bytes(8)
    head = struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, 0x8048000, 52, 0, 0, 52, 32, 1, 40, 0, 0)
    return executable("elf32", ident + head + bytes(100))


def other_machine():
    """A 64-bit ARM program."""
    ident = b"\x7fELF" + bytes([2, 1, 1, 0]) + bytes(8)
    head = struct.pack("<HHIQQQIHHHHHH", 2, 183, 1, 0x400000, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    return executable("arm", ident + head + bytes(100))


def set_user_id_of(program, copy):
    shutil.copy(program, copy)
    if os.geteuid() == 0:
        os.chown(copy, 65534, 65534)
    os.chmod(copy, 0o755 | stat.S_ISUID)
    return copy


def kinds_of_programs():
    static = cs.target("static_hello")
    if static:
        refused("static program", [static], 2, ["static"])
    else:
        cs.without("static program", "no static C library")
    refused("32-bit program", [elf32()], 2, ["32-bit", "i386"])
    refused("program of another machine", [other_machine()], 126, ["aarch64", "ARM", "x86-64"])
    if os.geteuid() == 0:
        refused("setuid program", [set_user_id_of(cs.need_target("endings"), cs.path("setuid"))], 2, ["setuid", "set-user-ID"])
    else:
        cs.without("setuid program", "needs root to make one")
    refused("missing program", [cs.path("no_such_program")], 127, ["not found", "no such"])
    refused("missing program on PATH", ["no_such_program_at_all"], 127, ["not found", "no such"])
    plain = executable("plain", b"just text\n")
    os.chmod(plain, 0o644)
    refused("not executable", [plain], 126, ["permission", "executable"])
    refused("not a program", [executable("noise", b"\x01\x02\x03" * 100)], 126, ["not", "ELF"])
    refused("a folder", [cs.folder()], 126, ["directory", "folder"])


def scripts_are_programs():
    """A script is recorded through its interpreter, as the kernel starts it."""
    script = executable("script", b"#!/bin/sh\necho from a script $1\nexit 9\n")
    recording = cs.record([script, "yes"])
    cs.equal("a script: output and status", (recording.out, recording.status),
             ("from a script yes\n", 9))


def run_anyway():
    """The program is started without us only when the user asks for it."""
    static = cs.target("static_hello")
    if static is None:
        cs.without("--run-anyway", "no static C library")
        return
    recording = cs.record([static], ["--run-anyway"])
    cs.equal("--run-anyway: output and status", (recording.out, recording.status),
             ("static\n", 6))
    cs.check("--run-anyway: says that nothing is recorded", "static" in recording.err,
             recording.err)


def left_alone():
    """COROSCOPE_DISABLE=1 in its environment keeps us out of a process."""
    recording = cs.record([cs.need_target("endings"), "return"], env={"COROSCOPE_DISABLE": "1"})
    cs.equal("COROSCOPE_DISABLE=1: the program runs", recording.out,
             "1000 blocks of 1000 bytes, then return\n")
    cs.check("COROSCOPE_DISABLE=1: it is named as the reason",
             "COROSCOPE_DISABLE=1 is in its environment" in recording.err, recording.err)
    if recording.trace.exists():
        cs.equal("COROSCOPE_DISABLE=1: nothing is recorded", recording.trace.sites(), {})


def limited(limit, words, options=()):
    """words run by a shell that has set LIMIT for all that it starts, recorder and program."""
    trace = cs.path("limited.coro")
    result = cs.run(["bash", "-c", f'ulimit {limit} && exec "$@"', "-",
                     *cs.record_command(words, options, trace)])
    return result, trace


def limits_of_the_recorder():
    """It has the limits that the program is to have, and says what they make impossible."""
    program = cs.need_target("endings")
    said = "1000 blocks of 1000 bytes, then return\n"
    result, _ = limited("-f 0", [program, "return"])
    cs.check("no file may have a byte: it is said, and no signal kills",
             result.status == 2 and "File too large" in result.err, result)
    result, _ = limited("-f 4", [program, "return"], cs.EXACT)
    cs.equal("no room for a ring: the program runs", result.out, said)
    cs.check("no room for a ring: the reason", "too few for a ring" in result.err, result)
    result, _ = limited("-n 4", ["/bin/true"])
    left = re.search(r"open the session folder (\S+): Too many", result.err)
    if cs.check("no descriptor for the session: it is said", left, result):
        cs.check("no descriptor for the session: no folder is left",
                 not os.path.exists(left.group(1)), left)


def a_process_that_is_not_recorded_is_told():
    """The second image of the process has no memory for the agent's tables."""
    program = cs.need_target("endings")
    recording = cs.record(["/bin/sh", "-c", 'ulimit -d 10000; exec "$0" return', program],
                          cs.EXACT)
    cs.check("one of the processes is not recorded: the summary says so",
             "NOT RECORDED 1 process" in recording.err and "map its tables" in recording.err,
             recording.err)


FORKS_AS_ANOTHER_USER = """
import os, time
os.setgid(65534); os.setuid(65534)
if os.fork() == 0:
    os.setsid()
    kept = [bytes(3000) for i in range(1000)]
    time.sleep(5)
os._exit(0)
"""


def another_user():
    """The session is open to its own user alone: who leaves that is told of, by name."""
    setpriv = cs.tool("setpriv")
    if os.geteuid() != 0 or not setpriv:
        cs.without("a program of another user", "needs root and setpriv")
        return
    recording = cs.record([setpriv, "--reuid=65534", "sleep", "6"])
    cs.equal("exec as another user: it runs", recording.status, 0)
    cs.check("exec as another user: it is told", "(sleep): its agent is not heard of" in
             recording.err and "become user 65534" in recording.err, recording.err)
    recording = cs.record([sys.executable, "-c", FORKS_AS_ANOTHER_USER])
    cs.equal("a fork as another user: it runs", recording.status, 0)
    cs.check("a fork as another user: it is not called recorded",
             "still runs and has recorded nothing" in recording.err, recording.err)
    cs.check("a fork as another user: the reason", "become user 65534" in recording.err,
             recording.err)


def a_user_who_is_not_root():
    """What others' programs do that it starts is not ours to record, nor to read: it is told."""
    setpriv = cs.tool("setpriv")
    if os.geteuid() != 0 or not setpriv:
        cs.without("a setuid child of a user", "needs root to make one")
        return
    os.chmod(cs.folder(), 0o755)
    folder = cs.path("user")
    os.mkdir(folder)
    os.chmod(folder, 0o777)
    program, who = (set_user_id_of(cs.tool(name), os.path.join(folder, "others." + name))
                    for name in ("sleep", "id"))
    user = [setpriv, "--reuid=1", "--regid=1", "--clear-groups"]
    becomes = cs.run([*user, who, "-u"], cwd="/")
    able = cs.run([*user, "/bin/sh", "-c", '"$0" version && test -r "$1"', cs.COROSCOPE, cs.AGENT],
                  cwd="/")
    if becomes.out != "65534\n" or able.status != 0:
        cs.without("a setuid child of a user", f"nobody becomes another user here, or user 1 "
                   f"can't run us: {becomes} {able}")
        return
    for name, script in (("a setuid child of a user", f"{program} 4; exit 6"),
                         ("a user's exec of a setuid program", f"exec {program} 4")):
        result = cs.run([*user, *cs.record_command(["/bin/sh", "-c", script], [],
                                                   os.path.join(folder, "x.coro"))], cwd=folder)
        cs.equal(f"{name}: status", result.status, 6 if "exit" in script else 0)
        cs.check(f"{name}: it is told, once, by name and user",
                 result.err.count("(others.sleep): its agent is not heard of") == 1 and
                 "become user 65534" in result.err, result.err)


def what_to_do_next():
    """The commands that the summary names can be pasted, and work."""
    program = cs.need_target("endings")
    for name, words, options in (("it's one.coro", [program, "return"], cs.EXACT),
                                 ("plain.coro", [program, "return"], cs.EXACT),
                                 ("nothing.coro", ["/bin/true"], ["--no-heap"])):
        trace = cs.path(name)
        result = cs.run(cs.record_command(words, options, trace))
        lines = result.err.split("next:\n")[1].splitlines() if "next:" in result.err else []
        cs.equal(f"{name}: commands are named", len(lines), 3 if options == cs.EXACT else 0)
        if not lines:
            cs.check(f"{name}: no names are asked for that there are not",
                     "symbolize" not in cs.run([cs.COROSCOPE, "info", trace]).out)
        for line in lines:
            shown = cs.run(["/bin/sh", "-c", line.replace("coroscope", f'"{cs.COROSCOPE}"', 1)])
            cs.equal(f"{line.strip()}: status", (shown.status, shown.err), (0, ""))


kinds_of_programs()
limits_of_the_recorder()
a_process_that_is_not_recorded_is_told()
another_user()
a_user_who_is_not_root()
what_to_do_next()
scripts_are_programs()
run_anyway()
left_alone()
cs.finish()
