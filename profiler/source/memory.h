/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the resident memory of a process consists of, from /proc/PID/smaps. Reading it holds
 * the target's page tables still for a moment and costs time in proportion to its mappings:
 * the collector does it rarely.
 */
#ifndef CS_SOURCE_MEMORY_H
#define CS_SOURCE_MEMORY_H

#include "model/model.h"
#include "source/agent.h"

/* What the reader needs to tell mappings apart. */
struct cs_memory_known {
	const struct cs_agent *agent; /* thread stacks, the program's own mappings */
	uint64_t ring_inode;          /* of the ring's file */
	const char *session_path;     /* of its folder */
	uint64_t agent_bytes;         /* anonymous memory of the agent, as it counts it */
};

/* 0 or -errno; time_ns is left to the caller. */
int cs_memory_read(uint32_t pid, const struct cs_memory_known *known, struct cs_memory *memory);

/* The same from a text in memory, for tests. */
int cs_memory_parse(char *text, const struct cs_memory_known *known, struct cs_memory *memory);

#endif
