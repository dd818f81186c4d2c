/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's event rings and records, as the kernel would write them and as it never would. */
#include <stdlib.h>
#include <string.h>

#include "kernel/perf_open.h"
#include "kernel/perf_ring.h"
#include "support/unit.h"

#define DATA_BYTES 4096u

struct ring_scene {
	struct perf_event_mmap_page page;
	uint8_t data[DATA_BYTES];
	struct cs_perf_ring ring;
	uint32_t seen;
	uint64_t bytes;
	uint64_t words[64]; /* the second word of each record seen */
};

static struct ring_scene *new_scene(uint64_t start)
{
	struct ring_scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	scene->ring.page = &scene->page;
	scene->ring.data = scene->data;
	scene->ring.bytes = DATA_BYTES;
	scene->page.data_head = scene->page.data_tail = start;
	return scene;
}

static void put(struct ring_scene *scene, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		scene->data[(scene->page.data_head + i) % DATA_BYTES] = ((const uint8_t *)bytes)[i];
	scene->page.data_head += size;
}

static void put_record(struct ring_scene *scene, uint16_t size, uint64_t word)
{
	uint64_t record[64] = {0};
	struct perf_event_header header = {.type = PERF_RECORD_LOST, .size = size};

	memcpy(record, &header, sizeof(header));
	record[1] = word;
	put(scene, record, size);
}

static void see(void *context, const uint8_t *record, uint32_t bytes)
{
	struct ring_scene *scene = context;

	assert_true((uintptr_t)record % 8 == 0);
	if (bytes >= 16 && scene->seen < 64)
		memcpy(&scene->words[scene->seen], record + 8, 8);
	scene->seen++;
	scene->bytes += bytes;
}

/* A record that goes around the end of the ring is put together again. */
static void records_around_the_end_are_whole(void **state)
{
	struct ring_scene *scene = new_scene(DATA_BYTES - 24);

	(void)state;
	put_record(scene, 40, 7);
	put_record(scene, 16, 8);
	cs_perf_ring_drain(&scene->ring, see, scene);
	assert_int_equal(scene->seen, 2);
	assert_int_equal(scene->words[0], 7);
	assert_int_equal(scene->words[1], 8);
	assert_int_equal(scene->page.data_tail, scene->page.data_head);
	assert_int_equal(scene->ring.damaged, 0);
	free(scene);
}

/* A record that ends nowhere ends the batch; what comes later is read again. */
static void a_senseless_length_costs_its_batch_only(void **state)
{
	static const uint16_t lengths[] = {0, 4, 12, 17, 4096, 65528};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct ring_scene *scene = new_scene(64);
		struct perf_event_header header = {.type = 1, .size = lengths[i]};

		put_record(scene, 16, 1);
		put(scene, &header, sizeof(header));
		put(scene, "12345678", 8);
		cs_perf_ring_drain(&scene->ring, see, scene);
		assert_int_equal(scene->seen, 1);
		assert_int_equal(scene->ring.damaged, 1);
		put_record(scene, 16, 2);
		cs_perf_ring_drain(&scene->ring, see, scene);
		assert_int_equal(scene->seen, 2);
		assert_int_equal(scene->ring.damaged, 1);
		free(scene);
	}
}

/* More than the ring can hold was "written": nothing of it can be believed. */
static void positions_that_lie_are_damage(void **state)
{
	struct ring_scene *scene = new_scene(0);

	(void)state;
	scene->page.data_head = UINT64_C(1) << 40;
	cs_perf_ring_drain(&scene->ring, see, scene);
	assert_int_equal(scene->seen, 0);
	assert_int_equal(scene->ring.damaged, 1);
	free(scene);
}

/* ---- samples ---- */

struct words {
	uint64_t at[256];
	size_t count;
};

static void word(struct words *words, uint64_t value)
{
	words->at[words->count++] = value;
}

static void finish(struct words *words, uint32_t type, uint16_t misc)
{
	struct perf_event_header header = {
		.type = type, .misc = misc, .size = (uint16_t)(words->count * 8)};

	memcpy(words->at, &header, sizeof(header));
}

/* With two frames of user code, all registers, and a stack of 16 bytes of which 8 were read. */
static struct words make_sample(void)
{
	struct words words = {.count = 1};

	word(&words, 77);                            /* id */
	word(&words, 0x1000);                        /* ip */
	word(&words, 42 | UINT64_C(43) << 32);       /* pid, tid */
	word(&words, 123456789);                     /* time */
	word(&words, 5);                             /* chain */
	word(&words, (uint64_t)PERF_CONTEXT_KERNEL); /* … */
	word(&words, 0xffffffff81000000);
	word(&words, (uint64_t)PERF_CONTEXT_USER);
	word(&words, 0x1000);
	word(&words, 0x2000);
	word(&words, PERF_SAMPLE_REGS_ABI_64);
	for (uint64_t i = 0; i < CS_PERF_REGS; i++)
		word(&words, 100 + i);
	word(&words, 16);
	word(&words, 0x1111);
	word(&words, 0x2222);
	word(&words, 8);
	finish(&words, PERF_RECORD_SAMPLE, PERF_RECORD_MISC_USER);
	return words;
}

