/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fork while another thread makes the tables of coroutines: the child, in which that thread is not,
 * makes tables of its own.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coroutine/board.h"
#include "coroutine/core.h"
#include "session.h"
#include "support/unit.h"

#define TRIES 60

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

static int status_of(pid_t child)
{
	int status;

	return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

/* Asks again: a sanitizer that puts signals off was seen to forget one. */
static void hold_it(pthread_t thread)
{
	for (unsigned asked = 0; !atomic_load(&is_held); asked++) {
		if (asked % 100 == 0)
			pthread_kill(thread, SIGUSR1);
		usleep(10);
	}
}

/* In a process of its own. 0: the child had tables. */
static int try(unsigned spins)
{
	struct sigaction action = {.sa_handler = hold};
	pthread_t thread;
	pid_t child;
	int status;

	session_begin(1 << 20, CS_SESSION_SCHED);
	session_thread();
	csa_tls.busy = 0;
	sigaction(SIGUSR1, &action, NULL);
	if (pthread_create(&thread, NULL, make_tables, NULL))
		return 2;
	while (!atomic_load(&has_begun))
		;
	for (volatile unsigned i = 0; i < spins; i++)
		;
	hold_it(thread);
	child = fork();
	if (child == 0)
		_exit(works() ? 0 : 1);
	status = status_of(child);
	atomic_store(&may_go_on, true);
	pthread_join(thread, NULL);
	session_end();
	return status;
}

static void a_child_makes_tables_of_its_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TRIES; i++) {
		pid_t process = fork();

		if (process == 0)
			_exit(try(i * 2000) ? 1 : 0);
		assert_int_equal(status_of(process), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_makes_tables_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
