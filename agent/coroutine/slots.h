/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of slots (wire/coroutine.h): made with the first coroutine, grown in chunks, copied
 * in a forked child. Slots are given out and taken back without locks.
 *
 * Addresses never change: all slots that there may ever be have their place from the start,
 * so a slot is also named by its line, its offset in units of 64 bytes.
 */
#ifndef CSA_COROUTINE_SLOTS_H
#define CSA_COROUTINE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/coroutine.h"

#define CSA_SLOT_LINES (sizeof(struct cs_slot) / 64)

extern uint8_t *csa_slots __attribute__((visibility("hidden"))); /* NULL: no table */

static inline struct cs_slot *csa_slot_at(uint32_t line)
{
	return (struct cs_slot *)(csa_slots + (size_t)line * 64);
}

static inline uint32_t csa_slot_line(const struct cs_slot *slot)
{
	return (uint32_t)((size_t)((const uint8_t *)slot - csa_slots) / 64);
}

static inline uint32_t csa_slot_index(const struct cs_slot *slot)
{
	return csa_slot_line(slot) / CSA_SLOT_LINES;
}

/* Makes the file. Once; not thread-safe. */
bool csa_slots_open(void);

/* It has been made: nobody is at it any more. */
bool csa_slots_whole(void);

/* In a forked child, if it is not: whoever was at it is not here. It can be made anew. */
void csa_slots_forget(void);

/* A free slot, all zero but for what is private; NULL: there is none. */
struct cs_slot *csa_slots_take(void);

/* Its coroutine has ended: number becomes 0. */
void csa_slots_give_back(struct cs_slot *slot);

/* Slots that were ever given out: their lines are below this many slots. */
uint32_t csa_slots_used(void);

/* The id of TEXT, at most CS_SLOT_TEXT_BYTES - 1 bytes of it; 0: the table of texts is full. */
uint16_t csa_slots_text(const char *text);

/* Its name and labels, cut to fit; NULL leaves them as they are. */
void csa_slots_set_text(struct cs_slot *slot, const char *name, const char *labels);

/*
 * Just before fork: a private copy of what the slots say now, because the parent goes on. It
 * is dropped in the parent, and in the child when that records: into a file of its own.
 */
void csa_slots_fork_copy(void);
void csa_slots_fork_drop(void);
bool csa_slots_fork_open(void);

#endif
