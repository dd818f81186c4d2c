/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder: turns the records of one process image into the model. What it is given has
 * been checked for lengths (ring.h); what the values claim is believed only as far as it
 * concerns that process: a lie spoils its own figures and nothing else.
 */
#ifndef CS_SOURCE_AGENT_H
#define CS_SOURCE_AGENT_H

#include "model/books.h"
#include "model/model.h"
#include "source/clock.h"
#include "source/forks.h"
#include "source/merge.h"
#include "source/modules.h"
#include "source/ring.h"
#include "source/roster.h"
#include "source/stackmap.h"
#include "trace/trace.h"
#include "wire/session.h"

/* What decoders need of the world around them; shared by all of a session. */
struct cs_agent_world {
	struct cs_model *model;
	struct cs_clock *clock;
	struct cs_trace_writer *writer; /* told of losses; NULL none */
	struct cs_session *shared;      /* told of progress; NULL none */
	bool sched_events;              /* what coroutines do goes to the writer one by one */
	int folder_fd; /* of the session, where tables of coroutines are; -1 none */
	bool past;     /* all of it has happened before: the last record is the end */
	bool gap;      /* another reader has taken records out that nobody knows of any more */
	/* A module that was not known before: FD (-1: can't be opened) now belongs to the callee,
	 * PATH is where it can be opened again. May be NULL. */
	void (*on_module)(void *context, uint32_t module, int fd, const char *path);
	void *context;
};

struct cs_agent_thread {
	uint32_t id; /* of the model */
	uint32_t tid;
	uint64_t stack_low, stack_high;
	bool ended;
	bool outside; /* known by somebody else than its lane, which may begin later */
};

struct cs_agent {
	const struct cs_agent_world *world;
	const struct cs_ring_info *info;
	uint32_t process;   /* of the model */
	uint32_t host_pid;  /* as we see it */
	char ring_name[64]; /* "": it has no table of coroutines */
	struct cs_roster roster;
	struct cs_parked *parked; /* NULL: stacks of parked coroutines are not read */
	uint64_t table_ns;        /* when the table may be looked for again */
	struct cs_books *books;   /* NULL: no heap is recorded */
	struct cs_forks forks;    /* what they were when it forked */
	struct cs_stackmap stacks;
	struct cs_module_map modules;
	uint32_t own_module; /* the agent's, of the model; 0: not told yet */
	struct cs_agent_thread *threads;
	uint32_t thread_count, thread_capacity;
	uint32_t outside;   /* threads of that kind */
	uint64_t time_ns;   /* of the last record */
	uint64_t latest_ns; /* the present: no record is later, whatever its stamp says */
	uint64_t lost_told;
	uint64_t unbooked;  /* records that there was no memory for, or that made no sense */
	uint64_t undefined; /* uses of a stack that was never defined */
};

/*
 * A process that begins. PARENT: the one that INFO says it was forked from, brought to the
 * stamp of the fork; NULL otherwise. INFO must outlive the agent. NULL: no memory.
 */
struct cs_agent *cs_agent_new(const struct cs_agent_world *world, const struct cs_ring_info *info,
                              const struct cs_process *start, uint32_t host_pid,
                              const struct cs_agent *parent);
/* A process that is in the model already, as process PROCESS, with empty books. */
struct cs_agent *cs_agent_of(const struct cs_agent_world *world, const struct cs_ring_info *info,
                             uint32_t process, uint32_t host_pid);
void cs_agent_free(struct cs_agent *agent, struct cs_ring_reader *ring);

/* A cs_merge_visit; the context is the agent. */
void cs_agent_visit(void *context, struct cs_lane_reader *lane, const struct cs_record *first,
                    const struct cs_record *end);

/* It is gone: its threads have ended as well. */
void cs_agent_end(struct cs_agent *agent, uint64_t time_ns);

/*
 * Brings its coroutines to what they are now, as far as the bounds of SWEEP go (its parked and
 * times of the model are filled in here). WALK: stacks as well.
 */
void cs_agent_coroutines(struct cs_agent *agent, struct cs_roster_sweep *sweep, bool walk);

/* The model's thread of TID that lives, made if it has told nothing yet; 0: no memory. */
uint32_t cs_agent_thread_of(struct cs_agent *agent, uint32_t tid, uint64_t time_ns);

/* A thread's present name, from the outside. */
void cs_agent_name_thread(struct cs_agent *agent, uint32_t index, const char *name);

#endif
