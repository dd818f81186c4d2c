# SPDX-License-Identifier: Apache-2.0
"""Who types in the dark, and names that attack: every refusal is a line that says what is wrong,
with status 2; nothing that a program or a file is called reaches the terminal or breaks JSON."""
import json
import os
import shutil
import subprocess
import sys

import cs

GOLDEN = os.path.join(cs.SOURCE_DIR, "tests/golden/v1/coroutines.coro")
# Steers a terminal, is no UTF-8, has all that shells and JSON quote.
NASTY = b"na\"sty\\\x1b[31m\xff'$(x)\nname"
NOBODY = 65534

ENDED = """
import os, time
if os.fork() == 0:
    os._exit(0)
print("ready", flush=True)
time.sleep(600)
"""


def run(*words, **more):
    return cs.run([cs.COROSCOPE, *words], **more)


def refused(name, words, *parts, **more):
    """Status 2, nothing on stdout, one line with all PARTS and perhaps a hint: no more."""
    result = run(*words, **more)
    lines = result.err.splitlines()
    missing = [part for part in parts if part not in result.err]
    cs.check(f"{name}: refused in a line", result.status == 2 and result.out == "" and
             not missing and len(lines) <= 2 and lines[0].startswith("coroscope: cannot ") and
             all(line.startswith("hint: ") for line in lines[1:]) and "\x1b" not in result.err,
             f"missing {missing}: {result}")


def processes_that_cannot_be_read():
    commands = (["ps"], ["heap"], ["snapshot", "-o", cs.path("x.coro")],
                ["record", "-d", "1", "-o", cs.path("x.coro")], ["top", "--batch"])
    with subprocess.Popen([sys.executable, "-c", ENDED], stdout=subprocess.PIPE) as parent:
        parent.stdout.readline()
        child = cs.children(parent.pid)[0]
        dead = f"/proc/{child}/stat"
        cs.wait_until(lambda: open(dead, encoding="utf-8").read().split(") ")[1][0] == "Z")
        for command in commands:
            refused(f"{command[0]} of one that has ended", [*command, "-p", str(child)],
                    f"it has ended, and waits for its parent {parent.pid}")
            refused(f"{command[0]} of no process", [*command, "-p", str(2**22 + 1)],
                    "no such process", "pgrep")
        parent.kill()
    try:
        with open("/proc/2/comm", encoding="utf-8") as file:
            kernel = file.read() == "kthreadd\n"
    except OSError:
        kernel = False
    if kernel:
        refused("a kernel thread", ["ps", "-p", "2"], "it is a kernel thread")
    else:
        cs.without("a kernel thread", "none is seen from here")


def another_user():
    """Root's process, asked for by nobody."""
    setpriv = cs.tool("setpriv")
    if os.geteuid() != 0 or not setpriv:
        return cs.without("a process of another user", "needs root and setpriv")
    with subprocess.Popen(["sleep", "600"]) as process:
        words = [setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                 cs.COROSCOPE, "ps", "-p", str(process.pid)]
        result = cs.run(words, cwd="/")
        process.kill()
    if "cannot" not in result.err:
        return cs.without("a process of another user", repr(result))
    return cs.check("a process of another user: whose, and what to do", result.status == 2 and
                    f"it belongs to user 0, and you are {NOBODY}" in result.err and
                    "hint: run coroscope as root" in result.err, repr(result))


def numbers_of_another_namespace():
    """Where /proc counts otherwise, -p would mean somebody else; record ends with its program."""
    unshare = cs.tool("unshare")
    apart = [unshare, "--pid", "--fork"]
    if not unshare or cs.run([*apart, "true"]).status != 0:
        return cs.without("a PID namespace with the /proc of another", "unshare is not permitted")
    result = cs.run([*apart, cs.COROSCOPE, "ps", "-p", "2"])
    cs.check("a PID namespace with the /proc of another: -p is refused, and why",
             result.status == 2 and "/proc is that of another PID namespace" in result.err and
             "hint: mount it" in result.err, repr(result))
    trace = cs.Trace(cs.path("apart.coro"))
    result = cs.run([*apart, *cs.record_command([cs.need_target("endings"), "return"], cs.EXACT,
                                                trace.path)], timeout=200)
    cs.equal("a PID namespace with the /proc of another: record ends with its program",
             result.status, 10)
    return cs.equal("a PID namespace with the /proc of another: it is recorded",
                    trace.sites("inuse_space"), {"site_kept": 1000000})


