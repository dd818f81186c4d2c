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
#include "view/scene.h"

#define CSV_DETAIL_STATES 16

struct csv_seen_state {
	uint64_t time_ns;
	uint32_t reason;
	uint8_t state;
};

struct csv_detail {
	bool open;
	uint32_t process, runtime;
	uint64_t number;
	uint32_t top;                                  /* lines scrolled */
	struct csv_seen_state seen[CSV_DETAIL_STATES]; /* since it was opened, newest last */
	uint32_t seen_count;
};

void csv_detail_open(struct csv_detail *detail, const struct cs_coroutine *coroutine);

/* A new scene: notes the state. */
void csv_detail_update(struct csv_detail *detail, const struct csv_scene *scene);

void csv_detail_draw(struct csv_detail *detail, const struct csv_scene *scene,
                     struct csv_canvas *canvas, struct csv_area area);

#endif
