# SPDX-License-Identifier: Apache-2.0
"""Every hostile condition is guarded by something in the source and by a test. Here each guard
of guards.py is taken out of a copy of the tree, and its test must fail: else it guards nothing.

    python3 tests/stress/stress_guards.py [NAME...]
"""
import fcntl
import os
import signal
import subprocess
import sys

from guards import GUARDS

SOURCE = os.environ.get("SOURCE_DIR") or os.path.realpath(
    os.path.join(os.path.dirname(__file__), "..", ".."))
TREE = os.path.join(SOURCE, "build", "guards", "tree")
BUILD = os.path.join(SOURCE, "build", "guards", "build")
SANITIZED = os.path.join(SOURCE, "build", "guards", "sanitized")
AGENT = f"{BUILD}/lib/coroscope/libcoroscope-agent.so"
TEST_SECONDS = 400


def run(argv, **more):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **more)


def forget_others(wanted):
    """What has moved in the source must not stay behind: CMake takes what it finds."""
    for folder, _, files in os.walk(TREE):
        for path in (os.path.join(folder, name) for name in files):
            if path not in wanted:
                os.unlink(path)


def copy_tree():
    os.makedirs(TREE, exist_ok=True)
    files = run(["git", "ls-files", "-z"], cwd=SOURCE).stdout.split("\0")
    names = [name for name in files if name and os.path.isfile(os.path.join(SOURCE, name))]
    forget_others({os.path.join(TREE, name) for name in names})
    # Contents alone decide what is built again: rsync would do, but is not always there.
    for name in names:
        with open(os.path.join(SOURCE, name), "rb") as stream:
            write(os.path.join(TREE, name), stream.read())


def read(file):
    with open(os.path.join(TREE, file), encoding="utf-8") as stream:
        return stream.read()


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        with open(path, "rb") as stream:
            if stream.read() == content:
                return
    except OSError:
        pass
    with open(path, "wb") as stream:
        stream.write(content)


def configure(folder, *options):
    result = run(["cmake", "-S", TREE, "-B", folder, "-G", "Ninja", *options])
    if result.returncode != 0:
        sys.exit(result.stdout)


def build(name):
    """Builds what test NAME needs: what went wrong, or nothing."""
    folder = BUILD
    if name.startswith("asan:"):
        folder, name = SANITIZED, name[5:]
        if not os.path.exists(f"{folder}/build.ninja"):
            configure(folder, "-DCMAKE_BUILD_TYPE=Debug", "-DCS_SANITIZE=address,undefined")
    result = run(["ninja", "-C", folder, *needed_by(name)])
    return "" if result.returncode == 0 else result.stdout[-3000:]


def needed_by(name):
    """A unit test is its own target; the others need the programs, and not the unit tests."""
    if name.startswith(("unit/", "fuzz/")):
        return [name]
    if name.startswith("layering/"):
        return [os.path.relpath(AGENT, BUILD)]
    known = run(["ninja", "-C", BUILD, "-t", "targets", "all"]).stdout.splitlines()
    return ["bin/coroscope", os.path.relpath(AGENT, BUILD)] + [
        line.split(":")[0] for line in known if line.startswith("targets/")]


# ---- what a test says; None: it does not notice ----

def unit_test(name, words, folder=BUILD):
    """cmocka says FAILED behind a test's name; one that crashes or hangs has begun last."""
    try:
        result = run([f"{folder}/{name}"], timeout=60, cwd=folder)
    except subprocess.TimeoutExpired as error:
        out = (error.stdout or b"").decode(errors="replace")
        return last_begun("hangs", out, words)
    if result.returncode < 0:
        return last_begun(f"dies of signal {-result.returncode}", result.stdout, words)
    report = sanitizers_report(result.stdout)
    if report:
        return last_begun(report, result.stdout, words)
    failed = [line for line in result.stdout.splitlines() if "FAILED  ]" in line]
    return next((line for line in failed if words in line), None)


def last_begun(how, output, words):
    begun = [line for line in output.splitlines() if "RUN" in line]
    return f"{begun[-1]} {how}" if begun and words in begun[-1] else None


