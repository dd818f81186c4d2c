/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The books of a process: each rule as a story, then millions of random events against books
 * that are kept the slow and obvious way.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

#include "model/books.h"
#include "model/table.h"

#define THREADS 4
#define CELLS 12

struct scene {
	struct cs_model *model;
	struct cs_books *books;
	uint32_t process;
	uint32_t threads[THREADS];
	uint32_t cells[CELLS]; /* cells[i] belongs to threads[i % THREADS] */
};

static void scene_process(struct scene *scene, uint64_t mean)
{
	struct cs_process start = {.pid = 1, .heap_mean_bytes = mean};

	scene->process = cs_model_process(scene->model, &start);
	for (uint32_t i = 0; i < THREADS; i++)
		scene->threads[i] = cs_model_thread(scene->model, scene->process, 100 + i, 0);
	for (uint32_t i = 0; i < CELLS; i++) {
		uint32_t frame = cs_model_frame(scene->model, CS_MODULE_NONE, 0x5000 + i);

		scene->cells[i] = cs_model_cell(scene->model, scene->process,
						scene->threads[i % THREADS],
						cs_model_node(scene->model, 0, frame));
	}
}

static struct scene scene_begin(uint64_t mean)
{
	struct scene scene = {.model = cs_model_new()};

	scene_process(&scene, mean);
	scene.books = cs_books_new(scene.model, scene.process, mean);
	return scene;
}

static struct scene scene_fork(const struct scene *parent, uint64_t mean)
{
	struct scene scene = {.model = parent->model};

	scene_process(&scene, mean);
	scene.books = cs_books_fork(parent->books, scene.process);
	return scene;
}

static void scene_end(struct scene *scene)
{
	cs_books_free(scene->books);
	cs_model_free(scene->model);
}

static void alloc(struct scene *scene, int thread, uint64_t address, uint64_t size)
{
	assert_int_equal(cs_books_alloc(scene->books, scene->threads[thread],
					scene->cells[thread], address, size, 0), 0);
}

static void release(struct scene *scene, int thread, uint64_t address)
{
	cs_books_release(scene->books, scene->threads[thread], address, false, 0);
}

static void release_to_realloc(struct scene *scene, int thread, uint64_t address)
{
	cs_books_release(scene->books, scene->threads[thread], address, true, 0);
}

static void restore(struct scene *scene, int thread, uint64_t address)
{
	cs_books_restore(scene->books, scene->threads[thread], address, 0);
}

static const struct cs_process *process_of(const struct scene *scene)
{
	return cs_model_process_at(scene->model, scene->process);
}

static uint64_t in_use(const struct scene *scene)
{
	return process_of(scene)->inuse_bytes;
}

static const struct cs_heap_sum *sum_of(const struct scene *scene, int thread)
{
	return &cs_model_cell_at(scene->model, scene->cells[thread])->sum;
}

static void a_block_freed_elsewhere_leaves_the_books_of_its_owner(void **state)
{
	struct scene scene = scene_begin(1);

	(void)state;
	alloc(&scene, 0, 0x1000, 64);
	release(&scene, 1, 0x1000);
	assert_int_equal(in_use(&scene), 0);
	assert_int_equal(sum_of(&scene, 0)->free_bytes, 64);
	assert_int_equal(sum_of(&scene, 1)->free_bytes, 0);
	assert_int_equal(process_of(&scene)->peak_bytes, 64);
	scene_end(&scene);
}

static void an_unknown_address_is_ignored(void **state)
{
	struct scene scene = scene_begin(1);

	(void)state;
	alloc(&scene, 0, 0x1000, 64);
	release(&scene, 0, 0x2000);
	release(&scene, 0, 0);
	restore(&scene, 0, 0x2000);
	assert_int_equal(in_use(&scene), 64);
	scene_end(&scene);
}

static void a_block_of_no_bytes_is_an_object(void **state)
{
	struct scene scene = scene_begin(1);

	(void)state;
	alloc(&scene, 0, 0x1000, 0);
	assert_int_equal(in_use(&scene), 0);
	assert_int_equal(process_of(&scene)->inuse_objects, CS_OBJECT);
	release(&scene, 0, 0x1000);
	assert_int_equal(process_of(&scene)->inuse_objects, 0);
	scene_end(&scene);
}

