#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What the agent's unwinder costs: ./dev bench unwind
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mapfile -t sources < <(find agent/stack agent/core -name '*.c' ! -name 'entry_*' ! -name life.c \
	! -name sandbox.c ! -name thread.c ! -name 'lane*.c')
"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -DNDEBUG -DCSA_UNIT=1 -O2 -fno-builtin -fno-omit-frame-pointer \
	-fno-stack-protector -Iagent -Itests "${sources[@]}" tests/unit/agent/stack/scene.c \
	tests/bench/bench_unwind.c -o "$folder/bench_unwind" -lcmocka -pthread
"$folder/bench_unwind"
