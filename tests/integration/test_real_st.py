#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The server that comes with State Threads as an example, compiled as it is, under load: every
answer is right, and each of its threads is shown with what it waits for.
"""
import collections
import json
import os
import shutil
import signal
import socket
import subprocess
import threading

import cs

EXAMPLES = "/usr/share/doc/libst-dev/examples"
CLIENTS, REQUESTS, SILENT = 4, 250, 30


def build():
    compiler = shutil.which("gcc")
    sources = [f"{EXAMPLES}/{name}.c" for name in ("server", "error")]
    if not compiler or not all(os.path.exists(source) for source in sources):
        return None
    program = cs.path("st-server")
    built = subprocess.run([compiler, "-O1", "-w", "-o", program, *sources, "-lst"],
                           capture_output=True, check=False)
    return program if built.returncode == 0 else None


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=200)


def ask(port):
    with connect(port) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        while part := client.recv(4096):
            answer += part
    return answer


def is_up(port):
    try:
        return bool(ask(port))
    except OSError:
        return False


def load(port):
    """The answers to all requests of all clients, and how many of each."""
    answers = collections.Counter()

    def client():
        for _ in range(REQUESTS):
            answers[ask(port)] += 1

    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    return answers


def threads_of(pid):
    listed = json.loads(cs.run([cs.COROSCOPE, "ps", "--json", "-p", str(pid)]).out)
    return listed["coroutines"]


def server(program):
    port, trace = cs.free_port(), cs.Trace(cs.path("server.coro"))
    process = subprocess.Popen(
        cs.record_command([program, "-i", "-t", "4:200", "-b", f"127.0.0.1:{port}"],
                          ["--heap=all", "--buffer=32MiB"], trace.path),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=cs.environment(), cwd=cs.folder(), start_new_session=True)
    try:
        cs.wait_until(lambda: is_up(port), 60)
        pid = int(cs.children(process.pid)[0])
        answers = load(port)
        cs.equal("server: every request was answered, all in the same words",
                 (list(answers.values()), [b"It worked!" in answer for answer in answers]),
                 ([CLIENTS * REQUESTS], [True]))
        # Clients that say nothing: each has a thread that reads from it.
        silent = [connect(port) for _ in range(SILENT)]
        cs.until_ok(lambda: shown(pid))
        for each in silent:
            each.close()
        os.kill(pid, signal.SIGTERM)
        _, err = process.communicate(timeout=120)
        cs.check("server: nothing was lost", b"none lost" in err, err)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def shown(pid):
    threads = threads_of(pid)
    cs.equal("server: its threads are of State Threads",
             {one["runtime"] for one in threads}, {"state-threads"})
    reasons = collections.Counter(one["reason"] for one in threads)
    cs.equal("server: those that read from a silent client", reasons["read"], SILENT)
    cs.check("server: and those that wait for the next one", reasons["accept"] > 0, reasons)
    cs.equal("server: all of them wait", {one["state"] for one in threads}, {"waiting"})
    cs.equal("server: with a stack, and who made them",
             [one["id"] for one in threads if not one["stack"] or not one["spawn"]], [])
    readers = [one for one in threads if one["reason"] == "read" and any(
        frame["function"] == "handle_session" for frame in one["stack"])]
    cs.equal("server: readers are in the function that handles a client", len(readers),
             SILENT)


example = build()
if example is None:
    cs.skip("the examples of libst-dev are not installed, or don't compile")
else:
    server(example)
cs.finish()
