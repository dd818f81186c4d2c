/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariant: a walk goes up by at least a word at each step and never out of the copy it was
 * given. The cache is bounded; what it has forgotten is looked up again.
 */
#include "go/unwind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/index.h"
#include "go/memory.h"

#define SLOTS_FIRST (1u << 12)
#define SLOTS_MAX (1u << 21) /* of 32 bytes; beyond that the cache starts anew */

int cs_go_places_init(struct cs_go_places *places, const struct cs_go_module *modules,
                      uint32_t module_count)
{
	*places = (struct cs_go_places){.modules = modules, .module_count = module_count};
	places->slots = calloc(SLOTS_FIRST, sizeof(*places->slots));
	places->mask = SLOTS_FIRST - 1;
	return places->slots ? 0 : -ENOMEM;
}

void cs_go_places_free(struct cs_go_places *places)
{
	free(places->slots);
	*places = (struct cs_go_places){0};
}

/* ---- what an address is ---- */

static bool has_name(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (!strcmp(name, *names))
			return true;
	return false;
}

/* As Go decides what its own dumps show. */
static uint8_t flags_of_name(const char *name)
{
	static const char *const panics[] = {"runtime.gopanic", "runtime.sigpanic",
	                                     "runtime.panicwrap", NULL};
	static const char *const signals[] = {"runtime.sigpanic", "runtime.sigtramp",
	                                      "runtime.sigreturn", "runtime.sigreturn__sigaction",
	                                      NULL};
	static const char *const preempted[] = {"runtime.asyncPreempt", NULL};
	uint8_t flags = 0;

	if (!strncmp(name, "runtime.", 8) && !(name[8] >= 'A' && name[8] <= 'Z') &&
	    strcmp(name, "runtime.gopanic") != 0)
		flags |= CS_GO_PLACE_RUNTIME;
	if (!strncmp(name, "internal/runtime/", 17))
		flags |= CS_GO_PLACE_RUNTIME;
	flags |= has_name(name, panics) ? CS_GO_PLACE_PANIC : 0;
	flags |= has_name(name, signals) ? CS_GO_PLACE_SIGNAL : 0;
	flags |= has_name(name, preempted) ? CS_GO_PLACE_PREEMPTED : 0;
	return flags;
}

/* By this C calls Go: it goes to another stack, but has a frame on either. */
static bool is_callback(const struct cs_go_table *table, const struct cs_go_function *function)
{
	return !strcmp(cs_go_table_name(table, function), "runtime.cgocallback");
}

static void look_up(const struct cs_go_places *places, uint64_t pc, bool exact,
                    struct cs_go_place *place)
{
	struct cs_go_function function;

	place->delta = -1;
	for (uint32_t i = 0; i < places->module_count; i++) {
		const struct cs_go_module *module = &places->modules[i];
		uint64_t offset = pc - module->text;

		if (pc < module->text || pc >= module->etext)
			continue;
		/* A call that never returns may be the last instruction of its function. */
		if (!cs_go_table_find(&module->table, offset, &function) &&
		    (exact || !offset || !cs_go_table_find(&module->table, offset - 1, &function)))
			return;
		place->module = (uint16_t)i;
		place->function = function.index;
		place->flags = CS_GO_PLACE_KNOWN |
		               flags_of_name(cs_go_table_name(&module->table, &function));
		if (function.flags & CS_GO_TOP_FRAME)
			place->flags |= CS_GO_PLACE_TOP;
		if (function.flags & CS_GO_SP_WRITE && !is_callback(&module->table, &function))
			place->flags |= CS_GO_PLACE_SP_WRITE;
		if (function.id && function.id == module->table.wrapper_id)
			place->flags |= CS_GO_PLACE_WRAPPER;
		/* A return address that is an entry has called nothing: it is yet to start. */
		place->address = pc - (!exact && offset > function.entry);
		if (!cs_go_table_sp_delta(&module->table, &function, offset, &place->delta))
			cs_go_table_sp_delta(&module->table, &function,
			                     place->address - module->text, &place->delta);
		return;
	}
}

static void insert(struct cs_go_places *places, const struct cs_go_place *place)
{
	uint32_t at = cs_hash_u64(place->key) & places->mask;

	while (places->slots[at].key)
		at = (at + 1) & places->mask;
	places->slots[at] = *place;
	places->count++;
}

/* Makes room for one more; without memory, by forgetting. */
static void reserve(struct cs_go_places *places)
{
	uint32_t old = places->mask + 1;

	if (places->count < old / 4 * 3)
		return;
	struct cs_go_place *slots = old < SLOTS_MAX ? calloc((size_t)old * 2, sizeof(*slots))
	                                            : NULL;
	struct cs_go_place *from = places->slots;

	places->count = 0;
	if (!slots) {
		memset(places->slots, 0, old * sizeof(*places->slots));
		return;
	}
	places->slots = slots;
	places->mask = old * 2 - 1;
	for (uint32_t i = 0; i < old; i++)
		if (from[i].key)
			insert(places, &from[i]);
	free(from);
}

struct cs_go_place *cs_go_place_of(struct cs_go_places *places, uint64_t pc, bool exact)
{
	uint64_t key = pc << 1 | exact;
	uint32_t at = cs_hash_u64(key) & places->mask;

	if (!key)
		key = 2; /* 0 means empty: the return address 1 is as unknown as 0 */
	for (; places->slots[at].key; at = (at + 1) & places->mask)
		if (places->slots[at].key == key)
			return &places->slots[at];
	reserve(places);
	at = cs_hash_u64(key) & places->mask;
	while (places->slots[at].key)
		at = (at + 1) & places->mask;
	places->slots[at] = (struct cs_go_place){.key = key};
	places->count++;
	look_up(places, pc, exact, &places->slots[at]);
	return &places->slots[at];
}

/* ---- walking ---- */

void cs_go_unwind(struct cs_go_places *places, uint64_t pc, uint64_t sp, const void *bytes,
                  size_t count, bool exact, struct cs_go_stack *stack)
{
	uint64_t low = sp;

	stack->depth = 0;
	stack->complete = stack->cut = false;
	stack->entry_function = UINT32_MAX;
	stack->entry_module = 0;
	while (stack->depth < CS_GO_DEPTH_MAX) {
		const struct cs_go_place *place = cs_go_place_of(places, pc, exact);

		if (!(place->flags & CS_GO_PLACE_KNOWN))
			return;
		stack->keys[stack->depth++] = place->key;
		if (place->flags & CS_GO_PLACE_TOP) {
			stack->complete = true;
			return;
		}
		stack->entry_function = place->function;
		stack->entry_module = place->module;
		if (place->delta < 0 || (stack->depth > 1 && (place->flags & CS_GO_PLACE_SP_WRITE)))
			return;
		uint64_t at = sp + (uint64_t)(uint32_t)place->delta;

		if (at < low || at - low + 8 > count || at < sp) {
			stack->cut = true;
			return;
		}
		pc = cs_go_u64(bytes, at - low);
		sp = at + 8;
		exact = place->flags & (CS_GO_PLACE_SIGNAL | CS_GO_PLACE_PREEMPTED);
	}
	stack->cut = true;
}
