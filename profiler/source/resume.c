/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other half of checkpoint.c. The file may be damaged as any other: every number is
 * checked against the model that it speaks of.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "source/agent_lane.h"
#include "source/checkpoint.h"
#include "source/checkpoint_private.h"
#include "source/discover.h"

struct saved_lane {
	uint64_t position, delivered;
	uint32_t thread; /* index + 1; 0 none */
};

struct saved {
	char name[64];
	bool ended;
	uint32_t process;
	uint64_t unfinished;
	uint32_t lane_count;
	struct saved_lane *lanes;
	struct cs_cursor agent; /* in the checkpoint's bytes */
};

struct cs_checkpoint {
	struct cs_checkpoint_header header;
	unsigned char *bytes;
	struct saved *saved;
	uint32_t count;
	bool followed;
};

/* ---- the file ---- */

static bool get_lanes(struct cs_cursor *cursor, struct saved *saved)
{
	saved->lane_count = cs_get_u32(cursor);
	if (cursor->failed || saved->lane_count > CS_LANES_MAX)
		return false;
	saved->lanes = calloc(saved->lane_count + 1, sizeof(*saved->lanes));
	for (uint32_t i = 0; saved->lanes && i < saved->lane_count; i++) {
		saved->lanes[i].position = cs_get_varint(cursor);
		saved->lanes[i].delivered = cs_get_varint(cursor);
		saved->lanes[i].thread = cs_get_u32(cursor);
	}
	return saved->lanes && !cursor->failed;
}

static bool get_saved(struct cs_cursor *cursor, struct saved *saved)
{
	char *name = cs_get_text(cursor);

	if (name)
		strncpy(saved->name, name, sizeof(saved->name) - 1);
	free(name);
	saved->ended = cs_get_varint(cursor) != 0;
	if (cursor->failed || saved->ended)
		return !cursor->failed;
	saved->process = cs_get_u32(cursor);
	saved->unfinished = cs_get_varint(cursor);
	if (!get_lanes(cursor, saved))
		return false;
	saved->agent = cs_get_part(cursor, cs_get_varint(cursor));
	return !cursor->failed;
}

static bool parse(struct cs_checkpoint *checkpoint)
{
	struct cs_cursor cursor = cs_cursor_over(checkpoint->bytes, checkpoint->header.bytes);

	/* Each takes a byte at least. */
	if (checkpoint->header.count > checkpoint->header.bytes)
		return false;
	checkpoint->saved = calloc(checkpoint->header.count + 1, sizeof(*checkpoint->saved));
	if (!checkpoint->saved)
		return false;
	while (checkpoint->count < checkpoint->header.count)
		if (!get_saved(&cursor, &checkpoint->saved[checkpoint->count++]))
			return false;
	return true;
}

static bool load(struct cs_checkpoint *checkpoint, int fd)
{
	struct cs_checkpoint_header *header = &checkpoint->header;
	struct stat status;
	size_t done = 0;

	if (fstat(fd, &status) || !S_ISREG(status.st_mode) || status.st_uid != geteuid() ||
	    read(fd, header, sizeof(*header)) != sizeof(*header) ||
	    header->magic != CS_CHECKPOINT_MAGIC || header->bytes > CS_CHECKPOINT_BYTES_MAX)
		return false;
	checkpoint->bytes = malloc(header->bytes + 1);
	while (checkpoint->bytes && done < header->bytes) {
		ssize_t part = read(fd, checkpoint->bytes + done, header->bytes - done);

		if (part <= 0)
			return false;
		done += (size_t)part;
	}
	return checkpoint->bytes && cs_crc32c(0, checkpoint->bytes, done) == header->crc &&
	       parse(checkpoint);
}

