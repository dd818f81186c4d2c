/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fork while another thread makes the tables of coroutines: the child, in which that thread is not,
 * makes tables of its own.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "coroutine/board.h"
#include "coroutine/core.h"
#include "session.h"
#include "support/unit.h"

#define TRIES 60
/* How a try ends: the child had no tables, it hung, the thread was not held, nothing began. */
enum { BARE = 1, HUNG, FREE, NOTHING };
/* A machine that is slow and busy needs a part of it. */
#define PATIENCE_S 100

static _Atomic bool has_begun, is_held, may_go_on;

/* Wherever the other thread is, it stays there until we have forked. */
static void hold(int signal)
{
	(void)signal;
	atomic_store(&is_held, true);
	while (!atomic_load(&may_go_on))
		usleep(100);
}

static void *make_tables(void *unused)
{
	atomic_store(&has_begun, true);
	csa_board_ready();
	while (!atomic_load(&may_go_on))
		usleep(100);
	return unused;
}

static bool works(void)
{
	struct csa_work work = csa_core_begin((uintptr_t)__builtin_frame_address(0));
	bool ready = work.thread != NULL;

	csa_core_end(&work);
	return ready;
}

/* How CHILD ends, within SECONDS. */
static int ending_of(pid_t child, time_t seconds)
{
	time_t end = time(NULL) + seconds;
	int status = 0;
	pid_t ended;

	while (child > 0 && (ended = waitpid(child, &status, WNOHANG)) == 0 && time(NULL) < end)
		usleep(200);
	if (child > 0 && ended == child)
		return WIFEXITED(status) ? WEXITSTATUS(status) : status;
	if (child > 0)
		kill(child, SIGKILL);
	return HUNG;
}

/* Asks again: a sanitizer that puts signals off was seen to forget one. */
static bool hold_it(pthread_t thread)
{
	time_t end = time(NULL) + PATIENCE_S / 2;

	for (unsigned asked = 0; !atomic_load(&is_held) && time(NULL) < end; asked++) {
		if (asked % 100 == 0)
			pthread_kill(thread, SIGUSR1);
		usleep(10);
	}
	return atomic_load(&is_held);
}

/* Nobody is left, however the test ends. */
static void die_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static _Noreturn void in_child(void)
{
	die_with_parent();
	_exit(works() ? 0 : BARE);
}

/* In a process of its own. */
static int try(unsigned spins)
{
	struct sigaction action = {.sa_handler = hold};
	pthread_t thread;
	pid_t child;
	int ending;

	die_with_parent();
	session_begin(1 << 20, CS_SESSION_SCHED);
	session_thread();
	csa_tls.busy = 0;
	sigaction(SIGUSR1, &action, NULL);
	if (pthread_create(&thread, NULL, make_tables, NULL))
		return NOTHING;
	while (!atomic_load(&has_begun))
		sched_yield();
	for (volatile unsigned i = 0; i < spins; i++)
		;
	if (!hold_it(thread))
		return FREE;
	child = fork();
	if (child == 0)
		in_child();
	ending = ending_of(child, PATIENCE_S / 2);
	atomic_store(&may_go_on, true);
	pthread_join(thread, NULL);
	session_end();
	return ending;
}

static void a_child_makes_tables_of_its_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TRIES; i++) {
		pid_t process = fork();

		if (process == 0)
			_exit(try(i * 2000));
		assert_int_equal(ending_of(process, PATIENCE_S), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_makes_tables_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
