/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows for the groups that the model makes; groups of two moments are matched by where they stand.
 */
#include "view/coroutine_groups.h"

#include <errno.h>
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
	{"HEAP", 7, true, false, 80},      {"CPU", 7, true, false, 120},
	{"SWITCHES", 9, true, false, 130}, {"STACK", 20, false, true, 0},
	{NULL, 0, false, false, 0},
};

/* ---- filling ---- */

static const struct csv_census *base_of(const struct csv_scene *scene)
{
	return scene->mark_census.known ? &scene->mark_census : &scene->start_census;
}

/* Ids have the same meaning in all moments of a trace. */
static void count_then(struct csv_groups *groups, const struct csv_census *then, bool minute)
{
	for (uint32_t i = 0; i < then->count; i++) {
		const struct csv_census_row *row = &then->rows[i];
		uint64_t count = row->count - (groups->scene->system ? 0 : row->system);
		const struct cs_coroutine stood = {
			.process = row->process,
			.runtime = row->runtime,
			.stack = row->node,
			.state = row->state,
		};
		const struct cs_group *group =
			cs_groups_find(&groups->groups, groups->scene->now, &stood);

		if (group && minute)
			groups->then[group - groups->groups.groups].minute += count;
		else if (group)
			groups->then[group - groups->groups.groups].base += count;
	}
}

static int fill(struct csv_groups *groups, struct csv_expression *filter,
                const struct cs_pace *pace)
{
	const struct csv_scene *scene = groups->scene;
	int error = 0;

	for (uint32_t i = 0; !error && i < scene->living.count; i++) {
		uint32_t id = scene->living.ids[i];
		const struct cs_coroutine *coroutine = cs_model_coroutine_at(scene->now->model, id);

		error = cs_pace_step(pace, i);
		if (error || (!scene->system && (coroutine->flags & CS_COROUTINE_SYSTEM)) ||
		    (filter && !csv_coroutine_passes(scene, filter, coroutine)))
			continue;
		error = cs_groups_add(&groups->groups, coroutine, id);
	}
	return error ? error : cs_groups_end(&groups->groups);
}

int csv_groups_fill(struct csv_groups *groups, const struct csv_scene *scene,
                    struct csv_expression *filter, const struct cs_pace *pace)
{
	int error;

	csv_groups_release(groups);
	groups->scene = scene;
	error = cs_groups_begin(&groups->groups, scene->now, scene->stacks);
	if (!error)
		error = fill(groups, filter, pace);
	if (!error) {
		groups->then = calloc((size_t)groups->groups.count + 1, sizeof(*groups->then));
		error = groups->then ? 0 : -ENOMEM;
	}
	if (error) {
		csv_groups_release(groups);
		return error;
	}
	csv_groups_recount(groups);
	return 0;
}

void csv_groups_recount(struct csv_groups *groups)
{
	memset(groups->then, 0, groups->groups.count * sizeof(*groups->then));
	count_then(groups, base_of(groups->scene), false);
	count_then(groups, &groups->scene->minute_census, true);
}

void csv_groups_release(struct csv_groups *groups)
{
	cs_groups_free(&groups->groups);
	free(groups->then);
	memset(groups, 0, sizeof(*groups));
}

/* ---- as rows ---- */

static const struct cs_group *group_at(const struct csv_groups *groups, uint32_t row)
{
	return &groups->groups.groups[row];
}

static const struct cs_coroutine *example_of(const struct csv_groups *groups, uint32_t row)
{
	return cs_model_coroutine_at(groups->scene->now->model, group_at(groups, row)->example);
}

/* Of all of them; CS_COROUTINE_UNKNOWN: several, or nobody knows. */
static enum cs_coroutine_state state_of(const struct cs_group *group)
{
	for (int state = 0; state < CS_COROUTINE_STATES; state++)
		if (group->states[state] == group->count)
			return (enum cs_coroutine_state)state;
	return CS_COROUTINE_UNKNOWN;
}

static uint64_t identity(const void *context, uint32_t row)
{
	const struct cs_group *group = group_at(context, row);
	uint64_t hash = (uint64_t)group->process << 32 ^ group->runtime;

	for (const struct cs_stack *at = group->node ? group->stack : NULL; at; at = at->caller)
		hash = (hash ^ at->call->address) * UINT64_C(1099511628211) + at->call->line;
	return group->node ? hash : hash ^ (uint64_t)(state_of(group) + 1) << 56;
}

static double known(uint64_t number)
{
	return number == CS_UNKNOWN ? NAN : (double)number;
}

/* NAN: there is no earlier moment. */
static double change_of(const struct csv_groups *groups, uint32_t row, int column)
{
	const struct csv_scene *scene = groups->scene;
	double count = (double)group_at(groups, row)->count;

	if (column == MINUTE)
		return scene->minute_census.known ? count - (double)groups->then[row].minute : NAN;
	return base_of(scene)->known ? count - (double)groups->then[row].base : NAN;
}

