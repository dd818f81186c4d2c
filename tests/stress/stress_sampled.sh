#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The sampled campaign in full: 1,000 seeded recordings, of which the intervals of at least
# 93 % must cover the truth. ./dev test runs a hundred of them.
set -euo pipefail

RUNS=${RUNS:-1000} exec python3 tests/integration/test_sampled.py
