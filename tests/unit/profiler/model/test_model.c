/* SPDX-License-Identifier: Apache-2.0 */
/* Definitions, changes, peaks and snapshots, told one fact at a time. */
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

#include "model/model.h"
#include "model/snapshot.h"

struct scene {
	struct cs_model *model;
	uint32_t process, thread, frame, node, cell;
};

static struct scene scene_begin(uint64_t mean)
{
	struct scene scene = {.model = cs_model_new()};
	struct cs_process start = {
		.pid = 7,
		.heap_mean_bytes = mean,
		.executable = (char[]){"/bin/true"},
	};

	scene.process = cs_model_process(scene.model, &start);
	scene.thread = cs_model_thread(scene.model, scene.process, 7, 0);
	scene.frame = cs_model_frame(scene.model, CS_MODULE_NONE, 0x5000);
	scene.node = cs_model_node(scene.model, 0, scene.frame);
	scene.cell = cs_model_cell(scene.model, scene.process, scene.thread, scene.node);
	return scene;
}

static void the_same_key_is_the_same_id(void **state)
{
	struct scene scene = scene_begin(1);
	const uint8_t id[2] = {1, 2};

	(void)state;
	uint32_t module = cs_model_module(scene.model, "/lib/a.so", id, 2);

	assert_int_equal(module, 1);
	assert_int_equal(cs_model_module(scene.model, "/other/a.so", id, 2), module);
	assert_int_equal(cs_model_module(scene.model, "/lib/a.so", NULL, 0), 2);
	assert_int_equal(cs_model_module(scene.model, "/lib/a.so", NULL, 0), 2);
	assert_int_equal(cs_model_frame(scene.model, CS_MODULE_NONE, 0x5000), scene.frame);
	assert_int_not_equal(cs_model_frame(scene.model, module, 0x5000), scene.frame);
	assert_int_equal(cs_model_node(scene.model, 0, scene.frame), scene.node);
	assert_int_equal(cs_model_node(scene.model, scene.node, scene.frame), 2);
	assert_int_equal(cs_model_cell(scene.model, scene.process, scene.thread, scene.node),
	                 scene.cell);
	assert_int_equal(cs_model_cell(scene.model, scene.process, 0, scene.node), 2);
	assert_int_equal(cs_model_thread(scene.model, scene.process, 7, 1), 2); /* always new */
	cs_model_free(scene.model);
}

static void a_key_with_an_unknown_id_is_refused(void **state)
{
	struct scene scene = scene_begin(1);

	(void)state;
	assert_int_equal(cs_model_thread(scene.model, 2, 1, 0), 0);
	assert_int_equal(cs_model_frame(scene.model, 1, 1), 0);
	assert_int_equal(cs_model_node(scene.model, 2, scene.frame), 0);
	assert_int_equal(cs_model_node(scene.model, 0, 2), 0);
	assert_int_equal(cs_model_cell(scene.model, 2, 0, 0), 0);
	assert_int_equal(cs_model_cell(scene.model, 1, 2, 0), 0);
	assert_null(cs_model_process_at(scene.model, 0));
	assert_null(cs_model_process_at(scene.model, 2));
	assert_null(cs_model_cell_at(scene.model, 2));
	cs_model_free(scene.model);
}

static void pointers_hold_while_thousands_are_defined(void **state)
{
	struct scene scene = scene_begin(1);
	const struct cs_cell *cell = cs_model_cell_at(scene.model, scene.cell);
	uint32_t node = 0;

	(void)state;
	for (uint32_t i = 0; i < 20000; i++) {
		node = cs_model_node(scene.model, node, scene.frame);
		cs_model_cell(scene.model, scene.process, scene.thread, node);
	}
	assert_int_equal(cs_model_node_count(scene.model), 20000);
	assert_int_equal(cs_model_cell_count(scene.model), 20000);
	assert_ptr_equal(cs_model_cell_at(scene.model, scene.cell), cell);
	cs_model_free(scene.model);
}

static void count(void *context, uint32_t id)
{
	(void)id;
	++*(unsigned *)context;
}

