/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stack is walked when its coroutine has been parked for a round: those that come and go
 * faster than that are not worth the reading, and keep the last one that was seen.
 */
#include "source/roster.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "source/clock.h"
#include "source/roster_private.h"

/* Slots that are looked at between two looks at the clock. */
#define STEP 2048u

void cs_roster_start(struct cs_roster *roster, const struct cs_roster_world *world)
{
	*roster = (struct cs_roster){.world = *world};
}

void cs_roster_free(struct cs_roster *roster)
{
	cs_slots_close(roster->slots);
	free(roster->known);
	free(roster->ids);
	free(roster->departed);
	free(roster->unborn);
	free(roster->stacks);
	free(roster->suspects);
	free(roster->copies);
	*roster = (struct cs_roster){0};
}

void cs_roster_attach(struct cs_roster *roster, struct cs_slots *slots)
{
	roster->slots = slots;
}

/* ---- the table ---- */

static enum cs_coroutine_state state_of(enum cs_slot_state state)
{
	static const uint8_t states[] = {
		[CS_SLOT_UNKNOWN] = CS_COROUTINE_UNKNOWN,
		[CS_SLOT_NEW] = CS_COROUTINE_NEW,
		[CS_SLOT_RUNNABLE] = CS_COROUTINE_RUNNABLE,
		[CS_SLOT_RUNNING] = CS_COROUTINE_RUNNING,
		[CS_SLOT_WAITING] = CS_COROUTINE_WAITING,
		[CS_SLOT_SUSPENDED] = CS_COROUTINE_WAITING,
	};

	return state < sizeof(states) ? (enum cs_coroutine_state)states[state]
	                              : CS_COROUTINE_UNKNOWN;
}

static void enter_thread(struct cs_roster *roster, uint32_t id, struct cs_coroutine *coroutine,
                         uint32_t tid)
{
	struct cs_thread *thread;

	coroutine->thread = roster->world.thread(roster->world.context, tid);
	thread = cs_model_thread_at(roster->world.model, coroutine->thread);
	if (!thread || thread->coroutine == id)
		return;
	thread->coroutine = id;
	cs_model_thread_changed(roster->world.model, coroutine->thread);
}

static void set_times(struct cs_roster *roster, struct cs_coroutine *coroutine,
                      const struct cs_slot *slot, uint64_t seen_ns, uint64_t now_ns)
{
	const struct cs_roster_world *world = &roster->world;
	uint64_t since_ns = slot->since ? world->time_ns(world->context, slot->since) : CS_UNKNOWN;

	if (since_ns != CS_UNKNOWN && since_ns > now_ns)
		since_ns = now_ns;
	/* Switches that look at no clock have the time of the reader's last look. */
	if (since_ns != CS_UNKNOWN && coroutine->created_ns != CS_UNKNOWN &&
	    since_ns < coroutine->created_ns)
		since_ns = coroutine->created_ns;
	/* What it was seen to do after that it did while it ran. */
	if (since_ns != CS_UNKNOWN && cs_slot_is_parked(slot->turn) && seen_ns != CS_UNKNOWN &&
	    seen_ns > since_ns && seen_ns <= now_ns)
		since_ns = seen_ns;
	coroutine->since_ns = coroutine->since_after_ns = since_ns;
	coroutine->observed_ns = now_ns;
	coroutine->switches = slot->turn >> 8;
	coroutine->wait_ns = cs_roster_sum_ns(world, slot->wait_ticks);
	if (coroutine->flags & CS_COROUTINE_UNTOLD)
		return;
	coroutine->cpu_ns = cs_roster_sum_ns(world, slot->run_ticks);
	if (cs_slot_state(slot->turn) == CS_SLOT_RUNNING && since_ns != CS_UNKNOWN &&
	    !(slot->flags & CS_SLOT_SYSCALL))
		coroutine->cpu_ns += now_ns - since_ns;
}

