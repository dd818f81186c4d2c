/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lanes, the producer's side. Wait-free but for the bounded wait on a full lane.
 *
 * `reserve` is advanced by a compare-and-swap without lock prefix: atomic against signal
 * handlers of the same thread, the only others who move it, and nearly free. A reserved
 * record starts as SKIP and gets its kind last. head is published by the outermost maker
 * only, when every nested record is complete, so the reader never sees half a record, even
 * if the thread dies in between.
 */
#include "core/lane.h"

#include <string.h>
#include <time.h>

#include "core/agent.h"
#include "core/emit.h"
#include "core/sys.h"

/* A nap, and what it takes where a core is free: timers of Linux are 50 us late. */
#define WAIT_NAP_NS 100000
#define WAIT_NAP_MAX_NS UINT64_C(200000)

/* ---- waiting ---- */

void csa_count(enum cs_agent_counter counter, uint64_t by)
{
	atomic_fetch_add_explicit(&csa_agent.ring->counters[counter], by, memory_order_relaxed);
}

static void wake_reader(void)
{
	struct cs_session *session = csa_agent.session;

	if (!atomic_load_explicit(&session->reader_sleeps, memory_order_relaxed))
		return;
	atomic_fetch_add(&session->doorbell, 1);
	csa_sys3(SYS_futex, &session->doorbell, 1 /* FUTEX_WAKE, shared */, 1);
}

/* What we asked for, and how much later than that the machine let the thread go on. */
struct wait {
	uint64_t ns, late_ns;
};

static void note_wait(const struct wait *wait)
{
	_Atomic uint64_t *longest = &csa_agent.ring->counters[CS_AGENT_WAIT_MAX_NS];
	uint64_t have = atomic_load_explicit(longest, memory_order_relaxed);

	csa_count(CS_AGENT_WAITS, 1);
	csa_count(CS_AGENT_WAIT_NS, wait->ns);
	csa_count(CS_AGENT_WAIT_LATE_NS, wait->late_ns);
	while (have < wait->ns && !atomic_compare_exchange_weak(longest, &have, wait->ns))
		;
}

/*
 * Takes NS from what all threads together may wait until the reader moves on; false: it is
 * used up. Each nap asks, so however many threads wait, the sum holds.
 */
static bool may_wait(uint64_t ns)
{
	uint64_t progress = atomic_load(&csa_agent.session->progress);
	uint64_t seen = atomic_load(&csa_agent.stalled_progress);

	if (progress != seen &&
	    atomic_compare_exchange_strong(&csa_agent.stalled_progress, &seen, progress))
		atomic_store(&csa_agent.stalled_ns, 0);
	return atomic_fetch_add(&csa_agent.stalled_ns, ns) + ns <= CS_WAIT_STALLED_NS;
}

/*
 * One nap. On a machine without a free core its end may come much later than the timer's: all
 * of it is taken from what may be waited, but what the scheduler added is told apart.
 */
static void take_nap(struct wait *wait)
{
	const struct timespec nap = {.tv_nsec = WAIT_NAP_NS};
	uint64_t start = csa_now_ns(), took;

	wake_reader();
	csa_sys2(SYS_nanosleep, &nap, NULL);
	took = csa_now_ns() - start;
	if (took <= WAIT_NAP_MAX_NS) {
		wait->ns += took;
		return;
	}
	wait->ns += WAIT_NAP_MAX_NS;
	wait->late_ns += took - WAIT_NAP_MAX_NS;
	atomic_fetch_add(&csa_agent.stalled_ns, took - WAIT_NAP_MAX_NS);
}

/* Waits until POSITION fits, at most CS_WAIT_ONE_NS; false: drop. */
static bool wait_for_room(struct csa_thread *thread, uint64_t position)
{
	struct wait wait = {0};
	bool room = false;

	while (!room && wait.ns + wait.late_ns <= CS_WAIT_ONE_NS - WAIT_NAP_MAX_NS &&
	       may_wait(WAIT_NAP_MAX_NS)) {
		take_nap(&wait);
		room = position <= atomic_load_explicit(&thread->lane->tail, memory_order_acquire) +
		                           thread->mask + 1;
	}
	if (wait.ns)
		note_wait(&wait);
	return room;
}

