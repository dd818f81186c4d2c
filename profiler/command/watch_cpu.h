/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU samples of a process that is observed from outside, charged to its coroutines: with the
 * help of its observer, who knows whose code an address is and which coroutine a thread runs.
 */
#ifndef CS_COMMAND_WATCH_CPU_H
#define CS_COMMAND_WATCH_CPU_H

#include <stdint.h>

#include "command/live.h"
#include "kernel/code.h"
#include "kernel/perf_events.h"

struct cs_watch_cpu;

struct cs_watch_cpu_options {
	uint32_t hz;
	struct cs_live *live;
	cs_code_module *on_module; /* of native code in it */
	void *context;
};

/* From now on, all threads of LIVE's process. NULL with DIAG: not permitted, and the way out. */
struct cs_watch_cpu *cs_watch_cpu_new(const struct cs_watch_cpu_options *options,
                                      struct cs_diag *diag);
void cs_watch_cpu_free(struct cs_watch_cpu *cpu);

/* What was sampled goes into the model, whose time is brought forward; how many samples. NULL: 0. */
uint64_t cs_watch_cpu_drain(struct cs_watch_cpu *cpu);

/* After a look: coroutines that run are where they were sampled last. */
void cs_watch_cpu_looked(struct cs_watch_cpu *cpu);

/*
 * The node where coroutine NUMBER in SLOT was sampled in the last AGE_NS; 0: it was not, or CPU
 * is NULL.
 */
uint32_t cs_watch_cpu_node(const struct cs_watch_cpu *cpu, uint32_t slot, uint64_t number,
                           uint64_t age_ns);

struct cs_watch_cpu_stats {
	struct cs_perf_counts perf;
	uint32_t hz;
	uint64_t charged_ns;
	uint64_t in_coroutines; /* samples whose coroutine is known */
};
/* All 0 of NULL. */
void cs_watch_cpu_stats(const struct cs_watch_cpu *cpu, struct cs_watch_cpu_stats *stats);

#endif
