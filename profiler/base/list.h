/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list: an array that grows and whose elements never move. Growing takes one segment more
 * and copies nothing, so a list of a million costs no stall; pointers to elements hold until
 * the list is freed. Elements are zeroed when they are pushed.
 */
#ifndef CS_BASE_LIST_H
#define CS_BASE_LIST_H

#include <stddef.h>
#include <stdint.h>

struct cs_list {
	unsigned char **segments;
	uint32_t segment_count;
	uint32_t segment_room;
	uint32_t count;
	uint32_t element_bytes;
	uint32_t shift; /* a segment holds 1 << shift elements */
};

/* Holds no memory until the first push. */
void cs_list_init(struct cs_list *list, size_t element_bytes, uint32_t shift);
void cs_list_free(struct cs_list *list);

/* The new last element, zeroed. NULL: no memory, or as many as 32 bits can count. */
void *cs_list_push(struct cs_list *list);

/* Element INDEX, from 0; the caller has checked INDEX < count. */
static inline void *cs_list_at(const struct cs_list *list, uint32_t index)
{
	uint32_t within = index & ((1u << list->shift) - 1);

	return list->segments[index >> list->shift] + (size_t)within * list->element_bytes;
}

/*
 * Makes room for WANTED elements of ELEMENT_BYTES in a plain array that may move: at least
 * doubles it. New room is not cleared. 0 or -ENOMEM, which leaves the array as it was.
 */
int cs_array_reserve(void **array, size_t *room, size_t element_bytes, size_t wanted);

#endif
