/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of snapshots become groups, one per stack, function, …: sums that are still fractions.
 */
#include "model/rollup.h"

#include <errno.h>
#include <stdlib.h>

#include "model/rollup_private.h"

/* ---- rows ---- */

static bool stack_passes(const struct cs_rollup_pass *pass, const struct cs_stack *stack)
{
	const struct cs_filter *filter = pass->options->filter;
	unsigned bits = 0;

	/* Up to the root or a stack whose bits are known; then the bits of all on the way. */
	if (!(pass->bits[stack->id] & 4)) {
		for (const struct cs_stack *at = stack; at; at = at->caller) {
			if (pass->bits[at->id] & 4) {
				bits |= pass->bits[at->id];
				break;
			}
			bits |= cs_filter_call(filter, at->call);
		}
		pass->bits[stack->id] = (unsigned char)(bits | 4);
	}
	return (pass->bits[stack->id] & 3) == 1;
}

/* VALUE once for each function on the stack, however often it is on it. */
static int add_cumulative(const struct cs_rollup_pass *pass, const struct cs_stack *stack,
                          double value, uint32_t stamp)
{
	for (; stack; stack = stack->caller) {
		if (stack->call->mark)
			continue;
		struct group *group = cs_rollup_function(pass->rollup, stack->call);
		if (!group)
			return -ENOMEM;
		if (group->counted != stamp)
			group->cumulative += value;
		group->counted = stamp;
	}
	return 0;
}

/* STAMP: a number of its own for each row. */
static int add_row(struct cs_rollup_pass *pass, const struct cs_item *item,
                   const struct cs_stack *stack, uint32_t stamp)
{
	double objects = pass->sign * item->objects;
	double value = pass->sign * item->value;
	struct cs_rollup *rollup = pass->rollup;

	/* A block of no bytes is an object all the same. */
	if (value == 0 && item->variance == 0 && objects == 0)
		return 0;
	struct group *group = cs_rollup_group(pass, item, stack);
	if (!group)
		return -ENOMEM;
	if (pass->is_base) {
		group->base += value;
		rollup->private->base += value;
		return 0;
	}
	group->value += value;
	rollup->private->value += value;
	rollup->variance += pass->sign * item->variance;
	/* What a base of the same trace counted is part of the count now. */
	group->entry.samples += pass->sign < 0 ? -item->samples : item->samples;
	rollup->samples += pass->sign < 0 ? -item->samples : item->samples;
	group->objects += objects;
	rollup->private->objects += objects;
	return pass->options->by == CS_BY_FUNCTION ? add_cumulative(pass, stack, value, stamp) : 0;
}

/* Which processes pass, and what is known of the figures because of them. */
static void look_at_processes(struct cs_rollup_pass *pass)
{
	const struct cs_model *model = pass->snapshot->model;
	struct cs_rollup *rollup = pass->rollup;

	for (uint32_t id = 1; id <= cs_model_process_count(model); id++) {
		const struct cs_process *process = cs_model_process_at(model, id);
		pass->process_passes[id] = cs_filter_process(pass->options->filter, process);
		if (!pass->process_passes[id] || rollup->metric >= CS_METRIC_HEAP_COUNT)
			continue;
		if (process->heap_mean_bytes > 1)
			rollup->sampled = true;
		if (process->heap_mean_bytes > rollup->mean_bytes)
			rollup->mean_bytes = process->heap_mean_bytes;
		if (process->heap_inexact)
			rollup->certainty = cs_metric_info[rollup->metric].since_start ? CS_AT_LEAST
			                                                               : CS_ABOUT;
		/* Two times of one trace have their losses in common. */
		if (pass->sign > 0 && (!pass->is_base || pass->compare))
			rollup->lost += process->lost;
	}
}

static bool row_passes(const struct cs_rollup_pass *pass, const struct cs_item *item)
{
	const struct cs_model *model = pass->snapshot->model;

	if (item->process > cs_model_process_count(model) || !pass->process_passes[item->process])
		return false;
	const struct cs_thread *thread = cs_model_thread_at(model, item->thread);
	return !thread || cs_filter_thread(pass->options->filter, thread);
}

/* Stacks come first: what is kept per stack needs to know how many there are. */
static int find_stacks(struct cs_rollup_pass *pass)
{
	bool patterns = cs_filter_has_patterns(pass->options->filter);

	if (!patterns && pass->options->by >= CS_BY_THREAD)
		return 0;
	pass->stacks = calloc(pass->count + 1, sizeof(struct cs_stack *));
	if (!pass->stacks)
		return -ENOMEM;
	for (uint32_t i = 0; i < pass->count; i++) {
		if (!row_passes(pass, &pass->items[i]))
			continue;
		pass->stacks[i] =
			cs_stacks_get(pass->rollup->stacks, pass->snapshot, pass->items[i].node);
		if (!pass->stacks[i])
			return -ENOMEM;
	}
	if (patterns) {
		pass->bits = calloc(cs_stacks_count(pass->rollup->stacks) + 1, 1);
		if (!pass->bits)
			return -ENOMEM;
	}
	return 0;
}

