/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session for the agent inside a test program: made on disk, joined by the real start-up.
 */
#ifndef TEST_AGENT_SESSION_H
#define TEST_AGENT_SESSION_H

#include "core/agent.h"

/* Starts the agent on a new session with lanes of LANE_BYTES. No heap is recorded. */
void session_begin(uint64_t lane_bytes, uint32_t flags);

/* The same with a heap: CS_HEAP_ALL, or the mean of a sample in bytes. */
void session_begin_heap(uint64_t lane_bytes, uint32_t flags, uint64_t heap_mean_bytes);

/* Removes the folder. The agent stays as it is until the next session_begin. */
void session_end(void);

/* The calling thread's block, with `busy` set as in a hook. */
struct csa_thread *session_thread(void);

#endif
