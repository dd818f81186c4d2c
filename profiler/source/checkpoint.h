/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the reader alone knows, written into the session's folder at every tick: where in each
 * lane it is, which blocks live, what the agents' stacks stand for. With the trace, which has
 * the sums of that tick, and the rings, which keep what came later, another reader goes on
 * where this one was killed.
 */
#ifndef CS_SOURCE_CHECKPOINT_H
#define CS_SOURCE_CHECKPOINT_H

#include "source/recorded.h"

#define CS_CHECKPOINT_FILE "state"

/* ---- writing ---- */

/* Puts a checkpoint of MEMBERS at TIME_NS, a tick of the trace, in the last one's place. */
int cs_checkpoint_write(int folder, struct cs_recorded *const *members, uint32_t count,
                        uint64_t time_ns);

/* ---- reading ---- */

struct cs_checkpoint;

/* NULL: there is none, or it is damaged. */
struct cs_checkpoint *cs_checkpoint_read(int folder);
void cs_checkpoint_free(struct cs_checkpoint *checkpoint);
uint64_t cs_checkpoint_time(const struct cs_checkpoint *checkpoint);

/*
 * Whether the rings in FOLDER (-1: no) still hold all that came after it. If not, the trace's
 * end is nearer to the truth than this tick, and what was read in between is lost.
 */
bool cs_checkpoint_is_followed(struct cs_checkpoint *checkpoint, int folder);

/* RING belongs to a process that had ended, and has been read to its end. */
bool cs_checkpoint_is_over(const struct cs_checkpoint *checkpoint, const char *ring);

/*
 * The process of RING as it was, in a world whose model was loaded from the trace; lanes go on
 * where they were if the checkpoint is followed. Takes RING and PROC. NULL: it is not in it
 * (nothing is taken).
 */
struct cs_recorded *cs_checkpoint_resume(const struct cs_checkpoint *checkpoint,
                                         const struct cs_agent_world *world,
                                         struct cs_ring_reader *ring, const struct cs_proc *proc);

/* A process that it does not know of: its lanes are read from their beginning. */
void cs_checkpoint_rewind(const struct cs_checkpoint *checkpoint, struct cs_recorded *recorded);

#endif
