/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines grouped by where they are: those with the same stack and reason are one row, with
 * how their number has changed since the mark (or the start) and over the last minute.
 */
#ifndef CSV_VIEW_COROUTINE_GROUPS_H
#define CSV_VIEW_COROUTINE_GROUPS_H

#include <stdint.h>

#include "base/index.h"
#include "model/coroutine.h"
#include "view/scene.h"
#include "widget/expression.h"
#include "widget/grid.h"

struct csv_group {
	const struct cs_stack *stack; /* NULL: unknown */
	uint32_t reason;              /* text */
	uint8_t state;                /* of all of them; CS_COROUTINE_UNKNOWN: several */
	uint32_t example;             /* slot of the one that is longest in its state */
	uint64_t count, count_base, count_minute;
	uint64_t longest_ns;                   /* in its state; CS_UNKNOWN */
	uint64_t heap_bytes, cpu_ns, switches; /* sums; CS_UNKNOWN: of no one */
};

struct csv_groups {
	const struct csv_scene *scene;
	struct csv_group *groups;
	uint32_t count, room;
	uint64_t total; /* coroutines */
	struct cs_index index;
};

extern const struct csv_column csv_group_columns[];

/* Of all coroutines of SCENE that pass FILTER (NULL: all). 0 or -ENOMEM. */
int csv_groups_fill(struct csv_groups *groups, const struct csv_scene *scene,
                    struct csv_expression *filter);
void csv_groups_release(struct csv_groups *groups);

struct csv_rows csv_groups_grid(const struct csv_groups *groups);

#endif
