/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything here is interned: texts, modules, functions, calls, stacks. Each table gives the
 * same small id to equal things, so that equality further up is equality of pointers and the
 * work per node of the model is done once, however many rows and snapshots use it.
 */
#include "model/stacks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/index.h"
#include "base/list.h"

struct text {
	const char *s;
};

struct module {
	uint32_t name; /* text: the path, or its last component without lines */
	uint8_t build_id[32];
	uint32_t build_id_bytes;
	const char *path;
};

struct function {
	uint32_t module; /* id + 1 in modules, 0 none; of the exact module if it has no name */
	uint32_t text;
};

/* The calls that one frame of a model stands for, innermost first. */
struct frame_calls {
	struct cs_call **calls;
	uint32_t count;
};

/* What was worked out for one model with its names. */
struct view {
	const struct cs_model *model;
	const struct cs_symbols *symbols;
	struct frame_calls *frames; /* by frame id */
	size_t frame_room;
	const struct cs_stack **stacks; /* by node id */
	size_t node_room;
};

struct cs_stacks {
	bool by_line;
	struct cs_arena arena;
	struct cs_list texts, modules, functions, calls, stacks;
	struct cs_index text_index, module_index, function_index, call_index, stack_index;
	struct view *views;
	uint32_t view_count;
	uint32_t *climb; /* nodes between the one asked for and the nearest known */
	size_t climb_room;
};

/* As everything shows it: "[truncated]". */
static const char *mark_text(uint64_t mark)
{
	switch (mark) {
	case 0:
		return "[no stack]";
	case CS_FRAME_CUT_DEPTH:
		return "[truncated]";
	case CS_FRAME_CUT_UNKNOWN:
		return "[unknown callers]";
	case CS_FRAME_GUESSED:
		return "[callers guessed]";
	case CS_FRAME_SIGNAL:
		return "[in a signal handler]";
	case CS_FRAME_LOST:
		return "[stack lost]";
	case CS_FRAME_KERNEL:
		return "[kernel]";
	default:
		return "[unknown mark]";
	}
}

struct cs_stacks *cs_stacks_new(bool by_line)
{
	struct cs_stacks *stacks = calloc(1, sizeof(*stacks));

	if (!stacks)
		return NULL;
	stacks->by_line = by_line;
	cs_list_init(&stacks->texts, sizeof(struct text), 10);
	cs_list_init(&stacks->modules, sizeof(struct module), 6);
	cs_list_init(&stacks->functions, sizeof(struct function), 10);
	cs_list_init(&stacks->calls, sizeof(struct cs_call), 10);
	cs_list_init(&stacks->stacks, sizeof(struct cs_stack), 10);
	return stacks;
}

void cs_stacks_free(struct cs_stacks *stacks)
{
	if (!stacks)
		return;
	for (uint32_t i = 0; i < stacks->view_count; i++) {
		free(stacks->views[i].frames);
		free(stacks->views[i].stacks);
	}
	free(stacks->views);
	free(stacks->climb);
	cs_list_free(&stacks->texts);
	cs_list_free(&stacks->modules);
	cs_list_free(&stacks->functions);
	cs_list_free(&stacks->calls);
	cs_list_free(&stacks->stacks);
	cs_index_free(&stacks->text_index);
	cs_index_free(&stacks->module_index);
	cs_index_free(&stacks->function_index);
	cs_index_free(&stacks->call_index);
	cs_index_free(&stacks->stack_index);
	cs_arena_free(&stacks->arena);
	free(stacks);
}

uint32_t cs_stacks_count(const struct cs_stacks *stacks)
{
	return stacks->stacks.count;
}

/* The tables below give ids from 1; 0 is "no memory", and in keys "none". */

static uint32_t text_id(struct cs_stacks *stacks, const char *s)
{
	uint32_t hash = cs_hash_bytes(s, strlen(s));
	struct cs_probe probe = cs_index_probe(&stacks->text_index, hash);
	uint32_t id;

	while ((id = cs_probe_next(&probe)))
		if (strcmp(((struct text *)cs_list_at(&stacks->texts, id - 1))->s, s) == 0)
			return id;
	char *copy = cs_arena_text(&stacks->arena, s);
	struct text *text = copy ? cs_list_push(&stacks->texts) : NULL;
	if (!text)
		return 0;
	text->s = copy;
	return cs_index_add(&stacks->text_index, hash, stacks->texts.count) ? 0
	                                                                    : stacks->texts.count;
}

