# SPDX-License-Identifier: Apache-2.0
"""Stacks of goroutines that spell their own number, read while a hundred thousand are created
and end each second: none may be wrong at level freeze, at most 1 of 100,000 at level read."""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HERE / "support"), str(HERE / "bench")]
import bench_go  # noqa: E402
import gotarget  # noqa: E402


def main():
    stacks = int(sys.argv[1])
    toolchains = gotarget.toolchains()
    if not toolchains:
        print("there is no Go toolchain here (Debian: golang-go)")
        sys.exit(77)
    path = toolchains[-1].build("churn", "strip")
    status = 0
    with tempfile.TemporaryDirectory() as folder:
        bench = bench_go.compile_bench(folder)
        for level, bound in (("freeze", 0), ("read", stacks // 100000)):
            with gotarget.Program([path, "5000"]) as program:
                result = subprocess.run([bench, "churn", str(program.pid), level, str(stacks)],
                                        stdout=subprocess.PIPE, text=True, check=False)
            found = json.loads(result.stdout)
            print(f"go{toolchains[-1].version}, level {level}: {found}", flush=True)
            if found["wrong"] > bound:
                print(f"FAIL more than {bound} wrong stacks")
                status = 1
    sys.exit(status)


if __name__ == "__main__":
    main()
