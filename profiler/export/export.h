/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rollup can be written as: one const table per format.
 *
 * An export writes to the sink it is given and keeps no state. A rollup that has a base is
 * written as a comparison.
 */
#ifndef CS_EXPORT_EXPORT_H
#define CS_EXPORT_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/sink.h"
#include "model/rollup.h"

struct cs_export_style {
	uint32_t limit; /* entries, the largest first; 0: all */
	uint32_t width; /* columns of the terminal; 0: do not cut lines */
	bool colour;    /* escape sequences for colour are welcome */
};

struct cs_export {
	bool needs_stacks; /* wants a rollup by stack */
	/* 0, or -errno with DIAG set. The caller finishes the sink. */
	int (*write)(const struct cs_rollup *rollup, const struct cs_export_style *style,
	             struct cs_sink *sink, struct cs_diag *diag);
};

extern const struct cs_export cs_export_folded; /* fold, diff --folded (stack BASE VALUE) */
extern const struct cs_export cs_export_json;   /* heap --json, diff --json */
extern const struct cs_export cs_export_text;   /* heap, diff */

#endif
