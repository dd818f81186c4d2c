/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input is what happens to a table of coroutines and to what the reader is told of them:
 * steps, each a byte that says which, then its operands. Slots, texts, counts and records hold
 * whatever the input says; rounds of the reader come between them.
 */
#include <stdlib.h>
#include <string.h>

#include "source/guard.h"
#include "source/roster.h"
#include "wire/session.h"

#define SLOTS 64u
#define BYTES (CS_SLOTS_HEADER_BYTES + SLOTS * sizeof(struct cs_slot))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct scene {
	const uint8_t *data;
	size_t size;
	struct cs_model *model;
	struct cs_slot_table *table;
	struct cs_roster roster;
	uint32_t process, node;
	uint64_t now_ns;
};

/* ---- what the roster asks ---- */

static uint64_t time_ns(void *context, uint64_t stamp)
{
	(void)context;
	return stamp * 3;
}

static uint32_t spawn(void *context, uint64_t hash)
{
	const struct scene *scene = context;

	return hash % 2 ? scene->node : 0;
}

static uint32_t frame(void *context, uint64_t address)
{
	const struct scene *scene = context;

	return cs_model_frame(scene->model, CS_MODULE_NONE, address);
}

static uint32_t thread(void *context, uint32_t tid)
{
	(void)context;
	return tid % 3; /* one that there is, one that there isn't, none */
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
	struct cs_slot *slots = (struct cs_slot *)((uint8_t *)scene->table + CS_SLOTS_HEADER_BYTES);
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
	take(scene, scene->table->texts[id].text, CS_SLOT_TEXT_BYTES);
}

static void write_counts(struct scene *scene)
{
	struct {
		uint32_t slots, texts;
		uint64_t created, ended;
	} counts;

	take(scene, &counts, sizeof(counts));
	scene->table->slot_count = counts.slots;
	scene->table->text_count = counts.texts;
	scene->table->created = counts.created;
	scene->table->ended = counts.ended;
}

static void create(struct scene *scene)
{
	struct cs_record_coro_create record;
	bool again;

	take(scene, &record, sizeof(record));
	cs_roster_create(&scene->roster, &record, record.spawn % 2 ? scene->node : 0, scene->now_ns,
	                 &again);
}

static void end(struct scene *scene)
{
	struct cs_record_coro_end record;

	take(scene, &record, sizeof(record));
	cs_roster_end(&scene->roster, &record, scene->now_ns);
}

static void name(struct scene *scene)
{
	struct cs_record_coro_text record;

	take(scene, &record, sizeof(record));
	cs_roster_text(&scene->roster, &record);
}

static void look(struct scene *scene)
{
	struct cs_roster_sweep sweep = {
		.now_ns = scene->now_ns += 1000000000,
		.told_ns = scene->now_ns - 500000000,
		.sweep_ns = UINT64_MAX,
	};

	cs_roster_sweep(&scene->roster, &sweep);
	cs_model_sweep_coroutines(scene->model);
}

static void ask(struct scene *scene)
{
	uint32_t id;

	take(scene, &id, sizeof(id));
	cs_roster_reason_text(&scene->roster, id);
	cs_roster_find(&scene->roster, id);
}

static void (*const steps[])(struct scene *scene) = {
	write_slot, write_text, write_counts, create, end, name, look, ask,
};

/* ---- a run ---- */

static bool begin(struct scene *scene)
{
	const struct cs_process start = {.pid = 1};
	const struct cs_roster_world world = {
		.time_ns = time_ns,
		.span_ns = time_ns,
		.spawn = spawn,
		.frame = frame,
		.thread = thread,
		.context = scene,
	};
	struct cs_slot_table *table = scene->table;
	struct cs_slots *slots;

	memset(table, 0, BYTES);
	table->magic = CS_SLOTS_MAGIC;
	table->version = CS_WIRE_VERSION;
	table->header_bytes = CS_SLOTS_HEADER_BYTES;
	table->slot_bytes = sizeof(struct cs_slot);
	table->slots_max = CS_SLOTS_MAX;
	table->slot_count = SLOTS;
	scene->model = cs_model_new();
	scene->process = cs_model_process(scene->model, &start);
	cs_model_thread(scene->model, scene->process, 1, 0);
	scene->node = cs_model_node(scene->model, 0,
	                            cs_model_frame(scene->model, CS_MODULE_NONE, 0x4000));
	cs_roster_start(&scene->roster, &world);
	scene->roster.world.model = scene->model;
	scene->roster.world.process = scene->process;
	slots = cs_slots_open_memory(table, BYTES, NULL);
	if (slots)
		cs_roster_attach(&scene->roster, slots);
	return slots != NULL;
}

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
	struct scene scene = {.data = data, .size = size};

	if (!memory && (cs_guard_install() || posix_memalign(&memory, 4096, BYTES)))
		return 0;
	scene.table = memory;
	/* A header that is anything is refused, or it is as good as ours. */
	if (size > 64) {
		memset(memory, 0, BYTES);
		memcpy(memory, data, 64);
		cs_slots_close(cs_slots_open_memory(memory, BYTES - size % 512, NULL));
	}
	if (begin(&scene))
		run(&scene);
	cs_roster_free(&scene.roster);
	cs_model_free(scene.model);
	return 0;
}
