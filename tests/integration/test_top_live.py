# SPDX-License-Identifier: Apache-2.0
# cs-test: timeout=1200
"""The live view of living targets: native coroutines of several kinds, plain threads, Go; which
process is watched, how often, recordings that are kept, and what comes when a target has ended.
What is compared are counts, states and functions, and never times."""
import json
import os
import re
import signal
import subprocess
import time

import cs
import gotarget
import screen

if not os.path.exists(os.path.join(os.path.dirname(cs.AGENT), "coroscope-top")):
    cs.skip("the viewer was not built: ncurses is not here")

COUNT = 300


def view(script, *target):
    """The screens that SCRIPT saves of TARGET."""
    name = cs.path("script")
    with open(name, "w", encoding="utf-8") as stream:
        stream.write("size 110 40\n" + script)
    return cs.run([cs.COROSCOPE, "top", "--script", name, *target], timeout=200)


def rows(text):
    """The words of each row of a table."""
    return [line.split() for line in text.splitlines() if re.match(r"\s*\d", line)]


# ---- native coroutines, while somebody records them ----

KINDS = {"coro_parked_fiber": "boost-context", "coro_parked_st": "state-threads",
         "coro_parked": "ucontext"}


def parked(program, runtime):
    if cs.target(program) is None:
        cs.without(program, "it was not built: a library is missing")
        return
    trace = cs.path(program + ".coro")
    with subprocess.Popen(cs.record_command([cs.target(program), str(COUNT)], ["--quiet"], trace),
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=cs.environment(),
                          cwd=cs.folder()) as recorder:
        while recorder.stdout.readline() not in (b"ready\n", b""):
            pass
        pid = cs.wait_until(lambda: cs.children(recorder.pid))[0]
        # Where all of them are is known after some looks, later on a busy machine.
        cs.until_ok(lambda: watched(program, runtime, pid, recorder.pid))
        recorder.stdin.close()
        recorder.stdout.read()
        recorder.wait(60)


def watched(program, runtime, pid, recorder):
    result = view("wait 700ms\nsave-screen -\nkey t\nkey f\n"
                  "type state = waiting and function ~ parked_here\nkey enter\n"
                  "save-screen -\nkey 2\nsave-screen -\n", "-p", str(pid))
    pages = result.out.split("coroscope  process ")[1:]
    if not cs.check(f"{program}: three screens", len(pages) == 3, str(result)):
        return
    groups, listed, threads = pages
    cs.check(f"{program}: it is watched as it is recorded",
             groups.startswith(f"{pid} ({program}), recorded by {recorder} ") and
             "live" in groups,
             groups)
    cs.check(f"{program}: the status line says how old the picture is",
             re.search(r"age \d", groups.splitlines()[-1]), groups)
    cs.check(f"{program}: all of them wait",
             re.search(rf"^{COUNT} coroutines .*waiting {COUNT}", groups, re.M), groups)
    cs.equal(f"{program}: groups have all of them, by where they are",
             sum(int(row[0]) for row in rows(groups.partition("\n")[2]) if "parked" in row[-1] or
                 "parked_" in " ".join(row)), COUNT)
    cs.check(f"{program}: a list by state and function",
             f"{COUNT} rows · list · state = waiting" in listed and
             f"{runtime}/" in listed, listed)
    cs.check(f"{program}: its thread", re.search(rf"^\s*{pid} {program[:15]}", threads, re.M),
             threads)


for program_, runtime_ in KINDS.items():
    parked(program_, runtime_)

# ---- a program without coroutines ----

THREADS = ("import threading, time\n"
           "for i in range(3): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
           "time.sleep(60)\n")
# A busy machine takes its time to start them.
WAITS = ("300ms", "2s", "10s", "20s")


def plain_threads(waits, name, program, count):
    result = view(f"key 2\nwait {next(waits, '20s')}\nsave-screen -\nkey 1\nsave-screen -\n", "--",
                  *program)
    threads = result.out.split("\ncoroscope ")[0]
    cs.check(f"{name}: each is a row",
             len(re.findall(rf"^\s*\d+ {os.path.basename(program[0])} ", threads, re.M)) == count,
             str(result))


waits_ = iter(WAITS)
cs.until_ok(lambda: plain_threads(waits_, "plain threads", ["python3", "-c", THREADS], 4))
# Those that only compute have nothing to tell the agent: the kernel knows of them.
silent_ = iter(WAITS[1:])
cs.until_ok(lambda: plain_threads(silent_, "silent threads",
                                  [cs.need_target("cpu_share"), "60000"], 5))

