/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One lane: look, fetch, check. Only what has been copied is ever checked or used: the
 * producer may rewrite its lane between our check and our use.
 */
#include "source/ring.h"

#include <stdlib.h>
#include <string.h>

#include "source/guard.h"
#include "source/lane.h"
#include "source/merge.h"
#include "wire/session.h"

/* Smallest size of each kind; kinds that we don't know have at least a head. */
static const uint16_t least_bytes[CS_RECORD_KIND_COUNT] = {
	[CS_RECORD_NONE] = UINT16_MAX,
	[CS_RECORD_SKIP] = 8,
	[CS_RECORD_LOST] = sizeof(struct cs_record_lost),
	[CS_RECORD_THREAD_START] = sizeof(struct cs_record_thread),
	[CS_RECORD_THREAD_NAME] = sizeof(struct cs_record_thread),
	[CS_RECORD_THREAD_END] = sizeof(struct cs_record_thread),
	[CS_RECORD_MODULE] = sizeof(struct cs_record_module),
	[CS_RECORD_MODULE_GONE] = sizeof(struct cs_record_module_gone),
	[CS_RECORD_STACK] = sizeof(struct cs_record_stack),
	[CS_RECORD_ALLOC] = sizeof(struct cs_record_alloc),
	[CS_RECORD_ALLOC_LONG] = sizeof(struct cs_record_alloc_long),
	[CS_RECORD_FREE] = sizeof(struct cs_record_free),
	[CS_RECORD_RELEASE] = sizeof(struct cs_record_free),
	[CS_RECORD_RESTORE] = sizeof(struct cs_record_free),
	[CS_RECORD_MAP] = sizeof(struct cs_record_map),
	[CS_RECORD_UNMAP] = sizeof(struct cs_record_map),
	[CS_RECORD_PROCESS_END] = sizeof(struct cs_record_process_end),
	[CS_RECORD_CORO_LANE] = sizeof(struct cs_record_coro),
	[CS_RECORD_CORO_CREATE] = sizeof(struct cs_record_coro_create),
	[CS_RECORD_CORO_END] = sizeof(struct cs_record_coro_end),
	[CS_RECORD_CORO_TEXT] = sizeof(struct cs_record_coro_text),
	[CS_RECORD_CORO_SWITCH] = sizeof(struct cs_record_coro_switch),
	[CS_RECORD_CORO_WAKE] = sizeof(struct cs_record_coro),
	[CS_RECORD_FORK] = sizeof(struct cs_record),
};

/* What is ready stays: it has been copied and checked. */
static void give_up(struct cs_lane_reader *lane, const char *why)
{
	lane->damage = why;
	lane->end = lane->ready;
	lane->pending = 0;
}

/* ---- look ---- */

struct look {
	struct cs_lane *shared;
	uint64_t pending, head, bytes;
	bool pass_over;
};

static void do_look(void *arg)
{
	struct look *look = arg;

	/* In this order: see bound_of() in merge.c. */
	look->pending = atomic_load_explicit(&look->shared->pending, memory_order_acquire);
	look->head = atomic_load_explicit(&look->shared->head, memory_order_acquire);
	/* What it is, it was before this head. A lane may be counted before it is made: 0. */
	look->bytes = atomic_load_explicit(&look->shared->bytes, memory_order_relaxed);
	/* A damaged lane is kept empty: its owner should not wait for us. */
	if (look->pass_over)
		atomic_store_explicit(&look->shared->tail, look->head, memory_order_release);
}

/*
 * Its size, once there is a record. It may become smaller, where its thread got no more memory,
 * but never larger. False: it is none.
 */
static bool take_size(struct cs_lane_reader *lane, const struct look *look)
{
	uint64_t most = lane->bytes ? lane->bytes : lane->bytes_max;

	if (!lane->bytes && !look->head)
		return true;
	if (look->bytes < CS_LANE_BYTES_MIN || look->bytes > most ||
	    (look->bytes & (look->bytes - 1)))
		return false;
	lane->bytes = look->bytes;
	return true;
}

