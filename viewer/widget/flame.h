/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flame graph in characters: a tree of calls, each as wide as its share. The root is at the
 * top, as an icicle; a frame can be zoomed into and is then as wide as the screen.
 */
#ifndef CSV_WIDGET_FLAME_H
#define CSV_WIDGET_FLAME_H

#include <stdbool.h>
#include <stdint.h>

#include "canvas/canvas.h"

#define CSV_FLAME_NONE UINT32_MAX

struct csv_flame_frame {
	const char *name; /* borrowed */
	double value;     /* with callees */
	uint32_t key;     /* what calls are the same: equal keys under one parent are one frame */
	uint32_t parent, child, next; /* CSV_FLAME_NONE: none; children from large to small */
	uint16_t depth;
};

/* frames[0] is the root. All zero is an empty one. */
struct csv_flame {
	struct csv_flame_frame *frames;
	uint32_t count, room;
	uint32_t zoom, selected; /* frames */
};

void csv_flame_release(struct csv_flame *flame);
/* The frame KEY, NAME under PARENT (CSV_FLAME_NONE: the root itself); VALUE is added. */
uint32_t csv_flame_add(struct csv_flame *flame, uint32_t parent, uint32_t key, const char *name,
                       double value); /* CSV_FLAME_NONE: no memory */
/* After the last add: orders children by value. */
void csv_flame_sort(struct csv_flame *flame);

void csv_flame_draw(struct csv_flame *flame, struct csv_canvas *canvas, struct csv_area area,
                    const char *needle);
/* Moves the selection: to the caller, the largest callee, the neighbours. */
void csv_flame_move(struct csv_flame *flame, int dx, int dy);
void csv_flame_zoom(struct csv_flame *flame, bool in);
bool csv_flame_click(struct csv_flame *flame, struct csv_area area, int x, int y);

#endif
