/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goroutines are read by the chunk: their structs, their stacks, their structs once more. A
 * chunk is small, so that little time passes between the first and the last.
 */
#include "go/goroutines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "go/batch.h"
#include "go/running.h"

#define CHUNK CS_GO_BATCH_MAX
#define LISTED 1024u /* pointers to goroutines that are read at once */
#define ROUNDS 4     /* the first, and three more for those that had changed */
#define STACK_FIRST_BYTES 65536u
#define STACK_MAX_BYTES (8u << 20)
#define AGAIN_BYTES 200u                  /* what is compared lies below */
#define GOROUTINES_MAX UINT64_C(10000000) /* of at least 2 KiB each */

/* One goroutine of the present chunk. */
struct item {
	uint64_t g;
	const unsigned char *head, *again; /* of CS_GO_G_BYTES, of AGAIN_BYTES */
	uint64_t pc, sp, low, high;
	uint32_t offset, bytes; /* of its stack, in the chunk's */
	uint8_t status;
	bool got, walk, exact;
};

struct reader {
	struct cs_go *go;
	struct cs_go_names *names;
	const struct cs_go_read_options *options;
	struct cs_go_goroutines *out;
	struct item items[CHUNK];
	struct cs_go_batch heads, again;
	struct cs_go_piece pieces[CHUNK]; /* of stacks */
	unsigned char *stacks;            /* of a chunk */
	uint64_t *retry;                  /* that had changed */
	size_t retry_count, retry_room;
	struct cs_go_stack stack;
};

/* ---- one goroutine ---- */

static uint8_t status_of(const struct cs_go_layout *layout, const unsigned char *head)
{
	uint32_t status = cs_go_u32(head, layout->g_status) & ~CS_GO_STATUS_SCAN;

	return status <= CS_GO_STATUS_LAST ? (uint8_t)status : UINT8_MAX;
}

static bool is_alive(uint8_t status)
{
	return status != CS_GO_IDLE && status != CS_GO_DEAD && status != CS_GO_DEAD_EXTRA;
}

static bool place_running(const struct reader *reader, struct item *item)
{
	struct cs_go_running running = {
		.m = cs_go_u64(item->head, reader->go->layout.g_m),
		.low = item->low,
		.high = item->high,
		.pc = item->pc,
		.sp = item->sp,
	};

	if (!reader->options->freeze ||
	    !cs_go_running_place(&running, reader->go, reader->options->freeze))
		return false;
	item->pc = running.pc;
	item->sp = running.sp;
	item->exact = running.exact;
	return true;
}

/* False: it has no stack that we could walk. */
static bool place(struct reader *reader, struct item *item)
{
	const struct cs_go_layout *layout = &reader->go->layout;

	item->low = cs_go_u64(item->head, 0);
	item->high = cs_go_u64(item->head, 8);
	item->pc = cs_go_u64(item->head, layout->g_pc);
	item->sp = cs_go_u64(item->head, layout->g_sp);
	item->exact = false;
	switch (item->status) {
	case CS_GO_RUNNING:
		if (!place_running(reader, item))
			return false;
		break;
	case CS_GO_SYSCALL:
		item->pc = cs_go_u64(item->head, layout->g_syscall_pc);
		item->sp = cs_go_u64(item->head, layout->g_syscall_sp);
		break;
	case CS_GO_COPYSTACK:
		return false;
	default:
		break;
	}
	return item->sp >= item->low && item->sp < item->high;
}

static bool is_possible(const struct item *item)
{
	return item->status != UINT8_MAX && item->low < item->high &&
	       item->high - item->low <= (UINT64_C(1) << 32);
}

static bool is_unchanged(const struct cs_go_layout *layout, const struct item *item)
{
	const uint32_t words[] = {0,
	                          8,
	                          layout->g_sp,
	                          layout->g_pc,
	                          layout->g_syscall_sp,
	                          layout->g_syscall_pc,
	                          layout->g_goid,
	                          layout->g_m};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (cs_go_u64(item->head, words[i]) != cs_go_u64(item->again, words[i]))
			return false;
	return item->status == status_of(layout, item->again) &&
	       item->head[layout->g_wait_reason] == item->again[layout->g_wait_reason];
}

/* ---- stacks ---- */

