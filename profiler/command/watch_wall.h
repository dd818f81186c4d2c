/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wall-clock profile of coroutines by repeated reading: at each look every one is somewhere,
 * and has been there, as far as anybody can tell, since the look before. Looks are spaced at
 * random about their mean, so that nothing that recurs is always met at the same point; each
 * counts for the time since the last one, so that sums are right however late it comes.
 */
#ifndef CS_COMMAND_WATCH_WALL_H
#define CS_COMMAND_WATCH_WALL_H

#include <stdint.h>

#include "command/live.h"
#include "command/watch_cpu.h"
#include "source/clock.h"

#define CS_WATCH_WALL_HZ_DEFAULT 20u
#define CS_WATCH_WALL_HZ_MAX 1000u

struct cs_watch_wall {
	const struct cs_clock *clock;
	uint64_t mean_ns; /* between looks; 0: no profile */
	uint64_t due_ns;  /* UINT64_MAX: never */
	uint64_t last_ns;
	uint64_t random;
	/* For the summary. */
	uint64_t looks, look_ns;
	uint64_t counted_ns; /* from the first look to the last one */
};

void cs_watch_wall_start(struct cs_watch_wall *wall, uint32_t hz, const struct cs_clock *clock);
void cs_watch_wall_stop(struct cs_watch_wall *wall);
/* The session's time of the next look. */
static inline uint64_t cs_watch_wall_due(const struct cs_watch_wall *wall)
{
	return wall->due_ns;
}

/* Looks, and adds to the tallies. CPU (may be NULL) knows where running ones were sampled. As
 * cs_live_look(). */
int cs_watch_wall_look(struct cs_watch_wall *wall, struct cs_live *live,
                       const struct cs_watch_cpu *cpu, struct cs_diag *diag);

/* Adds ELAPSED_NS for each coroutine of PROCESS as MODEL has it now. For tests. */
void cs_watch_wall_add(struct cs_model *model, uint32_t process, const struct cs_watch_cpu *cpu,
                       uint64_t elapsed_ns);

#endif
