# SPDX-License-Identifier: Apache-2.0
"""What all benchmarks share: rounds, rows, and the one table of `./dev bench`.

A benchmark is a script tests/bench/bench_NAME.py (or .sh, which calls a .py for its rows);
`./dev bench NAME` runs it alone. It makes rows, fills them and lets them go:

    row = measure.Row("a switch by swapcontext", "ns", measure.added_at_most(5))
    measure.compare(row, bare=lambda: ns([program]), ours=lambda: ns([*recorded, program]),
                    peer=lambda: ns(["perf", "trace", program]))

compare() runs the variants in turn within each round, the order turning round by round, takes
differences and ratios within the round, and medians and quartiles over the rounds. A variant
returns a number, or one number for each row when compare() gets a list of rows. It raises
Discard("why") when its round must not count (events were lost), PeerDied("why") when the peer
did not survive. peer=None with no_peer="perf is not installed" says that there is none.
Without bare, what is measured is absolute: a rate, bytes, milliseconds.

What was measured elsewhere (a C program with batches of its own) becomes a row by
measure.figure(). Bounds are added_at_most(), times_less() (than the peer adds), less(),
at_most(), at_least(), or a Bound of one's own. `ROUNDS=n` overrides the number of rounds."""
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time

COROSCOPE = os.environ.get("COROSCOPE", "coroscope")
HERE = os.path.dirname(os.path.abspath(__file__))


class Discard(Exception):
    """This round does not count."""


class PeerDied(Exception):
    """The peer did not survive its run."""


# ---- running ----

class Result:
    """What a command printed, its wall seconds, and the CPU seconds of it and its children."""

    def __init__(self, status, out, err, wall, cpu):
        self.status, self.out, self.err, self.wall, self.cpu = status, out, err, wall, cpu


def run(command, env=None, stdin=None, timeout=300, may_fail=False, **options):
    """Runs COMMAND to its end; it must end with status 0 unless it MAY_FAIL."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    result = subprocess.run(command, env={**os.environ, **(env or {})}, input=stdin,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                            timeout=timeout, **options)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    out, err = (text.decode(errors="replace") for text in (result.stdout, result.stderr))
    if result.returncode != 0 and not may_fail:
        words = " ".join(str(word) for word in command[:4])
        raise RuntimeError(f"{words} … ended with {result.returncode}: {err}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Result(result.returncode, out, err, wall, cpu)


def compile_program(folder, source, *flags, name=None):
    """Compiles tests/bench/SOURCE into FOLDER; the program's path."""
    path = os.path.join(folder, name or os.path.splitext(source)[0])
    subprocess.run([os.environ.get("CC", "cc"), "-O2", os.path.join(HERE, source), "-o", path,
                    *flags], check=True)
    return path


def record(trace, heap, program, *options):
    """The command that records PROGRAM (a list) into TRACE."""
    return [COROSCOPE, "record", "--quiet", f"--heap={heap}", *options, "-o", trace, "--",
            *program]


def info(trace):
    return json.loads(run([COROSCOPE, "info", "--json", trace]).out)


def lossless(trace):
    """Events in TRACE; the round does not count if any was lost."""
    processes = info(trace)["processes"]
    lost = sum(process["lost"] for process in processes)
    if lost:
        raise Discard(f"{lost} events were lost")
    return sum(process["events"] for process in processes)


def say(text):
    print(text, file=sys.stderr, flush=True)


# ---- bounds ----

class Bound:
    """TEXT for the table, and HOLDS(row) for the verdict. MORE: larger figures are better."""

    def __init__(self, text, holds, needs_peer=False, more=False):
        self.text, self.holds, self.needs_peer, self.more = text, holds, needs_peer, more


def added_at_most(value):
    return Bound(f"at most +{value:g}", lambda row: row.middle() <= value)


def times_less(times):
    """What we add is that many times less than what the peer adds."""
    return Bound(f"peer/ours at least {times:g}", lambda row: row.ratio() >= times,
                 needs_peer=True)


