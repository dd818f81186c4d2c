/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loader's list of modules, when a process forks that has other threads.
 */
#include "core/loader.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/lookup.h"
#include "support/unit.h"

static sem_t locked, forked;
static atomic_bool forking, left;

static int hold(struct dl_phdr_info *info, size_t bytes, void *unused)
{
	(void)info;
	(void)bytes;
	(void)unused;
	sem_post(&locked);
	sem_wait(&forked);
	return 1;
}

/* The program's own thread, which no fork can wait for. */
static void *hold_the_lock(void *unused)
{
	dl_iterate_phdr(hold, NULL);
	return unused;
}

/* The status of a child that does CHECK; it must not wait: an alarm ends it. */
static int child(int (*check)(void *), void *argument)
{
	int status = -1;
	pid_t pid;

	csa_loader_before_fork();
	pid = fork();
	if (pid == 0) {
		alarm(30);
		csa_loader_in_child();
		_exit(check(argument));
	}
	csa_loader_after_fork();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

struct modules {
	uint64_t sum;
	unsigned count;
};

static int sum_up(struct dl_phdr_info *info, size_t bytes, void *context)
{
	struct modules *modules = context;

	(void)bytes;
	modules->count++;
	modules->sum = modules->sum * 31 + info->dlpi_addr + (uint64_t)info->dlpi_phdr +
	               info->dlpi_phnum + info->dlpi_adds;
	return 0;
}

static int is_stuck(void *unused)
{
	(void)unused;
	return csa_loader_is_stuck();
}

static int sees_the_same(void *argument)
{
	const struct modules *want = argument;
	struct modules got = {0};

	csa_loader_each(sum_up, &got);
	if (!csa_loader_is_stuck())
		return 1;
	if (csa_lookup("qsort") != dlsym(RTLD_DEFAULT, "qsort"))
		return 2;
	return got.sum == want->sum && got.count == want->count ? 0 : 3;
}

static void a_child_waits_for_no_thread_of_its_parent(void **state)
{
	struct modules modules = {0};
	pthread_t thread;
	int status;

	(void)state;
	csa_loader_start();
	csa_loader_each(sum_up, &modules);
	sem_init(&locked, 0, 0);
	sem_init(&forked, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, hold_the_lock, NULL), 0);
	sem_wait(&locked);
	status = child(sees_the_same, &modules);
	sem_post(&forked);
	pthread_join(thread, NULL);
	assert_int_equal(status, 0);
	assert_int_equal(child(is_stuck, NULL), 0);
}

/* One of ours is in the list, and leaves it soon after the other begins to fork. */
static int leave_when_forking(struct dl_phdr_info *info, size_t bytes, void *unused)
{
	(void)info;
	(void)bytes;
	(void)unused;
	sem_post(&locked);
	while (!atomic_load(&forking))
		sched_yield();
	usleep(1000);
	atomic_store(&left, true);
	return 1;
}

static void *look_at_modules(void *unused)
{
	csa_loader_each(leave_when_forking, NULL);
	return unused;
}

static bool fork_waits(void)
{
	pthread_t thread;
	bool waited;

	atomic_store(&forking, false);
	atomic_store(&left, false);
	sem_init(&locked, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, look_at_modules, NULL), 0);
	sem_wait(&locked);
	atomic_store(&forking, true);
	csa_loader_before_fork();
	waited = atomic_load(&left);
	csa_loader_after_fork();
	pthread_join(thread, NULL);
	return waited;
}

/* Not for ever: where nobody gets a processor, it may take some tries to see it. */
static void a_fork_waits_for_us(void **state)
{
	unsigned tries = 0;

	(void)state;
	while (!fork_waits())
		assert_true(++tries < 500);
}

static volatile sig_atomic_t handled;

static void handle(int signal)
{
	(void)signal;
	handled++;
}

/* Looks within a look are under the same lock. */
static int ask_for_a_signal(struct dl_phdr_info *info, size_t bytes, void *again)
{
	(void)info;
	(void)bytes;
	if (again)
		csa_loader_each(ask_for_a_signal, NULL);
	else
		raise(SIGUSR1);
	assert_int_equal(handled, 0);
	return 1;
}

static void no_handler_comes_in_between(void **state)
{
	struct sigaction action = {.sa_handler = handle};
	int again = 1;

	(void)state;
	sigaction(SIGUSR1, &action, NULL);
	csa_loader_each(ask_for_a_signal, &again);
	/* TSan puts handlers off until somebody sleeps. */
	for (int i = 0; i < 1000 && !handled; i++)
		usleep(1000);
	assert_int_equal(handled, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_waits_for_no_thread_of_its_parent),
		cmocka_unit_test(a_fork_waits_for_us),
		cmocka_unit_test(no_handler_comes_in_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
