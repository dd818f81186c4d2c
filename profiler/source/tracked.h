/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that somebody records: its session, found by what it has mapped. We only read:
 * lanes belong to the recorder.
 */
#ifndef CS_SOURCE_TRACKED_H
#define CS_SOURCE_TRACKED_H

#include "base/diag.h"
#include "source/note.h"
#include "wire/ring.h"

struct cs_tracked {
	int folder_fd; /* of the session; -1 none */
	char ring_name[64];
	uint32_t clock; /* enum cs_ring_clock */
	uint64_t start_stamp, start_mono_ns, boot_ticks;
	struct cs_note note; /* of its recorder; empty: none could be read */
};

/* 1: PID is being recorded; 0: it is not; -errno with DIAG. Close it in any case. */
int cs_tracked_find(struct cs_tracked *tracked, uint32_t pid, struct cs_diag *diag);
void cs_tracked_close(struct cs_tracked *tracked);

#endif
