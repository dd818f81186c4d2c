/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long work in one thread that lets others go first: it asks for a rest every few thousand
 * steps, wherever what it works on may be left alone for a moment. Who gives the rest may do
 * anything meanwhile that does not touch that; it looks at the clock and mostly does nothing.
 */
#ifndef CS_BASE_PACE_H
#define CS_BASE_PACE_H

#include <stddef.h>
#include <stdint.h>

struct cs_pace {
	int (*rest)(void *context); /* not 0: the work is to end with this, -ECANCELED mostly */
	void *context;
};

/* Elements of a few tens of ns each between two rests. */
#define CS_PACE_STEPS 2048u

/* PACE NULL: nobody waits. */
static inline int cs_pace_rest(const struct cs_pace *pace)
{
	return pace ? pace->rest(pace->context) : 0;
}

/* The same in each turn of a loop. */
static inline int cs_pace_step(const struct cs_pace *pace, uint32_t step)
{
	return pace && step % CS_PACE_STEPS == CS_PACE_STEPS - 1 ? pace->rest(pace->context) : 0;
}

#endif
