# SPDX-License-Identifier: Apache-2.0
"""What the integration tests share: running programs bare and under `coroscope record`,
reading reports as JSON, and named checks.

A test calls check(), equal() and same() with a name for each fact and ends with finish();
the names appear in the output, so that "which test guards this?" is answered by grep.
skip() ends the whole test with status 77 and the reason; without() skips one named check.
"""
import atexit
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import ending
from machine import children, free_port, tool, wait_until  # some for tests: cs.tool()

SOURCE_DIR = os.environ.get("SOURCE_DIR") or os.path.realpath(
    os.path.join(os.path.dirname(__file__), "..", ".."))


def _default(name, path):
    if os.environ.get(name):
        return os.environ[name]
    places = [os.path.join(SOURCE_DIR, "build", preset, path) for preset in ("release", "dev")]
    return next(filter(os.path.exists, places), places[0])


COROSCOPE = _default("COROSCOPE", "bin/coroscope")
AGENT = _default("COROSCOPE_AGENT", "lib/coroscope/libcoroscope-agent.so")
TARGETS = _default("TARGETS", "targets")

EXACT = ["--heap=all"]
# For figures that must be exact however busy the machine is: a lane that never fills.
LOSSLESS = ["--heap=all", "--buffer=32MiB"]
SAMPLED = ["--heap=8KiB"]
MODES = {"exact": EXACT, "sampled": SAMPLED}

# ---- named checks ----

_counts = {"ok": 0, "FAIL": 0, "skip": 0}
_trial = None  # outcomes that do not count yet


def _say(outcome, name, detail=""):
    if _trial is not None:
        _trial.append((outcome, name, detail))
        return
    _counts[outcome] += 1
    print(f"{outcome:4} {name}" + (f": {detail}" if detail else ""), flush=True)


def check(name, condition, detail=""):
    """Notes the outcome of the fact NAME; DETAIL is shown when it failed."""
    _say("ok" if condition else "FAIL", name, "" if condition else detail)
    return bool(condition)


def equal(name, got, want):
    return check(name, got == want, f"got {_short(got)}, want {_short(want)}")


def _try(function):
    """The outcomes of FUNCTION's checks; they are not noted."""
    global _trial
    _trial = []
    try:
        function()
    except Exception:  # what is not there yet: no report, no element, nothing to compare
        check("what is compared is there", False, traceback.format_exc()[-600:])
    finally:
        outcomes, _trial = _trial, None
    return outcomes


def _fine(outcomes):
    return all(outcome != "FAIL" for outcome, _, _ in outcomes)


def passes(function):
    """Whether FUNCTION's checks would pass by now."""
    return _fine(_try(function))


def until_ok(function, seconds=60):
    """Calls FUNCTION, whose checks look at what a busy machine may only be on its way to, until
    all of them pass. What the last call found is noted."""
    end = time.monotonic() + seconds
    while True:
        outcomes = _try(function)
        if _fine(outcomes) or time.monotonic() > end:
            break
        time.sleep(0.1)
    for outcome in outcomes:
        _say(*outcome)
    return _fine(outcomes)


def without(name, reason):
    """The fact NAME can't be checked on this machine."""
    _say("skip", name, reason)


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def _sum_up():
    print(f"{_counts['ok']} ok, {_counts['FAIL']} failed, {_counts['skip']} skipped")


def _fail(reason):
    global _trial
    _trial = None
    check("the test comes to its end", False, reason)
    _sum_up()


ending.watch(_fail)


def finish():
    _sum_up()
    if _counts["FAIL"]:
        sys.exit(1)
    sys.exit(77 if _counts["ok"] == 0 else 0)


def _short(value):
    text = repr(value)
    return text if len(text) < 600 else text[:600] + " …"


# ---- signals ----

# Who is started in the background, or by nohup, ignores these, and so would all that it starts.
for _number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)

# ---- files ----

_folder = None


def folder():
    """A folder of this run, removed at its end."""
    global _folder
    if _folder is None:
        _folder = tempfile.mkdtemp(prefix="coroscope-test.")
        atexit.register(shutil.rmtree, _folder, True)
    return _folder


_serial = 0


def path(name):
    """A new path in folder()."""
    global _serial
    _serial += 1
    return os.path.join(folder(), f"{_serial}.{name}")


def target(name):
    """The target program NAME; None when it could not be built here."""
    program = os.path.join(TARGETS, name)
    return program if os.path.exists(program) else None


def need_target(name):
    program = target(name)
    if program is None:
        skip(f"the target program {name} was not built (a library is missing)")
    return program


