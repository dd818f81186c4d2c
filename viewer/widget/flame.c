/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A frame narrower than one column is not drawn, nor are its callees. Columns are shared out
 * from the left, so that siblings never overlap.
 */
#include "widget/flame.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 1000

void csv_flame_release(struct csv_flame *flame)
{
	free(flame->frames);
	memset(flame, 0, sizeof(*flame));
}

static uint32_t push(struct csv_flame *flame)
{
	if (flame->count == flame->room) {
		uint32_t room = flame->room ? flame->room * 2 : 256;
		struct csv_flame_frame *frames =
			realloc(flame->frames, room * sizeof(*flame->frames));

		if (!frames)
			return CSV_FLAME_NONE;
		flame->frames = frames;
		flame->room = room;
	}
	return flame->count++;
}

uint32_t csv_flame_add(struct csv_flame *flame, uint32_t parent, uint32_t key, const char *name,
                       double value)
{
	uint32_t *link = NULL, id;

	if (parent != CSV_FLAME_NONE) {
		if (flame->frames[parent].depth >= DEPTH_MAX)
			return parent;
		for (link = &flame->frames[parent].child; *link != CSV_FLAME_NONE;
		     link = &flame->frames[*link].next) {
			if (flame->frames[*link].key == key) {
				flame->frames[*link].value += value;
				return *link;
			}
		}
	} else if (flame->count) {
		flame->frames[0].value += value;
		return 0;
	}
	id = push(flame);
	if (id == CSV_FLAME_NONE)
		return id;
	flame->frames[id] = (struct csv_flame_frame){
		.name = name,
		.value = value,
		.key = key,
		.parent = parent,
		.child = CSV_FLAME_NONE,
		.next = CSV_FLAME_NONE,
	};
	if (parent != CSV_FLAME_NONE) {
		/* push() may have moved the frames */
		flame->frames[id].depth = flame->frames[parent].depth + 1;
		flame->frames[id].next = flame->frames[parent].child;
		flame->frames[parent].child = id;
	}
	return id;
}

static int by_value(const void *a, const void *b)
{
	const struct csv_flame_frame *left = *(const struct csv_flame_frame *const *)a;
	const struct csv_flame_frame *right = *(const struct csv_flame_frame *const *)b;

	if (left->value < right->value || left->value > right->value)
		return left->value < right->value ? 1 : -1;
	return strcmp(left->name, right->name);
}

/* Children of FRAME from large to small; LIST has room for all. */
static void sort_children(struct csv_flame *flame, uint32_t frame, struct csv_flame_frame **list)
{
	uint32_t count = 0, *link = &flame->frames[frame].child;

	for (uint32_t id = *link; id != CSV_FLAME_NONE; id = flame->frames[id].next)
		list[count++] = &flame->frames[id];
	qsort(list, count, sizeof(*list), by_value); /* NOLINT: pointers are what is sorted */
	for (uint32_t i = 0; i < count; i++) {
		*link = (uint32_t)(list[i] - flame->frames);
		link = &list[i]->next;
	}
	*link = CSV_FLAME_NONE;
}

void csv_flame_sort(struct csv_flame *flame)
{
	struct csv_flame_frame **list = calloc(flame->count ? flame->count : 1, sizeof(*list));

	for (uint32_t i = 0; list && i < flame->count; i++)
		sort_children(flame, i, list);
	free(list);
	if (flame->zoom >= flame->count)
		flame->zoom = 0;
	if (flame->selected >= flame->count)
		flame->selected = 0;
}

/* ---- drawing ---- */

static bool is_within(const struct csv_flame *flame, uint32_t frame, uint32_t outer)
{
	while (frame != CSV_FLAME_NONE && frame != outer)
		frame = flame->frames[frame].parent;
	return frame == outer;
}

static void draw_frame(const struct csv_flame *flame, struct csv_canvas *canvas,
                       struct csv_area area, uint32_t id, const char *needle)
{
	const struct csv_flame_frame *frame = &flame->frames[id];
	enum csv_role role = CSV_ROLE_FLAME_1 + (frame->key * 2654435761u >> 30);

