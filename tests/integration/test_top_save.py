# SPDX-License-Identifier: Apache-2.0
"""What the view shows, saved as data: the keys and figures of the reports, of the same moment."""
import json
import os
import re
import subprocess
import time

import cs

if not os.path.exists(os.path.join(os.path.dirname(cs.AGENT), "coroscope-top")):
    cs.skip("the viewer was not built: ncurses is not here")

COUNT = 200


def all_parked(trace):
    """The time of the growing TRACE, if by now COUNT coroutines are parked in it, with stacks."""
    result = cs.run([cs.COROSCOPE, "ps", "--json", trace])
    page = json.loads(result.out) if result.status == 0 else {"coroutines": []}
    return page["time_ns"] if sum(
        one["state"] == "waiting" and any(frame["function"] == "parked_park"
                                          for frame in one["stack"] or [])
        for one in page["coroutines"]) == COUNT else None


def parked_trace(*options):
    """A trace in which COUNT coroutines are parked, and a time at which they are."""
    trace = cs.path("parked.coro")
    with subprocess.Popen(cs.record_command([cs.need_target("coro_parked"), str(COUNT)],
                                            ["--quiet", "--heap=all", *options], trace),
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=cs.environment(),
                          cwd=cs.folder()) as process:
        while process.stdout.readline() not in (b"ready\n", b""):
            pass
        at_ns = cs.wait_until(lambda: all_parked(trace), 60)
        time.sleep(0.3)
        process.stdin.close()
        process.stdout.read()
        process.wait(60)
    return trace, f"{(at_ns or 0) / 1e9:.9f}s"


trace, at = parked_trace()


def saved(name, keys, suffix=".json"):
    """What is saved after the steps KEYS, at the time AT; None: it was not."""
    path, script = cs.path(name + suffix), cs.path(name + ".script")
    with open(script, "w", encoding="utf-8") as stream:
        stream.write(f"size 100 20\nseek {at}\n{keys}key s\ntype {path}\nkey enter\n"
                     "save-screen -\n")
    result = cs.run([cs.COROSCOPE, "top", "--script", script, trace])
    if not cs.check(f"{name}: it is saved", result.status == 0 and os.path.exists(path),
                    str(result)):
        return None
    with open(path, encoding="utf-8") as stream:
        return json.load(stream) if suffix == ".json" else stream.read()


def report(*words):
    return json.loads(cs.run([cs.COROSCOPE, *words, "--json", f"{trace}@{at}"]).out)


def by_id(document):
    """Without addresses: calls of one line have none once two of them were met."""
    for one in document["coroutines"]:
        for frame in one["spawn"] + one["stack"]:
            frame["address"] = None
    return {one["id"]: one for one in document["coroutines"]}


ps = report("ps")
cs.equal("the trace has what is compared", len(ps["coroutines"]), COUNT)

shown = saved("list", "key t\n")
cs.equal("a list: every coroutine is as ps has it", by_id(shown), by_id(ps))
cs.equal("a list: the same keys", list(shown), list(ps))
waits = [one["waiting_ns"] for one in shown["coroutines"]]
cs.equal("a list: in the order that is shown", waits, sorted(waits, reverse=True))

tree = saved("tree", "key t t\n")
cs.equal("a tree: every coroutine is as ps has it", by_id(tree), by_id(ps))

one_id = ps["coroutines"][7]["id"]
shown = saved("filter", f"key t\nkey f\ntype id = {one_id}\nkey enter\n")
cs.equal("a filter: what does not pass is not saved", list(by_id(shown)), [one_id])


def key_of(group):
    return json.dumps([[frame["function"], frame["line"]] for frame in group["stack"]])


groups = report("ps", "--group")
shown = saved("groups", "")
cs.equal("groups: those of ps",
         {key_of(group): (group["count"], group["states"], group["waiting_ns"])
          for group in shown["groups"]},
         {key_of(group): (group["count"], group["states"], group["waiting_ns"])
          for group in groups["groups"]})

shown = saved("threads", "key 2\n")
cs.equal("threads: those of ps", shown["threads"], ps["threads"])
cs.equal("threads: nothing else is listed", shown["coroutines"], [])

