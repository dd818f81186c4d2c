/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two ways into a sandbox: prctl, and the system call that libseccomp makes.
 */
#include "core/sandbox.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "core/agent.h"
#include "core/emit.h"
#include "core/lane.h"
#include "core/lookup.h"
#include "core/sys.h"

/* What syscall() jumps to (entry_syscall.S); the first call finds it. */
void *csa_real_syscall __attribute__((visibility("hidden")));

void csa_find_syscall(void) __attribute__((visibility("hidden")));
void csa_find_syscall(void)
{
	csa_real_syscall = csa_lookup_next("syscall");
}

static void enter(void)
{
	if (csa_agent_on()) {
		csa_lane_back_all();
		csa_count(CS_AGENT_SANDBOXED, 1);
	}
	csa_sandboxed = true;
}

static void stay_out(void)
{
	csa_sandboxed = false;
	if (csa_agent_on())
		csa_count(CS_AGENT_SANDBOXED, (uint64_t)0 - 1);
}

/*
 * The strict mode and PR_TSC_SIGSEGV make reading the counter a fault: recording is over. It
 * does not begin again if the call fails. In the strict mode no system call of ours is survived
 * either: not even one that helps to look for a function to pass a call on to.
 */
static void forbid_stamps(void)
{
	if (csa_agent_on())
		csa_count(CS_AGENT_SANDBOXED, 1);
	atomic_store(&csa_agent.state, CSA_OFF);
	csa_sandboxed = true;
}

int csa_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	static int (*real)(int, unsigned long, unsigned long, unsigned long, unsigned long);
	bool strict = (option == PR_SET_SECCOMP && a == SECCOMP_MODE_STRICT) ||
	              (option == PR_SET_TSC && a == PR_TSC_SIGSEGV);
	bool locks_in = option == PR_SET_SECCOMP && !strict && !csa_sandboxed;
	int result;

	if (!real)
		real = (int (*)(int, unsigned long, unsigned long, unsigned long,
		                unsigned long))csa_lookup_next("prctl");
	if (strict)
		forbid_stamps();
	if (locks_in)
		enter();
	result = real(option, a, b, c, d);
	if (locks_in && result != 0)
		stay_out();
	return result;
}

long csa_seccomp(long number, unsigned long operation, unsigned long flags, void *arguments)
{
	bool locks_in = !csa_sandboxed && operation == SECCOMP_SET_MODE_FILTER;
	long result;

	if (operation == SECCOMP_SET_MODE_STRICT)
		forbid_stamps();
	if (locks_in)
		enter();
	result = ((long (*)(long, unsigned long, unsigned long, void *))csa_real_syscall)(
		number, operation, flags, arguments);
	/* With SECCOMP_FILTER_FLAG_TSYNC a positive result names a thread that refused. */
	if (locks_in && result != 0 && !(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
		stay_out();
	return result;
}