	if (id == flame->selected)
		role = CSV_ROLE_SELECTED;
	else if (needle && needle[0] && strstr(frame->name, needle))
		role = CSV_ROLE_MATCH;
	csv_fill(canvas, area, ' ', role);
	/* The last column stays free: it parts a frame from the next one. */
	csv_put(canvas, area.x, area.y, area.width > 2 ? area.width - 1 : area.width, role,
	        frame->name);
	if (area.width > 1)
		csv_fill(canvas, (struct csv_area){area.x + area.width - 1, area.y, 1, 1}, ' ',
		         CSV_ROLE_PLAIN);
}

/* Draws all frames that have a column or, without CANVAS, finds the one at (X, Y). */
static uint32_t lay_out(struct csv_flame *flame, struct csv_canvas *canvas, struct csv_area area,
                        uint32_t id, const char *needle, int x, int y)
{
	double total = flame->frames[id].value, sum = 0;
	int start = area.x;
	uint32_t hit = CSV_FLAME_NONE;

	if (area.height < 1 || area.width < 1)
		return hit;
	if (canvas)
		draw_frame(flame, canvas, (struct csv_area){area.x, area.y, area.width, 1}, id,
		           needle);
	else if (y == area.y && x >= area.x && x < area.x + area.width)
		return id;
	for (uint32_t child = flame->frames[id].child; child != CSV_FLAME_NONE && total > 0;
	     child = flame->frames[child].next) {
		sum += flame->frames[child].value;
		int end = area.x + (int)(sum / total * area.width);
		struct csv_area inner = {start, area.y + 1, end - start, area.height - 1};

		if (end > area.x + area.width)
			inner.width = area.x + area.width - start;
		uint32_t found = lay_out(flame, canvas, inner, child, needle, x, y);

		if (found != CSV_FLAME_NONE)
			hit = found;
		start = end;
	}
	return hit;
}

void csv_flame_draw(struct csv_flame *flame, struct csv_canvas *canvas, struct csv_area area,
                    const char *needle)
{
	if (!flame->count)
		return;
	if (!is_within(flame, flame->selected, flame->zoom))
		flame->selected = flame->zoom;
	lay_out(flame, canvas, area, flame->zoom, needle, -1, -1);
}

bool csv_flame_click(struct csv_flame *flame, struct csv_area area, int x, int y)
{
	uint32_t hit = CSV_FLAME_NONE;

	if (flame->count)
		hit = lay_out(flame, NULL, area, flame->zoom, NULL, x, y);
	if (hit == CSV_FLAME_NONE)
		return false;
	flame->selected = hit;
	return true;
}

/* ---- moving ---- */

static uint32_t neighbour(const struct csv_flame *flame, uint32_t id, int dx)
{
	uint32_t parent = flame->frames[id].parent, before = id;

	if (dx > 0)
		return flame->frames[id].next == CSV_FLAME_NONE ? id : flame->frames[id].next;
	if (parent == CSV_FLAME_NONE)
		return id;
	for (uint32_t at = flame->frames[parent].child; at != id; at = flame->frames[at].next)
		before = at;
	return before;
}

void csv_flame_move(struct csv_flame *flame, int dx, int dy)
{
	const struct csv_flame_frame *frame;

	if (!flame->count)
		return;
	frame = &flame->frames[flame->selected];
	if (dy < 0 && flame->selected != flame->zoom)
		flame->selected = frame->parent;
	else if (dy > 0 && frame->child != CSV_FLAME_NONE)
		flame->selected = frame->child;
	else if (dx && flame->selected != flame->zoom)
		flame->selected = neighbour(flame, flame->selected, dx);
}

void csv_flame_zoom(struct csv_flame *flame, bool in)
{
	if (!flame->count)
		return;
	if (in)
		flame->zoom = flame->selected;
	else if (flame->frames[flame->zoom].parent != CSV_FLAME_NONE)
		flame->zoom = flame->frames[flame->zoom].parent;
}
