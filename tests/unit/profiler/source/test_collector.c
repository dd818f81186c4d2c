/* SPDX-License-Identifier: Apache-2.0 */
/* Rings in a session's folder, from their appearance to their removal. */
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "producer.h"
#include "source/collector.h"
#include "support/unit.h"

#define NOBODY 0x3ffffff0u /* beyond any PID */

struct stage {
	struct cs_session_folder folder;
	struct cs_clock clock;
	struct cs_model *model;
	struct cs_collector *collector;
};

static void stage_begin(struct stage *stage)
{
	struct cs_session_config config = {.heap_mean_bytes = 1, .lane_bytes = 8192};
	struct cs_diag diag = {0};

	memset(stage, 0, sizeof(*stage));
	assert_int_equal(cs_session_create(&stage->folder, &config, &diag), 0);
	cs_session_publish(&stage->folder, 0);
	cs_clock_start(&stage->clock);
	stage->model = cs_model_new();
	struct cs_collector_options options = {
		.session = &stage->folder,
		.clock = &stage->clock,
		.model = stage->model,
		.no_readings = true,
	};
	stage->collector = cs_collector_new(&options);
	assert_non_null(stage->collector);
}

static void stage_end(struct stage *stage)
{
	struct stat status;

	cs_collector_free(stage->collector);
	cs_model_free(stage->model);
	cs_session_remove(&stage->folder);
	assert_int_equal(stat(stage->folder.path, &status), -1);
}

/* Polls until its records are older than the collector's lag. */
static void settle(struct stage *stage)
{
	for (int i = 0; i < 15; i++) {
		cs_collector_poll(stage->collector, 1000000);
		usleep(1000);
	}
}

static void a_ring_becomes_a_process(void **state)
{
	struct producer producer;
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	producer_begin_file(&producer, stage.folder.fd, 8192, 2, cs_clock_monotonic_ns());
	producer_publish(&producer, stage.folder.fd);
	producer_alloc(&producer, 1, cs_clock_monotonic_ns(), 0x1000, 64, 0);
	settle(&stage);

	uint32_t id = cs_collector_find(stage.collector, (uint32_t)getpid());
	const struct cs_process *process = cs_model_process_at(stage.model, id);
	assert_non_null(process);
	assert_string_equal(process->executable, "/bin/program");
	assert_string_equal(process->arguments, "program -v");
	assert_int_equal(process->inuse_bytes, 64);
	assert_int_equal(cs_collector_alive(stage.collector), 1);
	cs_collector_finish(stage.collector);
	stage_end(&stage);
	producer_end(&producer);
}

static void what_is_half_made_is_not_looked_at(void **state)
{
	struct producer producer;
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	producer_begin_file(&producer, stage.folder.fd, 8192, 1, cs_clock_monotonic_ns());
	settle(&stage);
	assert_int_equal(cs_model_process_count(stage.model), 0);
	stage_end(&stage);
	producer_end(&producer);
}

static void exec_replaces_an_image(void **state)
{
	struct producer before, after;
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	producer_begin_file(&before, stage.folder.fd, 8192, 1, cs_clock_monotonic_ns());
	producer_publish(&before, stage.folder.fd);
	producer_alloc(&before, 0, cs_clock_monotonic_ns(), 0x1000, 64, 0);
	producer_begin_file(&after, stage.folder.fd, 8192, 1, cs_clock_monotonic_ns());
	producer_publish(&after, stage.folder.fd);
	producer_alloc(&after, 0, cs_clock_monotonic_ns(), 0x1000, 32, 0);
	settle(&stage);

	assert_int_equal(cs_model_process_count(stage.model), 2);
	assert_true(cs_model_process_at(stage.model, 1)->ended);
	assert_int_equal(cs_model_process_at(stage.model, 1)->inuse_bytes, 64);
	assert_int_equal(cs_model_process_at(stage.model, 2)->exec_of, 1);
	assert_int_equal(cs_model_process_at(stage.model, 2)->inuse_bytes, 32);
	assert_false(cs_model_process_at(stage.model, 2)->ended);
	stage_end(&stage);
	producer_end(&before);
	producer_end(&after);
}

