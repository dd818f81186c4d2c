/* SPDX-License-Identifier: Apache-2.0 */
/* The books of a process: each rule as a story. */
#include "support/unit.h"

#include "books_scene.h"

static void a_block_freed_elsewhere_leaves_the_books_of_its_owner(void **state)
{
	struct scene scene = books_scene(1);

	(void)state;
	books_alloc(&scene, 0, 0x1000, 64);
	books_release(&scene, 1, 0x1000);
	assert_int_equal(books_in_use(&scene), 0);
	assert_int_equal(books_sum(&scene, 0)->free_bytes, 64);
	assert_int_equal(books_sum(&scene, 1)->free_bytes, 0);
	assert_int_equal(books_process(&scene)->peak_bytes, 64);
	books_scene_end(&scene);
}

static void an_unknown_address_is_ignored(void **state)
{
	struct scene scene = books_scene(1);

	(void)state;
	books_alloc(&scene, 0, 0x1000, 64);
	books_release(&scene, 0, 0x2000);
	books_release(&scene, 0, 0);
	books_restore(&scene, 0, 0x2000);
	assert_int_equal(books_in_use(&scene), 64);
	books_scene_end(&scene);
}

static void a_block_of_no_bytes_is_an_object(void **state)
{
	struct scene scene = books_scene(1);

	(void)state;
	books_alloc(&scene, 0, 0x1000, 0);
	assert_int_equal(books_in_use(&scene), 0);
	assert_int_equal(books_process(&scene)->inuse_objects, CS_OBJECT);
	books_release(&scene, 0, 0x1000);
	assert_int_equal(books_process(&scene)->inuse_objects, 0);
	books_scene_end(&scene);
}

static void blocks_of_4_gib_and_more_keep_their_size(void **state)
{
	static const uint64_t sizes[] = {UINT32_MAX - 1, UINT32_MAX, UINT64_C(1) << 32,
	                                 UINT64_C(1) << 46};
	struct scene scene = books_scene(1);
	uint64_t total = 0;

	(void)state;
	for (uint64_t i = 0; i < 4; i++) {
		books_alloc(&scene, 0, 0x1000 * (i + 1), sizes[i]);
		total += sizes[i];
		assert_true(books_in_use(&scene) == total);
	}
	books_alloc(&scene, 0, 0x4000, 5); /* heals the largest */
	assert_true(books_in_use(&scene) == total - sizes[3] + 5);
	books_release_to_realloc(&scene, 0, 0x3000);
	books_restore(&scene, 0, 0x3000);
	for (uint64_t i = 0; i < 4; i++)
		books_release(&scene, 0, 0x1000 * (i + 1));
	assert_int_equal(books_in_use(&scene), 0);
	books_scene_end(&scene);
}

static void temporary_is_freed_before_the_threads_next_allocation(void **state)
{
	struct scene scene = books_scene(1);

	(void)state;
	books_alloc(&scene, 0, 0x1000, 8);
	books_alloc(&scene, 1, 0x2000, 8); /* another thread's allocation does not count */
	books_release(&scene, 0, 0x1000);
	assert_int_equal(books_sum(&scene, 0)->temporary_objects, CS_OBJECT);
	books_alloc(&scene, 0, 0x3000, 8);
	books_alloc(&scene, 0, 0x4000, 8);
	books_release(&scene, 0, 0x3000); /* 0x4000 came between */
	books_release(&scene, 0, 0x2000); /* thread 1's */
	assert_int_equal(books_sum(&scene, 0)->temporary_objects, CS_OBJECT);
	assert_int_equal(books_sum(&scene, 1)->temporary_objects, 0);
	books_scene_end(&scene);
}

/* The address alone does not make it the thread's own last block. */
static void a_recycled_address_is_not_temporary(void **state)
{
	struct scene scene = books_scene(1);

	(void)state;
	books_alloc(&scene, 0, 0x1000, 8);
	books_release(&scene, 1, 0x1000);
	books_alloc(&scene, 1, 0x1000, 8);
	books_release(&scene, 0, 0x1000);
	assert_int_equal(books_sum(&scene, 1)->temporary_objects, 0);
	books_scene_end(&scene);
}

