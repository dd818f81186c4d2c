/* SPDX-License-Identifier: Apache-2.0 */
/* Threads as /proc tells them: the texts, and a look at ourselves. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "support/unit.h"

#include "source/threads.h"

#define STAT_TAIL " 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 1 0 99\n"

static void names_may_hold_anything(void **state)
{
	struct cs_thread_facts facts;

	(void)state;
	assert_true(cs_thread_parse("7 (a) b (c)) D" STAT_TAIL, "123 456 7\n", 100, &facts));
	assert_string_equal(facts.name, "a) b (c)");
	assert_int_equal(facts.state, CS_THREAD_DISK_SLEEP);
	assert_int_equal(facts.cpu_ns, 123);
	assert_int_equal(facts.wait_ns, 456);
}

static void without_scheduler_statistics_the_clock_ticks_count(void **state)
{
	struct cs_thread_facts facts;

	(void)state;
	assert_true(cs_thread_parse("7 (a) R" STAT_TAIL, NULL, 100, &facts));
	assert_true(facts.cpu_ns == 3000000000u && facts.wait_ns == CS_UNKNOWN);
	assert_true(cs_thread_parse("7 (a) R" STAT_TAIL, "0 0 0\n", 100, &facts));
	assert_true(facts.cpu_ns == 3000000000u && facts.wait_ns == CS_UNKNOWN);
	assert_false(cs_thread_parse("7 (a) R 1 2", NULL, 100, &facts));
	assert_false(cs_thread_parse("7 a R", NULL, 100, &facts));
	assert_false(cs_thread_parse("", NULL, 100, &facts));
}

static atomic_int told; /* tid; 0 again: end */

static void *sleeper(void *context)
{
	(void)context;
	prctl(PR_SET_NAME, "sleeper");
	atomic_store(&told, (int)syscall(SYS_gettid));
	while (atomic_load(&told))
		usleep(1000);
	return NULL;
}

static void a_look_finds_threads_and_their_end(void **state)
{
	struct cs_model *model = cs_model_new();
	struct cs_process start = {.pid = (uint32_t)getpid()};
	uint32_t process = cs_model_process(model, &start);
	/* The agent told of this one already. */
	uint32_t own = cs_model_thread(model, process, (uint32_t)getpid(), 0);
	struct cs_threads threads = {0};
	pthread_t thread;
	uint32_t id, tid;

	(void)state;
	pthread_create(&thread, NULL, sleeper, NULL);
	while (!(tid = (uint32_t)atomic_load(&told)))
		usleep(1000);
	assert_int_equal(cs_threads_look(&threads, start.pid, model, process, false), 0);
	assert_int_equal(cs_threads_find(&threads, start.pid), own);
	assert_int_equal(cs_threads_find(&threads, tid), 0); /* not made */
	assert_int_equal(cs_threads_look(&threads, start.pid, model, process, true), 0);
	assert_int_equal(cs_threads_find(&threads, start.pid), own);
	id = cs_threads_find(&threads, tid);
	assert_int_not_equal(id, 0);
	assert_string_equal(cs_model_thread_at(model, id)->name, "sleeper");
	assert_int_equal(cs_model_thread_at(model, own)->state, CS_THREAD_RUNNING);
	assert_true(cs_model_thread_at(model, own)->cpu_ns != CS_UNKNOWN);
	atomic_store(&told, 0);
	pthread_join(thread, NULL);
	cs_model_set_now(model, 77);
	/* The kernel may show it for a moment after it was joined. */
	for (int i = 0; i < 1000 && !cs_model_thread_at(model, id)->end_ns; i++) {
		assert_int_equal(cs_threads_look(&threads, start.pid, model, process, true), 0);
		usleep(1000);
	}
	assert_int_equal(cs_model_thread_at(model, id)->end_ns, 77);
	assert_int_equal(cs_model_thread_at(model, id)->state, CS_THREAD_DEAD);
	assert_int_equal(cs_threads_find(&threads, tid), 0);
	assert_int_equal(cs_threads_look(&threads, 0x7ffffff0, model, process, true), -3);
	cs_threads_free(&threads);
	cs_model_free(model);
}

struct made {
	struct cs_model *model;
	uint32_t process, tid;
	int asked;
};

static uint32_t make(void *context, uint32_t tid)
{
	struct made *made = context;

	/* Sanitizers have threads of their own. */
	made->asked += tid == made->tid;
	return cs_model_thread(made->model, made->process, tid, 0);
}

/* Who has told of its end may still be there for a moment: it must not come back. */
static void who_is_silent_is_made_at_the_second_look(void **state)
{
	struct made made = {.model = cs_model_new()};
	struct cs_process start = {.pid = (uint32_t)getpid()};
	struct cs_threads threads = {.maker = make, .context = &made};
	uint32_t id;
	pthread_t thread;

	(void)state;
	made.process = cs_model_process(made.model, &start);
	cs_model_thread(made.model, made.process, start.pid, 0);
	pthread_create(&thread, NULL, sleeper, NULL);
	while (!(made.tid = (uint32_t)atomic_load(&told)))
		usleep(1000);
	assert_int_equal(cs_threads_look(&threads, start.pid, made.model, made.process, true), 0);
	assert_int_equal(made.asked, 0);
	assert_int_equal(cs_threads_find(&threads, made.tid), 0);
	assert_int_equal(cs_threads_look(&threads, start.pid, made.model, made.process, true), 0);
	assert_int_equal(made.asked, 1);
	id = cs_threads_find(&threads, made.tid);
	assert_int_not_equal(id, 0);
	assert_int_equal(cs_threads_look(&threads, start.pid, made.model, made.process, true), 0);
	assert_int_equal(made.asked, 1);
	assert_int_equal(cs_threads_find(&threads, made.tid), id);
	atomic_store(&told, 0);
	pthread_join(thread, NULL);
	cs_threads_free(&threads);
	cs_model_free(made.model);
}

static uint64_t own_cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void a_share_is_what_was_used_between_two_looks(void **state)
{
	struct cs_model *model = cs_model_new();
	struct cs_process start = {.pid = (uint32_t)getpid()};
	uint32_t process = cs_model_process(model, &start);
	uint32_t id = cs_model_thread(model, process, start.pid, 0);
	struct cs_threads threads = {0};
	uint64_t from_ns = own_cpu_ns(), share_ppm;

	(void)state;
	assert_int_equal(cs_threads_look(&threads, start.pid, model, process, false), 0);
	assert_true(cs_model_thread_at(model, id)->share_ppm == CS_UNKNOWN);
	while (own_cpu_ns() < from_ns + 200000000)
		;
	assert_int_equal(cs_threads_look(&threads, start.pid, model, process, false), 0);
	share_ppm = cs_model_thread_at(model, id)->share_ppm;
	assert_true(share_ppm > 0 && share_ppm <= 1000000);
	/* Who sleeps has less. */
	usleep(500000);
	assert_int_equal(cs_threads_look(&threads, start.pid, model, process, false), 0);
	assert_true(cs_model_thread_at(model, id)->share_ppm < 500000);
	cs_threads_free(&threads);
	cs_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_may_hold_anything),
		cmocka_unit_test(without_scheduler_statistics_the_clock_ticks_count),
		cmocka_unit_test(a_look_finds_threads_and_their_end),
		cmocka_unit_test(who_is_silent_is_made_at_the_second_look),
		cmocka_unit_test(a_share_is_what_was_used_between_two_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
