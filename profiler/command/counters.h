/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's counters in words.
 */
#ifndef CS_COMMAND_COUNTERS_H
#define CS_COMMAND_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

enum cs_counter_unit { CS_COUNTER_COUNT, CS_COUNTER_BYTES, CS_COUNTER_NS };

struct cs_counter_info {
	const char *name;  /* for scripts: "waits" */
	const char *words; /* for people, behind the figure: "waits for the reader" */
	enum cs_counter_unit unit;
	bool missing; /* speaks of something that the recording lacks */
};

/* NULL: not known here; a later agent counted it. */
const struct cs_counter_info *cs_counter_info(uint32_t counter);

#endif