static uint64_t hash_words(const unsigned char *bytes, size_t count)
{
	uint64_t hash = UINT64_C(0x9e3779b97f4a7c15);

	for (size_t i = 0; i + 8 <= count; i += 8)
		hash = (hash ^ cs_go_u64(bytes, i)) * UINT64_C(0xd6e8feb86659fd93);
	return hash ^ hash >> 32;
}

/* The whole of a stack whose first part was not enough. */
static void walk_large(struct reader *reader, const struct item *item)
{
	uint64_t bytes = item->high - item->sp;
	unsigned char *buffer;

	if (bytes > STACK_MAX_BYTES)
		bytes = STACK_MAX_BYTES;
	buffer = malloc(bytes);
	if (buffer && cs_go_read(&reader->go->memory, item->sp, buffer, bytes) == 0)
		cs_go_unwind(&reader->go->places, item->pc, item->sp, buffer, bytes, item->exact,
		             &reader->stack);
	free(buffer);
}

/*
 * The outermost function must be the one that it was started with: words that were moved or
 * reused while we copied them do not end there.
 */
static bool is_consistent(const struct reader *reader, const struct item *item)
{
	const struct cs_go *go = reader->go;
	const struct cs_go_stack *stack = &reader->stack;
	uint64_t start = cs_go_u64(item->head, go->layout.g_start_pc);
	struct cs_go_function function;

	if (stack->cut && stack->depth == CS_GO_DEPTH_MAX)
		return true;
	if (!stack->complete)
		return false;
	if (!start || stack->depth < 2)
		return true;
	const struct cs_go_module *module = &go->modules[stack->entry_module];

	return cs_go_table_at(&module->table, stack->entry_function, &function) &&
	       module->text + function.entry == start;
}

static bool has_user_code(struct reader *reader)
{
	const struct cs_go_stack *stack = &reader->stack;

	for (uint32_t i = 0; i < stack->depth; i++) {
		const struct cs_go_place *found = cs_go_place_of(
			&reader->go->places, stack->keys[i] >> 1, stack->keys[i] & 1);

		/* runtime.main and its like are the runtime's as well. */
		if (!(found->flags & (CS_GO_PLACE_RUNTIME | CS_GO_PLACE_TOP)))
			return true;
	}
	return false;
}

/*
 * What it was started with; behind a wrapper of the compiler's, what that calls: the next frame
 * inwards, or what was inlined into the wrapper.
 */
static uint32_t entry_of(struct reader *reader, uint64_t start, bool stack)
{
	const struct cs_go_stack *found = &reader->stack;
	const struct cs_go_place *place = cs_go_place_of(&reader->go->places, start, true);
	struct cs_go_function function;

	if (!start || !(place->flags & CS_GO_PLACE_KNOWN))
		return 0;
	if (!(place->flags & CS_GO_PLACE_WRAPPER) || !stack || !found->complete || found->depth < 3)
		return cs_go_names_frame(reader->names, start << 1 | 1);
	if (cs_go_names_has_inlined(reader->names, found->keys[found->depth - 2]))
		return cs_go_names_frame(reader->names, found->keys[found->depth - 2]);
	uint64_t key = found->keys[found->depth - 3];

	place = cs_go_place_of(&reader->go->places, key >> 1, key & 1);
	const struct cs_go_module *module = &reader->go->modules[place->module];

	if (place->flags & CS_GO_PLACE_KNOWN &&
	    cs_go_table_at(&module->table, place->function, &function))
		start = module->text + function.entry;
	return cs_go_names_frame(reader->names, start << 1 | 1);
}

static enum cs_go_hide hide_of(const struct reader *reader, uint8_t status)
{
	return status == CS_GO_WAITING || status == CS_GO_LEAKED || status == CS_GO_PREEMPTED
	               ? reader->options->hide
	               : CS_GO_HIDE_NOTHING;
}

/* Walks the copied stack of ITEM; false: it makes no sense. */
static bool walk(struct reader *reader, const struct item *item, struct cs_go_seen *seen)
{
	const unsigned char *bytes = reader->stacks + item->offset;

	cs_go_unwind(&reader->go->places, item->pc, item->sp, bytes, item->bytes, item->exact,
	             &reader->stack);
	if (reader->stack.cut && item->high - item->sp > item->bytes &&
	    reader->stack.depth < CS_GO_DEPTH_MAX)
		walk_large(reader, item);
	if (!is_consistent(reader, item)) {
		/* A thread in the middle of anything may be nowhere: its stack is what we have. */
		if (item->status != CS_GO_RUNNING || !item->exact || reader->stack.depth == 0)
			return false;
	}
	seen->hash = hash_words(bytes, item->bytes);
	seen->node = cs_go_names_node(reader->names, &reader->stack, hide_of(reader, item->status));
	seen->sp = item->sp;
	seen->flags |= CS_GO_SEEN_STACK;
	seen->flags |= reader->stack.complete ? 0 : CS_GO_SEEN_CUT;
	seen->flags |= has_user_code(reader) ? CS_GO_SEEN_USER_CODE : 0;
	return true;
}

