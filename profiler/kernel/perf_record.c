/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cursor that never leaves the record; the first failure makes the whole record damaged.
 */
#include "kernel/perf_record.h"

#include <string.h>

struct cursor {
	const uint8_t *at;
	size_t left;
	bool failed;
};

static const void *take(struct cursor *cursor, uint64_t size)
{
	const void *taken = cursor->at;

	if (cursor->failed || size > cursor->left) {
		cursor->failed = true;
		return NULL;
	}
	cursor->at += size;
	cursor->left -= size;
	return taken;
}

static uint64_t take_u64(struct cursor *cursor)
{
	const void *bytes = take(cursor, sizeof(uint64_t));
	uint64_t value = 0;

	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return value;
}

static void take_pair(struct cursor *cursor, uint32_t *first, uint32_t *second)
{
	uint64_t pair = take_u64(cursor);

	*first = (uint32_t)pair;
	*second = (uint32_t)(pair >> 32);
}

/* Frames come in sections, each behind a mark that says whose they are. */
static void keep_user_chain(struct cs_perf_sample *sample, const uint64_t *chain, uint64_t count)
{
	bool user = false;

	for (uint64_t i = 0; i < count; i++) {
		bool mark = chain[i] >= (uint64_t)PERF_CONTEXT_MAX;

		if (mark && user)
			break;
		if (mark)
			user = chain[i] == (uint64_t)PERF_CONTEXT_USER;
		else if (user && !sample->chain)
			sample->chain = &chain[i];
		if (!mark && user)
			sample->chain_count++;
	}
}

static void take_chain(struct cursor *cursor, struct cs_perf_sample *sample)
{
	uint64_t count = take_u64(cursor);
	const uint64_t *chain;

	if (count > cursor->left / sizeof(*chain)) {
		cursor->failed = true;
		return;
	}
	chain = take(cursor, count * sizeof(*chain));
	if (chain)
		keep_user_chain(sample, chain, count);
}

static void take_registers(struct cursor *cursor, struct cs_perf_sample *sample)
{
	uint64_t abi = take_u64(cursor);

	if (abi == PERF_SAMPLE_REGS_ABI_NONE) /* a kernel thread, or an exiting one */
		return;
	for (unsigned i = 0; i < CS_PERF_REGS; i++)
		sample->regs[i] = take_u64(cursor);
	sample->has_regs = abi == PERF_SAMPLE_REGS_ABI_64;
}

static void take_stack(struct cursor *cursor, struct cs_perf_sample *sample)
{
	uint64_t room = take_u64(cursor);
	const void *stack = take(cursor, room);
	uint64_t bytes = room ? take_u64(cursor) : 0;

	if (bytes > room)
		cursor->failed = true;
	if (cursor->failed || bytes == 0)
		return;
	sample->stack = stack;
	sample->stack_bytes = bytes;
}

static void decode_sample(struct cursor *cursor, const struct perf_event_header *header,
                          bool stacks, struct cs_perf_sample *sample)
{
	unsigned mode = header->misc & PERF_RECORD_MISC_CPUMODE_MASK;

	sample->in_kernel = mode == PERF_RECORD_MISC_KERNEL;
	sample->id = take_u64(cursor);
	sample->ip = take_u64(cursor);
	take_pair(cursor, &sample->pid, &sample->tid);
	sample->time_ns = take_u64(cursor);
	take_chain(cursor, sample);
	take_registers(cursor, sample);
	if (stacks)
		take_stack(cursor, sample);
}

static void decode_exit(struct cursor *cursor, struct cs_perf_record *record)
{
	uint32_t parent, parent_thread;

	take_pair(cursor, &record->pid, &parent);
	take_pair(cursor, &record->tid, &parent_thread);
	record->kind = CS_PERF_EXIT;
}

void cs_perf_decode(const uint8_t *bytes, size_t size, bool stacks, struct cs_perf_record *record)
{
	struct cursor cursor = {.at = bytes, .left = size};
	struct perf_event_header header = {0};
	const void *head = take(&cursor, sizeof(header));

	memset(record, 0, sizeof(*record));
	if (head)
		memcpy(&header, head, sizeof(header));
	switch (header.type) {
	case PERF_RECORD_SAMPLE:
		record->kind = CS_PERF_SAMPLE;
		decode_sample(&cursor, &header, stacks, &record->sample);
		break;
	case PERF_RECORD_LOST:
		record->kind = CS_PERF_LOST;
		take_u64(&cursor);
		record->lost = take_u64(&cursor);
		break;
	case PERF_RECORD_LOST_SAMPLES:
		record->kind = CS_PERF_LOST;
		record->lost = take_u64(&cursor);
		break;
	case PERF_RECORD_EXIT:
		decode_exit(&cursor, record);
		break;
	case PERF_RECORD_THROTTLE:
		record->kind = CS_PERF_THROTTLED;
		break;
	default:
		break;
	}
	if (cursor.failed)
		record->kind = CS_PERF_DAMAGED;
}
