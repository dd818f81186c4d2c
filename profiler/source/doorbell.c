/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No wake is lost: we say that we sleep, then look at the lanes again, then wait on the value
 * that the bell had before. An agent fills its lane, then looks whether we sleep, then rings:
 * one of the two sees the other (both with sequentially consistent accesses in between).
 */
#include "source/doorbell.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "source/clock.h"
#include "source/guard.h"

struct bell {
	struct cs_session *session;
	uint32_t value;
	uint32_t sleeps;
};

static void do_progress(void *arg)
{
	struct cs_session *session = arg;

	atomic_fetch_add_explicit(&session->progress, 1, memory_order_release);
}

void cs_doorbell_progress(struct cs_session *session)
{
	if (session)
		cs_guard_call(do_progress, session);
}

static void do_present(void *arg)
{
	struct cs_session *session = arg;

	atomic_store_explicit(&session->present, cs_clock_tsc(), memory_order_relaxed);
}

void cs_doorbell_present(struct cs_session *session)
{
	if (session)
		cs_guard_call(do_present, session);
}

static void do_sleeps(void *arg)
{
	struct bell *bell = arg;

	bell->value = atomic_load_explicit(&bell->session->doorbell, memory_order_acquire);
	atomic_store_explicit(&bell->session->reader_sleeps, bell->sleeps, memory_order_seq_cst);
}

static bool set_sleeps(struct bell *bell, uint32_t sleeps)
{
	bell->sleeps = sleeps;
	return bell->session && cs_guard_call(do_sleeps, bell);
}

void cs_doorbell_sleep(struct cs_session *session, uint64_t ns, bool (*busy)(void *context),
                       void *context)
{
	struct bell bell = {.session = session};
	struct timespec time = {
		.tv_sec = (time_t)(ns / UINT64_C(1000000000)),
		.tv_nsec = (long)(ns % UINT64_C(1000000000)),
	};

	if (!set_sleeps(&bell, 1)) {
		nanosleep(&time, NULL);
		return;
	}
	atomic_thread_fence(memory_order_seq_cst);
	if (!busy(context)) {
		uint32_t value = bell.value;
		/* The kernel reads the word: memory that is gone gives EFAULT, not SIGBUS. */
		syscall(SYS_futex, &session->doorbell, FUTEX_WAIT, value, &time, NULL, 0);
	}
	set_sleeps(&bell, 0);
}
