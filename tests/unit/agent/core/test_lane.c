/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lanes, the producer's side, against a consumer in the same process: what is published is
 * whole, in order, complete or counted as lost; also when signal handlers record on top of
 * records that are being made.
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "core/emit.h"
#include "core/lane.h"
#include "core/quick.h"
#include "session.h"
#include "support/unit.h"

#define LANE_BYTES 4096u

/* What a consumer has seen of one lane. */
struct seen {
	uint64_t delivered, lost_told, allocs, frees, last_stamp, stamps_back, last_alloc, disorder,
		threads;
	bool broken;
};

static void look_at(struct seen *seen, const struct cs_record *record)
{
	if (record->kind == CS_RECORD_SKIP)
		return;
	if (record->kind == CS_RECORD_LOST) {
		seen->lost_told += ((const struct cs_record_lost *)record)->count;
		return;
	}
	seen->delivered++;
	seen->stamps_back += record->stamp < seen->last_stamp;
	seen->last_stamp = record->stamp;
	if (record->kind == CS_RECORD_ALLOC) {
		const struct cs_record_alloc *alloc = (const void *)record;

		seen->allocs++;
		seen->disorder += alloc->address <= seen->last_alloc;
		seen->last_alloc = alloc->address;
		seen->broken |= alloc->stack != ~alloc->address || record->arg != 64;
	} else if (record->kind == CS_RECORD_FREE) {
		seen->frees++;
	} else if (record->kind == CS_RECORD_THREAD_START) {
		seen->threads++;
	}
}

static void drain(struct csa_thread *thread, struct seen *seen)
{
	struct cs_lane *lane = thread->lane;
	uint64_t head = atomic_load_explicit(&lane->head, memory_order_acquire);
	uint64_t tail = atomic_load_explicit(&lane->tail, memory_order_relaxed);

	while (tail < head) {
		const struct cs_record *record =
			(const void *)(thread->data + (tail & (LANE_BYTES - 1)));

		if (record->bytes < 16 || record->bytes % 8 || record->bytes > head - tail) {
			seen->broken = true;
			return;
		}
		look_at(seen, record);
		tail += record->bytes;
	}
	atomic_store_explicit(&lane->tail, tail, memory_order_release);
}

/* Take the quick way where it is open, as the agent does, or never. */
static bool quick;

static int go_quick(void **state)
{
	(void)state;
	quick = true;
	return 0;
}

static int go_slow(void **state)
{
	(void)state;
	quick = false;
	return 0;
}

static uint64_t *open_quick(struct csa_thread *thread, uint32_t bytes)
{
	struct csa_ticket ticket = {0};

	if (!quick || !csa_quick_take(thread, bytes, true, &ticket))
		return NULL;
	return csa_quick_open(thread, &ticket, bytes);
}

static void emit_alloc(struct csa_thread *thread, uint64_t number)
{
	uint64_t *words = open_quick(thread, sizeof(struct cs_record_alloc));

	if (words) {
		words[2] = number;
		words[3] = ~number;
		csa_quick_close(thread, words, sizeof(struct cs_record_alloc), CS_RECORD_ALLOC, 64);
		return;
	}
	struct cs_record_alloc *record =
		csa_emit_begin(thread, CS_RECORD_ALLOC, sizeof(*record), 64);

	if (!record)
		return;
	record->address = number;
	record->stack = ~number;
	csa_emit_commit(thread, record, CS_RECORD_ALLOC);
}

static void emit_free(struct csa_thread *thread, uint64_t number)
{
	uint64_t *words = open_quick(thread, sizeof(struct cs_record_free));

	if (words) {
		words[2] = number;
		csa_quick_close(thread, words, sizeof(struct cs_record_free), CS_RECORD_FREE, 0);
		return;
	}
	struct cs_record_free *record = csa_emit_begin(thread, CS_RECORD_FREE, sizeof(*record), 0);

	if (!record)
		return;
	record->address = number;
	csa_emit_commit(thread, record, CS_RECORD_FREE);
}

static void check_sums(struct csa_thread *thread, const struct seen *seen)
{
	uint64_t emitted = atomic_load(&thread->lane->emitted);
	uint64_t lost = atomic_load(&thread->lane->lost);

	assert_false(seen->broken);
	assert_int_equal(emitted, seen->delivered + lost);
	assert_int_equal(thread->depth, 0);
	assert_int_equal(atomic_load(&thread->lane->pending), 0);
}

static void records_arrive_in_order_across_many_laps(void **state)
{
	struct seen seen = {0};

	(void)state;
	session_begin(LANE_BYTES, 0);
	struct csa_thread *thread = session_thread();

	for (uint64_t i = 1; i <= 20000; i++) {
		emit_alloc(thread, i);
		if (i % 3 == 0)
			emit_free(thread, i);
		if (i % 50 == 0)
			drain(thread, &seen);
	}
	drain(thread, &seen);
	check_sums(thread, &seen);
	assert_int_equal(seen.allocs, 20000);
	assert_int_equal(seen.frees, 6666);
	assert_int_equal(seen.disorder, 0);
	assert_int_equal(seen.threads, 1);
	assert_int_equal(atomic_load(&thread->lane->lost), 0);
	session_end();
}

