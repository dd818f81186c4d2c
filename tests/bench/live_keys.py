# SPDX-License-Identifier: Apache-2.0
"""Keys pressed on the real view of a living target, in a terminal of its own, and how long each
took until all of its answer was on the screen.

The end of an answer is not guessed: behind each key comes one that does nothing, and the view
says so in its last line. What is measured is the time from the key to these words, and so a
little more than the answer. Answers that are moments to be read ("reading the trace …") are
measured twice: when the view said so, and when what was read is there.

    live_keys.py PID [ROUNDS]    prints every key's median and slowest"""
import collections
import fcntl
import os
import pty
import re
import select
import signal
import statistics
import struct
import subprocess
import sys
import termios
import time

import measure

NOTHING = b"Z"
DRAW_ANEW = b"\x0c"
ANSWERED = b"does nothing here"
WIDTH, HEIGHT = 120, 40

# A name, what is typed, and how often. What is typed in a prompt has no key behind it that does
# nothing: its answer is known by the prompt's own text.
KEYS = [
    ("one row down", b"j", 12), ("one row up", b"k", 6), ("list", b"t", 1),
    ("one row down in the list", b"j", 12), ("one page down", b"\x06", 12),
    ("one page up", b"\x02", 6), ("to the last row", b"G", 2), ("to the first row", b"g", 2),
    ("sort by the next column", b">", 3), ("the other way round", b"I", 2),
    ("details", b"\r", 1), ("one row down with details", b"j", 6), ("close the details", b"\x7f", 1),
    ("sort by the column before", b"<", 3),
    ("tree", b"t", 1), ("fold", b"h", 1), ("unfold", b"l", 1), ("one row down in the tree", b"j", 6),
    ("to the last row of the tree", b"G", 1), ("groups", b"t", 1),
    ("details of a group", b"\r", 1), ("close the details of a group", b"\x7f", 1),
    ("mark", b"m", 2),
    ("threads", b"2", 1), ("heap", b"3", 1), ("stacks", b"4", 1), ("the next metric", b"M", 4),
    ("scheduler", b"5", 1), ("coroutines", b"1", 1), ("help", b"?", 2),
    ("hold the picture", b"p", 1), ("one row down, held", b"j", 4),
]
# Each is read from the trace: the first answer says so, keys are pressed meanwhile.
TRAVEL = [("one step back", b"["), ("ten steps back", b"{"), ("to the start", b"^"),
          ("to the present", b"$")]


class Screen:
    """A view of PID on a pseudo-terminal."""

    def __init__(self, *words):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self.process = subprocess.Popen(
            [measure.COROSCOPE, "top", *words], stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8",
                 "XDG_CONFIG_HOME": "/nonexistent"})
        os.close(slave)
        self.seen = self.last = b""
        self.pid, self.alone = 0, [] # the view's; what its answers took, less what it waited

    def read(self, seconds):
        """What comes within SECONDS; False: nothing came."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return False
        try:
            got = os.read(self.master, 1 << 16)
        except OSError as error: # the other side has gone
            raise RuntimeError(f"the view has ended: {self.last!r}") from error
        self.seen += got
        self.last = (self.last + got)[-400:]
        return True

    def until(self, text, seconds=60):
        """Seconds until TEXT has been written."""
        start = time.monotonic()
        while text not in self.seen:
            if not self.read(1) and time.monotonic() > start + seconds:
                raise RuntimeError(f"{text!r} did not come: {self.seen[-400:]!r}")
        return time.monotonic() - start

    def shows(self, pattern, seconds=120):
        """Waits until PATTERN is on the screen, which is drawn anew to be read."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.seen = b""
            os.write(self.master, DRAW_ANEW)
            self.settle(0.5)
            if re.search(pattern, self.seen):
                return
        raise RuntimeError(f"{pattern!r} did not come: {self.seen[-400:]!r}")

    def settle(self, seconds):
        """Lets pictures come for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.02)

    def press(self, key, prompted=False):
        """Milliseconds until the answer to KEY is there."""
        # The last key's words go first: what stands there already is not written again.
        if not prompted:
            self.seen = b""
            os.write(self.master, DRAW_ANEW)
            self.until(b"coroscope")
            self.settle(0.02)
        self.seen = b""
        waited, start = self.waited(), time.monotonic()
        os.write(self.master, key + NOTHING)
        self.until(ANSWERED)
        took = 1000 * (time.monotonic() - start)
        self.alone.append((took - (self.waited() - waited), key))
        return took

    def waited(self):
        """Milliseconds that the view could have run and others had the CPUs."""
        with open(f"/proc/{self.pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1]) / 1e6

    def viewer(self):
        """The PID of the view itself."""
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        with open(path, encoding="ascii") as file:
            for pid in file.read().split():
                with open(f"/proc/{pid}/comm", encoding="ascii") as name:
                    if name.read().strip() == "coroscope-top":
                        return int(pid)
        return 0

    def memory(self):
        """The most that the view has had in memory, MB."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) / 1024 for line in file
                        if line.startswith("VmHWM"))

    def end(self):
        os.write(self.master, b"q")
        try:
            while True:
                self.read(10)
        except RuntimeError:
            pass
        self.process.wait(20)
        os.close(self.master)


