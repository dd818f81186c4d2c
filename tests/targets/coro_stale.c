/* SPDX-License-Identifier: Apache-2.0 */
/* cs-cflags: -fno-builtin */
/*
 * What a recorder remembers of coroutines is no longer there: usage: coro_stale CASE. Each prints
 * what the recorder should have seen.
 *
 *   jump      where a coroutine has called sigsetjmp is unmapped; who has its place in the
 *             recorder's table then jumps away
 *   context   the same with getcontext and setcontext
 *   pool      a thread runs on a piece of a pool beside which another thread unmaps one
 *   block     coroutines are parts of blocks, which are freed
 *   mapping   the same with mappings
 *   guards    coroutines of an own switcher lie in one mapping with guard pages between them; an
 *             outer frame without unwind information has the address of one for its rbp
 *   beside    a coroutine of an own switcher runs between others that wait
 */
#include <pthread.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "switcher.h"
#include "target.h"

#define STACK_BYTES 16384
#define ROUNDS 20

static ucontext_t main_context;

SITE static void site_event(void)
{
	free(malloc(77));
}

static char *map(size_t bytes)
{
	char *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(start != MAP_FAILED);
	return start;
}

static void prepare(ucontext_t *context, char *stack)
{
	check(getcontext(context) == 0);
	context->uc_stack.ss_sp = stack;
	context->uc_stack.ss_size = STACK_BYTES;
	context->uc_link = &main_context;
}

static void make(ucontext_t *context, void (*function)(void), char *stack)
{
	prepare(context, stack);
	makecontext(context, function, 0);
}

static void enter(ucontext_t *context)
{
	check(swapcontext(&main_context, context) == 0);
}

/* Nothing else can be there afterwards. */
static void forbid(char *stack)
{
	check(mmap(stack, STACK_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
	      stack);
	site_event();
}

/* ---- what was saved ---- */

static jmp_buf way_out;
static ucontext_t way_back;

static void save_jump(void)
{
	sigjmp_buf here;

	check(sigsetjmp(here, 0) == 0);
}

static void jump_away(void)
{
	longjmp(way_out, 1);
}

static void case_jump(void)
{
	static char *first, *second;
	static ucontext_t context;

	for (volatile int i = 0; i < ROUNDS; i++) {
		first = map(STACK_BYTES);
		second = map(STACK_BYTES);
		if (setjmp(way_out) == 0) {
			make(&context, save_jump, first);
			enter(&context);
			forbid(first);
			make(&context, jump_away, second);
			enter(&context);
		}
		forbid(second);
	}
	say("{\"created\": %d, \"finished\": %d, \"left\": %d}\n", 2 * ROUNDS, ROUNDS, ROUNDS);
}

static void save_context(void)
{
	ucontext_t here;

	check(getcontext(&here) == 0);
}

static void go_back(void)
{
	setcontext(&way_back);
}

static void case_context(void)
{
	static ucontext_t contexts[2];
	static volatile bool is_back;

	for (volatile int i = 0; i < ROUNDS; i++) {
		char *volatile first = map(STACK_BYTES), *volatile second = map(STACK_BYTES);

		is_back = false;
		/* The last one to call getcontext is to be the one that ends. */
		prepare(&contexts[0], first);
		prepare(&contexts[1], second);
		check(getcontext(&way_back) == 0);
		if (!is_back) {
			is_back = true;
			makecontext(&contexts[0], save_context, 0);
			enter(&contexts[0]);
			forbid(first);
			makecontext(&contexts[1], go_back, 0);
			enter(&contexts[1]);
		}
		forbid(second);
	}
	say("{\"created\": %d, \"finished\": %d}\n", 2 * ROUNDS, 2 * ROUNDS);
}

/* ---- an own switcher ---- */

static __thread void *thread_pointer, *own_pointer;

static void enter_own(char *stack, size_t bytes, void (*function)(void))
{
	switch_stacks(&thread_pointer, first_stack(stack + bytes, function));
}

#define POOL_BYTES ((size_t)32 << 20) /* too large to be anybody's stack */
#define PIECE 65536
#define HALF (PIECE / 2)

static char *make_pool(void)
{
	return (char *)(((uintptr_t)map(POOL_BYTES) + PIECE - 1) & ~(uintptr_t)(PIECE - 1));
}

static pthread_barrier_t barrier;

static void wait_for_others(void)
{
	pthread_barrier_wait(&barrier);
}

static void in_upper_half(void)
{
	site_event();
	wait_for_others();
	wait_for_others(); /* the lower half is unmapped in between */
	site_event();
	wait_for_others();
	wait_for_others();
	switch_stacks(&own_pointer, thread_pointer);
}

static void *run_in_upper_half(void *piece)
{
	enter_own((char *)piece + HALF, HALF, in_upper_half);
	return NULL;
}

static void case_pool(void)
{
	char *pool = make_pool(), *next = pool + POOL_BYTES / 2;
	static ucontext_t context;

	check(pthread_barrier_init(&barrier, NULL, 2) == 0);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_t thread;

		check(pthread_create(&thread, NULL, run_in_upper_half, pool + i * PIECE) == 0);
		wait_for_others();
		check(munmap(pool + i * PIECE, HALF) == 0);
		wait_for_others();
		wait_for_others();
		for (int made = 0; made < 10; made++, next += STACK_BYTES) {
			make(&context, site_event, next);
			enter(&context);
		}
		wait_for_others();
		check(pthread_join(thread, NULL) == 0);
	}
	/* Each own one twice: the piece in which it was met is no longer whole. */
	say("{\"created\": %d, \"finished\": %d, \"stack\": %d, \"freed\": %d}\n", 10 * ROUNDS,
	    10 * ROUNDS, 2 * ROUNDS, ROUNDS);
}