void cs_lane_look(struct cs_lane_reader *lane, uint64_t now_ns)
{
	struct look look = {.shared = lane->shared, .pass_over = lane->damage != NULL};

	if (!cs_guard_call(do_look, &look)) {
		if (!lane->damage)
			give_up(lane, "its file became shorter");
		return;
	}
	if (lane->damage)
		return;
	if (!take_size(lane, &look)) {
		give_up(lane, "its size is wrong");
		return;
	}
	if (look.head - lane->position > lane->bytes || look.head % 8) {
		give_up(lane, "its head is out of bounds");
		return;
	}
	lane->head = look.head;
	if (look.pending != lane->pending_seen) {
		lane->pending_seen = look.pending;
		lane->pending_since_ns = now_ns;
	}
	lane->pending = now_ns - lane->pending_since_ns > CS_PENDING_STUCK_NS ? 0 : look.pending;
}

/* ---- check ---- */

static bool stack_fits(const struct cs_record *record)
{
	return record->arg >= 1 && record->arg <= CS_STACK_DEPTH_MAX &&
	       sizeof(struct cs_record_stack) + (uint64_t)record->arg * 8 <= record->bytes;
}

static bool module_fits(const struct cs_record *record)
{
	const struct cs_record_module *module = (const struct cs_record_module *)record;

	return module->path_bytes <= record->bytes - sizeof(*module) &&
	       module->build_id_bytes <= sizeof(module->build_id) && module->start < module->end;
}

/* Kinds that cs_lane.emitted leaves out. */
static bool uncounted(uint32_t kind)
{
	return kind == CS_RECORD_SKIP || kind == CS_RECORD_LOST || kind == CS_RECORD_STACK;
}

/* What is wrong with a record of which ROOM bytes may be read; NULL: nothing. */
static const char *fault_of(const struct cs_record *record)
{
	uint32_t least = record->kind < CS_RECORD_KIND_COUNT ? least_bytes[record->kind]
	                                                     : sizeof(struct cs_record);

	if (record->bytes < least || record->bytes % 8 || record->bytes == 0)
		return "a record has a wrong length";
	if (record->kind == CS_RECORD_SKIP)
		return NULL;
	if (record->bytes > CS_RECORD_BYTES_MAX)
		return "a record is too long";
	if (record->kind == CS_RECORD_STACK && !stack_fits(record))
		return "a stack is longer than its record";
	if (record->kind == CS_RECORD_MODULE && !module_fits(record))
		return "a module's record is wrong";
	return NULL;
}

/*
 * A SKIP too short for a stamp becomes part of the record before it. A record that was too long
 * for that would come out with no length at all, and whoever walks them would never get past it.
 */
static const char *absorb(struct cs_lane_reader *lane, struct cs_record *before,
                          const uint8_t *skip)
{
	if (!before)
		lane->begin = (uint32_t)(skip - lane->buffer) + 8;
	else if (before->bytes > UINT16_MAX - 8)
		return "a record has a wrong length";
	else
		before->bytes += 8;
	return NULL;
}

/*
 * Checks what has been copied, and makes the stamps of the copy ascend: a handler that
 * interrupted the making of a record may have an older one behind a younger.
 */
static const char *check(struct cs_lane_reader *lane)
{
	uint8_t *at = lane->buffer + lane->begin;
	uint8_t *end = lane->buffer + lane->end;
	struct cs_record *before = NULL;
	const char *fault = NULL;

	while (end - at >= 8) {
		struct cs_record *record = (struct cs_record *)at;
		uint32_t bytes = record->bytes;

		/* Looks into the record only when all of it is there. */
		if (bytes > (size_t)(end - at))
			break;
		fault = fault_of(record);
		if (fault)
			break;
		if (bytes == 8) {
			fault = absorb(lane, before, at);
			if (fault)
				break;
			at += bytes;
			continue;
		}
		at += bytes;
		if (record->stamp < lane->last_stamp || record->kind == CS_RECORD_SKIP)
			record->stamp = lane->last_stamp;
		lane->last_stamp = record->stamp;
		lane->delivered += !uncounted(record->kind);
		if (record->kind == CS_RECORD_LOST)
			lane->lost_told += ((struct cs_record_lost *)record)->count;
		before = record;
	}
	lane->ready = (uint32_t)(at - lane->buffer);
	return fault;
}

