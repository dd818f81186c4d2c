# SPDX-License-Identifier: Apache-2.0
"""Wrong use ends with status 2, nothing on stdout, and words that say what is valid."""
import os

import cs


def run(*words, **more):
    return cs.run([cs.COROSCOPE, *words], **more)


def refused(name, words, *parts, **more):
    """Status 2; the first line is coroscope's, and all PARTS are in what it says."""
    result = run(*words, **more)
    missing = [part for part in parts if part not in result.err]
    cs.check(f"{name}: refused in words",
             result.status == 2 and result.out == "" and not missing and
             result.err.startswith("coroscope: cannot "), f"missing {missing}: {result}")
    return result


def file(name, content):
    path = cs.path(name)
    with open(path, "wb") as stream:
        stream.write(content)
    return path


def commands_and_options():
    result = run()
    cs.check("no command: the overview, on stderr", result.status == 2 and result.out == "" and
             "Commands:" in result.err, str(result))
    refused("unknown command", ["haep", "x"], "'haep'", "did you mean heap?", "fold, diff")
    refused("unknown command, nothing near", ["zzzzzz"], "'zzzzzz'", "commands are")
    refused("help of an unknown command", ["help", "haep"], "did you mean heap?")
    refused("an option first", ["--json", "heap"], "a command comes first", "heap, fold")
    refused("unknown option", ["heap", "--metrik", "x", "f"], "--metrik", "did you mean --metric?",
            "--focus")
    refused("unknown letter", ["heap", "-x", "f"], "-x", "--metric")
    refused("unknown metric", ["heap", "--metric", "inuse", "f"], "--metric inuse",
            "inuse_space, inuse_objects, alloc_space, alloc_objects, peak_space, "
            "temporary_objects")
    refused("unknown metric of fold", ["fold", "-m", "cpus", "f"], "cpus", "inuse_space")
    refused("unknown way to sum up", ["heap", "--by", "stacks", "f"], "did you mean stack?",
            "stack, function, module, thread, process")
    refused("option without its argument", ["heap", "f", "--focus"], "REGEX is missing")
    refused("argument of a flag", ["heap", "--json=1", "f"], "takes no argument")
    refused("not a number", ["heap", "-n", "ten", "f"], "'ten'", "all")
    refused("not a size", ["diff", "--fail-on-growth=1Q", "a", "b"], "'1Q'", "512KiB")
    refused("no time at all", ["record", "-d", "0", "--", "true"], "record for 0")
    refused("heap of nothing", ["heap"], "neither a trace nor a process", "-p PID")
    refused("two targets at once", ["heap", "-p", "1", "a"], "at once")
    refused("a level of a trace", ["fold", "--level", "read", "a"], "not alive")
    refused("no such process", ["heap", "-p", str(2**22 + 1)], "no such process", "pgrep")
    for command in (["heap"], ["top", "--batch"], ["snapshot"], ["record"]):
        for number in ("0", str(2**32 + 1)):
            refused(f"{command[0]} of process {number}", [*command, "-p", number],
                    f"observe {number}: no process has that number", "pgrep")
    for size in ("foo", "0x0", "80", "80x24x", "1x1001", "-5x7"):
        refused(f"a screen of {size}", ["top", "--batch", "--size", size, "f"],
                f"--size {size}: not columns and rows", "100x30")
    refused("a process that is not recorded", ["heap", "-p", str(os.getppid())], "observe")
    refused("one operand too few", ["diff", "a"], "missing", "usage: coroscope diff")
    refused("one operand too many", ["heap", "a", "b"], "'b'", "usage: coroscope heap")
    refused("unknown shell", ["completion", "tcsh"], "tcsh", "bash, zsh")
    refused("two targets of doctor", ["doctor", "-p", "1", "sh"], "-p PID or sh")
    refused("doctor of nothing", ["doctor", "no-such-program-here"], "no such program")
    refused("doctor of no process", ["doctor", "-p", "999999999"], "no such process")


def patterns():
    not_read = file("pattern.coro", b"not reached")
    for option in ("--focus", "--ignore"):
        for command in ("heap", "fold"):
            refused(f"{command} {option} '['", [command, option, "[", not_read], "[")
    refused("diff --focus '('", ["diff", "--focus", "(", not_read, not_read], "(")


def files_that_are_no_traces():
    for command in (["heap"], ["fold"], ["info"], ["dump"], ["symbolize"], ["heap", "--json"]):
        name = " ".join(command)
        missing = cs.path("missing.coro")
        refused(f"{name}: missing file", [*command, missing], missing)
        refused(f"{name}: missing file at a time", [*command, missing + "@5s"], missing)
        refused(f"{name}: empty file", [*command, file("empty.coro", b"")], "empty.coro")
        refused(f"{name}: text", [*command, file("text.coro", b"hello\n" * 1000)], "text.coro")
        refused(f"{name}: a folder", [*command, cs.folder()], cs.folder())
        refused(f"{name}: a device", [*command, "/dev/null"], "/dev/null")
        refused(f"{name}: no name", [*command, ""])
    refused("diff: one is missing", ["diff", cs.path("a"), cs.path("b")])
    if os.geteuid() != 0:
        secret = file("secret.coro", b"x")
        os.chmod(secret, 0)
        refused("no permission", ["heap", secret], secret)
    else:
        cs.without("no permission", "root may read everything")


def output_that_fails():
    with open("/dev/full", "wb") as full:
        process = cs.subprocess.run([cs.COROSCOPE, "help", "heap"], stdout=full,
                                    stderr=cs.subprocess.PIPE, check=False)
    cs.equal("help to a full disk: status", process.returncode, 2)
    cs.check("help to a full disk: says so", b"cannot write standard output" in process.stderr,
             repr(process.stderr))
    process = cs.subprocess.run(["bash", "-c", '"$0" help heap >&-', cs.COROSCOPE],
                                stderr=cs.subprocess.PIPE, check=False)
    cs.equal("help to a closed stdout: status", process.returncode, 2)


commands_and_options()
patterns()
files_that_are_no_traces()
output_that_fails()
cs.finish()
