/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <string.h>

#include "support/unit.h"

static void sizes_read_as_people_say_them(void **state)
{
	(void)state;
	assert_string_equal(cs_text_bytes(0).s, "0 B");
	assert_string_equal(cs_text_bytes(1023).s, "1023 B");
	assert_string_equal(cs_text_bytes(1024).s, "1.0 KiB");
	assert_string_equal(cs_text_bytes(1048575).s, "1.0 MiB");
	assert_string_equal(cs_text_bytes(12.3 * 1048576).s, "12.3 MiB");
	assert_string_equal(cs_text_bytes(-4096).s, "-4.0 KiB");
	assert_string_equal(cs_text_bytes(1e30).s, "867361737988.4 EiB");
	assert_string_equal(cs_text_bytes_change(2048).s, "+2.0 KiB");
	assert_string_equal(cs_text_bytes_change(-2048).s, "-2.0 KiB");
	assert_string_equal(cs_text_bytes_change(0).s, "0 B");
}

static void counts_are_grouped_by_thousands(void **state)
{
	(void)state;
	assert_string_equal(cs_text_count(0).s, "0");
	assert_string_equal(cs_text_count(999).s, "999");
	assert_string_equal(cs_text_count(1000).s, "1,000");
	assert_string_equal(cs_text_count(1234567).s, "1,234,567");
	assert_string_equal(cs_text_count(-1234).s, "-1,234");
	assert_string_equal(cs_text_count(9e17).s, "900,000,000,000,000,000");
	assert_string_equal(cs_text_count_change(1234).s, "+1,234");
}

static void durations_have_a_fitting_unit(void **state)
{
	(void)state;
	assert_string_equal(cs_text_duration(0).s, "0 ns");
	assert_string_equal(cs_text_duration(350000).s, "350 us");
	assert_string_equal(cs_text_duration(1500000).s, "1.5 ms");
	assert_string_equal(cs_text_duration(12300000000).s, "12.3 s");
	assert_string_equal(cs_text_duration(125000000000).s, "2:05 min");
	assert_string_equal(cs_text_duration(3723000000000).s, "1:02:03 h");
}

static void a_part_of_nothing_is_no_percentage(void **state)
{
	(void)state;
	assert_string_equal(cs_text_percent(1, 8).s, "12.5 %");
	assert_string_equal(cs_text_percent(0, 8).s, "0.0 %");
	assert_string_equal(cs_text_percent(0, 0).s, "-");
}

static const char *safe(struct cs_sink *sink, const char *text, size_t columns)
{
	cs_sink_release(sink);
	cs_sink_to_memory(sink);
	cs_text_safe(sink, text, columns);
	return sink->data ? sink->data : "";
}

/* trap: a function named by escape sequences repaints the terminal of who looks at it */
static void nothing_that_steers_a_terminal_passes(void **state)
{
	struct cs_sink sink;

	(void)state;
	cs_sink_to_memory(&sink);
	assert_string_equal(safe(&sink, "a\033[31mb\r\n\tc\x7f", 0), "a?[31mb???c?");
	assert_string_equal(safe(&sink,
	                         "\xc2\x9b"
	                         "2J",
	                         0),
	                    "?2J"); /* CSI in one character */
	assert_string_equal(safe(&sink,
	                         "x\xe2\x80\xae"
	                         "y",
	                         0),
	                    "x?y"); /* right-to-left override */
	assert_string_equal(safe(&sink, "gr\xc3\xbc\xc3\x9f", 0), "gr\xc3\xbc\xc3\x9f");
	cs_sink_release(&sink);
}

static void bytes_that_are_no_text_are_replaced(void **state)
{
	struct cs_sink sink;

	(void)state;
	cs_sink_to_memory(&sink);
	assert_string_equal(safe(&sink,
	                         "\xff"
	                         "a",
	                         0),
	                    "\xef\xbf\xbd"
	                    "a");
	assert_string_equal(safe(&sink, "\xe2\x82", 0), "\xef\xbf\xbd\xef\xbf\xbd"); /* cut short */
	assert_string_equal(safe(&sink, "\xc0\xaf", 0), "\xef\xbf\xbd\xef\xbf\xbd"); /* too long */
	assert_string_equal(safe(&sink, "\xed\xa0\x80", 0),
	                    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* half a surrogate pair */
	cs_sink_release(&sink);
}

static void long_text_is_cut_at_a_character(void **state)
{
	struct cs_sink sink;

	(void)state;
	cs_sink_to_memory(&sink);
	assert_string_equal(safe(&sink, "abcdef", 6), "abcdef");
	assert_string_equal(safe(&sink, "abcdef", 4), "abc\xe2\x80\xa6");
	assert_string_equal(safe(&sink, "\xc3\xbc\xc3\xbc\xc3\xbc", 2), "\xc3\xbc\xe2\x80\xa6");
	assert_int_equal(cs_text_width("\xc3\xbc"
	                               "a"),
	                 2);
	cs_sink_release(&sink);
}

static void the_last_component_of_a_path(void **state)
{
	(void)state;
	assert_string_equal(cs_text_basename("/usr/lib/libz.so"), "libz.so");
	assert_string_equal(cs_text_basename("prog"), "prog");
	assert_string_equal(cs_text_basename("dir/"), "dir/");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_read_as_people_say_them),
		cmocka_unit_test(counts_are_grouped_by_thousands),
		cmocka_unit_test(durations_have_a_fitting_unit),
		cmocka_unit_test(a_part_of_nothing_is_no_percentage),
		cmocka_unit_test(nothing_that_steers_a_terminal_passes),
		cmocka_unit_test(bytes_that_are_no_text_are_replaced),
		cmocka_unit_test(long_text_is_cut_at_a_character),
		cmocka_unit_test(the_last_component_of_a_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
