# SPDX-License-Identifier: Apache-2.0
# cs-test: release-only timeout=300
"""python3 runs its own regression tests, with its allocator and with PYTHONMALLOC=malloc."""
import re
import shutil

import cs

TESTS = ["test.test_json", "test.test_asyncio.test_queues", "test.test_asyncio.test_locks",
         "test.test_asyncio.test_streams", "test.test_asyncio.test_futures",
         "test.test_asyncio.test_runners", "test.test_asyncio.test_unix_events"]
BOTH = {"exact": ["--heap=all", "--quiet"], "sampled": ["--heap", "--quiet"]}


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


def own_tests():
    python = with_tests()
    if python is None:
        cs.without("python3: its own tests", "no python3 here has its test package")
        return
    argv = [python, "-m", "unittest", "-q", *TESTS]
    bare = verdict(cs.run(argv, timeout=100))
    cs.check("python3: its own tests pass bare", bare[2] == 0, bare)
    for mode, options in BOTH.items():
        recording = cs.record(argv, options, timeout=150)
        cs.equal(f"python3: its own tests ({mode})", verdict(recording.result), bare)


def malloc_for_every_object():
    python = next(interpreters())
    program = ("import json, sys\n"
               "data = [{'number': i, 'text': 'x' * (i % 50), 'list': list(range(i % 20))}"
               " for i in range(8000)]\n"
               "text = json.dumps(data)\n"
               "again = json.loads(text)\n"
               "print(len(text), again == data, sys.gettrace())\n")
    recordings = cs.same("python3 with PYTHONMALLOC=malloc", [python, "-c", program], BOTH,
                         env={"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"}, timeout=100)
    trace = recordings["exact"].trace
    events = cs.processes(trace)[0]["events"]
    cs.check("python3 with PYTHONMALLOC=malloc: next to nothing is lost on a busy machine",
             cs.lost(trace) <= events * 1e-4, f"{cs.lost(trace)} of {events}")
    cs.check("python3 with PYTHONMALLOC=malloc: its objects are seen",
             trace.total("alloc_objects") > 100000, trace.total("alloc_objects"))


own_tests()
malloc_for_every_object()
cs.finish()
