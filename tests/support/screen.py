# SPDX-License-Identifier: Apache-2.0
"""A real terminal for tests: tmux with a server of its own, whose screen is read as text."""
import os
import re
import shutil
import subprocess
import time

import cs

TMUX = shutil.which("tmux")
SOCKET = f"coroscope-test-{os.getpid()}"


def ask(*words):
    """What tmux answers; None from a server that hangs."""
    try:
        return subprocess.run([TMUX, "-L", SOCKET, *words], capture_output=True, text=True,
                              errors="replace", check=False, timeout=60)
    except subprocess.TimeoutExpired:
        return None


def tmux(*words):
    answer = ask(*words)
    return answer.stdout if answer else ""


def wait_for(text, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        screen = tmux("capture-pane", "-p", "-t", "t")
        if re.search(text, screen):
            return screen
        time.sleep(0.1)
    return tmux("capture-pane", "-p", "-t", "t")


def start(command, width=100, height=24, shell=False, **environment):
    """COMMAND in a terminal, then its status; with SHELL an interactive shell comes after it."""
    # A leak checker can't look at a process whose terminal is taken away.
    environment = {"ASAN_OPTIONS": "detect_leaks=0", **environment}
    words = [f"{name}={value}" for name, value in environment.items()]
    for _ in range(300):  # a server that is ending refuses new sessions
        answer = ask("has-session", "-t", "t")
        if answer and answer.returncode == 0:
            break
        new_session(command, words, width, height, shell)
        time.sleep(0.1)


def new_session(command, words, width, height, shell):
    tmux("-f", "/dev/null", "new-session", "-d", "-s", "t", "-x", str(width), "-y", str(height),
         "env", *words, "bash", "--norc",
         *(["-i"] if shell else ["-c", command + "; echo STATUS=$?; sleep 60"]))


def end():
    tmux("kill-server")


def viewer():
    """The PID of the viewer in the terminal."""
    def look():
        todo = [int(pid) for pid in
                tmux("list-panes", "-t", "t", "-F", "#{pane_pid}").split()]
        while todo:
            pid = todo.pop()
            try:
                with open(f"/proc/{pid}/comm", encoding="utf-8") as stream:
                    if stream.read().strip() == "coroscope-top":
                        return pid
            except OSError:
                continue
            todo += cs.children(pid)
        return None
    return cs.wait_until(look)


def keys(*names):
    for name in names:
        tmux("send-keys", "-t", "t", name)


def screen():
    return tmux("capture-pane", "-p", "-t", "t")
