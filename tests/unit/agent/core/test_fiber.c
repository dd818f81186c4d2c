/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a fiber of Boost waits for, told by the queues behind the lock that it gives up: wherever
 * on their pages these lie, and where less than what is looked at is the program's memory.
 */
#include "coroutine/fiber.h"

#include <sys/mman.h>

#include "coroutine/board.h"
#include "coroutine/core.h"
#include "coroutine/found.h"
#include "session.h"
#include "support/unit.h"

#define PAGE UINT64_C(4096)

static uint64_t context[12];
static uint64_t low, high; /* what can be read: two pages, and none beside them */
static struct cs_slot *fiber;

static int begin(void **state)
{
	const struct csa_birth birth = {.runtime = "boost-context"};

	(void)state;
	session_begin(1 << 20, CS_SESSION_SCHED);
	struct csa_thread *thread = session_thread();

	assert_non_null(thread);
	assert_true(csa_board_ready());
	fiber = csa_coro_new(thread, &birth);
	assert_non_null(fiber);
	low = (uint64_t)mmap(NULL, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + PAGE;
	high = low + 2 * PAGE;
	return mprotect((void *)low, 2 * PAGE, PROT_READ | PROT_WRITE);
}

static int end(void **state)
{
	(void)state;
	csa_here = NULL;
	csa_tls.busy = 0;
	session_end();
	return munmap((void *)(low - PAGE), 4 * PAGE);
}

/* A word, as far as there is memory for it. */
static void put(uint64_t at, uint64_t word)
{
	if (at >= low && at < high)
		*(uint64_t *)at = word;
}

static void put_empty_queue(uint64_t at)
{
	put(at, at);
	put(at + 8, at);
}

static void expect(uint64_t spinlock, const char *reason)
{
	const struct csa_fiber_lock lock = {(const uint64_t *)spinlock, true};

	csa_here = fiber;
	csa_fiber_suspends(1, context, &lock);
	assert_int_equal(fiber->reason, csa_slots_text(reason));
}

/* The lock, the queue that the fiber is in, and an empty one: it waits in a channel. */
static void a_channel_is_one_on_every_place_of_a_page(void **state)
{
	(void)state;
	for (uint64_t at = low; at + 40 <= high; at += 8) {
		put(at + 8, (uint64_t)&context[0]);
		put(at + 16, (uint64_t)&context[2]);
		put_empty_queue(at + 24);
		expect(at, "channel");
	}
}

/* One queue, and behind it something else: a condition; also where nothing can be read behind. */
static void a_condition_has_one_queue(void **state)
{
	(void)state;
	for (uint64_t at = low; at + 24 <= high; at += 8) {
		put(at - 16, 1);
		put(at + 8, (uint64_t)&context[0]);
		put(at + 16, (uint64_t)&context[2]);
		put(at + 24, 1);
		put(at + 32, 2);
		expect(at, "condition");
	}
}

/* The program's memory ends behind the lock, or within what would be a queue. */
static void nothing_is_read_where_nothing_is(void **state)
{
	(void)state;
	for (uint64_t at = low; at < high; at += 8)
		put(at, at);
	expect(high - 8, "suspended");
	expect(high - 16, "suspended");
	expect(low, "suspended");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_channel_is_one_on_every_place_of_a_page),
		cmocka_unit_test(a_condition_has_one_queue),
		cmocka_unit_test(nothing_is_read_where_nothing_is),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
