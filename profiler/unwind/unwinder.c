/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk, and the table of rules by address: open addressing, a line of the cache each.
 */
#include "unwind/unwinder.h"

#include <stdlib.h>
#include <string.h>

#include "base/index.h"
#include "unwind/loaded.h"
#include "unwind/reading.h"
#include "unwind/rule.h"

/* Beyond this many addresses the table starts anew. */
#define RULES_MAX (1u << 20)
#define RULES_FIRST (1u << 10)

/* What is read behind the copy: so much at once, and so many times in a walk. */
#define WINDOW_BYTES 16384u
#define WINDOWS_MAX 64u

/* How far a stack of unknown bounds is believed to reach. */
#define UNKNOWN_BYTES (UINT64_C(64) << 20)
/* Programs have nothing above. Not randomised, a stack ends here. */
#define USER_END (UINT64_C(1) << 47)

struct known {
	_Alignas(64) uint64_t address; /* 0: empty */
	struct cs_rule rule;
};

struct cs_unwinder {
	struct cs_loaded loaded;
	struct cs_rule_book book;
	struct known *known;
	uint32_t mask, count;
	uint32_t serial;
	uint8_t window[WINDOW_BYTES];
};

/* ---- life ---- */

struct cs_unwinder *cs_unwinder_new(const struct cs_unwinder_options *options)
{
	struct cs_unwinder *unwinder = calloc(1, sizeof(*unwinder));

	if (unwinder)
		unwinder->loaded.options = *options;
	return unwinder;
}

static void forget_rules(struct cs_unwinder *unwinder)
{
	free(unwinder->known);
	unwinder->known = NULL;
	unwinder->mask = unwinder->count = 0;
	cs_rule_book_free(&unwinder->book);
}

void cs_unwinder_free(struct cs_unwinder *unwinder)
{
	if (!unwinder)
		return;
	forget_rules(unwinder);
	cs_loaded_free(&unwinder->loaded);
	free(unwinder);
}

int cs_unwinder_refresh(struct cs_unwinder *unwinder)
{
	bool changed;
	int error = cs_loaded_refresh(&unwinder->loaded, &changed);

	if (changed) {
		forget_rules(unwinder);
		unwinder->serial++;
	}
	return error;
}

uint32_t cs_unwinder_serial(const struct cs_unwinder *unwinder)
{
	return unwinder->serial;
}

const struct cs_mappings *cs_unwinder_mappings(const struct cs_unwinder *unwinder)
{
	return &unwinder->loaded.mappings;
}

/* ---- rules ---- */

static struct known *slot_of(const struct cs_unwinder *unwinder, uint64_t address)
{
	uint32_t at = cs_hash_u64(address) & unwinder->mask;

	while (unwinder->known[at].address && unwinder->known[at].address != address)
		at = (at + 1) & unwinder->mask;
	return &unwinder->known[at];
}

static bool grow(struct cs_unwinder *unwinder)
{
	struct cs_unwinder old = {.known = unwinder->known, .mask = unwinder->mask};
	uint32_t room = old.known ? (old.mask + 1) * 2 : RULES_FIRST;
	struct known *known = aligned_alloc(64, room * sizeof(*known));

	if (!known)
		return false;
	memset(known, 0, room * sizeof(*known));
	unwinder->known = known;
	unwinder->mask = room - 1;
	for (uint32_t i = 0; old.known && i <= old.mask; i++)
		if (old.known[i].address)
			*slot_of(unwinder, old.known[i].address) = old.known[i];
	free(old.known);
	return true;
}

_Static_assert(sizeof(struct known) == 64, "an entry is a line of the cache");

static void make_rule(struct cs_unwinder *unwinder, uint64_t address, struct cs_rule *rule)
{
	struct cs_loaded *loaded = &unwinder->loaded;
	int32_t index = cs_loaded_find(loaded, address);
	const struct cs_loaded_entry *entry = index >= 0 ? &loaded->entries[index] : NULL;

	if (entry && entry->cfi)
		cs_cfi_rule(entry->cfi, address - entry->bias, &unwinder->book, rule);
	else
		*rule = (struct cs_rule){.kind = CS_RULE_CUT};
}

/* NULL: no memory. */
static const struct cs_rule *rule_at(struct cs_unwinder *unwinder, uint64_t address)
{
	struct known *slot;

	if (unwinder->count >= RULES_MAX)
		forget_rules(unwinder);
	if ((!unwinder->known || unwinder->count > unwinder->mask / 2) && !grow(unwinder))
		return NULL;
	slot = slot_of(unwinder, address);
	if (slot->address)
		return &slot->rule;
	slot->address = address;
	unwinder->count++;
	make_rule(unwinder, address, &slot->rule);
	return &slot->rule;
}

/* ---- the walk ---- */

struct walk {
	struct cs_unwinder *unwinder;
	uint64_t low, high; /* nothing outside of this is read */
	const uint8_t *copy;
	uint64_t copy_start, copy_end;
	uint64_t window_start, window_end;
	uint32_t windows;
};

