/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State Threads: creation and exit are interposed, and its own callbacks tell of switches.
 *
 * It calls them before a thread leaves and after it has come back, on that thread's stack, but
 * not for the first dispatch, nor its idle thread, nor when a thread that is to be joined leaves
 * at its end: such are noticed when another stack goes on. One that is joined comes back once,
 * to give back what it had, and leaves for good; one that is not leaves for good at its end.
 *
 * What a thread waits for is the function of the library that the program has called last.
 * Who is woken is found in the wait queue that is signalled; what descriptors and clocks wake
 * is not told, and waits until it runs.
 */
#ifndef CSA_COROUTINE_ST_H
#define CSA_COROUTINE_ST_H

#include <stdbool.h>
#include <stdint.h>

typedef void (*csa_st_callback)(void);

/* What waits, and for what it says that it does. They call one another. */
#define CSA_ST_WAITS(X)                 \
	X(st_poll, POLL)                \
	X(st_netfd_poll, POLL)          \
	X(st_accept, ACCEPT)            \
	X(st_connect, CONNECT)          \
	X(st_read, READ)                \
	X(st_read_fully, READ)          \
	X(st_read_resid, READ)          \
	X(st_readv, READ)               \
	X(st_readv_resid, READ)         \
	X(st_recvfrom, READ)            \
	X(st_recvmsg, READ)             \
	X(st_write, WRITE)              \
	X(st_write_resid, WRITE)        \
	X(st_writev, WRITE)             \
	X(st_writev_resid, WRITE)       \
	X(st_sendto, WRITE)             \
	X(st_sendmsg, WRITE)            \
	X(st_sleep, SLEEP)              \
	X(st_usleep, SLEEP)             \
	X(st_cond_wait, CONDITION)      \
	X(st_cond_timedwait, CONDITION) \
	X(st_mutex_lock, MUTEX)         \
	X(st_thread_join, JOIN)

enum csa_st_reason {
	CSA_ST_NO_REASON,
	CSA_ST_POLL,
	CSA_ST_ACCEPT,
	CSA_ST_CONNECT,
	CSA_ST_READ,
	CSA_ST_WRITE,
	CSA_ST_SLEEP,
	CSA_ST_CONDITION,
	CSA_ST_MUTEX,
	CSA_ST_JOIN,
	CSA_ST_ZOMBIE, /* its function has ended; it goes when it has been joined */
};

/* All are passed on with what may be in their registers; results are at most one word. */
typedef uintptr_t csa_st_function(uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e,
                                  uintptr_t f);

struct csa_st_real {
	int (*init)(void);
	void *(*create)(void *(*start)(void *), void *argument, int joinable, int stack_bytes);
	void (*exit)(void *value);
	csa_st_callback (*set_in)(csa_st_callback callback);
	csa_st_callback (*set_out)(csa_st_callback callback);
	int (*signal)(void *condition);
	int (*broadcast)(void *condition);
	int (*unlock)(void *mutex);
	void (*interrupt)(void *thread);
#define X(function, reason) csa_st_function *function;
	CSA_ST_WAITS(X)
#undef X
};

extern struct csa_st_real csa_st_real __attribute__((visibility("hidden")));

int csa_st_init(void);
void *csa_st_create(void *(*start)(void *), void *argument, int joinable, int stack_bytes);
void csa_st_exit(void *value);
csa_st_callback csa_st_set_in(csa_st_callback callback);
csa_st_callback csa_st_set_out(csa_st_callback callback);

/* CALLER, a return address, calls what may wait. */
void csa_st_waits(uintptr_t caller, enum csa_st_reason reason);
/* Before they are called. */
void csa_st_wakes_waiter(const void *condition, bool all);
void csa_st_wakes_locker(const void *mutex);
void csa_st_wakes(const void *thread);
/* Before it is joined: it goes then. */
void csa_st_wakes_zombie(const void *thread);

#endif
