/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Births and ends in a roster, whoever tells of them, and the texts that belong to them.
 */
#include <string.h>

#include "base/list.h"
#include "model/tally.h"
#include "source/roster_private.h"

/* From its birth to the record of it; and the same where a thread was stopped in between. */
#define AFTER_BIRTH_NS UINT64_C(1000000)
#define SLOW_NS UINT64_C(2000000000)

/* ---- texts ---- */

uint32_t cs_roster_runtime(struct cs_roster *roster, uint32_t text)
{
	const char *name;
	uint32_t id;

	if (text < CS_SLOT_TEXTS && roster->runtimes[text])
		return roster->runtimes[text];
	if (roster->slots && text > roster->slots->text_count)
		cs_slots_look(roster->slots);
	name = roster->slots ? cs_slots_text(roster->slots, text) : NULL;
	id = cs_model_runtime(roster->world.model, roster->world.process, name ? name : "?", NULL);
	if (name)
		roster->runtimes[text] = id;
	for (uint32_t i = 0; i < roster->met_count; i++)
		if (roster->met[i] == id)
			return id;
	if (roster->met_count < CS_ROSTER_RUNTIMES)
		roster->met[roster->met_count++] = id;
	return id;
}

uint32_t cs_roster_reason_text(struct cs_roster *roster, uint32_t text)
{
	const char *name;

	if (text == 0 || text >= CS_SLOT_TEXTS || !roster->slots)
		return 0;
	if (text > roster->slots->text_count)
		cs_slots_look(roster->slots);
	if (!roster->reasons[text] && (name = cs_slots_text(roster->slots, text)))
		roster->reasons[text] = cs_model_text(roster->world.model, name);
	return roster->reasons[text];
}

/* "name\0labels\0", of which nothing need be terminated. */
void cs_roster_set_texts(struct cs_roster *roster, uint32_t id, const char text[64])
{
	char copy[66] = "";
	char *labels;

	memcpy(copy, text, 64);
	labels = copy + strlen(copy) + 1;
	for (char *at = copy; at < copy + 64; at++)
		if (*at && *at != '\n' && ((unsigned char)*at < ' ' || *at == 0x7f))
			*at = '?';
	cs_model_coroutine_set_name(roster->world.model, id, copy[0] ? copy : NULL);
	cs_model_coroutine_set_labels(roster->world.model, id,
	                              labels < copy + 64 && *labels ? labels : NULL);
}

/* ---- births and ends ---- */

uint32_t cs_roster_find(const struct cs_roster *roster, uint64_t number)
{
	uint32_t id = 0;

	for (uint32_t i = 0; number && !id && i < roster->met_count; i++)
		id = cs_model_coroutine_find(roster->world.model, roster->world.process,
		                             roster->met[i], number);
	return id;
}

uint16_t cs_roster_flags(const struct cs_roster *roster, uint32_t flags)
{
	return (uint16_t)((flags & CS_SLOT_SYSTEM ? CS_COROUTINE_SYSTEM : 0) |
	                  (flags & CS_SLOT_SHARED_STACK ? CS_COROUTINE_SHARED_STACK : 0) |
	                  (flags & CS_SLOT_GUESSED ? CS_COROUTINE_GUESSED : 0) |
	                  (roster->world.heap ? CS_COROUTINE_HEAP : 0));
}

static void set_parent(struct cs_roster *roster, struct cs_coroutine *coroutine, uint64_t parent)
{
	const struct cs_coroutine *found;

	if (!parent)
		return;
	found = cs_model_coroutine_at(roster->world.model, cs_roster_find(roster, parent));
	coroutine->parent_number = parent;
	coroutine->parent_runtime = found ? found->runtime : coroutine->runtime;
}

