/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bucket's stack is logical: a call that was inlined has an address of its own, behind that
 * of the code that it was inlined into. Newer versions do that for the innermost calls only.
 * Either becomes addresses of real frames, so that a stack is the same whoever tells of it.
 */
#include "go/buckets.h"

#include <errno.h>
#include <stdlib.h>

#include "base/list.h"

#define BUCKETS_MAX 10000000u
#define FRAMES_MAX 1024u
#define CALLS_MAX 64u
#define DEPTH_KEPT 32u /* at least: longer stacks may have been cut */

struct walk {
	struct cs_go *go;
	struct cs_go_names *names;
	uint64_t pcs[FRAMES_MAX];
	struct cs_go_stack stack;
};

/* How many addresses from INDEX on are one real frame. */
static uint32_t same_frame(struct walk *walk, uint32_t index, uint32_t count)
{
	const struct cs_go_place *place =
		cs_go_place_of(&walk->go->places, walk->pcs[index], false);
	struct cs_go_call calls[CALLS_MAX];
	struct cs_go_function function;
	uint32_t used = 1;

	if (!(place->flags & CS_GO_PLACE_KNOWN))
		return 1;
	const struct cs_go_module *module = &walk->go->modules[place->module];

	if (!cs_go_table_at(&module->table, place->function, &function))
		return 1;
	uint32_t found = cs_go_table_calls(&module->table, &function, place->address - module->text,
	                                   &walk->go->memory, module->gofunc, calls, CALLS_MAX);

	/* Wrappers were left out when it was recorded. */
	for (uint32_t i = 0; i + 1 < found && index + used < count; i++)
		if (calls[i].parent &&
		    walk->pcs[index + used] == module->text + calls[i].parent + 1)
			used++;
	return used;
}

static uint32_t node_of(struct walk *walk, uint32_t count)
{
	struct cs_go_stack *stack = &walk->stack;
	uint32_t used;

	stack->depth = 0;
	stack->complete = stack->cut = false;
	for (uint32_t i = 0; i < count && stack->depth < CS_GO_DEPTH_MAX; i += used) {
		const struct cs_go_place *place =
			cs_go_place_of(&walk->go->places, walk->pcs[i], false);

		if (!(place->flags & CS_GO_PLACE_KNOWN))
			break;
		stack->keys[stack->depth++] = walk->pcs[i] << 1;
		/* One that began on a thread's own stack ends where that began. */
		stack->complete = place->flags & CS_GO_PLACE_TOP || count < DEPTH_KEPT;
		used = same_frame(walk, i, count);
	}
	stack->cut = !stack->complete;
	return cs_go_names_node(walk->names, stack, CS_GO_HIDE_RUNTIME);
}

static uint32_t record_bytes(const struct cs_go *go, enum cs_go_bucket_type type)
{
	uint32_t bytes = type == CS_GO_BUCKETS_MEMORY ? go->layout.memory_cycle_bytes * 4 : 16;

	return bytes <= CS_GO_RECORD_BYTES ? bytes : 0;
}

/* 0: no further one. */
static uint64_t read_bucket(struct walk *walk, uint64_t address, enum cs_go_bucket_type type,
                            struct cs_go_bucket *bucket)
{
	struct cs_go_memory *memory = &walk->go->memory;
	unsigned char head[CS_GO_BUCKET_STACK];

	if (cs_go_read(memory, address, head, sizeof(head)))
		return 0;
	uint64_t frames = cs_go_u64(head, CS_GO_BUCKET_FRAMES);
	struct cs_go_piece pieces[] = {
		{address + CS_GO_BUCKET_STACK, walk->pcs, frames * 8, false},
		{address + CS_GO_BUCKET_STACK + frames * 8, bucket->record,
	         record_bytes(walk->go, type), false},
	};

	if (cs_go_u64(head, CS_GO_BUCKET_TYPE) != type || frames > FRAMES_MAX ||
	    cs_go_read_pieces(memory, pieces, 2) || !pieces[1].got || !pieces[0].got)
		return 0;
	bucket->size = cs_go_u64(head, CS_GO_BUCKET_SIZE);
	bucket->node = node_of(walk, (uint32_t)frames);
	return cs_go_u64(head, CS_GO_BUCKET_NEXT);
}

int cs_go_buckets_read(struct cs_go_buckets *buckets, struct cs_go *go, struct cs_go_names *names,
                       uint64_t head, enum cs_go_bucket_type type)
{
	struct walk *walk = calloc(1, sizeof(*walk));
	uint64_t address = 0;
	int error = 0;

	*buckets = (struct cs_go_buckets){0};
	if (!walk)
		return -ENOMEM;
	walk->go = go;
	walk->names = names;
	if (head)
		error = cs_go_read(&go->memory, head, &address, sizeof(address));
	error = error == -EFAULT ? 0 : error;
	while (address && !error && buckets->count < BUCKETS_MAX) {
		if (cs_array_reserve((void **)&buckets->at, &buckets->room, sizeof(*buckets->at),
		                     buckets->count + 1)) {
			error = -ENOMEM;
			break;
		}
		struct cs_go_bucket *bucket = &buckets->at[buckets->count];

		*bucket = (struct cs_go_bucket){.node = UINT32_MAX};
		address = read_bucket(walk, address, type, bucket);
		if (bucket->node == UINT32_MAX)
			break;
		buckets->count++;
	}
	free(walk);
	return error;
}

void cs_go_buckets_free(struct cs_go_buckets *buckets)
{
	free(buckets->at);
	*buckets = (struct cs_go_buckets){0};
}
