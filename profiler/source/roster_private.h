/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the roster's two files share; nobody else includes it.
 */
#ifndef CS_SOURCE_ROSTER_PRIVATE_H
#define CS_SOURCE_ROSTER_PRIVATE_H

#include "source/roster.h"

struct cs_roster_birth {
	uint64_t number, parent, entry, stack_low, stack_high, created_ns;
	uint32_t spawn;   /* node; 0: not known yet, or none */
	uint32_t runtime; /* text */
	uint32_t flags;
	bool told; /* by a record: to be counted */
};

/* The model's id for a text of the table; without a name it is "?". */
uint32_t cs_roster_runtime(struct cs_roster *roster, uint32_t text);
/* "name\0labels\0", of which nothing need be terminated. */
void cs_roster_set_texts(struct cs_roster *roster, uint32_t id, const char text[64]);
/* A sum of times. The clock of another core may be behind by little, so it may be less than 0. */
static inline uint64_t cs_roster_sum_ns(const struct cs_roster_world *world, uint64_t ticks)
{
	return world->span_ns(world->context, ticks >> 63 ? 0 : ticks);
}

/* Flags of a slot as those of the model. */
uint16_t cs_roster_flags(const struct cs_roster *roster, uint32_t flags);

/* The coroutine, with what its birth tells if that was not known. 0: no memory. */
uint32_t cs_roster_be_born(struct cs_roster *roster, const struct cs_roster_birth *birth);
/* ID was met in the table, where SPAWN is the hash of the stack that made it: a record will
 * tell of its birth, or … */
void cs_roster_expect(struct cs_roster *roster, uint32_t id, uint64_t spawn);
/* … is not expected any more, with what has been told until TOLD_NS. */
void cs_roster_count_lost(struct cs_roster *roster, uint64_t told_ns, uint64_t now_ns);
/* SLOT is a thread's: its stack is noted. */
void cs_roster_note_thread(struct cs_roster *roster, const struct cs_slot *slot);
/* ID is about to be as SLOT says; if that is that it runs, it may have left unnoticed … */
void cs_roster_suspect(struct cs_roster *roster, uint32_t id, const struct cs_slot *slot);
/* … and those that have are no longer said to run. */
void cs_roster_end_suspicion(struct cs_roster *roster, uint64_t now_ns);
/* It runs on no thread any more. */
void cs_roster_leave_thread(struct cs_roster *roster, uint32_t id, struct cs_coroutine *coroutine);
void cs_roster_end_one(struct cs_roster *roster, uint32_t id, uint64_t time_ns);

#endif
