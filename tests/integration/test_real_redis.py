# SPDX-License-Identifier: Apache-2.0
# cs-test: release-only
"""redis-server (with its jemalloc) under redis-benchmark, in both modes: no request fails, the
data is the same, it ends with status 0."""
import os
import signal

import cs

SERVER, CLIENT = cs.tool("redis-server"), cs.tool("redis-cli")
BENCHMARK = cs.tool("redis-benchmark")
if not (SERVER and CLIENT and BENCHMARK):
    cs.skip("redis-server, redis-cli or redis-benchmark is not installed")


def client(port, *words, **more):
    return cs.run([CLIENT, "-p", port, *words], **more)


def script():
    """Strings, lists, hashes, expiry, deletion: the same commands every time."""
    lines = []
    for i in range(3000):
        lines.append(f"SET key:{i} {'v' * (i % 300)}")
        lines.append(f"RPUSH list:{i % 50} {i} {'w' * (i % 90)}")
        lines.append(f"HSET hash:{i % 20} field{i} {i * i}")
        if i % 3 == 0:
            lines.append(f"DEL key:{i // 2}")
        if i % 7 == 0:
            lines.append(f"APPEND key:{i} {'x' * 500}")
    return "\n".join(lines).encode() + b"\n"


def work(port):
    """What the server answered, as far as it does not depend on time."""
    cs.wait_until(lambda: client(port, "ping").out == "PONG\n", 60)
    answers = client(port, stdin=script()).out
    benchmark = cs.run([BENCHMARK, "-p", port, "-n", "20000", "-q", "-P", "8", "-t",
                        "set,get,incr,lpush,lrange_100,hset"])
    digest = client(port, "debug", "digest").out
    size = client(port, "dbsize").out
    client(port, "shutdown", "nosave")
    return {"answers": answers, "benchmark": benchmark.status, "size": size,
            "digest of the script's data": len(digest)}


def server(port):
    return [SERVER, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--dir", cs.folder(), "--enable-debug-command", "yes"]


def bare():
    import subprocess
    port = str(cs.free_port())
    with subprocess.Popen(server(port), stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        answers = work(port)
        return process.wait(60), answers


def recorded(options):
    port = str(cs.free_port())
    with cs.Running(server(port), options) as running:
        answers = work(port)
        result = running.end(100)
        if result.status == 124:
            os.kill(running.pid, signal.SIGKILL)
        return running, result, answers


status, want = bare()
cs.equal("redis: bare", (status, want["benchmark"]), (0, 0))
for mode, options in (("exact", cs.EXACT), ("sampled", cs.SAMPLED)):
    running, result, got = recorded(options)
    cs.equal(f"redis ({mode}): status", result.status, 0)
    cs.equal(f"redis ({mode}): answers", got, want)
    live = running.trace.heap("inuse_space")
    cs.check(f"redis ({mode}): a heap is in the trace", live["total"] > 100000, live["total"])
    if mode == "exact":
        stacks = running.trace.fold("alloc_objects")
        deep = sum(n for stack, n in stacks.items() if stack.count(";") >= 4)
        cs.check("redis (exact): stacks reach the outermost frame",
                 deep > 0.9 * sum(stacks.values()), f"{deep} of {sum(stacks.values())}")
cs.finish()
