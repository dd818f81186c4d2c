# SPDX-License-Identifier: Apache-2.0
"""Reads what an agent leaves in a session's folder by itself, without a reader: the table of
coroutines and the records of the lanes. For tests of the agent alone.

A session here is a folder with the struct of agent/wire/session.h in it; lanes are as large
as needed, since nobody empties them.
"""
import collections
import glob
import os
import struct
import subprocess

import cs

WIRE_VERSION = 3
CHILDREN, SCHED, TIME, EVENTS = 1 << 1, 1 << 4, 1 << 5, 1 << 6

Slot = collections.namedtuple(
    "Slot", "number switches state context since run wait tid reason kind low high created "
            "spawn entry parent runtime flags name labels")
STATES = {0: "?", 1: "new", 2: "runnable", 3: "running", 4: "waiting", 5: "suspended"}
KINDS = {0: "none", 1: "ucontext", 2: "fcontext", 3: "jmpbuf", 4: "jmpbuf-plain", 5: "sp",
         6: "gccgo"}
THREAD, SYSTEM, FOUND, SHARED, INHERITED = 1, 2, 4, 8, 16
ENDS = {1: "finished", 2: "freed", 3: "replaced", 4: "left"}


class Session:
    """Runs ARGV under the agent; .rings are what its processes left, the first one first. Threads
    wait for who makes the tables, but not for long; the agent counts what it let go. On a busy
    machine that happens: then once more."""

    def __init__(self, argv, flags=SCHED | TIME, **more):
        for _ in range(5):
            self.run(argv, flags, **more)
            if not any(ring.refused for ring in self.rings):
                break
        cs.equal(*self.ending)

    def run(self, argv, flags, mean=1, lane=1 << 20, env=None, timeout=200,
            status=0, present=None):
        self.folder = cs.path("session")
        os.mkdir(self.folder, 0o700)
        body = struct.pack("<QIIQQQQIIII", 0x315353534f524f43, WIRE_VERSION, 128, mean, lane,
                           1 << 20, 1, flags | CHILDREN, 128, 0, 0)
        body += struct.pack("<IIIIQQQQQQ", 1, 0, 0, 0, 0, present or 0, 0, 0, 0, 0)
        body = body[:128].ljust(128, b"\0")
        with open(os.path.join(self.folder, "session"), "wb") as file:
            file.write(body)
        environment = {**os.environ, "COROSCOPE_SESSION": self.folder,
                       "LD_PRELOAD": cs.AGENT, **(env or {})}
        self.result = subprocess.run(argv, env=environment, capture_output=True,
                                     timeout=timeout, text=True, check=False)
        err = self.result.stderr
        self.ending = (f"{os.path.basename(argv[0])} {' '.join(argv[1:])}: exit status",
                       (self.result.returncode, err if self.result.returncode != status else ""),
                       (status, ""))
        self.out = self.result.stdout
        rings = glob.glob(os.path.join(self.folder, "ring.*"))
        self.rings = sorted((Ring(path) for path in rings), key=lambda ring: ring.start)

    @property
    def ring(self):
        return self.rings[0]


class Ring:
    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            self.data = file.read()
        self.stride, self.lane_bytes = struct.unpack_from("<QQ", self.data, 16)
        self.start, = struct.unpack_from("<Q", self.data, 48)
        self.lanes, = struct.unpack_from("<I", self.data, 2176 + 8)
        self.counters = struct.unpack_from("<32Q", self.data, 2240)
        self.refused = self.counters[14]  # coroutines that are not followed
        self.table = Table(path.replace("/ring.", "/coroutines."))
        self.records = [record for lane in range(self.lanes) for record in self.lane(lane)]
        self.created = {r[2]: r for r in self.records if r[0] == "create"}
        self.ended = {r[2]: r for r in self.records if r[0] == "end"}

    def lane(self, index):
        base = 8192 + index * self.stride
        head, = struct.unpack_from("<Q", self.data, base)
        lost, = struct.unpack_from("<Q", self.data, base + 24)
        assert head <= self.lane_bytes and lost == 0, "a lane that is too small for the test"
        at, coroutine, records = 0, 0, []
        while at < head:
            place = base + 4096 + at
            size, kind, arg, stamp = struct.unpack_from("<HHIQ", self.data, place)
            words = struct.unpack_from(f"<{(size - 16) // 8}Q", self.data, place + 16)
            if kind == 3:
                coroutine = 0
            elif kind == 9:
                records.append(("alloc", stamp, coroutine, arg, words[1]))
            elif kind == 17:
                coroutine = words[0]
            elif kind == 18:
                runtime = self.table.text(words[6] & 0xffff)
                records.append(("create", stamp, words[0], runtime, words[1], words[2],
                                words[3], words[6] >> 16 & 0xffff))
            elif kind == 19:
                records.append(("end", stamp, words[0], ENDS[arg], *words[1:4]))
            elif kind == 20:
                records.append(("text", stamp, words[0]))
            elif kind == 21:
                records.append(("switch", stamp, words[0], words[1], arg & 0xff,
                                self.table.text(arg >> 8)))
            elif kind == 22:
                records.append(("wake", stamp, words[0]))
            at += size
        return records

    def switches(self, runtime=None):
        """Into coroutines, of those that live and those that have ended."""
        alive = sum(slot.switches for slot in self.table.coroutines
                    if runtime in (None, slot.runtime))
        ended = sum(end[4] for number, end in self.ended.items()
                    if runtime in (None, self.runtime_of(number)))
        return alive + ended

    def runtime_of(self, number):
        return self.created[number][3] if number in self.created else None

    def count(self, runtime):
        return sum(1 for created in self.created.values() if created[3] == runtime)

    def ends(self, how, runtime=None):
        return sum(1 for end in self.ended.values()
                   if end[3] == how and runtime in (None, self.runtime_of(end[2])))


class Table:
    def __init__(self, path):
        self.slots, self.texts, self.exists = [], [], os.path.exists(path)
        if not self.exists:
            return
        with open(path, "rb") as file:
            data = file.read()
        magic, version = struct.unpack_from("<QI", data, 0)
        assert magic == 0x314c42544f524f43 and version == WIRE_VERSION
        count, texts, self.created, self.ended = struct.unpack_from("<IIQQ", data, 64)
        self.bytes = len(data)
        for i in range(texts + 1):
            self.texts.append(data[128 + 56 * i:][:56].split(b"\0")[0].decode())
        for i in range(count):
            at = 65536 + 192 * i
            (number, turn, context, since, run, wait, tid, reason, kind, _, _, low, high, created,
             spawn, entry, parent, runtime, flags) = struct.unpack_from(
                "<QQQQQQIHBBQQQQQQQHH", data, at)
            if not number:
                continue
            name, labels = data[at + 128:at + 192].split(b"\0")[:2]
            self.slots.append(Slot(number, turn >> 8, STATES[turn & 0xff], context, since, run,
                                   wait, tid, self.text(reason), KINDS[kind], low, high, created,
                                   spawn, entry, parent, self.text(runtime), flags,
                                   name.decode(), labels.decode()))

    def text(self, index):
        return self.texts[index] if index < len(self.texts) else ""

    @property
    def coroutines(self):
        return [slot for slot in self.slots if not slot.flags & THREAD]
