/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups of coroutines: who stands at what looks like the same place is in one, and only they.
 */
#include "model/group.h"

#include <stdio.h>

#include "support/unit.h"

struct world {
	struct cs_model *model;
	struct cs_symbols *symbols;
	struct cs_snapshot *snapshot;
	struct cs_stacks *stacks;
	uint32_t runtimes[2];
	uint32_t nodes[3]; /* the first two look the same */
};

static uint32_t make_node(struct world *world, uint64_t offset, const char *function)
{
	uint32_t module = cs_model_module(world->model, "/srv/x", NULL, 0);
	uint32_t frame = cs_model_frame(world->model, module, offset);
	const struct cs_name name = {function, "x.c", 7, false};

	assert_int_equal(cs_symbols_set(world->symbols, frame, &name, 1), 0);
	return cs_model_node(world->model, 0, frame);
}

static struct cs_coroutine *born(struct world *world, uint32_t runtime, uint64_t number,
                                 uint32_t node, enum cs_coroutine_state state)
{
	uint32_t id = cs_model_coroutine(world->model, 1, world->runtimes[runtime], number);
	struct cs_coroutine *coroutine = cs_model_coroutine_at(world->model, id);

	assert_non_null(coroutine);
	coroutine->stack = node;
	coroutine->state = state;
	coroutine->since_after_ns = coroutine->since_ns = 1000 - number;
	return coroutine;
}

static void begin(struct world *world)
{
	const struct cs_process process = {.pid = 1, .executable = (char *)"/srv/x"};

	*world = (struct world){.model = cs_model_new(),
	                        .symbols = cs_symbols_new(),
	                        .stacks = cs_stacks_new(true)};
	assert_int_equal(cs_model_process(world->model, &process), 1);
	world->runtimes[0] = cs_model_runtime(world->model, 1, "go", NULL);
	world->runtimes[1] = cs_model_runtime(world->model, 1, "lua", NULL);
	world->nodes[0] = make_node(world, 0x10, "wait");
	world->nodes[1] = make_node(world, 0x18, "wait");
	world->nodes[2] = make_node(world, 0x90, "run");
	born(world, 0, 1, world->nodes[0], CS_COROUTINE_WAITING)->reason =
		cs_model_text(world->model, "IO");
	born(world, 0, 2, world->nodes[1], CS_COROUTINE_WAITING)->reason =
		cs_model_text(world->model, "lock");
	born(world, 0, 3, world->nodes[1], CS_COROUTINE_WAITING)->reason =
		cs_model_text(world->model, "lock");
	born(world, 0, 4, world->nodes[2], CS_COROUTINE_RUNNING);
	born(world, 1, 1, world->nodes[0], CS_COROUTINE_WAITING);
	born(world, 0, 5, 0, CS_COROUTINE_WAITING);
	born(world, 0, 6, 0, CS_COROUTINE_RUNNING);
	cs_model_set_now(world->model, 5000);
	world->snapshot = cs_snapshot_take(world->model, world->symbols);
	assert_non_null(world->snapshot);
}

static void end(struct world *world)
{
	cs_stacks_free(world->stacks);
	cs_snapshot_free(world->snapshot);
	cs_symbols_free(world->symbols);
	cs_model_free(world->model);
}

static void add_all(struct world *world, struct cs_groups *groups)
{
	assert_int_equal(cs_groups_begin(groups, world->snapshot, world->stacks), 0);
	for (uint32_t id = 1; id <= cs_model_coroutine_slots(world->model); id++)
		assert_int_equal(cs_groups_add(groups, cs_model_coroutine_at(world->model, id), id),
		                 0);
	assert_int_equal(cs_groups_end(groups), 0);
}

static void one_place_is_one_group_whatever_its_nodes(void **state)
{
	struct cs_groups groups;
	struct cs_group *waiting;
	struct world world;

	(void)state;
	begin(&world);
	add_all(&world, &groups);
	/* wait of go, run, wait of lua, and two of which no stack is known */
	assert_int_equal(groups.count, 5);
	waiting = cs_groups_find(&groups, world.snapshot, cs_model_coroutine_at(world.model, 1));
	assert_ptr_equal(waiting, cs_groups_find(&groups, world.snapshot,
	                                         cs_model_coroutine_at(world.model, 2)));
	assert_int_equal(waiting->count, 3);
	assert_int_equal(waiting->states[CS_COROUTINE_WAITING], 3);
	assert_string_equal(cs_model_text_at(world.model, waiting->reasons[0].text), "lock");
	assert_int_equal(waiting->reasons[0].count, 2);
	assert_int_equal(waiting->example, 3); /* it has waited for longest */
	assert_ptr_not_equal(waiting, cs_groups_find(&groups, world.snapshot,
	                                             cs_model_coroutine_at(world.model, 5)));
	cs_groups_free(&groups);
	end(&world);
}

static void who_stands_elsewhere_is_in_none(void **state)
{
	struct cs_coroutine stranger;
	struct cs_groups groups;
	struct world world;

	(void)state;
	begin(&world);
	add_all(&world, &groups);
	stranger = *cs_model_coroutine_at(world.model, 1);
	stranger.stack = make_node(&world, 0x200, "elsewhere");
	assert_null(cs_groups_find(&groups, world.snapshot, &stranger));
	/* Another node of a place that is known. */
	stranger.stack = make_node(&world, 0x300, "wait");
	assert_ptr_equal(cs_groups_find(&groups, world.snapshot, &stranger),
	                 cs_groups_find(&groups, world.snapshot,
	                                cs_model_coroutine_at(world.model, 1)));
	cs_groups_free(&groups);
	end(&world);
}

/* What ps asks: in order, and each row knows its group. */
static void rows_of_a_snapshot_are_grouped_in_order(void **state)
{
	const uint32_t rows[] = {3, 0, 1, 2};
	struct cs_groups groups;
	struct world world;

	(void)state;
	begin(&world);
	assert_int_equal(
		cs_groups_make(&groups, world.snapshot, world.stacks, rows, 4, CS_ORDER_ID), 0);
	assert_int_equal(groups.count, 2);
	assert_int_equal(groups.groups[0].count, 3);
	assert_int_equal(groups.of_row[3], 1);
	assert_int_equal(groups.of_row[2], 0);
	assert_int_equal(groups.of_row[4], UINT32_MAX);
	cs_groups_free(&groups);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_place_is_one_group_whatever_its_nodes),
		cmocka_unit_test(who_stands_elsewhere_is_in_none),
		cmocka_unit_test(rows_of_a_snapshot_are_grouped_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
