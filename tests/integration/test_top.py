# SPDX-License-Identifier: Apache-2.0
# cs-test: timeout=600
"""The live view: scripts on recorded and live targets, a real terminal, and what must not hurt it."""
import json
import os
import re
import signal
import time

import cs
from screen import TMUX, end, start, tmux, viewer, wait_for

PROGRAM = ["python3", "-c", """
import sys, time
kept = [bytes(200000) for i in range(100)]
print("ready", flush=True)
time.sleep(1.2)
more = [bytes(200000) for i in range(200)]
del more
time.sleep(0.5)
"""]

if not os.path.exists(os.path.join(os.path.dirname(cs.AGENT), "coroscope-top")):
    cs.skip("the viewer was not built: ncurses is not here")


def top(*words, script=None, **more):
    if script is not None:
        name = cs.path("script")
        with open(name, "w", encoding="utf-8") as stream:
            stream.write(script)
        words = ("--script", name, *words)
    return cs.run([cs.COROSCOPE, "top", *words], **more)


def has(name, result, *parts):
    missing = [part for part in parts if part not in result.out]
    cs.check(name, result.status == 0 and not missing, f"missing {missing}: {result}")


def folders():
    return {name for name in os.listdir("/dev/shm") if name.startswith("coroscope-top-")}


BEFORE = folders()


def is_gone(folder):
    return not os.path.exists("/proc/" + folder.split("-")[2])


def leftovers():
    """Of views that have ended: others may be at work meanwhile. What another test leaves when
    it kills a view is taken away soon, by its own next view."""
    def look():
        return sorted(name for name in folders() - BEFORE if is_gone(name))
    cs.wait_until(lambda: not look(), 60)
    return look()


# ---- a recorded trace ----

trace = cs.path("app.coro")
cs.run([cs.COROSCOPE, "record", "--quiet", "--heap=64KiB", "-o", trace, "--", *PROGRAM])

VIEWS = ["coroutines", "threads", "heap", "stacks", "scheduler", "timeline"]
for view in VIEWS:
    result = top("--batch", "--view", view, "--size", "100x20", trace)
    lines = result.out.split("\n")
    has(f"batch: {view}", result, "coroscope", *VIEWS)
    cs.check(f"batch: {view} is as large as was asked",
             len(lines) == 21 and max(map(len, lines)) <= 100, result.out)

result = top("--batch", f"{trace}@1s")
has("FILE@TIME: the view begins there", result, f"{trace}@1s", "before the end")
result = top("--batch", f"{trace}@peek")
cs.check("FILE@TIME: no such time", result.status == 2 and "peek" in result.err, str(result))
result = top("--batch", trace + ".missing.coro")
cs.check("a trace that is not there is no program",
         result.status == 2 and "no such file" in result.err, str(result))

result = top("--batch", "--view", "heap", trace)
total = cs.run([cs.COROSCOPE, "heap", "-n", "1", trace]).out.split("\n")[0]
figure = re.match(r"total (\S+ \S+)", total).group(1)
has("the view's total is that of the report", result, f"\nbytes in use  {figure}  (95 %")

result = top(trace, script="""size 100 20
key 3
action peak
save-screen -
key m
action end
save-screen -
key ]
key ? ?
key f
type function ~ nothing_like_this
key enter
save-screen -
key c
key f
type colour = red
key enter
save-screen -
""")
has("time travel: to the peak, and a mark to compare with", result, "the peak of the heap, at",
    "since the mark", "mark ")
has("filters: nothing passes, and a wrong one is told", result, "nothing passes the filter",
    "understand the filter: there is no field")

saved = cs.path("shown.folded")
result = top(trace, script=f"size 80 20\nkey 4\nkey s\ntype {saved}\nkey enter\nsave-screen -\n")
has("what is shown can be saved", result, "saved to")
folded = open(saved, encoding="utf-8").read().split("\n")[:-1]
fold = cs.run([cs.COROSCOPE, "fold", trace]).out.split("\n")[:-1]
cs.equal("as folded stacks it is what fold writes", sum(int(x.rsplit(" ", 1)[1]) for x in folded),
         sum(int(x.rsplit(" ", 1)[1]) for x in fold))

