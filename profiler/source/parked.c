/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three reads for a batch, whatever its size: the contexts, the ends of the stacks that are
 * walked, and the slots once more.
 */
#include "source/parked.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/modules.h"
#include "source/stackmap.h"
#include "unwind/context.h"
#include "unwind/reading.h"
#include "unwind/unwinder.h"
#include "wire/record.h"

/* Of a stack so much is read with the batch; most parked ones are not deeper. */
#define WINDOW_BYTES 1024u

#define AGENT_FILE "libcoroscope-agent.so"

/* Beyond this many different stacks the map starts anew. */
#define STACKS_MAX 1000000u

struct member {
	enum cs_context_kind kind;
	struct cs_registers registers;
	bool valid;
	uint8_t context[CS_CONTEXT_BYTES_MAX];
	uint8_t window[WINDOW_BYTES];
};

struct cs_parked {
	struct cs_parked_options options;
	struct cs_unwinder *unwinder;
	struct cs_stackmap stacks; /* hashes of paths of addresses to nodes */
	uint32_t *modules;         /* of the model, by mapping; 0: not asked yet */
	uint32_t module_count;
	uint64_t guard; /* pointer guard */
	bool has_guard;
	uint32_t maps_serial;
	uint64_t agent_start, agent_end; /* of its code */
	struct cs_piece pieces[CS_PARKED_BATCH];
	uint32_t piece_of[CS_PARKED_BATCH];
	struct member members[CS_PARKED_BATCH];
};

static const enum cs_context_kind kinds[] = {
	[CS_SLOT_CONTEXT_NONE] = CS_CONTEXT_NONE,
	[CS_SLOT_CONTEXT_UCONTEXT] = CS_CONTEXT_UCONTEXT,
	[CS_SLOT_CONTEXT_FCONTEXT] = CS_CONTEXT_FCONTEXT,
	[CS_SLOT_CONTEXT_JMPBUF] = CS_CONTEXT_JMP_BUF,
	[CS_SLOT_CONTEXT_JMPBUF_PLAIN] = CS_CONTEXT_PLAIN_BUF,
	[CS_SLOT_CONTEXT_SP] = CS_CONTEXT_CALLER,
	[CS_SLOT_CONTEXT_GCCGO] = CS_CONTEXT_GCCGO,
};

/* ---- life ---- */

static int open_file(void *context, const struct cs_mapping *mapping)
{
	const struct cs_parked *parked = context;
	const struct cs_module_range range = {.start = mapping->start, .end = mapping->end};
	char reopen[4352];

	return cs_module_open(parked->options.pid, &range, mapping->path, false, reopen,
	                      sizeof(reopen));
}

struct cs_parked *cs_parked_new(const struct cs_parked_options *options)
{
	struct cs_parked *parked = calloc(1, sizeof(*parked));
	struct cs_unwinder_options unwinder = {
		.pid = options->pid,
		.open_file = open_file,
		.context = parked,
	};

	if (!parked)
		return NULL;
	parked->options = *options;
	parked->unwinder = cs_unwinder_new(&unwinder);
	if (parked->unwinder)
		return parked;
	free(parked);
	return NULL;
}

void cs_parked_free(struct cs_parked *parked)
{
	if (!parked)
		return;
	cs_unwinder_free(parked->unwinder);
	cs_stackmap_free(&parked->stacks);
	free(parked->modules);
	free(parked);
}

static void find_agent(struct cs_parked *parked)
{
	const struct cs_mappings *mappings = cs_unwinder_mappings(parked->unwinder);

	parked->agent_start = parked->agent_end = 0;
	for (uint32_t i = 0; i < mappings->count; i++) {
		if (!strstr(mappings->at[i].path, AGENT_FILE))
			continue;
		parked->agent_start = mappings->at[i].start;
		parked->agent_end = mappings->at[i].end;
	}
}

int cs_parked_begin(struct cs_parked *parked)
{
	uint32_t serial;
	int error = cs_unwinder_refresh(parked->unwinder);

	if (error)
		return error;
	serial = cs_unwinder_serial(parked->unwinder);
	if (serial != parked->maps_serial)
		find_agent(parked);
	if (serial != parked->maps_serial || parked->stacks.count > STACKS_MAX) {
		parked->maps_serial = serial;
		cs_stackmap_free(&parked->stacks);
		free(parked->modules);
		parked->module_count = cs_unwinder_mappings(parked->unwinder)->count;
		parked->modules = calloc(parked->module_count + 1, sizeof(uint32_t));
	}
	if (!parked->has_guard)
		parked->has_guard = !cs_context_guard(parked->options.pid, &parked->guard);
	return parked->modules ? 0 : -ENOMEM;
}

uint64_t cs_parked_mappings(const struct cs_parked *parked)
{
	return cs_unwinder_mappings(parked->unwinder)->all;
}

/* ---- frames ---- */

