/* SPDX-License-Identifier: Apache-2.0 */
/* Slots of coroutines, their heaps, texts and runtimes, told one fact at a time. */
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

#include "books_scene.h"
#include "model/coroutine.h"

static uint32_t a_runtime(struct scene *scene)
{
	return cs_model_runtime(scene->model, scene->process, "ucontext", NULL);
}

static void a_coroutine_is_found_by_its_key_until_it_ends(void **state)
{
	struct scene scene = books_scene(1);
	uint32_t runtime = a_runtime(&scene);
	uint32_t first = cs_model_coroutine(scene.model, scene.process, runtime, 7);
	uint32_t second = cs_model_coroutine(scene.model, scene.process, runtime, 8);

	(void)state;
	assert_int_not_equal(first, second);
	assert_int_equal(cs_model_coroutine(scene.model, scene.process, runtime, 7), first);
	assert_int_equal(cs_model_coroutine_find(scene.model, scene.process, runtime, 8), second);
	assert_int_equal(cs_model_coroutine_find(scene.model, scene.process, runtime, 9), 0);
	assert_int_equal(cs_model_coroutines_alive(scene.model, scene.process), 2);
	cs_model_coroutine_end(scene.model, first, 50);
	cs_model_coroutine_end(scene.model, first, 60); /* is told twice: the first counts */
	assert_int_equal(cs_model_coroutine_find(scene.model, scene.process, runtime, 7), 0);
	assert_int_equal(cs_model_coroutine_at(scene.model, first)->ended_ns, 50);
	assert_int_equal(cs_model_coroutine_at(scene.model, first)->state, CS_COROUTINE_DEAD);
	assert_int_equal(cs_model_coroutines_alive(scene.model, scene.process), 1);
	/* A number that returns is another coroutine. */
	assert_int_not_equal(cs_model_coroutine(scene.model, scene.process, runtime, 7), first);
	books_scene_end(&scene);
}

/* What a coroutine was seen doing must not replace where it is known to be. */
static void where_it_was_seen_is_not_where_it_is(void **state)
{
	struct scene scene = books_scene(1);
	uint32_t id = cs_model_coroutine(scene.model, scene.process, a_runtime(&scene), 1);
	struct cs_coroutine *coroutine = cs_model_coroutine_at(scene.model, id);

	(void)state;
	cs_model_coroutine_seen(scene.model, id, 7, 50);
	assert_int_equal(coroutine->stack, 7);
	assert_true(coroutine->flags & CS_COROUTINE_STACK_SAMPLED);
	cs_model_coroutine_seen(scene.model, id, 8, 60);
	assert_int_equal(coroutine->stack, 8);
	assert_int_equal(coroutine->stack_ns, 60);
	coroutine->flags &= (uint16_t)~CS_COROUTINE_STACK_SAMPLED; /* somebody has read it */
	cs_model_coroutine_seen(scene.model, id, 9, 70);
	assert_int_equal(coroutine->stack, 8);
	cs_model_coroutine_seen(scene.model, 0, 9, 70);
	books_scene_end(&scene);
}

static void what_nobody_told_is_unknown(void **state)
{
	struct scene scene = books_scene(1);
	uint32_t id = cs_model_coroutine(scene.model, scene.process, a_runtime(&scene), 1);
	const struct cs_coroutine *coroutine = cs_model_coroutine_at(scene.model, id);

	(void)state;
	assert_true(coroutine->created_ns == CS_UNKNOWN && coroutine->since_ns == CS_UNKNOWN);
	assert_true(coroutine->switches == CS_UNKNOWN && coroutine->cpu_ns == CS_UNKNOWN);
	assert_true(coroutine->stack_used == CS_UNKNOWN && coroutine->wait_ns == CS_UNKNOWN);
	assert_int_equal(coroutine->state, CS_COROUTINE_UNKNOWN);
	assert_null(coroutine->heap);
	assert_int_equal(cs_model_coroutine(scene.model, scene.process, 99, 1), 0);
	assert_int_equal(cs_model_coroutine(scene.model, 99, 1, 1), 0);
	books_scene_end(&scene);
}

