/* SPDX-License-Identifier: Apache-2.0 */
/* The containers and bytes that everything stands on. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/unit.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/diag.h"
#include "base/index.h"
#include "base/list.h"
#include "base/proc.h"
#include "base/text.h"

static void a_diag_keeps_text_and_hint(void **state)
{
	struct cs_diag diag;

	(void)state;
	assert_int_equal(cs_diag_set(&diag, -ENOENT, "read %s: no such file", "a.coro"), -ENOENT);
	assert_int_equal(cs_diag_hint(&diag, "try %d", 1), -ENOENT);
	assert_string_equal(diag.text, "read a.coro: no such file");
	assert_string_equal(diag.hint, "try 1");
	cs_diag_set(&diag, -EIO, "x");
	assert_string_equal(diag.hint, "");
	assert_int_equal(cs_diag_set(NULL, -EIO, "nobody listens"), -EIO);
	assert_true(cs_diag_hint(NULL, "a failure stays one") < 0);
}

/* A cause's own text is often an argument of the text that replaces it. */
static void a_diag_may_quote_itself(void **state)
{
	struct cs_diag diag;

	(void)state;
	cs_diag_set(&diag, -EIO, "inner");
	cs_diag_set(&diag, -EIO, "outer: %s", diag.text);
	assert_string_equal(diag.text, "outer: inner");
}

static void a_long_diag_keeps_its_reason(void **state)
{
	struct cs_diag diag;
	char text[4001];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	cs_diag_set(&diag, -EIO, "read %s: no such file", text);
	assert_int_equal(strlen(diag.text), sizeof(diag.text) - 1);
	assert_memory_equal(diag.text, "read xxx", 8);
	assert_non_null(strstr(diag.text, "xxx...xxx"));
	assert_string_equal(diag.text + sizeof(diag.text) - 15, ": no such file");
}

static void a_long_diag_is_cut_between_characters(void **state)
{
	struct cs_diag diag;
	char text[4001];

	(void)state;
	for (size_t shift = 0; shift < 3; shift++) {
		const char *at = diag.text;

		memset(text, 'x', shift);
		for (size_t i = 0; i < 1300; i++)
			memcpy(text + shift + 3 * i, "\u20ac", 4);
		cs_diag_set(&diag, -EIO, "%s", text);
		assert_true(strlen(diag.text) >= sizeof(diag.text) - 6);
		while (*at)
			assert_int_not_equal(cs_text_decode(&at), 0xfffd);
	}
}

static void elements_of_a_list_never_move(void **state)
{
	struct cs_list list;
	uint64_t *first;

	(void)state;
	cs_list_init(&list, sizeof(uint64_t), 3);
	first = cs_list_push(&list);
	*first = 1;
	for (uint64_t i = 2; i <= 10000; i++) {
		uint64_t *element = cs_list_push(&list);

		assert_int_equal(*element, 0);
		*element = i;
	}
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(*(uint64_t *)cs_list_at(&list, i), i + 1);
	assert_ptr_equal(cs_list_at(&list, 0), first);
	cs_list_free(&list);
}

/* All ids share three hashes: each must still be found, and no other. */
static void an_index_finds_all_of_equal_hashes(void **state)
{
	struct cs_index index = {0};
	bool seen[301] = {false};

	(void)state;
	for (uint32_t id = 1; id <= 300; id++)
		assert_int_equal(cs_index_add(&index, id % 3, id), 0);
	struct cs_probe probe = cs_index_probe(&index, 2);

	for (uint32_t id; (id = cs_probe_next(&probe));)
		seen[id] = true;
	for (uint32_t id = 1; id <= 300; id++)
		assert_int_equal(seen[id], id % 3 == 2);
	probe = cs_index_probe(&index, 77);
	assert_int_equal(cs_probe_next(&probe), 0);
	cs_index_free(&index);
}

static void an_arena_gives_pieces_of_any_size(void **state)
{
	struct cs_arena arena = {0};
	char *small = cs_arena_text(&arena, "small");
	char *large = cs_arena_take(&arena, 1 << 20);

	(void)state;
	memset(large, 'x', 1 << 20);
	assert_string_equal(cs_arena_text(&arena, ""), "");
	assert_string_equal(small, "small");
	cs_arena_free(&arena);
}

static const uint64_t numbers[] = {
	0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_C(1) << 62, UINT64_MAX - 1, UINT64_MAX,
};

static void what_is_put_is_got(void **state)
{
	struct cs_buffer buffer = {0};
	struct cs_cursor cursor;
	char *text;

	(void)state;
	for (size_t i = 0; i < 10; i++) {
		cs_put_varint(&buffer, numbers[i]);
		cs_put_signed(&buffer, (int64_t)numbers[i]);
		cs_put_signed(&buffer, -(int64_t)(numbers[i] >> 1));
	}
	cs_put_double(&buffer, -0.1);
	cs_put_text(&buffer, "grüße");
	cs_put_text(&buffer, NULL);
	cs_put_text(&buffer, "");
	cursor = cs_cursor_over(buffer.data, buffer.size);
	for (size_t i = 0; i < 10; i++) {
		assert_true(cs_get_varint(&cursor) == numbers[i]);
		assert_true(cs_get_signed(&cursor) == (int64_t)numbers[i]);
		assert_true(cs_get_signed(&cursor) == -(int64_t)(numbers[i] >> 1));
	}
	assert_true(cs_get_double(&cursor) == -0.1);
	text = cs_get_text(&cursor);
	assert_string_equal(text, "grüße");
	free(text);
	assert_null(cs_get_text(&cursor));
	text = cs_get_text(&cursor);
	assert_string_equal(text, "");
	free(text);
	assert_false(cursor.failed);
	assert_int_equal(cs_cursor_left(&cursor), 0);
	cs_buffer_free(&buffer);
}

