/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that steers a recording: what is in it counts, and what is not understood does not.
 */
#include "command/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/unit.h"

static char path[] = "/tmp/coroscope-control-XXXXXX";

static void say(const char *text)
{
	static int turn;
	char other[64];
	FILE *file;

	/* As whoever steers does it: another file gets the name. */
	snprintf(other, sizeof(other), "%s.%d", path, turn++);
	file = fopen(other, "we");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(other, path), 0);
}

static void lines_are_obeyed_until_they_are_gone(void **state)
{
	struct cs_control control = {.path = path};
	uint64_t now = 1;

	(void)state;
	say("interval 250ms\nhold\n");
	assert_true(cs_control_look(&control, now));
	assert_int_equal(control.interval_ns, 250000000);
	assert_true(control.hold);
	/* It is not asked for more often than it need be. */
	say("");
	assert_false(cs_control_look(&control, now + 1));
	assert_true(control.hold);
	now += CS_CONTROL_EVERY_NS;
	assert_true(cs_control_look(&control, now));
	assert_int_equal(control.interval_ns, 0);
	assert_false(control.hold);
	now += CS_CONTROL_EVERY_NS;
	assert_false(cs_control_look(&control, now)); /* the same as before */
	unlink(path);
	now += CS_CONTROL_EVERY_NS;
	assert_true(cs_control_look(&control, now));
	assert_false(control.hold);
}

static void nonsense_is_passed_over(void **state)
{
	struct cs_control control = {.path = path};

	(void)state;
	say("interval 1us\ninterval -3s\ninterval\nintervals 3s\nholding\n\xff\xfe\n");
	assert_true(cs_control_look(&control, 1));
	assert_int_equal(control.interval_ns, 0);
	assert_false(control.hold);
}

static void without_a_file_nobody_steers(void **state)
{
	struct cs_control control = {0};

	(void)state;
	assert_false(cs_control_look(&control, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_obeyed_until_they_are_gone),
		cmocka_unit_test(nonsense_is_passed_over),
		cmocka_unit_test(without_a_file_nobody_steers),
	};
	int fd = mkstemp(path);

	if (fd >= 0)
		close(fd);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	unlink(path);
	return failed;
}
