/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Definitions by key: the same key gives the same id. A key that mentions an unknown id is
 * refused (0), so whatever is in the model can be followed without a check.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/state.h"

static int copy_text(char **copy, const char *text)
{
	*copy = text ? strdup(text) : NULL;
	return text && !*copy ? -ENOMEM : 0;
}

static int copy_process(struct cs_process *process, const struct cs_process *start)
{
	*process = *start;
	process->memory = NULL;
	process->arguments = NULL;
	process->refusal = NULL;
	if (copy_text(&process->executable, start->executable) ||
	    copy_text(&process->arguments, start->arguments) ||
	    copy_text(&process->refusal, start->refusal))
		return -ENOMEM;
	if (start->memory) {
		process->memory = malloc(sizeof(*process->memory));
		if (!process->memory)
			return -ENOMEM;
		*process->memory = *start->memory;
	}
	return 0;
}

uint32_t cs_model_process(struct cs_model *model, const struct cs_process *start)
{
	struct cs_process_entry *entry;

	if (cs_dirty_reserve(&model->dirty_processes, model->processes.count + 1))
		return 0;
	entry = cs_list_push(&model->processes);
	if (!entry)
		return 0;
	if (copy_process(&entry->process, start)) {
		free(entry->process.executable);
		free(entry->process.arguments);
		free(entry->process.refusal);
		memset(entry, 0, sizeof(*entry));
		model->processes.count--;
		return 0;
	}
	cs_dirty_mark(&model->dirty_processes, &entry->dirty, model->processes.count);
	return model->processes.count;
}

uint32_t cs_model_thread(struct cs_model *model, uint32_t process, uint32_t tid, uint64_t time_ns)
{
	struct cs_thread_entry *entry;

	if (!cs_process_entry(model, process) ||
	    cs_dirty_reserve(&model->dirty_threads, model->threads.count + 1))
		return 0;
	entry = cs_list_push(&model->threads);
	if (!entry)
		return 0;
	entry->thread.process = process;
	entry->thread.tid = tid;
	entry->thread.start_ns = time_ns;
	entry->thread.cpu_ns = CS_UNKNOWN;
	entry->thread.wait_ns = CS_UNKNOWN;
	entry->thread.share_ppm = CS_UNKNOWN;
	cs_dirty_mark(&model->dirty_threads, &entry->dirty, model->threads.count);
	return model->threads.count;
}

/* ---- keys ---- */

/* One build id is one file, wherever it lies; without one, the path has to tell. */
static uint32_t module_hash(const void *thing)
{
	const struct cs_module *module = thing;

	if (module->build_id_bytes)
		return cs_hash_bytes(module->build_id, module->build_id_bytes);
	return cs_hash_bytes(module->path, strlen(module->path));
}

static bool same_module(const struct cs_module *a, const struct cs_module *b)
{
	if (a->build_id_bytes != b->build_id_bytes)
		return false;
	if (a->build_id_bytes)
		return !memcmp(a->build_id, b->build_id, a->build_id_bytes);
	return !strcmp(a->path, b->path);
}

uint32_t cs_model_module(struct cs_model *model, const char *path, const uint8_t *build_id,
                         uint32_t build_id_bytes)
{
	struct cs_module key = {.path = strdup(path ? path : ""), .build_id_bytes = build_id_bytes};
	struct cs_keyed *modules = &model->modules;
	struct cs_module *module;
	uint32_t hash, id;

	if (key.build_id_bytes > sizeof(key.build_id))
		key.build_id_bytes = sizeof(key.build_id);
	if (key.build_id_bytes)
		memcpy(key.build_id, build_id, key.build_id_bytes);
	if (!key.path || cs_keyed_catch_up(modules, module_hash))
		goto fail;
	hash = module_hash(&key);
	struct cs_probe probe = cs_index_probe(&modules->index, hash);

	while ((id = cs_probe_next(&probe))) {
		if (same_module(cs_list_at(&modules->list, id - 1), &key)) {
			free(key.path);
			return id;
		}
	}
	module = cs_keyed_add(modules, hash);
	if (!module)
		goto fail;
	*module = key;
	return modules->list.count;
fail:
	free(key.path);
	return 0;
}

