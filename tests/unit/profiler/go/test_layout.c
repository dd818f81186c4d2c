/* SPDX-License-Identifier: Apache-2.0 */
#include "go/layout.h"

#include "support/unit.h"

/*
 * As Debian's 1.24.4: what later releases of 1.24 have elsewhere is where 1.23 has it, and nothing
 * else tells the two apart.
 */
static void point_releases_are_of_their_version(void **state)
{
	struct cs_go_layout layout, older;

	(void)state;
	assert_int_equal(cs_go_layout_of(&layout, 24), 0);
	assert_int_equal(cs_go_layout_of(&older, 23), 0);
	assert_int_equal(cs_go_layout_nearest(&layout), 24);
	layout.m_next = older.m_next;
	layout.m_locked_g = older.m_locked_g;
	layout.m_vdso_sp = older.m_vdso_sp;
	assert_int_equal(cs_go_layout_nearest(&layout), 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(point_releases_are_of_their_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