static bool fails(const char *bytes, size_t size)
{
	struct cs_cursor cursor = cs_cursor_over(bytes, size);

	(void)cs_get_varint(&cursor);
	return cursor.failed && !cs_cursor_left(&cursor);
}

static void malformed_varints_fail(void **state)
{
	(void)state;
	assert_true(fails("", 0));
	assert_true(fails("\x80", 1));
	assert_true(fails("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10)); /* 65 bits */
	assert_true(fails("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11));
	assert_false(fails("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10));
}

/* A cursor that failed gives zeros for ever and never leaves its bytes. */
static void a_failed_cursor_stays_failed(void **state)
{
	struct cs_cursor cursor = cs_cursor_over("\x09"
	                                         "abc",
	                                         4),
			 part;

	(void)state;
	assert_null(cs_get_text(&cursor));
	assert_true(cursor.failed);
	assert_int_equal(cs_get_varint(&cursor), 0);
	assert_null(cs_get_bytes(&cursor, 1));
	part = cs_get_part(&cursor, UINT64_MAX);
	assert_true(part.failed);
	assert_int_equal(cs_cursor_left(&part), 0);
}

static void a_u32_must_fit(void **state)
{
	struct cs_buffer buffer = {0};
	struct cs_cursor cursor;

	(void)state;
	cs_put_varint(&buffer, UINT64_C(1) << 32);
	cursor = cs_cursor_over(buffer.data, buffer.size);
	assert_int_equal(cs_get_u32(&cursor), 0);
	assert_true(cursor.failed);
	cs_buffer_free(&buffer);
}

static void the_checksum_is_crc32c(void **state)
{
	unsigned char bytes[1000];

	(void)state;
	assert_int_equal(cs_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(cs_crc32c_plain(0, "123456789", 9), 0xe3069283);
	assert_int_equal(cs_crc32c(cs_crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * i >> 3);
	for (size_t size = 0; size < sizeof(bytes); size += 13)
		assert_int_equal(cs_crc32c(7, bytes, size), cs_crc32c_plain(7, bytes, size));
}

/* Twenty thousand mappings are more than one read of the kernel gives. */
static void a_file_of_proc_is_read_to_its_end(void **state)
{
	enum { PAGES = 20000, PAGE = 4096 };
	char *pages =
		mmap(NULL, (size_t)PAGES * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char last[32], *text;

	(void)state;
	assert_ptr_not_equal(pages, MAP_FAILED);
	for (size_t i = 0; i < PAGES; i += 2)
		assert_int_equal(mprotect(pages + i * PAGE, PAGE, PROT_NONE), 0);
	assert_int_equal(cs_proc_read((uint32_t)getpid(), "maps", &text), 0);
	snprintf(last, sizeof(last), "%" PRIxPTR "-", (uintptr_t)pages + (PAGES - 1) * PAGE);
	assert_non_null(strstr(text, last));
	assert_non_null(strstr(text, "[stack]"));
	free(text);
	munmap(pages, (size_t)PAGES * PAGE);
	assert_int_equal(cs_proc_read((uint32_t)getpid(), "no-such-file", &text), -ENOENT);
	assert_null(text);
}

static void the_mark_of_a_file_that_is_gone_is_no_part_of_its_path(void **state)
{
	char gone[] = "/bin/a (deleted)", there[] = "/bin/a (deleted) b", only[] = " (deleted)";

	(void)state;
	assert_true(cs_proc_cut_deleted(gone));
	assert_string_equal(gone, "/bin/a");
	assert_false(cs_proc_cut_deleted(gone));
	assert_false(cs_proc_cut_deleted(there));
	assert_string_equal(there, "/bin/a (deleted) b");
	assert_false(cs_proc_cut_deleted(only));
}

static void a_program_is_where_it_was_started_from(void **state)
{
	char path[4096], some[8];

	(void)state;
	assert_true(cs_proc_program((uint32_t)getpid(), path, sizeof(path)));
	assert_non_null(strstr(path, "/test_base"));
	assert_true(cs_proc_program((uint32_t)getpid(), some, sizeof(some)));
	assert_int_equal(strncmp(some, path, sizeof(some) - 1), 0);
	assert_int_equal(strlen(some), sizeof(some) - 1);
	assert_false(cs_proc_program(INT32_MAX, path, sizeof(path)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_diag_keeps_text_and_hint),
		cmocka_unit_test(a_diag_may_quote_itself),
		cmocka_unit_test(a_long_diag_keeps_its_reason),
		cmocka_unit_test(a_long_diag_is_cut_between_characters),
		cmocka_unit_test(elements_of_a_list_never_move),
		cmocka_unit_test(a_file_of_proc_is_read_to_its_end),
		cmocka_unit_test(the_mark_of_a_file_that_is_gone_is_no_part_of_its_path),
		cmocka_unit_test(a_program_is_where_it_was_started_from),
		cmocka_unit_test(an_index_finds_all_of_equal_hashes),
		cmocka_unit_test(an_arena_gives_pieces_of_any_size),
		cmocka_unit_test(what_is_put_is_got),
		cmocka_unit_test(malformed_varints_fail),
		cmocka_unit_test(a_failed_cursor_stays_failed),
		cmocka_unit_test(a_u32_must_fit),
		cmocka_unit_test(the_checksum_is_crc32c),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
