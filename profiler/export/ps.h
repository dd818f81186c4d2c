/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines and threads of a snapshot, listed or by group: what `ps` writes.
 */
#ifndef CS_EXPORT_PS_H
#define CS_EXPORT_PS_H

#include "base/sink.h"
#include "export/export.h"
#include "model/group.h"
#include "model/query.h"

struct cs_ps {
	const struct cs_snapshot *snapshot;
	struct cs_stacks *stacks;
	const uint32_t *rows; /* that were asked for, in order */
	uint32_t count;
	uint32_t hidden;                /* that are the runtimes' own */
	const struct cs_groups *groups; /* NULL: a list */
	enum cs_order order;
	bool with_stacks;
	bool with_threads;       /* text: also if there are coroutines */
	bool with_figures;       /* text: what runtimes say of themselves */
	const uint32_t *threads; /* JSON: ids of those that are listed; NULL: all that live */
	uint32_t thread_count;
	bool is_live;
	/* Of a live process: what the look cost and could not tell. */
	uint64_t duration_ns, frozen_ns, rejected;
};

/* 0 or -errno with DIAG set. The caller finishes the sink. */
int cs_ps_text(const struct cs_ps *ps, const struct cs_export_style *style, struct cs_sink *sink,
               struct cs_diag *diag);
int cs_ps_json(const struct cs_ps *ps, const struct cs_export_style *style, struct cs_sink *sink,
               struct cs_diag *diag);

/* For the files of this report: how many are shown of COUNT. */
uint32_t cs_ps_shown(const struct cs_export_style *style, uint32_t count);
/* Those whose state and stack changed while they were read. */
uint32_t cs_ps_unstable(const struct cs_snapshot *snapshot);
/* The table of the text: coroutines or groups. 0 or -ENOMEM. */
int cs_ps_table(const struct cs_ps *ps, const struct cs_export_style *style, struct cs_sink *sink);

#endif
