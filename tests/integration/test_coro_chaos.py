#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Everything that coroutines can do, in an order that seeds decide: the programs go on as they are,
and as many are made and ended as they count themselves, of each kind; no others are seen.
"""
import collections
import json

import cs
import slots

MODES = {
    "count": (slots.SCHED, 1),
    "all": (slots.SCHED | slots.TIME | slots.EVENTS, 1),
    "no heap": (slots.SCHED | slots.TIME, 0),
    "sampled": (slots.SCHED, 8192),
}
PROGRAMS = {
    "chaos_mix": (["300", "1"], ["300", "4"]),
    "chaos_st": (["200"],),
    "chaos_pth": (["200"],),
}
SEEDS = range(1, 3)


def run(program, seed, arguments, mode):
    flags, mean = MODES[mode]
    argv = [cs.target(program), str(seed), *arguments]
    session = slots.Session(argv, flags, mean=mean, lane=32 << 20)
    if session.result.returncode:
        return
    name = f"{program} {' '.join(argv[1:])} ({mode})"
    own, ring = json.loads(session.out), session.ring
    made = collections.Counter(born[3] for born in ring.created.values())
    ended = collections.Counter(ring.runtime_of(number) for number in ring.ended)
    seen = {runtime: [made[runtime], ended[runtime]] for runtime in own}
    cs.check(f"{name}: no others", set(made) <= set(own), dict(made))
    # Those that only their stacks tell of are seen when they allocate, so maybe never.
    if mode in ("no heap", "sampled") and "stack" in own:
        unknown, all_unknown = seen.pop("stack"), own.pop("stack")
        cs.check(f"{name}: unknown ones that were seen",
                 unknown[0] == unknown[1] <= all_unknown[0], (unknown, all_unknown))
    cs.equal(f"{name}: made and ended", seen, own)


for program_, variants in PROGRAMS.items():
    if cs.target(program_) is None:
        cs.without(program_, "it was not built: a library is missing")
        continue
    for mode_ in MODES:
        for arguments_ in variants:
            for seed_ in SEEDS:
                run(program_, seed_, arguments_, mode_)
# Handlers go to other coroutines in the middle of hooks, which end on other threads, or later: what
# is seen of that is not complete, but the program goes on.
for seed_ in range(1, 7):
    cs.same(f"chaos_signals {seed_}",
            [cs.need_target("chaos_signals"), str(seed_), "2000", "3"],
            {"exact": cs.EXACT, "all": [*cs.EXACT, "--sched=all"], "sampled": cs.SAMPLED})
cs.finish()