static bool fill_window(struct walk *walk, uint64_t address)
{
	struct cs_unwinder *unwinder = walk->unwinder;
	uint64_t left = walk->high - address;
	struct cs_piece piece = {
		.address = address,
		.bytes = left < WINDOW_BYTES ? (uint32_t)left : WINDOW_BYTES,
		.to = unwinder->window,
	};

	if (walk->windows++ >= WINDOWS_MAX || cs_reading(unwinder->loaded.options.pid, &piece, 1) ||
	    piece.got < 8)
		return false;
	walk->window_start = address;
	walk->window_end = address + piece.got;
	return true;
}

static bool load(void *context, uint64_t address, uint64_t *value)
{
	struct walk *walk = context;

	if (address < walk->low || address > walk->high - 8)
		return false;
	if (address >= walk->copy_start && address + 8 <= walk->copy_end) {
		memcpy(value, walk->copy + (address - walk->copy_start), 8);
		return true;
	}
	if ((address < walk->window_start || address + 8 > walk->window_end) &&
	    !fill_window(walk, address))
		return false;
	memcpy(value, walk->unwinder->window + (address - walk->window_start), 8);
	return true;
}

/* False: these are no bounds that SP can be walked in. */
static bool set_bounds(struct walk *walk, const struct cs_unwinder_stack *stack, uint64_t sp)
{
	walk->low = sp;
	walk->high = stack->high;
	if (stack->low >= stack->high) {
		walk->high = sp < USER_END - UNKNOWN_BYTES ? sp + UNKNOWN_BYTES : USER_END;
	} else if (sp < stack->low) {
		return false;
	}
	if (walk->high > USER_END || walk->high < 8 || walk->low > walk->high - 8 || sp % 8)
		return false;
	if (stack->copy_bytes >= 8 &&
	    stack->copy_address + stack->copy_bytes > stack->copy_address) {
		walk->copy = stack->copy;
		walk->copy_start = stack->copy_address;
		walk->copy_end = stack->copy_address + stack->copy_bytes;
	}
	return true;
}

static bool is_code(struct cs_unwinder *unwinder, uint64_t address)
{
	return cs_mappings_find(&unwinder->loaded.mappings, address) >= 0;
}

void cs_unwinder_walk(struct cs_unwinder *unwinder, const struct cs_registers *start, bool exact,
                      const struct cs_unwinder_stack *stack, struct cs_unwinder_frames *frames)
{
	struct cs_registers at = *start;
	struct walk walk = {.unwinder = unwinder};
	uint64_t sp = at.value[CS_REGISTER_RSP];

	frames->count = 0;
	frames->cut = true;
	frames->beyond = false;
	if (!cs_register_known(&at, CS_REGISTER_RSP) || !cs_register_known(&at, CS_REGISTER_RIP) ||
	    !set_bounds(&walk, stack, sp) ||
	    (!unwinder->loaded.entries && cs_unwinder_refresh(unwinder)))
		return;
	while (frames->count < CS_UNWINDER_FRAMES) {
		uint64_t address = at.value[CS_REGISTER_RIP] - !exact;
		const struct cs_rule *rule;

		/* A caller of nobody: what starts a stack pushes 0 as its return address. */
		if (at.value[CS_REGISTER_RIP] == 0) {
			frames->cut = frames->count == 0;
			return;
		}
		rule = rule_at(unwinder, address);
		if (!rule || (rule->kind == CS_RULE_CUT && !is_code(unwinder, address)))
			return;
		if (rule->kind == CS_RULE_BOTTOM) {
			frames->cut = false;
			return;
		}
		frames->address[frames->count++] = address;
		frames->cut = rule->kind != CS_RULE_END;
		if (rule->kind == CS_RULE_CUT || rule->kind == CS_RULE_END)
			return;
		exact = rule->interrupted;
		if (!cs_rule_apply(rule, &unwinder->book, &at, load, &walk))
			return;
		frames->beyond = walk.windows > 0;
		/* Every call has pushed something: a stack that does not shrink has no end. */
		if (at.value[CS_REGISTER_RSP] <= sp || at.value[CS_REGISTER_RSP] > walk.high)
			return;
		sp = at.value[CS_REGISTER_RSP];
	}
}

void cs_unwinder_place(struct cs_unwinder *unwinder, uint64_t address,
                       struct cs_unwinder_place *place)
{
	struct cs_loaded *loaded = &unwinder->loaded;
	int32_t index = cs_loaded_find(loaded, address);
	const struct cs_loaded_entry *entry = index >= 0 ? &loaded->entries[index] : NULL;

	*place = (struct cs_unwinder_place){.mapping = index};
	if (!entry)
		return;
	if (entry->cfi) {
		place->offset = address - entry->bias;
		place->build_id = cs_cfi_build_id(entry->cfi, &place->build_id_bytes);
		if (!place->build_id_bytes)
			place->build_id = NULL;
	} else {
		place->offset = address - loaded->mappings.at[index].start +
		                loaded->mappings.at[index].offset;
	}
}
