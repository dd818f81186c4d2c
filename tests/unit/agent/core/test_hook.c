/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is at work: hooks that signal handlers interrupt, hooks that handlers left by longjmp,
 * and what is recorded of either. The entry points are not here, what is behind them is.
 */
#include <setjmp.h>
#include <string.h>

#include "core/emit.h"
#include "core/lane.h"
#include "heap/hook.h"
#include "heap/sampler.h"
#include "session.h"
#include "support/unit.h"

#define LANE_BYTES 65536u
#define BLOCK ((void *)0x123450)

#define SP() ((uintptr_t)__builtin_frame_address(0))

static uint64_t counter(enum cs_agent_counter which)
{
	return atomic_load(&csa_agent.ring->counters[which]);
}

/* The records of KIND of BLOCK that are published; STACK: that of the last one. */
static unsigned published(const struct csa_thread *thread, enum cs_record_kind kind,
                          uint64_t *stack)
{
	uint64_t head = atomic_load(&thread->lane->head);
	unsigned count = 0;

	for (uint64_t at = 0; at < head;) {
		const struct cs_record_alloc *record = (const void *)(thread->data + at);

		if (record->head.kind == kind && record->address == (uintptr_t)BLOCK) {
			count++;
			if (stack)
				*stack = record->stack;
		}
		at += record->head.bytes;
	}
	return count;
}

__attribute__((noinline)) static void record_here(void)
{
	struct csa_frame at = CSA_CALLER();

	csa_record_alloc(BLOCK, 100, &at);
}

/* ---- hooks that were left ---- */

static jmp_buf back;

/* As far as a hook comes that a handler interrupts, in the midst of a record, for good. */
__attribute__((noinline)) static void left_by_longjmp(void)
{
	struct csa_work work = csa_work_begin(SP());

	assert_false(work.nested);
	work.thread->own_stack_busy = 1;
	assert_non_null(csa_emit_begin(work.thread, CS_RECORD_ALLOC, 32, 64));
	longjmp(back, 1);
}

static void a_hook_that_was_left_is_recognised_further_out(void **state)
{
	uint64_t stack = 0;

	(void)state;
	session_begin_heap(LANE_BYTES, 0, CS_HEAP_ALL);
	if (setjmp(back) == 0)
		left_by_longjmp();
	assert_int_not_equal(csa_tls.busy, 0);
	record_here();
	assert_int_equal(counter(CS_AGENT_GUARD_RESET), 1);
	assert_int_equal(csa_tls.busy, 0);
	assert_int_equal(csa_tls.thread->depth, 0);
	assert_int_equal(csa_tls.thread->own_stack_busy, 0);
	assert_int_equal(published(csa_tls.thread, CS_RECORD_ALLOC, &stack), 1);
	assert_int_not_equal(stack, 0);
	session_end();
}

static void a_hook_on_top_of_another_walks_no_stack(void **state)
{
	uint64_t stack = 1;

	(void)state;
	session_begin_heap(LANE_BYTES, 0, CS_HEAP_ALL);
	struct csa_work outer = csa_work_begin(SP());

	assert_false(outer.nested);
	record_here();
	assert_int_equal(csa_tls.busy, SP());
	csa_work_end(&outer);
	assert_int_equal(counter(CS_AGENT_STACK_NONE), 1);
	assert_int_equal(counter(CS_AGENT_GUARD_RESET), 0);
	assert_int_equal(published(csa_tls.thread, CS_RECORD_ALLOC, &stack), 1);
	assert_int_equal(stack, 0);
	session_end();
}

/* Above a hook on the thread's stack; or the hook is on a coroutine's, the handler anywhere. */
static void a_handler_on_another_stack_is_no_proof(void **state)
{
	(void)state;
	session_begin_heap(LANE_BYTES, 0, CS_HEAP_ALL);
	const struct csa_thread *thread = session_thread();

	assert_true(csa_work_begin(thread->stack_high + 4096).nested);
	csa_tls.busy = thread->stack_high + 8192;
	assert_true(csa_work_begin(thread->stack_high + 16384).nested);
	csa_tls.busy = thread->stack_low - (UINT64_C(1) << 30);
	assert_true(csa_work_begin(SP()).nested);
	csa_tls.busy = 0;
	assert_int_equal(counter(CS_AGENT_GUARD_RESET), 0);
	session_end();
}

/* Where stacks tell nothing, so many calls in a row do: no handler makes them. */
static void nobody_is_busy_for_ever(void **state)
{
	uint32_t nested = 0;

	(void)state;
	session_begin_heap(LANE_BYTES, 0, CS_HEAP_ALL);
	csa_tls.busy = session_thread()->stack_low - (UINT64_C(1) << 30);
	while (nested < 1000000) {
		struct csa_work work = csa_work_begin(SP());

		csa_work_end(&work);
		if (!work.nested)
			break;
		nested++;
	}
	assert_in_range(nested, 1000, 200000);
	assert_int_equal(counter(CS_AGENT_GUARD_RESET), 1);
	session_end();
}

/* ---- samples ---- */

/* It need not even be known: it may have been there before we came. */
static void a_block_that_was_not_sampled_goes_untold(void **state)
{
	struct csa_frame at = {.pc = 1, .sp = SP()};

	(void)state;
	session_begin_heap(LANE_BYTES, 0, 1 << 20);
	assert_false(csa_record_free(BLOCK, CS_RECORD_FREE));
	csa_record_alloc_slow(BLOCK, 100, &at, false);
	assert_true(csa_record_free(BLOCK, CS_RECORD_FREE));
	assert_false(csa_record_free(BLOCK, CS_RECORD_FREE));
	assert_int_equal(published(csa_tls.thread, CS_RECORD_ALLOC, NULL), 1);
	assert_int_equal(published(csa_tls.thread, CS_RECORD_FREE, NULL), 1);
	session_end();
}

static void a_sample_that_finds_no_place_is_no_leak(void **state)
{
	struct csa_frame at = {.pc = 1, .sp = SP()};
	bool full = false;

	(void)state;
	session_begin_heap(LANE_BYTES, 0, 1 << 20);
	for (uintptr_t i = 1; i <= 1000000 && !full; i++)
		full = !csa_live_add((void *)((uintptr_t)BLOCK + (i << 32)));
	assert_true(full);
	while (csa_live_add(BLOCK)) /* its own lines may have room as yet */
		;
	csa_record_alloc_slow(BLOCK, 100, &at, false);
	assert_int_equal(published(csa_tls.thread, CS_RECORD_ALLOC, NULL), 1);
	assert_int_equal(published(csa_tls.thread, CS_RECORD_FREE, NULL), 1);
	assert_int_equal(counter(CS_AGENT_LIVE_FULL), 1);
	assert_int_equal(counter(CS_AGENT_SAMPLES), 1);
	session_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hook_that_was_left_is_recognised_further_out),
		cmocka_unit_test(a_hook_on_top_of_another_walks_no_stack),
		cmocka_unit_test(a_handler_on_another_stack_is_no_proof),
		cmocka_unit_test(nobody_is_busy_for_ever),
		cmocka_unit_test(a_block_that_was_not_sampled_goes_untold),
		cmocka_unit_test(a_sample_that_finds_no_place_is_no_leak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