/* Reads tail again, so that POSITION is allowed; true if it is. */
static bool extend_limit(struct csa_thread *thread, uint64_t position)
{
	uint64_t size = thread->mask + 1;
	uint64_t tail = atomic_load_explicit(&thread->lane->tail, memory_order_acquire);

	if (position > tail + size) {
		bool wait = (csa_agent.session->flags & CS_SESSION_BLOCK) && !csa_sandboxed;

		wake_reader();
		if (!wait || thread->depth > 1 || !wait_for_room(thread, position))
			return false;
		tail = atomic_load_explicit(&thread->lane->tail, memory_order_acquire);
	} else if (position - tail > size / 2) {
		wake_reader();
	}
	/* A step of a quarter: so a sleeping reader hears of a half-full lane in time. */
	uint64_t limit = position + size / 4;

	uint64_t backed = __atomic_load_n(&thread->backed, __ATOMIC_RELAXED);

	if (limit > tail + size)
		limit = tail + size;
	thread->limit = backed < size && limit > backed ? backed : limit;
	return true;
}

/* ---- records ---- */

static struct cs_record *at(struct csa_thread *thread, uint64_t position)
{
	return (struct cs_record *)(thread->data + (position & thread->mask));
}

static struct cs_record *skip(struct csa_thread *thread, uint64_t position, uint64_t bytes)
{
	struct cs_record *record = at(thread, position);

	record->bytes = (uint16_t)bytes;
	record->kind = CS_RECORD_SKIP;
	return record;
}

/*
 * After RESERVED: up to where the quick way (hot_emit.c) may go: no limit, no end of a lap with
 * a gap too small for a record's head, no loss that has to be told first.
 */
static void allow_quick(struct csa_thread *thread, uint64_t reserved)
{
	uint64_t lap_end = (reserved | thread->mask) + 1 - sizeof(struct cs_record);

	if (thread->lost == thread->lost_told)
		thread->quick = lap_end < thread->limit ? lap_end : thread->limit;
}

/* Room for BYTES that does not wrap; NULL: the lane is full. */
static struct cs_record *reserve(struct csa_thread *thread, uint64_t bytes)
{
	for (;;) {
		uint64_t position = *(volatile uint64_t *)&thread->reserve;
		uint64_t to_end = thread->mask + 1 - (position & thread->mask);
		uint64_t gap = bytes > to_end ? to_end : 0;
		uint64_t take = bytes;

		if (!gap && to_end - bytes == 8)
			take += 8; /* a gap of 8 could not hold a record's head */
		if (position + gap + take > thread->limit) {
			if (!csa_lane_back(thread, position + gap + take)) {
				csa_lane_stay_small(thread);
				continue;
			}
			if (!extend_limit(thread, position + gap + take))
				return NULL;
		}
		if (!csa_local_cas(&thread->reserve, position, position + gap + take))
			continue;
		if (gap)
			skip(thread, position, gap);
		allow_quick(thread, position + gap + take);
		return skip(thread, position + gap, take);
	}
}

static void publish(struct csa_thread *thread)
{
	struct cs_lane *lane = thread->lane;

	atomic_store_explicit(&lane->head, thread->reserve, memory_order_release);
	atomic_store_explicit(&lane->pending, 0, memory_order_release);
}

/*
 * Ends the making of a record. A handler that comes while we publish leaves that to us, so
 * look again after saying that nobody is at work any more.
 */
void csa_lane_leave(struct csa_thread *thread)
{
	volatile uint32_t *depth = &thread->depth;

	csa_lane_barrier();
	if (*depth > 1) {
		*depth -= 1;
		return;
	}
	for (;;) {
		publish(thread);
		*depth = 0;
		if (csa_lane_published(thread))
			return;
		*depth = 1;
	}
}

static bool is_counted(enum cs_record_kind kind)
{
	return kind != CS_RECORD_SKIP && kind != CS_RECORD_LOST && kind != CS_RECORD_STACK;
}

