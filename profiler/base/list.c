/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant: segments[0 .. segment_count) are allocated and hold all of [0, count).
 */
#include "base/list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int cs_array_reserve(void **array, size_t *room, size_t element_bytes, size_t wanted)
{
	size_t next = *room ? *room : 16;
	void *moved;

	if (wanted <= *room)
		return 0;
	while (next < wanted) {
		if (next > SIZE_MAX / 2)
			return -ENOMEM;
		next *= 2;
	}
	moved = reallocarray(*array, next, element_bytes);
	if (!moved)
		return -ENOMEM;
	*array = moved;
	*room = next;
	return 0;
}

void cs_list_init(struct cs_list *list, size_t element_bytes, uint32_t shift)
{
	memset(list, 0, sizeof(*list));
	list->element_bytes = (uint32_t)element_bytes;
	list->shift = shift;
}

void cs_list_free(struct cs_list *list)
{
	for (uint32_t i = 0; i < list->segment_count; i++)
		free(list->segments[i]);
	free(list->segments);
	cs_list_init(list, list->element_bytes, list->shift);
}

static int add_segment(struct cs_list *list)
{
	void *segments = list->segments;
	size_t room = list->segment_room;
	int error = cs_array_reserve(&segments, &room, sizeof(*list->segments),
	                             (size_t)list->segment_count + 1);

	if (error)
		return error;
	list->segments = segments;
	list->segment_room = (uint32_t)room;
	list->segments[list->segment_count] = calloc((size_t)1 << list->shift, list->element_bytes);
	if (!list->segments[list->segment_count])
		return -ENOMEM;
	list->segment_count++;
	return 0;
}

void *cs_list_push(struct cs_list *list)
{
	if (list->count == UINT32_MAX - 1)
		return NULL;
	if (list->count >> list->shift == list->segment_count && add_segment(list))
		return NULL;
	return cs_list_at(list, list->count++);
}
