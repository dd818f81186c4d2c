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

# name, file, what the guard is, what is put in its place, the test and the check that must
# notice ("": whichever).
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
     "if (!csa_local_cas(&thread->reserve, position, position + gap + take))\n\t\t\tcontinue;",
     "if (!csa_local_cas(&thread->reserve, position, position + gap + take))\n\t\t\tcontinue;\n"
     "\t\tatomic_store_explicit(&thread->lane->head, thread->reserve, memory_order_release);",
     "trap_killed", ""),
    ("a child of fork is noticed", "agent/core/life.c",
     "bool forked = state == CSA_ON && !atomic_load(csa_agent.alive);", "bool forked = false;",
     "trap_processes", ""),
    ("the moment of a fork is told", "profiler/source/forks.c",
     "found = forks->at[i].books;", ";", "trap_processes", "trap late"),
    ("a ring that shrinks", "profiler/source/guard.c",
     "return sigaction(SIGBUS, &action, NULL) ? -errno : 0;", "return action.sa_flags ? 0 : 0;",
     "trap_hostile", "(cut)"),
    ("records are checked", "profiler/source/lane.c",
     "fault = fault_of(record);", "fault = NULL, (void)fault_of;", "trap_hostile", "(rewrite)"),
    ("the tail lies between records", "profiler/source/lane.c",
     "lane->position - (lane->end - lane->ready),", "lane->position,",
     "trap_killed", "written over"),
    ("a checkpoint is left", "profiler/command/recording.c", ".checkpoints = true,",
     ".checkpoints = false,", "trap_killed", "recovered"),
    ("a live session is known", "profiler/source/note.c",
     "flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;", "fd > 100000;",
     "trap_killed", "clean: never"),
    ("the bound is asked", "profiler/trace/bound.c", "chunks->make_room = ask_for_room;",
     "(void)ask_for_room;", "bounded", "never larger"),
    ("times that were dropped are refused", "profiler/trace/time.c",
     "if (*time_ns < trace->session.kept_from_ns)", "if (0)", "bounded", "refused in words"),
    ("checksums", "profiler/trace/chunk.c",
     "if (cs_crc32c(0, reader->stored.data, reader->stored.size) != head->payload_crc)",
     "if (0)", "damaged_traces", ""),
    ("static programs are refused", "profiler/command/program.c", "if (program->is_static) {",
     "if (program->is_static && program->go) {", "trap_refusals", "static program"),
    ("setuid programs are refused", "profiler/command/program.c",
     "if (program->gains_user || program->gains_group || program->gains_capabilities)",
     "if (0)", "trap_refusals", "setuid program"),
    ("a disk full is told", "profiler/source/collector.c",
     "cs_problems_add(&collector->problems, &diag);\n}\n\n/* Its coroutines",
     "}\n\n/* Its coroutines", "trap_reader", "it is said"),
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


def build():
    result = run(["ninja", "-C", BUILD])
    return "" if result.returncode == 0 else result.stdout[-3000:]


def test(name, words):
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
        error = build()
        if error:
            return f"FAIL {name}: does not build without it:\n{error}"
        seen = test(tested, words)
    finally:
        write(path, original.encode())
    return f"ok   {name}: {tested}: {seen}" if seen else f"FAIL {name}: {tested} did not notice"


def main():
    copy_tree()
    result = run(["cmake", "-S", TREE, "-B", BUILD, "-G", "Ninja",
                  "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DCS_UNIT_TESTS=OFF"])
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
