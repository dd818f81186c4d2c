/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks that are not the thread's own: coroutines of unknown runtimes, garbage, and systems
 * that refuse to read memory safely. Nothing here may ever fault.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "frames.h"
#include "scene.h"
#include "stack/rules.h"
#include "support/unit.h"
#include "wire/record.h"

#define PAGE 4096u

static ucontext_t back, coroutine;
static struct scene_stack seen;
static unsigned frames;
static uint64_t low_then, high_then;

__attribute__((noinline)) static void look(void *arg)
{
	struct csa_frame at;

	SCENE_CALLER(at);
	*(uint64_t *)arg = csa_stack_name(&scene.thread, &at);
}

static void body(void)
{
	uint64_t name = 0;

	frames_call(0, frames, look, &name);
	coroutine.uc_link = &back;
	scene_stack(name, &seen);
}

/* Runs body() on a stack of BYTES between two pages that can't be touched. */
static void run(size_t bytes, unsigned count)
{
	char *room = mmap(NULL, bytes + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(room, MAP_FAILED);
	mprotect(room + PAGE, bytes, PROT_READ | PROT_WRITE);
	getcontext(&coroutine);
	coroutine.uc_stack.ss_sp = room + PAGE;
	coroutine.uc_stack.ss_size = bytes;
	coroutine.uc_link = &back;
	frames = count;
	makecontext(&coroutine, body, 0);
	swapcontext(&back, &coroutine);
	munmap(room, bytes + 2 * PAGE);
}

static int start(void **state)
{
	(void)state;
	scene_start(1 << 20, 128, true);
	return 0;
}

static bool is_cut(void)
{
	return seen.pcs[seen.count - 1] < CS_PC_MARK_COUNT;
}

static void a_coroutine_ends_at_its_start(void **state)
{
	(void)state;
	run(256 << 10, 6);
	assert_in_range(seen.count, 9, 40);
	assert_false(is_cut());
	assert_int_equal(scene.counters[CS_AGENT_STACK_FOREIGN], 1);
	run(256 << 10, 6);
	assert_false(is_cut());
	assert_int_equal(scene.counters[CS_AGENT_STACK_FOREIGN], 2);
	assert_int_equal(scene.counters[CS_AGENT_STACK_CUT], 0);
}

static void unknown_bounds_are_foreign(void **state)
{
	uint64_t name = 0;

	(void)state;
	scene.thread.stack_low = scene.thread.stack_high = 0;
	for (int i = 0; i < 3; i++) {
		frames_call(0x123456, 6, look, &name);
		scene_stack(name, &seen);
		assert_false(is_cut());
	}
	assert_int_equal(scene.counters[CS_AGENT_STACK_FOREIGN], 3);
}

/* The same stack has the same name, read directly or through the kernel. */
static void both_ways_agree(void **state)
{
	uint64_t path = 1;

	(void)state;
	low_then = scene.thread.stack_low;
	high_then = scene.thread.stack_high;
	for (int i = 0; i < 500; i++, path = path * 6364136223846793005 + 1) {
		uint64_t names[2] = {0, 0};

		/* Volatile: both calls must be the same instruction. */
		for (volatile int k = 0; k < 2; k++) {
			scene.thread.stack_low = k ? 0 : low_then;
			scene.thread.stack_high = k ? 0 : high_then;
			frames_call(path, 8, look, &names[k]);
		}
		assert_int_equal(names[0], names[1]);
	}
	scene.thread.stack_low = low_then;
	scene.thread.stack_high = high_then;
}

static void too_much_to_copy_is_cut(void **state)
{
	uint64_t name = 0;

	(void)state;
	scene.thread.stack_low = scene.thread.stack_high = 0;
	frames_call(0xbbbb, 4, look, &name); /* 40 kB a frame: a window for each */
	scene_stack(name, &seen);
	assert_false(is_cut());
	frames_call(0xbbbbbbbbbbbbbbbb, 20, look, &name);
	scene_stack(name, &seen);
	assert_int_equal(seen.pcs[seen.count - 1], CS_PC_CUT_UNKNOWN);
	assert_int_equal(scene.counters[CS_AGENT_STACK_CUT], 1);
}

static void garbage_is_cut(void **state)
{
	uint64_t pc = (uint64_t)(uintptr_t)getcontext + 1;
	const struct csa_frame frames_of[] = {
		{pc, 0, 0},
		{pc, 8, 8},
		{pc, 0x7ffffffffff8, 0},
		{pc, 0xfffffffffffffff8, 0},
		{pc, 0x8000000000000000, ~0ul},
		{pc, 0x1234567, 3},
		{0x1000, 0x2000, 0x3000},
		{0xffffffffff600001, 0x2000, 0},
		{1ul << 47 | pc, 0x2000, 0},
		{pc, 0x2001, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(frames_of) / sizeof(*frames_of); i++) {
		scene_stack(csa_stack_name(&scene.thread, &frames_of[i]), &seen);
		assert_int_equal(seen.count, 2);
		assert_int_equal(seen.pcs[1], CS_PC_CUT_UNKNOWN);
		assert_int_equal(seen.pcs[0], frames_of[i].pc);
	}
}

/* Real return addresses and frame pointers, whatever a sanitizer thinks of reading them. */
__attribute__((no_sanitize("address"))) static void copy_stack(uint64_t *to, size_t count)
{
	const volatile uint64_t *base = __builtin_frame_address(0);

	for (size_t i = 0; i < count; i++)
		to[i] = base[i];
}

/* Every word of the stack and every register may be anything. */
static void random_memory_never_faults(void **state)
{
	static uint64_t copy[512];
	uint64_t random = 88172645463325252;
	uint64_t *top = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t *room = top + 512;

	(void)state;
	mprotect(room, PAGE, PROT_READ | PROT_WRITE);
	scene.full = true; /* nobody wants to hear of these */
	for (int i = 0; i < 300000; i++) {
		struct csa_frame at;

		if (i % 64 == 0)
			copy_stack(copy, 512);
		for (int k = 0; k < 8; k++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			room[random % 512] =
				random >> 60 < 4 ? random
				: random >> 60 < 9
					? (uint64_t)(room + random / 512 % 520) - (random >> 60 & 1)
					: copy[random / 1024 % 512];
		}
		at.pc = room[random / 4096 % 512] | 1;
		at.sp = (uint64_t)(room + random / 65536 % 514);
		at.bp = random & 1 ? random : (uint64_t)(room + random / 8192 % 600);
		scene.thread.stack_low = random & 2 ? 0 : (uint64_t)room;
		scene.thread.stack_high = random & 2 ? 0 : (uint64_t)room + PAGE;
		csa_stack_name(&scene.thread, &at);
	}
	munmap(top, 3 * PAGE);
}

/* Trap: a filter that refuses the call must cost the rest of the stack, not the program. */
static void a_refused_read_cuts(void **state)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = code};
	pid_t child = fork();
	int status;

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
			_exit(77);
		run(64 << 10, 3);
		_exit(seen.count == 2 && seen.pcs[1] == CS_PC_CUT_UNKNOWN ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(status == 0 || WEXITSTATUS(status) == 77);
}

/* The name of a stack with code in it that has no unwind information: CALLER's address. */
static uint64_t name_through_generated_code(uint64_t *caller)
{
	/* push %rbp; mov %rsp,%rbp; mov %rdi,%rax; mov %rsi,%rdi; call *%rax; pop %rbp; ret */
	static const uint8_t code[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x89, 0xf8,
	                               0x48, 0x89, 0xf7, 0xff, 0xd0, 0x5d, 0xc3};
	void (*jit)(void (*)(void *), void *);
	static char *room;
	uint64_t name = 0;

	if (!room)
		room = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(room, PAGE, PROT_READ | PROT_WRITE);
	memcpy(room, code, sizeof(code));
	mprotect(room, PAGE, PROT_READ | PROT_EXEC);
	*(void **)&jit = room;
	jit(look, &name);
	*caller = (uint64_t)room + 12;
	return name;
}

/* Generated code has no unwind information: its frame pointer is believed, and marked. */
static void a_guess_is_marked(void **state)
{
	uint64_t caller, names[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		names[i] = name_through_generated_code(&caller);
		scene_stack(names[i], &seen);
		assert_int_equal(seen.pcs[0], caller);
		assert_int_equal(seen.pcs[1], CS_PC_GUESSED);
		assert_true(seen.count > 4 && !is_cut());
	}
	assert_int_equal(names[0], names[1]);
}

/* The module that a guess leads into may be the one that goes. */
static void nothing_is_guessed_while_modules_go(void **state)
{
	uint64_t caller;

	(void)state;
	csa_stack_unloading(true);
	csa_stack_unloading(true);
	csa_stack_unloading(false);
	scene_stack(name_through_generated_code(&caller), &seen);
	assert_int_equal(seen.pcs[0], caller);
	assert_int_equal(seen.pcs[1], CS_PC_CUT_UNKNOWN);
	csa_stack_unloading(false);
	scene_stack(name_through_generated_code(&caller), &seen);
	assert_int_equal(seen.pcs[1], CS_PC_GUESSED);
}

/* rbp looks like a frame pointer, but what it leads to is no code. */
static void a_bad_guess_is_cut(void **state)
{
	uint64_t memory[8] = {0, 0, (uint64_t)&memory[4], (uint64_t)&scene, 0, 0, 0, 0};
	struct csa_frame at = {0x4000, (uint64_t)memory, (uint64_t)&memory[2]};

	(void)state;
	for (int i = 0; i < 2; i++) {
		scene_stack(csa_stack_name(&scene.thread, &at), &seen);
		assert_int_equal(seen.count, 2);
		assert_int_equal(seen.pcs[1], CS_PC_CUT_UNKNOWN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_coroutine_ends_at_its_start, start),
		cmocka_unit_test_setup(unknown_bounds_are_foreign, start),
		cmocka_unit_test_setup(both_ways_agree, start),
		cmocka_unit_test_setup(too_much_to_copy_is_cut, start),
		cmocka_unit_test_setup(garbage_is_cut, start),
		cmocka_unit_test_setup(random_memory_never_faults, start),
		cmocka_unit_test_setup(a_refused_read_cuts, start),
		cmocka_unit_test_setup(a_guess_is_marked, start),
		cmocka_unit_test_setup(nothing_is_guessed_while_modules_go, start),
		cmocka_unit_test_setup(a_bad_guess_is_cut, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
