/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coroutines that are parked: their stacks, from the context that each kind of switch has
 * saved, are what they themselves saw before they were left.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "reference.h"
#include "support/unit.h"
#include "unwind/context.h"
#include "unwind/reading.h"

#define STACK_BYTES (256u << 10)
#define DEPTH 7

/* A coroutine, and what it saw: return addresses, innermost first. */
static struct coroutine {
	ucontext_t context;
	sigjmp_buf jump;
	uint8_t *stack;
	uint64_t seen[DEPTH + 2];
} parked;
static ucontext_t outside;
static volatile int sink;

static __attribute__((noinline)) void park(struct coroutine *self)
{
	self->seen[0] = (uint64_t)__builtin_return_address(0);
	if (sigsetjmp(self->jump, 0) == 0)
		swapcontext(&self->context, &outside);
	sink++;
}

/* Frames of many shapes: small, large, with saved registers, of a size known at run time. */
static __attribute__((noinline)) void deeper(struct coroutine *self, int left)
{
	volatile char room[64];
	char *more = __builtin_alloca((size_t)(left * 40 + 16));

	room[0] = more[0] = (char)left;
	self->seen[left + 1] = (uint64_t)__builtin_return_address(0);
	if (left > 0)
		deeper(self, left - 1);
	else
		park(self);
	sink += room[0] + more[0];
}

static void body(void)
{
	deeper(&parked, DEPTH);
	swapcontext(&parked.context, &outside);
}

static int begin(void **state)
{
	(void)state;
	parked.stack =
		mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	getcontext(&parked.context);
	parked.context.uc_stack.ss_sp = parked.stack;
	parked.context.uc_stack.ss_size = STACK_BYTES;
	makecontext(&parked.context, body, 0);
	swapcontext(&outside, &parked.context);
	return 0;
}

static int end(void **state)
{
	(void)state;
	munmap(parked.stack, STACK_BYTES);
	return 0;
}

static struct cs_unwinder *new_unwinder(void)
{
	const struct cs_unwinder_options options = {
		.pid = (uint32_t)getpid(),
		.open_file = reference_open_file,
	};

	return cs_unwinder_new(&options);
}

static bool decode(enum cs_context_kind kind, const void *context, struct cs_registers *registers)
{
	uint8_t bytes[CS_CONTEXT_BYTES_MAX];
	struct cs_piece piece = {.to = bytes};
	uint64_t guard = 0;

	cs_context_where(kind, (uint64_t)context, &piece.address, &piece.bytes);
	assert_in_range(piece.bytes, 8, sizeof(bytes));
	assert_int_equal(cs_context_guard((uint32_t)getpid(), &guard), 0);
	assert_int_equal(cs_reading((uint32_t)getpid(), &piece, 1), 0);
	assert_int_equal(piece.got, piece.bytes);
	return cs_context_decode(kind, (uint64_t)context, bytes, guard, registers);
}

static void check_stack(const struct cs_unwinder_frames *frames)
{
	/* park(), and with sanitizers their swapcontext(), are inside of the first noted. */
	uint32_t first = frames->count - (DEPTH + 2);

	assert_false(frames->cut);
	assert_in_range(first, 1, 2);
	for (unsigned i = 0; i < DEPTH + 2; i++)
		assert_int_equal(frames->address[first + i] + 1, parked.seen[i]);
}

static void walk(enum cs_context_kind kind, const void *context, uint32_t copied)
{
	struct cs_unwinder *unwinder = new_unwinder();
	struct cs_unwinder_frames frames;
	struct cs_registers registers;

	assert_true(decode(kind, context, &registers));
	uint64_t sp = registers.value[CS_REGISTER_RSP];
	const struct cs_unwinder_stack stack = {
		.low = (uint64_t)parked.stack,
		.high = (uint64_t)parked.stack + STACK_BYTES,
		.copy_address = sp,
		.copy_bytes = copied,
		.copy = (const void *)sp,
	};
	for (int round = 0; round < 2; round++) { /* from files, then from the table */
		cs_unwinder_walk(unwinder, &registers, false, &stack, &frames);
		check_stack(&frames);
		assert_int_equal(cs_unwinder_refresh(unwinder), 0);
	}
	cs_unwinder_free(unwinder);
}

static void a_ucontext_is_walked(void **state)
{
	(void)state;
	walk(CS_CONTEXT_UCONTEXT, &parked.context, 0);
	walk(CS_CONTEXT_UCONTEXT, &parked.context, 256);
	walk(CS_CONTEXT_UCONTEXT, &parked.context, 4096);
}