# ---- running ----

class Result:
    """How a program ended: status as a shell shows it, and its output as text."""

    def __init__(self, status, out, err):
        self.status = 128 - status if status < 0 else status
        self.out = out.decode("utf-8", "replace")
        self.err = err.decode("utf-8", "replace")

    def __repr__(self):
        return f"status {self.status}, stdout {_short(self.out)}, stderr {_short(self.err)}"


def run(argv, timeout=200, env=None, stdin=None, cwd=None, **options):
    """Runs ARGV to its end. A program that hangs is killed, with its group: status 124."""
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                          env=environment(env), cwd=cwd or folder(), start_new_session=True,
                          **options) as process:
        try:
            out, err = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            return Result(124, out, err + b"\n(killed: it hung)")
        return Result(process.returncode, out, err)


def environment(more=None):
    ours = ("LD_PRELOAD", "COROSCOPE_SESSION", "COROSCOPE_DISABLE", "PYTHONPATH")
    return {name: value for name, value in os.environ.items() if name not in ours} | (more or {})


class Recording:
    """A program that ran under `record`: how it ended, and the trace."""

    def __init__(self, result, trace):
        self.result, self.trace = result, trace
        self.status, self.out, self.err = result.status, result.out, result.err


def recorder_bears(library):
    """Whether the recorder itself runs with LIBRARY preloaded: one built with ASan does not."""
    return run([COROSCOPE, "version"], env={"LD_PRELOAD": library}).status == 0


def record_command(argv, options, output):
    return [COROSCOPE, "record", "-o", output, *options, "--", *argv]


def record(argv, options=EXACT, timeout=200, **more):
    output = path(os.path.basename(argv[0]) + ".coro")
    result = run(record_command(argv, options, output), timeout, **more)
    return Recording(result, Trace(output))


class Running:
    """A recorder at work, for tests that do something to it, or ask about its TARGET, which is a
    PID once one of the waits has returned. With WAITS the program gets an input that ends at
    end(): those that wait for it go on then."""

    def __init__(self, argv, options=EXACT, env=None, waits=False, **more):
        self.trace = Trace(path(os.path.basename(argv[0]) + ".coro"))
        self.process = subprocess.Popen(
            record_command(argv, options, self.trace.path), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, stdin=subprocess.PIPE if waits else subprocess.DEVNULL,
            env=environment(env), cwd=folder(), start_new_session=True, **more)
        self.pid = self.process.pid
        self.target = None

    def wait_for_target(self, program, seconds=60):
        """The PID of the recorder's child once it runs PROGRAM."""
        def look():
            for child in children(self.pid):
                try:
                    if os.path.realpath(f"/proc/{child}/exe") == os.path.realpath(program):
                        return child
                except OSError:
                    pass
            return None
        self.target = wait_until(look, seconds)
        return self.target

    def wait_until_ready(self, name):
        """The lines before the one that says "ready"; that it came is the fact NAME."""
        lines = []
        for line in self.process.stdout:
            if line == b"ready\n":
                break
            lines.append(line.decode().rstrip("\n"))
        else:
            check(name, False, f"it ended after {_short(lines)}: {self.end()}")
            finish()
        check(name, True)
        self.target = wait_until(lambda: children(self.pid))[0]
        return lines

    def report(self, command, *options):
        """The JSON of `coroscope COMMAND OPTIONS -p` of the target."""
        return report(command, *options, "-p", str(self.target))

    def end(self, timeout=200):
        """How the recorder ends, or has ended, and all that has not been read yet."""
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            out, err = self.process.communicate()
            return Result(124, out, err + b"\n(killed: it hung)")
        return Result(self.process.returncode, out, err)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except OSError:
            pass
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()
        # What a killed recorder leaves.
        for left in glob.glob(f"/dev/shm/coroscope-{os.geteuid()}/{self.pid}-*"):
            shutil.rmtree(left, True)


# ---- comparing with the bare program ----

def same(name, argv, modes=MODES, clean=lambda text: text, timeout=200, **more):
    """ARGV prints and returns under each mode what it does bare; CLEAN takes out what differs
    in every run. Gives the recordings by mode."""
    bare = run(argv, timeout, **more)
    recordings = {}
    for mode, options in modes.items():
        recording = record(argv, options, timeout, **more)
        label = f"{name} ({mode}): same output and status"
        if recording.status != bare.status:
            check(label, False, f"bare {bare}; recorded {recording.result}")
        else:
            equal(label, clean(recording.out), clean(bare.out))
        recordings[mode] = recording
    return recordings


