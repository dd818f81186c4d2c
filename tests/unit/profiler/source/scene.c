/* SPDX-License-Identifier: Apache-2.0 */
#include "scene.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void open_ring(struct scene *scene, uint64_t lane_bytes, uint32_t lanes)
{
	producer_begin(&scene->producer, lane_bytes, lanes);
	scene->ring = cs_ring_open_memory(scene->producer.ring, scene->producer.bytes, NULL);
	assert_non_null(scene->ring);
}

static void start(struct scene *scene, const struct cs_agent *parent)
{
	struct cs_process process = {
		.pid = 1,
		.heap_mean_bytes = 1,
		.forked = parent != NULL,
		.executable = scene->ring->info.executable,
	};

	scene->agent = cs_agent_new(&scene->world, &scene->ring->info, &process, 1, parent);
	assert_non_null(scene->agent);
}

void scene_begin(struct scene *scene, uint64_t lane_bytes, uint32_t lanes)
{
	memset(scene, 0, sizeof(*scene));
	open_ring(scene, lane_bytes, lanes);
	cs_clock_start(&scene->clock);
	scene->clock.mono_start_ns = 0; /* stamps are the session's nanoseconds */
	scene->world.model = cs_model_new();
	scene->world.clock = &scene->clock;
	start(scene, NULL);
}

void scene_fork(struct scene *child, struct scene *parent)
{
	memset(child, 0, sizeof(*child));
	open_ring(child, parent->producer.lane_bytes, 2);
	child->world = parent->world;
	child->shares_model = true;
	start(child, parent->agent);
}

void scene_end(struct scene *scene)
{
	cs_agent_free(scene->agent, scene->ring);
	cs_merge_free(&scene->merge);
	cs_ring_close(scene->ring);
	producer_end(&scene->producer);
	if (!scene->shares_model)
		cs_model_free(scene->world.model);
}

void scene_drain(struct scene *scene)
{
	cs_ring_look(scene->ring, 0);
	cs_merge_drain(&scene->merge, scene->ring, UINT64_MAX, cs_agent_visit, scene->agent);
}

struct cs_process *scene_process(const struct scene *scene)
{
	return cs_model_process_at(scene->world.model, scene->agent->process);
}

const struct cs_thread *scene_thread(const struct scene *scene, uint32_t id)
{
	return cs_model_thread_at(scene->world.model, id);
}

static void put_frame(const struct cs_model *model, uint32_t id, char *text, size_t size)
{
	const struct cs_frame *frame = cs_model_frame_at(model, id);
	size_t length = strlen(text);

	if (length)
		length += (size_t)snprintf(text + length, size - length, ";");
	if (frame->module)
		snprintf(text + length, size - length, "%s+0x%" PRIx64,
		         cs_model_module_at(model, frame->module)->path, frame->offset);
	else if (frame->offset == CS_FRAME_LOST)
		snprintf(text + length, size - length, "lost");
	else
		snprintf(text + length, size - length, "0x%" PRIx64, frame->offset);
}

static void put_path(const struct cs_model *model, uint32_t id, char *text, size_t size)
{
	uint32_t nodes[64];
	int depth = 0;

	for (; id && depth < 64; id = cs_model_node_at(model, id)->parent)
		nodes[depth++] = id;
	text[0] = '\0';
	while (depth-- > 0)
		put_frame(model, cs_model_node_at(model, nodes[depth])->frame, text, size);
}

uint64_t scene_in_use(const struct scene *scene, const char *path)
{
	const struct cs_model *model = scene->world.model;
	uint64_t sum = 0;

	for (uint32_t id = 1; id <= cs_model_cell_count(model); id++) {
		const struct cs_cell *cell = cs_model_cell_at(model, id);
		char text[1024];

		put_path(model, cell->node, text, sizeof(text));
		if (cell->process == scene->agent->process && !strcmp(text, path))
			sum += cell->sum.alloc_bytes - cell->sum.free_bytes;
	}
	return sum;
}

uint64_t scene_allocated_by(const struct scene *scene, uint32_t thread)
{
	const struct cs_model *model = scene->world.model;
	uint64_t sum = 0;

	for (uint32_t id = 1; id <= cs_model_cell_count(model); id++) {
		const struct cs_cell *cell = cs_model_cell_at(model, id);

		if (cell->thread == thread)
			sum += cell->sum.alloc_bytes;
	}
	return sum;
}
