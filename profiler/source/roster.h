/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The coroutines of one process, kept in the model from two tellers: records, which say when
 * one is created and ends, and the table of slots, which says what each is doing now. Either
 * may be missing for a while, or for ever: what the one leaves out the other heals.
 */
#ifndef CS_SOURCE_ROSTER_H
#define CS_SOURCE_ROSTER_H

#include "model/coroutine.h"
#include "source/parked.h"
#include "source/slots.h"
#include "wire/record.h"

/* What a roster needs to ask; none may be NULL. */
struct cs_roster_world {
	struct cs_model *model;
	uint32_t process;
	bool heap;                                          /* heap figures are kept */
	uint64_t (*time_ns)(void *context, uint64_t stamp); /* of the model */
	uint64_t (*span_ns)(void *context, uint64_t ticks); /* a length of time */
	uint32_t (*spawn)(void *context, uint64_t hash);    /* node; 0 unknown */
	uint32_t (*frame)(void *context, uint64_t address); /* 0 unknown */
	uint32_t (*thread)(void *context, uint32_t tid);    /* 0 unknown */
	/* Its stack pointer, while it waits in the kernel; 0 unknown. */
	uint64_t (*thread_sp)(void *context, uint32_t tid);
	void *context;
};

#define CS_ROSTER_RUNTIMES 64u

struct cs_roster {
	struct cs_roster_world world;
	struct cs_slots *slots; /* NULL: none yet */
	/* By slot: what was seen of it, and which coroutine of the model that is. */
	struct cs_slot_known *known;
	uint32_t *ids;
	size_t room, id_room;
	uint32_t cursor;
	/* Texts of the table as ids of the model; 0: not asked yet. */
	uint32_t runtimes[CS_SLOT_TEXTS], reasons[CS_SLOT_TEXTS];
	/* Runtimes that were met. */
	uint32_t met[CS_ROSTER_RUNTIMES];
	uint32_t met_count;
	/* Not in their slots any more; nothing has said so yet. */
	struct cs_roster_departed {
		uint64_t number;
		uint32_t id;
	} * departed;
	size_t departed_count, departed_room;
	/* Met in the table before their records, which may be lost. */
	struct cs_roster_unborn {
		uint64_t number, spawn, created_ns;
		uint32_t id;
	} * unborn;
	size_t unborn_count, unborn_room;
	/* Threads' own stacks. */
	struct cs_roster_stack {
		uint32_t tid;
		uint64_t low, high;
	} * stacks;
	size_t stack_count, stack_room;
	/* Said to run by who may not know that they have left. */
	struct cs_roster_suspect {
		uint64_t number, since_ns, low, high;
		uint32_t id, tid;
	} * suspects;
	size_t suspect_count, suspect_room;
	struct cs_slot_copy *copies;
};

void cs_roster_start(struct cs_roster *roster, const struct cs_roster_world *world);
void cs_roster_free(struct cs_roster *roster);
/* Takes SLOTS. */
void cs_roster_attach(struct cs_roster *roster, struct cs_slots *slots);

/* The living coroutine NUMBER; 0: not known. */
uint32_t cs_roster_find(const struct cs_roster *roster, uint64_t number);

/* A reason of the table as a text of the model; 0: none. */
uint32_t cs_roster_reason_text(struct cs_roster *roster, uint32_t text);

/*
 * What records tell; SPAWN: the node of the stack that created it. *AGAIN: its birth had been
 * told before, and it turned out to be something else. 0: no memory.
 */
uint32_t cs_roster_create(struct cs_roster *roster, const struct cs_record_coro_create *record,
                          uint32_t spawn, uint64_t time_ns, bool *again);
void cs_roster_end(struct cs_roster *roster, const struct cs_record_coro_end *record,
                   uint64_t time_ns);
void cs_roster_text(struct cs_roster *roster, const struct cs_record_coro_text *record);

struct cs_roster_sweep {
	struct cs_parked *parked; /* NULL: no stacks are walked */
	uint64_t now_ns;          /* of the model */
	uint64_t told_ns;         /* records until then have been seen */
	uint64_t sweep_ns; /* as long as this at most for the table, UINT64_MAX all of it … */
	uint64_t walk_ns;  /* … and for stacks */
	bool eager;        /* also stacks of those that were seen to run just before */
	/* Out: */
	uint64_t changed, unstable, walked;
	int error; /* why stacks can't be read */
};

/* One round, from where the last one ended. */
void cs_roster_sweep(struct cs_roster *roster, struct cs_roster_sweep *sweep);

#endif
