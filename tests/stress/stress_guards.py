# SPDX-License-Identifier: Apache-2.0
"""Every hostile condition is guarded by something in the source and by a test. Here each guard
is taken out of a copy of the tree, and its test must fail: else it guards nothing.

    python3 tests/stress/stress_guards.py [NAME...]
"""
import os
import subprocess
import sys

SOURCE = os.environ.get("SOURCE_DIR") or os.path.realpath(
    os.path.join(os.path.dirname(__file__), "..", ".."))
TREE = os.path.join(SOURCE, "build", "guards", "tree")
BUILD = os.path.join(SOURCE, "build", "guards", "build")

# name, file, what the guard is, what is put in its place, the test (of tests/integration, or
# unit/... of tests/unit) and the check that must notice ("": whichever).
GUARDS = [
    ("bounded waits", "agent/core/lane.c",
     "return atomic_fetch_add(&csa_agent.stalled_ns, ns) + ns <= CS_WAIT_STALLED_NS;",
     "return ns > 0;", "trap_killed", "the program ends"),
    ("one wait ends", "agent/core/lane.c",
     "wait.ns + wait.late_ns <= CS_WAIT_ONE_NS - WAIT_NAP_MAX_NS &&", "",
     "trap_reader", "no wait exceeds"),
    ("losses are counted", "agent/core/lane.c", "csa_lane_add(&thread->lane->lost, 1);", ";",
     "trap_reader", "emitted = delivered + lost"),
    ("space is reserved", "agent/core/lane.c",
     "long error = csa_sys4(SYS_fallocate, fd, 0, offset, bytes);",
     "long error = csa_sys2(SYS_ftruncate, fd, offset + bytes);",
     "trap_reader", "disk-full for the rings"),
    ("records are published whole", "agent/core/lane.c",
     "if (*depth > 1) {\n", "if (*depth > 1) {\n\t\tpublish(thread);\n",
     "unit/agent/core/test_lane", "successors_are_not"),
    ("a child of fork is noticed", "agent/core/life.c",
     "bool forked = state == CSA_ON && !atomic_load(csa_agent.alive);", "bool forked = false;",
     "trap_processes", ""),
    ("the moment of a fork is told", "profiler/source/forks.c",
     "found = forks->at[i].books;", ";", "trap_processes", "trap late"),
    ("a ring that shrinks", "profiler/source/guard.c",
     "return sigaction(SIGBUS, &action, NULL) ? -errno : 0;", "return action.sa_flags ? 0 : 0;",
     "trap_hostile", "(cut)"),
    ("records are checked", "profiler/source/lane.c",
     "fault = fault_of(record);", "fault = NULL, (void)fault_of;",
     "unit/profiler/source/test_ring", "what_does_not_hold_is_damage"),
    ("the tail lies between records", "profiler/source/lane.c",
     "lane->position - (lane->end - lane->ready),", "lane->position,",
     "unit/profiler/source/test_ring", "the_tail_is_at_a_record"),
    ("a checkpoint is left", "profiler/command/recording.c", ".checkpoints = true,",
     ".checkpoints = false,", "trap_killed", "recovered"),
    ("a live session is known", "profiler/source/note.c",
     "flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;", "fd > 100000;",
     "trap_killed", "list: a session at work"),
    ("the bound is asked", "profiler/trace/bound.c", "chunks->make_room = ask_for_room;",
     "(void)ask_for_room;", "bounded", "never larger"),
    ("times that were dropped are refused", "profiler/trace/time.c",
     "if (*time_ns < trace->session.kept_from_ns)", "if (0)", "bounded", "refused in words"),
    ("checksums", "profiler/trace/chunk.c",
     "if (cs_crc32c(0, reader->stored.data, reader->stored.size) != head->payload_crc)",
     "if (0)", "damaged_traces", "flipped bits"),
    ("static programs are refused", "profiler/command/program.c", "if (program->is_static) {",
     "if (program->is_static && program->go) {", "trap_refusals", "static program"),
    ("setuid programs are refused", "profiler/command/program.c",
     "if (program->gains_user || program->gains_group || program->gains_capabilities)",
     "if (0)", "trap_refusals", "setuid program"),
    ("a disk full is told", "profiler/source/collector.c",
     "cs_problems_add(&collector->problems, &diag);\n}\n\n/* Its coroutines",
     "}\n\n/* Its coroutines", "trap_reader", "it is said"),
    ("a free is told before it is done", "agent/heap/hook.c",
     "csa_record_free(block, CS_RECORD_FREE);\n\tcsa_real.free(block);\n}",
     "csa_real.free(block);\n\tcsa_record_free(block, CS_RECORD_FREE);\n}",
     "exact_books", "race"),
    ("the kernel wipes the sentinel", "agent/core/life.c",
     "csa_sys3(SYS_madvise, page, PAGE, MADV_WIPEONFORK_) != 0", "MADV_WIPEONFORK_ == 0",
     "trap_processes", "trap fork: every process"),
    ("fields end with their record", "profiler/base/bytes.c",
     "if (size > cs_cursor_left(cursor)) {", "if (size > UINT32_MAX) {",
     "unit/profiler/base/test_base", "a_failed_cursor_stays_failed"),
    ("a layout is tried", "profiler/go/trial.c",
     "if (tried && fitted * 100 >= tried * 99 && started)", "if (1)", "go_hostile",
     "that says it is"),
]


