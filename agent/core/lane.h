/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The producer's side of lanes (wire/ring.h). emit.h is what the rest of the agent uses.
 */
#ifndef CSA_CORE_LANE_H
#define CSA_CORE_LANE_H

#include <stdbool.h>

#include "core/thread.h"
#include "wire/record.h"

/* Reserves file space for a new lane and maps it into THREAD. False: no disk, no folder. */
bool csa_lane_open(struct csa_thread *thread);

/* Makes sure that BYTES at OFFSET of FD have room on the disk. False: they have not. */
bool csa_lane_space(long fd, uint64_t offset, uint64_t bytes);

/* Forgets an unfinished record whose maker was left by longjmp; publishes what is behind it. */
void csa_lane_abandon(struct csa_thread *thread);

/* Writes THREAD_START, _NAME or _END with what THREAD knows of itself. */
bool csa_lane_tell_thread(struct csa_thread *thread, enum cs_record_kind kind);

#endif