def less():
    return Bound("less than the peer", lambda row: row.ratio() > 1, needs_peer=True)


def at_most(value, more=""):
    return Bound(f"at most {value:g}{more}", lambda row: row.middle() <= value)


def at_least(value, more=""):
    return Bound(f"at least {value:g}{more}", lambda row: row.middle() >= value, more=True)


# ---- rows ----

def quartiles(values):
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


class Row:
    """One line of the table. OURS and PEER are what they add to BARE, round by round; without
    BARE they are absolute. FASTEST: what the fastest round of ours took longer than the
    fastest bare, a hint where the spread is larger than the figure."""

    def __init__(self, name, unit, bound):
        self.name, self.unit, self.bound = name, unit, bound
        self.bare, self.ours, self.peer, self.notes = [], [], [], []
        self.totals, self.peer_died = [], False

    def add(self, bare, ours, peer):
        if bare is not None:
            self.bare.append(bare)
        self.totals.append(ours)
        self.ours.append(ours - (bare or 0))
        if peer is not None:
            self.peer.append(peer - (bare or 0))

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def middle(self):
        return statistics.median(self.ours)

    def ratio(self):
        """How many times better than the peer; rounds in which we added nothing: very much."""
        pairs = [(a, b) if not self.bound.more else (b, a)
                 for a, b in zip(self.peer, self.ours)]
        return statistics.median(max(a, 0) / b if b > 0 else float("inf") for a, b in pairs)

    def verdict(self):
        if not self.ours:
            return "not measured"
        if self.bound.needs_peer and not self.peer:
            return "no peer"
        return "reached" if self.bound.holds(self) else "missed"

    def to_json(self):
        result = {"workload": self.name, "unit": self.unit, "bound": self.bound.text,
                  "verdict": self.verdict(), "notes": self.notes, "rounds": len(self.ours),
                  "added": bool(self.bare), "peer_died": self.peer_died,
                  **dict.fromkeys(("bare", "ours", "fastest", "low", "high", "peer", "ratio"))}
        if self.ours:
            low, high = quartiles(self.ours)
            result.update(ours=self.middle(), low=low, high=high)
        if self.bare:
            result["bare"] = statistics.median(self.bare)
            result["fastest"] = min(self.totals) - min(self.bare)
        if self.peer:
            ratio = self.ratio()
            result.update(peer=statistics.median(self.peer),
                          ratio=ratio if ratio != float("inf") else 1e9)
        return result


_done = []


def finish(row):
    """ROW is complete: it goes into the table. What was measured stays if a later row fails."""
    _done.append(row)
    line = cells(row.to_json())
    say("  " + "  ".join(f"{name} {cell}" if name not in ("workload", "verdict") else cell
                         for name, cell in zip(HEAD, line) if cell != "-"))
    folder = os.environ.get("BENCH_OUT")
    if folder:
        name = os.path.splitext(os.path.basename(sys.argv[0]))[0]
        with open(os.path.join(folder, name + ".rows"), "w", encoding="utf-8") as file:
            json.dump([row.to_json() for row in _done], file, indent=1)


def figure(name, unit, ours, bound, bare=None, peer=None, notes=()):
    """A row of what was measured elsewhere: OURS (and PEER) a number or a list of them."""
    row = Row(name, unit, bound)
    listed = [value if isinstance(value, (list, tuple)) else [value]
              for value in (bare, ours, peer)]
    for i, value in enumerate(listed[1]):
        row.add(listed[0][i % len(listed[0])], value, listed[2][i % len(listed[2])])
    for note in notes:
        row.note(note)
    finish(row)
    return row


def _round(variants, order):
    values = {}
    for name in order:
        if variants[name] is None:
            continue
        try:
            value = variants[name]()
            values[name] = value if isinstance(value, (list, tuple)) else [value]
        except PeerDied as died:
            values[name] = died
    return values


def wanted_rounds(usual=5):
    return int(os.environ.get("ROUNDS", usual))


