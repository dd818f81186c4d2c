/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes on this machine that can be watched: Go programs, native ones that somebody
 * records, and those of which it can't be told because they may not be read. They are only
 * looked at: nothing is stopped, and nothing is written to them.
 */
#ifndef CS_COMMAND_CANDIDATES_H
#define CS_COMMAND_CANDIDATES_H

#include <stddef.h>
#include <stdint.h>

#include "base/sink.h"

struct cs_candidate {
	uint32_t pid;
	char user[33];       /* its name, or its number */
	const char *kind;    /* "go", "native"; NULL: it can't be told */
	char version[64];    /* of Go; "" unknown */
	uint64_t coroutines; /* at most so many; CS_UNKNOWN */
	char command[256];   /* its command line */
	char refusal[160];   /* why it can't be watched; "" it can */
};

struct cs_candidates {
	struct cs_candidate *all; /* those that can be watched first, the largest first */
	size_t count, room;
};

/*
 * 0 or -ENOMEM. Looks at no more than some thousand processes, and reads version and number of
 * coroutines for half a second: of those that come after it they are not known.
 */
int cs_candidates_find(struct cs_candidates *list);
void cs_candidates_free(struct cs_candidates *list);

/* For people; for scripts; and for the viewer, which shows them to choose one. */
void cs_candidates_text(const struct cs_candidates *list, struct cs_sink *sink);
void cs_candidates_json(const struct cs_candidates *list, struct cs_sink *sink);
void cs_candidates_lines(const struct cs_candidates *list, struct cs_sink *sink);

/* Another process than NOT that runs the executable PATH and can be watched; 0: there is none. */
uint32_t cs_candidate_of(const char *path, uint32_t not );

#endif
