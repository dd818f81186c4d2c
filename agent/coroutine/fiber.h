/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boost.Fiber, above what fcontext.c sees of it: which coroutines are fibers, what they wait
 * for, and who wakes them.
 *
 * A fiber's context object lies on its own stack, just above what make_fcontext was given, so
 * it leads to the slot. What a fiber waits for is told by which of the library's functions
 * suspends it; where that is the program's own code, compiled from Boost's headers, by what it
 * has just done.
 */
#ifndef CSA_COROUTINE_FIBER_H
#define CSA_COROUTINE_FIBER_H

#include <stdbool.h>
#include <stdint.h>

/* How the compiler calls them. */
#define CSA_FIBERS "_ZN5boost6fibers"
#define CSA_FIBER_CONTEXT CSA_FIBERS "7context"
#define CSA_FIBER_SCHEDULER CSA_FIBERS "9scheduler"
#define CSA_FIBER_TIME                                                   \
	"ERKNSt6chrono10time_pointINS2_3_V212steady_clockENS2_8duration" \
	"IlSt5ratioILl1ELl1000000000EEEEEE"
#define CSA_FIBER_LOCK "RSt11unique_lockINS0_6detail13spinlock_ttasEE"
#define CSA_FIBER_OF "EPNS0_7contextE"
#define CSA_FIBER_BY_VALUE "ENS_13intrusive_ptrINS0_7contextEEE"

/* Since Boost 1.76 queues are objects: how their functions are called, lock and time included. */
#define CSA_FIBER_QUEUE CSA_FIBERS "10wait_queue"
#define CSA_FIBER_QUEUE_WAIT CSA_FIBER_QUEUE "16suspend_and_waitE" CSA_FIBER_LOCK "PNS0_7contextE"
#define CSA_FIBER_QUEUE_WAIT_UNTIL                                                  \
	CSA_FIBER_QUEUE "22suspend_and_wait_untilE" CSA_FIBER_LOCK "PNS0_7contextE" \
			"RKNSt6chrono10time_pointINS9_3_V212steady_clock"           \
			"ENS9_8durationIlSt5ratioILl1ELl1000000000EEEEEE"

/* What is interposed, and what is noted when it is called: csa_fiber_*(), or in entry_fiber.c. */
#define CSA_FIBER_FUNCTIONS(X)                                                                     \
	X(active, CSA_FIBER_CONTEXT "6activeEv", asked)                                            \
	X(suspend, CSA_FIBER_CONTEXT "7suspendEv", suspends)                                       \
	X(suspend_locked, CSA_FIBER_CONTEXT "7suspendE" CSA_FIBER_LOCK, suspends_locked)           \
	X(suspend_now, CSA_FIBER_SCHEDULER "7suspendE" CSA_FIBER_LOCK, joins)                      \
	X(wait, CSA_FIBER_CONTEXT "10wait_until" CSA_FIBER_TIME, sleeps)                           \
	X(wait_locked, CSA_FIBER_CONTEXT "10wait_until" CSA_FIBER_TIME CSA_FIBER_LOCK,             \
	  waits_locked)                                                                            \
	X(queue_wait, CSA_FIBER_QUEUE_WAIT, queues)                                                \
	X(queue_wait_until, CSA_FIBER_QUEUE_WAIT_UNTIL, queues)                                    \
	X(schedule, CSA_FIBER_CONTEXT "8scheduleEPS1_", wakes)                                     \
	X(make_ready, CSA_FIBER_SCHEDULER "8schedule" CSA_FIBER_OF, wakes)                         \
	X(round_robin, CSA_FIBERS "4algo11round_robin8awakened" CSA_FIBER_OF, wakes)               \
	X(shared_work, CSA_FIBERS "4algo11shared_work8awakened" CSA_FIBER_OF, wakes)               \
	X(work_stealing, CSA_FIBERS "4algo13work_stealing8awakened" CSA_FIBER_OF, wakes)           \
	X(terminate, CSA_FIBER_CONTEXT "9terminateEv", terminates)                                 \
	X(attach_worker, CSA_FIBER_SCHEDULER "21attach_worker_context" CSA_FIBER_OF, attached)     \
	X(attach_dispatcher, CSA_FIBER_SCHEDULER "25attach_dispatcher_context" CSA_FIBER_BY_VALUE, \
	  attached_dispatcher)                                                                     \
	X(unlock, CSA_FIBERS "5mutex6unlockEv", unlocked)                                          \
	X(unlock_timed, CSA_FIBERS "11timed_mutex6unlockEv", unlocked)                             \
	X(unlock_recursive, CSA_FIBERS "15recursive_mutex6unlockEv", unlocked)                     \
	X(unlock_both, CSA_FIBERS "21recursive_timed_mutex6unlockEv", unlocked)

/* All are passed on with what may be in their first registers, and whatever they return. */
typedef uintptr_t csa_fiber_function(void *a, void *b, void *c, void *d);

struct csa_fiber_real {
#define X(member, symbol, hook) csa_fiber_function *member;
	CSA_FIBER_FUNCTIONS(X)
#undef X
};

extern struct csa_fiber_real csa_fiber_real __attribute__((visibility("hidden")));

/* std::unique_lock of the spinlock that guards a wait queue, which lies behind it. */
struct csa_fiber_lock {
	const uint64_t *spinlock;
	bool owns;
};

/* This thread has unlocked a mutex, and the program has not asked since who runs. */
extern __thread bool csa_fiber_unlocked
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* CALLER, a return address, asks who runs. */
void csa_fiber_asked(uintptr_t caller);

/* The fiber of CONTEXT is suspended by CALLER; LOCK: NULL without. */
void csa_fiber_suspends(uintptr_t caller, const void *context, const struct csa_fiber_lock *lock);
/* The same where QUEUE, of which that is not yet a part, is an object with functions of its own. */
void csa_fiber_queues(uintptr_t caller, const uint64_t *queue, const struct csa_fiber_lock *lock);
void csa_fiber_sleeps(void);
/* The scheduler suspends whoever runs, for CALLER. */
void csa_fiber_joins(uintptr_t caller);
void csa_fiber_terminates(void);
void csa_fiber_wakes(const void *context);
void csa_fiber_attached(uintptr_t caller, const void *context, bool is_dispatcher);

#endif
