/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is known by its stack alone is noticed to have left when its thread is heard of on another
 * one. A thread that waits in the kernel is not heard of; but the kernel says where its stack
 * pointer is. Only where that is on the thread's own stack is it believed: a handler has another
 * one, and so has the agent.
 */
#include "base/list.h"
#include "source/roster_private.h"

/* So far below what is known of a thread's stack it may have gone since. */
#define DEEPER UINT64_C(65536)

/* Of others it is not asked: a table may say anything, and a look must not take long. */
#define MOST 1024u

void cs_roster_note_thread(struct cs_roster *roster, const struct cs_slot *slot)
{
	void *stacks = roster->stacks;
	size_t at = 0;

	if (!slot->tid || slot->stack_low >= slot->stack_high)
		return;
	while (at < roster->stack_count && roster->stacks[at].tid != slot->tid)
		at++;
	if (at == roster->stack_count) {
		if (at == MOST ||
		    cs_array_reserve(&stacks, &roster->stack_room, sizeof(*roster->stacks), at + 1))
			return;
		roster->stacks = stacks;
		roster->stack_count++;
	}
	roster->stacks[at] = (struct cs_roster_stack){slot->tid, slot->stack_low, slot->stack_high};
}

void cs_roster_suspect(struct cs_roster *roster, uint32_t id, const struct cs_slot *slot)
{
	const struct cs_coroutine *coroutine = cs_model_coroutine_at(roster->world.model, id);
	void *suspects = roster->suspects;
	bool known;

	if (!coroutine || !(coroutine->flags & CS_COROUTINE_UNTOLD) ||
	    cs_slot_state(slot->turn) != CS_SLOT_RUNNING || roster->suspect_count == MOST ||
	    cs_array_reserve(&suspects, &roster->suspect_room, sizeof(*roster->suspects),
	                     roster->suspect_count + 1))
		return;
	known = coroutine->state == CS_COROUTINE_WAITING && coroutine->switches == slot->turn >> 8;
	roster->suspects = suspects;
	roster->suspects[roster->suspect_count++] = (struct cs_roster_suspect){
		.number = slot->number,
		.since_ns = known ? coroutine->since_ns : CS_UNKNOWN,
		.low = slot->stack_low,
		.high = slot->stack_high,
		.id = id,
		.tid = slot->tid,
	};
}

static bool is_away(const struct cs_roster *roster, const struct cs_roster_suspect *suspect)
{
	const struct cs_roster_world *world = &roster->world;
	uint64_t sp;

	for (size_t i = 0; i < roster->stack_count; i++) {
		const struct cs_roster_stack *stack = &roster->stacks[i];
		uint64_t low = stack->low > DEEPER ? stack->low - DEEPER : 0;

		if (stack->tid != suspect->tid)
			continue;
		sp = world->thread_sp(world->context, suspect->tid);
		return sp >= low && sp < stack->high && !(sp >= suspect->low && sp < suspect->high);
	}
	return false;
}

void cs_roster_end_suspicion(struct cs_roster *roster, uint64_t now_ns)
{
	for (size_t i = 0; i < roster->suspect_count; i++) {
		const struct cs_roster_suspect *suspect = &roster->suspects[i];
		struct cs_coroutine *coroutine =
			cs_model_coroutine_at(roster->world.model, suspect->id);

		if (!coroutine || coroutine->number != suspect->number || coroutine->ended_ns ||
		    coroutine->state != CS_COROUTINE_RUNNING || !is_away(roster, suspect))
			continue;
		coroutine->state = CS_COROUTINE_WAITING;
		if (coroutine->flags & CS_COROUTINE_STACK_SAMPLED)
			coroutine->since_after_ns = coroutine->stack_ns;
		coroutine->since_ns = suspect->since_ns != CS_UNKNOWN ? suspect->since_ns : now_ns;
		cs_roster_leave_thread(roster, suspect->id, coroutine);
		cs_model_coroutine_changed(roster->world.model, suspect->id);
	}
	roster->suspect_count = 0;
}
