/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is what happens to a table of coroutines and to what the reader is told of them:
 * steps, each a byte that says which, then its operands. Slots, texts, counts and records hold
 * whatever the input says; rounds of the reader come between them.
 */
#include <stdlib.h>
#include <string.h>

#include "source/guard.h"
#include "support/roster_scene.h"

#define SLOTS 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct scene {
	const uint8_t *data;
	size_t size;
	struct roster_scene of;
	uint64_t now_ns;
};

/* One that there is, one that there isn't, none. */
static uint32_t any_thread(void *context, uint32_t tid)
{
	(void)context;
	return tid % 3;
}

/* ---- steps ---- */

static bool take(struct scene *scene, void *to, size_t bytes)
{
	size_t there = scene->size < bytes ? scene->size : bytes;

	memset(to, 0, bytes);
	memcpy(to, scene->data, there);
	scene->data += there;
	scene->size -= there;
	return there > 0;
}

static void write_slot(struct scene *scene)
{
	struct cs_slot *slots = scene->of.slots;
	struct {
		uint8_t index, from, bytes;
	} where;

	/* A part of a slot: small inputs in which nearly every byte matters. */
	if (!take(scene, &where, sizeof(where)))
		return;
	where.from %= sizeof(*slots);
	if (where.bytes > sizeof(*slots) - where.from)
		where.bytes = (uint8_t)(sizeof(*slots) - where.from);
	take(scene, (uint8_t *)&slots[where.index % SLOTS] + where.from, where.bytes);
}

static void write_text(struct scene *scene)
{
	uint8_t id;

	take(scene, &id, 1);
	take(scene, scene->of.table->texts[id].text, CS_SLOT_TEXT_BYTES);
}

static void write_counts(struct scene *scene)
{
	struct {
		uint32_t slots, texts;
		uint64_t created, ended;
	} counts;

	take(scene, &counts, sizeof(counts));
	scene->of.table->slot_count = counts.slots;
	scene->of.table->text_count = counts.texts;
	scene->of.table->created = counts.created;
	scene->of.table->ended = counts.ended;
}

static void create(struct scene *scene)
{
	struct cs_record_coro_create record;
	bool again;

	take(scene, &record, sizeof(record));
	cs_roster_create(&scene->of.roster, &record, record.spawn % 2 ? scene->of.node : 0,
	                 scene->now_ns, &again);
}

static void end(struct scene *scene)
{
	struct cs_record_coro_end record;

	take(scene, &record, sizeof(record));
	cs_roster_end(&scene->of.roster, &record, scene->now_ns);
}

static void name(struct scene *scene)
{
	struct cs_record_coro_text record;

	take(scene, &record, sizeof(record));
	cs_roster_text(&scene->of.roster, &record);
}

static void look(struct scene *scene)
{
	scene->now_ns += 1000000000;
	scene->of.told_ns = scene->now_ns - 500000000;
	roster_scene_look(&scene->of, scene->now_ns);
	cs_model_sweep_coroutines(scene->of.model);
}

static void ask(struct scene *scene)
{
	uint32_t id;

	take(scene, &id, sizeof(id));
	cs_roster_reason_text(&scene->of.roster, id);
	cs_roster_find(&scene->of.roster, id);
}

static void (*const steps[])(struct scene *scene) = {
	write_slot, write_text, write_counts, create, end, name, look, ask,
};

/* ---- a run ---- */

static void run(struct scene *scene)
{
	uint8_t step;

	while (take(scene, &step, 1))
		steps[step % (sizeof(steps) / sizeof(*steps))](scene);
	look(scene);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void *memory;
	const size_t bytes = roster_table_bytes(SLOTS);
	struct scene scene = {.data = data, .size = size};

	if (!memory && (cs_guard_install() || posix_memalign(&memory, 4096, bytes)))
		return 0;
	/* A header that is anything is refused, or it is as good as ours. */
	if (size > 64) {
		memset(memory, 0, bytes);
		memcpy(memory, data, 64);
		cs_slots_close(cs_slots_open_memory(memory, bytes - size % 512, NULL));
	}
	if (roster_scene_begin(&scene.of, memory, SLOTS, 1)) {
		scene.of.roster.world.thread = any_thread;
		run(&scene);
	}
	roster_scene_end(&scene.of);
	return 0;
}
