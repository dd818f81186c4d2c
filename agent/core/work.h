/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent at work for one hook, on the calling thread. While it is, what a signal handler
 * does that comes in between is recorded without a stack (`busy` in thread.h).
 */
#ifndef CSA_CORE_WORK_H
#define CSA_CORE_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/thread.h"

/*
 * thread is NULL when nothing can be recorded; nested says that a signal handler came in
 * between, so no stack may be walked.
 */
struct csa_work {
	struct csa_thread *thread;
	bool nested;
};

struct csa_work csa_work_begin(uintptr_t sp);
void csa_work_end(const struct csa_work *work);

/*
 * Runs FN(ARG) on the agent's own stack as the work of a hook, with all signals blocked. False:
 * it was not run, because the agent is at work here already or this thread can't be recorded.
 */
bool csa_work_aside(void (*fn)(void *), void *arg);

#endif
