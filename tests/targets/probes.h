/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs look for to find out which runtimes and allocators there are, as weak
 * references: in the module that includes this, probes[] has each as a word of data and as
 * what code loads.
 */
#ifndef PROBES_H
#define PROBES_H

#include <stddef.h>

#include "target.h"

#define PROBE_NAMES(X)                                 \
	X(st_init)                                     \
	X(st_thread_create)                            \
	X(st_thread_exit)                              \
	X(st_accept)                                   \
	X(st_cond_broadcast)                           \
	X(st_cond_signal)                              \
	X(st_cond_timedwait)                           \
	X(st_cond_wait)                                \
	X(st_connect)                                  \
	X(st_mutex_lock)                               \
	X(st_mutex_unlock)                             \
	X(st_netfd_poll)                               \
	X(st_poll)                                     \
	X(st_read)                                     \
	X(st_read_fully)                               \
	X(st_read_resid)                               \
	X(st_readv)                                    \
	X(st_readv_resid)                              \
	X(st_recvfrom)                                 \
	X(st_recvmsg)                                  \
	X(st_sendmsg)                                  \
	X(st_sendto)                                   \
	X(st_sleep)                                    \
	X(st_thread_interrupt)                         \
	X(st_thread_join)                              \
	X(st_usleep)                                   \
	X(st_write)                                    \
	X(st_write_resid)                              \
	X(st_writev)                                   \
	X(st_writev_resid)                             \
	X(st_set_switch_in_cb)                         \
	X(st_set_switch_out_cb)                        \
	X(lua_resume)                                  \
	X(lua_newthread)                               \
	X(lua_resetthread)                             \
	X(lua_closethread)                             \
	X(pth_spawn)                                   \
	X(pth_wait)                                    \
	X(pth_yield)                                   \
	X(pth_exit)                                    \
	X(__pth_attr_ctrl)                             \
	X(__pth_pqueue_insert)                         \
	X(__pth_tcb_free)                              \
	X(make_fcontext)                               \
	X(jump_fcontext)                               \
	X(ontop_fcontext)                              \
	X(__go_go)                                     \
	X(__go_makecontext)                            \
	X(__go_setcontext)                             \
	X(mallocx)                                     \
	X(rallocx)                                     \
	X(xallocx)                                     \
	X(sallocx)                                     \
	X(dallocx)                                     \
	X(sdallocx)                                    \
	X(nallocx)                                     \
	X(mallctl)                                     \
	X(mallctlnametomib)                            \
	X(mallctlbymib)                                \
	X(malloc_stats_print)                          \
	X(MallocExtension_GetAllocatedSize)            \
	X(MallocExtension_GetNumericProperty)          \
	X(MallocExtension_Internal_GetNumericProperty) \
	X(MallocExtension_ReleaseFreeMemory)           \
	X(tc_malloc)                                   \
	X(tc_free)                                     \
	X(tc_calloc)                                   \
	X(tc_realloc)                                  \
	X(tc_memalign)                                 \
	X(tc_new)                                      \
	X(tc_delete)                                   \
	X(tc_malloc_size)                              \
	X(tc_version)                                  \
	X(mi_malloc)                                   \
	X(mi_free)                                     \
	X(mi_realloc)                                  \
	X(mi_zalloc)                                   \
	X(mi_version)

#define FIBERS "_ZN5boost6fibers"
#define FIBER_TIME                                                       \
	"ERKNSt6chrono10time_pointINS2_3_V212steady_clockENS2_8duration" \
	"IlSt5ratioILl1ELl1000000000EEEEEE"
#define FIBER_TIME_AGAIN                                  \
	"RKNSt6chrono10time_pointINS9_3_V212steady_clock" \
	"ENS9_8durationIlSt5ratioILl1ELl1000000000EEEEEE"
#define FIBER_LOCK "RSt11unique_lockINS0_6detail13spinlock_ttasEE"

