/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lookup.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

/* In the library of the tests: what libc has may be a sanitizer's. */
static void a_function_is_named_by_any_address_in_it(void **state)
{
	struct csa_image image;
	uintptr_t function;

	(void)state;
	assert_true(csa_lookup_owner("_assert_true", &image));
	function = (uintptr_t)csa_lookup_in(&image, "_assert_true");
	assert_non_null((void *)function);
	assert_string_equal(csa_lookup_name(&image, function), "_assert_true");
	assert_string_equal(csa_lookup_name(&image, function + 1), "_assert_true");
	assert_string_not_equal(csa_lookup_name(&image, function - 1), "_assert_true");
}

/* As many as the loader knows: the walk through the table of symbols reaches all of them. */
static void every_function_of_a_list_is_found(void **state)
{
	static const char *const names[] = {"abort", "malloc", "printf", "strtol", "zzz"};
	struct csa_image image;

	(void)state;
	NOT_UNDER_TSAN(); /* abort is its own there, the others are libc's */
	assert_true(csa_lookup_owner("abort", &image));
	for (size_t i = 0; strcmp(names[i], "zzz") != 0; i++) {
		uintptr_t at = (uintptr_t)csa_lookup_in(&image, names[i]);
		const char *name = csa_lookup_name(&image, at);
		uintptr_t same = (uintptr_t)csa_lookup_in(&image, name);

		/* Some functions have several names. */
		assert_int_equal(same, at);
	}
}

static void what_lies_elsewhere_has_no_name(void **state)
{
	struct csa_image image;

	(void)state;
	assert_true(csa_lookup_owner("_assert_true", &image));
	assert_null(csa_lookup_name(&image, (uintptr_t)&image));
	assert_null(csa_lookup_name(&image, image.low - 1));
	assert_null(csa_lookup_name(&image, image.high));
	image.gnu_hash = NULL;
	assert_null(csa_lookup_name(&image, image.low + 100));
}

struct wanted {
	uint32_t old, new;
};

static bool ask_program(const struct csa_image *image, void *context)
{
	struct wanted *wanted = context;

	wanted->old = csa_lookup_wanted_version(image, "mkdtemp");
	wanted->new = csa_lookup_wanted_version(image, "__libc_start_main");
	return image->is_program;
}

/* A call goes to the version that its caller was linked with. */
static void what_a_program_wants_is_what_its_library_defines(void **state)
{
	struct wanted wanted = {0};
	struct csa_image libc;

	(void)state;
	assert_true(csa_lookup_each(ask_program, &wanted));
	assert_true(csa_lookup_owner("__libc_start_main", &libc));
	assert_int_not_equal(wanted.old, 0);
	assert_int_not_equal(wanted.new, 0);
	assert_int_not_equal(wanted.old, wanted.new); /* 2.2.5 and 2.34 */
	assert_int_equal(csa_lookup_defined_version(&libc, "mkdtemp"), wanted.old);
	assert_int_equal(csa_lookup_defined_version(&libc, "__libc_start_main"), wanted.new);
	assert_int_equal(csa_lookup_defined_version(&libc, "no_such_function"), 0);
	assert_int_equal(csa_lookup_wanted_version(&libc, "no_such_function"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_is_named_by_any_address_in_it),
		cmocka_unit_test(every_function_of_a_list_is_found),
		cmocka_unit_test(what_lies_elsewhere_has_no_name),
		cmocka_unit_test(what_a_program_wants_is_what_its_library_defines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
