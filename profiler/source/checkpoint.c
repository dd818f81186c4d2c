/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file, replaced as a whole: a header with a checksum, then for each process image its
 * ring's name, its decoder and its books. Numbers are those of the model, and so of the trace.
 */
#include "source/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "source/agent_lane.h"
#include "source/checkpoint_private.h"

#define NEW_FILE "state.new"

/* ---- writing ---- */

static void put_lane(struct cs_buffer *buffer, struct cs_lane_reader *lane)
{
	const struct cs_agent_lane *state = lane->user;
	uint64_t position, delivered;

	cs_lane_consumed(lane, &position, &delivered);
	cs_put_varint(buffer, position);
	cs_put_varint(buffer, delivered);
	cs_put_varint(buffer, state && state->thread ? state->thread_index + 1 : 0);
}

static void put_block(void *context, const struct cs_books_block *block)
{
	struct cs_buffer *buffer = context;

	cs_put_varint(buffer, block->address);
	cs_put_varint(buffer, block->size);
	cs_put_varint(buffer, block->cell);
}

static void put_agent(struct cs_buffer *buffer, const struct cs_agent *agent)
{
	const struct cs_stackmap *stacks = &agent->stacks;

	cs_put_varint(buffer, agent->time_ns);
	cs_put_varint(buffer, agent->lost_told);
	cs_put_varint(buffer, agent->thread_count);
	for (uint32_t i = 0; i < agent->thread_count; i++) {
		cs_put_varint(buffer, agent->threads[i].id);
		cs_put_varint(buffer, agent->threads[i].tid);
		cs_put_varint(buffer, agent->threads[i].ended);
		cs_put_varint(buffer, agent->threads[i].stack_low);
		cs_put_varint(buffer, agent->threads[i].stack_high);
	}
	cs_put_varint(buffer, agent->modules.count);
	cs_put_bytes(buffer, agent->modules.ranges,
	             agent->modules.count * sizeof(*agent->modules.ranges));
	cs_put_varint(buffer, stacks->count);
	for (uint32_t i = 0; stacks->entries && i <= stacks->mask; i++)
		if (stacks->entries[i].hash)
			cs_put_bytes(buffer, &stacks->entries[i], sizeof(*stacks->entries));
	if (agent->books)
		cs_books_each(agent->books, put_block, buffer);
	cs_put_varint(buffer, 0); /* no block has this address */
}

static void put_recorded(struct cs_buffer *buffer, const struct cs_recorded *recorded)
{
	const struct cs_ring_reader *ring = recorded->ring;
	struct cs_buffer agent = {0};

	cs_put_text(buffer, ring->name);
	cs_put_varint(buffer, recorded->ended);
	if (recorded->ended)
		return;
	cs_put_varint(buffer, recorded->agent->process);
	cs_put_varint(buffer, recorded->unfinished);
	cs_put_varint(buffer, ring->lane_count);
	for (uint32_t i = 0; i < ring->lane_count; i++)
		put_lane(buffer, ring->lanes[i]);
	put_agent(&agent, recorded->agent);
	cs_put_varint(buffer, agent.size);
	cs_put_bytes(buffer, agent.data, agent.size);
	if (agent.error)
		buffer->error = agent.error;
	cs_buffer_free(&agent);
}

static int write_file(int folder, const struct cs_checkpoint_header *header,
                      const struct cs_buffer *buffer)
{
	int fd = openat(folder, NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
	                0600);
	size_t done = 0;

	if (fd < 0)
		return -errno;
	bool good = write(fd, header, sizeof(*header)) == sizeof(*header);

	while (good && done < buffer->size) {
		ssize_t part = write(fd, buffer->data + done, buffer->size - done);

		good = part > 0;
		done += good ? (size_t)part : 0;
	}
	close(fd);
	if (good && renameat(folder, NEW_FILE, folder, CS_CHECKPOINT_FILE) == 0)
		return 0;
	unlinkat(folder, NEW_FILE, 0);
	return -ENOSPC;
}

int cs_checkpoint_write(int folder, struct cs_recorded *const *members, uint32_t count,
                        uint64_t time_ns)
{
	struct cs_checkpoint_header header = {
		.magic = CS_CHECKPOINT_MAGIC, .time_ns = time_ns, .count = count};
	struct cs_buffer buffer = {0};
	int error;

	for (uint32_t i = 0; i < count && buffer.size <= CS_CHECKPOINT_BYTES_MAX; i++)
		put_recorded(&buffer, members[i]);
	header.bytes = buffer.size;
	error = buffer.error ? buffer.error : buffer.size > CS_CHECKPOINT_BYTES_MAX ? -EFBIG : 0;
	if (!error) {
		header.crc = cs_crc32c(0, buffer.data, buffer.size);
		error = write_file(folder, &header, &buffer);
	}
	cs_buffer_free(&buffer);
	return error;
}