struct cs_checkpoint *cs_checkpoint_read(int folder)
{
	int fd = openat(folder, CS_CHECKPOINT_FILE,
	                O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct cs_checkpoint *checkpoint = fd >= 0 ? calloc(1, sizeof(*checkpoint)) : NULL;

	if (checkpoint && !load(checkpoint, fd)) {
		cs_checkpoint_free(checkpoint);
		checkpoint = NULL;
	}
	if (fd >= 0)
		close(fd);
	return checkpoint;
}

void cs_checkpoint_free(struct cs_checkpoint *checkpoint)
{
	if (!checkpoint)
		return;
	for (uint32_t i = 0; checkpoint->saved && i < checkpoint->count; i++)
		free(checkpoint->saved[i].lanes);
	free(checkpoint->saved);
	free(checkpoint->bytes);
	free(checkpoint);
}

uint64_t cs_checkpoint_time(const struct cs_checkpoint *checkpoint)
{
	return checkpoint->header.time_ns;
}

static const struct saved *find(const struct cs_checkpoint *checkpoint, const char *name)
{
	for (uint32_t i = 0; i < checkpoint->count; i++)
		if (!strcmp(checkpoint->saved[i].name, name))
			return &checkpoint->saved[i];
	return NULL;
}

bool cs_checkpoint_is_over(const struct cs_checkpoint *checkpoint, const char *ring)
{
	const struct saved *saved = find(checkpoint, ring);

	return saved && saved->ended;
}

/* ---- is all of it there? ---- */

struct check {
	struct cs_checkpoint *checkpoint;
	int folder;
};

static void check_ring(void *context, const char *name)
{
	struct check *check = context;
	const struct saved *saved = find(check->checkpoint, name);
	struct cs_ring_reader *ring;

	if (saved && saved->ended)
		return;
	ring = cs_ring_open(check->folder, name, 0, NULL);
	if (!ring)
		return; /* whoever reads it says why */
	cs_ring_look(ring, 0);
	for (uint32_t i = 0; i < ring->lane_count; i++) {
		uint64_t position = saved && i < saved->lane_count ? saved->lanes[i].position : 0;

		if (!cs_lane_is_there(ring->lanes[i], position))
			check->checkpoint->followed = false;
	}
	cs_ring_close(ring);
}

bool cs_checkpoint_is_followed(struct cs_checkpoint *checkpoint, int folder)
{
	struct cs_discover discover = {.watch_fd = -1, .folder_fd = folder};
	struct check check = {checkpoint, folder};

	checkpoint->followed = folder >= 0;
	cs_discover_each(&discover, check_ring, &check);
	return checkpoint->followed;
}

/* ---- going on ---- */

static bool get_threads(struct cs_cursor *cursor, struct cs_agent *agent)
{
	uint32_t count = cs_get_u32(cursor);

	if (cursor->failed || count > cs_model_thread_count(agent->world->model))
		return false;
	agent->threads = calloc(count + 1, sizeof(*agent->threads));
	if (!agent->threads)
		return false;
	agent->thread_count = agent->thread_capacity = count;
	for (uint32_t i = 0; i < count; i++) {
		struct cs_agent_thread *thread = &agent->threads[i];

		thread->id = cs_get_u32(cursor);
		thread->tid = cs_get_u32(cursor);
		thread->ended = cs_get_varint(cursor) != 0;
		thread->stack_low = cs_get_varint(cursor);
		thread->stack_high = cs_get_varint(cursor);
		if (!thread->id || thread->id > cs_model_thread_count(agent->world->model))
			return false;
	}
	return !cursor->failed;
}

static bool get_code(struct cs_cursor *cursor, struct cs_agent *agent)
{
	const struct cs_model *model = agent->world->model;
	uint32_t count = cs_get_u32(cursor);

	for (uint32_t i = 0; i < count; i++) {
		struct cs_module_range range;
		const void *bytes = cs_get_bytes(cursor, sizeof(range));

		if (!bytes)
			return false;
		memcpy(&range, bytes, sizeof(range));
		if (range.module > cs_model_module_count(model) || range.start >= range.end ||
		    cs_module_map_add(&agent->modules, &range))
			return false;
	}
	count = cs_get_u32(cursor);
	for (uint32_t i = 0; i < count; i++) {
		struct cs_stackmap_entry entry;
		const void *bytes = cs_get_bytes(cursor, sizeof(entry));

		if (!bytes)
			return false;
		memcpy(&entry, bytes, sizeof(entry));
		if (entry.node > cs_model_node_count(model) ||
		    cs_stackmap_set(&agent->stacks, entry.hash, entry.node, entry.broken))
			return false;
	}
	return !cursor->failed;
}

static bool get_books(struct cs_cursor *cursor, struct cs_agent *agent)
{
	struct cs_books_block block;

	while ((block.address = cs_get_varint(cursor))) {
		block.size = cs_get_varint(cursor);
		block.cell = cs_get_u32(cursor);
		if (cursor->failed || !agent->books || cs_books_put_back(agent->books, &block))
			return false;
	}
	return !cursor->failed;
}

static bool get_agent(struct cs_cursor cursor, struct cs_agent *agent)
{
	agent->time_ns = cs_get_varint(&cursor);
	agent->lost_told = cs_get_varint(&cursor);
	return get_threads(&cursor, agent) && get_code(&cursor, agent) && get_books(&cursor, agent);
}

static void resume_lanes(const struct saved *saved, struct cs_recorded *recorded, bool followed)
{
	struct cs_ring_reader *ring = recorded->ring;

	for (uint32_t i = 0; i < ring->lane_count; i++) {
		struct saved_lane from = {0};
		struct cs_agent_lane *state;

		if (i < saved->lane_count)
			from = saved->lanes[i];
		state = from.thread ? cs_agent_lane(ring->lanes[i]) : NULL;
		if (state && from.thread <= recorded->agent->thread_count) {
			state->thread_index = from.thread - 1;
			state->thread = recorded->agent->threads[from.thread - 1].id;
		}
		/* Else at the tail, where the other reader took the last record out. */
		cs_lane_resume(ring->lanes[i], followed ? from.position : ring->lanes[i]->position,
		               from.delivered);
	}
}

struct cs_recorded *cs_checkpoint_resume(const struct cs_checkpoint *checkpoint,
                                         const struct cs_agent_world *world,
                                         struct cs_ring_reader *ring, const struct cs_proc *proc)
{
	const struct saved *saved = find(checkpoint, ring->name);
	const struct cs_process *process = saved ? cs_model_process_at(world->model, saved->process)
	                                         : NULL;
	struct cs_recorded *recorded;

	if (!process || process->ended)
		return NULL;
	recorded = cs_recorded_of(world, ring, proc, saved->process);
	if (!recorded)
		return NULL;
	/* What of it makes no sense is not there: then frees and stacks are not known. */
	if (!get_agent(saved->agent, recorded->agent))
		cs_model_process_at(world->model, saved->process)->heap_inexact = true;
	recorded->unfinished = saved->unfinished;
	if (!checkpoint->followed)
		cs_model_process_at(world->model, saved->process)->heap_inexact = true;
	resume_lanes(saved, recorded, checkpoint->followed);
	return recorded;
}

void cs_checkpoint_rewind(const struct cs_checkpoint *checkpoint, struct cs_recorded *recorded)
{
	for (uint32_t i = 0; checkpoint->followed && i < recorded->ring->lane_count; i++)
		cs_lane_resume(recorded->ring->lanes[i], 0, 0);
}
