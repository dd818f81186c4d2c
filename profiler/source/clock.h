/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw stamps to nanoseconds since the session's start. The reader takes pairs of (counter,
 * CLOCK_MONOTONIC) throughout; between two pairs time is linear, after the last one it goes
 * on at the last rate. So slewing of the clock is followed, and what a recording says about
 * the past never changes.
 */
#ifndef CS_SOURCE_CLOCK_H
#define CS_SOURCE_CLOCK_H

#include <stdint.h>

#include "wire/ring.h"

#define CS_CLOCK_PAIRS 512u

struct cs_clock_pair {
	uint64_t stamp;
	uint64_t mono_ns;
};

struct cs_clock {
	uint64_t mono_start_ns; /* CLOCK_MONOTONIC at the session's start */
	uint64_t wall_start_ns; /* CLOCK_REALTIME at that moment */
	uint32_t count;
	/* The line in use: ns = line_ns + (stamp - line_stamp) * line_rate / 2^32,
	 * for stamps in [line_stamp, line_end). */
	uint64_t line_stamp, line_end, line_ns, line_rate;
	struct cs_clock_pair pairs[CS_CLOCK_PAIRS];
};

uint64_t cs_clock_monotonic_ns(void);
/* CPU time that this thread has used. */
uint64_t cs_clock_used_ns(void);
uint64_t cs_clock_tsc(void);

/* The present as agents with this enum cs_ring_clock would stamp it. */
uint64_t cs_clock_stamp(uint32_t kind);

/* Now is the session's start. */
void cs_clock_start(struct cs_clock *clock);

/* Behind cs_clock_start(): the session started before, at this moment of CLOCK_MONOTONIC. */
void cs_clock_set_start(struct cs_clock *clock, uint64_t mono_start_ns);

/* The session started long ago, at these moments of the three clocks. */
void cs_clock_resume(struct cs_clock *clock, uint64_t mono_start_ns, uint64_t wall_start_ns,
                     uint64_t stamp);

/* Call often: takes a pair when the last one is old enough. */
void cs_clock_tick(struct cs_clock *clock);

/* For tests: a pair that was not measured. In order. */
void cs_clock_add(struct cs_clock *clock, uint64_t stamp, uint64_t mono_ns);

/* CLOCK_MONOTONIC now, as time of the session. */
uint64_t cs_clock_now_ns(const struct cs_clock *clock);

/* A length of time in stamps. */
uint64_t cs_clock_span(struct cs_clock *clock, uint32_t kind, uint64_t ns);

uint64_t cs_clock_ns_slow(struct cs_clock *clock, uint64_t stamp);

/* ns since the session's start of a stamp of KIND; 0 for any time before it. */
static inline uint64_t cs_clock_ns(struct cs_clock *clock, uint32_t kind, uint64_t stamp)
{
	if (kind == CS_CLOCK_MONOTONIC)
		return stamp > clock->mono_start_ns ? stamp - clock->mono_start_ns : 0;
	if (stamp - clock->line_stamp >= clock->line_end - clock->line_stamp)
		return cs_clock_ns_slow(clock, stamp);
	return clock->line_ns +
	       (uint64_t)(((unsigned __int128)(stamp - clock->line_stamp) * clock->line_rate) >>
	                  32);
}

#endif
