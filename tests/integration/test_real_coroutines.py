#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real programs made of coroutines: they do what they do without us, and we see them."""
import os
import subprocess

import cs
import slots


def qemu_img():
    """QEMU's coroutines switch by sigsetjmp and siglongjmp on pooled stacks."""
    program = cs.tool("qemu-img")
    if program is None:
        return cs.without("qemu-img", "it is not installed")
    image, bare, recorded = (cs.path(name) for name in ("disk.raw", "bare", "recorded"))
    with open(image, "wb") as file:
        for block in range(256):
            file.write(os.urandom(4096) if block % 3 else bytes(8192))
    convert = [program, "convert", "-f", "raw", "-O", "qcow2", image]
    subprocess.run([*convert, bare], check=True)
    run = slots.Session([*convert, recorded], slots.SCHED | slots.TIME, lane=64 << 20)
    compare = subprocess.run([program, "compare", "-f", "qcow2", "-F", "qcow2", bare, recorded],
                             capture_output=True, check=False)
    cs.equal("qemu-img: the same image", compare.returncode, 0)
    ring = run.ring
    cs.check("qemu-img: its coroutines are seen", ring.count("ucontext") > 0)
    cs.equal("qemu-img: nothing else is taken for one",
             {c[3] for c in ring.created.values()}, {"ucontext"})
    cs.check("qemu-img: and switched to, again and again",
             ring.switches() > 10 * ring.count("ucontext"))
    owners = {r[2] for r in ring.records if r[0] == "alloc"}
    cs.check("qemu-img: what they allocate is theirs",
             len(owners & set(ring.created)) > 0)
    return None


qemu_img()
cs.finish()
