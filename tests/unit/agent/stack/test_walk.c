/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks as csa_stack_name() sees them against libunwind's, frame by frame. All is bound from the
 * start: the loader's trampoline, which keeps its CFA in rbx, ends our stacks and not libunwind's.
 * cs-link: -lunwind -Wl,-z,now
 */
#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include <alloca.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "frames.h"
#include "scene.h"
#include "support/unit.h"
#include "wire/record.h"

#define DEPTH 200

static uint64_t compared;

static size_t by_libunwind(uint64_t *pcs, size_t max, uint64_t from)
{
	unw_context_t context;
	unw_cursor_t cursor;
	unw_word_t pc;
	size_t count = 0;
	bool inside = false;

	unw_getcontext(&context);
	unw_init_local(&cursor, &context);
	do {
		unw_get_reg(&cursor, UNW_REG_IP, &pc);
		inside |= pc == from;
		/* Ours says of an interrupted instruction what it says of return addresses. */
		if (inside && count < max && pc)
			pcs[count] = pc + (count > 0 && unw_is_signal_frame(&cursor) > 0), count++;
	} while (unw_step(&cursor) > 0);
	return count;
}

static void compare(const struct csa_frame *at)
{
	uint64_t theirs[SCENE_FRAMES];
	struct scene_stack ours;
	size_t count = by_libunwind(theirs, SCENE_FRAMES, at->pc);

	scene_stack(csa_stack_name(&scene.thread, at), &ours);
	compared++;
	for (size_t i = 0; i < ours.count && i < count; i++) {
		if (ours.pcs[i] == theirs[i])
			continue;
		for (size_t k = 0; k < ours.count || k < count; k++)
			print_message("%3zu %16lx %16lx\n", k, k < ours.count ? ours.pcs[k] : 0,
			              k < count ? theirs[k] : 0);
		fail_msg("frame %zu of %zu differs", i, count);
	}
	/* libunwind may go one frame beyond the end. */
	assert_true(ours.count == count || ours.count + 1 == count);
	assert_true(ours.count > 2);
}

__attribute__((noinline)) static void leaf(void *arg)
{
	struct csa_frame at;

	(void)arg;
	SCENE_CALLER(at);
	compare(&at);
}

static int start(void **state)
{
	(void)state;
	scene_start(1 << 20, DEPTH, true);
	return 0;
}

static int start_without_find_object(void **state)
{
	(void)state;
	scene_start(1 << 20, DEPTH, false);
	return 0;
}

static void each_shape_unwinds(void **state)
{
	(void)state;
	for (uint64_t shape = 0; shape < FRAMES_SHAPES; shape++) {
		frames_call(shape, 1, leaf, NULL);
		frames_call(shape * 0x1111111111111111, 5, leaf, NULL);
	}
	assert_int_equal(scene.counters[CS_AGENT_STACK_CUT], 0);
	assert_int_equal(scene.counters[CS_AGENT_STACK_FOREIGN], 0);
}

static void shapes_in_any_order_unwind(void **state)
{
	uint64_t random = 88172645463325252;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		frames_call(random, 1 + random % 16, leaf, NULL);
	}
	assert_int_equal(scene.counters[CS_AGENT_STACK_CUT], 0);
}

static void *in_thread(void *arg)
{
	(void)arg;
	scene_own_bounds(&scene.thread.stack_low, &scene.thread.stack_high);
	for (uint64_t path = 0; path < 600; path++)
		frames_call(path * 0x123456789, 12, leaf, NULL);
	return NULL;
}

static void a_thread_ends_at_clone(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, in_thread, NULL), 0);
	pthread_join(thread, NULL);
	assert_int_equal(scene.counters[CS_AGENT_STACK_CUT], 0);
}

static volatile sig_atomic_t handled;

static void on_signal(int number)
{
	(void)number;
	frames_call(0x354, 3, leaf, NULL);
	handled++;
}

static void raise_it(void *arg)
{
	raise(*(int *)arg);
}

static void handlers_lead_to_what_they_interrupt(void **state)
{
	int number = SIGUSR1;

	(void)state;
	signal(SIGUSR1, on_signal);
	handled = 0;
	for (uint64_t path = 0; path < 200; path++)
		frames_call(path * 0x1234567, 5, raise_it, &number);
	assert_int_equal(handled, 200);
	assert_int_equal(scene.counters[CS_AGENT_STACK_CUT], 0);
}

