/* SPDX-License-Identifier: Apache-2.0 */
/* cs-link: -lboost_context -Wl,-z,now */
/* cs-cflags: -D_FORTIFY_SOURCE=0 */
/*
 * What the hooks of libc's contexts and jumps, of Boost.Context and of the annotations need of a
 * coroutine's stack: measured on stacks of 4 KiB above guard pages.
 */
#include <setjmp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "../../agent/include/coroscope.h"
#include "hooks.h"

#define STACK 4096

static ucontext_t main_context, measuring, partner, made, back;
static char *stacks[5];

static char *new_stack(void)
{
	char *map =
		mmap(NULL, 2 * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(map != MAP_FAILED && mprotect(map, STACK, PROT_NONE) == 0);
	return map + STACK;
}

static void prepare(ucontext_t *context, char *stack, ucontext_t *link)
{
	check(getcontext(context) == 0);
	context->uc_stack.ss_sp = stack;
	context->uc_stack.ss_size = STACK;
	context->uc_link = link;
}

/* ---- ucontext ---- */

static void get_context(void)
{
	check(getcontext(&back) == 0);
}

static void make_context(void)
{
	makecontext(&made, get_context, 0);
}

static void swap_contexts(void)
{
	check(swapcontext(&measuring, &partner) == 0);
}

static void swap_back(void)
{
	for (;;)
		check(swapcontext(&partner, &measuring) == 0);
}

static void set_context(void)
{
	volatile bool again = false;

	check(getcontext(&back) == 0);
	if (!again) {
		again = true;
		setcontext(&back);
	}
}

static jmp_buf from, to;

static void jump_back(void)
{
	siglongjmp(from, 1);
}

static void set_to_another(void)
{
	prepare(&made, stacks[2], NULL);
	makecontext(&made, jump_back, 0);
	if (sigsetjmp(from, 0) == 0)
		setcontext(&made);
}

/* ---- jumps ---- */

static void save_jump(void)
{
	check(sigsetjmp(from, 0) == 0);
}

static void jump_here(void)
{
	if (setjmp(to) == 0)
		longjmp(to, 1);
}

static void jump_between(void)
{
	if (sigsetjmp(to, 0) != 0)
		siglongjmp(from, 1);
	swapcontext(&partner, &measuring);
}

static void jump_to_another(void)
{
	prepare(&partner, stacks[2], NULL);
	makecontext(&partner, jump_between, 0);
	check(swapcontext(&measuring, &partner) == 0);
	if (sigsetjmp(from, 0) == 0)
		siglongjmp(to, 1);
}

/* ---- Boost.Context ---- */

struct transfer {
	void *context, *data;
};

extern struct transfer jump_fcontext(void *context, void *data);
extern struct transfer ontop_fcontext(void *context, void *data,
                                      struct transfer (*function)(struct transfer));
extern void *make_fcontext(void *stack, size_t bytes, void (*function)(struct transfer));

static void *fcontext;

static void for_ever(struct transfer transfer)
{
	for (;;)
		transfer = jump_fcontext(transfer.context, NULL);
}

static void make_fiber(void)
{
	fcontext = make_fcontext(stacks[3] + STACK, STACK, for_ever);
}

static void jump(void)
{
	fcontext = jump_fcontext(fcontext, NULL).context;
}

static struct transfer on_top(struct transfer transfer)
{
	return transfer;
}

static void jump_on_top(void)
{
	fcontext = ontop_fcontext(fcontext, NULL, on_top).context;
}

/* ---- annotations ---- */

static struct coroscope first, second;

static void annotated_create(void)
{
	coroscope_create(&first, stacks[4], STACK, (const void *)for_ever);
}

static void annotated_switch(void)
{
	coroscope_switch(NULL, &second);
	coroscope_switch(&second, NULL);
}

static void annotated_park(void)
{
	coroscope_park("a reason that is new");
}

static void annotated_wake(void)
{
	coroscope_wake(&first);
}

static void annotated_name(void)
{
	coroscope_name(&first, "a name");
}

static void annotated_label(void)
{
	coroscope_label(&first, "key=value");
}

static void annotated_finish(void)
{
	coroscope_finish(&first);
	first.number = 0;
}

static void on_small_stack(void)
{
	static const struct {
		const char *name;
		void (*call)(void);
	} calls[] = {
		{"getcontext", get_context},
		{"makecontext", make_context},
		{"swapcontext", swap_contexts},
		{"setcontext", set_context},
		{"setcontext between stacks", set_to_another},
		{"sigsetjmp", save_jump},
		{"longjmp", jump_here},
		{"siglongjmp between stacks", jump_to_another},
		{"make_fcontext", make_fiber},
		{"jump_fcontext", jump},
		{"ontop_fcontext", jump_on_top},
		{"coroscope_create", annotated_create},
		{"coroscope_switch", annotated_switch},
		{"coroscope_park", annotated_park},
		{"coroscope_wake", annotated_wake},
		{"coroscope_name", annotated_name},
		{"coroscope_label", annotated_label},
		{"coroscope_finish", annotated_finish},
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		measure(calls[i].name, calls[i].call, stacks[0]);
}

int main(void)
{
	for (int i = 0; i < 5; i++)
		stacks[i] = new_stack();
	coroscope_create(&second, NULL, 0, NULL);
	prepare(&made, stacks[2], &main_context);
	prepare(&partner, stacks[1], &main_context);
	makecontext(&partner, swap_back, 0);
	prepare(&measuring, stacks[0], &main_context);
	makecontext(&measuring, on_small_stack, 0);
	check(swapcontext(&main_context, &measuring) == 0);
	report();
	return 0;
}
