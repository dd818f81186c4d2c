/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handler jumps back only when the thread is inside a guard; anything else is a fault of
 * our own (or a full disk below our own mappings) and must not be hidden.
 */
#include "source/guard.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <ucontext.h>

static __thread sigjmp_buf way_back;
static __thread volatile sig_atomic_t inside;

static void on_bus_error(int signal_number, siginfo_t *info, void *context)
{
	(void)info;
	if (inside) {
		inside = 0;
		/* The jump does not bring back the mask that returning would. */
		pthread_sigmask(SIG_SETMASK, &((ucontext_t *)context)->uc_sigmask, NULL);
		siglongjmp(way_back, 1);
	}
	/* Returning repeats the access: now it ends the process as it would have. */
	signal(signal_number, SIG_DFL);
}

int cs_guard_install(void)
{
	struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};

	sigemptyset(&action.sa_mask);
	return sigaction(SIGBUS, &action, NULL) ? -errno : 0;
}

bool cs_guard_call(void (*fn)(void *arg), void *arg)
{
	if (sigsetjmp(way_back, 0))
		return false;
	inside = 1;
	atomic_signal_fence(memory_order_seq_cst);
	fn(arg);
	atomic_signal_fence(memory_order_seq_cst);
	inside = 0;
	return true;
}

struct copy {
	void *to;
	const void *from;
	size_t bytes;
};

static void do_copy(void *arg)
{
	const struct copy *copy = arg;

	memcpy(copy->to, copy->from, copy->bytes);
}

bool cs_guard_copy(void *to, const void *from, size_t bytes)
{
	struct copy copy = {to, from, bytes};

	return cs_guard_call(do_copy, &copy);
}