static struct cs_go_seen *add(struct reader *reader, const struct item *item)
{
	const struct cs_go_layout *layout = &reader->go->layout;
	struct cs_go_goroutines *out = reader->out;
	const unsigned char *head = item->head;

	if (cs_array_reserve((void **)&out->seen, &out->room, sizeof(*out->seen), out->count + 1))
		return NULL;
	struct cs_go_seen *seen = &out->seen[out->count++];

	*seen = (struct cs_go_seen){
		.number = cs_go_u64(head, layout->g_goid),
		.parent = layout->g_parent != CS_GO_ABSENT ? cs_go_u64(head, layout->g_parent) : 0,
		.creator_pc = cs_go_u64(head, layout->g_creator_pc),
		.start_pc = cs_go_u64(head, layout->g_start_pc),
		.m = cs_go_u64(head, layout->g_m),
		.locked_m = cs_go_u64(head, layout->g_locked_m),
		.labels = cs_go_u64(head, layout->g_labels),
		.wait_since = cs_go_u64(head, layout->g_wait_since),
		.low = item->low,
		.high = item->high,
		.status = item->status,
		.reason = head[layout->g_wait_reason],
	};
	return seen;
}

/* ---- a chunk ---- */

static int read_structs(struct reader *reader, const uint64_t *gs, uint32_t count)
{
	int error = cs_go_batch_read(&reader->heads, &reader->go->memory, gs, count, CS_GO_G_BYTES);

	for (uint32_t i = 0; i < count && !error; i++)
		reader->items[i] = (struct item){
			.g = gs[i],
			.head = reader->heads.at[i],
			.got = reader->heads.got[i],
			.status = status_of(&reader->go->layout, reader->heads.at[i]),
		};
	return error;
}

/* Copies the stacks of those that have one. */
static int read_stacks(struct reader *reader, uint32_t count)
{
	uint32_t pieces = 0, offset = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct item *item = &reader->items[i];

		if (!item->got || !is_alive(item->status) || !place(reader, item) ||
		    !is_possible(item) || !reader->options->stacks)
			continue;
		uint64_t bytes = item->high - item->sp;

		item->bytes = bytes < STACK_FIRST_BYTES ? (uint32_t)bytes : STACK_FIRST_BYTES;
		item->offset = offset;
		item->walk = true;
		reader->pieces[pieces++] =
			(struct cs_go_piece){item->sp, reader->stacks + offset, item->bytes, false};
		offset += item->bytes;
	}
	int error = cs_go_read_pieces(&reader->go->memory, reader->pieces, pieces);

	pieces = 0;
	for (uint32_t i = 0; i < count; i++)
		if (reader->items[i].walk && !reader->pieces[pieces++].got)
			reader->items[i].bytes = 0;
	return error;
}

static int read_again(struct reader *reader, const uint64_t *gs, uint32_t count)
{
	bool frozen = reader->options->freeze != NULL;
	int error = frozen ? 0
	                   : cs_go_batch_read(&reader->again, &reader->go->memory, gs, count,
	                                      AGAIN_BYTES);

	for (uint32_t i = 0; i < count && !error; i++) {
		reader->items[i].again = frozen ? reader->items[i].head : reader->again.at[i];
		reader->items[i].got &= frozen || reader->again.got[i];
	}
	return error;
}

static int read_later(struct reader *reader, uint64_t g)
{
	if (cs_array_reserve((void **)&reader->retry, &reader->retry_room, sizeof(g),
	                     reader->retry_count + 1))
		return -ENOMEM;
	reader->retry[reader->retry_count++] = g;
	return 0;
}