struct cs_text csv_groups_change(const struct csv_groups *groups, uint32_t row, bool minute)
{
	static const struct cs_text unknown = {"?"};
	double change = change_of(groups, row, minute ? MINUTE : CHANGE);

	return isnan(change) ? unknown : cs_text_count_change(change);
}

static const struct cs_call *telling(const struct cs_group *group)
{
	return group->node ? csv_telling_call(group->stack) : NULL;
}

/* Of the most; more than that, when there are. */
static void put_reason(const struct csv_groups *groups, uint32_t row, char *text, size_t bytes)
{
	const struct cs_group *group = group_at(groups, row);
	const char *most = NULL;
	int others = 0;

	for (uint32_t i = 0; i < group->reason_count; i++) {
		const char *reason =
			cs_model_text_at(groups->scene->now->model, group->reasons[i].text);

		if (reason && most)
			others++;
		else if (reason)
			most = reason;
	}
	snprintf(text, bytes, others ? "%s +%d" : "%s", most ? most : "", others);
}

static uint64_t sort_key(const void *context, uint32_t row, int column)
{
	const struct csv_groups *groups = context;
	const struct cs_group *group = group_at(groups, row);
	const struct cs_call *call = telling(group);
	char reason[64];

	switch (column) {
	case CHANGE:
	case MINUTE:
		return csv_sort_number(change_of(groups, row, column));
	case STATE:
		return state_of(group);
	case REASON:
		put_reason(groups, row, reason, sizeof(reason));
		return csv_sort_text(reason);
	case LONGEST:
		return csv_sort_number(known(csv_coroutine_wait_ns(example_of(groups, row),
		                                                   groups->scene->now->time_ns)));
	case HEAP:
		return csv_sort_number(known(group->heap_bytes));
	case CPU:
		return csv_sort_number(known(group->cpu_ns));
	case SWITCHES:
		return csv_sort_number(known(group->switches));
	case FUNCTION:
		return csv_sort_text(call ? call->function : "?");
	default:
		return csv_sort_number((double)group->count);
	}
}

/* "main.worker < main.main": the telling call and who called it. */
static void put_stack(const struct cs_group *group, char *text, size_t bytes)
{
	const struct cs_call *from = telling(group);
	const struct cs_stack *at = from ? group->stack : NULL;
	size_t used = 0;

	while (at && at->call != from)
		at = at->caller;
	if (!at)
		snprintf(text, bytes, "?");
	for (; at && used + 1 < bytes; at = at->caller) {
		if (used)
			used += (size_t)snprintf(text + used, bytes - used, " < ");
		if (used < bytes)
			used += csv_words_call(at->call, text + used, bytes - used);
	}
}

static enum csv_role cell(const void *context, uint32_t row, int column, char *text, size_t bytes)
{
	const struct csv_groups *groups = context;
	const struct cs_group *group = group_at(groups, row);
	enum cs_coroutine_state state = state_of(group);
	double change;

	switch (column) {
	case COUNT:
		snprintf(text, bytes, "%s", cs_text_count((double)group->count).s);
		return CSV_ROLE_STRONG;
	case CHANGE:
	case MINUTE:
		change = change_of(groups, row, column);
		snprintf(text, bytes, "%s", csv_groups_change(groups, row, column == MINUTE).s);
		return change > 0 ? CSV_ROLE_WARN : change < 0 ? CSV_ROLE_GOOD : CSV_ROLE_FAINT;
	case STATE:
		snprintf(text, bytes, "%s",
		         group->states[state] == group->count ? cs_coroutine_state_names[state]
		                                              : "several");
		return csv_role_of_state(state);
	case REASON:
		put_reason(groups, row, text, bytes);
		break;
	case LONGEST:
		snprintf(text, bytes, "%s",
		         csv_coroutine_wait_text(example_of(groups, row),
		                                 groups->scene->now->time_ns,
		                                 csv_words_short_duration)
		                 .s);
		break;
	case HEAP:
		snprintf(text, bytes, "%s", csv_words_short_bytes(known(group->heap_bytes)).s);
		break;
	case CPU:
		snprintf(text, bytes, "%s", csv_words_short_duration(group->cpu_ns).s);
		break;
	case SWITCHES:
		snprintf(text, bytes, "%s",
		         csv_switches_text(group->switches, example_of(groups, row)).s);
		break;
	default:
		put_stack(group, text, bytes);
	}
	return CSV_ROLE_PLAIN;
}

static bool matches(const void *context, uint32_t row, const char *needle)
{
	const struct csv_groups *groups = context;
	const struct cs_group *group = group_at(groups, row);
	char text[64] = "";

	cell(context, row, REASON, text, sizeof(text));
	if (strstr(text, needle))
		return true;
	for (const struct cs_stack *at = group->node ? group->stack : NULL; at; at = at->caller)
		if (strstr(at->call->function, needle))
			return true;
	return false;
}

struct csv_rows csv_groups_grid(const struct csv_groups *groups)
{
	return (struct csv_rows){
		.context = groups,
		.count = groups->groups.count,
		.identity = identity,
		.sort_key = sort_key,
		.cell = cell,
		.matches = matches,
	};
}
