# SPDX-License-Identifier: Apache-2.0
# cs-test: timeout=600
"""Reading commands on a real trace: JSON parses, outputs agree, and a closed pipe, a full disk,
a cut or a damaged file end as they should."""
import json
import os
import pty
import random
import shutil
import subprocess

import cs

COMMANDS = (["heap"], ["heap", "--json"], ["heap", "--by", "function"], ["fold"], ["info"],
            ["info", "--json"], ["dump"])


def run(*words, **more):
    return cs.run([cs.COROSCOPE, *words], **more)


def ends_well(name, result):
    """A report or a refusal: never a crash, never a refusal without words."""
    fine = result.status == 0 or (result.status == 2 and "coroscope: cannot " in result.err)
    return fine or cs.check(name, False, str(result))


def outputs_agree(trace):
    for metric in ("inuse_space", "inuse_objects", "alloc_space", "alloc_objects", "peak_space",
                   "temporary_objects"):
        totals = {by: trace.total(metric, "--by", by)
                  for by in ("stack", "function", "module", "thread", "process")}
        cs.equal(f"{metric}: one total by whatever it is summed up", len(set(totals.values())), 1)
        total = totals["stack"]
        entries = trace.heap(metric)["entries"]
        cs.equal(f"{metric}: entries add up", sum(e["value"] for e in entries), total)
        cs.equal(f"{metric}: folded lines add up", sum(trace.fold(metric).values()), total)
        info = {m["metric"]: m["total"] for m in trace.report("info")["metrics"]}
        cs.equal(f"{metric}: info has the same total", info[metric], total)


def diff_of_itself_is_nothing(trace):
    report = trace.report("diff", trace.path)
    cs.equal("diff of a trace with itself", [e for e in report["entries"] if e["delta"]], [])
    result = run("diff", "--fail-on-growth", trace.path, trace.path)
    cs.equal("nothing has grown", result.status, 0)


def times_are_checked(trace):
    for time in ("", "noon", "5", "1x", "--5s", "5s5s"):
        result = run("heap", trace.at(time))
        if time != "5":
            cs.check(f"@{time}: refused, with the forms",
                     result.status == 2 and "12.5s" in result.err, str(result))
    for time in ("0s", "100ms", "-0s", "-1ms", "peak"):
        cs.equal(f"@{time}: is a time", run("heap", trace.at(time)).status, 0)


def a_name_with_an_at(trace):
    odd = cs.path("app@home.coro")
    shutil.copy(trace.path, odd)
    cs.equal("a file with @ in its name", run("heap", odd).status, 0)
    cs.equal("a file with @ in its name, at a time", run("heap", odd + "@0s").status, 0)


def closed_pipes_end_silently(trace):
    for command in COMMANDS:
        name = f"{' '.join(command)} into a closed pipe"
        with subprocess.Popen([cs.COROSCOPE, *command, trace.path], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=cs.environment()) as process:
            process.stdout.close()
            err = process.stderr.read()
            process.wait()
        cs.equal(name, (process.returncode, err), (0, b""))


def full_disks_are_told(trace):
    for command in COMMANDS:
        with open("/dev/full", "wb") as full:
            result = subprocess.run([cs.COROSCOPE, *command, trace.path], stdout=full,
                                    stderr=subprocess.PIPE, env=cs.environment(), check=False)
        cs.check(f"{' '.join(command)} to a full disk", result.returncode == 2 and
                 b"cannot write standard output: " in result.stderr, str(result))


