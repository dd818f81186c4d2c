#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many events a second one core of the reader books: at least 10 million are wanted.

    ./dev bench reader
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(os.environ.get("SOURCE_DIR", Path(__file__).resolve().parents[2]))
BUILD = Path(os.environ.get("COROSCOPE", SOURCE / "build/release/bin/coroscope")).parents[1]
FOLDERS = ["cs_source", "cs_trace", "cs_model", "cs_base", "csa_wire"]
BOUND = 10e6


def compile_bench(folder):
    program = Path(folder) / "bench_reader"
    libraries = [str(path) for name in FOLDERS
                 for path in BUILD.glob(f"profiler/lib{name}.a")]
    includes = [f"-I{BUILD}/headers/{name}" for name in FOLDERS]
    subprocess.run(["cc", "-std=gnu11", "-O2", "-g", "-D_GNU_SOURCE", *includes,
                    f"-I{SOURCE}/tests", f"{SOURCE}/tests/bench/bench_reader.c",
                    f"{SOURCE}/tests/unit/profiler/source/producer.c",
                    *libraries, *libraries, "-lzstd", "-lcmocka", "-lm", "-o", program],
                   check=True)
    return program


def main():
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run([compile_bench(folder)], check=True, capture_output=True,
                                text=True)
    print(f"{'threads':>8} {'live blocks':>12} {'ns/event':>9} {'low':>7} {'high':>7} "
          f"{'M events/s':>11}  bound {BOUND / 1e6:.0f}")
    missed = 0
    for line in result.stdout.splitlines():
        case = json.loads(line)
        rate = 1e9 / case["ns"]
        missed += rate < BOUND
        print(f"{case['lanes']:>8} {case['live']:>12,} {case['ns']:>9.1f} {case['ns_low']:>7.1f} "
              f"{case['ns_high']:>7.1f} {rate / 1e6:>11.1f}  {'ok' if rate >= BOUND else 'MISSED'}")
    return 1 if missed else 0


sys.exit(main())