static void a_slot_is_used_again_after_a_sweep(void **state)
{
	struct scene scene = books_scene(1);
	uint32_t runtime = a_runtime(&scene);

	(void)state;
	for (uint64_t number = 1; number <= 10000; number++) {
		uint32_t id = cs_model_coroutine(scene.model, scene.process, runtime, number);

		assert_int_equal(cs_model_coroutine_set_name(scene.model, id, "worker"), 0);
		assert_int_equal(cs_model_coroutine_set_labels(scene.model, id, "a=b"), 0);
		cs_model_coroutine_end(scene.model, id, number);
		cs_model_sweep_coroutines(scene.model);
		assert_null(cs_model_coroutine_at(scene.model, id));
	}
	assert_int_equal(cs_model_coroutine_slots(scene.model), 1);
	books_scene_end(&scene);
}

/* The books refer to slots: one that was used again would be charged with another's blocks. */
static void a_slot_is_kept_until_the_last_block_is_freed(void **state)
{
	struct scene scene = books_scene(1);
	uint32_t runtime = a_runtime(&scene);
	uint32_t id = cs_model_coroutine(scene.model, scene.process, runtime, 1);

	(void)state;
	assert_int_equal(cs_books_alloc_by(scene.books, scene.threads[0], id, scene.cells[0],
	                                   0x1000, 100, 0),
	                 0);
	assert_int_equal(cs_books_alloc_by(scene.books, scene.threads[0], id, scene.cells[0],
	                                   0x2000, 10, 0),
	                 0);
	books_alloc(&scene, 0, 0x3000, 1000);
	cs_model_coroutine_end(scene.model, id, 5);
	cs_model_sweep_coroutines(scene.model);
	assert_int_equal(cs_model_coroutine_at(scene.model, id)->heap->inuse_bytes, 110);
	books_release(&scene, 1, 0x1000); /* by another thread */
	books_release(&scene, 0, 0x3000);
	cs_model_sweep_coroutines(scene.model);
	assert_int_equal(cs_model_coroutine_at(scene.model, id)->heap->inuse_bytes, 10);
	assert_int_equal(cs_model_coroutine_at(scene.model, id)->heap->alloc_bytes, 110);
	books_release(&scene, 0, 0x2000);
	assert_int_equal(cs_model_coroutine_at(scene.model, id)->heap->live_samples, 0);
	cs_model_sweep_coroutines(scene.model);
	assert_null(cs_model_coroutine_at(scene.model, id));
	assert_int_equal(books_in_use(&scene), 0);
	books_scene_end(&scene);
}

static void a_failed_realloc_gives_the_block_back_to_its_coroutine(void **state)
{
	struct scene scene = books_scene(1);
	uint32_t runtime = a_runtime(&scene);
	uint32_t id = cs_model_coroutine(scene.model, scene.process, runtime, 1);
	const struct cs_coroutine *coroutine = cs_model_coroutine_at(scene.model, id);

	(void)state;
	cs_books_alloc_by(scene.books, scene.threads[0], id, scene.cells[0], 0x1000, 100, 0);
	books_release_to_realloc(&scene, 0, 0x1000);
	assert_int_equal(coroutine->heap->inuse_bytes, 0);
	books_restore(&scene, 0, 0x1000);
	assert_int_equal(coroutine->heap->inuse_bytes, 100);
	assert_int_equal(coroutine->heap->alloc_bytes, 100);
	/* Restored after its slot has become another's, it is nobody's. */
	books_release_to_realloc(&scene, 0, 0x1000);
	cs_model_coroutine_end(scene.model, id, 5);
	cs_model_sweep_coroutines(scene.model);
	assert_int_equal(cs_model_coroutine(scene.model, scene.process, runtime, 2), id);
	cs_model_coroutine_alloc(scene.model, id, 7, CS_OBJECT, 0, 0);
	books_restore(&scene, 0, 0x1000);
	books_release(&scene, 0, 0x1000);
	assert_int_equal(coroutine->heap->inuse_bytes, 7);
	assert_int_equal(coroutine->heap->live_samples, 1);
	books_scene_end(&scene);
}

