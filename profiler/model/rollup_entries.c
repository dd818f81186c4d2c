/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups become entries: sorted, and rounded once so that they still add up to the total.
 */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "model/rollup_private.h"

static int compare_stacks(const struct cs_stack *a, const struct cs_stack *b)
{
	while (a && b && a != b) {
		int order = strcmp(a->call->function, b->call->function);
		if (order)
			return order;
		if (a->call->line != b->call->line)
			return a->call->line < b->call->line ? -1 : 1;
		a = a->caller;
		b = b->caller;
	}
	return (a != NULL) - (b != NULL);
}

/* The largest first; what is equal in an order that does not depend on the recording. */
static int compare_groups(const void *left, const void *right)
{
	const struct group *a = *(struct group *const *)left;
	const struct group *b = *(struct group *const *)right;

	if (a->change != b->change)
		return a->change > b->change ? -1 : 1;
	if (a->cumulative != b->cumulative)
		return a->cumulative > b->cumulative ? -1 : 1;
	int order = strcmp(a->entry.label, b->entry.label);
	if (order == 0)
		order = compare_stacks(a->entry.stack, b->entry.stack);
	if (order == 0)
		order = (a->key > b->key) - (a->key < b->key);
	return order;
}

struct part {
	double rest;
	uint32_t at;
};

static int compare_parts(const void *left, const void *right)
{
	const struct part *a = left;
	const struct part *b = right;

	if (a->rest != b->rest)
		return a->rest > b->rest ? -1 : 1;
	return (a->at > b->at) - (a->at < b->at);
}

/* A figure of a group: as a fraction, and where it goes when it is rounded. */
struct figure {
	double (*fraction)(const struct group *group);
	int64_t *(*rounded)(struct group *group);
};

static double value_of(const struct group *group)
{
	return group->value;
}

static double base_of(const struct group *group)
{
	return group->base;
}

static double objects_of(const struct group *group)
{
	return group->objects;
}

static int64_t *rounded_value(struct group *group)
{
	return &group->entry.value;
}

static int64_t *rounded_base(struct group *group)
{
	return &group->entry.base;
}

static int64_t *rounded_objects(struct group *group)
{
	return &group->entry.objects;
}

/*
 * Rounds FIGURE of all GROUPS so that they add up to SUM, rounded, which is returned: all are
 * rounded down, and what is then missing goes to those that lost most. Keeps the order of size.
 */
static int64_t round_all(struct group **groups, uint32_t count, struct part *parts, double sum,
                         const struct figure *figure)
{
	int64_t total = llround(sum);
	int64_t missing = total;

	for (uint32_t i = 0; i < count; i++) {
		double down = floor(figure->fraction(groups[i]));
		*figure->rounded(groups[i]) = (int64_t)down;
		parts[i] = (struct part){.rest = figure->fraction(groups[i]) - down, .at = i};
		missing -= (int64_t)down;
	}
	if (missing > 0)
		qsort(parts, count, sizeof(*parts), compare_parts);
	for (uint32_t i = 0; i < count && missing > 0; i++, missing--)
		++*figure->rounded(groups[parts[i].at]);
	/* The sum was made in another order: a last bit of the doubles may be left. */
	if (count > 0)
		*figure->rounded(groups[0]) += missing;
	return count > 0 ? total : 0;
}

static void round_groups(struct cs_rollup *rollup, struct group **groups, struct part *parts)
{
	static const struct figure value = {value_of, rounded_value};
	static const struct figure base = {base_of, rounded_base};
	static const struct figure objects = {objects_of, rounded_objects};
	const struct cs_rollup_private *sums = rollup->private;
	uint32_t count = rollup->count;

	rollup->total = round_all(groups, count, parts, sums->value, &value);
	rollup->base_total = round_all(groups, count, parts, sums->base, &base);
	if (rollup->has_objects)
		rollup->objects = round_all(groups, count, parts, sums->objects, &objects);
}

int cs_rollup_make_entries(struct cs_rollup *rollup)
{
	struct cs_list *all = &rollup->private->groups;
	struct group **groups = calloc(all->count + 1, sizeof(struct group *));
	struct part *parts = calloc(all->count + 1, sizeof(*parts));

	rollup->entries = calloc(all->count + 1, sizeof(*rollup->entries));
	if (!groups || !parts || !rollup->entries) {
		free(groups);
		free(parts);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < all->count; i++) {
		struct group *group = cs_list_at(all, i);
		if (group->value == 0 && group->base == 0 && group->cumulative == 0 &&
		    group->objects == 0)
			continue;
		group->change = rollup->base ? fabs(group->value - group->base) : group->value;
		groups[rollup->count++] = group;
	}
	qsort(groups, rollup->count, sizeof(struct group *), compare_groups);
	round_groups(rollup, groups, parts);
	for (uint32_t i = 0; i < rollup->count; i++) {
		struct cs_entry *entry = &rollup->entries[i];
		*entry = groups[i]->entry;
		entry->delta = rollup->base ? entry->value - entry->base : 0;
		entry->cumulative = rollup->by == CS_BY_FUNCTION ? llround(groups[i]->cumulative)
		                                                 : entry->value;
	}
	free(groups);
	free(parts);
	return 0;
}
