/* SPDX-License-Identifier: Apache-2.0 */
/* cs-link: -Wl,-z,now */
/*
 * What coroutines can do to a recorder: usage: coro_hostile CASE. Each checks itself and prints
 * what the recorder should have seen.
 *
 *   fork       10,000 coroutines wait; the child resumes them, and so does the parent
 *   threads    threads end while their coroutines wait, and from within a coroutine
 *   longjmp    a coroutine is left by longjmp, its stack is then another's
 *   reuse      one stack and one context, a new coroutine on it every microsecond
 *   signals    handlers on an alternate stack interrupt coroutines, and map memory
 *   freed      stacks are freed while their coroutines wait
 *   small      stacks of 4 KiB above guard pages, which allocate, map and raise signals
 *   cancel     threads are cancelled while a coroutine runs on them
 *   many       fork with more coroutines than a child takes over
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "target.h"

#define STACK_BYTES 8192

struct coroutine {
	ucontext_t context;
	char *stack;
	unsigned long entered;
};

static size_t stack_bytes = STACK_BYTES;
static __thread ucontext_t main_context;
static __thread struct coroutine *current;
static __thread ucontext_t *main_of_thread;

SITE static void site_in_coroutine(void)
{
	free(malloc(77));
}

static void yield(void)
{
	struct coroutine *self = current;

	swapcontext(&self->context, main_of_thread);
}

static void for_ever(void)
{
	for (;;) {
		current->entered++;
		site_in_coroutine();
		yield();
	}
}

SITE static void site_make(struct coroutine *c, void (*function)(void))
{
	if (!c->stack)
		c->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
		                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(c->stack != MAP_FAILED && getcontext(&c->context) == 0);
	c->context.uc_stack.ss_sp = c->stack;
	c->context.uc_stack.ss_size = stack_bytes;
	c->context.uc_link = main_of_thread;
	makecontext(&c->context, function, 0);
}

static void enter(struct coroutine *c)
{
	current = c;
	check(swapcontext(main_of_thread, &c->context) == 0);
}

static struct coroutine *make_many(unsigned long count)
{
	struct coroutine *all = calloc(count, sizeof(*all));

	check(all != NULL);
	for (unsigned long i = 0; i < count; i++)
		site_make(&all[i], for_ever);
	return all;
}

static void case_fork(void)
{
	const unsigned long count = 10000;
	struct coroutine *all = make_many(count);
	int status;

	for (unsigned long i = 0; i < count; i++)
		enter(&all[i]);
	fflush(NULL);
	pid_t child = fork();

	check(child >= 0);
	for (unsigned long round = 0; round < 2; round++)
		for (unsigned long i = 0; i < count; i++)
			enter(&all[i]);
	if (child == 0)
		_exit(0);
	check(waitpid(child, &status, 0) == child && status == 0);
	say("{\"created\": %lu, \"switches\": %lu}\n", count, 3 * count);
}

static void *leave_behind(void *argument)
{
	(void)argument;
	main_of_thread = &main_context;
	struct coroutine *all = make_many(10);

	for (int i = 0; i < 10; i++)
		enter(&all[i]);
	return NULL;
}

static void exit_thread(void)
{
	site_in_coroutine();
	pthread_exit(NULL);
}

static void *end_within(void *argument)
{
	struct coroutine *c = argument;

	main_of_thread = &main_context;
	site_make(c, exit_thread);
	enter(c);
	return NULL;
}

static void case_threads(void)
{
	static struct coroutine inside[20];
	pthread_t thread;

	for (int i = 0; i < 20; i++) {
		check(pthread_create(&thread, NULL, leave_behind, NULL) == 0);
		check(pthread_join(thread, NULL) == 0);
	}
	for (int i = 0; i < 20; i++) {
		inside[i].stack = mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE,
		                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		inside[i].stack += (1 << 18) - STACK_BYTES;
		check(pthread_create(&thread, NULL, end_within, &inside[i]) == 0);
		check(pthread_join(thread, NULL) == 0);
	}
	say("{\"created\": 220, \"switches\": 220}\n");
}

static jmp_buf way_out;

static void jump_out(void)
{
	site_in_coroutine();
	longjmp(way_out, 1);
}

static void case_longjmp(void)
{
	struct coroutine c = {0};

	for (volatile int i = 0; i < 100; i++) {
		site_make(&c, jump_out);
		if (setjmp(way_out) == 0)
			enter(&c);
		site_in_coroutine(); /* on the thread's own stack */
	}
	say("{\"created\": 100, \"switches\": 100}\n");
}

static void once(void)
{
	current->entered++;
}

static void case_reuse(void)
{
	struct coroutine c = {0};

	for (int i = 0; i < 20000; i++) {
		site_make(&c, once);
		enter(&c);
	}
	check(c.entered == 20000);
	say("{\"created\": 20000, \"switches\": 20000, \"finished\": 20000}\n");
}