static void blocks_of_4_gib_and_more_keep_their_size(void **state)
{
	static const uint64_t sizes[] = {UINT32_MAX - 1, UINT32_MAX, UINT64_C(1) << 32,
					 UINT64_C(1) << 46};
	struct scene scene = scene_begin(1);
	uint64_t total = 0;

	(void)state;
	for (uint64_t i = 0; i < 4; i++) {
		alloc(&scene, 0, 0x1000 * (i + 1), sizes[i]);
		total += sizes[i];
		assert_true(in_use(&scene) == total);
	}
	alloc(&scene, 0, 0x4000, 5); /* heals the largest */
	assert_true(in_use(&scene) == total - sizes[3] + 5);
	release_to_realloc(&scene, 0, 0x3000);
	restore(&scene, 0, 0x3000);
	for (uint64_t i = 0; i < 4; i++)
		release(&scene, 0, 0x1000 * (i + 1));
	assert_int_equal(in_use(&scene), 0);
	scene_end(&scene);
}

static void temporary_is_freed_before_the_threads_next_allocation(void **state)
{
	struct scene scene = scene_begin(1);

	(void)state;
	alloc(&scene, 0, 0x1000, 8);
	alloc(&scene, 1, 0x2000, 8); /* another thread's allocation does not count */
	release(&scene, 0, 0x1000);
	assert_int_equal(sum_of(&scene, 0)->temporary_objects, CS_OBJECT);
	alloc(&scene, 0, 0x3000, 8);
	alloc(&scene, 0, 0x4000, 8);
	release(&scene, 0, 0x3000); /* 0x4000 came between */
	release(&scene, 0, 0x2000); /* thread 1's */
	assert_int_equal(sum_of(&scene, 0)->temporary_objects, CS_OBJECT);
	assert_int_equal(sum_of(&scene, 1)->temporary_objects, 0);
	scene_end(&scene);
}

/* The address alone does not make it the thread's own last block. */
static void a_recycled_address_is_not_temporary(void **state)
{
	struct scene scene = scene_begin(1);

	(void)state;
	alloc(&scene, 0, 0x1000, 8);
	release(&scene, 1, 0x1000);
	alloc(&scene, 1, 0x1000, 8);
	release(&scene, 0, 0x1000);
	assert_int_equal(sum_of(&scene, 1)->temporary_objects, 0);
	scene_end(&scene);
}

static void a_failed_realloc_loses_nothing(void **state)
{
	struct scene scene = scene_begin(1);

	(void)state;
	alloc(&scene, 0, 0x1000, 100);
	alloc(&scene, 1, 0x2000, 50);
	release_to_realloc(&scene, 1, 0x1000);
	assert_int_equal(in_use(&scene), 50);
	restore(&scene, 1, 0x1000);
	assert_int_equal(in_use(&scene), 150);
	assert_int_equal(sum_of(&scene, 0)->free_bytes, 0);
	assert_int_equal(sum_of(&scene, 0)->free_objects, 0);
	assert_int_equal(sum_of(&scene, 0)->live_samples, 1);
	assert_int_equal(sum_of(&scene, 0)->alloc_bytes, 100); /* not allocated anew */
	restore(&scene, 1, 0x1000); /* once only */
	assert_int_equal(in_use(&scene), 150);
	release(&scene, 0, 0x1000);
	assert_int_equal(sum_of(&scene, 0)->temporary_objects, CS_OBJECT);
	scene_end(&scene);
}

static void a_realloc_that_moved_is_a_free_and_an_allocation(void **state)
{
	struct scene scene = scene_begin(1);

	(void)state;
	alloc(&scene, 0, 0x1000, 100);
	release_to_realloc(&scene, 0, 0x1000);
	alloc(&scene, 0, 0x5000, 300);
	restore(&scene, 0, 0x1000); /* too late: it was not the thread's last event */
	assert_int_equal(in_use(&scene), 300);
	assert_int_equal(sum_of(&scene, 0)->temporary_objects, 0);
	scene_end(&scene);
}

static void an_allocation_at_a_live_address_heals_the_lost_free(void **state)
{
	struct scene scene = scene_begin(1);

	(void)state;
	alloc(&scene, 0, 0x1000, 100);
	alloc(&scene, 1, 0x1000, 30);
	assert_int_equal(cs_books_healed(scene.books), 1);
	assert_int_equal(cs_books_live_count(scene.books), 1);
	assert_int_equal(in_use(&scene), 30);
	assert_int_equal(sum_of(&scene, 0)->free_bytes, 100);
	scene_end(&scene);
}

