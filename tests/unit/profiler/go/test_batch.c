/* SPDX-License-Identifier: Apache-2.0 */
#include "support/unit.h"

#include <errno.h>
#include <string.h>

#include "go/batch.h"

#define BASE UINT64_C(0x10000)
#define BYTES 384u

/* Memory whose every word is its address, but for one hole. */
struct world {
	uint64_t hole_start, hole_end;
	uint32_t reads, pieces;
	int error;
};

static int read_world(void *context, struct cs_go_piece *pieces, size_t count)
{
	struct world *world = context;

	world->reads++;
	world->pieces += (uint32_t)count;
	for (size_t i = 0; i < count && !world->error; i++) {
		struct cs_go_piece *piece = &pieces[i];

		if (piece->address < world->hole_end &&
		    piece->address + piece->bytes > world->hole_start)
			continue;
		for (uint64_t at = 0; at + 8 <= piece->bytes; at += 8) {
			uint64_t word = piece->address + at;

			memcpy((char *)piece->to + at, &word, sizeof(word));
		}
		piece->got = true;
	}
	return world->error;
}

static void is_at(const struct cs_go_batch *batch, uint32_t i, uint64_t address)
{
	assert_true(batch->got[i]);
	assert_int_equal(cs_go_u64(batch->at[i], 0), address);
	assert_int_equal(cs_go_u64(batch->at[i], BYTES - 8), address + BYTES - 8);
}

/* Neighbours are one piece; what is far off, or before, is another. */
static void neighbours_are_read_at_once(void **state)
{
	const uint64_t addresses[] = {BASE,          BASE + 440,    BASE + 880,
	                              BASE + 100000, BASE + 100440, BASE + 50000};
	struct world world = {0};
	struct cs_go_memory memory = {.read = read_world, .context = &world};
	struct cs_go_batch batch;

	(void)state;
	assert_int_equal(cs_go_batch_init(&batch), 0);
	assert_int_equal(cs_go_batch_read(&batch, &memory, addresses, 6, BYTES), 0);
	for (uint32_t i = 0; i < 6; i++)
		is_at(&batch, i, addresses[i]);
	assert_int_equal(world.reads, 1);
	assert_int_equal(world.pieces, 3);
	cs_go_batch_free(&batch);
}

/* One struct that can't be read costs none of its neighbours. */
static void a_hole_costs_what_is_in_it(void **state)
{
	uint64_t addresses[CS_GO_BATCH_MAX];
	struct world world = {.hole_start = BASE + 10 * 440, .hole_end = BASE + 10 * 440 + 8};
	struct cs_go_memory memory = {.read = read_world, .context = &world};
	struct cs_go_batch batch;

	(void)state;
	for (uint32_t i = 0; i < CS_GO_BATCH_MAX; i++)
		addresses[i] = BASE + (uint64_t)i * 440;
	assert_int_equal(cs_go_batch_init(&batch), 0);
	assert_int_equal(cs_go_batch_read(&batch, &memory, addresses, CS_GO_BATCH_MAX, BYTES), 0);
	for (uint32_t i = 0; i < CS_GO_BATCH_MAX; i++)
		if (i == 10)
			assert_false(batch.got[i]);
		else
			is_at(&batch, i, addresses[i]);
	cs_go_batch_free(&batch);
}

/* As far apart as neighbours may be, a whole batch has room. */
static void the_largest_batch_has_room(void **state)
{
	uint64_t addresses[CS_GO_BATCH_MAX];
	struct world world = {0};
	struct cs_go_memory memory = {.read = read_world, .context = &world};
	struct cs_go_batch batch;

	(void)state;
	for (uint32_t i = 0; i < CS_GO_BATCH_MAX; i++)
		addresses[i] = BASE + (uint64_t)i * 1024;
	assert_int_equal(cs_go_batch_init(&batch), 0);
	assert_int_equal(cs_go_batch_read(&batch, &memory, addresses, CS_GO_BATCH_MAX, 1024), 0);
	assert_int_equal(cs_go_u64(batch.at[CS_GO_BATCH_MAX - 1], 1016),
	                 addresses[CS_GO_BATCH_MAX - 1] + 1016);
	/* The same address twice is two pieces. */
	addresses[1] = addresses[0];
	assert_int_equal(cs_go_batch_read(&batch, &memory, addresses, 2, BYTES), 0);
	is_at(&batch, 1, addresses[0]);
	cs_go_batch_free(&batch);
}

static void a_process_that_has_gone_is_told(void **state)
{
	const uint64_t addresses[] = {BASE};
	struct world world = {.error = -ESRCH};
	struct cs_go_memory memory = {.read = read_world, .context = &world};
	struct cs_go_batch batch;

	(void)state;
	assert_int_equal(cs_go_batch_init(&batch), 0);
	assert_int_equal(cs_go_batch_read(&batch, &memory, addresses, 1, BYTES), -ESRCH);
	cs_go_batch_free(&batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_are_read_at_once),
		cmocka_unit_test(a_hole_costs_what_is_in_it),
		cmocka_unit_test(the_largest_batch_has_room),
		cmocka_unit_test(a_process_that_has_gone_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
