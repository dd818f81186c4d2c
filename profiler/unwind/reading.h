/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many small pieces of another process's memory at once: a system call for some hundred of
 * them instead of one for each. The target goes on meanwhile; nothing here stops it.
 */
#ifndef CS_UNWIND_READING_H
#define CS_UNWIND_READING_H

#include <stdint.h>

struct cs_piece {
	uint64_t address;
	uint32_t bytes;
	uint32_t got; /* out: how many of them could be read */
	void *to;
};

/*
 * Reads PIECES of PID. 0, also when some or all of them are not there; -ESRCH: it has gone;
 * -EPERM: we may not read it.
 */
int cs_reading(uint32_t pid, struct cs_piece *pieces, uint32_t count);

#endif