/* A child's blocks are its parent's coroutines': they must not be taken from those twice. */
static void blocks_inherited_by_fork_do_not_touch_the_parents_coroutines(void **state)
{
	struct scene scene = books_scene(1), child;
	uint32_t id = cs_model_coroutine(scene.model, scene.process, a_runtime(&scene), 1);

	(void)state;
	cs_books_alloc_by(scene.books, scene.threads[0], id, scene.cells[0], 0x1000, 100, 0);
	child = books_scene_fork(&scene, 1);
	books_release(&child, 0, 0x1000);
	assert_int_equal(cs_model_coroutine_at(scene.model, id)->heap->inuse_bytes, 100);
	books_release(&scene, 0, 0x1000);
	assert_int_equal(cs_model_coroutine_at(scene.model, id)->heap->inuse_bytes, 0);
	cs_books_free(child.books);
	books_scene_end(&scene);
}

/* An allocation at a live address heals a lost free: also of a coroutine, also of a large one. */
static void healing_takes_the_block_from_its_old_coroutine(void **state)
{
	struct scene scene = books_scene(1);
	uint32_t runtime = a_runtime(&scene);
	uint32_t one = cs_model_coroutine(scene.model, scene.process, runtime, 1);
	uint32_t two = cs_model_coroutine(scene.model, scene.process, runtime, 2);
	uint64_t large = UINT64_C(5) << 30;

	(void)state;
	cs_books_alloc_by(scene.books, scene.threads[0], one, scene.cells[0], 0x1000, large, 0);
	cs_books_alloc_by(scene.books, scene.threads[0], two, scene.cells[0], 0x1000, 5, 0);
	assert_int_equal(cs_model_coroutine_at(scene.model, one)->heap->inuse_bytes, 0);
	assert_int_equal(cs_model_coroutine_at(scene.model, two)->heap->inuse_bytes, 5);
	books_alloc(&scene, 0, 0x1000, 6);
	assert_int_equal(cs_model_coroutine_at(scene.model, two)->heap->inuse_bytes, 0);
	books_release(&scene, 0, 0x1000);
	assert_int_equal(books_in_use(&scene), 0);
	books_scene_end(&scene);
}

static void cells_differ_by_spawn_stack(void **state)
{
	struct scene scene = books_scene(1);
	uint32_t node = cs_model_cell_at(scene.model, scene.cells[0])->node;
	uint32_t plain = cs_model_cell(scene.model, scene.process, scene.threads[0], node);
	uint32_t spawned =
		cs_model_spawned_cell(scene.model, scene.process, scene.threads[0], node, 2);

	(void)state;
	assert_int_equal(plain, scene.cells[0]);
	assert_int_not_equal(spawned, plain);
	assert_int_equal(cs_model_cell_at(scene.model, spawned)->spawn, 2);
	assert_int_equal(cs_model_spawned_cell(scene.model, scene.process, scene.threads[0], node,
	                                       10000),
	                 0);
	books_scene_end(&scene);
}

static void texts_and_runtimes_are_defined_once(void **state)
{
	struct scene scene = books_scene(1);
	uint32_t go = cs_model_runtime(scene.model, scene.process, "go", "go1.22.12");

	(void)state;
	assert_int_equal(cs_model_text(scene.model, ""), 0);
	assert_int_equal(cs_model_text(scene.model, "sleep"), 1);
	assert_int_equal(cs_model_text(scene.model, "chan receive"), 2);
	assert_int_equal(cs_model_text(scene.model, "sleep"), 1);
	assert_string_equal(cs_model_text_at(scene.model, 2), "chan receive");
	assert_null(cs_model_text_at(scene.model, 3));
	assert_int_equal(cs_model_runtime(scene.model, scene.process, "go", "go1.22.12"), go);
	assert_int_not_equal(cs_model_runtime(scene.model, scene.process, "go", NULL), go);
	assert_int_equal(cs_model_runtime(scene.model, 9, "go", NULL), 0);
	assert_string_equal(cs_model_runtime_at(scene.model, go)->version, "go1.22.12");
	books_scene_end(&scene);
}

