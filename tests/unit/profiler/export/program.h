/* SPDX-License-Identifier: Apache-2.0 */
/* A program of goroutines at a time, for tests of what ps selects and shows of it. */
#ifndef CS_TEST_PROGRAM_H
#define CS_TEST_PROGRAM_H

#include "export/ps.h"
#include "model/coroutine.h"
#include "support/unit.h"

#define SEC UINT64_C(1000000000)

enum { MAIN, SERVE, WORK, LOCK, PARK, NAMES };

struct program {
	struct cs_model *model;
	struct cs_symbols *symbols;
	struct cs_snapshot *snapshot; /* once it was taken */
	struct cs_stacks *stacks;
	uint32_t process, thread, go, frames[NAMES];
	uint32_t work, lock, main; /* stacks */
	/* What was asked for last. */
	uint32_t *rows;
	struct cs_groups groups;
	struct cs_sink out;
};

/* Without goroutines, ten seconds after its start. */
struct program program_begin(void);
uint32_t program_stack(struct program *program, int outer, int middle, int inner);
uint32_t program_add(struct program *program, uint64_t number, enum cs_coroutine_state state,
                     const char *reason, uint32_t node, uint64_t since_ns);
void program_take(struct program *program);
void program_end(struct program *program);

/* Taken: two wait for a lock, one for a channel, one runs, one is the runtime's. */
struct program program_of_five(void);

typedef int program_write_ps(const struct cs_ps *ps, const struct cs_export_style *style,
                             struct cs_sink *sink, struct cs_diag *diag);

/* Each stands until the next call: what QUERY selects, its groups, and what WRITE makes of it. */
struct cs_ps program_ask(struct program *program, const struct cs_query *query);
const struct cs_groups *program_group(struct program *program, const struct cs_ps *ps,
                                      enum cs_order order);
const char *program_write(struct program *program, program_write_ps *write, const struct cs_ps *ps,
                          struct cs_export_style style);

#endif
