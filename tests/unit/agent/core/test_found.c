/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks that nobody has told of: which coroutine they are taken for, where its bounds are, and
 * what becomes of those beside it.
 */
#include "coroutine/found.h"

#include <string.h>
#include <sys/mman.h>

#include "coroutine/board.h"
#include "coroutine/core.h"
#include "coroutine/map.h"
#include "coroutine/region.h"
#include "session.h"
#include "stack/modules.h"
#include "support/unit.h"

#define PIECE UINT64_C(65536)
#define KIB UINT64_C(1024)

static struct csa_thread *thread;
static uint64_t pool; /* address space of its own */

static int begin(void **state)
{
	(void)state;
	session_begin(1 << 20, CS_SESSION_SCHED);
	thread = session_thread();
	assert_non_null(thread);
	assert_true(csa_board_ready());
	pool = (uint64_t)mmap(NULL, 64 * PIECE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pool = (pool + PIECE - 1) & ~(PIECE - 1);
	return 0;
}

static int end(void **state)
{
	(void)state;
	csa_tls.busy = 0;
	session_end();
	return 0;
}

static void clear(void **state)
{
	struct cs_slot *slot;
	uint64_t cursor = 0;

	(void)state;
	while ((slot = csa_map_next_within(&csa_slot_map, pool, pool + 60 * PIECE, &cursor)))
		csa_core_finish(thread, slot, CS_CORO_END_STACK_FREED);
	csa_here = NULL;
}

static int forget(void **state)
{
	clear(state);
	return 0;
}

static struct cs_slot *born(uint64_t low, uint64_t bytes)
{
	const struct csa_birth birth = {.runtime = "ucontext", .low = low, .high = low + bytes};
	struct cs_slot *slot = csa_coro_new(thread, &birth);

	assert_non_null(slot);
	return slot;
}

static void expect(const struct cs_slot *slot, uint64_t low, uint64_t high, unsigned flags)
{
	assert_non_null(slot);
	assert_int_equal(slot->stack_low, low);
	assert_int_equal(slot->stack_high, high);
	assert_int_equal(slot->flags, flags);
	assert_int_equal(slot->runtime, csa_slots_text("stack"));
}

static void a_block_that_is_followed_is_the_stack(void **state)
{
	uint64_t low = pool + 4 * KIB;

	(void)state;
	assert_int_equal(mprotect((void *)pool, 8 * PIECE, PROT_READ | PROT_WRITE), 0);
	csa_region_add(low, 96 * KIB, 77, 4242);
	expect(csa_found(thread, low + 80 * KIB), low, low + 96 * KIB, CS_SLOT_FOUND);
	assert_int_equal(csa_coro_of(low + 5)->spawn, 77);
	csa_region_end(csa_region_find_low(low));
}

/* As most that make stacks map them: who uses all of the rest has used all of the stack. */
static void a_guard_page_is_no_part_of_the_stack(void **state)
{
	uint64_t low = pool + 50 * PIECE;

	(void)state;
	csa_region_add(low, 36 * KIB, 77, 4242);
	assert_int_equal(mprotect((void *)low, 36 * KIB, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(mprotect((void *)low, 4 * KIB, PROT_NONE), 0);
	expect(csa_found(thread, low + 30 * KIB), low + 4 * KIB, low + 36 * KIB, CS_SLOT_FOUND);
	csa_region_end(csa_region_find_low(low));
}

/* Stacks of one mapping, with guard pages between them. */
static void a_stack_ends_where_memory_can_not_be_read(void **state)
{
	uint64_t low = pool + 20 * PIECE, bytes = 8 * PIECE;

	(void)state;
	csa_region_add(low, bytes, 77, 4242);
	assert_int_equal(mprotect((void *)low, bytes, PROT_READ | PROT_WRITE), 0);
	for (uint64_t at = low; at < low + bytes; at += PIECE)
		assert_int_equal(mprotect((void *)at, 4 * KIB, PROT_NONE), 0);
	for (uint64_t at = low + bytes - PIECE; at >= low; at -= PIECE)
		expect(csa_found(thread, at + 50 * KIB), at + 4 * KIB, at + PIECE, CS_SLOT_FOUND);
	/* What can't be read is nobody's stack; it is told apart all the same. */
	expect(csa_found(thread, low + 2 * PIECE + 100), low + 2 * PIECE, low + 2 * PIECE + 4 * KIB,
	       CS_SLOT_FOUND | CS_SLOT_GUESSED);
	csa_region_end(csa_region_find_low(low));
}

static void else_it_is_the_memory_around(void **state)
{
	(void)state;
	expect(csa_found(thread, pool + 3 * PIECE + 100), pool + 3 * PIECE, pool + 4 * PIECE,
	       CS_SLOT_FOUND | CS_SLOT_GUESSED);
}

/* Small stacks of a large pool, two in each piece, with guard pages between them. */
static void a_piece_ends_where_memory_can_not_be_read(void **state)
{
	uint64_t low = pool + 40 * PIECE, bytes = 4 * PIECE;

	(void)state;
	assert_int_equal(mprotect((void *)low, bytes, PROT_READ | PROT_WRITE), 0);
	for (uint64_t at = low; at < low + bytes; at += 32 * KIB)
		assert_int_equal(mprotect((void *)at, 4 * KIB, PROT_NONE), 0);
	for (uint64_t at = low; at < low + bytes; at += 32 * KIB)
		expect(csa_found(thread, at + 30 * KIB), at + 4 * KIB, at + 32 * KIB,
		       CS_SLOT_FOUND | CS_SLOT_GUESSED);
	assert_ptr_not_equal(csa_coro_of(low + 30 * KIB), csa_coro_of(low + 60 * KIB));
}

/* Whose stacks are known: they were ended when their neighbour was met. */
static void the_memory_around_does_not_reach_into_others(void **state)
{
	uint64_t piece = pool + 5 * PIECE;
	const struct cs_slot *others[] = {born(piece - 8 * KIB, 12 * KIB),
	                                  born(piece + 4 * KIB, KIB),
	                                  born(piece + 9 * KIB, 7 * KIB),
	                                  born(piece + 60 * KIB, 8 * KIB)};
	uint64_t numbers[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		numbers[i] = others[i]->number;
	expect(csa_found(thread, piece + 8 * KIB + 8), piece + 5 * KIB, piece + 60 * KIB,
	       CS_SLOT_FOUND | CS_SLOT_GUESSED);
	for (int i = 0; i < 4; i++)
		assert_int_equal(others[i]->number, numbers[i]);
}

/* A child by vfork, on a stack of its own, with its parent's thread-locals. */
static void who_borrows_the_memory_is_no_coroutine(void **state)
{
	uint32_t tid = thread->tid;

	(void)state;
	thread->tid = tid + 1;
	assert_null(csa_found(thread, pool + 8 * PIECE));
	thread->tid = tid;
	assert_non_null(csa_found(thread, pool + 8 * PIECE));
}

/* Another thread unmaps its memory, or makes another one there. */
static void who_was_declared_dead_is_somebody_new(void **state)
{
	uint64_t sp = pool + 10 * PIECE + 40000, number = csa_coro_now(thread, sp);
	struct cs_slot *slot = csa_here;

	(void)state;
	assert_true(number != 0);
	assert_int_equal(csa_coro_now(thread, sp), number);
	csa_here = NULL;
	csa_core_finish(thread, slot, CS_CORO_END_STACK_FREED);
	csa_here = slot;
	assert_true(csa_coro_now(thread, sp) > number);
	/* The same, and its slot has been given to one without a stack, that runs elsewhere. */
	number = csa_coro_now(thread, sp);
	slot = csa_here;
	csa_here = NULL;
	csa_core_finish(thread, slot, CS_CORO_END_STACK_FREED);
	assert_ptr_equal(csa_coro_new(thread, &(struct csa_birth){.runtime = "annotated"}), slot);
	slot->tid = thread->tid + 1;
	csa_here = slot;
	assert_true(csa_coro_now(thread, sp) > number + 1);
	assert_true(csa_here->tid == thread->tid && slot->tid != thread->tid);
	csa_core_finish(thread, slot, CS_CORO_END_FINISHED);
}

static void one_function(void)
{
	__asm__ volatile("nop; nop; nop; nop; nop; nop; nop; nop");
}

static void another_function(void)
{
	__asm__ volatile("nop; nop; nop; nop; nop; nop; nop; nop");
}

/* Stacks that are copied in and out end in one function now and in another one then. */
static void a_stack_with_two_ends_is_shared(void **state)
{
	uint64_t one = (uint64_t)one_function, another = (uint64_t)another_function;

	(void)state;
	assert_true(csa_modules_function(one + 6) == one); /* or the test tests nothing */
	csa_here = csa_found(thread, pool + 12 * PIECE);
	csa_coro_ends_in(one + 6);
	assert_int_equal(csa_here->entry, one);
	assert_false(csa_coro_ends_elsewhere(one + 6));
	csa_coro_ends_in(one + 7); /* after another call of it */
	assert_int_equal(csa_here->flags & CS_SLOT_SHARED_STACK, 0);
	assert_false(csa_coro_ends_elsewhere(one + 7));
	assert_true(csa_coro_ends_elsewhere(another + 6));
	csa_coro_ends_in(another + 6);
	assert_int_equal(csa_here->flags & CS_SLOT_SHARED_STACK, CS_SLOT_SHARED_STACK);
	assert_int_equal(csa_here->entry, one);
	assert_false(csa_coro_ends_elsewhere(one + 6));
	csa_coro_ends_in(pool); /* in no function at all */
	csa_here = NULL;
	csa_coro_ends_in(one + 6);
}

#define TEST(name) cmocka_unit_test_teardown(name, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_block_that_is_followed_is_the_stack),
		TEST(a_guard_page_is_no_part_of_the_stack),
		TEST(a_stack_ends_where_memory_can_not_be_read),
		TEST(else_it_is_the_memory_around),
		TEST(a_piece_ends_where_memory_can_not_be_read),
		TEST(the_memory_around_does_not_reach_into_others),
		TEST(who_borrows_the_memory_is_no_coroutine),
		TEST(who_was_declared_dead_is_somebody_new),
		TEST(a_stack_with_two_ends_is_shared),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