static const char *text_at(const struct cs_stacks *stacks, uint32_t id)
{
	return ((const struct text *)cs_list_at(&stacks->texts, id - 1))->s;
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* EXACT: this very file. Otherwise, without lines, any that has its name. */
static uint32_t module_id(struct cs_stacks *stacks, const struct cs_module *module, bool exact)
{
	const char *path = module->path ? module->path : "";
	struct module key = {0};

	exact = exact || stacks->by_line;
	key.name = text_id(stacks, exact ? path : last_component(path));
	if (!key.name)
		return 0;
	if (exact && module->build_id_bytes <= sizeof(key.build_id)) {
		key.build_id_bytes = module->build_id_bytes;
		memcpy(key.build_id, module->build_id, module->build_id_bytes);
	}
	uint32_t hash = cs_hash_pair(key.name, cs_hash_bytes(key.build_id, key.build_id_bytes));
	struct cs_probe probe = cs_index_probe(&stacks->module_index, hash);
	uint32_t id;
	while ((id = cs_probe_next(&probe))) {
		struct module *old = cs_list_at(&stacks->modules, id - 1);
		if (old->name == key.name && old->build_id_bytes == key.build_id_bytes &&
		    memcmp(old->build_id, key.build_id, key.build_id_bytes) == 0)
			return id;
	}
	uint32_t text = text_id(stacks, path);
	struct module *added = text ? cs_list_push(&stacks->modules) : NULL;
	if (!added)
		return 0;
	*added = key;
	added->path = text_at(stacks, text);
	id = stacks->modules.count;
	return cs_index_add(&stacks->module_index, hash, id) ? 0 : id;
}

static uint32_t function_id(struct cs_stacks *stacks, struct function key)
{
	uint32_t hash = cs_hash_pair(key.module, key.text);
	struct cs_probe probe = cs_index_probe(&stacks->function_index, hash);
	uint32_t id;

	while ((id = cs_probe_next(&probe))) {
		struct function *old = cs_list_at(&stacks->functions, id - 1);
		if (old->module == key.module && old->text == key.text)
			return id;
	}
	struct function *added = cs_list_push(&stacks->functions);
	if (!added)
		return 0;
	*added = key;
	id = stacks->functions.count;
	return cs_index_add(&stacks->function_index, hash, id) ? 0 : id;
}

static bool same_call(const struct cs_stacks *stacks, const struct cs_call *a,
                      const struct cs_call *b)
{
	if (a->function_id != b->function_id)
		return false;
	return !stacks->by_line ||
	       (a->file == b->file && a->line == b->line && a->inlined == b->inlined);
}

/* KEY has everything but its id. */
static struct cs_call *find_call(struct cs_stacks *stacks, const struct cs_call *key)
{
	uint64_t place = stacks->by_line ? (uintptr_t)key->file + key->line * 2u + key->inlined : 0;
	uint32_t hash = cs_hash_pair(key->function_id, place);
	struct cs_probe probe = cs_index_probe(&stacks->call_index, hash);
	uint32_t id;

	while ((id = cs_probe_next(&probe))) {
		struct cs_call *old = cs_list_at(&stacks->calls, id - 1);
		if (!same_call(stacks, old, key))
			continue;
		if (old->address != key->address)
			old->address = 0;
		return old;
	}
	struct cs_call *added = cs_list_push(&stacks->calls);
	if (!added || cs_index_add(&stacks->call_index, hash, stacks->calls.count))
		return NULL;
	*added = *key;
	added->id = stacks->calls.count - 1;
	return added;
}

/* What a frame without a name is called, in TEXT. */
static void place_text(char *text, size_t size, const struct cs_module *module, uint64_t offset)
{
	if (module)
		snprintf(text, size, "%s+0x%" PRIx64,
		         last_component(module->path ? module->path : ""), offset);
	else if (offset < CS_FRAME_MARKS)
		snprintf(text, size, "%s", mark_text(offset));
	else
		snprintf(text, size, "0x%" PRIx64, offset);
}

/* NAME may be all empty. MODULE is NULL for marks and addresses outside of modules. */
static struct cs_call *make_call(struct cs_stacks *stacks, const struct cs_name *name,
                                 const struct cs_module *module, uint64_t offset)
{
	char place[512];
	const char *text = name->function;
	struct function function = {0};
	struct cs_call key = {.line = name->line, .inlined = name->inlined, .named = text != NULL};

	if (!text) {
		place_text(place, sizeof(place), module, offset);
		text = place;
	}
	key.mark = !module && offset < CS_FRAME_MARKS;
	key.address = key.mark ? 0 : offset;
	if (module) {
		uint32_t shown = module_id(stacks, module, false);
		function.module = key.named ? shown : module_id(stacks, module, true);
		if (!shown || !function.module)
			return NULL;
		key.module_id = shown;
		key.module = ((struct module *)cs_list_at(&stacks->modules, shown - 1))->path;
	}
	function.text = text_id(stacks, text);
	uint32_t id = function.text ? function_id(stacks, function) : 0;
	uint32_t file = name->file ? text_id(stacks, name->file) : 0;
	if (!id || (name->file && !file))
		return NULL;
	key.function_id = id - 1;
	key.function = text_at(stacks, function.text);
	key.file = file ? text_at(stacks, file) : NULL;
	return find_call(stacks, &key);
}

/* The calls of a frame that was not seen before. */
static bool name_frame(struct cs_stacks *stacks, const struct view *view, uint32_t id,
                       struct frame_calls *out)
{
	static const struct cs_name none;
	const struct cs_frame *frame = cs_model_frame_at(view->model, id);
	uint64_t offset = frame ? frame->offset : CS_FRAME_CUT_UNKNOWN;
	const struct cs_module *module = frame ? cs_model_module_at(view->model, frame->module)
	                                       : NULL;
	const struct cs_name *names = NULL;
	uint32_t count = view->symbols ? cs_symbols_get(view->symbols, id, &names) : 0;

	if (count == 0) {
		names = &none;
		count = 1;
	}
	struct cs_call **calls = cs_arena_take(&stacks->arena, count * sizeof(struct cs_call *));
	if (!calls)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		calls[i] = make_call(stacks, &names[i], module, offset);
		if (!calls[i])
			return false;
	}
	out->calls = calls;
	out->count = count;
	return true;
}