def files():
    refused("a name that steers", ["heap", b"esc\x1b[31m\xff"], "esc?[31m", "no such file")
    refused("a name without end", ["heap", "/x" * 5000], "...", "File name too long")
    refused("a pipe", ["heap", "/dev/stdin"], "not a regular file", stdin=b"text")
    fifo = cs.path("fifo")
    os.mkfifo(fifo)
    refused("a pipe with a name", ["ps", fifo], "not a regular file")
    for name, output in (("a device", "/dev/full"), ("a folder", cs.folder()), ("a pipe", fifo),
                         ("no folder", cs.path("none") + "/x.coro"), ("a long name", "y" * 300)):
        refused(f"record into {name}", ["record", "-o", output, "--", "true"], "cannot write",
                "hint: name another file with -o")
    refused("record into a path without end", ["record", "-o", "/x" * 5000, "--", "true"],
            "cannot write /x/x", "the name is too long")


def nasty_names():
    """A program, its arguments and a trace with names that attack."""
    folder = cs.path("names").encode()
    os.mkdir(folder)
    program, trace = os.path.join(folder, NASTY), os.path.join(folder, b"-" + NASTY + b".coro")
    shutil.copy(cs.need_target("endings"), program)
    result = cs.run([cs.COROSCOPE, "record", "--heap=all", "-o", trace, "--", program, "return",
                     NASTY], cwd=folder)
    cs.check("a nasty program is recorded, and said without a steer", result.status == 10 and
             "\x1b" not in result.err, repr(result))
    for words in (["ps"], ["heap"], ["heap", "--by", "process"], ["heap", "--by", "module"],
                  ["info"], ["diff", trace]):
        name = " ".join(word for word in words if isinstance(word, str))
        text = run(*words, trace)
        cs.check(f"{name}: nothing steers", text.status == 0 and text.out and
                 "\x1b" not in text.out + text.err, repr(text))
        data = run(*words, "--json", trace)
        try:
            fine = bool(json.loads(data.out))
        except ValueError as error:
            fine = str(error)
        cs.equal(f"{name} --json: is JSON", (data.status, fine), (0, True))
    for words in (["dump"], ["fold"], ["top", "--batch"]):
        text = run(*words, trace)
        cs.check(f"{words[0]}: nothing steers", text.status == 0 and "\x1b" not in text.out,
                 repr(text))


def next_commands_can_be_pasted():
    """Also those on a trace whose name looks like an option, or has a blank."""
    folder = cs.path("next")
    os.mkdir(folder)
    result = run("record", "--heap=all", "-o", "-it's one.coro", "--",
                 cs.need_target("endings"), "return", cwd=folder)
    lines = result.err.split("next:\n")[-1].splitlines()
    cs.equal("three commands are named", len(lines), 3)
    for line in lines:
        pasted = cs.run(["/bin/sh", "-c", line.replace("coroscope", f'"{cs.COROSCOPE}"', 1)],
                        cwd=folder)
        cs.equal(f"{line.strip()}: status", (pasted.status, pasted.err), (0, ""))


def environments():
    """Terminals and languages that are not there change how it looks, and no more."""
    for name, value in (("TERM", ""), ("TERM", "no-such-terminal"), ("COLUMNS", "20"),
                        ("COLUMNS", "0"), ("COLUMNS", "-1"), ("COLUMNS", "9" * 30),
                        ("LC_ALL", "C"), ("LC_ALL", "xx_YY.ISO-8859-1"), ("HOME", "/nonexistent"),
                        ("NO_COLOR", "1")):
        bad = []
        for words in (["ps"], ["ps", "--group"], ["heap"], ["info"], ["top", "--batch"]):
            result = run(*words, GOLDEN, env={name: value})
            if result.status != 0 or result.err or not result.out:
                bad.append((words, result))
        cs.equal(f"{name}={value[:20]}: all is shown", bad, [])
    plain = cs.run(["env", "-i", cs.COROSCOPE, "ps", GOLDEN])
    cs.check("no environment at all", plain.status == 0 and plain.out and not plain.err, plain)


def closed_descriptors():
    """What is opened later is not taken for stdout or stderr: the trace stays whole."""
    trace = cs.Trace(cs.path("closed.coro"))
    cs.run(["bash", "-c", '"$@" <&- >&- 2>&-', "-",
            *cs.record_command(["/bin/sh", "-c", "echo words; echo words >&2; exit 5"], [],
                               trace.path)])
    info = run("info", "--json", trace.path)
    cs.check("all descriptors closed: the trace is whole", info.status == 0 and
             "cut short" not in info.err + info.out and "damaged" not in info.err + info.out,
             repr(info))


processes_that_cannot_be_read()
another_user()
numbers_of_another_namespace()
files()
nasty_names()
next_commands_can_be_pasted()
environments()
closed_descriptors()
cs.finish()
