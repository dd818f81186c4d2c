/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runtime's profiles: lists of buckets, each a stack and its sums.
 */
#ifndef CS_GO_BUCKETS_H
#define CS_GO_BUCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "go/names.h"
#include "go/process.h"

enum cs_go_bucket_type { CS_GO_BUCKETS_MEMORY = 1, CS_GO_BUCKETS_BLOCK, CS_GO_BUCKETS_MUTEX };

#define CS_GO_RECORD_BYTES 128u /* the largest: of a memory profile */

struct cs_go_bucket {
	uint64_t size; /* of its objects; memory profile only */
	uint32_t node; /* 0: no stack */
	unsigned char record[CS_GO_RECORD_BYTES];
};

struct cs_go_buckets {
	struct cs_go_bucket *at; /* owned */
	size_t count, room;
};

/*
 * All buckets of the list whose head is at HEAD; those that make no sense end it. 0, -ENOMEM,
 * -ESRCH.
 */
int cs_go_buckets_read(struct cs_go_buckets *buckets, struct cs_go *go, struct cs_go_names *names,
                       uint64_t head, enum cs_go_bucket_type type);
void cs_go_buckets_free(struct cs_go_buckets *buckets);

#endif
