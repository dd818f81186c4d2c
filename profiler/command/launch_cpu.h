/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU samples of a launched program and of the processes that it starts: the kernel's samples,
 * brought together with what the agents told of modules and threads.
 */
#ifndef CS_COMMAND_LAUNCH_CPU_H
#define CS_COMMAND_LAUNCH_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/code.h"
#include "kernel/perf_events.h"
#include "model/model.h"
#include "source/clock.h"
#include "source/collector.h"

struct cs_launch_cpu;

struct cs_launch_cpu_options {
	uint32_t hz;
	bool children;
	struct cs_model *model;
	const struct cs_clock *clock;
	cs_code_module *on_module; /* as the collector's */
	void *context;
};

/* NULL with DIAG: the kernel does not allow it, and the way out. */
struct cs_launch_cpu *cs_launch_cpu_new(const struct cs_launch_cpu_options *options,
                                        struct cs_diag *diag);
void cs_launch_cpu_free(struct cs_launch_cpu *cpu);

/* PID waits to be let go: from its exec on. 0 or -errno with DIAG. */
int cs_launch_cpu_attach(struct cs_launch_cpu *cpu, uint32_t pid, struct cs_diag *diag);

/* Brings what was sampled into the model; after each pass of the collector. */
void cs_launch_cpu_drain(struct cs_launch_cpu *cpu, const struct cs_collector *collector);

struct cs_launch_cpu_stats {
	struct cs_perf_counts perf;
	uint32_t hz;
	uint64_t charged_ns; /* to processes that are recorded */
	uint64_t guessed;    /* samples whose callers were found by frame pointer alone */
	uint64_t strangers;  /* samples of processes that are not */
};
void cs_launch_cpu_stats(const struct cs_launch_cpu *cpu, struct cs_launch_cpu_stats *stats);

#endif