result = top(trace, script="size 80 20\nkey nokey\n")
cs.check("a wrong script is told with its line", result.status == 2 and
         "line 2: there is no key 'nokey'" in result.err, str(result))

# ---- live ----

result = top("--", *PROGRAM, script="""size 100 20
key 3
save-screen -
wait-end 60s
save-screen -
""")
has("live: a launched program is watched, and its end leaves the last state", result, "live  ",
    "the target has ended: this is its last state")
cs.equal("live: nothing is left behind", leftovers(), [])

result = top("--batch", "--", "/nonexistent/program")
cs.check("live: why a program can't be started", result.status == 2 and
         "cannot start /nonexistent/program" in result.err, str(result))
result = top("--batch", "-p", "999999999")
cs.check("live: there is no such process", result.status == 2 and "999999999" in result.err,
         str(result))
result = top(trace)
cs.check("no terminal: said, with the way out", result.status == 2 and
         "is not a terminal" in result.err and "coroscope ps" in result.err, str(result))
cs.equal("nothing is left behind after failures", leftovers(), [])

# ---- a real terminal ----

if not TMUX:
    cs.without("terminal", "tmux is not installed")
    cs.finish()

command = f"{cs.COROSCOPE} top {trace}"
try:
    start(command, LC_ALL="C.UTF-8")
    screen = wait_for("1 coroutines")
    cs.check("terminal: the view appears", "6 timeline" in screen, screen)
    tmux("send-keys", "-t", "t", "3")
    screen = wait_for("bytes in use")
    cs.check("terminal: keys choose views", "VALUE" in screen, screen)
    tmux("resize-window", "-t", "t", "-x", "60", "-y", "10")
    screen = wait_for("(?s)coroscope.*heap")
    cs.check("terminal: it follows a resize", max(map(len, screen.split("\n"))) <= 60 and
             "VALUE" in wait_for("VALUE"), screen)
    tmux("resize-window", "-t", "t", "-x", "20", "-y", "5")
    time.sleep(0.3)
    tmux("resize-window", "-t", "t", "-x", "100", "-y", "24")
    screen = wait_for("6 timeline")
    cs.check("terminal: a tiny one is survived", "6 timeline" in screen, screen)
    tmux("send-keys", "-t", "t", "q")
    screen = wait_for("STATUS=")
    cs.check("terminal: q gives it back", "STATUS=0" in screen and "timeline" not in screen, screen)
    end()

    # As a terminal reports clicks and its wheel: on a tab, on the head of a column, on a row.
    start(command, LC_ALL="C.UTF-8", TERM="xterm-256color")
    wait_for("6 timeline")
    tmux("send-keys", "-t", "t", "-l", "\033[<0;31;2M\033[<0;31;2m")
    screen = wait_for("bytes in use")
    cs.check("mouse: a click on a tab shows its view", "bytes in use" in screen, screen)
    time.sleep(0.4)
    tmux("send-keys", "-t", "t", "-l", "\033[<0;40;4M\033[<0;40;4m")
    screen = wait_for("OBJECTS▼")
    cs.check("mouse: a click on a head sorts by it", "OBJECTS▼" in screen, screen)
    # The help is longer than this screen: the wheel scrolls it.
    tmux("send-keys", "-t", "t", "?")
    wait_for("one row up")
    tmux("send-keys", "-t", "t", "-l", "\033[<65;40;8M" * 2)
    screen = cs.wait_until(lambda: "one row up" not in tmux("capture-pane", "-p", "-t", "t") and
                           tmux("capture-pane", "-p", "-t", "t"), 20)
    cs.check("mouse: the wheel scrolls", screen and "details of the row" in screen, str(screen))
    end()

    start(command, LC_ALL="C", NO_COLOR="1")
    screen = wait_for("6 timeline")
    cs.check("terminal: plain ASCII where there is no UTF-8",
             "timeline" in screen and screen.isascii(), screen)
    end()

    # As many colours as there are, and none where nobody wants them. Bright ones of 16 are 9x.
    terminals = cs.path("terminfo")
    source = cs.path("sixteen.ti")
    with open(source, "w", encoding="utf-8") as stream:
        stream.write("coroscope-16|sixteen colours,\n\tcolors#16, pairs#256,\n"
                     "\tsetab=\\E[%?%p1%{8}%<%t%p1%{40}%+%e%p1%{92}%+%;%dm,\n"
                     "\tsetaf=\\E[%?%p1%{8}%<%t%p1%{30}%+%e%p1%{82}%+%;%dm,\n\tuse=xterm,\n")
    if cs.run(["tic", "-x", "-o", terminals, source]).status != 0:
        cs.without("terminal: 16 colours", "tic does not make its description")
        terminals = None
    few, bright, many = r"[\[;][34][0-7][;m]", r"[\[;](9|10)[0-7][;m]", r"[34]8;5;"
    for name, there, absent, environment in (
            ("256 colours", [many], [], {"TERM": "xterm-256color"}),
            ("16 colours", [bright], [many], {"TERM": "coroscope-16", "TERMINFO": terminals}),
            ("8 colours", [few], [many, bright], {"TERM": "xterm"}),
            ("NO_COLOR", [r"[\[;][17][;m]"], [many, bright, few],
             {"TERM": "xterm-256color", "NO_COLOR": "1"})):
        if None in environment.values():
            continue
        start(command, LC_ALL="C.UTF-8", **environment)
        wait_for("6 timeline")
        coloured = tmux("capture-pane", "-e", "-p", "-t", "t")
        cs.check(f"terminal: {name}", all(re.search(one, coloured) for one in there) and
                 not any(re.search(one, coloured) for one in absent), repr(coloured[:1500]))
        end()

    start(command, TERM="dumb")
    screen = wait_for("STATUS=")
    cs.check("terminal: a dumb one is refused with a hint",
             "STATUS=2" in screen and "coroscope ps" in screen, screen)
    end()

    start(command, LC_ALL="C.UTF-8")
    tmux("set-option", "-g", "set-clipboard", "on")
    wait_for("6 timeline")
    tmux("send-keys", "-t", "t", "y", "Enter")
    screen = wait_for("copied")
    copied = cs.wait_until(lambda: tmux("show-buffer"))
    cs.check("terminal: what is shown is copied to its clipboard",
             copied.startswith("coroscope ") and "1 coroutines" in copied, copied + screen)
    tmux("send-keys", "-t", "t", "y", "C-u")
    tmux("send-keys", "-t", "t", "json", "Enter")
    wait_for("(?s)copied.*")
    copied = cs.wait_until(lambda: '"schema"' in tmux("show-buffer") and tmux("show-buffer"))
    cs.check("terminal: and as JSON", copied and json.loads(copied)["schema"] == 1, str(copied))
    tmux("send-keys", "-t", "t", "y", "C-u")
    tmux("send-keys", "-t", "t", "html", "Enter")
    cs.check("terminal: what there is not is told", "text, json and folded" in
             wait_for("text, json and folded"))
    end()

    settings = cs.path("config")
    os.makedirs(os.path.join(settings, "coroscope"))
    with open(os.path.join(settings, "coroscope", "top.conf"), "w", encoding="utf-8") as stream:
        stream.write("clipboard = no\nkey copy = Y\nview = heap\n")
    start(command, LC_ALL="C.UTF-8", XDG_CONFIG_HOME=settings)
    screen = wait_for("bytes in use")
    tmux("send-keys", "-t", "t", "Y")
    screen = wait_for("no clipboard")
    cs.check("terminal: settings choose view, keys, and no clipboard",
             "bytes in use" in screen and "no clipboard" in screen, screen)
    end()

    start(f"{cs.COROSCOPE} top -- sleep 1000", LC_ALL="C.UTF-8")
    wait_for("6 timeline")
    os.kill(viewer(), signal.SIGHUP)
    screen = wait_for("STATUS=")
    cs.check("terminal: SIGHUP ends it as q does", "STATUS=0" in screen, screen)
    cs.equal("terminal: nothing is left behind", leftovers(), [])
    end()

    start(command, LC_ALL="C.UTF-8")
    wait_for("6 timeline")
    tmux("send-keys", "-t", "t", "3")
    wait_for("bytes in use")
    os.kill(viewer(), signal.SIGSEGV)
    screen = wait_for("STATUS=")
    cs.check("terminal: a crash gives it back and says so",
             "the terminal is restored" in screen and "STATUS=2" in screen, screen)
    match = re.search(r"with (/tmp/coroscope-top\.crash\.\d+)", screen)
    report = open(match[1], encoding="utf-8").read() if match else ""
    cs.check("terminal: and leaves a report", "signal 11\nview coroutines\nlast event 1, key 51\n" in report
             and report.count("coroscope-top") > 2, report + screen)
    if match:
        os.unlink(match[1])
    end()

    # Stopped by Ctrl-Z, which gives the terminal to the shell, and taken up again.
    start("true", LC_ALL="C.UTF-8", shell=True)
    tmux("send-keys", "-t", "t", "-l", f" {command}")
    tmux("send-keys", "-t", "t", "Enter")
    wait_for("6 timeline")
    tmux("send-keys", "-t", "t", "C-z")
    screen = wait_for("Stopped")
    cs.check("terminal: Ctrl-Z gives it back", "Stopped" in screen and "6 timeline" not in screen,
             screen)
    tmux("send-keys", "-t", "t", "-l", "fg")
    tmux("send-keys", "-t", "t", "Enter")
    screen = wait_for("6 timeline")
    cs.check("terminal: fg draws it anew", "6 timeline" in screen and "Stopped" not in screen, screen)
    tmux("send-keys", "-t", "t", "2")
    cs.check("terminal: and keys work", "COROUTINE" in wait_for("COROUTINE"))
    end()

    # Resized faster than it draws, while it follows a target; then very large, and tiny.
    start(f"{cs.COROSCOPE} top -- sleep 1000", LC_ALL="C.UTF-8")
    wait_for("6 timeline")
    for step in range(60):
        tmux("resize-window", "-t", "t", "-x", str(20 + step * 37 % 200), "-y",
             str(5 + step * 11 % 60))
        if step % 7 == 0:
            tmux("send-keys", "-t", "t", "Tab")
    tmux("resize-window", "-t", "t", "-x", "500", "-y", "200")
    def lines():
        return tmux("capture-pane", "-p", "-t", "t").split("\n")

    cs.until_ok(lambda: cs.check(
        "terminal: a storm of resizes ends in a whole picture of 500x200",
        len(lines()) >= 200 and len(lines()[0]) > 450 and "live" in lines()[0], lines()[0]))
    tmux("resize-window", "-t", "t", "-x", "20", "-y", "5")
    cs.until_ok(lambda: cs.check(
        "terminal: and of 20x5", len(lines()) <= 6 and max(map(len, lines())) <= 20 and
        "live" in lines()[0], "\n".join(lines())))
    left = viewer()
    end()
    cs.check("terminal: when it is taken away all of it ends",
             left and cs.wait_until(lambda: not os.path.exists(f"/proc/{left}")), str(left))
    cs.equal("terminal: and nothing is left behind", leftovers(), [])

    start(command, TERM="no-such-terminal")
    screen = wait_for("STATUS=")
    cs.check("terminal: an unknown one is refused with a hint",
             "STATUS=2" in screen and "nothing is known of the terminal" in screen, screen)
finally:
    end()
cs.finish()