/* A file that the model hears of for the first time is to be kept open for its names. */
static void hand_over(struct cs_parked *parked, uint32_t module, const struct cs_mapping *mapping)
{
	const struct cs_parked_options *options = &parked->options;
	const struct cs_module_range range = {.start = mapping->start, .end = mapping->end};
	char reopen[4352];
	int fd;

	if (!options->on_module)
		return;
	fd = cs_module_open(options->pid, &range, mapping->path, false, reopen, sizeof(reopen));
	options->on_module(options->context, module, fd, fd >= 0 ? reopen : mapping->path);
}

static uint32_t module_of(struct cs_parked *parked, const struct cs_unwinder_place *place)
{
	struct cs_model *model = parked->options.model;
	const struct cs_mapping *mapping;
	uint32_t known = cs_model_module_count(model);
	uint32_t module;

	if (place->mapping < 0 || (uint32_t)place->mapping >= parked->module_count)
		return CS_MODULE_NONE;
	if (parked->modules[place->mapping])
		return parked->modules[place->mapping];
	mapping = &cs_unwinder_mappings(parked->unwinder)->at[place->mapping];
	if (!mapping->path[0])
		return CS_MODULE_NONE;
	module = cs_model_module(model, mapping->path, place->build_id, place->build_id_bytes);
	if (module > known)
		hand_over(parked, module, mapping);
	parked->modules[place->mapping] = module;
	return module;
}

uint32_t cs_parked_frame(struct cs_parked *parked, uint64_t address)
{
	struct cs_unwinder_place place;
	uint32_t module;

	cs_unwinder_place(parked->unwinder, address, &place);
	module = module_of(parked, &place);
	return cs_model_frame(parked->options.model, module,
	                      module == CS_MODULE_NONE ? address : place.offset);
}

/*
 * How many frames inside of all others are the agent's own: a switch may have been made from
 * within its hook.
 */
static uint32_t agent_frames(const struct cs_parked *parked,
                             const struct cs_unwinder_frames *frames)
{
	uint32_t count = 0;

	while (count < frames->count && frames->address[count] >= parked->agent_start &&
	       frames->address[count] < parked->agent_end)
		count++;
	return count;
}

static uint32_t node_of(struct cs_parked *parked, const struct cs_unwinder_frames *frames)
{
	struct cs_model *model = parked->options.model;
	uint32_t first = agent_frames(parked, frames);
	uint64_t hash = cs_stack_root(frames->cut);
	uint32_t node = 0;

	if (frames->cut && frames->count)
		node = cs_model_node(model, 0,
		                     cs_model_frame(model, CS_MODULE_NONE,
		                                    frames->count == CS_UNWINDER_FRAMES
		                                            ? CS_FRAME_CUT_DEPTH
		                                            : CS_FRAME_CUT_UNKNOWN));
	for (uint32_t i = frames->count; i-- > first;) {
		const struct cs_stackmap_entry *entry;

		hash = cs_stack_hash(hash, frames->address[i]);
		entry = cs_stackmap_find(&parked->stacks, hash);
		if (entry) {
			node = entry->node;
			continue;
		}
		node = cs_model_node(model, node, cs_parked_frame(parked, frames->address[i]));
		if (!node || cs_stackmap_set(&parked->stacks, hash, node, false))
			return node;
	}
	return node;
}

/* ---- batches ---- */

static enum cs_context_kind kind_of(const struct cs_slot *slot)
{
	if (!cs_slot_has_context(slot) || !slot->context || (slot->flags & CS_SLOT_SHARED_STACK) ||
	    slot->context_kind >= sizeof(kinds) / sizeof(kinds[0]))
		return CS_CONTEXT_NONE;
	return kinds[slot->context_kind];
}

static int read_contexts(struct cs_parked *parked, const struct cs_slot_copy *copies,
                         uint32_t count)
{
	uint32_t pieces = 0;
	int error;

	for (uint32_t i = 0; i < count; i++) {
		struct member *member = &parked->members[i];
		struct cs_piece *piece = &parked->pieces[pieces];

		member->kind = copies[i].torn ? CS_CONTEXT_NONE : kind_of(&copies[i].slot);
		member->valid = false;
		if (member->kind == CS_CONTEXT_NONE)
			continue;
		cs_context_where(member->kind, copies[i].slot.context, &piece->address,
		                 &piece->bytes);
		piece->to = member->context;
		parked->piece_of[pieces++] = i;
	}
	error = cs_reading(parked->options.pid, parked->pieces, pieces);
	for (uint32_t i = 0; !error && i < pieces; i++)
		parked->members[parked->piece_of[i]].valid = parked->pieces[i].got ==
		                                             parked->pieces[i].bytes;
	return error;
}