# ---- what is recorded can be chosen ----


def cpu_time(waits):
    result = view(f"key 4\nwait {next(waits, '20s')}\nsave-screen -\n", "--cpu", "--",
                  cs.need_target("cpu_share"), "60000")
    cs.check("--cpu: the stacks have CPU time",
             re.search(r"^cpu  ", result.out, re.M) and "share_four" in result.out, str(result))


if "cannot sample" in cs.run([cs.COROSCOPE, "doctor"]).out:
    cs.without("--cpu", "the kernel takes no samples for us")
else:
    looks_ = iter(WAITS[1:])
    cs.until_ok(lambda: cpu_time(looks_))
result_ = view("save-screen -\n", "--heap=all", "--", cs.need_target("coro_parked"), "1")
cs.check("--heap=all: nothing is said of samples",
         result_.status == 0 and "heap sampled" not in result_.out, str(result_))

# ---- Go ----

TOOLS = gotarget.toolchains()
MANY = TOOLS[-1].build("many", "plain") if TOOLS else None
GOROUTINES = 900
# Those that stay where they are; main.tick is woken every millisecond and goes from group to group.
PARKED = ("main.receive", "main.choose")


def list_of(*options):
    return cs.run([cs.COROSCOPE, "top", *options])


def in_list(pid, key):
    """What the list says of PID, if that has KEY."""
    found = [one for one in json.loads(list_of("--json").out)["processes"] if one["pid"] == pid]
    return found[0] if found and found[0][key] else {}


def go_targets():
    with gotarget.Program([MANY, str(GOROUTINES)]) as target:
        # On a busy machine the time for looking into processes may be over before it is its turn.
        mine = cs.wait_until(lambda: in_list(target.pid, "version"), 60) or \
            in_list(target.pid, "pid")
        cs.check("the list has it, with version and number",
                 mine.get("kind") == "go" and (mine.get("version") or "").startswith("go1.") and
                 (mine.get("coroutines_at_most") or 0) >= GOROUTINES and mine["refusal"] is None and
                 mine["command"].startswith(MANY), json.dumps(mine))
        cs.until_ok(lambda: plain_list(target))
        cs.until_ok(lambda: groups_of(target))
    refused = list_of("--json", "-p", "1")
    cs.check("--json is for the list", refused.status == 2 and "ps --json" in refused.err,
             str(refused))


def plain_list(target):
    plain = list_of()
    cs.check("without a terminal it is a plain list",
             re.search(rf"^ *{target.pid}  \S+ +go ", plain.out, re.M) and plain.status == 0,
             str(plain))


