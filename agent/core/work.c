/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `busy` is the stack pointer of the hook at work. A hook further out on the same stack can
 * only run when that one is gone: a signal handler left it by longjmp.
 */
#include "core/work.h"

#include "core/emit.h"
#include "core/lane.h"
#include "stack/stack.h"

/* So many nested events in a row mean that nobody is busy any more, however it looks. */
#define NESTED_MAX 100000u

static bool is_stale(const struct csa_tls *tls, uintptr_t sp)
{
	const struct csa_thread *thread = tls->thread;

	if (tls->nested > NESTED_MAX)
		return true;
	if (!thread || sp < tls->busy)
		return false;
	return tls->busy >= thread->stack_low && sp < thread->stack_high;
}

struct csa_work csa_work_begin(uintptr_t sp)
{
	struct csa_tls *tls = &csa_tls;

	if (__builtin_expect(tls->busy != 0, 0)) {
		if (!is_stale(tls, sp)) {
			struct csa_thread *thread = tls->thread;

			tls->nested++;
			return (struct csa_work){thread && thread->lane ? thread : NULL, true};
		}
		if (tls->thread) {
			csa_stack_abandon(tls->thread);
			csa_lane_abandon(tls->thread);
		}
		csa_count(CS_AGENT_GUARD_RESET, 1);
	}
	tls->nested = 0;
	tls->busy = sp;
	struct csa_thread *thread = csa_thread_self(sp);

	if (!thread)
		csa_count(CS_AGENT_NO_LANE, 1);
	return (struct csa_work){thread, false};
}

void csa_work_end(const struct csa_work *work)
{
	if (!work->nested)
		csa_tls.busy = 0;
}

bool csa_work_aside(void (*fn)(void *), void *arg)
{
	struct csa_work work = csa_work_begin((uintptr_t)__builtin_frame_address(0));
	bool can = work.thread && !work.nested;

	if (can)
		csa_thread_run(work.thread, fn, arg);
	csa_work_end(&work);
	return can;
}
