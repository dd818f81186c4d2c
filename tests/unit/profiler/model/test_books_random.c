/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Millions of random events against books that are kept the slow and obvious way; the table
 * below them; and the statistics of sampling.
 */
#include <math.h>
#include <stdlib.h>

#include "support/unit.h"

#include "books_scene.h"
#include "model/table.h"

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
		books_release_to_realloc(scene, (int)thread, address);
		books_restore(scene, (int)thread, address);
		break;
	case 1: /* a realloc that moves or not */
		books_release_to_realloc(scene, (int)thread, address);
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
		books_release(scene, (int)thread, address);
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
	assert_true(books_in_use(scene) == bytes);
	assert_int_equal(cs_books_live_count(scene->books), live);
	assert_int_equal(cs_books_healed(scene->books), slow->healed);
}

static void two_million_random_events_agree(void **state)
{
	struct scene scene = books_scene(1);
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
	books_scene_end(&scene);
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

/* A hostile ring frees address 0, which is how an empty slot looks. */
static void nothing_is_at_address_0(void **state)
{
	struct cs_table table;
	uint64_t value = 7;

	(void)state;
	assert_int_equal(cs_table_init(&table), 0);
	assert_int_equal(cs_table_take(&table, 0, &value), 0);
	assert_int_equal(cs_table_put(&table, 16, 1, &value), 0);
	assert_int_equal(cs_table_take(&table, 0, &value), 0);
	assert_int_equal(table.count, 1);
	cs_table_free(&table);
}

/*
 * Long chains of one line: a removal in front must leave what lies behind within reach,
 * whichever is taken first.
 */
static void chains_hold_while_they_are_taken_apart(void **state)
{
	const uint64_t inverse = UINT64_C(0xf1de83e19937733d); /* of the hash's multiplier */
	enum { CHAIN = 60 };
	uint64_t seed = 3;

	(void)state;
	for (int round = 0; round < 500; round++) {
		uint64_t keys[CHAIN], value;
		struct cs_table table;

		assert_int_equal(cs_table_init(&table), 0);
		/* Lines 5 to 8, a third of them near the end, where chains wrap around. */
		for (uint64_t i = 0; i < CHAIN; i++) {
			uint64_t line = i % 3 ? 5 + next_random(&seed) % 4 : 1023;

			keys[i] = ((i + 1) << 14 | line << 2) * inverse;
			assert_int_equal(cs_table_put(&table, keys[i], i, &value), 0);
		}
		for (uint64_t left = CHAIN; left > 0; left--) {
			uint64_t at = next_random(&seed) % left, key = keys[at];

			assert_int_equal(cs_table_take(&table, key, &value), 1);
			assert_int_equal(cs_table_take(&table, key, &value), 0);
			keys[at] = keys[left - 1];
			for (uint64_t i = 0; i + 1 < left; i++) {
				uint64_t again;

				assert_int_equal(cs_table_take(&table, keys[i], &again), 1);
				assert_int_equal(cs_table_put(&table, keys[i], again, &value), 0);
			}
		}
		assert_int_equal(table.count, 0);
		cs_table_free(&table);
	}
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
	struct scene scene = books_scene(512 << 10);

	(void)state;
	for (uint64_t i = 0; i < 2000; i++)
		books_alloc(&scene, (int)(i % THREADS), 0x10000 + i * 16, i * i % 9999);
	assert_true(books_in_use(&scene) > UINT64_C(1990) << 19); /* each stands for about a mean */
	for (uint64_t i = 0; i < 2000; i++)
		books_release(&scene, 0, 0x10000 + i * 16);
	assert_int_equal(books_in_use(&scene), 0);
	assert_int_equal(books_process(&scene)->inuse_objects, 0);
	assert_int_equal(books_sum(&scene, 1)->temporary_objects, 0);
	books_scene_end(&scene);
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
			struct scene scene = books_scene(4096);
			const struct cs_heap_sum *sum = books_sum(&scene, 0);

			for (uint64_t i = 0; i < 2000; i++) {
				double draw = (double)(next_random(&seed) >> 11) * 0x1p-53;

				if (draw < -expm1(-sizes[s] / mean))
					books_alloc(&scene, 0, 0x1000 + i * 16, (uint64_t)sizes[s]);
			}
			bytes += (double)sum->alloc_bytes / 300;
			objects += (double)sum->alloc_objects / CS_OBJECT / 300;
			bytes_var += sum->alloc_bytes_var / 300;
			spread += ((double)sum->alloc_bytes - truth) *
			          ((double)sum->alloc_bytes - truth) / 300;
			books_scene_end(&scene);
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
		cmocka_unit_test(two_million_random_events_agree),
		cmocka_unit_test(the_table_holds_what_was_put),
		cmocka_unit_test(nothing_is_at_address_0),
		cmocka_unit_test(chains_hold_while_they_are_taken_apart),
		cmocka_unit_test(colliding_addresses_are_refused),
		cmocka_unit_test(weights_cancel_when_a_block_is_freed),
		cmocka_unit_test(estimates_are_unbiased),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