static bool decode(struct cs_parked *parked, struct member *member, uint64_t context)
{
	const struct cs_mappings *maps = cs_unwinder_mappings(parked->unwinder);
	const struct cs_registers *registers = &member->registers;
	/* Boost has moved the registers by a word since 1.80: where they are, there is code. */
	bool maybe_newer = member->kind == CS_CONTEXT_FCONTEXT;

	if (cs_context_decode(member->kind, context, member->context, parked->guard,
	                      &member->registers) &&
	    cs_mappings_find(maps, registers->value[CS_REGISTER_RIP]) >= 0)
		return true;
	return maybe_newer &&
	       cs_context_decode(CS_CONTEXT_FCONTEXT_2, context, member->context + 8, parked->guard,
	                         &member->registers) &&
	       cs_mappings_find(maps, registers->value[CS_REGISTER_RIP]) >= 0;
}

static int read_windows(struct cs_parked *parked, const struct cs_slot_copy *copies, uint32_t count)
{
	uint32_t pieces = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct member *member = &parked->members[i];
		struct cs_piece *piece = &parked->pieces[pieces];
		uint64_t sp, high = copies[i].slot.stack_high;

		if (member->valid)
			member->valid = decode(parked, member, copies[i].slot.context);
		if (!member->valid)
			continue;
		sp = member->registers.value[CS_REGISTER_RSP];
		*piece = (struct cs_piece){sp, WINDOW_BYTES, 0, member->window};
		if (high > sp && high - sp < WINDOW_BYTES)
			piece->bytes = (uint32_t)(high - sp);
		parked->piece_of[pieces++] = i;
	}
	return cs_reading(parked->options.pid, parked->pieces, pieces);
}

/* COPIED: bytes of its window. True: more than these was read. */
static bool walk(struct cs_parked *parked, const struct cs_slot *slot, struct member *member,
                 uint32_t copied, struct cs_parked_stack *stack)
{
	struct cs_unwinder_frames frames;
	uint64_t sp = member->registers.value[CS_REGISTER_RSP];
	const struct cs_unwinder_stack memory = {
		.low = slot->stack_low,
		.high = slot->stack_high,
		.copy_address = sp,
		.copy_bytes = copied,
		.copy = member->window,
	};

	cs_unwinder_walk(parked->unwinder, &member->registers, false, &memory, &frames);
	stack->node = node_of(parked, &frames);
	stack->cut = frames.cut;
	if (sp >= slot->stack_low && sp <= slot->stack_high)
		stack->used = slot->stack_high - sp;
	return frames.beyond;
}

/*
 * One that is in the kernel may come back and go there again without a switch: then its context
 * has changed. Clears STILL[i] of those.
 */
static void check_contexts(struct cs_parked *parked, const struct cs_slot_copy *copies,
                           uint32_t count, bool *still)
{
	uint32_t pieces = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct cs_piece *piece = &parked->pieces[pieces];

		if (!parked->members[i].valid || cs_slot_is_parked(copies[i].slot.turn))
			continue;
		cs_context_where(parked->members[i].kind, copies[i].slot.context, &piece->address,
		                 &piece->bytes);
		piece->to = parked->members[i].window;
		parked->piece_of[pieces++] = i;
	}
	if (!pieces)
		return;
	if (cs_reading(parked->options.pid, parked->pieces, pieces))
		pieces = 0;
	for (uint32_t i = 0; i < pieces; i++) {
		const struct member *member = &parked->members[parked->piece_of[i]];

		if (parked->pieces[i].got != parked->pieces[i].bytes ||
		    memcmp(member->window, member->context, parked->pieces[i].bytes) != 0)
			still[parked->piece_of[i]] = false;
	}
}

int cs_parked_walk(struct cs_parked *parked, struct cs_slots *slots,
                   const struct cs_slot_copy *copies, uint32_t count,
                   struct cs_parked_stack *stacks)
{
	bool then[CS_PARKED_BATCH], now[CS_PARKED_BATCH], beyond[CS_PARKED_BATCH] = {false};
	uint32_t piece = 0;
	int error = read_contexts(parked, copies, count);

	if (!error)
		error = read_windows(parked, copies, count);
	memset(then, !error, sizeof(then));
	memset(now, !error, sizeof(now));
	/* What was copied is whole if nobody had moved on when it was … */
	cs_slots_check(slots, copies, count, then);
	for (uint32_t i = 0; i < count; i++) {
		stacks[i] = (struct cs_parked_stack){.used = CS_UNKNOWN};
		if (error || !parked->members[i].valid)
			continue;
		if (then[i])
			beyond[i] = walk(parked, &copies[i].slot, &parked->members[i],
			                 parked->pieces[piece].got, &stacks[i]);
		piece++;
	}
	/* … and what was read in addition if they still have not. */
	cs_slots_check(slots, copies, count, now);
	check_contexts(parked, copies, count, then);
	for (uint32_t i = 0; !error && i < count; i++) {
		if (then[i] && (now[i] || !beyond[i]))
			continue;
		stacks[i] = (struct cs_parked_stack){.used = CS_UNKNOWN, .moved = true};
	}
	return error;
}