/* QEMU's: only the pointer guard makes its words addresses. */
static void a_jmp_buf_of_glibc_is_walked(void **state)
{
	(void)state;
	walk(CS_CONTEXT_JMP_BUF, &parked.jump, 1024);
}

static void words_that_are_not_mangled_are_walked(void **state)
{
	struct cs_registers registers;

	(void)state;
	assert_true(decode(CS_CONTEXT_UCONTEXT, &parked.context, &registers));
	const uint64_t plain[8] = {
		registers.value[CS_REGISTER_RBX], registers.value[CS_REGISTER_RBP],
		registers.value[CS_REGISTER_R12], registers.value[CS_REGISTER_R13],
		registers.value[CS_REGISTER_R14], registers.value[CS_REGISTER_R15],
		registers.value[CS_REGISTER_RSP], registers.value[CS_REGISTER_RIP]};
	walk(CS_CONTEXT_PLAIN_BUF, plain, 1024);
	const uint64_t gccgo[8] = {plain[1], plain[0], plain[2], plain[3],
	                           plain[4], plain[5], plain[6], plain[7]};
	walk(CS_CONTEXT_GCCGO, gccgo, 1024);
}

static void bounds_that_are_wrong_cut_the_stack(void **state)
{
	struct cs_unwinder *unwinder = new_unwinder();
	struct cs_unwinder_frames frames;
	struct cs_registers registers;

	(void)state;
	assert_true(decode(CS_CONTEXT_UCONTEXT, &parked.context, &registers));
	uint64_t sp = registers.value[CS_REGISTER_RSP];
	const struct cs_unwinder_stack stacks[] = {
		{.low = sp + 8, .high = sp + 4096}, /* does not hold the stack pointer */
		{.low = sp - 64, .high = sp},
		{.low = sp - 64, .high = UINT64_MAX},
		{.low = sp - 64, .high = sp + 64}, /* ends within */
	};
	for (unsigned i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++) {
		cs_unwinder_walk(unwinder, &registers, false, &stacks[i], &frames);
		assert_true(frames.cut);
		assert_true(frames.count < 4);
	}
	cs_unwinder_free(unwinder);
}

/* A generator of its own: the same damage on every machine. */
static uint64_t roll(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 20;
}

/* hostile: whatever lies on a stack, and in a context, the walk ends */
static void memory_that_lies_is_survived(void **state)
{
	struct cs_unwinder *unwinder = new_unwinder();
	struct cs_unwinder_frames frames;
	struct cs_registers registers;
	uint64_t seed = 1, words[512];

	(void)state;
	assert_true(decode(CS_CONTEXT_UCONTEXT, &parked.context, &registers));
	uint64_t sp = registers.value[CS_REGISTER_RSP];
	for (int round = 0; round < 3000; round++) {
		struct cs_registers start = registers;

		memcpy(words, (const void *)sp, sizeof(words));
		for (uint64_t i = roll(&seed) % 64; i-- > 0;) {
			uint64_t value = roll(&seed);
			/* Addresses of code and of this stack lead further than mere noise. */
			words[roll(&seed) % 512] = value % 3 == 0   ? sp + value % 8192
			                           : value % 3 == 1 ? parked.seen[value % DEPTH]
			                                            : value << (value % 40);
		}
		if (round % 4 == 0)
			start.value[roll(&seed) % CS_REGISTERS] = roll(&seed);
		const struct cs_unwinder_stack stack = {
			.low = round % 2 ? sp : 0,
			.high = round % 2 ? sp + sizeof(words) : 0,
			.copy_address = sp,
			.copy_bytes = sizeof(words),
			.copy = words,
		};
		cs_unwinder_walk(unwinder, &start, false, &stack, &frames);
		assert_true(frames.count <= CS_UNWINDER_FRAMES);
	}
	cs_unwinder_free(unwinder);
}

static void a_context_that_holds_nothing_is_refused(void **state)
{
	uint8_t bytes[CS_CONTEXT_BYTES_MAX] = {0};
	struct cs_registers registers;

	(void)state;
	for (int fill = 0; fill < 256; fill += 255) {
		memset(bytes, fill, sizeof(bytes));
		for (unsigned kind = 0; kind < CS_CONTEXT_KINDS + 2; kind++)
			assert_false(cs_context_decode(kind, 4096, bytes, 0, &registers));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ucontext_is_walked),
		cmocka_unit_test(a_jmp_buf_of_glibc_is_walked),
		cmocka_unit_test(words_that_are_not_mangled_are_walked),
		cmocka_unit_test(bounds_that_are_wrong_cut_the_stack),
		cmocka_unit_test(memory_that_lies_is_survived),
		cmocka_unit_test(a_context_that_holds_nothing_is_refused),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
