/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks of all moments come from one cs_stacks, so that equal stacks are one pointer: groups of
 * two moments are matched by it.
 */
#include "view/coroutine_groups.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view/coroutine_rows.h"
#include "view/words.h"

enum { COUNT, CHANGE, MINUTE, STATE, REASON, LONGEST, HEAP, CPU, SWITCHES, FUNCTION };

const struct csv_column csv_group_columns[] = {
	{"COUNT", 9, true, false, 0},      {"CHANGE", 9, true, false, 0},
	{"1 MIN", 8, true, false, 60},     {"STATE", 9, false, false, 50},
	{"REASON", 14, false, false, 70},  {"LONGEST", 8, true, false, 0},
	{"HEAP", 7, true, false, 80},      {"CPU", 7, true, false, 100},
	{"SWITCHES", 9, true, false, 110}, {"STACK", 20, false, true, 0},
	{NULL, 0, false, false, 0},
};

/* ---- filling ---- */

static uint32_t hash_of(const struct cs_stack *stack, uint32_t reason)
{
	return cs_hash_pair((uint64_t)(uintptr_t)stack, reason);
}

static struct csv_group *find(struct csv_groups *groups, const struct cs_stack *stack,
                              uint32_t reason)
{
	struct cs_probe probe = cs_index_probe(&groups->index, hash_of(stack, reason));
	uint32_t id;

	while ((id = cs_probe_next(&probe))) {
		struct csv_group *group = &groups->groups[id - 1];

		if (group->stack == stack && group->reason == reason)
			return group;
	}
	return NULL;
}

static struct csv_group *find_or_add(struct csv_groups *groups, const struct cs_stack *stack,
                                     uint32_t reason)
{
	struct csv_group *group = find(groups, stack, reason);

	if (group)
		return group;
	if (groups->count == groups->room) {
		uint32_t room = groups->room ? groups->room * 2 : 64;
		struct csv_group *more = realloc(groups->groups, room * sizeof(*more));

		if (!more)
			return NULL;
		groups->groups = more;
		groups->room = room;
	}
	if (cs_index_add(&groups->index, hash_of(stack, reason), groups->count + 1))
		return NULL;
	group = &groups->groups[groups->count++];
	*group = (struct csv_group){
		.stack = stack,
		.reason = reason,
		.longest_ns = CS_UNKNOWN,
		.heap_bytes = CS_UNKNOWN,
		.cpu_ns = CS_UNKNOWN,
		.switches = CS_UNKNOWN,
	};
	return group;
}

static void add(uint64_t *sum, uint64_t value)
{
	if (value != CS_UNKNOWN)
		*sum = (*sum == CS_UNKNOWN ? 0 : *sum) + value;
}

static bool is_counted(const struct csv_scene *scene, const struct cs_coroutine *coroutine)
{
	return coroutine && !coroutine->ended_ns &&
	       (scene->system || !(coroutine->flags & CS_COROUTINE_SYSTEM));
}

static void count_in(struct csv_group *group, const struct cs_coroutine *coroutine, uint32_t id,
                     uint64_t now_ns)
{
	uint64_t wait_ns = csv_coroutine_wait_ns(coroutine, now_ns);

	if (!group->count++)
		group->state = coroutine->state;
	else if (group->state != coroutine->state)
		group->state = CS_COROUTINE_UNKNOWN;
	if (!group->example || (wait_ns != CS_UNKNOWN &&
	                        (group->longest_ns == CS_UNKNOWN || wait_ns > group->longest_ns))) {
		group->example = id;
		group->longest_ns = wait_ns;
	}
	add(&group->heap_bytes, csv_coroutine_heap_bytes(coroutine));
	add(&group->cpu_ns, coroutine->cpu_ns);
	add(&group->switches, coroutine->switches);
}

/* Nodes and texts have the same numbers in all moments of a trace. */
static void count_then(struct csv_groups *groups, const struct csv_census *then, bool minute)
{
	const struct csv_scene *scene = groups->scene;

	for (uint32_t i = 0; i < then->count; i++) {
		const struct csv_census_row *row = &then->rows[i];
		uint64_t count = row->count - (scene->system ? 0 : row->system);
		struct csv_group *group =
			find(groups,
		             row->node ? cs_stacks_get(scene->stacks, scene->now, row->node) : NULL,
		             row->reason);

		if (group && minute)
			group->count_minute += count;
		else if (group)
			group->count_base += count;
	}
}

static const struct csv_census *base_of(const struct csv_scene *scene)
{
	return scene->mark_census.known ? &scene->mark_census : &scene->start_census;
}

int csv_groups_fill(struct csv_groups *groups, const struct csv_scene *scene,
                    struct csv_expression *filter)
{
	const struct cs_model *model = scene->now->model;

	groups->scene = scene;
	groups->count = 0;
	groups->total = 0;
	cs_index_free(&groups->index);
	for (uint32_t id = 1; id <= cs_model_coroutine_slots(model); id++) {
		const struct cs_coroutine *coroutine = cs_model_coroutine_at(model, id);
		const struct cs_stack *stack = NULL;
		struct csv_group *group;

		if (!is_counted(scene, coroutine) ||
		    (filter && !csv_coroutine_passes(scene, filter, coroutine)))
			continue;
		if (coroutine->stack)
			stack = cs_stacks_get(scene->stacks, scene->now, coroutine->stack);
		group = find_or_add(groups, stack, coroutine->reason);
		if (!group)
			return -ENOMEM;
		count_in(group, coroutine, id, scene->now->time_ns);
		groups->total++;
	}
	count_then(groups, base_of(scene), false);
	count_then(groups, &scene->minute_census, true);
	return 0;
}