static uint32_t frame_hash(const void *thing)
{
	const struct cs_frame *frame = thing;

	return cs_hash_pair(frame->module, frame->offset);
}

uint32_t cs_model_frame(struct cs_model *model, uint32_t module, uint64_t offset)
{
	struct cs_keyed *frames = &model->frames;
	uint32_t hash = cs_hash_pair(module, offset);
	struct cs_frame *frame;
	uint32_t id;

	if (module > model->modules.list.count || cs_keyed_catch_up(frames, frame_hash))
		return 0;
	struct cs_probe probe = cs_index_probe(&frames->index, hash);

	while ((id = cs_probe_next(&probe))) {
		frame = cs_list_at(&frames->list, id - 1);
		if (frame->module == module && frame->offset == offset)
			return id;
	}
	frame = cs_keyed_add(frames, hash);
	if (!frame)
		return 0;
	*frame = (struct cs_frame){.module = module, .offset = offset};
	return frames->list.count;
}

static uint32_t node_hash(const void *thing)
{
	const struct cs_node *node = thing;

	return cs_hash_pair(node->parent, node->frame);
}

uint32_t cs_model_node(struct cs_model *model, uint32_t parent, uint32_t frame)
{
	struct cs_keyed *nodes = &model->nodes;
	uint32_t hash = cs_hash_pair(parent, frame);
	struct cs_node *node;
	uint32_t id;

	if (parent > nodes->list.count || !cs_model_frame_at(model, frame) ||
	    cs_keyed_catch_up(nodes, node_hash))
		return 0;
	struct cs_probe probe = cs_index_probe(&nodes->index, hash);

	while ((id = cs_probe_next(&probe))) {
		node = cs_list_at(&nodes->list, id - 1);
		if (node->parent == parent && node->frame == frame)
			return id;
	}
	node = cs_keyed_add(nodes, hash);
	if (!node)
		return 0;
	*node = (struct cs_node){.parent = parent, .frame = frame};
	return nodes->list.count;
}

static uint32_t cell_hash(const void *thing)
{
	const struct cs_cell *cell = thing;

	return cs_hash_pair((uint64_t)cell->spawn << 32 | cell->thread,
	                    (uint64_t)cell->process << 32 | cell->node);
}

static bool same_cell(const struct cs_cell *a, const struct cs_cell *b)
{
	return a->process == b->process && a->thread == b->thread && a->node == b->node &&
	       a->spawn == b->spawn;
}

uint32_t cs_model_cell(struct cs_model *model, uint32_t process, uint32_t thread, uint32_t node)
{
	return cs_model_spawned_cell(model, process, thread, node, 0);
}

uint32_t cs_model_spawned_cell(struct cs_model *model, uint32_t process, uint32_t thread,
                               uint32_t node, uint32_t spawn)
{
	struct cs_cell key = {.process = process, .thread = thread, .node = node, .spawn = spawn};
	struct cs_keyed *cells = &model->cells;
	struct cs_cell *cell;
	uint32_t hash, id;

	if (!cs_process_entry(model, process) || thread > model->threads.count ||
	    node > model->nodes.list.count || spawn > model->nodes.list.count ||
	    cs_keyed_catch_up(cells, cell_hash))
		return 0;
	hash = cell_hash(&key);
	struct cs_probe probe = cs_index_probe(&cells->index, hash);

	while ((id = cs_probe_next(&probe)))
		if (same_cell(cs_list_at(&cells->list, id - 1), &key))
			return id;
	if (cells->list.count == CS_CELLS_MAX ||
	    cs_dirty_reserve(&model->dirty_cells, cells->list.count + 1))
		return 0;
	cell = cs_keyed_add(cells, hash);
	if (!cell)
		return 0;
	*cell = key;
	return cells->list.count;
}
