/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First by node of the model, which costs a look-up each; then nodes that look the same are
 * one, of which there are few.
 */
#include "model/group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/index.h"
#include "base/list.h"

struct cs_grouping {
	const struct cs_snapshot *snapshot;
	struct cs_stacks *stacks;
	struct cs_list list; /* struct cs_group */
	struct cs_index by_node;
	struct cs_index by_stack;
	struct cs_list nodes;
};

/* What is looked up for each coroutine. */
struct node_key {
	uint32_t process, runtime, node;
	uint32_t state; /* where no stack is known, states are parted */
	uint32_t group; /* of making.list */
};

static struct node_key key_of(const struct cs_coroutine *coroutine)
{
	return (struct node_key){
		.process = coroutine->process,
		.runtime = coroutine->runtime,
		.node = coroutine->stack,
		.state = coroutine->stack ? 0 : coroutine->state + 1u,
	};
}

static uint32_t key_hash(const struct node_key *key)
{
	return cs_hash_pair((uint64_t)key->process << 32 | key->runtime,
	                    (uint64_t)key->state << 32 | key->node);
}

static bool same_key(const struct node_key *a, const struct node_key *b)
{
	return a->node == b->node && a->runtime == b->runtime && a->process == b->process &&
	       a->state == b->state;
}

static uint32_t stack_hash(const struct node_key *key, const struct cs_stack *stack)
{
	return cs_hash_pair((uint64_t)key->process << 32 | key->runtime,
	                    (uint64_t)key->state << 32 | stack->id);
}

/* UINT32_MAX: none yet. */
static uint32_t find_stack(const struct cs_grouping *making, const struct node_key *key,
                           const struct cs_stack *stack)
{
	struct cs_probe probe = cs_index_probe(&making->by_stack, stack_hash(key, stack));
	uint32_t id;

	while ((id = cs_probe_next(&probe))) {
		const struct cs_group *group = cs_list_at(&making->list, id - 1);

		if (group->stack == stack && group->process == key->process &&
		    group->runtime == key->runtime &&
		    (!key->state || group->states[key->state - 1]))
			return id - 1;
	}
	return UINT32_MAX;
}

/* The group of all nodes that look like KEY's. UINT32_MAX: no memory. */
static uint32_t group_of_stack(struct cs_grouping *making, const struct node_key *key)
{
	const struct cs_stack *stack = cs_stacks_get(making->stacks, making->snapshot, key->node);
	struct cs_group *group;
	uint32_t known;

	if (!stack)
		return UINT32_MAX;
	known = find_stack(making, key, stack);
	if (known != UINT32_MAX)
		return known;
	group = cs_list_push(&making->list);
	if (!group || cs_index_add(&making->by_stack, stack_hash(key, stack), making->list.count))
		return UINT32_MAX;
	*group = (struct cs_group){
		.process = key->process,
		.runtime = key->runtime,
		.stack = stack,
		.node = key->node,
		.wait_ns = CS_UNKNOWN,
		.age_ns = CS_UNKNOWN,
		.heap_bytes = CS_UNKNOWN,
		.cpu_ns = CS_UNKNOWN,
		.switches = CS_UNKNOWN,
		.stack_bytes = CS_UNKNOWN,
		.stack_used = CS_UNKNOWN,
	};
	return making->list.count - 1;
}

static struct node_key *find_node(const struct cs_grouping *making, const struct node_key *key)
{
	struct cs_probe probe = cs_index_probe(&making->by_node, key_hash(key));
	uint32_t id;

	while ((id = cs_probe_next(&probe))) {
		struct node_key *known = cs_list_at(&making->nodes, id - 1);

		if (same_key(known, key))
			return known;
	}
	return NULL;
}

static uint32_t group_of(struct cs_grouping *making, const struct cs_coroutine *coroutine)
{
	struct node_key key = key_of(coroutine), *known = find_node(making, &key);

	if (known)
		return known->group;
	key.group = group_of_stack(making, &key);
	if (key.group == UINT32_MAX)
		return UINT32_MAX;
	known = cs_list_push(&making->nodes);
	if (!known || cs_index_add(&making->by_node, key_hash(&key), making->nodes.count))
		return UINT32_MAX;
	*known = key;
	return key.group;
}

/* ---- sums ---- */