def sanitizers_report(output):
    lines = [line for line in output.splitlines()
             if line.startswith("SUMMARY: ") or "runtime error: " in line]
    return lines[0].split("SUMMARY: ")[-1].split(TREE)[-1] if lines else None


def sanitized_test(name, words):
    """A unit test, or a fuzz target over its corpus and what is made of it."""
    name = name[5:]
    if name.startswith("unit/"):
        return unit_test(name, words, SANITIZED)
    try:
        result = run([f"{SANITIZED}/{name}", f"{TREE}/tests/fuzz/corpus/{name[10:]}"],
                     timeout=300, cwd=SANITIZED)
    except subprocess.TimeoutExpired:
        return "it hangs"
    report = sanitizers_report(result.stdout) or f"status {result.returncode}"
    return report if result.returncode != 0 and words in report else None


def layering_test(name, words):
    rule = name.split("agent-", 1)[1]
    result = run(["python3", f"{TREE}/tests/layering/agent_elf.py", rule, AGENT,
                  f"{TREE}/agent/agent.map"])
    lines = [line.split(": ", 1)[-1] for line in result.stdout.splitlines()]
    return next((line for line in lines if words in line), None) if result.returncode else None


def script(name, words):
    """Ends at the first check that fails in these words: the rest takes time and says no more."""
    environment = dict(os.environ, COROSCOPE=f"{BUILD}/bin/coroscope", COROSCOPE_AGENT=AGENT,
                       TARGETS=f"{BUILD}/targets", SOURCE_DIR=TREE,
                       PYTHONPATH=f"{TREE}/tests/support", PYTHONDONTWRITEBYTECODE="1")
    command = ["timeout", "-s", "INT", "-k", "30", str(TEST_SECONDS), "python3",
               f"{TREE}/tests/integration/test_{name}.py"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          env=environment, cwd=BUILD) as test:
        for line in test.stdout:
            if line.startswith("FAIL") and words in line:
                test.send_signal(signal.SIGINT)
                return line.strip()[:150]
    if test.returncode == 124:
        return "it hangs"
    return None if test.returncode in (0, 77) or words else f"status {test.returncode}"


def test(name, words):
    kinds = {"unit": unit_test, "layering": layering_test, "asan:unit": sanitized_test,
             "asan:fuzz": sanitized_test}
    return kinds.get(name.split("/")[0], script)(name, words)


# ---- one guard ----

def without(guard):
    places = [(guard.file, guard.text, guard.instead), *guard.also]
    originals = {file: read(file) for file, _, _ in places}
    changed = dict(originals)
    for file, text, instead in places:
        if changed[file].count(text) != 1:
            return f"FAIL {guard.name}: {file} has changed, adapt the table"
        changed[file] = changed[file].replace(text, instead)
    try:
        for file, content in changed.items():
            write(os.path.join(TREE, file), content.encode())
        error = build(guard.test)
        if error:
            return f"FAIL {guard.name}: does not build without it:\n{error}"
        seen = test(guard.test, guard.check)
    finally:
        for file, content in originals.items():
            write(os.path.join(TREE, file), content.encode())
    if not seen:
        return f"FAIL {guard.name}: {guard.test} did not notice"
    return f"ok   {guard.name}: {guard.test}: {seen}"


def alone():
    """Two at once would take each other's guards out."""
    os.makedirs(os.path.dirname(TREE), exist_ok=True)
    lock = open(os.path.join(os.path.dirname(TREE), "lock"), "w", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit("another stress_guards.py is at work in this tree")
    return lock


def main():
    lock = alone()  # until we end
    copy_tree()
    configure(BUILD, "-DCMAKE_BUILD_TYPE=RelWithDebInfo")
    wanted = sys.argv[1:]
    unknown = set(wanted) - {guard.name for guard in GUARDS}
    if unknown:
        sys.exit(f"no such guard: {', '.join(sorted(unknown))}")
    failed = 0
    for guard in GUARDS:
        if wanted and guard.name not in wanted:
            continue
        outcome = without(guard)
        print(outcome, flush=True)
        failed += outcome.startswith("FAIL")
    print(f"{failed} failed")
    lock.close()
    sys.exit(1 if failed else 0)


main()