def run(argv, **more):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **more)


def copy_tree():
    os.makedirs(TREE, exist_ok=True)
    files = run(["git", "ls-files", "-z"], cwd=SOURCE).stdout.split("\0")
    names = [name for name in files if name and os.path.isfile(os.path.join(SOURCE, name))]
    # Contents alone decide what is built again: rsync would do, but is not always there.
    for name in names:
        with open(os.path.join(SOURCE, name), "rb") as stream:
            write(os.path.join(TREE, name), stream.read())


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


def build(*targets):
    result = run(["ninja", "-C", BUILD, *targets])
    return "" if result.returncode == 0 else result.stdout[-3000:]


def needed_by(name):
    """A unit test is its own target; the others need the programs, and not the unit tests."""
    if name.startswith("unit/"):
        return [name]
    known = run(["ninja", "-C", BUILD, "-t", "targets", "all"]).stdout.splitlines()
    return ["bin/coroscope", "lib/coroscope/libcoroscope-agent.so"] + [
        line.split(":")[0] for line in known if line.startswith("targets/")]


def unit_test(name, words):
    """cmocka says FAILED behind a test's name; one that crashes or hangs has begun last."""
    try:
        result = run([f"{BUILD}/{name}"], timeout=60, cwd=BUILD)
    except subprocess.TimeoutExpired as error:
        out = (error.stdout or b"").decode(errors="replace")
        return last_begun("hangs", out, words)
    if result.returncode < 0:
        return last_begun(f"dies of signal {-result.returncode}", result.stdout, words)
    failed = [line for line in result.stdout.splitlines() if "FAILED  ]" in line]
    return next((line for line in failed if words in line), None)


def last_begun(how, output, words):
    begun = [line for line in output.splitlines() if "RUN" in line]
    return f"{begun[-1]} {how}" if begun and words in begun[-1] else None


def test(name, words):
    if name.startswith("unit/"):
        return unit_test(name, words)
    environment = dict(os.environ, COROSCOPE=f"{BUILD}/bin/coroscope",
                       COROSCOPE_AGENT=f"{BUILD}/lib/coroscope/libcoroscope-agent.so",
                       TARGETS=f"{BUILD}/targets", SOURCE_DIR=TREE,
                       PYTHONPATH=f"{TREE}/tests/support", PYTHONDONTWRITEBYTECODE="1")
    script = f"{TREE}/tests/integration/test_{name}.py"
    try:
        result = run(["python3", script], env=environment, timeout=400, cwd=BUILD)
    except subprocess.TimeoutExpired:
        return "it hangs"
    failed = [line for line in result.stdout.splitlines() if line.startswith("FAIL")]
    if result.returncode in (0, 77):
        return None
    if not failed:
        return f"status {result.returncode}"
    return next((line[:150] for line in failed if words in line), None)


def without(guard):
    name, file, text, instead, tested, words = guard
    path = os.path.join(TREE, file)
    with open(path, encoding="utf-8") as stream:
        original = stream.read()
    if original.count(text) != 1:
        return f"FAIL {name}: {file} has changed, adapt the table"
    try:
        write(path, original.replace(text, instead).encode())
        error = build(*needed_by(tested))
        if error:
            return f"FAIL {name}: does not build without it:\n{error}"
        seen = test(tested, words)
    finally:
        write(path, original.encode())
    return f"ok   {name}: {tested}: {seen}" if seen else f"FAIL {name}: {tested} did not notice"


def main():
    copy_tree()
    result = run(["cmake", "-S", TREE, "-B", BUILD, "-G", "Ninja",
                  "-DCMAKE_BUILD_TYPE=RelWithDebInfo"])
    if result.returncode != 0:
        sys.exit(result.stdout)
    failed = 0
    for guard in GUARDS:
        if len(sys.argv) > 1 and guard[0] not in sys.argv[1:]:
            continue
        outcome = without(guard)
        print(outcome, flush=True)
        failed += outcome.startswith("FAIL")
    print(f"{failed} failed")
    sys.exit(1 if failed else 0)


main()