static void a_full_lane_drops_and_counts_exactly(void **state)
{
	struct seen seen = {0};

	(void)state;
	session_begin(LANE_BYTES, 0);
	struct csa_thread *thread = session_thread();

	for (uint64_t i = 1; i <= 1000; i++) /* nobody reads: 128 records of 32 bytes fit */
		emit_alloc(thread, i);
	uint64_t lost = atomic_load(&thread->lane->lost);

	assert_true(lost > 800 && lost < 1000);
	drain(thread, &seen);
	for (uint64_t i = 1001; i <= 1010; i++)
		emit_alloc(thread, i);
	drain(thread, &seen);
	check_sums(thread, &seen);
	assert_int_equal(seen.lost_told, lost);
	assert_int_equal(seen.allocs + lost, 1010);
	session_end();
}

static void a_wait_without_a_reader_is_bounded(void **state)
{
	struct timespec from, to;

	(void)state;
	session_begin(LANE_BYTES, CS_SESSION_BLOCK);
	struct csa_thread *thread = session_thread();

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (uint64_t i = 1; i <= 100000; i++)
		emit_alloc(thread, i);
	clock_gettime(CLOCK_MONOTONIC, &to);
	double seconds =
		(double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) * 1e-9;
	const _Atomic uint64_t *counters = csa_agent.ring->counters;

	assert_true(counters[CS_AGENT_WAITS] > 0);
	assert_true(counters[CS_AGENT_WAIT_NS] <= CS_WAIT_STALLED_NS);
	assert_true(counters[CS_AGENT_WAIT_MAX_NS] <= CS_WAIT_ONE_NS);
	assert_true(counters[CS_AGENT_WAIT_NS] + counters[CS_AGENT_WAIT_LATE_NS] >=
	            CS_WAIT_STALLED_NS / 2);
	/* Without the bound it were a thousand; a machine with much else to do takes its time. */
	assert_true(seconds < 100);
	assert_true(atomic_load(&thread->lane->lost) > 99000);
	session_end();
}

/* Of many threads that wait at once none may wait more because the others do. */
#define WAITERS 8

static void *wait_at_full_lane(void *argument)
{
	struct csa_thread *thread = session_thread();

	for (uint64_t i = 1; i <= 20000; i++)
		emit_alloc(thread, i);
	return argument;
}

static void threads_that_wait_together_share_the_bound(void **state)
{
	pthread_t threads[WAITERS];
	const _Atomic uint64_t *counters;

	(void)state;
	session_begin(LANE_BYTES, CS_SESSION_BLOCK);
	for (int i = 0; i < WAITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, wait_at_full_lane, NULL), 0);
	for (int i = 0; i < WAITERS; i++)
		pthread_join(threads[i], NULL);
	counters = csa_agent.ring->counters;
	/* Where a machine lets one nap last for as long as all may wait, the others do not begin. */
	assert_true(counters[CS_AGENT_WAITS] >= WAITERS ||
	            (counters[CS_AGENT_WAITS] &&
	             counters[CS_AGENT_WAIT_LATE_NS] >= CS_WAIT_STALLED_NS / 4));
	assert_true(counters[CS_AGENT_WAIT_NS] <= CS_WAIT_STALLED_NS);
	assert_true(counters[CS_AGENT_WAIT_MAX_NS] <= CS_WAIT_ONE_NS);

	/* The reader moves: there is a new bound. */
	uint64_t before = counters[CS_AGENT_WAITS];

	atomic_fetch_add(&csa_agent.session->progress, 1);
	wait_at_full_lane(NULL);
	assert_true(counters[CS_AGENT_WAITS] > before);
	assert_true(counters[CS_AGENT_WAIT_NS] <= 2 * CS_WAIT_STALLED_NS);
	session_end();
}

/* ---- signal handlers that record ---- */

static struct csa_thread *interrupted;
static volatile uint64_t handled;

static void record_in_handler(int signal)
{
	(void)signal;
	emit_free(interrupted, 7);
	emit_free(interrupted, 8);
	handled++;
}

struct consumer {
	struct csa_thread *thread;
	struct seen seen;
	_Atomic bool stop;
};

static void *consume(void *argument)
{
	struct consumer *consumer = argument;

	while (!atomic_load(&consumer->stop))
		drain(consumer->thread, &consumer->seen);
	drain(consumer->thread, &consumer->seen);
	return NULL;
}

