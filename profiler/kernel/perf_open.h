/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside perf_events: one event of one thread on one CPU, and why there is none.
 */
#ifndef CS_KERNEL_PERF_OPEN_H
#define CS_KERNEL_PERF_OPEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "kernel/perf_events.h"

struct cs_perf_want {
	const struct cs_perf_options *options;
	bool on_exec;
	bool user_only;
};

/* An fd, or -errno. TID 0: this thread. */
int cs_perf_open(const struct cs_perf_want *want, uint32_t tid, int cpu);

/* The reason of ERROR and the way out, for "sample the CPU time of process PID" (0: none). */
int cs_perf_explain(int error, uint32_t pid, struct cs_diag *diag);

/* The CPUs that are there, ascending; how many, at most MAX. At least 1. */
uint32_t cs_perf_cpus(uint32_t *cpus, uint32_t max);
/* "0-3,8,10-11": the kernel's way to write a set. For tests. */
uint32_t cs_perf_parse_cpus(const char *text, uint32_t *cpus, uint32_t max);

#endif
