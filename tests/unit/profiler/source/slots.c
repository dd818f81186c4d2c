/* SPDX-License-Identifier: Apache-2.0 */
#include "slots.h"

#include <stdlib.h>
#include <unistd.h>

#include "source/guard.h"

int slots_begin(void **state)
{
	struct roster_scene *scene = calloc(1, sizeof(*scene));
	void *table = aligned_alloc(4096, (roster_table_bytes(SLOTS) + 4095) & ~(size_t)4095);

	assert_int_equal(cs_guard_install(), 0);
	assert_true(roster_scene_begin(scene, table, SLOTS, (uint32_t)getpid()));
	scene->table->slot_count = 1024;
	strcpy(scene->table->texts[1].text, "ucontext");
	strcpy(scene->table->texts[2].text, "read");
	strcpy(scene->table->texts[3].text, "stack");
	scene->table->text_count = 3;
	*state = scene;
	return 0;
}

int slots_end(void **state)
{
	struct roster_scene *scene = *state;

	roster_scene_end(scene);
	free(scene->table);
	free(scene);
	return 0;
}

struct cs_slot *slots_put(struct roster_scene *scene, uint32_t index, uint64_t number,
                          uint64_t switches, enum cs_slot_state state)
{
	struct cs_slot *slot = &scene->slots[index];

	slot->runtime = 1;
	slot->turn = switches << 8 | state;
	slot->number = number;
	return slot;
}

struct cs_coroutine *slots_coroutine(const struct roster_scene *scene, uint64_t number)
{
	return cs_model_coroutine_at(scene->model, cs_roster_find(&scene->roster, number));
}
