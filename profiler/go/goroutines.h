/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All goroutines of a process at one time, each with its stack. Running programs change while
 * they are read: a goroutine counts only if its state was the same before and after its stack
 * was copied; those that were not are read again, and what never stands still is told to be
 * unstable.
 */
#ifndef CS_GO_GOROUTINES_H
#define CS_GO_GOROUTINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "go/freeze.h"
#include "go/names.h"
#include "go/process.h"

enum cs_go_seen_flag {
	CS_GO_SEEN_STACK = 1,     /* node is its stack */
	CS_GO_SEEN_UNSTABLE = 2,  /* state as last seen, no stack */
	CS_GO_SEEN_CUT = 4,       /* the stack lacks its outer part */
	CS_GO_SEEN_USER_CODE = 8, /* something on the stack is not the runtime's */
};

struct cs_go_seen {
	uint64_t number, parent;
	uint64_t creator_pc, start_pc, m, locked_m, labels, wait_since;
	uint64_t low, high, sp; /* sp 0: unknown */
	uint64_t hash;          /* of its stack's contents: changes when it has run */
	uint32_t node;
	uint32_t entry; /* frame */
	uint8_t status; /* enum cs_go_status */
	uint8_t reason;
	uint8_t flags;
};

struct cs_go_goroutines {
	struct cs_go_seen *seen; /* owned */
	size_t count, room;
	uint64_t unstable, rejected;
	uint64_t listed; /* entries of the runtime's list, dead ones included */
};

struct cs_go_read_options {
	bool stacks;
	enum cs_go_hide hide;
	const struct cs_go_freeze *freeze; /* NULL: it runs */
};

/*
 * Reads them into GOROUTINES, whose memory is used again. 0; -ESRCH: the process has gone, what
 * was read before is there; -ENOMEM, -EPERM.
 */
int cs_go_goroutines_read(struct cs_go_goroutines *goroutines, struct cs_go *go,
                          struct cs_go_names *names, const struct cs_go_read_options *options);
void cs_go_goroutines_free(struct cs_go_goroutines *goroutines);

#endif
