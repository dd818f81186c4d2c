/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The 95 % interval must cover the truth, whatever a program allocates: 1,000 seeded
 * recordings of each workload are drawn, summed by the books, and the intervals counted.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/unit.h"

#include "model/books.h"
#include "model/snapshot.h"

#define MEAN 4096u
#define RUNS 1000
#define BATCHES_MAX 4

struct batch {
	uint32_t count;
	uint32_t size;
};

struct workload {
	const char *name;
	struct batch batches[BATCHES_MAX];
};

/* Expected samples of a batch: count * (1 - exp(-size / 4096)). */
static const struct workload workloads[] = {
	{"three samples of small blocks", {{384, 32}}},
	{"one sample in two runs", {{64, 32}}},
	{"ten samples of small blocks", {{1280, 32}}},
	{"many samples of small blocks", {{20000, 64}}},
	{"mixed sizes below the mean", {{4000, 16}, {500, 256}, {50, 2048}, {10, 4000}}},
	{"sizes about the mean", {{40, 4096}, {10, 8192}}},
	{"few sizes above the mean", {{5, 10000}, {3, 20000}}},
	{"many sizes above the mean", {{300, 10000}, {100, 50000}}},
	{"large and certain, small and rare", {{50, 1000000}, {300, 32}}},
	{"all certain", {{20, 4000000}}},
	{"one block", {{1, 3000}}},
	{"everything", {{3000, 24}, {300, 512}, {30, 6000}, {5, 100000}}},
};

struct counted {
	unsigned bytes, objects;
};

static uint64_t next(uint64_t *seed)
{
	uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* Gaps between sampled bytes are exponential, as the agent draws them. */
static double gap(uint64_t *seed)
{
	return -log(((double)(next(seed) >> 11) + 0.5) / 9007199254740992.0) * MEAN;
}

static struct cs_model *model_new(uint32_t *process, uint32_t *thread, uint32_t *cell)
{
	struct cs_model *model = cs_model_new();
	struct cs_process start = {.pid = 1, .heap_mean_bytes = MEAN};

	*process = cs_model_process(model, &start);
	*thread = cs_model_thread(model, *process, 1, 0);
	*cell = cs_model_cell(model, *process, *thread,
	                      cs_model_node(model, 0, cs_model_frame(model, 0, 4096)));
	return model;
}

/* One recording: what was sampled goes into the books. */
static struct cs_snapshot *record(struct cs_model *model, struct cs_books *books, uint32_t thread,
                                  uint32_t cell, const struct workload *workload, uint64_t seed)
{
	uint64_t address = 0x1000;
	double left = gap(&seed);

	for (int b = 0; b < BATCHES_MAX; b++) {
		for (uint32_t i = 0; i < workload->batches[b].count; i++) {
			left -= workload->batches[b].size;
			address += 16;
			if (left > 0)
				continue;
			assert_int_equal(cs_books_alloc(books, thread, cell, address,
			                                workload->batches[b].size, 0),
			                 0);
			while (left <= 0)
				left += gap(&seed);
		}
	}
	return cs_snapshot_take(model, NULL);
}

static bool covers(const struct cs_snapshot *snapshot, enum cs_metric metric, double truth)
{
	double value = 0, variance = 0, low, high;

	for (uint32_t i = 0; i < snapshot->row_count; i++) {
		value += snapshot->rows[i].value[metric];
		variance += snapshot->rows[i].variance[metric];
	}
	cs_snapshot_interval95(snapshot, metric, value, variance, &low, &high);
	return low <= truth + 0.5 && truth - 0.5 <= high;
}

static struct counted count_covered(const struct workload *workload)
{
	struct counted counted = {0, 0};
	double bytes = 0, objects = 0;

	for (int b = 0; b < BATCHES_MAX; b++) {
		bytes += (double)workload->batches[b].count * workload->batches[b].size;
		objects += workload->batches[b].count;
	}
	for (uint64_t run = 0; run < RUNS; run++) {
		uint32_t process, thread, cell;
		struct cs_model *model = model_new(&process, &thread, &cell);
		struct cs_books *books = cs_books_new(model, process, MEAN);
		struct cs_snapshot *snapshot =
			record(model, books, thread, cell, workload, run * 7919 + 1);

		counted.bytes += covers(snapshot, CS_METRIC_INUSE_SPACE, bytes);
		counted.objects += covers(snapshot, CS_METRIC_INUSE_OBJECTS, objects);
		cs_snapshot_free(snapshot);
		cs_books_free(books);
		cs_model_free(model);
	}
	return counted;
}

static void bytes_and_objects_are_covered_in_93_percent(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(workloads) / sizeof(*workloads); i++) {
		struct counted covered = count_covered(&workloads[i]);

		printf("%-36s bytes %5.1f %%, objects %5.1f %%\n", workloads[i].name,
		       covered.bytes * 100.0 / RUNS, covered.objects * 100.0 / RUNS);
		assert_true(covered.bytes >= RUNS * 93 / 100);
		assert_true(covered.objects >= RUNS * 93 / 100);
	}
}

static void an_exact_sum_is_a_point(void **state)
{
	double low, high;

	(void)state;
	cs_interval95(4096, 0, 1, &low, &high);
	assert_true(low == 4096 && high == 4096);
	cs_interval95(0, 0, 1, &low, &high);
	assert_true(low == 0 && high == 0);
}

/* -ln 0.05 = 3.0 samples may have been missed; the score interval says 3.84. */
static void nothing_seen_is_not_nothing_there(void **state)
{
	double low, high;

	(void)state;
	cs_interval95(0, 0, 1000, &low, &high);
	assert_true(low == 0);
	assert_true(high > 3000 && high < 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_and_objects_are_covered_in_93_percent),
		cmocka_unit_test(an_exact_sum_is_a_point),
		cmocka_unit_test(nothing_seen_is_not_nothing_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