static void add(uint64_t *sum, uint64_t value)
{
	if (value != CS_UNKNOWN)
		*sum = *sum == CS_UNKNOWN ? value : *sum + value;
}

static bool is_longer(uint64_t value, uint64_t than)
{
	return value != CS_UNKNOWN && (than == CS_UNKNOWN || value > than);
}

static void count_reason(struct cs_group *group, uint32_t text)
{
	for (uint32_t i = 0; i < group->reason_count; i++) {
		if (group->reasons[i].text == text) {
			group->reasons[i].count++;
			return;
		}
	}
	if (group->reason_count < CS_GROUP_REASONS) {
		group->reasons[group->reason_count].text = text;
		group->reasons[group->reason_count++].count = 1;
	}
}

/* Times may lie before 0, and are negative then. */
static bool is_earlier(uint64_t since_ns, uint64_t than_ns)
{
	return since_ns != CS_UNKNOWN &&
	       (than_ns == CS_UNKNOWN || (int64_t)since_ns < (int64_t)than_ns);
}

static void add_coroutine(struct cs_grouping *making, uint32_t id,
                          const struct cs_coroutine *coroutine, uint32_t row)
{
	struct cs_group *group = cs_list_at(&making->list, id);
	uint64_t wait = cs_coroutine_wait_ns(making->snapshot, coroutine);
	uint64_t age = cs_coroutine_age_ns(making->snapshot, coroutine);

	if (!group->count || is_longer(wait, group->wait_ns) ||
	    (group->wait_ns == CS_UNKNOWN &&
	     is_earlier(coroutine->since_ns, group->example_since_ns))) {
		group->example = row;
		group->example_since_ns = coroutine->since_ns;
	}
	if (is_longer(wait, group->wait_ns))
		group->wait_ns = wait;
	if (is_longer(age, group->age_ns))
		group->age_ns = age;
	if (!group->count)
		group->spawn = coroutine->spawn;
	else if (group->spawn != coroutine->spawn)
		group->spawn = 0;
	group->count++;
	group->states[coroutine->state]++;
	count_reason(group, coroutine->reason);
	add(&group->heap_bytes, cs_coroutine_heap_bytes(coroutine));
	add(&group->cpu_ns, coroutine->cpu_ns);
	add(&group->switches, coroutine->switches);
	add(&group->stack_bytes, cs_coroutine_stack_bytes(coroutine));
	add(&group->stack_used, coroutine->stack_used);
}

/* ---- order ---- */

struct ranked {
	uint64_t key;
	uint32_t at;
};

static uint64_t rank(const struct cs_group *group, enum cs_order order)
{
	switch (order) {
	case CS_ORDER_WAIT:
		return group->wait_ns;
	case CS_ORDER_AGE:
		return group->age_ns;
	case CS_ORDER_HEAP:
		return group->heap_bytes;
	case CS_ORDER_CPU:
		return group->cpu_ns;
	case CS_ORDER_SWITCHES:
		return group->switches;
	case CS_ORDER_STACK:
		return group->stack_used;
	default:
		return group->count;
	}
}

static int compare_ranked(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;

	if (a->key + 1 != b->key + 1) /* what is unknown becomes 0 */
		return a->key + 1 > b->key + 1 ? -1 : 1;
	return (a->at > b->at) - (a->at < b->at);
}

static void sort_reasons(struct cs_group *group)
{
	for (uint32_t i = 1; i < group->reason_count; i++) {
		for (uint32_t at = i; at > 0; at--) {
			if (group->reasons[at].count <= group->reasons[at - 1].count)
				break;
			uint32_t text = group->reasons[at].text;
			uint32_t count = group->reasons[at].count;

			group->reasons[at] = group->reasons[at - 1];
			group->reasons[at - 1].text = text;
			group->reasons[at - 1].count = count;
		}
	}
}

static int into_array(struct cs_groups *groups)
{
	const struct cs_list *list = &groups->grouping->list;

	groups->groups = calloc((size_t)list->count + 1, sizeof(*groups->groups));
	if (!groups->groups)
		return -ENOMEM;
	for (uint32_t i = 0; i < list->count; i++) {
		groups->groups[i] = *(struct cs_group *)cs_list_at(list, i);
		sort_reasons(&groups->groups[i]);
	}
	groups->count = list->count;
	return 0;
}

