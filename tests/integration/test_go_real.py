# SPDX-License-Identifier: Apache-2.0
# cs-test: release-only timeout=1200
"""Go programs that other people built and stripped: all goroutines make sense, main is where it
must be, and every stack begins where its goroutine was started."""
import glob
import json
import os
import subprocess
import tarfile
import time

import cs
import gotarget

# Versions of esbuild on npm, each built by another Go (1.18 to 1.26), stripped to the last.
ESBUILD = ["0.17.19", "0.21.5", "0.25.12", "0.27.7", "0.28.2"]


def observe(name, pid, main, more):
    """A server needs a while until all its goroutines are there, on a busy machine a long one."""
    cs.until_ok(lambda: observe_once(name, pid, main, more))


def observe_once(name, pid, main, more):
    """The goroutine of main.main is there, and as many as a program of that kind has."""
    result = cs.run([cs.COROSCOPE, "fold", "--metric", "coroutines", "-p", str(pid)])
    stacks = {}
    for line in result.out.splitlines():
        stack, count = line.rsplit(" ", 1)
        stacks[stack] = int(count)
    cs.check(f"{name}: main.main is there",
             any(stack.startswith(main) for stack in stacks), repr(result)[:600])
    cs.check(f"{name}: at least {more} goroutines", sum(stacks.values()) >= more, str(stacks))
    # A frame that was not named is an address.
    cs.check(f"{name}: every call has a name",
             not any("+0x" in stack or "0x" in stack.split(";") for stack in stacks),
             str(stacks)[:600])
    heap = cs.run([cs.COROSCOPE, "heap", "--json", "-p", str(pid)])
    cs.check(f"{name}: its heap, or why not",
             heap.status == 0 and (json.loads(heap.out)["total"] > 0 or heap.err != ""),
             repr(heap)[:600])


def running(name, argv, wait=2.0, **more):
    """A server that is ended again; None where it ends by itself."""
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True, **more)
    time.sleep(wait)
    if process.poll() is not None:
        cs.without(name, f"it ended with {process.returncode}")
        return None
    return process


def end(process):
    process.kill()
    process.wait()


def servers():
    data = cs.path("data")
    commands = {
        "etcd": ["--data-dir", data + ".etcd", "--listen-client-urls", "http://127.0.0.1:0",
                 "--advertise-client-urls", "http://127.0.0.1:0", "--listen-peer-urls",
                 "http://127.0.0.1:0"],
        "prometheus": ["--storage.tsdb.path", data + ".prometheus", "--web.listen-address",
                       "127.0.0.1:0", "--config.file", "/etc/prometheus/prometheus.yml"],
    }
    for name, arguments in commands.items():
        program = cs.tool(name)
        if not program:
            cs.without(name, "it is not installed")
            continue
        process = running(name, [program, *arguments])
        if process:
            observe(name, process.pid, "runtime.main;main.main", 15)
            end(process)


def esbuild(version):
    """The program, from npm once, kept below build/go."""
    folder = os.path.join(gotarget.FOLDER, "npm", version)
    program = os.path.join(folder, "package", "bin", "esbuild")
    if os.path.exists(program):
        return program
    npm = cs.tool("npm")
    if not npm:
        return None
    os.makedirs(folder, exist_ok=True)
    result = cs.run([npm, "pack", f"@esbuild/linux-x64@{version}"], timeout=60, cwd=folder)
    for archive in glob.glob(folder + "/*.tgz") if result.status == 0 else []:
        with tarfile.open(archive) as tar:
            tar.extractall(folder)
        os.unlink(archive)
    return program if os.path.exists(program) else None


def bundlers():
    missing = 0
    for version in ESBUILD:
        # A registry that does not answer is not waited for each time.
        program = esbuild(version) if missing < 2 else None
        if not program:
            missing += 1
            cs.without(f"esbuild {version}", "npm does not bring it here")
            continue
        process = running(f"esbuild {version}", [program, f"--service={version}"], 0.3,
                          stdin=subprocess.PIPE)
        if process:
            observe(f"esbuild {version}", process.pid, "runtime.main;main.main", 2)
            end(process)


def main():
    servers()
    bundlers()
    cs.finish()


if __name__ == "__main__":
    main()