static void apply(struct cs_roster *roster, uint32_t id, const struct cs_slot_copy *copy,
                  uint64_t now_ns)
{
	const struct cs_slot *slot = &copy->slot;
	struct cs_coroutine *coroutine = cs_model_coroutine_at(roster->world.model, id);
	enum cs_slot_state state = cs_slot_state(slot->turn);
	uint64_t seen_ns = CS_UNKNOWN;

	if (!coroutine)
		return;
	if ((coroutine->flags & CS_COROUTINE_UNTOLD) &&
	    (coroutine->flags & CS_COROUTINE_STACK_SAMPLED))
		seen_ns = coroutine->stack_ns;
	coroutine->flags &= (uint16_t)~CS_COROUTINE_UNSTABLE;
	/* What is known of its stack is from before. */
	if (coroutine->stack && !(coroutine->flags & CS_COROUTINE_STACK_SAMPLED)) {
		coroutine->flags |= CS_COROUTINE_STACK_SAMPLED;
		coroutine->stack_ns = coroutine->observed_ns;
	}
	if (copy->torn)
		coroutine->flags |= CS_COROUTINE_UNSTABLE;
	else
		set_times(roster, coroutine, slot, seen_ns, now_ns);
	coroutine->flags |= cs_roster_flags(roster, copy->torn ? 0 : slot->flags);
	coroutine->state = (uint8_t)state_of(state);
	if (state == CS_SLOT_RUNNING && !copy->torn && (slot->flags & CS_SLOT_SYSCALL))
		coroutine->state = CS_COROUTINE_SYSCALL;
	coroutine->reason = (state == CS_SLOT_WAITING || state == CS_SLOT_SUSPENDED) && !copy->torn
	                            ? cs_roster_reason_text(roster, slot->reason)
	                            : 0;
	if (state != CS_SLOT_RUNNING)
		cs_roster_leave_thread(roster, id, coroutine);
	else if (!copy->torn)
		enter_thread(roster, id, coroutine, slot->tid);
	if (!copy->torn)
		cs_roster_set_texts(roster, id, slot->text);
	cs_model_coroutine_changed(roster->world.model, id);
}

static uint32_t meet(struct cs_roster *roster, const struct cs_slot *slot)
{
	const struct cs_roster_world *world = &roster->world;
	const struct cs_roster_birth birth = {
		.number = slot->number,
		.parent = slot->parent,
		.spawn = slot->spawn ? world->spawn(world->context, slot->spawn) : 0,
		.entry = slot->entry,
		.stack_low = slot->stack_low,
		.stack_high = slot->stack_high,
		.created_ns = slot->created ? world->time_ns(world->context, slot->created) : 0,
		.runtime = slot->runtime,
		.flags = slot->flags,
	};

	uint32_t known, id;

	cs_roster_runtime(roster, slot->runtime);
	known = cs_roster_find(roster, slot->number); /* by its record, or by an earlier reader */
	id = cs_roster_be_born(roster, &birth);
	if (id && !known && !(slot->flags & CS_SLOT_INHERITED))
		cs_roster_expect(roster, id, slot->spawn);
	return id;
}

/* Its slot is another's: a record will tell of its end, or the next round notices. */
static void depart(struct cs_roster *roster, uint64_t number, uint32_t id)
{
	void *departed = roster->departed;

	if (!id || cs_array_reserve(&departed, &roster->departed_room, sizeof(*roster->departed),
	                            roster->departed_count + 1))
		return;
	roster->departed = departed;
	roster->departed[roster->departed_count++] = (struct cs_roster_departed){number, id};
}

static void end_departed(struct cs_roster *roster, uint64_t now_ns)
{
	for (size_t i = 0; i < roster->departed_count; i++) {
		const struct cs_roster_departed *departed = &roster->departed[i];
		const struct cs_coroutine *coroutine =
			cs_model_coroutine_at(roster->world.model, departed->id);

		if (coroutine && coroutine->number == departed->number &&
		    coroutine->process == roster->world.process)
			cs_roster_end_one(roster, departed->id, now_ns);
	}
	roster->departed_count = 0;
}

/* True: its stack should be walked now. */
static bool take(struct cs_roster *roster, const struct cs_slot_copy *copy,
                 struct cs_roster_sweep *sweep)
{
	struct cs_slot_known *known = &roster->known[copy->index];
	uint32_t *id = &roster->ids[copy->index];
	const struct cs_slot *slot = &copy->slot;
	bool same = known->number == slot->number && known->turn == slot->turn;

	if (known->number != slot->number) {
		depart(roster, known->number, *id);
		*known = (struct cs_slot_known){.number = slot->number};
		*id = 0;
	}
	/* The first time with a torn copy: nothing of it could be believed. */
	if (slot->number && !copy->torn && (slot->flags & CS_SLOT_THREAD))
		cs_roster_note_thread(roster, slot);
	if (!slot->number || (!*id && (copy->torn || (slot->flags & CS_SLOT_THREAD)))) {
		known->turn = slot->turn;
		known->walked = slot->turn;
		if (slot->number && copy->torn)
			known->number = 0; /* once more */
		return false;
	}
	if (!*id)
		*id = meet(roster, slot);
	known->turn = slot->turn;
	if (!same || cs_slot_state(slot->turn) == CS_SLOT_RUNNING) {
		if (!copy->torn && (same || sweep->eager))
			cs_roster_suspect(roster, *id, slot);
		apply(roster, *id, copy, sweep->now_ns);
		sweep->changed += !same;
	}
	return sweep->parked && !copy->torn && cs_slot_has_context(slot) && (same || sweep->eager);
}

