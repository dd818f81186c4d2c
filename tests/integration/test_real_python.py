# SPDX-License-Identifier: Apache-2.0
# cs-test: release-only timeout=1800
"""python3 runs its own regression tests, with its allocator and with PYTHONMALLOC=malloc."""
import re
import shutil

import cs

TESTS = ["test.test_json", "test.test_asyncio.test_queues", "test.test_asyncio.test_locks",
         "test.test_asyncio.test_streams", "test.test_asyncio.test_futures",
         "test.test_asyncio.test_runners", "test.test_asyncio.test_unix_events"]
BOTH = {"exact": [*cs.LOSSLESS, "--quiet"], "sampled": ["--heap", "--quiet"]}


def interpreters():
    for candidate in ("/usr/bin/python3", shutil.which("python3")):
        if candidate:
            found = cs.run([candidate, "-c", "import sys; print(sys.executable)"]).out.strip()
            if found:
                yield found


def with_tests():
    for python in interpreters():
        if cs.run([python, "-c", "import test.test_json, test.test_asyncio"]).status == 0:
            return python
    return None


def verdict(result):
    """How many tests ran, and how they ended; the times differ."""
    ran = re.search(r"Ran (\d+) tests?", result.err)
    end = result.err.strip().splitlines()[-1] if result.err.strip() else ""
    return ran and int(ran.group(1)), end, result.status


def again(run, fits):
    """The first of three that fits, or the last."""
    for _ in range(3):
        result = run()
        if fits(result):
            break
    return result


def own_tests():
    python = with_tests()
    if python is None:
        cs.without("python3: its own tests", "no python3 here has its test package")
        return
    argv = [python, "-m", "unittest", "-q", *TESTS]
    # Some of them have times of their own, which a busy machine does not keep: once more, then.
    bare = again(lambda: verdict(cs.run(argv, timeout=250)), lambda one: one[2] == 0)
    if bare[2] != 0:
        cs.without("python3: its own tests", f"they do not pass bare: {bare}")
        return
    for mode, options in BOTH.items():
        got = again(lambda: verdict(cs.record(argv, options, timeout=250).result),
                    lambda one: one == bare)
        cs.equal(f"python3: its own tests ({mode})", got, bare)


def malloc_for_every_object():
    python = next(interpreters())
    program = ("import json, sys\n"
               "data = [{'number': i, 'text': 'x' * (i % 50), 'list': list(range(i % 20))}"
               " for i in range(8000)]\n"
               "text = json.dumps(data)\n"
               "again = json.loads(text)\n"
               "print(len(text), again == data, sys.gettrace())\n")
    recordings = cs.same("python3 with PYTHONMALLOC=malloc", [python, "-c", program], BOTH,
                         env={"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"}, timeout=250)
    trace = recordings["exact"].trace
    events = cs.processes(trace)[0]["events"]
    cs.check("python3 with PYTHONMALLOC=malloc: next to nothing is lost on a busy machine",
             cs.lost(trace) <= events * 1e-4, f"{cs.lost(trace)} of {events}")
    cs.check("python3 with PYTHONMALLOC=malloc: its objects are seen",
             trace.total("alloc_objects") > 100000, trace.total("alloc_objects"))


own_tests()
malloc_for_every_object()
cs.finish()