/* A child of fork has its parent's coroutines; who made them is known there. */
static uint32_t inherited_spawn(const struct cs_roster *roster,
                                const struct cs_coroutine *coroutine)
{
	struct cs_model *model = roster->world.model;
	uint32_t parent = cs_model_process_at(model, roster->world.process)->parent;
	const struct cs_runtime *runtime = cs_model_runtime_at(model, coroutine->runtime);
	const struct cs_coroutine *there = NULL;

	if (parent && runtime)
		there = cs_model_coroutine_at(
			model, cs_model_coroutine_find(model, parent,
		                                       cs_model_runtime(model, parent,
		                                                        runtime->name, NULL),
		                                       coroutine->number));
	return there ? there->spawn : 0;
}

/* In wait_class: its creation is in the tally, or will be. */
enum { COUNTED = 1, EXPECTED = 2 };

/* Once for each. */
static void count(const struct cs_roster *roster, struct cs_coroutine *coroutine, uint32_t spawn)
{
	const struct cs_tally key = {
		.process = roster->world.process,
		.node = spawn,
		.kind = CS_TALLY_SPAWNED,
	};
	uint32_t tally;

	if (coroutine->wait_class == COUNTED)
		return;
	coroutine->wait_class = COUNTED;
	tally = cs_model_tally(roster->world.model, &key);
	if (tally)
		cs_model_tally_add(roster->world.model, tally, 1, 1);
}

void cs_roster_expect(struct cs_roster *roster, uint32_t id, uint64_t spawn)
{
	struct cs_coroutine *coroutine = cs_model_coroutine_at(roster->world.model, id);
	void *unborn = roster->unborn;

	if (coroutine->wait_class ||
	    cs_array_reserve(&unborn, &roster->unborn_room, sizeof(*roster->unborn),
	                     roster->unborn_count + 1))
		return;
	coroutine->wait_class = EXPECTED;
	roster->unborn = unborn;
	roster->unborn[roster->unborn_count++] =
		(struct cs_roster_unborn){coroutine->number, spawn, coroutine->created_ns, id};
}

void cs_roster_count_lost(struct cs_roster *roster, uint64_t told_ns, uint64_t now_ns)
{
	const struct cs_roster_world *world = &roster->world;
	size_t kept = 0;

	for (size_t i = 0; i < roster->unborn_count; i++) {
		const struct cs_roster_unborn *unborn = &roster->unborn[i];
		struct cs_coroutine *coroutine = cs_model_coroutine_at(world->model, unborn->id);

		if (!coroutine || coroutine->number != unborn->number ||
		    coroutine->process != world->process || coroutine->wait_class != EXPECTED)
			continue;
		if (unborn->created_ns + AFTER_BIRTH_NS > told_ns &&
		    unborn->created_ns + SLOW_NS > now_ns) {
			roster->unborn[kept++] = *unborn;
			continue;
		}
		if (!coroutine->spawn && unborn->spawn)
			coroutine->spawn = world->spawn(world->context, unborn->spawn);
		count(roster, coroutine, coroutine->spawn);
		cs_model_coroutine_changed(world->model, unborn->id);
	}
	roster->unborn_count = kept;
}

/* What no adapter speaks for. */
static bool is_untold(const struct cs_roster *roster, uint32_t runtime)
{
	const struct cs_runtime *of = cs_model_runtime_at(roster->world.model, runtime);

	return of && !strcmp(of->name, "stack");
}

