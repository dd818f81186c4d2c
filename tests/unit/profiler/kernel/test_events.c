/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples that this machine's kernel takes of this very program. Skipped where it forbids
 * them. How much is seen is compared with the threads' own CPU clocks, within wide bounds:
 * the machine may be busy with anything.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel/code.h"
#include "kernel/perf_events.h"
#include "support/unit.h"

#define HZ 997u
#define WORK_NS UINT64_C(300000000)

struct worker {
	pthread_t thread;
	_Atomic uint32_t tid;
	uint64_t cpu_ns; /* by its own clock */
	uint64_t samples, in_work;
	struct worker *child; /* started by this one */
};

static atomic_bool go;
static struct worker workers[4];
static uint64_t strangers;
static struct cs_code code;

static uint64_t thread_cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

/* Calls that are not inlined, so that the sampled address is in here. */
__attribute__((noinline)) static uint64_t burn(uint64_t rounds)
{
	volatile uint64_t sum = 0;

	for (uint64_t i = 0; i < rounds; i++)
		sum = sum + i * i;
	return sum;
}

static void *work(void *context)
{
	struct worker *worker = context;
	uint64_t start;

	worker->tid = (uint32_t)syscall(SYS_gettid);
	while (!atomic_load(&go))
		usleep(1000);
	start = thread_cpu_ns();
	if (worker->child)
		pthread_create(&worker->child->thread, NULL, work, worker->child);
	while (thread_cpu_ns() - start < WORK_NS)
		burn(100000);
	worker->cpu_ns = thread_cpu_ns() - start;
	if (worker->child)
		pthread_join(worker->child->thread, NULL);
	return NULL;
}

static void count(void *context, const struct cs_perf_sample *sample)
{
	const struct cs_module_range *range;

	(void)context;
	assert_int_equal(sample->pid, getpid());
	assert_true(sample->has_regs || sample->in_kernel);
	for (size_t i = 0; i < 4; i++) {
		if (workers[i].tid != sample->tid)
			continue;
		workers[i].samples++;
		range = cs_code_find(&code, sample->ip, sample->time_ns);
		if (range && sample->ip - (uint64_t)(uintptr_t)burn < 256)
			workers[i].in_work++;
		return;
	}
	strangers++;
}

static struct cs_perf *need_perf(uint32_t hz, uint32_t stack_bytes)
{
	struct cs_perf_options options = {.hz = hz, .stack_bytes = stack_bytes};
	struct cs_diag diag = {0};
	struct cs_perf *perf = cs_perf_new(&options, &diag);

	if (!perf) {
		printf("skipped: cannot %s\n", diag.text);
		skip();
	}
	return perf;
}

/* Within a third: the clock is exact, the machine is not. */
static bool agrees(uint64_t samples, uint64_t cpu_ns)
{
	uint64_t sampled_ns = samples * (UINT64_C(1000000000) / HZ);

	return sampled_ns > cpu_ns / 3 * 2 && sampled_ns < cpu_ns / 3 * 4;
}

/* However long the threads take: the rings don't hold all of it. */
static void drain_for_a_while(struct cs_perf *perf)
{
	usleep(10000);
	cs_perf_drain(perf, count, NULL);
}

/* Two threads that were there, and one that each of them starts later: all four, once each. */
static void run_workers(struct cs_perf *perf)
{
	struct cs_diag diag = {0};

	memset(workers, 0, sizeof(workers));
	atomic_store(&go, false);
	workers[0].child = &workers[2];
	workers[1].child = &workers[3];
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	assert_int_equal(cs_perf_attach(perf, (uint32_t)getpid(), &diag), 0);
	atomic_store(&go, true);
	/* Those that inherited are attached themselves: counted once nevertheless. */
	while (!atomic_load(&workers[2].tid) || !atomic_load(&workers[3].tid))
		drain_for_a_while(perf);
	cs_perf_drain(perf, count, NULL);
	assert_int_equal(cs_perf_attach(perf, (uint32_t)getpid(), NULL), 0);
	for (size_t i = 0; i < 2; i++)
		while (pthread_tryjoin_np(workers[i].thread, NULL) == EBUSY)
			drain_for_a_while(perf);
	cs_perf_drain(perf, count, NULL);
}

