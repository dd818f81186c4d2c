# SPDX-License-Identifier: Apache-2.0
"""doctor says what can be observed and what can't, with status 0 or 1."""
import os
import re
import shutil
import stat
import subprocess

import cs

OWN_MALLOC = b"""
static char pool[1 << 16];
static unsigned long used;
void *malloc(unsigned long n) { used += n; return pool + used - n; }
void free(void *p) { (void)p; }
int main(void) { return malloc(10) == 0; }
"""


def doctor(*words, **more):
    return cs.run([cs.COROSCOPE, "doctor", *words], **more)


def finds(name, words, status, *parts, **more):
    result = doctor(*words, **more)
    missing = [part for part in parts if part not in result.out]
    cs.check(f"{name}: status {status} and reason",
             result.status == status and result.err == "" and not missing,
             f"missing {missing}: {result}")
    if status == 1:
        cs.check(f"{name}: what is wrong is marked", "  NO    " in result.out, result.out)


def a_file(name, content, mode=0o755):
    path = cs.path(name)
    with open(path, "wb") as stream:
        stream.write(content)
    os.chmod(path, mode)
    return path


def a_copy(program, owner, mode):
    path = cs.path("copy")
    shutil.copy(program, path)
    if owner is not None:
        os.chown(path, owner, owner)
    os.chmod(path, mode)
    return path


def programs():
    target = cs.need_target("endings")
    finds("a plain program", [target], 0, target, "64-bit x86-64", "its libraries")
    finds("a program in PATH", ["sh"], 0, "Program /")
    finds("a script", [a_file("script", b"#!/bin/sh\nexit 0\n")], 0, "interpreter /bin/sh")
    finds("text", [a_file("text", b"hello\n")], 1, "neither an ELF program nor a script")
    finds("an i386 program", [a_file("i386", b"\x7fELF\1\1\1" + bytes(9) + b"\2\0\3\0" +
                                     bytes(100))], 1, "32-bit")
    static = cs.target("static_hello")
    if static:
        finds("a static program", [static], 1, "statically linked")
    else:
        cs.without("a static program", "no static C library")
    for name, library in (("books_je", "libjemalloc"), ("books_tc", "libtcmalloc"),
                          ("books_mi", "libmimalloc")):
        if cs.target(name):
            finds(f"{name}", [cs.target(name)], 0, library, "stays in service")
        else:
            cs.without(name, f"{library} is not installed")
    own_malloc("an exported malloc of its own", ["-rdynamic"], "in the program itself")
    own_malloc("a hidden malloc of its own", ["-fvisibility=hidden"], "linked into the program")


def own_malloc(name, flags, words):
    """The agent's malloc would never be called: heap can't be recorded, and that is said."""
    compiler = cs.tool("cc", "gcc", "clang")
    if not compiler:
        cs.without(name, "no C compiler")
        return
    source, program = a_file("own.c", OWN_MALLOC), cs.path("own")
    built = cs.run([compiler, "-fno-builtin", *flags, source, "-o", program])
    if built.status:
        cs.without(name, f"can't be built here: {built.err}")
        return
    finds(name, [program], 1, words, "shared library")


def rights():
    target = cs.need_target("endings")
    if os.geteuid() == 0:
        finds("setuid of another user", [a_copy(target, 65534, 0o755 | stat.S_ISUID)], 1, "setuid")
        finds("setgid of another group", [a_copy(target, 65534, 0o755 | stat.S_ISGID)], 1,
              "setgid")
        finds("setuid of our own", [a_copy(target, None, 0o755 | stat.S_ISUID)], 0)
    else:
        cs.without("setuid of another user", "needs root to make one")


def processes():
    with subprocess.Popen(["sleep", "60"]) as process:
        finds("a process without the agent", ["-p", str(process.pid)], 1,
              f"Process {process.pid} (sleep)", "the agent is not in it", "coroscope record --")
        process.kill()
    with subprocess.Popen(["sleep", "60"],
                          env={**os.environ, "COROSCOPE_DISABLE": "1"}) as process:
        cs.wait_until(lambda: os.path.basename(
            os.readlink(f"/proc/{process.pid}/exe")) != "python3")
        finds("a process that wants to be left alone", ["-p", str(process.pid)], 1,
              "COROSCOPE_DISABLE=1")
        process.kill()


def machine():
    finds("the machine", [], 0, "Machine\n", "kernel ", cs.AGENT, "sessions are made in")
    finds("COROSCOPE_DISABLE=1 here", [], 1, "COROSCOPE_DISABLE=1",
          env={"COROSCOPE_DISABLE": "1"})
    finds("no agent", [], 1, "cannot find the agent", "/nowhere/agent.so",
          env={"COROSCOPE_AGENT": "/nowhere/agent.so"})
    # Others work there meanwhile: ours would have its number in their names.
    with subprocess.Popen([cs.COROSCOPE, "doctor"], stdout=subprocess.DEVNULL) as process:
        process.wait()
    base = f"/dev/shm/coroscope-{os.geteuid()}"
    cs.equal("nothing is left behind",
             [name for folder in ("/dev/shm", base) if os.path.isdir(folder)
              for name in os.listdir(folder)
              if str(process.pid) in re.findall(r"\d+", name)], [])


programs()
rights()
processes()
machine()
cs.finish()
