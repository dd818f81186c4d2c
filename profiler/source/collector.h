/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector: finds the rings of a session, brings what they tell into the model and the
 * model into the trace. One thread calls all of this. A recording that has nothing to do
 * sleeps; the agents wake it when a lane is half full.
 */
#ifndef CS_SOURCE_COLLECTOR_H
#define CS_SOURCE_COLLECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "model/model.h"
#include "source/checkpoint.h"
#include "source/clock.h"
#include "source/session.h"
#include "trace/trace.h"

#define CS_TICK_NS UINT64_C(100000000)
#define CS_KEYFRAME_NS UINT64_C(5000000000)

struct cs_collector;
struct cs_recorded;

struct cs_collector_options {
	struct cs_session_folder *session;
	struct cs_clock *clock; /* started; outlives the collector, as all of these */
	struct cs_model *model;
	struct cs_trace_writer *writer; /* NULL: nothing is written */
	bool no_readings;               /* don't look at /proc of the processes */
	bool checkpoints;               /* another reader may have to go on: source/checkpoint.h */
	/* A reader that was killed had come this far; all there is will be read at once. NULL. */
	const struct cs_checkpoint *resume;
	bool gap;  /* what it took out of the rings since then is gone */
	bool past; /* no reader has been there since: the last record is the end */
	/* A module that was not known before: FD (-1: can't be opened) now belongs to the callee,
	 * PATH is where it can be opened again. May be NULL. */
	void (*on_module)(void *context, uint32_t module, int fd, const char *path);
	void *context;
};

/* NULL: no memory. */
struct cs_collector *cs_collector_new(const struct cs_collector_options *options);
void cs_collector_free(struct cs_collector *collector);

/* Does what there is to do, then sleeps until there is more, at most TIMEOUT_NS. Returns
 * early on a signal. */
void cs_collector_poll(struct cs_collector *collector, uint64_t timeout_ns);

/* A process has ended: the next poll looks which. */
void cs_collector_hurry(struct cs_collector *collector);

/* Takes everything out of all rings, writes the last tick and a keyframe. Processes that
 * live on are recorded no further. */
void cs_collector_finish(struct cs_collector *collector);

/* Something that went wrong and that a person should hear of, once each; false: no more. */
bool cs_collector_problem(struct cs_collector *collector, struct cs_diag *diag);

/* The trace can't be written any further (its error is told as a problem). */
bool cs_collector_failed(const struct cs_collector *collector);

/* Processes that are recorded and live. */
uint32_t cs_collector_alive(const struct cs_collector *collector);

/* Live processes that may still be recorded, though they have told nothing yet: a child makes
 * its ring when it has something to tell. Reads all of /proc, so ask now and then. */
uint32_t cs_collector_expected(const struct cs_collector *collector);

/* The model's id of the first ring of PID, 0: none has appeared. */
uint32_t cs_collector_find(const struct cs_collector *collector, uint32_t pid);

/* Who it was that was called PID (as we see it) at TIME_NS: NULL, or until the next poll. */
const struct cs_recorded *cs_collector_recorded(const struct cs_collector *collector, uint32_t pid,
                                                uint64_t time_ns);

/* Bytes of heap in use in PROCESS of the model when its memory was read last. */
uint64_t cs_collector_read_in_use(const struct cs_collector *collector, uint32_t process);

struct cs_collector_stats {
	uint64_t events;  /* delivered */
	uint64_t emitted; /* = events + lost + unfinished, once all has been drained */
	uint64_t lost;
	uint64_t unfinished; /* records in whose making a thread was killed */
	uint64_t late;
	uint64_t undefined;  /* uses of stacks whose definition was lost */
	uint64_t unbooked;   /* events that there was no memory for, or that made no sense */
	uint32_t unreadable; /* rings that could not be opened */
};

void cs_collector_stats(const struct cs_collector *collector, struct cs_collector_stats *stats);

#endif
