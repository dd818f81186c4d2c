/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is a runtime's own is told by how functions are called: one table for all runtimes, for a
 * library may be part of the program, or be seen through another one's stack.
 */
#include "model/where.h"

#include <string.h>

/* What functions of runtimes begin with. Without a runtime: of all of them. */
static const struct {
	const char *runtime;
	const char *prefix;
} own[] = {
	{"go", "runtime."},
	{"go", "internal/runtime/"},
	{"go", "internal/poll."},
	{"go", "sync.runtime_"},
	{"go", "time.Sleep"},
	{"go", "sync.(*"},
	{"go", "internal/sync."},
	{"go", "syscall."},
	{"gccgo", "runtime."},
	{"gccgo", "runtime_"},
	{"gccgo", "__go_"},
	{NULL, "swapcontext"},
	{NULL, "__swapcontext"},
	{NULL, "jump_fcontext"},
	{NULL, "ontop_fcontext"},
	{NULL, "boost::context::"},
	{NULL, "boost::fibers::"},
	{NULL, "boost::coroutines"},
	{NULL, "_st_"},
	{NULL, "st_"},
	{NULL, "pth_"},
	{NULL, "__pth_"},
	{NULL, "__sigsetjmp"},
	{NULL, "siglongjmp"},
	{NULL, "csa_"},
};

/* The program's own function may be part of it: with nothing else there, it is where they are. */
static const char entry[] = "boost::context::detail::fiber_entry<";

/* Instances of templates have what they return before their name. */
static const char *name_of(const char *function)
{
	size_t to_arguments = strcspn(function, "<(");

	for (size_t i = 0; i < to_arguments; i++)
		if (function[i] == ' ' && !strncmp(function + i + 1, "boost::", 7))
			return function + i + 1;
	return function;
}

static bool is_own(const char *function, const char *runtime)
{
	function = name_of(function);
	if (!strncmp(function, entry, sizeof(entry) - 1))
		return false;
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if ((!own[i].runtime || !runtime || !strcmp(own[i].runtime, runtime)) &&
		    !strncmp(function, own[i].prefix, strlen(own[i].prefix)))
			return true;
	return false;
}

const struct cs_stack *cs_stack_where(const struct cs_stack *stack, const char *runtime)
{
	const struct cs_stack *at = stack;

	while (at && (at->call->mark || is_own(at->call->function, runtime)))
		at = at->caller;
	return at ? at : stack;
}
