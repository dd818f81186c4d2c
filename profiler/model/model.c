/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model's life, its look-ups and its lists of changes. Definitions are made in
 * definitions.c, sums change in heap.c.
 */
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

#include "model/state.h"

const char *const cs_thread_state_names[CS_THREAD_STATES] = {
	[CS_THREAD_UNKNOWN] = "?",         [CS_THREAD_RUNNING] = "running",
	[CS_THREAD_SLEEPING] = "sleeping", [CS_THREAD_DISK_SLEEP] = "disk sleep",
	[CS_THREAD_STOPPED] = "stopped",   [CS_THREAD_TRACED] = "traced",
	[CS_THREAD_IDLE] = "idle",         [CS_THREAD_ZOMBIE] = "zombie",
	[CS_THREAD_DEAD] = "dead",
};

struct cs_model *cs_model_new(void)
{
	struct cs_model *model = calloc(1, sizeof(*model));

	if (!model)
		return NULL;
	cs_list_init(&model->processes, sizeof(struct cs_process_entry), 4);
	cs_list_init(&model->threads, sizeof(struct cs_thread_entry), 6);
	cs_list_init(&model->modules.list, sizeof(struct cs_module), 6);
	cs_list_init(&model->frames.list, sizeof(struct cs_frame), 10);
	cs_list_init(&model->nodes.list, sizeof(struct cs_node), 10);
	cs_list_init(&model->cells.list, sizeof(struct cs_cell), 8);
	cs_list_init(&model->texts.list, sizeof(char *), 6);
	cs_list_init(&model->runtimes.list, sizeof(struct cs_runtime), 4);
	cs_list_init(&model->tallies.list, sizeof(struct cs_tally), 8);
	cs_list_init(&model->figures.list, sizeof(struct cs_figure), 6);
	cs_list_init(&model->coroutines.list, sizeof(struct cs_coroutine_slot), 8);
	return model;
}

void cs_model_free(struct cs_model *model)
{
	if (!model)
		return;
	for (uint32_t id = 1; id <= model->processes.count; id++) {
		struct cs_process *process = cs_model_process_at(model, id);

		free(process->executable);
		free(process->arguments);
		free(process->refusal);
		free(process->memory);
	}
	for (uint32_t id = 1; id <= model->modules.list.count; id++)
		free(cs_model_module_at(model, id)->path);
	cs_texts_free(model);
	cs_coroutines_free(model);
	cs_keyed_free(&model->tallies);
	cs_keyed_free(&model->figures);
	cs_list_free(&model->processes);
	cs_list_free(&model->threads);
	cs_keyed_free(&model->modules);
	cs_keyed_free(&model->frames);
	cs_keyed_free(&model->nodes);
	cs_keyed_free(&model->cells);
	free(model->dirty_processes.ids);
	free(model->dirty_threads.ids);
	free(model->dirty_cells.ids);
	free(model->dirty_tallies.ids);
	free(model->dirty_figures.ids);
	free(model);
}

uint64_t cs_model_now(const struct cs_model *model)
{
	return model->now_ns;
}

void cs_model_set_now(struct cs_model *model, uint64_t time_ns)
{
	model->now_ns = time_ns;
}

uint32_t cs_model_process_count(const struct cs_model *model)
{
	return model->processes.count;
}

uint32_t cs_model_thread_count(const struct cs_model *model)
{
	return model->threads.count;
}

uint32_t cs_model_module_count(const struct cs_model *model)
{
	return model->modules.list.count;
}

uint32_t cs_model_frame_count(const struct cs_model *model)
{
	return model->frames.list.count;
}

uint32_t cs_model_node_count(const struct cs_model *model)
{
	return model->nodes.list.count;
}

uint32_t cs_model_cell_count(const struct cs_model *model)
{
	return model->cells.list.count;
}

static void *at(const struct cs_list *list, uint32_t id)
{
	return id && id <= list->count ? cs_list_at(list, id - 1) : NULL;
}

struct cs_process *cs_model_process_at(const struct cs_model *model, uint32_t id)
{
	return at(&model->processes, id);
}

struct cs_thread *cs_model_thread_at(const struct cs_model *model, uint32_t id)
{
	return at(&model->threads, id);
}

const struct cs_module *cs_model_module_at(const struct cs_model *model, uint32_t id)
{
	return at(&model->modules.list, id);
}

const struct cs_frame *cs_model_frame_at(const struct cs_model *model, uint32_t id)
{
	return at(&model->frames.list, id);
}

const struct cs_node *cs_model_node_at(const struct cs_model *model, uint32_t id)
{
	return at(&model->nodes.list, id);
}

struct cs_cell *cs_model_cell_at(const struct cs_model *model, uint32_t id)
{
	return at(&model->cells.list, id);
}

/* ---- what has changed ---- */

void cs_model_process_changed(struct cs_model *model, uint32_t process)
{
	struct cs_process_entry *entry = cs_process_entry(model, process);

	if (entry)
		cs_dirty_mark(&model->dirty_processes, &entry->dirty, process);
}

void cs_model_thread_changed(struct cs_model *model, uint32_t thread)
{
	struct cs_thread_entry *entry = cs_thread_entry(model, thread);

	if (entry)
		cs_dirty_mark(&model->dirty_threads, &entry->dirty, thread);
}

void cs_model_take_dirty_cells(struct cs_model *model, cs_model_visit *visit, void *context)
{
	for (size_t i = 0; i < model->dirty_cells.count; i++)
		cs_cell_entry(model, model->dirty_cells.ids[i])->dirty = false;
	cs_dirty_visit(&model->dirty_cells, visit, context);
}

void cs_model_take_dirty_processes(struct cs_model *model, cs_model_visit *visit, void *context)
{
	for (size_t i = 0; i < model->dirty_processes.count; i++)
		cs_process_entry(model, model->dirty_processes.ids[i])->dirty = false;
	cs_dirty_visit(&model->dirty_processes, visit, context);
}

void cs_model_take_dirty_threads(struct cs_model *model, cs_model_visit *visit, void *context)
{
	for (size_t i = 0; i < model->dirty_threads.count; i++)
		cs_thread_entry(model, model->dirty_threads.ids[i])->dirty = false;
	cs_dirty_visit(&model->dirty_threads, visit, context);
}