static int add_rows(struct cs_rollup_pass *pass)
{
	uint32_t *seen = calloc(cs_model_process_count(pass->snapshot->model) + 1, sizeof(*seen));
	int error = seen ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < pass->count && !error; i++) {
		const struct cs_item *item = &pass->items[i];
		const struct cs_stack *stack = pass->stacks ? pass->stacks[i] : NULL;
		if (!row_passes(pass, item) || (pass->bits && stack && !stack_passes(pass, stack)))
			continue;
		if (stack && pass->roots)
			stack = cs_stacks_rooted(pass->rollup->stacks, stack,
			                         cs_rollup_program(cs_model_process_at(
							 pass->snapshot->model, item->process)));
		if (pass->stacks && !stack) {
			error = -ENOMEM;
			break;
		}
		error = add_row(pass, item, stack, i * 2 + (pass->sign < 0));
		if (!pass->is_base && pass->sign > 0 && item->value != 0)
			pass->rollup->processes += seen[item->process]++ == 0;
	}
	free(seen);
	return error;
}

/* More than one process with rows that pass, of the metric or any other of its kind. */
static bool several_processes(const struct cs_snapshot *snapshot,
                              const struct cs_rollup_options *options)
{
	bool heap = options->metric < CS_METRIC_HEAP_COUNT;
	uint32_t count = heap ? snapshot->row_count : snapshot->other_count;
	uint32_t first = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t id = heap ? snapshot->rows[i].process : snapshot->others[i].process;
		if (id == first)
			continue;
		const struct cs_process *process = cs_model_process_at(snapshot->model, id);
		if (!process || !cs_filter_process(options->filter, process))
			continue;
		if (first)
			return true;
		first = id;
	}
	return false;
}

/* BASE: SNAPSHOT is the one that options.base gave, and may be the other one again. */
static int add_snapshot(struct cs_rollup *rollup, const struct cs_rollup_options *options,
                        const struct cs_snapshot *snapshot, bool base)
{
	struct cs_rollup_pass pass = {
		.rollup = rollup,
		.options = options,
		.snapshot = snapshot,
		.is_base = base && !options->since_base,
		.sign = base && options->since_base ? -1 : 1,
		.compare = rollup->base && rollup->base->model != rollup->snapshot->model,
	};
	int error = -ENOMEM;

	pass.roots = options->process_root &&
	             (several_processes(rollup->snapshot, options) ||
	              (rollup->base && several_processes(rollup->base, options)));
	pass.process_passes =
		calloc(cs_model_process_count(snapshot->model) + 1, sizeof(*pass.process_passes));
	if (pass.process_passes) {
		look_at_processes(&pass);
		error = (options->by == CS_BY_COROUTINE ? cs_snapshot_coroutine_items
		                                        : cs_snapshot_items)(
			snapshot, options->metric, &pass.items, &pass.count);
	}
	if (!error)
		error = find_stacks(&pass);
	if (!error)
		error = add_rows(&pass);
	free(pass.process_passes);
	free(pass.items);
	free(pass.stacks);
	free(pass.bits);
	return error;
}

static void put_interval(struct cs_rollup *rollup)
{
	if (rollup->variance < 0) /* the last bits of a difference */
		rollup->variance = 0;
	if (cs_metric_info[rollup->metric].by_samples) {
		double each = rollup->samples ? (double)rollup->total / (double)rollup->samples : 0;

		cs_interval95((double)rollup->total, rollup->variance, each, &rollup->low,
		              &rollup->high);
		return;
	}
	cs_snapshot_interval95(rollup->snapshot, rollup->metric, (double)rollup->total,
	                       rollup->variance, &rollup->low, &rollup->high);
}

struct cs_rollup *cs_rollup_new(const struct cs_snapshot *snapshot,
                                const struct cs_rollup_options *options, struct cs_diag *diag)
{
	struct cs_rollup *rollup = calloc(1, sizeof(*rollup));
	int error = -ENOMEM;

	if (!rollup)
		goto out;
	rollup->snapshot = snapshot;
	rollup->base = options->since_base ? NULL : options->base;
	rollup->metric = options->metric;
	rollup->by = options->by;
	rollup->sampled = cs_metric_info[options->metric].by_samples;
	rollup->has_objects = cs_metric_objects(options->metric) >= 0;
	rollup->private = calloc(1, sizeof(*rollup->private));
	rollup->stacks = cs_stacks_new(!options->base || options->base->model == snapshot->model);
	if (!rollup->private || !rollup->stacks)
		goto out;
	cs_list_init(&rollup->private->groups, sizeof(struct group), 8);
	error = add_snapshot(rollup, options, snapshot, false);
	if (!error && options->base)
		error = add_snapshot(rollup, options, options->base, true);
	if (!error)
		error = cs_rollup_make_entries(rollup);
	if (error)
		goto out;
	rollup->low = rollup->high = (double)rollup->total;
	if (rollup->sampled)
		put_interval(rollup);
out:
	if (!error)
		return rollup;
	cs_rollup_free(rollup);
	cs_diag_set(diag, error, "sum up the heap: out of memory");
	return NULL;
}

void cs_rollup_free(struct cs_rollup *rollup)
{
	if (!rollup)
		return;
	if (rollup->private) {
		cs_list_free(&rollup->private->groups);
		cs_index_free(&rollup->private->index);
		cs_arena_free(&rollup->private->labels);
	}
	free(rollup->private);
	cs_stacks_free(rollup->stacks);
	free(rollup->entries);
	free(rollup);
}
