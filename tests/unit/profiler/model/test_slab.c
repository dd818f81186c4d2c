/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "model/slab.h"
#include "support/unit.h"

#define BYTES ((size_t)64 << 10)
#define COUNT 100 /* beyond the single ones, and beyond a huge page */

/* Two tables that write into one piece would mix their blocks up. */
static void pieces_are_zero_aligned_and_nobody_elses(void **state)
{
	struct cs_slab *slab = cs_slab_new(BYTES);
	uint8_t *pieces[COUNT];

	(void)state;
	assert_non_null(slab);
	for (int i = 0; i < COUNT; i++) {
		pieces[i] = cs_slab_take(slab);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % 64, 0);
		assert_true(pieces[i][0] == 0 && !memcmp(pieces[i], pieces[i] + 1, BYTES - 1));
		memset(pieces[i], i + 1, BYTES);
	}
	for (int i = 0; i < COUNT; i++)
		assert_true(pieces[i][0] == i + 1 && !memcmp(pieces[i], pieces[i] + 1, BYTES - 1));
	cs_slab_drop(slab);
}

/* A fork's copies come and go: the recorder must not grow by them for ever. */
static void what_is_given_back_is_taken_again(void **state)
{
	struct cs_slab *slab = cs_slab_new(BYTES);
	uint8_t *first, *second;

	(void)state;
	assert_non_null(slab);
	first = cs_slab_take(slab);
	assert_non_null(first);
	memset(first, 1, BYTES);
	cs_slab_give(slab, first);
	second = cs_slab_take(slab);
	assert_ptr_equal(first, second);
	assert_true(second[0] == 0 && !memcmp(second, second + 1, BYTES - 1));
	cs_slab_drop(slab);
}

/* A clone's table may live longer than the one that it was made of. */
static void lives_as_long_as_anybody_holds_it(void **state)
{
	struct cs_slab *slab = cs_slab_new(BYTES);
	uint8_t *piece;

	(void)state;
	assert_non_null(slab);
	piece = cs_slab_take(slab);
	assert_non_null(piece);
	cs_slab_hold(slab);
	cs_slab_drop(slab);
	memset(piece, 1, BYTES);
	cs_slab_give(slab, piece);
	cs_slab_drop(slab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_zero_aligned_and_nobody_elses),
		cmocka_unit_test(what_is_given_back_is_taken_again),
		cmocka_unit_test(lives_as_long_as_anybody_holds_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
