/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traps: SIGUSR1/2 and SIGPROF are the program's own; a handler on an alternate stack
 * allocates; handlers leave by siglongjmp; system calls that must not be interrupted.
 */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "target.h"

static volatile sig_atomic_t ticks, user_signals, on_own_stack;
static sigjmp_buf back;
static char *guard_page;
static void *handler_blocks[2000];
static volatile int handler_count;

SITE void *site_signal(size_t n)
{
	return malloc(n);
}

static void on_tick(int number)
{
	(void)number;
	ticks++;
}

static void on_user(int number)
{
	user_signals += number == SIGUSR1 ? 1 : 1000;
}

/* A synchronous fault in the program's own code: allocating here is sound. */
static void on_fault(int number, siginfo_t *info, void *context)
{
	stack_t now;

	(void)number;
	(void)context;
	check((char *)info->si_addr == guard_page);
	check(sigaltstack(NULL, &now) == 0);
	on_own_stack += (now.ss_flags & SS_ONSTACK) != 0;
	handler_blocks[handler_count] = site_signal(100);
	free(site_signal(5000));
	handler_count++;
	siglongjmp(back, 1);
}

static void install(int number, void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_flags = flags};

	action.sa_handler = handler;
	sigemptyset(&action.sa_mask);
	check(sigaction(number, &action, NULL) == 0);
}

static void part_altstack(void)
{
	struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
	stack_t alternate = {.ss_size = 16384};
	volatile int rounds;

	alternate.ss_sp =
		mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(sigaltstack(&alternate, NULL) == 0);
	action.sa_sigaction = on_fault;
	check(sigaction(SIGSEGV, &action, NULL) == 0);
	guard_page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (rounds = 0; rounds < 2000; rounds++) {
		void *p = site_signal(10);

		free(p);
		if (sigsetjmp(back, 1) == 0) {
			*(volatile char *)guard_page = 1;
			check(0);
		}
	}
	check(handler_count == 2000 && on_own_stack == 2000);
	for (int i = 0; i < 2000; i += 2)
		free(handler_blocks[i]);
	say("altstack: %d faults\n", handler_count);
}

/* A timer of the program's own that interrupts its allocations at any instruction. */
static void part_timer(void)
{
	struct itimerval every_ms = {{0, 1000}, {0, 1000}}, off = {{0, 0}, {0, 0}};
	/* The timer counts CPU time: on a busy machine that takes longer. */
	uint64_t end = mono_ns() + 1500000000u, latest = end + 20000000000u, random = 5;
	void *blocks[64] = {0};

	install(SIGPROF, on_tick, SA_RESTART);
	check(setitimer(ITIMER_PROF, &every_ms, NULL) == 0);
	while (mono_ns() < end || (ticks <= 100 && mono_ns() < latest)) {
		for (int i = 0; i < 1000; i++) {
			uint64_t slot = random_below(&random, 64);

			free(blocks[slot]);
			blocks[slot] = site_signal(1 + random_below(&random, 500));
		}
	}
	setitimer(ITIMER_PROF, &off, NULL);
	for (int i = 0; i < 64; i++)
		free(blocks[i]);
	check(ticks > 100);
	say("timer: it ticked\n");
}

static void part_user(void)
{
	install(SIGUSR1, on_user, 0);
	install(SIGUSR2, on_user, 0);
	for (int i = 0; i < 50; i++) {
		free(site_signal(100));
		raise(SIGUSR1);
		kill(getpid(), SIGUSR2);
	}
	say("user: %d\n", (int)user_signals);
}

static void *allocating(void *flag)
{
	while (!*(volatile int *)flag)
		free(site_signal(200));
	return NULL;
}

/* Nobody sends this process a signal: no call may end with EINTR or before its time. */
static void part_quiet(void)
{
	struct timespec nap = {0, 30000000};
	pthread_t thread;
	volatile int done = 0;
	int interrupted = 0, ends[2];
	uint64_t start = mono_ns();

	check(pipe(ends) == 0);
	check(pthread_create(&thread, NULL, allocating, (void *)&done) == 0);
	for (int i = 0; i < 10; i++) {
		struct pollfd nothing = {.fd = ends[0], .events = POLLIN};
		pid_t pid;

		interrupted += nanosleep(&nap, NULL) != 0;
		interrupted += poll(&nothing, 1, 20) != 0;
		pid = fork();
		if (pid == 0)
			_exit(0);
		interrupted += waitpid(pid, NULL, 0) != pid;
	}
	check(mono_ns() - start >= 500000000u);
	done = 1;
	pthread_join(thread, NULL);
	say("quiet: %d calls interrupted\n", interrupted);
}

/* All signals blocked in every thread but one that waits for them: a common design. */
static void part_sigwait(void)
{
	sigset_t set, old;
	int got = 0, number;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	check(pthread_sigmask(SIG_BLOCK, &set, &old) == 0);
	for (int i = 0; i < 100; i++) {
		free(site_signal(300));
		kill(getpid(), i % 2 ? SIGTERM : SIGHUP);
		check(sigwait(&set, &number) == 0);
		got += number == (i % 2 ? SIGTERM : SIGHUP);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	say("sigwait: %d\n", got);
}

int main(int argc, char **argv)
{
	const char *wanted = argc > 1 ? argv[1] : "all";
	bool all = strcmp(wanted, "all") == 0;

	if (all || strcmp(wanted, "altstack") == 0)
		part_altstack();
	if (all || strcmp(wanted, "timer") == 0)
		part_timer();
	if (all || strcmp(wanted, "user") == 0)
		part_user();
	if (all || strcmp(wanted, "quiet") == 0)
		part_quiet();
	if (all || strcmp(wanted, "sigwait") == 0)
		part_sigwait();
	return 0;
}
