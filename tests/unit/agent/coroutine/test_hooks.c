/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binding what a runtime has to ours, with the library of the tests as the runtime: it calls
 * some of its own functions through slots. And what ours do when there is no runtime.
 */
#include "coroutine/hooks.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "core/late.h"
#include "core/lookup.h"
#include "coroutine/fcontext.h"
#include "coroutine/fiber.h"
#include "coroutine/lua.h"
#include "coroutine/pth.h"
#include "coroutine/st.h"
#include "heap/slots.h"
#include "support/unit.h"

static unsigned calls;

static void ours(const char *format, va_list list)
{
	(void)format;
	(void)list;
	calls++;
}

static void others(const char *format, va_list list)
{
	(void)format;
	(void)list;
}

static struct csa_image library;

struct look {
	const char *name;
	const void *there; /* in its slot */
	void *instead;
};

static void *look_at(void *context, const struct csa_image *image, const void *value,
                     const char *name)
{
	struct look *look = context;

	(void)image;
	if (strcmp(name, look->name) != 0)
		return NULL;
	look->there = value;
	return look->instead;
}

/* What the library calls NAME through holds this, and INSTEAD from now on. */
static const void *slot(const char *name, const void *instead)
{
	struct look look = {name, NULL, (void *)instead};

	assert_true(csa_lookup_owner("print_message", &library));
	csa_slots_each(&library, look_at, &look);
	if (!look.there) /* it calls itself directly where it was built otherwise */
		skip();
	return look.there;
}

static bool bind(const char *name, const char *mark, void *const *real)
{
	const struct csa_hook hook = {name, mark, (void *)ours, real};
	struct csa_hooks_bound bound = {0};

	calls = 0;
	return csa_hooks_bind(&hook, 1, csa_late_loads(), &bound);
}

/* Bound already, and not yet: nothing has called print_error before. */
static void calls_come_to_us_where_the_runtime_is_there(void **state)
{
	(void)state;
	print_message("%s", "");
	const void *before = slot("vprint_message", NULL);
	assert_true(bind("vprint_message", "print_message", NULL));
	print_message("%s", "");
	slot("vprint_message", before);
	assert_int_equal(calls, 1);

	before = slot("vprint_error", NULL);
	assert_true(bind("vprint_error", "print_error", NULL));
	print_error("%s", "");
	slot("vprint_error", before);
	assert_int_equal(calls, 1);
}

static void functions_of_others_that_have_the_name_are_let_be(void **state)
{
	(void)state;
	assert_true(bind("vprint_message", "getpid", NULL)); /* which is somewhere else */
	print_message("%s", "");
	assert_int_equal(calls, 0);
	assert_true(bind("vprint_message", "st_thread_create", NULL)); /* nowhere */
	print_message("%s", "");
	assert_int_equal(calls, 0);
}

/* By another library that comes first, or by a version of its own. */
static void a_slot_that_leads_elsewhere_stays(void **state)
{
	void *elsewhere = (void *)others;

	(void)state;
	print_message("%s", "");
	const void *before = slot("vprint_message", elsewhere);
	assert_true(bind("vprint_message", "print_message", NULL));
	const void *after = slot("vprint_message", before);
	assert_ptr_equal(after, elsewhere);

	/* … or ours would lead elsewhere. */
	elsewhere = csa_lookup_in(&library, "print_error");
	assert_true(bind("vprint_message", "print_message", &elsewhere));
	assert_ptr_equal(slot("vprint_message", NULL), before);
}

static void nothing_is_bound_while_modules_are_loaded(void **state)
{
	const struct csa_hook hook = {"vprint_message", "print_message", (void *)ours, NULL};
	struct csa_hooks_bound bound = {0};

	(void)state;
	calls = 0;
	assert_false(csa_hooks_bind(&hook, 1, csa_late_loads() - 1, &bound));
	print_message("%s", "");
	assert_int_equal(calls, 0);
}

/* ---- another thread unloads ---- */

static void *unwanted; /* is unloaded as soon as the loader lets anybody do so */

/* In the place of libc's. */
int dl_iterate_phdr(int (*visit)(struct dl_phdr_info *, size_t, void *), void *context)
{
	static _Thread_local __typeof__(dl_iterate_phdr) *real;
	static unsigned depth;
	void *closed;
	int result;

	if (!real)
		real = (__typeof__(real))dlsym(RTLD_NEXT, "dl_iterate_phdr");
	depth++;
	result = real(visit, context);
	closed = --depth == 0 ? unwanted : NULL;
	if (closed) {
		unwanted = NULL;
		dlclose(closed);
	}
	return result;
}

/* A library of libc's, as the runtime. */
static void a_runtime_that_goes_meanwhile_is_not_read(void **state)
{
	const char *name = "libresolv.so.2";
	const struct csa_hook hook = {"__loc_ntoa", "__loc_ntoa", (void *)ours, NULL};
	struct csa_hooks_bound bound = {0};
	struct csa_image image;
	uint64_t loads;

	(void)state;
	if (dlopen(name, RTLD_NOW | RTLD_NOLOAD)) /* a sanitizer's runtime uses it */
		skip();
	void *runtime = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (!runtime)
		skip();
	assert_true(csa_lookup_owner("__loc_ntoa", &image));
	loads = csa_late_loads();
	unwanted = runtime;
	assert_true(csa_hooks_bind(&hook, 1, loads, &bound));
	assert_null(unwanted);
	assert_null(dlopen(name, RTLD_NOW | RTLD_NOLOAD));
}

/* ---- nothing is there ---- */

/* None of these is linked here. */
static void what_is_nowhere_fails_as_its_runtime_does(void **state)
{
	const struct csa_frame at = {.pc = (uint64_t)slot};
	const struct csa_lua_arguments more = {0};

	(void)state;
	errno = 0;
	assert_int_equal(csa_st_real.init(), -1);
	assert_int_equal(errno, ENOSYS);
	assert_int_equal((intptr_t)csa_st_real.st_read(1, 2, 3, 4, 5, 6), -1);
	assert_null(csa_st_real.create(NULL, NULL, 0, 0));
	assert_null(csa_st_real.set_in(NULL));
	assert_null(csa_pth_real.spawn(NULL, NULL, NULL));
	assert_int_equal(csa_pth_real.wait(NULL), 0);
	assert_null(csa_fcontext_real.make(NULL, 0, NULL));
	assert_null(csa_fcontext_real.jump(NULL, NULL).context);
	assert_int_equal(csa_fiber_real.active(NULL, NULL, NULL, NULL), 0);
	assert_int_equal(csa_lua_resume(NULL, &more, &at), -1);
	assert_null(csa_lua_new(NULL, &at));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_come_to_us_where_the_runtime_is_there),
		cmocka_unit_test(functions_of_others_that_have_the_name_are_let_be),
		cmocka_unit_test(a_slot_that_leads_elsewhere_stays),
		cmocka_unit_test(nothing_is_bound_while_modules_are_loaded),
		cmocka_unit_test(a_runtime_that_goes_meanwhile_is_not_read),
		cmocka_unit_test(what_is_nowhere_fails_as_its_runtime_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
