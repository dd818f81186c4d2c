# SPDX-License-Identifier: Apache-2.0
# cs-test: release-only timeout=1200
"""Where the runtime's fields are: debug information and our table agree in every version, and
a program of a version that is not known, or that says it is another one, is read by its debug
information."""
import glob
import json
import os
import re

import cs
import gotarget

FOLDERS = ["cs_go", "cs_source", "cs_unwind", "cs_symbol", "cs_trace", "cs_model", "cs_base"]
# Point releases have moved them, together: they are looked for in the process (trial.c).
MOVED = {"m.alllink", "m.lockedg", "m.vdsoSP"}


def compile_reader():
    build = os.path.dirname(os.path.dirname(cs.COROSCOPE))
    libraries = [path for name in FOLDERS for path in
                 glob.glob(f"{build}/profiler/lib{name}.a")]
    program = cs.path("go_layout")
    result = cs.run([cs.tool("cc", "gcc", "clang"), "-std=gnu11", "-D_GNU_SOURCE",
                     *[f"-I{build}/headers/{name}" for name in FOLDERS],
                     os.path.join(cs.SOURCE_DIR, "tests/support/go_layout.c"), *libraries,
                     *libraries, "-lzstd", "-ldw", "-lelf", "-lm", "-o", program])
    if result.status != 0:
        cs.skip("can't be compiled here: " + result.err.strip()[-300:])
    return program


def agree(toolchain, reader, program):
    name = f"go{toolchain.version}"
    result = cs.run([reader, program, str(toolchain.minor())])
    lines = result.out.splitlines()
    moved = {}
    wrong = []
    for line in lines[:-1]:
        field, table, debug = line.split()
        if field in MOVED and debug != "-1":
            moved[field] = int(debug) - int(table)
        else:
            wrong.append(line)
    cs.check(f"{name}: debug information and table agree: {lines[-1:]}",
             result.status == 0 and not wrong and len(set(moved.values())) <= 1 and
             int(lines[-1].split()[1]) > 60, f"{wrong} {moved} {result!r}"[:600])


def claims(program, minor):
    """A copy whose build information says that it is go1.MINOR."""
    with open(program, "rb") as file:
        image = bytearray(file.read())
    at = image.find(b"\xff Go buildinf:")
    version = re.search(rb"go1\.(\d\d)", bytes(image[at + 32:at + 64])) if at >= 0 else None
    if not version:
        return None
    place = at + 32 + version.start(1)
    image[place:place + 2] = b"%d" % minor
    copy = cs.path(f"claims{minor}")
    with open(copy, "wb") as file:
        file.write(image)
    os.chmod(copy, 0o755)
    return copy


def seen(program_path, labels_too):
    """All that is read of it, without what differs from one run to the next."""
    with gotarget.Program([program_path, "3"]) as program:
        gotarget.settled(program)
        result = cs.run([cs.COROSCOPE, "ps", "--json", "--system", "-p", str(program.pid)])
        heap = cs.run([cs.COROSCOPE, "heap", "--json", "--metric", "inuse_objects", "-p",
                       str(program.pid)])
    if result.status != 0:
        return None, result.err
    listing = json.loads(result.out)
    rows = sorted((row["entry"] or "", row["reason"] or "",
                   str(row["labels"]) if labels_too else "", row["locked"],
                   row["parent"] is None) for row in listing["coroutines"]
                  if (row["entry"] or "").startswith("main."))
    figures = sorted(one["name"] for one in listing["figures"])
    return (rows, figures, heap.status), result.err


def read_by_it(toolchain, program):
    name = f"go{toolchain.version}"
    # 1.24 has another shape of labels, and all fields where 1.23 has them.
    labels = toolchain.minor() != 23
    right, _ = seen(program, labels)
    for minor in {99, 18 if toolchain.minor() > 22 else 27}:
        copy = claims(program, minor)
        if not copy:
            cs.without(f"{name} that claims to be go1.{minor}", "no build information")
            continue
        got, err = seen(copy, labels)
        cs.check(f"{name} that claims to be go1.{minor}: read all the same, by its debug "
                 "information", right is not None and got == right and "not known" not in err,
                 f"{err} {got} {right}"[:900])
    # Without it, an unknown version is read as the newest, which is said, or refused.
    stripped = toolchain.build("leaks", "strip")
    copy = claims(stripped, 99) if stripped else None
    if copy:
        got, err = seen(copy, labels)
        cs.check(f"{name} that claims to be go1.99, stripped: refused, or said to be a guess",
                 got is None or "not known" in err, err)


def main():
    toolchains = gotarget.toolchains()
    if not toolchains:
        cs.skip("there is no Go toolchain here (Debian: golang-go)")
    reader = compile_reader()
    for toolchain in toolchains:
        program = toolchain.build("leaks", "plain")
        if not program:
            cs.without(f"go{toolchain.version}", f"can't be built: {toolchain.error}")
            continue
        agree(toolchain, reader, program)
        read_by_it(toolchain, program)
    cs.finish()


if __name__ == "__main__":
    main()