static void handlers_record_on_top_of_unfinished_records(void **state)
{
	/* Once: one that repeats might leave no time for anything else. */
	const struct itimerval soon = {{0, 0}, {0, 50}}, never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = record_in_handler, .sa_flags = SA_RESTART};
	struct consumer consumer = {0};
	sigset_t alarm;
	pthread_t reader;
	uint64_t count = 0, seen = UINT64_MAX;

	(void)state;
	session_begin(LANE_BYTES, 0);
	interrupted = consumer.thread = session_thread();
	handled = 0;
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, NULL);
	pthread_create(&reader, NULL, consume, &consumer);
	sigaction(SIGALRM, &action, NULL);
	pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
	while (handled < 3000) {
		/* Now and then anyway: a sanitizer that puts signals off may forget one. */
		if (seen != handled || count % 65536 == 0) {
			seen = handled;
			setitimer(ITIMER_REAL, &soon, NULL);
		}
		emit_alloc(interrupted, ++count);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	atomic_store(&consumer.stop, true);
	pthread_join(reader, NULL);
	check_sums(interrupted, &consumer.seen);
	assert_int_equal(consumer.seen.disorder, 0);
	assert_int_equal(consumer.seen.allocs + consumer.seen.frees +
	                         atomic_load(&interrupted->lane->lost),
	                 count + 2 * handled);
	session_end();
}

static void an_abandoned_record_is_skipped_and_its_successors_are_not(void **state)
{
	struct seen seen = {0};

	(void)state;
	session_begin(LANE_BYTES, 0);
	struct csa_thread *thread = session_thread();

	emit_alloc(thread, 1);
	assert_non_null(csa_emit_begin(thread, CS_RECORD_ALLOC, 32, 64));
	emit_free(thread, 2); /* nested: not published yet */
	drain(thread, &seen);
	assert_int_equal(seen.frees, 0);
	csa_lane_abandon(thread); /* the handler left by longjmp */
	emit_alloc(thread, 3);
	drain(thread, &seen);
	assert_int_equal(seen.allocs, 2);
	assert_int_equal(seen.frees, 1);
	assert_false(seen.broken);
	session_end();
}

/* A ticket that nothing comes of leaves no trace; nor does one that a handler made void. */
static void tickets_are_given_back_or_void(void **state)
{
	struct seen seen = {0};
	struct csa_ticket ticket = {0};

	(void)state;
	session_begin(LANE_BYTES, 0);
	struct csa_thread *thread = session_thread();

	emit_alloc(thread, 1);
	assert_true(csa_quick_take(thread, 32, true, &ticket));
	assert_int_not_equal(atomic_load(&thread->lane->pending), 0);
	emit_free(thread, 2); /* a handler's: behind it, and not published yet */
	drain(thread, &seen);
	assert_int_equal(seen.frees, 0);
	assert_null(csa_quick_open(thread, &ticket, 32));
	drain(thread, &seen);
	assert_int_equal(seen.frees, 1);
	assert_true(csa_quick_take(thread, 32, true, &ticket));
	csa_quick_give_back(thread);
	emit_alloc(thread, 3);
	drain(thread, &seen);
	check_sums(thread, &seen);
	assert_int_equal(seen.allocs, 2);
	assert_int_equal(seen.stamps_back, 0);
	session_end();
}

/* The loss is told before anything that finds room again. */
static void the_quick_way_is_closed_after_a_loss(void **state)
{
	struct seen seen = {0};
	struct csa_ticket ticket = {0};

	(void)state;
	session_begin(LANE_BYTES, 0);
	struct csa_thread *thread = session_thread();

	for (uint64_t i = 1; i <= 1000; i++)
		emit_alloc(thread, i);
	drain(thread, &seen);
	assert_false(csa_quick_take(thread, 32, true, &ticket));
	emit_alloc(thread, 1001);
	drain(thread, &seen);
	check_sums(thread, &seen);
	assert_int_equal(seen.lost_told, atomic_load(&thread->lane->lost));
	assert_true(csa_quick_take(thread, 32, true, &ticket));
	csa_quick_give_back(thread);
	session_end();
}

/* ---- threads ---- */

static void *short_life(void *argument)
{
	emit_alloc(session_thread(), (uintptr_t)argument);
	csa_tls.busy = 0;
	return NULL;
}

static void lanes_of_ended_threads_are_used_again(void **state)
{
	(void)state;
	session_begin(LANE_BYTES, 0);
	for (uintptr_t i = 1; i <= 300; i++) {
		pthread_t thread;

		pthread_create(&thread, NULL, short_life, (void *)i);
		pthread_join(thread, NULL);
	}
	/* The kernel has some for a moment after they were joined. */
	assert_true(atomic_load(&csa_agent.ring->lane_count) < 100);
	session_end();
}

#define BOTH_WAYS(test) \
	cmocka_unit_test_setup(test, go_slow), cmocka_unit_test_setup(test, go_quick)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH_WAYS(records_arrive_in_order_across_many_laps),
		BOTH_WAYS(a_full_lane_drops_and_counts_exactly),
		BOTH_WAYS(a_wait_without_a_reader_is_bounded),
		cmocka_unit_test_setup(threads_that_wait_together_share_the_bound, go_quick),
		BOTH_WAYS(handlers_record_on_top_of_unfinished_records),
		BOTH_WAYS(an_abandoned_record_is_skipped_and_its_successors_are_not),
		BOTH_WAYS(tickets_are_given_back_or_void),
		cmocka_unit_test_setup(the_quick_way_is_closed_after_a_loss, go_quick),
		cmocka_unit_test(lanes_of_ended_threads_are_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