heap = report("heap")
shown = saved("heap", "key 3\n")
cs.equal("heap: total", (shown["total"], shown["metric"]), (heap["total"], "inuse_space"))
cs.equal("heap: values by stack",
         sorted((one["value"], len(one["stack"])) for one in shown["entries"] if one["value"]),
         sorted((one["value"], len(one["stack"])) for one in heap["entries"]))
shown = saved("heap by function", "key 3 t\n")
cs.equal("heap by function: as heap has it", shown["by"], "function")


def lines(text):
    return sorted(text.splitlines())


fold = cs.run([cs.COROSCOPE, "fold", "--metric", "coroutines", f"{trace}@{at}"]).out
cs.equal("coroutines folded: what fold writes", lines(saved("folded", "", ".folded")), lines(fold))
cs.equal("a list folded: the same", lines(saved("list folded", "key t\n", ".folded")), lines(fold))
fold = cs.run([cs.COROSCOPE, "fold", f"{trace}@{at}"]).out
cs.equal("heap folded: what fold writes", lines(saved("heap folded", "key 3\n", ".folded")),
         lines(fold))
shown = saved("stacks", "key 4\n")
cs.equal("stacks: the metric with its unit", (shown["metric"], shown["unit"]),
         ("inuse_space", "bytes"))

shown = saved("scheduler", "key 5\n")
cs.equal("scheduler: states, and threads by their numbers",
         (shown["states"], [one["tid"] for one in shown["threads"]]),
         ({"waiting": COUNT}, [one["tid"] for one in ps["threads"]]))
shown = saved("timeline", "key 6\n")
cs.check("timeline: series with points in time",
         any(series["name"] == "coroutines" and
             max(point["value"] for point in series["points"] if point["value"]) == COUNT
             for series in shown["series"]), json.dumps(shown)[:500])

# ---- a mark, among coroutines ----

script = cs.path("mark")
with open(script, "w", encoding="utf-8") as stream:
    stream.write(f"size 110 20\nseek {at}\nkey m\nsave-screen -\nseek end\nkey m\nsave-screen -\n"
                 f"key m\nseek {at}\nkey t m\nsave-screen -\n")
result = cs.run([cs.COROSCOPE, "top", "--script", script, trace])
cs.check("a mark is set, kept while time is travelled, and taken away, in every order",
         result.status == 0 and len(re.findall(r"mark \d+(?:\.\d+)? m?s", result.out)) == 1 and
         result.out.count("the mark is taken away") == 2, str(result))

# ---- the past of one coroutine ----

def details(file):
    script = cs.path("details")
    with open(script, "w", encoding="utf-8") as stream:
        stream.write(f"size 120 80\nseek {at}\nkey t enter\nsave-screen -\nkey t t\nsave-screen -\n")
    return cs.run([cs.COROSCOPE, "top", "--script", script, file]).out


def past(text, title):
    """States below TITLE, the newest first."""
    lines = text.split(f"\n{title}\n")[1].splitlines() if title in text else []
    return [line.split()[2] for line in lines if len(line.split()) > 2 and
            line.split()[1] in ("ms", "us", "ns", "s")]


text = details(trace)
cs.equal("its states are taken from the trace", past(text, "States, as they were seen")[:1],
         ["waiting"])
cs.check("it holds what it allocated, and waits where it parked",
         "objects, of" in text and "waits in parked_park" in text, text)
cs.check("a group tells how it has grown, what it holds, and who made it",
         "since the start +" in text and "over the last minute +" in text and
         "All created at" in text and ", each " in text, text)
events, at = parked_trace("--sched=all")
cs.equal("with its events, what it did is told one by one",
         past(details(events), "What it did")[:3], ["waiting", "running", "new"])

path, script = cs.path("no.folded"), cs.path("no.script")
with open(script, "w", encoding="utf-8") as stream:
    stream.write(f"key 5\nkey s\ntype {path}\nkey enter\nsave-screen -\n")
result = cs.run([cs.COROSCOPE, "top", "--script", script, trace])
cs.check("what has no stacks is not folded, and leaves no file",
         "these rows have no stacks" in result.out and not os.path.exists(path), str(result))
cs.finish()
