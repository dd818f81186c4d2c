#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The tests that depend on how threads, signals and processes happen to meet, and on when
# somebody is killed, again and again for STRESS_SECONDS; the first failure ends it.
set -euo pipefail

end=$((SECONDS + ${STRESS_SECONDS:-300}))
rounds=0
while ((SECONDS < end)); do
	for test in exact_books trap_threads trap_processes trap_signals trap_killed \
		trap_hostile trap_reader bounded; do
		python3 "tests/integration/test_$test.py" >build/stress.log 2>&1 || {
			cat build/stress.log
			echo "$test failed in round $((rounds + 1))"
			exit 1
		}
	done
	rounds=$((rounds + 1))
done
echo "$rounds rounds without a failure"
