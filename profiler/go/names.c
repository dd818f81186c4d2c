/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wrappers that the compiler makes are left out, as in Go's own dumps, and so is the function
 * that every goroutine returns to.
 */
#include "go/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/index.h"

#define CALLS_MAX 64u /* inlined into each other at one address */

#define KNOWN_FIRST (1u << 10)
#define KNOWN_MAX (1u << 20)

struct cs_go_known_stack {
	uint64_t hash; /* 0: empty */
	uint32_t node;
};

int cs_go_names_init(struct cs_go_names *names, struct cs_model *model, struct cs_symbols *symbols,
                     struct cs_go_memory *memory, struct cs_go_places *places)
{
	*names = (struct cs_go_names){
		.model = model, .symbols = symbols, .memory = memory, .places = places};
	names->known = calloc(KNOWN_FIRST, sizeof(*names->known));
	names->mask = KNOWN_FIRST - 1;
	return names->known ? 0 : -ENOMEM;
}

void cs_go_names_free(struct cs_go_names *names)
{
	cs_arena_free(&names->texts);
	free(names->known);
	*names = (struct cs_go_names){0};
}

/* ---- frames ---- */

/* As Go prints it: what a generic function was made for is left out. */
static const char *name_for_print(struct cs_go_names *names, const char *name)
{
	const char *open = strchr(name, '[');
	const char *close = strrchr(name, ']');

	if (!open || !close || close < open || !strcmp(open, "[...]"))
		return name[0] ? name : NULL;
	size_t head = (size_t)(open - name), tail = strlen(close + 1);
	char *text = cs_arena_take(&names->texts, head + 5 + tail + 1);

	if (!text)
		return name;
	memcpy(text, name, head);
	memcpy(text + head, "[...]", 5);
	memcpy(text + head + 5, close + 1, tail);
	text[head + 5 + tail] = '\0';
	return text;
}

/* Names of the calls at PLACE without wrappers; 0: there are only such. */
static uint32_t name_calls(struct cs_go_names *names, const struct cs_go_place *place,
                           struct cs_name *out)
{
	const struct cs_go_module *module = &names->places->modules[place->module];
	struct cs_go_call calls[CALLS_MAX];
	struct cs_go_function function;
	uint32_t kept = 0;

	if (!cs_go_table_at(&module->table, place->function, &function))
		return 0;
	uint32_t count = cs_go_table_calls(&module->table, &function, place->address - module->text,
	                                   names->memory, module->gofunc, calls, CALLS_MAX);

	for (uint32_t i = 0; i < count; i++)
		if (!calls[i].wrapper)
			out[kept++] = (struct cs_name){
				.function = name_for_print(names, calls[i].function),
				.file = calls[i].file,
				.line = calls[i].line,
				.inlined = true,
			};
	if (kept)
		out[kept - 1].inlined = false;
	return kept;
}

/* A wrapper that calls a panicking function is where the program went wrong: it has a name. */
static uint32_t name_wrapper(const struct cs_go_names *names, const struct cs_go_place *place,
                             struct cs_name *out)
{
	const struct cs_go_module *module = &names->places->modules[place->module];
	struct cs_go_function function;

	if (!cs_go_table_at(&module->table, place->function, &function))
		return 0;
	out[0] = (struct cs_name){.function = cs_go_table_name(&module->table, &function)};
	return 1;
}

static uint32_t make_frame(struct cs_go_names *names, const struct cs_go_place *place)
{
	const struct cs_go_module *module = &names->places->modules[place->module];
	struct cs_name calls[CALLS_MAX];
	const struct cs_name *have;
	uint32_t frame =
		cs_model_frame(names->model, module->module, place->address - module->bias);

	if (!frame || (names->symbols && cs_symbols_get(names->symbols, frame, &have)))
		return frame;
	uint32_t count = name_calls(names, place, calls);

	if (!count)
		count = name_wrapper(names, place, calls);
	if (names->symbols && cs_symbols_set(names->symbols, frame, calls, count))
		return 0;
	return frame;
}

uint32_t cs_go_names_frame(struct cs_go_names *names, uint64_t key)
{
	struct cs_go_place *place = cs_go_place_of(names->places, key >> 1, key & 1);

	if (!(place->flags & CS_GO_PLACE_KNOWN))
		return 0;
	if (!place->frame)
		place->frame = make_frame(names, place);
	return place->frame;
}

/* ---- stacks ---- */

static uint64_t hash_stack(const struct cs_go_stack *stack, enum cs_go_hide hide)
{
	uint64_t hash = UINT64_C(0x9e3779b97f4a7c15) ^ hide ^ (stack->cut ? 2 : 0) ^
	                (stack->complete ? 4 : 0);

	for (uint32_t i = 0; i < stack->depth; i++) {
		hash = (hash ^ stack->keys[i]) * UINT64_C(0xd6e8feb86659fd93);
		hash ^= hash >> 32;
	}
	return hash ? hash : 1;
}

