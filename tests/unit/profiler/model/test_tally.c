/* SPDX-License-Identifier: Apache-2.0 */
/* Tallies, figures, and heap sums that somebody else keeps. */
#include <math.h>

#include "support/unit.h"

#include "books_scene.h"
#include "model/tally.h"

static void count(void *context, uint32_t id)
{
	(void)id;
	++*(unsigned *)context;
}

static void a_tally_is_found_by_all_of_its_key(void **state)
{
	struct scene scene = books_scene(1);
	struct cs_tally key = {.process = scene.process, .node = 1, .kind = CS_TALLY_CPU};
	uint32_t first = cs_model_tally(scene.model, &key), second;
	unsigned changed = 0;

	(void)state;
	key.label = cs_model_text(scene.model, "block");
	second = cs_model_tally(scene.model, &key);
	assert_int_not_equal(first, second);
	assert_int_equal(cs_model_tally(scene.model, &key), second);
	key.spawn = 10000;
	assert_int_equal(cs_model_tally(scene.model, &key), 0);
	key.spawn = 0;
	key.kind = CS_TALLY_KINDS;
	assert_int_equal(cs_model_tally(scene.model, &key), 0);
	cs_model_tally_add(scene.model, first, 10, 1);
	cs_model_tally_add(scene.model, first, 5, 1);
	cs_model_tally_set(scene.model, second, 0, 0); /* as it was */
	cs_model_take_dirty_tallies(scene.model, count, &changed);
	assert_int_equal(changed, 1);
	assert_int_equal(cs_model_tally_at(scene.model, first)->value, 15);
	assert_int_equal(cs_model_tally_at(scene.model, first)->samples, 2);
	books_scene_end(&scene);
}

static void a_figure_is_unknown_until_it_is_set(void **state)
{
	struct scene scene = books_scene(1);
	uint32_t id = cs_model_figure(scene.model, scene.process, "go.sys", CS_UNIT_BYTES);
	unsigned changed = 0;

	(void)state;
	assert_false(cs_model_figure_at(scene.model, id)->known);
	cs_model_set_now(scene.model, 5);
	cs_model_figure_set(scene.model, id, NAN);
	assert_false(cs_model_figure_at(scene.model, id)->known);
	cs_model_figure_set(scene.model, id, 0);
	assert_true(cs_model_figure_at(scene.model, id)->known);
	cs_model_take_dirty_figures(scene.model, count, &changed);
	cs_model_set_now(scene.model, 9);
	cs_model_figure_set(scene.model, id, 0);
	assert_int_equal(cs_model_figure_at(scene.model, id)->time_ns, 9);
	cs_model_take_dirty_figures(scene.model, count, &changed);
	assert_int_equal(changed, 1);
	assert_int_equal(cs_model_figure(scene.model, scene.process, "go.sys", CS_UNIT_BYTES), id);
	assert_int_equal(cs_model_figure(scene.model, scene.process, "", CS_UNIT_BYTES), 0);
	books_scene_end(&scene);
}

static void sums_of_others_keep_the_process_and_its_peak_right(void **state)
{
	struct scene scene = books_scene(512);
	struct cs_heap_sum sum = {.alloc_bytes = 1000, .alloc_objects = 10 * CS_OBJECT};
	const struct cs_process *process = books_process(&scene);

	(void)state;
	cs_model_heap_set(scene.model, scene.cells[0], &sum);
	cs_model_heap_set(scene.model, scene.cells[1], &sum);
	cs_model_heap_peak(scene.model, scene.process, 5);
	assert_int_equal(process->inuse_bytes, 2000);
	assert_int_equal(process->peak_bytes, 2000);
	sum.free_bytes = 900;
	sum.free_objects = 9 * CS_OBJECT;
	cs_model_heap_set(scene.model, scene.cells[0], &sum);
	cs_model_heap_peak(scene.model, scene.process, 6);
	assert_int_equal(process->inuse_bytes, 1100);
	assert_int_equal(process->inuse_objects, 11 * CS_OBJECT);
	assert_int_equal(process->peak_bytes, 2000);
	assert_int_equal(cs_model_cell_at(scene.model, scene.cells[0])->peak_bytes, 1000);
	sum.free_bytes = 1001; /* can't be */
	cs_model_heap_set(scene.model, scene.cells[0], &sum);
	assert_int_equal(process->inuse_bytes, 1100);
	books_scene_end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tally_is_found_by_all_of_its_key),
		cmocka_unit_test(a_figure_is_unknown_until_it_is_set),
		cmocka_unit_test(sums_of_others_keep_the_process_and_its_peak_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