/* What the parent does after the fork, before the child is heard of, is not inherited. */
static void a_forked_ring_inherits_up_to_the_fork(void **state)
{
	struct producer parent, child;
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	uint64_t start = cs_clock_monotonic_ns();
	producer_begin_file(&parent, stage.folder.fd, 8192, 1, start);
	producer_publish(&parent, stage.folder.fd);
	producer_alloc(&parent, 0, cs_clock_monotonic_ns(), 0x1000, 64, 0);

	uint64_t fork_stamp = cs_clock_monotonic_ns();
	producer_free(&parent, 0, cs_clock_monotonic_ns(), 0x1000);
	producer_begin_file(&child, stage.folder.fd, 8192, 1, cs_clock_monotonic_ns());
	child.ring->flags = CS_RING_FORKED;
	child.ring->pid = NOBODY;
	child.ring->parent_pid = parent.ring->pid;
	child.ring->fork_stamp = fork_stamp;
	child.ring->fork_ring_start = start;
	producer_alloc(&child, 0, cs_clock_monotonic_ns(), 0x2000, 8, 0);
	producer_publish(&child, stage.folder.fd);
	settle(&stage);

	const struct cs_process *process = cs_model_process_at(stage.model, 2);
	assert_non_null(process);
	assert_true(process->forked);
	assert_int_equal(process->parent, 1);
	assert_int_equal(process->inherited_bytes, 64);
	assert_int_equal(process->inuse_bytes, 8);
	assert_int_equal(cs_model_process_at(stage.model, 1)->inuse_bytes, 0);
	stage_end(&stage);
	producer_end(&parent);
	producer_end(&child);
}

static void the_ring_of_a_dead_process_is_read_and_removed(void **state)
{
	struct cs_collector_stats stats;
	struct producer producer;
	struct stage stage;
	struct stat status;

	(void)state;
	stage_begin(&stage);
	producer_begin_file(&producer, stage.folder.fd, 8192, 1, cs_clock_monotonic_ns());
	producer.ring->pid = NOBODY;
	producer_alloc(&producer, 0, cs_clock_monotonic_ns(), 0x1000, 64, 0);
	producer_publish(&producer, stage.folder.fd);
	for (int i = 0; i < 50; i++) {
		cs_collector_poll(stage.collector, 20000000);
		if (fstatat(stage.folder.fd, producer.name, &status, 0))
			break;
		usleep(10000);
	}
	assert_int_equal(fstatat(stage.folder.fd, producer.name, &status, 0), -1);
	assert_int_equal(cs_collector_alive(stage.collector), 0);
	cs_collector_stats(stage.collector, &stats);
	assert_int_equal(stats.events, 1);
	assert_int_equal(stats.emitted, stats.events + stats.lost + stats.unfinished);
	assert_int_equal(cs_model_process_at(stage.model, 1)->inuse_bytes, 64);
	stage_end(&stage);
	producer_end(&producer);
}

static void a_ring_that_is_none_is_told_once(void **state)
{
	struct cs_collector_stats stats;
	struct cs_diag diag;
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	int fd = openat(stage.folder.fd, "ring.1.1", O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "nonsense", 8), 8);
	close(fd);
	settle(&stage);
	assert_true(cs_collector_problem(stage.collector, &diag));
	assert_non_null(strstr(diag.text, "ring.1.1"));
	assert_false(cs_collector_problem(stage.collector, &diag));
	cs_collector_stats(stage.collector, &stats);
	assert_int_equal(stats.unreadable, 1);
	stage_end(&stage);
}

static void a_damaged_lane_is_told_once(void **state)
{
	struct producer producer;
	struct cs_diag diag;
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	producer_begin_file(&producer, stage.folder.fd, 8192, 1, cs_clock_monotonic_ns());
	producer_publish(&producer, stage.folder.fd);
	producer_alloc(&producer, 0, cs_clock_monotonic_ns(), 0x1000, 64, 0);
	atomic_store(&producer_lane(&producer, 0)->head, 1 << 20);
	settle(&stage);
	cs_collector_finish(stage.collector);
	assert_true(cs_collector_problem(stage.collector, &diag));
	assert_non_null(strstr(diag.text, "head"));
	assert_false(cs_collector_problem(stage.collector, &diag));
	stage_end(&stage);
	producer_end(&producer);
}