def without_times(text):
    """For books: the clock differs."""
    return re.sub(r'"mono_ns": \d+', '"mono_ns": 0', text)


# ---- reading traces ----

class ReportError(Exception):
    pass


def report_and_warnings(command, *arguments, timeout=200):
    result = run([COROSCOPE, command, "--json", *arguments], timeout)
    if result.status not in (0, 1):
        raise ReportError(f"{command} {' '.join(arguments)}: {result}")
    return json.loads(result.out), result.err


def report(command, *arguments, timeout=200):
    """The JSON of `coroscope COMMAND ARGUMENTS`."""
    return report_and_warnings(command, *arguments, timeout=timeout)[0]


def by_number(coroutines):
    """In the order in which they were made."""
    return sorted(coroutines, key=lambda one: int(one["id"].split("/")[1]))


class Trace:
    def __init__(self, file):
        self.path = file

    def exists(self):
        return os.path.exists(self.path)

    def report(self, command, *options, at=None, timeout=200):
        """The JSON of `coroscope COMMAND OPTIONS FILE[@AT]`."""
        answer, self.warnings = report_and_warnings(command, *options, self.at(at),
                                                    timeout=timeout)
        return answer

    def at(self, moment):
        return self.path if moment is None else f"{self.path}@{moment}"

    def heap(self, metric="inuse_space", *options, at=None):
        return self.report("heap", "--metric", metric, *options, at=at)

    def total(self, metric="inuse_space", *options, at=None):
        return self.heap(metric, *options, at=at)["total"]

    def sites(self, metric="inuse_space", *options, at=None, prefix="site_"):
        return by_site(self.heap(metric, *options, at=at)["entries"], "value", prefix)

    def fold(self, metric="inuse_space", at=None, *options):
        """The value of each folded stack, by its frames."""
        result = run([COROSCOPE, "fold", "--metric", metric, *options, self.at(at)])
        if result.status != 0:
            raise ReportError(f"fold {self.at(at)}: {result}")
        stacks = {}
        for line in result.out.splitlines():
            stack, value = line.rsplit(" ", 1)
            stacks[stack] = stacks.get(stack, 0) + int(value)
        return stacks


def short_name(function):
    """A function's name without its arguments."""
    return (function or "").split("(", 1)[0].rsplit(" ", 1)[-1]


def from_thread_start(stack):
    """Whether a folded stack goes out to where its thread began: two functions of libc, which
    have names only where libc's debug information is installed."""
    inner = r"libc\.so\.6\+0x[0-9a-f]+"
    return re.match(rf"(_*clone3?|{inner});(start_thread|{inner});", stack) is not None


def site_of(stack, prefix="site_"):
    """The innermost frame's name that starts with PREFIX; None if there is none."""
    for frame in stack:
        name = short_name(frame.get("function"))
        if name.startswith(prefix):
            return name
    return None


def by_site(entries, key, prefix="site_"):
    sums = {}
    for entry in entries:
        name = site_of(entry["stack"], prefix)
        if name is not None:
            sums[name] = sums.get(name, 0) + entry[key]
    return {name: value for name, value in sums.items() if value != 0}


def books(out):
    """The checkpoints that a program printed (tests/targets/books.h)."""
    return [json.loads(line) for line in out.splitlines() if line.startswith('{"checkpoint"')]


BOOK_METRICS = ("inuse_space", "inuse_objects", "alloc_space", "alloc_objects")


def book_sites(checkpoint, metric):
    column = BOOK_METRICS.index(metric)
    return {name: values[column] for name, values in checkpoint["sites"].items()
            if values[column] != 0}


def agree_with_books(name, trace, checkpoint, at=None):
    """Every site has exactly what the program wrote in its own books, in all four metrics."""
    for metric in BOOK_METRICS:
        equal(f"{name}: {metric} by function", trace.sites(metric, at=at),
              book_sites(checkpoint, metric))


def processes(trace):
    """As `info` lists them, the program that was launched first."""
    return trace.report("info")["processes"]


def lost(trace):
    """Events lost, as the trace itself says."""
    return sum(process["lost"] for process in processes(trace))


def of_process(process):
    """The filter for one of processes()."""
    return ["--process", str(process["pid"])]


def started_mono_ns(trace):
    """CLOCK_MONOTONIC at the trace's time 0."""
    wall = trace.report("info")["session"]["wall_start_ns"]
    return wall - (time.time_ns() - time.monotonic_ns())
