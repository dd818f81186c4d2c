/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns are asked once for each stack, not once for each coroutine: a million of them stand
 * on a few hundred.
 */
#include "model/query.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const cs_order_names[CS_ORDER_COUNT + 1] = {
	[CS_ORDER_ID] = "id",       [CS_ORDER_WAIT] = "wait", [CS_ORDER_AGE] = "age",
	[CS_ORDER_HEAP] = "heap",   [CS_ORDER_CPU] = "cpu",   [CS_ORDER_SWITCHES] = "switches",
	[CS_ORDER_STACK] = "stack",
};

/* ---- one coroutine ---- */

/* Times may lie before the session's start: as signed numbers they are right. */
static uint64_t since(const struct cs_snapshot *snapshot, uint64_t time_ns)
{
	if (time_ns == CS_UNKNOWN)
		return CS_UNKNOWN;
	return (int64_t)(snapshot->time_ns - time_ns) > 0 ? snapshot->time_ns - time_ns : 0;
}

/* Seen for the first time just now: nothing is known but that it is so. */
static bool says_nothing(const struct cs_coroutine *coroutine, uint64_t after_ns, uint64_t time_ns)
{
	return after_ns == CS_UNKNOWN && coroutine->observed_ns != CS_UNKNOWN &&
	       (int64_t)(time_ns - coroutine->observed_ns) >= 0;
}

uint64_t cs_coroutine_wait_ns(const struct cs_snapshot *snapshot,
                              const struct cs_coroutine *coroutine)
{
	if (coroutine->state != CS_COROUTINE_WAITING && coroutine->state != CS_COROUTINE_SYSCALL &&
	    coroutine->state != CS_COROUTINE_RUNNABLE)
		return CS_UNKNOWN;
	if (says_nothing(coroutine, coroutine->since_after_ns, coroutine->since_ns))
		return CS_UNKNOWN;
	return since(snapshot, coroutine->since_ns);
}

uint64_t cs_coroutine_age_ns(const struct cs_snapshot *snapshot,
                             const struct cs_coroutine *coroutine)
{
	if (says_nothing(coroutine, coroutine->created_after_ns, coroutine->created_ns))
		return CS_UNKNOWN;
	return since(snapshot, coroutine->created_ns);
}

uint64_t cs_coroutine_stack_age_ns(const struct cs_snapshot *snapshot,
                                   const struct cs_coroutine *coroutine)
{
	if (!coroutine->stack || !(coroutine->flags & CS_COROUTINE_STACK_SAMPLED))
		return CS_UNKNOWN;
	return since(snapshot, coroutine->stack_ns);
}

uint64_t cs_coroutine_heap_bytes(const struct cs_coroutine *coroutine)
{
	if (!(coroutine->flags & CS_COROUTINE_HEAP))
		return CS_UNKNOWN;
	return coroutine->heap ? coroutine->heap->inuse_bytes : 0;
}

uint64_t cs_coroutine_stack_bytes(const struct cs_coroutine *coroutine)
{
	return coroutine->stack_high ? coroutine->stack_high - coroutine->stack_low : CS_UNKNOWN;
}

bool cs_coroutine_is_near_overflow(const struct cs_coroutine *coroutine)
{
	uint64_t size = cs_coroutine_stack_bytes(coroutine);
	uint64_t peak = coroutine->stack_peak, used = coroutine->stack_used;

	/* Go's stacks grow when they are full. */
	if (size == CS_UNKNOWN || coroutine->ended_ns ||
	    coroutine->flags & (CS_COROUTINE_SHARED_STACK | CS_COROUTINE_OBSERVED))
		return false;
	return (used != CS_UNKNOWN && used >= size - size / 10) ||
	       (peak != CS_UNKNOWN && peak >= size - size / 10);
}

struct cs_coroutine_id cs_coroutine_id(const struct cs_model *model, uint32_t runtime,
                                       uint64_t number)
{
	const struct cs_runtime *of = cs_model_runtime_at(model, runtime);
	struct cs_coroutine_id id;

	snprintf(id.s, sizeof(id.s), "%.40s/%" PRIu64, of ? of->name : "?", number);
	return id;
}

/* ---- which ---- */

struct running {
	const struct cs_query *query;
	const struct cs_snapshot *snapshot;
	struct cs_stacks *stacks;
	unsigned char *nodes;    /* 0 not asked, 1 no, 2 yes */
	unsigned char *runtimes; /* the name matches */
	unsigned char *reasons;
	unsigned char *processes;
};

static bool reason_matches(const struct cs_query *query, const char *text)
{
	return !query->reason || (text && strstr(text, query->reason));
}

static bool prepare(struct running *running)
{
	const struct cs_model *model = running->snapshot->model;
	const struct cs_query *query = running->query;
	uint32_t runtimes = cs_model_runtime_count(model), texts = cs_model_text_count(model);
	uint32_t processes = cs_model_process_count(model);

	running->runtimes = calloc((size_t)runtimes + 1, 1);
	running->reasons = calloc((size_t)texts + 1, 1);
	running->processes = calloc((size_t)processes + 1, 1);
	running->nodes = calloc((size_t)cs_model_node_count(model) + 1, 1);
	if (!running->runtimes || !running->reasons || !running->processes || !running->nodes)
		return false;
	for (uint32_t id = 1; id <= runtimes; id++)
		running->runtimes[id] =
			!query->runtime ||
			!strcmp(cs_model_runtime_at(model, id)->name, query->runtime);
	for (uint32_t id = 0; id <= texts; id++)
		running->reasons[id] = reason_matches(query, cs_model_text_at(model, id));
	for (uint32_t id = 1; id <= processes; id++)
		running->processes[id] =
			cs_filter_process(query->filter, cs_model_process_at(model, id));
	return true;
}

