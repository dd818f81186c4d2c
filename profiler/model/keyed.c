/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists whose things are found by key, and lists of what has changed.
 *
 * Invariant: the index holds the things [0, indexed) and no others.
 */
#include "model/state.h"

int cs_keyed_catch_up(struct cs_keyed *keyed, cs_key_hash *hash)
{
	while (keyed->indexed < keyed->list.count) {
		const void *thing = cs_list_at(&keyed->list, keyed->indexed);
		int error = cs_index_add(&keyed->index, hash(thing), keyed->indexed + 1);

		if (error)
			return error;
		keyed->indexed++;
	}
	return 0;
}

void *cs_keyed_add(struct cs_keyed *keyed, uint32_t hash)
{
	void *thing = cs_list_push(&keyed->list);

	if (!thing)
		return NULL;
	if (cs_index_add(&keyed->index, hash, keyed->list.count)) {
		keyed->list.count--;
		return NULL;
	}
	keyed->indexed = keyed->list.count;
	return thing;
}

void cs_keyed_free(struct cs_keyed *keyed)
{
	cs_list_free(&keyed->list);
	cs_index_free(&keyed->index);
}

int cs_dirty_reserve(struct cs_dirty *dirty, uint32_t count)
{
	void *ids = dirty->ids;
	int error = cs_array_reserve(&ids, &dirty->room, sizeof(*dirty->ids), count);

	dirty->ids = ids;
	return error;
}

void cs_dirty_visit(struct cs_dirty *dirty, cs_model_visit *visit, void *context)
{
	size_t count = dirty->count;

	dirty->count = 0;
	for (size_t i = 0; i < count; i++)
		visit(context, dirty->ids[i]);
}
