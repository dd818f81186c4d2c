# SPDX-License-Identifier: Apache-2.0
"""What CPU samples and looks from outside cost the program: its own CPU time, its switches and
forks, a Go program's work; and what they cost us."""
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import measure

sys.path.insert(0, os.path.join(measure.HERE, "..", "support"))
import gotarget

FOLDER = tempfile.TemporaryDirectory(prefix="coroscope-bench.")
TRACE = os.path.join(FOLDER.name, "trace.coro")
SWITCHES = measure.compile_program(FOLDER.name, "switches.c", "-pthread")


def sampled(hz, *program):
    return measure.record(TRACE, "512KiB", list(program), f"--cpu={hz}")


def plain(*program):
    return measure.record(TRACE, "512KiB", list(program))


def figure(command):
    """What the program says of itself: the last number that it prints."""
    return float(measure.run(command).out.split()[-1])


def native():
    for hz, bound in ((99, 1.5), (997, 8)):
        row = measure.Row(f"busy native program, {hz} samples a second", "% CPU",
                          measure.added_at_most(bound))
        base = []

        def bare():
            base.append(figure([SWITCHES, "busy"]))
            return 0.0

        measure.compare(row, bare=bare,
                        ours=lambda hz=hz: (figure(sampled(hz, SWITCHES, "busy")) /
                                            statistics.median(base) - 1) * 100 if base else 0.0)
    row = measure.Row("a switch between two threads, sampled (99 Hz)", "ns",
                      measure.added_at_most(1000))
    measure.compare(row, bare=lambda: figure(plain(SWITCHES, "switch")),
                    ours=lambda: figure(sampled(99, SWITCHES, "switch")))
    row = measure.Row("a fork, sampled (99 Hz)", "us", measure.added_at_most(1000))
    measure.compare(row, bare=lambda: figure(plain(SWITCHES, "fork")),
                    ours=lambda: figure(sampled(99, SWITCHES, "fork")))


# ---- Go ----

def turns_of(program, options, seconds=4):
    """Rounds that the program made, and the CPU share of its recorder, over SECONDS."""
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as work:
        work.stdout.readline()
        recorder = None
        if options is not None:
            recorder = subprocess.Popen(
                [measure.COROSCOPE, "record", "--quiet", "-p", str(work.pid), "-o", TRACE,
                 *options], stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        cpu = 0.0
        if recorder:
            recorder.send_signal(signal.SIGINT)
            _, _, usage = os.wait4(recorder.pid, 0)
            recorder.returncode = 0
            cpu = (usage.ru_utime + usage.ru_stime) / seconds * 100
        work.stdin.close()
        return float(work.stdout.readline().split()[0]), cpu


def go():
    found = gotarget.toolchains()
    program = found[-1].build("shares", "strip") if found else None
    if not program:
        measure.say("no Go toolchain: its rows are left out")
        return
    for name, options, bound in (("looks and 99 samples a second", [], 3),
                                 ("the same and --wall", ["--wall"], 4)):
        rows = [measure.Row(f"Go program, {name}: its work lost", "%",
                            measure.added_at_most(bound)),
                measure.Row(f"Go program, {name}: the recorder's CPU", "% CPU",
                            measure.at_most(10))]
        base = []

        def bare():
            base.append(turns_of(program, None)[0])
            return [0.0, 0.0]

        def ours(options=options):
            turns, cpu = turns_of(program, options)
            return [(1 - turns / statistics.median(base)) * 100 if base else 0.0, cpu]

        bare()
        measure.compare(rows, bare=bare, ours=ours)


native()
go()
