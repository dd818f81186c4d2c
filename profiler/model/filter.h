/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which part of a snapshot is looked at: processes, threads, stacks.
 */
#ifndef CS_MODEL_FILTER_H
#define CS_MODEL_FILTER_H

#include <stdbool.h>

#include "model/snapshot.h"
#include "model/stacks.h"

/* As the user typed it; NULL: everything. */
struct cs_filter_options {
	const char *process; /* PIDs or program names, separated by commas */
	const char *thread;  /* TIDs or thread names, separated by commas */
	const char *focus;   /* extended regex: keep stacks in which some function matches */
	const char *ignore;  /* extended regex: drop stacks in which some function matches */
};

struct cs_filter;

/* NULL with DIAG set: a pattern is wrong, or no memory. */
struct cs_filter *cs_filter_new(const struct cs_filter_options *options, struct cs_diag *diag);
void cs_filter_free(struct cs_filter *filter);

/*
 * -ENOENT with the valid ones in DIAG when a process or thread that was asked for by name or
 * number is not in SNAPSHOT. FILTER may be NULL.
 */
int cs_filter_check(const struct cs_filter *filter, const struct cs_snapshot *snapshot,
                    struct cs_diag *diag);

/* FILTER may be NULL: everything passes. */
bool cs_filter_process(const struct cs_filter *filter, const struct cs_process *process);
bool cs_filter_thread(const struct cs_filter *filter, const struct cs_thread *thread);
bool cs_filter_has_patterns(const struct cs_filter *filter);
/* Bits: 1 focus matches, 2 ignore matches. Without focus, bit 1 is always set. */
unsigned cs_filter_call(const struct cs_filter *filter, const struct cs_call *call);

#endif