/* CALL called by CALLER. */
static const struct cs_stack *push_call(struct cs_stacks *stacks, const struct cs_stack *caller,
                                        const struct cs_call *call)
{
	uint32_t hash = cs_hash_pair(caller ? caller->id + 1 : 0, call->id);
	struct cs_probe probe = cs_index_probe(&stacks->stack_index, hash);
	uint32_t id;

	while ((id = cs_probe_next(&probe))) {
		struct cs_stack *old = cs_list_at(&stacks->stacks, id - 1);
		if (old->caller == caller && old->call == call)
			return old;
	}
	struct cs_stack *added = cs_list_push(&stacks->stacks);
	if (!added || cs_index_add(&stacks->stack_index, hash, stacks->stacks.count))
		return NULL;
	added->caller = caller;
	added->call = call;
	added->depth = caller ? caller->depth + 1 : 1;
	added->id = stacks->stacks.count - 1;
	return added;
}

static const struct cs_stack *push_frame(struct cs_stacks *stacks, struct view *view,
                                         const struct cs_stack *caller, uint32_t frame)
{
	struct frame_calls *calls = &view->frames[frame];

	if (!calls->calls && !name_frame(stacks, view, frame, calls))
		return NULL;
	for (uint32_t i = calls->count; i-- > 0 && calls->calls;) {
		caller = push_call(stacks, caller, calls->calls[i]);
		if (!caller)
			return NULL;
	}
	return caller;
}

/* Makes room for COUNT elements, the new ones cleared. */
static bool reserve_cleared(void **array, size_t *room, size_t bytes, size_t count)
{
	size_t old = *room;

	if (cs_array_reserve(array, room, bytes, count))
		return false;
	memset((char *)*array + old * bytes, 0, (*room - old) * bytes);
	return true;
}

static struct view *view_of(struct cs_stacks *stacks, const struct cs_snapshot *snapshot)
{
	struct view *view = NULL;