static void release(struct running *running)
{
	free(running->runtimes);
	free(running->reasons);
	free(running->processes);
	free(running->nodes);
}

/* 1, 0 or -ENOMEM. */
static int stack_matches(struct running *running, uint32_t node)
{
	const struct cs_filter *filter = running->query->filter;
	const struct cs_stack *stack;
	unsigned bits = 0;

	if (!cs_filter_has_patterns(filter))
		return 1;
	if (!running->nodes[node]) {
		stack = cs_stacks_get(running->stacks, running->snapshot, node);
		if (!stack)
			return -ENOMEM;
		for (; stack; stack = stack->caller)
			bits |= cs_filter_call(filter, stack->call);
		running->nodes[node] = (bits & 3) == 1 ? 2 : 1;
	}
	return running->nodes[node] == 2;
}

static bool is_old_enough(const struct running *running, const struct cs_coroutine *coroutine)
{
	uint64_t age = cs_coroutine_age_ns(running->snapshot, coroutine);

	return !running->query->min_age_ns ||
	       (age != CS_UNKNOWN && age >= running->query->min_age_ns);
}

static int passes(struct running *running, const struct cs_coroutine *coroutine)
{
	unsigned states = running->query->states;
	unsigned state = coroutine->ended_ns ? CS_COROUTINE_DEAD : coroutine->state;

	if (!states)
		states = ~(1u << CS_COROUTINE_DEAD);
	if (!(states >> state & 1) || !running->reasons[coroutine->reason] ||
	    !running->runtimes[coroutine->runtime] || !running->processes[coroutine->process] ||
	    !is_old_enough(running, coroutine))
		return 0;
	return stack_matches(running, coroutine->stack);
}

/* ---- in what order ---- */

struct ranked {
	uint64_t key; /* largest first */
	uint32_t row;
};

static uint64_t key_of(const struct cs_snapshot *snapshot, const struct cs_coroutine *coroutine,
                       enum cs_order order)
{
	switch (order) {
	case CS_ORDER_WAIT:
		return cs_coroutine_wait_ns(snapshot, coroutine);
	case CS_ORDER_AGE:
		return cs_coroutine_age_ns(snapshot, coroutine);
	case CS_ORDER_HEAP:
		return cs_coroutine_heap_bytes(coroutine);
	case CS_ORDER_CPU:
		return coroutine->cpu_ns;
	case CS_ORDER_SWITCHES:
		return coroutine->switches;
	case CS_ORDER_STACK:
		return coroutine->stack_used;
	default:
		return CS_UNKNOWN;
	}
}

static int compare_ids(const struct cs_coroutine *a, const struct cs_coroutine *b)
{
	if (a->process != b->process)
		return a->process < b->process ? -1 : 1;
	if (a->runtime != b->runtime)
		return a->runtime < b->runtime ? -1 : 1;
	return (a->number > b->number) - (a->number < b->number);
}

static int compare_ranked(const void *left, const void *right, void *context)
{
	const struct cs_coroutine *all = ((const struct cs_snapshot *)context)->coroutines;
	const struct ranked *a = left, *b = right;

	/* + 1: what is unknown becomes 0. */
	if (a->key + 1 != b->key + 1)
		return a->key + 1 > b->key + 1 ? -1 : 1;
	return compare_ids(&all[a->row], &all[b->row]);
}

static int put_in_order(const struct running *running, uint32_t *rows, uint32_t count)
{
	const struct cs_snapshot *snapshot = running->snapshot;
	struct ranked *ranked = calloc((size_t)count + 1, sizeof(*ranked));

	if (!ranked)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		ranked[i] = (struct ranked){key_of(snapshot, &snapshot->coroutines[rows[i]],
		                                   running->query->order),
		                            rows[i]};
	qsort_r(ranked, count, sizeof(*ranked), compare_ranked, (void *)(uintptr_t)snapshot);
	for (uint32_t i = 0; i < count; i++)
		rows[i] = ranked[i].row;
	free(ranked);
	return 0;
}

static int select_rows(struct running *running, uint32_t *rows, uint32_t *count, uint32_t *hidden)
{
	const struct cs_snapshot *snapshot = running->snapshot;

	for (uint32_t row = 0; row < snapshot->coroutine_count; row++) {
		const struct cs_coroutine *coroutine = &snapshot->coroutines[row];
		int answer = passes(running, coroutine);

		if (answer < 0)
			return answer;
		if (!answer)
			continue;
		if (coroutine->flags & CS_COROUTINE_SYSTEM && !running->query->system)
			++*hidden;
		else
			rows[(*count)++] = row;
	}
	return 0;
}

int cs_query_run(const struct cs_query *query, const struct cs_snapshot *snapshot,
                 struct cs_stacks *stacks, uint32_t **rows, uint32_t *count, uint32_t *hidden)
{
	struct running running = {.query = query, .snapshot = snapshot, .stacks = stacks};
	uint32_t passed_over = 0;
	int error = -ENOMEM;

	*count = 0;
	*rows = calloc((size_t)snapshot->coroutine_count + 1, sizeof(**rows));
	if (*rows && prepare(&running))
		error = select_rows(&running, *rows, count, &passed_over);
	if (!error)
		error = put_in_order(&running, *rows, *count);
	release(&running);
	if (hidden)
		*hidden = passed_over;
	if (error) {
		free(*rows);
		*rows = NULL;
		*count = 0;
	}
	return error;
}