static volatile sig_atomic_t handled;

static void handler(int signal)
{
	void *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)signal;
	handled++;
	if (page != MAP_FAILED)
		munmap(page, 8192);
}

static void case_signals(void)
{
	struct coroutine *all = make_many(10);
	stack_t alternate = {.ss_sp = malloc(65536), .ss_size = 65536};
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK | SA_RESTART};
	/* Once: one that repeats might leave no time for anything else. */
	const struct itimerval soon = {{0, 0}, {0, 300}};
	unsigned long rounds = 0;
	int seen = -1;

	check(sigaltstack(&alternate, NULL) == 0 && sigaction(SIGALRM, &action, NULL) == 0);
	/* A fast machine makes more records in that time than a lane holds. */
	while (handled == 0 || (handled < 300 && rounds < 15000)) {
		if (seen != handled) {
			seen = handled;
			setitimer(ITIMER_REAL, &soon, NULL);
		}
		rounds++;
		for (int i = 0; i < 10; i++)
			enter(&all[i]);
	}
	say("{\"created\": 10, \"switches\": %lu}\n", rounds * 10);
}

static void case_freed(void)
{
	struct coroutine *all = make_many(200);

	for (int i = 0; i < 200; i++)
		enter(&all[i]);
	for (int i = 0; i < 200; i++)
		check(munmap(all[i].stack, STACK_BYTES) == 0);
	site_in_coroutine();
	say("{\"created\": 200, \"switches\": 200, \"freed\": 200}\n");
}

static void on_small(void)
{
	volatile char used[2800]; /* what is left is for libc and 1 KiB for us */

	for (;;) {
		used[current->entered % sizeof(used)] = 1;
		current->entered += (unsigned char)used[0];
		free(realloc(malloc(200), 9000)); /* records, and looks at the stack */
		check(munmap(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		             4096) == 0);
		yield();
	}
}

static void case_small(void)
{
	enum { COUNT = 200, ROUNDS = 3 };
	static struct coroutine all[COUNT];

	stack_bytes = 4096;
	for (int i = 0; i < COUNT; i++) {
		char *block = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		                   -1, 0);

		check(block != MAP_FAILED && mprotect(block, 4096, PROT_NONE) == 0);
		all[i].stack = block + 4096;
		site_make(&all[i], on_small);
	}
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < COUNT; i++)
			enter(&all[i]);
	say("{\"created\": %d, \"switches\": %d}\n", COUNT, COUNT * ROUNDS);
}

static volatile bool is_inside;

static void until_cancelled(void)
{
	site_in_coroutine();
	is_inside = true;
	for (;;)
		pthread_testcancel();
}

static void *be_cancelled(void *argument)
{
	struct coroutine *c = argument;

	main_of_thread = &main_context;
	site_make(c, until_cancelled);
	enter(c);
	return NULL;
}

static void case_cancel(void)
{
	enum { COUNT = 30 };
	static struct coroutine inside[COUNT];
	pthread_t thread;
	void *result;

	for (int i = 0; i < COUNT; i++) {
		is_inside = false;
		inside[i].stack = mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE,
		                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		inside[i].stack += (1 << 18) - STACK_BYTES;
		check(pthread_create(&thread, NULL, be_cancelled, &inside[i]) == 0);
		while (!is_inside)
			usleep(100);
		check(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0);
		check(result == PTHREAD_CANCELED);
	}
	say("{\"created\": %d, \"switches\": %d}\n", COUNT, COUNT);
}

static void case_many(void)
{
	enum { COUNT = 70000 };
	struct coroutine *all = calloc(COUNT, sizeof(*all));
	char *pool = mmap(NULL, (size_t)COUNT * STACK_BYTES, PROT_READ | PROT_WRITE,
	                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int status;

	check(all != NULL && pool != MAP_FAILED);
	for (int i = 0; i < COUNT; i++) {
		all[i].stack = pool + (size_t)i * STACK_BYTES;
		site_make(&all[i], for_ever);
		enter(&all[i]);
	}
	pid_t child = fork();

	check(child >= 0);
	for (int i = 0; i < COUNT; i += child ? 1 : 7)
		enter(&all[i]);
	if (child == 0)
		_exit(0);
	check(waitpid(child, &status, 0) == child && status == 0);
	say("{\"created\": %d, \"switches\": %d}\n", COUNT, 2 * COUNT);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{"fork", case_fork},   {"threads", case_threads}, {"longjmp", case_longjmp},
		{"reuse", case_reuse}, {"signals", case_signals}, {"freed", case_freed},
		{"small", case_small}, {"cancel", case_cancel},   {"many", case_many},
	};

	main_of_thread = &main_context;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (argc > 1 && !strcmp(argv[1], cases[i].name))
			cases[i].run();
	return 0;
}