def typed(screen, opening, text, label, times):
    """A prompt, its text letter by letter, and enter. Letters are echoed at once; that the
    answer is whole is known by the key that does nothing, after the prompt."""
    screen.seen = b""
    os.write(screen.master, opening)
    screen.until(label)
    screen.settle(0.1)
    for letter in text[:-1]:
        os.write(screen.master, bytes([letter]))
        screen.settle(0.05)
    screen.settle(0.3)
    times["enter " + label.decode().strip()].append(screen.press(text[-1:] + b"\r", True))


def travel(screen, name, key, times):
    times[name].append(screen.press(key))
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        times["one row down while the past is read"].append(screen.press(b"j"))
        screen.settle(0.03)


def one_round(screen, times):
    for name, key, count in KEYS:
        for i in range(count):
            times[name].append(screen.press(key))
            # Keys meet pictures at every place of them.
            screen.settle(0.02 + (i * 37 + len(times[name]) * 61) % 190 / 1000)
    screen.press(b"$")
    screen.press(b"1")
    screen.press(b"t") # the list
    typed(screen, b"/", b"serve", b"search: ", times)
    typed(screen, b"f", b"state = waiting and wait > 1s", b"filter: ", times)
    screen.settle(0.7)
    times["clear the filter"].append(screen.press(b"c"))
    for name, key in TRAVEL:
        travel(screen, name, key, times)
    screen.press(b"t")
    screen.press(b"t") # groups


def answers(pid, rounds=2, shown=rb"\d coroutines", words=()):
    """Milliseconds by key, and the view's memory in MB, of a living process."""
    screen = Screen("-p", str(pid), *words)
    times = collections.defaultdict(list)
    try:
        screen.until(b"coroscope  process", 60)
        screen.pid = screen.viewer()
        screen.shows(shown)
        screen.settle(2)
        for _ in range(rounds):
            one_round(screen, times)
        memory = screen.memory()
        screen.end()
    except BaseException:
        os.killpg(screen.process.pid, signal.SIGTERM)
        raise
    return times, memory, screen.alone


def summary(times):
    everything = sorted(value for values in times.values() for value in values)
    return statistics.median(everything), everything[-1]


def main():
    times, memory, alone = answers(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2)
    for name, values in times.items():
        print(f"{name:45} {len(values):4} median {statistics.median(values):7.1f} ms  "
              f"slowest {max(values):7.1f} ms")
    middle, slowest = summary(times)
    print(f"all: median {middle:.1f} ms, slowest {slowest:.1f} ms, memory {memory:.0f} MB, "
          f"load {os.getloadavg()[0]:.1f}")
    print("slowest, less what the view waited for a CPU: " +
          ", ".join(f"{took:.0f} ms ({key!r})" for took, key in sorted(alone)[:-6:-1]))


if __name__ == "__main__":
    main()
