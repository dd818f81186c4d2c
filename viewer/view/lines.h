/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines below each other in an area that is scrolled: those outside are counted, not drawn.
 */
#ifndef CSV_VIEW_LINES_H
#define CSV_VIEW_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "canvas/canvas.h"
#include "view/scene.h"

struct csv_lines {
	struct csv_canvas *canvas;
	struct csv_area area;
	int first, y; /* of the first and of the next line */
};

/* Below a ruler, with TOP lines scrolled away. */
void csv_lines_begin(struct csv_lines *lines, struct csv_canvas *canvas, struct csv_area area,
                     uint32_t top);
/* All are there: TOP is brought back where it went beyond them. */
void csv_lines_end(const struct csv_lines *lines, uint32_t *top);

void csv_lines_put(struct csv_lines *lines, int x, enum csv_role role, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* TITLE, then the stack of NODE (0: unknown); SOURCE: with its lines, where files are here. */
void csv_lines_stack(struct csv_lines *lines, const struct csv_scene *scene, const char *title,
                     uint32_t node, bool source);

#endif
