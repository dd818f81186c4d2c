/* SPDX-License-Identifier: Apache-2.0 */
/* What is in memory of a stack, and where a thread is that waits. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "source/proc.h"
#include "source/stackmem.h"
#include "support/unit.h"

#define PAGE 4096u
#define PAGES 8u

/* To read a page brings it into memory, as the kernel's page of zeroes. */
static void pages_that_were_only_read_are_not_used(void **state)
{
	uint8_t *memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
	                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct cs_stackmem stacks[2];

	(void)state;
	assert_true(memory != MAP_FAILED);
	assert_int_equal(madvise(memory, PAGES * PAGE, MADV_NOHUGEPAGE), 0);
	memory[7 * PAGE] = memory[6 * PAGE] = 1;
	assert_int_equal(*(volatile uint8_t *)&memory[2 * PAGE], 0);
	for (int i = 0; i < 2; i++)
		stacks[i] = (struct cs_stackmem){.low = (uint64_t)memory,
		                                 .high = (uint64_t)memory + PAGES * PAGE,
		                                 .id = (uint32_t)i,
		                                 .probed = i == 1};
	assert_int_equal(cs_stackmem_read((uint32_t)getpid(), stacks, 2), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stacks[i].resident, (stacks[i].id ? 2 : 3) * PAGE);
		assert_int_equal(stacks[i].peak, (stacks[i].id ? 2 : 6) * PAGE);
	}
	munmap(memory, PAGES * PAGE);
}

/* A child of fork has the stack that we have. */
static void a_thread_that_waits_is_where_its_stack_pointer_is(void **state)
{
	const struct timespec nap = {.tv_nsec = 1000000};
	uint64_t here = (uint64_t)__builtin_frame_address(0), sp = 0;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (!child)
		for (;;)
			pause();
	for (int i = 0; i < 20000 && !sp; i++) {
		sp = cs_proc_thread_sp((uint32_t)child, (uint32_t)child);
		nanosleep(&nap, NULL);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_in_range(sp, here - 65536, here + 65536);
	assert_int_equal(cs_proc_thread_sp((uint32_t)getpid(), (uint32_t)child), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_that_were_only_read_are_not_used),
		cmocka_unit_test(a_thread_that_waits_is_where_its_stack_pointer_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