static void lose(struct csa_thread *thread, enum cs_record_kind kind, uint64_t stamp)
{
	if (is_counted(kind)) {
		if (thread->lost == thread->lost_told)
			thread->lost_stamp = stamp;
		thread->quick = 0;
		csa_local_add(&thread->lost, 1);
		csa_lane_add(&thread->lane->lost, 1);
		csa_lane_add(&thread->lane->emitted, 1);
	}
	csa_lane_leave(thread);
}

/*
 * A loss is told in the stream as soon as there is room, before anything else. Whoever moves
 * lost_told tells: if a handler was faster, our record stays a SKIP.
 */
static bool tell_loss(struct csa_thread *thread, uint64_t stamp)
{
	struct cs_record_lost *record = (void *)reserve(thread, sizeof(*record));
	uint64_t told = *(volatile uint64_t *)&thread->lost_told;
	uint64_t lost = *(volatile uint64_t *)&thread->lost;

	if (!record)
		return false;
	record->head.arg = 0;
	record->head.stamp = stamp;
	record->count = lost - told;
	record->first_stamp = thread->lost_stamp;
	if (lost != told && csa_local_cas(&thread->lost_told, told, lost))
		record->head.kind = CS_RECORD_LOST;
	return true;
}

bool csa_lane_tell_thread(struct csa_thread *thread, enum cs_record_kind kind)
{
	if (kind == CS_RECORD_THREAD_START)
		thread->started = true; /* begin() below must not ask for it again */
	struct cs_record_thread *record = csa_emit_begin(thread, kind, sizeof(*record), 0);

	if (!record) {
		if (kind == CS_RECORD_THREAD_START)
			thread->started = false;
		return false;
	}
	record->tid = thread->tid;
	record->reserved = 0;
	record->stack_low = thread->stack_low;
	record->stack_high = thread->stack_high;
	memcpy(record->name, thread->name, sizeof(record->name));
	csa_emit_commit(thread, record, kind);
	return true;
}

/* Refers to what another thread may have told of just now: is not to be stamped before that. */
static bool is_behind_loads(enum cs_record_kind kind)
{
	const uint64_t kinds =
		UINT64_C(1) << CS_RECORD_ALLOC | UINT64_C(1) << CS_RECORD_ALLOC_LONG |
		UINT64_C(1) << CS_RECORD_STACK | UINT64_C(1) << CS_RECORD_CORO_CREATE;

	return kinds >> kind & 1;
}

void *csa_emit_begin(struct csa_thread *thread, enum cs_record_kind kind, uint32_t bytes,
                     uint32_t arg)
{
	if (__builtin_expect(!thread->started, 0) && !thread->depth &&
	    !csa_lane_tell_thread(thread, CS_RECORD_THREAD_START)) {
		thread->depth++;
		lose(thread, kind, csa_stamp());
		return NULL;
	}
	if (++thread->depth == 1) /* a bound of all stamps to come: the reader waits for us */
		atomic_store_explicit(&thread->lane->pending, thread->last_stamp | 1,
		                      memory_order_relaxed);
	csa_lane_barrier();
	uint64_t stamp = is_behind_loads(kind) ? csa_stamp_after() : csa_stamp();

	thread->last_stamp = stamp;
	if (__builtin_expect(thread->lost != thread->lost_told, 0) && !tell_loss(thread, stamp)) {
		lose(thread, kind, stamp);
		return NULL;
	}
	struct cs_record *record = reserve(thread, bytes);

	if (__builtin_expect(!record, 0)) {
		lose(thread, kind, stamp);
		return NULL;
	}
	record->arg = arg;
	record->stamp = stamp;
	return record;
}

void csa_emit_commit(struct csa_thread *thread, void *record, enum cs_record_kind kind)
{
	csa_lane_barrier();
	((struct cs_record *)record)->kind = (uint16_t)kind;
	if (is_counted(kind))
		csa_lane_add(&thread->lane->emitted, 1);
	csa_lane_leave(thread);
}

void csa_lane_abandon(struct csa_thread *thread)
{
	if (!thread->lane || !thread->depth)
		return;
	thread->depth = 0;
	publish(thread);
}