/* Whether nothing was lost, and all four were sampled once, mostly in the one function. */
static bool is_as_their_clocks_say(void)
{
	struct cs_perf *perf = need_perf(HZ, 0);
	struct cs_model *model = cs_model_new();
	struct cs_perf_counts counts;
	bool agree = true;

	cs_code_start(&code, model, (uint32_t)getpid(), NULL, NULL);
	run_workers(perf);
	cs_perf_counts(perf, &counts);
	assert_int_equal(counts.threads, 5);
	assert_int_equal(counts.damaged, 0);
	for (size_t i = 0; i < 4; i++) {
		agree &= agrees(workers[i].samples, workers[i].cpu_ns);
		/* Found by address. */
		assert_true(workers[i].in_work * 2 > workers[i].samples);
	}
	cs_code_stop(&code);
	cs_model_free(model);
	cs_perf_free(perf);
	return agree && counts.lost == 0;
}

/* A machine that shares its cores with others' may take them away for a while, and not each time. */
static void threads_old_and_new_are_sampled_once(void **state)
{
	bool agree = false;

	(void)state;
	for (int tries = 0; tries < 10 && !agree; tries++)
		agree = is_as_their_clocks_say();
	assert_true(agree);
}

static uint64_t child_samples, with_stack;

static void count_child(void *context, const struct cs_perf_sample *sample)
{
	child_samples += (int)sample->pid == *(const int *)context;
	with_stack += sample->stack_bytes >= 256;
}

/* A process that waits to be let go is sampled from its exec on, and not before. */
static void a_launched_program_is_sampled_from_its_exec_on(void **state)
{
	struct cs_perf *perf = need_perf(HZ, 1024);
	struct cs_diag diag = {0};
	int pipes[2], back[2];
	char byte = 0;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(pipe(back), 0);
	child = fork();
	if (child == 0) {
		uint64_t start = thread_cpu_ns();

		prctl(PR_SET_PDEATHSIG, SIGKILL); /* however this test ends */
		if (read(pipes[0], &byte, 1) != 1)
			_exit(1);
		while (thread_cpu_ns() - start < WORK_NS / 3)
			burn(100000);
		if (write(back[1], &byte, 1) != 1 || read(pipes[0], &byte, 1) != 1)
			_exit(1);
		execl("/bin/sh", "sh", "-c", "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done",
		      NULL);
		_exit(127);
	}
	assert_int_equal(cs_perf_attach_exec(perf, (uint32_t)child, &diag), 0);
	assert_int_equal(write(pipes[1], &byte, 1), 1);
	assert_int_equal(read(back[0], &byte, 1), 1);
	child_samples = 0;
	cs_perf_drain(perf, count_child, &child);
	assert_int_equal(child_samples, 0);
	assert_int_equal(write(pipes[1], &byte, 1), 1);
	waitpid(child, NULL, 0);
	cs_perf_drain(perf, count_child, &child);
	assert_true(child_samples > 5);
	assert_true(with_stack * 2 > child_samples);
	close(pipes[0]);
	close(pipes[1]);
	close(back[0]);
	close(back[1]);
	cs_perf_free(perf);
}

/* Somebody who is not there. */
static void a_process_that_has_ended_is_told(void **state)
{
	struct cs_perf *perf = need_perf(HZ, 0);
	struct cs_diag diag = {0};
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
	assert_int_equal(cs_perf_attach(perf, (uint32_t)child, &diag), -ESRCH);
	assert_non_null(strstr(diag.text, "has ended"));
	cs_perf_free(perf);
}

static void rates_out_of_range_are_refused(void **state)
{
	static const uint32_t rates[] = {0, CS_PERF_HZ_MAX + 1};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct cs_perf_options options = {.hz = rates[i]};
		struct cs_diag diag = {0};

		assert_null(cs_perf_new(&options, &diag));
		assert_int_equal(diag.error, -EINVAL);
		assert_true(diag.hint[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_old_and_new_are_sampled_once),
		cmocka_unit_test(a_launched_program_is_sampled_from_its_exec_on),
		cmocka_unit_test(a_process_that_has_ended_is_told),
		cmocka_unit_test(rates_out_of_range_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
