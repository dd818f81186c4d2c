/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The details of one coroutine: what is known of it, the states it was seen in, where it was
 * created, where it is (with lines of source where the file is here), the heap that it holds.
 */
#ifndef CSV_VIEW_DETAIL_H
#define CSV_VIEW_DETAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "canvas/canvas.h"
#include "model/coroutine.h"
#include "view/coroutine_groups.h"
#include "view/scene.h"

struct csv_detail {
	bool open;
	struct csv_who who;
	uint32_t top; /* lines scrolled */
};

void csv_detail_open(struct csv_detail *detail, const struct cs_coroutine *coroutine);

void csv_detail_draw(struct csv_detail *detail, const struct csv_scene *scene,
                     struct csv_canvas *canvas, struct csv_area area);

/* The same place for the group in ROW of GROUPS. */
void csv_detail_draw_group(struct csv_detail *detail, const struct csv_scene *scene,
                           const struct csv_groups *groups, uint32_t row, struct csv_canvas *canvas,
                           struct csv_area area);

#endif
