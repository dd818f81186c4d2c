/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of stacks, and the records that define them.
 *
 * Invariant: a name is known only after the records that define it, its parents and the
 * modules they run through have been committed. What found no room is tried again.
 */
#include "stack/stack.h"

#include "core/emit.h"
#include "core/thread.h"
#include "coroutine/coroutine.h"
#include "stack/known.h"
#include "stack/memo.h"
#include "stack/modules.h"
#include "stack/rules.h"
#include "stack/walk.h"

#define CHUNK 200u /* frames of one record, well below CS_RECORD_BYTES_MAX */

_Static_assert(sizeof(struct cs_record_stack) + CHUNK * 8 <= CS_RECORD_BYTES_MAX, "too long");

int csa_stack_start(size_t table_bytes, uint32_t depth_max, bool find_object)
{
	int error = csa_known_start(table_bytes);

	if (!error)
		error = csa_memo_start();
	if (error)
		return error;
	csa_walk_depth_max = depth_max < 1                    ? 1
	                     : depth_max > CS_STACK_DEPTH_MAX ? CS_STACK_DEPTH_MAX
	                                                      : depth_max;
	return csa_modules_start(find_object);
}

size_t csa_stack_bytes(void)
{
	return sizeof(csa_rules) + csa_modules_bytes() + csa_memo_bytes();
}

/* Defines frames FIRST to END-1; false: no room. */
static bool define_chunk(struct csa_thread *thread, uint32_t first, uint32_t end)
{
	const struct csa_walk_frame *frames = thread->walk.frames;
	struct cs_record_stack *record;

	for (uint32_t i = first; i < end; i++)
		if (frames[i].pc >= CS_PC_MARK_COUNT && !csa_modules_tell(thread, frames[i].pc))
			return false;
	record = csa_emit_begin(thread, CS_RECORD_STACK,
	                        (uint32_t)sizeof(*record) + (end - first) * 8, end - first);
	if (!record)
		return false;
	record->parent = first ? frames[first - 1].hash : 0;
	record->epoch = thread->walk.epoch;
	for (uint32_t i = first; i < end; i++)
		record->pcs[i - first] = frames[i].pc;
	csa_emit_commit(thread, record, CS_RECORD_STACK);
	csa_known_until(thread->last_stamp);
	for (uint32_t i = first; i < end; i++)
		csa_known_add(frames[i].hash);
	return true;
}

static void define(struct csa_thread *thread)
{
	const struct csa_walk *walk = &thread->walk;
	uint32_t first = walk->count;

	while (first > 0 && !csa_known_has(walk->frames[first - 1].hash))
		first--;
	if (walk->cut && first < walk->count)
		csa_count(CS_AGENT_STACK_CUT, 1);
	while (first < walk->count) {
		uint32_t end = walk->count - first > CHUNK ? first + CHUNK : walk->count;

		if (!define_chunk(thread, first, end))
			return;
		first = end;
	}
}

static void name_cold(void *argument)
{
	struct csa_thread *thread = argument;
	bool reading = csa_modules_begin_to_read();

	thread->walk.may_not_guess = !reading;
	csa_walk_finish(&thread->walk);
	define(thread);
	if (reading)
		csa_modules_end_reading();
}

static void look_at_end(void *argument)
{
	const struct csa_thread *thread = argument;

	csa_coro_ends_in(thread->walk.frames[0].pc);
}

/* What was not recognised: walked, and told of if it is new. The second time it is learned. */
uint64_t csa_stack_walk(struct csa_thread *thread, const struct csa_frame *at)
{
	struct csa_walk *walk = &thread->walk;
	uint64_t low, high;

	csa_coro_bounds(thread, at->sp, &low, &high);
	bool whole = csa_walk(walk, at, low, high);

	if (!whole || !csa_known_has(walk->frames[walk->count - 1].hash))
		csa_thread_run(thread, name_cold, thread);
	else
		csa_memo_add(walk, &walk->place, (uintptr_t)thread);
	if (walk->windows)
		csa_count(CS_AGENT_STACK_FOREIGN, 1);
	if (csa_coro_ends_elsewhere(walk->frames[0].pc) && !walk->cut && !walk->guessed)
		csa_thread_run(thread, look_at_end, thread);
	return walk->frames[walk->count - 1].hash;
}

uint64_t csa_stack_name(struct csa_thread *thread, const struct csa_frame *at)
{
	uint64_t epoch = atomic_load_explicit(&csa_modules_epoch, memory_order_acquire);
	uint64_t low, high;

	csa_coro_bounds(thread, at->sp, &low, &high);
	uint64_t name = csa_memo_find(at, low, high, epoch, &thread->walk.place);

	if (name && !csa_coro_may_be_another())
		return name;
	if (name)
		thread->walk.place.bucket = CSA_MEMO_BUCKETS; /* it has been learned */
	return csa_stack_walk(thread, at);
}

void csa_stack_abandon(struct csa_thread *thread)
{
	thread->own_stack_busy = 0;
	thread->walk.count = 0;
	csa_memo_abandon((uintptr_t)thread);
}

static void check_cold(void *argument)
{
	if (csa_modules_check(argument)) {
		csa_known_clear();
		csa_memo_forget();
	}
}

void csa_stack_check_modules(struct csa_thread *thread)
{
	csa_thread_run(thread, check_cold, thread);
}

void csa_stack_unloading(bool begins)
{
	if (begins)
		csa_modules_begin_to_unload();
	else
		csa_modules_end_unloading();
}
