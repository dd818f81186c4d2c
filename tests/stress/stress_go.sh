#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Go programs in full: every version that Go's toolchain switching can bring against the
# programs' own profiles, then a million stacks of goroutines that are created and end all the
# time, at each level. GO_VERSIONS and STACKS say otherwise.
set -euo pipefail

# Go switches to these when it is 1.21 or newer itself.
export COROSCOPE_GO_VERSIONS=${GO_VERSIONS:-1.18.10 1.20.14 1.21.13 1.22.12 1.23.12 1.24.12 1.25.7 1.26.8 1.27.1}
python3 tests/integration/test_go_matrix.py
exec python3 tests/stress/go_churn.py "${STACKS:-1000000}"
