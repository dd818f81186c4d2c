/* SPDX-License-Identifier: Apache-2.0 */
/* What the resident memory of a process is made of. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "scene.h"
#include "source/memory.h"

static const char sample[] =
	"00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/program\n"
	"Size:                328 kB\nRss:                  200 kB\nVmFlags: rd ex mr mw me\n"
	"00e03000-00e24000 rw-p 00000000 00:00 0           [heap]\n"
	"Size:                132 kB\nRss:                  100 kB\n"
	"7f0000000000-7f0000100000 rw-p 00000000 00:00 0 \n"
	"Rss:                1000 kB\n"
	"7f1000000000-7f1000100000 rw-p 00000000 00:00 0 \n"
	"Rss:                 400 kB\n"
	"7f2000000000-7f2000021000 rw-s 00000000 00:15 77  /dev/shm/coroscope-0/1-ab/ring.1.1\n"
	"Rss:                  64 kB\n"
	"7f3000000000-7f3000021000 rw-s 00000000 00:15 78  /dev/shm/coroscope-0/1-ab/session\n"
	"Rss:                   4 kB\n"
	"7f4000000000-7f4000021000 r-xp 00000000 08:02 9   /lib/coroscope/libcoroscope-agent.so\n"
	"Rss:                  32 kB\n"
	"7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0   [stack]\n"
	"Rss:                  16 kB\n"
	"7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0   [vdso]\n"
	"Rss:                   8 kB\n";

static uint64_t sum(const struct cs_memory *memory)
{
	return memory->files + memory->stacks + memory->program_maps + memory->coroscope +
	       memory->allocator;
}

static void every_page_has_one_kind(void **state)
{
	struct cs_memory_known known = {.ring_inode = 77,
	                                .session_path = "/dev/shm/coroscope-0/1-ab",
	                                .agent_bytes = 50 << 10};
	struct cs_memory memory;
	char text[sizeof(sample)];

	(void)state;
	memcpy(text, sample, sizeof(sample));
	assert_int_equal(cs_memory_parse(text, &known, &memory), 0);
	assert_int_equal(memory.rss, 1824 << 10);
	assert_int_equal(sum(&memory), memory.rss);
	assert_int_equal(memory.files, 208 << 10);
	assert_int_equal(memory.stacks, 16 << 10);
	assert_int_equal(memory.coroscope, (100 + 50) << 10);
	assert_int_equal(memory.allocator, (1500 - 50) << 10);
	assert_int_equal(memory.maps, 9);
}

static void the_programs_own_mappings_and_stacks_are_known(void **state)
{
	struct scene scene;
	struct cs_memory memory;
	char text[sizeof(sample)];

	(void)state;
	scene_begin(&scene, 8192, 1);
	producer_thread(&scene.producer, 0, CS_RECORD_THREAD_START, 1, 7, "main");
	struct cs_record_map map = {.address = 0x7f0000000000, .bytes = 0x80000};
	producer_put(&scene.producer, 0, CS_RECORD_MAP, 2, CS_MAP_ANONYMOUS, &map, sizeof(map));
	scene_drain(&scene);
	scene.agent->threads[0].stack_low = 0x7f1000001000;
	scene.agent->threads[0].stack_high = 0x7f1000100000;

	struct cs_memory_known known = {.agent = scene.agent};
	memcpy(text, sample, sizeof(sample));
	assert_int_equal(cs_memory_parse(text, &known, &memory), 0);
	assert_int_equal(memory.program_maps, 500 << 10); /* half of that mapping */
	assert_int_equal(memory.stacks, (400 + 16) << 10);
	assert_int_equal(sum(&memory), memory.rss);
	scene_end(&scene);
}

static void our_own_memory_can_be_read(void **state)
{
	struct cs_memory_known known = {0};
	struct cs_memory memory;

	(void)state;
	assert_int_equal(cs_memory_read((uint32_t)getpid(), &known, &memory), 0);
	assert_true(memory.rss > 100 << 10);
	assert_int_equal(sum(&memory), memory.rss);
}

static void nonsense_is_no_reading(void **state)
{
	static const char *const texts[] = {"", "\n\n", "Rss: 5 kB\n", "zzz\nRss: 1 kB\n",
	                                    "5-3 r-xp 0 0:0 0\nRss: 1 kB\n"};
	struct cs_memory_known known = {0};
	struct cs_memory memory;
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		strcpy(text, texts[i]);
		assert_true(cs_memory_parse(text, &known, &memory) < 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_page_has_one_kind),
		cmocka_unit_test(the_programs_own_mappings_and_stacks_are_known),
		cmocka_unit_test(our_own_memory_can_be_read),
		cmocka_unit_test(nonsense_is_no_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