/* trap: the session's folder is removed while it is in use */
static void a_folder_that_vanishes_is_survived(void **state)
{
	struct producer producer;
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	producer_begin_file(&producer, stage.folder.fd, 8192, 1, cs_clock_monotonic_ns());
	producer_publish(&producer, stage.folder.fd);
	settle(&stage);
	unlinkat(stage.folder.fd, producer.name, 0);
	unlinkat(stage.folder.fd, CS_SESSION_FILE, 0);
	assert_int_equal(rmdir(stage.folder.path), 0);
	producer_alloc(&producer, 0, cs_clock_monotonic_ns(), 0x1000, 64, 0);
	settle(&stage);
	cs_collector_finish(stage.collector);
	assert_int_equal(cs_model_process_at(stage.model, 1)->inuse_bytes, 64);
	stage_end(&stage);
	producer_end(&producer);
}

/* trap: an agent cuts the session's own file */
static void a_session_that_is_cut_is_survived(void **state)
{
	struct stage stage;

	(void)state;
	if (UNDER_TSAN)
		skip(); /* its atomics hold a lock of their own while they fault */
	stage_begin(&stage);
	int fd = openat(stage.folder.fd, CS_SESSION_FILE, O_RDWR);
	assert_int_equal(ftruncate(fd, 0), 0);
	close(fd);
	settle(&stage);
	cs_session_disable(&stage.folder);
	cs_collector_finish(stage.collector);
	stage_end(&stage);
}

/* ---- sleeping ---- */

static uint64_t cpu_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* What a second of waiting takes. */
static uint64_t cpu_of_a_second(struct stage *stage)
{
	uint64_t until = cs_clock_monotonic_ns() + 1000000000, start = cpu_ns();

	while (cs_clock_monotonic_ns() < until)
		cs_collector_poll(stage->collector, 100000000);
	return cpu_ns() - start;
}

static void an_idle_recording_sleeps(void **state)
{
	struct producer producer;
	struct stage stage;
	uint64_t least = UINT64_MAX;

	(void)state;
	stage_begin(&stage);
	producer_begin_file(&producer, stage.folder.fd, 8192, 1, cs_clock_monotonic_ns());
	producer_publish(&producer, stage.folder.fd);
	settle(&stage);
	/* A hundredth of a core, with sanitizers; some more on a slow one, or on one that is shared. */
	for (int i = 0; i < 10 && least > 50000000; i++) {
		uint64_t cpu = cpu_of_a_second(&stage);

		least = cpu < least ? cpu : least;
	}
	assert_in_range(least, 0, 50000000);
	stage_end(&stage);
	producer_end(&producer);
}

static void *ring_the_bell(void *arg)
{
	struct cs_session *session = arg;

	for (int i = 0; i < 5000; i++) {
		if (atomic_load(&session->reader_sleeps)) {
			usleep(20000);
			atomic_fetch_add(&session->doorbell, 1);
			syscall(SYS_futex, &session->doorbell, FUTEX_WAKE, 1, NULL, NULL, 0);
			return session;
		}
		usleep(100);
	}
	return NULL;
}

static void the_bell_wakes_the_reader(void **state)
{
	struct stage stage;
	pthread_t thread;
	uint64_t shortest = UINT64_MAX;
	void *rung;

	(void)state;
	stage_begin(&stage);
	for (int i = 0; i < 30; i++) /* naps have become long */
		cs_collector_poll(stage.collector, 100000000);
	/* A busy machine may wake either too late, and not each time. */
	for (int i = 0; i < 100 && shortest > 90000000; i++) {
		uint64_t before = cs_clock_monotonic_ns();

		pthread_create(&thread, NULL, ring_the_bell, stage.folder.shared);
		cs_collector_poll(stage.collector, 100000000);
		before = cs_clock_monotonic_ns() - before;
		pthread_join(thread, &rung);
		if (rung && before < shortest)
			shortest = before;
	}
	assert_in_range(shortest, 0, 90000000);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ring_becomes_a_process),
		cmocka_unit_test(what_is_half_made_is_not_looked_at),
		cmocka_unit_test(exec_replaces_an_image),
		cmocka_unit_test(a_forked_ring_inherits_up_to_the_fork),
		cmocka_unit_test(the_ring_of_a_dead_process_is_read_and_removed),
		cmocka_unit_test(a_ring_that_is_none_is_told_once),
		cmocka_unit_test(a_damaged_lane_is_told_once),
		cmocka_unit_test(a_folder_that_vanishes_is_survived),
		cmocka_unit_test(a_session_that_is_cut_is_survived),
		cmocka_unit_test(an_idle_recording_sleeps),
		cmocka_unit_test(the_bell_wakes_the_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
