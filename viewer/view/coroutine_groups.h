/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines grouped by where they are (model/group.h), with how their number has changed since
 * the mark (or the start) and over the last minute.
 */
#ifndef CSV_VIEW_COROUTINE_GROUPS_H
#define CSV_VIEW_COROUTINE_GROUPS_H

#include <stdint.h>

#include "base/pace.h"
#include "base/text.h"
#include "model/group.h"
#include "view/scene.h"
#include "widget/expression.h"
#include "widget/grid.h"

/* How many stood there at earlier moments. */
struct csv_group_then {
	uint64_t base, minute;
};

struct csv_groups {
	const struct csv_scene *scene;
	struct cs_groups groups;     /* the examples are slots of the scene's model */
	struct csv_group_then *then; /* by group */
};

extern const struct csv_column csv_group_columns[];

/* Of all coroutines of SCENE that pass FILTER (NULL: all). 0, -ENOMEM, or what a rest at PACE
 * (NULL: none) gave: there are none then. */
int csv_groups_fill(struct csv_groups *groups, const struct csv_scene *scene,
                    struct csv_expression *filter, const struct cs_pace *pace);
void csv_groups_release(struct csv_groups *groups);
/* The earlier moments of the scene are others now. */
void csv_groups_recount(struct csv_groups *groups);

/* How the count of a row has changed, in words. */
struct cs_text csv_groups_change(const struct csv_groups *groups, uint32_t row, bool minute);

struct csv_rows csv_groups_grid(const struct csv_groups *groups);

#endif
