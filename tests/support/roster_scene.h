/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A roster with the little world that it asks, and a table of slots that is written by whoever
 * tests: one process, one thread, one place that coroutines are made at.
 */
#ifndef SUPPORT_ROSTER_SCENE_H
#define SUPPORT_ROSTER_SCENE_H

#include <string.h>

#include "source/roster.h"
#include "wire/session.h"

#define ROSTER_TID 5u /* of the one thread */

struct roster_scene {
	struct cs_model *model;
	struct cs_slot_table *table;
	struct cs_slot *slots;
	struct cs_roster roster;
	uint32_t process, node, thread;
	struct cs_roster_sweep sweep; /* of the last look */
	struct cs_parked *parked;     /* NULL: stacks are not looked at */
	uint64_t told_ns;             /* up to when records have told everything */
};

static inline uint64_t roster_time_ns(void *context, uint64_t stamp)
{
	(void)context;
	return stamp * 10;
}

static inline uint32_t roster_spawn(void *context, uint64_t hash)
{
	const struct roster_scene *scene = context;

	return hash % 2 ? scene->node : 0;
}

static inline uint32_t roster_frame(void *context, uint64_t address)
{
	const struct roster_scene *scene = context;

	return cs_model_frame(scene->model, CS_MODULE_NONE, address);
}

static inline uint32_t roster_thread(void *context, uint32_t tid)
{
	const struct roster_scene *scene = context;

	return tid == ROSTER_TID ? scene->thread : 0;
}

static inline uint64_t roster_thread_sp(void *context, uint32_t tid)
{
	(void)context;
	(void)tid;
	return 0;
}

static inline size_t roster_table_bytes(uint32_t slots)
{
	return CS_SLOTS_HEADER_BYTES + slots * sizeof(struct cs_slot);
}

/* Begins in zeroes at TABLE, of COUNT slots, in the name of process PID. False: not accepted. */
static inline bool roster_scene_begin(struct roster_scene *scene, struct cs_slot_table *table,
                                      uint32_t count, uint32_t pid)
{
	const struct cs_process start = {.pid = pid};
	struct cs_slots *slots;

	memset(table, 0, roster_table_bytes(count));
	table->magic = CS_SLOTS_MAGIC;
	table->version = CS_WIRE_VERSION;
	table->header_bytes = CS_SLOTS_HEADER_BYTES;
	table->slot_bytes = sizeof(struct cs_slot);
	table->slots_max = CS_SLOTS_MAX;
	table->slot_count = count;
	scene->table = table;
	scene->slots = (struct cs_slot *)((uint8_t *)table + CS_SLOTS_HEADER_BYTES);
	scene->model = cs_model_new();
	scene->process = cs_model_process(scene->model, &start);
	scene->thread = cs_model_thread(scene->model, scene->process, ROSTER_TID, 0);
	scene->node = cs_model_node(scene->model, 0,
	                            cs_model_frame(scene->model, CS_MODULE_NONE, 0x4000));
	const struct cs_roster_world world = {
		.model = scene->model,
		.process = scene->process,
		.time_ns = roster_time_ns,
		.span_ns = roster_time_ns,
		.spawn = roster_spawn,
		.frame = roster_frame,
		.thread = roster_thread,
		.thread_sp = roster_thread_sp,
		.context = scene,
	};
	cs_roster_start(&scene->roster, &world);
	slots = cs_slots_open_memory(table, roster_table_bytes(count), NULL);
	if (slots)
		cs_roster_attach(&scene->roster, slots);
	return slots != NULL;
}

static inline void roster_scene_end(struct roster_scene *scene)
{
	cs_roster_free(&scene->roster);
	cs_parked_free(scene->parked);
	cs_model_free(scene->model);
}

/* A round of the reader, for as long as it takes. */
static inline void roster_scene_look(struct roster_scene *scene, uint64_t now_ns)
{
	scene->sweep = (struct cs_roster_sweep){
		.now_ns = now_ns,
		.sweep_ns = UINT64_MAX,
		.walk_ns = UINT64_MAX,
		.parked = scene->parked,
		.told_ns = scene->told_ns,
	};
	cs_roster_sweep(&scene->roster, &scene->sweep);
}

#endif