static void a_sample_is_taken_apart(void **state)
{
	struct words words = make_sample();
	struct cs_perf_record record;
	const struct cs_perf_sample *sample = &record.sample;

	(void)state;
	cs_perf_decode((const uint8_t *)words.at, words.count * 8, true, &record);
	assert_int_equal(record.kind, CS_PERF_SAMPLE);
	assert_int_equal(sample->id, 77);
	assert_int_equal(sample->ip, 0x1000);
	assert_int_equal(sample->pid, 42);
	assert_int_equal(sample->tid, 43);
	assert_int_equal(sample->time_ns, 123456789);
	assert_false(sample->in_kernel);
	assert_int_equal(sample->chain_count, 2); /* the kernel's frame is not ours to show */
	assert_int_equal(sample->chain[0], 0x1000);
	assert_int_equal(sample->chain[1], 0x2000);
	assert_true(sample->has_regs);
	assert_int_equal(sample->regs[CS_PERF_SP], 100 + CS_PERF_SP);
	assert_int_equal(sample->regs[CS_PERF_R14], 100 + CS_PERF_R14);
	assert_int_equal(sample->stack_bytes, 8);
}

/* Cut at any word, or with any word a lie, a sample gives damage or values: never a read
 * beyond it (the sanitizer would tell), never more frames than it has room for. */
static void cut_or_changed_samples_stay_within_themselves(void **state)
{
	static const uint64_t lies[] = {0, 1, UINT64_MAX, UINT64_MAX / 8, UINT64_C(1) << 61, 65536};
	const struct words whole = make_sample();

	(void)state;
	for (size_t count = 1; count <= whole.count; count++) {
		uint64_t *copy = malloc(count * 8);
		struct cs_perf_record record;

		assert_non_null(copy);
		memcpy(copy, whole.at, count * 8);
		cs_perf_decode((const uint8_t *)copy, count * 8, true, &record);
		assert_int_equal(record.kind,
		                 count < whole.count ? CS_PERF_DAMAGED : CS_PERF_SAMPLE);
		for (size_t at = 1; at < count; at++) {
			for (size_t lie = 0; lie < sizeof(lies) / sizeof(lies[0]); lie++) {
				copy[at] = lies[lie];
				cs_perf_decode((const uint8_t *)copy, count * 8, true, &record);
				assert_true(record.sample.chain_count <= count);
				assert_true(record.sample.stack_bytes <= count * 8);
			}
			copy[at] = whole.at[at];
		}
		free(copy);
	}
}

/* Kernel threads, and tasks on their way out, have no user registers. */
static void a_sample_may_have_no_registers(void **state)
{
	struct words words = {.count = 1};
	struct cs_perf_record record;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		word(&words, i);
	word(&words, 0); /* no chain */
	word(&words, PERF_SAMPLE_REGS_ABI_NONE);
	finish(&words, PERF_RECORD_SAMPLE, PERF_RECORD_MISC_KERNEL);
	cs_perf_decode((const uint8_t *)words.at, words.count * 8, false, &record);
	assert_int_equal(record.kind, CS_PERF_SAMPLE);
	assert_true(record.sample.in_kernel);
	assert_false(record.sample.has_regs);
	assert_null(record.sample.chain);
	assert_int_equal(record.sample.chain_count, 0);
}

static void losses_and_ends_are_told(void **state)
{
	struct words lost = {.count = 1}, end = {.count = 1}, other = {.count = 1};
	struct cs_perf_record record;

	(void)state;
	word(&lost, 77);
	word(&lost, 12);
	finish(&lost, PERF_RECORD_LOST, 0);
	cs_perf_decode((const uint8_t *)lost.at, lost.count * 8, false, &record);
	assert_int_equal(record.kind, CS_PERF_LOST);
	assert_int_equal(record.lost, 12);
	word(&end, 42 | UINT64_C(1) << 32);
	word(&end, 43 | UINT64_C(42) << 32);
	word(&end, 5);
	finish(&end, PERF_RECORD_EXIT, 0);
	cs_perf_decode((const uint8_t *)end.at, end.count * 8, false, &record);
	assert_int_equal(record.kind, CS_PERF_EXIT);
	assert_int_equal(record.pid, 42);
	assert_int_equal(record.tid, 43);
	finish(&other, 9999, 0);
	cs_perf_decode((const uint8_t *)other.at, 8, false, &record);
	assert_int_equal(record.kind, CS_PERF_OTHER);
}

static void sets_of_cpus_are_read(void **state)
{
	uint32_t cpus[8];

	(void)state;
	assert_int_equal(cs_perf_parse_cpus("0-2,5,7-8\n", cpus, 8), 6);
	assert_int_equal(cpus[0], 0);
	assert_int_equal(cpus[2], 2);
	assert_int_equal(cpus[3], 5);
	assert_int_equal(cpus[5], 8);
	assert_int_equal(cs_perf_parse_cpus("0-1000000000", cpus, 8), 8);
	assert_int_equal(cs_perf_parse_cpus("", cpus, 8), 0);
	assert_int_equal(cs_perf_parse_cpus("7-3", cpus, 8), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_around_the_end_are_whole),
		cmocka_unit_test(a_senseless_length_costs_its_batch_only),
		cmocka_unit_test(positions_that_lie_are_damage),
		cmocka_unit_test(a_sample_is_taken_apart),
		cmocka_unit_test(cut_or_changed_samples_stay_within_themselves),
		cmocka_unit_test(a_sample_may_have_no_registers),
		cmocka_unit_test(losses_and_ends_are_told),
		cmocka_unit_test(sets_of_cpus_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
