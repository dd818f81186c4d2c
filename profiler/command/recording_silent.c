/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why the agent of a program may not have been heard of: what can be told from here.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "command/recording.h"
#include "wire/ring.h"
#include "wire/session.h"

/* The limit of its files, if no ring fits into it; else 0. */
static uint64_t file_limit(const struct cs_recording *recording)
{
	uint64_t need = CS_RING_HEADER_BYTES + CS_LANE_HEADER_BYTES + recording->config.lane_bytes;
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < need ? limit.rlim_cur : 0;
}

void cs_recording_why_silent(const struct cs_recording *recording, struct cs_diag *diag)
{
	const char *program = recording->args->operands[0];
	const char *disable = getenv(CS_ENV_DISABLE);
	uint64_t bytes = file_limit(recording);

	if (disable && !strcmp(disable, "1")) {
		cs_diag_set(diag, -ENOTSUP, "record %s: " CS_ENV_DISABLE "=1 is in its environment",
		            program);
		cs_diag_hint(diag, "unset " CS_ENV_DISABLE);
		return;
	}
	if (bytes) {
		cs_diag_set(diag, -ENOTSUP,
		            "record %s: its files may have %" PRIu64 " bytes, too few for a ring",
		            program, bytes);
		cs_diag_hint(diag, "raise the limit (ulimit -f), or name a smaller --buffer");
		return;
	}
	cs_diag_set(diag, -ENOTSUP, "record %s: its agent %s", program,
	            recording->root_ended ? "was never heard of"
	                                  : "has not been heard of in a second");
	cs_diag_hint(diag,
	             "did the program start another one without its environment, or in a "
	             "container? 'coroscope doctor %s' looks for reasons",
	             program);
}
