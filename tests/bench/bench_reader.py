# SPDX-License-Identifier: Apache-2.0
"""How many events a second one core of the reader books, from lanes in memory."""
import json
import os
import subprocess
import tempfile
from pathlib import Path

import measure

SOURCE = Path(os.environ.get("SOURCE_DIR", Path(__file__).resolve().parents[2]))
BUILD = Path(measure.COROSCOPE).parents[1]
FOLDERS = ["cs_source", "cs_trace", "cs_model", "cs_base", "csa_wire"]


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


def booked():
    with tempfile.TemporaryDirectory() as folder:
        result = measure.run([compile_bench(folder)])
    for line in result.out.splitlines():
        case = json.loads(line)
        threads = "1 thread" if case["lanes"] == 1 else f"{case['lanes']} threads"
        measure.figure(f"reader, one core, {threads}, {case['live']:,} live blocks",
                       "M events/s", [1e3 / case[key] for key in ("ns_high", "ns", "ns_low")],
                       measure.at_least(10))


booked()