/* LAST: what changes still is told as it is, without a stack. */
static int take(struct reader *reader, const struct item *item, bool last)
{
	bool steady = is_unchanged(&reader->go->layout, item);
	struct cs_go_goroutines *out = reader->out;

	if (!item->got) {
		out->rejected++;
		return 0;
	}
	if (steady && !is_alive(item->status))
		return 0;
	if (!steady && !last)
		return read_later(reader, item->g);
	if (!is_alive(item->status) || !is_possible(item) ||
	    !cs_go_u64(item->head, reader->go->layout.g_goid)) {
		out->rejected += is_alive(item->status);
		return 0;
	}
	struct cs_go_seen *seen = add(reader, item);

	if (!seen)
		return -ENOMEM;
	bool walked = steady && item->walk && item->bytes && walk(reader, item, seen);

	if (item->walk && !walked && !last) {
		out->count--;
		return read_later(reader, item->g);
	}
	if ((item->walk && !walked) || !steady || item->status == CS_GO_COPYSTACK) {
		seen->flags |= CS_GO_SEEN_UNSTABLE;
		out->unstable++;
	}
	seen->entry = entry_of(reader, seen->start_pc, walked);
	return 0;
}

static int read_chunk(struct reader *reader, const uint64_t *gs, uint32_t count, bool last)
{
	int error = read_structs(reader, gs, count);

	error = error ? error : read_stacks(reader, count);
	error = error ? error : read_again(reader, gs, count);
	for (uint32_t i = 0; i < count && !error; i++)
		error = take(reader, &reader->items[i], last);
	return error;
}

/* ---- all ---- */

static int read_list(struct reader *reader, const uint64_t *gs, uint32_t count)
{
	int error = 0;

	for (uint32_t i = 0; i < count && !error; i += CHUNK)
		error = read_chunk(reader, gs + i, count - i < CHUNK ? count - i : CHUNK, false);
	return error;
}

static int read_all(struct reader *reader)
{
	struct cs_go_memory *memory = &reader->go->memory;
	uint64_t gs[LISTED], count, array;
	int error = cs_go_read(memory, reader->go->variables.allglen, &count, sizeof(count));

	/* The length first: the array only grows, and an old one stays as it is. */
	error = error ? error
	              : cs_go_read(memory, reader->go->variables.allgptr, &array, sizeof(array));
	if (error)
		return error == -EFAULT ? -EIO : error;
	if (count > GOROUTINES_MAX)
		return -EIO;
	reader->out->listed = count;
	for (uint64_t i = 0; i < count && !error; i += LISTED) {
		uint32_t part = count - i < LISTED ? (uint32_t)(count - i) : LISTED;

		error = cs_go_read(memory, array + i * 8, gs, part * sizeof(gs[0]));
		if (error == -EFAULT)
			return -EIO;
		error = error ? error : read_list(reader, gs, part);
	}
	return error;
}

static int read_changed(struct reader *reader)
{
	int error = 0;

	for (int round = 1; round < ROUNDS && reader->retry_count && !error; round++) {
		uint64_t *gs = reader->retry;
		size_t count = reader->retry_count;

		reader->retry = NULL;
		reader->retry_count = reader->retry_room = 0;
		/* Smaller chunks, less time to change. */
		for (size_t i = 0; i < count && !error; i += CHUNK / 4) {
			uint32_t part = count - i < CHUNK / 4 ? (uint32_t)(count - i) : CHUNK / 4;

			error = read_chunk(reader, gs + i, part, round == ROUNDS - 1);
		}
		free(gs);
	}
	return error;
}

int cs_go_goroutines_read(struct cs_go_goroutines *goroutines, struct cs_go *go,
                          struct cs_go_names *names, const struct cs_go_read_options *options)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	int error = -ENOMEM;

	goroutines->count = 0;
	goroutines->unstable = goroutines->rejected = goroutines->listed = 0;
	if (!reader)
		return error;
	reader->go = go;
	reader->names = names;
	reader->options = options;
	reader->out = goroutines;
	reader->stacks = malloc((size_t)CHUNK * STACK_FIRST_BYTES);
	if (reader->stacks && !cs_go_batch_init(&reader->heads) &&
	    !cs_go_batch_init(&reader->again)) {
		error = read_all(reader);
		error = error ? error : read_changed(reader);
	}
	cs_go_batch_free(&reader->heads);
	cs_go_batch_free(&reader->again);
	free(reader->stacks);
	free(reader->retry);
	free(reader);
	return error;
}

void cs_go_goroutines_free(struct cs_go_goroutines *goroutines)
{
	free(goroutines->seen);
	*goroutines = (struct cs_go_goroutines){0};
}
