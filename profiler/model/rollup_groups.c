/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a row is counted under: a key and a label for each way to sum up. With two traces side
 * by side labels are the keys, since ids of one mean nothing in the other.
 */
#include <stdio.h>
#include <string.h>

#include "model/query.h"
#include "model/rollup_private.h"
#include "model/texts.h"

const char *const cs_by_names[CS_BY_COUNT + 1] = {
	[CS_BY_STACK] = "stack",   [CS_BY_FUNCTION] = "function",   [CS_BY_MODULE] = "module",
	[CS_BY_THREAD] = "thread", [CS_BY_PROCESS] = "process",     [CS_BY_SPAWN] = "spawn",
	[CS_BY_LABEL] = "label",   [CS_BY_COROUTINE] = "coroutine",
};

enum cs_by cs_by_by_name(const char *name)
{
	enum cs_by by = 0;

	while (by < CS_BY_COUNT && strcmp(cs_by_names[by], name) != 0)
		by++;
	return by;
}

const char *cs_rollup_program(const struct cs_process *process)
{
	const char *path = process && process->executable ? process->executable : "?";
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* Equal texts have equal keys, well enough: 64 bits of two hashes. */
static uint64_t text_key(const char *text)
{
	size_t size = strlen(text);
	uint64_t high = cs_hash_bytes(text, size);

	return high << 32 | cs_hash_pair(high + size, cs_hash_bytes(text, size / 2));
}

static void process_label(const struct cs_rollup_pass *pass, uint32_t id, char *label, size_t size)
{
	const struct cs_process *process = cs_model_process_at(pass->snapshot->model, id);

	if (pass->compare)
		snprintf(label, size, "%s", cs_rollup_program(process));
	else
		snprintf(label, size, "%s (%u)", cs_rollup_program(process),
		         process ? process->pid : 0);
}

static void thread_label(const struct cs_rollup_pass *pass, const struct cs_item *item, char *label,
                         size_t size)
{
	const struct cs_model *model = pass->snapshot->model;
	const struct cs_thread *thread = cs_model_thread_at(model, item->thread);
	const char *name = thread && thread->name[0] ? thread->name : "?";
	char of[300] = "";

	if (pass->compare || cs_model_process_count(model) > 1)
		process_label(pass, item->process, of, sizeof(of));
	if (pass->compare)
		snprintf(label, size, "%s of %s", name, of);
	else
		snprintf(label, size, "%s (%u)%s%s", name, thread ? thread->tid : 0,
		         *of ? " of " : "", of);
}

static struct group *find_group(struct cs_rollup *rollup, uint64_t key, bool *added)
{
	struct cs_rollup_private *private = rollup->private;
	uint32_t hash = cs_hash_u64(key);
	struct cs_probe probe = cs_index_probe(&private->index, hash);
	uint32_t id;

	*added = false;
	while ((id = cs_probe_next(&probe))) {
		struct group *group = cs_list_at(&private->groups, id - 1);
		if (group->key == key)
			return group;
	}
	struct group *group = cs_list_push(&private->groups);
	if (!group || cs_index_add(&private->index, hash, private->groups.count))
		return NULL;
	group->key = key;
	group->counted = UINT32_MAX;
	*added = true;
	return group;
}

struct group *cs_rollup_function(struct cs_rollup *rollup, const struct cs_call *call)
{
	bool added;
	struct group *group = find_group(rollup, call->function_id, &added);

	if (group && added) {
		group->entry.call = call;
		group->entry.label = call->function;
	}
	return group;
}

static struct group *module_group(struct cs_rollup *rollup, const struct cs_call *call)
{
	bool added;
	struct group *group = find_group(rollup, call->module_id, &added);

	if (group && added)
		group->entry.label = call->module ? call->module : "[no module]";
	return group;
}

static struct group *stack_group(struct cs_rollup *rollup, const struct cs_stack *stack)
{
	bool added;
	struct group *group = find_group(rollup, stack->id, &added);

	if (group && added) {
		group->entry.stack = stack;
		group->entry.call = cs_stack_self(stack);
		group->entry.label = group->entry.call->function;
	}
	return group;
}

/* Where its coroutine was created; NULL: no memory. */
static struct group *spawn_group(const struct cs_rollup_pass *pass, const struct cs_item *item)
{
	const struct cs_stack *spawn =
		cs_stacks_get(pass->rollup->stacks, pass->snapshot, item->spawn);

	return spawn ? stack_group(pass->rollup, spawn) : NULL;
}

/* "a=1, b=2"; the model keeps them a line each. */
static struct group *label_group(const struct cs_rollup_pass *pass, const struct cs_item *item)
{
	const char *text = cs_model_text_at(pass->snapshot->model, item->label);
	bool added;
	struct group *group;
	char *label;

	text = text ? text : "[no label]";
	group = find_group(pass->rollup, text_key(text), &added);
	if (!group || !added)
		return group;
	label = cs_arena_text(&pass->rollup->private->labels, text);
	for (char *at = label; at && *at; at++)
		if (*at == '\n')
			*at = ',';
	group->entry.label = label;
	return label ? group : NULL;
}

/* "go/18 main.worker": its name, or else its entry. */
static struct group *coroutine_group(const struct cs_rollup_pass *pass, const struct cs_item *item)
{
	const struct cs_snapshot *snapshot = pass->snapshot;
	const struct cs_coroutine *coroutine =
		item->coroutine ? &snapshot->coroutines[item->coroutine - 1] : NULL;
	const struct cs_name *names = NULL;
	const char *what = coroutine ? coroutine->name : NULL;
	char of[300] = "", label[512];
	bool added;

	if (pass->compare || cs_model_process_count(snapshot->model) > 1)
		process_label(pass, item->process, of, sizeof(of));
	if (!what && coroutine && coroutine->entry && snapshot->symbols) {
		uint32_t count = cs_symbols_get(snapshot->symbols, coroutine->entry, &names);

		what = count ? names[count - 1].function : NULL;
	}
	snprintf(label, sizeof(label), "%s%s%.100s%s%s",
	         coroutine
	                 ? cs_coroutine_id(snapshot->model, coroutine->runtime, coroutine->number).s
	                 : "[no coroutine]",
	         what ? " " : "", what ? what : "", *of ? " of " : "", of);
	struct group *group = find_group(pass->rollup, text_key(label), &added);
	if (!group || !added)
		return group;
	group->entry.label = cs_arena_text(&pass->rollup->private->labels, label);
	group->entry.process = item->process;
	return group->entry.label ? group : NULL;
}

static struct group *owner_group(const struct cs_rollup_pass *pass, const struct cs_item *item)
{
	bool by_thread = pass->options->by == CS_BY_THREAD;
	char label[512];
	bool added;

	if (by_thread)
		thread_label(pass, item, label, sizeof(label));
	else
		process_label(pass, item->process, label, sizeof(label));
	uint64_t key = pass->compare ? text_key(label) : by_thread ? item->thread : item->process;
	struct group *group = find_group(pass->rollup, key, &added);
	if (!group || !added)
		return group;
	group->entry.label = cs_arena_text(&pass->rollup->private->labels, label);
	group->entry.process = item->process;
	group->entry.thread = by_thread ? item->thread : 0;
	return group->entry.label ? group : NULL;
}

struct group *cs_rollup_group(const struct cs_rollup_pass *pass, const struct cs_item *item,
                              const struct cs_stack *stack)
{
	switch (pass->options->by) {
	case CS_BY_STACK:
		return stack_group(pass->rollup, stack);
	case CS_BY_FUNCTION:
		return cs_rollup_function(pass->rollup, cs_stack_self(stack));
	case CS_BY_MODULE:
		return module_group(pass->rollup, cs_stack_self(stack));
	case CS_BY_SPAWN:
		return spawn_group(pass, item);
	case CS_BY_LABEL:
		return label_group(pass, item);
	case CS_BY_COROUTINE:
		return coroutine_group(pass, item);
	default:
		return owner_group(pass, item);
	}
}
