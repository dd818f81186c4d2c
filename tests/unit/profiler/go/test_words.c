/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every word of a Go process in turn is something else: while it is opened, and between that
 * and a look. Nothing may be read or written out of bounds, which ASan and UBSan tell.
 */
#include <stdlib.h>
#include <string.h>

#include "scene.h"
#include "support/unit.h"

/* What counts, lengths and pointers do not expect. */
static const uint64_t values[] = {0, 1, 2000, UINT64_C(1) << 20, UINT64_C(0x7fffffff), UINT64_MAX,
                                  /* and of eight bytes */
                                  65, UINT64_MAX / 2, UINT64_MAX - 7, SCENE_BASE + SCENE_BYTES - 4,
                                  SCENE_BASE + 0xe000};

enum { VALUES = sizeof(values) / sizeof(values[0]), SMALL_VALUES = 6 };

static struct scene *scene_of(const struct scene *clean)
{
	struct scene *scene = malloc(sizeof(*scene));

	assert_non_null(scene);
	if (clean)
		memcpy(scene, clean, sizeof(*scene));
	else
		scene_make(scene);
	return scene;
}

/* Words between that are used: of those that are 0 most mean nothing. */
static bool is_used(const struct scene *scene, uint32_t at, uint32_t bytes)
{
	static const unsigned char zero[8];

	return memcmp(scene->bytes + at, zero, bytes) != 0;
}

/* In memory, after the process was opened: each look finds one word changed. */
static void a_look_bears_any_word(void **state)
{
	struct scene *clean = scene_of(NULL), *scene = scene_of(clean);
	struct cs_diag diag = {0};
	uint32_t looks = 0;

	(void)state;
	assert_int_equal(scene_open(scene, &diag), 0);
	for (uint32_t at = 0x8000; at < SCENE_BYTES; at += 8) {
		for (int i = 0; i < VALUES && is_used(clean, at, 8); i++) {
			memcpy(scene->bytes + at, &values[i], 8);
			scene_look(scene);
			looks++;
		}
		memcpy(scene->bytes + at, clean->bytes + at, 8);
	}
	print_message("%u looks\n", looks);
	assert_true(looks > 1000);
	scene_close(scene);
	free(scene);
	free(clean);
}

/* In the file: its headers and the table of functions. */
static void opening_bears_any_word(void **state)
{
	struct scene *clean = scene_of(NULL);
	uint32_t opened = 0, tried = 0;

	(void)state;
	for (uint32_t at = 0; at < 0x8000; at += 4) {
		if ((at >= 0x1000 && at < 0x4000) || !is_used(clean, at, 4))
			continue;
		for (int i = 0; i < SMALL_VALUES; i++) {
			struct scene *scene = scene_of(clean);
			struct cs_diag diag = {0};

			memcpy(scene->bytes + at, &values[i], 4);
			if (!scene_open(scene, &diag)) {
				scene_look(scene);
				opened++;
			}
			tried++;
			scene_close(scene);
			free(scene);
		}
	}
	print_message("%u tried, %u opened\n", tried, opened);
	assert_true(opened > tried / 4);
	free(clean);
}

/* A frame of 24 bytes in copies of a stack that end before it does, or just behind it. */
static void a_stack_is_read_within_its_copy(void **state)
{
	const uint64_t parked = SCENE_BASE + 0x1000 + 2 * 128 + 16; /* in runtime.gopark */
	struct scene *scene = scene_of(NULL);
	struct cs_diag diag = {0};

	(void)state;
	assert_int_equal(scene_open(scene, &diag), 0);
	for (size_t bytes = 0; bytes <= 32; bytes += 8) {
		const uint64_t sps[] = {0xc000, UINT64_MAX - 15};
		void *copy = calloc(1, bytes + !bytes);
		struct cs_go_stack stack;

		for (int i = 0; i < 2; i++) {
			cs_go_unwind(&scene->observation.go->places, parked, sps[i], copy, bytes,
			             false, &stack);
			assert_int_equal(stack.depth, 1);
			assert_int_equal(stack.cut, i || bytes < 32);
		}
		free(copy);
	}
	scene_close(scene);
	free(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stack_is_read_within_its_copy),
		cmocka_unit_test(a_look_bears_any_word),
		cmocka_unit_test(opening_bears_any_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