def compare(rows, ours, bare=None, peer=None, no_peer=None, rounds=5):
    """Fills ROWS (one or a list) round by round and finishes them."""
    rows = rows if isinstance(rows, (list, tuple)) else [rows]
    variants = {"bare": bare, "ours": ours, "peer": peer}
    for number in range(wanted_rounds(rounds)):
        try:
            values = _round(variants, list(variants)[::-1 if number % 2 else 1])
        except Discard as reason:
            rows[0].note(f"a round does not count: {reason}")
            continue
        if isinstance(values.get("peer"), PeerDied):
            no_peer, variants["peer"] = f"the peer died: {values.pop('peer')}", None
            for row in rows:
                row.peer_died = True
        for i, row in enumerate(rows):
            row.add(*(values[name][i] if name in values else None for name in variants))
    for row in rows:
        if no_peer and not row.peer:
            row.note(no_peer)
        finish(row)


# ---- the table ----

HEAD = ["workload", "bare", "ours", "peer", "ratio", "spread", "bound", "verdict"]


def number(value):
    if value is None:
        return "-"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value == int(value) else f"{value:.{1 if size >= 10 else 2}f}"


def cells(row):
    sign = "+" if row["added"] else ""
    signed = lambda value: "-" if value is None else (sign if value >= 0 else "") + number(value)
    ratio = row["ratio"]
    spread = (f"{number(row['low'])} … {number(row['high'])}"
              if row["rounds"] > 1 and row["low"] != row["high"] else "-")
    return [row["workload"],
            "-" if row["bare"] is None else f"{number(row['bare'])} {row['unit']}",
            "-" if row["ours"] is None else f"{signed(row['ours'])} {row['unit']}",
            "died" if row["peer_died"] and row["peer"] is None else signed(row["peer"]),
            "-" if ratio is None else "more" if ratio >= 1e6 else f"{ratio:.1f}",
            spread, row["bound"], row["verdict"]]


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo")
                  if line.startswith("model name")), "unknown processor")
    system = next((line.split("=", 1)[1].strip().strip('"') for line in open("/etc/os-release")
                   if line.startswith("PRETTY_NAME=")), "unknown system")
    return (f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, {system}, "
            f"load {os.getloadavg()[0]:.1f}")


def as_text(rows):
    table = [HEAD] + [cells(row) for row in rows]
    widths = [max(len(line[i]) for line in table) for i in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
             for line in table]
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines + notes(rows))


def as_markdown(rows):
    table = [HEAD, ["---"] * len(HEAD)] + [cells(row) for row in rows]
    return "\n".join(["| " + " | ".join(line) + " |" for line in table] + [""] +
                     ["* " + line for line in notes(rows)])


def notes(rows):
    lines = [f"{row['workload']}: {note}" for row in rows for note in row["notes"]]
    wide = [row for row in rows if row["bare"] and row["high"] - row["low"] > abs(row["ours"])]
    return lines + [f"{row['workload']}: the spread is larger than the figure; fastest of "
                    f"{row['rounds']} rounds, ours less bare: {row['fastest']:+.1f} {row['unit']}"
                    for row in wide]


def main(folder):
    """The rows that the benchmarks of this run left in FOLDER, as one table."""
    rows = []
    for name in sorted(os.listdir(folder)):
        if name.endswith(".rows"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                rows += json.load(file)
    date = time.strftime("%Y-%m-%d")
    with open(os.path.join(folder, "table.json"), "w", encoding="utf-8") as file:
        json.dump({"date": date, "machine": machine(), "rows": rows}, file, indent=1)
    with open(os.path.join(folder, "table.md"), "w", encoding="utf-8") as file:
        file.write(f"{date}, {machine()}\n\n{as_markdown(rows)}\n")
    print(f"{date}, {machine()}\n\n{as_text(rows)}")
    counts = {}
    for row in rows:
        counts[row["verdict"]] = counts.get(row["verdict"], 0) + 1
    print("\n" + ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))


def tool(name):
    """The program NAME, or None where it is not installed."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


if __name__ == "__main__":
    main(sys.argv[1])
