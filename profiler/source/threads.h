/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads of a live process as the kernel shows them: name, state, time on a CPU, time
 * spent waiting for one. From /proc/PID/task/TID/{comm,stat,schedstat}; nothing is stopped.
 *
 * Threads of the model that exist already (the agent told of them) are brought up to date;
 * the others are made only if the caller says so.
 *
 * A share of a CPU is that between two looks, at least SHARE_NS apart.
 */
#ifndef CS_SOURCE_THREADS_H
#define CS_SOURCE_THREADS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/model.h"

struct cs_known_thread {
	uint32_t tid;
	uint32_t id; /* of the model; 0: it was seen, and is made if it is still there next time */
	uint32_t look;          /* the last one that saw it */
	uint64_t cpu_ns, at_ns; /* what its share is counted from; CS_UNKNOWN: nothing yet */
};

/*
 * Makes the model's thread of TID, as others know it; 0: no memory. Asked for threads that two
 * looks have seen: one that was told of and is just ending is not made again.
 */
typedef uint32_t cs_thread_maker(void *context, uint32_t tid);

/* All zero is an empty one. One process each. */
struct cs_threads {
	struct cs_known_thread *known; /* by tid */
	size_t count, room;
	uint32_t seen; /* threads of the model that were looked at */
	uint32_t look;
	cs_thread_maker *maker; /* NULL: who is to be made is made at once */
	void *context;
};

/*
 * One look at the threads of PID, which is PROCESS of the model. Who is not there any more
 * ends. 0, -ESRCH: the process has gone, or -errno.
 */
int cs_threads_look(struct cs_threads *threads, uint32_t pid, struct cs_model *model,
                    uint32_t process, bool make);
/* The model's id of a thread that the last look saw. 0: none. */
uint32_t cs_threads_find(const struct cs_threads *threads, uint32_t tid);
void cs_threads_free(struct cs_threads *threads);

/* What one thread's files say, for tests. */
struct cs_thread_facts {
	char name[16];
	enum cs_thread_state state;
	uint64_t cpu_ns, wait_ns; /* CS_UNKNOWN */
};
/* From the texts of stat and schedstat (NULL: there is none). False: no sense in stat. */
bool cs_thread_parse(const char *stat, const char *schedstat, uint64_t ticks_per_second,
                     struct cs_thread_facts *facts);

#endif
