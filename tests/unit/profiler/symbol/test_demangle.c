/* SPDX-License-Identifier: Apache-2.0 */
#include "symbol/demangle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

static void expect(const char *symbol, const char *name)
{
	char *demangled = cs_demangle(symbol);

	assert_string_equal(demangled, name);
	free(demangled);
}

static void c_names_stay(void **state)
{
	(void)state;
	expect("main", "main");
	expect("_start", "_start");
	expect("_Zq", "_Zq");
	expect("", "");
}

static void symbol_versions_are_left_out(void **state)
{
	(void)state;
	expect("memcpy@@GLIBC_2.14", "memcpy");
	expect("memcpy@GLIBC_2.2.5", "memcpy");
	expect("_ZN1A1fEv@@LIBA_1", "A::f()");
}

static void cpp_names_are_as_they_were_written(void **state)
{
	(void)state;
	expect("_ZN3foo3barEi", "foo::bar(int)");
	expect("_ZNSt6vectorIiSaIiEE9push_backEOi",
	       "std::vector<int, std::allocator<int> >::push_back(int&&)");
	expect("_ZN3foo3barEi.cold", "foo::bar(int) [clone .cold]");
}

static void rust_names_lose_their_hash(void **state)
{
	(void)state;
	expect("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad");
	expect("_ZN41_$LT$Test$u20$as$u20$core..fmt..Debug$GT$3fmt17h930b740aa94f1d3aE",
	       "<Test as core::fmt::Debug>::fmt");
	expect("_RNvCs1234_7mycrate3foo", "mycrate::foo");
	expect("_RNvNtCs1234_7mycrate3bar3foo", "mycrate::bar::foo");
}

static void gccgo_names_are_as_they_were_written(void **state)
{
	(void)state;
	expect("main.worker", "main.worker");
	expect("sync.runtime__SemacquireMutex", "sync.runtime_SemacquireMutex");
	expect("net_1http.Request.Context", "net/http.Request.Context");
	expect("golang_0org_1x_1net_1dns_1dnsmessage.Parser.Start",
	       "golang.org/x/net/dns/dnsmessage.Parser.Start");
	expect("main.main..func1", "main.main.func1");
	expect("main.go..thunk0", "main.go..thunk0");
}

/* C functions that the compiler has split, and other languages' names, have dots as well. */
static void names_that_only_look_like_gccgos_stay(void **state)
{
	(void)state;
	expect("my__function.constprop.0", "my__function.constprop.0");
	expect("a_1b.part.0.cold", "a_1b.part.0.cold");
	expect("camlStdlib__List.map_481", "camlStdlib__List.map_481");
	expect("std.fmt.format_int", "std.fmt.format_int");
	expect("net_1http", "net_1http");
	expect("a.b_", "a.b_");
}

/* trap: a short symbol can stand for a name of gigabytes */
static void a_name_that_explodes_is_left_mangled(void **state)
{
	char symbol[1024] = "_Z1f";

	(void)state;
	/* Each pair is made of the one before, twice. */
	strcat(symbol, "1aIiiE");
	for (int i = 0; i < 26; i++) {
		char pair[32];
		snprintf(pair, sizeof(pair), "1pIS%c_S%c_E", 'A' + i, 'A' + i);
		strcat(symbol, pair);
	}
	char *demangled = cs_demangle(symbol);
	assert_non_null(demangled);
	assert_true(strlen(demangled) < 20000);
	free(demangled);
}

static void a_symbol_without_end_is_cut(void **state)
{
	size_t size = 1 << 20;
	char *symbol = malloc(size + 1);

	(void)state;
	memset(symbol, 'P', size);
	memcpy(symbol, "_Z1f", 4);
	symbol[size] = 0;
	char *demangled = cs_demangle(symbol);
	assert_non_null(demangled);
	assert_true(strlen(demangled) < 20000);
	free(demangled);
	free(symbol);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(c_names_stay),
		cmocka_unit_test(symbol_versions_are_left_out),
		cmocka_unit_test(cpp_names_are_as_they_were_written),
		cmocka_unit_test(rust_names_lose_their_hash),
		cmocka_unit_test(gccgo_names_are_as_they_were_written),
		cmocka_unit_test(names_that_only_look_like_gccgos_stay),
		cmocka_unit_test(a_name_that_explodes_is_left_mangled),
		cmocka_unit_test(a_symbol_without_end_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
