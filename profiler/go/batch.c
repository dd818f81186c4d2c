/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A piece that can't be read may hold a struct that can: its structs are asked for one by one.
 */
#include "go/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STRUCT_MAX 1024u
#define GAP_MAX 1024u /* from the start of one to that of the next */
#define ROOM ((size_t)CS_GO_BATCH_MAX * STRUCT_MAX)

_Static_assert(GAP_MAX <= STRUCT_MAX, "what is between two has room");

int cs_go_batch_init(struct cs_go_batch *batch)
{
	*batch = (struct cs_go_batch){.bytes = malloc(ROOM)};
	return batch->bytes ? 0 : -ENOMEM;
}

void cs_go_batch_free(struct cs_go_batch *batch)
{
	free(batch->bytes);
	*batch = (struct cs_go_batch){0};
}

/* Structs from FIRST on that lie in one piece. */
static uint32_t run_of(const uint64_t *addresses, uint32_t first, uint32_t count)
{
	uint32_t end = first + 1;

	while (end < count && addresses[end] > addresses[end - 1] &&
	       addresses[end] - addresses[end - 1] <= GAP_MAX)
		end++;
	return end - first;
}

static void read_apart(struct cs_go_batch *batch, struct cs_go_memory *memory,
                       const uint64_t *addresses, uint32_t index, uint32_t bytes)
{
	unsigned char *to = batch->bytes + (batch->at[index] - batch->bytes);

	batch->got[index] = cs_go_read(memory, addresses[index], to, bytes) == 0;
}

int cs_go_batch_read(struct cs_go_batch *batch, struct cs_go_memory *memory,
                     const uint64_t *addresses, uint32_t count, uint32_t bytes)
{
	uint32_t pieces = 0, piece = 0;
	size_t used = 0;

	for (uint32_t i = 0, run; i < count; i += run) {
		run = run_of(addresses, i, count);
		uint64_t length = addresses[i + run - 1] - addresses[i] + bytes;

		for (uint32_t k = i; k < i + run; k++)
			batch->at[k] = batch->bytes + used + (addresses[k] - addresses[i]);
		batch->pieces[pieces++] =
			(struct cs_go_piece){addresses[i], batch->bytes + used, length, false};
		used += length;
	}
	int error = cs_go_read_pieces(memory, batch->pieces, pieces);

	if (error)
		return error;
	for (uint32_t i = 0, run; i < count; i += run, piece++) {
		run = run_of(addresses, i, count);
		for (uint32_t k = i; k < i + run; k++) {
			batch->got[k] = batch->pieces[piece].got;
			if (!batch->got[k])
				read_apart(batch, memory, addresses, k, bytes);
		}
	}
	return 0;
}