def groups_of(target):
    result = view("wait 700ms\nsave-screen -\nkey 5\nsave-screen -\n", "-p", str(target.pid))
    groups = result.out.split("\ncoroscope ")[0]
    found = {row[-1]: int(row[0].replace(",", "")) for row in rows(groups)}
    cs.equal("Go: three places where they wait, a third each",
             [sum(count for name, count in found.items() if part in name)
              for part in PARKED], [GOROUTINES // 3] * 2)
    cs.equal("Go: nothing has changed since the start, nor over the last minute",
             {tuple(row[1:3]) for row in rows(groups)
              if any(part in row[-1] for part in PARKED)},
             {("0", "0")})
    cs.check("Go: what the runtime says of itself", "go." in result.out, result.out)
    cs.check("Go: the age of the picture", re.search(r"age \d+(\.\d+)? m?s", groups), groups)


def others():
    """What belongs to others is told as such; nobody is asked for more than may be read."""
    if os.geteuid() != 0:
        cs.without("processes of others", "only root can become somebody else")
        return
    with gotarget.Program([MANY, "10"]) as target:
        os.chmod(cs.folder(), 0o755)
        cs.until_ok(lambda: listed_for_nobody(target))


def listed_for_nobody(target):
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    try:
        result = subprocess.run([cs.COROSCOPE, "top", "--json"], capture_output=True, text=True,
                                check=False, cwd="/", env=cs.environment(), **nobody)
    except PermissionError as error:  # the tree is in a home that is closed to others
        cs.without("processes of others", f"nobody can't run it: {error}")
        return
    if result.returncode != 0:
        cs.without("processes of others", f"nobody can't run it: {result.stderr.strip()}")
        return
    entry = {one["pid"]: one for one in json.loads(result.stdout)["processes"]}
    mine = entry.get(target.pid, {})
    cs.check("one that may not be read is listed, with the reason",
             mine.get("kind") is None and "belongs to user 0" in (mine.get("refusal") or ""),
             result.stdout[:600])


def find(pid):
    """Whatever else runs here, the row of PID is selected."""
    screen.keys("/")
    screen.tmux("send-keys", "-t", "t", "-l", str(pid))
    screen.keys("Enter")
    time.sleep(0.3)


def listed(pid):
    """The page with the row of PID, selected, however many others there are; None: it has none."""
    def look():
        find(pid)
        page = screen.screen()
        return page if re.search(rf"{pid} .*go1\.", page) else None
    return cs.wait_until(look)


def chosen():
    """In a terminal: the list, Enter, and back."""
    with gotarget.Program([MANY, str(GOROUTINES)]) as target:
        screen.start(f"{cs.COROSCOPE} top", width=110)
        screen.wait_for("which process")
        cs.check("chooser: it is listed", listed(target.pid), screen.screen())
        screen.keys("Enter")
        page = screen.wait_for(f"(?s)process {target.pid} .*live.*1 coroutines")
        cs.check("chooser: Enter watches it", "1 coroutines" in page and "live" in page, page)
        recording(target)
        screen.keys("o")
        page = screen.wait_for("which process")
        cs.check("chooser: o comes back to it", str(target.pid) in page, page)
        # It ends while the list is read: the list stays, and says why.
        with gotarget.Program([MANY, "3000"]) as short:
            screen.wait_for(str(short.pid))
            find(short.pid)
            lists = parent(screen.viewer())
            os.kill(lists, signal.SIGSTOP)  # it would notice, and list it no more
            cs.wait_until(lambda: state(lists) == "T")
            short.process.kill()
            short.process.wait()
            screen.keys("Enter")
            os.kill(lists, signal.SIGCONT)
            page = screen.wait_for("cannot observe")
            cs.check("chooser: one that has ended is told, and another can be chosen",
                     f"cannot observe {short.pid}" in page and "which process" in page, page)
        screen.keys("q")
        page = screen.wait_for("STATUS=")
        cs.check("chooser: q leaves", "STATUS=0" in page, page)
        screen.end()


def recording(target):
    file = cs.path("kept.coro")
    screen.keys("R")
    screen.wait_for("record from now on, to:")
    screen.tmux("send-keys", "-t", "t", "-l", file)
    screen.keys("Enter")
    page = screen.wait_for("REC ")
    cs.check("a recording is begun, and said to be", "REC" in page.splitlines()[0], page)
    screen.wait_for(r"REC [1-9][0-9.]* s")
    screen.keys("R")
    page = screen.wait_for("recorded [0-9.]+ m?s, from")
    cs.check("and ended", "recorded" in page and "REC" not in page.splitlines()[0] and os.path.exists(file), page)
    state = json.loads(cs.run([cs.COROSCOPE, "ps", "--json", file]).out)
    cs.check("what was recorded is a trace like any other",
             len(state["coroutines"]) >= GOROUTINES and state["processes"][0]["pid"] == target.pid)
    about = cs.run([cs.COROSCOPE, "info", file])
    cs.check("and it is whole, with names of its own", "MISSING" not in about.out and
             about.status == 0 and not about.err, str(about))
    screen.keys("R")
    screen.wait_for("record from now on")
    screen.tmux("send-keys", "-t", "t", "-l", file)
    screen.keys("Enter")
    cs.check("nothing is written over", "there already" in screen.wait_for("there already"))
    screen.keys("-", "-")
    page = screen.wait_for("every 2.0 s")
    cs.check("- asks for fewer looks", "every 2.0 s" in page, page)
    control = [f"/proc/{pid}/cmdline" for pid in os.listdir("/proc") if pid.isdigit()]
    words = next((open(name, encoding="utf-8").read().split("\0") for name in control
                  if is_recorder(name, target.pid)), [])
    steered = words[words.index("--control") + 1] if "--control" in words else ""
    with open(steered or os.devnull, encoding="utf-8") as stream:
        cs.equal("and the recorder is told", stream.read(), "interval 2000ms\n")
    cs.check("so the picture becomes older than it was",
             cs.wait_until(lambda: age_of(screen.screen()) >= 1.0, 60), screen.screen())
    screen.keys("+", "+", "+", "+")
    page = screen.wait_for("every 125 ms")
    cs.check("+ asks for more", "every 125 ms" in page, page)


def state(pid):
    """As /proc has it; X: there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stream:
            return stream.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "X"


def lives(pid):
    """Not so of one that waits for somebody to ask how it ended."""
    return state(pid) not in "ZX"


def parent(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stream:
        return int(stream.read().rsplit(")", 1)[1].split()[1])


def niceness(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stream:
        return int(stream.read().rsplit(")", 1)[1].split()[16])


def age_of(page):
    """Seconds; 0 where none is shown."""
    match = re.search(r"age ([0-9.]+) (m?)s", page)
    return float(match[1]) / (1000 if match[2] else 1) if match else 0


def is_recorder(name, pid):
    try:
        # Others may be called by any bytes.
        with open(name, encoding="utf-8", errors="replace") as stream:
            words = stream.read().split("\0")
    except OSError:
        return False
    return words[:2] == ["coroscope", "record"] and str(pid) in words


def comes_again():
    """A target that ends leaves its last state; what runs the same program then is offered."""
    with gotarget.Program([MANY, "50"]) as first:
        screen.start(f"{cs.COROSCOPE} top -p {first.pid}", width=130)
        screen.wait_for("main.receive")
        first.process.kill()
        first.process.wait()
        page = screen.wait_for("its last state")
        cs.check("its end leaves its last state, and says so",
                 "its last state" in page and "main.receive" in page and
                 "ended" in page.splitlines()[0], page)
        screen.keys("r")
        page = screen.wait_for("no process runs the same")
        cs.check("there is nothing to go on with", "no process runs" in page, page)
        with gotarget.Program([MANY, "70"]) as second:
            screen.keys("Down")
            page = screen.wait_for(f"r watches process {second.pid}")
            cs.check("its successor is offered, and not taken",
                     f"r watches process {second.pid}" in page and
                     f"process {first.pid} " in page, page)
            screen.keys("r")
            page = screen.wait_for(f"process {second.pid} .*live")
            cs.check("r watches it", f"process {second.pid}" in page and "live" in page, page)
            screen.keys("q")
            screen.wait_for("STATUS=0")
        screen.end()
    # It ends at once, and not so the second time.
    again = cs.path("again.sh")
    with open(again, "w", encoding="utf-8") as stream:
        stream.write(f"test -e {again}.twice && exec sleep 60\ntouch {again}.twice\nsleep 0.5\n")
    screen.start(f"{cs.COROSCOPE} top -- sh {again}", width=130)
    page = screen.wait_for("r starts it again")
    cs.check("a launched program can be started again", "r starts it again" in page, page)
    screen.keys("r")
    page = screen.wait_for(r"(?m)^coroscope  (\S*sh|sleep) .*live")
    cs.check("and is", "live" in page, page)
    screen.keys("q")
    screen.wait_for("STATUS=0")
    screen.end()


def killed():
    """Who watches is killed: nobody is left behind, and the next one clears up."""
    with gotarget.Program([MANY, "20"]) as target:
        with subprocess.Popen([cs.COROSCOPE, "top", "--script", script_that_waits(), "-p",
                               str(target.pid)], stdout=subprocess.DEVNULL,
                              env=cs.environment(), cwd=cs.folder()) as command:
            started = cs.wait_until(lambda: len(cs.children(command.pid)) == 2, 60)
            family = cs.children(command.pid)
            cs.check("a view has a recorder and a viewer", started, str(family))
            behind = cs.wait_until(lambda: sorted(map(niceness, family)) ==
                                   [niceness(os.getpid()), min(niceness(os.getpid()) + 5, 19)], 60)
            cs.check("looks stand behind keys and the target", behind,
                     str([niceness(pid) for pid in family]))
            folder = [name for name in os.listdir("/dev/shm")
                      if name.startswith(f"coroscope-top-{command.pid}-")]
            command.kill()
            command.wait()
        gone = cs.wait_until(lambda: not [pid for pid in family if lives(pid)], 60)
        cs.check("when it is killed they end as well", gone, str(family))
        cs.check("the target goes on", target.process.poll() is None)
        view("save-screen -\n", "-p", str(target.pid))
        cs.equal("what it left is taken away by the next one",
                 [name for name in folder if os.path.exists(f"/dev/shm/{name}")], [])


def script_that_waits():
    name = cs.path("waits")
    with open(name, "w", encoding="utf-8") as stream:
        stream.write("size 80 20\nwait 60s\n")
    return name


if MANY is None:
    cs.without("Go targets", "no toolchain is here")
else:
    go_targets()
    others()
    killed()
    if not screen.TMUX:
        cs.without("terminal", "tmux is not installed")
    else:
        try:
            chosen()
            comes_again()
        finally:
            screen.end()
cs.finish()
