/* SPDX-License-Identifier: Apache-2.0 */
/* FILE and FILE@TIME. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/target.h"
#include "support/unit.h"

static void assert_split(const char *text, const char *want_path, const char *want_time)
{
	char *path = NULL, *time = NULL;

	assert_int_equal(cs_target_split(text, &path, &time), 0);
	assert_string_equal(path, want_path);
	if (want_time)
		assert_string_equal(time, want_time);
	else
		assert_null(time);
	free(path);
	free(time);
}

static void the_last_at_parts_file_and_time(void **state)
{
	(void)state;
	assert_split("nothere.coro", "nothere.coro", NULL);
	assert_split("nothere.coro@12.5s", "nothere.coro", "12.5s");
	assert_split("nothere.coro@-10s", "nothere.coro", "-10s");
	assert_split("me@host.coro@peak", "me@host.coro", "peak");
	assert_split("nothere.coro@", "nothere.coro", "");
	assert_split("@peak", "@peak", NULL);
}

static void a_file_of_the_whole_name_wins(void **state)
{
	char folder[] = "/tmp/coroscope-test.XXXXXX", path[64], with_time[80];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a@peak", folder);
	snprintf(with_time, sizeof(with_time), "%s@5s", path);
	fclose(fopen(path, "w"));
	assert_split(path, path, NULL);
	assert_split(with_time, path, "5s");
	unlink(path);
	rmdir(folder);
}

static void what_is_no_trace_is_refused_by_name(void **state)
{
	struct cs_target target;
	struct cs_diag diag = {0};

	(void)state;
	assert_true(cs_target_open(&target, "/nowhere/x.coro@5s", &diag) < 0);
	assert_non_null(strstr(diag.text, "/nowhere/x.coro"));
	assert_null(strstr(diag.text, "@5s"));
	cs_target_close(&target);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_at_parts_file_and_time),
		cmocka_unit_test(a_file_of_the_whole_name_wins),
		cmocka_unit_test(what_is_no_trace_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
