/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads: what runs on the agent's own stack is not disturbed, and a lane has one owner.
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/thread.h"
#include "heap/hook.h"
#include "session.h"
#include "support/unit.h"

static volatile sig_atomic_t handled;

static void on_signal(int number)
{
	(void)number;
	handled++;
}

static void raise_it(void *seen)
{
	raise(SIGUSR1);
	*(int *)seen = handled;
}

/* A handler would run on the 64 KiB of the agent, and might leave it by longjmp. */
static void signals_wait_for_the_agents_own_stack(void **state)
{
	struct sigaction action = {.sa_handler = on_signal};
	int seen = -1;

	(void)state;
	NOT_UNDER_TSAN();
	session_begin(4096, 0);
	sigaction(SIGUSR1, &action, NULL);
	csa_thread_run(session_thread(), raise_it, &seen);
	assert_int_equal(seen, 0);
	assert_int_equal(handled, 1);
	csa_tls.busy = 0;
	session_end();
}

struct life {
	sem_t began, may_end;
	struct cs_lane *lane;
	long tid;
};

/* The kernel has a thread for a moment after it was joined: so long its lane is not free. */
static void join_until_gone(pthread_t thread, const struct life *life)
{
	pthread_join(thread, NULL);
	for (int i = 0; i < 100000 && !syscall(SYS_tgkill, getpid(), life->tid, 0); i++)
		usleep(100);
}

static void *live(void *argument)
{
	struct life *life = argument;
	struct csa_thread *thread = session_thread();

	life->lane = thread->lane;
	life->tid = syscall(SYS_gettid);
	/* Its keys are destroyed, but objects of thread_local storage may go on freeing. */
	atomic_store(&thread->lane->owner_ended, 1);
	sem_post(&life->began);
	sem_wait(&life->may_end);
	csa_tls.busy = 0;
	csa_tls.thread = NULL; /* no destructor of ours has anything to do */
	return NULL;
}

static struct cs_lane *lane_of_another_thread(void)
{
	struct life life = {.lane = NULL};
	pthread_t thread;

	sem_init(&life.began, 0, 0);
	sem_init(&life.may_end, 0, 1);
	assert_int_equal(pthread_create(&thread, NULL, live, &life), 0);
	join_until_gone(thread, &life);
	return life.lane;
}

static void a_lane_is_its_threads_until_that_has_gone(void **state)
{
	struct life life = {.lane = NULL};
	pthread_t thread;

	(void)state;
	session_begin(4096, 0);
	sem_init(&life.began, 0, 0);
	sem_init(&life.may_end, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, live, &life), 0);
	sem_wait(&life.began);
	assert_ptr_not_equal(lane_of_another_thread(), life.lane);
	sem_post(&life.may_end);
	join_until_gone(thread, &life);
	lane_of_another_thread();
	assert_int_equal(atomic_load(&csa_agent.ring->lane_count), 2);
	session_end();
}

/* ---- the thread's own stack ---- */

#define PAGE 4096u

/* A coroutine may run on memory below: between the two is a page that can't be read. */
static void a_stack_grows_over_pages_that_can_be_read(void **state)
{
	uint8_t *room = mmap(NULL, 5 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uintptr_t low = (uintptr_t)room, known = low + 4 * PAGE;
	struct csa_thread *thread;

	(void)state;
	session_begin(4096, 0);
	thread = session_thread();
	assert_int_equal(mprotect(room + PAGE, PAGE, PROT_NONE), 0);
	thread->stack_low = known;
	thread->stack_high = known + PAGE;
	csa_thread_self(low + 100);
	assert_int_equal(thread->stack_low, known);
	csa_thread_self(low + 2 * PAGE + 100);
	assert_int_equal(thread->stack_low, low + 2 * PAGE);
	csa_thread_self(low + 100);
	assert_int_equal(thread->stack_low, low + 2 * PAGE);
	munmap(room, 5 * PAGE);
	csa_tls.busy = 0;
	csa_tls.thread = NULL;
	session_end();
}

/* ---- the end of a thread ---- */

enum { ROUNDS = 3 }; /* of the four: in the last one our own destructor came first */

static pthread_key_t key;

/* A destructor of the program's that is called again and again, and frees each time. */
static void destroy(void *value)
{
	uintptr_t round = (uintptr_t)value;

	csa_record_free((void *)(round * 16), CS_RECORD_FREE);
	if (round < ROUNDS)
		pthread_setspecific(key, (void *)(round + 1));
}

static void *end(void *argument)
{
	struct csa_thread *thread = session_thread();

	csa_tls.busy = 0;
	csa_record_free(argument, CS_RECORD_FREE);
	pthread_setspecific(key, (void *)1);
	return thread;
}

static void a_threads_end_comes_last(void **state)
{
	pthread_t id;
	const struct csa_thread *thread = NULL;
	uint16_t last = 0;
	unsigned frees = 0;

	(void)state;
	NOT_UNDER_TSAN();
	session_begin_heap(4096, 0, CS_HEAP_ALL);
	assert_int_equal(pthread_key_create(&key, destroy), 0);
	assert_int_equal(pthread_create(&id, NULL, end, (void *)8), 0);
	pthread_join(id, (void **)&thread);
	for (uint64_t at = 0; at < atomic_load(&thread->lane->head);) {
		const struct cs_record *record = (const void *)(thread->data + at);

		if (record->kind != CS_RECORD_SKIP)
			last = record->kind;
		frees += record->kind == CS_RECORD_FREE;
		at += record->bytes;
	}
	assert_int_equal(frees, 1 + ROUNDS);
	assert_int_equal(last, CS_RECORD_THREAD_END);
	session_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signals_wait_for_the_agents_own_stack),
		cmocka_unit_test(a_lane_is_its_threads_until_that_has_gone),
		cmocka_unit_test(a_stack_grows_over_pages_that_can_be_read),
		cmocka_unit_test(a_threads_end_comes_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