/* Random births and deaths against a plain array: the index forgets whom it must, no one else. */
static void the_index_survives_a_hundred_thousand_births_and_deaths(void **state)
{
	struct scene scene = books_scene(1);
	uint32_t runtime = a_runtime(&scene);
	enum { NUMBERS = 2000 };
	uint32_t *ids = calloc(NUMBERS, sizeof(*ids));
	uint32_t alive = 0;
	uint64_t seed = 42;

	(void)state;
	for (int step = 0; step < 100000; step++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		uint32_t number = (uint32_t)(seed >> 33) % NUMBERS;

		assert_int_equal(cs_model_coroutine_find(scene.model, scene.process, runtime,
		                                         number),
		                 ids[number]);
		if (ids[number]) {
			cs_model_coroutine_end(scene.model, ids[number], 1);
			ids[number] = 0;
			alive--;
		} else {
			ids[number] =
				cs_model_coroutine(scene.model, scene.process, runtime, number);
			alive++;
		}
		if (step % 64 == 0)
			cs_model_sweep_coroutines(scene.model);
		assert_int_equal(cs_model_coroutines_alive(scene.model, scene.process), alive);
	}
	assert_in_range(cs_model_coroutine_slots(scene.model), 1, NUMBERS + 64);
	free(ids);
	books_scene_end(&scene);
}

struct seen {
	uint32_t ids[16];
	uint32_t count;
};

static void see(void *context, uint32_t id)
{
	struct seen *seen = context;

	if (seen->count < 16)
		seen->ids[seen->count] = id;
	seen->count++;
}

static void changes_of_coroutines_are_told_once(void **state)
{
	struct scene scene = books_scene(1);
	uint32_t id = cs_model_coroutine(scene.model, scene.process, a_runtime(&scene), 1);
	struct seen seen = {.count = 0};

	(void)state;
	cs_model_coroutine_changed(scene.model, id);
	cs_model_take_dirty_coroutines(scene.model, see, &seen);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.ids[0], id);
	cs_model_take_dirty_coroutines(scene.model, see, &seen);
	assert_int_equal(seen.count, 1);
	cs_model_coroutine_set_name(scene.model, id, NULL); /* as it was */
	cs_model_take_dirty_coroutines(scene.model, see, &seen);
	assert_int_equal(seen.count, 1);
	cs_model_coroutine_set_name(scene.model, id, "a");
	cs_model_coroutine_end(scene.model, id, 3);
	cs_model_sweep_coroutines(scene.model);
	cs_model_take_dirty_coroutines(scene.model, see, &seen);
	assert_int_equal(seen.count, 2);
	books_scene_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_coroutine_is_found_by_its_key_until_it_ends),
		cmocka_unit_test(where_it_was_seen_is_not_where_it_is),
		cmocka_unit_test(what_nobody_told_is_unknown),
		cmocka_unit_test(a_slot_is_used_again_after_a_sweep),
		cmocka_unit_test(a_slot_is_kept_until_the_last_block_is_freed),
		cmocka_unit_test(a_failed_realloc_gives_the_block_back_to_its_coroutine),
		cmocka_unit_test(blocks_inherited_by_fork_do_not_touch_the_parents_coroutines),
		cmocka_unit_test(healing_takes_the_block_from_its_old_coroutine),
		cmocka_unit_test(cells_differ_by_spawn_stack),
		cmocka_unit_test(texts_and_runtimes_are_defined_once),
		cmocka_unit_test(the_index_survives_a_hundred_thousand_births_and_deaths),
		cmocka_unit_test(changes_of_coroutines_are_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