uint32_t cs_roster_be_born(struct cs_roster *roster, const struct cs_roster_birth *birth)
{
	const struct cs_roster_world *world = &roster->world;
	uint32_t runtime = cs_roster_runtime(roster, birth->runtime);
	uint32_t id = cs_roster_find(roster, birth->number);
	struct cs_coroutine *coroutine;

	if (!id)
		id = cs_model_coroutine(world->model, world->process, runtime, birth->number);
	coroutine = cs_model_coroutine_at(world->model, id);
	if (!coroutine)
		return 0;
	/* A birth that is told again says what it turned out to be. */
	coroutine->flags |= cs_roster_flags(roster, birth->flags);
	if ((birth->flags & CS_SLOT_FOUND) && is_untold(roster, runtime))
		coroutine->flags |= CS_COROUTINE_UNTOLD;
	if (birth->told)
		count(roster, coroutine, birth->spawn);
	if (birth->stack_low < birth->stack_high &&
	    !(birth->flags & (CS_SLOT_BODY | CS_SLOT_GUESSED))) {
		coroutine->stack_low = birth->stack_low;
		coroutine->stack_high = birth->stack_high;
	}
	if (!coroutine->spawn)
		coroutine->spawn = birth->flags & CS_SLOT_INHERITED
		                           ? inherited_spawn(roster, coroutine)
		                           : birth->spawn;
	if (!coroutine->entry && birth->entry)
		coroutine->entry = world->frame(world->context, birth->entry);
	if (!coroutine->parent_number)
		set_parent(roster, coroutine, birth->parent);
	if (coroutine->created_ns == CS_UNKNOWN && birth->created_ns) {
		coroutine->created_ns = birth->created_ns;
		/* Found running, it was created some time before. */
		coroutine->created_after_ns =
			birth->flags & CS_SLOT_FOUND
				? cs_model_process_at(world->model, world->process)->start_ns
				: birth->created_ns;
	}
	if (coroutine->state == CS_COROUTINE_UNKNOWN) {
		coroutine->state = birth->flags & CS_SLOT_FOUND ? CS_COROUTINE_UNKNOWN
		                                                : CS_COROUTINE_NEW;
		coroutine->since_ns = coroutine->since_after_ns = birth->created_ns;
	}
	cs_model_coroutine_changed(world->model, id);
	return id;
}

uint32_t cs_roster_create(struct cs_roster *roster, const struct cs_record_coro_create *record,
                          uint32_t spawn, uint64_t time_ns, bool *again)
{
	const struct cs_coroutine *known =
		cs_model_coroutine_at(roster->world.model, cs_roster_find(roster, record->number));
	const struct cs_roster_birth birth = {
		.number = record->number,
		.parent = record->parent,
		.spawn = spawn,
		.entry = record->entry,
		.stack_low = record->stack_low,
		.stack_high = record->stack_high,
		.created_ns = time_ns,
		.runtime = record->runtime,
		.flags = record->flags,
		.told = true,
	};

	*again = known && known->wait_class == COUNTED;
	if (!record->number || (record->flags & CS_SLOT_THREAD))
		return 0;
	return cs_roster_be_born(roster, &birth);
}

void cs_roster_leave_thread(struct cs_roster *roster, uint32_t id, struct cs_coroutine *coroutine)
{
	struct cs_thread *thread = cs_model_thread_at(roster->world.model, coroutine->thread);

	if (thread && thread->coroutine == id) {
		thread->coroutine = 0;
		cs_model_thread_changed(roster->world.model, coroutine->thread);
	}
	coroutine->thread = 0;
}

void cs_roster_end_one(struct cs_roster *roster, uint32_t id, uint64_t time_ns)
{
	struct cs_coroutine *coroutine = cs_model_coroutine_at(roster->world.model, id);

	if (!coroutine || coroutine->ended_ns)
		return;
	if (coroutine->wait_class == EXPECTED)
		count(roster, coroutine, coroutine->spawn);
	cs_roster_leave_thread(roster, id, coroutine);
	cs_model_coroutine_end(roster->world.model, id, time_ns);
}

void cs_roster_end(struct cs_roster *roster, const struct cs_record_coro_end *record,
                   uint64_t time_ns)
{
	const struct cs_roster_world *world = &roster->world;
	uint32_t id = cs_roster_find(roster, record->number);
	struct cs_coroutine *coroutine = cs_model_coroutine_at(world->model, id);

	if (!coroutine)
		return;
	coroutine->switches = record->switches;
	coroutine->cpu_ns = coroutine->flags & CS_COROUTINE_UNTOLD
	                            ? CS_UNKNOWN
	                            : cs_roster_sum_ns(world, record->run_ticks);
	coroutine->wait_ns = cs_roster_sum_ns(world, record->wait_ticks);
	cs_roster_end_one(roster, id, time_ns);
}

void cs_roster_text(struct cs_roster *roster, const struct cs_record_coro_text *record)
{
	uint32_t id = cs_roster_find(roster, record->number);

	if (id)
		cs_roster_set_texts(roster, id, record->text);
}