static void a_failed_realloc_loses_nothing(void **state)
{
	struct scene scene = books_scene(1);

	(void)state;
	books_alloc(&scene, 0, 0x1000, 100);
	books_alloc(&scene, 1, 0x2000, 50);
	books_release_to_realloc(&scene, 1, 0x1000);
	assert_int_equal(books_in_use(&scene), 50);
	books_restore(&scene, 1, 0x1000);
	assert_int_equal(books_in_use(&scene), 150);
	assert_int_equal(books_sum(&scene, 0)->free_bytes, 0);
	assert_int_equal(books_sum(&scene, 0)->free_objects, 0);
	assert_int_equal(books_sum(&scene, 0)->live_samples, 1);
	assert_int_equal(books_sum(&scene, 0)->alloc_bytes, 100); /* not allocated anew */
	books_restore(&scene, 1, 0x1000);                         /* once only */
	assert_int_equal(books_in_use(&scene), 150);
	books_release(&scene, 0, 0x1000);
	assert_int_equal(books_sum(&scene, 0)->temporary_objects, CS_OBJECT);
	books_scene_end(&scene);
}

static void a_realloc_that_moved_is_a_free_and_an_allocation(void **state)
{
	struct scene scene = books_scene(1);

	(void)state;
	books_alloc(&scene, 0, 0x1000, 100);
	books_release_to_realloc(&scene, 0, 0x1000);
	books_alloc(&scene, 0, 0x5000, 300);
	books_restore(&scene, 0, 0x1000); /* too late: it was not the thread's last event */
	assert_int_equal(books_in_use(&scene), 300);
	assert_int_equal(books_sum(&scene, 0)->temporary_objects, 0);
	books_scene_end(&scene);
}

static void an_allocation_at_a_live_address_heals_the_lost_free(void **state)
{
	struct scene scene = books_scene(1);

	(void)state;
	books_alloc(&scene, 0, 0x1000, 100);
	books_alloc(&scene, 1, 0x1000, 30);
	assert_int_equal(cs_books_healed(scene.books), 1);
	assert_int_equal(cs_books_live_count(scene.books), 1);
	assert_int_equal(books_in_use(&scene), 30);
	assert_int_equal(books_sum(&scene, 0)->free_bytes, 100);
	books_scene_end(&scene);
}

static void a_child_starts_with_its_parents_blocks_apart(void **state)
{
	struct scene parent = books_scene(1), child, grandchild;

	(void)state;
	books_alloc(&parent, 0, 0x1000, 100);
	books_alloc(&parent, 0, 0x2000, 10);
	child = books_scene_fork(&parent, 1);
	assert_int_equal(books_process(&child)->inherited_bytes, 110);
	assert_int_equal(books_process(&child)->inherited_objects, 2 * CS_OBJECT);
	assert_int_equal(books_in_use(&child), 0);

	books_release(&child, 0, 0x1000); /* the child's copy: the parent's lives */
	assert_int_equal(books_process(&child)->inherited_bytes, 10);
	assert_int_equal(books_in_use(&parent), 110);
	books_release(&parent, 0, 0x2000);
	assert_int_equal(books_process(&child)->inherited_bytes, 10);

	books_alloc(&child, 0, 0x3000, 7);
	grandchild = books_scene_fork(&child, 1);
	assert_int_equal(books_process(&grandchild)->inherited_bytes, 17);
	books_release_to_realloc(&grandchild, 0, 0x2000);
	assert_int_equal(books_process(&grandchild)->inherited_bytes, 7);
	books_restore(&grandchild, 0, 0x2000);
	assert_int_equal(books_process(&grandchild)->inherited_bytes, 17);
	books_alloc(&grandchild, 0, 0x2000, 5); /* its free was lost */
	assert_int_equal(books_process(&grandchild)->inherited_bytes, 7);
	assert_int_equal(books_in_use(&grandchild), 5);
	assert_int_equal(books_sum(&parent, 0)->free_bytes, 10);
	cs_books_free(grandchild.books);
	cs_books_free(child.books);
	books_scene_end(&parent);
}

static void mappings_are_counted_by_range(void **state)
{
	struct scene scene = books_scene(1);
	struct cs_books *books = scene.books;

	(void)state;
	cs_books_map(books, 0x10000, 0x4000);
	cs_books_map(books, 0x20000, 0x1000);
	cs_books_map(books, 0x12000, 0x4000); /* over the end of the first */
	assert_int_equal(books_process(&scene)->mapped_bytes, 0x7000);
	cs_books_unmap(books, 0x11000, 0x1000); /* a hole */
	assert_int_equal(books_process(&scene)->mapped_bytes, 0x6000);
	assert_int_equal(cs_books_mapped_within(books, 0x10800, 0x12800), 0x1000);
	cs_books_unmap(books, 0, UINT64_MAX);
	assert_int_equal(books_process(&scene)->mapped_bytes, 0);
	cs_books_map(books, UINT64_MAX - 10, 100); /* a lying record must not wrap around */
	assert_int_equal(books_process(&scene)->mapped_bytes, 10);
	books_scene_end(&scene);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
