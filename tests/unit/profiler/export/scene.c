/* SPDX-License-Identifier: Apache-2.0 */
#include "scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

void scene_begin(struct scene *scene)
{
	*scene = (struct scene){.offset = 0x10000};
	scene->model = cs_model_new();
	scene->symbols = cs_symbols_new();
	assert_non_null(scene->model);
	assert_non_null(scene->symbols);
	cs_sink_to_memory(&scene->out);
}

void scene_end(struct scene *scene)
{
	for (unsigned i = 0; i < scene->rollup_count; i++)
		cs_rollup_free(scene->rollups[i]);
	for (unsigned i = 0; i < scene->snapshot_count; i++)
		cs_snapshot_free(scene->snapshots[i]);
	cs_sink_release(&scene->out);
	cs_symbols_free(scene->symbols);
	cs_model_free(scene->model);
}

int scene_setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	scene_begin(scene);
	*state = scene;
	return 0;
}

int scene_teardown(void **state)
{
	scene_end(*state);
	free(*state);
	return 0;
}

uint32_t scene_process(struct scene *scene, const char *program, uint32_t pid, uint64_t mean)
{
	char path[256];
	struct cs_process process = {.pid = pid, .heap_mean_bytes = mean, .executable = path};

	snprintf(path, sizeof(path), "/usr/bin/%s", program);
	return cs_model_process(scene->model, &process);
}

uint32_t scene_thread(struct scene *scene, uint32_t process, const char *name, uint32_t tid)
{
	uint32_t id = cs_model_thread(scene->model, process, tid, 0);

	snprintf(cs_model_thread_at(scene->model, id)->name, 16, "%s", name);
	return id;
}

/* TEXT: one call of a stack, as scene_stack() has it. */
static uint32_t make_frame(struct scene *scene, const char *module, char *text)
{
	uint32_t module_id = cs_model_module(scene->model, module, NULL, 0);
	struct cs_name names[2] = {0};
	char file[64];
	uint32_t count = 0;

	if (*text == '!')
		return cs_model_frame(scene->model, CS_MODULE_NONE, strtoull(text + 1, NULL, 0));
	if (*text == '+')
		return cs_model_frame(scene->model, module_id, strtoull(text + 1, NULL, 16));
	uint32_t frame = cs_model_frame(scene->model, module_id, scene->offset++);
	char *inlined = strchr(text, '<');
	if (inlined) {
		*inlined++ = 0;
		names[count++] = (struct cs_name){.function = inlined, .inlined = true};
	}
	char *line = strrchr(text, ':');
	if (line) {
		*line++ = 0;
		snprintf(file, sizeof(file), "/src/%s.c", text);
		names[count].file = file;
		names[count].line = (uint32_t)strtoul(line, NULL, 10);
	}
	names[count++].function = text;
	assert_int_equal(cs_symbols_set(scene->symbols, frame, names, count), 0);
	return frame;
}

uint32_t scene_stack(struct scene *scene, const char *module, const char *stack)
{
	char *copy = strdup(stack);
	char *rest = copy;
	uint32_t node = 0;

	for (char *text; (text = strsep(&rest, ";"));)
		node = cs_model_node(scene->model, node, make_frame(scene, module, text));
	free(copy);
	return node;
}

void scene_alloc(struct scene *scene, uint32_t process, uint32_t thread, uint32_t node,
                 uint64_t bytes, uint64_t count)
{
	uint32_t cell = cs_model_cell(scene->model, process, thread, node);

	cs_model_heap_alloc(scene->model, cell, bytes * count, count * CS_OBJECT, 0, 0);
	cs_model_heap_peak(scene->model, process, cs_model_now(scene->model));
}

void scene_release(struct scene *scene, uint32_t process, uint32_t thread, uint32_t node,
                   uint64_t bytes, uint64_t count)
{
	uint32_t cell = cs_model_cell(scene->model, process, thread, node);

	cs_model_heap_free(scene->model, cell, bytes * count, count * CS_OBJECT, 0, 0, false);
}

void scene_of_two_programs(struct scene *scene)
{
	uint32_t server = scene_process(scene, "server", 100, 1);
	uint32_t helper = scene_process(scene, "helper", 200, 1);
	uint32_t main_thread = scene_thread(scene, server, "main", 100);
	uint32_t worker = scene_thread(scene, server, "worker-1", 101);
	uint32_t other = scene_thread(scene, helper, "main", 200);

	/* Two places in the same line look the same. */
	uint32_t grow = scene_stack(scene, "/bin/server", "main:3;parse:12;grow:40");
	uint32_t grow_again = scene_stack(scene, "/bin/server", "main:3;parse:12;grow:40");
	uint32_t grow_below = scene_stack(scene, "/bin/server", "main:3;parse:12;grow:44");
	uint32_t again = scene_stack(scene, "/bin/server", "work;parse:12;parse:14");
	uint32_t hidden = scene_stack(scene, "/lib/libz.so.1", "work;+1f40");
	uint32_t send = scene_stack(scene, "/bin/helper", "main;send<copy");

	scene_alloc(scene, server, main_thread, grow, 1000, 4);
	scene_release(scene, server, main_thread, grow, 1000, 3);
	scene_alloc(scene, server, main_thread, grow_again, 10, 1);
	scene_alloc(scene, server, main_thread, grow_below, 1, 7);
	scene_alloc(scene, server, worker, again, 250, 2);
	scene_alloc(scene, server, worker, hidden, 64, 1);
	scene_alloc(scene, helper, other, send, 32, 3);
}

struct cs_snapshot *scene_take(struct scene *scene)
{
	struct cs_snapshot *snapshot = cs_snapshot_take(scene->model, scene->symbols);

	assert_non_null(snapshot);
	assert_in_range(scene->snapshot_count, 0, 7);
	scene->snapshots[scene->snapshot_count++] = snapshot;
	return snapshot;
}

const struct cs_rollup *scene_sum(struct scene *scene, const struct cs_snapshot *snapshot,
                                  struct cs_rollup_options options)
{
	struct cs_rollup *rollup = cs_rollup_new(snapshot, &options, NULL);

	assert_non_null(rollup);
	/* The oldest makes room: loops over all metrics make many. */
	if (scene->rollup_count == 16) {
		cs_rollup_free(scene->rollups[0]);
		memmove(scene->rollups, scene->rollups + 1, 15 * sizeof(rollup));
		scene->rollup_count--;
	}
	scene->rollups[scene->rollup_count++] = rollup;
	return rollup;
}

const char *scene_write(struct scene *scene, const struct cs_export *export,
                        const struct cs_rollup *rollup, struct cs_export_style style)
{
	cs_sink_release(&scene->out);
	cs_sink_to_memory(&scene->out);
	assert_int_equal(export->write(rollup, &style, &scene->out, NULL), 0);
	assert_int_equal(cs_sink_finish(&scene->out, NULL), 0);
	return scene->out.data ? scene->out.data : "";
}

const struct cs_entry *scene_entry(const struct cs_rollup *rollup, const char *label)
{
	for (uint32_t i = 0; i < rollup->count; i++)
		if (strcmp(rollup->entries[i].label, label) == 0)
			return &rollup->entries[i];
	fail_msg("there is no entry %s", label);
	return NULL;
}