void csv_groups_release(struct csv_groups *groups)
{
	cs_index_free(&groups->index);
	free(groups->groups);
	memset(groups, 0, sizeof(*groups));
}

/* ---- as rows ---- */

static uint64_t identity(const void *context, uint32_t row)
{
	const struct csv_groups *groups = context;
	const struct csv_group *group = &groups->groups[row];
	uint64_t hash = group->reason;

	for (const struct cs_stack *at = group->stack; at; at = at->caller)
		hash = (hash ^ at->call->address) * UINT64_C(1099511628211) + at->call->line;
	return hash;
}

static double known(uint64_t number)
{
	return number == CS_UNKNOWN ? NAN : (double)number;
}

/* NAN: there is no earlier moment. */
static double change_of(const struct csv_groups *groups, const struct csv_group *group, int column)
{
	const struct csv_scene *scene = groups->scene;

	if (column == MINUTE)
		return scene->minute_census.known
		               ? (double)group->count - (double)group->count_minute
		               : NAN;
	return base_of(scene)->known ? (double)group->count - (double)group->count_base : NAN;
}

static const char *function_of(const struct csv_group *group)
{
	const struct cs_call *call = csv_telling_call(group->stack);

	return call ? call->function : "?";
}

static uint64_t sort_key(const void *context, uint32_t row, int column)
{
	const struct csv_groups *groups = context;
	const struct csv_group *group = &groups->groups[row];
	const char *reason = cs_model_text_at(groups->scene->now->model, group->reason);

	switch (column) {
	case CHANGE:
	case MINUTE:
		return csv_sort_number(change_of(groups, group, column));
	case STATE:
		return group->state;
	case REASON:
		return csv_sort_text(reason ? reason : "");
	case LONGEST:
		return csv_sort_number(known(group->longest_ns));
	case HEAP:
		return csv_sort_number(known(group->heap_bytes));
	case CPU:
		return csv_sort_number(known(group->cpu_ns));
	case SWITCHES:
		return csv_sort_number(known(group->switches));
	case FUNCTION:
		return csv_sort_text(function_of(group));
	default:
		return csv_sort_number((double)group->count);
	}
}

/* "main.worker < main.main": the telling call and who called it. */
static void put_stack(const struct csv_group *group, char *text, size_t bytes)
{
	const struct cs_call *telling = csv_telling_call(group->stack);
	const struct cs_stack *at = group->stack;
	size_t used = 0;

	while (at && at->call != telling)
		at = at->caller;
	if (!at)
		snprintf(text, bytes, "?");
	for (; at && used + 1 < bytes; at = at->caller)
		used += (size_t)snprintf(text + used, bytes - used, "%s%s", used ? " < " : "",
		                         at->call->function);
}

static struct cs_text longest_text(const struct csv_groups *groups, const struct csv_group *group)
{
	const struct cs_snapshot *now = groups->scene->now;

	return csv_coroutine_wait_text(cs_model_coroutine_at(now->model, group->example),
	                               now->time_ns);
}

static enum csv_role cell(const void *context, uint32_t row, int column, char *text, size_t bytes)
{
	const struct csv_groups *groups = context;
	const struct csv_group *group = &groups->groups[row];
	const char *reason;
	double change;

	switch (column) {
	case COUNT:
		snprintf(text, bytes, "%s", cs_text_count((double)group->count).s);
		return CSV_ROLE_STRONG;
	case CHANGE:
	case MINUTE:
		change = change_of(groups, group, column);
		snprintf(text, bytes, "%s", isnan(change) ? "?" : cs_text_count_change(change).s);
		return change > 0 ? CSV_ROLE_WARN : change < 0 ? CSV_ROLE_GOOD : CSV_ROLE_FAINT;
	case STATE:
		snprintf(text, bytes, "%s",
		         group->state ? cs_coroutine_state_names[group->state] : "several");
		return csv_role_of_state((enum cs_coroutine_state)group->state);
	case REASON:
		reason = cs_model_text_at(groups->scene->now->model, group->reason);
		snprintf(text, bytes, "%s", reason ? reason : "");
		break;
	case LONGEST:
		snprintf(text, bytes, "%s", longest_text(groups, group).s);
		break;
	case HEAP:
		snprintf(text, bytes, "%s", csv_words_short_bytes(known(group->heap_bytes)).s);
		break;
	case CPU:
		snprintf(text, bytes, "%s", csv_words_short_duration(group->cpu_ns).s);
		break;
	case SWITCHES:
		snprintf(text, bytes, "%s", csv_words_count(group->switches).s);
		break;
	default:
		put_stack(group, text, bytes);
	}
	return CSV_ROLE_PLAIN;
}

static bool matches(const void *context, uint32_t row, const char *needle)
{
	const struct csv_groups *groups = context;
	const struct csv_group *group = &groups->groups[row];
	char text[64] = "";

	cell(context, row, REASON, text, sizeof(text));
	if (strstr(text, needle))
		return true;
	for (const struct cs_stack *at = group->stack; at; at = at->caller)
		if (strstr(at->call->function, needle))
			return true;
	return false;
}

struct csv_rows csv_groups_grid(const struct csv_groups *groups)
{
	return (struct csv_rows){
		.context = groups,
		.count = groups->count,
		.identity = identity,
		.sort_key = sort_key,
		.cell = cell,
		.matches = matches,
	};
}