#define PROBE_SYMBOLS(X)                                                                     \
	X(go_1, "runtime.makeGContext")                                                      \
	X(go_2, "runtime.mcall")                                                             \
	X(go_3, "runtime.gopark")                                                            \
	X(go_4, "runtime.ready")                                                             \
	X(go_5, "runtime.goexit1")                                                           \
	X(go_6, "runtime.doscanstackswitch")                                                 \
	X(go_7, "runtime.getTraceback")                                                      \
	X(go_8, "runtime.entersyscall")                                                      \
	X(go_9, "runtime.entersyscallblock")                                                 \
	X(go_10, "runtime.exitsyscall")                                                      \
	X(fiber_1, FIBERS "11timed_mutex6unlockEv")                                          \
	X(fiber_2, FIBERS "15recursive_mutex6unlockEv")                                      \
	X(fiber_3, FIBERS "21recursive_timed_mutex6unlockEv")                                \
	X(fiber_4, FIBERS "4algo11round_robin8awakenedEPNS0_7contextE")                      \
	X(fiber_5, FIBERS "4algo11shared_work8awakenedEPNS0_7contextE")                      \
	X(fiber_6, FIBERS "4algo13work_stealing8awakenedEPNS0_7contextE")                    \
	X(fiber_7, FIBERS "5mutex6unlockEv")                                                 \
	X(fiber_8, FIBERS "7context10wait_until" FIBER_TIME)                                 \
	X(fiber_9, FIBERS "7context10wait_until" FIBER_TIME FIBER_LOCK)                      \
	X(fiber_10, FIBERS "7context6activeEv")                                              \
	X(fiber_11, FIBERS "7context7suspendE" FIBER_LOCK)                                   \
	X(fiber_12, FIBERS "7context7suspendEv")                                             \
	X(fiber_13, FIBERS "7context8scheduleEPS1_")                                         \
	X(fiber_14, FIBERS "7context9terminateEv")                                           \
	X(fiber_15, FIBERS "9scheduler21attach_worker_contextEPNS0_7contextE")               \
	X(fiber_16,                                                                          \
	  FIBERS "9scheduler25attach_dispatcher_contextENS_13intrusive_ptrINS0_7contextEEE") \
	X(fiber_17, FIBERS "9scheduler7suspendE" FIBER_LOCK)                                 \
	X(fiber_18, FIBERS "9scheduler8scheduleEPNS0_7contextE")                             \
	X(fiber_19, FIBERS "10wait_queue16suspend_and_waitE" FIBER_LOCK "PNS0_7contextE")    \
	X(fiber_20, FIBERS "10wait_queue22suspend_and_wait_untilE" FIBER_LOCK                \
	                   "PNS0_7contextE" FIBER_TIME_AGAIN)

typedef void probe_function(void);

#define X(id, symbol) extern probe_function probe_##id __asm__(symbol) __attribute__((weak));
#define N(name) X(name, #name)
PROBE_NAMES(N)
PROBE_SYMBOLS(X)
#undef N
#undef X

static const struct probe {
	const char *name;
	probe_function *word;
} probes[] = {
#define X(id, symbol) {symbol, probe_##id},
#define N(name) X(name, #name)
	PROBE_NAMES(N) PROBE_SYMBOLS(X)
#undef N
#undef X
};

#define PROBES (sizeof(probes) / sizeof(*probes))

/* What code finds, in the order of probes[]. */
static inline void probe_loads(probe_function *found[PROBES])
{
	size_t i = 0;

#define X(id, symbol) found[i++] = probe_##id;
#define N(name) X(name, #name)
	PROBE_NAMES(N)
	PROBE_SYMBOLS(X)
#undef N
#undef X
}

static inline void *probe_body(void *rounds)
{
	int (*sleeps)(int) = (int (*)(int))probe_st_sleep;

	for (uintptr_t i = 0; i < (uintptr_t)rounds; i++)
		sleeps(0);
	return NULL;
}

/* Uses State Threads as it was found: COUNT threads in turn, that sleep ROUNDS times. */
static inline void probe_threads(unsigned count, uintptr_t rounds)
{
	void *(*create)(void *(*)(void *), void *, int, int) =
		(void *(*)(void *(*)(void *), void *, int, int))probe_st_thread_create;
	int (*join)(void *, void **) = (int (*)(void *, void **))probe_st_thread_join;
	int (*init)(void) = (int (*)(void))probe_st_init;
	int (*sleeps)(int) = (int (*)(int))probe_st_sleep;

	check(init() == 0);
	for (unsigned i = 0; i < count; i++) {
		void *thread = create(probe_body, (void *)rounds, 1, 65536);

		check(thread && join(thread, NULL) == 0);
	}
	sleeps(0); /* the last one is given back */
	say("%u threads have ended\n", count);
}

#endif