void call_on(void *top, uint64_t rbp, void (*function)(void));
__asm__(".text\n"
        ".globl call_on\n"
        ".type call_on,@function\n"
        "call_on:\n" /* it has no unwind information */
        "	push %rbp\n	push %rbx\n	mov %rsp,%rbx\n"
        "	mov %rdi,%rsp\n	mov %rsi,%rbp\n"
        "	call *%rdx\n"
        "	mov %rbx,%rsp\n	pop %rbx\n	pop %rbp\n"
        "	ret\n"
        ".size call_on,.-call_on\n");

static void case_guards(void)
{
	enum { COUNT = 20 };
	char *pool = map((size_t)COUNT * PIECE);

	for (int i = 0; i < COUNT; i++)
		check(mprotect(pool + (size_t)i * PIECE, 4096, PROT_NONE) == 0);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = COUNT - 2; i >= 0; i--) {
			char *top = pool + (size_t)(i + 1) * PIECE;

			call_on(top - 64, (uint64_t)top + 8 * round, site_event);
		}
	}
	check(munmap(pool, (size_t)COUNT * PIECE) == 0);
	say("{\"created\": 0, \"stack\": %d, \"freed\": %d}\n", COUNT - 1, COUNT - 1);
}

static ucontext_t waiting[2];

static void wait_below(void)
{
	site_event();
	check(swapcontext(&waiting[0], &main_context) == 0);
	site_event();
}

static void wait_above(void)
{
	site_event();
	check(swapcontext(&waiting[1], &main_context) == 0);
	site_event();
}

static void between(void)
{
	site_event();
	switch_stacks(&own_pointer, thread_pointer);
}

static void case_beside(void)
{
	char *pool = make_pool();

	for (int i = 0; i < ROUNDS; i++) {
		char *piece = pool + i * PIECE;

		make(&waiting[0], wait_below, piece);
		make(&waiting[1], wait_above, piece + PIECE / 2);
		enter(&waiting[0]);
		enter(&waiting[1]);
		enter_own(piece + PIECE / 4, PIECE / 4, between);
		enter(&waiting[0]);
		enter(&waiting[1]);
		site_event();
	}
	say("{\"created\": %d, \"finished\": %d, \"stack\": %d, \"switches\": %d}\n", 2 * ROUNDS,
	    2 * ROUNDS, ROUNDS, 4 * ROUNDS);
}

/* ---- a coroutine that is one block with what is kept of it ---- */

struct whole {
	ucontext_t context;
	char stack[STACK_BYTES];
	char behind[40];
};

static struct whole *current;

static void leave(void)
{
	check(swapcontext(&current->context, &main_context) == 0);
}

static void case_whole(bool mapped)
{
	enum { COUNT = 1000 };
	static struct whole *all[COUNT];

	for (int i = 0; i < COUNT; i++) {
		all[i] = mapped ? (void *)map(sizeof(**all)) : malloc(sizeof(**all));
		current = all[i];
		make(&current->context, leave, current->stack);
		enter(&current->context);
	}
	for (int i = 0; i < COUNT; i++) {
		if (mapped)
			check(munmap(all[i], sizeof(**all)) == 0);
		else
			free(all[i]);
	}
	site_event();
	say("{\"created\": %d, \"freed\": %d, \"switches\": %d}\n", COUNT, COUNT, COUNT);
}

static void case_block(void)
{
	case_whole(false);
}

static void case_mapping(void)
{
	case_whole(true);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{"jump", case_jump},       {"context", case_context}, {"pool", case_pool},
		{"beside", case_beside},   {"guards", case_guards},   {"block", case_block},
		{"mapping", case_mapping},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (argc > 1 && !strcmp(argv[1], cases[i].name))
			cases[i].run();
	return 0;
}