/* ---- fetch ---- */

struct fetch {
	uint8_t *to;
	const uint8_t *from;
	size_t bytes;
};

static void do_fetch(void *arg)
{
	const struct fetch *fetch = arg;

	memcpy(fetch->to, fetch->from, fetch->bytes);
}

/*
 * Gives the space of whole records back. The tail stays between records: should we be killed,
 * another reader goes on there.
 */
static void do_give_back(void *arg)
{
	struct cs_lane_reader *lane = arg;

	/* Pairs with the producer's acquire load: our copy is done before it writes here. */
	atomic_store_explicit(&lane->shared->tail, lane->position - (lane->end - lane->ready),
	                      memory_order_release);
}

/* Copies the next bytes behind what is in the buffer. */
static bool copy_out(struct cs_lane_reader *lane)
{
	uint64_t offset = lane->position & (lane->bytes - 1);
	uint64_t bytes = lane->head - lane->position;

	if (bytes > CS_LANE_BUFFER_BYTES - lane->end)
		bytes = CS_LANE_BUFFER_BYTES - lane->end;
	if (bytes > lane->bytes - offset)
		bytes = lane->bytes - offset;
	struct fetch fetch = {
		.to = lane->buffer + lane->end,
		.from = (const uint8_t *)lane->shared + CS_LANE_HEADER_BYTES + offset,
		.bytes = bytes,
	};
	if (!cs_guard_call(do_fetch, &fetch))
		return false;
	lane->position += bytes;
	lane->end += (uint32_t)bytes;
	return true;
}

/* Is what has been copied to end with a whole record? */
static bool at_boundary(const struct cs_lane_reader *lane)
{
	return lane->position == lane->head || (lane->position & (lane->bytes - 1)) == 0;
}

bool cs_lane_fetch(struct cs_lane_reader *lane)
{
	while (lane->begin == lane->ready && !lane->damage && lane->position != lane->head) {
		const char *fault;

		if (!lane->buffer && !(lane->buffer = malloc(CS_LANE_BUFFER_BYTES)))
			return false; /* later, perhaps */
		/* The half record at the end of the last copy goes to the front. */
		memmove(lane->buffer, lane->buffer + lane->ready, lane->end - lane->ready);
		lane->end -= lane->ready;
		lane->begin = lane->ready = 0;
		if (!copy_out(lane)) {
			give_up(lane, "its file became shorter");
			break;
		}
		lane->fetches++;
		fault = check(lane);
		if (!fault && lane->ready != lane->end && at_boundary(lane))
			fault = "a record reaches beyond its end";
		if (fault)
			give_up(lane, fault);
		else if (!cs_guard_call(do_give_back, lane))
			give_up(lane, "its file became shorter");
	}
	return lane->begin < lane->ready;
}

void cs_lane_rest(struct cs_lane_reader *lane)
{
	if (lane->begin != lane->end)
		return;
	free(lane->buffer);
	lane->buffer = NULL;
	lane->begin = lane->ready = lane->end = 0;
}

/* ---- checkpoints ---- */

void cs_lane_consumed(const struct cs_lane_reader *lane, uint64_t *position, uint64_t *delivered)
{
	const struct cs_record *at = cs_lane_front(lane);
	const struct cs_record *end = (struct cs_record *)(lane->buffer + lane->ready);

	*position = lane->position - (lane->end - lane->begin);
	*delivered = lane->delivered;
	for (; at && at < end; at = cs_record_next(at))
		*delivered -= !uncounted(at->kind);
}

bool cs_lane_is_there(const struct cs_lane_reader *lane, uint64_t position)
{
	uint64_t waiting = lane->head - position;

	/* Behind the head there may be records in the making. */
	return !lane->damage && position % 8 == 0 && waiting <= lane->bytes &&
	       (waiting == 0 || lane->bytes - waiting >= lane->bytes / 8);
}

void cs_lane_resume(struct cs_lane_reader *lane, uint64_t position, uint64_t delivered)
{
	lane->position = position;
	lane->delivered = delivered;
	lane->begin = lane->ready = lane->end = 0;
}
