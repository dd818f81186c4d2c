/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who lives, and below whom, from picture to picture; and the tree that is made of it.
 */
#include "view/living.h"

#include "scene.h"
#include "support/unit.h"
#include "view/coroutine_rows.h"

struct world {
	struct cs_model *model;
	struct csv_scene scene;
	struct cs_snapshot now;
	uint32_t runtime;
};

static void begin(struct world *world)
{
	const struct cs_process process = {.pid = 1, .executable = (char *)"/srv/x"};

	*world = (struct world){.model = cs_model_new()};
	assert_non_null(world->model);
	assert_int_equal(cs_model_process(world->model, &process), 1);
	world->runtime = cs_model_runtime(world->model, 1, "go", NULL);
	world->now.model = world->model;
	world->scene.now = &world->now;
}

static uint32_t born(struct world *world, uint64_t number, uint64_t parent)
{
	uint32_t id = cs_model_coroutine(world->model, 1, world->runtime, number);
	struct cs_coroutine *coroutine = cs_model_coroutine_at(world->model, id);

	assert_non_null(coroutine);
	coroutine->state = CS_COROUTINE_WAITING;
	coroutine->parent_runtime = parent ? world->runtime : 0;
	coroutine->parent_number = parent;
	return id;
}

static void look(struct world *world)
{
	assert_int_equal(
		csv_living_take(&world->scene.living, &world->scene.counts, world->model, NULL), 0);
}

static void end(struct world *world)
{
	csv_living_release(&world->scene.living);
	cs_model_free(world->model);
}

static uint32_t parent_of(const struct world *world, uint32_t id)
{
	return world->scene.living.places[id].parent;
}

/* A slot is used again: who was there must not be taken for who is. */
static void parents_are_right_when_slots_are_used_again(void **state)
{
	struct world world;
	uint32_t first, child, other;

	(void)state;
	begin(&world);
	first = born(&world, 1, 0);
	child = born(&world, 2, 1);
	look(&world);
	assert_int_equal(parent_of(&world, child), first);
	assert_int_equal(world.scene.counts.all, 2);

	cs_model_coroutine_end(world.model, first, 5);
	look(&world);
	assert_int_equal(parent_of(&world, child), 0);
	assert_int_equal(world.scene.living.count, 1);

	cs_model_sweep_coroutines(world.model);
	other = born(&world, 7, 2);
	assert_int_equal(other, first); /* the same slot */
	look(&world);
	assert_int_equal(parent_of(&world, child), 0);
	assert_int_equal(parent_of(&world, other), child);
	end(&world);
}

/* One that was not seen at first may come later. */
static void a_parent_that_comes_later_is_found(void **state)
{
	struct world world;
	uint32_t child, parent;

	(void)state;
	begin(&world);
	child = born(&world, 2, 1);
	look(&world);
	assert_int_equal(parent_of(&world, child), 0);
	parent = born(&world, 1, 0);
	look(&world);
	assert_int_equal(parent_of(&world, child), parent);
	end(&world);
}

static void fill_tree(struct world *world, struct csv_coroutine_rows *rows)
{
	look(world);
	assert_int_equal(csv_coroutine_rows_fill(rows, &world->scene, true, NULL), 0);
}

static void a_long_line_of_parents_is_shown_whole(void **state)
{
	struct csv_coroutine_rows rows = {0};
	struct world world;

	(void)state;
	begin(&world);
	for (uint64_t number = 1; number <= 100; number++)
		born(&world, number, number - 1);
	fill_tree(&world, &rows);
	assert_int_equal(rows.count, 100);
	for (uint32_t i = 0; i < 100; i++) {
		assert_int_equal(rows.rows[i].depth, i);
		assert_int_equal(csv_coroutine_of(&rows, i)->number, i + 1);
	}
	csv_coroutine_rows_release(&rows);
	end(&world);
}

/* Also those below those below it. */
static void a_folded_branch_hides_all_that_is_below(void **state)
{
	struct csv_coroutine_rows rows = {0};
	struct world world;

	(void)state;
	begin(&world);
	born(&world, 1, 0);
	born(&world, 2, 1);
	born(&world, 3, 2);
	born(&world, 4, 3);
	born(&world, 5, 1);
	fill_tree(&world, &rows);
	csv_coroutine_fold(&rows, 1);
	fill_tree(&world, &rows);
	assert_int_equal(rows.count, 3);
	assert_int_equal(csv_coroutine_of(&rows, 2)->number, 5);
	csv_coroutine_rows_release(&rows);
	end(&world);
}

/* A hostile trace: nobody is above them, and all of them are shown once. */
static void a_ring_of_parents_is_shown_once(void **state)
{
	struct csv_coroutine_rows rows = {0};
	struct world world;

	(void)state;
	begin(&world);
	born(&world, 1, 3);
	born(&world, 2, 1);
	born(&world, 3, 2);
	born(&world, 4, 3);
	born(&world, 5, 5); /* its own parent */
	fill_tree(&world, &rows);
	assert_int_equal(rows.count, 5);
	csv_coroutine_rows_release(&rows);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parents_are_right_when_slots_are_used_again),
		cmocka_unit_test(a_parent_that_comes_later_is_found),
		cmocka_unit_test(a_long_line_of_parents_is_shown_whole),
		cmocka_unit_test(a_folded_branch_hides_all_that_is_below),
		cmocka_unit_test(a_ring_of_parents_is_shown_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
