/* SPDX-License-Identifier: Apache-2.0 */
/* cs-link: -ldw */
/*
 * Our unwinder against elfutils' own, on real programs, interrupted at any instruction.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "reference.h"
#include "support/unit.h"

#define STOPS 150

struct counts {
	unsigned stacks, same, prefixes, frames;
};

/* Off, the stack lies at the very end of what a program may use; as under a debugger. */
static bool randomise = true;

static pid_t start(const char *const *command)
{
	int executed[2];
	char byte;

	assert_int_equal(pipe2(executed, O_CLOEXEC), 0);
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* however this test ends */
		if (!randomise)
			personality(ADDR_NO_RANDOMIZE);
		int null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execv(command[0], (char **)(uintptr_t)command);
		_exit(127);
	}
	close(executed[1]);
	assert_int_equal(read(executed[0], &byte, 1), 0); /* closed by exec */
	close(executed[0]);
	return pid;
}

static void nap(long us)
{
	struct timespec time = {.tv_nsec = us * 1000};

	nanosleep(&time, NULL);
}

/* The CPU time that it has used, in ticks of the kernel's clock (mostly of 10 ms). */
static unsigned long ticks_of(pid_t pid)
{
	char path[64], line[1024] = "";
	unsigned long user = 0, kernel = 0;
	const char *at;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (file && fgets(line, sizeof(line), file) && (at = strrchr(line, ')')))
		sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
		       &kernel);
	if (file)
		fclose(file);
	return user + kernel;
}

/*
 * Until its libraries are there: what is asked before that is remembered for ever. It is at work
 * when it has used more time than any start does.
 */
static void wait_until_loaded(pid_t pid)
{
	for (int tries = 0; tries < 6000 && ticks_of(pid) < 40; tries++)
		nap(10000);
}

static void take_registers(pid_t pid, struct cs_registers *registers)
{
	struct user_regs_struct user;

	assert_int_equal(ptrace(PTRACE_GETREGS, pid, NULL, &user), 0);
	const uint64_t values[CS_REGISTERS] = {user.rax, user.rdx, user.rcx, user.rbx, user.rsi,
	                                       user.rdi, user.rbp, user.rsp, user.r8,  user.r9,
	                                       user.r10, user.r11, user.r12, user.r13, user.r14,
	                                       user.r15, user.rip};
	memcpy(registers->value, values, sizeof(values));
	registers->known = (1u << CS_REGISTERS) - 1;
}

static void show(const char *whose, const struct cs_unwinder_frames *frames)
{
	print_message("%s:%s", whose, frames->cut ? " (cut)" : "");
	for (uint32_t i = 0; i < frames->count; i++)
		print_message(" %lx", (unsigned long)frames->address[i]);
	print_message("\n");
}

static void compare(pid_t pid, struct cs_unwinder *unwinder, struct reference *reference,
                    struct counts *counts)
{
	struct cs_unwinder_frames ours, theirs;
	const struct cs_unwinder_stack nothing_known = {0};
	struct cs_registers registers;

	take_registers(pid, &registers);
	assert_int_equal(cs_unwinder_refresh(unwinder), 0);
	reference_refresh(reference);
	cs_unwinder_walk(unwinder, &registers, true, &nothing_known, &ours);
	reference_walk(reference, &registers, true, &theirs);
	counts->stacks++;
	counts->frames += ours.count;
	if (ours.count == theirs.count && !memcmp(ours.address, theirs.address, ours.count * 8)) {
		counts->same++;
		return;
	}
	show("ours", &ours);
	show("theirs", &theirs);
}

static struct counts compare_with(const char *const *command)
{
	struct cs_unwinder_options options = {.open_file = reference_open_file};
	struct counts counts = {0};
	pid_t pid = start(command);
	int status;

	wait_until_loaded(pid);
	assert_int_equal(ptrace(PTRACE_SEIZE, pid, NULL, NULL), 0);
	options.pid = (uint32_t)pid;
	struct cs_unwinder *unwinder = cs_unwinder_new(&options);
	struct reference *reference = reference_begin(pid);
	for (int i = 0; i < STOPS; i++) {
		nap(1000 + i * 7);
		assert_int_equal(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFSTOPPED(status))
			break;
		compare(pid, unwinder, reference, &counts);
		assert_int_equal(ptrace(PTRACE_CONT, pid, NULL, 0L), 0);
	}
	reference_end(reference);
	cs_unwinder_free(unwinder);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	print_message("%s: %u stacks, %u frames, %u as elfutils has them\n", command[0],
	              counts.stacks, counts.frames, counts.same);
	return counts;
}

static void check_program(const char *const *command)
{
	if (access(command[0], X_OK))
		skip();
	struct counts counts = compare_with(command);
	assert_int_equal(counts.same, counts.stacks);
	assert_true(counts.stacks >= STOPS / 2);
}

static void python_is_walked_as_elfutils_does(void **state)
{
	static const char *const command[] = {
		"/usr/bin/python3", "-c",
		"import json, re\n"
		"def f(n):\n"
		"  if n: return f(n - 1)\n"
		"  t = json.dumps([list(range(50)), 'x' * 100])\n"
		"  return len(re.sub('[0-9]+', 'n', t)) + len(sorted(json.loads(t)[0]))\n"
		"while True: f(5)\n",
		NULL};
	(void)state;
	check_program(command);
}

static void a_shell_is_walked_as_elfutils_does(void **state)
{
	static const char *const command[] = {
		"/bin/bash", "-c",
		"while :; do x=abc$RANDOM; y=${x//b/$((RANDOM%7))}; case $y in a*) z+=1;; esac; z=; done",
		NULL};
	(void)state;
	check_program(command);
}

static void also_where_addresses_are_not_randomised(void **state)
{
	randomise = false;
	a_shell_is_walked_as_elfutils_does(state);
	randomise = true;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(python_is_walked_as_elfutils_does),
		cmocka_unit_test(a_shell_is_walked_as_elfutils_does),
		cmocka_unit_test(also_where_addresses_are_not_randomised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