/* The array in order; of_row follows. */
static int put_in_order(struct cs_groups *groups, const uint32_t *rows, uint32_t count,
                        enum cs_order order)
{
	const struct cs_list *list = &groups->grouping->list;
	struct ranked *ranked = calloc((size_t)list->count + 1, sizeof(*ranked));
	uint32_t *place = calloc((size_t)list->count + 1, sizeof(*place));
	int error = ranked && place ? into_array(groups) : -ENOMEM;

	for (uint32_t i = 0; !error && i < list->count; i++)
		ranked[i] = (struct ranked){rank(cs_list_at(list, i), order), i};
	if (!error)
		qsort(ranked, list->count, sizeof(*ranked), compare_ranked);
	for (uint32_t i = 0; !error && i < list->count; i++) {
		groups->groups[i] = *(struct cs_group *)cs_list_at(list, ranked[i].at);
		sort_reasons(&groups->groups[i]);
		place[ranked[i].at] = i;
	}
	for (uint32_t i = 0; !error && i < count; i++)
		groups->of_row[rows[i]] = place[groups->of_row[rows[i]]];
	free(ranked);
	free(place);
	return error;
}

static void grouping_free(struct cs_groups *groups)
{
	struct cs_grouping *making = groups->grouping;

	if (!making)
		return;
	cs_list_free(&making->list);
	cs_list_free(&making->nodes);
	cs_index_free(&making->by_node);
	cs_index_free(&making->by_stack);
	free(making);
	groups->grouping = NULL;
}

int cs_groups_make(struct cs_groups *groups, const struct cs_snapshot *snapshot,
                   struct cs_stacks *stacks, const uint32_t *rows, uint32_t count,
                   enum cs_order order)
{
	size_t all = (size_t)snapshot->coroutine_count + 1;
	int error = cs_groups_begin(groups, snapshot, stacks);

	groups->of_row = malloc(all * sizeof(*groups->of_row));
	if (!groups->of_row)
		return -ENOMEM;
	memset(groups->of_row, 0xff, all * sizeof(*groups->of_row));
	for (uint32_t i = 0; !error && i < count; i++) {
		const struct cs_coroutine *coroutine = &snapshot->coroutines[rows[i]];
		uint32_t group = group_of(groups->grouping, coroutine);

		if (group == UINT32_MAX)
			return -ENOMEM;
		groups->of_row[rows[i]] = group;
		add_coroutine(groups->grouping, group, coroutine, rows[i]);
	}
	if (!error)
		error = put_in_order(groups, rows, count, order);
	grouping_free(groups);
	return error;
}

int cs_groups_begin(struct cs_groups *groups, const struct cs_snapshot *snapshot,
                    struct cs_stacks *stacks)
{
	struct cs_grouping *making = calloc(1, sizeof(*making));

	*groups = (struct cs_groups){.grouping = making};
	if (!making)
		return -ENOMEM;
	making->snapshot = snapshot;
	making->stacks = stacks;
	cs_list_init(&making->list, sizeof(struct cs_group), 6);
	cs_list_init(&making->nodes, sizeof(struct node_key), 8);
	return 0;
}

int cs_groups_add(struct cs_groups *groups, const struct cs_coroutine *coroutine, uint32_t row)
{
	uint32_t group = group_of(groups->grouping, coroutine);

	if (group == UINT32_MAX)
		return -ENOMEM;
	add_coroutine(groups->grouping, group, coroutine, row);
	return 0;
}

int cs_groups_end(struct cs_groups *groups)
{
	return into_array(groups);
}

struct cs_group *cs_groups_find(const struct cs_groups *groups, const struct cs_snapshot *snapshot,
                                const struct cs_coroutine *coroutine)
{
	const struct cs_grouping *making = groups->grouping;
	struct node_key key = key_of(coroutine);
	const struct node_key *known = find_node(making, &key);
	const struct cs_stack *stack;
	uint32_t group;

	if (known)
		return &groups->groups[known->group];
	stack = cs_stacks_get(making->stacks, snapshot, key.node);
	group = stack ? find_stack(making, &key, stack) : UINT32_MAX;
	return group == UINT32_MAX ? NULL : &groups->groups[group];
}

void cs_groups_free(struct cs_groups *groups)
{
	grouping_free(groups);
	free(groups->groups);
	free(groups->of_row);
	*groups = (struct cs_groups){0};
}
