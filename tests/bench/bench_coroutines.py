# SPDX-License-Identifier: Apache-2.0
"""A million coroutines at once: how long it takes to say where all of them are, and what each
costs the program in memory. COROUTINES=n tries another number."""
import glob
import os
import subprocess
import tempfile
import time

import measure

COUNT = int(os.environ.get("COROUTINES", "1000000"))
FOLDER = tempfile.TemporaryDirectory(prefix="coroscope-bench.")
TRACE = os.path.join(FOLDER.name, "trace.coro")


def anonymous(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file
                    if line.startswith("Anonymous:"))


def bare_bytes(program):
    """The same of a program that nobody records."""
    with subprocess.Popen([program, str(COUNT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as process:
        while process.stdout.readline() not in (b"ready\n", b""):
            pass
        time.sleep(1)
        return anonymous(process.pid)


class Server:
    """COUNT coroutines, all parked, recorded; `pid` is the program's."""

    def __init__(self, program):
        self.process = subprocess.Popen(
            [measure.COROSCOPE, "record", "-o", TRACE, "--", program, str(COUNT)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for line in self.process.stdout:
            if line == b"ready\n":
                break
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children",
                  encoding="ascii") as file:
            self.pid = file.read().split()[0]

    def table_bytes(self):
        """Of the shared file in which each has its slot: what of it is in memory."""
        folder = f"/dev/shm/coroscope-{os.geteuid()}/{self.process.pid}-*"
        return sum(os.stat(path).st_blocks * 512
                   for path in glob.glob(f"{folder}/coroutines.*"))

    def own_bytes(self):
        """Of the program's memory, what no file is behind."""
        return anonymous(self.pid)

    def end(self):
        self.process.stdin.close()
        self.process.stdout.read()
        self.process.wait()


def main():
    program = os.path.join(os.environ["TARGETS"], "coro_parked")
    if not os.path.exists(program):
        return measure.say("the target coro_parked was not built: no row")
    bare = bare_bytes(program)
    server = Server(program)
    time.sleep(1)
    rows = [measure.Row(f"{COUNT:,} coroutines of a live program, ps --group", "s",
                        measure.at_most(5)),
            measure.Row("the same, CPU time", "s", measure.at_most(5))]

    def by_stack():
        result = measure.run([measure.COROSCOPE, "ps", "--group", "-n", "1", "-p", server.pid])
        if f"{COUNT:,} coroutines" not in result.out:
            raise measure.Discard(result.out.splitlines()[1])
        return [result.wall, result.cpu]

    measure.compare(rows, ours=by_stack)
    added = server.table_bytes() + server.own_bytes() - bare
    server.end()
    measure.figure(f"memory of the agent for each of {COUNT:,} coroutines", "bytes",
                   added / COUNT, measure.at_most(256))
    return None


main()
