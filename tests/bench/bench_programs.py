# SPDX-License-Identifier: Apache-2.0
"""What recording every allocation of real programs adds, beside heaptrack.

Two times of each run: the CPU time of the program itself (taken inside it at its end, helpers
of the recorders left out), and the wall time until the recorder has closed its file. heaptrack
runs as it does by default, interpreter and all; where that dies, raw."""
import os
import shutil
import socket
import subprocess
import tempfile
import time

import measure

FOLDER = tempfile.TemporaryDirectory(prefix="coroscope-bench.")
TRACE = os.path.join(FOLDER.name, "trace.coro")
CPU_FILE = os.path.join(FOLDER.name, "cpu")
LIBRARY = measure.compile_program(FOLDER.name, "cpu_at_exit.c", "-D_GNU_SOURCE", "-shared",
                                  "-fPIC", name="cpu_at_exit.so")
HEAPTRACK = measure.tool("heaptrack")


def text_file(name, text):
    path = os.path.join(FOLDER.name, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


# ---- one run ----

def cpu_of(name):
    """CPU milliseconds of the program NAME (as the kernel cuts names), and no more of them."""
    with open(CPU_FILE, encoding="utf-8") as file:
        seconds = sum(float(line.rsplit(" ", 1)[1]) for line in file
                      if line.rsplit(" ", 1)[0] == name)
    os.unlink(CPU_FILE)
    if not seconds:
        raise RuntimeError(f"{name} has left no CPU time")
    return seconds * 1e3


def run_once(command, name, env, load):
    """CPU and wall milliseconds of COMMAND; LOAD(), where there is one, works on it and ends it."""
    env = {**os.environ, "LD_PRELOAD": LIBRARY, "BENCH_CPU": CPU_FILE, **env}
    start = time.monotonic()
    with subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, cwd=FOLDER.name,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        if load:
            load()
        err = process.stderr.read()
        status = process.wait()
    wall = (time.monotonic() - start) * 1e3
    if status != 0:
        raise RuntimeError(f"{name} ended with {status}: {err.decode(errors='replace')[-500:]}")
    return cpu_of(name), wall


class Heaptrack:
    """Runs as by default until it dies once, then raw."""

    def __init__(self, rows):
        self.rows, self.raw = rows, []

    def run(self, command, name, env, load):
        output = os.path.join(FOLDER.name, "heaptrack")
        try:
            return run_once(["heaptrack", *self.raw, "-o", output, *command], name, env, load)
        except (RuntimeError, OSError) as error:
            if self.raw:
                raise measure.PeerDied(str(error)[:100]) from error
            self.raw = ["-r"]
            for row in self.rows:
                row.note("heaptrack died by default and runs raw")
            return self.run(command, name, env, load)


def compare(title, command, env=None, load=None, rounds=5):
    rows = [measure.Row(f"every allocation of {title}: CPU", "ms", measure.less()),
            measure.Row(f"every allocation of {title}: wall until closed", "ms", measure.less())]
    name, env = os.path.basename(command[0]), env or {}

    def ours():
        result = run_once(measure.record(TRACE, "all", command), name, env, load)
        measure.lossless(TRACE)
        return result

    heaptrack = Heaptrack(rows)
    measure.compare(rows, bare=lambda: run_once(command, name, env, load), ours=ours,
                    peer=(lambda: heaptrack.run(command, name, env, load)) if HEAPTRACK else None,
                    no_peer=None if HEAPTRACK else "heaptrack is not installed", rounds=rounds)


# ---- the programs ----

def without(title, reason):
    measure.say(f"{title}: {reason}: no row")


def redis():
    programs = [measure.tool(name) for name in ("redis-server", "redis-cli", "redis-benchmark")]
    if not all(programs):
        return without("redis-server", "not installed")
    server, client, benchmark = programs
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])

    def load():
        ping = [client, "-p", port, "ping"]
        for _ in range(500):
            if subprocess.run(ping, capture_output=True, check=False).stdout == b"PONG\n":
                break
            time.sleep(0.02)
        subprocess.run([benchmark, "-p", port, "-q", "-n", "150000", "-r", "20000", "-P", "8",
                        "-t", "set,get,lpush,lpop,hset,zadd"], check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run([client, "-p", port, "shutdown", "nosave"], check=True)

    return compare("redis-server under redis-benchmark",
                   [server, "--port", port, "--bind", "127.0.0.1", "--save", "",
                    "--appendonly", "no", "--dir", FOLDER.name], load=load)


def python():
    script = text_file("work.py", """
import json
for _ in range(3):
    data = [{"number": i, "text": "x" * (i % 50), "list": list(range(i % 20))}
            for i in range(30000)]
    again = json.loads(json.dumps(data))
    groups = {}
    for item in again:
        groups.setdefault(item["text"], []).append(item["number"])
    words = sorted(" ".join(str(number) for number in group) for group in groups.values())
""")
    program = measure.tool("/usr/bin/python3") or measure.tool("python3")
    compare("python3, PYTHONMALLOC=malloc", [os.path.realpath(program), script],
            env={"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"})


def sqlite():
    program = measure.tool("sqlite3")
    if not program:
        return without("sqlite3", "not installed")
    script = text_file("work.sql", """
create table t(id integer primary key, name text, value real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 150000)
  insert into t select i, 'name ' || (i * 7919 % 10007), i * 1.5 from n;
create index by_name on t(name);
select count(*), sum(value), min(name), max(name) from t;
select name, count(*), group_concat(id) from t group by name order by 2 desc, 1 limit 5;
select json_group_array(json_object('id', id, 'name', name, 'value', value)) from t;
update t set name = upper(name) || id where id % 2 = 0;
delete from t where id % 3 = 0;
select count(distinct substr(name, 1, 7)) from t;
pragma integrity_check;
""")
    return compare("sqlite3 running a script", [program, "-batch", ":memory:", f".read {script}"])


def compiler_source():
    """A large C++ file: containers of many types, and 300 classes."""
    lines = ["#include <algorithm>", "#include <functional>", "#include <map>",
             "#include <memory>", "#include <string>", "#include <unordered_map>",
             "#include <vector>", "#include <regex>"]
    for i in range(300):
        lines.append(f"struct part{i} {{ int number = {i}; std::string text; "
                     f"std::vector<double> values; bool operator<(const part{i} &o) const "
                     f"{{ return number < o.number; }} }};")
        if i % 20 == 0:
            lines.append(f"int use{i}(std::map<std::string, part{i}> &m, std::vector<part{i}> &v) "
                         f"{{ std::sort(v.begin(), v.end()); for (auto &p : v) m[p.text] = p; "
                         f"return (int)m.size(); }}")
    return text_file("big.cc", "\n".join(lines) + "\n")


def compiler():
    driver = measure.tool("g++")
    if not driver:
        return without("cc1plus", "g++ is not installed")
    source, preprocessed = compiler_source(), os.path.join(FOLDER.name, "big.ii")
    subprocess.run([driver, "-E", source, "-o", preprocessed], check=True)
    proper = measure.run([driver, "-print-prog-name=cc1plus"]).out.strip()
    if not shutil.which(proper):
        return without("cc1plus", f"{proper} can't be run")
    return compare("cc1plus on a large file",
                   [proper, "-quiet", "-O1", "-fpreprocessed", preprocessed, "-o", os.devnull],
                   rounds=3)


redis()
python()
sqlite()
compiler()
