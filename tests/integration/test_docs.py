# SPDX-License-Identifier: Apache-2.0
# cs-test: timeout=600
"""Every command line that README.md, docs/ and the manual pages show is run, with a program, a
trace and a process that are at hand for those that they name: what is written works."""
import glob
import json
import os
import re
import shlex
import subprocess

import cs

# What stands for what, one after the other.
STAND_INS = [
    (r"\$\((pgrep|pidof) \w+\)|(?<=-p )(4242|1234|PID)\b", "{pid}"),
    (r"(?<!-o )((?<= )(app\.42|index|g\+\+|before|after|old|new|PROGRAM\.PID)\.coro|\bFILE)\b",
     "{trace}"),
    (r"@(10s|12\.5s|1s|3s)\b", "@100ms"),
    (r"--from 10s --to 20s", "--from 0s --to 100ms"),
    (r"-d 30\b", "-d 1"),
    (r"(?<=-- )(make|python3 index\.py|g\+\+ -O1 -c big\.cc)$|\./server( --port 80)?$|"
     r"PROGRAM( ARGS…)?$", "{program}"),
    (r"/usr/bin/redis-server", "/bin/sh"),
    (r"flamegraph\.pl", "cat"),
    (r"coroscope top(?! --batch)", "coroscope top --batch"),
    (r"(coroscope record (?!.*-d ).*-p \d+)$", r"\1 -d 1"),
]
# They need what a test can't have at hand: a recorder that was killed is in trap_killed.
NOT_RUN = {"coroscope recover 4711"}
# What reads a program that is not being recorded, or records one: a Go program.
OF_GO = re.compile(r"(record|snapshot) .*-p ")


def shown():
    """All command lines, each with the first place that shows it."""
    found = {}
    for path in [os.path.join(cs.SOURCE_DIR, "README.md"),
                 *sorted(glob.glob(os.path.join(cs.SOURCE_DIR, "docs", "*.md")))]:
        with open(path, encoding="utf-8") as file:
            for line in file:
                match = re.match(r"    (?:\$ )?((?:[A-Z]+=\w+ )?coroscope [a-z].*?)(?:\s{2,}.*)?$",
                                 line)
                # A screen of top begins with our name as well.
                if match and not re.match(r"coroscope  ", line.strip()):
                    found.setdefault(match[1].strip(), os.path.basename(path))
    for page in sorted(glob.glob(os.path.join(cs.SOURCE_DIR, "docs", "man", "*.1"))):
        with open(page, encoding="utf-8") as file:
            examples = file.read().partition(".SH EXAMPLES\n")[2]
            for line in re.findall(r"^\.B (.*coroscope .*)$", examples, re.M):
                plain = line.replace("\\-", "-")
                if re.match(r"(source <\()?coroscope [a-z]", plain):
                    found.setdefault(plain, os.path.basename(page))
    return found


def stand_in(line, at_hand):
    for pattern, instead in STAND_INS:
        for name, value in at_hand.items():
            instead = instead.replace(f"{{{name}}}", str(value))
        line = re.sub(pattern, instead, line)
    return line


def run_line(place, line, at_hand):
    real = stand_in(line, at_hand)
    name = f"{place}: {line}"
    result = cs.run(["bash", "-o", "pipefail", "-c", real], timeout=100,
                    env={"PATH": at_hand["bin"] + ":" + os.environ["PATH"]})
    # diff --fail-on-growth says by 1 that there was some.
    fine = result.status == 0 or (result.status == 1 and "--fail-on-growth" in line)
    cs.check(f"{name}: works", fine and "cannot" not in result.err, f"{real}: {result}")


def go_process():
    """A process that can be read from outside; None: it can't be built here."""
    go = cs.tool("go")
    source, program = cs.path("main.go"), cs.path("main")
    with open(source, "w", encoding="ascii") as file:
        file.write('package main\n\nimport ("os"; "runtime/pprof"; "time")\n\nfunc main() {\n'
                   '\tif len(os.Args) > 1 {\n\t\tpprof.Lookup("heap").WriteTo(os.Stdout, 1)\n\t}\n'
                   '\tgo time.Sleep(time.Hour)\n\tprintln("ready")\n\ttime.Sleep(time.Hour)\n}\n')
    if not go or cs.run([go, "build", "-o", program, source], timeout=300,
                        env={"GOFLAGS": "", "GO111MODULE": "off",
                             "GOCACHE": os.path.join(cs.SOURCE_DIR, "build", "go", "cache")}
                        ).status != 0:
        return None
    process = subprocess.Popen([program], stderr=subprocess.PIPE)
    process.stderr.readline()
    return process


def recordings(process):
    """By what is in a line: heap and CPU time of a program, waits of PROCESS, no names."""
    program = cs.need_target("coro_ucontext")
    trace = cs.record(["/bin/sh", "-c", f"{shlex.quote(program)} 20000 20 2; sleep 0.3"],
                      ["--heap=all", "--cpu=999"]).trace
    waits = cs.Trace(cs.path("waits.coro"))
    if process:
        cs.run([cs.COROSCOPE, "record", "--wall", "-d", "1", "-o", waits.path, "-p",
                str(process.pid)])
    nameless = cs.record([program, "10", "2", "1"], [*cs.EXACT, "--no-symbols"]).trace
    return {"--metric cpu": trace, "--metric offcpu": waits, "symbolize": nameless, None: trace}


def held(trace, metric):
    return trace.exists() and any(one["metric"] == metric and one["total"]
                                  for one in trace.report("info")["metrics"])


def check_lines(lines, running, process):
    traces = recordings(process)
    at_hand = {"bin": cs.path("bin"),
               "program": shlex.quote(cs.need_target("coro_ucontext")) + " 20 2 1"}
    os.mkdir(at_hand["bin"])
    os.symlink(cs.COROSCOPE, os.path.join(at_hand["bin"], "coroscope"))
    for line, place in lines.items():
        of_go = OF_GO.search(line)
        special = re.search(r"--metric (cpu|offcpu)\b|symbolize", line)
        trace = traces[special and special[0]]
        if of_go and not process:
            cs.without(f"{place}: {line}", "there is no Go to build a program with")
        elif special and special[1] and not held(trace, special[1]):
            cs.without(f"{place}: {line}", "this machine gives no samples to record")
        elif line not in NOT_RUN:
            run_line(place, line, {**at_hand, "trace": trace.path,
                                   "pid": process.pid if of_go else running.target})


def main():
    lines = shown()
    cs.check("docs: there are many", len(lines) > 30, str(len(lines)))
    with cs.Running([cs.need_target("coro_parked"), "20"], cs.EXACT, waits=True) as running:
        running.wait_until_ready("docs: a process that is being recorded waits")
        process = go_process()
        check_lines(lines, running, process)
        if process:
            process.kill()
            process.wait()
            process.stderr.close()


main()
cs.finish()