static void changes_are_told_once(void **state)
{
	struct scene scene = scene_begin(1);
	unsigned cells = 0, processes = 0, threads = 0;

	(void)state;
	cs_model_take_dirty_processes(scene.model, count, &processes);
	cs_model_take_dirty_threads(scene.model, count, &threads);
	assert_int_equal(processes, 1); /* what is new has changed */
	assert_int_equal(threads, 1);
	cs_model_heap_alloc(scene.model, scene.cell, 10, CS_OBJECT, 0, 0);
	cs_model_heap_alloc(scene.model, scene.cell, 10, CS_OBJECT, 0, 0);
	cs_model_thread_changed(scene.model, scene.thread);
	cs_model_thread_changed(scene.model, 99);
	cs_model_take_dirty_cells(scene.model, count, &cells);
	cs_model_take_dirty_processes(scene.model, count, &processes);
	cs_model_take_dirty_threads(scene.model, count, &threads);
	assert_int_equal(cells, 1);
	assert_int_equal(processes, 2);
	assert_int_equal(threads, 2);
	cs_model_take_dirty_cells(scene.model, count, &cells);
	assert_int_equal(cells, 1);
	cs_model_free(scene.model);
}

/* A free that no allocation stands behind (a loss) must not turn the heap negative. */
static void in_use_never_falls_below_zero(void **state)
{
	struct scene scene = scene_begin(1);
	const struct cs_process *process = cs_model_process_at(scene.model, scene.process);
	const struct cs_cell *cell = cs_model_cell_at(scene.model, scene.cell);

	(void)state;
	cs_model_heap_alloc(scene.model, scene.cell, 10, CS_OBJECT, 0, 0);
	cs_model_heap_free(scene.model, scene.cell, 30, CS_OBJECT, 0, 0, false);
	cs_model_heap_free(scene.model, scene.cell, 30, CS_OBJECT, 0, 0, false);
	assert_int_equal(process->inuse_bytes, 0);
	assert_int_equal(process->inuse_objects, 0);
	assert_int_equal(cell->sum.free_bytes, 10);
	assert_int_equal(cell->sum.free_objects, CS_OBJECT);
	assert_int_equal(cell->sum.live_samples, 0);
	cs_model_free(scene.model);
}

/* Sums of doubles do not cancel by themselves: 0.1 + 0.2 - 0.1 - 0.2 is not 0. */
static void nothing_live_has_no_variance(void **state)
{
	struct scene scene = scene_begin(4096);
	struct cs_snapshot *snapshot;

	(void)state;
	cs_model_heap_alloc(scene.model, scene.cell, 10, CS_OBJECT, 0.1, 0.1);
	cs_model_heap_alloc(scene.model, scene.cell, 10, CS_OBJECT, 0.2, 0.2);
	cs_model_heap_free(scene.model, scene.cell, 10, CS_OBJECT, 0.1, 0.1, false);
	cs_model_heap_free(scene.model, scene.cell, 10, CS_OBJECT, 0.2, 0.2, false);
	snapshot = cs_snapshot_take(scene.model, NULL);
	assert_int_equal(snapshot->row_count, 1);
	assert_true(snapshot->rows[0].variance[CS_METRIC_INUSE_SPACE] == 0);
	assert_true(snapshot->rows[0].variance[CS_METRIC_ALLOC_SPACE] > 0.29);
	cs_snapshot_free(snapshot);
	cs_model_free(scene.model);
}

struct reference {
	uint64_t now[16], at_peak[16];
	uint64_t total, peak;
};

static void check_peak(const struct scene *scene, const uint32_t *cells,
                       const struct reference *reference)
{
	struct cs_snapshot *snapshot = cs_snapshot_take(scene->model, NULL);
	struct cs_snapshot *at_peak = cs_snapshot_take_peak(scene->model, NULL);
	double sum = 0;

	assert_int_equal(snapshot->row_count, at_peak->row_count);
	for (uint32_t i = 0; i < snapshot->row_count; i++) {
		const struct cs_row *row = &snapshot->rows[i];

		for (int k = 0; k < 16; k++) {
			if (cs_model_cell_at(scene->model, cells[k])->node != row->node)
				continue;
			assert_true(row->value[CS_METRIC_PEAK_SPACE] ==
			            (double)reference->at_peak[k]);
			assert_true(row->value[CS_METRIC_INUSE_SPACE] == (double)reference->now[k]);
			assert_true(at_peak->rows[i].value[CS_METRIC_INUSE_SPACE] ==
			            (double)reference->at_peak[k]);
		}
		sum += row->value[CS_METRIC_PEAK_SPACE];
	}
	assert_true(sum == (double)reference->peak);
	cs_snapshot_free(snapshot);
	cs_snapshot_free(at_peak);
}

