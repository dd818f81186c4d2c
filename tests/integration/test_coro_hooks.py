#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The hooks of coroutines are guests on small stacks: 1 KiB of the caller's at most, and errno is
what it is without them.
"""
import os
import re
import subprocess

import cs
import slots

MODES = {
    "count": (slots.SCHED, 1),
    "all": (slots.SCHED | slots.TIME | slots.EVENTS, 1),
    "no heap": (slots.SCHED, 0),
    "sampled": (slots.SCHED, 4096),
}
# What the loader needs at a function's first call is more than anybody's hook.
BOUND = {"LD_BIND_NOW": "1"}


def use(text):
    return {name: int(used) for name, used in
            re.findall(r"^(.+): (\d+) bytes of stack used", text, re.M)}


def measured(program):
    target = cs.target(program)
    if target is None:
        return cs.without(program, "it was not built: a library is missing")
    bare = subprocess.run([target], capture_output=True, text=True, check=False, timeout=200,
                          env={**os.environ, **BOUND})
    own = use(bare.stderr)
    if not cs.check(f"{program}: (it measures)", bare.returncode == 0 and own, bare.stderr):
        return None
    for mode, (flags, mean) in MODES.items():
        run = slots.Session([target], flags, mean=mean, lane=16 << 20, env=BOUND)
        cs.equal(f"{program} ({mode}): errno is as without a recorder", run.out, bare.stdout)
        seen = use(run.result.stderr)
        cs.equal(f"{program} ({mode}): all were measured", list(seen), list(own))
        deep = {name: used - own[name] for name, used in seen.items()
                if used - own[name] > 1024}
        cs.equal(f"{program} ({mode}): none needs more than 1 KiB", deep, {})
        cs.check(f"{program} ({mode}): (some need any: they were followed)", seen != own)
    return None


for program_ in ("hooks_libc", "hooks_fiber", "hooks_st", "hooks_pth", "hooks_lua",
                 "hooks_gccgo"):
    measured(program_)
cs.finish()
