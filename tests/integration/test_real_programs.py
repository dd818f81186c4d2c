# SPDX-License-Identifier: Apache-2.0
# cs-test: release-only timeout=600
"""Real programs in both modes print the same, write the same files, end with the same status."""
import hashlib
import os
import signal
import socket
import subprocess
import urllib.request

import cs

BOTH = {"exact": [*cs.LOSSLESS, "--quiet"], "sampled": ["--heap", "--quiet"]}


def text_file(name, text):
    file = cs.path(name)
    with open(file, "w") as stream:
        stream.write(text)
    return file


# ---- the compiler: a process tree ----

def big_source():
    """A large C++ file: containers of many types, and 300 classes."""
    lines = ["#include <algorithm>", "#include <functional>", "#include <map>",
             "#include <memory>", "#include <string>", "#include <unordered_map>",
             "#include <vector>"]
    for i in range(300):
        lines.append(f"struct part{i} {{ int number = {i}; std::string text; "
                     f"std::vector<double> values; bool operator<(const part{i} &o) const "
                     f"{{ return number < o.number; }} }};")
        if i % 15 == 0:
            lines.append(f"int use{i}(std::map<std::string, part{i}> &m, std::vector<part{i}> &v) "
                         f"{{ std::sort(v.begin(), v.end()); for (auto &p : v) m[p.text] = p; "
                         f"return (int)m.size(); }}")
    return text_file("big.cc", "\n".join(lines) + "\n")


def digest(file):
    with open(file, "rb") as stream:
        return hashlib.sha256(stream.read()).hexdigest()


def compiler():
    gxx = cs.tool("g++")
    if not gxx:
        cs.without("g++", "not installed")
        return
    source, output = big_source(), cs.path("big.o")
    argv = [gxx, "-O1", "-c", source, "-o", output]
    bare = cs.run(argv, timeout=250)
    cs.equal("g++: bare status", bare.status, 0)
    want = digest(output)
    for mode, options in BOTH.items():
        os.unlink(output)
        recording = cs.record(argv, options, timeout=250)
        cs.equal(f"g++ ({mode}): status and messages",
                 (recording.status, recording.out, recording.err), (0, bare.out, bare.err))
        cs.equal(f"g++ ({mode}): the same object file", digest(output), want)
        names = [os.path.basename(p["program"] or "") for p in cs.processes(recording.trace)]
        cs.check(f"g++ ({mode}): driver, compiler and assembler are in the trace",
                 "cc1plus" in names and any(n.endswith("as") for n in names), names)
        if mode == "exact":
            cs.check("g++ (exact): the compiler's heap",
                     recording.trace.total("alloc_objects", "--process", "cc1plus") > 50000)
    broken = text_file("broken.cc", "#include <vector>\nint main() { std::vector<int> v; "
                                    "v.push(1); return undefined_name; }\n")
    argv = [gxx, "-c", broken, "-o", output]
    bare = cs.run(argv)
    recording = cs.record(argv, BOTH["exact"])
    cs.equal("g++ with errors: the same messages and status",
             (recording.status, recording.err), (bare.status, bare.err))


# ---- sqlite3 ----

def sqlite():
    program = cs.tool("sqlite3")
    if not program:
        cs.without("sqlite3", "not installed")
        return
    script = text_file("script.sql", """
create table t(id integer primary key, name text, value real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 40000)
  insert into t select i, 'name ' || (i * 7919 % 10007), i * 1.5 from n;
create index by_name on t(name);
select count(*), sum(value), min(name), max(name) from t;
select name, count(*), group_concat(id) from t where id < 3000 group by name order by 2 desc,
  1 limit 5;
select a.id, b.id from t a join t b on a.name = b.name and a.id < b.id order by 1, 2 limit 5;
delete from t where id % 3 = 0;
select json_group_array(json_object('id', id, 'name', name)) from (select * from t limit 20);
pragma integrity_check;
""")
    recordings = cs.same("sqlite3", [program, "-batch", ":memory:", f".read {script}"], BOTH)
    trace = recordings["exact"].trace
    events = cs.processes(trace)[0]["events"]
    cs.check("sqlite3: next to nothing is lost on a busy machine",
             cs.lost(trace) <= events * 1e-4, f"{cs.lost(trace)} of {events}")
    cs.check("sqlite3: its heap is in the trace", trace.total("alloc_objects") > 1000)


# ---- nginx: a master and two workers ----

CONFIGURATION = """
daemon off; master_process on; worker_processes 2; pid {folder}/nginx.pid;
error_log {folder}/error.log; {user}
events {{ worker_connections 256; }}
http {{
  access_log {folder}/access.log; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi; gzip on; gzip_min_length 10;
  server {{ listen 127.0.0.1:{port}; root {folder}/www;
    location /hello {{ return 200 "hello $arg_name\\n"; }} }}
}}
"""


def nginx_answers(port):
    answers = []
    for i in range(300):
        path = f"/hello?name={i}" if i % 2 else "/page.html"
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
        with urllib.request.urlopen(request, timeout=200) as answer:
            answers.append((answer.status, hashlib.sha256(answer.read()).hexdigest()))
    return answers


def nginx_is_up(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def nginx_folder():
    folder = cs.path("nginx")
    os.makedirs(os.path.join(folder, "www"))
    with open(os.path.join(folder, "www", "page.html"), "w") as page:
        page.write("<p>a page</p>\n" * 3000)
    port = cs.free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    file = os.path.join(folder, "nginx.conf")
    with open(file, "w") as configuration:
        configuration.write(CONFIGURATION.format(folder=folder, port=port, user=user))
    return folder, file, port


def nginx_session(start):
    """START(argv) gives a process; its answers, and how it ended after SIGQUIT to the master."""
    folder, file, port = nginx_folder()
    process = start([cs.tool("nginx"), "-c", file, "-p", folder])
    if not cs.wait_until(lambda: nginx_is_up(port), 60):
        return "it does not listen", None
    answers = nginx_answers(port)
    with open(os.path.join(folder, "nginx.pid")) as pid:
        os.kill(int(pid.read()), signal.SIGQUIT)
    return answers, process.wait(60)


def nginx():
    if not cs.tool("nginx"):
        cs.without("nginx", "not installed")
        return
    want = nginx_session(lambda argv: subprocess.Popen(argv, stderr=subprocess.DEVNULL))
    if want[1] != 0:
        cs.without("nginx", f"it does not run here bare: {want[0]}")
        return
    for mode, options in BOTH.items():
        running = []

        def start(argv):
            running.append(cs.Running(argv, options))
            return running[0].process
        try:
            cs.equal(f"nginx ({mode}): answers and status", nginx_session(start), want)
            cs.equal(f"nginx ({mode}): master and two workers are in the trace",
                     len(cs.processes(running[0].trace)), 3)
            for process in cs.processes(running[0].trace):
                cs.check(f"nginx ({mode}): a heap of each process",
                         process["inuse_bytes"] + process["inherited_bytes"] > 0 or
                         mode != "exact", process)
        finally:
            running[0].__exit__()


compiler()
sqlite()
nginx()
cs.finish()
