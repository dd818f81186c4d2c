/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One recorded process image: its ring, the merge of its lanes, its decoder and the process
 * as the kernel shows it, from the ring's appearance to the last record after its end.
 */
#ifndef CS_SOURCE_RECORDED_H
#define CS_SOURCE_RECORDED_H

#include "source/agent.h"
#include "source/merge.h"
#include "source/proc.h"
#include "source/ring.h"
#include "source/threads.h"

struct cs_recorded {
	struct cs_ring_reader *ring;
	struct cs_merge merge;
	struct cs_agent *agent;
	struct cs_proc proc;
	struct cs_threads threads; /* what the kernel says of them */
	uint32_t pid;              /* ours if found, else what it calls itself */
	bool ended;
	uint64_t ended_ns;   /* session time at which that was noticed */
	uint64_t totals_ns;  /* when the accounts were read last */
	uint64_t unfinished; /* emitted, neither delivered nor counted as lost */
	uint64_t reading_ns; /* the next reading of its memory is due */
	uint64_t names_ns;   /* … of its threads' names */
	uint64_t bytes;      /* passed on since waiting agents were told of progress */
	bool told;           /* damage has been reported */
	bool gap;            /* went on from a checkpoint, and some records in between are gone */
};

/* PARENT, EXEC_OF: of the recorded ones, or NULL. Takes RING, also on failure (NULL). */
struct cs_recorded *cs_recorded_new(const struct cs_agent_world *world, struct cs_ring_reader *ring,
                                    const struct cs_proc *proc, const struct cs_recorded *parent,
                                    const struct cs_recorded *exec_of);
/* One that is in the model already, as PROCESS. Takes RING and PROC unless it fails (NULL). */
struct cs_recorded *cs_recorded_of(const struct cs_agent_world *world, struct cs_ring_reader *ring,
                                   const struct cs_proc *proc, uint32_t process);
void cs_recorded_free(struct cs_recorded *recorded);

/*
 * Passes on what was older than LAG_NS (UINT64_MAX: everything there is) at LOOKED_NS, and returns
 * how full the fullest lane was, per mille. Rings were looked for after LOOKED_NS: what a child
 * found in its parent's books when it was forked must not be freed in them before it is known.
 */
uint32_t cs_recorded_drain(struct cs_recorded *recorded, uint64_t looked_ns, uint64_t lag_ns);

/* Passes on everything up to STAMP, which is past. */
void cs_recorded_drain_to(struct cs_recorded *recorded, uint64_t stamp);

/* Brings the accounts (emitted, lost, counters, refusal) into the model. */
void cs_recorded_totals(struct cs_recorded *recorded);

/* What neither records nor counters speak of, lane by lane; once, when all has been drained. */
void cs_recorded_close_accounts(struct cs_recorded *recorded);

/* It is gone: the rest of its records, its accounts, its end. */
void cs_recorded_end(struct cs_recorded *recorded);

/* The first lane or header that is damaged, in words; NULL: none. */
const char *cs_recorded_damage(const struct cs_recorded *recorded);

uint64_t cs_recorded_delivered(const struct cs_recorded *recorded);

#endif