static void a_child_starts_with_its_parents_blocks_apart(void **state)
{
	struct scene parent = scene_begin(1), child, grandchild;

	(void)state;
	alloc(&parent, 0, 0x1000, 100);
	alloc(&parent, 0, 0x2000, 10);
	child = scene_fork(&parent, 1);
	assert_int_equal(process_of(&child)->inherited_bytes, 110);
	assert_int_equal(process_of(&child)->inherited_objects, 2 * CS_OBJECT);
	assert_int_equal(in_use(&child), 0);

	release(&child, 0, 0x1000); /* the child's copy: the parent's lives */
	assert_int_equal(process_of(&child)->inherited_bytes, 10);
	assert_int_equal(in_use(&parent), 110);
	release(&parent, 0, 0x2000);
	assert_int_equal(process_of(&child)->inherited_bytes, 10);

	alloc(&child, 0, 0x3000, 7);
	grandchild = scene_fork(&child, 1);
	assert_int_equal(process_of(&grandchild)->inherited_bytes, 17);
	release_to_realloc(&grandchild, 0, 0x2000);
	assert_int_equal(process_of(&grandchild)->inherited_bytes, 7);
	restore(&grandchild, 0, 0x2000);
	assert_int_equal(process_of(&grandchild)->inherited_bytes, 17);
	alloc(&grandchild, 0, 0x2000, 5); /* its free was lost */
	assert_int_equal(process_of(&grandchild)->inherited_bytes, 7);
	assert_int_equal(in_use(&grandchild), 5);
	assert_int_equal(sum_of(&parent, 0)->free_bytes, 10);
	cs_books_free(grandchild.books);
	cs_books_free(child.books);
	scene_end(&parent);
}

static void mappings_are_counted_by_range(void **state)
{
	struct scene scene = scene_begin(1);
	struct cs_books *books = scene.books;

	(void)state;
	cs_books_map(books, 0x10000, 0x4000);
	cs_books_map(books, 0x20000, 0x1000);
	cs_books_map(books, 0x12000, 0x4000); /* over the end of the first */
	assert_int_equal(process_of(&scene)->mapped_bytes, 0x7000);
	cs_books_unmap(books, 0x11000, 0x1000); /* a hole */
	assert_int_equal(process_of(&scene)->mapped_bytes, 0x6000);
	assert_int_equal(cs_books_mapped_within(books, 0x10800, 0x12800), 0x1000);
	cs_books_unmap(books, 0, UINT64_MAX);
	assert_int_equal(process_of(&scene)->mapped_bytes, 0);
	cs_books_map(books, UINT64_MAX - 10, 100); /* a lying record must not wrap around */
	assert_int_equal(process_of(&scene)->mapped_bytes, 10);
	scene_end(&scene);
}

/* ---- against the obvious books ---- */

#define SLOTS 5000u

struct slow_block {
	bool live;
	uint32_t cell, size;
};

struct slow_books {
	struct slow_block blocks[SLOTS];
	uint64_t allocated[CELLS], freed[CELLS], temporary[CELLS];
	uint64_t objects_allocated[CELLS], objects_freed[CELLS];
	uint32_t last[THREADS]; /* slot + 1 of the thread's last allocation, if untouched */
	uint64_t healed;
};