def cut_files_are_read_as_far_as_they_go(trace):
    data = open(trace.path, "rb").read()
    copy = cs.Trace(cs.path("cut.coro"))
    whole = {name: run(name, "--json", trace.path).out for name in ("heap", "info")}
    outcomes = {"report": 0, "refused": 0}
    for part in [1, 8, 16, 31, 32, 33, 79, 80] + [len(data) * i // 24 for i in range(1, 24)] + \
            [len(data) - 1, len(data) - 17]:
        with open(copy.path, "wb") as stream:
            stream.write(data[:part])
        for command in (["heap", "--json"], ["info", "--json"]):
            result = run(*command, copy.path)
            name = f"{' '.join(command)} of the first {part} of {len(data)} bytes"
            if not ends_well(name, result):
                continue
            outcomes["report" if result.status == 0 else "refused"] += 1
            if result.status == 0:
                json.loads(result.out)
                # Without its index nothing is missing: the file is read chunk by chunk.
                cs.check(f"{name}: what is missing is said", "cut short" in result.err or
                         "warning\": \"" in result.out or same_facts(result.out, whole[command[0]]),
                         str(result))
        ends_well(f"dump of the first {part} bytes", run("dump", copy.path))
    cs.check("cut files: some are read, some refused", all(outcomes.values()), str(outcomes))


def same_facts(text, whole):
    """The same report, but for name and size of the file."""
    def facts(report):
        return {key: value for key, value in json.loads(report).items()
                if key not in ("file", "file_bytes", "chunks")}
    return facts(text) == facts(whole)


def damaged_files_are_survived(trace):
    data = open(trace.path, "rb").read()
    copy = cs.path("damaged.coro")
    chance = random.Random(2)
    bad = 0
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(chance.choice((1, 1, 1, 20))):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        with open(copy, "wb") as stream:
            stream.write(damaged)
        for command in (["heap"], ["info", "--json"]):
            bad += not ends_well(f"{' '.join(command)} of a damaged file", run(*command, copy))
    cs.equal("damaged files: none brings a command down", bad, 0)


def colours_are_for_terminals(trace):
    def on_terminal(**env):
        parent, child = pty.openpty()
        with subprocess.Popen([cs.COROSCOPE, "heap", trace.path], stdout=child,
                              stderr=subprocess.DEVNULL,
                              env=cs.environment({"TERM": "xterm", **env})) as process:
            os.close(child)
            text = b""
            while True:
                try:
                    piece = os.read(parent, 65536)
                except OSError:
                    break
                if not piece:
                    break
                text += piece
            process.wait()
        os.close(parent)
        return text

    cs.check("colours on a terminal", b"\x1b[" in on_terminal())
    cs.check("no colours with NO_COLOR", b"\x1b[" not in on_terminal(NO_COLOR="1"))
    cs.check("no colours on a dumb terminal", b"\x1b[" not in on_terminal(TERM="dumb"))
    cs.check("no colours in a pipe", "\x1b[" not in run("heap", trace.path).out)


def names_can_come_later():
    recording = cs.record([cs.need_target("endings"), "return"], [*cs.EXACT, "--no-symbols"])
    trace = recording.trace
    cs.equal("--no-symbols: no names in the trace", trace.report("info")["symbols"], False)
    here = trace.sites()
    cs.check("--no-symbols: named from the files that are here", here != {}, str(trace.heap()))
    result = run("symbolize", trace.path)
    cs.equal("symbolize: status", result.status, 0)
    cs.equal("symbolize: names are in the trace now", trace.report("info")["symbols"], True)
    cs.equal("symbolize: they are the same", trace.sites(), here)
    # Where libc has no debug information, what it keeps to itself stays without names.
    again = run("symbolize", trace.path).err
    cs.check("symbolize again: nothing to do", "already" in again or "no name was found" in again,
             again)


def without_heap():
    recording = cs.record([cs.need_target("endings"), "return"], ["--no-heap"])
    result = run("heap", recording.trace.path)
    cs.check("--no-heap: heap says that there is none", result.status == 2 and
             "no heap was recorded" in result.err and "--no-heap" in result.err, str(result))
    delay = run("fold", "--metric", "delay", recording.trace.path)
    cs.check("no delays: how a program comes to keep them is told", delay.status == 2 and
             "runtime.SetBlockProfileRate" in delay.err, str(delay))
    cs.equal("--no-heap: info works", run("info", recording.trace.path).status, 0)


def main():
    recording = cs.record([cs.need_target("books"), "2", "500", "2", "100"])
    if not recording.trace.exists():
        cs.check("books is recorded", False, str(recording.result))
        return
    trace = recording.trace
    outputs_agree(trace)
    diff_of_itself_is_nothing(trace)
    times_are_checked(trace)
    a_name_with_an_at(trace)
    closed_pipes_end_silently(trace)
    full_disks_are_told(trace)
    cut_files_are_read_as_far_as_they_go(trace)
    damaged_files_are_survived(trace)
    colours_are_for_terminals(trace)
    names_can_come_later()
    without_heap()


main()
cs.finish()
