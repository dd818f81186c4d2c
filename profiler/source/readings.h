/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel knows of recorded processes and no record tells: their memory by kind, and
 * the names that threads have given themselves since. Read now and then, as long as that
 * takes less than a hundredth of a processor.
 */
#ifndef CS_SOURCE_READINGS_H
#define CS_SOURCE_READINGS_H

#include "source/recorded.h"

struct cs_readings {
	uint64_t cost_ns; /* all of them together, CPU time */
	uint64_t *in_use; /* of each process of the model, at its last reading */
	uint32_t in_use_count;
	const char *session_path;
};

/* Takes those of RECORDED, which lives, that are due at NOW_NS of the session. */
void cs_readings_take(struct cs_readings *readings, struct cs_recorded *recorded, uint64_t now_ns);

/* Now, whatever is due: the last figures of a recording that ends before its process. */
void cs_readings_last(struct cs_readings *readings, struct cs_recorded *recorded, uint64_t now_ns);

void cs_readings_free(struct cs_readings *readings);

#endif
