/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/sink.h"
#include "support/unit.h"

static void memory_keeps_what_was_written(void **state)
{
	struct cs_sink sink;

	(void)state;
	cs_sink_to_memory(&sink);
	cs_sink_text(&sink, "a");
	cs_sink_char(&sink, 'b');
	cs_sink_spaces(&sink, 40);
	cs_sink_printf(&sink, "%0300d", 7);
	assert_int_equal(sink.size, 342);
	assert_int_equal(strlen(sink.data), 342);
	assert_int_equal(cs_sink_finish(&sink, NULL), 0);
	cs_sink_release(&sink);
}

/* `coroscope fold FILE | head -1` */
static void a_reader_that_left_is_no_error(void **state)
{
	struct cs_diag diag = {0};
	struct cs_sink sink;
	int ends[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	FILE *file = fdopen(ends[1], "w");
	setvbuf(file, NULL, _IONBF, 0);
	cs_sink_to_file(&sink, file, "standard output");
	cs_sink_text(&sink, "lost");
	assert_int_equal(cs_sink_error(&sink), -EPIPE);
	assert_int_equal(cs_sink_finish(&sink, &diag), 0);
	assert_int_equal(diag.error, 0);
	fclose(file);
}

static void a_full_disk_is_told_once_at_the_end(void **state)
{
	struct cs_diag diag = {0};
	struct cs_sink sink;
	FILE *file = fopen("/dev/full", "w");

	(void)state;
	if (!file)
		skip();
	cs_sink_to_file(&sink, file, "out.svg");
	for (int i = 0; i < 100000; i++)
		cs_sink_text(&sink, "more than a buffer holds");
	assert_int_equal(cs_sink_finish(&sink, &diag), -ENOSPC);
	assert_non_null(strstr(diag.text, "write out.svg: No space left"));
	fclose(file);
}

static void json_is_written_with_commas_and_lines(void **state)
{
	struct cs_sink sink;
	struct cs_json json;

	(void)state;
	cs_sink_to_memory(&sink);
	cs_json_start(&json, &sink);
	cs_json_object(&json, NULL);
	cs_json_uint(&json, "big", UINT64_MAX);
	cs_json_int(&json, "small", INT64_MIN);
	cs_json_array(&json, "list");
	cs_json_bool(&json, NULL, true);
	cs_json_object(&json, NULL);
	cs_json_hex(&json, "at", 0x1f);
	cs_json_object_end(&json);
	cs_json_array_end(&json);
	cs_json_array(&json, "empty");
	cs_json_array_end(&json);
	cs_json_double(&json, "half", 0.5);
	cs_json_double(&json, "none", NAN);
	cs_json_string(&json, "absent", NULL);
	cs_json_object_end(&json);
	cs_json_finish(&json);
	assert_string_equal(sink.data, "{\"big\": 18446744073709551615, "
	                               "\"small\": -9223372036854775808, \"list\": [\n"
	                               " true,\n"
	                               " {\"at\": \"0x1f\"}], \"empty\": [], \"half\": 0.5, "
	                               "\"none\": null, \"absent\": null}\n");
	cs_sink_release(&sink);
}

static void json_strings_are_escaped_and_valid(void **state)
{
	struct cs_sink sink;
	struct cs_json json;

	(void)state;
	cs_sink_to_memory(&sink);
	cs_json_start(&json, &sink);
	cs_json_string(&json, NULL, "\"\\\n\t\x01\x7f\xff\xc3\xbc\xe2\x80\xa8");
	assert_string_equal(sink.data,
	                    "\"\\\"\\\\\\n\\t\\u0001\\u007f\xef\xbf\xbd\xc3\xbc\\u2028\"");
	cs_sink_release(&sink);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_keeps_what_was_written),
		cmocka_unit_test(a_reader_that_left_is_no_error),
		cmocka_unit_test(a_full_disk_is_told_once_at_the_end),
		cmocka_unit_test(json_is_written_with_commas_and_lines),
		cmocka_unit_test(json_strings_are_escaped_and_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