static void set_stack(struct cs_roster *roster, const struct cs_slot_copy *copy,
                      const struct cs_parked_stack *stack, struct cs_roster_sweep *sweep)
{
	struct cs_coroutine *coroutine =
		cs_model_coroutine_at(roster->world.model, roster->ids[copy->index]);

	if (!coroutine)
		return;
	roster->known[copy->index].walked = copy->slot.turn;
	if (stack->moved) {
		coroutine->flags |= CS_COROUTINE_UNSTABLE;
		sweep->unstable++;
		return;
	}
	if (!stack->node)
		return; /* what was known from before is better than nothing */
	coroutine->flags &= (uint16_t) ~(CS_COROUTINE_STACK_SAMPLED | CS_COROUTINE_STACK_CUT);
	if (stack->cut)
		coroutine->flags |= CS_COROUTINE_STACK_CUT;
	coroutine->stack = stack->node;
	coroutine->stack_ns = CS_UNKNOWN;
	coroutine->stack_used = stack->used;
	sweep->walked++;
	cs_model_coroutine_changed(roster->world.model, roster->ids[copy->index]);
}

static void walk(struct cs_roster *roster, struct cs_roster_sweep *sweep, uint32_t count)
{
	struct cs_parked_stack stacks[CS_PARKED_BATCH];
	uint64_t before = cs_clock_monotonic_ns();
	uint64_t took;

	sweep->error = cs_parked_walk(sweep->parked, roster->slots, roster->copies, count, stacks);
	if (sweep->error) {
		sweep->parked = NULL; /* not in this round */
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		set_stack(roster, &roster->copies[i], &stacks[i], sweep);
	took = cs_clock_monotonic_ns() - before;
	sweep->walk_ns = sweep->walk_ns > took ? sweep->walk_ns - took : 0;
	if (!sweep->walk_ns)
		sweep->parked = NULL;
}

/* Some slots from the cursor on. */
static void step(struct cs_roster *roster, struct cs_roster_sweep *sweep)
{
	uint32_t from = roster->cursor;
	uint32_t chosen = 0, copied;

	copied = cs_slots_changed(roster->slots, from, STEP, roster->known + from, sweep->parked,
	                          roster->copies, CS_PARKED_BATCH, &roster->cursor);
	for (uint32_t i = 0; i < copied; i++) {
		if (roster->copies[i].torn)
			sweep->unstable++;
		if (take(roster, &roster->copies[i], sweep))
			roster->copies[chosen++] = roster->copies[i];
	}
	if (chosen)
		walk(roster, sweep, chosen);
}

static bool make_room(struct cs_roster *roster)
{
	size_t before = roster->room, ids_before = roster->id_room;
	void *known = roster->known;
	void *ids = roster->ids;

	if (!roster->copies)
		roster->copies = malloc(CS_PARKED_BATCH * sizeof(*roster->copies));
	if (!roster->copies || cs_array_reserve(&known, &roster->room, sizeof(*roster->known),
	                                        roster->slots->count + 1))
		return false;
	roster->known = known;
	memset(roster->known + before, 0, (roster->room - before) * sizeof(*roster->known));
	if (cs_array_reserve(&ids, &roster->id_room, sizeof(uint32_t), roster->slots->count + 1))
		return false;
	roster->ids = ids;
	memset(roster->ids + ids_before, 0, (roster->id_room - ids_before) * sizeof(uint32_t));
	return true;
}

void cs_roster_sweep(struct cs_roster *roster, struct cs_roster_sweep *sweep)
{
	uint64_t start_ns = cs_clock_monotonic_ns();
	uint64_t walk_ns = sweep->walk_ns;
	uint32_t visited = 0;

	end_departed(roster, sweep->now_ns);
	cs_roster_count_lost(roster, sweep->told_ns, sweep->now_ns);
	if (!roster->slots)
		return;
	cs_slots_look(roster->slots);
	if (!make_room(roster))
		return;
	while (visited < roster->slots->count) {
		uint32_t from;

		if (roster->cursor >= roster->slots->count)
			roster->cursor = 0;
		from = roster->cursor;
		step(roster, sweep);
		visited += roster->cursor - from;
		if (sweep->sweep_ns != UINT64_MAX &&
		    cs_clock_monotonic_ns() - start_ns >
		            sweep->sweep_ns + (walk_ns - sweep->walk_ns))
			break;
	}
	if (roster->cursor >= roster->slots->count)
		roster->cursor = 0;
	cs_roster_end_suspicion(roster, sweep->now_ns);
}
