# SPDX-License-Identifier: Apache-2.0
"""What the machine has, and who runs on it."""
import glob
import os
import random
import shutil
import socket
import time


def tool(*names):
    """The first of the programs NAMES that is installed, or None."""
    search = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin"
    for name in names:
        found = shutil.which(name, path=search)
        if found:
            return found
    return None


def children(pid):
    """The processes that any thread of PID has started."""
    found = []
    for file in glob.glob(f"/proc/{pid}/task/*/children"):
        try:
            with open(file, encoding="ascii") as stream:
                found += map(int, stream.read().split())
        except OSError:  # that thread has just ended
            continue
    return found


def wait_until(condition, seconds=30):
    """The first true value of CONDITION() within SECONDS, else its last."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.01)


def free_port():
    """A port of 127.0.0.1 that nobody has, nor gets for a connection of his own: these come
    from the range of the kernel, mostly 32768 and above."""
    while True:
        port = random.SystemRandom().randrange(10000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
