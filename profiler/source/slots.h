/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of a process's coroutines (wire/coroutine.h), from the reader's side: mapped for
 * reading alone, copied before anything in it is believed. Whoever writes it may be anything
 * from busy to hostile, and may cut the file short underneath.
 */
#ifndef CS_SOURCE_SLOTS_H
#define CS_SOURCE_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "wire/coroutine.h"

struct cs_slots {
	const struct cs_slot_table *shared; /* the header, behind it the slots */
	uint64_t mapped;
	int fd;
	uint64_t memory_bytes; /* fd -1: in memory of ours */
	uint32_t count;        /* slots at the last look */
	uint32_t text_count;
	uint64_t created;   /* at the last look */
	const char *damage; /* why it is read no further; NULL: sound */
	char texts[CS_SLOT_TEXTS][CS_SLOT_TEXT_BYTES];
};

/*
 * Opens the table that belongs to the ring RING_NAME, which began at RING_START, in the folder
 * FD. NULL: there is none yet (-ENOENT in DIAG), or DIAG says why it can't be read.
 */
struct cs_slots *cs_slots_open(int fd, const char *ring_name, uint64_t ring_start,
                               struct cs_diag *diag);
/* A table in memory of ours, for tests and fuzzers; it is not freed. */
struct cs_slots *cs_slots_open_memory(const void *memory, uint64_t bytes, struct cs_diag *diag);
void cs_slots_close(struct cs_slots *slots);
/* Removes the table of RING_NAME in the folder FD, if there is one. */
void cs_slots_unlink(int fd, const char *ring_name);

/* Sees slots and texts that are new. */
void cs_slots_look(struct cs_slots *slots);

/* The text ID, with nothing in it that could steer a terminal; NULL: none. */
const char *cs_slots_text(const struct cs_slots *slots, uint32_t id);

/* What was seen of a slot before. All zero: nothing. */
struct cs_slot_known {
	uint64_t number, turn;
	uint64_t walked; /* the turn whose stack is known */
};

struct cs_slot_copy {
	uint32_t index;
	bool torn; /* changed again and again while it was copied: only number and turn hold */
	struct cs_slot slot;
};

/*
 * Copies slots of [FROM, FROM + COUNT) that are not as KNOWN says (an entry for each of these),
 * or run now; with WALK also those that are as known, parked, and whose stack is not known. At
 * most ROOM; *NEXT is the slot to go on with.
 */
uint32_t cs_slots_changed(struct cs_slots *slots, uint32_t from, uint32_t count,
                          const struct cs_slot_known *known, bool walk, struct cs_slot_copy *copies,
                          uint32_t room, uint32_t *next);

/* Clears STILL[i] for each of COPIES that has moved on since it was made. */
void cs_slots_check(struct cs_slots *slots, const struct cs_slot_copy *copies, uint32_t count,
                    bool *still);

static inline enum cs_slot_state cs_slot_state(uint64_t turn)
{
	return (enum cs_slot_state)(turn & 0xff);
}

static inline bool cs_slot_is_parked(uint64_t turn)
{
	return cs_slot_state(turn) == CS_SLOT_WAITING || cs_slot_state(turn) == CS_SLOT_RUNNABLE ||
	       cs_slot_state(turn) == CS_SLOT_SUSPENDED;
}

/* Its registers are where its context says: it is parked, or its thread is in the kernel for it. */
static inline bool cs_slot_has_context(const struct cs_slot *slot)
{
	return cs_slot_is_parked(slot->turn) ||
	       (cs_slot_state(slot->turn) == CS_SLOT_RUNNING && (slot->flags & CS_SLOT_SYSCALL));
}

#endif
