/* SPDX-License-Identifier: Apache-2.0 */
/* A library with a runtime of coroutines behind it; loaded late by coro_late. */
/* cs-link: -lboost_context */
#include <stddef.h>
#include <stdlib.h>

struct transfer {
	void *context;
	void *data;
};

struct transfer jump_fcontext(void *to, void *data);
void *make_fcontext(void *stack, size_t bytes, void (*function)(struct transfer));

static void body(struct transfer from)
{
	for (;;)
		from = jump_fcontext(from.context, malloc(55));
}

/* One coroutine, ROUNDS switches into it. */
__attribute__((visibility("default"))) void late_run(unsigned long rounds)
{
	const size_t bytes = 65536;
	char *stack = malloc(bytes);
	void *context = make_fcontext(stack + bytes, bytes, body);

	for (unsigned long i = 0; i < rounds; i++) {
		struct transfer back = jump_fcontext(context, NULL);

		context = back.context;
		free(back.data);
	}
	free(stack);
}