static uint64_t next_random(uint64_t *seed)
{
	uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static void slow_free(struct slow_books *slow, uint32_t slot)
{
	struct slow_block *block = &slow->blocks[slot];

	block->live = false;
	slow->freed[block->cell] += block->size;
	slow->objects_freed[block->cell]++;
}

static void slow_alloc(struct slow_books *slow, uint32_t slot, uint32_t cell, uint32_t size)
{
	struct slow_block *block = &slow->blocks[slot];

	if (block->live) {
		slow_free(slow, slot);
		slow->healed++;
	}
	*block = (struct slow_block){true, cell, size};
	slow->allocated[cell] += size;
	slow->objects_allocated[cell]++;
	slow->last[cell % THREADS] = slot + 1;
}

static uint64_t slot_address(uint32_t slot)
{
	return UINT64_C(0x7f0000000000) + (uint64_t)slot * 48;
}

static void one_event(struct scene *scene, struct slow_books *slow, uint64_t draw)
{
	uint32_t slot = (uint32_t)(draw % SLOTS), thread = (uint32_t)(draw >> 20) % THREADS;
	uint32_t cell = (uint32_t)(draw >> 30) % (CELLS / THREADS) * THREADS + thread;
	uint32_t size = (uint32_t)(draw >> 40) % 5000;
	uint64_t address = slot_address(slot);
	struct slow_block *block = &slow->blocks[slot];

	switch (draw >> 60) {
	case 0: /* a realloc that fails */
		release_to_realloc(scene, (int)thread, address);
		restore(scene, (int)thread, address);
		break;
	case 1: /* a realloc that moves or not */
		release_to_realloc(scene, (int)thread, address);
		if (block->live)
			slow_free(slow, slot);
		slot = (slot * 7 + size) % SLOTS;
		cs_books_alloc(scene->books, scene->threads[thread], scene->cells[cell],
			       slot_address(slot), size, 0);
		slow_alloc(slow, slot, cell, size);
		break;
	case 2: /* a lost free, if the slot is live */
	case 3:
	case 4:
	case 5:
	case 6:
	case 7:
		if (block->live && draw >> 60 > 2)
			break;
		cs_books_alloc(scene->books, scene->threads[thread], scene->cells[cell], address,
			       size, 0);
		slow_alloc(slow, slot, cell, size);
		break;
	default:
		release(scene, (int)thread, address);
		if (block->live && block->cell % THREADS == thread &&
		    slow->last[thread] == slot + 1)
			slow->temporary[block->cell]++;
		if (block->live)
			slow_free(slow, slot);
		if (slow->last[thread] == slot + 1)
			slow->last[thread] = 0;
	}
}

static void check_books(const struct scene *scene, const struct slow_books *slow)
{
	uint64_t bytes = 0, live = 0;

	for (uint32_t i = 0; i < CELLS; i++) {
		const struct cs_heap_sum *sum =
			&cs_model_cell_at(scene->model, scene->cells[i])->sum;

		assert_true(sum->alloc_bytes == slow->allocated[i]);
		assert_true(sum->free_bytes == slow->freed[i]);
		assert_true(sum->alloc_objects == slow->objects_allocated[i] * CS_OBJECT);
		assert_true(sum->free_objects == slow->objects_freed[i] * CS_OBJECT);
		assert_true(sum->temporary_objects == slow->temporary[i] * CS_OBJECT);
		bytes += slow->allocated[i] - slow->freed[i];
	}
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		live += slow->blocks[slot].live;
	assert_true(in_use(scene) == bytes);
	assert_int_equal(cs_books_live_count(scene->books), live);
	assert_int_equal(cs_books_healed(scene->books), slow->healed);
}

static void two_million_random_events_agree(void **state)
{
	struct scene scene = scene_begin(1);
	struct slow_books *slow = calloc(1, sizeof(*slow));
	uint64_t seed = 42;

	(void)state;
	for (uint32_t i = 0; i < 2000000; i++) {
		one_event(&scene, slow, next_random(&seed));
		if (i % 200000 == 0)
			check_books(&scene, slow);
	}
	check_books(&scene, slow);
	free(slow);
	scene_end(&scene);
}

/* A table of a million, shrunk and cloned, still finds exactly what is in it. */
static void the_table_holds_what_was_put(void **state)
{
	struct cs_table table, clone;
	uint64_t value;

	(void)state;
	assert_int_equal(cs_table_init(&table), 0);
	for (uint64_t i = 1; i <= 300000; i++)
		assert_int_equal(cs_table_put(&table, i * 16, i, &value), 0);
	assert_int_equal(cs_table_clone(&clone, &table), 0);
	for (uint64_t i = 1; i <= 300000; i += 2)
		assert_int_equal(cs_table_take(&table, i * 16, &value), 1);
	for (uint64_t i = 1; i <= 300000; i++) {
		int found = cs_table_take(&clone, i * 16, &value);

		assert_true(found == 1 && value == i);
		found = cs_table_take(&table, i * 16, &value);
		assert_int_equal(found, i % 2 == 0);
	}
	assert_int_equal(table.count, 0);
	assert_int_equal(clone.count, 0);
	cs_table_free(&clone);
	cs_table_free(&table);
}

/* Hostile addresses of one hash prefix must not make the directory grow without end. */
static void colliding_addresses_are_refused(void **state)
{
	const uint64_t inverse = UINT64_C(0xf1de83e19937733d); /* of the hash's multiplier */
	struct cs_table table;
	uint64_t old;
	int error = 0;

	(void)state;
	assert_true(inverse * UINT64_C(0x9e3779b97f4a7c15) == 1);
	assert_int_equal(cs_table_init(&table), 0);
	for (uint64_t i = 1; i <= 100000 && !error; i++)
		error = cs_table_put(&table, i * inverse, i, &old);
	assert_true(error < 0);
	assert_true(table.depth <= 20);
	cs_table_free(&table);
}

/* ---- sampled ---- */

static void weights_cancel_when_a_block_is_freed(void **state)
{
	struct scene scene = scene_begin(512 << 10);

	(void)state;
	for (uint64_t i = 0; i < 2000; i++)
		alloc(&scene, (int)(i % THREADS), 0x10000 + i * 16, i * i % 9999);
	assert_true(in_use(&scene) > UINT64_C(1990) << 19); /* each stands for about a mean */
	for (uint64_t i = 0; i < 2000; i++)
		release(&scene, 0, 0x10000 + i * 16);
	assert_int_equal(in_use(&scene), 0);
	assert_int_equal(process_of(&scene)->inuse_objects, 0);
	assert_int_equal(sum_of(&scene, 1)->temporary_objects, 0);
	scene_end(&scene);
}

/* The mean of many recordings is the truth, for bytes and for objects, and so is the spread. */
static void estimates_are_unbiased(void **state)
{
	static const double sizes[] = {8, 100, 1000, 5000, 20000};
	const double mean = 4096;
	uint64_t seed = 1;

	(void)state;
	for (int s = 0; s < 5; s++) {
		double bytes = 0, objects = 0, bytes_var = 0, spread = 0;
		double truth = 2000.0 * sizes[s];

		for (int run = 0; run < 300; run++) {
			struct scene scene = scene_begin(4096);
			const struct cs_heap_sum *sum = sum_of(&scene, 0);

			for (uint64_t i = 0; i < 2000; i++) {
				double draw = (double)(next_random(&seed) >> 11) * 0x1p-53;

				if (draw < -expm1(-sizes[s] / mean))
					alloc(&scene, 0, 0x1000 + i * 16,
					      (uint64_t)sizes[s]);
			}
			bytes += (double)sum->alloc_bytes / 300;
			objects += (double)sum->alloc_objects / CS_OBJECT / 300;
			bytes_var += sum->alloc_bytes_var / 300;
			spread += ((double)sum->alloc_bytes - truth) *
				  ((double)sum->alloc_bytes - truth) / 300;
			scene_end(&scene);
		}
		/* Four standard deviations of the mean of 300 runs. */
		assert_true(fabs(bytes - truth) < 4 * sqrt(bytes_var / 300) + 1);
		assert_true(fabs(objects - 2000) < 4 * sqrt(bytes_var / 300) / sizes[s] + 1);
		assert_true(spread > 0.6 * bytes_var && spread < 1.5 * bytes_var);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_freed_elsewhere_leaves_the_books_of_its_owner),
		cmocka_unit_test(an_unknown_address_is_ignored),
		cmocka_unit_test(a_block_of_no_bytes_is_an_object),
		cmocka_unit_test(blocks_of_4_gib_and_more_keep_their_size),
		cmocka_unit_test(temporary_is_freed_before_the_threads_next_allocation),
		cmocka_unit_test(a_recycled_address_is_not_temporary),
		cmocka_unit_test(a_failed_realloc_loses_nothing),
		cmocka_unit_test(a_realloc_that_moved_is_a_free_and_an_allocation),
		cmocka_unit_test(an_allocation_at_a_live_address_heals_the_lost_free),
		cmocka_unit_test(a_child_starts_with_its_parents_blocks_apart),
		cmocka_unit_test(mappings_are_counted_by_range),
		cmocka_unit_test(two_million_random_events_agree),
		cmocka_unit_test(the_table_holds_what_was_put),
		cmocka_unit_test(colliding_addresses_are_refused),
		cmocka_unit_test(weights_cancel_when_a_block_is_freed),
		cmocka_unit_test(estimates_are_unbiased),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