/* O(1) bookkeeping of the peak against copying everything at every peak. */
static void the_peak_is_that_of_brute_force(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 50; seed++) {
		struct scene scene = scene_begin(1);
		struct reference reference = {0};
		uint32_t cells[16];

		srand(seed);
		for (uint32_t k = 0; k < 16; k++)
			cells[k] = cs_model_cell(
				scene.model, scene.process, scene.thread,
				cs_model_node(scene.model, 0,
			                      cs_model_frame(scene.model, 0, 0x6000 + k)));
		for (unsigned i = 0; i < 2000; i++) {
			unsigned k = (unsigned)rand() % 16, bytes = (unsigned)rand() % 1000;

			if (rand() % 100 < 52 + (i % 500 < 250 ? 10 : -20)) {
				cs_model_heap_alloc(scene.model, cells[k], bytes, CS_OBJECT, 0, 0);
				reference.now[k] += bytes;
				reference.total += bytes;
			} else {
				if (bytes > reference.now[k])
					bytes = (unsigned)reference.now[k];
				cs_model_heap_free(scene.model, cells[k], bytes, 0, 0, 0, false);
				reference.now[k] -= bytes;
				reference.total -= bytes;
			}
			cs_model_heap_peak(scene.model, scene.process, i);
			if (reference.total > reference.peak) {
				reference.peak = reference.total;
				memcpy(reference.at_peak, reference.now, sizeof(reference.now));
			}
			if (i % 97 == 0)
				check_peak(&scene, cells, &reference);
		}
		check_peak(&scene, cells, &reference);
		assert_int_equal(cs_model_process_at(scene.model, 1)->peak_bytes, reference.peak);
		cs_model_free(scene.model);
	}
}

static void a_snapshot_says_whether_it_is_exact(void **state)
{
	struct scene scene = scene_begin(1);
	struct cs_snapshot *snapshot = cs_snapshot_take(scene.model, NULL);

	(void)state;
	assert_true(snapshot->exact && !snapshot->sampled);
	assert_int_equal(snapshot->row_count, 0);
	cs_snapshot_free(snapshot);
	cs_model_process_at(scene.model, 1)->heap_inexact = true;
	snapshot = cs_snapshot_take(scene.model, NULL);
	assert_true(!snapshot->exact && !snapshot->sampled);
	cs_snapshot_free(snapshot);
	cs_model_process_at(scene.model, 1)->heap_mean_bytes = 4096;
	snapshot = cs_snapshot_take(scene.model, NULL);
	assert_true(!snapshot->exact && snapshot->sampled);
	assert_int_equal(snapshot->mean_bytes, 4096);
	cs_snapshot_free(snapshot);
	cs_model_free(scene.model);
}

static void metrics_are_known_by_name(void **state)
{
	(void)state;
	for (int i = 0; i < CS_METRIC_COUNT; i++)
		assert_int_equal(cs_metric_by_name(cs_metric_info[i].name), i);
	assert_int_equal(cs_metric_by_name("inuse"), CS_METRIC_COUNT);
}

static void names_are_kept_by_frame(void **state)
{
	struct cs_symbols *symbols = cs_symbols_new();
	const struct cs_name inner[2] = {{"inlined", "a.h", 3, true}, {"outer", "a.c", 9, false}};
	const struct cs_name only = {"outer", NULL, 0, false};
	const struct cs_name *names;
	const char *outer;

	(void)state;
	assert_int_equal(cs_symbols_get(symbols, 5, &names), 0);
	assert_int_equal(cs_symbols_set(symbols, 5, inner, 2), 0);
	assert_int_equal(cs_symbols_get(symbols, 5, &names), 2);
	assert_string_equal(names[0].function, "inlined");
	assert_true(names[0].inlined && names[0].line == 3);
	outer = names[1].function;
	assert_int_equal(cs_symbols_get(symbols, 4, &names), 0);
	assert_int_equal(cs_symbols_set(symbols, 5, &only, 1), 0);
	assert_int_equal(cs_symbols_get(symbols, 5, &names), 1);
	assert_ptr_equal(names[0].function, outer); /* texts are shared */
	assert_null(names[0].file);
	cs_symbols_free(symbols);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_key_is_the_same_id),
		cmocka_unit_test(a_key_with_an_unknown_id_is_refused),
		cmocka_unit_test(pointers_hold_while_thousands_are_defined),
		cmocka_unit_test(changes_are_told_once),
		cmocka_unit_test(in_use_never_falls_below_zero),
		cmocka_unit_test(nothing_live_has_no_variance),
		cmocka_unit_test(the_peak_is_that_of_brute_force),
		cmocka_unit_test(a_snapshot_says_whether_it_is_exact),
		cmocka_unit_test(metrics_are_known_by_name),
		cmocka_unit_test(names_are_kept_by_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
