/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `coroscope info` knows, gathered once and written as text or JSON.
 */
#ifndef CS_COMMAND_INFO_H
#define CS_COMMAND_INFO_H

#include "base/sink.h"
#include "command/target.h"
#include "model/rollup.h"

struct cs_info {
	struct cs_target target;
	struct cs_moment moment;
	struct cs_rollup *totals[CS_METRIC_COUNT]; /* by process; NULL: not in the trace */
	uint64_t file_bytes;
};

void cs_info_text(const struct cs_info *info, struct cs_sink *sink);
void cs_info_json(const struct cs_info *info, struct cs_sink *sink);

#endif
