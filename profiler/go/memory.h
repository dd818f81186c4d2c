/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of the process that is read: a live one through process_vm_readv, or a recorded
 * image of one (tests and fuzzers). Whatever comes back is the target's, and may be anything.
 */
#ifndef CS_GO_MEMORY_H
#define CS_GO_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* One piece of a read of many. */
struct cs_go_piece {
	uint64_t address;
	void *to;
	size_t bytes;
	bool got; /* out: all of it */
};

struct cs_go_memory {
	/* Fills what can be read and sets `got` of each piece. 0 also when some could not be
	 * read; -ESRCH: the process has gone, -EPERM: not ours to read. */
	int (*read)(void *context, struct cs_go_piece *pieces, size_t count);
	void *context;
};

/* The live process PID; holds no resources. */
struct cs_go_memory cs_go_memory_of(uint32_t pid);

int cs_go_read_pieces(struct cs_go_memory *memory, struct cs_go_piece *pieces, size_t count);

/* All BYTES or an error: -EFAULT, -ESRCH, -EPERM. TO is cleared on error. */
int cs_go_read(struct cs_go_memory *memory, uint64_t address, void *to, size_t bytes);

/* A number of the target; false: not readable, and *VALUE is 0. */
bool cs_go_read_u64(struct cs_go_memory *memory, uint64_t address, uint64_t *value);
bool cs_go_read_u32(struct cs_go_memory *memory, uint64_t address, uint32_t *value);
bool cs_go_read_u8(struct cs_go_memory *memory, uint64_t address, uint8_t *value);

/*
 * A Go string {pointer, length} at ADDRESS, at most SIZE - 1 bytes, terminated, cut at a NUL.
 * False: not readable, longer than that, or empty.
 */
bool cs_go_read_string(struct cs_go_memory *memory, uint64_t address, char *to, size_t size);

/* Fields of a copied struct, whose end the caller has checked. */
static inline uint64_t cs_go_u64(const void *base, uint64_t offset)
{
	uint64_t value;

	memcpy(&value, (const char *)base + offset, sizeof(value));
	return value;
}

static inline uint32_t cs_go_u32(const void *base, uint64_t offset)
{
	uint32_t value;

	memcpy(&value, (const char *)base + offset, sizeof(value));
	return value;
}

#endif