	for (uint32_t i = 0; i < stacks->view_count && !view; i++)
		if (stacks->views[i].model == snapshot->model &&
		    stacks->views[i].symbols == snapshot->symbols)
			view = &stacks->views[i];
	if (!view) {
		struct view *views =
			reallocarray(stacks->views, stacks->view_count + 1, sizeof(*views));
		if (!views)
			return NULL;
		stacks->views = views;
		view = &views[stacks->view_count++];
		*view = (struct view){.model = snapshot->model, .symbols = snapshot->symbols};
	}
	void *frames = view->frames;
	void *nodes = view->stacks;
	bool room = reserve_cleared(&frames, &view->frame_room, sizeof(*view->frames),
	                            (size_t)cs_model_frame_count(view->model) + 1) &&
	            reserve_cleared(&nodes, &view->node_room, sizeof(struct cs_stack *),
	                            (size_t)cs_model_node_count(view->model) + 1);
	view->frames = frames;
	view->stacks = nodes;
	return room ? view : NULL;
}

static const struct cs_stack *no_stack(struct cs_stacks *stacks)
{
	static const struct cs_name none;
	const struct cs_call *call = make_call(stacks, &none, NULL, 0);

	return call ? push_call(stacks, NULL, call) : NULL;
}

const struct cs_stack *cs_stacks_get(struct cs_stacks *stacks, const struct cs_snapshot *snapshot,
                                     uint32_t node)
{
	struct view *view = view_of(stacks, snapshot);
	const struct cs_stack *stack = NULL;
	size_t count = 0;

	if (!view)
		return NULL;
	/* Up to a node that is known, then down again. A parent is older than its children:
	 * what is not, in a damaged trace, ends the stack. */
	while (node && node <= cs_model_node_count(view->model) && !(stack = view->stacks[node])) {
		void *climb = stacks->climb;
		if (cs_array_reserve(&climb, &stacks->climb_room, sizeof(node), count + 1))
			return NULL;
		stacks->climb = climb;
		stacks->climb[count++] = node;
		uint32_t parent = cs_model_node_at(view->model, node)->parent;
		node = parent < node ? parent : 0;
	}
	if (count == 0 && !stack)
		return no_stack(stacks);
	while (count-- > 0) {
		node = stacks->climb[count];
		uint32_t frame = cs_model_node_at(view->model, node)->frame;
		if (frame > cs_model_frame_count(view->model))
			frame = 0;
		stack = push_frame(stacks, view, stack, frame);
		if (!stack)
			return NULL;
		view->stacks[node] = stack;
	}
	return stack;
}

static struct cs_call *mark_call(struct cs_stacks *stacks, const char *text)
{
	struct function function = {.text = text_id(stacks, text)};
	uint32_t id = function.text ? function_id(stacks, function) : 0;
	struct cs_call key = {.function_id = id - 1, .mark = true};

	if (!id)
		return NULL;
	key.function = text_at(stacks, function.text);
	return find_call(stacks, &key);
}

/* The calls of STACK once more, on top of ROOT. */
static const struct cs_stack *on_root(struct cs_stacks *stacks, const struct cs_stack *stack,
                                      const struct cs_stack *root)
{
	void *climb = stacks->climb;

	if (cs_array_reserve(&climb, &stacks->climb_room, sizeof(*stacks->climb), stack->depth))
		return NULL;
	stacks->climb = climb;
	uint32_t count = 0;
	for (; stack; stack = stack->caller)
		stacks->climb[count++] = stack->call->id;
	while (count-- > 0 && root)
		root = push_call(stacks, root, cs_list_at(&stacks->calls, stacks->climb[count]));
	return root;
}

const struct cs_stack *cs_stacks_rooted(struct cs_stacks *stacks, const struct cs_stack *stack,
                                        const char *name)
{
	const struct cs_call *call = mark_call(stacks, name);
	const struct cs_stack *root = call ? push_call(stacks, NULL, call) : NULL;

	return root ? on_root(stacks, stack, root) : NULL;
}

const struct cs_call *cs_stack_self(const struct cs_stack *stack)
{
	const struct cs_stack *at = stack;

	while (at->call->mark && at->caller)
		at = at->caller;
	return at->call->mark ? stack->call : at->call;
}