static void handlers_on_an_alternate_stack_do_too(void **state)
{
	static char room[65536];
	stack_t alternate = {.ss_sp = room, .ss_size = sizeof(room)};
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
	int number = SIGUSR2;

	(void)state;
	assert_int_equal(sigaltstack(&alternate, NULL), 0);
	sigaction(SIGUSR2, &action, NULL);
	handled = 0;
	for (uint64_t path = 0; path < 200; path++)
		frames_call(path * 0x1234567, 5, raise_it, &number);
	/* What was interrupted is on the thread's own stack, and known from there on. */
	assert_true(scene.thread.walk.reusable > 8);
	alternate.ss_flags = SS_DISABLE;
	sigaltstack(&alternate, NULL);
	assert_int_equal(handled, 200);
	assert_int_equal(scene.counters[CS_AGENT_STACK_FOREIGN], 200);
	assert_int_equal(scene.counters[CS_AGENT_STACK_CUT], 0);
}

/* A timer stops the program at any instruction: prologues, epilogues, PLT stubs, libc. */
static void at_any_instruction(void **state)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	timer_t timer;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
	/* Once: where a handler takes longer, one that repeats would leave no time for anything else. */
	const struct itimerspec soon = {.it_value.tv_nsec = 200000};
	sig_atomic_t seen = -1;
	int numbers[64];

	(void)state;
	sigaction(SIGRTMIN, &action, NULL);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	handled = 0;
	for (uint64_t i = 0; handled < 2000; i++) {
		char text[32];

		/* Now and then anyway: a sanitizer that puts signals off may forget one. */
		if (seen != handled || i % 65536 == 0) {
			seen = handled;
			timer_settime(timer, 0, &soon, NULL);
		}
		for (int k = 0; k < 64; k++)
			numbers[k] = (int)(i * 7919 % (uint64_t)(k + 3));
		text[0] = (char)numbers[i % 64];
		memmove(text + 1, text, strnlen(text, 20));
		numbers[3] = (int)strtol("12345", NULL, 10) ^ rand();
	}
	timer_delete(timer);
}

static unsigned depth_seen;

__attribute__((noinline)) static void deep_leaf(void *arg)
{
	struct csa_frame at;
	struct scene_stack ours;
	uint64_t theirs[SCENE_FRAMES];

	(void)arg;
	SCENE_CALLER(at);
	scene_stack(csa_stack_name(&scene.thread, &at), &ours);
	depth_seen = (unsigned)ours.count;
	assert_true(by_libunwind(theirs, SCENE_FRAMES, at.pc) >= ours.count - 1);
	for (size_t i = 0; i + 1 < ours.count; i++)
		assert_int_equal(ours.pcs[i], theirs[i]);
	if (ours.count > 20)
		assert_int_equal(ours.pcs[ours.count - 1], CS_PC_CUT_DEPTH);
	else
		assert_true(ours.pcs[ours.count - 1] >= CS_PC_MARK_COUNT);
}

static void too_deep_is_marked(void **state)
{
	(void)state;
	scene_start(1 << 20, 20, true);
	for (unsigned deep = 0; deep < 16; deep++)
		frames_call(0, deep, deep_leaf, NULL);
	assert_int_equal(depth_seen, 21);
	for (unsigned deep = 16; deep-- > 0;)
		frames_call(0, deep, deep_leaf, NULL);
	assert_true(scene.counters[CS_AGENT_STACK_CUT] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_shape_unwinds, start),
		cmocka_unit_test_setup(each_shape_unwinds, start_without_find_object),
		cmocka_unit_test_setup(shapes_in_any_order_unwind, start),
		cmocka_unit_test_setup(a_thread_ends_at_clone, start),
		cmocka_unit_test_setup(handlers_lead_to_what_they_interrupt, start),
		cmocka_unit_test_setup(handlers_on_an_alternate_stack_do_too, start),
		cmocka_unit_test_setup(at_any_instruction, start),
		cmocka_unit_test(too_deep_is_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