static struct cs_go_known_stack *slot_of(const struct cs_go_names *names, uint64_t hash)
{
	uint32_t at = cs_hash_u64(hash) & names->mask;

	while (names->known[at].hash && names->known[at].hash != hash)
		at = (at + 1) & names->mask;
	return &names->known[at];
}

static void remember(struct cs_go_names *names, uint64_t hash, uint32_t node)
{
	struct cs_go_known_stack *old = names->known;
	uint32_t size = names->mask + 1;

	if (names->count >= size / 4 * 3) {
		if (size >= KNOWN_MAX) {
			memset(old, 0, size * sizeof(*old));
			names->count = 0;
		} else {
			struct cs_go_known_stack *larger =
				calloc((size_t)size * 2, sizeof(*larger));

			if (!larger)
				return;
			names->known = larger;
			names->mask = size * 2 - 1;
			for (uint32_t i = 0; i < size; i++)
				if (old[i].hash)
					*slot_of(names, old[i].hash) = old[i];
			free(old);
		}
	}
	*slot_of(names, hash) = (struct cs_go_known_stack){hash, node};
	names->count++;
}

bool cs_go_names_has_inlined(struct cs_go_names *names, uint64_t key)
{
	const struct cs_go_place *place = cs_go_place_of(names->places, key >> 1, key & 1);
	struct cs_name calls[CALLS_MAX];

	return place->flags & CS_GO_PLACE_WRAPPER && name_calls(names, place, calls) > 0;
}

static bool is_wrapper(struct cs_go_names *names, const struct cs_go_stack *stack, uint32_t i)
{
	const struct cs_go_place *place =
		cs_go_place_of(names->places, stack->keys[i] >> 1, stack->keys[i] & 1);

	if (!(place->flags & CS_GO_PLACE_WRAPPER) || cs_go_names_has_inlined(names, stack->keys[i]))
		return false;
	if (i == 0)
		return true;
	place = cs_go_place_of(names->places, stack->keys[i - 1] >> 1, stack->keys[i - 1] & 1);
	return !(place->flags & CS_GO_PLACE_PANIC);
}

/* How many of the innermost frames are the runtime's; none when all are: its own goroutine. */
static uint32_t skip_runtime(struct cs_go_names *names, const struct cs_go_stack *stack)
{
	for (uint32_t i = 0; i < stack->depth; i++) {
		uint8_t flags =
			cs_go_place_of(names->places, stack->keys[i] >> 1, stack->keys[i] & 1)
				->flags;
		if (!(flags & CS_GO_PLACE_RUNTIME) || (flags & CS_GO_PLACE_TOP))
			return flags & CS_GO_PLACE_TOP ? 0 : i;
	}
	return 0;
}

static uint32_t build_node(struct cs_go_names *names, const struct cs_go_stack *stack,
                           enum cs_go_hide hide)
{
	uint32_t first = hide == CS_GO_HIDE_RUNTIME ? skip_runtime(names, stack) : 0;
	uint64_t last = stack->keys[stack->depth - 1];
	bool top = cs_go_place_of(names->places, last >> 1, last & 1)->flags & CS_GO_PLACE_TOP;
	uint32_t end = top && stack->depth > 1 ? stack->depth - 1 : stack->depth;
	uint32_t node = 0;

	if (!stack->complete) {
		uint64_t mark = stack->cut ? CS_FRAME_CUT_DEPTH : CS_FRAME_CUT_UNKNOWN;

		node = cs_model_node(names->model, 0,
		                     cs_model_frame(names->model, CS_MODULE_NONE, mark));
	}
	for (uint32_t i = end; i-- > first;) {
		if (is_wrapper(names, stack, i))
			continue;
		uint32_t frame = cs_go_names_frame(names, stack->keys[i]);

		node = frame ? cs_model_node(names->model, node, frame) : 0;
		if (!node)
			return 0;
	}
	return node;
}

uint32_t cs_go_names_node(struct cs_go_names *names, const struct cs_go_stack *stack,
                          enum cs_go_hide hide)
{
	uint64_t hash = hash_stack(stack, hide);
	const struct cs_go_known_stack *known = slot_of(names, hash);
	uint32_t node;

	if (!stack->depth)
		return 0;
	if (known->hash)
		return known->node;
	node = build_node(names, stack, hide);
	if (node)
		remember(names, hash, node);
	return node;
}

const char *cs_go_names_function(struct cs_go_names *names, uint64_t address)
{
	const struct cs_go_place *place = cs_go_place_of(names->places, address, true);
	struct cs_go_function function;

	if (!(place->flags & CS_GO_PLACE_KNOWN))
		return "";
	const struct cs_go_table *table = &names->places->modules[place->module].table;

	return cs_go_table_at(table, place->function, &function)
	               ? cs_go_table_name(table, &function)
	               : "";
}
