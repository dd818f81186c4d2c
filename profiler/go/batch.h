/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of many structs of one kind. The runtime allocates such structs side by side, so that
 * most of a batch lies in a few pieces of memory: each is read as a whole, with what is
 * between them, which costs the kernel a fraction of looking every struct up.
 */
#ifndef CS_GO_BATCH_H
#define CS_GO_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "go/memory.h"

#define CS_GO_BATCH_MAX 128u

struct cs_go_batch {
	unsigned char *bytes;                     /* owned */
	const unsigned char *at[CS_GO_BATCH_MAX]; /* the copies; zeroes where not got */
	bool got[CS_GO_BATCH_MAX];
	struct cs_go_piece pieces[CS_GO_BATCH_MAX];
};

/* 0 or -ENOMEM. */
int cs_go_batch_init(struct cs_go_batch *batch);
void cs_go_batch_free(struct cs_go_batch *batch);

/* COUNT structs of BYTES each, at most CS_GO_BATCH_MAX of 1 KiB. Errors are the process's. */
int cs_go_batch_read(struct cs_go_batch *batch, struct cs_go_memory *memory,
                     const uint64_t *addresses, uint32_t count, uint32_t bytes);

#endif
